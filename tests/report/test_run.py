import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.data import camera

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.files.images import read_image, write_image
from napari_kernelgan.images.layout import is_lazy
from napari_kernelgan.progress import run
from napari_kernelgan.provenance import hash_file
from napari_kernelgan.report.demo import WIDTHS, free_folder, iter_demo, score_tables, sharp_picture
from napari_kernelgan.report.run import iter_run
from napari_kernelgan.report.steps import iter_estimate_file, record_path

SHORT = kg.Settings(
    kernelgan=kg.KernelGANConfig(steps=30),
    zssr=kg.ZSSRConfig(max_steps=20, check_every=5, trend_steps=10, crop=32, layers=3, channels=16),
)
AUTO = SHORT.with_run(upscaler="zssr")
TRAINED = AUTO.with_run(method="kernelgan")


@pytest.fixture
def stack(tmp_path):
    """Three blurred planes of 64 x 64 px, OME-TIFF, pixels of 0.2 x 0.2 um."""
    planes = np.stack([camera()[at : at + 128, 100:228] for at in (0, 150, 250)])
    low = kg.degrade(planes, kg.kernels.gaussian(2.0), axes="ZYX")
    return read_image(write_image(tmp_path / "stack.ome.tif", low, "ZYX", (0.2, 0.2), "micrometer", 0.6))


def test_a_run_leaves_everything_and_puts_it_on_record(tmp_path, stack):
    stages = []
    result = run(iter_run(stack, tmp_path / "out", AUTO.with_run(seed=5)), lambda progress: stages.append(progress.stage))
    assert all(path.exists() for path in result.files)
    large = read_image(result.files.upscaled)
    assert (large.axes, large.data.shape, large.data.dtype) == ("ZYX", (3, 128, 128), np.uint8)
    np.testing.assert_array_equal(large.data, np.asarray(result.upscaled))
    assert large.pixel_size == pytest.approx((0.1, 0.1))
    assert large.calibration.z_spacing == pytest.approx(0.6)
    assert large.ome
    record = json.loads(result.files.report.read_text())
    assert record["input"]["sha256"] == hash_file(stack.path)
    assert record["kernel"]["method"] == "spectral"
    assert record["kernel"]["config"] == SHORT.spectral.model_dump(mode="json")
    assert np.array(record["kernel"]["fwhm_interval"]) == pytest.approx(np.array(result.estimate.fwhm_interval))
    assert record["kernel"]["reliability"]["level"] == result.estimate.reliability.level
    assert record["kernel"]["seed"] == record["upscale"]["seed"] == 5
    assert record["kernel"]["fwhm_physical"]["unit"] == "micrometer"
    assert record["upscale"]["config"]["channels"] == 16
    assert [each["plane"] for each in record["upscale"]["details"]["planes"]] == [[0], [1], [2]]
    assert record["versions"]["napari-kernelgan"] == kg.__version__
    assert record["seconds"] > 0
    assert set(record["files"]) == {"kernel", "kernel_record", "upscaled", "report", "figure"}
    assert stages[0] == "spectrum"
    assert stages[-1].startswith("ZSSR")


def test_a_run_with_kernelgan_puts_its_training_on_record(tmp_path, stack):
    stages = []
    run(iter_run(stack, tmp_path / "out", TRAINED), lambda progress: stages.append(progress.stage))
    record = json.loads((tmp_path / "out" / "report.json").read_text())["kernel"]
    assert record["config"]["steps"] == 30
    assert len(record["history"]["losses"]["generator"]) == 30
    assert record["fwhm_interval"] is record["reliability"] is None
    assert stages[0] == "KernelGAN"
    assert (tmp_path / "out" / "figure.png").exists()


def test_stopping_the_estimate_ends_the_run_with_the_kernel_so_far(tmp_path, stack):
    out = tmp_path / "out"
    result = run(iter_run(stack, out, TRAINED), lambda progress: progress.step < 4)
    assert result.stopped
    assert result.upscaled is None
    assert sorted(path.name for path in out.iterdir()) == ["kernel.json", "kernel.tif", "report.json"]
    assert kg.load_kernel(result.files.kernel).stopped
    record = json.loads(result.files.report.read_text())
    assert record["kernel"]["stopped"]
    assert record["upscale"] is record["upscaled"] is None
    assert {Path(path).name for path in record["files"].values()} == {path.name for path in out.iterdir()}


