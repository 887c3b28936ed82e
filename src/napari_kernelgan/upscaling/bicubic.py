"""Bicubic enlargement: Keys' cubic with a = -0.5, aligned so that image and enlargement cover the same area."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..images.values import ValueRange, to_unit
from ..kernels.forward import mirrored
from ..kernels.models import bicubic

REACH = 2
"""Pixels of the input on either side that a pixel of the result depends on."""
BLOCK = 16
"""Pixels that one product enlarges: their matrix is small, and the pixels that blocks share are few."""


def enlarge(images: Tensor, scale: int) -> Tensor:
    """Enlarge (N, C, Y, X) by an integer; beyond the border the edge pixel repeats, as in the forward model."""
    weights = _weights(scale, images.dtype, images.device)
    height, width = images.shape[2:]
    rows, columns = (_indices(length, images.device) for length in (height, width))
    blocks = images.index_select(3, columns).unfold(3, BLOCK + 2 * REACH, BLOCK)  # (N, C, Y, blocks, x)
    wide = (blocks @ weights.T).flatten(3)[..., : width * scale]
    blocks = wide.index_select(2, rows).unfold(2, BLOCK + 2 * REACH, BLOCK)  # (N, C, blocks, X, y)
    return (weights @ blocks.mT).flatten(2, 3)[:, :, : height * scale]


def enlarge_plane(channels: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Enlarge one plane (C, Y, X)."""
    return enlarge(torch.from_numpy(channels)[None], scale)[0].numpy()


def enlarge_alpha(plane: NDArray[Any], values: ValueRange, scale: int) -> NDArray[np.float32]:
    """Enlarge the last sample of a plane (Y, X, S) to (1, Y, X) on the value range's 0..1."""
    alpha = to_unit(plane[..., -1], values)
    return np.clip(enlarge_plane(alpha, scale), alpha.min(), alpha.max())  # interpolation overshoots, and transparency must not


# Both are kept where they are used: bringing them to a device makes it wait.
@lru_cache(maxsize=64)
def _weights(scale: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What the pixels of a block and around it contribute to the pixels that it becomes, (BLOCK * scale, BLOCK + 2 * REACH)."""
    # enlarging is the transpose of bicubic downscaling
    profile = scale * bicubic(scale).sum(0)
    place = np.arange(BLOCK * scale)[:, None] - scale * np.arange(-REACH, BLOCK + REACH) + (len(profile) - scale) // 2
    inside = (place >= 0) & (place < len(profile))
    return torch.as_tensor(np.where(inside, profile[place * inside], 0.0), dtype=dtype).to(device)


@lru_cache(maxsize=256)
def _indices(length: int, device: torch.device) -> Tensor:
    """Pixels of whole blocks with what they reach on either side, beyond the borders those that repeat."""
    blocks = -(-length // BLOCK)
    return torch.as_tensor(mirrored(np.arange(-REACH, blocks * BLOCK + REACH), length), device=device)
