"""What is worked on: opened anew in every process that needs it, with pixels without a value told apart."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..errors import InputError
from ..files.image_file import ImageFile
from ..files.stacks import open_stack
from ..images.layout import Index, Layout, Region, as_image, is_lazy

Ranges = Mapping[str, tuple[int, int]]
"""First and last (exclusive) position along stack axes."""


class Pixels(NamedTuple):
    """A plane or a part of one."""

    values: NDArray[Any]
    """(Y, X) or (Y, X, S), as read: for what is on record."""
    missing: NDArray[np.bool_] | None
    """(Y, X): without a value; None where all have one."""

    @property
    def filled(self) -> NDArray[Any]:
        """The values, with the nearest one that there is where there is none: nothing of what marks a gap reaches its neighbours."""
        if self.missing is None or self.missing.all():
            return self.values
        nearest = scipy.ndimage.distance_transform_edt(self.missing, return_distances=False, return_indices=True)
        return np.asarray(self.values[tuple(nearest)])


@dataclass(frozen=True, eq=False)
class Source:
    """An image by its path, or an array: small enough to be sent to where it is worked on.

    Attributes
    ----------
    origin : str, tuple of str, array, or ImageFile
        A file, a folder, a glob pattern, or several files that are one stack; a NumPy, Dask or Zarr array; or an `ImageFile`, which is an
        array with what is known about it.
    axes : str, optional
    level : int
        Of an OME-Zarr image.
    nodata : float, optional
        The value that means none; None takes the file's own. NaN, infinite and masked pixels never have one.
    ranges : tuple of (letter, first, last)
        The part of the stack that is worked on.
    token : str
        Files are opened once for each: a process that lives on sees what was changed since the last one.
    """

    origin: Any
    axes: str | None = None
    level: int = 0
    nodata: float | None = None
    ranges: tuple[tuple[str, int, int], ...] = ()
    token: str = ""

    @classmethod
    def of(cls, origin: Any, axes: str | None = None, level: int = 0, nodata: float | None = None, ranges: Ranges | None = None) -> Source:
        """Check what is given; nothing is read yet."""
        origin = as_image(origin) if not _is_paths(origin) else tuple(str(p) for p in origin)
        if isinstance(origin, Path):
            origin = str(origin)
        whole = cls(origin, axes, level, nodata, token=secrets.token_hex(8))
        return replace(whole, ranges=_checked(ranges or {}, whole.layout))

    @property
    def on_disk(self) -> bool:
        """Whether it is opened by its path."""
        return isinstance(self.origin, (str, tuple))

    @property
    def can_be_sent(self) -> bool:
        """Whether other processes can read it, without being sent the pixels."""
        return self.on_disk or is_lazy(self.file.data)

    @property
    def file(self) -> ImageFile:
        """The image and what its file tells, lazily; opened once in a process."""
        if isinstance(self.origin, ImageFile):
            return self.origin
        if self.on_disk:
            return _opened(self.origin, self.axes, self.level, self.token)
        return ImageFile(Path("array"), self.origin, Layout.of(self.origin, self.axes).axes)

    @property
    def layout(self) -> Layout:
        """Of the part that is worked on."""
        layout = Layout.of(self.file.data, self.file.axes)
        ranges = {axis: last - first for axis, first, last in self.ranges}
        return Layout(layout.axes, tuple(ranges.get(a, n) for a, n in zip(layout.axes, layout.shape, strict=True)))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        dtype: np.dtype[Any] = np.dtype(self.file.data.dtype)
        return dtype

    def place(self, index: Index) -> Index:
        """Index of a plane in the whole stack."""
        first = {axis: at for axis, at, _ in self.ranges}
        return tuple(at + first.get(a, 0) for a, at in zip(self.layout.stack_axes, index, strict=True))

    def read(self, index: Index = (), region: Region | None = None) -> Pixels:
        """Read a plane, or a region (rows, columns) of it.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        file = self.file
        layout, where = Layout.of(file.data, file.axes), self.place(index)
        try:
            with _threads(file.data):
                values = layout.plane(file.data, where, region)
        except (InputError, MemoryError):
            raise
        except Exception as error:  # whatever a reader says of a damaged file
            raise InputError(f"Plane {where} cannot be read: {str(error) or type(error).__name__}") from error
        missing = np.zeros(values.shape, bool)
        if values.dtype.kind == "f":
            missing |= ~np.isfinite(values)
        nodata = self.nodata if self.nodata is not None else file.nodata
        if nodata is not None and np.isfinite(nodata):
            missing |= values == nodata
        if np.ma.is_masked(file.data):
            missing |= layout.plane(np.ma.getmaskarray(file.data), where, region)
        flat = np.asarray(missing.any(-1) if missing.ndim == 3 else missing, bool)
        return Pixels(values, flat if flat.any() else None)


def _threads(data: Any) -> AbstractContextManager[Any]:
    """Dask arrays are computed here, also in a worker, where they would else be handed out as tasks of their own."""
    if not hasattr(data, "dask"):
        return nullcontext()
    import dask

    setting: AbstractContextManager[Any] = dask.config.set(scheduler="threads")
    return setting


def _is_paths(origin: Any) -> bool:
    return isinstance(origin, (list, tuple)) and bool(origin) and all(isinstance(each, (str, Path)) for each in origin)


def _checked(ranges: Ranges, layout: Layout) -> tuple[tuple[str, int, int], ...]:
    found = []
    for letter, (first, last) in ranges.items():
        axis = letter.upper()
        if axis not in layout.stack_axes:
            raise InputError(f"A range along {letter!r} is asked for, but the stack axes are {layout.stack_axes or 'none'}.")
        if not 0 <= first < last <= layout.length(axis):
            raise InputError(f"The range {first}:{last} along {axis} is not within 0:{layout.length(axis)}.")
        found.append((axis, int(first), int(last)))
    return tuple(found)


@lru_cache(maxsize=8)
def _opened(origin: str | tuple[str, ...], axes: str | None, level: int, token: str) -> ImageFile:
    return open_stack(origin if isinstance(origin, str) else [Path(each) for each in origin], axes, level)
