import json
import re

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr

import napari_kernelgan as kg
from napari_kernelgan.cli.commands import app
from napari_kernelgan.cli.console import Status
from napari_kernelgan.files.images import read_image
from napari_kernelgan.provenance import hash_file


@pytest.mark.parametrize(("method", "named"), [("auto", "spectral"), ("kernelgan", "kernelgan")])
def test_estimate_writes_the_kernel_with_its_origin(cli, image, short, tmp_path, method, named):
    out = tmp_path / "out"
    done = cli("estimate", image, "-o", out, "--config", short, "--seed", 3, "--method", method)
    assert done.status == 0
    assert sorted(path.name for path in out.iterdir()) == ["kernel.json", "kernel.tif"]
    assert [line.partition(": FWHM")[0] for line in done.out.splitlines()[:2]] == ["SR kernel", "PSF"]
    assert "µm" in done.out
    assert str(out / "kernel.tif") in done.out
    record = json.loads((out / "kernel.json").read_text())
    assert record["source"]["sha256"] == hash_file(image)
    assert record["pixel_size"] == pytest.approx([0.1, 0.1])
    assert record["unit"] == "micrometer"
    assert record["fwhm_physical"]["major"] == pytest.approx(record["fwhm"]["major"] * 0.05)
    settings = kg.Settings.model_validate(json.loads(short.read_text()))
    assert record["method"] == named
    assert record["config"] == getattr(settings, named).model_dump(mode="json") != getattr(kg.Settings(), named).model_dump(mode="json")
    assert record["seed"] == 3
    # the same as in Python
    same = kg.estimate_kernel(tifffile.imread(image), 2, method, seed=3, config=settings)
    np.testing.assert_array_equal(tifffile.imread(out / "kernel.tif"), same.kernel.astype(np.float32))


def test_estimate_tells_error_bars_and_how_far_to_trust_them(cli, image, tmp_path):
    said = cli("estimate", image, "-o", tmp_path).out
    record = json.loads((tmp_path / "kernel.json").read_text())
    (low, high), _ = record["fwhm_interval"]
    assert f"(90 %: {low:.2f}..{high:.2f} x " in said
    assert repr(record["spectrum"]["prior"]) in said.splitlines()[2]
    assert said.splitlines()[3].startswith(record["reliability"]["level"])
    assert all(reason in said for reason in record["reliability"]["reasons"])


def test_pixel_size_and_unit_given_win_over_the_files(cli, image, tmp_path):
    done = cli("estimate", image, "-o", tmp_path / "a", "--json", "--pixel-size", "40,20", "--unit", "nm")
    record = json.loads(done.out)
    assert (record["pixel_size"], record["unit"]) == ([40, 20], "nanometer")
    angle = np.deg2rad(record["fwhm"]["angle"])
    oblong = record["fwhm"]["major"] / 2 * np.hypot(40 * np.sin(angle), 20 * np.cos(angle))
    lengths = record["fwhm_physical"]
    assert lengths["major"] >= oblong  # the ellipse's, which is turned on oblong pixels, and of the same area
    assert lengths["major"] * lengths["minor"] == pytest.approx(record["fwhm"]["major"] * record["fwhm"]["minor"] * 40 * 20 / 4)
    done = cli("estimate", image, "-o", tmp_path / "b", "--json", "--unit", "mm")
    record = json.loads(done.out)
    assert (record["pixel_size"], record["unit"]) == (pytest.approx([0.1, 0.1]), "millimeter")


def test_the_unit_px_is_no_unit(cli, image, tmp_path):
    found = cli("upscale", image, "--upscaler", "bicubic", "-o", tmp_path / "a.tif", "--json", "--pixel-size", 2, "--unit", "px")
    assert json.loads(found.out)["upscaled"] | {"z_spacing": None} == {
        "pixel_size": [1, 1],
        "unit": None,
        "z_spacing": None,
        "t_interval": None,
        "channel_names": [],
    }
    plain = tmp_path / "plain.tif"
    tifffile.imwrite(plain, tifffile.imread(image))
    found = cli("upscale", plain, "--upscaler", "bicubic", "-o", tmp_path / "b.tif", "--json", "--pixel-size", 2)
    assert json.loads(found.out)["upscaled"]["unit"] == "micrometer"  # where none is given and the file has none


