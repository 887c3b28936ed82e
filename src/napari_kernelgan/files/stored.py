"""Files whose pixels are read when they are asked for: memory-mapped where they lie in the file as they are, else decoded in parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..images.stored import Key, Stored

CHUNK_PIXELS = 2**22
"""Of memory-mapped files, which can be read in parts of any size."""


@dataclass(frozen=True)
class StoredFile(Stored):
    """One file. What it is opened with is kept open, for the last few files of each process."""

    path: Path
    open: Callable[[Path, int], Any]
    """One of the functions here; it gives an array that reads when it is indexed, or the pixels."""
    level: int = 0
    """Resolution, of those that a file has."""
    whole: bool = False
    """Whether opening decodes all pixels; of such files, only the last one stays in memory."""
    inverted: bool = False
    """Whether white is stored as zero."""

    def read(self, key: Key) -> NDArray[Any]:
        """Read a part; a copy, which does not keep the file open."""
        status = self.path.stat()
        cached = _decoded if self.whole else _opened
        # the process, because a forked one would share the position in an open file; time and size, because files change
        source = cached(self.open, self.path, self.level, os.getpid(), status.st_mtime_ns, status.st_size)
        pixels = np.array(source[key])
        return ~pixels if self.inverted else pixels


@lru_cache(maxsize=8)
def _opened(function: Callable[[Path, int], Any], path: Path, level: int, *_: int) -> Any:
    return function(path, level)


@lru_cache(maxsize=1)
def _decoded(function: Callable[[Path, int], Any], path: Path, level: int, *_: int) -> Any:
    return function(path, level)


def map_tiff(path: Path, level: int) -> Any:
    """Memory map of the first image of a TIFF that is contiguous and not compressed."""
    return tifffile.memmap(path, series=0, level=level, mode="r")


def open_tiff(path: Path, level: int) -> Any:
    """Zarr array of the first image of a TIFF, which decodes the tiles or strips that are asked for."""
    import zarr

    return zarr.open_array(tifffile.imread(path, aszarr=True, series=0, level=level), mode="r")


def map_npy(path: Path, level: int) -> Any:
    """Memory map of an NPY file."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


def mapped_chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Parts of a few megapixels in C order: whole rows, as they lie in the file."""
    chunks = [1] * len(shape)
    for axis in reversed(range(len(shape))):
        chunks[axis] = max(1, min(shape[axis], CHUNK_PIXELS // prod(chunks)))
    return tuple(chunks)
