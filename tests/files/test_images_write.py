"""Images written and read back, and what is refused before and instead of writing."""

import json
import subprocess
import sys

import dask.array as da
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

import napari_kernelgan as kg
from napari_kernelgan.files.image_file import Calibration, standard_axes
from napari_kernelgan.files.images import check_writable, read_image, write_image
from napari_kernelgan.images.layout import Layout


@pytest.fixture
def rng():
    return np.random.default_rng(0)


KNOWN = Calibration((0.05, 0.0325), "micrometer", 0.3, 1.5, ("actin", "nuclei"))


@pytest.mark.parametrize(
    ("axes", "shape", "dtype", "imagej"),
    [
        ("YX", (20, 30), "uint8", True),
        ("YX", (20, 30), "uint16", True),
        ("YX", (20, 30), "float32", True),
        ("YXS", (20, 30, 3), "uint8", True),
        ("TYXS", (2, 20, 30, 3), "uint8", True),
        ("TZCYX", (2, 3, 2, 20, 30), "uint16", True),
        ("YXS", (20, 30, 4), "uint8", True),
        ("YXS", (20, 30, 2), "uint8", False),
        ("YXS", (20, 30, 3), "uint16", False),
        ("YX", (20, 30), "int16", False),
        ("ZYX", (3, 20, 30), "uint32", False),
        ("ZYX", (3, 20, 30), "float64", False),
    ],
)
def test_round_trip(tmp_path, rng, axes, shape, dtype, imagej):
    path = tmp_path / "new folder" / "image.tif"
    data = rng.integers(0, 120, shape).astype(dtype)
    write_image(path, data, axes, *KNOWN)
    found = read_image(path)
    assert found.axes == axes
    assert found.data.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found.data, data)
    assert found.pixel_size == pytest.approx(KNOWN.pixel_size, rel=1e-6)
    assert found.unit == "micrometer"
    assert found.ome is not imagej
    if "Z" in axes:
        assert found.calibration.z_spacing == pytest.approx(0.3)
    if "T" in axes:
        assert found.calibration.t_interval == pytest.approx(1.5)
    with tifffile.TiffFile(path) as tiff:
        assert bool(tiff.is_imagej) is imagej


@pytest.mark.parametrize("unit", ["nanometer", "micrometer", "millimeter", "meter", None])
@pytest.mark.parametrize("name", ["image.tif", "image.ome.tif"])
def test_units_come_back(tmp_path, rng, unit, name):
    path = write_image(tmp_path / name, rng.integers(0, 255, (16, 16), np.uint8), "YX", (2.5, 1.25) if unit else None, unit)
    found = read_image(path)
    assert found.unit == unit
    assert found.pixel_size == (pytest.approx((2.5, 1.25)) if unit else None)


def test_ome_tiff_by_its_name_keeps_the_channels_names(tmp_path, rng):
    path = tmp_path / "image.ome.tif"
    data = rng.integers(0, 255, (2, 20, 30)).astype(np.uint16)
    write_image(path, data, "CYX", *KNOWN)
    found = read_image(path)
    assert found.ome
    assert found.calibration == KNOWN
    np.testing.assert_array_equal(found.data, data)


def test_imagej_pages_lie_one_after_the_other(tmp_path, rng):
    # ImageJ finds the planes of a stack by counting bytes from the first one
    path = tmp_path / "image.tif"
    data = rng.integers(0, 60000, (4, 20, 30)).astype(np.uint16)
    write_image(path, data, "TYX")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages.first.dataoffsets[0]
        order = tiff.byteorder
    raw = np.frombuffer(path.read_bytes(), f"{order}u2", count=data.size, offset=offset)
    np.testing.assert_array_equal(raw.reshape(data.shape), data)


def test_axes_in_any_order_are_brought_to_the_files(tmp_path, rng):
    path = tmp_path / "image.tif"
    data = rng.integers(0, 255, (2, 20, 3, 30)).astype(np.uint16)
    write_image(path, data, "CYZX")
    found = read_image(path)
    assert found.axes == "ZCYX"
    np.testing.assert_array_equal(found.data, data.transpose(2, 0, 1, 3))


