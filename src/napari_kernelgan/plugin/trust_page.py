"""The Trust page of the panel: how far to trust an upscaled layer, what speaks for and against it, how it was made, and saving it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, Label, SpinBox
from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.notifications import show_error, show_info
from qtpy.QtGui import QTextOption
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QTextEdit

from ..config import Settings
from ..errors import InputError
from ..progress import Steps
from ..report.methods import methods_sentence
from ..report.provenance_text import Section, readable
from ..report.save import names_of
from ..report.verdict import MEANINGS, MEASURES, TITLES, measures_in_words
from .forms import Fold, Form
from .lineage import Upscale, kernel_of
from .parts import Chip, button, row, short, text
from .preferences import choose_output_folder, output_folder
from .records import is_kernel, is_upscaled, record_of
from .running import LayerRun
from .save_actions import Tables, gathered, iter_save_layers
from .trust_actions import iter_added_detail_layer, iter_badge, iter_disagreement_layer, iter_residual_layer
from .trust_run import TrustRun

LEVELS = {"pass": ("✓", "#15803d", "#ffffff"), "warn": ("!", "#fbbf24", "#1c1917"), "no-evidence": ("✕", "#b91c1c", "#ffffff")}
UNCHECKED, NOTHING = "unchecked", "nothing"
CHIPS = {
    UNCHECKED: ("?  not checked yet", "#4b5563", "#ffffff"),
    NOTHING: ("?  nothing to check: upscale an image first", "#4b5563", "#ffffff"),
} | {level: (f"{sign}  {TITLES[level]}", ground, letters) for level, (sign, ground, letters) in LEVELS.items()}
HEIGHT = 260  # px, of how it was made; the rest scrolls
SEEDS, MOST_SEEDS = 3, 20

UPSCALED_TIP = "The upscaled layer that this page is about; follows the active layer."
CHECK_TIP = (
    "Compare the upscale with its image, its kernel and a bicubic upscale, and say how far to trust it. About a second; of a stack four "
    "planes are looked at. The result goes on the layer's record."
)
RESIDUAL_TIP = (
    "Add a layer: the image minus the upscale, blurred and downscaled again, in units of the image's noise. What looks like noise does not "
    "prove the upscale right; shapes of the image in it prove it wrong, or its kernel."
)
ADDED_TIP = (
    "Add a layer: what the upscale has beyond a bicubic one, in the image's units. It tells how much was added, not whether it is right."
)
SPREAD_TIP = (
    "Upscale again with several seeds and add a layer: how far they differ. What differs was not in the image. Takes as long as so many "
    "upscales; Cancel keeps the seeds that are done."
)
SEEDS_TIP = "How many upscales Seed spread compares, from the layer's own seed on. More take longer and tell the spread better."
COPY_TIP = (
    "Copy some sentences for a paper's methods section, with what is to be cited: what was done, with which settings, and how sure it is."
)
SAVE_TIP = (
    "Choose a folder for the kernel (TIFF and JSON), the upscaled image, a figure, tables, the methods sentence and how it all was made. "
    "Nothing is replaced without asking."
)
FORMAT_TIP = "Format of the upscaled image in the folder: one OME-TIFF file, or an OME-Zarr folder, which suits large stacks better."


class TrustPage(Container):
    """How far to trust an upscaled layer: a badge with its reasons and numbers, layers that show more, and everything to be saved.

    Parameters
    ----------
    viewer : napari.Viewer
    start : callable
        Takes a function that makes a run and starts it; the panel's, which has one run at a time.

    Attributes
    ----------
    starting : tuple of PushButton
        The buttons that start a run, which are to be off while there is one.
    tables : callable or mapping, optional
        Tables to be saved too, by file name, or what makes them of a kernel; see `save_layers`.
    """

    def __init__(self, viewer: Viewer, start: Callable[[Callable[[], LayerRun]], None]) -> None:
        self._viewer, self._start = viewer, start
        self.tables: Tables | None = None
        self._followed: Any = None  # id of the layer that was active last: a reference would keep it alive
        self.upscaled = short(ComboBox(choices=self._choices, tooltip=UPSCALED_TIP), "upscale an image first")
        self.chip = Chip(CHIPS, wraps=True)
        self.check_button = button("Check", self.check, CHECK_TIP)
        self.meaning, self.reasons, self.numbers = text(), text(), text()
        self.residual_button = button("Residual", self.residual, RESIDUAL_TIP)
        self.added_button = button("Added detail", self.added_detail, ADDED_TIP)
        self.spread_button = button("Seed spread", self.seed_spread, SPREAD_TIP)
        self.seeds = SpinBox(value=SEEDS, min=2, max=MOST_SEEDS, tooltip=SEEDS_TIP)
        self.copy_button = button("Copy methods sentence", self.copy_methods, COPY_TIP)
        self.save_button = button("Save results", self._choose_folder, SAVE_TIP)
        self.format = ComboBox(choices=[("OME-TIFF", "ome-tiff"), ("OME-Zarr", "ome-zarr")], tooltip=FORMAT_TIP)
        self.made = RecordText()
        self.fold = Fold("How it was made", self.made)
        self.starting = (self.check_button, self.residual_button, self.added_button, self.spread_button, self.save_button)
        super().__init__(
            widgets=[
                Form({"upscaled": self.upscaled}),
                self.chip,
                self.meaning,
                self.reasons,
                self.numbers,
                self.check_button,
                row(self.residual_button, self.added_button),
                row(self.spread_button, Label(value="seeds"), self.seeds),
                self.copy_button,
                row(self.save_button, self.format),
                self.fold,
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        self.native.layout().addStretch()
        self.upscaled.changed.connect(self._show)
        viewer.layers.selection.events.active.connect(self._follow)
        self._follow()
        self._show()

    def check(self) -> None:
        """Compute the badge of the chosen layer, and put it on its record."""
        self._begin(lambda layer: iter_badge(layer, viewer=self._viewer), "Check of")

    def residual(self) -> None:
        """Add what the chosen layer leaves unexplained of its image as a layer."""
        self._begin(lambda layer: iter_residual_layer(layer, viewer=self._viewer), "Residual of")

    def added_detail(self) -> None:
        """Add what the chosen layer adds to a bicubic upscale as a layer."""
        self._begin(lambda layer: iter_added_detail_layer(layer, viewer=self._viewer), "Added detail of")

    def seed_spread(self) -> None:
        """Upscale with several seeds, as the chosen layer was, and add how far they differ as a layer."""
        self._begin(self._spread, "Seed spread of")

    def copy_methods(self) -> None:
        """Put the methods sentence of the chosen layer and its kernel, or of the latest kernel, on the clipboard."""
        try:
            results, _ = gathered(*self._what(), viewer=self._viewer)
        except InputError as error:
            show_error(str(error))
            return
        QApplication.clipboard().setText(methods_sentence(*results.records))
        show_info("The methods sentence is on the clipboard.")

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Save the chosen layer with its kernel, or the latest kernel alone, into a folder.

        Parameters
        ----------
        folder : path
            Made where it is not there.
        overwrite : bool
            Whether existing files may be replaced; else they are refused.
        """

        def begin() -> TrustRun:
            kernel, upscaled = self._what()
            options = {"image_format": self.format.value, "overwrite": overwrite, "tables": self.tables, "viewer": self._viewer}
            about = upscaled if upscaled is not None else kernel
            steps = iter_save_layers(folder, kernel, upscaled, **options)
            return TrustRun(self._viewer, about, steps, f"Saving {about.name}")

        self._start(begin)

    def show(self, layer: Image | None = None, run: bool = False) -> None:
        """Choose an upscaled layer and show what is known of it; without one, come into sight, as any widget."""
        if layer is None:
            super().show(run)
            return
        self.reset_choices()
        if layer in self.upscaled.choices:
            self.upscaled.value = layer
            self._show()

    def show_badge(self, layer: Image | None) -> None:
        """Show the badge that a layer's record has, or that it has none; of another layer than the chosen one, when that is chosen."""
        if layer != self.upscaled.value:
            return
        badge = record_of(layer).get("badge") if layer is not None else None
        level = badge["level"] if badge else UNCHECKED if layer is not None else NOTHING
        self.chip.show_as(level)
        self.chip.tooltip = MEANINGS.get(level, "Press Check.")
        _tell(self.meaning, MEANINGS[level] if badge else "")
        _tell(self.reasons, "\n".join(f"• {reason}" for reason in badge["reasons"]) if badge else "")
        _tell(self.numbers, _table(measures_in_words(badge["measures"])) if badge else "")
        self.numbers.tooltip = MEASURES

    def reset_choices(self, *_: Any) -> None:
        """Take up added, removed and renamed layers; the layer chosen stays chosen, whatever it is called."""
        before = self.upscaled.value
        with self.upscaled.changed.blocked():
            self.upscaled.reset_choices()
            if before in self.upscaled.choices:
                self.upscaled.value = before
        if self.upscaled.value is not before:
            self.upscaled.changed.emit(self.upscaled.value)

    def _choices(self, *_: Any) -> list[Image]:
        return [layer for layer in self._viewer.layers if is_upscaled(layer)]

    def _follow(self, *_: Any) -> None:
        """Choose the active layer, where it is an upscaled one; not again when it is active once more after a run has added another."""
        active = self._viewer.layers.selection.active
        if active in self.upscaled.choices and active.unique_id != self._followed:
            self._followed, self.upscaled.value = active.unique_id, active

    def _begin(self, make: Callable[[Image], Steps[Any]], what: str) -> None:
        def begin() -> TrustRun:
            layer = self.upscaled.value
            if layer is None:
                raise InputError("There is no upscaled layer: upscale an image first.")
            run = TrustRun(self._viewer, layer, make(layer), f"{what} {layer.name}")
            run.delivered.connect(lambda _: self._on_delivered(layer))
            return run

        self._start(begin)

    def _on_delivered(self, layer: Image) -> None:
        if layer == self.upscaled.value:
            self._show()

    def _spread(self, layer: Image) -> Steps[Any]:
        """Upscales as the layer is one, with its settings, from its seed on."""
        made, record = Upscale.of(layer, viewer=self._viewer), record_of(layer)
        config = Settings.model_validate(record["stack"]["config"]) if "stack" in record else record["config"]
        kernel = None if record["method"] == "bicubic" else kernel_of(self._viewer, layer)
        about = {"seeds": self.seeds.value, "seed": record["seed"], "device": record["device"], "config": config}
        return iter_disagreement_layer(made.source, kernel, made.scale, record["method"], **about)

    def _what(self) -> tuple[Layer | None, Image | None]:
        """What there is to save: the kernel of no upscaled layer, or an upscaled layer, whose kernel is found by what is on record."""
        if self.upscaled.value is not None:
            return None, self.upscaled.value
        kernels = [layer for layer in self._viewer.layers if is_kernel(layer)]
        active = self._viewer.layers.selection.active
        return (active if active in kernels else kernels[-1] if kernels else None), None

    def _choose_folder(self) -> None:
        """Ask for a folder, and whether to replace what is there, and save."""
        folder = QFileDialog.getExistingDirectory(self.native, "Folder for the results", str(output_folder()))
        if not folder:
            return
        choose_output_folder(Path(folder))
        try:
            results, _ = gathered(*self._what(), tables=self.tables, viewer=self._viewer)
        except InputError as error:
            show_error(str(error))
            return
        there = [name for name in names_of(results, self.format.value) if (Path(folder) / name).exists()]
        question = f"{folder} holds {', '.join(there)} already. Replace them?"
        if not there or QMessageBox.question(self.native, "Save results", question) == QMessageBox.StandardButton.Yes:
            self.save(folder, overwrite=bool(there))

    def _show(self, *_: Any) -> None:
        """Show everything that is known of the chosen layer."""
        layer = self.upscaled.value
        self.show_badge(layer)
        self.made.show_records(*self._records(layer))

    def _records(self, layer: Image | None) -> tuple[list[tuple[str, list[Section]]], str]:
        """What to tell of a layer and its kernel, and what cannot be told."""
        if layer is None:
            return [], "Nothing is chosen."
        known = {name: value for name, value in record_of(layer).items() if name != "badge"}  # which is in sight already
        told, missing = [(layer.name, readable(known))], ""
        if known["method"] != "bicubic":
            try:
                kernel = kernel_of(self._viewer, layer)
                told.append((kernel.name, readable(record_of(kernel))))
            except InputError as error:
                missing = str(error)
        return told, missing


