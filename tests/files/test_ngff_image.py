"""A whole image as OME-Zarr: whole or not at all."""

import numpy as np
import pytest

import napari_kernelgan as kg
from napari_kernelgan.files.image_file import Calibration
from napari_kernelgan.files.ngff import read_levels, read_ngff
from napari_kernelgan.files.ngff_image import iter_write_ngff
from napari_kernelgan.images.layout import Layout
from napari_kernelgan.progress import run


@pytest.fixture
def stack(rng):
    return rng.integers(0, 1000, (3, 600, 530)).astype(np.uint16)


def write(path, stack, callback=None):
    layout, calibration = Layout.of(stack, "ZYX"), Calibration((0.2, 0.1), "micrometer", 0.5)
    return run(iter_write_ngff(path, stack, layout, calibration, name="cells", upscaled_by=2), callback)


def test_all_levels_are_there_and_the_store_is_complete(tmp_path, stack):
    steps = []
    assert write(tmp_path / "a.ome.zarr", stack, lambda progress: steps.append((progress.step, progress.total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    whole, half, *_ = read_levels(tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(whole.data[:], stack)
    np.testing.assert_array_equal(half.data[1], np.rint(stack[1].reshape(300, 2, 265, 2).mean((1, 3))))
    assert whole.notes == ()
    assert (whole.pixel_size, whole.unit, whole.calibration.z_spacing) == ((0.2, 0.1), "micrometer", 0.5)


def test_a_stop_or_an_error_leaves_nothing(tmp_path, stack):
    assert not write(tmp_path / "a.ome.zarr", stack, lambda progress: progress.step < 2)
    with pytest.raises(RuntimeError, match="lost"):
        write(tmp_path / "a.ome.zarr", stack, lost)
    assert list(tmp_path.iterdir()) == []
    assert write(tmp_path / "a.ome.zarr", stack, lambda progress: progress.step < 3)  # at the end there is nothing left to stop
    assert read_ngff(tmp_path / "a.ome.zarr").data.shape == stack.shape


def lost(progress):
    raise RuntimeError("lost")


def test_what_is_there_is_not_replaced(tmp_path, stack):
    write(tmp_path / "a.ome.zarr", stack)
    with pytest.raises(kg.InputError, match="already exists"):
        write(tmp_path / "a.ome.zarr", 0 * stack)
    np.testing.assert_array_equal(read_ngff(tmp_path / "a.ome.zarr").data[:], stack)
