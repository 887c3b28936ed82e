"""A kernel's record in words that fit into the panel: its widths, what they are widths of, and how far to trust them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..estimate.result import KernelEstimate
from ..files.units import unit_symbol
from ..kernels.algebra import Kernel
from ..kernels.psf import optics_fwhm
from ..report.numbers import ANGLE_KNOWN
from ..stacks.results import PlaneRow, StackResult
from .records import has_depth

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
LATERAL = "Lateral: one 2-D kernel for each plane, nothing along Z."
BARS = "in brackets: 90 % error bars"
NO_BARS = "no error bars, no word on how far to trust it"
PIXELS = (
    "Pixels are those of the upscaled image. In brackets: 90 % error bars. Angle: of the major axis, from +x towards +y, where it is known."
)


class Words(NamedTuple):
    """What to show, and what to tell who wants to know more."""

    text: str
    details: str = ""


def in_words(record: dict[str, Any], kernel: Kernel) -> Words:
    """How far to trust a recorded kernel, why, and its widths and those of the image's PSF, in a unit of length where it is known."""
    width, bars, physical, trust = (record.get(name) for name in ("fwhm", "fwhm_interval", "fwhm_physical", "reliability"))
    reference = record.get("reference", "self-similar")
    spectrum = record.get("spectrum", {})
    both, unit = (width["major"], width["minor"]), "px"
    if physical:
        unit = unit_symbol(physical["unit"])
        shown = _sizes((physical["major"], physical["minor"]), unit, bars, both)
    else:
        shown = _sizes(both, unit, bars)
    oblong = _number(both[0], ".2f") != _number(both[1], ".2f")
    if oblong and spectrum.get("angle_sd", 0) <= ANGLE_KNOWN:
        shown += f", at\N{NO-BREAK SPACE}{width['angle']:.0f}°"
    by = record["method"] + (f", prior {spectrum['prior']}" if "prior" in spectrum else "")
    lines = [f"SR kernel ({by})" + (f": {trust['level']}" if trust else ""), f"FWHM {shown}", BARS if bars else NO_BARS]
    lines.append(f"= {_sizes(both, 'px')} of the upscaled image" if physical else "px: pixels of the upscaled image")
    if reference == "self-similar":
        sizes = record.get("pixel_size"), record.get("unit")
        optics = optics_fwhm(KernelEstimate(kernel, record["scale"], record["method"], pixel_size=sizes[0], unit=sizes[1]))
        lines.append(f"PSF of the image: FWHM {_sizes((optics.physical or optics.pixels)[:2], unit)}")
    else:
        lines.append("PSF of the image: at least as wide")
    lines += [LATERAL] if has_depth(record) else []
    if trust and trust["reasons"]:
        lines.append(f"Why {trust['level']}: " + "\n".join(trust["reasons"]))
    return Words("\n".join(lines), "\n".join((*ABOUT[reference], PIXELS)))


def made_in_words(name: str, record: dict[str, Any]) -> str:
    """How a recorded layer came about."""
    ended = ", stopped early" if record["stopped"] else ""
    seconds = record["seconds"]
    return f"{name}: {record['method']}, seed {record['seed']}, {seconds:{'.0f' if seconds >= 10 else '.2g'}}\N{NO-BREAK SPACE}s{ended}"


def _sizes(widths: Sequence[float], unit: str, bars: Sequence[Sequence[float]] | None = None, pixels: Sequence[float] | None = None) -> str:
    """Major and minor width, each on its line where there are error bars; those are in pixels, as are the widths in `pixels`."""
    form = ".2f" if unit == "px" else "#.3g"
    if not bars:
        return " × ".join(_number(width, form) for width in widths) + f" {unit}"
    parts = []
    for width, size, ends in zip(widths, pixels or widths, bars, strict=True):
        low, high = (_number(end * width / size, form) for end in ends)
        parts.append(f"{_number(width, form)} ({low}–{high}) {unit}")
    return "\n× ".join(parts)


def _number(value: float, form: str) -> str:
    return format(value, form).rstrip(".")


class Widths(NamedTuple):
    """The widths of a plane's kernel."""

    major: float
    minor: float
    bars: tuple[tuple[float, float], tuple[float, float]] | None
    """90 % error bars (low, high) of both."""
    unit: str
    """"px" of the upscaled image, or the symbol of a unit of length."""


def widths_of(row: PlaneRow, physical: bool) -> Widths | None:
    """The widths of a plane's kernel, in px or in the image's unit; None where it has none, or its pixels have no such unit."""
    cells = row.cells("?" * len(row.place))
    both = cells["fwhm_major_px"], cells["fwhm_minor_px"]
    if both[0] is None or (physical and cells["fwhm_major"] is None):
        return None
    bars = row.estimate.fwhm_interval
    if not physical:
        return Widths(*both, bars, "px")
    lengths = cells["fwhm_major"], cells["fwhm_minor"]
    scaled = bars and tuple((low * to / of, high * to / of) for (low, high), of, to in zip(bars, both, lengths, strict=True))
    return Widths(*lengths, scaled, unit_symbol(cells["unit"]))


def widths_in_words(widths: Widths | None) -> str:
    """Major and minor width, each on its line, without the unit: "3.10 (2.92–3.30)" over "× 2.85 (2.61–3.10)"."""
    if widths is None:
        return ""
    form = ".2f" if widths.unit == "px" else "#.3g"
    bars = widths.bars or (None, None)
    parts = []
    for width, ends in zip(widths[:2], bars, strict=True):
        told = " ({}–{})".format(*(_number(end, form) for end in ends)) if ends else ""
        parts.append(_number(width, form) + told)
    return "\n× ".join(parts)


def stack_in_words(result: StackResult) -> str:
    """How a run over a stack ended, where its results are, and what to do about the rest."""
    count = Counter(row.status for row in result.rows)
    parts = [f"{count[status]} {status}" for status in ("done", "kept", "failed", "left") if count[status]]
    record = result.record
    lines = [f"Planes: {', '.join(parts)}. Seed {record['seed']}, {record['seconds']:.2g}\N{NO-BREAK SPACE}s."]
    if result.stopped:
        lines.append("Stopped." if result.files is None else "Stopped: what is done is kept. To do the rest, choose 'go on' and press Run.")
    if result.files is not None:
        lines.append(f"Results in {result.files.folder}")
    return "\n".join((*lines, *result.notes))
