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


def test_range_is_of_the_whole_stack_and_seeded(rng):
    stack = np.stack([rng.random((40, 40)), 100 + rng.random((40, 40))])
    low, high = range_of(stack)
    assert low < 1
    assert high > 100
    big = rng.random((1200, 1200))
    assert range_of(big, seed=1) == range_of(big, seed=1)
    assert range_of(big, seed=1) != range_of(big, seed=2)


def test_sparse_images_fall_back_to_their_extremes():
    image = np.zeros((100, 100), np.uint16)
    image[3, 4] = 500
    assert range_of(image) == (0, 500)


def test_constant_images_are_refused():
    with pytest.raises(InputError, match="constant .* 3"):
        range_of(np.full((40, 40), 3.0))


@pytest.mark.parametrize("given", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
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
