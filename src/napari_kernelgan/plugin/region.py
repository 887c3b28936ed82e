"""The region of interest: which pixels of an image layer a rectangle of a Shapes layer covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from napari.layers import Image, Shapes

from ..errors import InputError

FUZZ = 1e-6  # px; rotations and units leave rounding errors


class Region(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right` of every plane; the last of each is not in it, as in slices."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.bottom - self.top, self.right - self.left

    @classmethod
    def of(cls, given: Sequence[int], plane_size: tuple[int, int]) -> Region:
        """Four numbers (top, left, bottom, right) as a region of planes of some size.

        Raises
        ------
        InputError
            If they are no region, or not all of it lies in the plane.
        """
        try:
            region = cls(*(int(n) for n in given))
        except (TypeError, ValueError) as error:
            raise InputError(f"A region is (top, left, bottom, right) in pixels, not {given!r}.") from error
        inside = region.top >= 0 and region.left >= 0 and region.bottom <= plane_size[0] and region.right <= plane_size[1]
        if not inside or min(region.size) < 1:
            raise InputError(
                f"region={tuple(region)} (top, left, bottom, right) holds no pixels, or leaves the plane of size {plane_size}."
            )
        return region

    @classmethod
    def middle(cls, plane_size: tuple[int, int], most: int) -> Region:
        """The middle of a plane, at most `most` pixels high and wide."""
        height, width = (min(n, most) for n in plane_size)
        top, left = (plane_size[0] - height) // 2, (plane_size[1] - width) // 2
        return cls(top, left, top + height, left + width)

    def shrunk(self, most: int) -> Region:
        """The middle of the region, at most `most` pixels high and wide."""
        within = self.middle(self.size, most)
        return Region(self.top + within.top, self.left + within.left, self.top + within.bottom, self.left + within.right)


def region_of(shapes: Shapes, layer: Image, plane: tuple[int, ...]) -> Region:
    """The pixels of an image layer whose middles lie in the bounding box of a rectangle, along the image's own axes.

    The rectangle is the selected one, else the last; where it lies along a stack does not matter.

    Parameters
    ----------
    shapes : napari.layers.Shapes
        May be scaled, turned and shifted against the image, and in another unit of length.
    layer : napari.layers.Image
    plane : tuple of int
        Index along the image's leading axes of the plane that the rectangle is laid on.

    Raises
    ------
    InputError
        If there is no rectangle, or none of it lies on the image.
    """
    corners = corners_of("rectangle", shapes, layer, plane)
    if corners is None:
        raise InputError(f"Layer '{shapes.name}' holds no rectangle: draw one, or choose the whole plane as region.")
    shape = (layer.data[0] if layer.multiscale else layer.data).shape[layer.ndim - 2 : layer.ndim]
    top, left = np.maximum(np.ceil(corners.min(0) - FUZZ), 0).astype(int)
    bottom, right = np.minimum(np.floor(corners.max(0) + FUZZ) + 1, shape).astype(int)
    if top >= bottom or left >= right:
        raise InputError(f"The rectangle lies outside the image '{layer.name}': move it onto the image.")
    return Region(int(top), int(left), int(bottom), int(right))


def corners_of(kind: str, shapes: Shapes, layer: Image, plane: tuple[int, ...]) -> np.ndarray | None:
    """The corners (y, x) of the selected shape of a kind, else of the last, in pixels of an image's plane; None where there is none."""
    known = [i for i, each in enumerate(shapes.shape_type) if each == kind]
    if not known:
        return None
    chosen = max(set(known) & set(shapes.selected_data), default=known[-1])
    return np.array([_pixel_at(corner, shapes, layer, plane) for corner in shapes.data[chosen]])


def unit_ratio(unit: object, to: object) -> float:
    """How many of one unit make one of another, as 1000 micrometres a millimetre; 1 where they do not convert, as pixels do not."""
    return float((1 * unit).to(to).magnitude) if unit.is_compatible_with(to) else 1.0


def _pixel_at(corner: Sequence[float], shapes: Shapes, layer: Image, plane: tuple[int, ...]) -> np.ndarray:
    """Index (y, x) of the point of a plane where a shape's corner lies; Y and X are the last two axes of both layers."""
    point = np.array(layer.data_to_world((*plane, 0, 0)), float)
    ratios = [unit_ratio(own, to) for own, to in zip(shapes.units[-2:], layer.units[-2:], strict=True)]
    point[-2:] = np.array(shapes.data_to_world(corner))[-2:] * ratios
    return np.array(layer.world_to_data(point))[-2:]
