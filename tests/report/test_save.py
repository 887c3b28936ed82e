"""Results in a folder: read back, refused, stopped, and failed."""

import csv
import json

import dask.array as da
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr

import napari_kernelgan as kg
from napari_kernelgan.files.image_file import Calibration
from napari_kernelgan.files.images import read_image
from napari_kernelgan.files.kernels import kernel_record
from napari_kernelgan.images.layout import Layout
from napari_kernelgan.progress import run
from napari_kernelgan.report.save import Results, iter_save_results, save_results

TABLE = 'name,value,unit\r\nFWHM,"1,5",µm\r\n'
CALIBRATION = Calibration((0.1, 0.1), "micrometer", 0.6, None, ("DAPI", "GFP"))
ALL = ["figure.png", "kernel.csv", "kernel.json", "kernel.tif", "methods.txt", "provenance.txt", "upscaled.json", "upscaled.ome.tif"]


@pytest.fixture(scope="module")
def image(small):
    """Two channels of two planes, CZYX uint16."""
    planes = [small, small[::-1], small[:, ::-1], small[::-1, ::-1]]
    return np.stack(planes).reshape(2, 2, *small.shape).astype(np.uint16) * 20


@pytest.fixture(scope="module")
def results(image):
    estimate = kg.estimate_kernel(image, axes="CZYX")
    upscaled = kg.upscale(image, estimate, method="inverse", axes="CZYX")
    about = {"kind": "upscaled image", **{name: value for name, value in vars(upscaled.info).items() if name != "details"}}
    records = [{"kind": "kernel", "source": {"layer": "cells"}, **kernel_record(estimate)}, about | upscaled.info.details]
    return Results(records, estimate, np.asarray(upscaled), "CZYX", CALIBRATION, image, "cells", {"kernel.csv": TABLE})


