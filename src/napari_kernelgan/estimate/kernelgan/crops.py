"""Where KernelGAN's crops come from: drawn near edges, at even positions, out of any number of planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from torch import Tensor

from ...config import KernelGANConfig
from ...errors import InputError
from ...kernels.forward import degrade_plane
from ...kernels.models import bicubic

Plane = NDArray[np.float32]
"""(channels, Y, X), value range 0..1."""

LEAST = 32  # px of a plane's side that must remain, so that the discriminator's crop holds patches enough for batch statistics


class CropSize(NamedTuple):
    """Sides in pixels."""

    shave: int
    """Border left out."""
    generator: int
    """Crop that the generator sees, even."""
    discriminator: int
    """Crop that the discriminator sees: what the generator makes of its crop."""


def crop_size(plane_size: tuple[int, ...], crop: int, shave: int, support: int, scale: int) -> CropSize:
    """Shave and crops that fit a plane.

    Parameters
    ----------
    plane_size : tuple of int
        Height and width.
    crop, shave : int
        What is wanted.
    support : int
        Side of the generator's kernel.
    scale : int
        Its stride.
    """
    smallest = min(plane_size)
    if smallest < LEAST:
        raise InputError(
            f"A plane of {plane_size[0]} x {plane_size[1]} px is too small for KernelGAN, which needs {LEAST} px on either side."
        )
    shave = min(shave, (smallest - LEAST) // 2)
    generator = min(crop, (smallest - 2 * shave) // scale * scale)
    return CropSize(shave, generator, (generator - support) // scale + 1)


class CropBank:
    """Planes of any sizes in one flat tensor, from which crops are gathered at any mixture of planes.

    Parameters
    ----------
    planes : sequence of ndarray
        (channels, Y, X) each, with the same number of channels.
    """

    def __init__(self, planes: Sequence[NDArray[np.floating]], device: torch.device, dtype: torch.dtype) -> None:
        self.widths = np.array([p.shape[2] for p in planes])
        areas = [p.shape[1] * p.shape[2] for p in planes]
        self.starts = np.concatenate([[0], np.cumsum(areas)[:-1]])
        flat = np.concatenate([p.reshape(p.shape[0], -1) for p in planes], 1)
        self.pixels = torch.as_tensor(flat, dtype=dtype).to(device)

    def gather(self, corners: Tensor, widths: Tensor, side: int) -> Tensor:
        """Square crops: flat index of the corner and row length of each, (...), to (..., channels, side, side)."""
        at = torch.arange(side, device=corners.device)
        rows = corners[..., None] + at * widths[..., None]
        index = rows[..., None] + at
        return self.pixels[:, index].movedim(0, -3)


class Draws(NamedTuple):
    """Crops of one kind for every step: planes (steps, count) and their corners' rows and columns, even."""

    plane: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


def bicubic_half(plane: Plane, scale: int) -> Plane:
    """A plane downscaled bicubically, with the alignment of the forward model."""
    small = degrade_plane(np.moveaxis(plane, 0, -1), bicubic(scale), scale)
    return np.moveaxis(small, -1, 0).astype(np.float32)


def edge_map(gray: NDArray[np.floating], config: KernelGANConfig) -> NDArray[np.float64]:
    """Two-valued, smoothed map of |dx|, |dy| and the gradient's magnitude; (Y, X).

    As published, each is clipped between a high quantile and the next larger value. Where values are fine-grained these are close to
    each other, and crops are then drawn nearly uniformly.
    """
    dy, dx = np.gradient(gray.astype(np.float64))
    total = np.zeros(gray.shape)
    middle = tuple(slice(config.edge_border, length - config.edge_border) for length in gray.shape)
    for strength in (np.abs(dx), np.abs(dy), np.hypot(dx, dy)):
        inside = np.zeros_like(strength)
        inside[middle] = strength[middle]
        quantile = np.quantile(inside, config.edge_quantile)
        above = inside[inside > quantile]
        if above.size:
            clipped = np.clip(inside, quantile, above.min())
            total += clipped / clipped.sum()
    return np.asarray(uniform_filter(total, config.edge_smooth))


def centre_probability(edges: NDArray[np.float64], crop: int) -> NDArray[np.float64]:
    """Probability of each pixel to be the centre of a crop that lies inside the plane."""
    smooth = uniform_filter(edges, max(crop // 2, 1))
    allowed = np.zeros_like(smooth)
    half = crop // 2
    inside = (slice(half, edges.shape[0] - crop + half + 1), slice(half, edges.shape[1] - crop + half + 1))
    allowed[inside] = np.maximum(smooth[inside], 0)
    if allowed.sum() <= 0:  # no edges at all: anywhere
        allowed[inside] = 1
    probability: NDArray[np.float64] = allowed / allowed.sum()
    return probability


def draw(
    probabilities: list[NDArray[np.float64]],
    plane_weights: NDArray[np.float64],
    crop: int,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> Draws:
    """Draw crops: a plane by its weight, then a centre by its probability, moved to even corners.

    Parameters
    ----------
    probabilities : list of ndarray
        Of each plane, (Y, X).
    plane_weights : ndarray
        How often each plane is to be drawn; sums to 1.
    crop : int
        Side of the crops.
    shape : tuple of int
        (steps, crops per step).
    """
    plane = rng.choice(len(probabilities), size=shape, p=plane_weights)
    row, column = np.empty(shape, np.int64), np.empty(shape, np.int64)
    for i, probability in enumerate(probabilities):
        here = plane == i
        flat = rng.choice(probability.size, size=int(here.sum()), p=probability.ravel())
        y, x = np.unravel_index(flat, probability.shape)
        row[here], column[here] = y - crop // 2, x - crop // 2
    return Draws(plane, row - row % 2, column - column % 2)


class ProblemCrops(NamedTuple):
    """The planes of one problem and all crops that its run will use."""

    planes: list[Plane]
    generator: Draws
    discriminator: Draws


def prepare(planes: Sequence[Plane], size: CropSize, scale: int, config: KernelGANConfig, rng: np.random.Generator) -> ProblemCrops:
    """Shave the planes and draw all crops of a run; planes with stronger gradients are drawn more often."""
    shaved = [p[:, size.shave : p.shape[1] - size.shave, size.shave : p.shape[2] - size.shave] for p in planes]
    for_generator, for_discriminator, weights = [], [], []
    for plane in shaved:
        gray = plane.mean(0)
        half = bicubic_half(gray[None], scale)[0]
        enlarged = edge_map(half, config).repeat(scale, 0).repeat(scale, 1)
        rest = [(0, full - part) for full, part in zip(gray.shape, enlarged.shape, strict=True)]
        for_generator.append(centre_probability(np.pad(enlarged, rest, mode="edge"), size.generator))
        for_discriminator.append(centre_probability(edge_map(gray, config), size.discriminator))
        weights.append(float(np.hypot(*np.gradient(gray)).mean()))
    if max(weights) <= 0:
        raise InputError("The image is constant: there is nothing to estimate a kernel from.")
    share = np.array(weights) / sum(weights)
    shape = (config.steps, config.crops_per_step)
    return ProblemCrops(
        shaved,
        draw(for_generator, share, size.generator, shape, rng),
        draw(for_discriminator, share, size.discriminator, shape, rng),
    )
