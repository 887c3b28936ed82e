"""How strong a picture's noise and texture are, measured from its spectrum with the kernel known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import DTypeLike, NDArray

from ...images.values import ValueRange
from ...kernels.algebra import Kernel
from .fourier import Image, Size, aliased, squared_gradient, transfer_function

Values = NDArray[np.float64]

SIDE = 64
"""px of the windows that are looked at; smaller planes have smaller ones."""
LEAST = 24
"""px; the noise of planes that are smaller than this on a side is not measured."""
MOST_WINDOWS = 144
PATCHES, PATCH = 4, 256
"""Of axes longer than these make up, as many parts of this many px are looked at."""
BINS = 20
ROUNDS = 20
CLEAN, UNKNOWN = 1e-3, 0.03
"""Noise that is taken to be there at least, and where it cannot be measured, as parts of the root mean squared gradient."""

FLAT, FAINT = 1e-10, 0.04
"""Least texture, on 0..1 and as a part of the noise: there may be more, where nobody looked and where nobody could tell."""


class Levels(NamedTuple):
    """What is to be known of a whole plane before parts of it can be worked on."""

    mean: float
    noise: float
    """Variance of the noise."""
    texture: float
    """Mean squared gradient of the sharp picture, per px of the result."""


def sampled(length: int) -> list[slice]:
    """The parts of an axis that are looked at: all, of a long one some that are evenly spread."""
    if length <= PATCHES * PATCH:
        return [slice(0, length)]
    return [slice(at, at + PATCH) for at in np.linspace(0, length - PATCH, PATCHES).astype(int).tolist()]


def rounding_noise(dtype: DTypeLike, values: ValueRange) -> float:
    """Variance, on 0..1, of what rounding to integers adds; 0 for floats."""
    return 1 / 12 / (values.high - values.low) ** 2 if np.dtype(dtype).kind in "iu" else 0.0


def measure_levels(pictures: Sequence[Image], kernel: Kernel, scale: int, least: float = 0.0) -> Levels:
    """Fit the spectra of windows by those of texture, blurred and downscaled by the kernel, and of white noise.

    The sharp picture's power is taken to fall with the third power of frequency, that of an image of edges. Windows differ in texture, so
    each has its own strength of both, by maximum likelihood (Whittle's, by Fisher scoring); the noise is the median over the windows, so
    that some with a texture of another kind do no harm. Where noise grows with brightness, it is that of middling brightness.

    Parameters
    ----------
    pictures : sequence of ndarray
        (Y, X), one channel of the image, or parts of it, all of one size.
    kernel : ndarray
        The kernel that is to be undone. Where it is wrong, what does not fit counts as noise.
    scale : int
    least : float
        Variance that the noise has at least, as rounding to integers makes it.
    """
    mean = float(np.mean([picture.mean(dtype=np.float64) for picture in pictures]))
    if min(pictures[0].shape) < LEAST:
        steps = [np.diff(pictures[0], axis=axis) for axis in (0, 1)]
        texture = sum(float(np.square(step).mean()) for step in steps if step.size)
        return _levels(mean, max(least, UNKNOWN**2 * texture), texture)
    size = tuple(min(SIDE, length - length % 2) for length in pictures[0].shape)
    power = np.concatenate([_window_powers(each, size, MOST_WINDOWS // len(pictures)) for each in pictures])
    expected, gradient, known = _texture(kernel, scale, size)
    power, expected = power[:, known], expected[known]
    # only how much texture passes the kernel matters, so frequencies alike in that are one
    groups = np.array_split(np.argsort(expected), BINS)
    counts = np.array([len(group) for group in groups])
    means = np.stack([power[:, group].mean(1) for group in groups], 1, dtype=np.float64)
    strength, noise = _fit(means, np.array([expected[group].mean() for group in groups]), counts)
    return _levels(mean, max(float(np.median(noise)), least), float(strength.mean()) * gradient)


def _levels(mean: float, noise: float, texture: float) -> Levels:
    texture = max(texture, FLAT, FAINT * noise)
    return Levels(mean, max(noise, CLEAN**2 * texture), texture)


def _window_powers(low: Image, size: Size, most: int) -> Image:
    """Power of windows spread over a picture, (windows, Y, X / 2 + 1); white noise of variance 1 has power 1."""
    places = [np.linspace(0, n - side, 1 + 2 * (n - side) // side) for n, side in zip(low.shape, size, strict=True)]
    share = min(1.0, np.sqrt(most / (len(places[0]) * len(places[1]))))
    rows, columns = (at[np.linspace(0, len(at) - 1, max(1, int(len(at) * share))).astype(int)].astype(int) for at in places)
    windows = np.stack([low[y : y + size[0], x : x + size[1]] for y in rows for x in columns])
    taper = np.outer(*(np.hanning(side + 2)[1:-1] for side in size))
    taper /= np.sqrt((taper**2).sum())
    spectra = scipy.fft.rfft2((windows - windows.mean((1, 2), keepdims=True)) * taper.astype(np.float32))
    power: Image = spectra.real**2 + spectra.imag**2
    return power


def _texture(kernel: Kernel, scale: int, size: Size) -> tuple[Values, float, NDArray[np.bool_]]:
    """Power spectrum of downscaled texture, the sharp texture's mean squared gradient, and the frequencies to look at."""
    large = size[0] * scale, size[1] * scale
    squared = squared_gradient(large)
    sharp = squared**-1.5
    sharp[0, 0] = 0
    spectrum = aliased(np.abs(transfer_function(kernel, scale, large)) ** 2 * (sharp + 0j), scale, size)
    frequency = np.hypot(scipy.fft.fftfreq(size[0])[:, None], scipy.fft.rfftfreq(size[1]))
    # the lowest are brightness and its slope, and the window smears them
    return spectrum.real.astype(np.float64), float((squared * sharp).mean()), frequency > 2.5 / min(size)


def _fit(power: Values, expected: Values, counts: NDArray[np.int64]) -> tuple[Values, Values]:
    """Strength of texture and noise of each window, neither negative, from its power (windows, groups of frequencies)."""
    tiny = 1e-9 * (power.mean() + 1e-30)
    strength = np.maximum((power[:, -5:] / expected[-5:]).mean(1), tiny)
    noise = np.maximum(power[:, :2].mean(1), tiny)
    for _ in range(ROUNDS):
        weights = counts / (strength[:, None] * expected + noise[:, None]) ** 2
        aa, ab, bb = (weights * expected**2).sum(1), (weights * expected).sum(1), weights.sum(1)
        a, b = (weights * expected * power).sum(1), (weights * power).sum(1)
        determinant = aa * bb - ab**2
        next_strength, next_noise = (a * bb - b * ab) / determinant, (aa * b - ab * a) / determinant
        next_strength, next_noise = (
            np.where(next_noise > 0, next_strength, a / aa),
            np.where(next_strength > 0, next_noise, b / bb),
        )
        # steps of half the way, of the logarithm, and at most to a tenth
        strength *= np.sqrt(np.maximum(next_strength / strength, 0.01))
        noise *= np.sqrt(np.maximum(next_noise / noise, 0.01))
    return strength, noise
