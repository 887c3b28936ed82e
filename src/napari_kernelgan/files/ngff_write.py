"""Writing OME-Zarr 0.5 region by region: independent processes each write their own planes or blocks, and nobody holds the image.

The order of calls: `create_ngff` once, `write_region` and then `write_levels` for every plane by whoever made it, `finish_ngff` once.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .._version import __version__
from ..errors import InputError
from ..images.layout import Index, Layout
from . import ngff_metadata
from .image_file import Calibration
from .ngff import MARK, is_store, our_mark

CHUNK = 512
"""Chunks hold one plane of at most so many pixels along Y and X."""
SMALLEST_LEVEL = 256
LEAST_CHUNK = 64
"""Where blocks can only be cut into smaller chunks than this, there would be too many files."""
ORDER = "TCZYX"
PARTIAL = re.compile(r"\.[0-9a-f]{32}\.partial$")
"""How zarr names the file that it writes before it renames it."""
Region = tuple[slice, slice]


def check_ngff(layout: Layout) -> None:
    """Refuse, with advice, an image that OME-Zarr cannot hold.

    Raises
    ------
    InputError
        If it has colour samples and channels, or other stack axes than T, Z and C.
    """
    if {"C", "S"} <= set(layout.axes):
        raise InputError(
            f"OME-Zarr has one axis for channels, and this image has both channels and colour samples (axes {layout.axes}): "
            "write it as OME-TIFF (.ome.tif)."
        )
    if not set(layout.axes) <= set("TZCYXS"):
        raise InputError(f"OME-Zarr holds stacks along T, Z and C only; this image has axes {layout.axes}: write it in parts.")


def create_ngff(
    path: Path,
    layout: Layout,
    dtype: DTypeLike,
    calibration: Calibration,
    *,
    name: str,
    overwrite: bool = False,
    block: tuple[int, int] | None = None,
    fill: float | None = None,
    origin: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Make an OME-Zarr image without pixels, marked as incomplete: all levels and all metadata.

    Level 0 is full; every further level halves Y and X (rounded up) until the longer side is at most 256.

    Parameters
    ----------
    path : Path
        Of the new folder.
    layout : Layout
        Of the image; its axes may have any order. The file's order is t, c, z, y, x, and colour samples lie along c.
    dtype : dtype
        Kept.
    calibration : Calibration
        Of the image itself.
    name : str
        Of the image, in the metadata.
    overwrite : bool
        Replace an existing Zarr store.
    block : (int, int), optional
        Height and width of the blocks that are written, from (0, 0) on, where planes are not written whole. Two writers of different
        blocks never share a chunk.
    fill : float, optional
        The value of pixels that nobody writes, as no-data has one; 0 otherwise.
    origin : (float, float)
        Where the centre of the first pixel lies, (y, x) in the calibration's unit. After upscaling by s, ``-(s - 1) / 2`` new pixels
        lay the image over its source.

    Raises
    ------
    InputError
        If the folder exists, the image does not fit into OME-Zarr, or the blocks cannot be cut into chunks of a sensible size.
    """
    import zarr  # slow to load
    from ome_zarr.format import FormatV05
    from ome_zarr.writer import write_multiscales_metadata
    from zarr.codecs import BloscCodec

    check_ngff(layout)
    _refuse(path, overwrite)
    dtype = np.dtype(dtype).newbyteorder("=")
    if fill is not None and dtype.kind in "iu" and not np.iinfo(dtype).min <= fill <= np.iinfo(dtype).max:
        raise InputError(f"fill={fill:g} is no value that {dtype.name} has: choose another one, or write floats.")
    letters = letters_of(layout)
    sizes = _level_sizes(layout.plane_size)
    chunk = tuple(_chunk(length, side) for length, side in zip(layout.plane_size, block or layout.plane_size, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        group: Any = zarr.open_group(temporary, mode="w-", zarr_format=3)
        for level, size in enumerate(sizes):
            plane = dict(zip("YX", size, strict=True))
            step = dict(zip("YX", chunk if level == 0 else (CHUNK, CHUNK), strict=True))
            group.create_array(
                str(level),
                shape=tuple(plane.get(a) or layout.length(a) for a in letters),
                chunks=tuple(min(step[a], plane[a]) if a in "YX" else 1 for a in letters),
                dtype=dtype,
                compressors=BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
                fill_value=np.array(fill or 0).astype(dtype)[()],
                dimension_names=ngff_metadata.names(letters),
            )
        nodata = fill if fill is not None and isfinite(fill) else None  # JSON has no NaN, which speaks for itself
        group.attrs[MARK] = {"version": __version__, "incomplete": True, "samples": "S" in letters, "nodata": nodata}
        channels = ngff_metadata.channels(layout, calibration, dtype)
        write_multiscales_metadata(
            group,
            ngff_metadata.datasets(letters, calibration, origin, len(sizes)),
            fmt=FormatV05(),
            axes=ngff_metadata.axes(letters, calibration),
            name=name,
            **({"metadata": {"omero": {"channels": channels}}} if channels else {}),
        )
        put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_region(path: Path, layout: Layout, index: Index, plane: NDArray[Any], region: Region | None = None) -> None:
    """Write one plane, or a block of it, in full resolution.

    Parameters
    ----------
    path, layout
        As given to `create_ngff`.
    index : tuple of int
        Of the plane along ``layout.stack_axes``.
    plane : ndarray
        (Y, X) or (Y, X, S), of the whole plane or of the region.
    region : (slice, slice), optional
        Rows and columns.
    """
    _put(_level(path, 0, "r+"), layout, index, plane, region)


def read_region(path: Path, layout: Layout, index: Index, region: Region | None = None) -> NDArray[Any]:
    """Read one plane, or a block of it, in full resolution, (Y, X) or (Y, X, S); see `write_region`."""
    return _get(_level(path, 0, "r"), layout, index, region)


def write_levels(path: Path, layout: Layout, index: Index, missing: float | None = None) -> None:
    """Make the lower levels of one plane from its full resolution, by means of 2 x 2 pixels.

    One chunk of the lower level is made at a time, so that memory does not grow with the image.

    Parameters
    ----------
    path, layout, index
        As for `write_region`.
    missing : float, optional
        The value that stands for no data. It is left out of means, as NaN is, and is the result only where all four pixels are missing.
    """
    for level in range(1, len(_level_sizes(layout.plane_size))):
        fine, coarse = _level(path, level - 1, "r"), _level(path, level, "r+")
        (height, width), (rows, columns) = coarse.shape[-2:], coarse.chunks[-2:]
        for y, x in product(range(0, height, rows), range(0, width, columns)):
            pixels = _get(fine, layout, index, (slice(2 * y, 2 * (y + rows)), slice(2 * x, 2 * (x + columns))))
            _put(coarse, layout, index, halve(pixels, missing), (slice(y, y + rows), slice(x, x + columns)))


def halve(pixels: NDArray[Any], missing: float | None = None) -> NDArray[Any]:
    """Means of 2 x 2 pixels in the pixels' dtype; where sides are odd, the last ones are of the pixels there are.

    Parameters
    ----------
    pixels : ndarray
        (Y, X) or (Y, X, S).
    missing : float, optional
        See `write_levels`.

    Returns
    -------
    ndarray
        Half the size in Y and X, rounded up.
    """
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, [(0, height % 2), (0, width % 2), *[(0, 0)] * (pixels.ndim - 2)], mode="edge")
    four = np.stack([padded[y::2, x::2] for y, x in product((0, 1), repeat=2)])
    known = ~np.isnan(four) if four.dtype.kind == "f" else np.ones(four.shape, bool)
    if missing is not None:
        known &= four != (four.dtype.type(missing) if four.dtype.kind == "f" else missing)
    if known.all():
        mean = four.mean(axis=0, dtype=np.float64)
    else:
        count = known.sum(axis=0)
        mean = np.where(known, four, 0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
        mean[count == 0] = np.nan if missing is None else missing
    return np.asarray(np.rint(mean) if pixels.dtype.kind in "iu" else mean, pixels.dtype)


def finish_ngff(path: Path) -> None:
    """Take away the mark of an incomplete store, and the temporary files of writers that were killed. No writer may be at work any more.

    The contrast limits of the channels become those of the pixels, taken from the lowest level of a few planes.
    """
    import zarr

    for folder, _, files in os.walk(path):
        for name in files:
            if PARTIAL.search(name):
                (Path(folder) / name).unlink(missing_ok=True)
    group: Any = zarr.open_group(path, mode="r+")
    attributes = dict(group.attrs)
    channels = attributes["ome"].get("omero", {}).get("channels", [])
    mark = dict(attributes[MARK])
    if channels and not (mark["samples"] and group["0"].dtype == np.uint8):
        for channel, (low, high) in zip(channels, ngff_metadata.contrast(group, len(channels), mark), strict=True):
            channel["window"] |= {"start": low, "end": high}
            if group["0"].dtype.kind == "f":
                channel["window"] |= {"min": low, "max": high}
    mark.pop("incomplete", None)
    group.attrs.put(attributes | {MARK: mark})  # one file, which zarr writes under another name and then renames


def is_incomplete(path: Path) -> bool:
    """Whether the store was begun and not finished."""
    import zarr

    return bool(our_mark(zarr.open_group(path, mode="r")).get("incomplete"))


def _refuse(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"{path} already exists: choose another name, or allow overwriting (--overwrite).")
    if not is_store(path):
        raise InputError(f"{path} is there and no Zarr store, and is not deleted: choose another name.")


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a new store, in the same folder or one in it, to its name; what was there is moved aside first, and then deleted."""
    old = temporary.with_name(temporary.name + ".old")
    if path.exists():
        os.replace(path, old)
    os.replace(temporary, path)
    shutil.rmtree(old, ignore_errors=True)


def letters_of(layout: Layout) -> str:
    """The axes in the order of the file; colour samples stand where channels would."""
    return "".join(a for a in "TCSZYX" if a in layout.axes)


def _level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    sizes = [size]
    while max(sizes[-1]) > SMALLEST_LEVEL:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def _chunk(length: int, side: int) -> int:
    """The largest chunk along one axis that divides the blocks."""
    if side >= length:
        return min(CHUNK, length)
    largest = next(n for n in range(min(CHUNK, side), 0, -1) if side % n == 0)
    if largest < min(LEAST_CHUNK, side):
        raise InputError(f"Blocks of {side} px cannot be cut into equal chunks of {LEAST_CHUNK} to {CHUNK} px: use a multiple of {CHUNK}.")
    return largest


def _level(path: Path, level: int, mode: Any) -> Any:
    import zarr

    return zarr.open_array(path / str(level), mode=mode)


def _key(layout: Layout, index: Index, region: Region | None) -> tuple[int | slice, ...]:
    along: dict[str, int | slice] = dict(zip(layout.stack_axes, index, strict=True))
    along |= dict(zip("YX", region or (slice(None), slice(None)), strict=True))
    return tuple(along.get(a, slice(None)) for a in letters_of(layout))


def _get(level: Any, layout: Layout, index: Index, region: Region | None) -> NDArray[Any]:
    pixels = np.asarray(level[_key(layout, index, region)])
    return np.moveaxis(pixels, 0, -1) if "S" in layout.axes else pixels


def _put(level: Any, layout: Layout, index: Index, pixels: NDArray[Any], region: Region | None) -> None:
    level[_key(layout, index, region)] = np.moveaxis(pixels, -1, 0) if "S" in layout.axes else pixels
