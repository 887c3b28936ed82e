"""Tiles that are spread over a plane, and the partition of unity that passes from each to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Values = NDArray[np.float64]


class Tiles(NamedTuple):
    """Where tiles lie along the axes of a plane, in px."""

    rows: NDArray[np.int64]
    """(ty,): the first of each."""
    columns: NDArray[np.int64]
    """(tx,)"""
    size: tuple[int, int]
    """Height and width, the same for all."""

    @property
    def centres(self) -> tuple[Values, Values]:
        """Of the tiles along Y and X; the centre of the first pixel is 0."""
        rows, columns = (np.asarray(first + (n - 1) / 2, np.float64) for first, n in zip(self[:2], self.size, strict=True))
        return rows, columns


def spread(plane: tuple[int, int], tile: int, overlap: float) -> Tiles:
    """Tiles of one size, evenly over a plane from border to border, that share at least a part `overlap` of their sides.

    Raises
    ------
    InputError
        If the tile or the overlap is of no use.
    """
    if not hasattr(tile, "__index__") or isinstance(tile, bool) or tile < 1:
        raise InputError(f"tile is the side of the tiles in px, an integer, not {tile!r}.")
    if not (isinstance(overlap, (int, float)) and 0 <= overlap <= 0.9):
        raise InputError(f"overlap is the part of their sides that neighbouring tiles share, 0 to 0.9, not {overlap!r}.")
    rows, columns = (_firsts(length, min(tile, length), overlap) for length in plane)
    return Tiles(rows, columns, (min(tile, plane[0]), min(tile, plane[1])))


def _firsts(length: int, tile: int, overlap: float) -> NDArray[np.int64]:
    step = max(1, int(tile * (1 - overlap)))
    count = -(-(length - tile) // step) + 1
    return np.floor(np.linspace(0, length - tile, count)).astype(np.int64)


def shares(centres: Values, at: Values) -> Values:
    """Weights (len(at), len(centres)) of each centre at some places of an axis: raised cosines between neighbours, summing to 1."""
    weights = np.zeros((len(at), len(centres)))
    if len(centres) == 1:
        weights[:] = 1
        return weights
    left = np.clip(np.searchsorted(centres, at, "right") - 1, 0, len(centres) - 2)
    part = np.clip((at - centres[left]) / (centres[left + 1] - centres[left]), 0, 1)
    right = np.sin(np.pi / 2 * part) ** 2
    each = np.arange(len(at))
    weights[each, left] = 1 - right
    weights[each, left + 1] = right
    return weights
