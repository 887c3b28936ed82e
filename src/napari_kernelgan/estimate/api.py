"""The front door to kernel estimation: checks what comes in, picks the method, and records what was done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config import KernelGANConfig, Settings, resolve
from ..devices import check_seed, resolve_device
from ..errors import InputError, memory_errors
from ..images.layout import Layout, without_alpha
from ..images.values import check_dtype, read_plane, to_unit
from ..images.values import value_range as find_range
from ..kernels.algebra import compose
from ..kernels.forward import check_scale
from ..progress import Callback, Steps, relay, run
from ..provenance import ImageHash, versions
from .result import KernelEstimate

METHODS = ("auto", "kernelgan")
"""Names that `estimate_kernel` takes; "auto" is the best default the project has."""

Config = KernelGANConfig | Settings | dict[str, Any] | None


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
        NumPy, Dask or Zarr array of real numbers, at least 32 px on each side. Colour samples are one picture with one kernel; alpha is
        ignored. A stack gives one kernel, pooled over at most ``config.max_planes`` evenly spread planes; of a lazy one, each of them is
        read once, and no others are.
    scale : int
        How much finer the kernel's grid is than the image's: 2 or 4.
    method : {"auto", "kernelgan"}
        "kernelgan" trains a small network for a minute or so. "auto" is the best that there is.
    axes : str, optional
        One letter per axis, for example "YX", "YXS", "TYX", "TCZYXS". None: 2-D is "YX"; a last axis of 3 or 4 is "S"; the rest is a stack.
    seed : int
        The same seed, device and thread count give the same kernel, bit for bit on the CPU.
    device : str
        "auto", "cpu", "cuda", "cuda:1" or "mps".
    config : KernelGANConfig, Settings or dict, optional
        Settings of the method.
    callback : callable, optional
        Called with a `Progress` after every step; returning False stops the run, which then returns the kernel so far, marked `stopped`.
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
    settings = resolve(KernelGANConfig, config)
    numbers = [check_seed(seed) for seed in seeds]
    count = max(len(images), len(numbers))
    if not len(images) or not numbers or {len(images), len(numbers)} - {1, count}:
        raise InputError(f"{len(images)} images and {len(numbers)} seeds do not pair up: give as many of each, or one of either.")
    with memory_errors():
        inputs = [_read(image, axes, settings.max_planes, value_range) for image in images]
    where = resolve_device(device)

    from .kernelgan.run import COLLAPSED, has_collapsed, iter_train
    from .kernelgan.training import Problem

    pairs = [(inputs[i % len(inputs)], numbers[i % len(numbers)]) for i in range(count)]
    start = time.perf_counter()
    with memory_errors():
        steps = iter_train([Problem(source.planes, seed) for source, seed in pairs], settings, 2, where)
        outcomes = yield from (relay(steps, lambda progress: progress.with_kernel(compose)) if scale == 4 else steps)
    seconds = time.perf_counter() - start
    results = []
    for (source, seed), outcome in zip(pairs, outcomes, strict=True):
        kernel = outcome.kernel
        stages = (kernel, compose(kernel)) if scale == 4 else ()
        results.append(
            KernelEstimate(
                kernel=stages[-1] if stages else kernel,
                scale=scale,
                method="kernelgan",
                seed=seed,
                device=str(where),
                seconds=seconds,
                stopped=outcome.stopped,
                stages=stages,
                reliability=COLLAPSED if has_collapsed(outcome.weights) else None,
                history=outcome.history,
                config=settings.model_dump(mode="json"),
                details={
                    "input": source.record,
                    "crops": outcome.size._asdict(),
                    "batch": count,
                    "weights": outcome.weights.tolist(),
                    "versions": versions(),
                },
            )
        )
    return results


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
    if scale not in (2, 4):
        raise InputError(f"method='kernelgan' estimates kernels for scale 2 and, through it, 4; not for {scale}.")
    return scale


class _Input(NamedTuple):
    """What was read of one image."""

    planes: list[NDArray[np.float32]]
    """(colours, Y, X) each, value range 0..1, alpha left out."""
    record: dict[str, Any]


def _read(image: Any, axes: str | None, max_planes: int, given: tuple[float, float] | None) -> _Input:
    """Check an image and read the planes to estimate from, once each, on the one value range of all."""
    image = np.asarray(image) if isinstance(image, (list, tuple)) else image
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    chosen = layout.spread(max_planes)
    read = [read_plane(image, layout, index) for index in chosen]
    values = find_range(image, layout, given, read)
    planes = [to_unit(without_alpha(plane), values) for plane in read]
    if all(np.ptp(plane) == 0 for plane in planes):
        raise InputError("The image is constant: there is nothing to estimate a kernel from.")
    fingerprint = ImageHash(image)
    for plane in read:
        fingerprint.add(plane)
    record = {
        "shape": list(layout.shape),
        "dtype": np.dtype(image.dtype).name,
        "axes": layout.axes,
        "planes": [list(index) for index in chosen],
        "value_range": list(values),
        "sha256": fingerprint.hexdigest(),
    }
    return _Input(planes, record)


def _one(steps: Steps[list[KernelEstimate]]) -> Steps[KernelEstimate]:
    """The only result of a batch of one."""
    (result,) = yield from steps
    return result
