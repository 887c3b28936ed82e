"""What the widget's buttons do, as functions that take layers: the same from napari's console and from scripts.

The functions return layers and add nothing to a viewer; the ``iter_`` forms are generators for callers that show progress and stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from ..errors import InputError
from ..estimate import api as estimating
from ..estimate.result import KernelEstimate
from ..fields.result import KernelMap
from ..files.units import unit_name
from ..progress import Callback, Steps, run
from ..upscaling import api as upscaling
from ..upscaling.result import UpscaledImage, UpscaleInfo
from .layers import LayerData, as_layer, kernel_layer, upscaled_layer
from .records import KEY, describe_kernel, describe_map, estimate_record, kernel_in, upscale_record
from .region import Region
from .source import Source

Plane = tuple[int, ...] | None


def estimate_layer(
    layer: Image,
    scale: int = 2,
    method: str = "auto",
    *,
    plane: Plane = None,
    region: Sequence[int] | None = None,
    seed: int = 0,
    device: str = "auto",
    config: estimating.Config = None,
    callback: Callback | None = None,
    pixel_size: tuple[float, float] | None = None,
    unit: str | None = None,
) -> Image:
    """Estimate the kernel of an image layer.

    The kernel is the one that `napari_kernelgan.estimate_kernel` gives for the layer's pixels with the same arguments.

    Parameters
    ----------
    layer : napari.layers.Image
        Gray or RGB, of any number of axes, lazy or not; the last two axes are Y and X. A stack gives one kernel for all its planes.
    scale, method, seed, device, config, callback
        As in `napari_kernelgan.estimate_kernel`.
    plane : tuple of int, optional
        Index along the leading axes of the one plane to estimate from; None takes all planes.
    region : tuple of int, optional
        Top, left, bottom and right, in pixels, of the part of every plane to estimate from; the last row and column are bottom - 1 and
        right - 1. None takes whole planes.
    pixel_size : tuple of float, optional
        Height and width of the image's pixels in `unit`, for widths in the record; by default the layer's.
    unit : str, optional
        For example "µm"; by default the layer's.

    Returns
    -------
    napari.layers.Image
        Named ``<layer> kernel``, to the right of the image, its pixels 1 / scale of the image's. ``metadata["napari_kernelgan"]`` tells how
        it was made.

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> kernel = viewer.add_layer(estimate_layer(viewer.layers["cells"], seed=1))
    >>> kernel.metadata["napari_kernelgan"]["fwhm"]
    """
    about = {"region": region, "pixel_size": pixel_size, "unit": unit}
    steps = iter_estimate_layer(Source.of(layer, plane), scale, method, seed=seed, device=device, config=config, **about)
    return as_layer(run(steps, callback))


def upscale_layer(
    layer: Image,
    kernel: Layer | upscaling.KernelLike = None,
    scale: int = 2,
    method: str = "auto",
    *,
    plane: Plane = None,
    seed: int = 0,
    device: str = "auto",
    config: upscaling.Config = None,
    callback: Callback | None = None,
) -> Image:
    """Upscale an image layer.

    Parameters
    ----------
    layer : napari.layers.Image
        Gray or RGB, of any number of axes, lazy or not; every plane is upscaled by itself.
    kernel : napari.layers.Image, KernelEstimate, array, pair or None
        A kernel layer of `estimate_layer`, a layer of `map_kernels_layer`, or what `napari_kernelgan.upscale` takes.
    scale, method, seed, device, config, callback
        As in `napari_kernelgan.upscale`.
    plane : tuple of int, optional
        Index along the leading axes of the one plane to upscale; None takes all planes.

    Returns
    -------
    napari.layers.Image
        Named ``<layer> x2``, covering the same area as the layer. ``metadata["napari_kernelgan"]`` tells how it was made. Lazy data
        upscaled with "bicubic" stays lazy.

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> large = viewer.add_layer(upscale_layer(viewer.layers["cells"], viewer.layers["cells kernel"]))
    """
    steps = iter_upscale_layer(Source.of(layer, plane), kernel, scale, method, seed=seed, device=device, config=config)
    return as_layer(run(steps, callback))


def run_layer(
    layer: Image,
    scale: int = 2,
    method: str = "auto",
    upscaler: str = "auto",
    *,
    plane: Plane = None,
    region: Sequence[int] | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Any = None,
    callback: Callback | None = None,
    pixel_size: tuple[float, float] | None = None,
    unit: str | None = None,
) -> tuple[Image, ...]:
    """Estimate the kernel of an image layer, then upscale the layer with it; `config` is a `Settings` with both methods'.

    The other parameters are those of `estimate_layer` and `upscale_layer`; a region is estimated from, and whole planes are upscaled.

    Returns
    -------
    kernel, upscaled : napari.layers.Image
        The kernel alone where its estimation was stopped.

    Examples
    --------
    >>> for result in run_layer(viewer.layers.selection.active):
    ...     viewer.add_layer(result)
    """
    common: dict[str, Any] = {"plane": plane, "seed": seed, "device": device, "config": config, "callback": callback}
    kernel = estimate_layer(layer, scale, method, region=region, pixel_size=pixel_size, unit=unit, **common)
    if kernel.metadata[KEY]["stopped"]:
        return (kernel,)
    return kernel, upscale_layer(layer, kernel, scale, upscaler, **common)


def iter_estimate_layer(
    source: Source,
    scale: int = 2,
    method: str = "auto",
    *,
    region: Sequence[int] | None = None,
    seed: int = 0,
    device: str = "auto",
    config: estimating.Config = None,
    pixel_size: tuple[float, float] | None = None,
    unit: str | None = None,
) -> Steps[LayerData]:
    """Do what `estimate_layer` does, as a generator whose result is layer data; may run in any thread.

    Region and pixel size are checked at the call, not in the run.
    """
    image = source.image
    if region is not None:
        within = Region.of(region, source.plane_size)
        image, source = source.part(within), replace(source, origin=source.origin | {"region": list(within)})
    size = check_pixel_size(pixel_size) if pixel_size is not None else source.placement.pixel_size
    name = unit_name(unit) if unit is not None else source.placement.unit
    steps = estimating.iter_estimate_kernel(image, scale, method, source.axes, seed, device, config)
    return _estimate(source, steps, {"pixel_size": size, "unit": name} if name else {})  # a size in pixels is no size


def _estimate(source: Source, steps: Steps[KernelEstimate], also: dict[str, Any]) -> Steps[LayerData]:
    estimate = replace((yield from steps), **also)
    return kernel_layer(source, estimate.kernel, estimate.scale, estimate_record(estimate, source))


def check_pixel_size(size: Any) -> tuple[float, float]:
    """A pixel's height and width as numbers.

    Raises
    ------
    InputError
        If they are no two positive numbers.
    """
    try:
        height, width = (float(value) for value in size)
    except (TypeError, ValueError):
        height = width = float("nan")
    if not all(0 < value < float("inf") for value in (height, width)):
        raise InputError(f"A pixel size is two positive numbers, height and width, not {size!r}.")
    return height, width


def iter_upscale_layer(
    source: Source,
    kernel: Layer | upscaling.KernelLike,
    scale: int = 2,
    method: str = "auto",
    *,
    seed: int = 0,
    device: str = "auto",
    config: upscaling.Config = None,
) -> Steps[LayerData]:
    """Do what `upscale_layer` does, as a generator whose result is layer data; may run in any thread.

    A kernel layer, or one of a map of kernels, is read at the call, not in the thread.
    """
    about = {"layer": kernel.name} if isinstance(kernel, Layer) else {}
    given = kernel_in(kernel) if isinstance(kernel, Layer) else kernel
    return _upscale(source, given, about, scale, method, seed, device, config)


def _upscale(
    source: Source, kernel: Any, about: dict[str, Any], scale: int, method: str, seed: int, device: str, config: upscaling.Config
) -> Steps[LayerData]:
    image = yield from upscaling.iter_upscale(source.image, kernel, scale, method, source.axes, seed, device, config)
    info = getattr(image, "info", None) or UpscaleInfo(method, scale)
    values = np.asarray(image) if isinstance(image, UpscaledImage) else image
    undone = None
    if isinstance(kernel, KernelMap) and info.method != "bicubic":
        undone = about | describe_map(kernel)
    elif info.method != "bicubic":
        undone = about | describe_kernel(kernel, upscaling.kernel_stages(kernel, scale)[-1][1])
    return upscaled_layer(source, values, scale, upscale_record(info, undone, source))
