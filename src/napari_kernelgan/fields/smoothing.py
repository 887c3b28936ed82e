"""Kernels of tiles smoothed over the picture, as far as their error bars and their differences call for it.

The covariances of the tiles' kernels are measurements of a field with errors of known size. Beforehand the field is taken for a random walk
on the lattice of tiles (a Gaussian Markov random field, whose precision is the lattice's Laplacian): neighbours are alike, and how much,
is the data's to say, by maximum marginal likelihood.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, null_space
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags, eye, kron
from scipy.sparse.linalg import splu

from .tiles import Tiles

Values = NDArray[np.float64]

MOST_TOGETHER = 14
"""Tiles on either side of the parts of a map whose likelihoods are computed; those of larger maps are multiplied."""
MOST_PARTS = 9
EXPECTED_SCATTER, SCATTER_SPREAD = 0.4, 0.7
"""Variance of tiles about the field, as a part of their error bars', which hold what a whole picture has in common too; and how well that
is known beforehand, as a standard deviation of its logarithm."""
VARIATION_RATE = 1.0
"""Of the exponential distribution that the steps of the field have beforehand, in error bars: a constant field is the simplest."""
LEAST_VARIATION = 1e-3
SOLVED = 256
"""Columns of a large system that are solved for at a time."""


class Smoother(NamedTuple):
    """A linear smoother of a map's tiles, and what is left of their errors."""

    weights: csr_matrix
    """(tiles, tiles), in C order: of the tiles in each smoothed one; not negative, rows sum to 1."""
    variance: Values
    """(tiles,): of the smoothed covariances, in units of the squared error bars that `scale` tells."""
    scale: Values
    """(3,): usual error bar of each part (yy, xx, yx) of the covariance."""
    scatter: float
    """Variance of the tiles about the field, as a part of their squared error bars."""
    variation: float
    """Standard deviation of a step of the field from tile to tile, in usual error bars."""


def fit_smoother(covariance: Values, sd: Values | None, tiles: Tiles) -> Smoother:
    """Find how strongly the tiles of a map are to be smoothed.

    Parameters
    ----------
    covariance : ndarray
        (ty, tx, 3): yy, xx, yx of the tiles' kernels; NaN where there is none.
    sd : ndarray, optional
        (ty, tx, 3): their standard deviations. None: all tiles are equally good, and how good, their scatter tells.
    tiles : Tiles
    """
    shape = covariance.shape[:2]
    known = np.isfinite(covariance).all(-1)
    bars = _usual_bars(covariance, known) if sd is None else sd
    squares = np.mean(bars[known] ** 2, 0)
    scale = np.sqrt([squares[:2].mean(), squares[:2].mean(), squares[2]])
    noise = np.full(shape, np.nan)
    noise[known] = np.mean((bars[known] / scale) ** 2, -1)
    likeness = _likeness(tiles.rows, tiles.size[0]), _likeness(tiles.columns, tiles.size[1])
    spread = np.log(100.0) if sd is None else SCATTER_SPREAD
    scatter, variation = _likeliest(covariance / scale, noise, likeness, spread)
    weights, variance = _solve(noise, likeness, scatter, variation)
    return Smoother(weights, variance, scale, scatter, variation)


def _usual_bars(covariance: Values, known: NDArray[np.bool_]) -> Values:
    """Of tiles whose error bars nobody knows: those that neighbours' differences suggest."""
    level = np.median(covariance[known][:, :2])
    return np.full(covariance.shape, max(0.1 * float(level), 1e-6)) * np.array([1.0, 1.0, np.sqrt(0.5)])


def _likeness(first: NDArray[np.int64], size: int) -> Values:
    """Correlation of the errors of tiles along an axis: the part of their pixels that they share."""
    shared: Values = np.maximum(0, 1 - np.abs(first[:, None] - first) / size)
    return shared


def laplacian(rows: int, columns: int) -> csr_matrix:
    """Of the lattice of tiles, each of which has up to four neighbours: (tiles, tiles), rows sum to 0."""

    def path(count: int) -> csr_matrix:
        steps = diags([-np.ones(count - 1), np.ones(count - 1)], [0, 1], shape=(count - 1, count)) if count > 1 else csr_matrix((1, 1))
        return csr_matrix(steps.T @ steps)

    return csr_matrix(kron(path(rows), eye(columns)) + kron(eye(rows), path(columns)))


