"""Whole runs over small stacks: kernels, pixels, files, gaps, large planes."""

import csv
import json

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from skimage.data import astronaut, camera
from small import QUICK, planes  # type: ignore[import-not-found]

import napari_kernelgan as kg
from napari_kernelgan import InputError
from napari_kernelgan.files.images import read_image
from napari_kernelgan.stacks import units


def test_a_plane_s_kernel_and_pixels_are_those_of_the_plane_alone(stack, process):
    whole = process(stack, share="plane")
    assert [row.status for row in whole.rows] == ["done"] * 5
    values = whole.record["value_range"]
    for at, plane in enumerate(stack):
        alone = kg.estimate_kernel(plane, config=QUICK["spectral"], value_range=values)
        assert_allclose(whole.kernels[at].kernel, alone.kernel, atol=1e-12)
        assert_array_equal(whole.upscaled[at], kg.upscale(plane, alone, method="inverse", value_range=values))


def test_a_shared_kernel_is_that_of_the_stack(stack, process):
    found = process(stack)
    (kernel,) = found.kernels
    assert_allclose(kernel.kernel, kg.estimate_kernel(stack, config=QUICK["spectral"]).kernel, atol=1e-12)
    assert {id(row.estimate) for row in found.rows} == {id(kernel)}
    assert_array_equal(found.upscaled, kg.upscale(stack, kernel, method="inverse"))


def test_channels_and_windows_have_kernels_of_their_own(process):
    narrow, wide = planes(3, np.eye(2)), planes(3, 4.5 * np.eye(2))
    stack = np.stack([narrow, wide], 1)
    by_channel = process(stack, share="channel", axes="TCYX", upscaler="none")
    assert [group.name for group in by_channel.groups] == ["C = 0", "C = 1"]
    widths = [kernel.fwhm.major for kernel in by_channel.kernels]
    assert widths[1] > 1.4 * widths[0]
    by_window = process(np.concatenate([narrow, wide]), share="window", window=3, axes="ZYX", upscaler="none")
    widths = [kernel.fwhm.major for kernel in by_window.kernels]
    assert widths[-1] > 1.4 * widths[0]
    assert by_window.upscaled is None
    assert [row.status for row in by_window.rows] == ["done"] * 6


def test_a_given_kernel_is_used_and_none_is_estimated(stack, process):
    kernel = kg.kernels.gaussian(2.0)
    found = process(stack, kernel=kernel)
    assert found.kernels[0].method == "given"
    assert_array_equal(found.upscaled, kg.upscale(stack, kernel, method="inverse"))
    plain = process(stack, kernel=kernel, upscaler="bicubic")
    assert_array_equal(plain.upscaled, kg.upscale(stack, None, method="bicubic"))


