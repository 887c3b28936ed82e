"""Reading TIFF: pixels, axes, and the pixel size from OME, ImageJ or baseline metadata."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..errors import InputError
from .geotiff import has_place, is_photo, read_nodata, read_reference
from .image_file import LAZY_BYTES, Calibration, ImageFile, standard_axes
from .stored import StoredFile, map_tiff, mapped_chunks, open_tiff
from .units import METRES, convert, unit_name

PRINT_RESOLUTION = 1e-5
"""Metres. Plain resolution tags that mean coarser pixels are dots per inch of a screen, scanner or printer."""


def read_tiff(path: Path, lazy: bool | None = None, level: int = 0) -> ImageFile:
    """Read the first series of a TIFF.

    Parameters
    ----------
    path : Path
        Of a file, or of any of the files that an OME-TIFF is spread over.
    lazy : bool, optional
        Whether to leave the pixels on the disk; None leaves images of more than `LAZY_BYTES` there.
    level : int
        Which of a pyramid's resolutions; 0 is the full one.

    Raises
    ------
    InputError
        If it has no such level, or files of the image are missing.
    """
    with tifffile.TiffFile(path) as tiff:
        full = tiff.series[0]
        if not 0 <= level < len(full.levels):
            raise InputError(f"{path} has {len(full.levels)} level(s), 0 to {len(full.levels) - 1}: level {level} is not there.")
        series = full.levels[level]
        page = series.keyframe
        axes = standard_axes(series.axes)
        if series.is_multifile and (missing := sum(each is None for each in series.pages)):
            raise InputError(f"{path}: {missing} plane(s) of the image are in files that are not there: put the whole set in one folder.")
        shaded = _shades(page, scientific=bool(tiff.is_imagej or tiff.is_ome)) is not None
        if lazy is None:
            lazy = series.size * np.dtype(series.dtype).itemsize > LAZY_BYTES
        inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and np.dtype(series.dtype).kind == "u"
        if shaded:
            axes += "S"
        if lazy:
            data: Any = _store(path, series, level, shaded, inverted)
        else:
            data = _decode_shaded(path, level) if shaded else series.asarray()
            data = ~data if inverted else data
        notes = () if len(tiff.series) == 1 else (f"{path.name} holds {len(tiff.series)} images; the first one is used.",)
        calibration = _of_level(_calibration(tiff), full, series)
        found = ImageFile(path, data, axes, calibration, ome=bool(tiff.is_ome), notes=notes, nodata=read_nodata(tiff))
        return _placed(found, page, _ratio(full, series)) if has_place(tiff) else found


def files_of(path: Path) -> set[Path]:
    """The files that the first series of a TIFF is spread over, of which any stands for all: more than one in some OME-TIFFs."""
    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        if not series.is_multifile:
            return {path.resolve()}
        return {Path(page.parent.filehandle.path).resolve() for page in series.pages if page is not None}


def _store(path: Path, series: Any, level: int, shaded: bool, inverted: bool) -> StoredFile:
    """What reads a series when it is asked for."""
    shape, dtype = tuple(int(n) for n in series.shape), np.dtype(series.dtype).newbyteorder("=")
    if shaded:  # a picture of 256 colours, never large
        return StoredFile((*shape, 3), np.dtype(np.uint8), (*shape, 3), path, _decode_shaded, level, whole=True)
    if series.dataoffset is not None and not series.is_multifile:
        _check_length(path, series.dataoffset + series.nbytes)
        return StoredFile(shape, dtype, mapped_chunks(shape), path, map_tiff, level, inverted=inverted)
    tile = (*series.keyframe.chunks,)
    chunks = (1,) * (len(shape) - len(tile)) + tile if len(tile) <= len(shape) else shape
    return StoredFile(shape, dtype, tuple(min(pair) for pair in zip(shape, chunks, strict=True)), path, open_tiff, level, inverted=inverted)


def _check_length(path: Path, length: int) -> None:
    if path.stat().st_size < length:
        raise ValueError(f"it is {path.stat().st_size} bytes long, and its pixels end at {length}")


def _decode_shaded(path: Path, level: int) -> NDArray[np.uint8]:
    """The pixels of a picture with a palette as colours, (..., Y, X, S)."""
    with tifffile.TiffFile(path) as tiff:
        shades = _shades(tiff.series[0].keyframe, scientific=False)
        assert shades is not None
        return np.asarray(shades[tiff.series[0].levels[level].asarray()])


def _ratio(full: Any, series: Any) -> tuple[float, float]:
    """How many pixels, (y, x), of the full resolution one of a level covers."""
    y, x = (full.shape[full.axes.index(a)] / series.shape[series.axes.index(a)] for a in "YX")
    return y, x


def _of_level(calibration: Calibration, full: Any, series: Any) -> Calibration:
    """The calibration of a lower resolution, which covers the same area."""
    if calibration.pixel_size is None or series is full:
        return calibration
    y, x = _ratio(full, series)
    return calibration._replace(pixel_size=(calibration.pixel_size[0] * y, calibration.pixel_size[1] * x))


def _placed(image: ImageFile, page: Any, ratio: tuple[float, float]) -> ImageFile:
    """A GeoTIFF with its georeference. Its bands are channels, but for the colours of a photograph."""
    try:
        geo = read_reference(image.path).finer(1 / ratio[0], 1 / ratio[1])
    except InputError as error:
        return replace(
            image, axes=_bands(image.axes, is_photo(page, ())), notes=(*image.notes, f"Where {image.path.name} lies is not read. {error}")
        )
    calibration = Calibration(channel_names=geo.band_names if all(geo.band_names) else ())
    if size := geo.pixel_size():
        calibration = calibration._replace(pixel_size=size, unit="meter")
    return replace(image, axes=_bands(image.axes, is_photo(page, geo.band_names)), calibration=calibration, geo=geo)


def _bands(axes: str, photo: bool) -> str:
    return axes if photo or "C" in axes else axes.replace("S", "C")


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
