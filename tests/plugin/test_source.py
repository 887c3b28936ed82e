from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr
from napari import Viewer
from napari.layers import Image, Labels

import napari_kernelgan as kg
from napari_kernelgan.plugin.region import Region
from napari_kernelgan.plugin.source import Source, current_plane


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        (("y", "x"), "YX"),
        (("time", "y", "x"), "TYX"),
        (("z", "c", "y", "x"), "ZCYX"),
        (("a", "b", "y", "x"), "TZYX"),
        (("z", "zoom", "y", "x"), "TZYX"),
        (("a", "b", "c", "d", "y", "x"), "QPONYX"),
    ],
)
def test_axes_are_named_by_their_labels(labels: tuple[str, ...], axes: str) -> None:
    layer = Image(np.zeros((2,) * (len(labels) - 2) + (8, 9)), axis_labels=labels)
    assert Source.of(layer).axes == axes


def test_the_record_has_the_layer_s_axes_also_where_one_plane_was_taken() -> None:
    layer = Image(np.zeros((2, 3, 8, 9)), axis_labels=("z", "c", "y", "x"))
    whole, plane = Source.of(layer), Source.of(layer, (1, 2))
    assert (plane.axes, plane.origin["axes"], plane.with_axes("").origin["axes"]) == ("YX", "ZCYX", "ZCYX")
    assert (whole.origin["axes"], whole.with_axes("TC").origin["axes"]) == ("ZCYX", "TCYX")


def test_colour_is_one_axis_of_the_image_and_none_of_the_layer() -> None:
    source = Source.of(Image(np.zeros((5, 8, 9, 3), np.uint8), rgb=True))
    assert (source.axes, source.plane_size) == ("TYXS", (8, 9))


def test_a_gray_image_three_pixels_wide_is_not_colour() -> None:
    assert Source.of(Image(np.zeros((5, 8, 3)), rgb=False)).axes == "TYX"


def test_of_a_multiscale_image_the_full_resolution_is_taken() -> None:
    full = np.random.default_rng(0).random((32, 36))
    assert Source.of(Image([full, full[::2, ::2]], multiscale=True)).image is full


def test_lazy_images_stay_lazy() -> None:
    layer = Image(da.zeros((5, 8, 9), chunks=(1, 8, 9)), contrast_limits=(0, 1))
    assert isinstance(Source.of(layer, (3,)).image, da.Array)


def test_zarr_arrays_are_not_read_when_a_plane_or_region_is_taken() -> None:
    layer = Image(zarr.array(np.random.default_rng(0).random((5, 8, 9)), chunks=(1, 8, 9)), contrast_limits=(0, 1))
    for source in (Source.of(layer), Source.of(layer, (3,))):
        part = source.part(Region(2, 3, 8, 7))
        assert isinstance(part, da.Array)
        np.testing.assert_array_equal(part, np.asarray(layer.data)[..., 2:8, 3:7][3 if source.leading else slice(None)])


def test_other_layers_are_refused() -> None:
    with pytest.raises(kg.InputError, match="Labels"):
        Source.of(Labels(np.zeros((8, 9), int)))


@pytest.mark.parametrize("plane", [(5,), (-1,), (0, 0), ()])
def test_a_plane_that_is_not_there_is_refused(plane: tuple[int, ...]) -> None:
    with pytest.raises(kg.InputError, match="no index"):
        Source.of(Image(np.zeros((5, 8, 9))), plane)


def test_later_changes_of_the_layer_do_not_reach_it() -> None:
    layer = Image(np.zeros((8, 9)), name="before", scale=(2, 2))
    source = Source.of(layer)
    layer.name, layer.scale, layer.data = "after", (7, 7), np.ones((3, 4))
    assert (source.name, source.placement.scale.tolist(), source.image.shape) == ("before", [2, 2], (8, 9))


def test_the_current_plane_is_what_the_sliders_point_at(viewer: Viewer) -> None:
    layer = viewer.add_image(np.zeros((3, 5, 8, 9)), scale=(1, 4, 1, 1), translate=(0, 100, 0, 0))
    viewer.dims.set_current_step((0, 1), (2, 3))
    assert current_plane(viewer, layer) == (2, 3)


def test_the_current_plane_of_a_layer_with_fewer_axes_than_the_viewer(viewer: Viewer) -> None:
    layer = viewer.add_image(np.zeros((5, 8, 9)))
    viewer.add_image(np.zeros((4, 9, 8, 9)))
    viewer.dims.set_current_step((0, 1), (3, 7))
    assert current_plane(viewer, layer) == (4,)  # the nearest there is


def test_the_current_plane_with_other_units_in_the_viewer(viewer: Viewer) -> None:
    layer = viewer.add_image(np.zeros((5, 8, 9)), scale=(2, 1, 1), units=("µm", "µm", "µm"))
    viewer.add_image(np.zeros((9, 8, 9)), scale=(1000, 1000, 1000), units=("nm", "nm", "nm"))
    for step in range(viewer.dims.nsteps[0]):
        viewer.dims.set_current_step(0, step)
        expected = int(np.clip(round(layer._data_slice.point[0]), 0, 4))  # where napari itself slices
        assert current_plane(viewer, layer) == (expected,)


def test_a_part_of_a_stack_lies_where_its_planes_lie() -> None:
    frames = da.from_array(np.arange(5 * 8 * 9 * 3).reshape(5, 8, 9, 3), chunks=2)
    source = Source.of(Image(frames, rgb=True, scale=(4, 2, 2), translate=(10, 0, 1), contrast_limits=(0, 1)))
    part = source.within({"T": (2, 4), "Y": (1, 8)})
    assert isinstance(part.image, da.Array)  # not read
    np.testing.assert_array_equal(part.image.compute(), frames[2:4, 1:].compute())
    np.testing.assert_allclose(part.placement.translate, [18, 2, 1])
    assert source.within({}) is source
