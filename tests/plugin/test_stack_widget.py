from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent
from napari import Viewer
from napari.layers import Image, Shapes
from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

import napari_kernelgan as kg
from napari_kernelgan.plugin.field_widget import FieldWidget
from napari_kernelgan.plugin.stack_widget import CURRENT, DISK, OVERWRITE, PLANES, RANGE, RESUME, SET_UP, StackWidget

from .seen import assert_seen, parts_of
from .short import TIMEOUT
from .test_placement import corners

KEY = "napari_kernelgan"
PLACED = {"scale": (2, 0.2, 0.2), "units": ("s", "µm", "µm"), "axis_labels": ("time", "y", "x"), "translate": (1, 5, -3)}


@pytest.fixture(scope="module")
def stack(sharp: np.ndarray) -> np.ndarray:
    """Planes of differing scenes, (3, 96, 96) uint8, that become more and more blurred."""
    scenes = sharp[100:292, 180:372], sharp[60:252, 100:292], sharp[300:492, 200:392]
    return np.stack([kg.degrade(scene, kg.kernels.gaussian(v)) for scene, v in zip(scenes, (1.5, 2.5, 4.0), strict=True)])


def docked(viewer: Viewer) -> StackWidget:
    _, panel = viewer.window.add_plugin_dock_widget("napari-kernelgan", "Stack: kernels and upscale")
    panel.settings["spectral"].fields["prior"].value = "natural"
    panel.share.value = "plane"
    panel.upscaler.value = "inverse"
    return panel


@pytest.fixture
def panel(viewer: Viewer) -> StackWidget:
    return docked(viewer)


@pytest.fixture
def image(viewer: Viewer, stack: np.ndarray) -> Image:
    return viewer.add_image(stack, name="movie", **PLACED)


@pytest.fixture
def long(viewer: Viewer, stack: np.ndarray, with_kernel: StackWidget) -> Image:
    """A stack that takes long, and no memory; a plane takes a tenth of a second."""
    with_kernel.settings["inverse"].fields["passes"].value = 8
    plane = np.tile(stack[0], (2, 2))
    return viewer.add_image(np.broadcast_to(plane, (1000, *plane.shape)), name="long", **PLACED)


@pytest.fixture
def with_kernel(viewer: Viewer, image: Image, panel: StackWidget) -> StackWidget:
    """The panel, with a kernel that is given: runs need not estimate any."""
    record = {"kind": "kernel", "scale": 2, "method": "given", "seed": 0}
    kernel = viewer.add_image(kg.kernels.gaussian(2.0), name="movie kernel", units=("µm", "µm"), metadata={KEY: record})
    panel.kernel.value = kernel
    viewer.layers.selection.active = image
    return panel


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def statuses(panel: StackWidget) -> list[str]:
    return [row.status for row in panel.table.rows]


def texts(panel: StackWidget, at: int) -> dict[str, str]:
    table = panel.table
    return {table.horizontalHeaderItem(column).text(): table.item(at, column).text() for column in range(table.columnCount())}


def click(panel: StackWidget, at: int, qtbot) -> None:
    panel.pages.page = PLANES
    table = panel.table
    table.scrollToItem(table.item(at, 0))
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualItemRect(table.item(at, 0)).center())


# choices


def test_axes_are_shown_and_can_be_edited(viewer: Viewer, panel: StackWidget, stack: np.ndarray, messages: list[str], finish) -> None:
    panel.run()
    assert "open an image" in messages.pop()
    viewer.add_image(np.stack([stack, stack]), axis_labels=("z", "channel", "y", "x"))
    assert panel.axes_form.axes == "ZC"
    panel.axes_form.letters[0].value = "T"
    assert panel.axes_form.axes == "TC"
    assert set(panel.window_axis.choices[1:]) == {"T", "C"}
    for role in panel.axes_form.letters:
        role.value = "Z"
    panel.run()
    assert not panel.running
    assert "different letters" in messages.pop()
    viewer.add_image(stack[0])
    assert panel.axes_form.axes == ""
    assert "single plane" in panel.no_axes.value
    viewer.add_image(stack, name="channels")
    panel.axes_form.letters[0].value = "C"
    panel.share.value, panel.upscaler.value = "channel", "none"
    panel.run()
    finish(panel)
    assert [row.kernel for row in panel.table.rows] == ["C = 0", "C = 1", "C = 2"]
    assert panel.table.axes == "C"


