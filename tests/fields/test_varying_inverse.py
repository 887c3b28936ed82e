"""The inverse with a kernel that varies: the same as untiled where it does not, without seams where it does, and better than one kernel."""

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.assess.metrics import picture_psnr


def varying(y: float, x: float) -> np.ndarray:
    return kernels.gaussian((1 + 0.6 * x / 255) ** 2 * np.array([[1, 0.2 * y / 255], [0.2 * y / 255, 1]]))


def textures(count: int, side: int) -> np.ndarray:
    """Pictures that are alike everywhere, with the spectrum of photographs, 0..1."""
    rng = np.random.default_rng(3)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    made = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(count, side, side))) / frequency, (side, side))
    return 0.5 + 0.15 * made / made.std()


@pytest.mark.parametrize(
    ("covariance", "noise"),
    [
        ([[2.6, 0.8], [0.8, 1.5]], 0.02),
        ([[1.0, 0], [0, 1.0]], 0),
        pytest.param([[2.6, 0.8], [0.8, 1.5]], 0, marks=pytest.mark.slow),
        pytest.param([[1.0, 0], [0, 1.0]], 0.02, marks=pytest.mark.slow),
    ],
)
def test_with_one_kernel_everywhere_tiles_are_not_seen(sharp, rng, covariance, noise):
    kernel = kernels.gaussian(covariance)
    low = (kg.degrade(sharp[:320, :320] / 255, kernel) + rng.normal(0, noise, (160, 160))).astype(np.float32)
    whole = kg.upscale(low, kernel, method="inverse", value_range=(0, 1))
    known = kg.given_map(lambda y, x: kernel, low.shape, spacing=80)
    for config in ({}, {"tile": 90}):
        tiled = kg.upscale(low, known, config=config, value_range=(0, 1))
        assert np.abs(tiled - whole).max() < 1e-4
    lazy = kg.upscale(da.from_array(low, chunks=70), known, config={"tile": 90}, value_range=(0, 1))
    assert hasattr(lazy, "dask")
    assert np.abs(lazy.compute() - whole).max() < 1e-4


@pytest.mark.parametrize("noise", [0, pytest.param(0.02, marks=pytest.mark.slow)])
def test_gradients_across_seams_are_those_elsewhere(noise):
    """To 5 % along every seam, in parts of those that one kernel gives, which has no seams, so that the picture does not matter."""
    high = textures(2, 256)
    known = kg.given_map(lambda y, x: varying(2 * y, 2 * x), (128, 128), spacing=45)
    low = (kg.degrade_field(high, known) + np.random.default_rng(0).normal(0, noise, (2, 128, 128))).astype(np.float32)
    result, smooth = (
        np.asarray(kg.upscale(low, kernel, method="inverse", config={"tile": tile}, value_range=(0, 1)))
        for kernel, tile in ((known, 80), (known.mean_kernel, 128))
    )
    for axis, centres in ((1, known.rows), (2, known.columns)):
        across, usual = (np.abs(np.diff(image, axis=axis)).mean((0, 3 - axis)) for image in (result, smooth))
        across = across / usual
        for seam in (*centres[1:-1], 63.5):  # the map's tiles, and the blocks that are worked on
            at = round(2 * seam + 0.5)
            around = np.r_[at - 14 : at - 2, at + 2 : at + 14]
            assert across[at - 2 : at + 2].mean() == pytest.approx(across[around].mean(), rel=0.05)


def test_a_map_is_better_than_one_kernel(sharp):
    low = kg.degrade_field(sharp, varying)
    known = kg.given_map(varying, low.shape, spacing=86)
    scores = {
        name: picture_psnr(np.asarray(kg.upscale(low, kernel, method="inverse")), sharp)
        for name, kernel in {"map": known, "one": known.mean_kernel}.items()
    }
    assert scores["map"] > scores["one"] + 0.3


def test_dtype_mean_alpha_and_record_are_kept(sharp):
    low = kg.degrade_field(sharp[:200, :200], varying)
    known = kg.given_map(varying, (100, 100), spacing=64)
    image = np.stack([low, low // 2, 255 - low, np.full_like(low, 200)], -1)
    result = kg.upscale(image, known)
    assert (result.shape, result.dtype, result.info.method) == ((200, 200, 4), np.uint8, "inverse")
    assert_allclose(result[..., :3].mean((0, 1)), image[..., :3].mean((0, 1)), atol=1e-3)
    assert_array_equal(result[..., 3], 200)
    lazy = kg.upscale(da.from_array(image, chunks=(50, 50, 4)), known, config={"tile": 64})
    assert np.abs(lazy.compute().astype(int) - np.asarray(result)).max() <= 1
    stack = np.stack([low, low.T])
    both = kg.upscale(stack, known)
    assert_array_equal(both[1], kg.upscale(stack[1], known))
    calls = []
    kg.upscale(low, known, config={"tile": 64}, callback=lambda progress: calls.append((progress.step, progress.total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("scale", "side"), [(3, 15), pytest.param(4, 18, marks=pytest.mark.slow)])
def test_larger_scales(sharp, scale, side):
    kernel = kernels.gaussian(0.4 * scale**2, side)
    low = kg.degrade(sharp[:300, :300] / 255, kernel, scale).astype(np.float32)
    known = kg.given_map(lambda y, x: kernel, low.shape, scale, spacing=60)
    expected = kg.upscale(low, kernel, scale, "inverse", value_range=(0, 1))
    assert np.abs(kg.upscale(low, known, scale, value_range=(0, 1)) - expected).max() < 1e-4


def test_what_does_not_fit_is_refused(sharp):
    low = sharp[:100, :100]
    known = kg.given_map(varying, (100, 100), spacing=64)
    with pytest.raises(InputError, match="mean_kernel"):
        kg.upscale(low, known, method="zssr")
    with pytest.raises(InputError, match="scale 2, not 3"):
        kg.upscale(low, known, scale=3)
    with pytest.raises(InputError, match="100 x 100 px; this one has 90 x 100"):
        kg.upscale(low[:90], known)
    assert kg.upscale(low, known, method="bicubic").info.method == "bicubic"
