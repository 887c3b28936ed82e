"""Every format that is read, from real files written by the libraries that people write them with."""

import struct
import zlib

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr
from ome_zarr.format import FormatV05
from ome_zarr.writer import write_image as write_ngff
from PIL import Image

import napari_kernelgan as kg
from napari_kernelgan.files.images import read_image
from napari_kernelgan.images.layout import is_lazy
from napari_kernelgan.provenance import hash_file


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_plain_tiff(tmp_path, rng, dtype, byteorder):
    path = tmp_path / "plain.tif"
    data = rng.integers(0, 200, (20, 30)).astype(dtype)
    tifffile.imwrite(path, data, byteorder=byteorder)
    found = read_image(path)
    assert found.axes == "YX"
    assert found.data.dtype == np.dtype(dtype)  # of either byte order
    np.testing.assert_array_equal(found.data, data)
    assert found.pixel_size is None
    assert found.sha256 == hash_file(path)
    assert not found.notes


def test_imagej_hyperstack(tmp_path, rng):
    path = tmp_path / "stack.tif"
    data = rng.integers(0, 4000, (2, 3, 4, 20, 30)).astype(np.uint16)
    metadata = {"axes": "TZCYX", "unit": "um", "spacing": 0.5, "finterval": 2.5}
    tifffile.imwrite(path, data, imagej=True, resolution=(1 / 0.1, 1 / 0.2), metadata=metadata)
    found = read_image(path)
    assert found.axes == "TZCYX"
    np.testing.assert_array_equal(found.data, data)
    assert found.pixel_size == pytest.approx((0.2, 0.1), rel=1e-6)
    assert found.unit == "micrometer"
    assert found.calibration.z_spacing == 0.5
    assert found.calibration.t_interval == 2.5
    assert not found.ome


@pytest.mark.parametrize("unit", ["micron", "\\u00B5m", "um", "µm"])
def test_imagej_spellings_of_the_micrometer(tmp_path, rng, unit):
    path = tmp_path / "image.tif"
    # as ImageJ itself writes it: the unit in an ASCII description
    description = f"ImageJ=1.54f\nimages=1\nunit={unit}\nloop=false\n".encode("latin-1" if unit == "µm" else "ascii")
    resolution = (1 / 0.065, 1 / 0.065)
    tifffile.imwrite(path, rng.integers(0, 255, (16, 16), np.uint8), description=description, metadata=None, resolution=resolution)
    found = read_image(path)
    assert found.unit == "micrometer"
    assert found.pixel_size == pytest.approx((0.065, 0.065), rel=1e-6)


def test_imagej_without_a_unit_has_no_pixel_size(tmp_path):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), imagej=True, resolution=(72, 72))
    assert read_image(path).pixel_size is None


def test_ome_tiff(tmp_path, rng):
    path = tmp_path / "image.ome.tif"
    data = rng.normal(size=(2, 3, 20, 30)).astype(np.float32)
    metadata = {
        "axes": "CZYX",
        "PhysicalSizeX": 100.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.2,
        "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 1.5,
        "Channel": {"Name": ["actin", "nuclei"]},
    }
    tifffile.imwrite(path, data, ome=True, metadata=metadata)
    found = read_image(path)
    assert found.axes == "CZYX"
    np.testing.assert_array_equal(found.data, data)
    assert found.unit == "nanometer"
    assert found.pixel_size == pytest.approx((200, 100))
    assert found.calibration.z_spacing == pytest.approx(1500)
    assert found.calibration.channel_names == ("actin", "nuclei")
    assert found.ome


def test_resolution_tags_of_a_microscope_and_of_a_printer(tmp_path):
    fine, coarse = tmp_path / "fine.tif", tmp_path / "coarse.tif"
    data = np.zeros((16, 16), np.uint8)
    tifffile.imwrite(fine, data, resolution=(1e4 / 0.25, 1e4 / 0.5), resolutionunit="CENTIMETER")
    tifffile.imwrite(coarse, data, resolution=(300, 300), resolutionunit="INCH")
    assert read_image(fine).pixel_size == pytest.approx((0.5, 0.25), rel=1e-6)
    assert read_image(fine).unit == "micrometer"
    assert read_image(coarse).pixel_size is None


