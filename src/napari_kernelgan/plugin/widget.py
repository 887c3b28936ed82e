"""The dock widget: what can be chosen, the buttons, and what a run reports. What the buttons do stands in `run` and `actions`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from magicgui.widgets import ComboBox, Container
from napari import Viewer
from napari.layers import Image, Shapes
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication

from ..errors import InputError
from ..report.numbers import kernel_numbers, numbers_as_csv
from ..upscaling.api import METHODS as UPSCALERS
from .as_python import Call, as_python
from .compare_page import CURTAIN, OFF, ComparePage
from .forms import Fold, Form
from .glance import Glance
from .kernel_view import KernelView
from .live_view import LiveView
from .optics_form import OpticsForm
from .panel import Panel
from .parts import Column, Pages, button, heading, row, short
from .plots_page import PlotsPage
from .preferences import Preferences
from .presets import PresetChoice
from .records import belongs_to
from .region import Region, region_of
from .run import Options, Run
from .size_form import SizeForm
from .source import current_plane, visible_plane
from .trust_page import TrustPage
from .worker import Report

RUN, PLOTS, COMPARE, TRUST = "Run", "Plots", "Compare", "Trust"
CURRENT, ALL = "current plane", "all planes"
WHOLE = "whole plane"
NO_KERNEL = "none yet"
THIS, SELECTED = "this image", "all selected images"
LAYERS_TIP = (
    "Work on the image above alone, or on every image that is selected in the layer list, one after another. Each is upscaled with its own "
    "kernel, unless a kernel of another image is chosen."
)
REGION_TIP = (
    "What to estimate from: a rectangle of a Shapes layer, the selected one, else the last; on every plane. Of one that is turned against "
    "the image the bounding box counts, inside the image. The whole image is upscaled."
)
UPSCALER_TIP = (
    "How the image is upscaled. auto, zssr: a small network trained on this image improves the inverse; some seconds for each plane. "
    "inverse: closed form with passes that keep edges; a fraction of a second. bicubic: plain interpolation, for comparison; no kernel."
)
What = Literal["estimate", "upscale", "both"]


class KernelGANWidget(Panel):
    """Estimate an image layer's kernel, and upscale the layer with it.

    Every choice is a widget with a value (``widget.seed.value = 3``), and every button a method.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    memory = "panel"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._calls: list[Call] = []
        self._make_choices()
        self._make_buttons()
        pages = {RUN: self._steps(), PLOTS: Column([self.plots], self.plots), COMPARE: Column([self.compare]), TRUST: Column([self.trust])}
        self.pages = Pages(pages)
        starting = (self.estimate_button, self.upscale_button, self.both_button, *self.trust.starting)
        self._assemble(self.pages, row(self.both_button, self.cancel_button), starting)
        self._listen()
        self.preset.listen()
        self._show_kernel(None)
        self._follow()
        self._show_image()
        self._show_selection()
        self._follow_live()

    # layout

    def _make_choices(self) -> None:
        self.layers = ComboBox(choices=(THIS, SELECTED), tooltip=LAYERS_TIP)
        self.planes = ComboBox(
            choices=(CURRENT, ALL),
            tooltip="Work on the plane that the sliders point at, or on all; a kernel of all planes is one kernel, pooled over them.",
        )
        self.region = short(ComboBox(choices=self._regions, nullable=True, tooltip=REGION_TIP))
        self.region.null_string = WHOLE
        self.preset = PresetChoice(self)
        self.upscaler = ComboBox(choices=UPSCALERS, tooltip=UPSCALER_TIP)
        self.kernel = short(ComboBox(choices=self._kernels, nullable=True, tooltip="The kernel layer that Upscale undoes."))
        self.kernel.null_string = NO_KERNEL
        self.size = SizeForm()
        self.kernel_view = KernelView()
        self.optics = OpticsForm(self._viewer)
        self.size_fold = Fold("Pixel size and optics", Container(widgets=[self.size, self.optics], labels=False))
        self.plots = PlotsPage(self._viewer)
        self.compare = ComparePage(self._viewer)
        self.trust = TrustPage(self._viewer, self._start)
        self.trust.tables = lambda estimate: {"kernel.csv": numbers_as_csv(kernel_numbers(estimate, self.plots.optics))}
        self.live_view = LiveView()

    def _make_buttons(self) -> None:
        self.estimate_button = button("Estimate kernel", self.estimate, "Add the image's kernel as a layer.")
        self.upscale_button = button("Upscale", self.upscale, "Add the image, upscaled with the kernel chosen above, as a layer.")
        self.both_button = button("Run both", self.run_both, "Estimate the kernel, then upscale with it. Ctrl+Enter does the same.")
        self.copy_button = button("Copy as Python", self.copy_as_python, "Copy the call of what was just done, for napari's console.")
        self.copy_button.enabled = False

    def _steps(self) -> Column:
        """The page with the two steps."""
        self._what = Form(
            {
                "image": self.image,
                "work on": self.layers,
                "planes": self.planes,
                "region": self.region,
                "scale": self.scale,
                "preset": self.preset,
            }
        )
        return Column(
            [
                self._what,
                heading("1  Kernel"),
                Form({"kernel by": self.method}),
                self.live_view,
                self.estimate_button,
                heading("2  Upscale"),
                Form({"kernel": self.kernel, "upscale by": self.upscaler}),
                self.kernel_view,
                self.upscale_button,
                self.size_fold,
                self._advanced(Form({"device": self.device, "seed": self.seed})),
                self.copy_button,
            ]
        )

    def _listen(self) -> None:
        self.image.changed.connect(self._show_image)
        self.kernel.changed.connect(self._show_kernel)
        self.optics.changed.connect(self._show_optics)
        self._viewer.layers.selection.events.changed.connect(self._show_selection)
        self.live_view.watch(self._viewer, self._glance, self.native)
        for choice in (self.image, self.region):
            choice.changed.connect(self._follow_live)
        for field in (
            self.scale,
            self.seed,
            self.size.pixel_height,
            self.size.pixel_width,
            self.size.unit,
            *self.settings["spectral"].fields.values(),
        ):
            field.changed.connect(self.live_view.live.request)
        for keys, action in (("Ctrl+Return", self.run_both), ("Ctrl+Enter", self.run_both), ("Escape", self.cancel)):
            shortcut = QShortcut(QKeySequence(keys), self.native)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)

    # what the buttons do

    def estimate(self) -> None:
        """Estimate the kernel of the chosen image and add it as a layer."""
        self._begin("estimate")

    def upscale(self) -> None:
        """Upscale the chosen image with the chosen kernel and add it as a layer."""
        self._begin("upscale")

    def run_both(self) -> None:
        """Estimate the kernel, then upscale with it."""
        self._begin("both")

    def copy_as_python(self) -> None:
        """Copy the calls of what was done last."""
        if not self._calls:
            show_warning("Nothing was done yet that could be copied: press Estimate kernel, Upscale or Run both first.")
            return
        QApplication.clipboard().setText(as_python(self._calls))
        show_info("Copied: paste it into napari's console, where 'viewer' is this window's.")

    def toggle_curtain(self) -> None:
        """Begin or end a comparison of an image with its upscale, by a curtain."""
        self.pages.page = COMPARE
        self.compare.mode.value = OFF if self.compare.mode.value == CURTAIN else CURTAIN

    def _begin(self, what: What) -> None:
        if self.running:
            self._start()  # says so
            return
        self._try(lambda: self._begin_each(what, self._chosen_layers()))

    def _begin_each(self, what: What, layers: Sequence[Image]) -> None:
        """Take all choices now, for every layer, and begin with the first."""
        calls = [
            Call.of(what, layer, self._options(layer, what), self._kernel_for(layer) if what == "upscale" else None) for layer in layers
        ]
        limit = Preferences.now()
        self._calls.clear()

        def begin(layer: Image, call: Call) -> Run:
            run = Run(self._viewer, layer, call.options)
            if what != "estimate":
                limit.check_memory(run.source, call.options.scale, call.options.upscaler)
            run.kernel_drawn.connect(self._show_training)
            run.kernel_finished.connect(self._choose_kernel)
            run.upscaled.connect(self._choose_upscaled)
            run.checked.connect(self.trust.show_badge)
            if what == "upscale":
                run.upscale(call.kernel() if call.kernel else None)
            else:
                self.plots.begin_training(call.options.method, call.options.scale)
                run.estimate(then_upscale=what == "both")
            self._calls.append(call)
            self.copy_button.enabled = True
            return run

        self._start(*(lambda layer=layer, call=call: begin(layer, call) for layer, call in zip(layers, calls, strict=True)))

    def _options(self, layer: Image, what: What) -> Options:
        one = layer.ndim > 2 and self.planes.value == CURRENT
        plane = visible_plane(self._viewer, layer) if one else current_plane(self._viewer, layer)
        return Options(
            scale=self.scale.value,
            method=self.method.value,
            upscaler=self.upscaler.value,
            plane=plane if one else None,
            region=self._region_on(layer, plane) if what != "upscale" else None,
            seed=self.seed.value,
            device=self.device.value,
            config=self.config,
            **(self.size.given(layer) if layer is self.image.value else {}),
        )

    def _chosen_layers(self) -> list[Image]:
        several = self._selected_images()
        return several if self.layers.value == SELECTED and len(several) > 1 else [self._chosen_image()]

    def _selected_images(self) -> list[Image]:
        """The images among the selected layers, in the order of the layer list."""
        return [layer for layer in self._images() if layer in self._viewer.layers.selection]

    def _region_on(self, layer: Image, plane: tuple[int, ...]) -> Region | None:
        return region_of(self.region.value, layer, plane) if self.region.value is not None else None

    def _kernel_for(self, layer: Image) -> Image | None:
        """The kernel to upscale a layer with: the chosen one, or where that is the shown image's own, each image's own."""
        if self.upscaler.value == "bicubic":
            return None
        chosen = self.kernel.value
        if layer is not self.image.value and (chosen is None or belongs_to(chosen, self.image.value)):
            chosen = self._latest_kernel(layer)
        if chosen is None:
            raise InputError(
                f"Upscaling '{layer.name}' needs a kernel: press Estimate kernel or Run both, choose a kernel layer, or upscale by bicubic."
            )
        return chosen

    def _latest_kernel(self, layer: Image) -> Image | None:
        return next((kernel for kernel in reversed(self._kernels()) if belongs_to(kernel, layer)), None)

    # what is shown

    def _choosers(self) -> tuple[ComboBox, ...]:
        return self.image, self.region, self.kernel

    def _regions(self, *_: Any) -> list[Shapes]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]

    def _show_selection(self, *_: Any) -> None:
        """Offer to work on several images where several are selected."""
        self._what.show_row("work on", len(self._selected_images()) > 1)

    def _show_image(self, *_: Any) -> None:
        """Fill in what depends on the image: its pixel size, whether there are planes, its latest kernel."""
        layer = self.image.value
        self._what.show_row("planes", layer is not None and layer.ndim > 2)
        self.optics.follow(layer)
        if layer is None:
            return
        self.size.fill(layer)
        self.kernel.value = self._latest_kernel(layer)

    def _choose_kernel(self, layer: Image) -> None:
        self.reset_choices()
        if self.image.value is None or belongs_to(layer, self.image.value):
            self.kernel.value = layer

    def _choose_upscaled(self, layer: Image) -> None:
        self.reset_choices()
        self.trust.show(layer)

    def _show_kernel(self, layer: Image | None) -> None:
        try:
            self.plots.show_kernel(layer)
            self.kernel_view.show_layer(layer)
        except InputError as error:  # somebody has drawn on it
            self.plots.show_kernel(None)
            self.kernel_view.show_none(str(error))

    def _show_training(self, report: Report) -> None:
        self.kernel_view.show_training(report.kernel)
        self.plots.add_training(report.step, report.kernel, report.losses)

    def _show_optics(self, *_: Any) -> None:
        with suppress(InputError):  # half typed
            self.plots.optics = self.optics.optics

    def _show_ended(self) -> None:
        super()._show_ended()
        self._show_kernel(self.kernel.value)

    # live

    def _glance(self) -> Glance | None:
        """What the live estimate is of, just now."""
        layer = self.image.value
        if layer is None:
            return None
        plane = visible_plane(self._viewer, layer)
        config = self.settings["spectral"].settings
        return Glance.at(layer, plane, self._region_on(layer, plane), self.scale.value, config, self.seed.value, **self.size.given(layer))

    def _follow_live(self, *_: Any) -> None:
        self.live_view.live.follow(self.image.value, self.region.value)

    def _on_parent(self, parent: Any) -> None:
        super()._on_parent(parent)
        if parent is None:
            self.compare.end()

    def _on_destroyed(self, *_: Any) -> None:
        self.live_view.live.close()
        super()._on_destroyed()
