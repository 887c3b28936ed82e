"""Patches of an image, and of the image degraded with a kernel: where they lie, and which of them look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.signal import oaconvolve
from scipy.spatial import cKDTree

from ...kernels.algebra import Kernel

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Plane:
    """A gray plane and its geometry: a pixel of the plane degraded is a window of the plane, weighted by the kernel."""

    pixels: Array
    """(Y, X)."""
    scale: int
    side: int
    """n of the kernel."""
    patch: int
    """Side q of the patches."""

    @property
    def windows(self) -> Array:
        """(Y', X', n, n): what each pixel of the degraded plane is made of, correlation orientation; only windows inside the plane."""
        return _windows(self.pixels, self.side)[:: self.scale, :: self.scale]

    @cached_property
    def mean_windows(self) -> Array:
        """The mean of the windows of each patch of the degraded plane, by its first pixel."""
        q, s = self.patch, self.scale
        rows, columns = (length - s * (q - 1) for length in self.pixels.shape)
        mean = np.mean([self.pixels[s * i : s * i + rows] for i in range(q)], axis=0)
        mean = np.mean([mean[:, s * i : s * i + columns] for i in range(q)], axis=0)
        return _windows(mean, self.side)[::s, ::s]

    @property
    def degraded_shape(self) -> tuple[int, int]:
        """Of the degraded plane."""
        rows, columns = ((length - self.side) // self.scale + 1 for length in self.pixels.shape)
        return rows, columns

    def degraded(self, kernel: Kernel) -> Array:
        """The plane blurred and downscaled."""
        small: Array = oaconvolve(self.pixels, kernel, mode="valid")[:: self.scale, :: self.scale]
        return small

    @cached_property
    def texture(self) -> Array:
        """Standard deviation of each patch of the plane, by its first pixel."""
        q = self.patch
        mean, square = (uniform_filter(values, q, origin=-(q // 2), mode="nearest") for values in (self.pixels, self.pixels**2))
        inside = np.s_[: 1 - q, : 1 - q]
        deviation: Array = np.sqrt(np.clip(square - mean**2, 0, None))[inside]
        return deviation


@dataclass(frozen=True)
class Places:
    """Positions of patches in several planes."""

    plane: Indices
    """(count,), which plane."""
    index: Indices
    """(count,), the patch's first pixel there: row times the number of positions in a row, plus column."""

    @classmethod
    def draw(cls, weights: Sequence[Array], count: int, rng: np.random.Generator) -> Places:
        """Draw places without replacement; `weights` has an array (rows, columns) of positions for every plane."""
        flat = np.concatenate([each.ravel() for each in weights])
        count = min(count, int(np.count_nonzero(flat)))
        chosen = np.sort(rng.choice(len(flat), count, replace=False, p=flat / flat.sum()))
        starts = np.cumsum([0, *(each.size for each in weights)])
        plane = np.searchsorted(starts, chosen, side="right") - 1
        return cls(plane, chosen - starts[plane])

    def patches(self, planes: Sequence[Array], side: int) -> Array:
        """The patches there, (count, side^2), each less its mean."""
        found = np.empty((len(self.index), side * side))
        for number, pixels in enumerate(planes):
            here = self.plane == number
            views = _windows(pixels, side)
            found[here] = views[np.unravel_index(self.index[here], views.shape[:2])].reshape(-1, side * side)
        found -= found.mean(1, keepdims=True)
        return found


@dataclass(frozen=True)
class Matches:
    """For each of the image's patches, its nearest neighbours among the degraded image's."""

    neighbours: Indices
    """(queries, neighbours): numbers of candidates."""
    weights: Array
    """The same shape; the sum over a query's neighbours is 1."""
    distance: float
    """Root of the median over queries of the mean squared difference from the nearest one."""


def match(queries: Array, candidates: Array, neighbours: int) -> Matches:
    """Find the nearest candidates of each of the image's patches and weigh them by their likeness."""
    tree = cKDTree(candidates, compact_nodes=False, balanced_tree=False)
    distances, found = tree.query(queries, k=np.arange(min(neighbours, len(candidates))) + 1)
    squared = distances**2 / queries.shape[1]
    typical = float(np.median(squared[:, 0]))
    # the likelihood of each neighbour under white differences of the usual size
    weights = np.exp(-0.5 * (squared - squared[:, :1]) / max(typical, np.finfo(float).eps ** 2))
    return Matches(np.asarray(found, np.int64), weights / weights.sum(1, keepdims=True), float(np.sqrt(typical)))


def _windows(pixels: Array, side: int) -> Array:
    return sliding_window_view(pixels, (side, side))
