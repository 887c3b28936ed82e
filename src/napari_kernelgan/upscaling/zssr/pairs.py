"""Fathers and sons: training pairs made from one image by degrading it with its own kernel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from torch import Tensor

from ...kernels.forward import degrade_tensor
from ..bicubic import REACH, enlarge

PLACES = 16
"""Random places that are looked at for one with edges."""


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

    A father is degraded once as a whole, not crop by crop. Crops lie at any position, and a degraded image depends on the position modulo
    `scale`, so there are scale^2 small sons of each father, which together have its size; they are enlarged crop by crop.

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
        self.small = [
            {
                (dy, dx): degrade_tensor(image[:, :, dy:, dx:], kernel, scale)
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
        son = self._son(which, (y, x), (self.side, self.side))
        if noise:
            small = torch.randn((*image.shape[:2], self.side // self.scale, self.side // self.scale), generator=stream)
            son = son + noise * enlarge(small.to(image.device, image.dtype, non_blocking=image.is_cuda), self.scale)
        here = (slice(None), slice(None), slice(y, y + self.side), slice(x, x + self.side))
        return Pair(son, image[here], self.weights[which][here])

    def reconstruction(self, region: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A part of the first father and its son, for measuring how far training has come.

        Its sides are at most `region`, 0 meaning all of the father. Of some random places it is the one with the most edges, so that it is
        not an empty one.
        """
        size = tuple(length // self.scale * self.scale for length in self.images[0].shape[2:])
        if region:
            size = tuple(min(length, max(region // self.scale, 1) * self.scale) for length in size)
        ends = [(length - side) // self.scale + 1 for length, side in zip(self.images[0].shape[2:], size, strict=True)]
        places = [tuple(int(rng.integers(end)) * self.scale for end in ends) for _ in range(PLACES)]

        def edges(place: tuple[int, ...]) -> float:
            return float(self.weights[0][:, :, place[0] : place[0] + size[0], place[1] : place[1] + size[1]].mean())

        y, x = max(places, key=edges)
        return self._son(0, (y, x), size), self.images[0][:, :, y : y + size[0], x : x + size[1]]

    def _son(self, which: int, at: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
        """The part of a father's enlarged son that lies at a place of the father."""
        small = self.small[which][at[0] % self.scale, at[1] % self.scale]
        first = [place // self.scale for place in at]
        # with what the enlargement reaches; at the son's own border nothing is cut that it would not repeat
        start = [max(i - REACH, 0) for i in first]
        stop = [i + length // self.scale + REACH for i, length in zip(first, size, strict=True)]
        large = enlarge(small[:, :, start[0] : stop[0], start[1] : stop[1]], self.scale)
        top, left = ((i - begin) * self.scale for i, begin in zip(first, start, strict=True))
        return large[:, :, top : top + size[0], left : left + size[1]]


def edge_weight(image: Tensor) -> Tensor:
    """Gradient magnitude of the gray image, smoothed over 5 px, with mean 1; (1, 1, Y, X)."""
    gray = image[0].mean(0).cpu().double().numpy()
    smooth = uniform_filter(np.hypot(*np.gradient(gray)), 5)
    mean = smooth.mean()
    weight = smooth / mean if mean > 0 else np.ones_like(smooth)
    return torch.as_tensor(weight, dtype=image.dtype).to(image.device)[None, None]
