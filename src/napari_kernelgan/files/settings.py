"""The settings of a run and of all methods in a JSON file, as ``--config`` takes it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from ..config import Settings, explain
from ..errors import InputError
from .atomic import read_json, write_json


def load_settings(path: Path) -> Settings:
    """Read a file like ``{"kernelgan": {"steps": 1000}, "zssr": {...}}``; what is left out keeps its default.

    Raises
    ------
    InputError
        If the file cannot be read, or a setting is unknown or out of range.
    """
    try:
        return Settings.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error


def save_settings(path: Path, settings: Settings) -> None:
    """Write settings as `load_settings` reads them; an existing file is replaced."""
    write_json(path, settings.model_dump(mode="json"))
