"""What the field map's panel does, as functions that take layers: the same from napari's console and from scripts."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Layer

from ..errors import InputError
from ..estimate import api as estimating
from ..fields import api as fields
from ..fields.result import KernelMap
from ..progress import Callback, Steps, run
from .actions import Plane
from .field_layers import WIDTHS, map_layers
from .layers import LayerData, as_layer
from .source import Source


def map_kernels_layer(
    layer: Image,
    scale: int = 2,
    tile: int = 256,
    overlap: float = 0.5,
    *,
    method: str = "auto",
    plane: Plane = None,
    seed: int = 0,
    device: str = "auto",
    config: estimating.Config = None,
    smooth: bool = True,
    which: str = "mean",
    callback: Callback | None = None,
) -> list[Layer]:
    """Map how the kernel of an image layer varies over the picture.

    Parameters
    ----------
    layer : napari.layers.Image
        Gray or RGB, of any number of axes, lazy or not. A stack gives one map, pooled over its planes.
    scale, tile, overlap, method, seed, device, config, smooth, callback
        As in `napari_kernelgan.map_kernels`.
    plane : tuple of int, optional
        Index along the leading axes of the one plane to map; None takes all planes.
    which : {"mean", "major", "minor"}
        The width that the picture shows; "mean" is the geometric mean of both.

    Returns
    -------
    list of napari.layers.Layer
        An image, ``<layer> FWHM (µm)``, with one pixel for each tile, in the layer's unit of length or else in HR px; and a Shapes layer,
        ``<layer> kernel ellipses``, with each kernel's half maximum, all magnified by one factor. `upscale_layer` takes either as kernel.

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> widths, ellipses = map_kernels_layer(viewer.layers["cells"], tile=128)
    >>> large = viewer.add_layer(upscale_layer(viewer.layers["cells"], widths))
    """
    about = {"method": method, "seed": seed, "device": device, "config": config, "smooth": smooth, "which": which}
    return [as_layer(data) for data in run(iter_map_kernels_layer(Source.of(layer, plane), scale, tile, overlap, **about), callback)]


def iter_map_kernels_layer(
    source: Source, scale: int = 2, tile: int = 256, overlap: float = 0.5, *, which: str = "mean", **options: Any
) -> Steps[list[LayerData]]:
    """Do what `map_kernels_layer` does, as a generator whose result is layer data; may run in any thread.

    What `which` says is checked at the call.
    """
    if which not in WIDTHS:
        raise InputError(f"which={which!r} is no width: use one of {', '.join(WIDTHS)}.")
    return _map(source, fields.iter_map_kernels(source.image, scale, tile, overlap, axes=source.axes, **options), which)


def _map(source: Source, steps: Steps[KernelMap], which: str) -> Steps[list[LayerData]]:
    return map_layers(source, (yield from steps), which)
