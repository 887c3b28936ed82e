"""Scores and their tables: means, medians, worst deciles, coverage, and the figure."""

import json
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import kernels
from napari_kernelgan.bench.bars import write_bars
from napari_kernelgan.bench.cases import Case
from napari_kernelgan.bench.figure import write_figure
from napari_kernelgan.bench.methods import Method, Run
from napari_kernelgan.bench.scores import Score, score
from napari_kernelgan.bench.tables import coverage, groups, markdown, summary, write_tables


def made(picture="a", seed=0, kind="gauss", noise=0.0, method="m", **values):
    return Score(picture, kind, noise, 0, method, seed, **{"seconds": 1.0} | values)


def test_summary_is_mean_over_all_and_spread_over_seeds():
    (row,) = summary([made("a", 0, psnr=30.0), made("b", 0, psnr=32.0), made("a", 1, psnr=31.0), made("b", 1, psnr=35.0)])
    assert row["psnr"] == pytest.approx(32.0)
    assert row["psnr_spread"] == pytest.approx(np.std([31.0, 33.0], ddof=1))
    assert row["kernel_psnr"] is None
    assert (row["pictures"], row["seeds"], row["runs"]) == (2, 2, 4)
    text = markdown([made("a", 0, psnr=31.0), made("b", 0, psnr=31.0), made("a", 1, psnr=33.0), made("b", 1, psnr=33.0)])
    assert "| gauss | 0 | m | 2 | 4 | 32.00 ± 1.41 | 32.00 | 31.00 | 1.0 ± 0.0 |" in text
    assert "kernel PSNR" not in text  # a column of nothing
    assert "error bars" not in text


def test_the_worst_tenth_is_low_for_scores_and_high_for_errors():
    runs = [made(f"p{i}", kernel_psnr=40.0 + i, fwhm_error=i / 100) for i in range(11)]
    (row,) = summary(runs)
    assert (row["kernel_psnr_median"], row["kernel_psnr_worst"]) == pytest.approx((45, 41))
    assert (row["fwhm_error_median"], row["fwhm_error_worst"]) == pytest.approx((0.05, 0.09))


def test_conditions_come_one_by_one_and_then_together():
    runs = [made(kind=kind, noise=noise, method=method) for kind in ("gauss", "coma") for noise in (0.0, 0.02) for method in "xy"]
    found = [(kind, noise, method, len(mine)) for kind, noise, method, mine in groups(runs)]
    assert found[:2] == [("gauss", 0, "x", 1), ("gauss", 0, "y", 1)]
    assert found[-2:] == [("all", None, "x", 4), ("all", None, "y", 4)]
    assert len(found) == 10
    assert len(list(groups(runs[:2]))) == 2


def test_coverage_is_over_all_and_over_what_is_called_reliable():
    runs = [
        made("a", use_major=0.5, use_minor=1.0, bar_width=0.2, reliability="reliable"),
        made("b", use_major=0.4, use_minor=1.5, bar_width=0.3, reliability="reliable"),
        made("c", use_major=0.1, use_minor=0.2, bar_width=0.7, reliability="reliable"),
        made("d", use_major=3.0, use_minor=2.0, bar_width=0.9, reliability="unreliable"),
        made("e", method="no bars"),
    ]
    (row,) = coverage(runs)
    assert (row["method"], row["runs"], row["reliable"]) == ("m", 4, 0.75)
    assert (row["covered"], row["covered_reliable"]) == pytest.approx((5 / 8, 5 / 6))
    assert (row["bar_width"], row["bar_width_reliable"]) == pytest.approx((0.5, 0.3))
    # of 0.1, 0.2, 0.4, 0.5, 1.0, 1.5 nine tenths lie below the middle of the last two: bars of 1.25 times the length would be right
    assert row["excess_reliable"] == pytest.approx(1 / 1.25)
    assert "| gauss | 0 | m | 4 | 75% | 62% | 50% | 83% | 30% | 0.80 |" in markdown(runs)
    (none,) = coverage(runs[3:])
    assert none["covered_reliable"] is none["excess_reliable"] is None
    assert "| gauss | 0 | m | 1 | 0% | 0% | 90% |  |  |  |" in markdown(runs[3:])


def test_error_bars_are_scored_against_the_true_widths():
    true = kernels.gaussian([[4.0, 0], [0, 1.0]])
    major, minor, _ = kernels.fwhm(true)
    case = Case("a", data.camera()[:64, :64], true, (), None)
    interval = ((major - 0.5, major + 0.5), (minor + 0.1, minor + 1.1))
    trust = kg.Reliability("uncertain", ("noise", "small"), ("It is noisy.", "It is small."))
    estimate = kg.KernelEstimate(kernels.gaussian([[4.0, 0], [0, 1.21]]), 2, "spectral", fwhm_interval=interval, reliability=trust)
    found = score(case, Method.parse("spectral"), Run(0, estimate, None, 1.0))
    assert (found.use_major, found.use_minor) == pytest.approx((0, 0.6 / 0.5))
    assert found.covered == 0.5
    assert found.bar_width == pytest.approx((1 / major + 1 / minor) / 2)
    assert found.fwhm_error == pytest.approx(0.05, abs=0.005)
    assert (found.reliability, found.codes, found.kind) == ("uncertain", "noise small", "given")
    bare = score(case, Method.parse("kernelgan"), Run(0, kg.KernelEstimate(true, 2, "kernelgan"), None, 1.0))
    assert (bare.use_major, bare.use_minor, bare.covered, bare.bar_width, bare.reliability) == (None,) * 5


