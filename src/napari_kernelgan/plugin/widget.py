"""The dock widget: what can be chosen, the buttons, and what a run reports. What the buttons do stands in `run` and `actions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, LineEdit, LiteralEvalLineEdit
from magicgui.widgets import Image as Picture
from napari import Viewer
from napari.layers import Image, Shapes
from qtpy.QtWidgets import QSizePolicy

from ..errors import InputError
from ..files.units import unit_symbol
from ..kernels.algebra import Kernel
from ..upscaling.api import METHODS as UPSCALERS
from .forms import Form, read
from .glance import Glance
from .layers import COLORMAP, contrast
from .live import Live
from .panel import Panel
from .parts import button, narrow, row, say, short, text
from .placement import Placement
from .records import belongs_to, record_of
from .region import Region, region_of
from .run import Options, Run
from .source import current_plane, visible_plane
from .words import Words, in_words

CURRENT, ALL = "current plane", "all planes"
WHOLE = "whole plane"
PICTURE = 84  # px, side of the kernel's picture
REGION_TIP = (
    "What to estimate from: a rectangle of a Shapes layer, the selected one, else the last; on every plane. Of one that is turned against "
    "the image the bounding box counts, inside the image. The whole image is upscaled."
)
LIVE_TIP = (
    "The kernel of the plane that is seen, or of its region, from the spectrum, again whenever these change. It takes a tenth of a second "
    "or two, in the background, and nothing while this panel is hidden or this is off. Estimate kernel makes it a layer."
)
SIZE_TIP = (
    "Height and width of a pixel of the image and their unit, as the layer has them until changed here. They give the kernel's physical "
    "widths, in the result and in its record; without a unit of length, such as nm or µm, widths are told in pixels. Layers are placed by "
    "the image layer's own scale."
)


class KernelGANWidget(Panel):
    """Estimate an image layer's kernel, and upscale the layer with it.

    Every choice is a widget with a value (``widget.seed.value = 3``), and every button a method.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.planes = ComboBox(choices=(CURRENT, ALL), tooltip="A kernel of all planes is one kernel, pooled over them.")
        self.region = short(ComboBox(choices=self._regions, nullable=True, tooltip=REGION_TIP))
        self.region.null_string = WHOLE
        self.upscaler = ComboBox(choices=UPSCALERS, tooltip="How the image is upscaled.")
        self.kernel = short(ComboBox(choices=self._kernels, nullable=True, tooltip="The kernel layer that Upscale undoes."))
        self.pixel_height, self.pixel_width = (narrow(LiteralEvalLineEdit(value=1.0, tooltip=SIZE_TIP)) for _ in "YX")
        self.unit = narrow(LineEdit(tooltip=SIZE_TIP))
        self.estimate_button = button("Estimate kernel", self.estimate, "Add the image's kernel as a layer.")
        self.upscale_button = button("Upscale", self.upscale, "Add the image, upscaled with the kernel chosen above, as a layer.")
        self.both_button = button("Run both", self.run_both, "Estimate the kernel, then upscale with it.")
        self.picture = Picture(tooltip="The kernel: a picture of a point.")
        self.picture.native.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.picture.native.setFixedSize(PICTURE, PICTURE)
        self.widths = text()
        self.live = CheckBox(value=True, text="Live estimate", tooltip=LIVE_TIP)
        self.live_widths = text()
        choices = {
            "image": self.image,
            "planes": self.planes,
            "region": self.region,
            "scale": self.scale,
            "kernel by": self.method,
            "upscale by": self.upscaler,
            "kernel": self.kernel,
            "pixel (y, x)": row(self.pixel_height, self.pixel_width, self.unit),
            "device": self.device,
            "seed": self.seed,
        }
        self._assemble(
            [
                Form(choices),
                self._advanced(),
                row(self.estimate_button, self.upscale_button),
                row(self.both_button, self.cancel_button),
                self.progress,
                row(self.picture, self.status),
                self.widths,
                self.live,
                self.live_widths,
            ],
            starting=(self.estimate_button, self.upscale_button, self.both_button),
        )
        self.image.changed.connect(self._show_image)
        self.kernel.changed.connect(self._show_kernel)
        self._live = Live(self._viewer, self._glance, self.native)
        self._live.told.connect(self._show_live)
        self.live.changed.connect(self._want_live)
        for choice in (self.image, self.region):
            choice.changed.connect(self._follow_live)
        for field in (self.scale, self.seed, self.pixel_height, self.pixel_width, self.unit, *self.settings["spectral"].fields.values()):
            field.changed.connect(self._live.request)
        self._show_kernel(None)
        self._follow()
        self._show_image()
        self._follow_live()

    def estimate(self) -> None:
        """Estimate the kernel of the chosen image and add it as a layer."""
        self._begin(lambda run: run.estimate())

    def upscale(self) -> None:
        """Upscale the chosen image with the chosen kernel and add it as a layer."""
        self._begin(lambda run: run.upscale(self._chosen_kernel()), estimating=False)

    def run_both(self) -> None:
        """Estimate the kernel, then upscale with it."""
        self._begin(lambda run: run.estimate(then_upscale=True))

    def _choosers(self) -> tuple[ComboBox, ...]:
        return self.image, self.region, self.kernel

    def _regions(self, *_: Any) -> list[Shapes]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]

    def _begin(self, begin: Callable[[Run], None], *, estimating: bool = True) -> None:
        def start() -> Run:
            run = Run(self._viewer, self._chosen_image(), self._options(estimating))
            run.kernel_drawn.connect(self._show_training)
            run.kernel_finished.connect(self._choose_kernel)
            begin(run)
            return run

        self._start(start)

    def _options(self, estimating: bool) -> Options:
        layer = self.image.value
        plane = current_plane(self._viewer, layer)
        return Options(
            scale=self.scale.value,
            method=self.method.value,
            upscaler=self.upscaler.value,
            plane=plane if layer.ndim > 2 and self.planes.value == CURRENT else None,
            region=self._chosen_region(plane) if estimating else None,
            seed=self.seed.value,
            device=self.device.value,
            config=self.config,
            **self._sizes(),
        )

    def _sizes(self) -> dict[str, Any]:
        size = read(self.pixel_height, "pixel height"), read(self.pixel_width, "pixel width")
        return {"pixel_size": size, "unit": self.unit.value}

    def _chosen_region(self, plane: tuple[int, ...]) -> Region | None:
        return region_of(self.region.value, self.image.value, plane) if self.region.value is not None else None

    def _glance(self) -> Glance | None:
        """What the live estimate is of, just now."""
        layer = self.image.value
        if layer is None:
            return None
        plane = visible_plane(self._viewer, layer)
        config = self.settings["spectral"].settings
        return Glance.at(layer, plane, self._chosen_region(plane), self.scale.value, config, self.seed.value, **self._sizes())

    def _chosen_kernel(self) -> Image | None:
        if self.upscaler.value == "bicubic":
            return None
        if self.kernel.value is None:
            raise InputError("Upscaling needs a kernel: press Estimate kernel or Run both, choose a kernel layer, or upscale by bicubic.")
        return self.kernel.value

    def _choose_kernel(self, layer: Image) -> None:
        self.reset_choices()
        self.kernel.value = layer

    def _show_image(self, *_: Any) -> None:
        """Fill in what depends on the image: its pixel size, whether there are planes, its latest kernel."""
        layer = self.image.value
        self.planes.enabled = layer is not None and layer.ndim > 2
        if layer is None:
            return
        placement = Placement.of(layer)
        for field, size in zip((self.pixel_height, self.pixel_width), placement.pixel_size, strict=True):
            field.value = float(f"{size:.9g}")
        self.unit.value = unit_symbol(placement.unit)
        self.kernel.value = next((kernel for kernel in reversed(self._kernels()) if belongs_to(kernel, layer)), None)

    def _show_kernel(self, layer: Image | None) -> None:
        self.picture.visible = layer is not None
        say(self.widths, in_words(record_of(layer), layer.data) if layer else Words(""))
        if layer is not None:
            self._show_picture(layer.data)

    def _show_picture(self, kernel: Kernel) -> None:
        low, high = contrast(kernel)
        enlarged = np.kron(kernel, np.ones((max(PICTURE // len(kernel), 1),) * 2))
        self.picture.set_data(enlarged, cmap=COLORMAP, vmin=low, vmax=high)
        self.picture.visible = True

    def _show_training(self, kernel: Kernel) -> None:
        self._show_picture(kernel)
        say(self.widths, Words("in training"))

    def _show_live(self, words: Words) -> None:
        say(self.live_widths, words)

    def _want_live(self, wanted: bool) -> None:
        self._live.want(wanted)
        if not wanted:
            self._show_live(Words(""))

    def _follow_live(self, *_: Any) -> None:
        self._live.follow(self.image.value, self.region.value)

    def _on_ended(self, outcome: str) -> None:
        super()._on_ended(outcome)
        self._show_kernel(self.kernel.value)

    def _on_destroyed(self, *_: Any) -> None:
        self._live.close()
        super()._on_destroyed()
