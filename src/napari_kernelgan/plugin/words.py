"""A kernel's record in words that fit into the panel: its widths, what they are widths of, and how far to trust them."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from ..estimate.result import KernelEstimate
from ..files.units import unit_symbol
from ..kernels.algebra import Kernel
from ..kernels.psf import optics_fwhm
from ..report.reading import Sizes, angle_of, number, sizes
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
    pixels, physical = sizes(record)
    shown, trust = physical or pixels, record.get("reliability")
    reference = record.get("reference", "self-similar")
    spectrum = record.get("spectrum", {})
    angle = angle_of(record)
    by = record["method"] + (f", prior {spectrum['prior']}" if "prior" in spectrum else "")
    lines = [f"SR kernel ({by})" + (f": {trust['level']}" if trust else "")]
    lines.append(f"FWHM {_told(shown)}" + ("" if angle is None else f", at\N{NO-BREAK SPACE}{angle:.0f}°"))
    lines.append(BARS if shown.bars else NO_BARS)
    lines.append(f"= {_told(pixels._replace(bars=None))} of the upscaled image" if physical else "px: pixels of the upscaled image")
    if reference == "self-similar":
        size, unit = record.get("pixel_size"), record.get("unit")
        optics = optics_fwhm(KernelEstimate(kernel, record["scale"], record["method"], pixel_size=size, unit=unit))
        own = optics.physical if physical else optics.pixels
        lines.append(f"PSF of the image: FWHM {_told(Sizes(own.major, own.minor, None, shown.unit))}")
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


def _told(shown: Sizes) -> str:
    """Major and minor width with their unit, each on its line where there are error bars."""
    if not shown.bars:
        return f"{' × '.join(_each(shown))} {shown.unit}"
    return "\n× ".join(f"{width} {shown.unit}" for width in _each(shown))


def _each(shown: Sizes) -> list[str]:
    """Major and minor width, each with its error bar where it has one."""
    ends = shown.bars or (None, None)
    bars = [" ({}–{})".format(*(number(end, shown.unit) for end in each)) if each else "" for each in ends]
    return [number(width, shown.unit) + bar for width, bar in zip(shown[:2], bars, strict=True)]


def widths_of(row: PlaneRow, physical: bool) -> Sizes | None:
    """The widths of a plane's kernel, in px or in the image's unit; None where it has none, or its pixels have no such unit."""
    cells = row.cells("?" * len(row.place))
    both = cells["fwhm_major_px"], cells["fwhm_minor_px"]
    if both[0] is None or (physical and cells["fwhm_major"] is None):
        return None
    bars = row.estimate.fwhm_interval
    if not physical:
        return Sizes(*both, bars, "px")
    lengths = cells["fwhm_major"], cells["fwhm_minor"]
    scaled = bars and tuple((low * to / of, high * to / of) for (low, high), of, to in zip(bars, both, lengths, strict=True))
    return Sizes(*lengths, scaled, unit_symbol(cells["unit"]))


def widths_in_words(widths: Sizes | None) -> str:
    """Major and minor width, each on its line, without the unit: "3.10 (2.92–3.30)" over "× 2.85 (2.61–3.10)"."""
    return "" if widths is None else "\n× ".join(_each(widths))


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