def test_multipage_colour_and_unknown_axes(tmp_path, rng):
    pages, colour, deep = tmp_path / "pages.tif", tmp_path / "colour.tif", tmp_path / "deep.tif"
    with tifffile.TiffWriter(pages) as writer:
        for _ in range(3):
            writer.write(rng.integers(0, 255, (20, 30), np.uint8), contiguous=False, metadata=None)
    tifffile.imwrite(colour, rng.integers(0, 255, (20, 30, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(deep, rng.integers(0, 255, (2, 3, 20, 30), np.uint8), photometric="minisblack")
    assert read_image(pages).axes == "TYX"
    assert read_image(colour).axes == "YXS"
    assert read_image(deep).axes == "TZYX"


@pytest.mark.parametrize(
    ("written", "read"),
    [("AYX", "TYX"), ("RYX", "TYX"), ("PTYX", "ZTYX"), ("IQYX", "TZYX"), ("VHRTZCYX", "VHRTZCYX"), ("QQQQQYX", "TZCPQYX")],
)
def test_axes_of_other_letters_are_stacks(tmp_path, rng, written, read):
    path = tmp_path / "image.tif"
    shape = (2,) * (len(written) - 2) + (33, 32)
    tifffile.imwrite(path, rng.integers(0, 255, shape, np.uint8), metadata={"axes": written}, photometric="minisblack")
    found = read_image(path)
    assert found.axes == read
    assert kg.upscale(found.data, None, method="bicubic", axes=found.axes).shape == (*shape[:-2], 66, 64)


def test_separate_colour_planes(tmp_path, rng):
    path = tmp_path / "planar.tif"
    data = rng.integers(0, 255, (3, 20, 30), np.uint8)
    tifffile.imwrite(path, data, photometric="rgb", planarconfig="separate")
    found = read_image(path)
    assert found.axes == "SYX"
    np.testing.assert_array_equal(found.data, data)


def test_axes_given_win_over_the_files(tmp_path, rng):
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, rng.integers(0, 255, (4, 20, 30), np.uint8), photometric="minisblack")
    assert read_image(path, axes="ZYX").axes == "ZYX"
    with pytest.raises(kg.InputError, match="one letter per axis"):
        read_image(path, axes="YX")


def test_white_is_zero_is_turned_over(tmp_path, rng):
    path = tmp_path / "negative.tif"
    data = rng.integers(0, 255, (20, 30), np.uint8)
    tifffile.imwrite(path, data, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path).data, 255 - data)


def test_tiff_palettes_of_pictures_and_of_microscopes(tmp_path, rng):
    data = rng.integers(0, 255, (20, 30), np.uint8)
    colours = rng.integers(0, 255, (3, 256)).astype(np.uint16) * 257
    green = np.zeros((3, 256), np.uint16)
    green[1] = np.arange(256) * 257
    tifffile.imwrite(tmp_path / "picture.tif", data, photometric="palette", colormap=colours)
    tifffile.imwrite(tmp_path / "tinted.tif", data, photometric="palette", colormap=green)
    picture, tinted = read_image(tmp_path / "picture.tif"), read_image(tmp_path / "tinted.tif")
    assert picture.axes == "YXS"
    np.testing.assert_array_equal(picture.data, (colours // 257).T[data])
    assert tinted.axes == "YX"
    np.testing.assert_array_equal(tinted.data, data)


def test_only_the_first_of_several_images_is_read_and_said(tmp_path, rng):
    path = tmp_path / "two.tif"
    first = rng.integers(0, 255, (20, 30), np.uint8)
    with tifffile.TiffWriter(path) as writer:
        writer.write(first)
        writer.write(np.zeros((50, 60), np.uint8))
    found = read_image(path)
    np.testing.assert_array_equal(found.data, first)
    assert "2 images" in found.notes[0]


def test_lazy_tiff_reads_planes_when_asked(tmp_path, rng):
    path = tmp_path / "stack.tif"
    data = rng.integers(0, 4000, (5, 40, 50)).astype(np.uint16)
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "ZYX"})
    found = read_image(path, lazy=True)
    assert is_lazy(found.data)
    assert found.axes == "ZYX"
    np.testing.assert_array_equal(np.asarray(found.data[3]), data[3])
    large = kg.upscale(found.data, None, method="bicubic", axes=found.axes)
    np.testing.assert_array_equal(np.asarray(large), kg.upscale(data, None, method="bicubic"))


@pytest.mark.parametrize(
    ("shape", "dtype", "axes"),
    [
        ((20, 30), "uint8", "YX"),
        ((20, 30), "uint16", "YX"),
        ((20, 30, 2), "uint8", "YXS"),
        ((20, 30, 3), "uint8", "YXS"),
        ((20, 30, 4), "uint8", "YXS"),
    ],
)
def test_png(tmp_path, rng, shape, dtype, axes):
    path = tmp_path / "image.png"
    data = rng.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    iio.imwrite(path, data)
    found = read_image(path)
    assert found.axes == axes
    assert found.data.dtype == dtype
    np.testing.assert_array_equal(found.data, data)


@pytest.mark.parametrize("transparent", [False, True])
def test_palette_png_gives_its_colours(tmp_path, rng, transparent):
    path = tmp_path / "palette.png"
    colours = rng.integers(0, 255, (16, 3), np.uint8)
    indices = rng.integers(0, 16, (20, 30), np.uint8)
    image = Image.frombytes("P", (30, 20), indices.tobytes())
    image.putpalette(colours.tobytes())
    image.save(path, **({"transparency": 3} if transparent else {}))
    found = read_image(path)
    assert found.axes == "YXS"
    np.testing.assert_array_equal(found.data[..., :3], colours[indices])


@pytest.mark.parametrize(("kind", "samples"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_png_is_not_quietly_cut_to_8(tmp_path, rng, kind, samples):
    path = tmp_path / "deep.png"
    data = rng.integers(0, 65535, (20, 30, samples), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in data)
    header = struct.pack(">IIBBBBB", 30, 20, 16, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)) for name, content in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    found = read_image(path)
    assert found.axes == "YXS"
    np.testing.assert_array_equal(found.data, data)


def test_jpeg_gray_colour_and_rotated_by_the_camera(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (32, 1))
    iio.imwrite(tmp_path / "gray.jpg", ramp)
    iio.imwrite(tmp_path / "colour.jpeg", np.stack([ramp] * 3, -1))
    rotation = Image.Exif()
    rotation[0x0112] = 6  # turn by 90 degrees clockwise to view
    Image.fromarray(ramp).save(tmp_path / "turned.jpg", exif=rotation)
    gray, colour, turned = (read_image(tmp_path / name) for name in ("gray.jpg", "colour.jpeg", "turned.jpg"))
    assert (gray.axes, colour.axes) == ("YX", "YXS")
    assert np.abs(gray.data.astype(int) - ramp).max() <= 8
    np.testing.assert_array_equal(turned.data, np.rot90(gray.data, -1))


def test_cmyk_jpeg_is_not_taken_for_colour_with_alpha(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("RGB", (32, 16), (200, 30, 30)).convert("CMYK").save(path)
    found = read_image(path)
    assert found.data.shape == (16, 32, 3)
    assert np.abs(found.data[8, 16].astype(int) - (200, 30, 30)).max() <= 6


def test_npy(tmp_path, rng):
    path = tmp_path / "image.npy"
    data = rng.normal(size=(4, 20, 30))
    np.save(path, data)
    assert read_image(path).axes == "TYX"
    np.testing.assert_array_equal(read_image(path, axes="ZYX", lazy=True).data, data)


def test_an_image_that_no_memory_holds_says_so(tmp_path):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**31, 2**31)})
    with pytest.raises(kg.OutOfMemory):
        read_image(path, lazy=False)


