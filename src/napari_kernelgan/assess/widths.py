"""Whether a kernel is as wide as the image itself shows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..config import SpectralConfig
from ..errors import InputError
from ..estimate.api import iter_estimate_inputs
from ..estimate.inputs import read_input
from ..estimate.result import KernelEstimate
from ..kernels.algebra import Kernel
from ..kernels.measures import fwhm
from ..progress import run

SCALES = (2, 3, 4)
"""That there are spectral estimates for."""
ALIKE, APART = 1.2, 1.3
"""Factors between mean widths (geometric, of major and minor) up to which kernels agree, and from which on they do not; between the two,
and within error bars as long as that, nobody can tell. Estimates are within 1.2 of the truth nearly always (docs/benchmarks.md)."""
ALONG = 1.4
"""The same as `ALIKE` for the major and the minor width alone."""


class Agreement(NamedTuple):
    """A kernel's widths beside those that the image's spectrum shows."""

    ratio: float
    """Mean width of the kernel over that of the spectral estimate."""
    verdict: str
    """"agrees", "doubtful" or "disagrees"."""


def spectral_estimate(image: Any, scale: int, axes: str | None, given: tuple[float, float] | None, known: Any = None) -> KernelEstimate:
    """The spectral estimate of an image: `known`, if that is one of this very image, else a new one (some tenths of a second).

    Raises
    ------
    InputError
        If the scale is not 2, 3 or 4, or the image cannot be used.
    """
    if scale not in SCALES:
        raise InputError(f"What blur an image has is measured for scales 2, 3 and 4, not for {scale}: no badge can be given.")
    spectral = isinstance(known, KernelEstimate) and known.method == "spectral" and known.reliability is not None
    settings = SpectralConfig.model_validate(known.config) if spectral else SpectralConfig()
    source = read_input(image, axes, settings.max_planes, given, gaps=True)
    if spectral and known.details.get("input", {}).get("sha256") == source.record["sha256"]:
        estimate: KernelEstimate = known
        return estimate
    return run(iter_estimate_inputs([(source, 0)], scale, settings, "cpu"), None)[0]


def compared(kernel: Kernel, estimate: KernelEstimate) -> Agreement:
    """Compare a kernel's widths with an estimate's and its error bars."""
    factors = np.array(fwhm(kernel)[:2]) / np.array(estimate.fwhm[:2])
    off = np.abs(np.log(factors))
    mean = abs(float(np.log(factors).mean()))
    within = all(low <= width <= high for width, (low, high) in zip(fwhm(kernel)[:2], estimate.fwhm_interval or (), strict=False))
    if mean > np.log(APART) and not within:
        verdict = "disagrees"
    elif mean > np.log(ALIKE) or (off.max() > np.log(ALONG) and not within):
        verdict = "doubtful"
    else:
        verdict = "agrees"
    return Agreement(float(np.sqrt(factors.prod())), verdict)
