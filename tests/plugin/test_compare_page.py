"""The page for comparing, docked in real viewers."""

from __future__ import annotations

import csv
import gc
import io
import subprocess
import sys
import textwrap
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import imageio.v3 as imageio
import numpy as np
import pytest
from magicgui.widgets import Container
from napari import Viewer
from napari.layers import Shapes
from numpy.testing import assert_allclose
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QLabel, QTabWidget, QWidget

from napari_kernelgan.assess.line import line_profile, line_profiles
from napari_kernelgan.plugin.compare_page import BLINK, CURTAIN, OFF, ComparePage
from napari_kernelgan.plugin.lines import line_of, pixel_matrix

from .pairs import HEIGHT, WIDTH, add_pair, drag, fit, on_canvas

AFFINE = np.array([[0, 2, 5], [-2, 0, 9], [0, 0, 1]])
LINE = np.array([[5.0, 7.0], [30.0, 50.0]])


@pytest.fixture
def page(viewer: Viewer) -> ComparePage:
    page = ComparePage(viewer)
    viewer.window.add_dock_widget(page, name="Compare")
    return page


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer], qtbot) -> Viewer:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1300, 900)
    qtbot.wait(200)
    return viewer


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


# choices


def test_the_latest_upscale_is_chosen_with_its_image(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray) -> None:
    assert (page.before.value, page.after.value) == (None, None)
    first = add_pair(viewer, dark, bright, name="first")
    assert (page.before.value, page.after.value) == first
    second = add_pair(viewer, dark, bright, name="second")
    viewer.add_image(dark, name="other")
    assert (page.before.value, page.after.value) == second
    first[0].name = "renamed"
    page.after.value = first[1]
    assert page.before.value is first[0]  # found by its id, whatever it is called
    page.before.value = viewer.layers["other"]  # by hand
    assert page.after.value is first[1]
    viewer.add_points([[1, 1]])
    assert page.before.value is viewer.layers["other"]
    page.choose(*second)
    assert (page.before.value, page.after.value) == second


def test_an_upscale_whose_image_is_gone_leaves_the_choice(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright)
    other = viewer.add_image(dark, name="other")
    viewer.layers.remove(before)
    page.before.value = other
    page.mode.value = CURTAIN
    assert names(viewer) == ["cells x2", "other", "other curtain"] or names(viewer) == ["cells x2", "other curtain", "other"]
    viewer.layers.remove(after)
    QApplication.processEvents()
    assert names(viewer) == ["other"]
    assert (page.after.value, page.mode.value) == (None, OFF)


def test_while_one_is_compared_a_new_upscale_is_not_chosen(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray) -> None:
    first = add_pair(viewer, dark, bright, name="first")
    page.mode.value = CURTAIN
    add_pair(viewer, dark, bright, name="second")
    assert page.after.value is first[1]
    assert "first curtain" in names(viewer)
    page.after.value = viewer.layers["second x2"]
    assert "second curtain" in names(viewer)
    assert "first curtain" not in names(viewer)
    assert page.mode.value == CURTAIN
    page.end()
    assert names(viewer) == ["first", "first x2", "second", "second x2"]
    assert all(layer.visible for layer in viewer.layers)


# modes


