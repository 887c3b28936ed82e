"""What KernelGAN asks of a kernel besides fooling the discriminator: R(k), and the schedule that fades the start towards bicubic.

All of it is batched: kernels are (problems, side, side) in correlation orientation, terms are (problems,).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...config import KernelGANConfig

SPARSITY_FLOOR = 1e-8  # a value of exactly zero, which float32 does reach, would have an infinite gradient


def boundary_mask(side: int, config: KernelGANConfig) -> Tensor:
    """What values near the border cost: a scaled 1 - Gaussian on the outer ring, zero inside; (side, side)."""
    at = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    bump = torch.exp(-0.5 * (at[:, None] ** 2 + at[None, :] ** 2) / config.boundary_sigma**2)
    mask = config.boundary_scale * (1 - bump / bump.max())
    mask[config.boundary_ring : -config.boundary_ring, config.boundary_ring : -config.boundary_ring] = 0
    return mask


class Regularisation:
    """The terms of R(k), unweighted."""

    def __init__(self, config: KernelGANConfig, side: int, scale: int, device: torch.device, dtype: torch.dtype) -> None:
        self.side, self.power = side, config.sparsity_power
        at = torch.arange(side, dtype=torch.float64)
        moments = torch.stack([torch.ones(side, side), at[:, None].expand(side, side), at[None, :].expand(side, side)])
        self.mask = boundary_mask(side, config).to(device, dtype)
        self.moments = moments.flatten(1).T.contiguous().to(device, dtype)
        # the strided layer's block of pixels is centred half a pixel past the middle (index 6.5 of 13 for stride 2)
        self.centre = (side - 1) / 2 + (scale - 1) / 2

    def __call__(self, kernels: Tensor) -> dict[str, Tensor]:
        """Terms by name: sum, boundary, centre, sparsity."""
        magnitude = kernels.abs()
        total, rows, columns = (kernels.flatten(1) @ self.moments).unbind(1)
        return {
            "sum": (1 - total).abs(),
            "boundary": (magnitude * self.mask).mean((1, 2)),
            "centre": (rows / total - self.centre) ** 2 + (columns / total - self.centre) ** 2,
            "sparsity": (magnitude.clamp(min=SPARSITY_FLOOR) ** self.power).mean((1, 2)),
        }


class BicubicFade:
    """Weight of the likeness to bicubic downscaling, which starts high and is faded once the generator has got there.

    State stays on the device, changed in place: reading it would halt the run at every step.
    """

    def __init__(self, config: KernelGANConfig, problems: int, device: torch.device, dtype: torch.dtype) -> None:
        self.config = config
        self.weight = torch.full((problems,), config.bicubic_weight, device=device, dtype=dtype)
        self.below = torch.zeros(problems, device=device, dtype=torch.int32)

    @property
    def others_on(self) -> Tensor:
        """1 where the weight has dropped so far that the centre and sparsity terms count, else 0."""
        return (self.weight < self.config.bicubic_switch).to(self.weight.dtype)

    def update(self, due: Tensor, loss: Tensor) -> None:
        """Note this step's bicubic loss (unweighted); where fading is due, fade the weights of those that have been low long enough."""
        self.below.copy_(torch.where(loss < self.config.bicubic_threshold, self.below + 1, 0))
        faded = (self.weight / self.config.bicubic_fade_divisor).clamp(min=self.config.bicubic_floor)
        self.weight.copy_(torch.where(due & (self.below >= self.config.bicubic_patience), faded, self.weight))
