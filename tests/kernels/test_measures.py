"""Widths and transfer functions of kernels against those of the formula."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import map_coordinates, uniform_filter
from scipy.special import j1

from napari_kernelgan import kernels


def angle_between(a, b):
    return min(abs(a - b), 180 - abs(a - b))


@pytest.mark.parametrize("size", [14, 15, 30])
def test_fwhm_of_gaussians_is_right_to_two_hundredths(size, rng):
    for _ in range(100):
        covariance = kernels.random_covariance(rng)
        found, true = kernels.fwhm(kernels.gaussian(covariance, size)), kernels.gaussian_fwhm(covariance)
        assert_allclose(found[:2], true[:2], atol=0.02)
        if true.major / true.minor > 1.1:
            assert angle_between(found.angle, true.angle) < 1


def airy_width_after_area_sampling(fwhm):
    fine = 41
    at = (np.arange(20 * fine) - (20 * fine - 1) / 2) / fine
    y, x = np.meshgrid(at, at, indexing="ij")
    v = np.maximum(np.hypot(y, x) * 2 * 1.6163399561 / fwhm, 1e-6)
    pattern = uniform_filter((2 * j1(v) / v) ** 2, fine, mode="constant")
    reach = np.arange(0, 9, 0.002)
    centre = (20 * fine - 1) / 2
    profile = map_coordinates(pattern, [np.full_like(reach, centre), centre + reach * fine], order=1)
    return 2 * reach[np.argmax(profile < pattern.max() / 2)]


@pytest.mark.parametrize("fwhm", [3.0, 4.5, 6.0])
def test_fwhm_of_airy_is_that_of_the_pattern_averaged_over_pixels(fwhm):
    found = kernels.fwhm(kernels.airy(fwhm, 22))
    assert found.major == pytest.approx(airy_width_after_area_sampling(fwhm), abs=0.02)
    assert found.major == pytest.approx(found.minor, abs=1e-6)


def test_fwhm_is_not_fooled_by_tails_or_noise_far_out(rng):
    kernel = kernels.gaussian([[1.5, 0.0], [0.0, 1.0]], 20)
    dusty = kernels.normalise(kernel + 0.01 * kernel.max() * rng.random(kernel.shape))
    assert_allclose(kernels.fwhm(dusty)[:2], kernels.fwhm(kernel)[:2], rtol=0.03)


def test_fwhm_angle_runs_from_x_towards_y():
    # yx covariance positive: long along the diagonal from upper left to lower right, y down
    assert kernels.fwhm(kernels.gaussian([[2, 1], [1, 2]], 20)).angle == pytest.approx(45, abs=0.1)
    assert kernels.fwhm(kernels.gaussian([[4, 0], [0, 1]], 20)).angle == pytest.approx(90, abs=0.1)
    assert angle_between(kernels.fwhm(kernels.gaussian([[1, 0], [0, 4]], 20)).angle, 0) < 0.1


@pytest.mark.parametrize("kernel", [np.pad([[1.0]], 7), np.ones((4, 4)) / 16, kernels.bicubic(2), kernels.disk(0.4, 14)])
def test_fwhm_exists_for_odd_shapes(kernel):
    found = kernels.fwhm(kernel)
    assert 0 < found.minor <= found.major < 20


def test_mtf_of_a_gaussian_is_a_gaussian():
    covariance = np.array([[5.0, 1.0], [1.0, 4.0]])  # wide enough for sampling to alias nothing
    f, contrast = kernels.mtf(kernels.gaussian(covariance, 40), angle=30)
    u = np.array([np.sin(np.deg2rad(30)), np.cos(np.deg2rad(30))])
    assert contrast[0] == pytest.approx(1)
    assert_allclose(contrast, np.exp(-2 * np.pi**2 * f**2 * (u @ covariance @ u)), atol=1e-6)


def test_kernels_that_are_low_in_the_middle_have_their_whole_extent():
    y, x = np.mgrid[:30, :30] - 14.5
    ring = np.exp(-0.5 * (np.hypot(y, x) - 6) ** 2)
    major, minor, _ = kernels.fwhm(ring)
    assert (major, minor) == pytest.approx((12 + 2.355,) * 2, abs=0.2)
    spots = np.exp(-0.5 * ((x - 6) ** 2 + y**2)) + np.exp(-0.5 * ((x + 6) ** 2 + y**2))
    major, minor, angle = kernels.fwhm(spots)
    assert (major, minor) == pytest.approx((12 + 2.355, 2.355), abs=0.2)
    assert min(angle, 180 - angle) < 1
