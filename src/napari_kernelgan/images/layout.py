"""Axes of an image, and the planes in it: reading one plane at a time from any array, and putting planes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import InputError
from .stored import Stored

LETTERS = "TZCYXS"
WITH_ALPHA = (2, 4)
"""Samples per pixel of which the last is transparency: gray and alpha, RGBA."""
Index = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The axes of an image and their lengths.

    A *plane* is one picture: (Y, X), or (Y, X, S) with colour samples. Every axis but Y, X and S is a stack of planes.

    Attributes
    ----------
    axes : str
        One letter per axis as tifffile and OME use them: T, Z, C, Y, X, S. Other letters are for stacks along more than three axes.
    shape : tuple of int
    """

    axes: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, image: Any, axes: str | None = None) -> Layout:
        """Check `axes` against the image's shape, or guess them.

        None means: 2-D is "YX"; a last axis of length 3 or 4 is "S" (colour); what is left over in front is a stack.

        Raises
        ------
        InputError
            If the image has fewer than two axes, or the letters do not fit it.
        """
        shape = getattr(image, "shape", None)
        if shape is None:
            raise InputError(f"An image is a NumPy, Dask or Zarr array, not {type(image).__name__}.")
        shape = tuple(int(n) for n in shape)
        if axes is None:
            axes = _guess(shape)
        if not isinstance(axes, str):
            raise InputError(f"axes={axes!r} is no text: give one letter per axis, for example 'YX', 'YXS', 'TYX' or 'TCZYXS'.")
        axes = axes.upper()
        if len(axes) != len(shape):
            raise InputError(
                f"axes={axes!r} names {len(axes)} axes, but the image has {len(shape)} (shape {shape}). Give one letter per axis."
            )
        if not axes.isalpha() or len(set(axes)) != len(axes):
            raise InputError(f"axes={axes!r} must be different letters, for example 'YX', 'YXS', 'TYX' or 'TCZYXS'.")
        if "Y" not in axes or "X" not in axes:
            raise InputError(f"axes={axes!r} has no Y or no X: an image needs both.")
        if len(set(axes) - set("YXS")) <= 3 and not set(axes) <= set(LETTERS):
            raise InputError(f"axes={axes!r} has letters other than T, Z, C, Y, X and S: name a stack of another kind T, Z or C.")
        if 0 in shape:
            raise InputError(f"The image is empty (shape {shape}).")
        return cls(axes, shape)

    @cached_property
    def stack_axes(self) -> str:
        """The letters of the axes that planes are stacked along, in order."""
        return "".join(a for a in self.axes if a not in "YXS")

    @cached_property
    def stack_shape(self) -> tuple[int, ...]:
        """The lengths of the stack axes; () for a single plane."""
        return tuple(self.length(a) for a in self.stack_axes)

    @property
    def n_planes(self) -> int:
        """How many planes there are."""
        return prod(self.stack_shape)

    @property
    def plane_size(self) -> tuple[int, int]:
        """Height and width of a plane in pixels."""
        return self.length("Y"), self.length("X")

    @property
    def n_samples(self) -> int:
        """Colour samples per pixel, alpha included; 1 for gray."""
        return self.length("S") if "S" in self.axes else 1

    @property
    def has_alpha(self) -> bool:
        """Whether the last sample is transparency."""
        return self.n_samples in WITH_ALPHA

    @property
    def n_colours(self) -> int:
        """Samples per pixel without alpha."""
        return self.n_samples - self.has_alpha

    def length(self, axis: str) -> int:
        """Length of one axis by letter."""
        return self.shape[self.axes.index(axis)]

    def indices(self) -> Iterator[Index]:
        """Index of every plane along the stack axes, in C order; the one index of a single plane is ()."""
        return product(*(range(n) for n in self.stack_shape))

    def spread(self, most: int) -> list[Index]:
        """At most `most` plane indices, evenly spread over the stack."""
        chosen = np.unique(np.linspace(0, self.n_planes - 1, min(most, self.n_planes)).round().astype(int))
        return [tuple(int(i) for i in np.unravel_index(flat, self.stack_shape)) if self.stack_shape else () for flat in chosen]

    def plane(self, image: Any, index: Index = ()) -> NDArray[Any]:
        """Read one plane: (Y, X), or (Y, X, S); native byte order; nothing else of a lazy image is computed."""
        return self.region(image, index, (slice(None), slice(None)))

    def region(self, image: Any, index: Index, region: tuple[slice, slice]) -> NDArray[Any]:
        """Read a part of one plane, given by its rows and columns, as `plane` does."""
        along = dict(zip("YX", region, strict=True))
        key = tuple(along.get(a, k) for a, k in zip(self.axes, self._key(index), strict=True))
        plane = np.asarray(image[key])
        order = [a for a in self.axes if a in "YXS"]
        plane = plane.transpose([order.index(a) for a in "YXS" if a in order])
        return np.asarray(plane, dtype=plane.dtype.newbyteorder("="))

    def scaled(self, scale: int) -> Layout:
        """The layout of the image enlarged by `scale` in Y and X."""
        return Layout(self.axes, tuple(n * scale if a in "YX" else n for a, n in zip(self.axes, self.shape, strict=True)))

    def shrunk(self, scale: int) -> Layout:
        """The layout of the image downscaled by `scale` in Y and X; remainders are lost."""
        return Layout(self.axes, tuple(n // scale if a in "YX" else n for a, n in zip(self.axes, self.shape, strict=True)))

    def empty(self, dtype: DTypeLike) -> NDArray[Any]:
        """A new array of this layout's shape."""
        return np.empty(self.shape, dtype)

    def put(self, out: NDArray[Any], index: Index, plane: NDArray[Any]) -> None:
        """Write one plane, (Y, X) or (Y, X, S), into an array of this layout."""
        order = [a for a in self.axes if a in "YXS"]
        out[self._key(index)] = plane.transpose(["YXS".index(a) for a in order])

    def _key(self, index: Index) -> tuple[int | slice, ...]:
        along = dict(zip(self.stack_axes, index, strict=True))
        return tuple(along.get(a, slice(None)) for a in self.axes)


def as_image(image: Any) -> Any:
    """The array that nested lists mean; anything else as it is."""
    if not isinstance(image, (list, tuple)):
        return image
    try:
        return np.asarray(image)
    except ValueError as error:
        raise InputError("An image that is given as lists has rows of one length.") from error


def without_alpha(plane: NDArray[Any]) -> NDArray[Any]:
    """A plane, (Y, X) or (Y, X, S), without the sample that is transparency."""
    return plane[..., :-1] if plane.ndim == 3 and plane.shape[-1] in WITH_ALPHA else plane


def _guess(shape: tuple[int, ...]) -> str:
    if len(shape) < 2:
        raise InputError(f"An image has at least two axes (Y, X); this one has shape {shape}.")
    spatial = "YXS" if len(shape) > 2 and shape[-1] in (3, 4) else "YX"
    front = len(shape) - len(spatial)
    if front > 3:
        raise InputError(f"Cannot guess the axes of an image of shape {shape}: give axes=, for example 'TCZYXS'.")
    return ("", "T", "TZ", "TCZ")[front] + spatial


def is_lazy(image: Any) -> bool:
    """Whether the image is a Dask or Zarr array, or one in files, whose pixels are read only where asked for."""
    return isinstance(image, Stored) or hasattr(image, "dask") or type(image).__module__.split(".")[0] == "zarr"
