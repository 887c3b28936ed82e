"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from datetime import date, time, timedelta
from math import isfinite
from pathlib import Path, PurePath
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
    """Write a record as JSON; see `to_json`."""
    with atomic(path) as temporary:
        temporary.write_text(to_json(record), encoding="utf-8")


def to_json(record: dict[str, Any]) -> str:
    """A record as JSON. NumPy's values become plain ones, paths and times text; infinite numbers and NaN, which JSON lacks, null.

    Raises
    ------
    InputError
        If it holds something that JSON has nothing for.
    """
    return json.dumps(_plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


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
    """Raise `InputError` if any of the outputs is there and must not be overwritten, or has no place to go."""
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise InputError(f"{', '.join(map(str, there))} already exists: choose another name, or allow overwriting (--overwrite).")
    for path in paths:
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file.")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise InputError(f"{path} cannot be written: {folder} is no folder that you may write to.")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, (PurePath, date, time, timedelta)):
        return str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise InputError(f"{value!r} ({type(value).__name__}) cannot be written as JSON: give numbers, text, lists or dicts of them.")
