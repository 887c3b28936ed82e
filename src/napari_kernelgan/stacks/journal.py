"""What was done, on disk, so that a run that died goes on where it was: one small JSON for every task, whole or not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.atomic import read_json, write_json

MOST_TRIES = 3
"""A task that has been begun so often without an end has killed its process each time, and is given up."""


@dataclass(frozen=True)
class Journal:
    """Records in a folder, ``<kind>/<name>.json``."""

    folder: Path

    def read(self, kind: str, name: str) -> dict[str, Any] | None:
        """A record; None where there is none, or it is damaged, which is as good as none."""
        try:
            return read_json(self._path(kind, name))
        except InputError:
            return None

    def write(self, kind: str, name: str, record: dict[str, Any]) -> None:
        """Write a record, whole or not at all."""
        write_json(self._path(kind, name), record)

    def remove(self, kind: str, name: str) -> None:
        """Forget a record."""
        self._path(kind, name).unlink(missing_ok=True)

    def names(self, kind: str) -> Iterator[str]:
        """Names of all records of a kind."""
        return (path.stem for path in sorted((self.folder / kind).glob("*.json")) if not path.name.startswith("."))

    def begin(self, name: str) -> bool:
        """Note that a task is begun; False where it was begun too often without an end."""
        tries = (self.read("begun", name) or {}).get("tries", 0)
        if tries >= MOST_TRIES:
            return False
        self.write("begun", name, {"tries": tries + 1})
        return True

    def end(self, name: str) -> None:
        """Note that a task has come to an end, good or bad."""
        self.remove("begun", name)

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{name}.json"


def digest(*values: Any) -> str:
    """SHA-256 of arrays (dtype, shape and bytes) and of anything that JSON holds."""
    found = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            array: NDArray[Any] = np.ascontiguousarray(value)
            found.update(f"{array.dtype.str} {array.shape} ".encode())
            found.update(array.data)
        else:
            found.update(json.dumps(value, sort_keys=True, default=str).encode())
    return found.hexdigest()
