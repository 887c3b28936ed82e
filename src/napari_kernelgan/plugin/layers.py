"""From a source and a result to what napari adds: data, arguments and type of a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray

from ..kernels.algebra import Kernel
from .records import KEY
from .source import Source

LayerData = tuple[Any, dict[str, Any], str]

COLORMAP = "inferno"
GAP = 1 / 64  # of the image's width, between it and the kernel


def kernel_layer(source: Source, kernel: Kernel, scale: int, record: dict[str, Any]) -> LayerData:
    """A kernel as a layer: a picture of a point, at true size, to the right of the image's upper corner.

    One kernel pixel is as large as 1 / `scale` of an image pixel. The layer has two axes, so that it stays in view whatever plane of a
    stack is shown.
    """
    _, width = source.plane_size
    beside = source.placement.flat().at((0, width * (1 + GAP)))
    look = {"colormap": COLORMAP, "contrast_limits": contrast(kernel), "interpolation2d": "nearest"}
    return kernel, {"name": f"{source.name} kernel", **beside.finer(scale).keywords(), **look, "metadata": {KEY: record}}, "image"


def upscaled_layer(source: Source, image: NDArray[Any], scale: int, record: dict[str, Any]) -> LayerData:
    """An upscaled image as a layer that covers the same area as its source, pixel edge to pixel edge, and looks like it.

    A single plane of a stack keeps the leading axes, of length one: it lies on its plane, is seen when the sliders are there, and takes
    part in rotations of the whole stack.
    """
    placed = source.placement.finer(scale).keywords()
    name = f"{source.name} x{scale}"
    return source.stacked(image), {"name": name, **placed, **source.look, "metadata": {KEY: record}}, "image"


def contrast(kernel: Kernel) -> tuple[float, float]:
    """Limits under which a kernel is visible: from nothing to its peak."""
    return min(float(kernel.min()), 0.0), max(float(kernel.max()), float(np.finfo(np.float32).tiny))


def as_layer(data: LayerData) -> Layer:
    """The napari layer that a layer data tuple describes."""
    return Layer.create(*data)
