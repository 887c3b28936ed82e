import imageio.v3 as iio
import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from skimage.data import astronaut, camera

import napari_kernelgan as kg
from napari_kernelgan.estimate.result import Reliability
from napari_kernelgan.estimate.spectral.reliability import REASONS
from napari_kernelgan.report.figure import STYLE, shortened, write_figure
from napari_kernelgan.report.panels import draw_trust


def estimate(scale=2, history=True, **known):
    steps = 40
    losses = {name: np.geomspace(1, 1e-3, steps) for name in ("generator", "bicubic", "sparsity")} if history else {}
    kernel = kg.kernels.gaussian([[3.0, 1.0], [1.0, 2.0]], size=14 if scale == 2 else 40)
    return kg.KernelEstimate(kernel, scale, "kernelgan", history=kg.History(losses), **known)


SURE = {"fwhm_interval": ((3.9, 5.25), (0.0, 12.0)), "reliability": Reliability("uncertain", ("noise",), (REASONS["noise"],))}
STAGES = [{"scale": 2, "steps": 60, "error_steps": [20, 40, 60], "errors": [1e-2, 5e-3, 4e-3], "learning_rate": 1e-3}]


@pytest.mark.parametrize(
    ("low", "found", "panels"),
    [
        (camera()[:96, :120], estimate(pixel_size=(0.1, 0.1), unit="micrometer"), 5),
        (camera()[:96, :120].astype(np.uint16) * 100, estimate(pixel_size=(0.2, 0.1), unit="micrometer"), 5),
        (camera()[200:232, 200:232] / np.float32(255), estimate(history=False), 3),
        (camera()[:96, :120], estimate(history=False, **SURE), 4),
        (camera()[:96, :120], estimate(pixel_size=(0.1, 0.1), unit="micrometer", **SURE), 6),
        (astronaut()[:90, :90], estimate(scale=4), 5),
        (np.dstack([astronaut()[:90, :90], np.full((90, 90), 255, np.uint8)]), estimate(), 5),
    ],
    ids=["gray", "oblong pixels", "smallest", "error bars", "error bars and training", "colour x4", "alpha"],
)
def test_a_figure_of_anything(tmp_path, low, found, panels):
    path = tmp_path / "figure.png"
    high = np.asarray(kg.upscale(low, None, found.scale, "bicubic"))
    write_figure(path, low, high, found, STAGES if found.history.losses else [], "title", "zssr")
    figure = iio.imread(path)
    assert figure.shape[0] > 700
    assert figure.shape[1] > 1400
    assert list(tmp_path.iterdir()) == [path]
    # every part has something in it: overview and plots above, four details below
    middle = figure.shape[0] // 2
    above = np.array_split(figure[: middle - 40, :, :3], panels, axis=1)
    below = np.array_split(figure[middle + 40 :, :, :3], 4, axis=1)
    assert min(part.std() for part in above + below) > 5


def test_details_before_and_after_differ_where_the_images_do(tmp_path):
    low = camera()[:96, :120]
    bicubic = np.asarray(kg.upscale(low, None, 2, "bicubic"))
    pictures = []
    for number, high in enumerate([bicubic, 255 - bicubic]):
        write_figure(tmp_path / f"{number}.png", low, high, estimate(), STAGES, "title", "zssr")
        pictures.append(iio.imread(tmp_path / f"{number}.png")[..., :3].astype(int))
    changed = (np.abs(pictures[0] - pictures[1]).max(-1) > 50).mean(0) > 0.1
    quarters = [part.mean() > 0.5 for part in np.array_split(changed, 4)]
    assert quarters == [False, True, False, True]


@pytest.mark.parametrize("unit", [{}, {"pixel_size": (0.1, 0.1), "unit": "micrometer"}], ids=["px", "um"])
def test_error_bars_and_every_reason_for_doubt_fit_into_their_panel(unit):
    doubts = Reliability("unreliable", tuple(REASONS), tuple(REASONS.values()))
    figure = Figure(figsize=(15 / 6, 3.2), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    with rc_context(STYLE):
        panel = figure.subplots()
        draw_trust(panel, estimate(**SURE | {"reliability": doubts}, **unit))
        canvas.draw()
    taken = panel.get_tightbbox(canvas.get_renderer())
    assert min(*taken.min, *(figure.bbox.max - taken.max)) >= 0
    everything = " ".join(" ".join(text.get_text() for text in panel.findobj(Text)).split())
    assert "unreliable" in everything
    assert "3.90 .. 5.25 px" in everything
    assert ("0.263 µm" in everything) == bool(unit)
    assert all(reason in everything for reason in doubts.reasons)


def test_no_global_state_is_touched(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    low = camera()[:64, :64]
    write_figure(tmp_path / "figure.png", low, np.repeat(np.repeat(low, 2, 0), 2, 1), estimate(), [], "title", "zssr")
    assert dict(mpl.rcParams) == before


def test_long_names_are_shortened_in_their_middle():
    assert shortened("short.tif") == "short.tif"
    assert len(shortened("a" * 200 + "_end.tif")) < 90
    assert shortened("a" * 200 + "_end.tif").endswith("_end.tif")
