"""Plots of a kernel and its PSF: what they show, in which units and colours, and that nothing is cut off or hidden."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import imageio.v3 as iio
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

import napari_kernelgan as kg
from napari_kernelgan.kernels import Optics
from napari_kernelgan.report.plots import PLOTS, draw_nothing, draw_plot, draw_training, write_plot
from napari_kernelgan.report.theme import PAPER, theme_on

TERMS = ("generator", "discriminator", "bicubic", "sum", "boundary", "centre", "sparsity")
LOSSES = {name: np.geomspace(1, 10.0**-power, 200) for power, name in enumerate(TERMS)}
BARE = kg.KernelEstimate(kg.kernels.gaussian(np.diag([3.0, 1.5]), 22), 2, "kernelgan", history=kg.History(LOSSES))
FULL = replace(BARE, pixel_size=(0.2, 0.2), unit="micrometer", fwhm_interval=((3.5, 4.6), (2.4, 3.3)))
OIL = Optics(1.4, 520.0)
DARK = theme_on("#f0f1f2", "#262930")
SIZE = 3.4, 2.9  # inches, as in a narrow dock


def drawn(draw, *given, **named):
    figure = Figure(SIZE, dpi=100)
    canvas = FigureCanvasAgg(figure)
    draw(figure, *given, **named)
    canvas.draw()
    return figure


def words(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(Text) if text.get_visible())


def line(axes, label):
    (found,) = [each for each in axes.lines if label in str(each.get_label())]
    return found


def told(figure):
    """All texts but the numbers along the axes."""
    for axes in figure.axes:
        yield from (axes.xaxis.label, axes.yaxis.label, *axes.texts, *(axes.get_legend().get_texts() if axes.get_legend() else ()))
    yield from figure.texts


def test_profiles_in_the_unit_of_the_image_with_bars_and_theory():
    figure = drawn(draw_plot, "profiles", FULL, "PSF of the image", OIL)
    (axes,) = figure.axes
    major = line(axes, "major")
    x, y = major.get_data()
    np.testing.assert_allclose(y, np.exp(-0.5 * (x / (0.1 * np.sqrt(3))) ** 2), atol=2e-3)
    assert "FWHM 0.408 (0.350–0.460) µm" in words(figure)
    assert "from the peak / µm" in words(figure)
    assert figure.get_suptitle() == "PSF of the image: profiles"
    theory = line(axes, "theory")
    assert np.ptp(theory.get_xdata()) == pytest.approx(np.sqrt((0.51 * 0.52 / 1.4) ** 2 + 8 * np.log(2) * 0.2**2 / 12))
    bars = [np.ptp(each.get_xdata()) for each in axes.lines if each.get_alpha() == 0.5]
    assert bars == pytest.approx([(0.46 - 0.35) / 2] * 2 + [(0.33 - 0.24) / 2] * 2)


def test_without_size_bars_and_optics_there_are_none():
    for estimate in (BARE, replace(FULL, pixel_size=(0.2, 0.1), fwhm_interval=None)):
        figure = drawn(draw_plot, "profiles", estimate, optics=OIL)
        assert "from the peak / HR px" in words(figure)
        assert "theory" not in words(figure)
        assert not any(each.get_alpha() == 0.5 for each in figure.axes[0].lines)


def test_mtf_marks_half_contrast_nyquist_and_cutoff():
    figure = drawn(draw_plot, "MTF", FULL, optics=OIL)
    (axes,) = figure.axes
    x, y = line(axes, "major").get_data()
    np.testing.assert_allclose(y, np.exp(-2 * (np.pi * 0.1 * x) ** 2 * 3), atol=2e-3)
    assert x[-1] == pytest.approx(5.0)  # cycles/µm on HR pixels of 0.1 µm
    marks = {float(each.get_xdata()[0]) for each in axes.lines if each.get_marker() == "o"}
    assert sorted(marks) == pytest.approx([1.8739 / np.sqrt(3), 1.8739 / np.sqrt(1.5)], rel=2e-3)
    limits = [each.get_xdata()[0] for each in axes.lines if len(each.get_xdata()) == 2 and np.ptp(each.get_xdata()) == 0]
    assert limits == pytest.approx([2.5, 5.0])  # the cutoff, 5.4, lies beyond
    assert "cutoff" not in words(figure)
    fine = drawn(draw_plot, "MTF", replace(FULL, pixel_size=(0.1, 0.1)), optics=OIL)
    assert "optics' cutoff" in words(fine)
    dashed = line(fine.axes[0], "theory")
    expected = kg.kernels.theoretical_mtf(OIL, dashed.get_xdata() / 1000, 100.0)
    np.testing.assert_allclose(dashed.get_ydata(), expected)
    plain = drawn(draw_plot, "MTF", BARE)
    assert "cycles / HR px" in words(plain)
    assert "image's Nyquist" in words(plain)
    assert "HR Nyquist" in words(plain)


def test_mtf_that_stays_above_a_half_has_no_mark():
    point = kg.KernelEstimate(np.pad([[1.0]], 7)[:-1, :-1], 2, "given")
    figure = drawn(draw_plot, "MTF", point)
    assert "above 0.500 cycles/HR px" in words(figure)
    assert not any(each.get_marker() == "o" for each in figure.axes[0].lines)


def test_energy():
    round_one = replace(FULL, kernel=kg.kernels.gaussian(2.0, 20))
    figure = drawn(draw_plot, "encircled energy", round_one)
    x, y = max(figure.axes[0].lines, key=lambda each: len(each.get_xdata())).get_data()
    np.testing.assert_allclose(y, 1 - np.exp(-(x**2) / (2 * 0.02)), atol=3e-3)
    assert f"80 % within {0.1 * np.sqrt(-4 * np.log(0.2)):.3f} µm" in words(figure)


def test_training_is_drawn_over_the_steps_on_record():
    recorded = replace(BARE, history=kg.History({"sum": np.array([1.0, 0.1])}, steps=np.array([1, 3000])))
    (axes,) = drawn(draw_plot, "training", recorded).axes
    assert axes.lines[0].get_xdata().tolist() == [1, 3000]
    assert axes.get_xlim() == (1, 3000)
    nothing = drawn(draw_plot, "training", replace(BARE, method="spectral", history=kg.History()))
    assert "spectral: nothing was trained" in words(nothing)
    assert not nothing.axes


def test_a_kernel_in_training():
    figure = drawn(draw_training, BARE)
    above, below = figure.axes
    assert len(below.lines) == len(TERMS)
    assert "In training: FWHM 4.08 × 2.88 HR px" in words(figure)
    (only,) = drawn(draw_training, replace(BARE, history=kg.History())).axes  # a method without losses
    assert "major axis" in words(only.figure)
    first = kg.History({name: values[:1] for name, values in LOSSES.items()}, steps=np.array([1]))
    assert drawn(draw_training, replace(BARE, history=first)).axes[1].lines[0].get_marker() == "."


@pytest.mark.parametrize("theme", [DARK, theme_on("#3b3a39", "#f0eff2"), PAPER], ids=["dark", "light", "paper"])
@pytest.mark.parametrize("plot", [*PLOTS, "in training"])
def test_everything_is_in_the_theme_s_colours_and_inside_the_figure(plot, theme):
    given = (draw_training, FULL) if plot == "in training" else (draw_plot, plot, FULL, "SR kernel", OIL)
    figure = drawn(*given, theme=theme)
    assert same_color(figure.get_facecolor(), theme.paper)
    assert all(same_color(axes.get_facecolor(), theme.paper) for axes in figure.axes)
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert len(texts) > 5
    for text in texts:
        assert same_color(text.get_color(), theme.ink), text
    contrast = min(np.abs(np.subtract(to_rgb(each.get_color()), to_rgb(theme.paper))).max() for axes in figure.axes for each in axes.lines)
    assert contrast > 0.25
    seen = [text.get_window_extent(renderer) for text in told(figure) if text.get_text()]
    for box in seen:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1
    for one, other in combinations(seen, 2):
        assert not one.padded(-1).overlaps(other.padded(-1))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_plots_are_written_on_white_paper(tmp_path, suffix):
    path = tmp_path / f"plot{suffix}"
    write_plot(path, "MTF", FULL, "PSF of the image", OIL)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    if suffix.lower() == ".png":
        picture = iio.imread(path)
        assert picture.shape[:2] == (760, 1000)
        assert (picture[..., :3] == 255).all(-1).mean() > 0.8
    elif suffix == ".svg":
        text = path.read_text(encoding="utf-8")
        assert "PSF of the image: MTF" in text
        before = text
        write_plot(path, "MTF", FULL, "PSF of the image", OIL)
        assert path.read_text(encoding="utf-8") == before
    else:
        assert path.read_bytes().startswith(b"%PDF")


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(kg.InputError, match=".svg"):
        write_plot(tmp_path / "plot.bmp", "MTF", FULL)
    assert not list(tmp_path.iterdir())


def test_no_global_state_is_touched(tmp_path):
    before = dict(mpl.rcParams)
    write_plot(tmp_path / "plot.svg", "profiles", FULL)
    drawn(draw_training, BARE, theme=DARK)
    drawn(draw_nothing, "nothing")
    assert dict(mpl.rcParams) == before
