"""Reading OME-Zarr (OME-NGFF 0.4 and 0.5) and plain Zarr arrays, lazily."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from .image_file import Calibration, ImageFile, standard_axes
from .units import convert, unit_name

MARKS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
"""Files that make a folder a Zarr store."""
MARK = "napari_kernelgan"
"""The attribute under which a store that this project wrote tells about itself."""


def is_store(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return any((path / mark).exists() for mark in MARKS)


def our_mark(group: Any) -> dict[str, Any]:
    """What a store that this project wrote tells about itself: "incomplete", "samples", "nodata", "version"."""
    return dict(group.attrs.get(MARK, {}))


def read_ngff(path: Path, level: int = 0) -> ImageFile:
    """Open the array of one level of an OME-Zarr image; no pixel is read.

    Parameters
    ----------
    path : Path
        Of the group with the multiscales metadata, of one that bioformats2raw wrote, or of a plain Zarr array.
    level : int
        0 is the full resolution; the pixel size is that of the level.

    Raises
    ------
    InputError
        If there is no image, or no such level.
    """
    import zarr  # slow to load, and needed for few images

    node: Any = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        if level:
            raise InputError(f"{path} is a plain Zarr array with one level: level {level} is not there.")
        return ImageFile(path, node, "")
    notes: tuple[str, ...] = ()
    metadata = _metadata(node)
    if "multiscales" not in metadata and "bioformats2raw.layout" in metadata:
        images = sorted(name for name in node.group_keys() if name.isdigit())
        notes = (f"{path.name} holds {len(images)} images; the first one is used.",) if len(images) > 1 else ()
        node = node["0"]
        metadata = _metadata(node)
    if "plate" in metadata:
        raise InputError(f"{path} is a plate: give one field of it, for example {path / 'A' / '1' / '0'}.")
    if "multiscales" not in metadata:
        raise InputError(f"{path} is a Zarr group without an OME-Zarr image: give the folder that has the multiscales metadata.")
    multiscale = metadata["multiscales"][0]
    datasets = multiscale["datasets"]
    if not 0 <= level < len(datasets):
        raise InputError(f"{path} has {len(datasets)} level(s), 0 to {len(datasets) - 1}: level {level} is not there.")
    dataset = datasets[level]
    dimensions = [each if isinstance(each, dict) else {"name": each} for each in multiscale.get("axes", [])]
    letters = standard_axes("".join(d["name"][0] if len(d["name"]) == 1 else "Q" for d in dimensions))
    array = node[dataset["path"]]
    scales = _scales(dataset, array.ndim, _scales(multiscale, array.ndim, [1.0] * array.ndim))
    mark = our_mark(node)
    if mark.get("incomplete"):
        notes += (f"{path.name} is incomplete: what writes it has not finished, and parts of it may be empty.",)
    if mark.get("samples"):
        letters = letters.replace("C", "S")
    calibration = _calibration(letters, dimensions, scales, metadata)
    return ImageFile(path, array, letters, calibration, ome=True, notes=notes, nodata=mark.get("nodata"))


def read_levels(path: Path) -> list[ImageFile]:
    """Open the arrays of all levels of an OME-Zarr image, the full resolution first; no pixel is read."""
    import zarr

    levels = len(_metadata(zarr.open_group(path, mode="r"))["multiscales"][0]["datasets"])
    return [read_ngff(path, level) for level in range(levels)]


def _metadata(group: Any) -> dict[str, Any]:
    """The metadata of version 0.5, which has it under "ome", or of earlier ones."""
    attributes = dict(group.attrs)
    return dict(attributes.get("ome", attributes))


def _scales(owner: dict[str, Any], ndim: int, scales: list[float]) -> list[float]:
    """The scale transformations of a level or a whole image, applied after others."""
    for step in owner.get("coordinateTransformations", []):
        if step.get("type") == "scale":
            scales = [a * float(b) for a, b in zip(scales, step.get("scale", [1.0] * ndim), strict=True)]
    return scales


def _calibration(letters: str, dimensions: list[dict[str, Any]], scales: list[float], metadata: dict[str, Any]) -> Calibration:
    units = {letter: unit_name(dimension.get("unit")) for letter, dimension in zip(letters, dimensions, strict=True)}
    sizes = dict(zip(letters, scales, strict=True))
    unit = units.get("X")
    names = [channel.get("label") for channel in metadata.get("omero", {}).get("channels", [])]
    return Calibration(
        pixel_size=(convert(sizes["Y"], units["Y"], unit), sizes["X"]) if {"X", "Y"} <= set(sizes) else None,
        unit=unit,
        # a scale of 1 without a unit beside pixels that have one says nothing
        z_spacing=convert(sizes["Z"], units["Z"], unit) if "Z" in sizes and not (sizes["Z"] == 1 and unit and not units["Z"]) else None,
        t_interval=convert(sizes["T"], units["T"], "second") if units.get("T") else None,
        channel_names=tuple(name for name in names if name) if all(names) else (),
    )
