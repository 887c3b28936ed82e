"""OME-Zarr written region by region: the pixels, the pyramid and the metadata, as other libraries read them."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05 import Image

import napari_kernelgan as kg
from napari_kernelgan.files.image_file import Calibration
from napari_kernelgan.files.images import read_image
from napari_kernelgan.files.ngff_write import create_ngff, finish_ngff, halve, is_incomplete, read_region, write_levels, write_region
from napari_kernelgan.images.layout import Layout

KNOWN = Calibration((0.05, 0.0325), "micrometer", 0.3, 1.5, ("actin", "nuclei"))


def write(path, data, axes, calibration=KNOWN, **options):
    layout = Layout.of(data, axes)
    create_ngff(path, layout, data.dtype, calibration, name="test", **options)
    for index in layout.indices():
        write_region(path, layout, index, layout.plane(data, index))
        write_levels(path, layout, index, options.get("fill"))
    finish_ngff(path)
    return layout


@pytest.mark.parametrize(
    ("axes", "shape", "dtype", "read"),
    [
        ("YX", (300, 520), "uint8", "YX"),
        ("TYX", (3, 40, 50), "uint16", "TYX"),
        ("CZYX", (2, 3, 40, 50), "float32", "CZYX"),
        ("XZYCT", (50, 3, 40, 2, 2), "int16", "TCZYX"),
        ("ZYXS", (2, 40, 50, 3), "uint8", "SZYX"),
        ("YXS", (40, 50, 4), "uint16", "SYX"),
    ],
)
def test_round_trip(tmp_path, rng, axes, shape, dtype, read):
    path = tmp_path / "new folder" / "image.ome.zarr"
    data = (rng.random(shape) * 200).astype(dtype)
    layout = write(path, data, axes)
    found = read_image(path)
    assert found.axes == read
    assert found.data.dtype == dtype
    assert not found.notes
    np.testing.assert_array_equal(found.data[:], data.transpose([axes.index(a) for a in read]))
    assert found.unit == "micrometer"
    assert found.pixel_size == KNOWN.pixel_size
    assert found.calibration.z_spacing == (0.3 if "Z" in axes else None)
    assert found.calibration.t_interval == (1.5 if "T" in axes else None)
    if "C" in axes:
        assert found.calibration.channel_names == ("actin", "nuclei")
    for index in layout.indices():
        np.testing.assert_array_equal(read_region(path, layout, index), layout.plane(data, index))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("axes", ["YX", "TCZYX", "TYXS"])
def test_other_libraries_read_it_at_the_right_scale(tmp_path, rng, axes):
    path = tmp_path / "image.ome.zarr"
    lengths = {"T": 2, "C": 2, "Z": 3, "Y": 300, "X": 600, "S": 3}
    data = rng.integers(10, 4000, [lengths[a] for a in axes]).astype(np.uint16)
    write(path, data, axes, origin=(-0.025, 0.0))
    model = Image.from_zarr(zarr.open_group(path, mode="r"))  # raises where the metadata does not keep to the specification
    multiscale = model.ome_attributes.multiscales[0]
    assert [axis.name for axis in multiscale.axes] == [a for a in "tczyx" if a.upper() in axes.replace("S", "C")]
    assert len(multiscale.datasets) == 3  # 600, 300, 150
    edges = []
    for dataset in multiscale.datasets:
        scale, translation = dataset.coordinateTransformations
        edges.append([t - s / 2 for s, t in zip(scale.scale[-2:], translation.translation[-2:], strict=True)])
    np.testing.assert_allclose(edges, [edges[0]] * 3, atol=1e-12)
    np.testing.assert_allclose(edges[0], (-0.05, -0.01625))
    (node,) = Reader(parse_url(path))()
    assert [level.shape[-2:] for level in node.data] == [(300, 600), (150, 300), (75, 150)]
    for level, transformations in enumerate(node.metadata["coordinateTransformations"]):
        np.testing.assert_allclose(transformations[0]["scale"][-2:], np.array(KNOWN.pixel_size) * 2**level)
    units = {axis["name"]: axis.get("unit") for axis in node.metadata["axes"]}
    assert units["y"] == units["x"] == "micrometer"
    if "C" in axes:
        assert node.metadata["channel_names"] == ["actin", "nuclei"]
        assert (units["z"], units["t"]) == ("micrometer", "second")
        lowest = np.asarray(node.data[-1])
        limits = [[lowest[:, c].min(), lowest[:, c].max()] for c in range(2)]
        np.testing.assert_array_equal(node.metadata["contrast_limits"], limits)


def _write_part(path, layout, data, part):
    for number, index in enumerate(layout.indices()):
        for y in range(0, 300, 128):
            if (number + y // 128) % 2 == part:
                region = slice(y, y + 128), slice(0, 640)
                write_region(path, layout, index, layout.plane(data, index)[region], region)


def test_two_processes_write_blocks_of_one_image(tmp_path, rng):
    path = tmp_path / "image.ome.zarr"
    data = rng.integers(0, 60000, (3, 300, 600)).astype(np.uint16)
    layout = Layout.of(data, "TYX")
    create_ngff(path, layout, data.dtype, Calibration(), name="test", block=(128, 640))
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_part, args=(path, layout, data, part)) for part in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert zarr.open_array(path / "0").chunks == (1, 128, 512)
    np.testing.assert_array_equal(read_image(path).data[:], data)


def test_incomplete_until_finished_and_no_litter_of_killed_writers(tmp_path):
    path = tmp_path / "image.ome.zarr"
    layout = Layout("TYX", (2, 40, 50))
    create_ngff(path, layout, "uint8", KNOWN, name="test")
    # zarr's own temporary file, left by a process that dies while it writes a chunk
    code = (
        "import os, sys, pathlib; from zarr.storage import _local\n"
        "with _local._atomic_write(pathlib.Path(sys.argv[1]) / '0' / 'chunk', 'wb') as file: file.write(b'half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert list(path.rglob("*.partial"))
    write_region(path, layout, (0,), np.ones((40, 50), np.uint8))
    assert is_incomplete(path)
    assert "incomplete" in read_image(path).notes[0]
    finish_ngff(path)
    finish_ngff(path)  # as a resumed run does
    assert not is_incomplete(path)
    assert not read_image(path).notes
    assert not list(path.rglob("*.partial"))
    np.testing.assert_array_equal(read_image(path).data[:], np.repeat([1, 0], 40 * 50).reshape(2, 40, 50))
    Image.from_zarr(zarr.open_group(path, mode="r"))


def test_levels_are_means_and_no_data_stays_no_data(tmp_path):
    pixels = np.arange(15, dtype=np.float32).reshape(3, 5)
    expected = [[(0 + 1 + 5 + 6) / 4, (2 + 3 + 7 + 8) / 4, (4 + 9) / 2], [10.5, 12.5, 14]]
    np.testing.assert_allclose(halve(pixels), expected)
    colours = np.stack([pixels, 2 * pixels], -1)
    np.testing.assert_allclose(halve(colours)[..., 1], 2 * np.array(expected))
    pixels[:2, :2] = np.nan
    pixels[0, 2] = np.nan
    np.testing.assert_allclose(halve(pixels), [[np.nan, 6, 6.5], expected[1]])
    gaps = np.nan_to_num(pixels, nan=-1.1)
    np.testing.assert_allclose(halve(gaps, -1.1), [[-1.1, 6, 6.5], expected[1]])
    whole = np.array([[1, 2, 9, 0], [2, 2, 0, 0]], np.uint8)
    np.testing.assert_array_equal(halve(whole), [[2, 2]])  # 1.75, 2.25
    np.testing.assert_array_equal(halve(whole, 0), [[2, 9]])
    large = np.full((2, 2), 2**32 - 1, np.uint32)
    assert halve(large).item() == 2**32 - 1


def test_a_pyramid_over_several_chunks(tmp_path, rng):
    data = rng.integers(1, 60000, (1301, 1090)).astype(np.uint16)
    data[200:900, 300:700] = 0
    path = tmp_path / "image.ome.zarr"
    write(path, data, "YX", fill=0)
    level = data
    for number in range(1, 4):
        level = halve(level, 0)
        np.testing.assert_array_equal(zarr.open_array(path / str(number))[:], level)
    assert max(level.shape) <= 256


def test_pixels_that_nobody_wrote_have_the_value_of_no_data(tmp_path):
    layout = Layout("YX", (40, 50))
    create_ngff(tmp_path / "a.zarr", layout, "float32", Calibration(), name="test", fill=np.nan)
    create_ngff(tmp_path / "b.zarr", layout, "int16", Calibration(), name="test", fill=-9999)
    assert np.isnan(read_image(tmp_path / "a.zarr").data[:]).all()
    assert (read_image(tmp_path / "b.zarr").data[:] == -9999).all()
    with pytest.raises(kg.InputError, match="uint16"):
        create_ngff(tmp_path / "c.zarr", layout, "uint16", Calibration(), name="test", fill=-9999)


def test_what_is_unknown_stays_unknown(tmp_path):
    write(tmp_path / "a.zarr", np.zeros((2, 3, 40, 50), np.uint8), "TZYX", Calibration())
    assert read_image(tmp_path / "a.zarr").calibration == Calibration()
    write(tmp_path / "b.zarr", np.zeros((2, 3, 40, 50), np.uint8), "TZYX", Calibration((2.0, 2.0), "meter"))
    assert read_image(tmp_path / "b.zarr").calibration == Calibration((2.0, 2.0), "meter")


@pytest.mark.parametrize(
    ("axes", "block", "said"),
    [("CYXS", None, "OME-TIFF"), ("QTZCYX", None, "in parts"), ("YX", (509 * 2 + 1, 512), "multiple of 512")],
)
def test_what_does_not_fit_is_refused(tmp_path, axes, block, said):
    layout = Layout(axes, tuple({"Y": 4000, "X": 4000, "S": 3}.get(a, 2) for a in axes))
    with pytest.raises(kg.InputError, match=said):
        create_ngff(tmp_path / "image.zarr", layout, "uint8", KNOWN, name="test", block=block)
    assert not list(tmp_path.iterdir())


def test_existing_stores_are_replaced_only_where_allowed(tmp_path):
    path, folder = tmp_path / "image.zarr", tmp_path / "photos"
    write(path, np.ones((40, 50), np.uint8), "YX")
    folder.mkdir()
    (folder / "a.txt").write_text("precious")
    with pytest.raises(kg.InputError, match="--overwrite"):
        write(path, np.ones((20, 20), np.uint8), "YX")
    write(path, np.ones((20, 20), np.uint8), "YX", overwrite=True)
    assert read_image(path).data.shape == (20, 20)
    with pytest.raises(kg.InputError, match="not deleted"):
        write(folder, np.ones((20, 20), np.uint8), "YX", overwrite=True)
    assert sorted(tmp_path.iterdir()) == [path, folder]