WIDE, NARROW = (kernels.gaussian([[4.0, 0], [0, variance]]) for variance in (1.44, 1.0))


@pytest.mark.parametrize(
    ("true", "found", "interval", "use"),
    [
        (WIDE, NARROW, (0.0, 3.5), lambda true, found: (true - found) / (3.5 - found)),  # cut: the reach upwards, where the truth lies
        (NARROW, WIDE, (0.0, 3.5), lambda true, found: (found - true) / found),  # and downwards
        (WIDE, NARROW, (0.1, 3.5), lambda true, found: (true - 1.8) / 1.7),  # not cut: half the length, whatever the estimate
        (WIDE, NARROW, (0.0, 1.5), lambda true, found: (true - 0.75) / 0.75),  # cut, and without the estimate
    ],
)
def test_a_bar_that_is_cut_at_zero_is_measured_on_the_side_of_the_truth(true, found, interval, use):
    case = Case("a", data.camera()[:64, :64], true, (), None)
    estimate = kg.KernelEstimate(found, 2, "spectral", fwhm_interval=((4.0, 6.0), interval))
    scored = score(case, Method.parse("spectral"), Run(0, estimate, None, 1.0))
    expected = use(kernels.fwhm(true).minor, kernels.fwhm(found).minor)
    assert expected > 0.1
    assert scored.use_minor == pytest.approx(expected)
    assert scored.covered == (1.0 if expected <= 1 else 0.5)


def test_files_hold_every_run(tmp_path):
    runs = [made("a", kernel_psnr=50.0, use_major=0.5, use_minor=1.5, bar_width=0.1, reliability="reliable"), made("b", kernel_psnr=np.inf)]
    write_tables(tmp_path, runs, {"scale": 2})
    record = json.loads((tmp_path / "bench.json").read_text())
    assert [each["picture"] for each in record["scores"]] == ["a", "b"]
    assert record["coverage"][0]["covered"] == 0.5
    rows = (tmp_path / "bench.csv").read_text().splitlines()
    assert rows[0].startswith("picture,kind,noise,kernel_seed,method,seed,kernel_psnr")
    assert len(rows) == 3
    assert {"use_major", "use_minor", "bar_width"} < set(rows[0].split(","))


def coloured(path):
    pixels = iio.imread(path)[..., :3].astype(int)
    return {tuple(colour) for colour in np.unique(pixels.reshape(-1, 3), axis=0)}


def test_the_figure_draws_each_kernel_once(tmp_path):
    runs = [
        made(f"p{i}", kind=kind, noise=noise, method=method, kernel_psnr=40.0 + i, psnr=30.0)
        for i in range(4)
        for kind in ("gauss", "coma")
        for noise in (0.0, 0.02)
        for method in ("spectral+zssr", "spectral+inverse", "recurrence")
    ]
    assert write_figure(tmp_path / "bench.png", runs)
    blue, pink, green = (0x25, 0x63, 0xEB), (0xDB, 0x27, 0x77), (0x16, 0xA3, 0x4A)
    assert {blue, pink} <= coloured(tmp_path / "bench.png")
    assert green not in coloured(tmp_path / "bench.png")  # spectral+inverse has the kernel of spectral+zssr
    assert write_figure(tmp_path / "pictures.png", [made(method=m, psnr=30.0) for m in ("bicubic", "true+zssr", "true+inverse")])
    assert green in coloured(tmp_path / "pictures.png")
    assert not write_figure(tmp_path / "nothing.png", [made()])
    assert not (tmp_path / "nothing.png").exists()


def test_the_figure_of_error_bars_has_every_noise(tmp_path):
    blue, pink, green = (0x25, 0x63, 0xEB), (0xDB, 0x27, 0x77), (0x16, 0xA3, 0x4A)
    runs = [
        made(f"p{i}", kind=kind, noise=noise, method=method, use_major=i / 3, use_minor=i / 4, reliability="reliable")
        for i in range(4)
        for kind in ("gauss", "coma")
        for noise in (0.0, 0.02)
        for method in ("spectral+zssr", "spectral+inverse")
    ]
    assert write_bars(tmp_path / "bars.png", runs)
    assert {blue, pink} <= coloured(tmp_path / "bars.png")
    assert green not in coloured(tmp_path / "bars.png")
    # the same kernels with another upscaler add nothing
    assert write_bars(tmp_path / "once.png", [s for s in runs if s.method == "spectral+zssr"])
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "bars.png").read_bytes()
    # an estimate that trusts nothing has a figure too
    assert write_bars(tmp_path / "none.png", [replace(s, reliability="unreliable") for s in runs])
    assert not write_bars(tmp_path / "nothing.png", [made(kernel_psnr=50.0)])
    assert not (tmp_path / "nothing.png").exists()
