"""What is drawn of a kernel as a curve, and the numbers read off it: profile, contrast over frequency, energy over radius."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .algebra import centre_of_mass, normalise
from .forward import check_scale
from .measures import Surface, mtf

HALF = 0.5
NYQUIST = 0.5
"""Cycles per pixel, of whatever grid."""
FINE = 0.002
"""Cycles per HR pixel between which the contrast is looked at before it is interpolated."""
RING = 0.04
"""px between two circles on which the energy is summed."""
LEAST_SPOKES = 96
"""Points on such a circle, at least."""

Curve = NDArray[np.float64]


class NyquistContrast(NamedTuple):
    """Contrast (MTF) at the highest frequency that a grid can hold, 0.5 cycles per pixel of that grid."""

    image: float
    """At the Nyquist frequency of the image itself: 0.5 / scale cycles per HR pixel. What passes beyond it is aliased in the image."""
    hr: float
    """At the Nyquist frequency of the HR grid, on which the kernel and the upscaled image lie: 0.5 cycles per HR pixel."""


def profile(kernel: ArrayLike, angle: float, along: ArrayLike) -> Curve:
    """The kernel on a line through its peak, interpolated as `fwhm` does it; the peak is 1.

    Parameters
    ----------
    kernel : array_like
        (n, n).
    angle : float
        Direction of the line, degrees from +x towards +y.
    along : array_like
        1-D, places on the line, HR pixels from the peak: the middle of the highest part of the kernel.

    Returns
    -------
    ndarray
        As long as `along`; 0 outside the kernel's frame.
    """
    at = _one_dimensional(along, "along", "places on a line, in HR pixels")
    surface = Surface(normalise(kernel))
    (y, x), top = surface.summit()
    direction = np.deg2rad(angle)
    return surface.at(y + at * np.sin(direction), x + at * np.cos(direction)) / top


def mtf50(kernel: ArrayLike, angle: float = 0.0) -> float:
    """Frequency at which the modulation transfer function along a direction first falls to one half, interpolated.

    Parameters
    ----------
    kernel : array_like
        (n, n).
    angle : float
        Direction, degrees from +x towards +y.

    Returns
    -------
    float
        Cycles per HR pixel, between 0 and the Nyquist frequency 0.5. NaN where the contrast is above one half all the way: the frequency
        is then higher than 0.5, and the samples do not tell it.
    """
    f, contrast = mtf(kernel, angle, np.arange(0, NYQUIST + FINE / 2, FINE))
    below = int(np.argmax(contrast <= HALF))
    if contrast[below] > HALF:
        return float("nan")
    high, low = contrast[below - 1], contrast[below]
    return float(f[below - 1] + (f[below] - f[below - 1]) * (high - HALF) / (high - low))


def nyquist_contrast(kernel: ArrayLike, scale: int, angle: float = 0.0) -> NyquistContrast:
    """Contrast (MTF) along a direction at the Nyquist frequencies of the image and of the HR grid.

    Parameters
    ----------
    kernel : array_like
        (n, n).
    scale : int
        How many HR pixels a pixel of the image measures.
    angle : float
        Direction, degrees from +x towards +y.

    Returns
    -------
    NyquistContrast
        (image, hr), 1 standing for full contrast.
    """
    _, (image, hr) = mtf(kernel, angle, [NYQUIST / check_scale(scale), NYQUIST])
    return NyquistContrast(float(image), float(hr))


def encircled_energy(kernel: ArrayLike, radii: ArrayLike) -> Curve:
    """Share of the kernel within circles around its centre of mass.

    The kernel between its samples is what `fwhm` takes it for, summed over circles that are finer than pixels: for a Gaussian of variance
    0.35 px^2 or more it is 1 - exp(-r^2 / (2 variance)) to 0.002. What lies outside the kernel's frame is not counted, as in all else.

    Parameters
    ----------
    kernel : array_like
        (n, n).
    radii : array_like
        1-D, HR pixels, not negative.

    Returns
    -------
    ndarray
        From 0 to 1 and never falling, unless the kernel has negative values.
    """
    wanted = _one_dimensional(radii, "radii", "radii in HR pixels, not negative")
    if wanted.min(initial=0.0) < 0:
        raise InputError("radii are distances in HR pixels: none is negative.")
    at, energy = _energy(kernel)
    return np.interp(wanted, at, energy)


def encircled_radius(kernel: ArrayLike, share: float) -> float:
    """Radius of the smallest circle around the kernel's centre of mass that holds a share of it.

    Parameters
    ----------
    kernel : array_like
        (n, n).
    share : float
        For example 0.5 or 0.8, between 0 and 1.

    Returns
    -------
    float
        HR pixels.
    """
    if not 0 < share < 1:
        raise InputError(f"share is a part of the whole between 0 and 1, for example 0.8, not {share!r}.")
    at, energy = _energy(kernel)
    beyond = int(np.argmax(energy >= share))
    low, high = energy[beyond - 1], energy[beyond]
    return float(at[beyond - 1] + RING * (share - low) / (high - low))


def _energy(kernel: ArrayLike) -> tuple[Curve, Curve]:
    """Radii from 0 to beyond the frame's farthest corner, and the share within each."""
    array = normalise(kernel)
    n = len(array)
    surface = Surface(array)
    middle = np.array(centre_of_mass(array))
    farthest = np.hypot(*np.maximum(middle, n - 1 - middle)) + np.sqrt(2) * Surface.MARGIN
    radii = np.arange(0, farthest + RING, RING)
    spokes = np.linspace(0, 2 * np.pi, max(LEAST_SPOKES, 4 * n), endpoint=False)
    y, x = (m + Surface.MARGIN + radii[:, None] * turn for m, turn in zip(middle, (np.sin(spokes), np.cos(spokes)), strict=True))
    values = surface.at(y, x)
    if array.min() >= 0:  # where samples drop to nothing at once, what is between them swings below it
        values = np.clip(values, 0, None)
    density = values.mean(1) * radii
    energy = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return radii, energy / energy[-1]


def _one_dimensional(given: ArrayLike, name: str, what: str) -> Curve:
    values = np.asarray(given, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(f"{name} is a 1-D array of {what}.")
    return values
