"""PNG and JPEG."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from .image_file import ImageFile


def read_picture(path: Path) -> ImageFile:
    """Read a PNG or JPEG: "YX" for gray, "YXS" for colour or gray with alpha; palettes become colours, and cameras' rotation is applied."""
    mode = iio.immeta(path, plugin="pillow")["mode"]
    if path.suffix.lower() == ".png" and _png_depth(path) == 16 and not mode.startswith("I"):
        return ImageFile(path, imagecodecs.png_decode(path.read_bytes()), "YXS")  # Pillow would quietly cut it to 8
    convert = {"CMYK": "RGB", "PA": "RGBA"}.get(mode)  # the only ones that do not become what they show by themselves
    data = iio.imread(path, plugin="pillow", rotate=True, mode=convert)
    return ImageFile(path, data, "YX" if data.ndim == 2 else "YXS")


def write_png(path: Path, plane: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write one plane, (Y, X) or (Y, X, S), of a dtype that PNG has."""
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(plane, plane.dtype.newbyteorder("="))))


def _png_depth(path: Path) -> int:
    """Bits per sample, from the header."""
    with path.open("rb") as file:
        (depth,) = struct.unpack("24xB", file.read(25))
    return int(depth)
