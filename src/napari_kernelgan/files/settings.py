"""Reading the settings of all methods from a JSON file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from ..config import Settings, explain
from ..errors import InputError
from .atomic import read_json


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
