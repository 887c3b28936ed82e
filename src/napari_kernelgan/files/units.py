"""Units of length and time in the spellings of ImageJ, OME and OME-NGFF, brought to one name each (that of OME-NGFF and napari)."""

from __future__ import annotations

import re

METRES = {
    "angstrom": 1e-10,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "meter": 1.0,
    "kilometer": 1e3,
}
SECONDS = {"nanosecond": 1e-9, "microsecond": 1e-6, "millisecond": 1e-3, "second": 1.0, "minute": 60.0, "hour": 3600.0}
SYMBOLS = {
    "angstrom": "Å",
    "nanometer": "nm",
    "micrometer": "µm",
    "millimeter": "mm",
    "centimeter": "cm",
    "inch": "in",
    "meter": "m",
    "kilometer": "km",
    "nanosecond": "ns",
    "microsecond": "µs",
    "millisecond": "ms",
    "second": "s",
    "minute": "min",
    "hour": "h",
}
SPELLINGS = {symbol.lower(): name for name, symbol in SYMBOLS.items()} | {
    "um": "micrometer",
    "micron": "micrometer",
    "us": "microsecond",
    "sec": "second",
}
NONE = {"", "pixel", "px", "reference frame", "null", "none"}


def unit_name(text: str | None) -> str | None:
    """The one name of a unit, however it is spelled ("µm", "um", "micron", "micrometre" are "micrometer").

    None stands for no unit, as "pixel" does; a unit that is not known is returned as it is.
    """
    if text is None:
        return None
    # ImageJ writes the micro sign as an escape in ASCII; there are two micro signs in Unicode
    plain = re.sub(r"\\u00[bB]5", "µ", text).replace("\u03bc", "µ").strip()
    lower = plain.lower()
    for candidate in (lower, lower.removesuffix("s"), lower.removesuffix("s").replace("metre", "meter")):
        if candidate in NONE:
            return None
        if candidate in SYMBOLS:
            return candidate
        if candidate in SPELLINGS:
            return SPELLINGS[candidate]
    return plain


def unit_symbol(unit: str | None) -> str:
    """How a unit is written behind a number: "µm" for "micrometer", "px" for none."""
    return "px" if unit is None else SYMBOLS.get(unit, unit)


def convert(value: float, unit: str | None, to: str | None) -> float:
    """A length or time in another unit; unchanged where either unit is not known."""
    for table in (METRES, SECONDS):
        if unit in table and to in table:
            return value * table[unit] / table[to]
    return value
