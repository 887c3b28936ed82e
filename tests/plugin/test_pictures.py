"""Every page of the panel in real windows, dark and light, low and high: all can be seen whole and read.

`scripts/photograph_panel.py` takes pictures of the same for people to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import pytest
from napari import Viewer

import napari_kernelgan as kg
from napari_kernelgan.plugin.compare_page import BLINK, CURTAIN, OFF
from napari_kernelgan.plugin.plots_page import PlotsPage
from napari_kernelgan.plugin.widget import COMPARE, PLOTS, RUN, TRUST, KernelGANWidget
from napari_kernelgan.report.numbers import KERNEL, PSF
from napari_kernelgan.report.plots import PLOTS as NAMES

from .seen import assert_drawn, assert_seen, parts_of
from .short import ENDLESS, TIMEOUT, configure

pytestmark = pytest.mark.gl
WIDTH, NARROW = 1400, 280
LOOKS = tuple(product(("dark", "light"), (900, 1400)))


@pytest.fixture
def panel(make_napari_viewer: Callable[..., Viewer], small: np.ndarray, qtbot) -> KernelGANWidget:
    """In a window as somebody would open it, with an image of which the live estimate has doubts."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(WIDTH, 900)
    _, panel = viewer.window.add_plugin_dock_widget("napari-kernelgan", "Kernel and upscale")
    panel.viewer = viewer
    viewer.add_image(small, name="cells", scale=(0.1, 0.1), units=("µm", "µm"))
    qtbot.waitUntil(lambda: "FWHM" in panel.live_view.words.value, timeout=TIMEOUT)
    return panel


@pytest.fixture
def done(panel: KernelGANWidget, finish) -> KernelGANWidget:
    """After a run, with a microscope filled in."""
    panel.preset.value = "fast look"
    panel.optics.aperture.value, panel.optics.wavelength.value = "1.4", "520"
    panel.run_both()
    finish(panel)
    return panel


def looks(panel: KernelGANWidget, qtbot, looks: Sequence[tuple[str, int]] = LOOKS) -> Iterator[None]:
    """Give the window one look after another."""
    for theme, height in looks:
        panel.viewer.theme = theme
        panel.viewer.window._qt_window.resize(WIDTH, height)
        qtbot.wait(250)
        yield


def assert_all_seen(panel: KernelGANWidget, qtbot) -> None:
    parts = parts_of(panel.native)
    assert len(parts) > 8
    for part in parts:
        assert_seen(part, qtbot)


@pytest.mark.parametrize("page", [RUN, PLOTS, COMPARE, TRUST])
def test_every_page_is_seen_whole_before_anything_is_done(panel: KernelGANWidget, page: str, qtbot) -> None:
    panel.pages.page = page
    for _ in looks(panel, qtbot):
        assert_all_seen(panel, qtbot)


def test_every_page_is_seen_whole_after_a_run(done: KernelGANWidget, qtbot) -> None:
    done.trust.fold.opened = done.size_fold.opened = done.advanced.opened = True
    for _ in looks(done, qtbot):
        for page in (RUN, PLOTS, COMPARE, TRUST):
            done.pages.page = page
            for mode in (OFF, CURTAIN, BLINK) if page == COMPARE else (OFF,):
                done.compare.mode.value = mode
                qtbot.wait(50)
                assert_all_seen(done, qtbot)


def test_every_plot_can_be_read(done: KernelGANWidget, qtbot) -> None:
    done.pages.page = PLOTS
    for _ in looks(done, qtbot):
        for plot, of in product(NAMES, (KERNEL, PSF)):
            done.plots.plot.value, done.plots.of.value = plot, of
            assert_drawn(done.plots.canvas.figure)


def test_a_plot_can_be_read_as_soon_as_it_is_there(done: KernelGANWidget, qtbot) -> None:
    done.plots.canvas.setFixedWidth(NARROW)
    done.pages.page = PLOTS  # drawn for the first time, and at no other width before
    qtbot.wait(100)
    assert_drawn(done.plots.canvas.figure)


def test_a_run_is_seen_whole(panel: KernelGANWidget, qtbot, finish) -> None:
    configure(panel, ENDLESS)
    panel.run_both()
    qtbot.waitUntil(lambda: "left" in panel.status.value, timeout=TIMEOUT)
    for _ in looks(panel, qtbot, LOOKS[::3]):
        panel.pages.page = RUN
        assert_all_seen(panel, qtbot)
        panel.pages.page = PLOTS
        qtbot.wait(200)
        assert_drawn(panel.plots.canvas.figure)
    panel.cancel()
    finish(panel)


def test_a_kernel_in_training_can_be_read_in_a_narrow_dock(panel: KernelGANWidget, qtbot) -> None:
    page: PlotsPage = panel.plots
    panel.pages.page = PLOTS
    page.canvas.setFixedWidth(NARROW)
    losses = {name: 10.0**-n for n, name in enumerate(("generator", "discriminator", "bicubic", "sum", "boundary", "centre", "sparse"))}
    for step in range(3):
        page.add_training(10 * step, kg.kernels.gaussian(3.0), losses)
    qtbot.wait(1200)
    assert_drawn(page.canvas.figure)
