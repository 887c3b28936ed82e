"""Arrays whose pixels stay in files until they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import InputError

Key = tuple[int | slice, ...]


@dataclass(frozen=True)
class Stored(ABC):
    """An image in one or more files, of which indexing reads only what is asked for, at once and in the calling thread.

    It holds names and no open file, so that it can be pickled and read in another process. Dask, napari and NumPy take it as an array:
    it has what they ask for.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        In native byte order.
    chunks : tuple of int
        What is best read in one go.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]

    @abstractmethod
    def read(self, key: Key) -> NDArray[Any]:
        """Read what a key means, which has an integer (not negative) or a slice for every axis."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels times samples."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return np.asarray(self.read(self._full(key)), self.dtype)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self[...].astype(dtype or self.dtype, copy=False)

    def _full(self, key: Any) -> Key:
        """A key of integers and slices for every axis, from what NumPy understands as basic indexing."""
        given = list(key) if isinstance(key, tuple) else [key]
        dots = [n for n, each in enumerate(given) if each is Ellipsis] or [len(given)]
        if len(dots) > 1 or len(given) - (dots[0] < len(given)) > self.ndim:
            raise IndexError(f"An array of {self.ndim} axes has no element {key!r}.")
        rest = given[dots[0] + 1 :]
        given = given[: dots[0]]
        given += [slice(None)] * (self.ndim - len(given) - len(rest)) + rest
        return tuple(self._along(axis, each) for axis, each in enumerate(given))

    def _along(self, axis: int, key: Any) -> int | slice:
        if isinstance(key, slice):
            return key
        if isinstance(key, (bool, np.bool_)) or not isinstance(key, (int, np.integer)):
            raise IndexError(f"Images in files are indexed by integers and slices, not by {key!r}: read what is needed into NumPy first.")
        if not -self.shape[axis] <= key < self.shape[axis]:
            raise IndexError(f"Index {key} is out of bounds for axis {axis} of length {self.shape[axis]}.")
        return int(key) % self.shape[axis]


@dataclass(frozen=True)
class Joined(Stored):
    """Arrays of one shape and dtype, stacked along a new first axis."""

    parts: tuple[Any, ...]

    @classmethod
    def of(cls, parts: tuple[Any, ...]) -> Joined:
        """Stack arrays, each of which is one chunk."""
        first = parts[0]
        dtype = np.dtype(first.dtype).newbyteorder("=")
        return cls((len(parts), *first.shape), dtype, (1, *first.shape), parts)

    def read(self, key: Key) -> NDArray[Any]:
        """Read the parts that are asked for, one after the other."""
        if isinstance(key[0], int):
            return np.asarray(self.parts[key[0]][key[1:]])
        chosen = [np.asarray(part[key[1:]]) for part in self.parts[key[0]]]
        # np.broadcast_to: an array of that shape which needs no memory
        return np.stack(chosen) if chosen else np.broadcast_to(self.dtype.type(0), self.shape)[(slice(0), *key[1:])]


@dataclass(frozen=True)
class Unreadable(Stored):
    """What should be an image like others, and cannot be read."""

    error: str

    def read(self, key: Key) -> NDArray[Any]:
        """Raise the error."""
        raise InputError(self.error)
