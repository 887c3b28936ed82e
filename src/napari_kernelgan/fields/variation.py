"""How much the kernels of a map differ beyond their errors: the likeliest slopes, steps and scatter of a field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, null_space
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, eye, kron

Values = NDArray[np.float64]
Size = tuple[int, ...]

MOST_TOGETHER, MOST_PARTS = 14, 9
"""Tiles on either side of the parts of a map whose likelihoods are multiplied, and how many parts of a large map are looked at."""
EXPECTED_SCATTER, SCATTER_SPREAD, UNKNOWN_SPREAD = 0.4, 0.7, 3.0
"""Variance of tiles about the field, in parts of the squared error bars, which hold what a whole picture has in common too; and how well
that is known beforehand, as a standard deviation of its logarithm, with error bars and without. Set on tuning pictures."""
STEP_RATE, SLOPE_RATE = 2.0, 0.5
"""Of the exponential distributions that steps and slopes have beforehand, in errors of a tile: constant fields are the simplest."""
LEAST = 1e-3
STARTS = tuple((scatter, step, slope) for scatter in (0.1, 0.3, 0.8) for step in (0.003, 0.1, 0.3, 1.0) for slope in (0.01, 0.3, 1.0, 3.0))


class Variation(NamedTuple):
    """What the differences between a map's tiles told."""

    scatter: float
    """Variance of the tiles about the field, in parts of their squared error bars."""
    step: float
    """Standard deviation of the field's steps from tile to tile, in usual error bars, but for its slopes."""
    slope: float
    """Standard deviation, in usual error bars, of what the slopes make over the map."""

    def walk_precision(self, shape: Size) -> csr_matrix:
        """Of the random walk on a lattice (ty, tx): (tiles, tiles); its mean is free."""
        return csr_matrix(laplacian(*shape) / (self.step**2 * _sharing(shape)))

    def slopes(self, shape: Size) -> Values:
        """(tiles, 2): what a slope of one along Y and along X makes, of variance 1 over a map of many tiles in all."""
        return slopes(shape)


def slopes(shape: Size) -> Values:
    """(tiles, 2): planes that rise along Y and along X."""
    at = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"), -1).reshape(-1, 2)
    return np.asarray(at / np.sqrt(sum(n**2 for n in shape) / 12))


def laplacian(rows: int, columns: int) -> csr_matrix:
    """Of the lattice of tiles, each of which has up to four neighbours: (tiles, tiles), rows sum to 0."""

    def path(count: int) -> csr_matrix:
        steps = csr_matrix(np.diff(np.eye(count), axis=0))
        return csr_matrix(steps.T @ steps)

    return csr_matrix(kron(path(rows), eye(columns)) + kron(eye(rows), path(columns)))


def _sharing(shape: Size) -> int:
    """On a plane lattice two paths lead from neighbour to neighbour, so that steps are shorter than on a line."""
    return 2 if min(shape) > 1 else 1


def likeliest(field: Values, noise: Values, likeness: tuple[Values, Values], unknown: bool, near: Variation | None = None) -> Variation:
    """The variation of highest posterior probability.

    Parameters
    ----------
    field : ndarray
        (ty, tx, 3), in usual error bars.
    noise : ndarray
        (ty, tx): squared error bars of the tiles, in parts of the usual ones; NaN where a tile is missing.
    likeness : pair of ndarray
        Correlations of the errors along Y and X.
    unknown : bool
        Whether nobody knows how large errors are.
    near : Variation, optional
        Where to look first.
    """
    planes = slopes(noise.shape).reshape(*noise.shape, 2)
    spans = [(y, x) for y in _spans(noise.shape[0]) for x in _spans(noise.shape[1])]
    spans = [at for at in spans if np.isfinite(noise[at]).sum() > 1]
    spans = [spans[i] for i in np.unique(np.linspace(0, len(spans) - 1, min(MOST_PARTS, len(spans))).astype(int))] if spans else []
    parts = [_Part.of(field[y, x], noise[y, x], (likeness[0][y, y], likeness[1][x, x]), planes[y, x]) for y, x in spans]
    if not parts:  # a single tile
        return Variation(EXPECTED_SCATTER, LEAST, LEAST)
    width = UNKNOWN_SPREAD if unknown else SCATTER_SPREAD

    def unlikely(logs: Values) -> float:
        scatter, step, slope = np.exp(np.clip(logs, -12, 12))
        beforehand = 0.5 * ((logs[0] - np.log(EXPECTED_SCATTER)) / width) ** 2 + (STEP_RATE * step + SLOPE_RATE * slope) / np.sqrt(scatter)
        too_small = np.square(np.maximum(0, np.log(LEAST) - logs[1:])).sum()
        return sum(part.unlikely(scatter, step, slope) for part in parts) + float(beforehand + too_small)

    start = min((np.log(each) for each in ([near] if near else STARTS)), key=unlikely)
    found = minimize(unlikely, start, method="Nelder-Mead", options={"xatol": 0.02, "fatol": 0.01, "maxiter": 200}).x
    scatter, step, slope = np.exp(found).tolist()
    return Variation(scatter, max(step, LEAST), max(slope, LEAST))


def _spans(count: int) -> list[slice]:
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
    planes: Values
    """(differences, differences): covariance of slopes of variance 1."""

    @classmethod
    def of(cls, field: Values, noise: Values, likeness: tuple[Values, Values], planes: Values) -> _Part:
        known = np.isfinite(noise).ravel()
        contrast = null_space(np.ones((1, int(known.sum())))).T
        root = np.sqrt(noise.ravel()[known])
        errors = np.kron(*likeness)[np.ix_(known, known)] * root[:, None] * root
        walk = np.linalg.pinv(laplacian(*noise.shape).toarray(), hermitian=True)[np.ix_(known, known)] * _sharing(noise.shape)
        rise = contrast @ planes.reshape(-1, 2)[known]
        return cls(contrast @ field.reshape(-1, 3)[known], contrast @ errors @ contrast.T, contrast @ walk @ contrast.T, rise @ rise.T)

    def unlikely(self, scatter: float, step: float, slope: float) -> float:
        """Negative logarithm of the likelihood."""
        spread = scatter * self.noise + step**2 * self.walk + slope**2 * self.planes
        spread[np.diag_indices_from(spread)] += 1e-9 * np.trace(spread) / len(spread)
        factor = cho_factor(spread)
        distance = float((self.contrasts * cho_solve(factor, self.contrasts)).sum())
        return 0.5 * distance + 3 * float(np.log(np.diag(factor[0])).sum())
