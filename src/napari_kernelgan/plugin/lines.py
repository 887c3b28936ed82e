"""Lines of Shapes layers on an image: where they lie in its pixels, and a layer to draw one on."""

from __future__ import annotations

import numpy as np
from napari import Viewer
from napari.layers import Image, Shapes

from ..errors import InputError
from .pair import LayerPair
from .placement import Placement
from .region import corners_of, unit_ratio
from .source import Source

COLOUR = "#ffb000"
THICKNESS = 1 / 300
"""Of a line that is drawn, in parts of the image's shorter side."""


def line_of(shapes: Shapes, layer: Image, plane: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Start and end (y, x) in pixels of an image layer of the selected line of a Shapes layer, else of the last.

    Parameters
    ----------
    shapes : napari.layers.Shapes
        May be scaled, turned and shifted against the image, and in another unit of length.
    layer : napari.layers.Image
    plane : tuple of int
        Index along the image's leading axes of the plane that the line is laid on.

    Raises
    ------
    InputError
        If there is no line.
    """
    ends = corners_of("line", shapes, layer, plane)
    if ends is None:
        raise InputError(f"Layer '{shapes.name}' holds no line: draw one over a detail.")
    return ends[0], ends[1]


def pixel_matrix(layer: Image) -> np.ndarray:
    """A step down and a step to the right in space, as columns, in the unit of the layer's Y."""
    placement = Placement.of(layer)
    linear = (placement.affine[:-1, :-1] @ placement.linear)[-2:, -2:]
    return linear * np.array([[1.0], [unit_ratio(placement.units[-1], placement.units[-2])]])


def draw_line(viewer: Viewer, pair: LayerPair) -> Shapes:
    """Add a layer on which the next drag of the mouse draws a line; it lies where the image lies, on all its planes, and is active."""
    source = Source.of(pair.before)
    look = {"edge_color": COLOUR, "face_color": "transparent", "edge_width": max(min(source.plane_size) * THICKNESS, 1.0)}
    shapes = viewer.add_layer(Shapes(ndim=2, name=f"{source.name} line", **source.placement.flat().keywords(), **look))
    shapes.mode = "add_line"
    return shapes
