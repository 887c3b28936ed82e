"""The front door to kernel estimation: checks what comes in, picks the method, and records what was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import HybridConfig, KernelGANConfig, RecurrenceConfig, Settings, SpectralConfig, resolve
from ..devices import check_device, check_seed, resolve_device
from ..errors import InputError, device_errors
from ..kernels.forward import check_scale
from ..progress import Callback, Steps, run
from .inputs import Input, read_input
from .result import KernelEstimate

METHODS = ("auto", "spectral", "kernelgan", "hybrid", "recurrence")
"""Names that `estimate_kernel` takes; "auto" is the best default the project has."""

BEST = "spectral"

MethodConfig = SpectralConfig | KernelGANConfig | HybridConfig | RecurrenceConfig
Config = MethodConfig | Settings | dict[str, Any] | None

_MODELS: dict[str, type[MethodConfig]] = {
    "spectral": SpectralConfig,
    "kernelgan": KernelGANConfig,
    "hybrid": HybridConfig,
    "recurrence": RecurrenceConfig,
}
_SCALES = {
    "spectral": ((2, 3, 4), "scales 2, 3 and 4"),
    "kernelgan": ((2, 4), "scale 2 and, through it, 4"),
    "hybrid": ((2, 4), "scale 2 and, through it, 4"),
    "recurrence": ((2, 3, 4), "scales 2, 3 and 4"),
}


def estimate_kernel(
    image: Any,
    scale: int = 2,
    method: str = "auto",
    axes: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Config = None,
    callback: Callback | None = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> KernelEstimate:
    """Estimate the blur-and-downscale kernel of an image from the image alone.

    Parameters
    ----------
    image : array
        NumPy, Dask or Zarr array of real numbers, at least 48 px ("kernelgan": 32 px; "recurrence": 20 px times the scale) on each side.
        Colour samples are one picture with one kernel; alpha is ignored. A stack gives one kernel, pooled over at most
        ``config.max_planes`` evenly spread planes; of a lazy one, each of them is read once, and no others are. "spectral" leaves out
        pixels that are NaN, infinite or masked (in a NumPy masked array); the other methods refuse them.
    scale : int
        How much finer the kernel's grid is than the image's: 2 to 4.
    method : {"auto", "spectral", "kernelgan", "hybrid", "recurrence"}
        "auto" is the best that there is: "spectral", which reads the kernel from the image's power spectrum in a tenth of a second (the
        first time at a scale in seconds), for scale 2, 3 or 4, and tells error bars and how far to trust them. "kernelgan" trains a small
        network for a minute or so, for scale 2 or 4, and has no error bars. "hybrid" is "kernelgan" begun at the spectral estimate and
        tied to it, with its error bars, in seconds, for scale 2 or 4, and no better than "spectral". "recurrence" looks for the kernel
        under which the image's own patches recur across scales, in seconds, for scale 2, 3 or 4, and has no error bars either.
    axes : str, optional
        One letter per axis, for example "YX", "YXS", "TYX", "TCZYXS". None: 2-D is "YX"; a last axis of 3 or 4 is "S"; the rest is a stack.
    seed : int
        The same seed, device and thread count give the same kernel, bit for bit on the CPU.
    device : str
        "auto", "cpu", "cuda", "cuda:1" or "mps"; only "kernelgan" and "hybrid" compute anywhere but on the CPU.
    config : SpectralConfig, KernelGANConfig, HybridConfig, RecurrenceConfig, Settings or dict, optional
        Settings of the method.
    callback : callable, optional
        Called with a `Progress` after every step; returning False stops the run, which then returns the kernel so far, marked `stopped`.
        The spectral estimate is a single step.
    value_range : tuple of float, optional
        The values that are black and white inside. None: 0..255 for uint8, else the 0.1 and 99.9 percentiles of the planes that are read.

    Returns
    -------
    KernelEstimate

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    OutOfMemory
        If memory is exhausted.
    """
    steps = iter_estimate_kernel(image, scale, method, axes, seed, device, config, value_range=value_range)
    return run(steps, callback)


def iter_estimate_kernel(
    image: Any,
    scale: int = 2,
    method: str = "auto",
    axes: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Config = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Steps[KernelEstimate]:
    """Do what `estimate_kernel` does, as a generator.

    Yields `Progress`, takes ``send(False)`` as stop; its StopIteration carries the estimate.
    """
    return (yield from _one(iter_estimate_kernels([image], scale, method, axes, [seed], device, config, value_range=value_range)))


def estimate_kernels(
    images: Sequence[Any],
    scale: int = 2,
    method: str = "auto",
    axes: str | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    config: Config = None,
    callback: Callback | None = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> list[KernelEstimate]:
    """Estimate many kernels in one batch of independent problems: image i with seed i.

    A single image with several seeds, or several images with one seed, are repeated as needed. `callback` sees the first problem of each
    batch. No result depends on the others. The other parameters are those of `estimate_kernel`.
    """
    steps = iter_estimate_kernels(images, scale, method, axes, seeds, device, config, value_range=value_range)
    return run(steps, callback)


def iter_estimate_kernels(
    images: Sequence[Any],
    scale: int = 2,
    method: str = "auto",
    axes: str | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    config: Config = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Steps[list[KernelEstimate]]:
    """Do what `estimate_kernels` does, as a generator."""
    scale = check_method(method, scale)
    settings = method_settings(method, config)
    numbers = [check_seed(seed) for seed in seeds]
    count = max(len(images), len(numbers))
    if not len(images) or not numbers or {len(images), len(numbers)} - {1, count}:
        raise InputError(f"{len(images)} images and {len(numbers)} seeds do not pair up: give as many of each, or one of either.")
    check_device(device)
    with device_errors():
        inputs = [read_input(image, axes, settings.max_planes, value_range, isinstance(settings, SpectralConfig)) for image in images]
        pairs = [(inputs[i % len(inputs)], numbers[i % len(numbers)]) for i in range(count)]
        return (yield from iter_estimate_inputs(pairs, scale, settings, device))


def iter_estimate_inputs(
    pairs: Sequence[tuple[Input, int]], scale: int, settings: MethodConfig, device: str
) -> Steps[list[KernelEstimate]]:
    """Estimate the kernels of what was read already, each with its seed, by the method that the settings belong to."""
    if isinstance(settings, SpectralConfig):
        from .spectral.run import iter_spectral

        return (yield from iter_spectral(pairs, scale, settings))
    if isinstance(settings, RecurrenceConfig):
        from .recurrence.run import iter_recurrence

        return (yield from iter_recurrence(pairs, scale, settings))
    if isinstance(settings, HybridConfig):
        from .hybrid import iter_hybrid

        return (yield from iter_hybrid(pairs, scale, settings, resolve_device(device)))
    from .kernelgan.run import iter_kernelgan

    return (yield from iter_kernelgan(pairs, scale, settings, resolve_device(device)))


def prepare(scale: int = 2) -> None:
    """Do now what the first spectral estimate of a process for a scale would do: load its parts and make its candidates, some seconds."""
    from .spectral import run as _  # noqa: F401 - to load it
    from .spectral.dictionary import dictionary

    dictionary(check_scale(scale))


def method_settings(method: str, config: Config = None) -> MethodConfig:
    """The settings of a method, from whatever the caller gave; `check_method` has checked its name."""
    return resolve(_MODELS[_resolved(method)], config)


def check_method(method: str, scale: int) -> int:
    """The scale, if `method` can estimate kernels for it.

    Raises
    ------
    InputError
        If it cannot, or there is no such method.
    """
    scale = check_scale(scale)
    if method not in METHODS:
        raise InputError(f"method={method!r} is unknown: use one of {', '.join(METHODS)}.")
    scales, how = _SCALES[_resolved(method)]
    if scale not in scales:
        raise InputError(f"method={method!r} estimates kernels for {how}; not for {scale}.")
    return scale


def _resolved(method: str) -> str:
    """The method that a name means."""
    return BEST if method == "auto" else method


def _one(steps: Steps[list[KernelEstimate]]) -> Steps[KernelEstimate]:
    """The only result of a batch of one."""
    (result,) = yield from steps
    return result
