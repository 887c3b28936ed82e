"""What a whole run writes, as other programs see it: validators, ome-zarr, napari, GDAL; and disks that are full."""

import os
import shutil
import subprocess

import numpy as np
import pytest
import rasterio
import tifffile
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05 import Image
from small import planes  # type: ignore[import-not-found]

import napari_kernelgan as kg
from napari_kernelgan.cli.commands import app

GAP = (slice(30, 50), slice(20, 44))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A stack of two channels with pixels of 0.2 x 0.3 um, upscaled to OME-Zarr."""
    folder = tmp_path_factory.mktemp("stack")
    metadata = {"axes": "TCYX", "TimeIncrement": 1.5, "TimeIncrementUnit": "s", "Channel": {"Name": ["DAPI", "GFP"]}}
    for axis, size in (("Y", 0.2), ("X", 0.3)):
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    tifffile.imwrite(folder / "in.ome.tif", planes(4, side=160).reshape(2, 2, 160, 160), metadata=metadata)
    kg.process_stack(folder / "in.ome.tif", kernel=kg.kernels.gaussian(2.0), upscaler="inverse", threads=1, out=folder / "out.ome.zarr")
    return folder / "out.ome.zarr"


def test_ome_zarr_keeps_to_the_specification(image):
    model = Image.from_zarr(zarr.open_group(image, mode="r"))
    (multiscale,) = model.ome_attributes.multiscales
    assert [(axis.name, axis.unit) for axis in multiscale.axes] == [("t", "second"), ("c", None), ("y", "micrometer"), ("x", "micrometer")]
    for level, dataset in enumerate(multiscale.datasets):
        scale, translation = (each.model_dump() for each in dataset.coordinateTransformations)
        assert_allclose(scale["scale"], [1.5, 1, 0.1 * 2**level, 0.15 * 2**level])
        # the outer edge of the first pixel is where it is in the source, half of its pixel before its centre
        assert_allclose(np.array(translation["translation"][-2:]) - np.array(scale["scale"][-2:]) / 2, [-0.1, -0.15])


def test_ome_zarr_opens_in_ome_zarr(image):
    (node,) = Reader(parse_url(image))()
    assert [level.shape for level in node.data] == [(2, 2, 320, 320), (2, 2, 160, 160)]
    assert_allclose(node.metadata["coordinateTransformations"][0][0]["scale"], [1.5, 1, 0.1, 0.15])
    assert node.metadata["channel_names"] == ["DAPI", "GFP"]


def open_in_napari(path, plugin):
    components = pytest.importorskip("napari.components")
    from npe2 import PluginManager

    PluginManager.instance().discover()
    return components.ViewerModel().open(path, plugin=plugin)


def test_ome_zarr_opens_in_napari(image):
    (layer,) = open_in_napari(image, "napari")  # its own reader knows pixels, and no sizes
    assert [level.shape for level in layer.data] == [(2, 2, 320, 320), (2, 2, 160, 160)]


def test_ome_zarr_opens_in_napari_at_the_right_scale(image):
    """With the plugin for OME-Zarr, where it is installed."""
    pytest.importorskip("napari_ome_zarr")
    whole = zarr.open_array(image / "0", mode="r")[:]
    layers = open_in_napari(image, "napari-ome-zarr")
    assert [layer.name.split()[-1] for layer in layers] == ["DAPI", "GFP"]
    for number, layer in enumerate(layers):
        assert layer.multiscale
        assert_allclose(layer.scale, [1.5, 0.1, 0.15])
        assert_array_equal(np.asarray(layer.data[0]), whole[:, number])


def corners(path):
    """Where the outer corners lie, in pixels of the source image, and the coordinate system."""
    with rasterio.open(path) as source:
        places = [source.transform * (x, y) for x in (0, source.width) for y in (0, source.height)]
        return np.array(places), source.crs, source.nodata, source.descriptions


@pytest.mark.parametrize(("turn", "scale"), [(20, 2), (0, 3)])
def test_a_whole_run_over_a_scene_keeps_its_place_and_its_gaps(tmp_path, capsys, turn, scale):
    source, out = tmp_path / "scene.tif", tmp_path / "out"
    place = rasterio.Affine.translation(399960.0, 5100000.0) * rasterio.Affine.rotation(turn) * rasterio.Affine.scale(10.0, -10.0)
    pixels = planes(2, side=96)
    pixels[:, *GAP] = 7
    profile = {"driver": "GTiff", "height": 96, "width": 96, "count": 2, "dtype": "uint16", "nodata": 7, "crs": "EPSG:32632"}
    with rasterio.open(source, "w", transform=place, **profile) as target:
        target.write(pixels)
        target.descriptions = ("red", "near infrared")
    options = ["--share", "channel", "--upscaler", "inverse", "--threads", 1, "--scale", scale]
    with pytest.raises(SystemExit) as end:
        app([str(each) for each in ("batch", source, "-o", out, *options)])
    assert end.value.code in (0, None), capsys.readouterr().err
    before, after = corners(source), corners(out / "upscaled.tif")
    assert np.abs(before[0] - after[0]).max() / 10.0 < 1e-6
    assert after[1:] == before[1:]
    assert after[1].to_epsg() == 32632
    with rasterio.open(out / "upscaled.tif") as target:
        large = target.read()
    assert large.shape == (2, 96 * scale, 96 * scale)
    assert_array_equal(large == 7, (pixels == 7).repeat(scale, 1).repeat(scale, 2))


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 160 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.name != "posix" or not shutil.which("mount"):
        pytest.skip("needs mount")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", disk], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_ends_the_run_and_is_gone_on_with(small_disk, stack, process):
    out, options = small_disk / "out.ome.zarr", {"kernel": kg.kernels.gaussian(2.0)}
    for number in range(4):  # more often than a plane is tried
        with pytest.raises(OSError, match="No space left"):
            process(stack, out=out, resume=number > 0, **options)
    done = len(list((small_disk / "out.journal" / "planes").glob("[0-9]*.json")))
    assert 0 < done < len(stack)
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    rest = process(stack, out=out, resume=True, **options)
    assert [row.status for row in rest.rows] == ["kept"] * done + ["done"] * (len(stack) - done)
    assert_array_equal(rest.upscaled[:], process(stack, **options).upscaled)
    assert [path for path in small_disk.rglob("*") if path.name.startswith(".") or path.suffix == ".partial"] == []
