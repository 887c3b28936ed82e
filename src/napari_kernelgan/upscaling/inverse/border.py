"""What lies beyond an image's border: the likeliest continuation, until the image is periodic."""

from __future__ import annotations

import numpy as np
import scipy

from ...kernels.algebra import Kernel
from .fourier import Image, covariance

FADE = 6
"""px at either end over which a continued image fades."""
CONTEXT = 48
"""px of the image that its continuation is made to fit."""
STEPS, RANGE = 10, 30
"""Steps towards the likeliest continuation, and the ratio of the curvatures that they cover."""

Region = tuple[slice, slice]


def continued(low: Image, reach: int) -> tuple[Image, Region]:
    """A plane of mean zero continued beyond its borders until it is periodic, and where in it the plane lies.

    The edge pixels are repeated for `reach` px and then fade to zero: opposite borders see as little of each other as can be.
    """
    inside = []
    for axis, length in enumerate(low.shape):
        size = 2 * scipy.fft.next_fast_len(-(-(length + 2 * (reach + FADE)) // 2))
        first = (size - length) // 2
        at = np.arange(size) - first
        nearest = np.clip(at, 0, length - 1)
        share = np.cos(np.pi / 2 * np.clip((np.abs(at - nearest) - reach) / FADE, 0, 1)) ** 2
        low = low.take(nearest, axis) * share.astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        inside.append(slice(first, first + length))
    return low, (inside[0], inside[1])


def complete(low: Image, inside: Region, kernel: Kernel, scale: int, weight: float) -> Image:
    """Make a continuation likelier: that of a blurred picture is not any picture, and what does not fit rings far into the result.

    For noise and gradients with Gaussian distributions, y is Gaussian with a known `covariance`. Chebyshev's steps are taken towards the
    likeliest y that has the given pixels; rows and columns beyond the border are worked on in turn, in strips with some of the image.

    Parameters
    ----------
    low : ndarray
        A plane from `continued`.
    inside : tuple of slice
        Where its pixels are given.
    kernel, scale, weight
        As for `PeriodicInverse`.
    """
    low = low.copy()
    middle, half = (1 + 1 / RANGE) / 2, (1 - 1 / RANGE) / 2
    steps = 1 / (middle - half * np.cos(np.pi * (np.arange(STEPS) + 0.5) / STEPS))
    order = np.stack([steps[: STEPS // 2], steps[: STEPS // 2 - 1 : -1]], 1).ravel()  # large and small in turn, so that none grows
    for axis, known in enumerate(inside):
        size = low.shape[axis]
        beyond = size - known.stop + known.start
        context = min(CONTEXT, (known.stop - known.start) // 2)
        around = np.arange(known.stop - context, known.stop + beyond + context)
        around = around[: len(around) // 2 * 2] % size
        strip = low.take(around, axis)
        outside = slice(context, context + beyond)
        ours = np.s_[outside] if axis == 0 else np.s_[:, outside]
        unlikely = 1 / (covariance(kernel, scale, (strip.shape[0], strip.shape[1])) + np.float32(weight))
        unlikely /= unlikely.max()
        for step in order:
            strip[ours] -= np.float32(step) * scipy.fft.irfft2(scipy.fft.rfft2(strip) * unlikely, strip.shape)[ours]
        if axis == 0:
            low[around[outside]] = strip[ours]
        else:
            low[:, around[outside]] = strip[ours]
    return low
