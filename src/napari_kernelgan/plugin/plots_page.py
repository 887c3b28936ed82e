"""The page of plots: a kernel, or the image's own PSF, as curves and numbers; a kernel in training with its losses.

What is drawn and measured stands in `report`; nothing is computed while the page is out of sight.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, Container
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QVBoxLayout

from ..errors import InputError
from ..estimate.result import History, KernelEstimate
from ..files.atomic import atomic
from ..kernels.algebra import Kernel
from ..kernels.theory import Optics
from ..report.numbers import KERNEL, PSF, Number, as_psf, curves_as_csv, kernel_numbers, numbers_as_csv, numbers_as_text
from ..report.plots import PLOTS, draw_nothing, draw_plot, draw_training, write_plot
from .canvas import Canvas, Paint
from .forms import Form
from .numbers_table import NumbersTable
from .parts import ask_where_to_save, button, row, short, text
from .records import estimate_in, has_depth, record_of
from .words import LATERAL

HEIGHT = 290  # px, of the plot
DRAW_EVERY = 0.8
"""Seconds between two plots of a kernel in training, each of which takes a tenth of a second."""
OF_TIP = (
    "SR kernel: the blur and downscale between a sharper picture and this image; Upscale undoes it. "
    "PSF of the image: how optics and pixels together blur a point; it follows from the SR kernel."
)
PLOT_TIP = (
    "profiles: along the principal axes, with widths and error bars. MTF: contrast over frequency. "
    "encircled energy: what share lies within a circle. training: losses over steps, of methods that train."
)
ABOUT = {
    KERNEL: {
        "self-similar": "SR kernel: between this image and what optics so many times sharper would show.",
        "prior": "SR kernel: between pictures as sharp as those of the prior and this image.",
    },
    PSF: {
        "self-similar": "PSF of the image, optics and pixels together, as it follows from the SR kernel.",
        "prior": "PSF of the image, optics and pixels together: at least this wide, since the blur of the prior's pictures is not known.",
    },
}
NO_THEORY = "Theory is drawn beside the PSF."
NOTHING = "No kernel yet: estimate one, or choose one."


class PlotsPage(Container):
    """A plot, what it is of, and the numbers that belong to it.

    Choices are widgets with a value (``page.plot.value = "MTF"``), and every button a method.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme is followed.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._estimate: KernelEstimate | None = None
        self._psf: KernelEstimate | None = None
        self._numbers: tuple[Number, ...] | None = None
        self._lateral = False
        self._optics: Optics | None = None
        self._training: _Training | None = None
        self._drawn = 0.0
        self.plot = short(ComboBox(choices=PLOTS, tooltip=PLOT_TIP))
        self.of = short(ComboBox(choices=(KERNEL, PSF), tooltip=OF_TIP))
        self.caption = text()
        self.canvas = Canvas(viewer, HEIGHT)
        self.table = NumbersTable()
        self.copy_button = button("Copy numbers", self.copy_numbers, "Copy all numbers, of SR kernel and PSF, for a spreadsheet.")
        self.csv_button = button("Save numbers", self._ask_for_csv, "Write all numbers, of SR kernel and PSF, to a CSV file.")
        self.curves_button = button("Save curves", self._ask_for_curves, "Write the points of all curves to a CSV file.")
        self.plot_button = button("Save plot", self._ask_for_plot, "Write the plot on white paper, as PNG, SVG or PDF.")
        buttons = row(self.copy_button, self.csv_button), row(self.curves_button, self.plot_button)
        super().__init__(widgets=[Form({"plot": self.plot, "of": self.of}), self.caption, *buttons], labels=False)
        self.margins = (0, 0, 0, 0)
        layout: QVBoxLayout = self.native.layout()
        layout.insertWidget(1, self.canvas)
        layout.insertWidget(3, self.table, 1)
        self._timer = QTimer(self.canvas)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._refresh)
        self.canvas.shown.connect(self._refresh)
        for choice in (self.plot, self.of):
            choice.changed.connect(self._refresh)
        self.native.destroyed.connect(self._on_destroyed)
        self._refresh()

    def show_kernel(self, layer: Image | None) -> None:
        """Show the kernel of a layer; None shows that there is none.

        Raises
        ------
        InputError
            If the layer holds no finished kernel.
        """
        self._training = None
        self._lateral = layer is not None and has_depth(record_of(layer))
        self._take(estimate_in(layer) if layer is not None else None)

    def begin_training(self, method: str = "kernelgan", scale: int = 2) -> None:
        """Show a kernel in training from now on, until `show_kernel`; there is nothing of it yet."""
        self._training = _Training(method, scale)
        self._lateral = False
        self._take(None)
        self._drawn = 0.0  # what comes first is shown at once

    def add_training(self, step: int, kernel: Kernel, losses: dict[str, float]) -> None:
        """Show the kernel as it is after some steps, and its losses beside those of earlier calls; what comes too fast is drawn later.

        Parameters
        ----------
        step : int
        kernel : ndarray
            (n, n).
        losses : dict
            Name to value; empty of methods that have none.
        """
        if self._training is None:
            self.begin_training()
        self._training.add(step, kernel, losses)
        wait = self._drawn + DRAW_EVERY - time.monotonic()
        if wait <= 0:
            self._refresh()
        elif not self._timer.isActive():
            self._timer.start(int(1000 * wait))

    @property
    def optics(self) -> Optics | None:
        """The microscope whose theoretical width is shown beside the PSF; None for none."""
        return self._optics

    @optics.setter
    def optics(self, optics: Optics | None) -> None:
        self._optics, self._numbers = optics, None
        self._refresh()

    @property
    def numbers(self) -> tuple[Number, ...]:
        """All numbers of the kernel that is shown; none while there is none."""
        if self._numbers is None and self._estimate is not None:
            self._numbers = kernel_numbers(self._estimate, self._optics)
        return self._numbers or ()

    def copy_numbers(self) -> None:
        """Copy all numbers, separated by tabs."""
        QApplication.clipboard().setText(numbers_as_text(self.numbers))
        show_info(f"{len(self.numbers)} numbers copied.")

    def save_csv(self, path: str | Path) -> None:
        """Write all numbers as CSV."""
        self._shown()
        _write(path, numbers_as_csv(self.numbers))

    def save_curves(self, path: str | Path) -> None:
        """Write the points of all curves as CSV."""
        _write(path, curves_as_csv(self._shown()))

    def save_plot(self, path: str | Path) -> None:
        """Write the plot that is chosen, on white paper, as PNG, SVG or PDF by the path's suffix."""
        self._shown()
        write_plot(path, self.plot.value, self._subject(), self.of.value, self._theory())

    def _take(self, estimate: KernelEstimate | None) -> None:
        self._estimate, self._psf, self._numbers = estimate, None, None
        self._timer.stop()
        self._refresh()

    def _shown(self) -> KernelEstimate:
        if self._estimate is None:
            raise InputError("There is no finished kernel to save: estimate one, or choose one.")
        return self._estimate

    def _subject(self) -> KernelEstimate:
        """The kernel, or the PSF that follows from it."""
        if self.of.value == KERNEL:
            return self._estimate
        if self._psf is None:
            self._psf = as_psf(self._estimate)
        return self._psf

    def _theory(self) -> Optics | None:
        return self._optics if self.of.value == PSF else None

    def _refresh(self, *_: Any) -> None:
        """Bring everything up to date, where anybody can see it."""
        some = self._estimate is not None
        for each in (self.plot, self.of, self.copy_button, self.csv_button, self.curves_button, self.plot_button):
            each.enabled = some
        self.of.enabled = some and self.plot.value != "training"
        self.caption.value = self._caption()
        if not self.canvas.isVisible():
            return
        self._drawn = time.monotonic()
        self.canvas.paint(self._painter())
        told = self.numbers
        # how far to trust the kernel holds for the PSF that follows from it
        self.table.fill([number for number in told if number.of == self.of.value or number.name == "reliability"])

    def _caption(self) -> str:
        if self._estimate is None:
            return "In training: the SR kernel as it is, and the losses so far." if self._training else ""
        if self.plot.value == "training":
            return "The loss terms over the steps of the SR kernel's training."
        lines = [ABOUT[self.of.value][self._estimate.reference]]
        lines += [LATERAL] if self._lateral else []
        lines += [NO_THEORY] if self._optics and self.of.value == KERNEL else []
        return " ".join(lines)

    def _on_destroyed(self, *_: Any) -> None:
        self.canvas.close_events()

    def _painter(self) -> Paint:
        training = self._training.estimate if self._training else None
        if training is not None:
            return lambda figure, theme: draw_training(figure, training, theme)
        if self._estimate is None:
            return lambda figure, theme: draw_nothing(figure, "" if self._training else NOTHING, theme)
        about = self.plot.value, self._subject(), self.of.value, self._theory()
        return lambda figure, theme: draw_plot(figure, *about, theme)

    def _ask_for_csv(self) -> None:
        ask_where_to_save(self.native, "Save numbers", "kernel.csv", "CSV (*.csv)", self.save_csv)

    def _ask_for_curves(self) -> None:
        ask_where_to_save(self.native, "Save curves", "curves.csv", "CSV (*.csv)", self.save_curves)

    def _ask_for_plot(self) -> None:
        ask_where_to_save(self.native, "Save plot", f"{self.plot.value}.png", "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)", self.save_plot)


class _Training:
    """What has been reported of a kernel in training."""

    def __init__(self, method: str, scale: int) -> None:
        self._method, self._scale = method, scale
        self._kernel: Kernel | None = None
        self._steps: list[int] = []
        self._losses: dict[str, list[float]] = {}

    def add(self, step: int, kernel: Kernel, losses: dict[str, float]) -> None:
        self._kernel = np.array(kernel, np.float64)
        for name in losses:
            self._losses.setdefault(name, [float("nan")] * len(self._steps))
        self._steps.append(step)
        for name, values in self._losses.items():
            values.append(float(losses.get(name, "nan")))

    @property
    def estimate(self) -> KernelEstimate | None:
        """The kernel as it is with its losses so far; None before anything was reported."""
        if self._kernel is None:
            return None
        losses = {name: np.array(values) for name, values in self._losses.items()}
        history = History(losses, steps=np.array(self._steps, np.int64))
        return KernelEstimate(self._kernel, self._scale, self._method, history=history)


def _write(path: str | Path, table: str) -> None:
    with atomic(Path(path)) as temporary:
        temporary.write_text(table, encoding="utf-8", newline="\n")
