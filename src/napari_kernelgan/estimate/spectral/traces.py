"""Traces of enlargement: interpolated pixels differ from their neighbours by where they lie between the pixels they are made from.

After Gallagher, "Detection of linear and cubic interpolation in JPEG compressed images" (CRV 2005): the mean magnitude of differences is
periodic along both axes of an enlarged picture, second differences for most factors, first ones for 2 where both cover the same area. Cubic
splines are smooth to the second derivative: third differences show them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PERIODS = (2, 3, 4)
ORDERS = (1, 2, 3)
PEAK = 25.0
"""Power of the periodicity in units of the spectrum's median; of noise the largest is about 8."""
JPEG = (1 / 8, 3 / 8)
"""Blocks of 8 px have these frequencies too, enlargements have not."""


def was_enlarged(planes: Sequence[NDArray[np.float32]]) -> bool:
    """Whether most planes (channels, Y, X) show that they were enlarged by 2, 3 or 4, as interpolation does it."""
    return sum(_shows(plane.mean(0)) for plane in planes) > len(planes) / 2


def _shows(gray: NDArray[np.float32]) -> bool:
    for order in ORDERS:
        spectra = [_spectrum(gray, order), _spectrum(gray.T, order)]
        strength = {f: min(_peak(spectrum, f) for spectrum in spectra) for f in (*(1 / period for period in PERIODS), *JPEG)}
        if max(strength[1 / period] for period in PERIODS) > max(PEAK, *(strength[f] for f in JPEG)):
            return True
    return False


def _spectrum(gray: NDArray[np.float32], order: int) -> NDArray[np.float64]:
    """Power spectrum of the mean difference along the last axis, in units of its median; the slow part is taken out."""
    length = (gray.shape[1] - 2) // 24 * 24  # so that the frequencies looked for are on its grid
    size = np.log(np.abs(np.diff(gray, order, axis=1)).mean(0)[:length].astype(np.float64) + 1e-6)
    fast = np.diff(size, append=size[:1])
    power = np.abs(np.fft.rfft(fast)) ** 2
    return np.asarray(power / max(np.median(power), 1e-12))


def _peak(spectrum: NDArray[np.float64], frequency: float) -> float:
    return float(spectrum[round(frequency * 2 * (len(spectrum) - 1))])
