"""What can be seen, in windows that are really drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from napari import Viewer
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QScrollArea

from napari_kernelgan.plugin.layers import COLORMAP
from napari_kernelgan.plugin.widget import KernelGANWidget

from .seen import assert_seen, parts_of
from .short import FAST, FAST_ZSSR, TIMEOUT, configure

pytestmark = pytest.mark.gl


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1400, 860)
    return viewer


@pytest.fixture
def panel(window: Viewer, qtbot) -> KernelGANWidget:
    _, widget = window.window.add_plugin_dock_widget("napari-kernelgan")
    configure(widget, FAST, FAST_ZSSR)
    qtbot.wait(300)  # for the layout to settle, on which the view depends
    return widget


def picture(viewer: Viewer, qtbot) -> np.ndarray:
    qtbot.wait(100)
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)


def test_the_kernel_is_seen_beside_the_image(window: Viewer, panel: KernelGANWidget, small: np.ndarray, qtbot, finish) -> None:
    window.add_image(np.where(small > 100, 255, 0).astype(np.uint8), name="cells")  # black and white only
    picture(window, qtbot)
    panel.estimate()
    finish(panel)
    seen = picture(window, qtbot)
    orange = ensure_colormap(COLORMAP).map(np.array([0.75]))[0, :3] * 255  # a colour that no gray image has
    kernel = np.nonzero((np.abs(seen - orange).max(-1) < 60).any(0))[0]
    image = np.nonzero((seen.min(-1) > 250).any(0))[0]
    assert len(kernel) > 5
    assert kernel.min() > image.max()  # to the right of everything of the image


def test_a_view_of_a_detail_is_left_alone(window: Viewer, panel: KernelGANWidget, small: np.ndarray, qtbot, finish) -> None:
    window.add_image(small, name="cells")
    window.scene.camera.zoom *= 3
    picture(window, qtbot)
    before = window.scene.camera.center, window.scene.camera.zoom
    panel.estimate()
    finish(panel)
    assert (window.scene.camera.center, window.scene.camera.zoom) == before


def test_the_upscaled_image_is_drawn_where_the_image_is(window: Viewer, panel: KernelGANWidget, small: np.ndarray, qtbot, finish) -> None:
    panel.upscaler.value = "bicubic"
    panel.live_view.wanted.value = False  # its words change the panel's width
    image = window.add_image(small, name="cells", scale=(2, 1), rotate=20, shear=[0.3], contrast_limits=(0, 255))
    panel.upscale()
    finish(panel)
    upscaled = window.layers["cells x2"]
    image.visible, upscaled.visible = True, False
    expected = picture(window, qtbot)
    image.visible, upscaled.visible = False, True
    same = np.abs(picture(window, qtbot) - expected).mean()
    upscaled.translate = image.translate  # as if the centres of the first pixels, not their edges, lay on each other
    off = np.abs(picture(window, qtbot) - expected).mean()
    assert same < 0.7 * off


def test_the_kernel_is_seen_though_a_dock_hides_some_of_the_image(window: Viewer, small: np.ndarray, qtbot, finish) -> None:
    window.add_image(small, name="cells")
    picture(window, qtbot)
    window.scene.camera.zoom *= 1.3
    _, panel = window.window.add_plugin_dock_widget("napari-kernelgan")
    qtbot.wait(300)
    panel.estimate()
    finish(panel)
    picture(window, qtbot)
    for layer in window.layers:
        first, last = layer.corner_pixels
        assert (first.tolist(), last.tolist()) == ([0, 0], [n - 1 for n in layer.data.shape])


@pytest.mark.parametrize("width", [None, 300])
def test_nothing_in_the_panel_is_cut_off(
    window: Viewer, panel: KernelGANWidget, small: np.ndarray, qtbot, finish, width: int | None
) -> None:
    window.add_image(small, name="cells_" * 20, scale=(0.2, 0.2), units=("µm", "µm"))
    if width:
        window.window._qt_window.resize(1400, 1000)  # more lines are needed there, for which the panel would scroll
        dock = next(each for each in window.window._qt_window.findChildren(QDockWidget) if each.isAncestorOf(panel.native))
        window.window._qt_window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
    panel.run_both()
    finish(panel)
    qtbot.waitUntil(lambda: "FWHM" in panel.live_view.words.value, timeout=TIMEOUT)  # and doubts, since the image is small
    qtbot.wait(200)
    parts = parts_of(panel.native)
    assert len(parts) > 10
    for part in (*parts, panel.kernel_view.picture.native):
        assert_seen(part, qtbot)
    assert panel.native.height() <= window.window._qt_window.height()
    assert panel.native.width() < (width + 30 if width else 400)


def test_on_a_low_screen_the_panel_scrolls(window: Viewer, panel: KernelGANWidget, small: np.ndarray, qtbot) -> None:
    window.window._qt_window.resize(1000, 600)
    window.add_image(small, name="cells")
    qtbot.waitUntil(lambda: "FWHM" in panel.live_view.words.value, timeout=TIMEOUT)
    qtbot.wait(200)
    (area,) = [area for area in panel.native.findChildren(QScrollArea) if area.isVisible()]
    assert panel.native.height() < 600
    assert area.verticalScrollBar().maximum() > 0
    for part in parts_of(panel.native):
        assert_seen(part, qtbot)
    assert area.widget().width() <= area.viewport().width()  # to the side nothing is hidden
