"""KernelGAN tied to the spectral estimate: begins there exactly, moves only where the spectrum lets it, runs stop and repeat."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import HybridConfig, InputError, KernelGANConfig, Settings, SpectralConfig, kernels
from napari_kernelgan.bench.folds import with_prior
from napari_kernelgan.estimate.hybrid import TiedTrainer, applied, precision
from napari_kernelgan.estimate.inputs import read_input
from napari_kernelgan.estimate.kernelgan.training import Problem
from napari_kernelgan.estimate.spectral.run import estimate

SHORT = HybridConfig(steps=6, lead=2)


def hybrid(image, config=SHORT, **options):
    return kg.estimate_kernel(image, method="hybrid", config=config, **options)


@pytest.fixture(scope="module")
def whole(sharp, true_kernel):
    """Low-resolution pictures, by scale."""
    return {scale: kg.degrade(sharp, true_kernel if scale == 2 else kernels.compose(true_kernel), scale) for scale in (2, 4)}


@pytest.mark.parametrize("scale", [2, 4])
def test_without_steps_it_is_the_spectral_estimate(whole, scale):
    spectral = kg.estimate_kernel(whole[scale], scale, "spectral")
    begun = hybrid(whole[scale], HybridConfig(steps=0), scale=scale)
    assert_allclose(begun.kernel, spectral.kernel, atol=1e-6 * spectral.kernel.max())
    # and the generator has become that kernel
    fitted = kernels.from_correlation_weights(np.array(begun.details["weights"]))
    fitted = kernels.crop(kernels.compose(fitted), 28) if scale == 4 else fitted
    assert_allclose(fitted, spectral.kernel, atol=0.02 * spectral.kernel.max())


@pytest.mark.parametrize("scale", [2, 4])
def test_an_estimate_carries_error_bars_and_reliability_of_the_spectrum(whole, scale):
    spectral = kg.estimate_kernel(whole[scale], scale, "spectral")
    found = hybrid(whole[scale], scale=scale)
    kernels.check_kernel(found.kernel, scale)
    assert found.kernel.min() >= 0
    assert_allclose(kernels.centre_of_mass(found.kernel), (7 * scale - 1) / 2, atol=0.05)
    assert (found.method, found.reference, found.scale, found.stopped) == ("hybrid", "prior", scale, False)
    assert (found.fwhm_interval, found.reliability) == (spectral.fwhm_interval, spectral.reliability)
    assert set(found.history.losses) == {"generator", "discriminator", "tie"}
    assert_array_equal(found.history.kernels[-1], found.kernel)
    assert len(found.stages) == (2 if scale == 4 else 0)
    if scale == 4:
        assert found.stages[0].shape == (14, 14)
        assert_array_equal(found.stages[1], found.kernel)


def test_the_generator_stands_still_while_the_discriminator_leads_and_is_held_by_its_tie(small):
    losses = hybrid(small, HybridConfig(steps=40, lead=10, tie=0)).history.losses
    assert_array_equal(losses["tie"][:11], 0)
    assert losses["tie"][11] > 0
    assert losses["discriminator"][9] != losses["discriminator"][0]
    tied = hybrid(small, HybridConfig(steps=40, lead=10, tie=1)).history.losses
    assert tied["tie"][-5:].mean() < 0.2 * losses["tie"][-5:].mean()


def test_the_tie_is_the_inverse_covariance_of_the_kernels_that_could_be(small):
    source = read_input(small, None, 1, None)
    found = estimate(source.planes, 2, SpectralConfig(), source.step, 0)
    root = precision(found, 0.01)
    shapes = found.shapes[:, ::-1, ::-1].reshape(len(found.shapes), -1)
    expected = np.cov(shapes.T, aweights=found.chances, ddof=0) + (0.01 * found.kernel.max()) ** 2 * np.eye(196)
    assert_allclose(root.T @ root @ expected, np.eye(196), atol=1e-6)
    # nearer to what the spectrum leaves open is cheaper than elsewhere, at the same distance
    likely, unlikely = shapes[found.chances.argmax()] - shapes[found.chances.argsort()[-50]], np.zeros(196)
    unlikely[0] = np.linalg.norm(likely)
    assert np.linalg.norm(root @ likely) < 0.5 * np.linalg.norm(root @ unlikely)


def test_the_trainer_ties_to_where_it_began(small):
    source = read_input(small, None, 1, None)
    found = estimate(source.planes, 2, SpectralConfig(), source.step, 0)
    training = KernelGANConfig(steps=3)
    trainer = TiedTrainer([Problem(source.planes, 0)], [found], HybridConfig(lead=0), training, 2, torch.device("cpu"))
    trainer.warm_up()
    terms = [trainer.step() for _ in range(3)]
    assert terms[0]["tie"] == 0
    moved = trainer.finished(trainer.kernel[0].double().numpy(), 0) - found.kernel
    assert 0 < np.abs(moved).max() < 0.1 * found.kernel.max()


@pytest.mark.parametrize("scale", [2, 4])
def test_a_generator_applied_is_the_convention_s_kernel(scale, rng):
    weights = rng.random((2, 13, 13))
    weights /= weights.sum((1, 2), keepdims=True)
    turned = applied(torch.as_tensor(weights), scale, 14 if scale == 2 else 40).numpy()[:, ::-1, ::-1]
    for each, kernel in zip(weights, turned, strict=True):
        once = kernels.from_correlation_weights(each)
        assert_allclose(kernel, once if scale == 2 else kernels.compose(once), atol=1e-12)


def test_the_same_seed_gives_the_same_kernel_alone_and_in_a_batch(small):
    first, again, other = (hybrid(small, seed=seed) for seed in (0, 0, 1))
    assert_array_equal(first.kernel, again.kernel)
    assert np.abs(first.kernel - other.kernel).max() > 1e-9
    batch = kg.estimate_kernels([small], seeds=[1, 0], method="hybrid", config=SHORT)
    assert_array_equal(batch[1].kernel, first.kernel)


def test_a_run_that_is_stopped_returns_the_kernel_so_far(small):
    steps = []
    found = hybrid(small, HybridConfig(steps=50, lead=0), callback=lambda progress: steps.append(progress) or progress.step < 3)
    assert found.stopped
    assert [(step.step, step.total, step.stage) for step in steps] == [(n, 50, "hybrid") for n in (1, 2, 3)]
    assert_array_equal(steps[-1].kernel, found.kernel)
    assert len(found.history.losses["tie"]) == 3


def test_stacks_are_pooled_and_colours_are_one_picture(small):
    stack = np.stack([small, small[::-1]])
    assert hybrid(stack).details["input"]["planes"] == [[0], [1]]
    pooled, spectral = hybrid(stack, HybridConfig(steps=0)), kg.estimate_kernel(stack, method="spectral")
    assert_allclose(pooled.kernel, spectral.kernel, atol=1e-9)
    colour = np.stack([small, small // 2, small], -1)
    assert hybrid(colour).kernel.shape == (14, 14)


@pytest.mark.parametrize("scale", [3, 5])
def test_scales_that_the_generator_cannot_do_are_refused(small, scale):
    with pytest.raises(InputError, match="scale 2 and, through it, 4"):
        hybrid(small, scale=scale)


def test_a_benchmark_s_prior_is_for_the_hybrid_too(tmp_path):
    settings = with_prior(Settings(), tmp_path / "fold.npz")
    assert settings.hybrid.prior == settings.spectral.prior == str(tmp_path / "fold.npz")
