"""Beads found, averaged and brought to the kernel convention; kernels from PSFs of any pixel size."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from napari_kernelgan import InputError, kernels

COVARIANCE = np.array([[6.0, 1.0], [1.0, 4.0]])


def spots(shape, positions, heights, covariance=COVARIANCE):
    precision = np.linalg.inv(covariance)
    image = np.zeros(shape)
    for (cy, cx), height in zip(positions, heights, strict=True):
        y, x = (axis - c for axis, c in zip(np.indices(shape), (cy, cx), strict=True))
        image += height * np.exp(-0.5 * (precision[0, 0] * y * y + precision[1, 1] * x * x + 2 * precision[0, 1] * y * x))
    return image


def scattered(rng, across=5, apart=46):
    """Positions on a loose grid, between pixels."""
    grid = np.stack(np.meshgrid(*(np.arange(across) * apart + apart / 2,) * 2), -1).reshape(-1, 2)
    return grid + rng.uniform(-3, 3, grid.shape)


def distances(found, true):
    return np.hypot(*(found[:, None] - true).transpose(2, 0, 1)).min(1)


@pytest.fixture
def field(rng):
    """Beads on a background, with shot noise and read noise; and where they are."""
    positions = scattered(rng)
    clean = spots((230, 230), positions, rng.uniform(120, 250, len(positions))) + 20
    return np.round(rng.poisson(clean) + rng.normal(0, 3, clean.shape)).astype(np.int16), positions


def test_width_comes_back_from_noisy_beads(field):
    image, positions = field
    beads = kernels.average_beads(image)
    assert len(beads.used) == len(positions)
    assert beads.used.mean() > 0.9
    assert distances(beads.positions, positions).mean() < 0.1
    true = kernels.gaussian_fwhm(COVARIANCE)
    same = kernels.kernel_from_psf(beads.psf, 1, 2)
    kernels.check_kernel(same, 2)
    assert_allclose(kernels.centre_of_mass(same), (len(same) - 1) / 2, atol=0.05)
    assert_allclose(kernels.fwhm(same)[:2], true[:2], rtol=0.03)
    finer = kernels.kernel_from_psf(beads.psf, 1, 2.4, scale=3)  # HR pixels of 0.8
    kernels.check_kernel(finer, 3)
    assert_allclose(np.array(kernels.fwhm(finer)[:2]) * 0.8, true[:2], rtol=0.03)


def test_clumps_saturated_beads_and_those_at_the_border_are_left_out(rng):
    positions = scattered(rng)
    heights = np.full(len(positions), 150.0)
    positions[3] = 2, 150  # at the border
    image = spots((230, 230), positions, heights) + 10
    clump, wide, bright = positions[7], positions[12], positions[16]
    image += spots(image.shape, [clump + (3, 2)], [100])
    image += spots(image.shape, [wide], [60], np.eye(2) * 25)
    image += spots(image.shape, [bright], [300])
    beads = kernels.average_beads(np.clip(rng.poisson(image), 0, 255).astype(np.uint8))
    assert len(beads.used) == len(positions) - 2
    left_out = beads.positions[~beads.used]
    assert len(left_out) == 2
    assert distances(np.array([clump, wide]), left_out).max() < 3
    assert distances(beads.positions, bright[None]).min() > 10
    assert_allclose(kernels.fwhm(kernels.kernel_from_psf(beads.psf, 1, 2))[:2], kernels.gaussian_fwhm(COVARIANCE)[:2], rtol=0.03)


def test_beads_with_a_neighbour_are_left_out():
    at = [(40, 40), (40, 53), (110, 80)]
    beads = kernels.average_beads(spots((150, 150), at, [100, 30, 90]) + 5)
    assert_allclose(beads.positions, [(110, 80)], atol=0.02)


def test_in_a_stack_each_bead_is_taken_at_its_sharpest(rng):
    at, depth = scattered(rng, 3), rng.integers(2, 7, 9)
    stack = np.zeros((9, 138, 138))
    for z, plane in enumerate(stack):
        for place, own in zip(at, depth, strict=True):
            blur = COVARIANCE + np.eye(2) * 2 * (z - own) ** 2
            plane += spots(plane.shape, [place], [200 * np.sqrt(np.linalg.det(COVARIANCE) / np.linalg.det(blur))], blur)
    beads = kernels.average_beads(rng.poisson(stack + 10))
    assert beads.positions.shape == (9, 3)
    for z, y, x in beads.positions:
        assert z == depth[np.hypot(*(at - (y, x)).T).argmin()]
    kernel = kernels.kernel_from_psf(beads.psf, 1, 2)
    assert_allclose(kernels.fwhm(kernel)[:2], kernels.gaussian_fwhm(COVARIANCE)[:2], rtol=0.03)


@pytest.mark.parametrize("scale", [2, 3])
def test_computed_psf_becomes_the_model_on_hr_pixels(scale):
    fine = kernels.airy(20, 181)  # pixels of a fifth of an HR pixel
    kernel = kernels.kernel_from_psf(fine, 0.02, 0.1 * scale, scale, background=0)
    assert_allclose(kernel, kernels.airy(4, len(kernel)), atol=5e-5)
    measured = kernels.kernel_from_psf(fine + 7, 0.02, 0.1 * scale, scale)
    assert_allclose(measured, kernel, atol=1e-3)


def test_psf_on_oblong_pixels_and_from_a_stack():
    plane = spots((61, 101), [(30.3, 49.6)], [100], np.diag([9.0, 36.0]))  # round where pixels are twice as high as wide
    stack = np.stack([0.2 * plane, plane, 0.5 * plane]) + 4
    kernel = kernels.kernel_from_psf(stack, (0.2, 0.1), 0.6)
    variance = (0.6 / 0.3) ** 2 + 1 / 12
    assert_allclose(kernel, kernels.gaussian(variance, len(kernel)), atol=1e-3)


def test_area_of_the_cameras_pixels_is_added_where_it_is_asked_for():
    fine = kernels.gaussian(25.0, 81)  # variance 1 on HR pixels of 5
    kernel = kernels.kernel_from_psf(fine, 1, 10, background=0, size=14)
    camera = kernels.kernel_from_psf(fine, 1, 10, background=0, size=14, camera=True)
    assert_allclose(np.diag(kernels.covariance(kernel)), 1 + 1 / 12, atol=0.005)
    assert_allclose(np.diag(kernels.covariance(camera)), 1 + 4 / 12, atol=0.005)


def test_psf_on_the_images_own_pixels_is_only_interpolated():
    coarse = kernels.gaussian(4.0, 23)
    assert_allclose(kernels.kernel_from_psf(coarse, 2, 2, background=0, size=30), kernels.gaussian(16.0, 30), atol=1e-4)


def test_noise_around_a_bead_makes_no_pedestal(rng):
    image = rng.normal(50, 2, (61, 61)) + spots((61, 61), [(30.2, 29.7)], [100])
    kernel = kernels.kernel_from_psf(image, 1, 2, size=40)
    assert kernel[:5].sum() < 1e-3
    assert_allclose(kernels.covariance(kernel), COVARIANCE, atol=0.6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: kernels.kernel_from_psf(p, 0, 1), "psf_pixel_size"),
        (lambda p: kernels.kernel_from_psf(p, 1, (1, 2, 3)), "image_pixel_size"),
        (lambda p: kernels.kernel_from_psf(p, 1, 2, size=13), "give 14"),
        (lambda p: kernels.kernel_from_psf(p * 0 + 3, 1, 2), "nothing above its background"),
        (lambda p: kernels.kernel_from_psf(p * np.nan, 1, 2), "NaN"),
        (lambda p: kernels.kernel_from_psf(p[0], 1, 2), "real numbers"),
        (lambda p: kernels.average_beads(p, size=8), "odd"),
        (lambda p: kernels.average_beads(p * 0), "No bead stands out"),
        (lambda p: kernels.average_beads(p, size=31), "smaller size"),
    ],
)
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(spots((31, 31), [(15, 15)], [100]))