def test_modes(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    add_pair(viewer, dark, bright)
    page.mode.value = CURTAIN
    layer = viewer.layers["cells curtain"]
    assert layer.data.shape == (HEIGHT, WIDTH // 2)
    assert page.status.value == "Left of the edge: cells. Right: cells x2."
    page.position.value = 25
    assert layer.data.shape == (HEIGHT, WIDTH // 4)
    page.interpolation.value = "bicubic"
    assert layer.data.shape == (2 * HEIGHT, WIDTH // 2)
    page.interpolation.value = "nearest"
    page.period.value = 0.2
    page.mode.value = BLINK
    assert [name for name in names(viewer) if "curtain" in name] == ["cells curtain"]  # never both
    assert layer.data.shape == (HEIGHT, WIDTH)
    seen = set()
    for _ in range(12):
        qtbot.wait(50)
        seen.add((layer.visible, page.status.value))
    assert seen == {(True, "Now in sight: cells."), (False, "Now in sight: cells x2.")}
    page.mode.value = CURTAIN
    assert layer.data.shape == (HEIGHT, WIDTH // 4)
    assert layer.visible
    page.mode.value = OFF
    assert names(viewer) == ["cells", "cells x2"]
    assert page.status.value == ""


def test_only_what_the_mode_calls_for_is_shown(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray) -> None:
    add_pair(viewer, dark, bright)
    for mode, shown in ((CURTAIN, (True, False)), (BLINK, (False, True)), (OFF, (False, False))):
        page.mode.value = mode
        hidden = [each.native.isHidden() for each in (page.position, page.period)]
        assert tuple(not each for each in hidden) == shown


@pytest.mark.gl
def test_dragging_the_edge_moves_the_slider(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    page = ComparePage(window)
    window.window.add_dock_widget(page, name="Compare")
    before, _ = add_pair(window, dark, bright)
    page.mode.value = CURTAIN
    fit(window, qtbot)
    drag(window, qtbot, on_canvas(window, before, (20, 29.5)), on_canvas(window, before, (20, 44.5)))
    assert page.position.value == pytest.approx(75, abs=2)
    assert window.layers["cells curtain"].data.shape[1] == pytest.approx(45, abs=1)
    page.end()


def test_why_not_is_told(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, messages: list[str]) -> None:
    page.mode.value = CURTAIN
    assert "no upscaled layer" in page.status.value
    assert page.mode.value == OFF
    add_pair(viewer, np.stack([dark, dark]), np.stack([bright, bright]))
    other = viewer.add_image(dark, name="other")
    page.before.value = other
    page.mode.value = BLINK
    assert "is no upscale of 'other'" in page.status.value
    assert page.mode.value == OFF
    page.before.value = viewer.layers["cells"]
    viewer.dims.ndisplay = 3
    page.mode.value = CURTAIN
    assert "2-D" in page.status.value
    viewer.dims.ndisplay = 2
    page.mode.value = CURTAIN
    assert page.mode.value == CURTAIN
    viewer.dims.ndisplay = 3
    assert page.status.value.startswith("The comparison has ended. The viewer shows a volume")
    assert page.mode.value == OFF
    viewer.dims.ndisplay = 2
    page.mode.value = CURTAIN
    viewer.layers.remove("cells curtain")
    assert "was removed" in page.status.value
    assert page.mode.value == OFF
    assert messages == []


# the end


def test_it_ends_with_the_dock(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray) -> None:
    add_pair(viewer, dark, bright)
    page.mode.value = BLINK
    viewer.window.remove_dock_widget(page.native)
    assert names(viewer) == ["cells", "cells x2"]
    assert page.mode.value == OFF


def test_it_ends_with_the_dock_that_it_is_in_as_a_tab(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    page, tabs = ComparePage(viewer), QTabWidget()
    tabs.addTab(page.native, "Compare")
    tabs.addTab(QWidget(), "Other")
    dock = viewer.window.add_dock_widget(tabs, name="Panel")
    add_pair(viewer, dark, bright)
    page.reset_choices()
    page.mode.value = CURTAIN
    tabs.setCurrentIndex(1)
    assert "cells curtain" in names(viewer)  # one may look at other tabs meanwhile
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: names(viewer) == ["cells", "cells x2"], timeout=2000)
    tabs.deleteLater()
    QApplication.processEvents()


def test_nothing_is_left_of_a_page(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    def callbacks() -> tuple:
        events = (*viewer.dims.events.emitters.values(), *viewer.layers.events.emitters.values(), viewer.events.theme)
        return [len(event.callbacks) for event in events], list(viewer.mouse_drag_callbacks), dict(viewer.keymap)

    add_pair(viewer, dark, bright)
    viewer.add_shapes([LINE], shape_type="line", name="line")
    page = ComparePage(viewer)
    page.native.show()
    calm = callbacks()
    page.lines.value = viewer.layers["line"]
    page.mode.value = BLINK
    qtbot.wait(200)
    assert page.plot.profiles is not None
    page.end()
    page.lines.value = None
    assert callbacks() == calm
    dead = [weakref.ref(page), weakref.ref(page.plot), weakref.ref(page._soon)]
    page.native.close()
    page.native.deleteLater()
    del page
    qtbot.wait(100)
    gc.collect()
    assert [each() for each in dead] == [None] * 3


def test_it_ends_with_the_window() -> None:
    """In a process of its own, since a window that the user closes takes its viewer along."""
    script = """
        import numpy as np
        from napari import Viewer
        from qtpy.QtTest import QTest
        from tests.plugin.pairs import add_pair
        from napari_kernelgan.plugin.compare_page import ComparePage

        viewer = Viewer(show=True, show_welcome_screen=False)
        page = ComparePage(viewer)
        viewer.window.add_dock_widget(page, name="Compare")
        before, after = add_pair(viewer, np.eye(40), np.eye(80))
        page.lines.value = viewer.add_shapes([[[1, 2], [30, 30]]], shape_type="line")
        page.period.value, page.mode.value = 0.2, "blink"
        QTest.qWait(300)
        curtain = page._curtain
        assert curtain.blinking
        viewer.window._qt_window.close()
        QTest.qWait(600)
        assert not curtain.blinking
        assert curtain._over
        assert not any("Curtain" in repr(callback) for callback in viewer.mouse_drag_callbacks)
        print("done")
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.strip() == "done", run.stderr
    assert "Traceback" not in run.stderr


# the line


def add_line(viewer: Viewer, page: ComparePage, qtbot, **options) -> Shapes:
    shapes = viewer.add_shapes([LINE], shape_type="line", name="line", **options)
    page.lines.value = shapes
    qtbot.waitUntil(lambda: page.plot.profiles is not None, timeout=5000)
    return shapes


def test_the_profiles_are_of_the_line(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, _ = add_pair(viewer, dark, bright, scale=(0.5, 0.25), units=("µm", "µm"))
    assert "Draw a line" in page.line_status.value
    assert page.plot.figure is None  # Matplotlib is not loaded for nothing
    add_line(viewer, page, qtbot, scale=before.scale, units=before.units)
    profiles = page.plot.profiles
    expected = line_profiles(dark, bright, *LINE, 2, pixel_size=(0.5, 0.25), unit="µm")
    for found, value in zip(profiles[:4], expected[:4], strict=True):
        assert_allclose(found, value, atol=1e-9)
    (axes,) = page.plot.figure.axes
    assert axes.get_xlabel() == "distance (µm)"
    assert axes.get_xlim()[1] == pytest.approx(np.hypot(25 * 0.5, 43 * 0.25))
    assert [line.get_label() for line in axes.lines] == ["input, nearest", "upscaled"]
    assert_allclose(axes.lines[0].get_ydata(), expected.nearest)
    page.interpolation.value = "bicubic"
    qtbot.waitUntil(lambda: axes.figure.axes[0].lines[0].get_label() == "input, bicubic", timeout=5000)
    assert_allclose(page.plot.figure.axes[0].lines[0].get_ydata(), expected.bicubic)
    page.line_width.value = 5
    wide = line_profile(bright, 2 * LINE[0] + 0.5, 2 * LINE[1] + 0.5, 9, pixel_size=(0.5, 0.25))[1]
    qtbot.waitUntil(lambda: not np.allclose(page.plot.profiles.upscaled, expected.upscaled), timeout=5000)
    assert_allclose(page.plot.profiles.upscaled, wide, atol=1e-9)


def test_it_follows_the_line_and_the_slider(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    low, high = np.stack([dark, dark[::-1], dark // 2]), np.stack([bright, bright[::-1], bright // 2])
    add_pair(viewer, low, high, scale=(3, 1, 1))
    viewer.dims.set_current_step(0, 0)
    shapes = add_line(viewer, page, qtbot)

    def settled(plane: int, line: np.ndarray) -> None:
        expected = line_profiles(low[plane], high[plane], *line).upscaled
        qtbot.waitUntil(lambda: len(page.plot.profiles.upscaled) == len(expected), timeout=5000)
        qtbot.waitUntil(lambda: np.allclose(page.plot.profiles.upscaled, expected), timeout=5000)

    settled(0, LINE)
    viewer.dims.set_current_step(0, 2)
    settled(2, LINE)
    shapes._data_view.shift(0, np.array([3, 4]))  # as a mouse does it: the data event comes when it is let go
    shapes.refresh()
    settled(2, LINE + [3, 4])
    other = np.array([[3, 50], [30, 10]])
    shapes.add_lines(other)
    settled(2, other)
    shapes.selected_data = {0}
    settled(2, LINE + [3, 4])
    viewer.layers["cells x2"].data = high = high // 3
    settled(2, LINE + [3, 4])
    viewer.layers["cells"].data = low = low // 3
    qtbot.wait(200)
    assert_allclose(page.plot.profiles.bicubic, line_profiles(low[2], high[2], *(LINE + [3, 4])).bicubic, atol=1e-6)


def test_it_does_not_draw_more_often_than_can_be_seen(
    viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, qtbot
) -> None:
    add_pair(viewer, dark, bright)
    shapes = add_line(viewer, page, qtbot)
    qtbot.wait(200)
    drawn = []
    draw = page.plot.draw
    page.plot.draw = lambda *given: (drawn.append(1), draw(*given))
    began = time.monotonic()
    for _ in range(30):
        shapes._data_view.shift(0, np.array([0.1, 0.1]))
        shapes.refresh()
        qtbot.wait(10)
    qtbot.wait(200)
    assert 2 <= len(drawn) <= 3 + (time.monotonic() - began) / 0.1  # on a busy machine all of it takes longer
    assert_allclose(page.plot.profiles.upscaled, line_profiles(dark, bright, *(LINE + 3)).upscaled, atol=0.05)  # and the last is not missed


@pytest.mark.parametrize(
    ("look", "says"),
    [
        (lambda viewer, shapes: setattr(shapes, "data", [LINE + 100]), "outside the image"),
        (lambda viewer, shapes: setattr(shapes, "data", [np.array([[3, 3], [3, 3]])]), "no length"),
        (lambda viewer, shapes: shapes.remove([0]), "holds no line"),
        (lambda viewer, shapes: setattr(viewer.dims, "ndisplay", 3), "shows a volume"),
        (lambda viewer, shapes: viewer.dims.set_current_step(0, 2), "does not hold the plane"),
        (lambda viewer, shapes: viewer.layers.remove("cells x2"), "no upscaled layer"),
        (lambda viewer, shapes: viewer.layers.remove("line"), "Draw a line"),
    ],
)
def test_why_there_are_no_profiles_is_told(
    viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, messages: list[str], qtbot, look: Callable, says: str
) -> None:
    add_pair(viewer, np.stack([dark] * 3), bright, plane=(1,))
    viewer.dims.set_current_step(0, 1)
    shapes = add_line(viewer, page, qtbot)
    assert page.csv_button.enabled
    look(viewer, shapes)
    qtbot.waitUntil(lambda: says in page.line_status.value, timeout=5000)
    assert page.plot.profiles is None
    assert not page.csv_button.enabled
    assert messages == []


@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize("placed", [{"scale": (2, 1), "rotate": 30, "shear": [0.3], "translate": (5, 9)}, {"affine": AFFINE}])
def test_a_line_is_where_it_is_drawn_wherever_the_image_lies(
    viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, qtbot, placed: dict, colours: bool
) -> None:
    low, high = (np.dstack([dark, dark // 2, dark]), np.dstack([bright] * 3)) if colours else (dark, bright)
    before, _ = add_pair(viewer, low, high, **placed)
    world = np.array([before.data_to_world(corner) for corner in LINE])
    shapes = viewer.add_shapes([world], shape_type="line")
    assert_allclose(line_of(shapes, before, ()), LINE, atol=1e-4)
    assert_allclose(np.linalg.norm(pixel_matrix(before) @ (LINE[1] - LINE[0])), np.linalg.norm(world[1] - world[0]), rtol=1e-5)
    page.lines.value = shapes
    qtbot.waitUntil(lambda: page.plot.profiles is not None, timeout=5000)
    assert page.plot.profiles.distance[-1] == pytest.approx(np.linalg.norm(world[1] - world[0]), rel=1e-5)
    assert page.plot.figure.axes[0].get_xlabel() == "distance (px of the input)"


@pytest.mark.gl
@pytest.mark.parametrize("stacked", [False, True])
def test_draw_a_line_lets_the_mouse_draw_it(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot, stacked: bool) -> None:
    page = ComparePage(window)
    window.window.add_dock_widget(page, name="Compare")
    page.draw_line()
    assert "no upscaled layer" in page.line_status.value
    low, high = (np.stack([dark] * 3), np.stack([bright] * 3)) if stacked else (dark, bright)
    before, _ = add_pair(window, low, high, scale=(4, 0.5, 0.25)[0 if stacked else 1 :], units=("µm",) * low.ndim)
    page.draw_line()
    shapes = window.layers["cells line"]
    assert window.layers.selection.active is shapes
    assert page.lines.value is shapes
    assert (shapes.mode, shapes.ndim) == ("add_line", 2)
    fit(window, qtbot)
    drag(window, qtbot, on_canvas(window, before, (10, 10)), on_canvas(window, before, (30, 45)))
    assert_allclose(line_of(shapes, before, (1,) if stacked else ()), [[10, 10], [30, 45]], atol=1.5)  # napari draws a little beyond
    qtbot.waitUntil(lambda: page.plot.profiles is not None, timeout=5000)
    assert page.plot.profiles.distance[-1] == pytest.approx(np.hypot(20 * 0.5, 35 * 0.25), rel=0.05)
    assert page.plot.profiles.unit == "µm"
    page.end()


# results


def test_profiles_are_copied_and_saved(
    viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, tmp_path: Path, qtbot
) -> None:
    add_pair(viewer, dark, bright)
    add_line(viewer, page, qtbot)
    page.copy()
    text = QApplication.clipboard().text()
    page.save_csv(tmp_path / "profiles.csv")
    assert (tmp_path / "profiles.csv").read_text() == text
    rows = list(csv.DictReader(io.StringIO(text)))
    expected = line_profiles(dark, bright, *LINE)
    assert_allclose([float(row["distance (px)"]) for row in rows], expected.distance, atol=1e-6)
    assert_allclose([float(row["upscaled"]) for row in rows], expected.upscaled, atol=1e-6)
    page.save_plot(tmp_path / "profiles.png")
    saved = imageio.imread(tmp_path / "profiles.png")[..., :3]
    assert saved.shape[:2] == (760, 1000)
    assert np.median(saved) == 255  # black on white, whatever the theme
    page.save_plot(tmp_path / "profiles.svg")
    assert ElementTree.parse(tmp_path / "profiles.svg").getroot().tag.endswith("svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["profiles.csv", "profiles.png", "profiles.svg"]


def test_the_plot_has_the_colours_of_the_theme(viewer: Viewer, page: ComparePage, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    add_pair(viewer, dark, bright)
    add_line(viewer, page, qtbot)
    papers = []
    for theme in ("dark", "light"):
        viewer.theme = theme
        papers.append(np.mean(page.plot.figure.get_facecolor()[:3]))
    assert papers[0] < 0.3
    assert papers[1] > 0.7


def test_every_control_says_what_it_does(page: ComparePage) -> None:
    controls = ("before", "after", "interpolation", "mode", "position", "period", "lines", "line_width")
    buttons = ("draw_button", "csv_button", "copy_button", "plot_button")
    assert all(len(getattr(page, name).tooltip) > 20 for name in controls + buttons)


def test_what_is_loaded_with_the_page() -> None:
    script = "import sys, napari_kernelgan.plugin.compare_page; print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.gl
@pytest.mark.parametrize("width", [380, 300])
@pytest.mark.parametrize("mode", [CURTAIN, BLINK])
def test_nothing_is_cut_off(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot, width: int, mode: str) -> None:
    page = ComparePage(window)
    dock: QDockWidget = window.window.add_dock_widget(page, name="Compare")
    add_pair(window, dark, bright, name="cells_" * 20)
    add_line(window, page, qtbot)
    page.mode.value = mode
    window.window._qt_window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
    qtbot.wait(300)
    assert page.native.width() <= width + 20
    widgets = [page.before, page.after, page.mode, page.position if mode == CURTAIN else page.period, page.lines, page.draw_button]
    for each in (*widgets, page.csv_button, page.copy_button, page.plot_button):
        native = each.native
        assert native.visibleRegion().boundingRect().size() == native.size()
        assert native.width() >= native.minimumSizeHint().width()
    for label in [label for label in page.native.findChildren(QLabel) if label.isVisible() and label.text()]:
        needed = label.heightForWidth(label.width()) if label.wordWrap() else label.sizeHint().height()
        assert label.height() >= needed, label.text()
        assert label.visibleRegion().boundingRect().size() == label.size(), label.text()
    assert page.plot.visibleRegion().boundingRect().size() == page.plot.size()
    page.end()


def test_it_can_be_a_page_of_a_container(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    page = ComparePage(viewer)
    panel = Container(widgets=[page], labels=False)
    viewer.window.add_dock_widget(panel, name="Panel")
    before, after = add_pair(viewer, dark, bright)
    assert (page.before.value, page.after.value) == (before, after)
    page.mode.value = CURTAIN
    viewer.window.remove_dock_widget(panel.native)
    QApplication.processEvents()
    page.end()
    assert names(viewer) == ["cells", "cells x2"]
    assert page.native.mapTo(panel.native, QPoint(0, 0)) is not None
