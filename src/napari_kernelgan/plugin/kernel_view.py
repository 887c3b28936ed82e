"""A kernel in the panel: its picture, and its widths in words."""

from __future__ import annotations

import numpy as np
from magicgui.widgets import Container
from magicgui.widgets import Image as Picture
from napari.layers import Image
from qtpy.QtWidgets import QSizePolicy

from ..kernels.algebra import Kernel
from .layers import COLORMAP, contrast
from .parts import say, text
from .records import record_of
from .words import Words, in_words

SIDE = 84  # px


class KernelView(Container):
    """A kernel layer as a picture beside words; no layer takes no room."""

    def __init__(self) -> None:
        self.picture = Picture(tooltip="The kernel: a picture of a point.")
        self.picture.native.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.picture.native.setFixedSize(SIDE, SIDE)
        self.words = text()
        super().__init__(widgets=[self.picture, self.words], layout="horizontal", labels=False)
        self.margins = (0, 0, 0, 0)

    def show_layer(self, layer: Image | None) -> None:
        """Show a kernel layer, or nothing."""
        self.picture.visible = layer is not None
        say(self.words, in_words(record_of(layer), layer.data) if layer is not None else Words(""))
        if layer is not None:
            self._draw(layer.data)

    def show_none(self, reason: str) -> None:
        """Show why there is nothing to show."""
        self.picture.visible = False
        say(self.words, Words(reason))

    def show_training(self, kernel: Kernel) -> None:
        """Show a kernel that is not finished."""
        self._draw(kernel)
        say(self.words, Words("in training"))

    def _draw(self, kernel: Kernel) -> None:
        low, high = contrast(kernel)
        enlarged = np.kron(kernel, np.ones((max(SIDE // len(kernel), 1),) * 2))
        self.picture.set_data(enlarged, cmap=COLORMAP, vmin=low, vmax=high)
        self.picture.visible = True
