"""GeoTIFF as rasterio writes and reads it: where images lie before and after upscaling, bands, no-data, and what has no georeference."""

import json
import subprocess
import sys

import dask.array as da
import numpy as np
import pytest
import rasterio
import tifffile
import zarr
from skimage import data as pictures

import napari_kernelgan as kg
from napari_kernelgan.files.geotiff import GeoReference, write_geotiff
from napari_kernelgan.files.images import read_image, write_image
from napari_kernelgan.files.stacks import open_stack
from napari_kernelgan.files.strips import iter_strips
from napari_kernelgan.images.layout import Layout, is_lazy

UTM = rasterio.Affine(10.0, 0.0, 399960.0, 0.0, -10.0, 5100000.0)
TURNED = rasterio.Affine(9.4, 3.4, 399960.0, 3.4, -9.4, 5100000.0)
DEGREES = rasterio.Affine(1e-4, 0.0, 11.123456789, 0.0, -1e-4, 46.987654321)
NAMES = ("B02 blue", "B03 green", "B04 red", "B08 near infrared")


def scene(path, bands=4, dtype="uint16", crs="EPSG:32632", transform=UTM, names=NAMES, nodata=0, **options):
    camera = pictures.camera()[:300, :340].astype(dtype)
    pixels = np.stack([np.roll(camera, 9 * n, axis=1) for n in range(bands)])
    profile = {"driver": "GTiff", "height": 300, "width": 340, "count": bands, "dtype": dtype, "crs": crs, "nodata": nodata, **options}
    with rasterio.open(path, "w", transform=transform, **profile) as target:
        target.write(pixels)
        for number, name in enumerate(names, 1):
            target.set_band_description(number, name)
    return pixels


def corners(path):
    """Where the outer corners lie, the side of a pixel, and the coordinate system."""
    with rasterio.open(path) as source:
        matrix = np.array(source.transform[:6]).reshape(2, 3)
        places = [(x, y, 1) for x in (0, source.width) for y in (0, source.height)]
        return places @ matrix.T, np.sqrt(abs(source.transform.determinant)), source.crs


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_bands_are_channels_with_names(tmp_path, interleave):
    pixels = scene(tmp_path / "scene.tif", tiled=True, blockxsize=128, blockysize=128, compress="deflate", interleave=interleave)
    for image in (read_image(tmp_path / "scene.tif"), open_stack(tmp_path / "scene.tif")):
        assert image.axes == ("CYX" if interleave == "band" else "YXC")
        layout = Layout.of(image.data, image.axes)
        for index in layout.indices():
            np.testing.assert_array_equal(layout.plane(image.data, index), pixels[index])
        assert image.calibration.channel_names == NAMES
        assert (image.pixel_size, image.unit) == (pytest.approx((10, 10)), "meter")
        assert image.nodata == image.geo.nodata == 0
        assert image.geo.band_names == NAMES
        assert rasterio.crs.CRS.from_wkt(image.geo.crs) == rasterio.crs.CRS.from_epsg(32632)
        json.dumps(image.record, default=str)
    assert is_lazy(image.data)


@pytest.mark.parametrize(
    ("bands", "names", "options", "axes"),
    [
        (3, (), {"photometric": "RGB"}, "YXS"),
        (4, (), {"photometric": "RGB", "alpha": "non-premultiplied"}, "YXS"),
        (4, (), {"photometric": "RGB", "alpha": "unspecified"}, "YXC"),  # such as red, green, blue and near infrared
        (4, NAMES, {"photometric": "RGB", "alpha": "non-premultiplied"}, "YXC"),
        (3, (), {"photometric": "MINISBLACK"}, "YXC"),
        (1, (), {}, "YX"),
    ],
)
def test_photographs_keep_their_colours_together(tmp_path, bands, names, options, axes):
    scene(tmp_path / "photo.tif", bands, "uint8", names=names, nodata=None, interleave="pixel", **options)
    assert read_image(tmp_path / "photo.tif").axes == axes
    assert read_image(tmp_path / "photo.tif").nodata is None


