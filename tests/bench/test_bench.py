"""The benchmark: its pictures, its methods, its tables, and the whole of it on a small folder."""

import csv
import json

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import InputError, Settings, kernels
from napari_kernelgan.bench.cases import from_degraded, from_sharp
from napari_kernelgan.bench.command import run_bench
from napari_kernelgan.bench.methods import DEFAULT, Method

SHORT = Settings.model_validate(
    {"kernelgan": {"steps": 6}, "recurrence": {"iterations": 2, "queries": 300}, "zssr": {"max_steps": 3, "crop": 32, "channels": 4}}
)


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    iio.imwrite(pictures / "a.png", data.camera()[100:229, 100:260])
    iio.imwrite(pictures / "b.png", data.astronaut()[:128, 100:240])
    return pictures


def test_sharp_pictures_are_degraded_with_kernels_of_their_own(folder):
    first, second = from_sharp(folder, 2, None, 3, None)
    assert (first.name, second.name) == ("a", "b")
    assert first.high.shape == (128, 160)  # what the scale does not divide is lost
    assert_array_equal(first.low, kg.degrade(first.high, first.kernel))
    assert second.low.shape == (64, 70, 3)
    assert np.abs(first.kernel - second.kernel).max() > 1e-3
    (folder / "a.png").unlink()
    (alone,) = from_sharp(folder, 2, None, 3, None)
    assert_array_equal(alone.kernel, second.kernel)
    assert np.abs(next(from_sharp(folder, 2, None, 4, None)).kernel - alone.kernel).max() > 1e-3


@pytest.mark.parametrize("scale", [3, 4])
def test_other_scales_have_kernels_that_fit(folder, scale):
    case = next(from_sharp(folder, scale, None, 0, 1))
    kernels.check_kernel(case.kernel, scale)
    assert len(case.stages) == (2 if scale == 4 else 0)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_kernel_that_is_given_degrades_every_picture(folder, tmp_path, scale):
    kernel = kernels.gaussian(2.0)
    path = kg.save_kernel(tmp_path / "k.tif", kernel)
    for case in from_sharp(folder, scale, path, 0, None):
        assert_allclose(case.kernel, kernel if scale == 2 else kernels.compose(kernel), atol=1e-7)
    with pytest.raises(InputError, match="scale 3 needs a side"):
        next(from_sharp(folder, 3, path, 0, None))
    kg.save_kernel(path, kg.KernelEstimate(kernels.compose(kernel), 4, "given"))
    with pytest.raises(InputError, match="of scale 4; one of scale 2"):
        next(from_sharp(folder, 2, path, 0, None))


def test_low_resolution_pictures_find_their_kernels_and_originals(folder, tmp_path):
    made = {case.name: case for case in from_sharp(folder, 2, None, 0, None)}
    low, high = tmp_path / "low", tmp_path / "high"
    for place in (low, high):
        place.mkdir()
    for case in made.values():
        iio.imwrite(low / f"{case.name}.png", case.low)
        iio.imwrite(high / f"{case.name}.png", case.high)
    np.savez(tmp_path / "k.npz", **{case.name: case.kernel for case in made.values()})
    for case in from_degraded(low, tmp_path / "k.npz", high, 2, None):
        assert_array_equal(case.low, made[case.name].low)
        assert_array_equal(case.high, made[case.name].high)
        assert_allclose(case.kernel, made[case.name].kernel)
    with pytest.raises(InputError, match="not 2 times"):
        list(from_degraded(low, tmp_path / "k.npz", low, 2, None))
    np.savez(tmp_path / "k.npz", other=made["a"].kernel)
    with pytest.raises(InputError, match="no kernel named a, b"):
        list(from_degraded(low, tmp_path / "k.npz", None, 2, None))
    np.save(tmp_path / "k.npy", made["a"].kernel)
    with pytest.raises(InputError, match="NPZ of kernels for scale 2"):
        next(from_degraded(low, tmp_path / "k.npy", None, 2, None))
    np.savez(tmp_path / "k.npz", a=made["a"].kernel)
    with pytest.raises(InputError, match="no kernel named b"):  # before the first picture
        next(from_degraded(low, tmp_path / "k.npz", None, 2, None))