def test_upscale_divides_the_pixel_size_and_records_itself(cli, image, short, tmp_path):
    kernel = kg.save_kernel(tmp_path / "kernel.tif", kg.kernels.gaussian(2.0), scale=2)
    large = tmp_path / "large.tif"
    done = cli("upscale", image, "--kernel", kernel, "-o", large, "--config", short)
    assert done.status == 0
    assert done.out.splitlines() == [str(large), str(tmp_path / "large.json")]
    found = read_image(large)
    assert found.data.shape == (128, 144)
    assert found.data.dtype == np.uint16
    assert found.pixel_size == pytest.approx((0.05, 0.05))
    assert found.unit == "micrometer"
    record = json.loads((tmp_path / "large.json").read_text())
    assert record["input"]["sha256"] == hash_file(image)
    assert record["kernel"]["sha256"] == hash_file(kernel)
    assert record["upscale"]["method"] == "zssr"
    assert record["upscale"]["config"]["max_steps"] == 20


def test_upscale_by_the_inverse_takes_its_settings_and_records_what_it_measured(cli, image, tmp_path):
    kernel = kg.save_kernel(tmp_path / "kernel.tif", kg.kernels.gaussian(2.0), scale=2)
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"inverse": {"passes": 1}}))
    large = tmp_path / "large.tif"
    done = cli("upscale", image, "--kernel", kernel, "--upscaler", "inverse", "-o", large, "--config", settings)
    assert done.status == 0
    np.testing.assert_array_equal(
        tifffile.imread(large), kg.upscale(tifffile.imread(image), kg.kernels.gaussian(2.0), method="inverse", config={"passes": 1})
    )
    record = json.loads((tmp_path / "large.json").read_text())
    assert record["upscale"]["method"] == "inverse"
    assert record["upscale"]["config"]["passes"] == 1
    assert record["upscale"]["details"]["planes"][0]["components"][0]["noise"] > 0
    assert record["kernel"]["path"] == str(kernel)


def test_a_run_with_the_inverse_has_its_figure(cli, image, tmp_path):
    out = tmp_path / "out"
    assert cli("run", image, "-o", out, "--upscaler", "inverse").status == 0
    assert (out / "figure.png").stat().st_size > 0
    assert json.loads((out / "report.json").read_text())["upscale"]["method"] == "inverse"


def test_upscale_bicubically_needs_no_kernel_and_takes_the_scale(cli, image, tmp_path):
    done = cli("upscale", image, "--upscaler", "bicubic", "--scale", 3, "-o", tmp_path / "large.ome.tif", "--json")
    assert done.status == 0
    record = json.loads(done.out)
    assert record["kernel"] is None
    assert record["files"]["record"] == str(tmp_path / "large.json")
    found = read_image(tmp_path / "large.ome.tif")
    assert found.ome
    np.testing.assert_array_equal(found.data, kg.upscale(tifffile.imread(image), None, 3, "bicubic"))


def test_upscale_takes_the_scale_of_the_kernel_and_records_only_one_that_was_used(cli, image, tmp_path):
    kernel = kg.save_kernel(tmp_path / "kernel.tif", kg.kernels.gaussian(6.0, size=20), scale=4)
    done = cli("upscale", image, "--kernel", kernel, "--upscaler", "bicubic", "-o", tmp_path / "large.tif", "--json")
    assert done.status == 0
    assert tifffile.imread(tmp_path / "large.tif").shape == (256, 288)
    assert json.loads(done.out)["kernel"] is None


def test_a_lazy_upscale_is_on_record(cli, tmp_path):
    store = tmp_path / "image.zarr"
    zarr.create_array(store, shape=(3, 40, 50), chunks=(1, 40, 50), dtype="uint8")
    done = cli("upscale", store, "--upscaler", "bicubic", "--scale", 3, "-o", tmp_path / "large.tif", "--json")
    assert done.status == 0
    assert json.loads(done.out)["upscale"].items() >= {"method": "bicubic", "scale": 3}.items()


def test_an_image_that_no_memory_holds_is_a_failure_and_no_defect(cli, tmp_path):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**31, 2**31)})
    done = cli("estimate", path, "-o", tmp_path / "out")
    assert done.status == 1
    assert "Memory is exhausted" in done.err
    assert "Traceback" not in done.err


