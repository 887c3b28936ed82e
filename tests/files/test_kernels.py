"""Kernels on disk: what is written, that it is written whole or not at all, and that it comes back."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_kernelgan as kg

ESTIMATE = kg.KernelEstimate(kg.kernels.gaussian([[2.6, 0.8], [0.8, 1.5]]), 2, "given", seed=3)


def record_of(path):
    return json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("given", ["on the estimate", "beside it", "beside a bare array"])
def test_widths_are_written_in_the_unit_that_is_given(tmp_path, given):
    known = {"pixel_size": (0.1, 0.2), "unit": "nm"}
    if given == "on the estimate":
        path = kg.save_kernel(tmp_path / "k", kg.KernelEstimate(ESTIMATE.kernel, 2, "given", **known))
    elif given == "beside it":
        path = kg.save_kernel(tmp_path / "k", ESTIMATE, **known)
    else:
        path = kg.save_kernel(tmp_path / "k", ESTIMATE.kernel, scale=2, **known)
    record = record_of(path)
    assert (record["pixel_size"], record["unit"]) == ([0.1, 0.2], "nanometer")
    # the axes of the ellipse on oblong pixels: of a matrix R R^T whose R turns, stretches and then scales the unit circle
    major, minor, degrees = ESTIMATE.fwhm
    y, x = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    drawn = np.array([[0.1 * y * major, 0.1 * x * minor], [0.2 * x * major, -0.2 * y * minor]]) / 2
    expected = np.linalg.svd(drawn, compute_uv=False)
    assert record["fwhm_physical"] == {"major": pytest.approx(expected[0]), "minor": pytest.approx(expected[1]), "unit": "nanometer"}
    loaded = kg.load_kernel(path)
    assert (loaded.pixel_size, loaded.unit) == ((0.1, 0.2), "nanometer")


def test_without_a_scale_or_a_pixel_size_there_are_no_lengths(tmp_path):
    assert "fwhm_physical" not in record_of(kg.save_kernel(tmp_path / "a", ESTIMATE))
    assert "fwhm_physical" not in record_of(kg.save_kernel(tmp_path / "b", ESTIMATE.kernel, pixel_size=0.1, unit="um"))


@pytest.mark.parametrize("size", [0, -1, (0.1, -0.2), (1, 2, 3), "wide", math.nan])
def test_pixel_sizes_that_are_none_are_refused(tmp_path, size):
    with pytest.raises(kg.InputError, match="pixel_size"):
        kg.save_kernel(tmp_path / "k", ESTIMATE, pixel_size=size)
    assert not list(tmp_path.iterdir())


def test_times_paths_and_numpy_values_go_on_record(tmp_path):
    at = datetime(2025, 3, 1, 12, tzinfo=UTC)
    record = record_of(kg.save_kernel(tmp_path / "k", ESTIMATE, at=at, day=at.date(), source=Path("a") / "b.tif", gain=np.float32(0.5)))
    assert record["at"] == "2025-03-01 12:00:00+00:00"
    assert (record["day"], record["source"], record["gain"]) == ("2025-03-01", str(Path("a") / "b.tif"), 0.5)


def test_what_json_does_not_hold_is_refused_and_leaves_what_was_there(tmp_path):
    with pytest.raises(kg.InputError, match="cannot be written as JSON"):
        kg.save_kernel(tmp_path / "k", ESTIMATE, what=object())
    assert not list(tmp_path.iterdir())
    path = kg.save_kernel(tmp_path / "k", ESTIMATE)
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    with pytest.raises(kg.InputError, match="cannot be written as JSON"):
        kg.save_kernel(path, kg.kernels.gaussian(1.0), what=object())
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before
    assert len(list(tmp_path.iterdir())) == 2


def test_of_a_pair_none_is_replaced_where_one_cannot_be(tmp_path):
    path = kg.save_kernel(tmp_path / "k", ESTIMATE)
    before = path.read_bytes()
    path.with_suffix(".json").unlink()
    path.with_suffix(".json").mkdir()  # a file cannot be renamed to a folder's name
    with pytest.raises(OSError, match="k.json"):
        kg.save_kernel(path, kg.kernels.gaussian(1.0))
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "damage",
    [
        {"reliability": {"level": "reliable"}},
        {"reliability": "good"},
        {"scale": "two"},
        {"scale": 1},
        {"scale": [2]},
        {"stages": [[[1, 2]], 5]},
        {"stages": 7},
        {"pixel_size": [1, 2, 3]},
        {"fwhm_interval": [1, 2]},
        {"history": [1]},
        {"history": {"losses": {"sum": ["a"]}}},
        {"history": {"steps": [1, 2], "losses": {"sum": [0.5]}}},
    ],
)
def test_a_damaged_record_is_refused(tmp_path, damage):
    path = kg.save_kernel(tmp_path / "k", ESTIMATE)
    path.with_suffix(".json").write_text(json.dumps(record_of(path) | damage))
    with pytest.raises(kg.InputError, match="k.json does not describe a kernel"):
        kg.load_kernel(path)


def test_a_damaged_tiff_is_refused(tmp_path):
    path = kg.save_kernel(tmp_path / "k", ESTIMATE)
    content = path.read_bytes()
    for end in (0, 6, len(content) // 3):
        path.write_bytes(content[:end])
        with pytest.raises(kg.InputError, match="cannot be read as a kernel"):
            kg.load_kernel(path)


def test_a_kernel_comes_back(tmp_path):
    k2 = ESTIMATE.kernel
    trust = kg.Reliability("uncertain", ("noise",), ("The image is noisy.",))
    estimate = kg.KernelEstimate(
        kg.kernels.compose(k2),
        scale=4,
        method="kernelgan",
        seed=7,
        seconds=2.5,
        stopped=True,
        stages=(k2, kg.kernels.compose(k2)),
        fwhm_interval=((3.0, 4.0), (2.0, 2.5)),
        reliability=trust,
        config={"steps": 5},
        details={"batch": 2},
        pixel_size=(0.1, 0.2),
        unit="micrometer",
    )
    path = kg.save_kernel(tmp_path / "k.tif", estimate, source="a")
    loaded = kg.load_kernel(path)
    same = ("scale", "method", "seed", "seconds", "stopped", "fwhm_interval", "reliability", "config", "pixel_size", "unit")
    assert {name: getattr(loaded, name) for name in same} == {name: getattr(estimate, name) for name in same}
    assert loaded.details == {"batch": 2, "source": "a"}
    np.testing.assert_allclose(loaded.kernel, estimate.kernel, atol=1e-7)
    np.testing.assert_allclose(loaded.stages[0], k2)
    assert tifffile.imread(path).dtype == np.float32


def test_losses_come_back_with_the_steps_that_they_belong_to(tmp_path):
    losses = {"sum": np.linspace(1, 0, 1000), "centre": np.linspace(2, 1, 1000)}
    estimate = kg.KernelEstimate(kg.kernels.gaussian(2.0), 2, "kernelgan", history=kg.History(losses))
    loaded = kg.load_kernel(kg.save_kernel(tmp_path / "k", estimate)).history
    assert len(loaded.steps) == len(loaded.losses["sum"]) < 1000
    assert (loaded.steps[0], loaded.steps[-1]) == (1, 1000)
    np.testing.assert_allclose(loaded.losses["sum"], losses["sum"][loaded.steps - 1], rtol=1e-5)
    again = kg.load_kernel(kg.save_kernel(tmp_path / "again", kg.load_kernel(tmp_path / "k"))).history
    np.testing.assert_array_equal(again.steps, loaded.steps)