def test_files_tell_everything(file, stack, process, tmp_path):
    out = tmp_path / "out"
    found = process(file, share="plane", out=out)
    assert {path.name for path in out.iterdir()} == {"upscaled.ome.tif", "kernels.ome.tif", "planes.csv", "stack.json", "journal"}
    image = read_image(out / "upscaled.ome.tif")
    assert (image.axes, image.data.shape, image.data.dtype) == ("TYX", (5, 128, 128), np.uint16)
    assert image.calibration.pixel_size == pytest.approx((0.05, 0.05))
    assert (image.unit, image.calibration.t_interval) == ("micrometer", 2.0)
    in_memory = process(stack, share="plane")
    assert_array_equal(image.data, in_memory.upscaled)
    kernels = read_image(out / "kernels.ome.tif")
    assert (kernels.axes, kernels.data.shape) == ("TYX", (5, 14, 14))
    assert_allclose(kernels.data, [kernel.kernel for kernel in found.kernels], atol=1e-7)
    with (out / "planes.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [int(row["T"]) for row in rows] == list(range(5))
    for row, kernel in zip(rows, found.kernels, strict=True):
        assert float(row["fwhm_major_px"]) == pytest.approx(kernel.fwhm.major)
        assert float(row["fwhm_major"]) == pytest.approx(kernel.fwhm.major * 0.05)
        assert float(row["major_low_px"]) == pytest.approx(kernel.fwhm_interval[0][0])
        assert (row["unit"], row["status"], row["reliability"]) == ("micrometer", "done", kernel.reliability.level)
        assert int(row["seed"]) >= 0
    record = json.loads((out / "stack.json").read_text())
    assert record["input"]["path"] == str(file)
    assert (record["scale"], record["share"], record["seed"]) == (2, "plane", 0)
    assert record["config"]["spectral"]["prior"] == "natural"
    assert len(record["planes"]) == 5
    assert record["kernels"][0]["fwhm_interval"]


def test_ome_zarr_comes_as_a_pyramid_with_sizes_and_names(process, tmp_path):
    import ome_zarr.io
    import ome_zarr.reader

    source = tmp_path / "in.ome.tif"
    data = planes(4, side=160).reshape(2, 2, 160, 160)
    metadata = {"axes": "TCYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.2, "PhysicalSizeYUnit": "µm"}
    metadata["Channel"] = {"Name": ["DAPI", "GFP"]}
    tifffile.imwrite(source, data, metadata=metadata)
    found = process(source, share="channel", out=tmp_path / "out.ome.zarr")
    assert found.axes == "TCYX"
    assert_array_equal(found.upscaled[:], process(data, share="channel", axes="TCYX").upscaled)
    assert {path.name for path in tmp_path.iterdir()} >= {"out.ome.zarr", "out.kernels.ome.tif", "out.planes.csv", "out.json"}
    (node,) = ome_zarr.reader.Reader(ome_zarr.io.parse_url(tmp_path / "out.ome.zarr"))()
    assert [level.shape[-1] for level in node.data] == [320, 160]
    levels = [{"scale": step["scale"]} for (step, *_) in node.metadata["coordinateTransformations"]]
    assert_allclose([level["scale"][-2:] for level in levels], [[0.1, 0.1], [0.2, 0.2]])
    assert node.metadata["channel_names"] == ["DAPI", "GFP"]
    lower = found.upscaled[:].reshape(2, 2, 160, 2, 160, 2).mean((3, 5))
    assert_allclose(np.asarray(node.data[1]), lower, atol=0.51)


def test_lazy_input_and_ranges(stack, process, tmp_path):
    store = zarr.create_array(tmp_path / "in.zarr", shape=stack.shape, dtype=stack.dtype, chunks=(1, 64, 64))
    store[:] = stack
    whole = process(stack, share="plane")
    for lazy in (store, da.from_array(stack, chunks=(1, 64, 64))):
        assert_array_equal(process(lazy, share="plane").upscaled, whole.upscaled)
    part = process(store, share="plane", ranges={"T": (1, 3)}, value_range=whole.record["value_range"])
    assert [row.place for row in part.rows] == [(1,), (2,)]
    assert_array_equal(part.upscaled, whole.upscaled[1:3])
    assert [row.seed for row in part.rows] == [row.seed for row in whole.rows[1:3]]


def test_colour_and_floats(process):
    low = kg.degrade(astronaut()[100:260, 140:300], kg.kernels.gaussian(2.0))
    colour = process(np.stack([low, low[::-1]]))
    assert (colour.axes, colour.upscaled.shape, colour.upscaled.dtype) == ("TYXS", (2, 160, 160, 3), np.uint8)
    floats = process(np.stack([low, low[::-1]])[..., 0].astype(np.float64))
    assert floats.upscaled.dtype == np.float32


@pytest.mark.parametrize("mark", ["nan", "value", "mask"])
def test_no_data_stays_and_does_not_bleed(mark, process):
    clean = planes(2, side=96).astype(np.float32)
    gap = np.zeros(clean.shape, bool)
    gap[0, 20:40, 30:64] = True
    if mark == "nan":
        stack, options = np.where(gap, np.nan, clean), {}
    elif mark == "value":
        stack, options = np.where(gap, 60000, clean.astype(np.uint16)), {"nodata": 60000}
    else:
        stack, options = np.ma.masked_array(clean, gap), {}
    found = process(stack, **options).upscaled
    large = gap.repeat(2, 1).repeat(2, 2)
    missing = found == 60000 if mark == "value" else np.isnan(found)
    assert_array_equal(missing, large)
    reference = process(clean if mark != "value" else clean.astype(np.uint16), kernel=kg.kernels.gaussian(2.0)).upscaled.astype(float)
    near = process(stack, kernel=kg.kernels.gaussian(2.0), **options).upscaled.astype(float)
    off = np.abs(near - reference)[~large]
    assert off.max() < 0.5 * np.ptp(clean)  # what marks a gap would ring by its own value
    assert np.median(off) < 1e-3 * np.ptp(clean)


def test_planes_without_any_pixel_or_texture_do_not_stop_the_others(stack, process):
    holes = stack.astype(np.float32)
    holes[1] = np.nan
    holes[3] = 7.0
    found = process(holes, share="plane")
    assert [row.status for row in found.rows] == ["done"] * 5
    assert np.isnan(found.upscaled[1]).all()
    assert_array_equal(found.upscaled[3], 7.0)
    assert found.kernels[1] is None
    assert found.kernels[3] is None


def test_large_planes_go_block_by_block_and_equal_the_whole(monkeypatch, process, tmp_path):
    plane = kg.degrade(np.kron(camera(), np.ones((2, 2))).astype(np.uint8)[:760, :900], kg.kernels.gaussian(2.0))[None]
    kernel = kg.kernels.gaussian(2.0)
    whole = process(plane, kernel=kernel).upscaled.astype(float)
    monkeypatch.setattr(units, "WHOLE", 200 * 200)
    monkeypatch.setattr(units, "BLOCK", 256)
    monkeypatch.setattr("napari_kernelgan.stacks.begin.BLOCK", 256)
    for out in (None, tmp_path / "out.ome.zarr"):
        blocks = process(plane, kernel=kernel, out=out)
        assert len(units.units(kg.stacks.source.Source.of(plane).layout)) == 4
        assert np.abs(blocks.upscaled[:].astype(float) - whole).max() <= 1  # rounding, of a range of 255
    estimated = process(plane, upscaler="none")
    assert estimated.kernels[0].fwhm.major == pytest.approx(2.355 * 2**0.5, rel=0.15)


def test_progress_tells_of_planes_and_a_stop_leaves_the_rest(stack, process, tmp_path):
    seen = []

    def callback(progress):
        seen.append(progress)
        return progress.row is None or progress.row.place != (2,)

    found = process(stack, share="plane", out=tmp_path / "out", callback=callback)
    assert found.stopped
    assert not found.complete
    assert [row.status for row in found.rows] == ["done"] * 3 + ["left"] * 2
    assert [progress.row.place for progress in seen if progress.row] == [(0,), (1,), (2,)]
    assert seen[0].kernel.shape == (14, 14)
    assert not (tmp_path / "out" / "planes.csv").exists()
    rest = process(stack, share="plane", out=tmp_path / "out", resume=True)
    assert [row.status for row in rest.rows] == ["kept"] * 3 + ["done"] * 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"share": "all"}, "share"),
        ({"upscaler": "magic"}, "upscaler"),
        ({"scale": 7}, "scale"),
        ({"method": "kernelgan", "scale": 3}, "kernelgan"),
        ({"part": (3, 2), "out": "x"}, "part"),
        ({"workers": 2}, "out="),
        ({"resume": True}, "out="),
        ({"ranges": {"Z": (0, 1)}}, "Z"),
        ({"ranges": {"T": (0, 9)}}, "0:5"),
        ({"batch": 0}, "batch"),
        ({"threads": 0}, "threads"),
        ({"seed": -1}, "seed"),
        ({"config": {"spectral": {"priors": 1}}}, "config"),
        ({"kernel": np.ones((3, 3))}, "kernel"),
        ({"image_format": "png", "out": "x"}, "png"),
        ({"out": "a.ome.zarr", "image_format": "geotiff"}, "geotiff"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(stack, process, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        process(stack, **options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten_unasked(file, process, tmp_path):
    out = tmp_path / "out"
    process(file, kernel=kg.kernels.gaussian(2.0), out=out)
    before = (out / "stack.json").read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        process(file, kernel=kg.kernels.gaussian(2.0), out=out)
    assert (out / "stack.json").read_bytes() == before
    process(file, kernel=kg.kernels.gaussian(3.0), out=out, overwrite=True)
    assert (out / "stack.json").read_bytes() != before
    strange = tmp_path / "other"
    (strange / "journal").mkdir(parents=True)
    with pytest.raises(InputError, match="not deleted"):
        process(file, kernel=kg.kernels.gaussian(3.0), out=strange, overwrite=True)
