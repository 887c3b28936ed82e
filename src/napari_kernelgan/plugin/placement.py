"""Where the pixels of a layer lie: napari's transform of a layer, and the same for finer pixels, one plane, or a spot beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray

from ..files.units import convert, unit_name

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """What napari makes of a pixel index: world = affine (rotate · shear · scale · index + translate).

    An index points at the middle of a pixel; its edges are half an index away.

    Attributes
    ----------
    scale, translate : ndarray
        (ndim,).
    rotate : ndarray
        (ndim, ndim).
    shear : ndarray
        Upper triangular values, or (ndim, ndim).
    affine : ndarray
        (ndim + 1, ndim + 1), homogeneous.
    units : tuple of pint.Unit
    axis_labels : tuple of str
    """

    scale: Array
    translate: Array
    rotate: Array
    shear: Array
    affine: Array
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]

    @classmethod
    def of(cls, layer: Layer) -> Placement:
        """The placement that a layer has now."""
        arrays = (layer.scale, layer.translate, layer.rotate, layer.shear, layer.affine.affine_matrix)
        return cls(*(np.array(a, np.float64) for a in arrays), tuple(layer.units), tuple(layer.axis_labels))

    @property
    def linear(self) -> Array:
        """Rotate · shear · scale as one matrix."""
        return Affine(scale=self.scale, rotate=self.rotate, shear=self.shear, ndim=len(self.scale)).linear_matrix

    def at(self, index: Sequence[float]) -> Placement:
        """Begin at another index: pixel 0 of the result lies where pixel `index` lies; leading axes not given stay."""
        offset = np.zeros(len(self.scale))
        offset[len(offset) - len(index) :] = index
        return replace(self, translate=self.translate + self.linear @ offset)

    def finer(self, scale: int) -> Placement:
        """Divide pixels into `scale` in Y and X (the last two axes), covering the same area edge to edge.

        The first of the smaller pixels begins at the edge where the first of the larger ones does, so their middles are
        (1/scale - 1)/2 of a larger pixel apart.
        """
        factor = np.ones(len(self.scale))
        factor[-2:] = 1 / scale
        return replace(self.at((factor - 1) / 2), scale=self.scale * factor)

    def coarser(self, first: Sequence[float], spacing: Sequence[float]) -> Placement:
        """Pixels that lie `spacing` (y, x) pixels apart, the first of them at `first`."""
        factor = np.ones(len(self.scale))
        factor[-2:] = spacing
        return replace(self.at(first), scale=self.scale * factor)

    def flat(self) -> Placement:
        """The last two axes alone, where the first plane lies, for pictures that are there whatever the sliders say."""
        return self.last(2)

    def last(self, axes: int) -> Placement:
        """The last axes alone, where the first of everything along the others lies.

        What a rotation, shear or affine does to axes that are left out cannot be shown without them and is left out too.
        """
        if len(self.scale) == axes:
            return self
        orthogonal, triangular = np.linalg.qr(self.linear[-axes:, -axes:])
        signs = np.sign(np.diag(triangular))
        scale = np.abs(np.diag(triangular))
        affine = self.affine[-axes - 1 :, -axes - 1 :].copy()
        affine[:-1, -1] += self.affine[-axes - 1 : -1, : -axes - 1] @ self.translate[:-axes]
        return Placement(
            scale=scale,
            translate=self.translate[-axes:],
            rotate=orthogonal * signs,
            shear=(signs[:, None] * triangular / scale)[np.triu_indices(axes, 1)],
            affine=affine,
            units=self.units[-axes:],
            axis_labels=self.axis_labels[-axes:],
        )

    def keywords(self) -> dict[str, Any]:
        """The arguments that give a napari layer this placement."""
        return vars(self).copy()

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Height and width of a pixel, in `unit`."""
        height, width = (abs(float(v)) for v in self.scale[-2:])
        return height, convert(width, unit_name(str(self.units[-1])), self.unit)

    @property
    def unit(self) -> str | None:
        """The unit of Y, for example "micrometer"; None for pixels."""
        return unit_name(str(self.units[-2]))
