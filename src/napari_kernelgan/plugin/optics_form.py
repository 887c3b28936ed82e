"""What is known of the microscope, to compare a PSF with theory: filled in from the image's file where that tells, else by hand."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import get_args

from magicgui.widgets import ComboBox, LineEdit
from napari.components import ViewerModel
from napari.layers import Image

from ..errors import InputError
from ..files.ome_optics import FoundOptics, read_optics
from ..kernels.theory import Mode, Optics
from .forms import Form
from .parts import short
from .records import record_of
from .source import Source, current_plane

APERTURE_TIP = "Numerical aperture of the objective that detects, for example 1.4. Empty: not known, and nothing is compared with theory."
WAVELENGTH_TIP = (
    "Wavelength in nm: of the emission (widefield, light sheet), of the excitation (confocal), about the mean of both (confocal with a "
    "pinhole nearly closed). Empty: not known."
)
MODE_TIP = "confocal: with a pinhole of 1 Airy unit or more; closed pinhole: one much smaller."


class OpticsForm(Form):
    """Fields for aperture, wavelength and kind of a microscope.

    `changed` is emitted when any of them has changed, once where `fill` changes several.

    Parameters
    ----------
    viewer : napari.Viewer
        Its sliders tell which channel of an image is looked at.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: weakref.ref[Image] | None = None
        self._channel: int | None = None
        self._found = FoundOptics().channel(None)
        self.aperture = LineEdit(tooltip=APERTURE_TIP)
        self.wavelength = LineEdit(tooltip=WAVELENGTH_TIP)
        self.mode = short(ComboBox(choices=get_args(Mode), tooltip=MODE_TIP))
        super().__init__({"NA": self.aperture, "wavelength (nm)": self.wavelength, "microscope": self.mode})
        for field in (self.aperture, self.wavelength):
            field.changed.connect(self._tell)
        self.mode.changed.connect(self._on_mode)
        self._mode = self.mode.value
        viewer.dims.events.point.connect(self._on_sliders)
        self.native.destroyed.connect(self._on_destroyed)

    @property
    def optics(self) -> Optics | None:
        """The microscope as filled in; None where aperture or wavelength is not known.

        Raises
        ------
        InputError
            If a field cannot be read or is out of range; the message names it.
        """
        aperture, wavelength = _number(self.aperture, "NA"), _number(self.wavelength, "wavelength (nm)")
        return Optics(aperture, wavelength, self.mode.value) if aperture is not None and wavelength is not None else None

    def fill(self, layer: Image | None, channel: int | None = None) -> None:
        """Fill in what the file of a layer's image tells, and empty the fields of which it tells nothing.

        Parameters
        ----------
        layer : napari.layers.Image, optional
        channel : int, optional
            Which of the file's channels; None means the only one, and of several none.
        """
        path = (layer.source.path or record_of(layer).get("path")) if layer is not None else None
        found = read_optics(path) if path and Path(path).exists() else FoundOptics()
        self._found = found.channel(channel)
        before = self._filled
        with self.changed.blocked():
            if self._found.mode:
                self.mode.value = self._found.mode
            self.aperture.value = _text(found.numerical_aperture)
            self.wavelength.value = _text(self._found.wavelength(self.mode.value))
        if self._filled != before:
            self._tell()

    def follow(self, layer: Image | None) -> None:
        """Fill in what the file of a layer tells, now and whenever the sliders point at another channel of it."""
        self._layer = weakref.ref(layer) if layer is not None else None
        self._channel = self._seen_channel(layer)
        self.fill(layer, self._channel)

    def _on_sliders(self, *_: object) -> None:
        layer = self._layer() if self._layer else None
        if layer in self._viewer.layers and self._seen_channel(layer) != self._channel:
            self.follow(layer)

    def _seen_channel(self, layer: Image | None) -> int | None:
        axes = Source.of(layer).axes if layer is not None else ""
        return current_plane(self._viewer, layer)[axes.index("C")] if "C" in axes else None

    def _on_destroyed(self, *_: object) -> None:
        self._viewer.dims.events.point.disconnect(self._on_sliders)

    @property
    def _filled(self) -> tuple[str, str, str]:
        return self.aperture.value, self.wavelength.value, self.mode.value

    def _on_mode(self, mode: Mode) -> None:
        """Another wavelength counts in another mode: take it, unless the one that is there was given by hand."""
        if self.wavelength.value == _text(self._found.wavelength(self._mode)):
            with self.changed.blocked():
                self.wavelength.value = _text(self._found.wavelength(mode))
        self._mode = mode
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit(self)


def _number(field: LineEdit, name: str) -> float | None:
    text = field.value.strip()
    try:
        return float(text) if text else None
    except ValueError as error:
        raise InputError(f"'{name}' is a number or empty, not {text!r}.") from error


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
