"""What every dock widget of the plugin has: an image layer to work on, settings, one run at a time, and how it gets on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

from magicgui.widgets import ComboBox, Container, ProgressBar, PushButton, SpinBox
from magicgui.widgets.bases import ValueWidget, Widget
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QSizePolicy

from ..config import Settings
from ..errors import InputError
from ..estimate.api import METHODS as ESTIMATORS
from ..files.settings import load_settings, save_settings
from .forms import Fold, Form, SettingsForm
from .notices import TOLD, notify, reason
from .parts import Chip, ask_where_to_save, button, row, short, text
from .preferences import Preferences, remember, remembered
from .records import is_kernel, is_picture
from .running import Ended, LayerRun
from .worker import Report

TITLES = {"kernelgan": "KernelGAN", "zssr": "ZSSR"}
SCALES = (2, 3, 4)
DEVICES = ("auto", "cpu", "cuda", "mps")  # to ask which of them are there would import PyTorch
SEED_MOST = 2**31 - 1
REMEMBER_AFTER = 500  # ms without a change
STATES = {
    "idle": ("○ Idle", "#5b6673", "#ffffff"),
    "running": ("▶ Running", "#1d6fb8", "#ffffff"),
    "stopped": ("■ Stopped", "#8a5a00", "#ffffff"),
    "done": ("✔ Done", "#1a7f37", "#ffffff"),
    "failed": ("✖ Failed", "#b3261e", "#ffffff"),
}
METHOD_TIP = (
    "How the kernel is estimated. auto, spectral: from the spectrum, in a fraction of a second, with error bars. kernelgan: trained on "
    "this image alone, as published; minutes. hybrid: spectral, then trained. recurrence: from patches that recur; for pictures rather "
    "than microscopy."
)
SCALE_TIP = "How many times finer the kernel's pixels, and the upscaled image's, are than the image's. KernelGAN knows 2 and 4."
SETTINGS_FILE = "Settings (*.json)"
SETTINGS_TIP = "Scale, methods, device, seed and all that is below, in a file of settings, or as they were at first."


class Panel(Container):
    """Widgets for runs on an image layer, over a line that tells how the run gets on.

    Every choice is a widget with a value (``widget.seed.value = 3``), and every button a method.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    memory: ClassVar[str]
    """Under which name the panel's settings are kept for next time."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._run: LayerRun | None = None
        self._waiting: list[Callable[[], LayerRun]] = []
        self._ended: list[Ended] = []
        self._axes: tuple[str, ...] = ()
        self._watched = ExitStack()
        image_tip = "The image layer to work on; follows the active layer."
        self.image = short(ComboBox(choices=self._images, tooltip=image_tip), "open an image first")
        self.scale = ComboBox(choices=SCALES, tooltip=SCALE_TIP)
        self.method = ComboBox(choices=ESTIMATORS, tooltip=METHOD_TIP)
        self.device = ComboBox(
            choices=DEVICES, tooltip="What trains networks. auto: CUDA where there is one, else MPS, else the CPU; other methods need none."
        )
        self.seed = SpinBox(max=SEED_MOST, tooltip="The same seed, device and thread count give the same result.")
        self.settings = {name: SettingsForm(type(model)) for name, model in Settings().methods.items()}
        self.load_settings_button = button(
            "Load ...", self._ask_settings_to_load, "Fill in everything from a file of settings, as the command line takes it."
        )
        self.save_settings_button = button(
            "Save ...", self._ask_where_to_save_settings, "Write all settings to a file, for --config of the command line or others."
        )
        self.defaults_button = button("Defaults", lambda: self.fill(Settings()), "Fill in the defaults of all methods.")
        self.cancel_button = button("Cancel", self.cancel, "Stop after the step it is in and keep the best so far. Esc does the same.")
        self.progress = ProgressBar(value=0, min=0, max=1, tooltip="Steps done; training that no longer helps ends earlier.")
        self.state = Chip(STATES, tooltip="What the panel is doing, or how the last run ended.")
        self.status = text()

    def _assemble(self, content: Container, buttons: Widget, starting: Sequence[PushButton]) -> None:
        """Lay out the content over the buttons, which stay in sight, as does how the run gets on; `starting` are off while there is one."""
        self._starting = tuple(starting)
        self._content = content
        self._footer = Container(widgets=[buttons, self.progress, row(self.state, self.status)], labels=False)
        super().__init__(labels=False)
        for each in (self, self._footer):
            each.margins = (4, 4, 4, 4)
        self._soon = QTimer(self.native, singleShot=True, interval=REMEMBER_AFTER)
        self._soon.timeout.connect(self._remember)
        self.native.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)  # else napari adds a stretch below it
        self.native.layout().addWidget(content.native, 1)
        self.native.layout().addWidget(self._footer.native)
        self.native_parent_changed.connect(self._on_parent)
        self.native.destroyed.connect(self._on_destroyed)
        self._viewer.layers.selection.events.active.connect(self._follow)
        self.image.changed.connect(self._watch_axes)
        self._watch_axes()
        self._show_running(False)
        try:
            self.fill(Preferences.now().begin(remembered(self.memory)))
        except InputError as error:
            show_warning(f"The settings of last time cannot be used, and the defaults are taken. {error}")
        for field in (*self._run_fields.values(), *(field for form in self.settings.values() for field in form.fields.values())):
            field.changed.connect(lambda *_: self._soon.start())

    def _advanced(self, *first: Widget) -> Fold:
        """The settings of all methods, out of sight at first, below other widgets and the buttons that load and save them."""
        folds = [Fold(TITLES.get(name, name.capitalize()), form) for name, form in self.settings.items()]
        buttons = row(self.load_settings_button, self.save_settings_button, self.defaults_button)
        buttons.tooltip = SETTINGS_TIP
        self.advanced = Fold("Advanced", Container(widgets=[*first, Form({"settings": buttons}), *folds], labels=False))
        return self.advanced

    # settings

    @property
    def _run_fields(self) -> dict[str, ValueWidget]:
        """The widgets of what a settings file has under "run"."""
        named = ("scale", "method", "upscaler", "seed", "device")
        return {name: getattr(self, name) for name in named if hasattr(self, name)}

    @property
    def config(self) -> Settings:
        """Everything as filled in: what is done, and the settings of all methods.

        Raises
        ------
        InputError
            If a value cannot be read or is out of range; the message names the field.
        """
        done = {name: field.value for name, field in self._run_fields.items()}
        return Settings(**{name: form.settings for name, form in self.settings.items()}).with_run(**done)

    def fill(self, settings: Settings) -> None:
        """Fill in everything.

        Raises
        ------
        InputError
            If something is not offered here, as a device by its number; nothing is filled in then.
        """
        values = {name: getattr(settings.run, name) for name in self._run_fields}
        for name, field in self._run_fields.items():
            offered = field.choices if isinstance(field, ComboBox) else range(SEED_MOST + 1)
            if values[name] not in offered:
                raise InputError(f"{name} = {values[name]!r} cannot be chosen in this panel.")
        for name, field in self._run_fields.items():
            field.value = values[name]
        for name, model in settings.methods.items():
            self.settings[name].fill(model)

    def load_settings(self, path: str | Path) -> None:
        """Fill in everything from a JSON file, as ``--config`` of the command line takes it.

        Raises
        ------
        InputError
            If it cannot be read, or something in it cannot be chosen here.
        """
        self.fill(load_settings(Path(path)))

    def save_settings(self, path: str | Path) -> None:
        """Write everything to a JSON file, as ``--config`` of the command line takes it."""
        save_settings(Path(path), self.config)

    def _ask_settings_to_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.native, "Load settings", "", SETTINGS_FILE)
        if name:
            self._try(lambda: self.load_settings(name))

    def _ask_where_to_save_settings(self) -> None:
        ask_where_to_save(self.native, "Save settings", "settings.json", SETTINGS_FILE, self.save_settings)

    def _try(self, action: Callable[[], None]) -> None:
        """Do something that may be refused, and say why."""
        try:
            action()
        except TOLD as error:
            notify(error)

    def _remember(self) -> None:
        with suppress(InputError):  # half typed
            remember(self.memory, self.config)

    # layers

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

    def _watch_axes(self, *_: Any) -> None:
        """Notice when the chosen image gets other axes, or they other names."""
        self._watched.close()
        layer = self.image.value
        if layer is not None:
            self._axes = layer.axis_labels
            for event in (layer.events.data, layer.events.axis_labels):
                event.connect(self._on_axes)
                self._watched.callback(event.disconnect, self._on_axes)

    def _on_axes(self, *_: Any) -> None:
        layer = self.image.value
        if layer is not None and layer.axis_labels != self._axes:
            self.image.changed.emit(layer)  # as if it were chosen anew

    def _chosen_image(self) -> Image:
        if self.image.value is None:
            raise InputError("There is no image layer to work on: open an image, or choose File > Open Sample > KernelGAN.")
        return self.image.value

    # runs

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._run is not None

    def cancel(self) -> None:
        """Stop after the step that the run is in, keep the best so far, and leave out runs that wait."""
        if self._run is not None:
            self._waiting.clear()
            self._run.stop()
            self.status.value = "Stopping after this step ..."

    def _start(self, *begin: Callable[[], LayerRun]) -> None:
        """Begin runs one after another, unless there is one already; each of `begin` makes a run and starts it."""
        if self.running:
            show_warning("A run is in progress: wait for its end, or press Cancel.")
            return
        self._ended.clear()
        self._count = len(begin)
        self._waiting.extend(begin)
        self._start_next()

    def _start_next(self) -> None:
        """Begin the next run that can begin; say how all ended when none is left."""
        while self._waiting:
            begin = self._waiting.pop(0)
            try:
                run = begin()
            except Exception as error:  # noqa: BLE001 - whatever it is, those that wait have their turn
                notify(error)
                self._ended.append(Ended("failed", reason(error)))
                continue
            self._run = run
            run.reported.connect(self._show_report)
            run.ended.connect(self._on_ended)
            self.state.show_as("running")
            self.status.value = f"{self._which()}Starting ..."
            self._show_running(True)
            return
        self._show_ended()

    def _which(self) -> str:
        """Which of several runs it is."""
        return f"{self._count - len(self._waiting)} of {self._count}. " if self._count > 1 else ""

    def _show_report(self, report: Report) -> None:
        self.progress.max = report.total
        self.progress.value = report.step
        self.status.value = f"{self._which()}{report.stage}: step {report.step} of {report.total}"
        if report.seconds_left is not None:
            minutes, seconds = divmod(round(report.seconds_left), 60)
            self.status.value += f", up to {minutes}:{seconds:02} left"

    def _show_running(self, running: bool) -> None:
        for each in self._starting:
            each.enabled = not running
        self.cancel_button.enabled = running
        self.progress.visible = running

    def _on_ended(self, ended: Ended) -> None:
        self._run = None  # it holds the image
        self._ended.append(ended)
        self._start_next()

    def _show_ended(self) -> None:
        """Show how the runs ended, of several how many and why; the worst of them is what counts."""
        ended = {state: [each for each in self._ended if each.state == state] for state in ("failed", "stopped", "done")}
        self.state.show_as(next(state for state, some in ended.items() if some))
        told = lines = [each.text for each in self._ended if each.text]
        if self._count > 1:
            told = [" ".join(f"{len(some)} of {self._count} {state}." for state, some in ended.items() if some)]
            told += [": ".join(filter(None, (each.layer, each.text))) for each in ended["failed"]]
        self.status.value = "\n".join(told)
        self.status.tooltip = "\n".join(lines)
        self._show_running(False)

    def _on_parent(self, parent: Any) -> None:
        """Stop when the dock is closed: nobody could press Cancel any more."""
        if parent is None:
            self.cancel()

    def _on_destroyed(self, *_: Any) -> None:
        """Drop the run when the window is gone; napari asks for it when a window closes, but only if it was the active one at the start."""
        self._waiting.clear()
        if self._run is not None:
            self._run.drop()