def test_npy_with_a_pickle_is_refused(tmp_path):
    path = tmp_path / "image.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(kg.InputError, match="cannot be read"):
        read_image(path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr(tmp_path, rng, version):
    path = tmp_path / "image.ome.zarr"
    data = rng.integers(0, 4000, (2, 3, 40, 50)).astype(np.uint16)
    axes = [{"name": "t", "type": "time", "unit": "millisecond"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = [500.0, 1.0, 0.2, 0.1]
    if version == "0.5":
        group = zarr.open_group(path, mode="w", zarr_format=3)
        write_ngff(data, group, fmt=FormatV05(), axes=[axis["name"] for axis in axes], scale_factors=[])
        metadata = group.attrs["ome"]
        metadata["multiscales"][0]["axes"] = axes
        metadata["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] = scale
        group.attrs["ome"] = metadata
    else:
        group = zarr.open_group(path, mode="w", zarr_format=2)
        for level, factor in (("0", 1), ("1", 2)):
            small = data[..., ::factor, ::factor]
            group.create_array(level, shape=small.shape, chunks=(1, 1, 32, 32), dtype=small.dtype)[:] = small
        # the pixel size in two steps, as the specification allows
        datasets = [
            {"path": level, "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0, 2.0 * factor, factor]}]}
            for level, factor in (("0", 1.0), ("1", 2.0))
        ]
        overall = [{"type": "scale", "scale": [500.0, 1.0, 0.1, 0.1]}]
        group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets, "coordinateTransformations": overall}]
        group.attrs["omero"] = {"channels": [{"label": name} for name in ("a", "b", "c")]}
    found = read_image(path)
    assert is_lazy(found.data)
    assert found.axes == "TCYX"
    np.testing.assert_array_equal(found.data[:], data)
    assert found.pixel_size == pytest.approx((0.2, 0.1))
    assert found.unit == "micrometer"
    assert found.calibration.t_interval == pytest.approx(0.5)
    assert found.sha256 is None
    if version == "0.4":
        assert found.calibration.channel_names == ("a", "b", "c")


def test_other_zarr_stores(tmp_path):
    array = tmp_path / "array.zarr"
    zarr.create_array(array, shape=(3, 20, 30), dtype="uint8")
    assert read_image(array).axes == "TYX"
    wrapped = zarr.open_group(tmp_path / "raw.zarr", mode="w")
    wrapped.attrs["ome"] = {"bioformats2raw.layout": 3}
    write_ngff(np.zeros((20, 30), np.uint8), wrapped.create_group("0"), axes=["y", "x"], scale_factors=[])
    assert read_image(tmp_path / "raw.zarr").axes == "YX"
    assert read_image(tmp_path / "raw.zarr").pixel_size is None
    plate = zarr.open_group(tmp_path / "plate.zarr", mode="w")
    plate.attrs["ome"] = {"plate": {}}
    with pytest.raises(kg.InputError, match="one field"):
        read_image(tmp_path / "plate.zarr")
    empty = tmp_path / "empty.zarr"
    zarr.open_group(empty, mode="w")
    with pytest.raises(kg.InputError, match="multiscales"):
        read_image(empty)


def test_files_that_cannot_be_read_say_what_to_do(tmp_path):
    (tmp_path / "a.czi").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.tif").write_text("no TIFF")
    (tmp_path / "text.png").write_text("no PNG")
    (tmp_path / "empty.npy").write_bytes(b"")
    for name, said in {
        "missing.tif": "no such file",
        "a.czi": "napari",
        "folder": "is a folder",
        "text.tif": "cannot be read",
        "text.png": "cannot be read",
        "empty.npy": "cannot be read",
    }.items():
        with pytest.raises(kg.InputError, match=said):
            read_image(tmp_path / name)


def test_a_truncated_tiff_is_refused(tmp_path, rng):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, rng.integers(0, 255, (200, 300), np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(kg.InputError, match="damaged"):
        read_image(path)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "packbits", "jpeg"])
def test_compressed_tiffs(tmp_path, compression):
    path = tmp_path / "packed.tif"
    plane = np.tile(np.arange(48, dtype=np.uint8), (32, 1))
    tifffile.imwrite(path, plane, compression=compression)
    np.testing.assert_allclose(read_image(path).data, plane, atol=2 if compression == "jpeg" else 0)
