import numpy as np
import pytest

from napari_kernelgan.report.details import detail_side, find_details
from napari_kernelgan.report.scalebar import round_length


def test_details_are_found_where_the_gradient_is():
    gray = np.zeros((100, 120))
    gray[10:20:2, 80:90] = 100  # stripes
    gray[70:80:2, 30:40] = 50  # weaker ones
    first, second = find_details(gray, 20)
    assert first[0] <= 10 <= 19 <= first[0] + 19
    assert first[1] <= 80 <= 89 <= first[1] + 19
    assert second[0] <= 70 <= 79 <= second[0] + 19
    assert second[1] <= 30 <= 39 <= second[1] + 19


@pytest.mark.parametrize("shape", [(32, 32), (48, 200), (33, 61), (500, 400)])
def test_two_details_always_fit_and_never_overlap(shape):
    gray = np.random.default_rng(0).normal(size=shape)
    side = detail_side(*shape)
    (y1, x1), (y2, x2) = find_details(gray, side)
    assert abs(y1 - y2) >= side or abs(x1 - x2) >= side
    for y, x in ((y1, x1), (y2, x2)):
        assert 0 <= y <= shape[0] - side
        assert 0 <= x <= shape[1] - side


def test_a_detail_lies_exactly_where_the_mean_gradient_is_largest():
    rng = np.random.default_rng(1)
    gray = rng.normal(size=(30, 40))
    gradient = np.hypot(*np.gradient(gray))
    side = 9
    means = {(y, x): gradient[y : y + side, x : x + side].mean() for y in range(30 - side + 1) for x in range(40 - side + 1)}
    assert find_details(gray, side)[0] == max(means, key=means.get)


@pytest.mark.parametrize(("most", "expected"), [(7.3, 5), (1, 1), (0.0199, 0.01), (0.5, 0.5), (2400, 2000), (0.2, 0.2)])
def test_scale_bars_are_round(most, expected):
    assert round_length(most) == pytest.approx(expected)
