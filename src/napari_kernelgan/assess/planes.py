"""An image beside its upscale, plane by plane, as brightness on the image's value range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images.layout import Index, Layout, as_image, without_alpha
from ..images.values import ValueRange, read_plane, to_unit
from ..images.values import value_range as find_range
from ..kernels.forward import check_scale
from ..upscaling.inverse.levels import rounding_noise

Plane = NDArray[np.float32]


class Pair(NamedTuple):
    """An image and its upscale, checked to belong together."""

    image: Any
    upscaled: Any
    layout: Layout
    """Of the image."""
    scale: int
    values: ValueRange
    """0 and 1 of the brightness."""

    @classmethod
    def of(cls, image: Any, upscaled: Any, scale: int, axes: str | None, given: tuple[float, float] | None) -> Pair:
        """Check both.

        Raises
        ------
        InputError
            If the upscale is not the image's size times `scale`, or one of them cannot be used.
        """
        scale = check_scale(scale)
        image, upscaled = as_image(image), as_image(upscaled)
        layout = Layout.of(image, axes)
        expected = layout.scaled(scale).shape
        found = Layout.of(upscaled, layout.axes).shape
        if found != expected:
            raise InputError(f"The upscale of an image of shape {layout.shape} by {scale} has shape {expected}, not {found}.")
        return cls(image, upscaled, layout, scale, find_range(image, layout, given))

    @property
    def span(self) -> float:
        """How many of the image's own units the value range is."""
        return self.values.high - self.values.low

    @property
    def rounding(self) -> float:
        """Variance that rounding to integers leaves in the brightness, value range 0..1."""
        return rounding_noise(self.image.dtype, self.values) / self.layout.n_colours

    def planes(self, chosen: Sequence[Index] | None = None) -> Iterator[tuple[Index, Plane, Plane]]:
        """Index, brightness of the image (Y, X) and of its upscale (s Y, s X), of the planes chosen or of all."""
        large = self.layout.scaled(self.scale)
        for index in self.layout.indices() if chosen is None else chosen:
            low = read_plane(self.image, self.layout, index)
            high = read_plane(self.upscaled, large, index)
            yield index, brightness(low, self.values), brightness(high, self.values)


def brightness(plane: NDArray[Any], values: ValueRange) -> Plane:
    """Mean of the colours of a plane (Y, X) or (Y, X, S) on the value range's 0..1; alpha does not count."""
    mean: Plane = to_unit(without_alpha(plane), values).mean(0)
    return mean


def gray(layout: Layout) -> Layout:
    """The layout of one value per pixel."""
    kept = [(axis, n) for axis, n in zip(layout.axes, layout.shape, strict=True) if axis != "S"]
    return Layout("".join(axis for axis, _ in kept), tuple(n for _, n in kept))
