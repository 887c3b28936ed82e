"""SR kernels and PSFs: the relation between them, and kernels from measured PSFs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import convolve2d

from napari_kernelgan import InputError, kernels
from napari_kernelgan.estimate.result import KernelEstimate

COVARIANCES = [np.array([[0.35, 0.0], [0.0, 0.35]]), np.array([[2.6, 0.8], [0.8, 1.5]]), np.array([[5.0, -1.0], [-1.0, 3.0]])]


def estimate(kernel, scale=2, **known):
    return KernelEstimate(kernel, scale, "given", **known)


def dilution(scale):
    """What part of the PSF's variance is that of its SR kernel."""
    return 1 - 1 / scale**2


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_psf_of_a_gaussian_kernel_is_the_gaussian_of_the_theory(covariance, scale):
    psf = kernels.psf_from_sr_kernel(kernels.gaussian(covariance, 20 + scale % 2), scale)
    assert_allclose(psf, kernels.gaussian(covariance / dilution(scale), len(psf)), atol=1e-5)
    kernels.check_kernel(psf, scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_kernel_of_a_gaussian_psf_is_the_gaussian_of_the_theory(covariance, scale):
    psf = kernels.gaussian(covariance / dilution(scale), 24 + scale % 2)
    assert_allclose(kernels.sr_kernel_from_psf(psf, scale), kernels.gaussian(covariance, len(psf)), atol=1e-5)


def test_variance_of_the_kernel_is_that_of_the_psf_times_three_quarters():
    psf = kernels.gaussian([[4.0, 1.0], [1.0, 3.0]], 26)
    assert_allclose(kernels.covariance(kernels.sr_kernel_from_psf(psf, 2)), 0.75 * kernels.covariance(psf), rtol=0.01)


def test_psf_is_the_kernel_convolved_with_itself_shrunk_again_and_again():
    # the product at a frequency, from sums over the kernel's samples; coma has a phase
    kernel = kernels.coma(size=22)
    psf = kernels.psf_from_sr_kernel(kernel, 2, size=44)
    at = np.arange(22) - 10.5, np.arange(44) - 21.5
    for fy, fx in [(0.05, 0.1), (0.2, -0.15), (-0.3, 0.02)]:

        def transfer(samples, where, shrunk=1.0, fy=fy, fx=fx):
            return np.exp(-2j * np.pi * fy * shrunk * where) @ samples @ np.exp(-2j * np.pi * fx * shrunk * where)

        product = np.prod([transfer(kernel, at[0], 0.5**j) for j in range(30)])
        assert abs(transfer(psf, at[1]) - product) < 2e-3


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("fwhm", [2.2, 3.0, 4.5])
def test_airy_psf_comes_back(fwhm, scale):
    psf = kernels.airy(fwhm, 30 + scale % 2)
    signed = kernels.sr_kernel_from_psf(psf, scale, signed=True)
    assert_allclose(kernels.psf_from_sr_kernel(signed, scale, size=len(psf)), psf, atol=1e-3)
    kernel = kernels.sr_kernel_from_psf(psf, scale)
    assert kernel.min() >= 0
    back = kernels.psf_from_sr_kernel(kernel, scale, size=len(psf))
    assert_allclose(back, psf, atol=0.06 * psf.max())
    if fwhm >= 3:
        assert_allclose(kernels.fwhm(back)[:2], kernels.fwhm(psf)[:2], rtol=0.02)


@pytest.mark.parametrize("kernel", [kernels.airy(3, 22), kernels.disk(3, 22), kernels.motion(6, 30, size=22), kernels.coma(size=22)])
def test_kernel_comes_back_from_its_psf(kernel):
    assert_allclose(kernels.sr_kernel_from_psf(kernels.psf_from_sr_kernel(kernel, 2), 2, size=22), kernel, atol=1e-3)


def test_zeros_of_a_psf_are_regularised():
    sharper, psf = kernels.disk(1.5, 21), kernels.disk(3, 22)
    kernel = kernels.sr_kernel_from_psf(psf, 2)
    kernels.check_kernel(kernel, 2)
    # the definition, b_L = b_H * k, as nearly as a kernel that is not negative can
    assert np.abs(convolve2d(kernel, sharper, "same") - psf).sum() < 0.3


def test_estimates_relative_to_a_prior_are_the_psf_but_for_the_priors_blur():
    kernel = kernels.gaussian(COVARIANCES[1], 20)
    est = estimate(kernel, reference="prior")
    assert_allclose(kernels.psf_from_sr_kernel(est), kernel, atol=1e-9)
    blurred = kernels.psf_from_sr_kernel(est, prior_blur=0.5)
    assert_allclose(blurred, kernels.gaussian(COVARIANCES[1] + 0.5 * np.eye(2), len(blurred)), atol=1e-5)
    back = kernels.sr_kernel_from_psf(blurred, 2, "prior", size=20, prior_blur=0.5)
    assert_allclose(back, kernel, atol=1e-4)


@pytest.mark.parametrize(("size", "scale"), [(15, 2), (14, 3)])
def test_parity_and_centre_are_mended(size, scale):
    psf = kernels.gaussian(COVARIANCES[1], 19 + size)[3 : 3 + size + 12, 5 : 5 + size + 12]  # off its centre
    kernel = kernels.sr_kernel_from_psf(psf, scale, "prior")
    kernels.check_kernel(kernel, scale)
    assert_allclose(kernels.centre_of_mass(kernel), (len(kernel) - 1) / 2, atol=0.05)
    assert_allclose(kernels.fwhm(kernel)[:2], kernels.gaussian_fwhm(COVARIANCES[1])[:2], atol=0.02)


def test_optics_width_depends_on_the_reference_and_says_so():
    covariance = COVARIANCES[1]
    bars = ((3.5, 4.5), (2.0, 3.0))
    kernel = kernels.gaussian(covariance, 20)
    similar = kernels.optics_fwhm(estimate(kernel, fwhm_interval=bars))
    assert_allclose(similar.pixels[:2], kernels.gaussian_fwhm(covariance / 0.75)[:2], atol=0.02)
    assert_allclose(similar.interval, np.array(bars) / np.sqrt(0.75), atol=0.03)
    assert "self-similar" in similar.label
    assert (similar.physical, similar.unit) == (None, None)
    prior = kernels.optics_fwhm(estimate(kernel, reference="prior", fwhm_interval=bars))
    assert_allclose(prior.pixels[:2], kernels.gaussian_fwhm(covariance)[:2], atol=0.02)
    assert_allclose(prior.interval, bars, atol=1e-6)
    assert "prior" in prior.label
    wider = kernels.optics_fwhm(estimate(kernel, reference="prior", fwhm_interval=bars), prior_blur=0.5)
    assert_allclose(wider.pixels[:2], kernels.gaussian_fwhm(covariance + 0.5 * np.eye(2))[:2], atol=0.02)


@pytest.mark.parametrize("pixel", [(0.1, 0.1), (0.2, 0.1), (0.1, 0.3)])
def test_optics_width_in_the_pixels_unit(pixel):
    covariance = COVARIANCES[1]
    known = {"reference": "prior", "pixel_size": pixel, "unit": "micrometer"}
    found = kernels.optics_fwhm(estimate(kernels.gaussian(covariance, 20), **known))
    size = np.diag(pixel) / 2
    true = kernels.gaussian_fwhm(size @ covariance @ size)
    assert_allclose(found.physical[:2], true[:2], rtol=0.01)
    assert abs(found.physical.angle - true.angle) < 1
    assert found.unit == "micrometer"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: kernels.psf_from_sr_kernel(k), "give scale"),
        (lambda k: kernels.psf_from_sr_kernel(k, 2, "sharp"), "'prior'"),
        (lambda k: kernels.psf_from_sr_kernel(estimate(k), 3), "leave scale out"),
        (lambda k: kernels.psf_from_sr_kernel(estimate(k), reference="prior"), "leave reference out"),
        (lambda k: kernels.psf_from_sr_kernel(k, 2, size=15), "give 16"),
        (lambda k: kernels.psf_from_sr_kernel(k, 2, size=0), "give 2,"),
        (lambda k: kernels.psf_from_sr_kernel(k, 3, size=-4), "give 1,"),
        (lambda k: kernels.sr_kernel_from_psf(k, 3, size=14.5), "give 15,"),
        (lambda k: kernels.psf_from_sr_kernel(k, 2, prior_blur=1.0), "reference='prior' only"),
        (lambda k: kernels.psf_from_sr_kernel(k, 2, "prior", prior_blur=-1.0), "variance"),
        (lambda k: kernels.sr_kernel_from_psf(k, 2, floor=0), "between 0 and 1"),
        (lambda k: kernels.sr_kernel_from_psf(k[:, 1:], 2), "square"),
    ],
)
def test_what_cannot_be_used_is_refused(call, message, true_kernel):
    with pytest.raises(InputError, match=message):
        call(true_kernel)