def test_png_out(cli, tmp_path):
    picture = tmp_path / "picture.png"
    iio.imwrite(picture, np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8))
    assert cli("upscale", picture, "--upscaler", "bicubic", "-o", tmp_path / "large.png").status == 0
    assert iio.imread(tmp_path / "large.png").shape == (80, 100, 3)


@pytest.mark.parametrize(("method", "stage"), [("auto", "spectrum"), ("kernelgan", "KernelGAN")])
def test_run_writes_everything(cli, image, short, tmp_path, method, stage):
    out = tmp_path / "out"
    done = cli("run", image, "-o", out, "--config", short, "--json", "--method", method, "--upscaler", "zssr")
    assert done.status == 0
    assert sorted(path.name for path in out.iterdir()) == ["figure.png", "kernel.json", "kernel.tif", "report.json", "upscaled.tif"]
    assert json.loads(done.out) == json.loads((out / "report.json").read_text())
    assert f"{stage} ..." in done.err
    assert "ZSSR" in done.err


def test_run_again_is_refused_before_any_computing(cli, image, short, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "figure.png").write_text("precious")
    done = cli("run", image, "-o", out, "--method", "kernelgan", "--upscaler", "zssr")  # with the whole training, which would take minutes
    assert done.status == 2
    assert "--overwrite" in done.err
    assert [path.name for path in out.iterdir()] == ["figure.png"]
    assert (out / "figure.png").read_text() == "precious"
    assert cli("run", image, "-o", out, "--config", short, "--upscaler", "zssr", "--overwrite").status == 0
    assert iio.imread(out / "figure.png").shape[2] == 4


def test_the_input_is_never_overwritten(cli, image, tmp_path):
    before = image.read_bytes()
    assert cli("upscale", image, "--upscaler", "bicubic", "-o", image, "--overwrite").status == 2
    kernel = kg.save_kernel(tmp_path / "kernel.tif", kg.kernels.gaussian(2.0), scale=2)
    record = kernel.with_suffix(".json").read_text()
    done = cli("upscale", image, "--kernel", kernel, "-o", tmp_path / "kernel.png", "--overwrite")  # its JSON would be the kernel's
    assert done.status == 2
    assert image.read_bytes() == before
    assert kernel.with_suffix(".json").read_text() == record


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["estimate", "{image}"], "--output"),
        (["estimate", "{image}", "-o", "{out}", "--scale", "1"], "--scale"),
        (["estimate", "{image}", "-o", "{out}", "--scale", "5"], "not for 5"),
        (["estimate", "{image}", "-o", "{out}", "--scale", "3", "--method", "kernelgan"], "not for 3"),
        (["estimate", "{image}", "-o", "{out}", "--method", "magic"], "magic"),
        (["estimate", "{image}", "-o", "{out}", "--device", "abacus"], "abacus"),
        (["estimate", "{image}", "-o", "{out}", "--axes", "YXZ"], "one letter per axis"),
        (["estimate", "{image}", "-o", "{out}", "--pixel-size", "-1"], "--pixel-size"),
        (["estimate", "{image}", "-o", "{out}", "--config", "{wrong}"], "stepz"),
        (["estimate", "{image}", "-o", "{out}", "--config", "{image}"], "JSON"),
        (["estimate", "{image}.missing.tif", "-o", "{out}"], "no such file"),
        (["estimate", "{image}", "-o", "{image}"], "cannot be written"),
        (["estimate", "{flat}", "-o", "{out}"], "constant"),
        (["upscale", "{image}", "-o", "{out}/a.tif"], "give the kernel"),
        (["upscale", "{image}", "-o", "{out}/a.jpg", "--upscaler", "bicubic"], "written as .tif"),
        (["upscale", "{flat}", "-o", "{out}/a.png", "--upscaler", "bicubic"], "Write a .tif"),
        (["upscale", "{image}", "-o", "{out}/a.tif", "--kernel", "{image}.missing.tif"], "cannot be read"),
        (["run", "{image}", "-o", "{out}", "--upscaler", "magic"], "magic"),
        (["conjure", "{image}"], "conjure"),
    ],
)
def test_misuse(cli, image, tmp_path, arguments, said):
    wrong, flat = tmp_path / "wrong.json", tmp_path / "flat.npy"
    wrong.write_text('{"kernelgan": {"stepz": 5}}')
    np.save(flat, np.ones((40, 40), np.float32))
    out = tmp_path / "out"
    done = cli(*(each.format(image=image, out=out, wrong=wrong, flat=flat) for each in arguments))
    assert done.status == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert not done.out
    assert not out.exists()


