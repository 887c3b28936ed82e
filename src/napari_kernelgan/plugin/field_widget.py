"""The dock widget for field maps: how the kernel varies over the picture, and upscaling with a kernel that varies."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from napari import Viewer
from napari.layers import Layer

from ..errors import InputError
from .actions import iter_upscale_layer
from .field_actions import iter_map_kernels_layer
from .field_layers import WIDTHS
from .forms import Form
from .panel import Panel
from .parts import Column, button, row, short
from .records import belongs_to, is_map
from .source import Source, visible_plane
from .stack_run import LayersRun

CURRENT, ALL = "current plane", "all planes"
TILE_TIP = "Side of the tiles, in px of the image. Larger tiles are less noisy, and see less of what varies."
OVERLAP_TIP = "Part of their sides that neighbouring tiles share, at least."
SMOOTH_TIP = "Smooth over the picture as far as the error bars call for; tiles without a kernel are then filled from their neighbours."


class FieldWidget(Panel):
    """Map an image layer's kernels over the field, and upscale the layer with such a map.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    memory = "field"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.planes = ComboBox(choices=(CURRENT, ALL), tooltip="A map of all planes is one map: each tile's kernel is pooled over them.")
        self.tile = SpinBox(value=256, min=16, max=4096, step=16, tooltip=TILE_TIP)
        self.overlap = FloatSpinBox(value=0.5, min=0, max=0.9, step=0.1, tooltip=OVERLAP_TIP)
        self.smooth = CheckBox(value=True, text="smooth by the error bars", tooltip=SMOOTH_TIP)
        self.which = ComboBox(choices=WIDTHS, tooltip="The width that the picture shows; mean: the geometric mean of both.")
        self.map = short(ComboBox(choices=self._maps, nullable=True, tooltip="The map that Upscale undoes: either of its layers."))
        self.map.null_string = "none yet"
        self.map_button = button("Map kernels", self.map_kernels, "Add a picture of the FWHM, and an ellipse for every tile.")
        self.upscale_button = button("Upscale with map", self.upscale, "Add the image, upscaled with a kernel that varies, as a layer.")
        choices = {
            "image": self.image,
            "planes": self.planes,
            "tile (px)": self.tile,
            "overlap": self.overlap,
            "": self.smooth,
            "show width": self.which,
            "kernel by": self.method,
            "scale": self.scale,
            "device": self.device,
            "seed": self.seed,
            "map": self.map,
        }
        starting = (self.map_button, self.upscale_button)
        self._assemble(Column([Form(choices), self._advanced()]), row(*starting, self.cancel_button), starting)
        self.image.changed.connect(self._show_image)
        self._follow()
        self._show_image()

    def map_kernels(self) -> None:
        """Estimate a kernel for every tile, and add the map as layers."""
        self._start(self._begin_map)

    def upscale(self) -> None:
        """Upscale the image with the chosen map."""
        self._start(self._begin_upscale)

    def _begin_map(self) -> LayersRun:
        source = self._source()
        steps = iter_map_kernels_layer(
            source,
            self.scale.value,
            self.tile.value,
            self.overlap.value,
            which=self.which.value,
            method=self.method.value,
            seed=self.seed.value,
            device=self.device.value,
            config=self.config,
            smooth=self.smooth.value,
        )
        run = LayersRun(self._viewer, self.image.value, steps, f"Map of {source.name}")
        run.delivered.connect(self._choose_map)
        return run

    def _begin_upscale(self) -> LayersRun:
        source = self._source()
        if self.map.value is None:
            raise InputError("Upscaling needs a map: press Map kernels, or choose a layer of a map.")
        steps = iter_upscale_layer(source, self.map.value, self.scale.value, "inverse", seed=self.seed.value, config=self.config)
        return LayersRun(self._viewer, self.image.value, steps, f"Upscaling {source.name}")

    def _source(self) -> Source:
        layer = self._chosen_image()
        plane = visible_plane(self._viewer, layer) if layer.ndim > 2 and self.planes.value == CURRENT else None
        return Source.of(layer, plane)

    def _choosers(self) -> tuple[ComboBox, ...]:
        return self.image, self.map

    def _maps(self, *_: Any) -> list[Layer]:
        return [layer for layer in self._viewer.layers if is_map(layer)]

    def _choose_map(self, layers: list[Layer]) -> None:
        self.reset_choices()
        if layers:
            self.map.value = layers[0]

    def _show_image(self, *_: Any) -> None:
        layer = self.image.value
        self.planes.enabled = layer is not None and layer.ndim > 2
        self.map.value = next((each for each in reversed(self._maps()) if layer is not None and belongs_to(each, layer)), None)
