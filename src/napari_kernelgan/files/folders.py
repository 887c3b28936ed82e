"""Folders of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images.layout import Layout, without_alpha
from ..images.values import read_plane, to_unit, value_range
from .images import read_image

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def pictures_in(folder: Path, limit: int | None = None) -> list[Path]:
    """The pictures of a folder, in order of their names.

    Raises
    ------
    InputError
        If there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise InputError(f"{folder} holds no pictures ({', '.join(PICTURES)}).")
    return found[:limit]


def iter_pictures(paths: Iterable[Path]) -> Iterator[NDArray[np.float32]]:
    """Read every plane of every picture, (colours, Y, X) on 0..1."""
    for path in paths:
        image = read_image(path)
        layout = Layout.of(image.data, image.axes)
        values = value_range(image.data, layout)
        for index in layout.indices():
            yield to_unit(without_alpha(read_plane(image.data, layout, index)), values)
