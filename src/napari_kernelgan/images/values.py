"""Values of an image: which can be used at all, the range that work is done on, and the way back to the image's dtype."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import InputError
from .layout import Layout

SAMPLE_PLANES = 16
SAMPLE_PIXELS = 1_000_000


class ValueRange(NamedTuple):
    """The values that are 0 and 1 inside. Values outside are not clipped."""

    low: float
    high: float


def check_dtype(dtype: DTypeLike) -> None:
    """Accept real numbers only; raise `InputError` with advice otherwise."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        raise InputError("The image is boolean: a mask has no gray values to learn from. Give the image that it was made from.")
    if kind == "c":
        raise InputError("The image is complex: give its magnitude (abs(image)) or its real part.")
    if kind not in "iuf":
        raise InputError(f"The image has dtype {np.dtype(dtype)}; integers and floats are understood.")


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
    dtype = np.dtype(dtype)
    return dtype.newbyteorder("=") if dtype.kind in "iu" else np.dtype(np.float32)


def cast(values: NDArray[np.floating[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Turn floats into an output dtype: integers are rounded and saturated, never wrapped."""
    dtype = output_dtype(dtype)
    if dtype.kind == "f":
        return np.asarray(values, dtype)
    info = np.iinfo(dtype)
    # float(info.max) rounds up for 64-bit integers, and casting it would wrap; clip to the largest float below.
    high = float(info.max) if float(info.max) <= info.max else np.nextafter(float(info.max), 0.0)
    return np.clip(np.rint(values.astype(np.float64)), float(info.min), high).astype(dtype)


def value_range(image: Any, layout: Layout, seed: int = 0, given: tuple[float, float] | None = None) -> ValueRange:
    """The one value range of a whole stack.

    0..255 for uint8, else the 0.1 and 99.9 percentiles of a seeded sample (at most 16 planes are read), unless given.

    Raises
    ------
    InputError
        If the range is not a range, the image is constant, or the sampled planes hold NaN or infinite values.
    """
    check_dtype(image.dtype)
    if given is not None:
        low, high = (float(v) for v in given)
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f"value_range={given!r} must be two finite numbers, the lower one first.")
        return ValueRange(low, high)
    if np.dtype(image.dtype) == np.uint8:
        return ValueRange(0.0, 255.0)
    rng = np.random.default_rng(seed)
    chosen = layout.spread(SAMPLE_PLANES)
    samples = []
    for index in chosen:
        plane = layout.plane(image, index)
        check_finite(plane)
        values = plane[..., : layout.n_colours].ravel() if layout.n_samples > 1 else plane.ravel()
        share = SAMPLE_PIXELS // len(chosen)
        samples.append(values if values.size <= share else values[rng.integers(0, values.size, share)])
    sample = np.concatenate(samples).astype(np.float64)
    low, high = np.percentile(sample, [0.1, 99.9])
    if low == high:  # nearly everything is background, as in sparse fluorescence
        low, high = sample.min(), sample.max()
    if low == high:
        raise InputError(f"The image is constant (every value is {low:g}): there is nothing to estimate from or to upscale.")
    return ValueRange(float(low), float(high))


def to_unit(plane: NDArray[Any], values: ValueRange) -> NDArray[np.float32]:
    """A plane (Y, X) or (Y, X, S) as float32 channels (C, Y, X) with the value range on 0..1."""
    unit = (plane.astype(np.float64) - values.low) / (values.high - values.low)
    channels = unit[None] if unit.ndim == 2 else np.moveaxis(unit, -1, 0)
    return np.ascontiguousarray(channels, np.float32)


def from_unit(channels: NDArray[np.float32], values: ValueRange, dtype: DTypeLike, colour: bool) -> NDArray[Any]:
    """Undo `to_unit`: (C, Y, X) on 0..1 to a plane (Y, X) or (Y, X, S) of an output dtype."""
    plane = channels.astype(np.float64) * (values.high - values.low) + values.low
    return cast(np.moveaxis(plane, 0, -1) if colour else plane[0], dtype)
