"""Integers of a given mean: exact, within their limits, and the nearest there are."""

import heapq

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_kernelgan.images.rounding import nearest_integers
from napari_kernelgan.images.values import cast


def by_definition(values, low, high, total):
    """The nearest integers of a sum: raise, one by one, that which costs the least squared error."""
    integers = np.full(len(values), low, float)
    heap = [(1 + 2 * (low - value), i) for i, value in enumerate(values)]
    heapq.heapify(heap)
    for _ in range(int(total - low * len(values))):
        _, i = heapq.heappop(heap)
        integers[i] += 1
        if integers[i] < high:
            heapq.heappush(heap, (1 + 2 * (integers[i] - values[i]), i))
    return integers


@pytest.mark.parametrize("spread", [0.3, 3, 30])
@pytest.mark.parametrize("high", [1, 10, 25])
def test_the_sum_is_exact_and_the_integers_are_the_nearest(spread, high, rng):
    for _ in range(20):
        values = rng.choice([0, 5, 20]) + spread * rng.normal(size=int(rng.integers(1, 80)))
        total = int(rng.integers(0, high * len(values) + 1))
        found = nearest_integers(values, 0, high, total / len(values))
        assert found.sum() == total
        assert found.min() >= 0
        assert found.max() <= high
        nearest = by_definition(values, 0, high, total)
        assert ((found - values) ** 2).mean() <= ((nearest - values) ** 2).mean() + 0.01


def test_values_of_the_right_mean_are_only_rounded(rng):
    values = rng.integers(0, 200, (40, 50)).astype(float)
    assert_array_equal(nearest_integers(values, 0, 255, values.mean()), values)


def test_pixels_changed_in_a_flat_background_are_scattered():
    flat = nearest_integers(np.full((64, 64), 0.25), 0, 255, 0.25)
    assert flat.mean() == 0.25
    assert 0.15 < flat[:32].mean() < 0.35
    assert 0.15 < flat[:, :32].mean() < 0.35
    assert_array_equal(nearest_integers(np.full((64, 64), 0.25), 0, 255, 0.25), flat)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "uint64", "int64"])
def test_extreme_values_saturate(dtype):
    info = np.iinfo(dtype)
    result = cast(np.array([-1e30, 3.0, 40.0, 1e30]), dtype, mean=info.max / 4)
    assert result[0] == info.min
    assert info.max - int(result[3]) <= info.max * 1e-15
