import numpy as np
import pytest

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import kernel_psnr, picture_psnr, picture_ssim


def test_equal_kernels_are_infinitely_alike():
    kernel = kg.kernels.gaussian(2.0)
    assert kernel_psnr(kernel, kernel) == float("inf")


def test_kernel_psnr_is_that_of_the_mean_squared_difference():
    a, b = kg.kernels.gaussian(2.0), kg.kernels.gaussian(4.0)
    assert kernel_psnr(a, b) == pytest.approx(-10 * np.log10(np.mean((a - b) ** 2)), abs=1e-6)


def test_kernel_psnr_forgives_position_size_height_and_negative_values():
    # what lies below 1e-5 of the peak is left out, so that no frame cuts it
    kernel = kg.kernels.gaussian(1.5, 24)
    moved = np.roll(np.pad(3 * kernel, 4), (3, -2), (0, 1))
    moved[0, 0] = -0.1
    assert kernel_psnr(moved, kernel) > 100
    assert kernel_psnr(kg.kernels.gaussian(1.5 * 1.5**2, 24), kernel) < 50


def test_kernel_psnr_on_a_larger_grid_counts_more_zeros():
    a, b = kg.kernels.gaussian(1.0), kg.kernels.gaussian(2.0)
    assert kernel_psnr(a, b, size=28) == pytest.approx(kernel_psnr(a, b, size=14) + 20 * np.log10(2), abs=0.01)


def test_picture_psnr_of_a_known_error():
    # one gray level of 255 is 219 / 255 of a level of luma
    truth = np.full((20, 30), 100, np.uint8)
    result = truth + np.uint8(5)
    expected = 20 * np.log10(255 / (5 * 219 / 255))
    assert picture_psnr(result, truth) == pytest.approx(expected, abs=1e-3)
    assert picture_psnr(result / 255, truth / 255) == pytest.approx(expected, abs=1e-3)


def test_picture_psnr_weighs_colours_as_luma_does():
    truth = np.zeros((20, 20, 3), np.uint8)
    red, green = truth.copy(), truth.copy()
    red[..., 0], green[..., 1] = 10, 10
    assert picture_psnr(red, truth) - picture_psnr(green, truth) == pytest.approx(20 * np.log10(128.553 / 65.481), abs=1e-3)


def test_the_border_does_not_count():
    truth = np.full((20, 20), 100, np.uint8)
    result = truth.copy()
    result[:2], result[:, -2:] = 0, 255
    assert picture_psnr(result, truth) == float("inf")
    assert picture_psnr(result, truth, border=1) < 30


def test_ssim_is_one_for_equal_pictures_and_falls_with_noise():
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=(40, 40))
    noisy = np.clip(truth + rng.normal(0, 0.1, truth.shape), 0, 1)
    assert picture_ssim(truth, truth) == pytest.approx(1)
    assert 0.5 < picture_ssim(noisy, truth) < 0.99


@pytest.mark.parametrize(
    ("result", "truth", "said"),
    [
        (np.zeros((8, 8)), np.zeros((8, 9)), "different sizes"),
        (np.zeros((4, 4)), np.zeros((4, 4)), "leaves nothing"),
        (np.zeros((8, 8), np.uint16), np.zeros((8, 8), np.uint16), "uint16"),
        (np.zeros((8, 8, 4)), np.zeros((8, 8, 4)), "shape"),
    ],
)
def test_pictures_that_cannot_be_compared(result, truth, said):
    with pytest.raises(kg.InputError, match=said):
        picture_psnr(result, truth)
