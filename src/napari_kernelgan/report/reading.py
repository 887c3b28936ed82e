"""Reading records, those of layers and those of files: what kind they are, their widths, and which settings are not the defaults.

A record is the dict under ``layer.metadata["napari_kernelgan"]``, a kernel's JSON, or what ``report.json`` has as "kernel" and "upscale".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..config import Settings
from ..errors import InputError
from ..estimate.api import BEST
from ..estimate.api import METHODS as ESTIMATORS
from ..files.units import unit_symbol
from ..upscaling.api import METHODS as UPSCALERS

Record = dict[str, Any]

KERNEL, KERNELS, MAP, UPSCALED = "kernel", "kernels of a stack", "kernel map", "upscaled image"
RESIDUAL, ADDED, SPREAD = "residual", "added detail", "seed spread"
KINDS = (KERNEL, KERNELS, MAP, UPSCALED, RESIDUAL, ADDED, SPREAD)
"""In the order in which they are told."""
ANGLE_KNOWN = 30.0
"""Degrees of spread of the major axis' direction up to which it is told; where nothing is known the spread is 52."""


class Sizes(NamedTuple):
    """Full widths at half maximum of a kernel, in one unit."""

    major: float
    minor: float
    bars: Sequence[Sequence[float]] | None
    """90 % error bars (low, high) of both."""
    unit: str
    """A symbol; "px" is a pixel of the upscaled image."""


class Changes(NamedTuple):
    """What a configuration differs in from the defaults, or from the settings of a paper where it is nearer to those."""

    base: str
    """"default", "published" or "noisy"."""
    values: dict[str, tuple[Any, Any]]
    """Name to the value and the base's."""


def flat(record: Record) -> Record:
    """A record with the details of its method beside everything else, as layers have it; those of files have them apart."""
    return {**record.get("details", {}), **{name: value for name, value in record.items() if name != "details"}}


def kind_of(record: Record) -> str:
    """What a record is of: one of `KINDS`.

    Raises
    ------
    InputError
        If it is none of them.
    """
    kind = record.get("kind")
    if kind is None:  # those of files do not tell
        if "fwhm" in record:
            kind = KERNEL
        elif record.get("method") in UPSCALERS:
            kind = UPSCALED
    if kind not in KINDS:
        other = kind or "something else"
        raise InputError(f"A record of a kernel, an upscaled image, or what was found out about one is needed, not of {other}.")
    return str(kind)


def method_of(record: Record) -> str:
    """The method, with "auto" as what it meant."""
    method = str(record.get("method", "given"))
    if method != "auto":
        return method
    return "zssr" if kind_of(record) == UPSCALED else BEST


def config_of(record: Record) -> Record:
    """The configuration of a record's method; of a run over a stack it is one of those of all methods."""
    if record.get("config"):
        return dict(record["config"])
    return dict(record.get("stack", {}).get("config", {}).get(method_of(record), {}))


def changes(method: str, config: Record) -> Changes:
    """What a configuration as JSON has it differs in from the defaults of its method, or from the nearest preset."""
    model = Settings().methods.get(method)
    if model is None or not config:
        return Changes("default", {})
    found = []
    for name, base in model.presets().items():
        known = base.model_dump(mode="json")
        found.append(Changes(name, {key: (value, known.get(key)) for key, value in config.items() if _plain(value) != known.get(key)}))
    return min(found, key=lambda each: len(each.values))  # the defaults where none is nearer


def sizes(record: Record) -> tuple[Sizes, Sizes | None]:
    """The widths of a recorded kernel, in px and in its image's unit of length, where that is known."""
    width, bars, physical = (record.get(name) for name in ("fwhm", "fwhm_interval", "fwhm_physical"))
    assert width is not None
    both = width["major"], width["minor"]
    pixels = Sizes(*both, bars, "px")
    if not physical or not physical.get("unit"):
        return pixels, None
    lengths = physical["major"], physical["minor"]
    scaled = bars and [[end * to / of for end in ends] for ends, of, to in zip(bars, both, lengths, strict=True)]
    return pixels, Sizes(*lengths, scaled or None, unit_symbol(physical["unit"]))


def angle_of(record: Record) -> float | None:
    """Direction of the major axis in degrees from +x towards +y, where the kernel is oblong and it is known."""
    width = record["fwhm"]
    oblong = f"{width['major']:.2f}" != f"{width['minor']:.2f}"
    known = record.get("spectrum", {}).get("angle_sd", 0) <= ANGLE_KNOWN
    return float(width["angle"]) if oblong and known else None


def is_estimate(record: Record) -> bool:
    """Whether a kernel was estimated, and not given."""
    return method_of(record) in ESTIMATORS


def number(value: float, unit: str) -> str:
    """A width: pixels to two decimals, lengths to three digits."""
    return format(value, ".2f" if unit == "px" else "#.3g").rstrip(".")


def setting(value: Any) -> str:
    """The value of a setting."""
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(setting, value)) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
