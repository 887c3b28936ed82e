"""The front door to upscaling: checks what comes in, picks the method, goes through the planes, and records what was done."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..config import InverseConfig, Settings, ZSSRConfig, resolve
from ..devices import check_device, check_seed, resolve_device
from ..errors import InputError, device_errors
from ..estimate.result import KernelEstimate
from ..fields.result import KernelMap
from ..images.layout import Layout, as_image, is_lazy, without_alpha
from ..images.lazy import map_planes
from ..images.values import UnitPlanes, ValueRange, cast, check_dtype, output_dtype, read_plane, to_unit
from ..images.values import value_range as find_range
from ..kernels.algebra import Kernel, check_kernel
from ..kernels.forward import check_scale
from ..progress import Callback, Progress, Steps, run, stops
from ..provenance import ImageHash, versions
from .planes import finish_plane, input_record, interpolate_plane, plane_by_plane, repeated
from .result import Outcome, UpscaledImage, UpscaleInfo

if TYPE_CHECKING:
    from .inverse.run import Inverse

METHODS = ("auto", "zssr", "inverse", "bicubic")
"""Names that `upscale` takes; "auto" is the best default the project has."""

Config = ZSSRConfig | InverseConfig | Settings | dict[str, Any] | None
KernelLike = ArrayLike | KernelEstimate | KernelMap | tuple[ArrayLike, ArrayLike] | None


def upscale(
    image: Any,
    kernel: KernelLike,
    scale: int = 2,
    method: str = "auto",
    axes: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Config = None,
    callback: Callback | None = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Any:
    """Upscale an image, undoing the blur of a kernel.

    Parameters
    ----------
    image : array
        NumPy, Dask or Zarr array of real numbers, for "zssr" at least 16 px times the scale on each side. Every plane of a stack is
        upscaled by itself; alpha is interpolated. NaN, infinite and masked values are refused.
    kernel : array_like, KernelEstimate, KernelMap, pair or None
        The blur-and-downscale kernel (n, n), with sum 1 and n - scale even. For scale 4 a pair (k2, k4), or an estimate that has both,
        goes the gradual way through x2 with ZSSR's published settings; everything else goes straight to x4. A KernelMap of images of this
        size has each of its kernels undone where it belongs, by "inverse". None is for method "bicubic".
    scale : int
        How many times larger Y and X become, at least 2.
    method : {"auto", "zssr", "inverse", "bicubic"}
        "auto" is the best that there is: "zssr", and "inverse" for a KernelMap. "zssr" trains a small network on the image itself, in
        seconds per plane, that improves what "inverse" gives; with ``ZSSRConfig(train="stack")`` the planes of a stack share one, and with
        ``ZSSRConfig.published()`` it starts from interpolation and takes minutes. "inverse" undoes the kernel by a regularised inverse that
        preserves edges, in a fraction of a second per plane. "bicubic" is plain interpolation.
    axes : str, optional
        One letter per axis, for example "YX", "YXS", "TYX", "TCZYXS". None: 2-D is "YX"; a last axis of 3 or 4 is "S"; the rest is a stack.
    seed : int
        The same seed, device and thread count give the same result, bit for bit on the CPU.
    device : str
        "auto", "cpu", "cuda", "cuda:1" or "mps"; only "zssr" computes anywhere but on the CPU.
    config : ZSSRConfig, InverseConfig, Settings or dict, optional
        Settings of the method.
    callback : callable, optional
        Called with a `Progress` after every step; returning False stops the run, which then returns the best so far, marked `stopped`.
        "zssr" then still applies the best that it learnt to the plane at hand; a stop between tiles leaves the rest of the plane as the
        inverse has it, or interpolated with the published settings.
    value_range : tuple of float, optional
        The values that are black and white inside. None: 0..255 for uint8, else the 0.1 and 99.9 percentiles.

    Returns
    -------
    UpscaledImage
        An array with Y and X times `scale`, covering the same area, every plane and colour with the mean that it had. Integers keep their
        dtype, rounded and saturated; floats give float32. Its ``info`` tells how it was made. Dask or Zarr input to "inverse" or "bicubic"
        gives a Dask array, whose ``info`` is lost where it is worked on; planes larger than the inverse's tiles are then computed block by
        block and keep their means nearly.

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    OutOfMemory
        If memory is exhausted.
    """
    return run(iter_upscale(image, kernel, scale, method, axes, seed, device, config, value_range=value_range), callback)


def iter_upscale(
    image: Any,
    kernel: KernelLike,
    scale: int = 2,
    method: str = "auto",
    axes: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Config = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Steps[Any]:
    """Do what `upscale` does, as a generator: yields `Progress`, takes ``send(False)`` as stop; its StopIteration carries the image."""
    scale = check_scale(scale)
    if method not in METHODS:
        raise InputError(f"method={method!r} is unknown: use one of {', '.join(METHODS)}.")
    image = as_image(image)
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    seed = check_seed(seed)
    check_device(device)
    stages: list[tuple[int, Kernel]] = []
    if isinstance(kernel, KernelMap):
        field = check_map(kernel, layout, scale, method)
    else:
        field, stages = None, kernel_stages(kernel, scale)
    if method == "bicubic":
        with device_errors():
            return (yield from _bicubic(image, layout, scale))
    if not stages and field is None:
        raise InputError("kernel is None: give the kernel to undo, for example from estimate_kernel, or use method='bicubic'.")
    with device_errors():
        if method == "inverse" or field is not None:
            make = _inverse_of(stages[-1][1] if field is None else field, scale, resolve(InverseConfig, config))
            return (yield from _inverse(image, layout, make, value_range))
        return (yield from _zssr(image, layout, stages, seed, device, resolve(ZSSRConfig, config), value_range))


def kernel_stages(kernel: KernelLike, scale: int) -> list[tuple[int, Kernel]]:
    """The steps (scale, kernel) that a kernel argument means, checked; [] for None.

    Raises
    ------
    InputError
        If a kernel does not fit its scale.
    """
    if kernel is None:
        return []
    if isinstance(kernel, KernelEstimate):
        if kernel.scale != scale:
            raise InputError(f"The kernel was estimated for scale {kernel.scale}, not {scale}.")
        given: Any = kernel.stages or kernel.kernel
    else:
        given = kernel
    if isinstance(given, (tuple, list)) and len(given) == 2 and all(np.ndim(k) == 2 for k in given):
        if scale != 4:
            raise InputError(f"A pair of kernels (k2, k4) is for scale 4, not {scale}.")
        return [(2, check_kernel(given[0], 2)), (4, check_kernel(given[1], 4))]
    return [(scale, check_kernel(given, scale))]


def check_map(field: KernelMap, layout: Layout, scale: int, method: str = "inverse") -> KernelMap:
    """Check that a map can be undone in an image.

    Raises
    ------
    InputError
        If it is for another scale or size, has missing kernels, or the method takes one kernel.
    """
    if method == "zssr":
        raise InputError(
            "method='zssr' undoes one kernel everywhere: with a map of kernels use method='inverse', "
            "or give one kernel, for example the map's mean_kernel."
        )
    if field.scale != scale:
        raise InputError(f"The kernels were estimated for scale {field.scale}, not {scale}.")
    if field.image_size != layout.plane_size:
        (height, width), (y, x) = field.image_size, layout.plane_size
        raise InputError(f"The map of kernels is for images of {height} x {width} px; this one has {y} x {x} px.")
    if not np.isfinite(field.kernels).all():
        raise InputError("The map of kernels has tiles without a kernel: make it with smooth=True, which fills them.")
    return field


def _zssr(
    image: Any,
    layout: Layout,
    stages: list[tuple[int, Kernel]],
    seed: int,
    device: str,
    config: ZSSRConfig,
    given: tuple[float, float] | None,
) -> Steps[UpscaledImage]:
    import torch

    from .inverse.levels import rounding_noise
    from .zssr.run import iter_zssr
    from .zssr.shared import SharedNetwork
    from .zssr.stages import Stage

    if config.train != "plane" and config.start != "inverse":
        raise InputError(f"train={config.train!r} is for start='inverse': from interpolation every plane is trained on by itself.")
    where, each = resolve_device(device), [Stage(*stage) for stage in stages]
    info = UpscaleInfo("zssr", stages[-1][0], seed, str(where), config=config.model_dump(mode="json"))
    details: dict[str, Any] = {"threads": torch.get_num_threads()}
    if config.train == "plane" or layout.n_planes == 1:

        def train(plane: NDArray[np.float32], values: ValueRange) -> Steps[Outcome]:
            return iter_zssr(plane, each, config, seed, where, rounding_noise(image.dtype, values))

        return (yield from plane_by_plane(image, layout, train, given, info, details))

    shared = SharedNetwork(layout.plane_size, layout.n_planes, each[-1], config, seed, where)
    chosen = layout.spread(config.train_planes)

    def apply(plane: NDArray[np.float32], values: ValueRange) -> Steps[Outcome]:
        return shared.iter_plane(plane, UnitPlanes(image, layout, chosen, values), rounding_noise(image.dtype, values))

    result = yield from plane_by_plane(image, layout, apply, given, info, details, together=True)
    if shared.trained and result.info:
        result.info.details["training"] = {"planes": [list(index) for index in chosen], **shared.trained.learnt.record}
    return result


def _inverse_of(kernel: Kernel | KernelMap, scale: int, config: InverseConfig) -> partial[Inverse]:
    """What makes the inverse of a kernel or a map of them."""
    from .inverse.run import Inverse
    from .inverse.varying import VaryingInverse

    if isinstance(kernel, KernelMap):
        varying: partial[Any] = partial(VaryingInverse, kernel, scale, config)
        return varying
    return partial(Inverse, kernel, scale, config)


def _inverse(image: Any, layout: Layout, make: partial[Inverse], given: tuple[float, float] | None) -> Steps[Any]:
    """The regularised inverse; lazy where the input is."""
    from .inverse.lazy import invert_blocks

    inverse = make()
    scale, config = inverse.scale, inverse.config
    info = UpscaleInfo("inverse", scale, config=config.model_dump(mode="json"))
    if not is_lazy(image):
        return (yield from plane_by_plane(image, layout, partial(_invert, inverse, image.dtype), given, info, {}))
    if max(layout.plane_size) <= config.tile:
        lazy = map_planes(image, layout, layout.scaled(scale), partial(_invert_plane, make=make, given=given))
    else:
        lazy = invert_blocks(image, layout, make, given)
    lazy.info = replace(info, details={"input": input_record(image, layout), "versions": versions()})
    return lazy


def _invert(inverse: Inverse, dtype: DTypeLike, colours: NDArray[np.float32], values: ValueRange) -> Steps[Outcome]:
    from .inverse.levels import rounding_noise
    from .inverse.run import iter_inverse

    return iter_inverse(colours, inverse, rounding_noise(dtype, values))


def _invert_plane(plane: NDArray[Any], make: partial[Inverse], given: tuple[float, float] | None) -> NDArray[Any]:
    """One plane of a lazy image, in its dtype."""
    values = find_range(plane, Layout.of(plane, "YXS"[: plane.ndim]), given)
    colours = to_unit(without_alpha(plane), values)
    inverse = make()
    return finish_plane(run(_invert(inverse, plane.dtype, colours, values)).channels, plane, inverse.scale, values)


def _bicubic(image: Any, layout: Layout, scale: int) -> Steps[Any]:
    """Plain interpolation; lazy where the input is."""
    large = layout.scaled(scale)
    details = {"input": input_record(image, layout), "versions": versions()}
    if is_lazy(image):
        lazy = map_planes(image, layout, large, partial(interpolate_plane, scale=scale))
        lazy.info = UpscaleInfo("bicubic", scale, details=details)
        return lazy
    start = time.perf_counter()
    out = large.empty(output_dtype(image.dtype))
    fingerprint = ImageHash(image)
    stopped = False
    for number, index in enumerate(layout.indices(), 1):
        plane = read_plane(image, layout, index)
        fingerprint.add(plane)
        large.put(out, index, cast(repeated(plane, scale), plane.dtype) if stopped else interpolate_plane(plane, scale))
        if not stopped:
            stopped = stops((yield Progress(number, layout.n_planes, stage="bicubic"))) and number < layout.n_planes
    details["input"]["sha256"] = fingerprint.hexdigest()
    return UpscaledImage.of(out, UpscaleInfo("bicubic", scale, seconds=time.perf_counter() - start, stopped=stopped, details=details))
