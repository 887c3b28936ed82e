"""The forward model of a field: that of one kernel where the field is constant, and of each place's own kernel where it is not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels


def varying(y: float, x: float) -> np.ndarray:
    return kernels.gaussian((1 + 0.6 * x / 95) ** 2 * np.array([[1.0, 0.3 * y / 95], [0.3 * y / 95, 1.0]]))


@pytest.mark.parametrize("scale", [2, 3])
def test_a_constant_field_is_degrade(sharp, scale):
    kernel = kernels.gaussian([[2.6, 0.8], [0.8, 1.5]], 14 if scale == 2 else 15)
    for image in (sharp[:200, :181], np.stack([sharp[:200, :181], sharp[100:300, 20:201]], -1).astype(np.float32)):
        axes = "YX" if image.ndim == 2 else "YXC"
        found = kg.degrade_field(image, lambda y, x: kernel, scale, axes)
        expected = kg.degrade(image, kernel, scale, axes)
        assert found.dtype == expected.dtype
        if image.dtype == np.uint8:
            assert_array_equal(found, expected)
        else:
            assert_allclose(found, expected, rtol=1e-6, atol=1e-4)


def test_every_pixel_is_made_with_the_kernel_of_its_place(sharp):
    image = sharp[100:292, 200:392].astype(np.float64)
    known = kg.given_map(varying, (96, 96), spacing=40)
    found = kg.degrade_field(image, known)
    for y, x in [(0, 0), (13, 50), (48, 95), (70, 31), (95, 10)]:
        assert_allclose(found[y, x], kg.degrade(image, known.kernel_at(y, x))[y, x], rtol=1e-6)
    assert np.abs(found - kg.degrade(image, known.mean_kernel)).max() > 3


def test_stacks_and_colours_have_one_field(sharp):
    stack = np.stack([sharp[:192, :192], sharp[200:392, 200:392]])
    found = kg.degrade_field(stack, varying)
    for plane, alone in zip(stack, found, strict=True):
        assert_array_equal(kg.degrade_field(plane, varying), alone)


def test_a_given_map_knows_its_field():
    known = kg.given_map(varying, (96, 96))
    assert known.shape == (4, 4)
    assert_allclose(known.kernel_at(0, 95), varying(0, 95))
    assert_allclose(known.covariance[-1, 0], [1, 1, 0.3], atol=0.01)
    assert known.fwhm_image("mean")[0, -1] == pytest.approx(1.6 * 2.355, abs=0.05)


def test_what_does_not_fit_is_refused(sharp):
    with pytest.raises(InputError, match="function"):
        kg.degrade_field(sharp, kernels.gaussian(2.0))
    with pytest.raises(InputError, match="scale 2 and 96 x 96"):
        kg.degrade_field(sharp, kg.given_map(varying, (96, 96)))
    with pytest.raises(InputError, match="even"):
        kg.degrade_field(sharp, lambda y, x: kernels.gaussian(2.0, 13))
    with pytest.raises(InputError, match="sides"):
        kg.given_map(lambda y, x: kernels.gaussian(2.0, 14 if y else 16), (96, 96))
