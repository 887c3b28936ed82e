"""The two ways of ZSSR behind one door."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...config import ZSSRConfig
from ...progress import Steps
from ..result import Outcome
from .published import iter_published
from .residual import iter_residual
from .stages import Stage, check_size


def iter_zssr(
    channels: NDArray[np.float32], stages: Sequence[Stage], config: ZSSRConfig, seed: int, device: torch.device, least: float = 0.0
) -> Steps[Outcome]:
    """Upscale one plane (C, Y, X) on 0..1.

    From the inverse, straight to the last stage; as published, through all stages. `least` is the noise (variance) that the plane has at
    least, as rounding to integers makes it.
    """
    scale = stages[-1].scale
    check_size(channels.shape[1:], scale)
    if config.start == "inverse":
        return iter_residual(channels, stages[-1], config, seed, device, least)
    return iter_published(torch.from_numpy(channels)[None].to(device), stages, config, seed)
