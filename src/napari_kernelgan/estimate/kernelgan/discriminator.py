"""KernelGAN's discriminator: judges every 7 x 7 patch of a crop, with spectral norm on every layer and batch norm between.

Every tensor has a leading axis of independent problems. Biases before a batch norm cancel, so only the last layer has one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...config import KernelGANConfig
from .generator import windows, xavier_normal


class Parameters(NamedTuple):
    """What is learnt; P problems, C colour channels, L hidden layers, H channels, patches of side p."""

    patch: Tensor
    """(P, H, C p p): the convolution over patches, without activation."""
    hidden: Tensor
    """(P, L, H, H): 1 x 1 convolutions, each followed by batch norm and ReLU."""
    last: Tensor
    """(P, 1, H): to one channel."""
    bias: Tensor
    """(P, 1): of the last layer."""
    scales: Tensor
    """(P, L, H): of the batch norms."""
    shifts: Tensor
    """(P, L, H): of the batch norms."""


class Discriminator:
    """Parameters and the running state of the spectral norms.

    Parameters
    ----------
    config : KernelGANConfig
    channels : int
        Colour channels.
    streams : list of torch.Generator
        One per problem.
    device, dtype
        Where and in what precision to compute.
    """

    def __init__(
        self, config: KernelGANConfig, channels: int, streams: list[torch.Generator], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.side = config.discriminator_filter
        width, depth = config.discriminator_channels, config.discriminator_layers

        def normal(*shape: int) -> Tensor:
            return torch.stack([torch.randn(shape, generator=stream) for stream in streams])

        hidden = [xavier_normal((width, width, 1, 1), config.gain, streams).flatten(2) for _ in range(depth)]
        bound = width**-0.5
        values = Parameters(
            patch=xavier_normal((width, channels, self.side, self.side), config.gain, streams).flatten(2),
            hidden=torch.stack(hidden, 1),
            last=xavier_normal((1, width, 1, 1), config.gain, streams).flatten(2),
            bias=torch.stack([torch.rand(1, generator=stream) for stream in streams]) * (2 * bound) - bound,
            scales=1 + config.norm_spread * normal(depth, width),
            shifts=torch.zeros(len(streams), depth, width),
        )
        self.parameters = Parameters(*(value.to(device, dtype).requires_grad_() for value in values))
        # left singular vectors, one power iteration a pass
        self.left_patch = functional.normalize(normal(width, 1).to(device, dtype), dim=-2)
        self.left_hidden = functional.normalize(normal(depth, width, 1).to(device, dtype), dim=-2)

    def __call__(self, crops: Tensor, train: bool) -> Tensor:
        """How real each patch looks.

        Parameters
        ----------
        crops : Tensor
            (problems, groups, crops, channels, side, side). Each group (all real, or all fake) has batch statistics of its own.
        train : bool
            Whether gradients go to the parameters; if not, they go to the crops alone.

        Returns
        -------
        Tensor
            (problems, groups, patches), in 0..1.
        """
        p = self.parameters if train else Parameters(*(value.detach() for value in self.parameters))
        problems, groups = crops.shape[:2]
        # (problems, values of a patch, groups, patches): one matrix product serves all groups
        signal = windows(crops, self.side, 1).permute(0, 3, 4, 5, 1, 2, 6, 7).flatten(5).flatten(1, 3).flatten(3)

        patch = _spectrally_normal(p.patch, self.left_patch)
        hidden = _spectrally_normal(p.hidden, self.left_hidden)
        last = p.last / torch.linalg.vector_norm(p.last, dim=(1, 2), keepdim=True)  # of one row, the spectral norm is its length
        # no activation between the first two layers: they are one
        layers = [torch.bmm(hidden[:, 0], patch), *hidden.unbind(1)[1:]]
        for depth, layer in enumerate(layers):
            signal = torch.bmm(layer, signal.flatten(2)).reshape(problems, -1, *signal.shape[2:])
            signal = _batch_norm_relu(signal, p.scales[:, depth], p.shifts[:, depth])
        judged = torch.baddbmm(p.bias.unsqueeze(2), last, signal.flatten(2))
        return torch.sigmoid(judged).reshape(problems, groups, -1)


def _spectrally_normal(matrices: Tensor, state: Tensor) -> Tensor:
    """Divide matrices (..., out, in) by their largest singular value; `state`, its left vector, follows by one power iteration a call."""
    right = functional.normalize(matrices.detach().mT @ state, dim=-2)
    product = matrices @ right
    state.copy_(functional.normalize(product.detach(), dim=-2))
    return matrices / (state.clone() * product).sum((-2, -1), keepdim=True)


def _batch_norm_relu(signal: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Normalise (problems, channels, groups, patches) over patches, problem by problem and group by group; scale, shift, rectify.

    Batch norm with one image a batch is group norm with one channel a group, which is much the faster one on a CPU.
    """
    rows = signal.flatten(0, 2).unsqueeze(0)
    scale, shift = (value.unsqueeze(2).expand(signal.shape[:3]).flatten() for value in (scale, shift))
    return functional.group_norm(rows, rows.shape[1], scale, shift).relu_().reshape(signal.shape)
