"""Scores and their tables: means, medians, worst deciles, coverage, and the figure."""

import json

import imageio.v3 as iio
import numpy as np
import pytest
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import kernels
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
        made("a", covered=1.0, bar_width=0.2, reliability="reliable"),
        made("b", covered=0.5, bar_width=0.4, reliability="reliable"),
        made("c", covered=0.0, bar_width=0.9, reliability="unreliable"),
        made("d", method="no bars"),
    ]
    (row,) = coverage(runs)
    assert (row["method"], row["runs"], row["reliable"]) == ("m", 3, pytest.approx(2 / 3))
    assert (row["covered"], row["covered_reliable"]) == pytest.approx((0.5, 0.75))
    assert (row["bar_width"], row["bar_width_reliable"]) == pytest.approx((0.5, 0.3))
    assert "| gauss | 0 | m | 3 | 67% | 50% | 50% | 75% | 30% |" in markdown(runs)
    (none,) = coverage(runs[2:])
    assert none["covered_reliable"] is None


def test_error_bars_are_scored_against_the_true_widths():
    true = kernels.gaussian([[4.0, 0], [0, 1.0]])
    major, minor, _ = kernels.fwhm(true)
    case = Case("a", data.camera()[:64, :64], true, (), None)
    interval = ((major - 0.5, major + 0.5), (minor + 0.1, minor + 1.1))
    trust = kg.Reliability("uncertain", ("noise", "small"), ("It is noisy.", "It is small."))
    estimate = kg.KernelEstimate(kernels.gaussian([[4.0, 0], [0, 1.21]]), 2, "spectral", fwhm_interval=interval, reliability=trust)
    found = score(case, Method.parse("spectral"), Run(0, estimate, None, 1.0))
    assert found.covered == 0.5
    assert found.bar_width == pytest.approx((1 / major + 1 / minor) / 2)
    assert found.fwhm_error == pytest.approx(0.05, abs=0.005)
    assert (found.reliability, found.codes, found.kind) == ("uncertain", "noise small", "given")
    bare = score(case, Method.parse("kernelgan"), Run(0, kg.KernelEstimate(true, 2, "kernelgan"), None, 1.0))
    assert (bare.covered, bare.bar_width, bare.reliability) == (None, None, None)


def test_files_hold_every_run(tmp_path):
    runs = [made("a", kernel_psnr=50.0, covered=1.0, bar_width=0.1, reliability="reliable"), made("b", kernel_psnr=np.inf)]
    write_tables(tmp_path, runs, {"scale": 2})
    record = json.loads((tmp_path / "bench.json").read_text())
    assert [each["picture"] for each in record["scores"]] == ["a", "b"]
    assert record["coverage"][0]["covered"] == 1
    rows = (tmp_path / "bench.csv").read_text().splitlines()
    assert rows[0].startswith("picture,kind,noise,kernel_seed,method,seed,kernel_psnr")
    assert len(rows) == 3


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
