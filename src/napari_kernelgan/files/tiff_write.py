"""Writing TIFF with its pixel size: as ImageJ does where its format holds the image, else as OME-TIFF. Fiji reads both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from .._version import __version__
from ..errors import InputError
from ..images.layout import Index, Layout
from .image_file import Calibration, standard_axes
from .strips import iter_strips
from .units import unit_symbol

STACK_ORDER = "TZC"
TILED_PIXELS = 2**26
"""Planes of more pixels are written in tiles, so that no whole plane is in memory."""
TILE = 512
IMAGEJ_BYTES = 2**32 - 2**20  # what fits a classic TIFF, less some for the metadata
OME_DTYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")


def check_tiff(layout: Layout, dtype: np.dtype[Any]) -> None:
    """Refuse, with advice, an image that no microscopist's TIFF holds."""
    if dtype.name not in OME_DTYPES:
        raise InputError(f"TIFF that other programs read holds no {dtype.name}: convert the image, for example to float32.")
    beyond = set(standard_axes(layout.axes)) - set("TZCYXS")
    if beyond:
        raise InputError(f"TIFF holds stacks along at most three axes (T, Z, C); this image has axes {layout.axes}: write it in parts.")


def write_tiff(path: Path, data: Any, layout: Layout, calibration: Calibration, ome: bool | None = None) -> None:
    """Write an image plane by plane; planes of more than 64 megapixels as OME-TIFF, tile by tile.

    Parameters
    ----------
    path : Path
    data : array
        NumPy, Dask or Zarr array, or one in files, that `layout` describes; of a lazy one, one plane at a time is computed, or, where it
        is written in tiles, one row of its chunks.
    layout : Layout
    calibration : Calibration
        Of `data`.
    ome : bool, optional
        Whether to write OME metadata; None writes ImageJ's where they can hold the image.
    """
    check_tiff(layout, data.dtype)
    letters = standard_axes(layout.axes)
    order = [a for a in STACK_ORDER if a in letters]
    samples = (layout.n_samples,) if layout.n_samples > 1 else ()
    shape = (*(layout.length(layout.axes[letters.index(a)]) for a in order), *layout.plane_size, *samples)
    dtype = np.dtype(data.dtype).newbyteorder("=")
    small = prod(shape) * dtype.itemsize < IMAGEJ_BYTES
    tiled = prod(layout.plane_size) > TILED_PIXELS
    if ome is None:
        ome = not small or tiled or dtype.name not in (("uint8",) if samples else ("uint8", "uint16", "float32")) or samples == (2,)
    axes = "".join(order) + ("YXS" if samples else "YX")
    tifffile.imwrite(
        path,
        (_tiles if tiled else _planes)(data, layout, _indices(layout, letters, order)),
        shape=shape,
        dtype=dtype,
        tile=(TILE, TILE) if tiled else None,
        photometric="rgb" if layout.n_colours == 3 else "minisblack",
        planarconfig="contig" if samples else None,
        extrasamples=["unassalpha"] if layout.has_alpha else None,
        bigtiff=not small,
        software=f"napari-kernelgan {__version__}",
        **_ome(axes, calibration) if ome else _imagej(axes, calibration),
    )


def _indices(layout: Layout, letters: str, order: list[str]) -> Iterator[Index]:
    """The index of every plane, along the layout's stack axes, in the order of the file."""
    lengths = dict(zip(letters, layout.shape, strict=True))
    stack = [a for a in letters if a not in "YXS"]
    for index in product(*(range(lengths[a]) for a in order)):
        at = dict(zip(order, index, strict=True))
        yield tuple(at[a] for a in stack)


def _planes(data: Any, layout: Layout, indices: Iterator[Index]) -> Iterator[NDArray[Any]]:
    """Every plane, (Y, X) or (Y, X, S)."""
    for index in indices:
        yield _samples(layout.plane(data, index))


def _tiles(data: Any, layout: Layout, indices: Iterator[Index]) -> Iterator[NDArray[Any]]:
    """Every tile of every plane, from left to right and top to bottom; those at the edges are filled up with zeros."""
    for index in indices:
        for strip in iter_strips(data, layout, index, TILE):
            for left in range(0, strip.shape[1], TILE):
                tile = strip[:, left : left + TILE]
                missing = [(0, TILE - tile.shape[0]), (0, TILE - tile.shape[1]), *[(0, 0)] * (tile.ndim - 2)]
                yield _samples(np.pad(tile, missing))


def _samples(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels as TIFF has them: no axis of samples where there is one sample."""
    return np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)


def _imagej(axes: str, calibration: Calibration) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": axes}
    options: dict[str, Any] = {"imagej": True, "metadata": metadata}
    if calibration.pixel_size:
        y, x = calibration.pixel_size
        options["resolution"] = (1 / x, 1 / y)
        # ImageJ's files are ASCII, and it shows this as the symbol
        metadata["unit"] = "micron" if calibration.unit == "micrometer" else unit_symbol(calibration.unit)
        if calibration.z_spacing:
            metadata["spacing"] = calibration.z_spacing
    if calibration.t_interval:
        metadata["finterval"] = calibration.t_interval
    return options


def _ome(axes: str, calibration: Calibration) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": axes}
    if calibration.pixel_size:
        symbol = unit_symbol(calibration.unit) if calibration.unit else "reference frame"
        sizes = dict(zip("YX", calibration.pixel_size, strict=True))
        if calibration.z_spacing:
            sizes["Z"] = calibration.z_spacing
        for axis, size in sizes.items():
            metadata[f"PhysicalSize{axis}"] = size
            metadata[f"PhysicalSize{axis}Unit"] = symbol
    if calibration.t_interval:
        metadata |= {"TimeIncrement": calibration.t_interval, "TimeIncrementUnit": "s"}
    if calibration.channel_names and "C" in axes:
        metadata["Channel"] = {"Name": list(calibration.channel_names)}
    return {"ome": True, "metadata": metadata}
