"""Covariances of tiles' kernels smoothed over the picture, as far as their error bars and their differences call for it.

They are measurements, with errors of known size, of a field that is a plane (a mean and slopes) and a random walk on the lattice of tiles,
a Gaussian Markov random field whose precision is the lattice's Laplacian. How steep the slopes, how long the steps of the walk, and how
large the errors are, in error bars, is the data's to say, by maximum marginal likelihood: of a kernel that is the same everywhere little
but the mean is left. The smoothed field is linear in the measurements then, with weights that sum to one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_matrix, diags, eye, hstack, kron
from scipy.sparse.linalg import splu

from .tiles import Tiles
from .variation import Variation, likeliest

Values = NDArray[np.float64]

OUTLYING, ROUNDS = 4.0, 2
"""Errors have the tails of Student's t with these degrees of freedom: tiles that are far off their neighbours count for less."""
ALIKE = 0.3
"""Correlation, along an axis, of the errors of tiles that share nearly all pixels: estimates are no sums over pixels, so that less is alike
than is shared. Set on tuning pictures."""
PART_OF_WIDTH = 0.15
"""Error bars, in parts of the mean variance, where nobody knows them: what scatter is counted in."""
SOLVED = 256
"""Columns of a large system that are solved for at a time."""


class Smoother(NamedTuple):
    """A linear smoother of a map's tiles, and what is left of their errors."""

    weights: Values
    """(tiles, tiles), in C order: of the tiles in each smoothed one; rows sum to 1, missing tiles have none."""
    sd: Values
    """(tiles, 3): standard deviations of the smoothed yy, xx, yx."""
    variation: Variation
    """What the map's differences told."""


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
    field = covariance.reshape(-1, 3)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(field).all(1))
    size = field[:, :2].mean(1)
    level = float(size[known].mean())
    bars = np.full(field.shape, PART_OF_WIDTH * level) * (1, 1, np.sqrt(0.5)) if sd is None else sd.reshape(-1, 3)
    # bars grow with the width that a tile happens to have: weights by them would favour narrow ones
    bars = bars * (level / size)[:, None]
    squares = np.mean(bars[known] ** 2, 0)
    unit = np.sqrt([squares[:2].mean(), squares[:2].mean(), squares[2]])
    noise = np.where(known, np.mean((bars / unit) ** 2, 1), np.nan)
    likeness = _likeness(tiles.rows, tiles.size[0]), _likeness(tiles.columns, tiles.size[1])
    field = np.where(known[:, None], field, 0)
    variation = likeliest((field / unit).reshape(*shape, 3), noise.reshape(shape), likeness, sd is None)
    weights, variance = _solve(noise.reshape(shape), likeness, variation)
    for _ in range(ROUNDS):
        distance = (np.square((field - weights @ field) / unit) / (variation.scatter * noise[:, None])).sum(1)
        allowed = noise * np.maximum((OUTLYING + distance) / (OUTLYING + 3), 1)
        variation = likeliest((field / unit).reshape(*shape, 3), allowed.reshape(shape), likeness, sd is None, variation)
        weights, variance = _solve(allowed.reshape(shape), likeness, variation)
    common = max(0.0, 1 - variation.scatter) if sd is not None else 0.0
    shared = np.abs(weights) @ np.where(known[:, None], bars, 0) ** 2
    return Smoother(weights, np.sqrt(variance[:, None] * unit**2 + common * shared), variation)


def _likeness(first: NDArray[np.int64], size: int) -> Values:
    """Correlation of the errors of tiles along an axis, by the part of their pixels that they share."""
    shared: Values = np.maximum(0, 1 - np.abs(first[:, None] - first) / size)
    return ALIKE * shared + (1 - ALIKE) * np.eye(len(first))


def _solve(noise: Values, likeness: tuple[Values, Values], variation: Variation) -> tuple[Values, Values]:
    """The smoother's weights, and the variance of what it gives, in squared usual error bars."""
    known = np.isfinite(noise).ravel()
    error = variation.scatter * np.where(known, noise.ravel(), 0)
    # tiles that share pixels count for fewer
    crowd = np.outer(*(each.sum(1) for each in likeness)).ravel()
    precision = np.zeros(noise.size)
    precision[known] = 1 / (error * crowd)[known]
    root = diags(np.sqrt(error))
    errors: Any = root @ kron(csr_matrix(likeness[0]), csr_matrix(likeness[1])) @ root
    slopes = variation.slopes(noise.shape)
    prior: Any = csr_matrix(block_diag([variation.walk_precision(noise.shape), eye(2) / variation.slope**2]))
    joined: Any = csr_matrix(hstack([eye(noise.size), csr_matrix(slopes)]))  # the field of a walk and two slopes
    factor = splu((prior + joined.T @ diags(precision) @ joined).tocsc())
    rows, variance = [], []
    for first in range(0, noise.size, SOLVED):
        response = factor.solve(joined[first : first + SOLVED].toarray().T)
        weights = (joined @ response) * precision[:, None]
        weights /= weights.sum(0)
        rows.append(weights.T)
        variance.append((weights * (errors @ weights)).sum(0) + (response * (prior @ response)).sum(0))
    return np.concatenate(rows), np.concatenate(variance)
