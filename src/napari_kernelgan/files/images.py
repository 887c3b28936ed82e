"""Reading and writing images: which format a path means, and errors that say what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError, device_errors
from ..images.layout import Layout
from ..provenance import hash_file
from .atomic import atomic, refuse_existing
from .geotiff import GeoReference, write_geotiff
from .image_file import LAZY_BYTES, Calibration, ImageFile
from .ngff import is_store, read_ngff
from .pictures import read_picture, write_png
from .stored import StoredFile, map_npy, mapped_chunks
from .tiff_read import read_tiff
from .tiff_write import check_tiff, write_tiff

TIFF = (".tif", ".tiff", ".btf", ".tf8")
PICTURES = (".png", ".jpg", ".jpeg")


def read_image(path: str | Path, axes: str | None = None, *, lazy: bool | None = None) -> ImageFile:
    """Read an image and what its file tells about it.

    TIFF (OME, ImageJ, plain), PNG, JPEG, OME-Zarr and NPY. Of a file with several images or resolutions, the first, full one.

    Parameters
    ----------
    path : path
        Of a file, or of the folder of an OME-Zarr image.
    axes : str, optional
        One letter per axis, where the file's own are missing or wrong.
    lazy : bool, optional
        Whether pixels are left on the disk, to be read where they are asked for. None: those of TIFF and NPY of more than 1 GiB. OME-Zarr
        always is.

    Returns
    -------
    ImageFile

    Raises
    ------
    InputError
        If there is no such file, its format is not known, or it cannot be read.
    OutOfMemory
        If it does not fit in memory.
    """
    found = open_image(path, axes, lazy=lazy)
    return found if found.path.is_dir() else replace(found, sha256=hash_file(found.path))


def open_image(path: str | Path, axes: str | None = None, *, lazy: bool | None = True, level: int = 0) -> ImageFile:
    """Read an image as `read_image` does, without hashing the file, so that of a lazy one nothing but metadata is read.

    Parameters
    ----------
    path, axes
        See `read_image`.
    lazy : bool, optional
        Whether the pixels are left on the disk; None means that large ones are.
    level : int
        Which resolution of an OME-Zarr or TIFF pyramid; the pixel size is that of the level.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file.")
    try:
        with device_errors():
            found = _read(path, lazy, level)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a damaged file may raise anything
        raise InputError(f"{path} cannot be read: {str(error).strip() or type(error).__name__}. It may be damaged.") from error
    calibration = found.calibration
    if calibration.unit is None and calibration.pixel_size == (1.0, 1.0):  # what is written where nothing is known
        calibration = calibration._replace(pixel_size=None, z_spacing=None)
    return replace(found, axes=Layout.of(found.data, axes or found.axes or None).axes, calibration=calibration)


def write_image(
    path: str | Path,
    data: Any,
    axes: str | None = None,
    pixel_size: tuple[float, float] | None = None,
    unit: str | None = None,
    z_spacing: float | None = None,
    t_interval: float | None = None,
    channel_names: tuple[str, ...] = (),
    *,
    ome: bool = False,
    overwrite: bool = False,
    geo: GeoReference | None = None,
) -> Path:
    """Write an image as TIFF, GeoTIFF or PNG, whole or not at all.

    Parameters
    ----------
    path : path
        ``.ome.tif`` is OME-TIFF; ``.tif`` is as ImageJ writes it, or OME-TIFF where that cannot hold the image; ``.png`` holds one plane
        of uint8 or uint16, and no pixel size.
    data : array
        NumPy, Dask or Zarr array, or one in files; lazy ones are computed plane by plane, very large planes a few rows at a time.
    axes : str, optional
        One letter per axis.
    pixel_size, unit, z_spacing, t_interval, channel_names
        Of `data` itself: after upscaling, ``Calibration.finer`` gives them.
    ome : bool
        Write OME-TIFF whatever the name.
    overwrite : bool
        Replace an existing file.
    geo : GeoReference, optional
        Of `data` itself: ``.tif`` is a GeoTIFF then. It has a pixel size of its own.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If the file exists or cannot hold the image.
    """
    path = Path(path)
    refuse_existing(path, overwrite=overwrite)
    layout = Layout.of(data, axes)
    if geo is not None and path.suffix.lower() in TIFF and not ome and ".ome." not in path.name.lower():
        write_geotiff(path, data, layout, geo, about={})
        return path
    check_writable(path, layout, data.dtype)
    with atomic(path) as temporary:
        if path.suffix.lower() == ".png":
            write_png(temporary, layout.plane(data))
        else:
            calibration = Calibration(pixel_size, unit, z_spacing, t_interval, channel_names)
            write_tiff(temporary, data, layout, calibration, ome=True if ome or ".ome." in path.name.lower() else None)
    return path


def check_writable(path: str | Path, layout: Layout, dtype: DTypeLike) -> None:
    """Refuse, before anything is computed, a file that `write_image` could not make of an image.

    Raises
    ------
    InputError
        If the format is not known or cannot hold such an image.
    """
    path, dtype = Path(path), np.dtype(dtype)
    suffix = path.suffix.lower()
    if suffix == ".png":
        if layout.n_planes > 1 or dtype.name not in ("uint8", "uint16") or layout.n_samples > 4:
            raise InputError(
                f"{path.name}: PNG holds one plane of uint8 or uint16; this is {dtype.name} with axes {layout.axes} {layout.shape}. "
                "Write a .tif."
            )
    elif suffix in TIFF:
        check_tiff(layout, dtype)
    else:
        raise InputError(f"{path.name}: images are written as .tif, .ome.tif or .png.")


def _read(path: Path, lazy: bool | None, level: int) -> ImageFile:
    """Read a path by the format that its name means."""
    suffix = path.suffix.lower()
    if path.is_dir():
        if not is_store(path):
            raise InputError(f"{path} is a folder, not an image: give one file, or the folder of an OME-Zarr image.")
        return read_ngff(path, level)
    if suffix in TIFF:
        return read_tiff(path, lazy, level)
    if level and suffix in (*PICTURES, ".npy"):
        raise InputError(f"{path} has one resolution: level {level} is not there.")
    if suffix in PICTURES:
        return read_picture(path, lazy=bool(lazy))
    if suffix == ".npy":
        return _read_npy(path, lazy)
    raise InputError(
        f"{path}: the format {suffix or 'of a file without a suffix'} is not read here; TIFF, PNG, JPEG, OME-Zarr and NPY are. Files of "
        "microscopes (.czi, .nd2, .lif, .oib and others) open in napari through its reader plugins, or convert them to OME-TIFF."
    )


def _read_npy(path: Path, lazy: bool | None) -> ImageFile:
    if lazy is None:
        lazy = path.stat().st_size > LAZY_BYTES
    data: Any = np.load(path, mmap_mode="r" if lazy else None, allow_pickle=False)
    if lazy:
        data = StoredFile(data.shape, data.dtype.newbyteorder("="), mapped_chunks(data.shape), path, map_npy)
    return ImageFile(path, data, "")
