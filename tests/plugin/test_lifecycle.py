"""What may happen while a stage runs, in real viewers: the window lives, what is told names the cure, and memory comes back."""

from __future__ import annotations

import gc
import subprocess
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import ErrorNotification, notification_manager
from qtpy.QtCore import QCoreApplication, QEvent
from torch.optim.optimizer import register_optimizer_step_pre_hook

from napari_kernelgan.plugin import estimate_layer, upscale_layer
from napari_kernelgan.plugin.compare_page import BLINK, CURTAIN
from napari_kernelgan.plugin.stack_widget import StackWidget
from napari_kernelgan.plugin.widget import COMPARE, PLOTS, RUN, TRUST, KernelGANWidget

from .reading import Reading
from .short import ENDLESS, ENDLESS_ZSSR, FAST, FAST_ZSSR, TIMEOUT, configure

KEY = "napari_kernelgan"
STAGES = ("estimate", "upscale", "check", "residual", "spread", "save")


class Stage:
    """A stage of the work on an image that waits, or goes on for hours, until `end`.

    The layers that it needs are made once, and added anew whenever it begins.
    """

    def __init__(self, name: str, tiny: np.ndarray, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.reading = Reading(tiny)
        self.image = Image(self.reading.image(), name="cells", contrast_limits=(0, 255), visible=False)
        self.layers = [self.image]
        if name != "estimate":
            self.layers.append(estimate_layer(self.image, method="spectral"))
        if name in ("residual", "save"):
            self.layers.append(upscale_layer(self.image, self.layers[1], method="inverse"))
        if name == "spread":
            self.layers.append(upscale_layer(self.image, self.layers[1], config=FAST_ZSSR))
            self.layers[2].metadata[KEY]["config"] |= ENDLESS_ZSSR

    @property
    def about(self) -> str:
        """Without which layer the stage has nothing to add any more."""
        return "cells" if self.name in ("estimate", "upscale", "check") else "cells x2"

    def begin(self, viewer: Viewer, widget: KernelGANWidget, qtbot) -> None:
        configure(widget, ENDLESS, ENDLESS_ZSSR if self.name == "upscale" else FAST_ZSSR)
        widget.upscaler.value = "zssr"
        viewer.layers.extend(self.layers)
        viewer.layers.selection.active = widget.image.value = self.image
        widget.trust.reset_choices()
        self.reading.waiting.clear()
        if self.name == "estimate":
            widget.estimate()
            qtbot.waitUntil(lambda: "cells kernel" in viewer.layers, timeout=TIMEOUT)
            return
        widget.kernel.value = self.layers[1]
        if self.name == "upscale":
            widget.upscale()
            qtbot.waitUntil(lambda: widget.status.value.startswith("ZSSR"), timeout=TIMEOUT)
        elif self.name == "spread":
            widget.trust.seed_spread()
            qtbot.waitUntil(lambda: "seed 1 of 3" in widget.status.value, timeout=TIMEOUT)
        else:
            if self.name == "check":
                viewer.layers.events.inserted.connect(self._hold)
                widget.upscale()
            else:
                self.reading.hold()
                widget.trust.residual() if self.name == "residual" else widget.trust.save(self.folder)
            qtbot.waitUntil(self.reading.waiting.is_set, timeout=TIMEOUT)
            viewer.layers.events.inserted.disconnect(self._hold)

    def _hold(self, *_: Any) -> None:
        self.reading.hold()

    def end(self, widget: KernelGANWidget, finish: Callable) -> None:
        self.reading.let_go()
        widget.cancel()
        finish(widget)


def assert_alive(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish: Callable) -> None:
    """Another run works."""
    widget.image.value = viewer.add_image(tiny, name="sound")
    widget.method.value, widget.upscaler.value = "spectral", "inverse"
    widget.run_both()
    finish(widget)
    assert widget.state.shown == "done"
    assert "sound x2" in viewer.layers


def errors(messages: list[str]) -> list[str]:
    return [message for message in messages if message.startswith("error")]


# changes while a stage runs


@pytest.mark.parametrize("name", STAGES)
def test_everything_may_happen_while_it_runs(
    name: str, viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, tmp_path: Path, messages: list[str], finish, qtbot
) -> None:
    stage = Stage(name, tiny, tmp_path / "out")
    stage.begin(viewer, widget, qtbot)
    viewer.layers.clear()
    stage.end(widget, finish)
    assert len(viewer.layers) == 0
    assert "removed" in widget.status.value
    assert widget.state.shown == "stopped"

    stage.begin(viewer, widget, qtbot)
    viewer.window.remove_dock_widget(widget.native)
    stage.end(widget, finish)
    viewer.layers.clear()
    _, panel = viewer.window.add_plugin_dock_widget("napari-kernelgan")

    stage.begin(viewer, panel, qtbot)
    change_everything(stage, viewer, panel, messages)
    run_in_a_second_panel(viewer, tiny, finish)
    for layer in [
        layer for layer in viewer.layers if layer.name in ("my cells kernel", "my cells x2") and layer.name != f"my {stage.about}"
    ]:
        viewer.layers.remove(layer)
    assert panel.running
    stage.end(panel, finish)
    assert panel.state.shown == "stopped"
    assert_alive(viewer, panel, tiny, finish)
    viewer.layers.clear()

    stage = Stage(name, tiny, tmp_path / "out")
    stage.begin(viewer, panel, qtbot)
    run = panel._run
    viewer.close()
    stage.reading.let_go()
    qtbot.waitUntil(lambda: not run.running, timeout=TIMEOUT)
    assert errors(messages) == []


def change_everything(stage: Stage, viewer: Viewer, widget: KernelGANWidget, messages: list[str]) -> None:
    """Rename and change all layers, look at other axes, and press all buttons again, which is refused."""
    for layer in viewer.layers:
        layer.name = f"my {layer.name}"
        layer.scale = (3, 3)
    stage.image.data = np.zeros((20, 30), np.float32)
    stage.image.visible = True  # napari 0.9.2 does not notice other axes of what is hidden
    stage.image.data = np.zeros((2, 3, 20, 30), np.float32)
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    viewer.dims.roll()
    viewer.dims.roll()
    before, trust = len(messages), widget.trust
    starting = (widget.estimate, widget.upscale, widget.run_both, trust.check, trust.residual, trust.added_detail, trust.seed_spread)
    for press in starting:
        press()
    assert messages[before:] == ["warning: A run is in progress: wait for its end, or press Cancel."] * len(starting)


def run_in_a_second_panel(viewer: Viewer, tiny: np.ndarray, finish) -> None:
    panel = StackWidget(viewer)
    viewer.window.add_dock_widget(panel, name="stacks")
    panel.image.value = viewer.add_image(tiny, name="other")
    panel.method.value, panel.upscaler.value = "spectral", "inverse"
    panel.run()
    finish(panel)
    assert panel.state.shown == "done"
    assert "other x2" in viewer.layers


# errors in a stage


LOST = "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported at some other API call."
TOO_MUCH = "CUDA out of memory. Tried to allocate 20.00 GiB."
FAILURES = {
    "lost": (torch.AcceleratorError, LOST, "Choose device='cpu', or start the program again"),
    "out of memory": (torch.OutOfMemoryError, TOO_MUCH, "Use a smaller image or region, smaller tiles"),
}


@contextmanager
def failing(error: type[Exception], words: str) -> Iterator[None]:
    """Let the third step of training fail, as a device does."""
    steps = count(1)

    def fail(*_: Any) -> None:
        if next(steps) == 3:
            raise error(words)

    hook = register_optimizer_step_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def assert_told(widget: KernelGANWidget, messages: list[str], words: str) -> None:
    """The run has failed, and panel and notification say what to do, without a traceback."""
    assert widget.state.shown == "failed"
    assert words in widget.status.value
    (message,) = messages
    assert words in message
    assert not isinstance(notification_manager.records[-1], ErrorNotification)
    messages.clear()


@pytest.mark.parametrize("failure", FAILURES)
def test_a_device_that_fails_is_told_with_what_to_do(
    failure: str, viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish
) -> None:
    error, words, cure = FAILURES[failure]
    viewer.add_image(tiny, name="cells")
    with failing(error, words):  # while the kernel is in training: half a kernel does not remain
        widget.run_both()
        finish(widget)
    assert_told(widget, messages, cure)
    assert names(viewer) == ["cells"]
    widget.method.value = "spectral"
    with failing(error, words):  # in ZSSR
        widget.run_both()
        finish(widget)
    assert_told(widget, messages, cure)
    assert names(viewer) == ["cells", "cells kernel"]
    widget.upscale()
    finish(widget)
    with failing(error, words):
        widget.trust.seed_spread()
        finish(widget)
    assert_told(widget, messages, cure)
    assert names(viewer) == ["cells", "cells kernel", "cells x2"]
    assert_alive(viewer, widget, tiny, finish)


@pytest.mark.parametrize(
    ("error", "words", "cure"),
    [(OSError, ("the disk is gone",), "the disk is gone. See that the disk"), (MemoryError, (), "Memory is exhausted")],
)
def test_an_image_that_cannot_be_read_is_told_in_every_stage(
    error: type[Exception],
    words: tuple[str, ...],
    cure: str,
    viewer: Viewer,
    widget: KernelGANWidget,
    tiny: np.ndarray,
    tmp_path: Path,
    messages: list[str],
    finish,
) -> None:
    reading = Reading(tiny)
    widget.image.value = image = viewer.add_image(reading.image(), name="cells", contrast_limits=(0, 255), visible=False)
    widget.method.value = "spectral"

    reading.fail(error, *words)
    assert cure in widget._glance().look().text
    widget.estimate()
    finish(widget)
    assert_told(widget, messages, cure)
    reading.mend()
    widget.estimate()
    finish(widget)

    reading.fail(error, *words)
    widget.upscale()
    finish(widget)
    assert_told(widget, messages, cure)
    reading.mend()
    viewer.layers.events.inserted.connect(lambda: reading.fail(error, *words))
    widget.upscale()  # and the check that follows fails, which the upscale does not
    finish(widget)
    assert widget.state.shown == "done"
    assert f"Not checked: {cure}" in widget.status.value
    assert messages == []

    trust = widget.trust
    for act in (trust.check, trust.residual, trust.added_detail, trust.seed_spread, lambda: trust.save(tmp_path / "out")):
        act()
        finish(widget)
        assert_told(widget, messages, cure)
    assert list(tmp_path.glob("out/*")) == []

    compare = widget.compare
    compare.draw_line()
    compare.lines.value.add_lines([[5, 5], [20, 30]])
    compare._draw()
    assert cure in compare.line_status.value
    compare.mode.value = "curtain"
    assert cure in compare.status.value
    assert compare.mode.value == "off"
    assert "cells curtain" not in viewer.layers
    assert messages == []
    reading.mend()
    assert image in viewer.layers
    assert_alive(viewer, widget, tiny, finish)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 64 kB."""
    disk = tmp_path / "full"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=False)


def test_a_disk_that_is_full_and_a_folder_that_cannot_be_made_are_told(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], full_disk: Path, tmp_path: Path, finish
) -> None:
    viewer.add_image(tiny, name="cells")
    widget.method.value, widget.upscaler.value = "spectral", "inverse"
    widget.run_both()
    finish(widget)
    widget.trust.save(full_disk / "out")
    finish(widget)
    assert_told(widget, messages, "No space left on device")
    assert not list(full_disk.glob("out/*"))
    (tmp_path / "file").write_text("")
    widget.trust.save(tmp_path / "file" / "out")
    finish(widget)
    assert_told(widget, messages, "is no folder that you may write to")
    widget.trust.save(tmp_path / "out")
    finish(widget)
    assert widget.state.shown == "done"


def test_layers_that_somebody_drew_on_are_told(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], tmp_path: Path, finish
) -> None:
    other = viewer.add_image(tiny[::-1], name="other")
    image = viewer.add_image(tiny, name="cells")
    widget.method.value, widget.upscaler.value = "spectral", "inverse"
    widget.run_both()
    finish(widget)
    kernel, upscaled = viewer.layers["cells kernel"], viewer.layers["cells x2"]
    sound = kernel.data
    changes = {
        "sum to zero": np.zeros((14, 14)),
        "NaN": np.full((14, 14), np.nan),
        "shape (3, 14, 14)": np.ones((3, 14, 14)),
        "fit_parity": np.full((13, 13), 1 / 169),
    }
    for words, data in changes.items():
        kernel.data = data
        widget.upscale()
        finish(widget)
        assert words in messages.pop()
        widget.image.value = other
        widget.image.value = image  # and its kernel is chosen again
        assert words in widget.kernel_view.words.value or words == "fit_parity"
        for act in (widget.trust.check, widget.trust.residual, lambda words=words: widget.trust.save(tmp_path / words)):
            act()
            finish(widget)
            messages[:] = [message for message in messages if "is not among the layers, or was changed" not in message]
        assert messages == []
    widget.image.value = other
    widget.run_both()  # of another image with a kernel of its own, which a broken one does not concern
    finish(widget)
    assert widget.state.shown == "done"
    assert "Check" in widget.status.value

    kernel.data, widget.image.value = sound, image
    widget.trust.show(upscaled)
    upscaled.data = upscaled.data[:100]
    for act in (widget.trust.check, widget.trust.residual, widget.trust.added_detail, lambda: widget.trust.save(tmp_path / "out")):
        act()
        assert "'cells x2' is no upscale of 'cells' as the two are now" in messages.pop()
    widget.compare.choose(image, upscaled)
    widget.compare.mode.value = "curtain"
    assert "is no upscale of 'cells'" in widget.compare.status.value
    assert messages == []


def test_a_kernel_in_training_may_be_drawn_on(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish, qtbot
) -> None:
    viewer.add_image(tiny, name="cells")
    configure(widget, ENDLESS)
    widget.estimate()
    qtbot.waitUntil(lambda: "cells kernel" in viewer.layers, timeout=TIMEOUT)
    kernel = viewer.layers["cells kernel"]
    kernel.data = np.zeros((2, 5, 5))
    qtbot.waitUntil(lambda: kernel.data.ndim == 2, timeout=TIMEOUT)
    kernel.data = np.zeros((2, 5, 5))
    widget.cancel()
    finish(widget)
    assert kernel.data.sum() == pytest.approx(1)
    assert messages == []


# what is left of it


class Pixels(np.ndarray):
    """An array that can be told from its copies."""


def live_ones(seen: dict[str, Callable[[], Any]], qtbot) -> list[str]:
    """Which of some objects are not gone, once Qt and Python's collector have had their turn."""
    for _ in range(4):
        qtbot.wait(20)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
    return [name for name, ref in seen.items() if ref() is not None]


def work(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, folder: Path, finish, qtbot) -> dict[str, Callable[[], Any]]:
    """Do everything that can be done, remove all layers, and give weak references to what was there.

    Workers are none of it: napari keeps them for as long as a window lives, to ask those that are busy to end.
    """
    seen: dict[str, Callable[[], Any]] = {}
    pixels = tiny.copy().view(Pixels)
    widget.image.value = image = viewer.add_image(pixels, name="cells")
    seen |= {"pixels": weakref.ref(pixels), "image": weakref.ref(image)}

    def run(name: str, action: Callable[[], None]) -> None:
        action()
        seen.update({name: weakref.ref(widget._run), f"{name}, source": weakref.ref(getattr(widget._run, "source", widget._run))})
        finish(widget)
        assert widget.state.shown == "done", widget.status.value

    run("run of both", widget.run_both)
    trust, compare = widget.trust, widget.compare
    for action in (trust.check, trust.residual, trust.added_detail, trust.seed_spread):
        run(action.__name__, action)
    run("save", lambda: trust.save(folder))
    for page in (PLOTS, COMPARE, TRUST, RUN):
        widget.pages.page = page
        qtbot.wait(100)
    for mode, interpolation in ((CURTAIN, "nearest"), (BLINK, "bicubic")):
        compare.interpolation.value, compare.mode.value = interpolation, mode
        seen |= {mode: weakref.ref(compare._curtain), f"{mode}, layer": weakref.ref(compare._curtain.layer)}
    compare.draw_line()
    compare.lines.value.add_lines([[5, 5], [20, 30]])
    compare._draw()
    seen |= {"profiles": weakref.ref(compare.plot.profiles.distance)}
    for layer in viewer.layers:
        seen |= {layer.name: weakref.ref(layer)}
        if isinstance(layer, Image):
            seen |= {f"{layer.name}, pixels": weakref.ref(layer.data)}
    widget.copy_as_python()
    assert len(seen) > 25
    viewer.layers.clear()
    return seen


@pytest.mark.gl
def test_memory_comes_back_with_the_layers_and_with_the_panel(
    make_napari_viewer: Callable[..., Viewer], tiny: np.ndarray, tmp_path: Path, messages: list[str], finish, qtbot
) -> None:
    viewer = make_napari_viewer(show=True)

    def open_and_work() -> dict[str, Callable[[], Any]]:
        _, widget = viewer.window.add_plugin_dock_widget("napari-kernelgan")
        configure(widget, FAST, FAST_ZSSR)
        seen = work(viewer, widget, tiny, tmp_path / "out", finish, qtbot)
        assert live_ones(seen, qtbot) == []
        parts = (widget, widget.native, widget.trust, widget.compare, widget.plots, widget.plots.canvas, widget.live_view.live)
        viewer.window.remove_dock_widget(widget.native)
        return {type(part).__name__: weakref.ref(part) for part in parts}

    assert live_ones(open_and_work(), qtbot) == []
    assert errors(messages) == []


def test_memory_comes_back_after_an_error(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish, qtbot
) -> None:
    def fail(error: type[Exception], words: str) -> dict[str, Callable[[], Any]]:
        pixels = tiny.copy().view(Pixels)
        image = viewer.add_image(pixels, name="cells")
        with failing(error, words):
            widget.estimate()
            seen = {"run": weakref.ref(widget._run), "source": weakref.ref(widget._run.source)}
            finish(widget)
        viewer.layers.clear()
        return seen | {"pixels": weakref.ref(pixels), "image": weakref.ref(image)}

    several = ((torch.AcceleratorError, LOST), (torch.OutOfMemoryError, TOO_MUCH), (RuntimeError, "it broke"), (ValueError, "it broke"))
    for number, (error, words) in enumerate(several):
        assert live_ones(fail(error, words), qtbot) == []
        assert len(errors(messages)) == number + 1  # all of which napari remembers, some with their traceback


def test_memory_comes_back_when_a_stack_was_worked_on(viewer: Viewer, tiny: np.ndarray, finish, qtbot) -> None:
    panel = StackWidget(viewer)
    viewer.window.add_dock_widget(panel, name="stacks")
    panel.method.value, panel.upscaler.value = "spectral", "inverse"

    def work() -> dict[str, Callable[[], Any]]:
        pixels = np.stack([tiny, tiny[::-1]]).view(Pixels)
        panel.image.value = image = viewer.add_image(pixels, name="stack")
        panel.run()
        seen = {"run": weakref.ref(panel._run), "pixels": weakref.ref(pixels), "image": weakref.ref(image)}
        finish(panel)
        seen |= {layer.name: weakref.ref(layer) for layer in viewer.layers}
        viewer.layers.clear()
        return seen

    assert live_ones(work(), qtbot) == []
