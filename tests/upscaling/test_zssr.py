"""ZSSR as it is by default: what it adds to the inverse, and when it adds nothing."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn.functional import pixel_shuffle

import napari_kernelgan as kg
from napari_kernelgan import ZSSRConfig, kernels
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.upscaling.inverse.run import Inverse
from napari_kernelgan.upscaling.zssr.lessons import Teacher, features, grounds, withheld

QUICK = ZSSRConfig(max_steps=250, channels=16, layers=4, check_every=50)


@pytest.fixture(scope="module")
def pair(sharp, true_kernel):
    high = sharp[96:384, 120:408]
    return high, kg.degrade(high, true_kernel)


def stage(result, plane=0):
    return result.info.details["planes"][plane]["stages"][-1]


def teacher_of(low, kernel, scale, noise=0.0):
    channels = np.atleast_3d(low).transpose(2, 0, 1).astype(np.float32) / 255
    inverse = Inverse(kernel, scale)
    levels = inverse.levels(channels, 1e-6)
    return Teacher(channels, inverse.upscale(channels, levels), inverse, levels, 1e-6, noise, np.random.default_rng(0))


def test_what_is_learnt_adds_to_the_inverse(pair, true_kernel):
    high, low = pair
    result = kg.upscale(low, true_kernel, method="zssr", config=QUICK)
    plain = np.asarray(kg.upscale(low, true_kernel, method="inverse"))
    assert picture_psnr(np.asarray(result), high) > picture_psnr(plain, high) + 0.1
    record = stage(result)
    assert 0 < record["blend"] <= 1
    assert 0 < record["best_step"] <= record["steps"] == 250
    assert record["errors"][0] == 1
    assert record["held_out_gain"] > 0
    assert min(record["errors"]) == pytest.approx(10 ** (-record["held_out_gain"] / 10))
    assert result.info.details["planes"][0]["inverse"]["components"][0]["noise"] > 0


@pytest.mark.parametrize("scale", [3, 4])
def test_a_picture_is_not_below_the_inverse_at_other_scales(pair, scale):
    high, _ = pair
    kernel = kernels.gaussian(0.5 * scale**2, 14 if scale % 2 == 0 else 15)
    low = kg.degrade(high, kernel, scale)
    result = kg.upscale(low, kernel, scale, method="zssr", config=QUICK)
    plain = kg.upscale(low, kernel, scale, method="inverse")
    assert result.shape == high.shape
    assert picture_psnr(np.asarray(result), high) > picture_psnr(np.asarray(plain), high) - 0.02
    assert np.asarray(result).mean() == pytest.approx(low.mean(), rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_pure_noise_stays_as_the_inverse_has_it_and_training_ends_early(true_kernel, rng, seed):
    low = rng.normal(0, 1, (80, 72)).astype(np.float32)
    result = kg.upscale(low, true_kernel, method="zssr", seed=seed, config=QUICK)
    record = stage(result)
    assert (record["blend"], record["best_step"], record["held_out_gain"]) == (0, 0, 0)
    assert record["steps"] < 250
    assert_array_equal(np.asarray(result), np.asarray(kg.upscale(low, true_kernel, method="inverse")))


def test_noisy_pictures_are_not_below_the_inverse(pair, true_kernel, rng):
    high, _ = pair
    low = (kg.degrade(high / 255, true_kernel) + rng.normal(0, 0.03, (144, 144))).astype(np.float32)
    result = kg.upscale(low, true_kernel, method="zssr", config=QUICK, value_range=(0, 1))
    plain = kg.upscale(low, true_kernel, method="inverse", value_range=(0, 1))
    assert stage(result)["blend"] > 0
    assert picture_psnr(np.asarray(result), high) > picture_psnr(np.asarray(plain), high) - 0.02


def test_where_nothing_is_added_the_result_is_the_inverse(small, true_kernel):
    frozen = QUICK.model_copy(update={"max_steps": 2, "learning_rate": 1e-30})
    result = kg.upscale(small, true_kernel, method="zssr", config=frozen)
    assert stage(result)["blend"] == 0
    assert_array_equal(np.asarray(result), np.asarray(kg.upscale(small, true_kernel, method="inverse")))


def test_the_same_seed_gives_the_same_image_bit_for_bit(pair, true_kernel):
    low = pair[1].astype(np.float32)
    first, again, other = (np.asarray(kg.upscale(low, true_kernel, method="zssr", seed=seed, config=QUICK)) for seed in (1, 1, 2))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_many_channels_are_learnt_together(pair, true_kernel):
    high = np.stack([pair[0][:160, :160] * weight for weight in np.linspace(0.3, 1, 12)], -1).astype(np.float32)
    low = kg.degrade(high, true_kernel, axes="YXS")
    result = np.asarray(kg.upscale(low, true_kernel, method="zssr", axes="YXS", config=QUICK))
    plain = np.asarray(kg.upscale(low, true_kernel, method="inverse", axes="YXS"))
    assert result.shape == high.shape

    def error(image):
        return ((image - high) ** 2).mean((0, 1))

    assert (error(result) < error(plain)).all()
    assert_allclose(result.mean((0, 1)), low.mean((0, 1)), rtol=1e-4)


def test_a_stop_in_training_applies_the_best_so_far(pair, true_kernel):
    high, low = pair
    part = kg.upscale(low, true_kernel, method="zssr", config=QUICK, callback=lambda p: p.step < 120)
    assert part.stopped
    assert stage(part)["steps"] == 120
    assert stage(part)["best_step"] in (50, 100, 120)
    plain = np.asarray(kg.upscale(low, true_kernel, method="inverse"))
    assert picture_psnr(np.asarray(part), high) > picture_psnr(plain, high)
    stack = kg.upscale(np.stack([low, low]), true_kernel, method="zssr", config=QUICK, callback=lambda p: p.step < 120)
    assert_array_equal(np.asarray(stack)[0], np.asarray(part))


def test_a_stop_between_tiles_leaves_the_rest_as_the_inverse_has_it(pair, true_kernel):
    low = pair[1].astype(np.float32)
    config = QUICK.model_copy(update={"tile": 128})

    def upscaled(config, callback=None):
        return kg.upscale(low, true_kernel, method="zssr", seed=1, config=config, callback=callback)

    seen = []
    whole = np.asarray(upscaled(config, lambda p: seen.append((p.step, p.total))))
    assert seen == [(step, 258) for step in range(1, 259)]  # 250 of training and 3 x 3 tiles
    part = upscaled(config, lambda p: p.step < 253)
    assert part.stopped
    plain = np.asarray(kg.upscale(low, true_kernel, method="inverse"))

    def differ(a, b, where):
        difference = (np.asarray(a) - b)[where]
        return np.abs(difference - np.median(difference)).max()  # means were made to agree

    assert differ(part, whole, np.s_[:128]) < 1e-3
    assert differ(part, plain, np.s_[128:]) < 1e-3
    assert differ(whole, plain, np.s_[128:]) > 0.1
    tiled = np.asarray(upscaled(config.model_copy(update={"tile": 4096})))
    assert_allclose(whole, tiled, atol=1e-2)


def test_a_stop_in_the_inverse_of_a_large_plane_ends_the_run(sharp, true_kernel):
    low = np.pad(sharp, ((0, 200), (0, 0)), mode="symmetric")  # two tiles of the inverse
    result = kg.upscale(low, true_kernel, method="zssr", config=QUICK, callback=lambda p: False)
    answers = iter([True, False])
    later = kg.upscale(low, true_kernel, method="zssr", config=QUICK, callback=lambda p: next(answers))
    assert later.stopped  # the inverse is whole then, but nothing was learnt
    assert_array_equal(np.asarray(later), np.asarray(kg.upscale(low, true_kernel, method="inverse")))
    assert result.stopped
    assert result.info.details["planes"][0].keys() == {"plane", "components"}


def test_a_pair_of_kernels_goes_straight_to_scale_four(small, true_kernel):
    k4 = kernels.compose(true_kernel)
    config = QUICK.model_copy(update={"max_steps": 4})
    pair = kg.upscale(small, (true_kernel, k4), 4, method="zssr", config=config)
    assert [each["scale"] for each in pair.info.details["planes"][0]["stages"]] == [4]
    assert_array_equal(np.asarray(pair), np.asarray(kg.upscale(small, k4, 4, method="zssr", config=config)))


@pytest.mark.parametrize("scale", [2, 3])
def test_a_lesson_and_its_inverse_make_the_father(sharp, scale):
    kernel = kernels.gaussian(0.8 * scale, 14 if scale % 2 == 0 else 15)
    picture = sharp[100:190, 200:300]
    teacher = teacher_of(picture, kernel, scale, noise=1e-6)
    exam, (small, large) = teacher.exam(), teacher.lessons()
    assert (len(exam.given), len(small.given), len(large.given)) == (1, 16, 16)
    assert small.given.shape[1] == scale**2 + 1
    assert large.given.shape[2] / small.given.shape[2] == pytest.approx(scale / 2**0.5, rel=0.05)
    for lessons in (exam, small, large):
        low = lessons.given[:, -1:]
        inverse = pixel_shuffle(lessons.given[:, :-1] + low, scale)
        assert torch.allclose(features(low, inverse, scale), lessons.given, atol=1e-6)
        fathers = inverse + pixel_shuffle(lessons.missing, scale)
        for father, son in zip(fathers[:, 0].numpy(), low[:, 0].numpy(), strict=True):
            assert np.abs(kg.degrade(father, kernel, scale) - son)[4:-4, 4:-4].max() < 1e-4  # borders are not always the forward model's
    assert np.corrcoef(teacher.parts[0][0, ::scale, ::scale].ravel(), picture.ravel())[0, 1] > 0.95


def test_sons_have_the_images_noise(true_kernel, rng):
    flat = np.full((120, 120), 128.0) + rng.normal(0, 8, (120, 120))
    quiet, noisy = (teacher_of(flat, true_kernel, 2, noise).exam().given[:, -1].std().item() for noise in (1e-6, 0.0))
    assert quiet < 0.6 * 8 / 255
    assert 0.8 * 8 / 255 < noisy < 1.3 * 8 / 255


def test_what_is_withheld_is_examined_and_not_learnt(sharp, rng):
    for side in (32, 90, 300):
        mask = withheld((sharp[:side, : side + 20] / 255).astype(np.float32)[None], rng)
        assert 0.05 < mask.mean() < 0.35
    teacher = teacher_of(sharp[:100, :120], kernels.gaussian(1.5), 2)
    learnt, examined = (pixel_shuffle(each.counts[:1], 2) for each in (teacher.lessons()[0], teacher.exam()))
    assert learnt.mean() + examined.mean() == pytest.approx(1, abs=0.05)
    assert np.abs(learnt[0, 0].numpy() - (1 - teacher.withheld[0][: learnt.shape[2], : learnt.shape[3]])).max() == 0


def test_of_large_planes_the_parts_with_most_texture_are_learnt_from(sharp):
    plane = np.zeros((1, 1500, 1100), np.float32)
    plane[0, 600:1000, 300:700] = sharp[:400, :400] / 255
    places = grounds(plane, 2)
    assert len({(y.stop - y.start, x.stop - x.start) for y, x in places}) == 1
    assert sum((y.stop - y.start) * (x.stop - x.start) for y, x in places) <= 500_000
    covered = np.zeros(plane.shape[1:], bool)
    for place in places:
        assert not covered[place].any()
        covered[place] = True
    assert covered[650:950, 350:650].mean() > 0.9
