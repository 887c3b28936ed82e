"""A kernel's record in words that fit into the panel: its widths, what they are widths of, and how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..estimate.result import KernelEstimate
from ..files.units import unit_symbol
from ..kernels.algebra import Kernel
from ..kernels.psf import optics_fwhm

ABOUT = {
    "prior": (
        "The SR kernel is the blur between pictures as sharp as those that the prior was learnt from and this image.",
        "The image's own PSF (optics and pixels) has the blur of those pictures on top: it is at least as wide.",
    ),
    "self-similar": (
        "The SR kernel is the blur between a picture that optics so many times sharper would take and this image.",
        "The image's own PSF (optics and pixels) is wider; its width follows from the kernel's.",
    ),
}
PIXELS = "px: pixels of the upscaled image. In brackets: 90 % error bars. Angle: of the major axis, from +x towards +y."


class Words(NamedTuple):
    """What to show, and what to tell who wants to know more."""

    text: str
    details: str = ""


def in_words(record: dict[str, Any], kernel: Kernel, *, reasons: bool = False) -> Words:
    """The widths of a recorded kernel and of the image's PSF, in pixels and, where known, in a unit of length; `reasons` for doubt too."""
    width, bars, physical, trust = (record.get(name) for name in ("fwhm", "fwhm_interval", "fwhm_physical", "reliability"))
    reference = record.get("reference", "self-similar")
    both = width["major"], width["minor"]
    lines = [f"SR kernel: FWHM {_sizes(both, bars)} px ·\N{NO-BREAK SPACE}{width['angle']:.0f}°"]
    if physical:
        lines.append(_lengths((physical["major"], physical["minor"]), physical["unit"], both, bars))
    if reference == "self-similar":
        sizes = record.get("pixel_size"), record.get("unit")
        optics = optics_fwhm(KernelEstimate(kernel, record["scale"], record["method"], pixel_size=sizes[0], unit=sizes[1]))
        lines.append(f"PSF: FWHM {_sizes(optics.pixels[:2])} px")
        if optics.physical:
            lines.append(_lengths(optics.physical[:2], optics.unit))
    else:
        lines.append("PSF: at least that wide")
    why = list(trust["reasons"]) if trust else []
    if trust:
        lines.append(trust["level"])
    return Words("\n".join(lines + (why if reasons else [])), "\n".join((*ABOUT[reference], PIXELS, *why)))


def made_in_words(name: str, record: dict[str, Any]) -> str:
    """How a recorded layer came about."""
    ended = ", stopped early" if record["stopped"] else ""
    seconds = record["seconds"]
    return f"{name}: {record['method']}, seed {record['seed']}, {seconds:{'.0f' if seconds >= 10 else '.2g'}} s{ended}"


def _sizes(
    widths: Sequence[float], bars: Sequence[Sequence[float]] | None = None, form: str = ".2f", factors: Sequence[float] = (1, 1)
) -> str:
    """Major and minor width, each with its error bars, times a factor."""
    parts = []
    for which, (width, factor) in enumerate(zip(widths, factors, strict=True)):
        ends = "–".join(_number(end * factor, form) for end in bars[which]) if bars else ""
        parts.append(_number(width * factor, form) + (f" ({ends})" if ends else ""))
    return " × ".join(parts)


def _lengths(
    widths: Sequence[float], unit: str | None, pixels: Sequence[float] = (1, 1), bars: Sequence[Sequence[float]] | None = None
) -> str:
    """Widths in a unit, with the error bars that are known in pixels."""
    factors = [width / size for width, size in zip(widths, pixels, strict=True)]
    return f"= {_sizes(pixels, bars, '#.3g', factors)} {unit_symbol(unit)}"


def _number(value: float, form: str) -> str:
    return format(value, form).rstrip(".")
