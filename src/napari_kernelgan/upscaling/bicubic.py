"""Bicubic enlargement: Keys' cubic with a = -0.5, aligned so that image and enlargement cover the same area."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..kernels.forward import mirrored

REACH = 2
"""Pixels of the input on either side that a pixel of the result depends on."""


def enlarge(images: Tensor, scale: int) -> Tensor:
    """Enlarge (N, C, Y, X) by an integer; beyond the border the edge pixel repeats, as in the forward model."""
    rows, columns = (
        torch.as_tensor(mirrored(np.arange(-REACH, length + REACH), length), device=images.device) for length in images.shape[2:]
    )
    padded = images.index_select(2, rows).index_select(3, columns)
    # with antialias torch uses a = -0.5 (without, -0.75); enlarging, it does not blur
    large = functional.interpolate(padded, scale_factor=scale, mode="bicubic", align_corners=False, antialias=True)
    edge = REACH * scale
    return large[:, :, edge:-edge, edge:-edge]


def enlarge_plane(channels: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """Enlarge one plane (C, Y, X)."""
    return enlarge(torch.from_numpy(channels)[None], scale)[0].numpy()
