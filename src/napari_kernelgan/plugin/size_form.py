"""The size of an image's pixels: what its layer tells, and what was filled in instead."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import LineEdit, LiteralEvalLineEdit
from napari.layers import Image

from ..files.units import unit_symbol
from .forms import Form, read
from .parts import narrow, row
from .placement import Placement

TIP = (
    "Height and width of a pixel of the image and their unit, as the layer has them until changed here. They give the kernel's physical "
    "widths, in the result and in its record; without a unit of length, such as nm or µm, widths are told in pixels. Layers are placed by "
    "the image layer's own scale."
)


class SizeForm(Form):
    """Fields for a pixel's height and width and for their unit."""

    def __init__(self) -> None:
        self.pixel_height, self.pixel_width = (narrow(LiteralEvalLineEdit(value=1.0, tooltip=TIP)) for _ in "YX")
        self.unit = narrow(LineEdit(tooltip=TIP))
        fields = row(self.pixel_height, self.pixel_width, self.unit)
        fields.tooltip = TIP
        super().__init__({"pixel (y, x)": fields})

    def fill(self, layer: Image) -> None:
        """Fill in what a layer tells."""
        (self.pixel_height.value, self.pixel_width.value), self.unit.value = _own(layer)

    def given(self, layer: Image) -> dict[str, Any]:
        """Pixel size and unit as `estimate_layer` takes them, where they are not the layer's own.

        Raises
        ------
        InputError
            If they cannot be read; the message names the field.
        """
        size = read(self.pixel_height, "pixel height"), read(self.pixel_width, "pixel width")
        return {} if (size, self.unit.value) == _own(layer) else {"pixel_size": size, "unit": self.unit.value}


def _own(layer: Image) -> tuple[tuple[float, float], str]:
    """Height and width of a layer's pixels, as they are shown, and the symbol of their unit."""
    placement = Placement.of(layer)
    height, width = (float(f"{size:.9g}") for size in placement.pixel_size)
    return (height, width), unit_symbol(placement.unit)
