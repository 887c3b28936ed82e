"""How wide a microscope's point spread function is in theory: lateral, in the focal plane, without aberrations.

Scalar theory, an approximation at high numerical apertures. All lengths are in nm, frequencies in cycles per nm.

Sources: M. Born and E. Wolf, *Principles of Optics*, section 8.5.2 (the Airy pattern) and 9.5 (the transfer function); S. Wilhelm and
others, *Confocal Laser Scanning Microscopy*, Carl Zeiss (the factors 0.51 and 0.37); T. Wilson and C. Sheppard, *Theory and Practice of
Scanning Optical Microscopy*, Academic Press 1984 (the confocal transfer function).
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .measures import SIGMA_TO_FWHM

Mode = Literal["widefield", "light sheet", "confocal", "confocal, closed pinhole"]
FACTORS: dict[Mode, float] = {"widefield": 0.51, "light sheet": 0.51, "confocal": 0.51, "confocal, closed pinhole": 0.37}
"""FWHM in parts of wavelength / numerical aperture."""
CLOSED: Mode = "confocal, closed pinhole"
HIGHEST_APERTURE = 1.7
WAVELENGTHS = 100.0, 3000.0
"""nm; what lies outside is given in another unit by mistake."""
FARTHEST, STEP = 80.0, 0.02
"""To which distance, and how finely, the squared Airy pattern is integrated; in parts of wavelength / (2 pi NA)."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Optics:
    """A microscope as theory sees it.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    numerical_aperture: float
    """Of the objective that detects, above 0 and up to 1.7; of a light sheet not that of the illumination."""
    wavelength: float
    """nm in vacuum. What counts depends on the mode: emission (widefield, light sheet), excitation (confocal), or about the mean of both
    (confocal with a pinhole nearly closed)."""
    mode: Mode = "widefield"
    """"confocal" stands for a pinhole of 1 Airy unit or more, "confocal, closed pinhole" for one much smaller."""

    def __post_init__(self) -> None:
        if not (isinstance(self.numerical_aperture, Real) and 0 < self.numerical_aperture <= HIGHEST_APERTURE):
            raise InputError(f"A numerical aperture lies between 0 and {HIGHEST_APERTURE}, not at {self.numerical_aperture!r}.")
        low, high = WAVELENGTHS
        if not (isinstance(self.wavelength, Real) and low <= self.wavelength <= high):
            raise InputError(f"A wavelength is given in nm, from {low:g} to {high:g}, for example 520, not {self.wavelength!r}.")
        if self.mode not in get_args(Mode):
            raise InputError(f"mode is one of {', '.join(map(repr, get_args(Mode)))}, not {self.mode!r}.")


def theoretical_fwhm(optics: Optics, pixel: float = 0.0) -> float:
    """Lateral full width at half maximum in theory, of the optics alone or with the image's pixels.

    Of the optics alone: 0.51 wavelength / NA, and 0.37 wavelength / NA for a confocal microscope whose pinhole is nearly closed.

    Pixels average over their area, which adds p^2 / 12 to the variance along each side. The width with them is that of a Gaussian of both
    variances together, sqrt(w^2 + 8 ln(2) p^2 / 12): off by about 1 % for pixels up to the optics' width.

    Parameters
    ----------
    optics : Optics
    pixel : float
        Side p of the image's pixels, nm; 0 for the optics alone.

    Returns
    -------
    float
        nm.
    """
    width = FACTORS[optics.mode] * optics.wavelength / optics.numerical_aperture
    return float(np.sqrt(width**2 + SIGMA_TO_FWHM**2 * _pixel(pixel) ** 2 / 12))


def cutoff_frequency(optics: Optics) -> float:
    """Frequency from which on the optics pass nothing, cycles per nm: 2 NA / wavelength.

    For a confocal microscope whose pinhole is nearly closed it is twice that, though hardly anything passes near it.
    """
    return (4 if optics.mode == CLOSED else 2) * optics.numerical_aperture / optics.wavelength


def theoretical_mtf(optics: Optics, frequencies: ArrayLike, pixel: float = 0.0) -> Values:
    """Modulation transfer function in theory, of the optics alone or with the image's pixels.

    Of a round aperture: (2 / pi) (arccos(v) - v sqrt(1 - v^2)) with v = frequency / `cutoff_frequency`. For a confocal microscope whose
    pinhole is nearly closed it is that of the squared Airy pattern, integrated. Square pixels of side p multiply by |sinc(p frequency)|
    along their sides.

    Parameters
    ----------
    optics : Optics
    frequencies : array_like
        Cycles per nm, not negative.
    pixel : float
        Side of the image's pixels, nm; 0 for the optics alone.

    Returns
    -------
    ndarray
        1 at frequency 0.
    """
    f = np.asarray(frequencies, np.float64)
    if not np.isfinite(f).all() or f.min(initial=0.0) < 0:
        raise InputError("frequencies are numbers in cycles per nm, none of them negative.")
    v = np.clip(f * optics.wavelength / (2 * optics.numerical_aperture), 0, 2 if optics.mode == CLOSED else 1)
    contrast = _squared_airy(v) if optics.mode == CLOSED else 2 / np.pi * (np.arccos(v) - v * np.sqrt(1 - v**2))
    result: Values = contrast * np.abs(np.sinc(_pixel(pixel) * f))
    return result


def _squared_airy(v: Values) -> Values:
    """Transfer function of the squared Airy pattern, at frequencies in parts of the open aperture's cutoff."""
    r = np.arange(STEP / 2, FARTHEST, STEP)
    weight = (2 * scipy.special.j1(r) / r) ** 4 * r
    # in these units of length the cutoff is 1 / pi cycles
    contrast: Values = scipy.special.j0(2 * v[..., None] * r) @ (weight / weight.sum())
    return np.clip(contrast, 0, 1)


def _pixel(side: float) -> float:
    if not 0 <= side < np.inf:
        raise InputError(f"pixel is the side of a pixel in nm, not {side!r}.")
    return side