def test_a_stop_at_the_only_step_of_the_estimate_is_one_of_what_comes_next(tmp_path, stack):
    result = run(iter_run(stack, tmp_path / "out", AUTO), lambda progress: progress.stage != "spectrum")
    assert result.stopped
    assert not result.estimate.stopped
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["kernel.json", "kernel.tif", "report.json"]


def test_stopping_the_upscale_leaves_everything_and_says_so(tmp_path, stack):
    result = run(iter_run(stack, tmp_path / "out", AUTO), lambda progress: progress.stage == "spectrum")
    assert result.stopped
    assert not result.estimate.stopped
    assert all(path.exists() for path in result.files)
    assert json.loads(result.files.report.read_text())["upscale"]["stopped"]


def test_stopping_the_demo_ends_it(tmp_path):
    result = run(iter_demo(tmp_path, SHORT), lambda progress: False)
    assert result.run.stopped
    assert result.record["upscale"] is None
    assert (tmp_path / "kernel.tif").exists()
    assert not (tmp_path / "demo.json").exists()


@pytest.mark.parametrize("options", [AUTO, TRAINED], ids=["auto", "kernelgan"])
def test_a_kernel_comes_back_from_its_files(tmp_path, stack, options):
    found = run(iter_estimate_file(stack, tmp_path / "kernel.tif", options))
    loaded = kg.load_kernel(tmp_path / "kernel.tif")
    np.testing.assert_allclose(loaded.kernel, found.kernel, atol=1e-7)
    assert loaded.pixel_size == pytest.approx((0.2, 0.2))
    assert loaded.unit == "micrometer"
    assert (loaded.method, loaded.fwhm_interval, loaded.reliability) == (found.method, found.fwhm_interval, found.reliability)
    assert loaded.details["source"]["sha256"] == stack.sha256


def test_lazy_input_interpolated_plane_by_plane(tmp_path, stack):
    lazy = read_image(stack.path, lazy=True)
    assert is_lazy(lazy.data)
    result = run(iter_run(lazy, tmp_path / "out", SHORT.with_run(upscaler="bicubic")))
    assert result.record["upscale"].items() >= {"method": "bicubic", "scale": 2}.items()
    np.testing.assert_array_equal(tifffile.imread(result.files.upscaled), kg.upscale(stack.data, None, 2, "bicubic", axes="ZYX"))


@pytest.mark.parametrize(("name", "beside"), [("a.tif", "a.json"), ("a.ome.tif", "a.json"), ("a.b.png", "a.b.json")])
def test_the_record_of_an_image_lies_beside_it(tmp_path, name, beside):
    assert record_path(tmp_path / name) == tmp_path / beside


def test_the_demo_degrades_with_the_kernel_that_it_scores_against(tmp_path):
    result = run(iter_demo(tmp_path, SHORT))
    truth, low = tifffile.imread(tmp_path / "truth.tif"), tifffile.imread(tmp_path / "input.tif")
    kernel = kg.load_kernel(tmp_path / "true_kernel.tif")
    np.testing.assert_array_equal(truth, sharp_picture())
    assert np.abs(kg.degrade(truth, kernel).astype(int) - low).max() <= 1  # the kernel's file is float32
    assert kernel.fwhm == pytest.approx(WIDTHS, abs=0.05)
    estimate = kg.load_kernel(tmp_path / "kernel.tif")
    assert result.record["kernel_psnr"] == pytest.approx(kernel_psnr(estimate.kernel, kernel.kernel), abs=1e-3)
    psnr = result.record["picture_psnr"]
    assert psnr["upscaled with the true kernel"] > psnr["upscaled"] > psnr["bicubic"] + 2


def test_the_demo_shows_a_reliable_kernel_whose_error_bars_hold_the_truth(tmp_path):
    record = run(iter_demo(tmp_path, kg.Settings())).record
    assert record["reliability"]["level"] == "reliable"
    for name, (low, high) in zip(("major", "minor"), record["fwhm_interval"], strict=True):
        assert low < record["true_fwhm"][name] < high
    kernel, picture = score_tables(record)
    shown = " ".join(cell for column in kernel.columns for cell in column.cells)
    assert "{:.2f} .. {:.2f}".format(*record["fwhm_interval"][0]) in shown
    assert "reliable" in shown
    assert picture.row_count == 3


def test_demo_folders_are_new_each_time(tmp_path):
    for expected in ("napari-kernelgan-demo", "napari-kernelgan-demo-2", "napari-kernelgan-demo-3"):
        folder = free_folder(tmp_path)
        assert folder.name == expected
        folder.mkdir()
