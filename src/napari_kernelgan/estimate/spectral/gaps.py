"""Pixels that say nothing about the blur: without a value, or saturated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, uniform_filter

LEAST_SHARE = 1e-3
"""Of a plane's pixels at its largest or smallest value, below which nothing counts as saturated."""
FLAT = np.ones((3, 3), bool)
FILLED_FROM = 9
"""Side in px of the square whose mean stands where there is no value."""

Planes = list[NDArray[np.float32]]
Masks = list[NDArray[np.bool_] | None]


def without_gaps(planes: Sequence[NDArray[np.float32]], gaps: Sequence[NDArray[np.bool_]] = ()) -> tuple[Planes, Masks]:
    """Planes (channels, Y, X) whose gaps are filled smoothly, and what to leave out of each: gaps and saturated areas, (Y, X), or None.

    A single pixel at an end of the range is not saturated; areas of them are, where intensities were cut off after the blur.
    """
    missing = gaps or [np.zeros(plane.shape[1:], bool) for plane in planes]
    filled = [_filled(plane, gap) if gap.any() else plane for plane, gap in zip(planes, missing, strict=True)]
    masks = [_saturated(plane, gap) for plane, gap in zip(filled, missing, strict=True)]
    return filled, [mask if mask.any() else None for mask in masks]


def _filled(plane: NDArray[np.float32], gap: NDArray[np.bool_]) -> NDArray[np.float32]:
    known = (~gap).astype(np.float32)
    weight = uniform_filter(known, FILLED_FROM)
    near = np.stack([uniform_filter(channel * known, FILLED_FROM) for channel in plane]) / np.maximum(weight, 1e-6)
    far = plane[:, ~gap].mean(1)[:, None, None]
    return np.where(gap, np.where(weight > 1e-3, near, far), plane).astype(np.float32)


def _saturated(plane: NDArray[np.float32], gap: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Gaps, and areas where any channel lies at an end of its range."""
    mask = gap.copy()
    for channel in plane:
        for end in (channel.min(), channel.max()):
            there = channel == end
            if np.count_nonzero(there) > LEAST_SHARE * there.size and (areas := binary_erosion(there, FLAT)).any():
                mask |= binary_dilation(areas, FLAT, iterations=2)
    return mask