def test_method_names():
    assert Method.parse("kernelgan+zssr") == Method("kernelgan+zssr", "kernelgan", "zssr")
    assert Method.parse("bicubic").kernel is None
    assert Method.parse("true").upscaler is None
    for name in ("magic", "zssr", "true+magic", ""):
        with pytest.raises(InputError, match="unknown"):
            Method.parse(name)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_inverse_with_the_true_kernel_beats_interpolation(folder, tmp_path, scale):
    scores = run_bench(folder, tmp_path / "out", ("bicubic", "true+inverse"), scale=scale)
    by = {(s.picture, s.method): s.psnr for s in scores}
    for picture in "ab":
        assert by[picture, "true+inverse"] > by[picture, "bicubic"] + 0.5


def test_error_bars_have_a_figure_as_long_as_there_are_any(folder, tmp_path):
    run_bench(folder, tmp_path, ("spectral",), limit=1)
    assert iio.imread(tmp_path / "bars.png").ndim == 3
    (tmp_path / "bench.png").unlink()
    for name in ("bench.md", "bench.csv", "bench.json"):
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"bars\.png already exists"):
        run_bench(folder, tmp_path, ("bicubic",), limit=1)
    run_bench(folder, tmp_path, ("bicubic",), limit=1, overwrite=True)
    assert not (tmp_path / "bars.png").exists()
    assert (tmp_path / "bench.png").exists()


def test_the_whole_benchmark(folder, tmp_path):
    out = tmp_path / "out"
    told = []
    methods = (*DEFAULT, "kernelgan-published")
    scores = run_bench(folder, out, methods, seeds=(0, 1), config=SHORT, progress=lambda what, step: told.append(what))
    assert len(scores) == 2 * len(methods) * 2
    assert {s.method for s in scores} == set(methods)
    by = {(s.picture, s.method, s.seed): s for s in scores}
    assert by["a", "bicubic", 0].kernel_psnr is None
    assert by["a", "true+zssr", 0].kernel_psnr is None
    assert by["a", "kernelgan+zssr", 0].kernel_psnr > 10
    assert by["a", "kernelgan+zssr", 0].kernel_psnr != by["a", "kernelgan+zssr", 1].kernel_psnr
    assert by["a", "kernelgan-published", 0].psnr is None
    assert by["a", "kernelgan-published", 0].kernel_psnr != by["a", "kernelgan+zssr", 0].kernel_psnr
    assert by["a", "bicubic", 0].psnr > 15
    assert {"a, gauss: bicubic", "b, gauss: kernelgan+zssr"} <= set(told)
    record = json.loads((out / "bench.json").read_text())
    assert len(record["scores"]) == len(scores)
    assert record["config"]["kernelgan"]["steps"] == 6
    rows = list(csv.DictReader((out / "bench.csv").open()))
    assert float(rows[0]["psnr"]) == pytest.approx(scores[0].psnr)
    assert (out / "bench.md").read_text().count("| bicubic |") == 3
    assert iio.imread(out / "bench.png").ndim == 3
    with pytest.raises(InputError, match="already exists"):
        run_bench(folder, out, methods, config=SHORT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": 3, "methods": ["bicubic", "kernelgan+zssr"]}, "not for 3"),
        ({"scale": 3, "methods": ["bicubic", "kernelgan-published"]}, "not for 3"),
        ({"scale": 8, "methods": ["bicubic", "auto"]}, "not for 8"),
        ({"seeds": [0, -1]}, "seed"),
        ({"device": "tpu9"}, "unknown"),
        ({"kinds": ["gauss", "square"]}, "no kernels of kind 'square'"),
        ({"noises": [0, -0.1]}, "noise|Noise"),
        ({"cross_validate": 2}, "2 folds of 2 pictures do not leave 12"),
        ({"cross_validate": 2, "methods": ["kernelgan"]}, "none of the methods"),
    ],
)
def test_what_would_fail_later_is_refused_before_anything_runs(folder, tmp_path, change, message):
    told = []
    with pytest.raises(InputError, match=message):
        run_bench(folder, tmp_path / "out", config=SHORT, progress=lambda what, step: told.append(what), **change)
    assert not told


def test_scale_three_has_methods_too(folder, tmp_path):
    scores = run_bench(folder, tmp_path / "out", ["bicubic", "bicubic-kernel"], scale=3, config=SHORT, limit=1)
    assert len(scores) == 2


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        run_bench(tmp_path, tmp_path / "out", ["bicubic"])
    with pytest.raises(InputError, match="not both"):
        run_bench(tmp_path, tmp_path / "out", ["bicubic"], kernel=tmp_path / "k.tif", kernels=tmp_path / "k.npz")
    with pytest.raises(InputError, match="not a folder"):
        run_bench(tmp_path / "nowhere", tmp_path / "out", ["bicubic"])
