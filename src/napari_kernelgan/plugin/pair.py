"""An image layer and its upscaled layer: whether they belong together, whether both can be seen, and their planes that are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from ..errors import InputError
from .records import is_upscaled, record_of
from .region import unit_ratio
from .source import Source, current_plane


class LayerPair(NamedTuple):
    """An image layer and its upscale.

    Attributes
    ----------
    before, after : napari.layers.Image
    scale : int
        How many pixels of `after` lie along one of `before`.
    """

    before: Image
    after: Image
    scale: int

    @classmethod
    def of(cls, before: Image | None, after: Image | None) -> LayerPair:
        """Check that one layer is the other's upscale.

        Raises
        ------
        InputError
            If there is none, or it is of another image.
        """
        if after is None or not is_upscaled(after):
            raise InputError("There is no upscaled layer: press Upscale first.")
        if before is None:
            raise InputError("There is no image layer to compare with: open the image that was upscaled.")
        scale = int(record_of(after)["scale"])
        expected = tuple(scale * n for n in Source.of(before).plane_size)
        found = Source.of(after).plane_size
        if (before.ndim, before.rgb, *expected) != (after.ndim, after.rgb, *found):
            raise InputError(
                f"'{after.name}' is no upscale of '{before.name}': {found[0]} × {found[1]} px where {expected[0]} × {expected[1]} px "
                "of the same axes and colours are needed. Choose the image that it was made from."
            )
        return cls(before, after, scale)

    def check_view(self, viewer: ViewerModel) -> None:
        """Check that the viewer shows both on each other.

        Raises
        ------
        InputError
            If it shows a volume, other axes than the image's last two, or layers side by side.
        """
        if viewer.dims.ndisplay != 2:
            raise InputError("The viewer shows a volume: images are compared in 2-D. Switch to 2-D (Ctrl+Y).")
        if {axis - viewer.dims.ndim for axis in viewer.dims.displayed} != {-2, -1}:
            raise InputError("The viewer shows other axes: images are compared in their last two. Show these.")
        if viewer.canvas.grid.enabled:
            raise InputError("The viewer shows layers side by side: they are compared on each other. Switch the grid off (Ctrl+G).")

    def planes(self, viewer: ViewerModel) -> tuple[tuple[int, ...], Any, Any]:
        """The plane that is seen: its index along the image's leading axes, and its pixels, (Y, X) or (Y, X, S), of both.

        Lazy pixels are not read.

        Raises
        ------
        InputError
            If it was not upscaled, as when one plane of a stack was and another is seen.
        """
        plane = current_plane(viewer, self.before)
        there = np.array(self.before.data_to_world((*plane, 0, 0)))
        there *= [unit_ratio(own, to) for own, to in zip(self.before.units, self.after.units, strict=True)]
        index = tuple(int(round(i)) for i in self.after.world_to_data(there)[:-2])
        if not all(0 <= i < n for i, n in zip(index, Source.of(self.after).image.shape, strict=False)):
            raise InputError(f"'{self.after.name}' does not hold the plane that is seen: move the slider to one that was upscaled.")
        return plane, Source.of(self.before, plane).image, Source.of(self.after, index).image
