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
    use_major: float | None = None
    """Error of the width in parts of half its 90 % bar's length, |true - middle| / half length: the bar holds the truth at 1 and less."""
    use_minor: float | None = None
    bar_width: float | None = None
    """Mean length of the two error bars, relative to the true widths."""
    reliability: str | None = None
    """The level."""
    codes: str = ""
    """Why it is no better, with spaces between."""

    @property
    def uses(self) -> tuple[float, ...]:
        """Of the two error bars; empty without."""
        return () if self.use_major is None or self.use_minor is None else (self.use_major, self.use_minor)

    @property
    def covered(self) -> float | None:
        """Share of the two true widths that lie within their 90 % error bars: 0, 0.5 or 1."""
        return float(np.mean([use <= 1 for use in self.uses])) if self.uses else None


def score(case: Case, method: Method, run: Run) -> Score:
    """Score one run against the truth."""
    found = {}
    if run.estimate is not None and method.kernel != "true":
        estimate, true = run.estimate, fwhm(case.kernel)[:2]
        found["kernel_psnr"] = kernel_psnr(estimate.kernel, case.kernel, size=case.kernel.shape[0])
        found["fwhm_error"] = float(np.mean(np.abs(np.divide(estimate.fwhm[:2], true) - 1)))
        if estimate.fwhm_interval is not None:
            bars = list(zip(estimate.fwhm_interval, estimate.fwhm[:2], true, strict=True))
            found["use_major"], found["use_minor"] = (_use(*bar) for bar in bars)
            found["bar_width"] = float(np.mean([(high - low) / width for (low, high), _, width in bars]))
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


def _use(interval: tuple[float, float], estimate: float, true: float) -> float:
    """How much of an error bar's reach from its middle the error takes."""
    low, high = interval
    # of a bar that is cut at 0 the middle is no longer half way, and the reach is that of the side on which the truth lies
    middle = estimate if low <= 0 < estimate < high else (low + high) / 2
    reach = high - middle if true > middle else middle - low
    return abs(true - middle) / reach if reach else float("inf")