def _likeliest(field: Values, noise: Values, likeness: tuple[Values, Values], spread: float) -> tuple[float, float]:
    """Scatter and variation of the highest posterior probability; `field` is in units of the usual error bars."""
    parts = []
    for y in _parts(noise.shape[0]):
        for x in _parts(noise.shape[1]):
            part = _Part.of(field[y, x], noise[y, x], (likeness[0][y, y], likeness[1][x, x]))
            if part is not None:
                parts.append(part)
    if not parts:  # a single tile
        return EXPECTED_SCATTER, LEAST_VARIATION
    parts = [parts[i] for i in np.unique(np.linspace(0, len(parts) - 1, min(MOST_PARTS, len(parts))).astype(int))]

    def unlikely(logs: Values) -> float:
        scatter, variation = np.exp(logs)
        beforehand = 0.5 * ((logs[0] - np.log(EXPECTED_SCATTER)) / spread) ** 2 + VARIATION_RATE * variation / np.sqrt(scatter)
        bounds = np.square(np.maximum(0, np.log(LEAST_VARIATION) - logs[1])) + np.square(np.maximum(0, np.abs(logs) - 8)).sum()
        return sum(part.unlikely(scatter, variation) for part in parts) + beforehand + float(bounds)

    starts = [np.log([EXPECTED_SCATTER, variation]) for variation in (LEAST_VARIATION, 0.03, 0.1, 0.3, 1.0)]
    best = min(starts, key=unlikely)
    found = minimize(unlikely, best, method="Nelder-Mead", options={"xatol": 0.02, "fatol": 0.01, "maxiter": 120}).x
    scatter, variation = np.exp(found).tolist()
    return scatter, max(variation, LEAST_VARIATION)


def _parts(count: int) -> list[slice]:
    ends = np.linspace(0, count, -(-count // MOST_TOGETHER) + 1).round().astype(int).tolist()
    return [slice(first, last) for first, last in zip(ends[:-1], ends[1:], strict=True)]


class _Part(NamedTuple):
    """The restricted likelihood of a part of a map: of the differences between its tiles, whatever their mean is."""

    contrasts: Values
    """(differences, 3)"""
    noise: Values
    """(differences, differences): covariance of the errors where scatter is 1."""
    walk: Values
    """(differences, differences): covariance of a random walk with steps of variance 1."""

    @classmethod
    def of(cls, field: Values, noise: Values, likeness: tuple[Values, Values]) -> _Part | None:
        known = np.isfinite(noise).ravel()
        if known.sum() < 2:
            return None
        contrast = null_space(np.ones((1, int(known.sum())))).T
        root = np.sqrt(noise.ravel()[known])
        errors = np.kron(*likeness)[np.ix_(known, known)] * root[:, None] * root
        # 2: the steps of a random walk on a plane lattice share the differences between neighbours
        walk = np.linalg.pinv(laplacian(*noise.shape).toarray(), hermitian=True)[np.ix_(known, known)]
        walk *= 2 if min(noise.shape) > 1 else 1
        values = field.reshape(-1, 3)[known]
        return cls(contrast @ values, contrast @ errors @ contrast.T, contrast @ walk @ contrast.T)

    def unlikely(self, scatter: float, variation: float) -> float:
        """Negative logarithm of the likelihood."""
        spread = scatter * self.noise + variation**2 * self.walk
        spread[np.diag_indices_from(spread)] += 1e-9 * np.trace(spread) / len(spread)
        factor = cho_factor(spread)
        distance = float((self.contrasts * cho_solve(factor, self.contrasts)).sum())
        return 0.5 * distance + 3 * float(np.log(np.diag(factor[0])).sum())


def _solve(noise: Values, likeness: tuple[Values, Values], scatter: float, variation: float) -> tuple[csr_matrix, Values]:
    """The smoother's weights, and the variance of what it gives."""
    known = np.isfinite(noise).ravel()
    # tiles that share pixels count for fewer; by a factor, so that no weight becomes negative
    crowd = np.outer(*(each.sum(1) for each in likeness)).ravel()
    precision = np.where(known, 1 / np.where(known, scatter * noise.ravel() * crowd, 1), 0)
    root = np.where(known, np.sqrt(scatter * np.where(known, noise.ravel(), 0)), 0)
    errors = diags(root) @ csr_matrix(kron(*(csr_matrix(each) for each in likeness))) @ diags(root)
    prior = laplacian(*noise.shape) / (variation**2 * (2 if min(noise.shape) > 1 else 1))
    factor = splu((prior + diags(precision)).tocsc())
    rows, variance = [], []
    for first in range(0, noise.size, SOLVED):
        unit = np.zeros((noise.size, min(SOLVED, noise.size - first)))
        unit[np.arange(first, first + unit.shape[1]), np.arange(unit.shape[1])] = 1
        response = factor.solve(unit)
        weights = np.maximum(response * precision[:, None], 0)
        weights[weights < 1e-6 * weights.max(0)] = 0
        weights /= weights.sum(0)
        rows.append(csr_matrix(weights.T))
        variance.append((weights * (errors @ weights)).sum(0) + (response * (prior @ response)).sum(0))
    from scipy.sparse import vstack

    return csr_matrix(vstack(rows)), np.concatenate(variance)
