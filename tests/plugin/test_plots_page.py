"""The page of plots in real viewers: a kernel or its PSF as curves and numbers, and a kernel in training."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from io import StringIO

import imageio.v3 as iio
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from napari import Viewer
from napari.layers import Image
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QDockWidget, QFileDialog, QLabel

import napari_kernelgan as kg
from napari_kernelgan.kernels import Optics
from napari_kernelgan.plugin.actions import estimate_layer
from napari_kernelgan.plugin.layers import as_layer, kernel_layer
from napari_kernelgan.plugin.plots_page import LATERAL, NOTHING, PlotsPage
from napari_kernelgan.plugin.records import estimate_record
from napari_kernelgan.plugin.source import Source
from napari_kernelgan.report.numbers import KERNEL, PSF, kernel_numbers
from napari_kernelgan.report.plots import PLOTS

from .short import TIMEOUT

pytestmark = pytest.mark.gl
OIL = Optics(1.4, 520.0)
LOSSES = {"generator": np.geomspace(1, 0.1, 50), "sum": np.geomspace(0.1, 1e-4, 50)}


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1200, 900)
    return viewer


@pytest.fixture
def page(window: Viewer, qtbot) -> PlotsPage:
    page = PlotsPage(window)
    dock = window.window.add_dock_widget(page, name="plots", area="right")
    window.window._qt_window.resizeDocks([dock], [380], Qt.Orientation.Horizontal)
    qtbot.waitUntil(page.canvas.isVisible, timeout=TIMEOUT)
    return page


def kernel_of(viewer: Viewer, image: Image, **known) -> Image:
    """A kernel layer as a run leaves it, of a kernel with a formula."""
    named = {
        "method": "kernelgan",
        "reference": "self-similar",
        "history": kg.History(LOSSES),
        "pixel_size": (0.2, 0.2),
        "unit": "micrometer",
    }
    estimate = kg.KernelEstimate(kg.kernels.gaussian(np.diag([3.0, 1.5]), 22), 2, **(named | known))
    source = Source.of(image)
    return viewer.add_layer(as_layer(kernel_layer(source, estimate.kernel, 2, estimate_record(estimate, source))))


@pytest.fixture
def kernel(window: Viewer, small: np.ndarray) -> Image:
    image = window.add_image(small, name="cells", scale=(0.2, 0.2), units=("µm", "µm"))
    return kernel_of(window, image, fwhm_interval=((3.5, 4.6), (2.4, 3.3)))


def table(page: PlotsPage) -> dict[str, str]:
    return {page.table.item(at, 0).text(): page.table.item(at, 1).text() for at in range(page.table.rowCount())}


def lengths(page: PlotsPage) -> list[int]:
    """How many points the losses have that are drawn of a training."""
    return [len(line.get_xdata()) for line in page.canvas.figure.axes[1].lines] if len(page.canvas.figure.axes) == 2 else []


def title(page: PlotsPage) -> str:
    return page.canvas.figure.get_suptitle()


def test_there_is_nothing_before_there_is_a_kernel(page: PlotsPage) -> None:
    assert [text.get_text() for text in page.canvas.figure.texts] == [NOTHING]
    assert (page.numbers, table(page)) == ((), {})
    assert not any(each.enabled for each in (page.plot, page.of, page.copy_button, page.csv_button, page.curves_button, page.plot_button))
    with pytest.raises(kg.InputError, match="no finished kernel"):
        page.save_csv("nowhere.csv")


def test_a_kernel_and_its_psf_are_plotted_and_told_apart(page: PlotsPage, kernel: Image) -> None:
    page.show_kernel(kernel)
    assert title(page) == "SR kernel: profiles"
    assert page.caption.value.startswith("SR kernel")
    assert table(page)["FWHM, major axis"] == "0.408 (0.350–0.460) µm\n4.08 (3.50–4.60) HR px"
    reach = page.canvas.figure.axes[0].get_xlim()[1]
    page.of.value = PSF
    assert title(page) == "PSF of the image: profiles"
    assert page.caption.value.startswith("PSF of the image")
    # wider by the square root of 4/3
    assert page.canvas.figure.axes[0].get_xlim()[1] / reach == pytest.approx(np.sqrt(4 / 3), rel=0.01)
    assert float(table(page)["FWHM, major axis"].split()[0]) == pytest.approx(0.471, abs=2e-3)
    titles = []
    for plot in PLOTS:
        page.plot.value = plot
        titles.append(title(page))
        assert page.canvas.figure.axes
    assert titles == [
        "PSF of the image: profiles",
        "PSF of the image: MTF",
        "PSF of the image: encircled energy",
        "SR kernel: training (kernelgan)",
    ]
    assert page.canvas.figure.axes[0].lines[0].get_xdata().tolist() == list(range(1, 51))
    assert not page.of.enabled


def test_an_estimate_made_by_the_plugin_is_shown_with_its_error_bars(page: PlotsPage, window: Viewer, small: np.ndarray) -> None:
    image = window.add_image(small, name="cells", scale=(0.2, 0.2), units=("µm", "µm"))
    layer = window.add_layer(estimate_layer(image, method="spectral", config={"prior": "natural"}))
    page.show_kernel(layer)
    record = layer.metadata["napari_kernelgan"]
    width = next(n for n in page.numbers if (n.name, n.unit) == ("FWHM, major axis", "HR px"))
    assert (width.value, (width.low, width.high)) == (pytest.approx(record["fwhm"]["major"]), record["fwhm_interval"][0])
    assert table(page)["reliability"] == record["reliability"]["level"]
    page.plot.value = "training"
    assert "nothing was trained" in page.canvas.figure.texts[0].get_text()


def test_only_kernels_are_shown(page: PlotsPage, kernel: Image, window: Viewer) -> None:
    with pytest.raises(kg.InputError, match="no kernel"):
        page.show_kernel(window.layers["cells"])
    page.show_kernel(kernel)
    page.show_kernel(None)
    assert page.numbers == ()
    assert page.canvas.figure.texts[0].get_text() == NOTHING


def test_theory_is_shown_beside_the_psf(page: PlotsPage, kernel: Image) -> None:
    page.show_kernel(kernel)
    page.optics = OIL
    assert "Theory" in page.caption.value
    assert not any("theory" in name for name in table(page))
    page.of.value = PSF
    assert table(page)["theory, optics alone: FWHM"] == "0.189 µm"
    assert "theory" in page.canvas.figure.axes[0].get_legend().get_texts()[1].get_text()
    page.optics = None
    assert not any("theory" in name for name in table(page))


def test_a_kernel_of_a_volume_is_called_lateral(page: PlotsPage, window: Viewer, small: np.ndarray) -> None:
    for label, lateral in (("z", True), ("time", False)):
        image = window.add_image(np.stack([small, small]), name=label, axis_labels=(label, "y", "x"))
        page.show_kernel(kernel_of(window, image))
        assert (LATERAL in page.caption.value) == lateral


def test_the_theme_is_followed(page: PlotsPage, kernel: Image, window: Viewer) -> None:
    page.show_kernel(kernel)
    for name in ("light", "dark"):
        window.theme = name
        theme = get_theme(name)
        axes = page.canvas.figure.axes[0]
        for colour, wanted in (
            (page.canvas.figure.get_facecolor(), theme.background),
            (axes.get_facecolor(), theme.background),
            (axes.xaxis.label.get_color(), theme.text),
            (axes.get_legend().get_texts()[0].get_color(), theme.text),
        ):
            np.testing.assert_allclose(to_rgb(colour), to_rgb(wanted.as_hex()))
    assert title(page) == "SR kernel: profiles"


def test_a_closed_page_follows_no_theme(page: PlotsPage, kernel: Image, window: Viewer, qtbot) -> None:
    page.show_kernel(kernel)
    before = len(window.events.theme.callbacks)
    with qtbot.waitSignal(page.native.destroyed, timeout=TIMEOUT):
        window.window.remove_dock_widget(page.native)
        page.native.deleteLater()
    assert len(window.events.theme.callbacks) == before - 1
    window.theme = "light"


def test_nothing_is_computed_out_of_sight(page: PlotsPage, kernel: Image, window: Viewer, qtbot) -> None:
    dock = next(each for each in window.window._qt_window.findChildren(QDockWidget) if each.isAncestorOf(page.native))
    dock.hide()
    page.show_kernel(kernel)
    assert page._numbers is None
    assert page.canvas.figure.texts[0].get_text() == NOTHING
    assert page.numbers == kernel_numbers(page._estimate)  # unless they are asked for
    dock.show()
    qtbot.waitUntil(lambda: bool(page.canvas.figure.axes), timeout=TIMEOUT)
    assert title(page) == "SR kernel: profiles"
    assert "FWHM, major axis" in table(page)


# training


def test_training_curves_grow(page: PlotsPage, kernel: Image, qtbot) -> None:
    page.show_kernel(kernel)
    page.begin_training("kernelgan", 2)
    assert (table(page), page.numbers, page.plot.enabled) == ({}, (), False)
    assert not page.canvas.figure.axes
    seen = []
    for step in range(1, 31):
        page.add_training(step, kg.kernels.gaussian(4.0 - step / 15, 14), {"generator": 1 / step, "sum": 0.1 / step})
        seen += lengths(page)
    assert 1 in seen
    assert len(set(seen)) < 15  # not every step is drawn, if steps come fast
    qtbot.waitUntil(lambda: 30 in lengths(page), timeout=TIMEOUT)  # but the last is
    line = page.canvas.figure.axes[1].lines[0]
    np.testing.assert_allclose(line.get_ydata(), 1 / np.arange(1, 31))
    widths = kg.kernels.fwhm(kg.kernels.gaussian(2.0, 14))
    assert f"{widths.major:.2f} × {widths.minor:.2f}" in title(page)
    page.begin_training()
    page.add_training(1, kg.kernels.gaussian(2.0), {"generator": 0.5})
    qtbot.waitUntil(lambda: bool(page.canvas.figure.axes), timeout=TIMEOUT)
    assert len(page.canvas.figure.axes[1].lines) == 1  # those of the run before are gone
    page.show_kernel(kernel)
    assert page.plot.enabled
    assert title(page) == "SR kernel: profiles"
    qtbot.wait(1000)  # nothing of the training comes late
    assert title(page) == "SR kernel: profiles"


def test_methods_without_losses_and_terms_that_come_late(page: PlotsPage, qtbot) -> None:
    page.add_training(1, kg.kernels.gaussian(2.0), {})
    assert len(page.canvas.figure.axes) == 1
    page.add_training(2, kg.kernels.gaussian(2.0), {"sum": 0.5})
    page.add_training(3, kg.kernels.gaussian(2.0), {"sum": 0.4, "centre": 0.1})
    page.add_training(4, kg.kernels.gaussian(2.0), {"centre": 0.05})
    qtbot.waitUntil(lambda: len(page.canvas.figure.axes) == 2, timeout=TIMEOUT)
    values = {line.get_label(): np.stack(line.get_data()).tolist() for line in page.canvas.figure.axes[1].lines}
    assert values == {"sum of kernel": [[2, 3], [0.5, 0.4]], "kernel's centre": [[3, 4], [0.1, 0.05]]}


def test_a_plot_of_a_training_takes_a_fraction_of_a_second(page: PlotsPage) -> None:
    terms = dict.fromkeys(("generator", "discriminator", "bicubic", "sum", "boundary", "centre", "sparsity"), 0.1)
    page.add_training(1, kg.kernels.gaussian(2.0), terms)
    page.canvas.figure.canvas.draw()  # fonts are loaded once
    took = []
    for step in range(2, 8):
        page._training.add(step, kg.kernels.gaussian(2.0), terms)
        start = time.perf_counter()
        page._refresh()
        page.canvas.figure.canvas.draw()
        took.append(time.perf_counter() - start)
    assert min(took) < 0.25  # some 0.08 s on an idle machine


# what is taken along


def test_numbers_are_copied_and_written(page: PlotsPage, kernel: Image, tmp_path) -> None:
    page.show_kernel(kernel)
    page.copy_numbers()
    copied = [line.split("\t") for line in QApplication.clipboard().text().splitlines()]
    page.save_csv(tmp_path / "numbers.csv")
    rows = list(csv.reader(StringIO((tmp_path / "numbers.csv").read_text(encoding="utf-8"))))
    assert rows == copied
    assert len(rows) == len(page.numbers) + 1
    assert {row[0] for row in rows[1:]} == {KERNEL, PSF}
    width = next(row for row in rows if row[:2] == [KERNEL, "FWHM, major axis"] and row[-1] == "µm")
    assert [float(each) for each in width[2:5]] == pytest.approx([0.408, 0.35, 0.46], abs=1e-3)


def test_curves_are_written(page: PlotsPage, kernel: Image, tmp_path) -> None:
    page.show_kernel(kernel)
    page.save_curves(tmp_path / "curves.csv")
    rows = list(csv.DictReader((tmp_path / "curves.csv").open(encoding="utf-8")))
    peak = [float(row["y"]) for row in rows if (row["of"], row["curve"], row["x"]) == (PSF, "profile", "0")]
    assert peak == pytest.approx([1, 1], abs=1e-3)


def test_plots_are_written_on_white_paper(page: PlotsPage, kernel: Image, tmp_path) -> None:
    page.show_kernel(kernel)
    page.plot.value, page.of.value = "MTF", PSF
    page.save_plot(tmp_path / "mtf.svg")
    assert "PSF of the image: MTF" in (tmp_path / "mtf.svg").read_text(encoding="utf-8")
    page.save_plot(tmp_path / "mtf.png")
    picture = iio.imread(tmp_path / "mtf.png")[..., :3]
    assert (picture == 255).all(-1).mean() > 0.8
    assert (picture.max(-1) < 60).mean() > 0.005  # dark ink
    assert title(page) == "PSF of the image: MTF"
    assert page.canvas.figure.get_facecolor()[:3] != (1, 1, 1)  # the page itself stays as it is


def test_buttons_ask_where_to_write_and_say_if_it_fails(
    page: PlotsPage, kernel: Image, tmp_path, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    page.show_kernel(kernel)
    answers = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), str(tmp_path / "c.png"), str(tmp_path / "d.bmp"), ""]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (answers.pop(0), ""))
    for each in (page.csv_button, page.curves_button, page.plot_button, page.plot_button, page.plot_button):
        each.native.click()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "b.csv", "c.png"]
    assert len(messages) == 1
    assert "d.bmp is not written" in messages[0]
    assert ".svg" in messages[0]


# what is seen


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [300, 380])
def test_nothing_is_cut_off(page: PlotsPage, kernel: Image, window: Viewer, theme: str, width: int, qtbot) -> None:
    window.theme = theme
    dock = next(each for each in window.window._qt_window.findChildren(QDockWidget) if each.isAncestorOf(page.native))
    window.window._qt_window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
    page.show_kernel(kernel)
    page.optics, page.of.value = OIL, PSF
    qtbot.wait(300)
    assert page.native.width() < width + 20
    parts = [w for kind in (QAbstractButton, QLabel) for w in page.native.findChildren(kind) if w.isVisible() and w.text()]
    assert len(parts) > 6
    for part in (*parts, page.canvas, page.table):
        assert part.visibleRegion().boundingRect().size() == part.size(), part
        assert (isinstance(part, QLabel) and part.wordWrap()) or part.width() >= part.minimumSizeHint().width(), part
    for plot in PLOTS:
        page.plot.value = plot
        canvas = page.canvas.figure.canvas
        canvas.draw()
        box = page.canvas.figure.get_tightbbox(canvas.get_renderer())  # inches
        assert box.x0 >= 0
        assert box.x1 <= page.canvas.figure.get_figwidth() + 0.01
        assert box.y0 >= 0
        assert box.y1 <= page.canvas.figure.get_figheight() + 0.01
    for at in range(page.table.rowCount()):
        wide = page.table.fontMetrics().boundingRect(page.table.item(at, 1).text().split("\n")[0]).width()
        assert page.table.columnWidth(1) >= wide
