"""The live estimate in panels that are shown beside real viewers."""

from __future__ import annotations

import gc
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari import Viewer
from napari.layers import Image, Shapes
from qtpy.QtCore import QCoreApplication, QEvent, QTimer
from qtpy.QtWidgets import QApplication

import napari_kernelgan as kg
from napari_kernelgan.plugin import glance
from napari_kernelgan.plugin.live import Live
from napari_kernelgan.plugin.widget import WHOLE, KernelGANWidget

from .short import TIMEOUT

VARIANCES = (1.5, 3.5, 6.0)


@pytest.fixture
def panel(viewer: Viewer) -> Iterator[KernelGANWidget]:
    """The widget in a window of its own, which is shown; the viewer's is not."""
    widget = KernelGANWidget(viewer)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(widget.reset_choices)
    widget.native.show()
    yield widget
    widget.native.close()
    widget.native.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def stack(sharp: np.ndarray) -> np.ndarray:
    """One picture under three blurs, 3 x 256 x 256."""
    return np.stack([kg.degrade(sharp, kg.kernels.gaussian(variance)) for variance in VARIANCES])


@pytest.fixture
def settle(panel: KernelGANWidget, qtbot) -> Callable[[], str]:
    """Wait until everything is told, and give the text."""

    def wait() -> str:
        QApplication.processEvents()
        qtbot.waitUntil(lambda: not panel.live_view.live.busy, timeout=TIMEOUT)
        return panel.live_view.words.value

    return wait


def rectangle(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]]) - 0.5


def major(text: str) -> float:
    """The major width in pixels, which stand on a line of their own where there is a unit of length."""
    return float(re.search(r"^(?:FWHM|=) ([\d.]+) .*px", text, re.MULTILINE)[1])


def expected(image: np.ndarray, **options: int) -> float:
    return round(kg.estimate_kernel(image, method="spectral", **options).fwhm.major, 2)


# what is followed


