"""Value ranges, usable dtypes, and the way back to them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from napari_kernelgan import InputError
from napari_kernelgan.images.layout import Layout
from napari_kernelgan.images.values import cast, check_dtype, check_finite, from_unit, to_unit, value_range


def range_of(image, **kwargs):
    return value_range(image, Layout.of(image), **kwargs)


def test_range_is_that_of_uint8_or_percentiles(rng):
    assert range_of(np.full((40, 40), 7, np.uint8)) == (0, 255)
    image = rng.normal(1000, 50, (200, 200))
    assert_allclose(range_of(image), np.percentile(image, [0.1, 99.9]), rtol=1e-12)
    assert range_of(image, given=(0, 4095)) == (0, 4095)


def test_range_is_of_the_whole_stack_and_always_the_same(rng):
    stack = np.stack([rng.random((40, 40)), 100 + rng.random((40, 40))])
    low, high = range_of(stack)
    assert low < 1
    assert high > 100
    assert range_of(stack, planes=[stack[0]]) == range_of(stack[0])
    big = rng.random((1200, 1200))
    assert range_of(big) == range_of(big)


def test_alpha_is_no_part_of_the_range(rng):
    for samples in (1, 3):
        colours, alpha = rng.random((40, 40, samples)), np.full((40, 40, 1), 1e6)
        image = np.concatenate([colours, alpha], -1)
        assert value_range(image, Layout.of(image, "YXS")) == value_range(colours, Layout.of(colours, "YXS"))


def test_sparse_images_fall_back_to_their_extremes():
    image = np.zeros((100, 100), np.uint16)
    image[3, 4] = 500
    assert range_of(image) == (0, 500)


@pytest.mark.parametrize("value", [3.0, -2.5e30, 0.0])
def test_constant_images_have_a_range_and_come_back(value):
    image = np.full((40, 40), value)
    values = range_of(image)
    assert values.low == value < values.high
    assert_array_equal(from_unit(to_unit(image, values), values, image.dtype, colour=False), image.astype(np.float32))


@pytest.mark.parametrize("given", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1), (0,), (0, 1, 2), 5, "ab", "12", (0, "a"), ((0, 1), (1, 2))])
def test_ranges_that_are_none_are_refused(given):
    with pytest.raises(InputError, match="value_range"):
        range_of(np.zeros((40, 40)), given=given)


@pytest.mark.parametrize(("dtype", "message"), [(bool, "boolean"), (complex, "complex"), (object, "object"), ("U3", "integers and floats")])
def test_dtypes_that_are_no_images_are_refused(dtype, message):
    with pytest.raises(InputError, match=message):
        check_dtype(dtype)


def test_nan_and_infinity_are_counted():
    plane = np.zeros((4, 5))
    plane[1, 1:3] = np.nan
    plane[2, 2] = np.inf
    with pytest.raises(InputError, match="3 NaN or infinite values of 20"):
        check_finite(plane)


def test_the_plane_with_nan_is_named():
    stack = np.zeros((2, 3, 4, 5), np.float32)
    stack[1, 2, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"Plane \(1, 2\) of the image has 1 NaN or infinite values of 20"):
        value_range(stack, Layout.of(stack))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"])
def test_integers_round_and_saturate(dtype):
    info = np.iinfo(dtype)
    values = np.array([-1e30, 3.4, 3.6, 1e30])
    result = cast(values, dtype)
    assert result.dtype == dtype
    assert result[0] == info.min
    assert list(result[1:3]) == [3, 4]
    assert info.max - int(result[3]) <= info.max * 1e-15


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_to_unit_and_back(dtype, rng):
    plane = (rng.random((20, 30, 3)) * 250).astype(dtype)
    values = range_of(plane)
    assert_array_equal(np.abs(from_unit(to_unit(plane, values), values, dtype, colour=True).astype(float) - plane) < 1e-4, True)
    gray = plane[..., 0]
    assert from_unit(to_unit(gray, values), values, dtype, colour=False).shape == (20, 30)
