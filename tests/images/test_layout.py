"""Axes and planes of any array."""

import dask.array as da
import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from napari_kernelgan import InputError
from napari_kernelgan.images.layout import Layout, is_lazy, without_alpha


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((40, 50), "YX"),
        ((40, 50, 3), "YXS"),
        ((40, 50, 4), "YXS"),
        ((40, 50, 5), "TYX"),
        ((7, 40, 50), "TYX"),
        ((7, 40, 50, 3), "TYXS"),
        ((2, 7, 40, 50), "TZYX"),
        ((2, 3, 7, 40, 50), "TCZYX"),
        ((2, 3, 7, 40, 50, 3), "TCZYXS"),
    ],
)
def test_axes_are_guessed_as_documented(shape, axes):
    assert Layout.of(np.zeros(shape)).axes == axes


@pytest.mark.parametrize(
    ("shape", "axes", "message"),
    [
        ((40,), None, "at least two axes"),
        ((2, 2, 2, 2, 40, 40), None, "give axes="),
        ((40, 50), "YXS", "names 3 axes"),
        ((3, 40, 50), "YYX", "different letters"),
        ((3, 40, 50), "TZX", "no Y or no X"),
        ((3, 40, 50), "1YX", "different letters"),
        ((3, 40, 50), "AYX", "name a stack of another kind T, Z or C"),
        ((2, 2, 3, 40, 50), "TQCYX", "letters other than"),
        ((40, 50), 5, "is no text"),
        ((40, 50), ["Y", "X"], "is no text"),
        ((0, 40, 50), "TYX", "empty"),
    ],
)
def test_wrong_axes_are_refused(shape, axes, message):
    with pytest.raises(InputError, match=message):
        Layout.of(np.zeros(shape), axes)


def test_more_axes_than_letters_take_any():
    assert Layout.of(np.zeros((1, 2, 3, 4, 8, 9)), "QTZCYX").stack_axes == "QTZC"


def test_something_that_is_no_array_is_refused():
    with pytest.raises(InputError, match="NumPy, Dask or Zarr array, not str"):
        Layout.of("photo.png")


@pytest.mark.parametrize("axes", ["TCZYXS", "YXSTCZ", "STXCYZ"])
def test_planes_are_read_and_put_back_in_any_order_of_axes(axes, rng):
    lengths = {"T": 2, "C": 3, "Z": 4, "Y": 5, "X": 6, "S": 3}
    image = rng.random([lengths[a] for a in axes])
    layout = Layout.of(image, axes)
    assert layout.n_planes == 24
    copy = layout.empty(image.dtype)
    for index in layout.indices():
        plane = layout.plane(image, index)
        assert plane.shape == (5, 6, 3)
        layout.put(copy, index, plane)
    assert_array_equal(copy, image)


def test_byte_order_memory_order_and_write_protection_do_not_matter(rng):
    image = (rng.random((30, 40)) * 1000).astype(np.uint16)
    for variant in (image.astype(">u2"), np.asfortranarray(image), np.repeat(image, 2, 1)[:, ::2]):
        variant.flags.writeable = False
        plane = Layout.of(variant).plane(variant)
        assert plane.dtype == np.uint16
        assert plane.dtype.isnative
        assert_array_equal(plane, image)


def test_only_the_plane_asked_for_is_computed():
    read = []

    def block(block_id):
        read.append(block_id)
        return np.zeros((1, 8, 8))

    lazy = da.map_blocks(
        lambda block_info: block(block_info[None]["chunk-location"]), chunks=((1,) * 6, (8,), (8,)), dtype=float, meta=np.empty((0, 0, 0))
    )
    Layout.of(lazy, "TYX").plane(lazy, (4,))
    assert read == [(4, 0, 0)]


def test_spread_is_even_and_within_the_stack():
    layout = Layout("TZYX", (3, 5, 8, 8))
    assert layout.spread(100) == list(layout.indices())
    assert layout.spread(3) == [(0, 0), (1, 2), (2, 4)]
    assert Layout("YX", (8, 8)).spread(5) == [()]


def test_alpha_is_told_from_colour():
    colours = {1: 1, 2: 1, 3: 3, 4: 3, 6: 6}
    assert {n: Layout("YXS", (8, 8, n)).n_colours for n in colours} == colours
    assert {n: without_alpha(np.zeros((8, 8, n))).shape[-1] for n in colours} == colours
    assert without_alpha(np.zeros((8, 2))).shape == (8, 2)


def test_lazy_arrays_are_recognised():
    assert is_lazy(da.zeros((4, 4)))
    assert is_lazy(zarr.zeros((4, 4)))
    assert not is_lazy(np.zeros((4, 4)))
