"""The curtain and the blink, in real viewers, with a real mouse."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari import Viewer
from napari.experimental import link_layers, unlink_layers
from napari.layers import Image
from napari.layers.utils._link_layers import get_linked_layers
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

import napari_kernelgan as kg
from napari_kernelgan.plugin.curtain import Curtain
from napari_kernelgan.plugin.pair import LayerPair
from napari_kernelgan.plugin.records import is_picture
from napari_kernelgan.plugin.widget import KernelGANWidget

from .pairs import HEIGHT, WIDTH, add_pair, canvas, drag, fit, in_layer, on_canvas, picture

PLACED = {
    "plain": {},
    "oblong, in micrometres": {"scale": (0.5, 0.25), "units": ("µm", "µm"), "translate": (7, -3)},
    "turned and sheared": {"rotate": 30, "shear": [0.3], "scale": (2, 1)},
    "turned by an affine": {"affine": np.array([[0, 1, 5], [-1, 0, 2], [0, 0, 1.0]])},
}


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer], qtbot) -> Viewer:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1100, 800)
    qtbot.wait(200)
    return viewer


def curtain_of(viewer: Viewer, before: Image, after: Image, interpolation: str = "nearest") -> Curtain:
    return Curtain(viewer, LayerPair.of(before, after), interpolation)


def shown_alone(viewer: Viewer, layer: Image, qtbot: Any) -> np.ndarray:
    seen = {each: each.visible for each in viewer.layers}
    for each in viewer.layers:
        each.visible = each is layer
    alone = picture(viewer, qtbot)
    for each, visible in seen.items():
        each.visible = visible
    return alone


def at_rest(viewer: Viewer) -> tuple[Any, ...]:
    """All that a comparison may leave behind."""
    events = (viewer.layers.events.removed, viewer.dims.events.ndisplay, viewer.dims.events.order, viewer.canvas.grid.events.enabled)
    return (
        [layer.name for layer in viewer.layers],
        [(layer.visible, layer.opacity) for layer in viewer.layers],
        set(viewer.layers.selection),
        viewer.layers.selection.active,
        list(viewer.mouse_drag_callbacks),
        list(viewer.mouse_move_callbacks),
        dict(viewer.keymap),
        viewer.scene.camera.mouse_pan,
        viewer.cursor.style,
        [len(event.callbacks) for event in events],
        [get_linked_layers(layer) for layer in viewer.layers],
        [{name: len(event.callbacks) for name, event in layer.events.emitters.items()} for layer in viewer.layers],
    )


# what is seen


def alike(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> bool:
    """Whether pictures are the same, but for pixels of the screen on the border of two pixels, which rounding gives to either."""
    return bool((np.abs(one - other)[where].max(-1) <= 1).mean() > 0.995)


def check_both_sides(viewer: Viewer, before: Image, after: Image, qtbot: Any, percent: float = 40) -> None:
    """Left of the edge the canvas shows the image, right of it the upscale; before and after, neither is changed."""
    fit(viewer, qtbot)
    left, right = shown_alone(viewer, before, qtbot), shown_alone(viewer, after, qtbot)
    curtain = curtain_of(viewer, before, after)
    curtain.draw(percent)
    seen = picture(viewer, qtbot)
    y, x = in_layer(viewer, before)
    height, width = before.extent.data[1][-2:] + 1
    edge = round(percent / 100 * width) - 0.5
    inside = (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)  # the frame lies around them
    on_left, on_right = inside & (x < edge - 1), inside & (x > edge + 1)
    assert np.abs(left - right)[inside].max(-1).mean() > 20  # that one can tell them apart
    assert alike(seen, left, on_left)
    assert alike(seen, right, on_right)
    assert on_left.sum() > 1000
    assert on_right.sum() > 1000
    curtain.end()
    assert alike(picture(viewer, qtbot), right, inside)


@pytest.mark.gl
@pytest.mark.parametrize("placed", PLACED)
def test_the_image_is_seen_left_of_the_edge_and_the_upscale_right_of_it(
    window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot, placed: str
) -> None:
    check_both_sides(window, *add_pair(window, dark, bright, **PLACED[placed], contrast_limits=(0, 255)), qtbot)


@pytest.mark.gl
def test_colours(window: Viewer, rng: np.random.Generator, qtbot) -> None:
    low, high = rng.integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8), rng.integers(0, 255, (2 * HEIGHT, 2 * WIDTH, 3), np.uint8)
    check_both_sides(window, *add_pair(window, low, high), qtbot)


@pytest.mark.gl
def test_one_plane_of_a_stack(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    stack = np.stack([dark // 2, dark, dark // 4])
    before, after = add_pair(window, stack, bright, plane=(1,), scale=(4, 0.5, 0.5), contrast_limits=(0, 255))
    window.dims.set_current_step(0, 1)
    assert after.data.shape == (1, 2 * HEIGHT, 2 * WIDTH)
    check_both_sides(window, before, after, qtbot)


@pytest.mark.gl
def test_a_whole_stack_follows_the_slider(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, after = add_pair(
        window, np.stack([dark // 2, dark])[:, None], np.stack([bright // 2, bright])[:, None], contrast_limits=(0, 255)
    )
    for plane in (0, 1):
        window.dims.set_current_step(0, plane)
        check_both_sides(window, before, after, qtbot)


@pytest.mark.gl
def test_of_multiscale_images_the_full_resolution_is_seen(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    levels = [dark, dark[::2, ::2], dark[::4, ::4]]
    before, after = add_pair(window, levels, bright, multiscale=True, contrast_limits=(0, 255))
    fit(window, qtbot)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    assert curtain.layer.data.shape == (HEIGHT, WIDTH // 2)
    assert np.shares_memory(curtain.layer.data, dark)
    check = picture(window, qtbot)
    y, x = (np.rint(each).astype(int) for each in in_layer(window, before))
    inside = (y > 0) & (y < HEIGHT - 1) & (x > 0) & (x < WIDTH // 2 - 1)
    assert np.abs(check[inside][:, 0] - dark[y[inside], x[inside]]).mean() < 2
    curtain.end()


@pytest.mark.gl
@pytest.mark.parametrize("colours", [False, True])
def test_bicubic_is_as_in_upscaling(window: Viewer, small: np.ndarray, bright: np.ndarray, qtbot, colours: bool) -> None:
    low, high = small[:HEIGHT, :WIDTH], bright
    if colours:
        low, high = np.dstack([low, low[::-1], low // 2]), np.dstack([bright] * 3)
    before, after = add_pair(window, low, high, scale=(2, 1), translate=(5, 7), contrast_limits=None if colours else (0, 255))
    enlarged = window.add_image(kg.upscale(low, None, 2, "bicubic"), scale=after.scale, translate=after.translate, contrast_limits=(0, 255))
    fit(window, qtbot)
    expected, right, nearest = (shown_alone(window, layer, qtbot) for layer in (enlarged, after, before))
    curtain = curtain_of(window, before, after, "bicubic")
    curtain.draw(50)
    seen = picture(window, qtbot)
    y, x = in_layer(window, before)
    inside = (y > 0) & (y < HEIGHT - 1)
    on_left, on_right = inside & (x > 0) & (x < WIDTH / 2 - 1), inside & (x > WIDTH / 2) & (x < WIDTH - 1)
    assert alike(seen, expected, on_left)
    assert alike(seen, right, on_right)
    assert not alike(seen, nearest, on_left)
    curtain.interpolation = "nearest"
    assert alike(picture(window, qtbot), nearest, on_left)
    curtain.interpolation = "bicubic"
    assert alike(picture(window, qtbot), expected, on_left)
    curtain.end()


@pytest.mark.gl
def test_the_edge_is_a_thin_line_of_its_own_colour(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, after = add_pair(window, dark, bright, contrast_limits=(0, 255))
    fit(window, qtbot)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    seen = picture(window, qtbot)
    at = on_canvas(window, before, (HEIGHT / 2, WIDTH / 2 - 0.5))
    amber = np.flatnonzero(np.abs(seen[at.y()] - [255, 176, 0]).max(-1) < 60)
    middle = amber[np.abs(amber - at.x()) < 10]
    assert 1 <= len(middle) <= 4
    assert abs(middle.mean() - at.x()) <= 1.5
    curtain.end()


# no copies


def test_pixels_are_not_copied_and_lazy_ones_not_read(viewer: Viewer, rng: np.random.Generator) -> None:
    stack = rng.random((3, HEIGHT, WIDTH)).astype(np.float32)
    before, after = add_pair(viewer, stack, np.zeros((3, 2 * HEIGHT, 2 * WIDTH), np.float32), contrast_limits=(0, 1))
    curtain = curtain_of(viewer, before, after)
    curtain.draw(25)
    assert curtain.layer.data.shape == (3, HEIGHT, WIDTH // 4)
    assert np.shares_memory(curtain.layer.data, stack)
    curtain.end()

    read = []

    def load(block_info: Any = None) -> np.ndarray:
        read.append(block_info[None]["chunk-location"][0])
        return stack[block_info[None]["chunk-location"][0]][None]

    lazy = da.map_blocks(load, chunks=((1, 1, 1), HEIGHT, WIDTH), dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))
    before, after = add_pair(viewer, lazy, np.zeros((3, 2 * HEIGHT, 2 * WIDTH), np.float32), contrast_limits=(0, 1))
    viewer.dims.set_current_step(0, 1)
    read.clear()
    curtain = curtain_of(viewer, before, after)
    curtain.draw(25)
    assert isinstance(curtain.layer.data, da.Array)
    curtain.interpolation = "bicubic"
    assert isinstance(curtain.layer.data, da.Array)
    assert set(read) <= {1}  # of the planes that are not seen, none
    expected = kg.upscale(stack, None, 2, "bicubic")[..., : WIDTH // 2]
    np.testing.assert_allclose(curtain.layer.data.compute(), expected, atol=1e-6)
    curtain.interpolation = "nearest"
    np.testing.assert_array_equal(curtain.layer.data.compute(), stack[..., : WIDTH // 4])
    curtain.end()


def test_its_layer_is_not_offered_for_work(viewer: Viewer, widget: KernelGANWidget, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright)
    viewer.layers.selection.active = after
    widget.image.value = before  # by hand, whatever layer is active
    curtain = curtain_of(viewer, before, after)
    curtain.draw(50)
    assert not is_picture(curtain.layer)
    assert curtain.layer not in widget.image.choices
    assert widget.image.value is before
    viewer.layers.selection.active = curtain.layer
    assert widget.image.value is before
    curtain.end()


# the mouse


@pytest.mark.gl
@pytest.mark.parametrize("placed", PLACED)
def test_the_edge_is_dragged(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot, placed: str) -> None:
    before, after = add_pair(window, dark, bright, **PLACED[placed])
    fit(window, qtbot)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    told: list[float] = []
    curtain.moved.connect(told.append)
    camera = window.scene.camera
    centre = camera.center
    start = on_canvas(window, before, (20, 29.5))
    drag(window, qtbot, start, on_canvas(window, before, (20, 41.5)))
    assert curtain.percent == pytest.approx(100 * 42 / WIDTH, abs=100 / WIDTH)
    assert told[-1] == curtain.percent
    assert told == sorted(told)  # it goes along with the mouse
    assert len(set(told)) > 2
    assert camera.center == centre
    assert camera.mouse_pan
    drag(window, qtbot, on_canvas(window, before, (20, told[-1] / 100 * WIDTH - 0.5)), on_canvas(window, before, (20, -30)))
    assert curtain.percent == 0
    assert not curtain.layer.visible
    drag(window, qtbot, on_canvas(window, before, (20, -0.5)), on_canvas(window, before, (20, 10)))  # and back again
    assert curtain.percent == pytest.approx(100 * 10.5 / WIDTH, abs=100 / WIDTH)
    curtain.end()


@pytest.mark.gl
def test_away_from_the_edge_the_mouse_pans(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, after = add_pair(window, dark, bright)
    fit(window, qtbot)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    centre, start = window.scene.camera.center, on_canvas(window, before, (20, 29.5))
    drag(window, qtbot, start + QPoint(14, 0), start + QPoint(74, 0))
    assert window.scene.camera.center != centre
    assert curtain.percent == 50
    above = on_canvas(window, before, (-3, 29.5))
    drag(window, qtbot, above, above + QPoint(60, 0))
    assert curtain.percent == 50
    curtain.end()


@pytest.mark.gl
def test_a_tool_of_a_layer_goes_first(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, after = add_pair(window, dark, bright)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    shapes = window.add_shapes()
    shapes.mode = "add_line"
    fit(window, qtbot)
    drag(window, qtbot, on_canvas(window, before, (20, 29.5)), on_canvas(window, before, (30, 45)))
    assert curtain.percent == 50
    assert shapes.nshapes == 1
    assert not window.scene.camera.mouse_pan  # the tool's doing
    QTest.keyPress(canvas(window), Qt.Key.Key_Space)  # napari puts the tool aside
    drag(window, qtbot, on_canvas(window, before, (20, 29.5)), on_canvas(window, before, (20, 41.5)), let_go=False)
    assert curtain.percent == pytest.approx(70, abs=2)
    QTest.keyRelease(canvas(window), Qt.Key.Key_Space)  # and takes it up again
    QTest.mouseRelease(canvas(window), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, on_canvas(window, before, (20, 41.5)))
    qtbot.wait(50)
    assert shapes.mode == "add_line"
    assert not window.scene.camera.mouse_pan
    assert shapes.nshapes == 1
    curtain.end()


@pytest.mark.gl
@pytest.mark.parametrize("how", ["end", "remove"])
def test_the_camera_pans_again_when_it_ends_under_the_mouse(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot, how: str) -> None:
    before, after = add_pair(window, dark, bright)
    fit(window, qtbot)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    start = on_canvas(window, before, (20, 29.5))
    drag(window, qtbot, start, start + QPoint(50, 0), let_go=False)
    assert not window.scene.camera.mouse_pan
    curtain.end() if how == "end" else window.layers.remove(after)
    assert window.scene.camera.mouse_pan
    QTest.mouseMove(canvas(window), start + QPoint(90, 0))
    QTest.mouseRelease(canvas(window), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(90, 0))
    qtbot.wait(50)
    assert window.scene.camera.mouse_pan
    assert [layer.name for layer in window.layers] == (["cells", "cells x2"] if how == "end" else ["cells"])


@pytest.mark.gl
def test_the_pointer_tells_where_the_edge_can_be_taken(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, after = add_pair(window, dark, bright)
    fit(window, qtbot)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    for index, style in (((20, 40), "standard"), ((20, 29.5), "pointing"), ((20, 15), "standard"), ((20, 29.5), "pointing")):
        QTest.mouseMove(canvas(window), on_canvas(window, before, index))
        qtbot.wait(50)
        assert window.cursor.style == style
    curtain.end()
    assert window.cursor.style == "standard"


# the key and the clock


@pytest.mark.gl
def test_a_key_hides_and_shows_the_image(window: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    pressed = []
    mine = window.bind_key("w", lambda viewer: pressed.append(1), overwrite=True)
    before, after = add_pair(window, dark, bright)
    bound = dict(window.keymap)
    curtain = curtain_of(window, before, after)
    curtain.draw(50)
    told: list[bool] = []
    curtain.swapped.connect(told.append)
    for expected in (False, True, False):
        QTest.keyClick(canvas(window), Qt.Key.Key_W)
        assert curtain.layer.visible is expected
    assert told == [False, True, False]
    assert pressed == []
    curtain.end()
    assert dict(window.keymap) == bound  # what the user had bound is bound again
    QTest.keyClick(canvas(window), Qt.Key.Key_W)
    assert pressed == [1]
    assert mine is None


def test_the_key_is_free_in_napari() -> None:
    from napari.utils.shortcuts import default_shortcuts

    assert "W" not in {str(key) for keys in default_shortcuts.values() for key in keys}
    assert not any("W" in map(str, kind.class_keymap) for kind in (Viewer, Image))


def test_blink_shows_all_of_the_image_and_nothing_of_it_by_turns(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    before, after = add_pair(viewer, dark, bright)
    curtain = curtain_of(viewer, before, after)
    curtain.draw(30)
    told: list[bool] = []
    curtain.swapped.connect(told.append)
    curtain.blink(0.05)
    assert curtain.layer.data.shape == dark.shape
    assert not curtain.layer.bounding_box.visible
    qtbot.waitUntil(lambda: len(told) >= 6, timeout=5000)
    assert told[:6] == [False, True] * 3
    assert curtain.blinking
    curtain.draw(30)  # the edge again, and no clock
    assert (curtain.blinking, curtain.shown, curtain.percent) == (False, True, 30)
    told.clear()
    qtbot.wait(200)
    assert told == []
    curtain.blink(0.05)
    curtain.end()
    told.clear()
    qtbot.wait(200)
    assert told == []


# the look


def test_colours_are_set_for_both_meanwhile(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright, contrast_limits=(0, 200))
    after.contrast_limits = (10, 100)
    curtain = curtain_of(viewer, before, after)
    assert curtain.layer.contrast_limits == [10, 100]  # both sides look alike, and nobody's layer is changed
    assert before.contrast_limits == [0, 200]
    before.contrast_limits, after.gamma, before.colormap = (5, 50), 0.5, "viridis"
    for layer in (before, after, curtain.layer):
        assert (layer.contrast_limits, layer.gamma, layer.colormap.name) == ([5, 50], 0.5, "viridis")
    curtain.end()
    before.contrast_limits = (1, 2)
    assert after.contrast_limits == [5, 50]


def test_links_of_the_user_stay(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright)
    link_layers([before, after], ["gamma"])
    curtain_of(viewer, before, after).end()
    before.gamma = 0.3
    assert after.gamma == 0.3
    unlink_layers([before, after])


def test_what_hides_the_upscale_is_hidden_and_shown_again(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    other = viewer.add_image(dark, name="other")
    before, after = add_pair(viewer, dark, bright)
    later = viewer.add_image(bright, name="later")
    points = viewer.add_points([[1, 1]])
    after.visible, after.opacity, later.visible = False, 0.4, True
    curtain = curtain_of(viewer, before, after)
    curtain.draw(50)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["cells x2", "cells curtain", points.name]
    assert after.opacity == 1
    other.visible = True  # by hand
    before.visible = True
    before.visible = False
    curtain.end()
    assert (before.visible, after.visible, later.visible, other.visible, after.opacity) == (True, False, True, True, 0.4)


def test_it_lies_where_the_image_is_moved(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright, scale=(2, 1))
    curtain = curtain_of(viewer, before, after)
    before.translate, before.rotate, before.affine = (5, 6), 20, np.diag([2, 2, 1.0])
    for corner in ((-0.5, -0.5), (10, 20)):
        np.testing.assert_allclose(curtain.layer.data_to_world(corner), before.data_to_world(corner), atol=1e-9)
        curtain.interpolation = "bicubic"
        corner_of_finer = 2 * np.array(corner) + 0.5
        np.testing.assert_allclose(curtain.layer.data_to_world(corner_of_finer), before.data_to_world(corner), atol=1e-9)
        curtain.interpolation = "nearest"
    curtain.end()


def test_it_shows_new_pixels_of_the_image(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright)
    curtain = curtain_of(viewer, before, after)
    curtain.draw(50)
    before.data = dark[::-1]
    np.testing.assert_array_equal(curtain.layer.data, dark[::-1, : WIDTH // 2])
    reasons: list[str] = []
    curtain.ended.connect(reasons.append)
    before.data = dark[:20]
    assert "no upscale" in reasons[0]


# the end


def test_nothing_is_left(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot) -> None:
    viewer.add_points([[1, 1]], name="points")
    before, after = add_pair(viewer, dark, bright)
    viewer.layers.selection = {before, viewer.layers["points"]}
    calm = at_rest(viewer)
    curtain = curtain_of(viewer, before, after, "bicubic")
    curtain.draw(50)
    assert set(viewer.layers.selection) == {before, viewer.layers["points"]}
    assert at_rest(viewer) != calm
    curtain.blink(0.05)
    qtbot.wait(120)
    layer, dead = curtain.layer, [weakref.ref(curtain), weakref.ref(curtain.layer), weakref.ref(curtain._timer)]
    curtain.end()
    assert layer not in viewer.layers
    assert at_rest(viewer) == calm
    del curtain, layer

    def are_dead() -> None:
        gc.collect()
        assert [each() for each in dead] == [None] * 3

    qtbot.waitUntil(are_dead, timeout=5000)  # Qt deletes some things later


@pytest.mark.parametrize("which", ["cells", "cells x2", "cells curtain"])
def test_it_ends_with_any_of_its_layers(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, qtbot, which: str) -> None:
    before, after = add_pair(viewer, dark, bright)
    curtain, reasons = curtain_of(viewer, before, after), []
    curtain.draw(50)
    curtain.ended.connect(reasons.append)
    viewer.layers.remove(which)
    QApplication.processEvents()
    assert reasons == [f"The comparison has ended: layer '{which}' was removed."]
    assert [layer.name for layer in viewer.layers] == [name for name in ("cells", "cells x2") if name != which]
    assert all(layer.visible for layer in viewer.layers)


def test_all_layers_may_be_removed_at_once(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, messages: list[str]) -> None:
    for remove in (lambda: viewer.layers.clear(), lambda: (viewer.layers.select_all(), viewer.layers.remove_selected())):
        curtain = curtain_of(viewer, *add_pair(viewer, dark, bright))
        curtain.draw(50)
        remove()
        QApplication.processEvents()
        assert len(viewer.layers) == 0
    assert messages == []


@pytest.mark.parametrize(
    ("look", "says"),
    [
        (lambda viewer: setattr(viewer.dims, "ndisplay", 3), "shows a volume"),
        (lambda viewer: setattr(viewer.dims, "order", (1, 0, 2)), "shows other axes"),
        (lambda viewer: setattr(viewer.canvas.grid, "enabled", True), "side by side"),
    ],
)
def test_other_views_end_it_and_keep_it_from_beginning(
    viewer: Viewer, dark: np.ndarray, bright: np.ndarray, messages: list[str], look: Callable[[Viewer], None], says: str
) -> None:
    before, after = add_pair(viewer, np.stack([dark] * 3), np.stack([bright] * 3))
    curtain, reasons = curtain_of(viewer, before, after), []
    curtain.draw(50)
    curtain.ended.connect(reasons.append)
    look(viewer)
    QApplication.processEvents()
    assert len(reasons) == 1
    assert says in reasons[0]
    assert len(viewer.layers) == 2
    with pytest.raises(kg.InputError, match=says):
        curtain_of(viewer, before, after)
    assert len(viewer.layers) == 2
    assert messages == []


def test_a_transposed_view_is_no_other(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright)
    viewer.dims.order = (1, 0)
    curtain = curtain_of(viewer, before, after)
    curtain.draw(50)
    assert curtain.layer in viewer.layers
    curtain.end()


def test_it_ends_with_the_viewer(viewer: Viewer, dark: np.ndarray, bright: np.ndarray, messages: list[str], qtbot) -> None:
    curtain, reasons = curtain_of(viewer, *add_pair(viewer, dark, bright)), []
    curtain.ended.connect(reasons.append)
    curtain.blink(0.05)
    viewer.close()
    qtbot.wait(150)
    assert len(reasons) == 1
    assert not curtain.blinking
    assert messages == []


# what cannot be compared


def test_what_is_no_upscale_is_refused(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    before, after = add_pair(viewer, dark, bright)
    other = viewer.add_image(dark[:30])
    stack = viewer.add_image(np.stack([dark, dark]))
    with pytest.raises(kg.InputError, match="no upscaled layer"):
        LayerPair.of(before, before)
    with pytest.raises(kg.InputError, match="no upscaled layer"):
        LayerPair.of(before, None)
    with pytest.raises(kg.InputError, match="no image layer"):
        LayerPair.of(None, after)
    for wrong in (other, stack, after):
        with pytest.raises(kg.InputError, match="is no upscale of"):
            LayerPair.of(wrong, after)


def test_the_plane_that_is_seen(viewer: Viewer, dark: np.ndarray, bright: np.ndarray) -> None:
    stack = np.stack([dark // 2, dark, dark // 4])
    before, after = add_pair(viewer, stack, bright, plane=(1,), scale=(4, 0.5, 0.5), translate=(3, 0, 0))
    pair = LayerPair.of(before, after)
    viewer.dims.set_current_step(0, 1)
    plane, low, high = pair.planes(viewer)
    assert plane == (1,)
    np.testing.assert_array_equal(low, dark)
    np.testing.assert_array_equal(high, bright)
    viewer.dims.set_current_step(0, 2)
    with pytest.raises(kg.InputError, match="does not hold the plane"):
        pair.planes(viewer)
