"""Which parts of a picture are worth a closer look."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Corner = tuple[int, int]


def detail_side(height: int, width: int, largest: int = 56) -> int:
    """Side of square details of which two always fit side by side, wherever the first one lies."""
    return max(1, min(largest, min(height, width) // 3))


def find_details(gray: NDArray[Any], side: int, count: int = 2) -> list[Corner]:
    """Upper left corners (y, x) of the squares where the gradient is strongest, without overlap, the strongest first.

    Parameters
    ----------
    gray : ndarray
        (Y, X).
    side : int
        Of the squares, in pixels.
    count : int
        How many; fewer are returned where no more fit.
    """
    gradient = np.hypot(*np.gradient(gray.astype(np.float32)))
    # mean over the square whose upper left corner is the pixel
    strength = scipy.ndimage.uniform_filter(gradient, side, origin=-(side // 2), mode="constant")[
        : gray.shape[0] - side + 1, : gray.shape[1] - side + 1
    ]
    corners: list[Corner] = []
    while len(corners) < count and strength.max() >= 0:
        y, x = (int(i) for i in np.unravel_index(int(strength.argmax()), strength.shape))
        corners.append((y, x))
        strength[max(0, y - side + 1) : y + side, max(0, x - side + 1) : x + side] = -1
    return corners
