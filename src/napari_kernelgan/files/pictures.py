"""PNG and JPEG."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from .image_file import ImageFile
from .stored import StoredFile

TURNED = (5, 6, 7, 8)
"""Orientations, as cameras note them, that exchange height and width."""
PLAIN = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,), "CMYK": (3,)}
"""Pillow's modes whose pixels are as the header says, and the samples they are read as."""
Header = tuple[tuple[int, ...], np.dtype[Any]]


def read_picture(path: Path, lazy: bool = False) -> ImageFile:
    """Read a PNG or JPEG: "YX" for gray, "YXS" for colour or gray with alpha; palettes become colours, and cameras' rotation is applied.

    Parameters
    ----------
    path : Path
    lazy : bool
        Whether the pixels are decoded when they are asked for: all at once, because these formats have no parts.
    """
    if lazy:
        shape, dtype = _header(path) or _shape_of(decode_picture(path))
        data: Any = StoredFile(shape, dtype, shape, path, decode_picture, whole=True)
    else:
        data = decode_picture(path)
    return ImageFile(path, data, "YX" if data.ndim == 2 else "YXS")


def decode_picture(path: Path, level: int = 0) -> NDArray[Any]:
    """The pixels of a PNG or JPEG, (Y, X) or (Y, X, S)."""
    mode = iio.immeta(path, plugin="pillow")["mode"]
    if path.suffix.lower() == ".png" and _png_depth(path) == 16 and not mode.startswith("I"):
        return np.asarray(imagecodecs.png_decode(path.read_bytes()))  # Pillow would quietly cut it to 8
    convert = {"CMYK": "RGB", "PA": "RGBA"}.get(mode)  # the only ones that do not become what they show by themselves
    return iio.imread(path, plugin="pillow", rotate=True, mode=convert)


def write_png(path: Path, plane: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write one plane, (Y, X) or (Y, X, S), of a dtype that PNG has."""
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))))


def _png_depth(path: Path) -> int:
    """Bits per sample, from the header."""
    with path.open("rb") as file:
        (depth,) = struct.unpack("24xB", file.read(25))
    return int(depth)


def _header(path: Path) -> Header | None:
    """Shape and dtype of a picture without decoding it; None where the header does not tell, as of palettes."""
    from PIL import Image

    with Image.open(path) as image:
        if image.mode not in PLAIN and not image.mode.startswith("I;16"):
            return None
        size = image.size if image.getexif().get(0x0112) in TURNED else image.size[::-1]
        deep = path.suffix.lower() == ".png" and _png_depth(path) == 16
        return (*size, *PLAIN.get(image.mode, ())), np.dtype(np.uint16 if deep else np.uint8)


def _shape_of(pixels: NDArray[Any]) -> Header:
    return pixels.shape, pixels.dtype