def test_everything_is_read_back(tmp_path, results):
    stages = []
    saved = save_results(tmp_path / "new" / "out", results, callback=lambda progress: stages.append((progress.step, progress.total)))
    folder = tmp_path / "new" / "out"
    assert sorted(path.name for path in folder.iterdir()) == ALL
    assert set(saved.files) == set(folder.iterdir())
    assert (saved.notes, saved.stopped) == ((), False)
    assert stages == [(1, 3), (2, 3), (3, 3)]
    back = kg.load_kernel(folder / "kernel.tif")
    np.testing.assert_allclose(back.kernel, results.kernel.kernel, atol=1e-7)
    assert (back.method, back.fwhm_interval) == ("spectral", results.kernel.fwhm_interval)
    assert json.loads((folder / "kernel.json").read_text(encoding="utf-8"))["source"]["layer"] == "cells"
    with tifffile.TiffFile(folder / "upscaled.ome.tif") as file:
        assert file.is_ome
        assert file.series[0].axes == "ZCYX"
        assert 'PhysicalSizeX="0.1"' in file.ome_metadata
        assert 'Name="DAPI"' in file.ome_metadata
    large = read_image(folder / "upscaled.ome.tif")
    order = [large.axes.index(axis) for axis in "CZYX"]
    np.testing.assert_array_equal(np.asarray(large.data).transpose(order), results.upscaled)
    assert large.calibration == CALIBRATION
    assert json.loads((folder / "upscaled.json").read_text(encoding="utf-8"))["method"] == "inverse"
    with (folder / "kernel.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [{"name": "FWHM", "value": "1,5", "unit": "µm"}]
    assert "The image was upscaled by 2 along Y and X" in (folder / "methods.txt").read_text(encoding="utf-8")
    text = (folder / "provenance.txt").read_text(encoding="utf-8")
    assert text.index("KERNEL\n======") < text.index("UPSCALED IMAGE\n==============")
    assert iio.imread(folder / "figure.png").shape[1] > 1400


def test_an_ome_zarr_image(tmp_path, results):
    steps = []
    save_results(tmp_path, results, image_format="ome-zarr", callback=lambda progress: steps.append((progress.step, progress.total)))
    assert steps == [(n, 6) for n in range(1, 7)]  # the kernel, four planes, the rest
    back = read_image(tmp_path / "upscaled.ome.zarr")
    np.testing.assert_array_equal(np.asarray(back.data), results.upscaled)
    assert (back.axes, back.notes) == ("CZYX", ())
    assert back.calibration == CALIBRATION
    group = zarr.open_group(tmp_path / "upscaled.ome.zarr", mode="r")
    first = group.attrs["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    np.testing.assert_allclose(first[1]["translation"][2:], [-0.05, -0.05])  # over the image, edge to edge
    assert "upscaled.ome.tif" not in [path.name for path in tmp_path.iterdir()]
    reader = pytest.importorskip("ome_zarr.reader")
    from ome_zarr.io import parse_url

    (node,) = reader.Reader(parse_url(tmp_path / "upscaled.ome.zarr"))()
    np.testing.assert_array_equal(node.data[0], results.upscaled)


@pytest.mark.parametrize("image_format", ["ome-tiff", "ome-zarr"])
def test_lazy_images_are_computed_plane_by_plane(tmp_path, results, image_format):
    computed = []

    def watched(block):
        computed.append(block.shape)
        return block

    lazy = da.from_array(results.upscaled, chunks=(1, 1, -1, -1)).map_blocks(watched, dtype=np.uint16)
    save_results(tmp_path, Results(results.records, None, lazy, "CZYX"), image_format=image_format)
    back = read_image(next(path for path in tmp_path.iterdir() if path.name.startswith("upscaled.ome")))
    np.testing.assert_array_equal(np.asarray(back.data).transpose([back.axes.index(a) for a in "CZYX"]), results.upscaled)
    assert {shape for shape in computed if 0 not in shape and shape != (1, 1, 1, 1)} == {(1, 1, 192, 160)}


def test_a_kernel_alone(tmp_path, results, image):
    saved = save_results(tmp_path, Results(results.records[:1], results.kernel, axes="CZYX", image=image))
    assert sorted(path.name for path in saved.files) == ["figure.png", "kernel.json", "kernel.tif", "methods.txt", "provenance.txt"]
    figure = iio.imread(tmp_path / "figure.png")
    assert 300 < figure.shape[0] < 450  # the upper row only
    assert all(part.std() > 5 for part in np.array_split(figure[40:, :, :3], 4, axis=1))


def test_what_is_left_out_is_told(tmp_path, results):
    saved = save_results(tmp_path / "a", Results(results.records, results.kernel, results.upscaled, "CZYX"))
    assert saved.notes == ("There is no figure: the image is not among what is saved.",)
    assert not (tmp_path / "a" / "figure.png").exists()
    field = kg.given_map(lambda y, x: kg.kernels.gaussian(2.0), (96, 80))
    saved = save_results(tmp_path / "b", Results(results.records[1:], field, results.upscaled, "CZYX", image=results.image))
    assert "it shows one kernel, and this is a map" in saved.notes[0]
    assert kg.load_kernel_map(tmp_path / "b" / "kernels.tif").shape == field.shape
    saved = save_results(tmp_path / "c", Results(results.records[1:], None, results.upscaled, "CZYX", image=results.image))
    assert "it shows a kernel, and none is saved" in saved.notes[0]
    saved = save_results(
        tmp_path / "c", Results(results.records[1:], None, results.upscaled, "CZYX"), image_format="ome-zarr", overwrite=True
    )
    assert "upscaled.ome.tif of an earlier time is still in the folder." in saved.notes


# --- Refusing, stopping, failing ------------------------------------------------------------------------------------------------------


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("image_format", ["ome-tiff", "ome-zarr"])
def test_nothing_is_overwritten_unless_it_is_allowed(tmp_path, results, image_format):
    save_results(tmp_path, results, image_format=image_format)
    before = content(tmp_path)
    changed = Results(results.records, results.kernel, 2 * results.upscaled, "CZYX", CALIBRATION, results.image, "cells", results.tables)
    with pytest.raises(kg.InputError, match=r"holds kernel.tif, kernel.json, kernel.csv, upscaled.ome.* already: choose another folder"):
        iter_save_results(tmp_path, changed, image_format=image_format)  # at the call, before anything is written
    assert content(tmp_path) == before
    save_results(tmp_path, changed, image_format=image_format, overwrite=True)
    back = read_image(next(path for path in tmp_path.iterdir() if path.name.startswith("upscaled.ome")))
    assert np.asarray(back.data).max() == changed.upscaled.max()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_one_file_that_is_there_is_enough_to_refuse(tmp_path, results):
    (tmp_path / "methods.txt").write_text("mine")
    with pytest.raises(kg.InputError, match="holds methods.txt already"):
        save_results(tmp_path, results)
    assert [path.name for path in tmp_path.iterdir()] == ["methods.txt"]


@pytest.mark.parametrize("image_format", ["ome-tiff", "ome-zarr"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_stop_leaves_nothing(tmp_path, results, image_format, step):
    folder = tmp_path / "deep" / "out"
    saved = save_results(folder, results, image_format=image_format, callback=lambda progress: progress.step < step)
    assert (saved.files, saved.stopped) == ((), True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_dropped_leaves_nothing(tmp_path, results):
    steps = iter_save_results(tmp_path / "out", results)
    next(steps)
    assert (tmp_path / "out").exists()
    steps.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("image_format", ["ome-tiff", "ome-zarr"])
def test_a_failure_leaves_what_was_there(tmp_path, results, image_format):
    (tmp_path / "notes.txt").write_text("mine")

    def broken(block):
        if block.size and block.max() > 1 and block.shape[-1] > 1:
            raise OSError("the disk is gone")
        return block

    save_results(tmp_path, results, image_format=image_format)
    before = content(tmp_path)
    lazy = da.from_array(results.upscaled, chunks=(1, 1, -1, -1)).map_blocks(broken, dtype=np.uint16)
    with pytest.raises(OSError, match="the disk is gone"):
        save_results(tmp_path, Results(results.records, results.kernel, lazy, "CZYX"), image_format=image_format, overwrite=True)
    assert content(tmp_path) == before


def test_what_cannot_be_saved_is_refused_before_anything_is_written(tmp_path, results):
    refused = [
        (Results(results.records), {}, "nothing to save"),
        (results, {"image_format": "png"}, "use one of ome-tiff, ome-zarr"),
        (Results(results.records, None, results.upscaled.astype(np.int64), "CZYX"), {}, "holds no int64"),
        (Results(results.records, None, np.zeros((2, 8, 8, 3), np.uint8), "CYXS"), {"image_format": "ome-zarr"}, "write it as OME-TIFF"),
        (Results(results.records, results.kernel, tables={"../up.csv": ""}), {}, "plain names of their own"),
        (Results(results.records, results.kernel, tables={"kernel.tif": ""}), {}, "plain names of their own"),
    ]
    for given, options, words in refused:
        with pytest.raises(kg.InputError, match=words):
            iter_save_results(tmp_path / "out", given, **options)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(kg.InputError, match="no folder that you may write to"):
        iter_save_results(tmp_path / "file", results)
    (tmp_path / "out" / "upscaled.ome.zarr").mkdir(parents=True)
    with pytest.raises(kg.InputError, match="no Zarr store, and is not deleted"):
        iter_save_results(tmp_path / "out", results, image_format="ome-zarr", overwrite=True)


def test_colours_and_planes_larger_than_a_chunk_in_ome_zarr(tmp_path, rng):
    large = rng.integers(0, 255, (700, 1100, 3)).astype(np.uint8)
    record = {"kind": "upscaled image", "method": "bicubic", "scale": 2}
    run(iter_save_results(tmp_path, Results([record], None, large, "YXS"), image_format="ome-zarr"))
    back = read_image(tmp_path / "upscaled.ome.zarr")
    layout = Layout.of(back.data, back.axes)
    np.testing.assert_array_equal(layout.plane(back.data), large)
    assert layout.axes == "SYX"
    assert zarr.open_array(tmp_path / "upscaled.ome.zarr" / "1", mode="r").shape == (3, 350, 550)
