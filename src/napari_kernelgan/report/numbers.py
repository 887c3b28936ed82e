"""What is measured on an estimate, as numbers with names and units, and as tables of numbers and curves for other programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import StringIO
from typing import Any, NamedTuple

from ..estimate.result import KernelEstimate
from ..files.units import METRES, convert, unit_symbol
from ..kernels.curves import NYQUIST, encircled_radius, mtf50, nyquist_contrast
from ..kernels.measures import FWHM, physical_fwhm
from ..kernels.psf import psf_with_fwhm
from ..kernels.theory import Optics, theoretical_fwhm
from .lengths import Ruler, ruler_of
from .reading import ANGLE_KNOWN
from .sampled import all_curves, axes_of

KERNEL, PSF = "SR kernel", "PSF of the image"
PIXEL, FREQUENCY, DEGREES, RATIO = "HR px", "cycles/HR px", "°", "× theory"
SHARES = (0.5, 0.8)
"""Of the energy, whose radii are told."""
Interval = tuple[float, float] | None


class Number(NamedTuple):
    """One number about an estimate."""

    name: str
    value: float | str
    """NaN where it is not known but that it is above `low`; a word for the reliability."""
    low: float | None = None
    high: float | None = None
    """Ends of the 90 % error bar; None where there is none."""
    unit: str = ""
    """For example "HR px", "µm", "cycles/µm", "× theory"; empty of contrasts and words."""
    of: str = KERNEL
    """What it is a number of: "SR kernel" or "PSF of the image"."""


def kernel_numbers(estimate: KernelEstimate, optics: Optics | None = None) -> tuple[Number, ...]:
    """Measure an estimated kernel, and the image's own PSF that follows from it.

    Of both: full widths at half maximum along the principal axes, with error bars where the estimate has them; the angle of the major
    axis, where it is known; MTF50; contrast at the Nyquist frequencies of the image and of the HR grid; radii of 50 % and 80 % encircled
    energy. Lengths and frequencies in HR pixels, and again in the unit of the image's pixels where that is known.

    Parameters
    ----------
    estimate : KernelEstimate
    optics : Optics, optional
        Of the microscope: the PSF is then compared with theory, of the optics alone and with the image's pixels.

    Returns
    -------
    tuple of Number
        Those of the SR kernel first.
    """
    psf = as_psf(estimate)
    told = [Number("reliability", estimate.reliability.level)] if estimate.reliability else []
    told += [number._replace(of=KERNEL) for number in _measured(estimate)]
    told += [number._replace(of=PSF) for number in (*_measured(psf), *(_compared(psf, optics) if optics else ()))]
    return tuple(told)


def as_psf(estimate: KernelEstimate) -> KernelEstimate:
    """The image's own PSF that follows from an estimate, in the form of an estimate, with the error bars carried over."""
    psf, widths = psf_with_fwhm(estimate)
    return replace(estimate, kernel=psf, stages=(), fwhm_interval=widths.interval)


def numbers_as_csv(numbers: Sequence[Number], delimiter: str = ",") -> str:
    """A table of numbers, comma separated: of, name, value, low, high, unit."""
    rows = [(n.of, n.name, _plain(n.value), _plain(n.low), _plain(n.high), n.unit) for n in numbers]
    return _table((("of", "name", "value", "low", "high", "unit"), *rows), delimiter)


def numbers_as_text(numbers: Sequence[Number]) -> str:
    """The same, separated by tabs, as spreadsheets paste it."""
    return numbers_as_csv(numbers, "\t")


def curves_as_csv(estimate: KernelEstimate) -> str:
    """Profiles, MTFs and encircled energy of the kernel and of the PSF, as they are drawn, one point a line.

    Columns: of, curve, axis, angle, x, x_unit, x_physical, physical_unit, y. x_physical is empty where the pixel size is not known, and of
    circles on oblong pixels.
    """
    ruler = ruler_of(estimate)
    rows: list[tuple[Any, ...]] = [("of", "curve", "axis", "angle", "x", "x_unit", "x_physical", "physical_unit", "y")]
    for of, each in ((KERNEL, estimate), (PSF, as_psf(estimate))):
        for curve in all_curves(each):
            per = curve.kind == "MTF"
            lengths = curve.lengths(ruler) if ruler else None
            unit = "" if ruler is None or lengths is None else ("cycles/" if per else "") + unit_symbol(ruler.unit)
            physical = [""] * len(curve.at) if lengths is None else [_plain(x) for x in lengths]
            about = of, curve.kind, curve.axis, _plain(curve.angle) if curve.axis else ""
            for x, length, y in zip(curve.at, physical, curve.values, strict=True):
                rows.append((*about, _plain(x), FREQUENCY if per else PIXEL, length, unit, _plain(y)))
    return _table(rows)


