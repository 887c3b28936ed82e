"""What the user set in napari's preferences for this plugin, and the settings that a panel had last time.

The preferences' names, defaults and explanations stand in ``napari.yaml``. What a panel remembers lies beside their file.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from napari.settings import get_plugin_settings
from napari.utils.notifications import show_warning

from ..config import Settings
from ..errors import InputError
from ..files.settings import load_settings, save_settings
from ..images.layout import Layout, is_lazy
from ..images.values import output_dtype
from .source import Source

PLUGIN = "napari-kernelgan"
LAST = "as last time"
GIGABYTE = 1e9
STAY_LAZY = ("bicubic", "inverse")
"""Upscalers whose result is not in memory where the image is not."""


@dataclass(frozen=True)
class Preferences:
    """The preferences of this plugin.

    Attributes
    ----------
    method, device : str or None
        What panels begin with; None: as they were last time.
    memory_limit : float
        Bytes that a result in memory may take; infinite where there is no limit.
    output_folder : Path or None
        Where results are written to, until another folder is chosen.
    """

    method: str | None = None
    device: str | None = None
    memory_limit: float = float("inf")
    output_folder: Path | None = None

    @classmethod
    def now(cls) -> Preferences:
        """What is set just now."""
        general = get_plugin_settings(PLUGIN).general
        return cls(
            method=None if general.method == LAST else general.method,
            device=None if general.device == LAST else general.device,
            memory_limit=general.memory_limit * GIGABYTE or float("inf"),
            output_folder=Path(general.output_folder).expanduser() if general.output_folder.strip() else None,
        )

    def begin(self, settings: Settings) -> Settings:
        """What a panel begins with, that had these settings last time."""
        wanted = {name: value for name in ("method", "device") if (value := getattr(self, name)) is not None}
        return settings.with_run(**wanted)

    def check_memory(self, source: Source, scale: int, upscaler: str) -> None:
        """Refuse an upscale whose result would take more memory than may be.

        Raises
        ------
        InputError
            If so; the message says what to do.
        """
        if is_lazy(source.image) and upscaler in STAY_LAZY:
            return
        large = Layout.of(source.image, source.axes).scaled(scale)
        needed = prod(large.shape) * output_dtype(source.image.dtype).itemsize
        if needed > self.memory_limit:
            raise InputError(
                f"'{source.name}', upscaled, takes {needed / GIGABYTE:.3g} GB, over the limit of {self.memory_limit / GIGABYTE:.3g} GB "
                "in the preferences. Upscale one plane, write to disk with the panel for stacks, or raise the limit."
            )


_chosen: Path | None = None  # while napari is open


def output_folder() -> Path:
    """Where to write to, unless told otherwise: the folder that was chosen last, else that of the preferences, else the current one."""
    return _chosen or Preferences.now().output_folder or Path()


def choose_output_folder(folder: Path) -> None:
    """Write to this folder from now on, unless told otherwise."""
    global _chosen
    _chosen = folder


def remembered(panel: str) -> Settings:
    """The settings that a panel had last time; the defaults where there are none.

    Raises
    ------
    InputError
        If they cannot be read, as those of another version.
    """
    path = _path(panel)
    return Settings() if path is None or not path.exists() else load_settings(path)


def remember(panel: str, settings: Settings) -> None:
    """Keep the settings of a panel for the next start of napari."""
    path = _path(panel)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_settings(path, settings)
    except OSError as error:
        show_warning(f"The settings cannot be kept for next time: {error}")


def _path(panel: str) -> Path | None:
    """Where a panel's settings are kept; None where napari keeps nothing."""
    own = get_plugin_settings(PLUGIN).config_path
    return None if own is None else Path(own).with_name(f"{PLUGIN}-{panel}.json")
