"""Maps of kernels on disk: a float32 TIFF stack of all tiles' kernels beside a JSON of the same stem with everything else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ..errors import InputError
from ..fields.result import KernelMap
from ..kernels.forward import check_scale
from .atomic import read_json, to_json
from .kernels import tiff_path, write_with_record

PIXELS = ("kernels", "raw_kernels")
"""What the TIFF holds, in this order."""
ARRAYS = ("rows", "columns", "fwhm", "fwhm_interval", "covariance", "covariance_sd", "raw_fwhm", "raw_fwhm_interval")


def save_kernel_map(path: str | Path, kernel_map: KernelMap, **provenance: Any) -> Path:
    """Write a map as ``NAME.tif`` (float32, 2 x ty x tx x n x n: the kernels, then those the tiles gave) and ``NAME.json``.

    Existing files are replaced.

    Parameters
    ----------
    path : path
        Of the TIFF; the suffix ``.tif`` is added where it is missing.
    kernel_map : KernelMap
    **provenance
        Anything else to put on record in the JSON: source, pixel_size, ...

    Returns
    -------
    Path
        Of the TIFF.

    Raises
    ------
    InputError
        If it is no map, or something given cannot be written as JSON; nothing is written then.
    """
    if not isinstance(kernel_map, KernelMap):
        raise InputError(f"save_kernel_map writes a KernelMap, as map_kernels gives it, not {type(kernel_map).__name__}.")
    path = tiff_path(path)
    record = {each.name: getattr(kernel_map, each.name) for each in fields(kernel_map) if each.name not in PIXELS}
    text = to_json({"kind": "kernel map"} | record | provenance)
    return write_with_record(path, np.stack([getattr(kernel_map, name) for name in PIXELS]), text)


def load_kernel_map(path: str | Path) -> KernelMap:
    """Read a map that `save_kernel_map` wrote.

    Raises
    ------
    InputError
        If the TIFF or its JSON is not there, damaged, or holds no map.
    """
    path = Path(path)
    path = path if path.exists() else tiff_path(path)
    record = read_json(path.with_suffix(".json"))
    try:
        pages = tifffile.imread(path)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise InputError(f"{path} cannot be read as a map of kernels: {str(error).strip() or type(error).__name__}") from error
    try:
        given: dict[str, Any] = {name: None if record[name] is None else np.array(record[name], np.float64) for name in ARRAYS}
        shape = len(record["rows"]), len(record["columns"])
        kernels = pages.astype(np.float64).reshape(2, *shape, *pages.shape[-2:])
        kernels /= kernels.sum((-2, -1), keepdims=True)
        given |= {each.name: record[each.name] for each in fields(KernelMap) if each.name not in (*PIXELS, *ARRAYS)}
        given |= {name: (int(given[name][0]), int(given[name][1])) for name in ("image_size", "tile")}
        given["scale"] = check_scale(given["scale"])
        given["reliability"] = np.array(given["reliability"], str).reshape(shape)
        given["reasons"] = tuple(tuple(each) for each in given["reasons"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path} and its JSON do not describe a map of kernels: {type(error).__name__}, {error}.") from error
    return KernelMap(kernels=kernels[0], raw_kernels=kernels[1], **given)