def test_the_text_follows_the_slider_and_is_near_the_truth(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    viewer.add_image(stack, name="cells")
    for plane, variance in enumerate(VARIANCES):
        viewer.dims.set_current_step(0, plane)
        text = settle()
        assert text.startswith(f"Plane {plane}\nSR kernel (spectral, prior ")
        assert major(text) == expected(stack[plane])
        assert major(text) == pytest.approx(np.sqrt(8 * np.log(2) * variance), rel=0.15)
    assert any(level in text for level in ("reliable", "uncertain"))
    assert "PSF" in panel.live_view.words.tooltip


def test_it_follows_the_choice_of_image_and_scale(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    first = viewer.add_image(stack[0], name="first", scale=(0.2, 0.2), units=("µm", "µm"))
    viewer.add_image(stack[2], name="second")
    assert major(settle()) == expected(stack[2])
    panel.image.value = first
    assert major(text := settle()) == expected(stack[0])
    assert "µm" in text
    panel.scale.value = 3
    assert major(settle()) == expected(stack[0], scale=3)
    panel.size.unit.value = "nm"
    assert "nm" in settle()


def test_it_follows_the_pixels(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    image = viewer.add_image(stack[0].copy(), name="cells")
    settle()
    image.data = stack[1]
    assert major(settle()) == expected(stack[1])
    image.data[:] = stack[2]
    image.refresh()
    assert major(settle()) == expected(stack[2])


def test_it_follows_a_rectangle(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    blurs = np.concatenate([stack[0], stack[2]], axis=1)
    viewer.add_image(blurs, name="cells", scale=(2, 2))
    shapes = viewer.add_shapes([rectangle(10, 20, 210, 220)], shape_type="rectangle", scale=(2, 2))
    assert panel.region.current_choice == WHOLE
    panel.region.value = shapes
    assert major(text := settle()) == expected(blurs[10:210, 20:220])
    assert "Region of 200 × 200 px" in text
    shapes.data = [rectangle(10, 270, 210, 470)]  # moved
    assert major(settle()) == expected(blurs[10:210, 270:470])
    shapes.add_rectangles(rectangle(10, 20, 110, 120))
    assert major(settle()) == expected(blurs[10:110, 20:120])
    shapes.selected_data = {0}
    assert major(settle()) == expected(blurs[10:210, 270:470])
    shapes.translate = (0, -500)
    assert major(settle()) == expected(blurs[10:210, 20:220])
    shapes.remove([0, 1])
    assert "holds no rectangle" in settle()
    viewer.layers.remove(shapes)
    assert panel.region.current_choice == WHOLE
    assert major(settle()) == expected(blurs)


def test_a_rectangle_is_followed_while_it_is_dragged(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    viewer.add_image(stack[0], name="cells")
    shapes = viewer.add_shapes([rectangle(10, 20, 110, 120)], shape_type="rectangle")
    panel.region.value = shapes
    settle()
    shapes._data_view.shift(0, np.array([50, 60]))  # as a mouse does it: the data event comes when it is let go
    shapes.refresh()
    assert major(settle()) == expected(stack[0][60:160, 80:180])


# what cannot be estimated, and what can all the same


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        (rectangle(10, 20, 57, 220), "Region of 47 × 200 px\nA plane of 47 x 200 px is too small"),
        (rectangle(300, 0, 400, 100), "outside the image 'cells'"),
    ],
)
def test_regions_of_no_use_are_told(
    viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, messages: list[str], settle, corners: np.ndarray, says: str
) -> None:
    viewer.add_image(stack[0], name="cells")
    panel.region.value = viewer.add_shapes([corners], shape_type="rectangle")
    assert says in settle()
    assert messages == []


def test_a_volume_and_other_axes_are_told(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, messages: list[str], settle) -> None:
    viewer.add_image(stack, name="cells")
    viewer.dims.ndisplay = 3
    assert "shows a volume" in settle()
    viewer.dims.ndisplay = 2
    assert "FWHM" in settle()
    viewer.dims.order = (1, 0, 2)
    assert "shows other axes" in settle()
    viewer.dims.order = (0, 2, 1)  # transposed, but the same plane
    assert "FWHM" in settle()
    assert messages == []


def test_an_image_of_one_plane_may_be_seen_in_3d(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    viewer.add_image(stack[0], name="cells")
    viewer.dims.ndisplay = 3
    assert major(settle()) == expected(stack[0])


def test_of_multiscale_images_the_full_resolution_is_taken(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    viewer.add_image([stack[2], stack[2][::2, ::2]], multiscale=True)
    assert major(settle()) == expected(stack[2])


def test_of_huge_planes_the_middle_is_taken(
    viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "MOST", 100)
    viewer.add_image(stack[1], name="cells")
    text = settle()
    assert text.startswith("Middle of 100 × 100 px")
    assert major(text) == expected(stack[1][78:178, 78:178])


def test_errors_are_told_in_the_text_alone(viewer: Viewer, panel: KernelGANWidget, messages: list[str], settle) -> None:
    def breaks(block: np.ndarray, block_id: tuple[int, ...] = ()) -> np.ndarray:
        raise OSError("the disk is gone")

    lazy = da.zeros((2, 64, 64), chunks=(1, 64, 64)).map_blocks(breaks, dtype=float, meta=np.empty((0, 0, 0)))
    viewer.add_image(lazy, contrast_limits=(0, 1), visible=False)
    assert "the disk is gone" in settle()
    viewer.add_image(np.zeros((64, 64)), contrast_limits=(0, 1))
    assert "constant" in settle()
    viewer.add_image(np.full((64, 64), np.nan), contrast_limits=(0, 1))
    assert "No pixel" in settle()
    panel.size.pixel_width.value = 0
    assert "two positive numbers" in settle()
    assert messages == []


def test_without_an_image_nothing_is_told(viewer: Viewer, panel: KernelGANWidget, stack: np.ndarray, settle) -> None:
    assert settle() == ""
    viewer.add_image(stack[0])
    settle()
    viewer.layers.clear()
    assert settle() == ""


# when, and in which thread


class Reading:
    """A lazy stack that tells by whom it is read, and takes its time."""

    def __init__(self, stack: np.ndarray, seconds: float = 0.0) -> None:
        self.stack, self.seconds = stack, seconds
        self.planes: list[int] = []
        self.threads: set[threading.Thread] = set()
        self.at_once = self.most_at_once = 0

    def image(self) -> da.Array:
        shape = self.stack.shape
        return da.zeros(shape, chunks=(1, *shape[1:]), dtype=self.stack.dtype).map_blocks(
            self._read, dtype=self.stack.dtype, meta=np.empty((0, 0, 0), self.stack.dtype)
        )

    def _read(self, block: np.ndarray, block_id: tuple[int, ...] = ()) -> np.ndarray:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.planes.append(block_id[0])
        self.threads.add(threading.current_thread())
        time.sleep(self.seconds)
        self.at_once -= 1
        return self.stack[block_id[0]][None]


@pytest.fixture
def slow(viewer: Viewer, stack: np.ndarray) -> Reading:
    """Planes that take a while to read, in a layer that napari itself does not read."""
    reading = Reading(stack, 0.3)
    viewer.add_image(reading.image(), name="cells", contrast_limits=(0, 255), visible=False)
    return reading


def test_lazy_planes_are_read_in_the_thread_only_the_one_seen_and_the_window_lives(
    viewer: Viewer, panel: KernelGANWidget, slow: Reading, qtbot
) -> None:
    qtbot.waitUntil(lambda: not panel.live_view.live.busy, timeout=TIMEOUT)
    slow.planes.clear()
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(5)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: not panel.live_view.live.busy, timeout=TIMEOUT)
    timer.stop()
    assert slow.planes == [2]
    assert threading.main_thread() not in slow.threads
    assert ticks[-1] - ticks[0] > slow.seconds
    assert np.diff(ticks).max() < slow.seconds / 2  # on a busy machine; 10 ms on one that is not


def test_the_latest_request_wins_and_there_are_never_two_at_once(viewer: Viewer, panel: KernelGANWidget, slow: Reading, qtbot) -> None:
    said: list[str] = []
    panel.live_view.live.told.connect(lambda words: said.append(words.text))
    for plane in (0, 2, 0, 1, 2, 0, 2):
        viewer.dims.set_current_step(0, plane)
        qtbot.wait(100)
    qtbot.waitUntil(lambda: not panel.live_view.live.busy, timeout=TIMEOUT)
    assert panel.live_view.words.value.startswith("Plane 2\nSR kernel")
    assert slow.most_at_once == 1
    assert len(slow.planes) < 7
    assert sum("FWHM" in text for text in said) <= len(slow.planes)


def test_what_takes_long_is_announced(viewer: Viewer, panel: KernelGANWidget, slow: Reading, qtbot) -> None:
    slow.seconds = 1.0
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: panel.live_view.words.value == "Estimating ...", timeout=TIMEOUT)
    qtbot.waitUntil(lambda: panel.live_view.words.value.startswith("Plane 2\nSR kernel"), timeout=TIMEOUT)


def test_what_was_glanced_at_is_not_estimated_again(viewer: Viewer, panel: KernelGANWidget, slow: Reading, settle) -> None:
    settle()
    slow.planes.clear()
    shapes = viewer.add_shapes([rectangle(0, 0, 256, 256)], shape_type="rectangle")
    shapes.visible = False
    panel.live_view.live.request()
    viewer.scene.camera.zoom *= 2
    settle()
    assert slow.planes == []


def test_nothing_is_read_while_it_is_off_or_the_panel_is_hidden(viewer: Viewer, panel: KernelGANWidget, slow: Reading, settle) -> None:
    assert "FWHM" in settle()
    slow.planes.clear()
    panel.live_view.wanted.value = False
    viewer.dims.set_current_step(0, 0)
    assert settle() == ""
    panel.live_view.wanted.value = True
    assert settle().startswith("Plane 0")
    panel.native.hide()
    viewer.dims.set_current_step(0, 2)
    settle()
    assert slow.planes == [0]
    panel.native.show()
    assert settle().startswith("Plane 2")
    assert slow.planes == [0, 2]


def test_in_a_docked_panel_that_nobody_sees_nothing_is_estimated(viewer: Viewer, widget: KernelGANWidget, stack: np.ndarray) -> None:
    viewer.add_image(stack)
    assert not widget.live_view.live.listening
    assert not widget.live_view.live.busy


# ends


def callbacks(*emitters: Any) -> int:
    """How many of these events the live estimate follows; napari holds methods as weak references to their objects."""
    held = [each[0]() for emitter in emitters for each in emitter.callbacks if isinstance(each, tuple)]
    return sum(isinstance(owner, Live) for owner in held)


def test_the_image_may_be_removed_while_it_is_read(
    viewer: Viewer, panel: KernelGANWidget, slow: Reading, messages: list[str], qtbot
) -> None:
    layer: Image | None = viewer.layers["cells"]
    qtbot.waitUntil(lambda: bool(slow.planes), timeout=TIMEOUT)
    emitters = [layer.events.data, layer.events.set_data]
    assert callbacks(*emitters) == 2
    viewer.layers.remove(layer)
    assert callbacks(*emitters) == 0
    qtbot.waitUntil(lambda: not panel.live_view.live.busy, timeout=TIMEOUT)
    assert panel.live_view.words.value == ""
    assert messages == []
    alive = weakref.ref(layer)
    del layer, emitters
    gc.collect()
    assert alive() is None


def test_the_shapes_may_be_removed_while_it_estimates(
    viewer: Viewer, panel: KernelGANWidget, slow: Reading, messages: list[str], settle, qtbot
) -> None:
    shapes: Shapes = viewer.add_shapes([rectangle(10, 20, 210, 220)], shape_type="rectangle")
    panel.region.value = shapes
    qtbot.waitUntil(lambda: bool(slow.planes), timeout=TIMEOUT)
    assert callbacks(shapes.events.data, shapes.events.set_data, shapes.events.highlight) == 3
    viewer.layers.remove(shapes)
    assert callbacks(shapes.events.data, shapes.events.set_data, shapes.events.highlight) == 0
    assert "Region" not in settle()
    assert messages == []


def test_the_panel_may_be_closed_while_it_estimates_and_leaves_nothing(
    viewer: Viewer, stack: np.ndarray, messages: list[str], qtbot
) -> None:
    reading = Reading(stack, 0.3)
    viewer.add_image(reading.image(), name="cells", contrast_limits=(0, 255), visible=False)
    widget = KernelGANWidget(viewer)
    widget.native.show()
    qtbot.waitUntil(lambda: bool(reading.planes), timeout=TIMEOUT)
    alive = [weakref.ref(widget), weakref.ref(widget.live_view.live)]
    assert callbacks(viewer.dims.events.point) == 1
    widget.native.close()
    assert callbacks(viewer.dims.events.point) == 0
    widget.native.deleteLater()
    del widget
    QApplication.processEvents()
    qtbot.waitUntil(lambda: not any("live" in thread.name for thread in threading.enumerate()), timeout=TIMEOUT)
    viewer.dims.set_current_step(0, 0)
    gc.collect()
    assert [ref() for ref in alive] == [None, None]
    assert reading.planes == [1]
    assert messages == []


def test_the_panel_may_be_destroyed_while_it_is_shown(viewer: Viewer, stack: np.ndarray, messages: list[str]) -> None:
    image = viewer.add_image(stack, name="cells")
    widget = KernelGANWidget(viewer)
    widget.native.show()
    QApplication.processEvents()
    assert widget.live_view.live.listening
    widget.native.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not widget.live_view.live.listening
    viewer.dims.set_current_step(0, 0)
    image.data = stack[::-1]
    assert messages == []


@pytest.mark.gl
def test_the_window_may_be_closed_while_it_estimates(
    make_napari_viewer: Callable[..., Viewer], stack: np.ndarray, messages: list[str], qtbot
) -> None:
    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-kernelgan")
    reading = Reading(stack, 0.3)
    viewer.add_image(reading.image(), name="cells", contrast_limits=(0, 255), visible=False)
    qtbot.waitUntil(lambda: bool(reading.planes), timeout=TIMEOUT)
    viewer.close()
    qtbot.waitUntil(lambda: not any("live" in thread.name for thread in threading.enumerate()), timeout=TIMEOUT)
    assert not widget.live_view.live.listening
    assert messages == []