class RecordText(Container):
    """Records of layers, to be read and copied; long words break, so that it is never wide."""

    def __init__(self) -> None:
        super().__init__(labels=False)
        self.margins = (0, 0, 0, 0)
        self.text = QTextEdit()
        self.text.setReadOnly(True)
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.text.setFixedHeight(HEIGHT)
        self.native.layout().addWidget(self.text)

    def show_records(self, records: list[tuple[str, list[Section]]], missing: str) -> None:
        """Show what records tell, each under its layer's name, and what is missing."""
        parts = []
        for name, sections in records:
            parts.append(f"<h3>{escape(name)}</h3>")
            for section in sections:
                parts.append(f"<p><b>{escape(section.title)}</b><br>" + "<br>".join(_line(*each) for each in section.rows) + "</p>")
        self.text.setHtml("".join(parts) + (f"<p><i>{escape(missing)}</i></p>" if missing else ""))


def _line(label: str, value: str) -> str:
    return f"{escape(label)}: {escape(value)}"


def _table(rows: list[tuple[str, str]]) -> str:
    lines = (f'<tr><td style="padding-right: 8px">{escape(label)}</td><td>{escape(value)}</td></tr>' for label, value in rows)
    return f"<table>{''.join(lines)}</table>" if rows else ""


def _tell(label: Label, words: str) -> None:
    """Show words; none take no room."""
    label.value = words
    label.visible = bool(words)
