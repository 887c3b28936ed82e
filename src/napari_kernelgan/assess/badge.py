"""One word on an upscale that no truth is known of: pass, warn, or no evidence that it beats bicubic, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..images.layout import Index
from ..images.values import read_plane
from ..kernels.algebra import Kernel
from ..upscaling.api import KernelLike
from .detail import beyond_bicubic, gradient_energy
from .planes import Pair
from .residual import one_kernel, summary, unexplained
from .widths import compared, spectral_estimate

Level = Literal["pass", "warn", "no-evidence"]
PLANES = 4
"""Of a stack that are looked at."""


class Limits:
    """Where each code begins; set on tuning pictures (docs/benchmarks.md)."""

    ADDED = 0.02
    """Share of detail beyond bicubic under which an upscale is bicubic."""
    UNEXPLAINED = 0.9, 0.4
    """Residuals that are noticed are beyond this part of the noise and this part of bicubic's residual beyond noise, in quadrature."""
    WORSE = 0.95
    """Residual as a part of bicubic's, from which the upscale explains the image no better."""
    FAINT = 1.1
    """Residual of bicubic, in units of noise, under which there is too little to explain."""


REASONS = {
    "constant": "The image has one value everywhere: there is nothing to upscale.",
    "nothing-added": "The upscale adds next to nothing to a bicubic one.",
    "kernel-disagrees": "The kernel is {ratio:.2f} times as wide as the blur that the image's spectrum shows, beyond its error bars.",
    "kernel-doubtful": "The kernel is {ratio:.2f} times as wide as the blur that the image's spectrum shows, which cannot tell for sure.",
    "as-bicubic": "Blurred and downscaled again, the upscale is no nearer to the image than a bicubic one is.",
    "residual": "Blurred and downscaled again, the upscale differs from the image by more than noise.",
    "unseen": "Noise hides by how much the upscale explains the image better than a bicubic one does.",
    "stopped": "The upscaling was stopped before its end.",
}
"""Sentences of the codes of this module; those of the spectral estimate's reliability come with it."""
SEVERE = {"constant", "nothing-added", "kernel-disagrees", "as-bicubic"}


@dataclass(frozen=True)
class Badge:
    """How far to trust an upscale without knowing the truth."""

    level: Level
    """"no-evidence" is that the upscale beats bicubic; it does not say that it does not."""
    codes: tuple[str, ...] = ()
    """What speaks against it; those of `Reliability` among them."""
    reasons: tuple[str, ...] = ()
    """The same in sentences; where nothing speaks against it, what speaks for it."""
    measures: dict[str, float] = field(default_factory=dict)
    """Numbers that were looked at, by name; empty for a constant image.

    "width_ratio" : the kernel's mean width over that of the spectral estimate.
    "residual_rms", "residual_correlation" : as in `Consistency`, with the kernel of the spectral estimate.
    "bicubic_rms" : the same of a bicubic upscale; "unexplained" is the residual's as a part of it.
    "added_share" : as in `AddedDetail`.
    "held_out_gain" : dB, where "zssr" put it on record.
    """


