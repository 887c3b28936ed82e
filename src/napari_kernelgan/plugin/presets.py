"""Presets of the whole panel: both methods and all advanced settings at once."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox

from ..config import Settings
from ..errors import InputError
from .forms import CUSTOM
from .panel import Panel

PRESETS = {"fast look": Settings.fast(), "balanced": Settings.balanced(), "as published": Settings.published()}
TIP = (
    "Chooses both methods and fills in the advanced settings. fast look: closed forms, about a second. balanced: what came out best in the "
    "benchmarks. as published: KernelGAN and ZSSR as their papers have them; minutes. custom: changed since."
)


class PresetChoice(ComboBox):
    """Fills in a panel, and tells what is filled in. Scale, seed and device stay.

    Parameters
    ----------
    panel : Panel
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(choices=(*PRESETS, CUSTOM), tooltip=TIP)
        self._panel = panel

    def listen(self) -> None:
        """Begin, when the panel is laid out."""
        self.changed.connect(self._fill)
        panel = self._panel
        for field in (panel.method, panel.upscaler, *(field for form in panel.settings.values() for field in form.fields.values())):
            field.changed.connect(self._tell)
        self._tell()

    def _fill(self, name: str) -> None:
        if name in PRESETS and not self._is(PRESETS[name]):
            kept = {field: getattr(self._panel, field).value for field in ("scale", "seed", "device")}
            self._panel.fill(PRESETS[name].with_run(**kept))

    def _tell(self, *_: Any) -> None:
        name = next((name for name, settings in PRESETS.items() if self._is(settings)), CUSTOM)
        with self.changed.blocked():
            self.value = name

    def _is(self, preset: Settings) -> bool:
        """Whether methods and advanced settings are those of a preset."""
        try:
            now = self._panel.config
        except InputError:
            return False  # half typed
        same = (now.run.method, now.run.upscaler) == (preset.run.method, preset.run.upscaler)
        return same and now.methods == preset.methods