def in_words(number: Number) -> str:
    """A number for people, with its error bar and unit: "3.10 (2.92–3.30) HR px"."""
    if isinstance(number.value, str):
        return number.value
    form = {"": ".3f", RATIO: ".2f", PIXEL: ".2f", FREQUENCY: ".3f", DEGREES: ".0f"}.get(number.unit, "#.3g")
    unit = number.unit if number.unit == DEGREES else f" {number.unit}".rstrip()
    if number.value != number.value and number.low is not None:  # NaN
        return f"above {_rounded(number.low, form)}{unit}"
    bars = "" if number.low is None or number.high is None else f" ({_rounded(number.low, form)}–{_rounded(number.high, form)})"
    return f"{_rounded(number.value, form)}{bars}{unit}"


def _measured(estimate: KernelEstimate) -> Iterator[Number]:
    """What can be measured on any kernel."""
    ruler = ruler_of(estimate)
    widths, bars = estimate.fwhm, estimate.fwhm_interval or (None, None)
    lengths = _physical(widths, ruler)
    for which, name in enumerate(("FWHM, major axis", "FWHM, minor axis")):
        yield _with_bars(name, widths[which], bars[which], PIXEL)
        if ruler and lengths:
            ratio = lengths[which] / widths[which]
            scaled = tuple(end * ratio for end in bars[which]) if bars[which] else None  # type: ignore[union-attr]
            yield _with_bars(name, lengths[which], scaled, unit_symbol(ruler.unit))  # type: ignore[arg-type]
    if estimate.details.get("spectrum", {}).get("angle_sd", 0.0) <= ANGLE_KNOWN:
        yield Number("angle of the major axis", widths.angle, unit=DEGREES)
        if ruler and lengths and not ruler.square:
            yield Number("angle of the major axis, on the specimen", lengths.angle, unit=DEGREES)
    for axis, angle in axes_of(estimate):
        frequency = mtf50(estimate.kernel, angle)
        known = frequency == frequency
        yield Number(f"MTF50, {axis} axis", frequency, low=None if known else NYQUIST, unit=FREQUENCY)
        if ruler:
            per = ruler.frequency(angle)
            unit = f"cycles/{unit_symbol(ruler.unit)}"
            yield Number(f"MTF50, {axis} axis", frequency * per, low=None if known else NYQUIST * per, unit=unit)
    contrasts = [(axis, nyquist_contrast(estimate.kernel, estimate.scale, angle)) for axis, angle in axes_of(estimate)]
    for grid, of in (("image", "the image's"), ("hr", "the HR")):
        for axis, contrast in contrasts:
            yield Number(f"MTF at {of} Nyquist, {axis} axis", getattr(contrast, grid))
    for share in SHARES:
        name, radius = f"radius of {100 * share:.0f} % energy", encircled_radius(estimate.kernel, share)
        yield Number(name, radius, unit=PIXEL)
        if ruler and ruler.square:
            yield Number(name, radius * ruler.x, unit=unit_symbol(ruler.unit))


def _compared(psf: KernelEstimate, optics: Optics) -> Iterator[Number]:
    """Theoretical widths, and the PSF's in parts of them."""
    ruler = ruler_of(psf)
    if ruler is None or ruler.unit not in METRES:
        yield Number("theory, optics alone: FWHM", theoretical_fwhm(optics), unit="nm")
        return
    unit = unit_symbol(ruler.unit)
    to_nm = convert(1.0, ruler.unit, "nanometer")
    yield Number("theory, optics alone: FWHM", theoretical_fwhm(optics) / to_nm, unit=unit)
    lengths, bars = _physical(psf.fwhm, ruler), psf.fwhm_interval or (None, None)
    assert lengths is not None
    for which, axis in enumerate(("major", "minor")):
        # the variance of an oblong pixel along a direction on the specimen is that of a square one of this side
        side = psf.scale * ruler.length(lengths.angle + 90 * which)
        theory = theoretical_fwhm(optics, side * to_nm) / to_nm
        if ruler.square and which == 0:
            yield Number("theory, with pixels: FWHM", theory, unit=unit)
        elif not ruler.square:
            yield Number(f"theory, with pixels: FWHM, {axis} axis", theory, unit=unit)
        ratio = lengths[which] / theory
        ends = bars[which]
        scaled = None if ends is None else (ends[0] / psf.fwhm[which] * ratio, ends[1] / psf.fwhm[which] * ratio)
        yield _with_bars(f"FWHM against theory, {axis} axis", ratio, scaled, RATIO)


def _physical(widths: FWHM, ruler: Ruler | None) -> FWHM | None:
    return physical_fwhm(widths, (ruler.y, ruler.x)) if ruler else None


def _with_bars(name: str, value: float, bars: Interval, unit: str) -> Number:
    low, high = bars or (None, None)
    return Number(name, value, low, high, unit)


def _rounded(value: float, form: str) -> str:
    return format(value, form).rstrip(".")


def _plain(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def _table(rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    text = StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()
