"""Pictures that share a kernel: worth as many as are independent, agreed on their noise, and better together than alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data
from skimage.color import rgb2gray

import napari_kernelgan as kg
from napari_kernelgan import kernels
from napari_kernelgan.estimate.inputs import Input
from napari_kernelgan.estimate.spectral.posterior import agreed, independent
from napari_kernelgan.estimate.spectral.run import iter_spectral
from napari_kernelgan.progress import run

TRUE = kernels.gaussian([[2.6, 0.8], [0.8, 1.5]])
NATURAL = {"prior": "natural"}


@pytest.fixture(scope="module")
def scenes():
    """Differing blurred scenes of 160 x 160 px, floats on 0..255."""
    rocket, coffee, astronaut = (255 * rgb2gray(f()) for f in (data.rocket, data.coffee, data.astronaut))
    camera = data.camera().astype(float)
    parts = [(camera, 20, 120), (camera, 190, 0), (coffee, 80, 280), (rocket, 100, 200), (coffee, 60, 0)]
    parts += [(astronaut, 0, 100), (astronaut, 190, 190)]
    return np.stack([kg.degrade(picture[y : y + 320, x : x + 320], TRUE) for picture, y, x in parts])


def noisy(planes, sd, seed=0):
    return np.clip(np.rint(planes + sd * np.random.default_rng(seed).standard_normal(planes.shape)), 0, 255).astype(np.uint8)


def errors(found):
    return np.array(found.fwhm[:2]) - kernels.fwhm(TRUE)[:2]


def test_pictures_are_worth_as_many_as_are_independent(rng):
    own, common = rng.standard_normal((8, 400)), rng.standard_normal(400)
    assert independent(own) == pytest.approx(8, rel=0.15)
    assert independent(np.tile(common, (8, 1))) == pytest.approx(1)
    # half of the variance in common: 8 / (1 + 7 / 2)
    assert independent(own + common) == pytest.approx(1.78, rel=0.2)
    assert independent(own[:1]) == 1
    assert independent(np.zeros((3, 5))) == 1


def test_noise_that_most_agree_on_is_the_least_of_all():
    assert_allclose(agreed([1.0, 1.02, 0.98, 0.6, 1.3]), [1.0, 1.02, 0.98, 0.9, 1.3])
    clean = [0.1, 1.0, 0.4, 0.02, 3.0]
    assert agreed(clean) == clean
    assert agreed([0.7]) == [0.7]


@pytest.mark.parametrize(("sd", "part"), [(0, 1.0), (5, 0.6)])  # without noise what is left is what these pictures are soft themselves
def test_differing_scenes_tell_their_kernel_better_than_each_alone(scenes, sd, part):
    planes = noisy(scenes, sd)
    shared = kg.estimate_kernel(planes, config=NATURAL)
    single = [kg.estimate_kernel(plane, config=NATURAL) for plane in planes]
    alone = np.sqrt(np.mean([np.square(errors(found)).mean() for found in single]))
    assert np.sqrt(np.square(errors(shared)).mean()) < part * alone
    assert 3 < shared.details["spectrum"]["pictures"] <= len(planes)
    bars, own = (np.diff(found.fwhm_interval).mean() for found in (shared, single[0]))
    assert bars < own
    for width, (low, high) in zip(kernels.fwhm(TRUE)[:2], shared.fwhm_interval, strict=True):
        assert low < width < high


def test_the_same_scene_twice_is_no_news(scenes):
    plane = noisy(scenes, 0)[0]
    once, twice = (kg.estimate_kernel(np.stack([plane] * count), config=NATURAL) for count in (1, 2))
    assert twice.details["spectrum"]["pictures"] == pytest.approx(1)
    assert_allclose(twice.kernel, once.kernel, atol=2e-3 * once.kernel.max())
    assert_allclose(twice.fwhm_interval, once.fwhm_interval, atol=0.05)


def test_parts_of_one_picture_are_one_picture(scenes):
    parts = [plane[None].astype(np.float32) / 255 for plane in noisy(scenes, 0)[:3]]
    none = [np.zeros((160, 160), bool)] * 3

    def found(pictures):
        (estimate,) = run(iter_spectral([(Input(parts, 1 / 255, {}, none, pictures), 0)], 2, kg.SpectralConfig(**NATURAL)))
        return estimate.details["spectrum"]

    assert found((0, 0, 0))["pictures"] == 1
    assert found((0, 0, 1))["pictures"] > 1
    assert found(())["pictures"] > found((0, 0, 1))["pictures"] > 1


def test_one_picture_is_as_ever(scenes):
    plane = noisy(scenes, 3)[2]
    alone, stack = kg.estimate_kernel(plane, config=NATURAL), kg.estimate_kernel(plane[None], config=NATURAL)
    assert_array_equal(alone.kernel, stack.kernel)
    assert alone.details["spectrum"]["pictures"] == 1


def test_small_planes_have_one_spectrum_together(scenes):
    small = noisy(scenes, 0)[:, :64, :64]
    assert kg.estimate_kernel(small, config=NATURAL).details["spectrum"]["pictures"] == 1
