"""A lazy image that can be made to wait, or to fail, when it is read."""

from __future__ import annotations

import threading

import dask.array as da
import numpy as np

from .short import TIMEOUT


class Reading:
    """Planes that are read only where somebody asks for them.

    Attributes
    ----------
    waiting : threading.Event
        Set when somebody waits to read after `hold`.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self._error: type[Exception] | None = None
        self._words: tuple[object, ...] = ()
        self.waiting = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def image(self) -> da.Array:
        """The image, in one block for each plane."""
        shape = self.pixels.shape
        blocks = (1,) * (len(shape) - 2) + shape[-2:]
        empty = np.empty((0,) * len(shape), self.pixels.dtype)
        return da.zeros(shape, chunks=blocks, dtype=self.pixels.dtype).map_blocks(self._read, dtype=self.pixels.dtype, meta=empty)

    def fail(self, error: type[Exception], *words: object) -> None:
        """Raise this whenever somebody reads, until `mend`."""
        self._error, self._words = error, words

    def mend(self) -> None:
        """Raise nothing any more."""
        self._error = None

    def hold(self) -> None:
        """Let everybody wait who wants to read, until `let_go`."""
        self._free.clear()

    def let_go(self) -> None:
        """Let everybody read."""
        self._free.set()

    def _read(self, block: np.ndarray, block_id: tuple[int, ...] = ()) -> np.ndarray:
        if self._error is not None:
            raise self._error(*self._words)
        if not self._free.is_set():
            self.waiting.set()
            self._free.wait(TIMEOUT / 1000)
        return self.pixels[block_id[:-2]].reshape(block.shape)