def test_a_part_is_worked_on_and_lies_where_its_planes_lie(
    viewer: Viewer, image: Image, with_kernel: StackWidget, messages: list[str], finish
) -> None:
    panel = with_kernel
    panel.planes.value = RANGE
    panel.axes_form.first[0].value = 1
    panel.run()
    finish(panel)
    upscaled = viewer.layers["movie x2"]
    assert [row.place for row in panel.table.rows] == [(1,), (2,)]
    np.testing.assert_allclose(corners(upscaled, (0,)), corners(image, (1,)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(corners(upscaled, (1,)), corners(image, (2,)), rtol=0, atol=1e-9)
    panel.axes_form.first[0].value, panel.axes_form.last[0].value = 2, 1
    panel.run()
    assert not panel.running
    assert "before it begins" in messages[0]
    viewer.dims.set_current_step(0, 2)
    panel.planes.value = CURRENT
    panel.run()
    finish(panel)
    assert [row.place for row in panel.table.rows] == [(2,)]
    assert viewer.layers["movie x2 [1]"].data.shape == (1, 192, 192)


# results


def test_results_are_those_of_python_with_a_table_and_a_plot(viewer: Viewer, image: Image, panel: StackWidget, finish) -> None:
    panel.run()
    assert panel.pages.page == PLANES
    finish(panel)
    assert names(viewer) == ["movie", "movie kernels", "movie x2"]
    config = kg.Settings(spectral={"prior": "natural"})
    expected = kg.process_stack(image.data, axes="TYX", share="plane", upscaler="inverse", config=config)
    np.testing.assert_array_equal(viewer.layers["movie x2"].data, expected.upscaled)
    assert "3 done" in panel.status.value
    assert viewer.layers.selection.active is image
    for at, kernel in enumerate(expected.kernels):
        cells = texts(panel, at)
        assert (cells["T"], cells["status"], cells["trust"]) == (str(at), "done", kernel.reliability.level)
        assert cells["FWHM (HR px)"].startswith(f"{kernel.fwhm.major:.2f} ({kernel.fwhm_interval[0][0]:.2f}–")
        assert cells["FWHM (µm)"].startswith(f"{kernel.fwhm.major / 10:.3f} (")
    (axes,) = panel.plot.figure.axes
    assert axes.get_ylabel() == "FWHM (µm)"
    drawn = [container.lines[0].get_ydata() for container in axes.containers]
    for which, values in enumerate(drawn):
        np.testing.assert_allclose(values, [kernel.fwhm[which] / 10 for kernel in expected.kernels])


def test_rows_are_there_while_the_run_goes_on(
    viewer: Viewer, with_kernel: StackWidget, long: Image, messages: list[str], qtbot, finish
) -> None:
    assert with_kernel.image.value is long
    with_kernel.run()
    qtbot.waitUntil(lambda: len(with_kernel.table.rows) > 3, timeout=TIMEOUT)
    assert with_kernel.running
    assert not with_kernel.run_button.enabled
    with_kernel.run()
    assert "in progress" in messages.pop()
    assert "left" in with_kernel.status.value
    with_kernel.cancel()
    finish(with_kernel)
    done = statuses(with_kernel).count("done")
    assert 3 < done < 900
    assert statuses(with_kernel)[done:] == ["left"] * (1000 - done)
    upscaled = viewer.layers["long x2"]
    assert upscaled.data[done - 1].any()
    assert not upscaled.data[done : done + 3].any()
    assert "Stopped" in with_kernel.status.value
    assert with_kernel.run_button.enabled


def test_table_and_plot_move_the_sliders_and_are_kept(
    viewer: Viewer, image: Image, panel: StackWidget, finish, qtbot, tmp_path: Path
) -> None:
    assert not panel.save_button.enabled
    panel.upscaler.value = "none"
    panel.run()
    finish(panel)
    viewer.dims.set_current_step(0, 0)
    for at in (2, 1):
        click(panel, at, qtbot)
        assert viewer.dims.current_step[0] == at
    canvas = panel.plot.figure.canvas
    canvas.draw()
    (axes,) = panel.plot.figure.axes
    x, y = axes.containers[0].lines[0].get_xydata()[2]
    for at, expected in (((x, y), 2), ((1.5, y), 2)):  # where there is no point, nothing happens
        canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", canvas, *axes.transData.transform(at), button=1))
        assert viewer.dims.current_step[0] == expected
    dark = panel.plot.figure.get_facecolor()
    viewer.theme = "light"
    assert sum(panel.plot.figure.get_facecolor()[:3]) > sum(dark[:3]) + 1
    panel.copy_table()
    panel.save_table(tmp_path / "planes.csv")
    text = (tmp_path / "planes.csv").read_text()
    assert QApplication.clipboard().text() == text
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["T"] for row in rows] == ["0", "1", "2"]
    assert float(rows[2]["fwhm_major_px"]) == panel.table.rows[2].estimate.fwhm.major
    viewer.layers.remove(image)
    click(panel, 2, qtbot)  # there is nothing to show any more


def test_a_plane_that_fails_is_listed_and_told(viewer: Viewer, panel: StackWidget, stack: np.ndarray, messages: list[str], finish) -> None:
    broken = stack.copy()
    broken[1] = 7
    viewer.add_image(broken, name="broken")
    panel.upscaler.value = "none"
    panel.run()
    finish(panel)
    assert statuses(panel) == ["done", "failed", "done"]
    assert "constant" in texts(panel, 1)["error"]
    assert "1 of 3 planes failed" in messages[0]
    assert "1 failed" in panel.status.value
    assert len(panel.plot.figure.axes[0].containers[0].lines[0].get_xdata()) == 2


def test_a_plane_of_nothing_does_no_harm(viewer: Viewer, with_kernel: StackWidget, stack: np.ndarray, messages: list[str], finish) -> None:
    broken = stack.astype(np.float32)
    broken[1] = np.nan
    viewer.add_image(broken, name="broken", contrast_limits=(0, 255), **PLACED)
    with_kernel.run()
    finish(with_kernel)
    assert statuses(with_kernel) == ["done"] * 3
    assert np.isnan(viewer.layers["broken x2"].data).all((1, 2)).tolist() == [False, True, False]
    assert messages == []


# on disk


def test_results_on_disk_are_a_lazy_layer(viewer: Viewer, image: Image, with_kernel: StackWidget, tmp_path: Path, finish) -> None:
    panel = with_kernel
    panel.output.value, panel.out.value = DISK, tmp_path / "a.ome.zarr"
    panel.run()
    finish(panel)
    upscaled = viewer.layers["movie x2"]
    assert isinstance(upscaled.data, da.Array)
    np.testing.assert_allclose(upscaled.extent.world[:, 0], image.extent.world[:, 0])
    for at in range(3):
        np.testing.assert_allclose(corners(upscaled, (at,)), corners(image, (at,)), rtol=0, atol=1e-9)
    assert str(tmp_path) in panel.status.value
    assert (tmp_path / "a.planes.csv").exists()


def test_what_is_there_is_neither_overwritten_nor_gone_on_with_unasked(
    image: Image, with_kernel: StackWidget, messages: list[str], tmp_path: Path, finish
) -> None:
    panel = with_kernel
    panel.output.value = DISK
    panel.run()
    assert "Choose where to write" in messages.pop()
    panel.out.value = tmp_path / "a.ome.zarr"
    panel.run()
    finish(panel)
    panel.run()
    assert not panel.running
    assert "go on with it" in messages.pop()
    panel.existing.value = RESUME
    panel.run()
    finish(panel)
    assert statuses(panel) == ["kept"] * 3
    panel.existing.value = OVERWRITE
    panel.run()
    finish(panel)
    assert statuses(panel) == ["done"] * 3
    assert messages == []


def test_a_run_on_disk_that_was_cancelled_is_gone_on_with(
    viewer: Viewer, with_kernel: StackWidget, long: Image, tmp_path: Path, qtbot, finish
) -> None:
    panel = with_kernel
    panel.planes.value = RANGE
    panel.axes_form.last[0].value = 39
    panel.output.value, panel.out.value = DISK, tmp_path
    panel.run()
    qtbot.waitUntil(lambda: len(panel.table.rows) > 1, timeout=TIMEOUT)
    panel.cancel()
    finish(panel)
    done = statuses(panel).count("done")
    assert 1 < done < 40
    assert "choose" in panel.status.value
    assert "long x2" not in names(viewer)
    panel.existing.value = RESUME
    panel.run()
    finish(panel)
    assert (statuses(panel).count("kept"), statuses(panel).count("done")) == (done, 40 - done)
    assert viewer.layers["long x2"].data[0].shape == (40, 384, 384)


# the end of things


@pytest.fixture
def endless(with_kernel: StackWidget, long: Image, qtbot) -> StackWidget:
    """A panel in a run that takes long."""
    with_kernel.run()
    qtbot.waitUntil(lambda: len(with_kernel.table.rows) > 1, timeout=TIMEOUT)
    return with_kernel


def test_the_image_may_be_removed(viewer: Viewer, endless: StackWidget, messages: list[str], finish) -> None:
    viewer.layers.remove("long")
    finish(endless)
    assert names(viewer) == ["movie", "movie kernel"]
    assert "removed" in endless.status.value
    assert messages == []


def test_the_dock_may_be_closed(viewer: Viewer, endless: StackWidget, messages: list[str], finish) -> None:
    viewer.window.remove_dock_widget(endless.native)
    finish(endless)
    assert "left" in statuses(endless)
    assert messages == []


def test_the_window_may_be_closed(viewer: Viewer, endless: StackWidget, messages: list[str], qtbot) -> None:
    run = endless._run
    viewer.close()
    qtbot.waitUntil(lambda: not run.running, timeout=TIMEOUT)
    assert messages == []


# field maps


def test_a_field_is_mapped_and_upscaled_with(viewer: Viewer, sharp: np.ndarray, messages: list[str], finish) -> None:
    _, panel = viewer.window.add_plugin_dock_widget("napari-kernelgan", "Map kernels over the field")
    assert isinstance(panel, FieldWidget)
    panel.settings["spectral"].fields["prior"].value = "natural"
    picture = kg.degrade(sharp, kg.kernels.gaussian(2.0))
    viewer.add_image(picture, name="cells")
    panel.upscale()
    assert "needs a map" in messages.pop()
    panel.tile.value = 128
    panel.map_kernels()
    finish(panel)
    assert names(viewer) == ["cells", "cells FWHM (HR px)", "cells kernel ellipses"]
    assert isinstance(viewer.layers[2], Shapes)
    assert panel.map.value is viewer.layers[1]
    assert panel.image.choices == (viewer.layers["cells"],)
    panel.upscale()
    finish(panel)
    expected = kg.upscale(picture, kg.map_kernels(picture, tile=128, config={"prior": "natural"}), method="inverse")
    np.testing.assert_array_equal(viewer.layers["cells x2"].data, expected)


# what is seen


@pytest.mark.gl
@pytest.mark.parametrize("page", [SET_UP, PLANES])
def test_nothing_in_the_panel_is_cut_off(make_napari_viewer: Callable[..., Viewer], stack: np.ndarray, page: str, qtbot, finish) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1400, 900)
    panel = docked(viewer)
    movie = np.stack([stack, stack])
    viewer.add_image(movie, name="cells_" * 20, scale=(1, 1, 0.2, 0.2), units=("s", "µm", "µm", "µm"), axis_labels=("t", "z", "y", "x"))
    panel.planes.value, panel.share.value, panel.upscaler.value = RANGE, "window", "none"
    panel.run()
    finish(panel)
    panel.output.value = DISK
    panel.pages.page = page
    qtbot.wait(300)
    parts = parts_of(panel.native)
    assert len(parts) > (12 if page == SET_UP else 4)
    for part in (*parts, *((panel.plot, panel.table) if page == PLANES else ())):
        assert_seen(part, qtbot)
    assert panel.native.width() < 420


def test_results_over_the_memory_limit_are_for_the_disk(viewer: Viewer, panel: StackWidget, messages: list[str], finish) -> None:
    image = np.broadcast_to(np.float32(0), (100, 1000, 1000))
    viewer.add_image(image, name="large", contrast_limits=(0, 1))
    get_plugin_settings("napari-kernelgan").general.memory_limit = 0.1
    panel.upscaler.value = "bicubic"
    panel.run()
    assert not panel.running
    assert ["1.6 GB" in message and "to disk" in message for message in messages] == [True]
    panel.planes.value = CURRENT
    panel.run()
    finish(panel)
    assert panel.state.shown == "done"
