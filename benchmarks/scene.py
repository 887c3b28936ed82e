"""A blurred scene of any size, made of scikit-image's pictures piece by piece, so that no more than a piece of it is ever in memory."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray
from skimage import data
from skimage.color import rgb2gray

import napari_kernelgan as kg

CELL = 450
"""HR px of each picture, so that their edges seldom meet those of blocks (2048 HR px)."""
KERNEL = kg.kernels.gaussian([[2.6, 0.8], [0.8, 1.5]])
MARGIN = 16
"""LR px around a piece, more than the kernel reaches."""
WHITE = 50000


@lru_cache
def pictures() -> tuple[NDArray[np.float32], ...]:
    """Pictures on 0..1, CELL px a side."""
    shown = (
        data.camera(),
        data.astronaut(),
        data.moon(),
        data.brick(),
        data.gravel(),
        data.hubble_deep_field(),
        data.immunohistochemistry(),
    )
    gray = [rgb2gray(each) if each.ndim == 3 else each / 255 for each in shown]
    return tuple(each[:CELL, :CELL].astype(np.float32) for each in gray)


def sharp(top: int, left: int, height: int, width: int, seed: int) -> NDArray[np.float32]:
    """A part of the endless sharp scene, in HR px: pictures side by side, flipped, turned, and of differing brightness."""
    rows, columns = (range(first // CELL, (first + length - 1) // CELL + 1) for first, length in ((top, height), (left, width)))
    cells = np.empty((len(rows) * CELL, len(columns) * CELL), np.float32)
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            rng = np.random.default_rng([seed, row + 2**20, column + 2**20])  # seeds are not negative
            picture = np.rot90(pictures()[rng.integers(len(pictures()))], rng.integers(4))
            cells[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL] = picture[:: rng.choice([-1, 1])] * rng.uniform(0.6, 1)
    y, x = top - rows[0] * CELL, left - columns[0] * CELL
    return cells[y : y + height, x : x + width]


def low(top: int, left: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint16]:
    """A part of the blurred scene, in LR px, uint16."""
    around = [2 * (top - MARGIN), 2 * (left - MARGIN), 2 * (height + 2 * MARGIN), 2 * (width + 2 * MARGIN)]
    blurred = kg.degrade(sharp(*around, seed), KERNEL)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.rint(WHITE * np.clip(blurred, 0, 1)).astype(np.uint16)


def write_image(path: Path, side: int) -> None:
    """A plane of side x side px as a Zarr array, piece by piece."""
    array = zarr.create_array(path, shape=(side, side), chunks=(1000, 1000), dtype=np.uint16, dimension_names=("y", "x"))
    for top in range(0, side, 1000):
        for left in range(0, side, 1000):
            height, width = min(1000, side - top), min(1000, side - left)
            array[top : top + height, left : left + width] = low(top, left, height, width)


def write_stack(path: Path, count: int, side: int) -> None:
    """A time series of differing scenes as a Zarr array, plane by plane."""
    array = zarr.create_array(path, shape=(count, side, side), chunks=(1, side, side), dtype=np.uint16, dimension_names=("t", "y", "x"))
    for at in range(count):
        array[at] = low(0, 0, side, side, seed=at + 1)
