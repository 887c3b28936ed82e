"""The composed generator is the layered one, in output and in every gradient."""

import numpy as np
import pytest
import torch

from napari_kernelgan.config import KernelGANConfig
from napari_kernelgan.devices import random_stream
from napari_kernelgan.estimate.kernelgan import generator
from napari_kernelgan.estimate.kernelgan.training import Problem, Trainer
from napari_kernelgan.images.values import ValueRange, to_unit

CPU = torch.device("cpu")


def trained_weights(small, steps, dtype):
    problems = [Problem([to_unit(small, ValueRange(0, 255))], seed) for seed in (0, 1)]
    trainer = Trainer(problems, KernelGANConfig(steps=max(steps, 1)), 2, CPU, dtype)
    for _ in range(steps):
        trainer.step()
    return [w.detach() for w in trainer.weights]


def output_and_gradients(weights, crops, composed):
    weights = [w.clone().requires_grad_() for w in weights]
    if composed:
        output = generator.apply(generator.compose(weights), generator.patches_of(crops, 13, 2))
    else:
        output = generator.apply_layers(weights, crops, 2).flatten(1)
    probe = torch.randn(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(3))
    (output * probe).sum().backward()
    return output.detach(), [w.grad for w in weights]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.float32, 1e-3)])
@pytest.mark.parametrize("steps", [0, 60])
def test_composed_and_layered_generators_agree(small, steps, dtype, tolerance):
    weights = trained_weights(small, steps, dtype)
    crops = torch.rand((2, 3, 64, 64), dtype=dtype, generator=torch.Generator().manual_seed(2))
    output, gradients = output_and_gradients(weights, crops, composed=True)
    expected, expected_gradients = output_and_gradients(weights, crops, composed=False)
    assert output.shape == (2, 3 * 26 * 26)
    assert (output - expected).abs().max() <= tolerance * expected.abs().max()
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        assert wanted.abs().max() > 0
        assert (gradient - wanted).abs().max() <= tolerance * wanted.abs().max()


@pytest.mark.parametrize("filters", [(7, 5, 3, 1, 1, 1), (5, 5, 1), (3, 3, 3, 3, 3, 3), (13,)])
def test_any_filters_compose(filters):
    config = KernelGANConfig(generator_filters=filters, generator_channels=6)
    weights = [w.double() for w in generator.initial_weights(config, [random_stream(0, 0)])]
    side = generator.support(filters)
    point = torch.zeros(1, 1, 2 * side - 1, 2 * side - 1, dtype=torch.float64)
    point[..., side - 1, side - 1] = 1
    response = generator.apply_layers(weights, point, 1)[0, 0]
    # correlation with a point gives the weights turned by 180 degrees
    np.testing.assert_allclose(response.flip(0, 1), generator.compose(weights)[0], atol=1e-18)


def test_starting_weights_have_the_published_spread():
    streams = [random_stream(seed, 0) for seed in range(3)]
    layer = generator.initial_weights(KernelGANConfig(), streams)[1]
    assert layer.shape == (3, 64, 64, 5, 5)
    assert layer.std() == pytest.approx(0.1 * np.sqrt(2 / (128 * 25)), rel=0.01)
    assert not torch.equal(layer[0], layer[1])
