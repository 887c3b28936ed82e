"""What an OME-Zarr image tells about itself: its axes, the pixel size and place of every level, its channels.

Here `letters` are the axes in the order of the file, with S where colour samples stand for channels.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np

from ..images.layout import Layout
from .image_file import Calibration

SAMPLES = {
    2: (("gray", "FFFFFF"), ("alpha", "FFFFFF")),
    3: (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF")),
    4: (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF")),
}
COLOURS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")


def names(letters: str) -> list[str]:
    """The axes' names, as OME-NGFF spells them; colour samples lie along its axis c."""
    return [a.lower() for a in letters.replace("S", "C")]


def axes(letters: str, calibration: Calibration) -> list[dict[str, str]]:
    """The axes' names, types and, where they are known, units."""
    units = {"Y": calibration.unit, "X": calibration.unit} if calibration.pixel_size else {}
    units |= {"Z": calibration.unit} if calibration.z_spacing else {}
    units |= {"T": "second"} if calibration.t_interval else {}
    kinds = {"T": "time", "C": "channel", "S": "channel"}
    found = [{"name": name, "type": kinds.get(a, "space")} for name, a in zip(names(letters), letters, strict=True)]
    return [axis | ({"unit": str(units[a])} if units.get(a) else {}) for axis, a in zip(found, letters, strict=True)]


def datasets(letters: str, calibration: Calibration, origin: tuple[float, float], levels: int) -> list[dict[str, Any]]:
    """Every level's path, pixel size and place: all levels begin at the same edge, so the centres of larger pixels lie further in."""
    y, x = calibration.pixel_size or (1.0, 1.0)
    sizes = {"T": calibration.t_interval or 1.0, "Z": calibration.z_spacing or 1.0, "Y": y, "X": x}
    start = dict(zip("YX", origin, strict=True))
    found = []
    for level in range(levels):
        factor = 2**level
        scale = [float(sizes.get(a, 1.0)) * (factor if a in "YX" else 1) for a in letters]
        shift = [start[a] + (factor - 1) / 2 * sizes[a] if a in "YX" else 0.0 for a in letters]
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}]
        found.append({"path": str(level), "coordinateTransformations": steps})
    return found


def channels(layout: Layout, calibration: Calibration, dtype: np.dtype[Any]) -> list[dict[str, Any]]:
    """What "omero" tells of the channels; nothing where their names are not known."""
    if layout.n_samples in SAMPLES:
        known = SAMPLES[layout.n_samples]
    elif "C" in layout.axes and len(calibration.channel_names) == layout.length("C"):
        colours = cycle(COLOURS if layout.length("C") > 1 else ("FFFFFF",))
        known = tuple(zip(calibration.channel_names, colours, strict=False))
    else:
        return []
    low, high = (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) if dtype.kind in "iu" else (0.0, 1.0)
    window = {"min": low, "max": high, "start": low, "end": high}
    return [{"label": name, "color": colour, "active": True, "window": dict(window)} for name, colour in known]


def contrast(group: Any, count: int, mark: dict[str, Any]) -> list[tuple[float, float]]:
    """The least and greatest value of every channel, of colours together, in the lowest level of a few planes."""
    lowest = group[max(group.array_keys(), key=int)]
    letters = "".join(lowest.metadata.dimension_names).upper()
    others = Layout(letters.replace("C", ""), tuple(n for a, n in zip(letters, lowest.shape, strict=True) if a != "C"))
    limits = []
    for channel in range(count):
        found = []
        for index in others.spread(8):
            along = dict(zip(others.stack_axes, index, strict=True)) | {"C": channel}
            values = np.asarray(lowest[tuple(along.get(a, slice(None)) for a in letters)])
            values = values[np.isfinite(values) & (values != mark["nodata"])]
            found += [float(values.min()), float(values.max())] if values.size else []
        limits.append((min(found), max(found)) if found and min(found) < max(found) else (0.0, 1.0))
    if mark["samples"]:
        return [(min(low for low, _ in limits), max(high for _, high in limits))] * count
    return limits
