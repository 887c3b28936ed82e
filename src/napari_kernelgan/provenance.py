"""What a result was made with and from: versions, and hashes of the input."""

from __future__ import annotations

import hashlib
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._version import __version__

PACKAGES = ("torch", "numpy", "scipy", "scikit-image")


def versions() -> dict[str, str]:
    """Versions of this package, Python, and the libraries that results depend on."""
    return {"napari-kernelgan": __version__, "python": platform.python_version()} | _libraries()


@lru_cache(maxsize=1)
def _libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in PACKAGES}  # which looks through files: milliseconds


class ImageHash:
    """SHA-256 of an image: of a NumPy array its dtype, its shape and its C-order bytes, whatever its byte order and memory layout.

    Of any other array, of which only a part may be read, dtype and shape and the planes that are added, in order.
    """

    def __init__(self, image: Any) -> None:
        dtype, shape = np.dtype(image.dtype).newbyteorder("="), tuple(int(n) for n in image.shape)
        self._hash = hashlib.sha256(f"{dtype.name} {shape} ".encode())
        self._complete = isinstance(image, np.ndarray)
        if self._complete:
            # part by part, so that no copy of a whole image is needed to bring it into order
            for part in [image] if image.flags.c_contiguous and image.dtype.isnative else image:
                self._hash.update(np.ascontiguousarray(part, dtype).data)

    def add(self, plane: NDArray[Any]) -> None:
        """Take in the next plane that was read; of a NumPy array, all of which is taken in already, nothing."""
        if not self._complete:
            self._hash.update(np.ascontiguousarray(plane).data)

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()


def hash_array(array: NDArray[Any]) -> str:
    """SHA-256 of a NumPy array; see `ImageHash`."""
    return ImageHash(array).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
