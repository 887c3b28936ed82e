"""What a result was made with and from: versions, and hashes of the input."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._version import __version__

PACKAGES = ("torch", "numpy", "scipy", "scikit-image")


def versions() -> dict[str, str]:
    """Versions of this package, Python, and the libraries that results depend on."""
    return {"napari-kernelgan": __version__, "python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}


class ArrayHash:
    """SHA-256 of an array: its dtype, its shape and its C-order bytes; of a lazy one, of the planes that were read, in order."""

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._hash = hashlib.sha256(f"{dtype.newbyteorder('=').name} {shape} ".encode())

    def add(self, values: NDArray[Any]) -> None:
        """Take in the next values."""
        self._hash.update(np.ascontiguousarray(values).data)

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()


def hash_array(array: NDArray[Any]) -> str:
    """SHA-256 of a NumPy array, whatever its byte order and memory layout."""
    array = np.asarray(array, array.dtype.newbyteorder("="))
    result = ArrayHash(array.dtype, array.shape)
    result.add(array)
    return result.hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
