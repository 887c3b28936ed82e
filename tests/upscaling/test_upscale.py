"""``upscale`` as its users see it."""

import dask.array as da
import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import InputError, ZSSRConfig, kernels
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.provenance import hash_array

MODERATE = ZSSRConfig(max_steps=120, crop=48, channels=24)
SHORT = ZSSRConfig(max_steps=4, crop=48, channels=8)


@pytest.fixture(scope="module")
def pair(sharp, true_kernel):
    high = sharp[100:292, 180:340]
    return high, kg.degrade(high, true_kernel)


def test_zssr_beats_bicubic_by_far(pair, true_kernel):
    high, low = pair
    result = kg.upscale(low, true_kernel, config=MODERATE)
    bicubic = kg.upscale(low, None, method="bicubic")
    assert picture_psnr(np.asarray(result), high) > picture_psnr(np.asarray(bicubic), high) + 2
    # a kernel that is too narrow gains less (control)
    wrong = kg.upscale(low, kernels.gaussian(0.4), config=MODERATE)
    assert picture_psnr(np.asarray(wrong), high) < picture_psnr(np.asarray(result), high) - 1


def test_the_result_keeps_its_record(pair, true_kernel):
    _, low = pair
    result = kg.upscale(low, true_kernel, seed=3, config=SHORT)
    assert isinstance(result, np.ndarray)
    assert result.shape == (192, 160)
    assert result.dtype == np.uint8
    assert not result.stopped
    info = result.info
    assert (info.method, info.scale, info.seed, info.device) == ("zssr", 2, 3, "cpu")
    assert info.details["planes"][0]["stages"][0]["steps"] == 4
    assert info.config["channels"] == 8
    assert result[:4].info is info


def test_same_seed_same_image(pair, true_kernel):
    _, low = pair
    first, again, other = (np.asarray(kg.upscale(low, true_kernel, seed=seed, config=SHORT)) for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "int16", "float32", "float64"])
@pytest.mark.parametrize("method", ["zssr", "bicubic"])
def test_mean_intensity_and_dtype_are_kept(pair, true_kernel, dtype, method):
    _, low = pair
    image = (low.astype(float) * 80 + 500).astype(dtype) if dtype != "uint8" else low
    result = kg.upscale(image, true_kernel if method == "zssr" else None, method=method, config=SHORT)
    assert result.dtype == (np.dtype(dtype).newbyteorder("=") if np.dtype(dtype).kind in "iu" else np.float32)
    assert np.asarray(result).mean() == pytest.approx(image.astype(float).mean(), rel=1e-3)


@pytest.mark.parametrize("method", ["zssr", "bicubic"])
def test_uint16_near_saturation_does_not_wrap(method):
    image = np.full((48, 48), 65535, np.uint16)
    image[::4] = 60000
    image[20:28, 20:28] = 0
    result = np.asarray(kg.upscale(image, kernels.gaussian(1.5) if method == "zssr" else None, method=method, config=SHORT))
    # overshoot beside the dark square must saturate: a wrap would be a dark pixel far from it
    assert result[:32].min() > 40000
    assert result.max() == 65535


@pytest.mark.parametrize("method", ["zssr", "bicubic"])
def test_the_upscale_lies_where_the_image_lies(sharp, true_kernel, method):
    y, x = np.mgrid[:64, :64]
    blob = np.exp(-((y - 20.3) ** 2 + (x - 41.7) ** 2) / (2 * 5.0**2))
    result = np.asarray(kg.upscale(blob, true_kernel if method == "zssr" else None, method=method, config=SHORT))
    at = (np.arange(128) + 0.5) / 2 - 0.5
    found = (result.sum(1) @ at / result.sum(), result.sum(0) @ at / result.sum())
    assert_allclose(found, (20.3, 41.7), atol=0.02)


