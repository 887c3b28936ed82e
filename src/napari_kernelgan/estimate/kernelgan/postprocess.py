"""From the generator's composed weights to a kernel that keeps the convention."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config import KernelGANConfig
from ...kernels.algebra import Kernel, centre, from_correlation_weights, normalise


def cut_tails(weights: ArrayLike, kept: int, fraction: float) -> NDArray[np.float64]:
    """The published cut, which loses wide kernels' tails: a fraction of the largest value but `kept` is subtracted; none is negative."""
    values = np.asarray(weights, np.float64)
    kth = np.sort(values, axis=None)[-(kept + 1)] if values.size > kept else 0.0
    return np.maximum(values - fraction * max(kth, 0.0), 0)


def finish(weights: ArrayLike, config: KernelGANConfig, scale: int = 2) -> Kernel:
    """A kernel in convolution orientation, non-negative, of sum 1, centred, from correlation weights of the generator.

    Parameters
    ----------
    weights : array_like
        (side, side) composed weights.
    config : KernelGANConfig
        Its `postprocess` "tails" only sets negative values to zero; "published" applies `cut_tails`.
    scale : int
        The generator's stride.
    """
    values = np.asarray(weights, np.float64)
    kept = cut_tails(values, config.cut_kept, config.cut_fraction) if config.postprocess == "published" else np.maximum(values, 0)
    if kept.sum() <= 0:  # the first steps of a run can have no positive weight at all
        kept = np.ones_like(values)
    return centre(normalise(from_correlation_weights(kept, scale)))
