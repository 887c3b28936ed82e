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

PUBLISHED = ZSSRConfig.published()
MODERATE = PUBLISHED.model_copy(update={"max_steps": 120, "crop": 48, "channels": 24})
SHORT_PUBLISHED = PUBLISHED.model_copy(update={"max_steps": 4, "crop": 48, "channels": 8})
SHORT = ZSSRConfig(max_steps=4, channels=8, check_every=2)


@pytest.fixture(scope="module")
def pair(sharp, true_kernel):
    high = sharp[100:292, 180:340]
    return high, kg.degrade(high, true_kernel)


def test_published_zssr_beats_bicubic_by_far(pair, true_kernel):
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
    first, again, other = (np.asarray(kg.upscale(low, true_kernel, seed=seed, config=SHORT_PUBLISHED)) for seed in (1, 1, 2))
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


def spots(peak):
    y, x = np.mgrid[:80, :72]
    centres = np.random.default_rng(3).uniform(6, 66, (12, 2))
    return peak * sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 1.3) for cy, cx in centres)


HARD = {
    "sparse spots, uint8": np.rint(spots(180)).astype(np.uint8),
    "sparse spots, uint16": np.rint(spots(50000)).astype(np.uint16),
    "single pixels": np.where(spots(1) > 0.95, 5000, 0).astype(np.uint16),
    "few counts": np.random.default_rng(0).poisson(0.3, (80, 72)).astype(np.uint16),
    "counts in colour": np.random.default_rng(0).poisson(0.2 + spots(3)[..., None] * [1, 2, 0.5]).astype(np.uint8),
    "text": np.where((np.arange(80)[:, None] // 3 + np.arange(72) // 5) % 2, 255, 0).astype(np.uint8),
    "marks on paper": np.where(spots(1) > 0.8, 0, 200).astype(np.uint8),
    "near saturation": np.clip(np.random.default_rng(0).normal(61000, 9000, (80, 72)), 0, 65535).astype(np.uint16),
    "signed": np.random.default_rng(0).normal(1, 20, (80, 72)).astype(np.int16),
    "sparse spots, float": spots(5000),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("method", ["zssr", "bicubic", "lazy"])
def test_saturating_and_rounding_do_not_change_the_mean(name, method, true_kernel):
    image = HARD[name]
    if method == "zssr":
        result = np.asarray(kg.upscale(image, true_kernel, config=SHORT))
    else:
        result = np.asarray(kg.upscale(da.from_array(image) if method == "lazy" else image, None, method="bicubic"))
    tolerance = 1e-3 if image.dtype.kind == "f" else 1e-9
    assert_allclose(result.mean((0, 1), dtype=float), image.mean((0, 1), dtype=float), rtol=tolerance)
    # what is far from every spot stays dark, and spots keep their height
    if name.startswith("sparse"):
        assert np.abs(np.median(result.astype(float))) <= 0.01 * image.max()
        assert result.max() > 0.75 * image.max()


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


@pytest.mark.parametrize("method", ["zssr", "bicubic"])
def test_one_sample_per_pixel_is_gray(pair, true_kernel, method):
    _, low = pair
    result = kg.upscale(low[..., None], true_kernel, method=method, axes="YXS", config=SHORT)
    assert_array_equal(np.asarray(result)[..., 0], np.asarray(kg.upscale(low, true_kernel, method=method, config=SHORT)))


def test_an_empty_plane_of_a_stack_stays_empty(pair, true_kernel):
    _, low = pair
    stack = np.stack([low, np.full_like(low, 9)])
    assert set(np.unique(kg.upscale(stack, true_kernel, config=SHORT)[1])) == {9}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
@pytest.mark.parametrize("method", ["zssr", "bicubic"])
def test_a_constant_image_stays_constant(true_kernel, dtype, method):
    for image in (np.full((40, 40), 9, dtype), np.full((2, 40, 40), 9, dtype)):
        result = kg.upscale(image, true_kernel, method=method, config=SHORT)
        assert result.shape[-2:] == (80, 80)
        assert set(np.unique(result)) == {9}


def test_the_hash_on_record_is_that_of_the_whole_array_in_its_own_order(pair, true_kernel):
    colour = np.stack([pair[1]] * 3)
    result = kg.upscale(colour, true_kernel, axes="SYX", config=SHORT)
    assert result.info.details["input"]["sha256"] == hash_array(colour)


def test_published_zssr_goes_to_scale_four_gradually(pair, true_kernel):
    _, low = pair
    k4 = kernels.compose(true_kernel)
    gradual = kg.upscale(low, (true_kernel, k4), scale=4, config=SHORT_PUBLISHED)
    assert gradual.shape == (384, 320)
    assert [stage["scale"] for stage in gradual.info.details["planes"][0]["stages"]] == [2, 4]
    straight = kg.upscale(low, k4, scale=4, config=SHORT_PUBLISHED)
    assert [stage["scale"] for stage in straight.info.details["planes"][0]["stages"]] == [4]
    estimate = kg.KernelEstimate(k4, 4, "given", stages=(true_kernel, k4))
    assert_array_equal(np.asarray(kg.upscale(low, estimate, scale=4, config=SHORT_PUBLISHED)), np.asarray(gradual))


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


def test_a_stop_after_the_last_step_stops_nothing(pair, true_kernel):
    _, low = pair
    whole = kg.upscale(low, true_kernel, config=SHORT)
    result = kg.upscale(low, true_kernel, config=SHORT, callback=lambda p: p.step < p.total)
    assert not result.stopped
    assert_array_equal(np.asarray(result), np.asarray(whole))
    # of a stack, planes are left
    assert kg.upscale(np.stack([low, low]), true_kernel, config=SHORT, callback=lambda p: p.step < 4).stopped


def test_a_stop_between_tiles_of_the_published_network_leaves_the_rest_interpolated(pair, true_kernel):
    _, low = pair
    config = SHORT_PUBLISHED.model_copy(update={"tile": 64, "back_projection": 0, "learning_rate": 0.05})
    seen = []
    whole = np.asarray(kg.upscale(low, true_kernel, config=config, callback=lambda p: seen.append((p.step, p.total))), float)
    assert seen == [(step, 12) for step in range(1, 13)]  # 4 of training and 3 x 3 tiles
    part = kg.upscale(low, true_kernel, config=config, callback=lambda p: p.step < 7)
    assert part.stopped
    bicubic = np.asarray(kg.upscale(low, None, method="bicubic"), float)

    def differ(a, b, where):
        difference = (np.asarray(a, float) - b)[where]
        return np.abs(difference - np.median(difference)).max()  # means were made to agree

    done, left = (slice(0, 64), slice(None)), (slice(64, None), slice(None))
    assert differ(part, whole, done) <= 1
    assert differ(part, bicubic, left) <= 1
    assert differ(whole, bicubic, left) > 3
    # after a stop in training what was learnt is applied to all
    early = kg.upscale(low, true_kernel, config=config, callback=lambda p: p.step < 3)
    assert early.stopped
    assert differ(early, bicubic, left) > 3


def test_bad_planes_are_found_before_any_is_trained_on(pair, true_kernel):
    _, low = pair
    stack = np.stack([low] * 20).astype(np.float32)
    stack[18, 3, 4] = np.nan
    steps = []
    with pytest.raises(InputError, match=r"Plane \(18,\) of the image has 1 NaN"):
        kg.upscale(stack, true_kernel, config=SHORT, callback=steps.append)
    assert not steps
    lazy = kg.upscale(da.from_array(stack), None, method="bicubic")
    with pytest.raises(InputError, match=r"Plane \(18,\) of the image has 1 NaN"):
        lazy.compute()


def test_interpolation_keeps_a_record_too(pair):
    _, low = pair
    info = kg.upscale(low, None, method="bicubic").info
    assert info.details["input"] == {"shape": [96, 80], "dtype": "uint8", "axes": "YX", "sha256": hash_array(low)}
    lazy = kg.upscale(da.from_array(low), None, method="bicubic").info
    assert (lazy.method, lazy.scale) == ("bicubic", 2)
    assert lazy.details["input"] == {"shape": [96, 80], "dtype": "uint8", "axes": "YX"}


def test_stopped_interpolation_repeats_pixels(pair):
    _, low = pair
    result = kg.upscale(np.stack([low, low]), None, method="bicubic", callback=lambda p: False)
    assert result.stopped
    assert_array_equal(np.asarray(result)[1, ::2, 1::2], low)
    assert not kg.upscale(low, None, method="bicubic", callback=lambda p: False).stopped


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
        ({"image": np.ma.masked_less(np.stack([np.full((64, 64), 5), np.zeros((64, 64))]), 1)}, "Plane .1,. of the image has masked"),
        ({"image": np.ma.masked_less(np.zeros((64, 64)), 1), "method": "bicubic"}, "masked"),
        ({"image": [[1, 2], [3]]}, "rows of one length"),
        ({"image": np.random.default_rng(0).random((20, 64))}, "too small"),
        ({"kernel": None}, "kernel is None"),
        ({"kernel": np.ones((14, 14))}, "normalise"),
        ({"kernel": np.ones((13, 13)) / 169}, "fit_parity"),
        ({"kernel": (np.ones((14, 14)) / 196, np.ones((40, 40)) / 1600)}, "scale 4"),
        ({"kernel": kg.KernelEstimate(np.ones((40, 40)) / 1600, 4, "given")}, "estimated for scale 4"),
        ({"scale": 1}, "at least 2"),
        ({"scale": None}, "at least 2"),
        ({"method": "magic"}, "auto, zssr, inverse, bicubic"),
        ({"device": "tpu9"}, "unknown"),
        ({"device": "tpu9", "method": "inverse"}, "unknown"),
        ({"config": kg.KernelGANConfig()}, "ZSSRConfig"),
        ({"axes": "YXS"}, "names 3 axes"),
    ],
)
def test_bad_input_is_refused_with_advice(pair, true_kernel, change, message):
    arguments = {"image": pair[1], "kernel": true_kernel} | change
    with pytest.raises(InputError, match=message):
        kg.upscale(**arguments)