def badge(
    image: Any,
    kernel: KernelLike,
    upscaled: Any,
    scale: int = 2,
    axes: str | None = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Badge:
    """Say how far to trust an upscale, without a truth.

    Looked at are: how reliably the image's spectrum shows a blur; whether the kernel is as wide as that blur, within error bars; how well
    the upscale, blurred and downscaled again, explains the image, beside how well a bicubic one does; how much it adds to a bicubic one;
    and what ZSSR gained on withheld parts, where that is on record. Of stacks 4 planes are looked at.

    Parameters
    ----------
    image : array
        As `upscale` took it.
    kernel : array_like, KernelEstimate or pair
        That the upscale was made with. A spectral estimate of this image is taken as it is; with any other the spectral estimate is made,
        some tenths of a second.
    upscaled : array
        What `upscale` gave: Y and X times `scale`.
    scale : int
        2, 3 or 4.
    axes : str, optional
        One letter per axis of the image; None as in `upscale`.
    value_range : tuple of float, optional
        As `upscale` takes it.

    Returns
    -------
    Badge

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    """
    pair = Pair.of(image, upscaled, scale, axes, value_range)
    weights = one_kernel(kernel, pair.scale)
    chosen = pair.layout.spread(PLANES)
    if all(np.ptp(read_plane(pair.image, pair.layout, index)) == 0 for index in chosen):
        return Badge("no-evidence", ("constant",), (REASONS["constant"],))
    estimate = spectral_estimate(pair.image, pair.scale, axes, value_range, kernel)
    agreement = compared(weights, estimate)
    measures = {"width_ratio": agreement.ratio, **_measures(pair, chosen, estimate.kernel)}
    gains = held_out_gains(upscaled)
    if gains:
        measures["held_out_gain"] = float(np.mean(gains))
    codes = [] if agreement.verdict == "agrees" else [f"kernel-{agreement.verdict}"]
    codes += _codes(measures)
    if getattr(upscaled, "stopped", False):
        codes.append("stopped")
    reasons = [REASONS[code].format(ratio=agreement.ratio) for code in codes]
    trust = estimate.reliability
    severe = bool(SEVERE & set(codes)) or (trust is not None and trust.level == "unreliable")
    if trust is not None:
        codes, reasons = [*trust.codes, *codes], [*trust.reasons, *reasons]
    if not codes:
        return Badge("pass", (), _for_it(measures), measures)
    return Badge("no-evidence" if severe else "warn", tuple(codes), tuple(reasons), measures)


def held_out_gains(upscaled: Any) -> list[float]:
    """By how many dB ZSSR restored withheld parts better than what it started from, for every training on record; [] if there is none."""
    details = getattr(getattr(upscaled, "info", None), "details", {})
    records = [details.get("training", {}), *(stage for plane in details.get("planes", ()) for stage in plane.get("stages", ()))]
    return [float(record["held_out_gain"]) for record in records if "held_out_gain" in record]


def _measures(pair: Pair, chosen: Sequence[Index], kernel: Kernel) -> dict[str, float]:
    """What the upscale explains and adds, on the planes chosen; the kernel is the one that the image's spectrum shows."""
    found, plain = [], []
    added = total = 0.0
    for _, low, high in pair.planes(chosen):
        difference = beyond_bicubic(low, high, pair.scale)
        added, total = added + gradient_energy(difference), total + gradient_energy(high)
        found.append(unexplained(low, high, kernel, pair.scale, pair.rounding))
        plain.append(unexplained(low, high - difference, kernel, pair.scale, pair.rounding))
    border = len(kernel) // pair.scale
    rms, correlation, _ = summary(found, border)
    bicubic, _, _ = summary(plain, border)
    return {
        "residual_rms": rms,
        "residual_correlation": correlation,
        "bicubic_rms": bicubic,
        "unexplained": float(rms / bicubic) if bicubic else 1.0,
        "added_share": added / total if total else 0.0,
    }


def _codes(measures: dict[str, float]) -> list[str]:
    """What speaks against an upscale, other than its kernel."""
    codes = ["nothing-added"] if measures["added_share"] < Limits.ADDED else []
    left = measures["unexplained"]
    if left > 1:
        codes.append("as-bicubic")
    elif measures["bicubic_rms"] < Limits.FAINT:
        codes.append("unseen")
    elif left > Limits.WORSE:
        codes.append("as-bicubic")
    else:
        noise, part = Limits.UNEXPLAINED
        if measures["residual_rms"] > np.hypot(noise, part * np.sqrt(measures["bicubic_rms"] ** 2 - 1)):
            codes.append("residual")
    return codes


def _for_it(measures: dict[str, float]) -> tuple[str, ...]:
    """What speaks for an upscale, in sentences."""
    said = [
        f"The image's spectrum shows a blur reliably, and the kernel is {measures['width_ratio']:.2f} times as wide as that.",
        f"Blurred and downscaled again, the upscale leaves {measures['unexplained']:.0%} of what a bicubic one leaves unexplained.",
    ]
    if measures.get("held_out_gain", 0) > 0:
        said.append(f"Withheld parts of the image were restored {measures['held_out_gain']:.2f} dB better than by the inverse alone.")
    return tuple(said)
