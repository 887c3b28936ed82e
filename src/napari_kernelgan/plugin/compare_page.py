"""The page for comparing an image with its upscale: a curtain or a blink in the canvas, and brightness along a line."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, FloatSlider, RadioButtons, SpinBox
from napari import Viewer
from napari.layers import Image, Shapes
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

from ..assess.line import line_profiles, profiles_as_csv
from ..errors import InputError
from ..files.atomic import atomic
from ..files.units import unit_symbol
from .curtain import INTERPOLATIONS, KEY_SWAP, PLACE, Curtain
from .forms import Form
from .line_plot import LinePlot
from .lines import draw_line, line_of, pixel_matrix
from .notices import reason
from .pair import LayerPair
from .parts import ask_where_to_save, button, heading, row, short, text
from .placement import Placement
from .records import belongs_to, is_picture, is_upscaled

OFF, CURTAIN, BLINK = "off", "curtain", "blink"
DELAY = 100  # ms from a change to the plot: what changes meanwhile needs none of its own
SEEN = ("point", "order", "ndisplay")
DRAWN = ("data", "set_data", "highlight")  # highlight: another shape is selected
BEFORE_TIP = "The image before upscaling. It is chosen by itself with an upscaled layer, as long as it is there."
AFTER_TIP = "The upscaled layer to look at."
HOW_TIP = (
    "How the image is drawn beside the upscale. nearest: its pixels as they are. bicubic: smoothly between them, which is what an upscale "
    "has to be better than."
)
MODE_TIP = (
    "off: layers are as you left them. curtain: the image left of an edge, the upscale right of it; drag the edge in the canvas. blink: "
    "one after the other in the same place, where the eye sees every difference. Other pictures are out of sight meanwhile, and contrast, "
    f"gamma and colormap are set for both at once. Key {KEY_SWAP} in the canvas hides the image or shows it."
)
EDGE_TIP = "Where the edge is, in percent of the image's width from the left. It can be dragged in the canvas."
PERIOD_TIP = "How long each of both is seen, in seconds."
LINE_TIP = "A Shapes layer. The plot is of its selected line, else of its last."
WIDTH_TIP = "How many pixels of the image across the line are averaged: more of them, less noise."
DRAW_TIP = (
    "Add a layer to draw a line on: press the mouse on the image, drag and let go. The tool stays in the hand: choose another to move the "
    "line or its ends, and hold Space to pan or to drag the edge of the curtain."
)


class ComparePage(Container):
    """Compare an image with its upscale.

    Every choice is a widget with a value (``page.mode.value = "blink"``), and every button a method. Nothing of a comparison is left in the
    viewer when it ends: by `end`, with either layer, with the dock or with the window.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._curtain: Curtain | None = None
        self._dock: QDockWidget | None = None
        self._followed = ExitStack()
        self._known: list[Image] = []
        self.before = short(ComboBox(choices=self._pictures, tooltip=BEFORE_TIP), "open an image first")
        self.after = short(ComboBox(choices=self._upscaled, tooltip=AFTER_TIP), "upscale an image first")
        self.lines = short(ComboBox(choices=self._shapes, nullable=True, tooltip=LINE_TIP))
        self.lines.null_string = "none"
        self.interpolation = ComboBox(choices=INTERPOLATIONS, tooltip=HOW_TIP)
        self.mode = RadioButtons(choices=(OFF, CURTAIN, BLINK), value=OFF, orientation="horizontal", tooltip=MODE_TIP)
        self.mode.native.setStyleSheet("QGroupBox { border: none; margin: 0; padding: 0; }")  # no frame: it is a row of a form
        self.position = FloatSlider(value=50, min=0, max=100, step=0.1, tooltip=EDGE_TIP)
        self.period = FloatSlider(value=1, min=0.2, max=2, step=0.1, tooltip=PERIOD_TIP)
        self.status = text()
        self.line_width = SpinBox(value=1, min=1, max=99, step=1, tooltip=WIDTH_TIP)
        self.draw_button = button("Draw a line", self.draw_line, DRAW_TIP)
        self.line_status = text()
        self.plot = LinePlot(viewer)
        self.csv_button = button("Save CSV", self._ask_and_save_csv, "Write the profiles to a CSV file: distance, image and upscale.")
        self.copy_button = button("Copy", self.copy, "Copy the profiles as CSV, for a spreadsheet.")
        self.plot_button = button("Save plot", self._ask_and_save_plot, "Write the plot to a PNG or SVG file, black on white.")
        self._form = Form(
            {
                "before": self.before,
                "drawn by": self.interpolation,
                "after": self.after,
                "show": self.mode,
                "edge (%)": self.position,
                "each for (s)": self.period,
            }
        )
        profile = Form({"line in": self.lines, "width (px)": row(self.line_width, self.draw_button)})
        buttons = row(self.csv_button, self.copy_button, self.plot_button)
        super().__init__(widgets=[self._form, self.status, heading("Along a line"), profile, self.line_status, buttons], labels=False)
        self.margins = (0, 0, 0, 0)
        self._soon = QTimer(self.native)
        self._soon.setSingleShot(True)
        self._soon.setInterval(DELAY)
        self._soon.timeout.connect(self._draw)
        self.native.layout().insertWidget(self.native.layout().indexOf(buttons.native), self.plot)
        self.native.layout().addStretch()
        self.native_parent_changed.connect(self._on_parent)
        self.native.destroyed.connect(self._on_destroyed)
        self.after.changed.connect(self._on_after)
        self.before.changed.connect(self._on_pair)
        self.interpolation.changed.connect(self._on_interpolation)
        for choice in (self.mode, self.period):
            choice.changed.connect(self._show)
        self.position.changed.connect(self._on_position)
        self.lines.changed.connect(self._listen)
        self.line_width.changed.connect(self.request)
        self._show_mode()
        self.reset_choices()
        self._draw()

    def choose(self, before: Image, after: Image) -> None:
        """Choose what to compare: an image layer of the viewer, and a layer upscaled from it."""
        self.reset_choices()
        with self.before.changed.blocked(), self.after.changed.blocked():
            self.after.value, self.before.value = after, before
        self._on_pair()

    def end(self) -> None:
        """Compare no longer: nothing of it is left in the viewer."""
        self.mode.value = OFF
        if self._curtain is not None:  # the mode may have been off before it began
            self._curtain.end()

    def reset_choices(self, *_: Any) -> None:
        """Take up added, removed and renamed layers: those chosen stay chosen; a new upscale is, unless one is being compared."""
        choosers = (self.before, self.after, self.lines)
        chosen, upscaled = [choice.value for choice in choosers], self._upscaled()
        with ExitStack() as silent:
            for choice, layer in zip(choosers, chosen, strict=True):
                silent.enter_context(choice.changed.blocked())
                choice.reset_choices()
                if layer in choice.choices:
                    choice.value = layer
            if self._curtain is None and any(layer not in self._known for layer in upscaled):
                self.after.value = upscaled[-1]
        self._known = upscaled
        for choice, layer in zip(choosers, chosen, strict=True):
            if choice.value is not layer:
                choice.changed.emit(choice.value)

    def draw_line(self) -> None:
        """Add a layer to draw a line on, and choose it."""
        try:
            shapes = draw_line(self._viewer, LayerPair.of(self.before.value, self.after.value))
        except InputError as error:
            self._tell(self.line_status, str(error))
            return
        self.reset_choices()
        self.lines.value = shapes

    def request(self, *_: Any) -> None:
        """Draw the profiles soon."""
        if not self._soon.isActive():
            self._soon.start()

    def copy(self) -> None:
        """Copy the profiles as CSV."""
        QApplication.clipboard().setText(profiles_as_csv(self.plot.profiles))
        show_info(f"{len(self.plot.profiles.distance)} points copied.")

    def save_csv(self, path: str | Path) -> None:
        """Write the profiles as CSV."""
        with atomic(Path(path)) as temporary:
            temporary.write_text(profiles_as_csv(self.plot.profiles), encoding="utf-8", newline="\n")

    def save_plot(self, path: str | Path) -> None:
        """Write the plot as PNG or SVG."""
        self.plot.save(Path(path))

    # layers

    def _pictures(self, *_: Any) -> list[Image]:
        return [layer for layer in self._viewer.layers if is_picture(layer)]

    def _upscaled(self, *_: Any) -> list[Image]:
        return [layer for layer in self._viewer.layers if is_upscaled(layer)]

    def _shapes(self, *_: Any) -> list[Shapes]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Shapes)]

    def _on_after(self, after: Image | None) -> None:
        """Choose the image that the layer was made from, where that is still there."""
        source = next((layer for layer in self._pictures() if after is not None and belongs_to(after, layer)), None)
        if source is not None:
            with self.before.changed.blocked():
                self.before.value = source
        self._on_pair()

    def _on_pair(self, *_: Any) -> None:
        if self._curtain is not None:
            self._curtain.end()
            self._show()
        self._listen()

    # the comparison

    def _show(self, *_: Any) -> None:
        """Begin, change or end a comparison as the choices say."""
        mode = self.mode.value
        if mode == OFF:
            self._tell(self.status, "")
            if self._curtain is not None:
                self._curtain.end()
        else:
            try:
                curtain = self._curtain or self._begin()
            except InputError as error:
                self._refuse(str(error))
            else:
                curtain.draw(self.position.value) if mode == CURTAIN else curtain.blink(self.period.value)
                if self._curtain is curtain:  # it ends where the image cannot be read
                    self._say(curtain.shown)
        self._show_mode()

    def _begin(self) -> Curtain:
        pair = LayerPair.of(self.before.value, self.after.value)
        self._curtain = curtain = Curtain(self._viewer, pair, self.interpolation.value)
        curtain.moved.connect(self._on_moved)
        curtain.swapped.connect(self._say)
        curtain.ended.connect(self._on_ended)
        self._watch_dock()
        return curtain

    def _say(self, shown: bool) -> None:
        before, after = self.before.current_choice, self.after.current_choice
        if self.mode.value == CURTAIN:
            self._tell(self.status, f"Left of the edge: {before}. Right: {after}." if shown else f"Everywhere: {after}.")
        else:
            self._tell(self.status, f"Now in sight: {before if shown else after}.")

    def _on_moved(self, percent: float) -> None:
        with self.position.changed.blocked():
            self.position.value = percent

    def _on_position(self, percent: float) -> None:
        if self._curtain is not None and self.mode.value == CURTAIN:
            self._curtain.draw(percent)

    def _on_interpolation(self, name: str) -> None:
        if self._curtain is not None:
            self._curtain.interpolation = name
        self.request()

    def _on_ended(self, reason: str) -> None:
        self._curtain = None
        if reason:
            self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        with self.mode.changed.blocked():
            self.mode.value = OFF
        self._show_mode()
        self._tell(self.status, reason)

    def _show_mode(self) -> None:
        self._form.show_row("edge (%)", self.mode.value == CURTAIN)
        self._form.show_row("each for (s)", self.mode.value == BLINK)

    # the line

    def _listen(self, *_: Any) -> None:
        """Follow the line, and the plane that is seen."""
        self._followed.close()
        before, after, shapes = self.before.value, self.after.value, self.lines.value
        if None not in (before, after, shapes):
            names = [(before, PLACE), (shapes, (*DRAWN, *PLACE)), (self._viewer.dims, SEEN)]
            # of multiscale images set_data tells of the camera too
            names += [(layer, ("data",) if layer.multiscale else ("data", "set_data")) for layer in (before, after)]
            for event in (getattr(each.events, name) for each, some in names for name in some):
                event.connect(self.request)
                self._followed.callback(event.disconnect, self.request)
        self.request()

    def _draw(self) -> None:
        """Draw the profiles along the line, or say why not."""
        try:
            if self.lines.value is None:
                raise InputError("Draw a line over a detail to see the brightness along it, before and after.")
            pair = LayerPair.of(self.before.value, self.after.value)
            pair.check_view(self._viewer)
            plane, low, high = pair.planes(self._viewer)
            start, end = line_of(self.lines.value, pair.before, plane)
            size, unit = pixel_matrix(pair.before), unit_symbol(Placement.of(pair.before).unit)
            profiles = line_profiles(low, high, start, end, pair.scale, self.line_width.value, pixel_size=size, unit=unit)
        except Exception as error:  # noqa: BLE001 - reading a lazy image may raise anything, and nobody asked for a dialog
            self.plot.clear()
            self._tell(self.line_status, reason(error))
        else:
            self.plot.draw(profiles, self.interpolation.value)
            self._tell(self.line_status, "")
        self.plot.setVisible(self.plot.profiles is not None)
        for each in (self.csv_button, self.copy_button, self.plot_button):
            each.enabled = self.plot.profiles is not None

    def _ask_and_save_csv(self) -> None:
        ask_where_to_save(self.native, "Save the profiles", "profiles.csv", "CSV (*.csv)", self.save_csv)

    def _ask_and_save_plot(self) -> None:
        ask_where_to_save(self.native, "Save the plot", "profiles.png", "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)", self.save_plot)

    # the end

    @staticmethod
    def _tell(label: Any, words: str) -> None:
        label.value = words
        label.visible = bool(words)

    def _watch_dock(self) -> None:
        """End with the dock that the page is in, however deep: nobody could end it any more."""
        parent: QWidget | None = self.native
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parentWidget()
        if parent is not None and parent is not self._dock:
            self._dock = parent
            parent.destroyed.connect(self._on_gone)

    def _on_parent(self, parent: Any) -> None:
        if parent is None:
            self._on_gone()

    def _on_gone(self, *_: Any) -> None:
        if self._curtain is not None:
            self._curtain.end("The comparison has ended with its panel.")

    def _on_destroyed(self, *_: Any) -> None:
        """Drop everything; the widgets are gone."""
        self._followed.close()
        self.plot.close_events()
        if self._curtain is not None:
            self._curtain.ended.disconnect(self._on_ended)
            self._curtain.end()
            self._curtain = None
