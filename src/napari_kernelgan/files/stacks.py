"""Opening whatever may be one stack: a file, a folder of pictures, a pattern of names, an OME-Zarr image. No pixels are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from glob import glob, has_magic
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..images.layout import Layout
from ..images.stored import Joined, Unreadable
from .image_file import ImageFile
from .images import PICTURES, TIFF, open_image
from .ngff import is_store
from .tiff_read import files_of


def open_stack(source: str | Path | Sequence[str | Path], axes: str | None = None, level: int = 0) -> ImageFile:
    """Open an image of any size; its pixels are read where they are asked for, also in another process that it is pickled to.

    Parameters
    ----------
    source : path, pattern or sequence of paths
        A file, the folder of an OME-Zarr image, a folder of pictures, or a pattern like ``"scan/*.tif"``; of the latter two, the files in
        natural order (img2 before img10). A sequence keeps its order. Several files are one stack along a new first axis, each of them
        one element; a single one is that file itself, and the files of one multi-file OME-TIFF are that image.
    axes : str, optional
        One letter per axis of the whole, where the files' own are missing or wrong. The new axis is T, or Z or C where T is taken.
    level : int
        Which resolution of an OME-Zarr or TIFF pyramid; 0 is the full one.

    Returns
    -------
    ImageFile
        `sha256` is None: nothing is hashed.

    Raises
    ------
    InputError
        If there is nothing to read, the first file cannot be read, or files differ in shape, dtype or axes. Of further files that cannot
        be read, a note tells, and whoever reads their pixels gets the error.
    """
    files = _files(source)
    if len(files) == 1:
        return open_image(files[0], axes, level=level)
    first = open_image(files[0], axes[1:] if axes else None, level=level)
    if first.ome and files[0].is_file():
        together = files_of(files[0])
        if len(together) > 1:
            return _one_set(files, together, axes, level)
    return _joined(files, first, axes, level)


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Paths by name, numbers in names by value: img2 before img10."""
    return sorted(paths, key=lambda path: ([(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _parts(path)]))


def _parts(path: Path) -> list[str]:
    return [part for part in re.split(r"(\d+)", str(path).lower()) if part]


def _files(source: str | Path | Sequence[str | Path]) -> list[Path]:
    if not isinstance(source, (str, Path)):
        files = [Path(each) for each in source]
        if not files:
            raise InputError("No files are given: name at least one.")
        return files
    path = Path(source)
    if path.is_dir() and not is_store(path):
        suffixes = (*TIFF, *PICTURES, ".npy")
        inside = [each for each in path.iterdir() if each.suffix.lower() in suffixes and not each.name.startswith(".")]
        if not inside:
            raise InputError(f"{path} holds no pictures ({', '.join(suffixes)}), and is no OME-Zarr image.")
        return natural_order(inside)
    if has_magic(str(source)) and not path.exists():
        found = [Path(each) for each in glob(str(source), recursive=True)]
        if not found:
            raise InputError(f"{source}: no file has such a name.")
        return natural_order(found)
    return [path]


def _one_set(files: list[Path], together: set[Path], axes: str | None, level: int) -> ImageFile:
    """The image that is spread over several files."""
    given = {path.resolve() for path in files}
    if given != together:
        stranger = sorted(given - together) or sorted(together - given)
        raise InputError(
            f"{files[0]} is one of {len(together)} files of one OME-TIFF, and those given are others ({stranger[0].name}): give one of the "
            "set, or all of it and nothing else."
        )
    return open_image(files[0], axes, level=level)


def _joined(files: list[Path], first: ImageFile, axes: str | None, level: int) -> ImageFile:
    """Several files along a new first axis."""
    images, notes = [first], first.notes
    for path in files[1:]:
        try:
            image = open_image(path, axes[1:] if axes else None, level=level)
        except InputError as error:  # its pixels are missed when they are asked for, and not before
            shape, dtype = tuple(first.data.shape), np.dtype(first.data.dtype)
            image = replace(first, path=path, data=Unreadable(shape, dtype, shape, str(error)))
            notes += (str(error),)
        for what, one, other in (
            ("shape", image.data.shape, first.data.shape),
            ("dtype", image.data.dtype, first.data.dtype),
            ("axes", image.axes, first.axes),
        ):
            if one != other:
                raise InputError(f"{path} has {what} {one}, {first.path.name} has {other}: files of one stack are alike. Leave it out.")
        images.append(image)
    data = Joined.of(tuple(image.data for image in images))
    free = next((a for a in "TZC" if a not in first.axes), None)
    if axes is None and free is None:
        raise InputError(f"{len(files)} files with axes {first.axes} make a stack along more than T, Z and C: give fewer files.")
    if other := next((image for image in images if image.calibration != first.calibration), None):
        notes += (f"{other.path.name} has other pixel sizes or names than {first.path.name}, whose are used.",)
    # as text, because NaN is not equal to itself
    if other := next((image for image in images if str((image.geo, image.nodata)) != str((first.geo, first.nodata))), None):
        raise InputError(f"{other.path} lies elsewhere than {first.path.name}, or has another no-data value: process them one by one.")
    layout = Layout.of(data, axes or f"{free}{first.axes}")
    return replace(first, path=files[0].parent, data=data, axes=layout.axes, notes=notes)
