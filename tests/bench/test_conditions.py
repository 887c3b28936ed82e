"""What pictures are degraded with: kinds of kernels, noise, several seeds."""

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import kernels
from napari_kernelgan.bench.cases import from_degraded, from_sharp
from napari_kernelgan.bench.kinds import FIXED, KINDS, kernel_of


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    iio.imwrite(pictures / "a.png", data.camera()[100:228, 100:260])
    iio.imwrite(pictures / "b.png", data.astronaut()[:128, 100:240])
    return pictures


@pytest.mark.parametrize(
    ("kind", "values", "energy"),
    [
        ("disk2", [0.079411765, 0.072549020, 0.000000000, 0.025490196, 0.000000000], 0.069930796),
        ("disk3", [0.031058282, 0.031058282, 0.024923313, 0.031058282, 0.003834356], 0.028377762),
        ("airy3", [0.082923128, 0.045323598, 0.004208569, 0.023060785, 0.000448577], 0.047204133),
        ("airy45", [0.042665177, 0.032808168, 0.013740606, 0.024918161, 0.006999947], 0.023522909),
        ("motion6", [0.066879133, 0.017065805, 0.064547759, 0.001509127, 0.035656396], 0.044304488),
        ("motion8", [0.035331864, 0.025930083, 0.000031715, 0.049097704, 0.000001075], 0.035853745),
        ("coma", [0.087606117, 0.038372840, 0.024524721, 0.010307948, 0.008427456], 0.047266215),
    ],
)
def test_kinds_are_what_they_have_always_been(kind, values, energy):
    """Literal values, so that benchmarks of years apart can be compared."""
    kernel = kernel_of(kind, 14, "any", 0)
    assert_allclose([kernel[at] for at in ((6, 6), (6, 8), (5, 4), (8, 5), (9, 9))], values, atol=1e-8)
    assert (kernel**2).sum() == pytest.approx(energy, abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [14, 15])
def test_kinds_keep_the_convention(kind, size):
    kernel = kernels.check_kernel(kernel_of(kind, size, "name", 0), 2 if size == 14 else 3)
    assert kernel.min() >= 0
    assert_allclose(kernels.centre_of_mass(kernel), (size - 1) / 2, atol=0.05)


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("disk2", kernels.disk(2)),
        ("disk3", kernels.disk(3.2)),
        ("airy3", kernels.airy(3)),
        ("airy45", kernels.airy(4.5)),
        ("motion6", kernels.motion(6, np.rad2deg(0.6))),
        ("motion8", kernels.motion(8, np.rad2deg(2.2))),
        ("coma", kernels.coma()),
    ],
)
def test_kinds_are_near_the_models_of_their_names(kind, model):
    assert_allclose(kernel_of(kind, 14, "any", 0), model, atol=0.03)


def test_random_kernels_depend_on_the_name_and_the_seed():
    assert_array_equal(kernel_of("gauss", 14, "a", 1), kernel_of("gauss", 14, "a", 1))
    for other in (kernel_of("gauss", 14, "b", 1), kernel_of("gauss", 14, "a", 2)):
        assert np.abs(other - kernel_of("gauss", 14, "a", 1)).max() > 1e-3


def test_every_picture_has_every_condition(folder):
    cases = list(from_sharp(folder, 2, kernel_seed=[0, 1], kinds=["gauss", "disk2"], noises=[0, 0.02]))
    found = [(case.name, case.kind, case.kernel_seed, case.noise) for case in cases]
    # a kernel that is not random is the same for every seed
    conditions = [("gauss", 0, 0), ("gauss", 0, 0.02), ("gauss", 1, 0), ("gauss", 1, 0.02), ("disk2", 0, 0), ("disk2", 0, 0.02)]
    assert found == [(name, *condition) for name in "ab" for condition in conditions]
    assert len({case.title for case in cases}) == len(cases)
    assert cases[0].title == "a, gauss"
    for case in cases:
        assert_allclose(case.kernel, kernel_of(case.kind, 14, case.name, case.kernel_seed))


@pytest.mark.parametrize("scale", [3, 4])
def test_kinds_have_every_scale(folder, scale):
    case = next(from_sharp(folder, scale, kinds=["motion6"], noises=[0.01]))
    kernels.check_kernel(case.kernel, scale)
    assert case.low.shape == tuple(n // scale for n in case.high.shape)


def test_noise_is_added_before_rounding_and_is_the_pictures_own(folder):
    clean, noisy = from_sharp(folder, 2, limit=1, noises=[0, 0.02])
    exact = kg.degrade(clean.high / 255, clean.kernel)
    assert_array_equal(clean.low, kg.degrade(clean.high, clean.kernel))
    assert noisy.low.dtype == np.uint8
    inside = (exact > 0.1) & (exact < 0.9)  # where nothing is clipped
    assert np.std((noisy.low / 255 - exact)[inside]) == pytest.approx(0.02, rel=0.05)
    assert abs(np.mean((noisy.low / 255 - exact)[inside])) < 1e-3
    (again,) = from_sharp(folder, 2, limit=1, noises=[0.02])
    assert_array_equal(again.low, noisy.low)


def test_noise_comes_on_top_of_low_resolution_pictures(folder, tmp_path):
    (case,) = from_sharp(folder, 2, limit=1)
    low = tmp_path / "low"
    low.mkdir()
    iio.imwrite(low / "a.png", case.low)
    np.savez(tmp_path / "k.npz", a=case.kernel)
    clean, noisy = from_degraded(low, tmp_path / "k.npz", None, 2, None, noises=[0, 0.04])
    assert_array_equal(clean.low, case.low)
    assert (noisy.noise, noisy.title) == (0.04, "a, noise 0.04")
    inside = (case.low > 40) & (case.low < 215)
    assert np.std((noisy.low / 255 - case.low / 255)[inside]) == pytest.approx(0.04, rel=0.05)


def test_the_fixed_kinds_are_all_there():
    assert set(KINDS) == {"gauss", *FIXED}
