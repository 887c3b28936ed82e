"""What every dock widget of the plugin has: an image layer to work on, settings, one run at a time, and how it gets on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from magicgui.widgets import ComboBox, Container, ProgressBar, PushButton, SpinBox
from magicgui.widgets.bases import Widget
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_error, show_warning

from ..config import Settings
from ..errors import InputError
from ..estimate.api import METHODS as ESTIMATORS
from .forms import Fold, SettingsForm
from .parts import button, scrolling, short, text
from .records import is_kernel, is_picture
from .running import LayerRun
from .worker import Report

TITLES = {"kernelgan": "KernelGAN", "zssr": "ZSSR"}
SCALES = (2, 3, 4)
DEVICES = ("auto", "cpu", "cuda", "mps")  # to ask which of them are there would import PyTorch
FOLD_HEIGHT = 240  # px


class Panel(Container):
    """A scrolling column of widgets for runs on an image layer.

    Every choice is a widget with a value (``widget.seed.value = 3``), and every button a method.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._run: LayerRun | None = None
        self.image = short(ComboBox(choices=self._images, tooltip="The image layer to work on; follows the active layer."))
        self.scale = ComboBox(choices=SCALES, tooltip="How many times larger Y and X become. KernelGAN knows 2 and 4.")
        self.method = ComboBox(choices=ESTIMATORS, tooltip="How the kernel is estimated.")
        self.device = ComboBox(choices=DEVICES, tooltip="auto: CUDA where there is one, else MPS, else the CPU.")
        self.seed = SpinBox(max=2**31 - 1, tooltip="The same seed, device and thread count give the same result.")
        self.settings = {name: SettingsForm(type(model)) for name, model in Settings().methods.items()}
        self.cancel_button = button("Cancel", self.cancel, "Stop after the step it is in and keep the best so far.")
        self.progress = ProgressBar(value=0, min=0, max=1)
        self.status = text()

    def _assemble(self, widgets: Sequence[Widget], starting: Sequence[PushButton]) -> None:
        """Lay out the panel; the buttons that start a run are off while there is one."""
        self._starting = tuple(starting)
        self._content = Container(widgets=widgets, labels=False)
        self._content.native.layout().addStretch()
        super().__init__(labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().addWidget(scrolling(self._content.native))  # a laptop's screen is not high enough for all
        self.native_parent_changed.connect(self._on_parent)
        self.native.destroyed.connect(self._on_destroyed)
        self._viewer.layers.selection.events.active.connect(self._follow)
        self._show_running(False)

    def _advanced(self, names: Sequence[str] | None = None) -> Fold:
        """The settings of methods, all or some, out of sight at first."""
        forms = {name: form for name, form in self.settings.items() if names is None or name in names}
        folds = [Fold(TITLES.get(name, name.capitalize()), form) for name, form in forms.items()]
        return Fold("Advanced", Container(widgets=folds, labels=False), FOLD_HEIGHT)

    @property
    def config(self) -> Settings:
        """The settings of all methods as filled in.

        Raises
        ------
        InputError
            If a value cannot be read or is out of range; the message names the field.
        """
        return Settings(**{name: form.settings for name, form in self.settings.items()})

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._run is not None and self._run.running

    def cancel(self) -> None:
        """Stop after the step that the run is in, and keep the best so far."""
        if self.running:
            self._run.stop()
            self.status.value = "Stopping ..."

    def reset_choices(self, *_: Any) -> None:
        """Take up added, removed and renamed layers; the layers chosen stay chosen, whatever they are called."""
        chosen = [(choice, choice.value) for choice in self._choosers()]
        with ExitStack() as silent:
            for choice, _ in chosen:
                silent.enter_context(choice.changed.blocked())
            self._content.reset_choices()
            for choice, before in chosen:
                if before in choice.choices:
                    choice.value = before
        for choice, before in chosen:
            if choice.value is not before:
                choice.changed.emit(choice.value)

    def _choosers(self) -> tuple[ComboBox, ...]:
        """The combo boxes that offer layers."""
        return (self.image,)

    def _images(self, *_: Any) -> list[Image]:
        return [layer for layer in self._viewer.layers if is_picture(layer)]

    def _kernels(self, *_: Any) -> list[Image]:
        return [layer for layer in self._viewer.layers if is_kernel(layer)]

    def _follow(self, *_: Any) -> None:
        """Choose the active layer, where it is an image; not one that a run has just added."""
        active = self._viewer.layers.selection.active
        if active in self.image.choices and not (self._run and self._run.adding):
            self.image.value = active

    def _chosen_image(self) -> Image:
        if self.image.value is None:
            raise InputError("There is no image layer: open an image first.")
        return self.image.value

    def _start(self, begin: Callable[[], LayerRun]) -> None:
        """Begin a run, unless there is one; `begin` makes it and starts it."""
        if self.running:
            show_warning("A run is in progress: wait for its end, or press Cancel.")
            return
        try:
            run = begin()
        except InputError as error:
            show_error(str(error))
            return
        self._run = run
        run.reported.connect(self._show_report)
        run.ended.connect(self._on_ended)
        self.status.value = "Starting ..."
        self._show_running(True)

    def _show_report(self, report: Report) -> None:
        self.progress.max = report.total
        self.progress.value = report.step
        self.status.value = f"{report.stage}: step {report.step} of {report.total}"
        if report.seconds_left is not None:
            minutes, seconds = divmod(round(report.seconds_left), 60)
            self.status.value += f", up to {minutes}:{seconds:02} left"

    def _show_running(self, running: bool) -> None:
        for each in self._starting:
            each.enabled = not running
        self.cancel_button.enabled = running
        self.progress.visible = running

    def _on_ended(self, outcome: str) -> None:
        self.status.value = outcome
        self._show_running(False)

    def _on_parent(self, parent: Any) -> None:
        """Stop when the dock is closed: nobody could press Cancel any more."""
        if parent is None:
            self.cancel()

    def _on_destroyed(self, *_: Any) -> None:
        """Drop the run when the window is gone; napari asks for it when a window closes, but only if it was the active one at the start."""
        if self._run is not None:
            self._run.drop()
