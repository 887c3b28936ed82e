"""KernelGAN's generator: a deep linear network, which *is* a kernel.

Convolutions without bias and without activation compose into one kernel. Composing them at every step is exact, and the crop is then
convolved once with 13 x 13 weights instead of through 64 channels. Every tensor has a leading axis of independent problems.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional

from ...config import KernelGANConfig

Weights = list[Tensor]
"""One tensor per layer: (problems, channels out, channels in, side, side)."""


def support(filters: tuple[int, ...]) -> int:
    """Side of the composed kernel, which is the generator's receptive field: 13 as published."""
    return sum(filters) - len(filters) + 1


def initial_weights(config: KernelGANConfig, streams: list[torch.Generator]) -> Weights:
    """Xavier-normal weights of every layer, each problem's from its own random stream."""
    filters, channels = config.generator_filters, config.generator_channels
    widths = [1] + [channels] * (len(filters) - 1) + [1]
    return [
        xavier_normal((n_out, n_in, side, side), config.gain, streams)
        for side, n_in, n_out in zip(filters, widths[:-1], widths[1:], strict=True)
    ]


def xavier_normal(shape: tuple[int, ...], gain: float, streams: list[torch.Generator]) -> Tensor:
    """Weights (problems, out, in, ...) of variance ``gain^2 * 2 / (fan in + fan out)``."""
    area = torch.Size(shape[2:]).numel()
    deviation = gain * sqrt(2 / ((shape[0] + shape[1]) * area))
    return torch.stack([torch.randn(shape, generator=stream) for stream in streams]) * deviation


def compose(weights: Weights) -> Tensor:
    """The one kernel of all layers, (problems, side, side) in correlation orientation.

    Contracts from the output side: a row vector through the 1 x 1 layers, then full convolutions with ever larger filters, so that one
    end always has a single channel.
    """
    problems = weights[0].shape[0]
    composed = weights[-1][:, 0]
    for layer in reversed(weights[:-1]):
        _, n_out, n_in, side, _ = layer.shape
        reach = composed.shape[-1]
        # (problems, positions so far, channels in * taps): this order reads the layer's weights as they lie in memory
        products = composed.reshape(problems, n_out, reach * reach).transpose(1, 2) @ layer.reshape(problems, n_out, -1)
        if reach == 1:
            composed = products.reshape(problems, n_in, side, side)
        else:
            composed = functional.fold(products.transpose(1, 2), (reach + side - 1,) * 2, kernel_size=side)
    return composed[:, 0]


def patches_of(crops: Tensor, side: int, scale: int) -> Tensor:
    """The patches that a kernel with a stride sees in crops (problems, images, Y, X): (problems, side * side, positions of all images)."""
    return windows(crops, side, scale).movedim(1, 3).flatten(3).flatten(1, 2)


def apply(composed: Tensor, patches: Tensor) -> Tensor:
    """Downscale crops with composed kernels: patches of `patches_of` to (problems, positions) pixels."""
    return (composed.flatten(1).unsqueeze(1) @ patches).squeeze(1)


def windows(images: Tensor, side: int, stride: int) -> Tensor:
    """Every window of images (..., Y, X), as a view (..., side, side, rows, columns)."""
    return images.unfold(-2, side, stride).unfold(-2, side, stride).movedim((-2, -1), (-4, -3))


def apply_layers(weights: Weights, crops: Tensor, scale: int) -> Tensor:
    """Run crops through the layers one by one, as published: (problems, images, side, side); the last layer has the stride.

    Equal to `apply` with the composed kernel, and much slower: it is here to prove the equality and the speed.
    """
    problems, images = crops.shape[:2]
    signal = crops.transpose(0, 1)
    for depth, layer in enumerate(weights):
        stride = scale if depth == len(weights) - 1 else 1
        signal = functional.conv2d(signal, layer.flatten(0, 1), stride=stride, groups=problems)
    return signal.reshape(images, problems, *signal.shape[2:]).transpose(0, 1)
