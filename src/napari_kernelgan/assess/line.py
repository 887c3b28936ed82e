"""Brightness along a line: of one image, and of an image beside its upscale along the same line in space."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import skimage
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..images.layout import without_alpha
from ..kernels.forward import check_scale

Array = NDArray[np.float64]

NEAREST, LINEAR, CUBIC = 0, 1, 3
"""Orders of interpolation; cubic is Keys' with a = -0.5, as everywhere in this package."""
MARGIN = 3
"""Pixels around the line that interpolation may ask for."""
PIECE = 128
"""Points that are sampled together."""


class LineProfiles(NamedTuple):
    """An image and its upscale along one line, at the same points."""

    distance: Array
    """From the line's start, in `unit`, (n,)."""
    nearest: Array
    """The image's pixels, (n,); NaN beyond the image, here and in the others."""
    bicubic: Array
    """The image between its pixels, by Keys' cubic, (n,)."""
    upscaled: Array
    """The upscale, (n,)."""
    unit: str
    """Of `distance`: "px" are pixels of the image."""


def line_profile(
    plane: Any,
    start: Sequence[float],
    end: Sequence[float],
    width: int = 1,
    order: int = LINEAR,
    *,
    pixel_size: ArrayLike = (1.0, 1.0),
) -> tuple[Array, Array]:
    """Sample a plane along a line, at the points that `skimage.measure.profile_line` takes: both ends, and steps of at most one pixel.

    Parameters
    ----------
    plane : array
        (Y, X), or (Y, X, S) whose colours are averaged; alpha does not count. Of a lazy array only what lies around the line is read.
    start, end : sequence of float
        Row and column in pixels; whole numbers are the middles of pixels.
    width : int
        Pixels across the line that are averaged.
    order : int
        0: the pixel that a point lies in; 1: linear; 3: Keys' cubic, a = -0.5.
    pixel_size : array_like
        Height and width of a pixel, or a matrix (2, 2) whose columns are a step down and a step to the right in space, for pixels that are
        sheared. Distances are in its unit, and "across" is at right angles in space.

    Returns
    -------
    distance : ndarray
        (n,), from `start`.
    values : ndarray
        (n,), brightness in the plane's own units; NaN beyond its edges.

    Raises
    ------
    InputError
        If something given cannot be used, or all of the line lies beyond the edges.
    """
    line = _Line.of(start, end, width, pixel_size)
    return line.distance, line.sample(plane, order)


def line_profiles(
    image: Any,
    upscaled: Any,
    start: Sequence[float],
    end: Sequence[float],
    scale: int = 2,
    width: int = 1,
    *,
    pixel_size: ArrayLike = (1.0, 1.0),
    unit: str = "px",
) -> LineProfiles:
    """Sample an image and its upscale along the same line, in steps of at most one pixel of the upscale.

    Both cover the same area, so pixel p of the image lies at s p + (s - 1) / 2 of the upscale. The upscale is sampled linearly.

    Parameters
    ----------
    image, upscaled : array
        Planes as for `line_profile`; the upscale is `scale` times as high and wide.
    start, end, width, pixel_size
        As for `line_profile`, in pixels of the image.
    scale : int
        At least 2.
    unit : str
        Of `pixel_size`.

    Raises
    ------
    InputError
        If something given cannot be used, the sizes do not belong together, or all of the line lies beyond the edges.
    """
    scale = check_scale(scale)
    if tuple(upscaled.shape[:2]) != tuple(scale * n for n in image.shape[:2]):
        raise InputError(f"An upscale by {scale} of a plane of shape {image.shape} is not of shape {upscaled.shape}.")
    line = _Line.of(start, end, width, pixel_size, finer=scale)
    return LineProfiles(
        line.distance, line.sample(image, NEAREST), line.sample(image, CUBIC), line.on(scale).sample(upscaled, LINEAR), unit
    )


