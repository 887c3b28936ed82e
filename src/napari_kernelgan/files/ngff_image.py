"""A whole image as OME-Zarr, written plane by plane by one process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ..images.layout import Layout
from ..progress import Progress, Steps, stops
from .image_file import Calibration
from .ngff_write import CHUNK, create_ngff, finish_ngff, write_levels, write_region
from .strips import iter_strips


def iter_write_ngff(path: Path, data: Any, layout: Layout, calibration: Calibration, *, name: str, upscaled_by: int = 1) -> Steps[bool]:
    """Write an image as OME-Zarr 0.5; a stop, or an error, leaves nothing.

    Parameters
    ----------
    path : Path
        Of the new folder, where nothing is yet.
    data : array
        NumPy, Dask or Zarr array, or one in files, that `layout` describes; of a lazy one some rows of a plane are in memory.
    layout : Layout
    calibration : Calibration
        Of `data` itself.
    name : str
        Of the image, in the metadata.
    upscaled_by : int
        How many times finer the pixels are than those of the image that it is to lie over, edge to edge.

    Returns
    -------
    bool
        Whether it was written; not where a stop came before its end.

    Raises
    ------
    InputError
        If there is something already, or OME-Zarr cannot hold such an image.
    """
    y, x = calibration.pixel_size or (1.0, 1.0)
    shift = (1 - upscaled_by) / 2
    create_ngff(path, layout, data.dtype, calibration, name=name, origin=(shift * y, shift * x))
    done = False
    try:
        for number, index in enumerate(layout.indices(), 1):
            top = 0
            for strip in iter_strips(data, layout, index, CHUNK):
                write_region(path, layout, index, strip, (slice(top, top + len(strip)), slice(0, layout.plane_size[1])))
                top += len(strip)
            write_levels(path, layout, index)
            if stops((yield Progress(number, layout.n_planes, stage="writing"))) and number < layout.n_planes:
                return False
        finish_ngff(path)
        done = True
        return True
    finally:
        if not done:
            shutil.rmtree(path, ignore_errors=True)