def test_colour_alpha_and_stacks(pair, true_kernel):
    _, low = pair
    colour = np.stack([low, low // 2, 255 - low], -1)
    result = np.asarray(kg.upscale(colour, true_kernel, config=SHORT))
    assert result.shape == (192, 160, 3)
    assert_allclose(result.mean((0, 1)), colour.mean((0, 1)), rtol=2e-3)
    alpha = np.where(np.arange(80) < 40, 0, 255).astype(np.uint8) + np.zeros((96, 1), np.uint8)
    with_alpha = np.asarray(kg.upscale(np.dstack([colour, alpha]), true_kernel, config=SHORT))
    assert_array_equal(with_alpha[..., :3], result)
    assert set(np.unique(with_alpha[:, :60, 3])) == {0}
    assert set(np.unique(with_alpha[:, 100:, 3])) == {255}
    stack = np.stack([low, low[::-1]]).astype(np.float32)
    upscaled = np.asarray(kg.upscale(stack, true_kernel, config=SHORT))
    alone = np.asarray(kg.upscale(stack[1], true_kernel, config=SHORT, value_range=tuple(np.percentile(stack, [0.1, 99.9]))))
    assert_allclose(upscaled[1], alone, atol=1e-3)
    assert kg.upscale(np.moveaxis(colour, -1, 0), None, method="bicubic", axes="SYX").shape == (3, 192, 160)


def test_an_empty_plane_of_a_stack_stays_empty(pair, true_kernel):
    _, low = pair
    stack = np.stack([low, np.full_like(low, 9)])
    assert set(np.unique(kg.upscale(stack, true_kernel, config=SHORT)[1])) == {9}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_constant_image_stays_constant(true_kernel, dtype):
    assert set(np.unique(kg.upscale(np.full((40, 40), 9, dtype), true_kernel, config=SHORT))) == {9}


def test_the_hash_on_record_is_that_of_the_whole_array_in_its_own_order(pair, true_kernel):
    colour = np.stack([pair[1]] * 3)
    result = kg.upscale(colour, true_kernel, axes="SYX", config=SHORT)
    assert result.info.details["input"]["sha256"] == hash_array(colour)


def test_scale_four_goes_the_gradual_way(pair, true_kernel):
    _, low = pair
    k4 = kernels.compose(true_kernel)
    gradual = kg.upscale(low, (true_kernel, k4), scale=4, config=SHORT)
    assert gradual.shape == (384, 320)
    assert [stage["scale"] for stage in gradual.info.details["planes"][0]["stages"]] == [2, 4]
    straight = kg.upscale(low, k4, scale=4, config=SHORT)
    assert [stage["scale"] for stage in straight.info.details["planes"][0]["stages"]] == [4]
    estimate = kg.KernelEstimate(k4, 4, "given", stages=(true_kernel, k4))
    assert_array_equal(np.asarray(kg.upscale(low, estimate, scale=4, config=SHORT)), np.asarray(gradual))


def test_scale_three_with_a_given_kernel(pair):
    _, low = pair
    assert kg.upscale(low, kernels.gaussian(1.5, 15), scale=3, config=SHORT).shape == (288, 240)


def test_stopping_gives_the_best_so_far(pair, true_kernel):
    _, low = pair
    result = kg.upscale(low, true_kernel, config=SHORT, callback=lambda p: p.step < 2)
    assert result.stopped
    assert result.info.details["planes"][0]["stages"][0]["steps"] == 2
    stack = np.stack([low, low])
    stopped = kg.upscale(stack, true_kernel, config=SHORT, callback=lambda p: False)
    assert stopped.stopped
    assert np.abs(stopped[1].astype(int) - kg.upscale(low, None, method="bicubic")).max() <= 1
    early = kg.upscale(low, (true_kernel, kernels.compose(true_kernel)), scale=4, config=SHORT, callback=lambda p: False)
    assert early.shape == (384, 320)
    assert np.asarray(early).mean() == pytest.approx(low.mean(), rel=2e-3)


def test_progress_counts_planes_and_stages(pair, true_kernel):
    _, low = pair
    seen = []
    kg.upscale(np.stack([low, low]), true_kernel, config=SHORT, callback=lambda p: seen.append((p.step, p.total, p.losses)))
    assert [step for step, _, _ in seen] == list(range(1, 9))
    assert {total for _, total, _ in seen} == {8}
    assert seen[0][2]["reconstruction"] > 0


def test_lazy_input_to_bicubic_stays_lazy(pair):
    _, low = pair
    stack = np.stack([low, low[::-1], low[:, ::-1]])
    expected = np.asarray(kg.upscale(stack, None, method="bicubic"))
    for lazy in (da.from_array(stack, chunks=(2, 40, 41)), zarr.array(stack)):
        result = kg.upscale(lazy, None, method="bicubic")
        assert isinstance(result, da.Array)
        assert result.shape == expected.shape
        assert result.dtype == expected.dtype
        assert_array_equal(result.compute(), expected)


def test_zssr_reads_lazy_input(pair, true_kernel):
    _, low = pair
    expected = np.asarray(kg.upscale(low, true_kernel, config=SHORT))
    assert_array_equal(np.asarray(kg.upscale(da.from_array(low, chunks=(50, 50)), true_kernel, config=SHORT)), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((64, 64), bool)}, "boolean"),
        ({"image": np.full((64, 64), np.inf)}, "4096 NaN"),
        ({"image": np.random.default_rng(0).random((20, 64))}, "too small"),
        ({"kernel": None}, "kernel is None"),
        ({"kernel": np.ones((14, 14))}, "normalise"),
        ({"kernel": np.ones((13, 13)) / 169}, "fit_parity"),
        ({"kernel": (np.ones((14, 14)) / 196, np.ones((40, 40)) / 1600)}, "scale 4"),
        ({"kernel": kg.KernelEstimate(np.ones((40, 40)) / 1600, 4, "given")}, "estimated for scale 4"),
        ({"scale": 1}, "at least 2"),
        ({"method": "magic"}, "auto, zssr, bicubic"),
        ({"device": "tpu9"}, "unknown"),
        ({"config": kg.KernelGANConfig()}, "ZSSRConfig"),
        ({"axes": "YXS"}, "names 3 axes"),
    ],
)
def test_bad_input_is_refused_with_advice(pair, true_kernel, change, message):
    arguments = {"image": pair[1], "kernel": true_kernel} | change
    with pytest.raises(InputError, match=message):
        kg.upscale(**arguments)
