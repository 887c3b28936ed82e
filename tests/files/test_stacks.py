"""Stacks from files, folders, patterns and stores: lazy, picklable, and the same pixels as when read at once."""

import io
import pickle
import subprocess
import sys

import dask.array as da
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from skimage import data as pictures

import napari_kernelgan as kg
from napari_kernelgan.files.image_file import Calibration
from napari_kernelgan.files.images import read_image
from napari_kernelgan.files.ngff_write import create_ngff, finish_ngff, write_levels, write_region
from napari_kernelgan.files.stacks import natural_order, open_stack
from napari_kernelgan.images.layout import Layout, is_lazy


def read_elsewhere(image, key):
    """What another process reads from an image that is pickled to it."""
    code = (
        "import pickle, sys, numpy as np; image, key = pickle.load(sys.stdin.buffer)\n"
        "image = pickle.loads(pickle.dumps(image)); image.data[key]\n"
        "image = pickle.loads(pickle.dumps(image)); np.save(sys.stdout.buffer, np.asarray(image.data[key]))"
    )
    sent = pickle.dumps((image, key))
    assert len(sent) < 8000  # names, not pixels
    return np.load(io.BytesIO(subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True).stdout))


@pytest.fixture(scope="module")
def sample():
    camera = pictures.camera()[:300, :400].astype(np.uint16) * 257
    return np.stack([np.roll(camera, 10 * n, axis=1) for n in range(3)])


def contiguous(path, stack):
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX", "unit": "um"}, resolution=(4, 4))


def tiled(path, stack):
    tifffile.imwrite(path, stack, tile=(128, 128), compression="zlib", metadata={"axes": "TYX"}, photometric="minisblack")


def big_endian(path, stack):
    tifffile.imwrite(path, stack, byteorder=">", photometric="minisblack", metadata={"axes": "TYX"})


def miniswhite(path, stack):
    tifffile.imwrite(path, ~stack, photometric="miniswhite", metadata={"axes": "TYX"})


@pytest.mark.parametrize("write", [contiguous, tiled, big_endian, miniswhite])
def test_tiff(tmp_path, sample, write):
    path = tmp_path / "stack.tif"
    write(path, sample)
    image = open_stack(path)
    assert is_lazy(image.data)
    assert (image.axes, image.data.shape, image.data.dtype) == ("TYX", (3, 300, 400), np.dtype("uint16"))
    assert image.sha256 is None
    np.testing.assert_array_equal(image.data[...], sample)
    np.testing.assert_array_equal(image.data[-1, 5:250, ::2], sample[-1, 5:250, ::2])
    np.testing.assert_array_equal(np.asarray(da.from_array(image.data)[1:, 17]), sample[1:, 17])
    if write in (contiguous, tiled):
        np.testing.assert_array_equal(read_elsewhere(image, (1, slice(0, 99), slice(None))), sample[1, :99])


@pytest.mark.parametrize("name", ["gray.png", "colour.png", "deep.png", "palette.png", "photo.jpg"])
def test_pictures(tmp_path, name):
    path = tmp_path / name
    colour = pictures.astronaut()[:100, :120]
    written = {"gray": colour[..., 0], "deep": colour[..., 0].astype(np.uint16) * 100}.get(path.stem, colour)
    if path.stem == "palette":
        Image.fromarray(colour).quantize(16).save(path)
    else:
        iio.imwrite(path, written)
    image, whole = open_stack(path), read_image(path)
    assert is_lazy(image.data)
    assert not is_lazy(whole.data)
    assert (image.axes, image.data.shape, image.data.dtype) == (whole.axes, whole.data.shape, whole.data.dtype)
    np.testing.assert_array_equal(image.data[10:20], whole.data[10:20])
    if path.stem == "palette":
        np.testing.assert_array_equal(read_elsewhere(image, slice(10, 20)), whole.data[10:20])


