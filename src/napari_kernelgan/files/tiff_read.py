"""Reading TIFF: pixels, axes, and the pixel size from OME, ImageJ or baseline metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from .image_file import LAZY_BYTES, Calibration, ImageFile, standard_axes
from .units import METRES, convert, unit_name

PRINT_RESOLUTION = 1e-5
"""Metres. Plain resolution tags that mean coarser pixels are dots per inch of a screen, scanner or printer."""


def read_tiff(path: Path, lazy: bool | None = None) -> ImageFile:
    """Read the first series of a TIFF, in full resolution.

    Parameters
    ----------
    path : Path
    lazy : bool, optional
        Whether to leave the pixels on the disk; None leaves images of more than `LAZY_BYTES` there.
    """
    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        page = series.keyframe
        axes = standard_axes(series.axes)
        shades = _shades(page, scientific=bool(tiff.is_imagej or tiff.is_ome))
        if lazy is None:
            lazy = series.size * np.dtype(series.dtype).itemsize > LAZY_BYTES
        if shades is not None:  # a picture of 256 colours, never large
            data, axes = shades[series.asarray()], axes + "S"
        else:
            data = _open_lazily(path) if lazy else series.asarray()
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and data.dtype.kind == "u":
            data = ~data
        notes = () if len(tiff.series) == 1 else (f"{path.name} holds {len(tiff.series)} images; the first one is used.",)
        return ImageFile(path, data, axes, _calibration(tiff), ome=bool(tiff.is_ome), notes=notes)


def _open_lazily(path: Path) -> Any:
    import dask.array as da
    import zarr

    return da.from_array(zarr.open_array(tifffile.imread(path, aszarr=True, series=0, level=0), mode="r"))


def _shades(page: Any, scientific: bool) -> NDArray[np.uint8] | None:
    """The colours (256, 3) of a picture with a palette.

    None where there is no palette, or one that only tints intensities: in microscopes' files, and where every colour gets brighter.
    """
    if page.photometric != tifffile.PHOTOMETRIC.PALETTE or scientific:
        return None
    colours = np.asarray(page.colormap).T
    if (np.diff(colours.astype(np.int64), axis=0) >= 0).all():
        return None
    return (colours // 257).astype(np.uint8)


def _calibration(tiff: tifffile.TiffFile) -> Calibration:
    if tiff.is_ome:
        return _from_ome(tiff.ome_metadata)
    if tiff.is_imagej:
        return _from_imagej(tiff)
    return _from_tags(tiff)


def _from_ome(xml: str) -> Calibration:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    if pixels is None:
        return Calibration()
    lengths = {}
    for axis in "XYZ":
        if f"PhysicalSize{axis}" in pixels.attrib:
            lengths[axis] = float(pixels.attrib[f"PhysicalSize{axis}"]), unit_name(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    unit = lengths.get("X", (0, None))[1]
    sizes = {axis: convert(*length, unit) for axis, length in lengths.items()}
    interval = pixels.get("TimeIncrement")
    names = [channel.get("Name") for channel in pixels.findall("{*}Channel")]
    return Calibration(
        pixel_size=(sizes["Y"], sizes["X"]) if {"X", "Y"} <= set(sizes) and min(sizes["Y"], sizes["X"]) > 0 else None,
        unit=unit,
        z_spacing=sizes.get("Z"),
        t_interval=convert(float(interval), unit_name(pixels.get("TimeIncrementUnit", "s")), "second") if interval else None,
        channel_names=tuple(name for name in names if name) if all(names) else (),
    )


def _from_imagej(tiff: tifffile.TiffFile) -> Calibration:
    metadata = tiff.imagej_metadata or {}
    unit = unit_name(str(metadata.get("unit", "")))
    resolution = _pixels_per_unit(tiff)
    interval = float(metadata.get("finterval", 0))
    if unit is None or resolution is None or (unit == "inch" and _is_print(0.0254 / min(resolution))):
        return Calibration(t_interval=interval or None)
    spacing = metadata.get("spacing")
    return Calibration((1 / resolution[0], 1 / resolution[1]), unit, float(spacing) if spacing else None, interval or None)


def _from_tags(tiff: tifffile.TiffFile) -> Calibration:
    metres = {tifffile.RESUNIT.INCH: METRES["inch"], tifffile.RESUNIT.CENTIMETER: METRES["centimeter"]}
    unit = metres.get(tiff.pages.first.resolutionunit)
    resolution = _pixels_per_unit(tiff)
    if unit is None or resolution is None or _is_print(unit / min(resolution)):
        return Calibration()
    micrometres = convert(unit, "meter", "micrometer")
    return Calibration((micrometres / resolution[0], micrometres / resolution[1]), "micrometer")


def _pixels_per_unit(tiff: tifffile.TiffFile) -> tuple[float, float] | None:
    """Resolution tags as (y, x); None where they are missing or no numbers."""
    tags = tiff.pages.first.tags
    if "XResolution" not in tags or "YResolution" not in tags:
        return None
    x, y = tiff.pages.first.resolution
    return (y, x) if min(x, y) > 0 else None


def _is_print(metres: float) -> bool:
    return metres >= PRINT_RESOLUTION
