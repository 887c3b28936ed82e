"""Lengths and frequencies on the grid of a kernel, in the unit of the image's pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..estimate.result import KernelEstimate
from ..files.units import unit_name


class Ruler(NamedTuple):
    """The size of an HR pixel where it is known."""

    y: float
    x: float
    unit: str
    """As OME-NGFF and napari name it, for example "micrometer"."""

    @property
    def square(self) -> bool:
        """Whether pixels are as high as they are wide, so that one length holds in all directions."""
        return self.y == self.x

    def length(self, angle: float) -> float:
        """Length, in the unit, of one HR pixel's length in a direction of the pixel grid (degrees from +x towards +y)."""
        return float(np.hypot(self.y * np.sin(np.deg2rad(angle)), self.x * np.cos(np.deg2rad(angle))))

    def frequency(self, angle: float) -> float:
        """Cycles per unit of a wave that has one cycle per HR pixel in a direction of the pixel grid."""
        return float(np.hypot(np.sin(np.deg2rad(angle)) / self.y, np.cos(np.deg2rad(angle)) / self.x))


def ruler_of(estimate: KernelEstimate) -> Ruler | None:
    """The size of an estimate's HR pixels; None where the image's pixel size or its unit is not known."""
    unit = unit_name(estimate.unit)
    if estimate.pixel_size is None or unit is None:
        return None
    y, x = estimate.pixel_size
    return Ruler(y / estimate.scale, x / estimate.scale, unit)
