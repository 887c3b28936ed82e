"""Mixtures of channels: the noise they tell, and where they tell none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import kernels
from napari_kernelgan.estimate.spectral.spectrum import measure

NARROW = kernels.gaussian(0.5)


@pytest.fixture(scope="module")
def low():
    """A textured colour picture (Y, X, 3) on 0..1 under a narrow kernel, which leaves much of the picture at high frequencies."""
    return kg.degrade(data.immunohistochemistry() / 255, NARROW)


def spectrum(image):
    return measure([np.moveaxis(image, -1, 0).astype(np.float32)])


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_differences_of_channels_tell_the_noise(low, rng, noise):
    found = spectrum(low + rng.normal(0, noise, low.shape))
    assert found.certain
    assert found.noise == pytest.approx(noise**2, rel=0.04)
    # the green channel alone does not
    assert spectrum(low[..., 1:2] + rng.normal(0, noise, low.shape[:2])[..., None]).certain is False


def test_noise_may_differ_between_channels(low, rng):
    noise = np.array([0.02, 0.03, 0.04])
    found = spectrum(low + rng.normal(0, noise, low.shape))
    assert found.certain
    assert noise.min() ** 2 < found.noise < noise.max() ** 2
    # what is mixed is mostly what the channels have in common: beyond what the picture reaches, only noise is left
    smooth = spectrum(np.stack([gaussian_filter(channel, 2) for channel in np.moveaxis(low, -1, 0)], -1) + rng.normal(0, noise, low.shape))
    assert smooth.noise == pytest.approx(smooth.power[-20:].mean(), rel=0.08)


def test_noise_that_channels_share_is_not_told_from_their_differences(low, rng):
    found = spectrum(low + rng.normal(0, 0.03, low.shape[:2])[..., None])
    assert not found.certain
    assert found.noise > 0.03**2


def test_a_picture_that_is_in_one_channel_only_is_found_there(rng):
    """The other channels' noise does not drown it: with all channels' power summed, two of three parts of the noise would be theirs."""
    true = kernels.gaussian([[2.6, 0.8], [0.8, 1.5]])
    gray = kg.degrade(data.camera() / 255, true)
    image = np.stack([gray, np.zeros_like(gray), np.zeros_like(gray)], -1) + rng.normal(0, 0.02, (*gray.shape, 3))
    one, three = spectrum(image[..., :1]), spectrum(image)
    assert np.corrcoef(np.log(one.power), np.log(three.power))[0, 1] > 0.999
    ratio = (three.power[:40].mean() / three.noise) / (one.power[:40].mean() / 0.02**2)
    assert ratio == pytest.approx(1, abs=0.1)


def test_the_same_in_all_channels_is_as_in_one(low):
    gray = low[..., 1:2]
    one, three = spectrum(gray), spectrum(np.repeat(gray, 3, -1))
    # up to the factor that three channels show more of it than one
    assert np.ptp(np.log(three.power / one.power)) < 1e-3


def test_windows_of_faint_detail_do_not_hide_what_others_show(low, rng):
    """Without noise all windows count alike; with noise those with faint detail hardly do, and the others' power does not drown in them."""
    contrast = np.full((512, 512, 1), 0.03)
    contrast[:200, :200] = 1
    picture = 0.5 + contrast * (np.tile(low, (2, 2, 1)) - 0.5)
    clean, noisy = (spectrum(picture + rng.normal(0, noise, picture.shape)) for noise in (1e-5, 0.03))
    assert clean.windows > 200
    assert noisy.windows < 0.5 * clean.windows
    assert noisy.power[:60].mean() > 1.5 * clean.power[:60].mean()
