"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary name in the same folder, with the same suffix; rename it to `path` at the end, or delete it on any error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record as JSON; NumPy numbers and arrays become plain ones, paths strings."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, default=_plain, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    InputError
        If the file cannot be read or holds something else.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(record, dict):
        raise InputError(f"{path} holds no JSON object.")
    return record


def refuse_existing(*paths: Path, overwrite: bool = False) -> None:
    """Raise `InputError` if any of the outputs is there and must not be overwritten."""
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise InputError(f"{', '.join(map(str, there))} already exists: choose another name, or allow overwriting (--overwrite).")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
