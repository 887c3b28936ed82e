"""Theoretical widths and transfer functions against patterns that are summed numerically."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import uniform_filter
from scipy.special import j1

from napari_kernelgan import InputError, kernels
from napari_kernelgan.kernels import Optics

OIL = Optics(1.4, 520)
CLOSED = Optics(1.4, 520, "confocal, closed pinhole")
STEP = 2.0  # nm


def airy_pattern(optics, reach=800.0):
    at = np.arange(-reach, reach + STEP, STEP)
    v = np.maximum(2 * np.pi * optics.numerical_aperture / optics.wavelength * np.hypot(at[:, None], at), 1e-9)
    return (2 * j1(v) / v) ** 2


def width(pattern):
    line = pattern[len(pattern) // 2] / pattern.max()
    after = int(np.argmax(line > 0.5))
    edge = after - 1 + (0.5 - line[after - 1]) / (line[after] - line[after - 1])
    return 2 * STEP * (len(line) // 2 - edge)


def test_widths_are_those_of_the_airy_pattern_and_its_square():
    assert kernels.theoretical_fwhm(OIL) == pytest.approx(189.4, abs=0.1)
    for mode in ("light sheet", "confocal"):
        assert kernels.theoretical_fwhm(Optics(1.4, 520, mode)) == kernels.theoretical_fwhm(OIL)
    assert kernels.theoretical_fwhm(OIL) == pytest.approx(width(airy_pattern(OIL)), rel=0.01)
    assert kernels.theoretical_fwhm(CLOSED) == pytest.approx(width(airy_pattern(OIL) ** 2), rel=0.01)


@pytest.mark.parametrize("pixel", [50.0, 102.0, 190.0])
def test_pixels_add_their_variance(pixel):
    # a box of an odd number of points
    box = 2 * int(pixel / STEP / 2) + 1
    seen = width(uniform_filter(airy_pattern(OIL), box))
    found = kernels.theoretical_fwhm(OIL, box * STEP)
    assert found == pytest.approx(seen, rel=0.015)
    assert found**2 == pytest.approx(kernels.theoretical_fwhm(OIL) ** 2 + 8 * np.log(2) * (box * STEP) ** 2 / 12)


def test_transfer_function_is_that_of_the_pattern():
    f = np.array([0.0, 0.2, 0.5, 0.8]) * kernels.cutoff_frequency(OIL)
    pattern = airy_pattern(OIL, 4000.0)
    at = np.arange(len(pattern)) * STEP - 4000.0
    line = pattern.sum(0)
    summed = np.abs(np.exp(-2j * np.pi * f[:, None] * at) @ line) / line.sum()
    assert_allclose(kernels.theoretical_mtf(OIL, f), summed, atol=0.02)  # the pattern's tails are long
    line = (pattern**2).sum(0)
    f *= 2
    assert f.max() < kernels.cutoff_frequency(CLOSED)
    summed = np.abs(np.exp(-2j * np.pi * f[:, None] * at) @ line) / line.sum()
    assert_allclose(kernels.theoretical_mtf(CLOSED, f), summed, atol=1e-3)


@pytest.mark.parametrize("optics", [OIL, CLOSED], ids=["widefield", "closed"])
def test_nothing_passes_beyond_the_cutoff(optics):
    cutoff = kernels.cutoff_frequency(optics)
    assert 1 / cutoff == pytest.approx(520 / (2 * 1.4) / (2 if optics is CLOSED else 1))
    below, beyond = kernels.theoretical_mtf(optics, [0.7 * cutoff, 1.0001 * cutoff])
    assert below > 0.01
    assert beyond < 1e-3


def test_pixels_multiply_by_a_sinc():
    f = np.array([0.001, 0.005])
    expected = kernels.theoretical_mtf(OIL, f) * np.sinc(100 * f)
    assert_allclose(kernels.theoretical_mtf(OIL, f, 100), expected)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"numerical_aperture": 0.0}, "numerical aperture"),
        ({"numerical_aperture": 1.71}, "numerical aperture"),
        ({"numerical_aperture": np.nan}, "numerical aperture"),
        ({"numerical_aperture": "1.4"}, "numerical aperture"),
        ({"wavelength": 0.52}, "nm"),
        ({"wavelength": np.inf}, "nm"),
        ({"mode": "two-photon"}, "mode"),
    ],
)
def test_values_out_of_range_are_refused(wrong, told):
    with pytest.raises(InputError, match=told):
        Optics(**({"numerical_aperture": 1.4, "wavelength": 520.0} | wrong))


def test_pixels_and_frequencies_are_checked():
    with pytest.raises(InputError, match="pixel"):
        kernels.theoretical_fwhm(OIL, -1)
    with pytest.raises(InputError, match="cycles per nm"):
        kernels.theoretical_mtf(OIL, [-0.1])
