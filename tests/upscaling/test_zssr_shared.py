"""One network for many planes: learnt once, kept in a file, applied to whole planes and to blocks, and only where it proves right."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import InputError, ZSSRConfig, kernels
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.progress import run
from napari_kernelgan.upscaling.inverse.run import Inverse, iter_inverse
from napari_kernelgan.upscaling.zssr.learning import WARM, iter_learn
from napari_kernelgan.upscaling.zssr.learnt import Learnt
from napari_kernelgan.upscaling.zssr.lessons import grounds
from napari_kernelgan.upscaling.zssr.residual import apply_block, iter_apply, judged
from napari_kernelgan.upscaling.zssr.stages import Stage

CPU = torch.device("cpu")
QUICK = ZSSRConfig(max_steps=150, channels=16, layers=4, check_every=50)
LEAST = 1e-7


@pytest.fixture(scope="module")
def series(sharp, true_kernel):
    """Six crops of a moving picture, with noise of their own: high (6, 200, 200) and low (6, 100, 100), float32 on 0..1."""
    rng = np.random.default_rng(3)
    high = np.stack([sharp[100 + 6 * i : 300 + 6 * i, 120 + 9 * i : 320 + 9 * i] for i in range(6)]).astype(np.float32) / 255
    low = kg.degrade(high, true_kernel)
    return high, (low + rng.normal(0, 0.01, low.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def stage(true_kernel):
    return Stage(2, true_kernel)


@pytest.fixture(scope="module")
def learnt(series, stage):
    return run(iter_learn(series[1][::2, None], stage, QUICK, 0, CPU, LEAST))


def inverse_of(channels, stage):
    return run(iter_inverse(channels, Inverse(stage.kernel, stage.scale), LEAST)).channels


def psnr(channels, high):
    return picture_psnr(np.clip(channels[0], 0, 1), high)


@pytest.mark.parametrize("axes", ["YX", "YXS"])
def test_learning_and_applying_is_upscaling_bit_for_bit(sharp, true_kernel, rng, axes):
    picture = (data.astronaut()[20:220, 100:300] if axes == "YXS" else sharp[100:300, 120:320]).astype(np.float32) / 255
    low = kg.degrade(picture, true_kernel, axes=axes)
    low += rng.normal(0, 0.02, low.shape).astype(np.float32)
    config = QUICK.model_copy(update={"max_steps": 100, "tile": 128, "back_projection": int(axes == "YXS")})
    whole = kg.upscale(low, true_kernel, method="zssr", axes=axes, seed=5, config=config, device="cpu", value_range=(0, 1))
    channels = np.ascontiguousarray(np.atleast_3d(low).transpose(2, 0, 1))
    learnt = run(iter_learn([channels], Stage(2, true_kernel), config, 5, CPU, 0.0))
    outcome = run(iter_apply(channels, Stage(2, true_kernel), config, learnt, CPU, 0.0, own=True))
    assert learnt.blend > 0
    assert_array_equal(np.asarray(whole), np.squeeze(outcome.channels.transpose(1, 2, 0)))
    assert whole.info.details["planes"] == [{"plane": []} | outcome.record]


def test_one_network_serves_planes_it_was_not_trained_on(series, stage, learnt):
    assert learnt.record["steps"] == 150
    for high, low in zip(series[0][1::2], series[1][1::2], strict=True):
        outcome = run(iter_apply(low[None], stage, QUICK, learnt, CPU, LEAST))
        assert psnr(outcome.channels, high) > psnr(inverse_of(low[None], stage), high) + 0.2
        assert outcome.channels.mean() == pytest.approx(low.mean(), abs=1e-5)


@pytest.mark.parametrize("name", ["coins", "brick", "moon", "cell", "noise"])
def test_pictures_of_another_kind_are_not_below_the_inverse(stage, learnt, rng, name):
    """With many lights, textures and no noise, and with noise alone."""
    picture = rng.random((200, 200)) if name == "noise" else getattr(data, name)() / 255
    high = picture[: min(240, picture.shape[0]) // 2 * 2, : min(240, picture.shape[1]) // 2 * 2].astype(np.float32)
    low = kg.degrade(high, stage.kernel)[None]
    outcome = run(iter_apply(low, stage, QUICK, learnt, CPU, LEAST))
    assert psnr(outcome.channels, high) > psnr(inverse_of(low, stage), high) - 0.02


def test_the_plane_decides_how_much_is_added(series, stage, learnt):
    low = series[1][1][None]
    large = inverse_of(low, stage)
    turned = replace(learnt, weights=(*learnt.weights[:3], -learnt.weights[3], *learnt.weights[4:7], -learnt.weights[7]))
    assert judged(low, large, stage, QUICK, turned, CPU, LEAST).blend == 0
    assert_allclose(run(iter_apply(low, stage, QUICK, turned, CPU, LEAST)).channels, large, atol=1e-6)
    full = judged(low, large, stage, QUICK, replace(learnt, blend=1.0), CPU, LEAST).blend
    assert judged(low, large, stage, QUICK, replace(learnt, blend=0.5), CPU, LEAST).blend == 0.5 < full


def test_a_network_comes_back_from_its_file(series, stage, learnt, tmp_path):
    path = learnt.save(tmp_path / "network.learnt")
    again = Learnt.load(path)
    assert (again.record, again.blend, again.scale, again.seed) == (learnt.record, learnt.blend, 2, 0)
    assert again.config == QUICK
    assert (again.channels, again.reach) == (1, 4)
    low = series[1][1][None]
    results = [run(iter_apply(low, stage, QUICK, each, CPU, LEAST)).channels for each in (learnt, again)]
    assert_array_equal(*results)


def test_what_is_no_network_is_refused(learnt, tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("no network")
    other = tmp_path / "other.npz"
    np.savez(other, about=np.array("{}"))
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, about=np.array([{"scale": 2}], object))
    short = learnt.save(tmp_path / "short.npz")
    with np.load(short) as store:
        np.savez(short, **{name: values[:1] if name == "weight1" else values for name, values in store.items()})
    for path in (text, other, pickled, short, tmp_path / "missing.npz"):
        with pytest.raises(InputError, match="cannot be read as a trained network"):
            Learnt.load(path)


@pytest.mark.parametrize("side", [37, 64])
def test_blocks_with_context_equal_the_whole(series, stage, learnt, side):
    low = series[1][1][None]
    large = inverse_of(low, stage)
    whole = apply_block(low, large, learnt, CPU, 0.8)
    tiled = np.full_like(whole, np.nan)
    reach = learnt.reach
    for y in range(0, 100, side):
        for x in range(0, 100, side):
            y0, x0, y1, x1 = max(0, y - reach), max(0, x - reach), min(100, y + side), min(100, x + side)
            cut = np.s_[:, y0 : y1 + reach, x0 : x1 + reach]
            block = apply_block(low[cut], large[:, 2 * y0 : 2 * (y1 + reach), 2 * x0 : 2 * (x1 + reach)], learnt, CPU, 0.8)
            tiled[:, 2 * y : 2 * y1, 2 * x : 2 * x1] = block[:, 2 * (y - y0) : 2 * (y1 - y0), 2 * (x - x0) : 2 * (x1 - x0)]
    assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(whole - large).max() > 0.01
    # and is what is added to the plane, but for its mean
    applied = run(iter_apply(low, stage, QUICK, learnt, CPU, LEAST, own=True)).channels
    added = applied - apply_block(low, large, learnt, CPU)
    assert_allclose(added, added.mean(), atol=1e-5)


def test_training_on_from_what_was_learnt_takes_few_steps_and_helps(series, stage, learnt):
    high, low = series[0][5], series[1][5][None]
    few = round(WARM * 150)

    def score(config, begin):
        found = run(iter_learn([low], stage, config, 0, CPU, LEAST, begin))
        assert found.record["steps"] == few
        return psnr(run(iter_apply(low, stage, QUICK, found, CPU, LEAST, own=True)).channels, high)

    plain = psnr(inverse_of(low, stage), high)
    assert score(QUICK, learnt) > max(plain + 0.2, score(QUICK.model_copy(update={"max_steps": few}), None))


def test_where_training_on_gains_nothing_it_is_what_was_learnt_before(series, stage, learnt):
    low = series[1][5][None]
    frozen = QUICK.model_copy(update={"learning_rate": 1e-30, "learning_rate_stop": 1e-30, "max_steps": 4})
    again = run(iter_learn([low], stage, frozen, 0, CPU, LEAST, begin=learnt))
    assert_array_equal(again.weights[0], learnt.weights[0])
    assert again.record["best_step"] == 0
    assert 0 < again.blend <= learnt.blend


@pytest.mark.parametrize("count", [1, 3, 8, 100])
def test_planes_share_the_memory(count):
    plane = np.random.default_rng(0).random((1, 700, 650), np.float32)
    places = grounds(plane, 2, count)
    area = sum((y.stop - y.start) * (x.stop - x.start) for y, x in places)
    assert 0.2 * 475_000 < count * area <= 475_000
    assert len({(y.stop - y.start, x.stop - x.start) for y, x in places}) == 1
    assert all(0 <= y.start < y.stop <= 700 and 0 <= x.start < x.stop <= 650 for y, x in places)


def test_a_stop_before_training_adds_nothing_and_one_in_training_gives_the_best_so_far(series, stage):
    planes = series[1][:2, None]
    nothing = run(iter_learn(planes, stage, QUICK, 0, CPU, LEAST), lambda p: False)
    assert (nothing.blend, nothing.record["steps"]) == (0, 0)
    assert_allclose(run(iter_apply(planes[0], stage, QUICK, nothing, CPU, LEAST)).channels, inverse_of(planes[0], stage), atol=1e-6)
    part = run(iter_learn(planes, stage, QUICK, 0, CPU, LEAST), lambda p: p.step < 72)
    assert part.record["steps"] == 70


def test_planes_that_do_not_fit_are_refused(series, stage, learnt):
    low = series[1]
    colour = np.stack([low[0]] * 3)
    for planes, config, begin, message in (
        ([], QUICK, None, "at least one"),
        ([low[:1], colour], QUICK, None, "same channels"),
        ([low[:1, :20]], QUICK, None, "too small"),
        ([low[:1]], ZSSRConfig.published(), None, "one plane at a time"),
        ([colour], QUICK, learnt, "1 channels at scale 2, not of 3"),
    ):
        with pytest.raises(InputError, match=message):
            run(iter_learn(planes, stage, config, 0, CPU, LEAST, begin))
    with pytest.raises(InputError, match="1 channels at scale 2, not of 1 at scale 3"):
        run(iter_apply(low[:1], Stage(3, kernels.gaussian(2.0, 15)), QUICK, learnt, CPU, LEAST))
    with pytest.raises(InputError, match="does not have shape"):
        apply_block(low[:1], low[:1], learnt, CPU)


@pytest.mark.parametrize("train", ["stack", "warm"])
def test_a_stack_is_trained_once(series, true_kernel, train):
    high, low = (each[:4] for each in series)
    config = QUICK.model_copy(update={"train": train, "train_planes": 2})
    seen = []
    result = kg.upscale(low, true_kernel, method="zssr", config=config, value_range=(0, 1), callback=seen.append)
    plain = kg.upscale(low, true_kernel, method="inverse", value_range=(0, 1))
    for mine, inverse, truth in zip(np.asarray(result), np.asarray(plain), high, strict=True):
        assert psnr(mine[None], truth) > psnr(inverse[None], truth) + 0.2
    details, few = result.info.details, round(WARM * 150)
    assert details["training"]["planes"] == [[0], [3]]
    assert details["training"]["steps"] == 150
    assert [each["stages"][0]["steps"] for each in details["planes"]] == [few if train == "warm" else 150] * 4
    each = few if train == "warm" else 1
    assert {p.total for p in seen} == {2 + 150 + 4 * each}
    assert [p.step for p in seen] == list(range(1, 2 + 150 + 4 * each + 1))
    assert not result.stopped
    if train == "stack":  # planes do not depend on what else is worked on
        shared = run(iter_learn(low[[0, 3], None], Stage(2, true_kernel), config, 0, CPU, 0.0))
        alone = run(iter_apply(low[1][None], Stage(2, true_kernel), config, shared, CPU, 0.0))
        assert_array_equal(np.asarray(result)[1], alone.channels[0])


def test_a_stop_in_shared_training_leaves_the_other_planes_interpolated(series, true_kernel):
    low = series[1]
    config = QUICK.model_copy(update={"train": "stack", "train_planes": 2})
    result = kg.upscale(low, true_kernel, method="zssr", config=config, callback=lambda p: p.step < 102, value_range=(0, 1))
    assert result.stopped
    assert result.info.details["training"]["steps"] == 100
    assert len(result.info.details["planes"]) == 1
    assert_allclose(np.asarray(result)[1:], np.asarray(kg.upscale(low, None, method="bicubic"))[1:], atol=1e-5)
    assert psnr(np.asarray(result)[:1], series[0][0]) > psnr(np.asarray(kg.upscale(low, None, method="bicubic"))[:1], series[0][0])


def test_constant_planes_and_lazy_stacks_are_worked_on_as_well(series, true_kernel):
    dask = pytest.importorskip("dask.array")
    low = np.concatenate([np.full_like(series[1][:1], 0.5), series[1][:2]])
    config = QUICK.model_copy(update={"max_steps": 20, "check_every": 10, "train": "stack"})
    result = np.asarray(kg.upscale(low, true_kernel, method="zssr", config=config, value_range=(0, 1)))
    assert_allclose(result[0], 0.5, atol=1e-6)
    lazy = kg.upscale(dask.from_array(low, chunks=(1, 100, 100)), true_kernel, method="zssr", config=config, value_range=(0, 1))
    assert_array_equal(result, np.asarray(lazy))
    flat = kg.upscale(low[:1].repeat(2, 0), true_kernel, method="zssr", config=config)
    assert "training" not in flat.info.details


def test_from_interpolation_no_network_is_shared(series, true_kernel):
    config = {"start": "bicubic", "train": "stack"}
    with pytest.raises(InputError, match="for start='inverse'"):
        kg.upscale(series[1], true_kernel, method="zssr", config=config)
