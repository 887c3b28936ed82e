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
from ..images.layout import Layout
from .image_file import Calibration, standard_axes
from .units import unit_symbol

STACK_ORDER = "TZC"
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
    """Write an image plane by plane.

    Parameters
    ----------
    path : Path
    data : array
        NumPy, Dask or Zarr array that `layout` describes; of a lazy one, one plane at a time is computed.
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
    if ome is None:
        ome = not small or dtype.name not in (("uint8",) if samples else ("uint8", "uint16", "float32")) or samples == (2,)
    axes = "".join(order) + ("YXS" if samples else "YX")
    tifffile.imwrite(
        path,
        _planes(data, layout, letters, order),
        shape=shape,
        dtype=dtype,
        photometric="rgb" if layout.n_colours == 3 else "minisblack",
        planarconfig="contig" if samples else None,
        extrasamples=["unassalpha"] if layout.has_alpha else None,
        bigtiff=not small,
        software=f"napari-kernelgan {__version__}",
        **_ome(axes, calibration) if ome else _imagej(axes, calibration),
    )


def _planes(data: Any, layout: Layout, letters: str, order: list[str]) -> Iterator[NDArray[Any]]:
    """Every plane, (Y, X) or (Y, X, S), with the stack axes in the order of the file."""
    lengths = dict(zip(letters, layout.shape, strict=True))
    stack = [a for a in letters if a not in "YXS"]
    for index in product(*(range(lengths[a]) for a in order)):
        at = dict(zip(order, index, strict=True))
        plane = layout.plane(data, tuple(at[a] for a in stack))
        yield np.ascontiguousarray(plane[..., 0] if plane.ndim == 3 and plane.shape[-1] == 1 else plane)


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