def test_lazy_and_foreign_byte_order(tmp_path, rng):
    data = rng.integers(0, 60000, (3, 20, 30)).astype(">u2")
    for number, given in enumerate([data, da.from_array(data, chunks=(1, 7, 30))]):
        path = write_image(tmp_path / f"{number}.tif", given, "TYX")
        np.testing.assert_array_equal(tifffile.imread(path), data)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2"])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4)])
def test_png(tmp_path, rng, shape, dtype):
    data = rng.integers(0, np.iinfo(dtype).max, shape).astype(dtype)[:, ::2]
    path = write_image(tmp_path / "image.png", data)
    np.testing.assert_array_equal(read_image(path).data, data)


@pytest.mark.parametrize(
    ("name", "axes", "shape", "dtype", "said"),
    [
        ("image.png", "YX", (20, 30), "float32", "Write a .tif"),
        ("image.png", "TYX", (2, 20, 30), "uint8", "Write a .tif"),
        ("image.jpg", "YX", (20, 30), "uint8", "written as .tif"),
        ("image.tif", "YX", (20, 30), "uint64", "float32"),
        ("image.tif", "QTZCYX", (2, 2, 2, 2, 20, 30), "uint8", "in parts"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(tmp_path, name, axes, shape, dtype, said):
    with pytest.raises(kg.InputError, match=said):
        check_writable(tmp_path / name, Layout(axes, shape), dtype)
    with pytest.raises(kg.InputError, match=said):
        write_image(tmp_path / name, np.zeros(shape, dtype), axes)
    assert not list(tmp_path.iterdir())


def test_existing_files_are_replaced_only_where_allowed(tmp_path):
    path = tmp_path / "image.tif"
    path.write_text("precious")
    with pytest.raises(kg.InputError, match="--overwrite"):
        write_image(path, np.zeros((16, 16), np.uint8))
    assert path.read_text() == "precious"
    write_image(path, np.zeros((16, 16), np.uint8), overwrite=True)
    assert read_image(path).data.shape == (16, 16)


def test_a_failure_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "image.tif"
    path.write_text("precious")
    planes = da.from_array(np.zeros((4, 16, 16), np.uint8), chunks=(1, 16, 16))

    def fail_late(block, block_info=None):
        if block_info[0]["chunk-location"][0] == 2:
            raise OSError("the disk is gone")
        return block

    with pytest.raises(OSError, match="the disk is gone"):
        write_image(path, planes.map_blocks(fail_late, dtype=np.uint8), overwrite=True)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_finer_pixels_after_upscaling():
    assert KNOWN.finer(2).pixel_size == (0.025, 0.01625)
    assert KNOWN.finer(2)[1:] == KNOWN[1:]
    assert Calibration().finer(4) == Calibration()


@pytest.mark.parametrize(
    ("axes", "expected"),
    [("QYX", "TYX"), ("IQYXS", "TZYXS"), ("TQYX", "TZYX"), ("QTYX", "ZTYX"), ("QTZCYX", "QTZCYX"), ("QQTZCYX", "PQTZCYX")],
)
def test_axes_of_unknown_meaning_are_stacks(axes, expected):
    assert standard_axes(axes) == expected


def test_reading_pictures_loads_no_torch(tmp_path):
    iio.imwrite(tmp_path / "image.png", np.zeros((20, 30), np.uint8))
    code = (
        "import sys, json; from napari_kernelgan.files.images import read_image; read_image(sys.argv[1]); "
        "print(json.dumps([m for m in ('torch', 'zarr', 'matplotlib', 'napari') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "image.png")], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(("axes", "shape"), [("CYX", (2, 1100, 700)), ("YXS", (600, 1030, 3)), ("XY", (700, 600))])
@pytest.mark.parametrize("lazy", [False, True])
def test_large_planes_go_into_tiles(tmp_path, rng, monkeypatch, axes, shape, lazy):
    monkeypatch.setattr("napari_kernelgan.files.tiff_write.TILED_PIXELS", 2**17)
    data = rng.integers(0, 60000, shape).astype(np.uint16)
    path = write_image(tmp_path / "image.tif", da.from_array(data, chunks=300) if lazy else data, axes, *KNOWN)
    found = read_image(path)
    assert found.axes == axes.replace("XY", "YX")
    np.testing.assert_array_equal(found.data, data.T if axes == "XY" else data)
    assert found.pixel_size == pytest.approx(KNOWN.pixel_size)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert tiff.pages.first.tile == (512, 512)