def test_what_breaks_on_the_way_is_a_failure_and_leaves_nothing(cli, tmp_path):
    store = tmp_path / "image.zarr"
    array = zarr.create_array(store, shape=(4, 40, 50), chunks=(1, 40, 50), dtype="uint8")
    array[:] = np.random.default_rng(0).integers(0, 255, array.shape)
    chunk = next(path for path in sorted(store.rglob("*"), reverse=True) if path.is_file() and "zarr" not in path.name)
    chunk.write_bytes(b"damaged")
    done = cli("upscale", store, "--upscaler", "bicubic", "-o", tmp_path / "out" / "large.tif")
    assert done.status == 1
    assert not done.out
    assert not list((tmp_path / "out").iterdir())


def test_demo(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("demo")
    assert done.status == 0
    assert "camera.png" in done.err
    out = tmp_path / "napari-kernelgan-demo"
    names = {"kernel.tif", "kernel.json", "upscaled.tif", "report.json", "figure.png", "demo.json"}
    names |= {"input.tif", "truth.tif", "true_kernel.tif", "true_kernel.json", "upscaled_true_kernel.tif"}
    assert {path.name for path in out.iterdir()} == names
    record = json.loads((out / "demo.json").read_text())
    assert f"{record['kernel_psnr']:.1f}" in done.out
    assert record["reliability"]["level"] in done.out
    for low, high in record["fwhm_interval"]:
        assert f"{low:.2f} .. {high:.2f}" in done.out
    for psnr in record["picture_psnr"].values():
        assert f"{psnr:.2f}" in done.out
    assert record["picture_psnr"]["bicubic"] > 20
    assert record["true_fwhm"]["major"] == pytest.approx(4.2)
    # a new folder each time; a folder that is named is not written into twice
    assert cli("demo", "-o", out).status == 2
    assert cli("demo", "--json").status == 0
    assert (tmp_path / "napari-kernelgan-demo-2" / "demo.json").exists()


def test_bench_prints_its_table(cli, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    iio.imwrite(folder / "a.png", np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
    done = cli("bench", folder, "-o", tmp_path / "out", "--methods", "bicubic", "--seeds", "0,1")
    assert done.status == 0
    assert done.out == (tmp_path / "out" / "bench.md").read_text()
    assert cli("bench", folder, "-o", tmp_path / "out", "--methods", "bicubic").status == 2
    assert cli("bench", folder, "-o", tmp_path / "new", "--seeds", "a").status == 2


def test_the_help_names_the_exit_statuses_that_there_are():
    assert [int(number) for number in re.findall(r"\d+", app.info.epilog)] == [status.value for status in Status]


def test_a_settings_file_says_what_is_done_and_options_win(cli, image, tmp_path):
    settings = tmp_path / "settings.json"
    settings.write_text(kg.Settings.fast().with_run(scale=3, seed=4).model_dump_json())
    record = json.loads(cli("run", image, "-o", tmp_path / "a", "--json", "--config", settings).out)
    assert [record["kernel"][name] for name in ("method", "scale", "seed")] == ["spectral", 3, 4]
    assert (record["upscale"]["method"], record["upscale"]["scale"]) == ("inverse", 3)
    record = json.loads(cli("run", image, "-o", tmp_path / "b", "--json", "--config", settings, "--upscaler", "bicubic", "--scale", 2).out)
    assert [record["kernel"][name] for name in ("method", "scale", "seed")] == ["spectral", 2, 4]
    assert record["upscale"]["method"] == "bicubic"


def test_published_settings_are_those_of_both_methods():
    settings = kg.Settings.published()
    assert (settings.run.method, settings.run.upscaler) == ("kernelgan", "zssr")
    assert (settings.kernelgan, settings.zssr) == (kg.KernelGANConfig.published(), kg.ZSSRConfig.published())
    assert kg.Settings.model_validate_json(settings.model_dump_json()) == settings
