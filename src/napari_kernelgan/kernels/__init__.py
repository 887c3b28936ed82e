"""Blur-and-downscale kernels: models, algebra, measures.

A kernel is a float64 array (n, n) in convolution orientation (the picture of a point) that sums to 1. For a scale s, n - s is even: its
geometric centre (n - 1) / 2 lies on the centre of the s x s block of HR pixels that one LR pixel covers.
"""

from .algebra import (
    centre,
    centre_of_mass,
    check_kernel,
    compose,
    crop,
    fit_parity,
    from_correlation_weights,
    normalise,
    pad,
)
from .beads import Beads, average_beads, kernel_from_psf
from .curves import NyquistContrast, encircled_energy, encircled_radius, mtf50, nyquist_contrast, profile
from .measures import FWHM, covariance, fwhm, gaussian_fwhm, mtf
from .models import airy, bicubic, coma, disk, gaussian, motion, random_covariance, random_gaussian
from .psf import OpticsFWHM, optics_fwhm, psf_from_sr_kernel, sr_kernel_from_psf
from .theory import Optics, cutoff_frequency, theoretical_fwhm, theoretical_mtf

__all__ = [
    "FWHM",
    "Beads",
    "NyquistContrast",
    "Optics",
    "OpticsFWHM",
    "airy",
    "average_beads",
    "bicubic",
    "centre",
    "centre_of_mass",
    "check_kernel",
    "coma",
    "compose",
    "covariance",
    "crop",
    "cutoff_frequency",
    "disk",
    "encircled_energy",
    "encircled_radius",
    "fit_parity",
    "from_correlation_weights",
    "fwhm",
    "gaussian",
    "gaussian_fwhm",
    "kernel_from_psf",
    "motion",
    "mtf",
    "mtf50",
    "normalise",
    "nyquist_contrast",
    "optics_fwhm",
    "pad",
    "profile",
    "psf_from_sr_kernel",
    "random_covariance",
    "random_gaussian",
    "sr_kernel_from_psf",
    "theoretical_fwhm",
    "theoretical_mtf",
]
