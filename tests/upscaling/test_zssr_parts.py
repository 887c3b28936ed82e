"""ZSSR's network, tiles, and the published pairs and schedule, each against what it should be."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional

from napari_kernelgan import kernels
from napari_kernelgan.config import ZSSRConfig
from napari_kernelgan.devices import random_stream
from napari_kernelgan.kernels.forward import degrade_tensor
from napari_kernelgan.upscaling.backprojection import back_project, keep_mean
from napari_kernelgan.upscaling.bicubic import enlarge
from napari_kernelgan.upscaling.zssr.network import Network
from napari_kernelgan.upscaling.zssr.pairs import Fathers, edge_weight
from napari_kernelgan.upscaling.zssr.schedule import RateSchedule

CPU = torch.device("cpu")
KERNEL = torch.as_tensor(kernels.gaussian([[1.5, 0.3], [0.3, 1.0]]), dtype=torch.float32)


def random_image(*shape, seed=0):
    return torch.rand(shape, generator=random_stream(seed))


def random_network(channels=3, width=16):
    network = Network(ZSSRConfig(channels=width), channels, channels, random_stream(1), CPU)
    with torch.no_grad():  # untrained, the last layer is zero and would hide what the others do
        network.weights[-1].normal_(generator=random_stream(2))
        for bias in network.biases:
            bias.normal_(generator=random_stream(3))
    return network


@pytest.mark.parametrize("side", [32, 48, 71, 200])
def test_tiles_equal_the_whole(side):
    network, image = random_network(), random_image(1, 3, 90, 131)
    with torch.no_grad():
        whole = network(image)
    tiled = torch.full_like(whole, torch.nan)
    for (rows, columns), tile in network.tiles(image, side):
        tiled[:, :, rows, columns] = tile
    assert (tiled - whole).abs().max() < 1e-5 * whole.abs().max()


def test_an_untrained_network_adds_nothing():
    network = Network(ZSSRConfig(), 2, 8, random_stream(1), CPU)
    assert torch.equal(network(random_image(1, 2, 40, 40)), torch.zeros(1, 8, 40, 40))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarging_keeps_the_area_and_linear_ramps(scale):
    y, x = np.mgrid[:30, :40].astype(np.float32)
    image = torch.as_tensor(np.stack([y, x]))[None]
    large = enlarge(image, scale).numpy()[0]
    assert large.shape == (2, 30 * scale, 40 * scale)
    # pixel centres of the same area on the finer grid
    inside = slice(4 * scale, -4 * scale)
    assert_allclose(large[0, inside, 0], ((np.arange(30 * scale) + 0.5) / scale - 0.5)[inside], atol=1e-4)
    assert_allclose(large[1, 0, inside], ((np.arange(40 * scale) + 0.5) / scale - 0.5)[inside], atol=1e-4)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 2, 3, 50), (2, 3, 37, 64)])
def test_enlarging_is_what_torch_does_with_repeated_borders(scale, shape):
    image = random_image(*shape).double()
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (4, 4), (4, 4)), "symmetric")
    size = [side * scale for side in padded.shape[2:]]
    expected = functional.interpolate(torch.tensor(padded), size, mode="bicubic", antialias=True)[..., 4 * scale : -4 * scale, :]
    assert_allclose(enlarge(image, scale), expected[..., 4 * scale : -4 * scale], atol=1e-12)
    assert_allclose(enlarge(image.float(), scale), enlarge(image, scale), atol=1e-6)


def test_enlarging_is_keys_cubic():
    point = torch.zeros(1, 1, 15, 15)
    point[0, 0, 7, 7] = 1
    response = enlarge(point, 2)[0, 0, 14]
    # weights of Keys' cubic with a = -0.5 at distances 1.75, 1.25, 0.75, 0.25
    profile = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 128
    middle = response / response.max() * profile.max()
    assert_allclose(middle[11:19].numpy(), profile, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3])
def test_sons_of_the_whole_are_the_sons_of_the_crops(scale):
    kernel = torch.as_tensor(kernels.gaussian(1.0, 14 if scale == 2 else 15), dtype=torch.float32)
    image = random_image(1, 3, 100, 90)
    fathers = Fathers([image], kernel, scale, 60)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(20 * scale):
        pair = fathers.draw(rng, 0.0, random_stream(0))
        assert pair.son.shape == pair.father.shape == (1, 3, 60, 60)
        own = enlarge(degrade_tensor(pair.father, kernel, scale), scale)
        inside = (..., slice(20, -20), slice(20, -20))  # where the crop's borders are not felt
        assert (pair.son[inside] - own[inside]).abs().max() < 1e-5
        where = (image[0, 0].unfold(0, 60, 1).unfold(1, 60, 1) == pair.father[0, 0]).all(-1).all(-1).nonzero()[0]
        seen.add(tuple(int(v) % scale for v in where))
    assert len(seen) == scale**2  # crops start at every phase


def test_sons_of_crops_are_those_of_the_whole_father():
    image = random_image(1, 2, 90, 71)
    fathers = Fathers([image], KERNEL, 2, 32)
    for dy, dx in np.ndindex(2, 2):
        whole = enlarge(degrade_tensor(image[:, :, dy:, dx:], KERNEL, 2), 2)
        for y, x in [(0, 0), (0, 38), (2, 2), (56, 38), (20, 30)]:
            son = fathers._son(0, (y + dy, x + dx), (32, 32)) if x + dx + 32 <= 71 else None
            if son is not None:
                assert (son - whole[:, :, y : y + 32, x : x + 32]).abs().max() < 1e-6
    # all phases together take the memory of one father
    assert sum(small.numel() for small in fathers.small[0].values()) <= image.numel()


def test_the_reconstruction_error_is_measured_on_a_region_with_edges():
    image = torch.full((1, 1, 200, 301), 0.5)
    image[:, :, 150:190, 220:280] = random_image(1, 1, 40, 60)
    fathers = Fathers([image], KERNEL, 2, 32)
    whole = enlarge(degrade_tensor(image, KERNEL, 2), 2)
    for region in (0, 400):
        son, father = fathers.reconstruction(region, np.random.default_rng(0))
        assert torch.equal(father, image[..., :300])
        assert (son - whole).abs().max() < 1e-6
    son, father = fathers.reconstruction(65, np.random.default_rng(0))
    assert son.shape == father.shape == (1, 1, 64, 64)
    assert father.std() > 0
    assert (son - father).abs().mean() > 0
    again = fathers.reconstruction(65, np.random.default_rng(0))
    assert torch.equal(again[0], son)


def test_noise_is_added_to_sons_before_they_are_enlarged():
    image = torch.full((1, 1, 80, 80), 0.5)
    fathers = Fathers([image], KERNEL, 2, 64)
    pair = fathers.draw(np.random.default_rng(0), 0.1, random_stream(4))
    noise = pair.son - 0.5
    # interpolation averages: at distances 1/4, 3/4, 5/4, 7/4 the weights' squares sum to 0.81 in each direction
    assert noise.std() == pytest.approx(0.1 * 0.81, rel=0.1)
    assert abs(np.corrcoef(noise[0, 0, :, :-1].flatten(), noise[0, 0, :, 1:].flatten())[0, 1]) > 0.5
    assert torch.equal(pair.father, torch.full((1, 1, 64, 64), 0.5))


def test_edges_weigh_more_and_the_mean_is_one():
    image = torch.zeros(1, 3, 60, 60)
    image[..., 30:] = 1
    weight = edge_weight(image)[0, 0]
    assert weight.mean() == pytest.approx(1, abs=1e-5)
    assert weight[30, 30] > 5
    assert weight[30, 5] < 1e-6
    assert torch.equal(edge_weight(torch.ones(1, 1, 20, 20)), torch.ones(1, 1, 20, 20))


def schedule_of(errors, **config):
    schedule = RateSchedule(ZSSRConfig.published().model_copy(update=config))
    rates = []
    for i, error in enumerate(errors, 1):
        if schedule.finished:
            break
        schedule.update(60 * i, error)
        rates.append(schedule.rate)
    return schedule, rates


def test_the_rate_stays_while_the_error_falls():
    _, rates = schedule_of(np.linspace(1, 0.1, 50))
    assert set(rates) == {1e-3}


def test_the_rate_falls_when_the_error_stalls_and_training_ends():
    rng = np.random.default_rng(0)
    schedule, rates = schedule_of(0.5 + 1e-3 * rng.normal(size=50))
    assert schedule.finished
    # no two changes within 256 steps: at the soonest after 300, 600 and 900 steps
    changes = [60 * (i + 1) for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    assert len(changes) == 3
    assert changes[0] >= 300
    assert np.diff(changes).min() >= 256


def test_a_rising_error_lowers_the_rate_at_once():
    _, rates = schedule_of(np.linspace(0.1, 0.2, 20))
    assert len(rates) == 15  # 300, 600 and 900 steps


def test_back_projection_makes_the_result_agree_with_its_input():
    image = random_image(1, 1, 40, 40)
    start = enlarge(image, 2)

    def difference(result):
        return (degrade_tensor(result, KERNEL, 2) - image).abs().mean()

    differences = [difference(back_project(start, image, KERNEL, 2, steps)) for steps in range(4)]
    assert all(b < 0.9 * a for a, b in zip(differences, differences[1:], strict=False))
    shifted = keep_mean(start + 0.1, image)
    assert shifted.mean().item() == pytest.approx(image.mean().item(), rel=1e-6)