def profiles_as_csv(profiles: LineProfiles) -> str:
    """Profiles as CSV with a header, one row for every point; cells beyond the image are empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([f"distance ({profiles.unit})", "input nearest", "input bicubic", "upscaled"])
    for row in zip(*profiles[:4], strict=True):
        table.writerow(["" if np.isnan(value) else f"{value:.9g}" for value in row])
    return text.getvalue()


class _Line(NamedTuple):
    """Points along and across a line in a plane."""

    matrix: Array
    """From (along, across, 1), counted from the first point, to (x, y, 1) in pixels, (3, 3)."""
    shape: tuple[int, int]
    """How many points across and along."""
    distance: Array

    @classmethod
    def of(cls, start: Sequence[float], end: Sequence[float], width: int, pixel_size: ArrayLike, finer: int = 1) -> _Line:
        """A line with its points 1 / `finer` pixels apart, `width` pixels across."""
        first, last, size = (np.asarray(given, np.float64) for given in (start, end, pixel_size))
        pixel = np.diag(size) if size.ndim == 1 else size
        if first.shape != (2,) or last.shape != (2,) or not np.isfinite([first, last]).all():
            raise InputError(f"A line is from (row, column) to (row, column), not from {start!r} to {end!r}.")
        if pixel.shape != (2, 2) or not np.isfinite(pixel).all() or not np.linalg.det(pixel):
            raise InputError(f"pixel_size={pixel_size!r} must be height and width, or a matrix of both steps.")
        if int(width) != width or width < 1:
            raise InputError(f"width={width!r} must be a whole number of pixels, at least 1.")
        step = last - first
        if not step.any():
            raise InputError("The line has no length: draw it from one point to another.")
        y, x = pixel.T @ pixel @ step
        across = np.array([-x, y]) / (np.hypot(x, y) * finer)  # at right angles in space, not in pixels
        n, lines = int(np.ceil(finer * np.hypot(*step) + 1)), finer * (int(width) - 1) + 1
        corner = first - across * (lines - 1) / 2
        matrix = np.array([*(np.column_stack([step / (n - 1), across, corner])[::-1]), [0, 0, 1]])
        return cls(matrix, (lines, n), np.linspace(0, float(np.hypot(*(pixel @ step))), n))

    def on(self, scale: int) -> _Line:
        """The same line in pixels `scale` times as fine, which cover the same area."""
        finer = np.diag([scale, scale, 1.0])
        finer[:2, 2] = (scale - 1) / 2
        return self._replace(matrix=finer @ self.matrix)

    def sample(self, plane: Any, order: int) -> Array:
        """Brightness at the points, averaged across."""
        if len(plane.shape) not in (2, 3):
            raise InputError(f"A plane has axes Y and X, and may have colours; this one has shape {tuple(plane.shape)}.")
        if order not in (NEAREST, LINEAR, CUBIC):
            raise InputError(f"order={order!r} must be 0 (nearest), 1 (linear) or 3 (cubic).")
        size = np.array(plane.shape[1::-1])[:, None]
        along, across = np.meshgrid(np.arange(self.shape[1]), np.arange(self.shape[0]))
        points = np.einsum("ij,j...->i...", self.matrix[:2], np.stack([along, across, np.ones(self.shape)]))  # x, y
        inside = ((points >= -0.5) & (points <= size[..., None] - 0.5)).all(0)
        if not inside.any():
            raise InputError("The line lies outside the image: move it onto the image.")
        (left, top), (right, bottom) = _box(points[:, inside])
        around, values = np.asarray(plane[top:bottom, left:right]), np.zeros(self.shape)
        for first in range(0, self.shape[1], PIECE):  # a long slanting line lies in a large box, but its pieces do not
            piece = np.s_[:, first : first + PIECE]
            if inside[piece].any():
                (x, y), end = _box(points[:, *piece][:, inside[piece]])
                corner = np.maximum([x - left, y - top], 0)
                part = around[corner[1] : end[1] - top, corner[0] : end[0] - left]
                shift = first * self.matrix[:2, 0] - (left, top) - corner
                values[piece] = self._moved(shift)._warp(part, order, values[piece].shape)
        with np.errstate(invalid="ignore"):
            mean: Array = np.where(inside, values, 0).sum(0) / inside.sum(0)
        return mean

    def _moved(self, shift: Array) -> _Line:
        """The line moved by (x, y)."""
        matrix = self.matrix.copy()
        matrix[:2, 2] += shift
        return self._replace(matrix=matrix)

    def _warp(self, pixels: NDArray[Any], order: int, shape: tuple[int, ...]) -> Array:
        """Values at the first points, without a look at which of them lie inside."""
        colours = without_alpha(pixels).astype(np.float64)
        gray = colours.mean(-1) if colours.ndim == 3 else colours
        # warp's cubic is Keys' (profile_line's is a spline); beyond the border the edge pixel repeats, as in the forward model
        values: Array = skimage.transform.warp(
            gray, self.matrix, output_shape=shape, order=order, mode="symmetric", clip=False, preserve_range=True
        )
        return values


def _box(points: Array) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last (exclusive) column and row of the pixels that interpolation at points (2, n) may ask for."""
    return np.maximum(np.floor(points.min(1)).astype(int) - MARGIN, 0), np.ceil(points.max(1)).astype(int) + MARGIN + 1
