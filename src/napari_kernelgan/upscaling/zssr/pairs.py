"""Fathers and sons: training pairs made from one image by degrading it with its own kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

from ...kernels.forward import degrade_tensor
from ..bicubic import enlarge


class Pair(NamedTuple):
    """A crop to learn from; (1, C, side, side) each."""

    son: Tensor
    """The degraded father, enlarged bicubically: what the network gets."""
    father: Tensor
    """What it is to become."""
    weight: Tensor
    """How much each pixel counts, (1, 1, side, side): more on edges."""


class Fathers:
    """Images to learn from, with their sons.

    A son is computed once for the whole father, not for every crop. Crops lie at any position, and a degraded image depends on the
    position modulo `scale`, so there are scale^2 sons of each father.

    Parameters
    ----------
    images : list of Tensor
        (1, C, Y, X) each; of the same channels, any sizes.
    kernel : Tensor
        (n, n).
    scale : int
        Downscaling factor s.
    crop : int
        Largest side of the crops.
    """

    def __init__(self, images: list[Tensor], kernel: Tensor, scale: int, crop: int) -> None:
        self.images, self.scale = images, scale
        smallest = min(min(image.shape[2:]) for image in images)
        self.side = min(crop, smallest) // scale * scale
        self.weights = [edge_weight(image) for image in images]
        self.sons = [
            {
                (dy, dx): enlarge(degrade_tensor(image[:, :, dy:, dx:], kernel, scale), scale)
                for dy in range(scale)
                for dx in range(scale)
                if min(image.shape[2] - dy, image.shape[3] - dx) >= self.side
            }
            for image in images
        ]

    def draw(self, rng: np.random.Generator, noise: float, stream: torch.Generator) -> Pair:
        """A random crop of a random father; `noise` (sd) is added to the son as it was before its enlargement."""
        which = int(rng.integers(len(self.images)))
        image = self.images[which]
        y, x = (int(rng.integers(length - self.side + 1)) for length in image.shape[2:])
        dy, dx = y % self.scale, x % self.scale
        large = self.sons[which][dy, dx]
        son = large[:, :, y - dy : y - dy + self.side, x - dx : x - dx + self.side]
        if noise:
            small = torch.randn((*image.shape[:2], self.side // self.scale, self.side // self.scale), generator=stream)
            son = son + noise * enlarge(small.to(image.device, image.dtype), self.scale)
        here = (slice(None), slice(None), slice(y, y + self.side), slice(x, x + self.side))
        return Pair(son, image[here], self.weights[which][here])

    @property
    def reconstruction(self) -> tuple[Tensor, Tensor]:
        """The first father's whole son and the part of the father that it covers, for measuring how far training has come."""
        son = self.sons[0][0, 0]
        return son, self.images[0][:, :, : son.shape[2], : son.shape[3]]


def edge_weight(image: Tensor) -> Tensor:
    """Gradient magnitude of the gray image, smoothed over 5 px, with mean 1; (1, 1, Y, X)."""
    gray = image[0].mean(0).double().cpu().numpy()
    smooth = uniform_filter(np.hypot(*np.gradient(gray)), 5)
    mean = smooth.mean()
    weight = smooth / mean if mean > 0 else np.ones_like(smooth)
    return torch.as_tensor(weight, dtype=image.dtype).to(image.device)[None, None]
