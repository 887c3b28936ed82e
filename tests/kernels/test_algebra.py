"""Kernel algebra: exact composition, centring, parity, checks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import convolve2d

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels


def test_compose_is_the_convolution_with_the_dilated_kernel(rng):
    k1, k2 = rng.random((14, 14)), rng.random((9, 9))
    k1, k2 = k1 / k1.sum(), k2 / k2.sum()
    dilated = np.zeros((3 * 8 + 1,) * 2)
    dilated[::3, ::3] = k2
    composed = kernels.compose(k1, k2, s1=3)
    assert composed.shape == (14 + 3 * 8,) * 2
    assert_allclose(composed, convolve2d(k1, dilated), atol=1e-15)


def test_composed_kernel_degrades_like_the_two_steps(rng):
    image = rng.random((120, 120))
    k = kernels.gaussian([[1.5, 0.4], [0.4, 0.8]])
    twice = kg.degrade(kg.degrade(image, k), k)
    once = kg.degrade(image, kernels.compose(k), scale=4)
    # inside, where neither border rule is felt
    assert_allclose(once[6:-6, 6:-6], twice[6:-6, 6:-6], atol=1e-6)


def test_compose_keeps_the_centre():
    k4 = kernels.compose(kernels.centre(kernels.coma()))
    assert_allclose(kernels.centre_of_mass(k4), (len(k4) - 1) / 2, atol=0.01)
    assert (len(k4) - 4) % 2 == 0


@pytest.mark.parametrize("shift", [(1, 0), (-2, 1), (0, 3)])
def test_centre_brings_the_centre_of_mass_to_the_middle(shift):
    kernel = np.roll(kernels.gaussian([[1.5, 0.5], [0.5, 1.0]], 16), shift, (0, 1))
    centred = kernels.centre(kernel)
    assert_allclose(kernels.centre_of_mass(centred), 7.5, atol=0.01)
    assert centred.sum() == pytest.approx(1)
    assert centred.min() >= 0


def test_centring_a_centred_kernel_changes_nothing(true_kernel):
    assert_allclose(kernels.centre(true_kernel), true_kernel, atol=0)


def test_pad_and_crop_undo_each_other(true_kernel):
    assert_allclose(kernels.crop(kernels.pad(true_kernel, 20), 14), true_kernel, atol=1e-15)
    with pytest.raises(InputError, match="evenly"):
        kernels.pad(true_kernel, 17)
    with pytest.raises(InputError, match="evenly"):
        kernels.crop(true_kernel, 11)


def test_fit_parity_makes_an_odd_kernel_usable_at_scale_two():
    odd = kernels.gaussian([[1.5, 0.5], [0.5, 1.0]], 13)
    with pytest.raises(InputError, match="fit_parity"):
        kernels.check_kernel(odd, 2)
    fitted = kernels.fit_parity(odd, 2)
    assert fitted.shape == (14, 14)
    assert_allclose(kernels.centre_of_mass(fitted), 6.5, atol=0.01)
    assert_allclose(kernels.covariance(fitted), kernels.covariance(odd), atol=0.1)


def test_generator_weights_become_a_centred_kernel():
    # 13 x 13 correlation weights whose mass is at (6.5, 6.5), turned against the kernel
    big = kernels.coma(size=14)[::-1, ::-1]
    weights = big[:13, :13]
    assert_allclose(kernels.from_correlation_weights(weights)[1:, 1:], kernels.coma(size=14)[1:, 1:], atol=1e-15)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (np.ones((14, 13)) / 182, "square"),
        (np.ones((2, 2, 2)), "square"),
        (np.full((14, 14), np.nan), "NaN"),
        (np.zeros((14, 14)), "sum to zero"),
        (np.ones((14, 14)), "normalise"),
        (np.ones((13, 13)) / 169, "fit_parity"),
        (np.ones((14, 14), complex), "real numbers"),
        ("kernel.tif", "load_kernel"),
        ([[1, 2], [3]], "not of one length"),
    ],
)
def test_bad_kernels_are_refused_with_advice(kernel, message):
    with pytest.raises(InputError, match=message):
        kernels.check_kernel(kernel, 2)
