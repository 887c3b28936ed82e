"""Where a picture need not be smooth: differences that stand out from a floor are edges, and cost little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1))
STRIP = 64  # rows at a time, which the processor's cache holds
RIM = 3


def edge_divergence(image: NDArray[np.float32], floor: float) -> NDArray[np.float32]:
    """``D* d`` for the differences d that are to cost nothing, as `PeriodicInverse.solve` takes it.

    Of every difference between neighbours the part ``e / (e + floor)``, where e is the mean squared difference in that direction (per px
    of distance) over the 3 x 3 px around: along edges little, across them nearly all. Minimising again with them is a step of iteratively
    reweighted least squares, in half-quadratic form.

    Parameters
    ----------
    image : ndarray
        (Y, X), the outermost 3 px of which are of no interest: they count as smooth.
    floor : float
        Squared difference per px^2 of which half is free.
    """
    height, width = image.shape
    pixels, out = image.ravel(), np.zeros(image.size, np.float32)  # on one long axis, work is twice as fast as on two
    for row in range(RIM - 1, height - RIM, STRIP):
        first, last = row * width, min(row + STRIP, height - RIM) * width
        wide = slice(first - width - 1, last + width + 1)
        for down, right in DIRECTIONS:
            ahead, length = down * width + right, down + abs(right)  # length squared
            difference = pixels[wide.start + ahead : wide.stop + ahead] - pixels[wide]
            energy = _sums_of_three(_sums_of_three(difference * difference, width), 1)
            flow = difference[width + 1 : -width - 1]
            flow *= energy
            energy += np.float32(9 * length * floor)
            flow /= energy
            flow *= np.float32(0.5 / length)
            flow.reshape(-1, width)[:, -1 if right > 0 else 0] = 0  # there the long axis joins opposite borders
            out[first:last] -= flow
            out[first + ahead : last + ahead] += flow
    return out.reshape(image.shape)


def _sums_of_three(values: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Every value but the outermost, and those one step to either side of it."""
    sums: NDArray[np.float32] = values[: -2 * step] + values[2 * step :]
    sums += values[step:-step]
    return sums
