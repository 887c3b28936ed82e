"""Values of an image: which can be used at all, the range that work is done on, and the way back to the image's dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import InputError
from .layout import Index, Layout, without_alpha
from .rounding import nearest_integers

SAMPLE_PLANES = 16
SAMPLE_PIXELS = 1_000_000
SAMPLE_SEED = 0
"""Not a run's own seed: the same image has the same value range in every run."""


class ValueRange(NamedTuple):
    """The values that are 0 and 1 inside. Values outside are not clipped."""

    low: float
    high: float


def check_dtype(dtype: DTypeLike) -> None:
    """Accept real numbers only; raise `InputError` with advice otherwise."""
    kind = numpy_dtype(dtype).kind
    if kind == "b":
        raise InputError("The image is boolean: a mask has no gray values to learn from. Give the image that it was made from.")
    if kind == "c":
        raise InputError("The image is complex: give its magnitude (abs(image)) or its real part.")
    if kind not in "iuf":
        raise InputError(f"The image has dtype {np.dtype(dtype)}; integers and floats are understood.")


def numpy_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """The NumPy dtype that is meant; raise `InputError` where it is none, as that of a PyTorch tensor."""
    try:
        return np.dtype(dtype)
    except TypeError as error:
        raise InputError(f"The image has dtype {dtype}, which is none of NumPy's: give numpy.asarray(image).") from error


def check_finite(plane: NDArray[Any], where: str = "The image") -> None:
    """Refuse NaN and infinite values, with their count and what to do."""
    if plane.dtype.kind != "f":
        return
    bad = int(plane.size - np.count_nonzero(np.isfinite(plane)))
    if bad:
        raise InputError(
            f"{where} has {bad} NaN or infinite values of {plane.size}. Replace them first, for example with "
            "numpy.nan_to_num or skimage.restoration.inpaint_biharmonic, or crop to a part without them."
        )


def output_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Integers keep their dtype, in native byte order; floats give float32."""
    dtype = numpy_dtype(dtype)
    return dtype.newbyteorder("=") if dtype.kind in "iu" else np.dtype(np.float32)


def cast(values: NDArray[np.floating[Any]], dtype: DTypeLike, mean: float | None = None) -> NDArray[Any]:
    """Turn floats into an output dtype: integers are rounded and saturated, never wrapped.

    With a `mean`, integers are those nearest to `values` that have it, so that neither saturating nor rounding changes it. Floats are left
    as they are: overshoot, below zero too, is part of their mean.
    """
    dtype = output_dtype(dtype)
    if dtype.kind == "f":
        return np.asarray(values, dtype)
    info = np.iinfo(dtype)
    # float(info.max) rounds up for 64-bit integers, and casting it would wrap; saturate at the largest float below.
    low, high = float(info.min), float(info.max) if float(info.max) <= info.max else np.nextafter(float(info.max), 0.0)
    exact = values.astype(np.float64)
    return (np.clip(np.rint(exact), low, high) if mean is None else nearest_integers(exact, low, high, mean)).astype(dtype)


def read_plane(image: Any, layout: Layout, index: Index) -> NDArray[Any]:
    """Read one plane, (Y, X) or (Y, X, S); raise `InputError` where it has NaN, infinite or masked values."""
    plane = layout.plane(image, index)
    where = f"Plane {index} of the image" if index else "The image"
    check_finite(plane, where)
    mask = np.ma.getmask(image)
    if mask is not np.ma.nomask and layout.plane(mask, index).any():
        raise InputError(f"{where} has masked pixels. Fill them first, for example with image.filled(0), or crop to a part without them.")
    return plane


def value_range(
    image: Any, layout: Layout, given: tuple[float, float] | None = None, planes: Sequence[NDArray[Any]] | None = None
) -> ValueRange:
    """The one value range of a whole stack.

    0..255 for uint8, else the 0.1 and 99.9 percentiles of a seeded sample, unless given; of a constant image, a range that begins with it.

    Parameters
    ----------
    image : array
    layout : Layout
    given : tuple of float, optional
        The range, which then needs only to be one.
    planes : sequence of ndarray, optional
        Those to sample, where they were read already; None reads at most 16, evenly spread, where a sample is needed.

    Raises
    ------
    InputError
        If the range is not a range, or planes that are read here hold NaN, infinite or masked values.
    """
    check_dtype(image.dtype)
    if given is not None:
        return _given(given)
    if np.dtype(image.dtype) == np.uint8:
        return ValueRange(0.0, 255.0)
    chosen = layout.spread(SAMPLE_PLANES)
    rng = np.random.default_rng(SAMPLE_SEED)
    share = SAMPLE_PIXELS // len(planes or chosen)
    samples = []
    for plane in planes or (read_plane(image, layout, index) for index in chosen):
        values = without_alpha(plane).ravel()
        samples.append(values if values.size <= share else values[rng.integers(0, values.size, share)])
    sample = np.concatenate(samples).astype(np.float64)
    low, high = (float(v) for v in np.percentile(sample, [0.1, 99.9]))
    if low == high:  # nearly everything is background, as in sparse fluorescence
        low, high = float(sample.min()), float(sample.max())
    if low == high:
        high += max(1.0, abs(low) / 1000)
    return ValueRange(low, high)


def _given(given: Any) -> ValueRange:
    """A range that the caller gave, checked."""
    try:
        low, high = (float(v) for v in np.asarray(given, np.float64))
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"value_range={given!r} must be two finite numbers, the lower one first.")
    return ValueRange(low, high)


def to_unit(plane: NDArray[Any], values: ValueRange) -> NDArray[np.float32]:
    """A plane (Y, X) or (Y, X, S) as float32 channels (C, Y, X) with the value range on 0..1."""
    unit = (plane.astype(np.float64) - values.low) / (values.high - values.low)
    channels = unit[None] if unit.ndim == 2 else np.moveaxis(unit, -1, 0)
    return np.ascontiguousarray(channels, np.float32)


class UnitPlanes(Sequence[NDArray[np.float32]]):
    """Some planes of a stack as channels on 0..1, without alpha, each read when it is asked for."""

    def __init__(self, image: Any, layout: Layout, chosen: Sequence[Index], values: ValueRange) -> None:
        self._image, self._layout, self._chosen, self._values = image, layout, chosen, values

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, number: Any) -> Any:
        return to_unit(without_alpha(read_plane(self._image, self._layout, self._chosen[number])), self._values)


def from_unit(
    channels: NDArray[np.float32], values: ValueRange, dtype: DTypeLike, colour: bool, means: Sequence[float | None] | None = None
) -> NDArray[Any]:
    """Undo `to_unit`: (C, Y, X) on 0..1 to a plane (Y, X) or (Y, X, S) of an output dtype; `means` of the channels are for `cast`."""
    wide = channels.astype(np.float64) * (values.high - values.low) + values.low
    plane = np.stack([cast(channel, dtype, mean) for channel, mean in zip(wide, means or [None] * len(wide), strict=True)], axis=-1)
    return plane if colour else plane[..., 0]
