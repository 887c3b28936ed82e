"""Kernel models: their moments, widths, sampling and symmetry are those of the formula."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from napari_kernelgan import InputError, kernels

MODELS = {
    "gaussian": lambda n: kernels.gaussian([[2.0, 0.6], [0.6, 1.2]], n),
    "airy": lambda n: kernels.airy(3.0, n),
    "disk": lambda n: kernels.disk(2.5, n),
    "motion": lambda n: kernels.motion(5.0, 30.0, size=n),
    "coma": lambda n: kernels.coma(size=n),
    "bicubic": lambda n: kernels.bicubic(2 if n % 2 == 0 else 3, n),
}


@pytest.mark.parametrize("size", [14, 15, 22, 40])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_sum_one_and_is_centred(name, size):
    kernel = MODELS[name](size)
    assert kernel.shape == (size, size)
    assert kernel.dtype == np.float64
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert_allclose(kernels.centre_of_mass(kernel), (size - 1) / 2, atol=2e-3)


def test_gaussian_is_point_sampled():
    kernel = kernels.gaussian([[2.0, 0.5], [0.5, 1.0]], 14)
    precision = np.linalg.inv([[2.0, 0.5], [0.5, 1.0]])
    offset = np.array([2.5, -1.5])
    expected = np.exp(-0.5 * offset @ precision @ offset) / np.exp(-0.5 * np.array([0.5, 0.5]) @ precision @ np.array([0.5, 0.5]))
    assert kernel[9, 5] / kernel[7, 7] == pytest.approx(expected, rel=1e-12)


def test_covariance_is_ordered_y_first():
    kernel = kernels.gaussian([[4.0, 0.0], [0.0, 0.8]], 22)
    assert_allclose(kernels.covariance(kernel), [[4.0, 0.0], [0.0, 0.8]], atol=0.01)
    assert kernel[14, 10] > kernel[10, 14]


def test_disk_and_airy_are_area_sampled():
    kernel = kernels.disk(2.5, 14)
    # the pixel from 2 to 3 px right of the centre is half covered, less the edge's curvature
    assert 0.4 < kernel[7, 9] / kernel[7, 7] < 0.5
    covered = kernel.sum() / kernel[7, 7]
    assert covered == pytest.approx(np.pi * 2.5**2, rel=0.005)


def test_motion_runs_along_its_angle():
    widths = kernels.fwhm(kernels.motion(7.0, 30.0, size=20))
    assert widths.angle == pytest.approx(30.0, abs=0.5)
    assert widths.major == pytest.approx(7.0, abs=0.05)


def test_coma_is_lopsided_along_its_angle():
    kernel = kernels.coma(angle=0.0, size=20)
    assert not np.allclose(kernel, kernel[:, ::-1], atol=1e-3)
    assert_allclose(kernel, kernel[::-1], atol=1e-3)


def test_bicubic_at_scale_two_has_the_known_weights():
    profile = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    assert_allclose(kernels.bicubic(2), np.outer(profile, profile), atol=1e-15)


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_bicubic_fits_its_scale_and_has_no_second_moment(scale):
    kernel = kernels.bicubic(scale)
    assert (len(kernel) - scale) % 2 == 0
    assert len(kernels.bicubic(scale, len(kernel) + 6)) == len(kernel) + 6
    # Keys' cubic reproduces parabolas; sampled at a finite number of points, nearly
    assert_allclose(kernels.covariance(kernel), 0, atol=0.02 * scale**2)


def test_random_gaussian_keeps_to_the_protocol(rng):
    variances = []
    for _ in range(200):
        values = np.linalg.eigvalsh(kernels.random_covariance(rng))
        variances.append(values)
    assert np.min(variances) >= 0.35
    assert np.max(variances) <= 5.0
    assert np.mean(variances) == pytest.approx((0.35 + 5) / 2, abs=0.2)
    noisy = kernels.random_gaussian(np.random.default_rng(1), 12, noise=0.25)
    clean = kernels.random_gaussian(np.random.default_rng(1), 12)
    assert noisy.sum() == pytest.approx(1)
    assert_allclose(kernels.centre_of_mass(noisy), 5.5, atol=0.01)
    assert 0.01 < np.abs(noisy - clean).max() / clean.max() < 0.4


@pytest.mark.parametrize(
    "make",
    [
        lambda: kernels.gaussian([[1, 2], [2, 1]]),
        lambda: kernels.gaussian([1, 2, 3]),
        lambda: kernels.airy(-1),
        lambda: kernels.disk(np.nan),
        lambda: kernels.motion(0),
        lambda: kernels.bicubic(1),
        lambda: kernels.gaussian(1.0, 0),
        lambda: kernels.gaussian(1.0, 14.5),
        lambda: kernels.disk(2.0, -2),
    ],
)
def test_impossible_parameters_are_refused(make):
    with pytest.raises(InputError):
        make()