@pytest.mark.parametrize(
    ("crs", "transform", "unit", "scale"),
    [("EPSG:32632", UTM, "meter", 2), ("EPSG:32632", TURNED, "meter", 2), ("EPSG:4326", DEGREES, None, 3)],
)
def test_an_upscaled_scene_covers_the_same_area(tmp_path, crs, transform, unit, scale):
    source, target = tmp_path / "scene.tif", tmp_path / "upscaled.tif"
    scene(source, crs=crs, transform=transform)
    image = open_stack(source)
    assert image.unit == unit
    large = kg.upscale(image.data, None, scale=scale, method="bicubic", axes=image.axes)
    write_image(target, large, image.axes, geo=image.geo.finer(scale))
    bands = np.asarray(large).transpose([image.axes.index(a) for a in "CYX"])
    (before, _, _), (after, pixel, system) = corners(source), corners(target)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6 * pixel)
    assert system == rasterio.crs.CRS.from_user_input(crs)
    with rasterio.open(target) as found:
        assert (found.width, found.height, found.count) == (340 * scale, 300 * scale, 4)
        assert found.nodata == 0
        assert found.descriptions == NAMES
        assert found.profile["tiled"]
        assert found.compression == rasterio.enums.Compression.deflate
        np.testing.assert_array_equal(found.read(), bands)
    np.testing.assert_array_equal(tifffile.imread(target), bands)  # opens without what the extra knows
    assert sorted(tmp_path.iterdir()) == [source, target]  # nothing beside it


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_round_trip(tmp_path, rng, dtype, kind):
    path = tmp_path / "new folder" / "scene.tif"
    pixels = (rng.random((2, 1100, 700)) * 250).astype(dtype)
    given = {"numpy": pixels, "dask": da.from_array(pixels, chunks=(1, 300, 333))}.get(kind)
    if kind == "zarr":
        given = zarr.create_array(tmp_path / "array.zarr", data=pixels, chunks=(1, 400, 300))
    nodata = np.nan if dtype.startswith("f") else 7
    geo = GeoReference(rasterio.crs.CRS.from_epsg(3035).to_wkt(), tuple(UTM)[:6], nodata, ("one", ""))
    write_geotiff(path, given, Layout.of(given, "CYX"), geo, about={"kernel": [1.5, np.float32(2)]})
    image = read_image(path)
    np.testing.assert_array_equal(image.data, pixels)
    assert image.data.dtype == dtype
    assert image.geo.band_names == ("one", "")
    assert image.nodata == pytest.approx(nodata, nan_ok=True)
    with rasterio.open(path) as found:
        assert json.loads(found.tags()["NAPARI_KERNELGAN"]) == {"kernel": [1.5, 2]}
    assert [each.name for each in path.parent.iterdir()] == ["scene.tif"]


def test_photographs_are_written_as_such(tmp_path):
    photo = pictures.astronaut()
    write_image(tmp_path / "photo.tif", photo, "YXS", geo=GeoReference(None, tuple(UTM)[:6]))
    image = read_image(tmp_path / "photo.tif")
    assert image.axes == "YXS"
    np.testing.assert_array_equal(image.data, photo)
    assert image.geo.crs is None
    assert image.pixel_size is None


def test_overviews_are_levels(tmp_path):
    path = tmp_path / "scene.tif"
    scene(path, tiled=True, blockxsize=128, blockysize=128)
    with rasterio.open(path, "r+") as target:
        target.build_overviews([2])
    image = open_stack(path, level=1)
    assert image.data.shape == (150, 170, 4)
    assert image.pixel_size == pytest.approx((20, 20))
    assert image.geo.transform[:2] == (20, 0)
    assert not read_image(path).notes


@pytest.mark.parametrize(
    ("axes", "dtype", "nodata", "names", "said"),
    [
        ("TCYX", "uint8", None, (), "OME-Zarr"),
        ("CYX", "int64", None, (), "float32"),
        ("CYX", "uint8", -9999.0, (), "no uint8"),
        ("CYX", "uint8", np.nan, (), "no uint8"),
        ("CYX", "uint8", None, ("a",), "1 names for 2 bands"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, axes, dtype, nodata, names, said):
    pixels = np.zeros((2,) * (len(axes) - 2) + (20, 30), dtype)
    with pytest.raises(kg.InputError, match=said):
        write_image(tmp_path / "a.tif", pixels, axes, geo=GeoReference(None, tuple(UTM)[:6], nodata, names))
    assert not list(tmp_path.iterdir())


def test_without_the_extra_pixels_are_read_and_what_is_missing_is_said(tmp_path):
    path = tmp_path / "scene.tif"
    scene(path)
    code = (
        "import sys; sys.modules['rasterio'] = None\n"  # what Python itself does for a module that must not be imported
        "import numpy as np, napari_kernelgan as kg; from napari_kernelgan.files.images import read_image, write_image\n"
        "from napari_kernelgan.files.geotiff import GeoReference\n"
        "image = read_image(sys.argv[1]); print(image.axes, image.geo, image.nodata, *image.notes)\n"
        "try: write_image(sys.argv[1] + '.out.tif', np.zeros((20, 20), np.uint8), geo=GeoReference(None, (1, 0, 0, 0, -1, 0)))\n"
        "except kg.InputError as error: print(error)"
    )
    lines = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[0].startswith("YXC None 0.0")
    assert all('pip install "napari-kernelgan[geo]"' in line for line in lines)


def test_scenes_of_other_places_are_no_stack(tmp_path):
    scene(tmp_path / "a.tif")
    scene(tmp_path / "b.tif", transform=TURNED)
    with pytest.raises(kg.InputError, match=r"b\.tif lies elsewhere"):
        open_stack(tmp_path)


@pytest.mark.parametrize("chunks", [(1, 100, 50), (1, 7, 120), (1, 250, 120), (2, (60, 130, 60), 120)])
def test_strips_compute_every_chunk_once(rng, chunks):
    pixels = rng.random((2, 250, 120))
    computed = []

    def count(block, block_info=None):
        if block_info:
            computed.append(tuple(block_info[0]["chunk-location"]))
        return block

    lazy = da.from_array(pixels, chunks=chunks).map_blocks(count, dtype=float, meta=np.empty((0, 0, 0)))
    strips = list(iter_strips(lazy, Layout.of(lazy, "CYX"), (1,), 64))
    assert [len(strip) for strip in strips] == [64, 64, 64, 58]
    np.testing.assert_array_equal(np.concatenate(strips), pixels[1])
    assert len(computed) == len(set(computed))
