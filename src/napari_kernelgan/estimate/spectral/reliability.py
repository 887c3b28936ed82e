"""When to trust a spectral estimate: codes, and reasons in words."""

from __future__ import annotations

import numpy as np

from ..result import Reliability
from .dictionary import Dictionary
from .posterior import Posterior

WINDOWS = 6
"""Fewer do not average out what single objects do to the spectrum."""
REASONS = {
    "no-texture": "There is hardly any structure above the noise to read a blur from.",
    "noise": "Noise hides the fine detail that tells the width.",
    "prior-mismatch": "The spectrum does not look like those of the pictures that the prior was learnt from.",
    "limit": "The kernel is at the limit of what this sampling, or this set of kernels, can show.",
    "already-sharp": "The image is about as sharp as its pixels can show, or was enlarged or sharpened before: upscaling will add little.",
    "small": "The image is so small that single objects decide what the spectrum looks like.",
}


class Limits:
    """Where each code begins; set on tuning pictures (docs/benchmarks.md)."""

    VISIBLE_NONE = 0.15
    """Share of bins with more signal than noise, below which there is no texture."""
    VISIBLE_FEW = 0.45
    MISFIT = 1.2
    MISFIT_SEVERE = 3.0
    SPREAD = 0.25
    """Relative spread of the geometric mean width."""
    NARROW = 0.10
    """Weight of kernels at the narrow end of the dictionary."""
    SHARP = 1.25
    """Geometric mean width in pixels of the image: photographs that nobody blurred have about 1."""


def judge(found: Posterior, candidates: Dictionary, windows: float, scale: int, enlarged: bool) -> Reliability:
    """The word on a posterior; `enlarged` tells that the image shows traces of enlargement."""
    codes = []
    visible = float((found.signal > 0.5).mean())
    if visible < Limits.VISIBLE_NONE:
        codes.append("no-texture")
    elif visible < Limits.VISIBLE_FEW:
        codes.append("noise")
    if found.misfit > Limits.MISFIT:
        codes.append("prior-mismatch")
    widths = np.sqrt(candidates.widths[found.candidates].prod(1)) / scale
    mean = float(found.weights @ widths)
    if float(np.sqrt(found.bar_weights @ (widths - mean) ** 2)) > Limits.SPREAD * mean:
        codes.append("limit")
    every = np.sqrt(candidates.widths.prod(1)) / scale
    no_blur = enlarged or float(found.weights @ (widths < np.quantile(every, 0.01))) > Limits.NARROW
    if no_blur or mean < Limits.SHARP:
        codes.append("already-sharp")
    if windows < WINDOWS:
        codes.append("small")
    if not codes:
        return Reliability("reliable")
    severe = "no-texture" in codes or no_blur or found.misfit > Limits.MISFIT_SEVERE
    return Reliability("unreliable" if severe else "uncertain", tuple(codes), tuple(REASONS[code] for code in codes))