def test_npy(tmp_path, sample):
    np.save(tmp_path / "stack.npy", sample)
    image = open_stack(tmp_path / "stack.npy", axes="ZYX")
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(read_elsewhere(image, (2, slice(0, 9))), sample[2, :9])


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_folder_and_a_pattern_in_natural_order(tmp_path, sample, suffix):
    frames = [np.roll(sample[0], n, axis=0) for n in range(12)]
    for n, frame in enumerate(frames):
        iio.imwrite(tmp_path / f"img{n + 1}{suffix}", frame)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.tif").write_text("not a picture")
    for source in (tmp_path, str(tmp_path / f"*{suffix}"), natural_order(tmp_path.glob("img*"))):
        image = open_stack(source)
        assert image.axes == "TYX"
        assert image.data.chunks == (1, 300, 400)
        np.testing.assert_array_equal(image.data[...], frames)
    assert open_stack(tmp_path, axes="ZYX").axes == "ZYX"
    with pytest.raises(kg.InputError, match="one letter per axis"):
        open_stack(tmp_path, axes="ZCYX")
    np.testing.assert_array_equal(read_elsewhere(image, (slice(8, 11), slice(0, 9))), np.stack(frames)[8:11, :9])
    assert image.data[5:5].shape == (0, 300, 400)


def test_stacks_in_files_get_another_letter_and_keep_the_calibration(tmp_path, sample):
    for n in range(2):
        contiguous(tmp_path / f"{n}.tif", sample + n)
    image = open_stack(tmp_path)
    assert image.axes == "ZTYX"
    assert image.unit == "micrometer"
    assert image.pixel_size == pytest.approx((0.25, 0.25))
    np.testing.assert_array_equal(image.data[...], [sample, sample + 1])
    assert open_stack(tmp_path, axes="CZYX").axes == "CZYX"


def test_a_single_match_is_that_file(tmp_path, sample):
    contiguous(tmp_path / "only.tif", sample)
    assert open_stack(tmp_path).axes == open_stack(str(tmp_path / "on*.tif")).axes == "TYX"


def test_the_file_that_differs_is_named(tmp_path, sample):
    for n in range(3):
        tifffile.imwrite(tmp_path / f"{n}.tif", sample[0])
    tifffile.imwrite(tmp_path / "1.tif", sample[0][:-1])
    with pytest.raises(kg.InputError, match=r"1\.tif has shape \(299, 400\)"):
        open_stack(tmp_path)
    tifffile.imwrite(tmp_path / "1.tif", sample[0].astype(np.uint8))
    with pytest.raises(kg.InputError, match=r"1\.tif has dtype uint8"):
        open_stack(tmp_path)
    for source in (str(tmp_path / "*.png"), []):
        with pytest.raises(kg.InputError):
            open_stack(source)


def test_an_ome_tiff_of_several_files(tmp_path, sample):
    # as Micro-Manager and Bio-Formats write them: every file has the whole image's XML, which names the others
    names = [f"set_{n}.ome.tif" for n in range(3)]
    blocks = "".join(
        f'<TiffData FirstT="{n}" FirstC="0" FirstZ="0" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:0000000{n}</UUID></TiffData>'
        for n, name in enumerate(names)
    )
    pixels = (
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="400" SizeY="300" SizeZ="1" SizeC="1" SizeT="3" '
        'PhysicalSizeX="0.5" PhysicalSizeY="0.5"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
    )
    for n, name in enumerate(names):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:0000000{n}"><Image ID="Image:0">{pixels}'
            f"{blocks}</Pixels></Image></OME>"
        )
        tifffile.imwrite(tmp_path / name, sample[n], description=xml, metadata=None, photometric="minisblack")
    for source in (tmp_path / names[1], tmp_path, str(tmp_path / "set_*.ome.tif")):
        image = open_stack(source)
        assert (image.axes, image.data.shape) == ("TYX", (3, 300, 400))
        assert image.pixel_size == (0.5, 0.5)
        np.testing.assert_array_equal(image.data[2], sample[2])
    np.testing.assert_array_equal(read_elsewhere(image, (1, slice(0, 9))), sample[1, :9])
    with pytest.raises(kg.InputError, match=r"set_2\.ome\.tif"):
        open_stack(str(tmp_path / "set_[01].ome.tif"))
    (tmp_path / names[2]).unlink()
    with pytest.raises(kg.InputError, match="not there"):
        open_stack(tmp_path / names[0])


