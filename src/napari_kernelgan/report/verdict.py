"""What was found out about an upscale without a truth, in words and numbers for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..assess.badge import Badge
from ..files.units import unit_symbol
from .reading import ADDED, RESIDUAL, SPREAD, Record

TITLES = {"pass": "pass", "warn": "warn", "no-evidence": "no evidence that it beats bicubic"}
"""Of a badge's levels."""
MEANINGS = {
    "pass": "Nothing speaks against this upscale, as far as that can be seen without the truth.",
    "warn": "Something speaks against this upscale: look at the reasons before you use it.",
    "no-evidence": "Nothing shows that this is better than plain interpolation. That does not show that it is not.",
}
MEASURES = (
    "Residual: the image minus the upscale, blurred and downscaled again; root mean square, in standard deviations of the image's noise, "
    "and as a part of what a bicubic upscale leaves. Its correlation is that between neighbouring pixels. Added: the squared gradients of "
    "what bicubic lacks, as a part of the upscale's. Kernel's width: over that of the blur that the image's spectrum shows. Withheld "
    "parts: how much better ZSSR restored parts of the image that it did not learn from than the inverse alone."
)
"""What the numbers are of."""
Rows = list[tuple[str, str]]


def badge_in_words(badge: Badge) -> str:
    """A badge's level, and where it is not "pass" its reasons, for a status line."""
    title = TITLES[badge.level]
    return f"Check: {title}." if badge.level == "pass" else f"Check: {title}. {' '.join(badge.reasons)}"


def measures_in_words(measures: dict[str, float]) -> Rows:
    """The numbers of a badge, each with its name, in the order that they matter in; those that are not there are left out."""
    bicubic = measures.get("bicubic_rms")
    shown: dict[str, tuple[str, Callable[[float], str]]] = {
        "residual_rms": ("residual", lambda rms: f"{rms:.2f} × noise" + (f" (bicubic: {bicubic:.2f})" if bicubic is not None else "")),
        "unexplained": ("left unexplained", lambda part: f"{percent(part)} of bicubic's"),
        "residual_correlation": ("residual's correlation", lambda value: f"{value:.2f} (white noise: 0)"),
        "added_share": ("added to bicubic", lambda share: f"{percent(share, 1)} of its gradients"),
        "width_ratio": ("kernel's width", lambda ratio: f"{ratio:.2f} × the spectrum's"),
        "held_out_gain": ("withheld parts", lambda gain: f"{gain:+.2f} dB on the inverse"),
    }
    return [(label, form(measures[name])) for name, (label, form) in shown.items() if name in measures]


def finding_in_words(record: Record) -> Rows:
    """The numbers of a layer that shows a residual, added detail, or a spread over seeds."""
    kind = record["kind"]
    if kind == RESIDUAL:
        return [
            ("residual", f"{record['rms']:.2f} × noise"),
            ("correlation", f"{record['correlation']:.2f}, {'more than noise is left' if record['structured'] else 'as noise has it'}"),
            ("noise", f"{record['noise']:.3g} (standard deviation, in the image's own units)"),
        ]
    if kind == ADDED:
        return [("added to bicubic", f"{percent(record['share'], 1)} of the gradients' power")]
    assert kind == SPREAD
    low, high = record["value_range"]
    seeds, part = record["seeds"], percent(record["rms"] / (high - low), 2)
    return [
        ("spread over seeds", f"{record['rms']:.3g} (rms, in the image's own units), {part} of its value range"),
        ("seeds", f"{seeds[0]} to {seeds[-1]}"),
    ]


def finding_sentence(record: Record) -> str:
    """The same as a sentence, for a status line."""
    first, *rest = finding_in_words(record)
    ended = " Stopped early." if record.get("stopped") else ""
    return f"{first[0]}: {first[1]}" + "".join(f"; {label}: {value}" for label, value in rest) + f".{ended}"


def percent(part: float, digits: int = 0) -> str:
    """A part of one in percent."""
    return f"{100 * part:.{digits}f}\N{NO-BREAK SPACE}%"


def duration(seconds: float) -> str:
    """A time for people."""
    if seconds >= 90:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    return f"{seconds:{'.0f' if seconds >= 10 else '.2g'}} s"


def length(value: Any, unit: str | None) -> str:
    """A pixel size (y, x)."""
    y, x = value
    return f"{y:.6g} {unit_symbol(unit)}" if y == x else f"{y:.6g} × {x:.6g} {unit_symbol(unit)} (y, x)"
