"""Discriminator, crops, losses and post-processing of KernelGAN, each against what the paper says it is."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.config import KernelGANConfig
from napari_kernelgan.devices import random_stream
from napari_kernelgan.estimate.kernelgan import crops
from napari_kernelgan.estimate.kernelgan.discriminator import Discriminator
from napari_kernelgan.estimate.kernelgan.losses import BicubicFade, Regularisation, boundary_mask
from napari_kernelgan.estimate.kernelgan.postprocess import cut_tails, finish
from napari_kernelgan.estimate.kernelgan.training import Problem, Trainer

CPU = torch.device("cpu")


def layer_by_layer(discriminator, problem, images):
    """The discriminator of one problem as published, from stock parts: convolutions, spectral norm, batch norm, ReLU, sigmoid."""
    p = discriminator.parameters
    channels = images.shape[1]

    def normal(matrix):
        return matrix / torch.linalg.matrix_norm(matrix, 2)

    signal = torch.nn.functional.conv2d(images, normal(p.patch[problem]).reshape(-1, channels, 7, 7))
    for layer in range(p.hidden.shape[1]):
        signal = torch.nn.functional.conv2d(signal, normal(p.hidden[problem, layer])[..., None, None])
        signal = torch.nn.functional.batch_norm(
            signal, None, None, p.scales[problem, layer], p.shifts[problem, layer], training=True
        ).relu()
    return torch.sigmoid(torch.nn.functional.conv2d(signal, normal(p.last[problem])[..., None, None], p.bias[problem]))


@pytest.mark.parametrize(("channels", "count"), [(1, 1), (3, 1), (4, 2)])
def test_discriminator_is_the_published_network(channels, count):
    config = KernelGANConfig(discriminator_channels=16)
    streams = [random_stream(seed, 0) for seed in (0, 1)]
    discriminator = Discriminator(config, channels, streams, CPU, torch.float64)
    images = torch.randn((2, 2, count, channels, 15, 15), dtype=torch.float64, generator=random_stream(5))
    for _ in range(300):  # the power iteration converges
        judged = discriminator(images, train=False)
    assert judged.shape == (2, 2, count * 81)
    for problem in (0, 1):
        for group in (0, 1):
            expected = layer_by_layer(discriminator, problem, images[problem, group])
            assert_allclose(judged[problem, group].numpy(), expected.detach().flatten().numpy(), atol=1e-6)


def test_training_the_generator_leaves_the_discriminator_alone():
    discriminator = Discriminator(KernelGANConfig(), 1, [random_stream(0, 0)], CPU, torch.float32)
    images = torch.rand(1, 1, 1, 1, 26, 26, requires_grad=True)
    discriminator(images, train=False).sum().backward()
    assert images.grad.abs().max() > 0
    assert all(value.grad is None for value in discriminator.parameters)
    discriminator(images, train=True).sum().backward()
    assert all(value.grad is not None for value in discriminator.parameters)


@pytest.mark.parametrize(
    ("plane", "expected"),
    [((200, 300), (10, 64, 26)), ((80, 300), (10, 60, 24)), ((40, 40), (4, 32, 10)), ((33, 32), (0, 32, 10)), ((45, 45), (6, 32, 10))],
)
def test_crops_and_border_shrink_to_fit(plane, expected):
    assert crops.crop_size(plane, 64, 10, 13, 2) == expected


def test_planes_that_are_too_small_are_refused():
    with pytest.raises(InputError, match="too small"):
        crops.crop_size((31, 500), 64, 10, 13, 2)


def test_crops_lie_inside_the_plane_at_even_positions(rng):
    plane = rng.random((1, 75, 140)).astype(np.float32)
    drawn = crops.prepare([plane], crops.CropSize(3, 64, 26), 2, KernelGANConfig(steps=400, crops_per_step=2), rng)
    assert drawn.planes[0].shape == (1, 69, 134)
    for kind, side in ((drawn.generator, 64), (drawn.discriminator, 26)):
        assert kind.row.shape == (400, 2)
        for corner, length in ((kind.row, 69), (kind.column, 134)):
            assert (corner % 2 == 0).all()
            assert corner.min() >= 0
            assert length - 4 <= (corner + side).max() <= length


def test_crops_are_drawn_where_the_edges_are():
    gray = np.zeros((120, 140))
    gray[40:60, 90:110] = 1
    probability = crops.centre_probability(crops.edge_map(gray, KernelGANConfig()), 26)
    assert probability.sum() == pytest.approx(1)
    y, x = np.nonzero(probability > 1e-9)
    # edges at 39..60 and 89..110, smoothed by 2 and 6 px
    assert (y.min(), y.max(), x.min(), x.max()) == pytest.approx((39 - 8, 60 + 8, 89 - 8, 110 + 8), abs=2)
    assert np.unique(crops.centre_probability(np.zeros((40, 40)), 26)).size == 2  # no edges: anywhere that a crop fits


def test_planes_with_more_structure_are_drawn_more_often(rng):
    flat = np.full((1, 80, 80), 0.5, np.float32)
    busy = rng.random((1, 80, 80)).astype(np.float32)
    drawn = crops.prepare([flat, busy], crops.CropSize(0, 32, 10), 2, KernelGANConfig(steps=50), rng)
    assert (drawn.generator.plane == 1).all()


def test_the_bank_gathers_the_right_pixels(rng):
    planes = [rng.random((3, 20, 30)), rng.random((3, 25, 22))]
    bank = crops.CropBank(planes, CPU, torch.float64)
    corners = torch.as_tensor(bank.starts[[0, 1]] + np.array([4 * 30 + 6, 2 * 22 + 8]))
    gathered = bank.gather(corners, torch.as_tensor(bank.widths[[0, 1]]), 5).numpy()
    assert_allclose(gathered[0], planes[0][:, 4:9, 6:11])
    assert_allclose(gathered[1], planes[1][:, 2:7, 8:13])


def test_regularisation_is_the_formula(rng):
    k = rng.normal(size=(13, 13)) / 50 + 1 / 169
    terms = {
        name: value.item() for name, value in Regularisation(KernelGANConfig(), 13, 2, CPU, torch.float64)(torch.as_tensor(k)[None]).items()
    }
    at = np.arange(13)
    assert terms["sum"] == pytest.approx(abs(1 - k.sum()))
    assert terms["sparsity"] == pytest.approx((np.abs(k) ** 0.2).mean())
    row, column = k.sum(1) @ at / k.sum(), k.sum(0) @ at / k.sum()
    assert terms["centre"] == pytest.approx((row - 6.5) ** 2 + (column - 6.5) ** 2)
    y, x = np.mgrid[:13, :13] - 6.0
    mask = 30 * (1 - np.exp(-(y**2 + x**2) / (2 * 13**2)))
    mask[2:-2, 2:-2] = 0
    assert terms["boundary"] == pytest.approx((np.abs(k) * mask).mean())
    assert boundary_mask(13, KernelGANConfig())[0, 0] == pytest.approx(mask[0, 0])


def test_a_kernel_value_of_zero_has_a_finite_gradient():
    k = torch.full((1, 13, 13), 1 / 169)
    k[0, 0, 0] = 0
    k.requires_grad_()
    Regularisation(KernelGANConfig(), 13, 2, CPU, torch.float32)(k)["sparsity"].sum().backward()
    assert torch.isfinite(k.grad).all()


def test_the_bicubic_weight_fades_as_published():
    fade = BicubicFade(KernelGANConfig(), 2, CPU, torch.float64)
    weights = []
    for step in range(1000):
        fade.update(torch.tensor(step % 200 == 0), torch.tensor([0.1, 0.1 if step > 500 else 0.9]))
        weights.append(fade.weight.tolist())
        if step == 450:
            assert fade.others_on.tolist() == [1, 0]
    at = np.array(weights)
    assert_allclose(at[[0, 199, 200, 400, 600, 800], 0], [5, 5, 5e-2, 5e-4, 5e-6, 5e-6])
    assert_allclose(at[[0, 400, 599, 600, 800], 1], [5, 5, 5, 5e-2, 5e-4])


def test_published_post_processing_cuts_what_it_says(rng):
    values = rng.permutation(np.arange(169.0)).reshape(13, 13)
    expected = np.maximum(values - 0.75 * 128, 0)  # the 41st largest of 0..168 is 128
    assert_allclose(cut_tails(values, 40, 0.75), expected)


@pytest.mark.parametrize("how", ["tails", "published"])
def test_finished_kernels_keep_the_convention(how, rng):
    weights = kernels.gaussian([[2.0, 0.5], [0.5, 3.0]], 13) + rng.normal(0, 2e-4, (13, 13))
    kernel = finish(weights, KernelGANConfig(postprocess=how))
    assert kernel.shape == (14, 14)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1)
    assert_allclose(kernels.centre_of_mass(kernel), 6.5, atol=0.05)


def test_keeping_the_tails_is_better_for_wide_kernels():
    true = kernels.gaussian([[4.5, 0.0], [0.0, 3.5]], 14)
    weights = true[::-1, ::-1][:13, :13]
    errors = {how: np.abs(finish(weights, KernelGANConfig(postprocess=how)) - true).max() for how in ("tails", "published")}
    assert errors["tails"] < 0.3 * errors["published"]


@pytest.mark.parametrize("seed", range(4))
def test_warming_up_gets_every_generator_off_the_saddle_at_zero(seed):
    # dim, with a mean near mid-gray: little pulls the generator away from a kernel of zeros
    rng = np.random.default_rng(seed)
    plane = (0.5 + 0.02 * rng.normal(size=(1, 64, 64))).astype(np.float32)
    trainer = Trainer([Problem([plane], seed)], KernelGANConfig(steps=4, crop=32), 2, CPU)
    assert trainer.kernel.sum().abs() < 0.01
    trainer.warm_up()
    assert trainer.kernel.sum().item() == pytest.approx(1, abs=0.3)


def test_a_run_that_has_no_kernel_yet_says_so(small):
    published = KernelGANConfig.published().model_copy(update={"steps": 2})
    estimate = kg.estimate_kernel(small, method="kernelgan", config=published)
    assert estimate.reliability.level == "unreliable"
    assert estimate.reliability.codes == ("collapsed",)
    assert kg.estimate_kernel(small, method="kernelgan", config={"steps": 2}).reliability is None


def test_problems_of_a_batch_do_not_touch_each_other(rng):
    planes = [rng.random((1, 56 + 6 * i, 60)).astype(np.float32) for i in range(3)]
    config = KernelGANConfig(steps=25, warm_up=10, crop=32)

    def trained(chosen):
        trainer = Trainer([Problem([planes[i]], i) for i in chosen], config, 2, CPU, torch.float64)
        trainer.warm_up()
        for _ in range(25):
            trainer.step()
        return trainer.kernel.numpy()

    together = trained([0, 1, 2])
    for i in range(3):
        alone = trained([i])[0]
        assert_allclose(together[i], alone, atol=1e-9 * np.abs(alone).max())


def test_more_crops_a_step_are_one_batch(rng):
    plane = rng.random((3, 60, 60)).astype(np.float32)
    trainer = Trainer([Problem([plane], 0)], KernelGANConfig(steps=3, crop=32, crops_per_step=4), 2, CPU)
    terms = trainer.step()
    assert trainer.generator_crops[0].shape == (3, 1, 4)
    assert all(torch.isfinite(value).all() for value in terms.values())
