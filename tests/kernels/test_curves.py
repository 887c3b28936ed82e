"""Profiles, contrast and energy of kernels against those of the formula."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import j0, j1

from napari_kernelgan import InputError, kernels

COVARIANCE = np.array([[2.6, 0.8], [0.8, 1.5]])


def towards(angle):
    return np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])


# profile


@pytest.mark.parametrize("size", [19, 20])
@pytest.mark.parametrize("angle", [0, 30, 90, 147])
def test_profile_of_a_gaussian(angle, size):
    along = np.linspace(-5, 5, 101)
    variance = 1 / (towards(angle) @ np.linalg.inv(COVARIANCE) @ towards(angle))
    found = kernels.profile(kernels.gaussian(COVARIANCE, size), angle, along)
    assert_allclose(found, np.exp(-0.5 * along**2 / variance), atol=1e-4)


def test_profile_is_half_where_fwhm_says():
    for kernel in (kernels.airy(3.5, 22), kernels.coma(size=20), kernels.motion(5, 30, size=20)):
        width = kernels.fwhm(kernel)
        along = np.linspace(-12, 12, 4801)
        for size, angle in ((width.major, width.angle), (width.minor, width.angle + 90)):
            above = along[kernels.profile(kernel, angle, along) >= 0.5]
            assert np.ptp(above) == pytest.approx(size, abs=0.03)


def test_profile_is_nothing_outside_the_frame_and_runs_through_the_peak():
    kernel = kernels.gaussian(1.0, 14)
    kernel = np.roll(kernel, (2, -3), (0, 1))
    assert_allclose(kernels.profile(kernel, 20, [0.0, 30.0, -30.0]), [1, 0, 0], atol=1e-3)


# contrast


@pytest.mark.parametrize("variance", [0.5, 1.0, 3.0])
def test_mtf50_of_a_gaussian(variance):
    # exp(-2 pi^2 variance f^2) = 1/2; below a variance of 1 what samples alias shows
    expected = np.sqrt(np.log(2) / (2 * np.pi**2 * variance))
    assert kernels.mtf50(kernels.gaussian(variance, 20)) == pytest.approx(expected, rel=1e-4 if variance >= 1 else 0.01)


def test_mtf50_follows_the_direction():
    kernel = kernels.gaussian([[4.0, 0.0], [0.0, 1.0]], 20)
    assert kernels.mtf50(kernel, 0) == pytest.approx(2 * kernels.mtf50(kernel, 90), rel=1e-3)


def test_mtf50_is_the_first_fall_below_a_half():
    y, x = np.mgrid[:30, :30] - 14.5
    spots = np.exp(-0.5 * ((x - 6) ** 2 + y**2)) + np.exp(-0.5 * ((x + 6) ** 2 + y**2))  # contrast comes and goes as |cos(12 pi f)|
    assert kernels.mtf50(spots) == pytest.approx(1 / 36, rel=0.05)


def test_mtf50_is_nan_where_contrast_stays_above_a_half():
    assert np.isnan(kernels.mtf50(np.pad([[1.0]], 7)))


def test_contrast_at_the_nyquist_frequencies_of_image_and_hr_grid():
    f = np.array([0.5 / 4, 0.5])
    along = towards(40) @ COVARIANCE @ towards(40)
    found = kernels.nyquist_contrast(kernels.gaussian(COVARIANCE, 30), 4, 40)
    assert_allclose(found, np.exp(-2 * np.pi**2 * f**2 * along), atol=2e-4)
    assert found.image > 0.3
    assert found.hr < 1e-3
    assert kernels.nyquist_contrast(kernels.gaussian(COVARIANCE), 2).image < found.image


# energy


@pytest.mark.parametrize("variance", [0.35, 1.0, 4.0])
@pytest.mark.parametrize("size", [14, 15, 20])
def test_encircled_energy_of_a_gaussian(variance, size):
    radii = np.linspace(0, 6, 61)
    expected = 1 - np.exp(-(radii**2) / (2 * variance))
    assert_allclose(kernels.encircled_energy(kernels.gaussian(variance, size), radii), expected, atol=2e-3)
    for share in (0.5, 0.8):
        radius = kernels.encircled_radius(kernels.gaussian(variance, size), share)
        assert radius == pytest.approx(np.sqrt(-2 * variance * np.log(1 - share)), abs=5e-3)


def test_encircled_energy_of_an_elongated_gaussian():
    # of sigma 4 and 1: integrated over the disk with a fine grid
    at = np.linspace(-20, 20, 2001)
    y, x = np.meshgrid(at, at, indexing="ij")
    density = np.exp(-0.5 * (y**2 / 16 + x**2))
    radii = np.array([1.0, 3.0, 6.0])
    expected = [density[np.hypot(y, x) <= r].sum() / density.sum() for r in radii]
    assert_allclose(kernels.encircled_energy(kernels.gaussian([[16, 0], [0, 1]], 40), radii), expected, atol=2e-3)


def test_encircled_energy_of_an_airy_pattern():
    number = 8 / 1.029  # wavelength times f-number of a pattern of 8 px, whose FWHM is 1.029 of them
    rings = np.array([1.2197, 2.2331, 3.2383, 8.0]) * number
    expected = 1 - j0(np.pi * rings / number) ** 2 - j1(np.pi * rings / number) ** 2
    assert expected[:3] == pytest.approx([0.838, 0.910, 0.938], abs=5e-4)  # as the books have it
    found = kernels.encircled_energy(kernels.airy(8.0, 140), rings)
    assert_allclose(found / found[-1], expected / expected[-1], atol=2e-3)  # the frame leaves the rings beyond it out


def test_encircled_energy_of_a_disk_and_its_centre():
    radii = np.array([1.0, 2.5, 4.0, 5.0, 7.0])  # away from the edge, which pixels blur
    found = kernels.encircled_energy(kernels.disk(6.0, 24), radii)
    assert_allclose(found, np.minimum(1, (radii / 6) ** 2), atol=0.01)
    moved = np.roll(kernels.gaussian(1.0, 20), (3, -2), (0, 1))
    assert_allclose(kernels.encircled_energy(moved, radii), kernels.encircled_energy(kernels.gaussian(1.0, 20), radii), atol=2e-3)


@pytest.mark.parametrize("kernel", [np.pad([[1.0]], 7), kernels.disk(3, 20), kernels.motion(6, 30, size=20), kernels.random_gaussian])
def test_energy_never_falls_and_reaches_one(kernel, rng):
    kernel = kernel(rng) if callable(kernel) else kernel
    energy = kernels.encircled_energy(kernel, np.linspace(0, 40, 200))
    assert energy[0] == 0
    assert np.diff(energy).min() >= 0
    assert energy[-1] == pytest.approx(1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda k: kernels.profile(k, 0, 1.0),
        lambda k: kernels.profile(k, 0, [np.nan]),
        lambda k: kernels.encircled_energy(k, [[1.0]]),
        lambda k: kernels.encircled_energy(k, [-1.0]),
        lambda k: kernels.encircled_radius(k, 1.0),
        lambda k: kernels.encircled_radius(k, 0),
        lambda k: kernels.nyquist_contrast(k, 1),
        lambda k: kernels.mtf50(k[:3]),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        wrong(kernels.gaussian(1.0))
