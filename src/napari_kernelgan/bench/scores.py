"""How well a run did: its kernel and picture against the truth, and whether its error bars hold what they promise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..assess.metrics import kernel_psnr, picture_psnr, picture_ssim
from ..kernels.measures import fwhm
from .cases import Case
from .methods import Method, Run


@dataclass(frozen=True)
class Score:
    """How well one run did; None where a score does not apply."""

    picture: str
    kind: str
    """Of the kernel."""
    noise: float
    kernel_seed: int
    method: str
    seed: int
    kernel_psnr: float | None = None
    """dB, on a grid of the true kernel's size."""
    fwhm_error: float | None = None
    """Mean relative error of the major and the minor width."""
    psnr: float | None = None
    """dB, 8-bit luma, two pixels of border left out."""
    ssim: float | None = None
    seconds: float = 0.0
    covered: float | None = None
    """Share of the two true widths that lie within their 90 % error bars: 0, 0.5 or 1."""
    bar_width: float | None = None
    """Mean length of the two error bars, relative to the true widths."""
    reliability: str | None = None
    """The level."""
    codes: str = ""
    """Why it is no better, with spaces between."""


def score(case: Case, method: Method, run: Run) -> Score:
    """Score one run against the truth."""
    found = {}
    if run.estimate is not None and method.kernel != "true":
        estimate, true = run.estimate, fwhm(case.kernel)[:2]
        found["kernel_psnr"] = kernel_psnr(estimate.kernel, case.kernel, size=case.kernel.shape[0])
        found["fwhm_error"] = float(np.mean(np.abs(np.divide(estimate.fwhm[:2], true) - 1)))
        if estimate.fwhm_interval is not None:
            bars = list(zip(estimate.fwhm_interval, true, strict=True))
            found["covered"] = float(np.mean([low <= width <= high for (low, high), width in bars]))
            found["bar_width"] = float(np.mean([(high - low) / width for (low, high), width in bars]))
    if run.image is not None and case.high is not None:
        image = np.asarray(run.image)
        found |= {"psnr": picture_psnr(image, case.high), "ssim": picture_ssim(image, case.high)}
    trust = run.estimate.reliability if run.estimate else None
    return Score(
        case.name,
        case.kind,
        case.noise,
        case.kernel_seed,
        method.name,
        run.seed,
        **found,
        seconds=run.seconds,
        reliability=trust.level if trust else None,
        codes=" ".join(trust.codes) if trust else "",
    )
