"""A record for people: what a result is, from what it was made, how, and with which versions, as labels and values under headings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .reading import (
    KERNEL,
    KERNELS,
    MAP,
    UPSCALED,
    Record,
    Sizes,
    angle_of,
    changes,
    config_of,
    flat,
    kind_of,
    method_of,
    number,
    setting,
    sizes,
)
from .verdict import TITLES, Rows, duration, finding_in_words, length, measures_in_words


class Section(NamedTuple):
    """Some of what is known, under a heading."""

    title: str
    rows: Rows
    """(label, value)"""


def readable(record: Record) -> list[Section]:
    """What a record tells, in the order in which one would ask.

    Parameters
    ----------
    record : dict
        Of a layer (``layer.metadata["napari_kernelgan"]``), or of a file.

    Returns
    -------
    list of Section
        "Result", "Check", "Made from", "Method", "Settings" (only those that are not the defaults) and "Versions", as far as there is
        something in them.

    Raises
    ------
    InputError
        If it is no record of a kernel, an upscaled image, or what was found out about one.
    """
    known = flat(record)
    kind = kind_of(known)
    sections = [
        Section("Result", _RESULTS.get(kind, _finding)(known)),
        Section("Check", _check(known.get("badge"))),
        Section("Made from", _origin(known)),
        Section("Method", _method(known)),
        Section("Settings", _settings(known)),
        Section("Versions", _versions(known)),
    ]
    return [section for section in sections if section.rows]


def as_text(sections: Sequence[Section]) -> str:
    """Sections as plain text with straight columns."""
    wide = max((len(label) for section in sections for label, _ in section.rows), default=0)
    lines = []
    for section in sections:
        lines += [section.title, *(f"  {label:<{wide}}  {value}" for label, value in section.rows), ""]
    return "\n".join(lines)


def _kernel(record: Record) -> Rows:
    pixels, physical = sizes(record)
    rows = [("kind", f"kernel (SR kernel){_by_scale(record)}")]
    for shown in (physical, pixels):
        if shown is not None:
            rows += [(f"FWHM, {name} axis", _width(shown, order)) for order, name in enumerate(("major", "minor"))]
    angle = angle_of(record)
    rows += [("direction", f"{angle:.0f}° from +x towards +y")] if angle is not None else []
    trust = record.get("reliability")
    rows.append(("reliability", trust["level"] if trust else "not told by this method"))
    rows += [("because", reason) for reason in (trust or {}).get("reasons", ())]
    reference = {
        "prior": "pictures as sharp as the prior's and this image",
        "self-similar": "a picture that sharper optics would take and this image",
    }.get(str(record.get("reference")))
    return rows + ([("blur between", reference)] if reference and method_of(record) != "given" else [])


def _kernels(record: Record) -> Rows:
    stack = record["stack"]
    found = [each for each in stack["kernels"] if "fwhm" in each]
    rows = [("kind", f"kernels of a stack{_by_scale(record)}"), ("kernels", f"{len(stack['kernels'])}, shared by {stack['share']}")]
    rows += _span([(each["fwhm"]["major"], each["fwhm"]["minor"]) for each in found])
    return rows + _counted([each["reliability"]["level"] for each in found if each.get("reliability")])


def _map(record: Record) -> Rows:
    widths = np.array(record["fwhm"], np.float64).reshape(-1, 3)
    height, width = record["tile"]
    rows = [("kind", f"map of kernels{_by_scale(record)}")]
    rows.append(("tiles", f"{len(record['rows'])} × {len(record['columns'])}, of {height} × {width} px"))
    rows.append(("smoothed", "by the error bars" if record.get("smooth") else "no"))
    rows += _span(widths[np.isfinite(widths).all(1)][:, :2].tolist())
    return rows + _counted(np.array(record["reliability"]).ravel().tolist())


def _upscaled(record: Record) -> Rows:
    return [("kind", f"upscaled image{_by_scale(record)}")] + ([("stored in", str(record["path"]))] if record.get("path") else [])


def _finding(record: Record) -> Rows:
    return [("kind", f"{record['kind']}{_by_scale(record)}"), *finding_in_words(record)]


_RESULTS = {KERNEL: _kernel, KERNELS: _kernels, MAP: _map, UPSCALED: _upscaled}


def _check(badge: dict[str, Any] | None) -> Rows:
    if badge is None:
        return []
    reasons = [("because" if badge["level"] == "pass" else "against it", reason) for reason in badge["reasons"]]
    return [("badge", TITLES[badge["level"]]), *reasons, *measures_in_words(badge["measures"])]


def _origin(record: Record) -> Rows:
    source, image = record.get("source") or {}, record.get("input") or record.get("stack", {}).get("input") or {}
    kernel, upscaled = record.get("kernel") or {}, record.get("upscaled")
    rows = []
    if isinstance(upscaled, dict) and "layer" in upscaled:
        rows.append(("upscaled layer", upscaled["layer"]))
    if source.get("layer"):
        rows.append(("image layer", source["layer"]))
    rows += [("file", str(path))] if (path := source.get("path")) else []
    if source.get("plane"):
        rows.append(("plane", ", ".join(map(str, source["plane"]))))
    for axis, (first, last) in (source.get("ranges") or {}).items():
        rows.append((f"planes along {axis}", f"{first} to {last - 1}"))
    if source.get("region"):
        top, left, bottom, right = source["region"]
        rows.append(("region", f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"))
    if image.get("shape"):
        of = f" {image['dtype']}" if image.get("dtype") else ""
        rows.append(("pixels", f"{' × '.join(map(str, image['shape']))}{of}, axes {image.get('axes', '')}"))
    if len(image.get("planes") or ()) > 1:
        rows.append(("planes pooled", str(len(image["planes"]))))
    if image.get("value_range"):
        rows.append(("value range", "{:.6g} to {:.6g}".format(*image["value_range"])))
    if record.get("pixel_size"):
        rows.append(("pixel size", length(record["pixel_size"], record.get("unit"))))
    if isinstance(image.get("sha256"), str):  # a map has one for each tile
        rows.append(("SHA-256", image["sha256"]))
    return rows + _undone(kernel)


def _undone(kernel: dict[str, Any]) -> Rows:
    rows = [("kernel layer", kernel["layer"])] if kernel.get("layer") else []
    if kernel.get("method"):
        rows.append(("kernel by", kernel["method"] + (f", seed {kernel['seed']}" if "seed" in kernel else "")))
    return rows + ([("kernel's SHA-256", kernel["sha256"])] if kernel.get("sha256") else [])


def _method(record: Record) -> Rows:
    if "method" not in record:
        return [("time", duration(record["seconds"]))] if "seconds" in record else []
    rows = [("method", method_of(record))]
    spectrum = record.get("spectrum", {})
    rows += [("prior", spectrum["prior"])] if "prior" in spectrum else []
    seed = (record.get("stack") or record).get("seed")
    rows += [("seed", str(seed))] if seed is not None else []
    steps = [step["steps"] for plane in record.get("planes", ()) if isinstance(plane, dict) for step in plane.get("stages", ())]
    steps += [record["training"]["steps"]] if "steps" in record.get("training", {}) else []
    rows += [("training steps", ", ".join(map(str, steps)))] if 0 < len(steps) <= 8 else []
    rows += [("training steps", f"{min(steps)} to {max(steps)} in {len(steps)} trainings")] if len(steps) > 8 else []
    rows += [("device", str(record["device"]))] if record.get("device") else []
    rows += [("threads", str(record["threads"]))] if record.get("threads") else []
    rows += [("time", duration(record["seconds"]))] if record.get("seconds") is not None else []
    return rows + ([("stopped", "before its end")] if record.get("stopped") else [])


def _settings(record: Record) -> Rows:
    if "method" not in record or not config_of(record):
        return []
    base, values = changes(method_of(record), config_of(record))
    rows = [("all as", "by default" if base == "default" else base)] if base != "default" or not values else []
    return rows + [(name.replace("_", " "), f"{setting(value)} ({base}: {setting(usual)})") for name, (value, usual) in values.items()]


def _versions(record: Record) -> Rows:
    told = record.get("versions") or record.get("stack", {}).get("versions") or {}
    return [(name, version) for name, version in told.items()]


def _by_scale(record: Record) -> str:
    return f", ×{record['scale']}" if record.get("scale") else ""


def _width(shown: Sizes, order: int) -> str:
    unit = "px of the upscaled image" if shown.unit == "px" else shown.unit
    bars = ""
    if shown.bars:
        low, high = (number(end, shown.unit) for end in shown.bars[order])
        bars = f" (90 % error bar: {low} to {high})"
    return f"{number(shown[order], shown.unit)} {unit}{bars}"  # type: ignore[arg-type]


def _span(both: Sequence[Sequence[float]]) -> Rows:
    means = [float(np.sqrt(major * minor)) for major, minor in both]
    return [("FWHM, mean of axes", f"{min(means):.2f} to {max(means):.2f} px of the upscaled image")] if means else []


def _counted(levels: Sequence[str]) -> Rows:
    counts = {level: levels.count(level) for level in dict.fromkeys(sorted(levels))}
    told = ", ".join(f"{count} {level}" for level, count in counts.items())
    return [("reliability", told or "not told by this method")]