def test_every_level_of_an_ome_zarr(tmp_path, sample):
    path, layout = tmp_path / "image.ome.zarr", Layout.of(sample, "TYX")
    create_ngff(path, layout, sample.dtype, Calibration((0.2, 0.1), "micrometer"), name="test")
    for index in layout.indices():
        write_region(path, layout, index, sample[index])
        write_levels(path, layout, index)
    finish_ngff(path)
    full, half = open_stack(path), open_stack(path, level=1)
    assert full.pixel_size == pytest.approx((0.2, 0.1))
    assert half.pixel_size == pytest.approx((0.4, 0.2))
    assert half.data.shape == (3, 150, 200)
    np.testing.assert_array_equal(read_elsewhere(full, (1, slice(0, 9))), sample[1, :9])
    with pytest.raises(kg.InputError, match="level 2 is not there"):
        open_stack(path, level=2)
    zarr.create_array(tmp_path / "plain.zarr", shape=(3, 20, 30), dtype="uint8")
    assert open_stack(tmp_path / "plain.zarr").axes == "TYX"


def test_levels_of_a_tiff_pyramid(tmp_path, sample):
    path = tmp_path / "pyramid.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        writer.write(sample[0], subifds=1, tile=(128, 128), metadata=metadata)
        writer.write(sample[0][::2, ::2], subfiletype=1, tile=(128, 128))
    image = open_stack(path, level=1)
    assert image.pixel_size == (1.0, 1.0)
    np.testing.assert_array_equal(read_elsewhere(image, (slice(3, 9),)), sample[0][6:18:2, ::2])
    with pytest.raises(kg.InputError, match="level 2 is not there"):
        open_stack(path, level=2)


def test_pages_without_metadata_are_what_axes_says(tmp_path, sample):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for plane in sample:
            writer.write(plane, contiguous=False, metadata=None)
    assert open_stack(path).axes == "TYX"
    assert open_stack(path, axes="CYX").axes == "CYX"
    with pytest.raises(kg.InputError, match="one letter per axis"):
        open_stack(path, axes="TZYX")
    np.testing.assert_array_equal(open_stack(path).data[1, 5:], sample[1, 5:])


def test_opening_reads_no_pixels(tmp_path):
    path = tmp_path / "large.tif"
    tifffile.memmap(path, shape=(40, 20000, 20000), dtype=np.uint16, bigtiff=True, photometric="minisblack").flush()  # 32 GB, sparse
    image = open_stack(path)
    assert image.data.nbytes == 32 * 10**9
    assert image.data[30, 15000:15010, 7:9].shape == (10, 2)
    content = path.open("rb").read(10**6)
    (tmp_path / "cut.tif").write_bytes(content)
    with pytest.raises(kg.InputError, match="damaged"):
        open_stack(tmp_path / "cut.tif")


def test_a_file_that_was_replaced_is_read_anew(tmp_path, sample):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, sample[0])
    image = open_stack(path)
    np.testing.assert_array_equal(image.data[:5], sample[0][:5])
    tifffile.imwrite(path, sample[1])
    np.testing.assert_array_equal(image.data[:5], sample[1][:5])


@pytest.mark.parametrize("key", [[0, 1], None, True, (0, 0, 0, 0), (Ellipsis, Ellipsis), 3])
def test_what_is_no_basic_index_is_refused(tmp_path, sample, key):
    contiguous(tmp_path / "a.tif", sample)
    with pytest.raises(IndexError):
        open_stack(tmp_path / "a.tif").data[key]


def test_lazy_stacks_are_upscaled_lazily(tmp_path, sample):
    contiguous(tmp_path / "a.tif", sample)
    image = open_stack(tmp_path)
    large = kg.upscale(image.data, None, method="bicubic", axes=image.axes)
    assert is_lazy(large)
    np.testing.assert_array_equal(np.asarray(large[1]), kg.upscale(sample[1], None, method="bicubic"))
