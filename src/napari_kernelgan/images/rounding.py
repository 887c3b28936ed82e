"""From floats to integers of a given mean: intensities are measurements, and saturating or rounding by itself would shift their mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 50
CANDIDATES = 8
"""So many times the pixels that are needed are looked at first, where values are spread evenly between integers."""


def nearest_integers(values: NDArray[np.float64], low: float, high: float, mean: float) -> NDArray[np.float64]:
    """The integers from `low` to `high` that have a given mean and lie nearest to `values`.

    In the least-squares sense these are the values shifted by one number, then saturated and rounded, the pixels that lie nearest to the
    other integer being rounded that way until the sum is right.

    Parameters
    ----------
    values : ndarray
        float64.
    low, high : float
        The limits of a dtype.
    mean : float
        Between `low` and `high`; kept to the nearest sum of integers.
    """
    total = float(np.rint(mean * values.size))
    moved = values + _shift(values, low, high, total)
    integers = np.clip(np.rint(moved), low, high)
    missing = int(total - integers.sum())
    if missing == 0:
        return integers
    sign = 1 if missing > 0 else -1
    gain = (moved - integers).ravel()
    gain *= sign
    gain[(integers.ravel() >= high) if sign > 0 else (integers.ravel() <= low)] = -np.inf
    count = abs(missing)
    near = np.flatnonzero(gain > 0.5 - CANDIDATES * count / gain.size)  # most pixels need no closer look
    if len(near) < count:
        near = np.flatnonzero(gain > -np.inf)
        count = min(count, len(near))
    # of pixels that are alike, as in a flat background, those to be changed are scattered
    chances = gain[near] + 0.01 * np.random.default_rng(0).random(len(near))
    integers.flat[near[np.argpartition(chances, -count)[-count:]]] += sign
    return integers


def _shift(values: NDArray[np.float64], low: float, high: float, total: float) -> float:
    """What to add to all values so that their sum, once they are saturated, is `total`, to a hundredth for every pixel left free."""
    least, most = low - float(values.max()), high - float(values.min())  # at these all are saturated
    shift = 0.0
    for _ in range(ROUNDS):
        saturated = np.clip(values + shift, low, high)
        gap = total - float(saturated.sum())
        free = np.count_nonzero((saturated > low) & (saturated < high))
        if abs(gap) <= free / 100:
            break
        # Newton's step, or half of the bracket where that leaves it
        least, most = (shift, most) if gap > 0 else (least, shift)
        shift += gap / free if free else np.inf
        if not least < shift < most:
            shift = (least + most) / 2
    return shift
