"""From the generator's composed weights to a kernel that keeps the convention."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels.algebra import Kernel, centre, from_correlation_weights, normalise

KEPT = 40
THRESHOLD = 0.75


def cut_tails(weights: ArrayLike) -> NDArray[np.float64]:
    """The published cut: 0.75 of the 41st largest value is subtracted from all, negatives become zero. It cuts wide kernels' tails."""
    values = np.asarray(weights, np.float64)
    kth = np.sort(values, axis=None)[-(KEPT + 1)] if values.size > KEPT else 0.0
    return np.maximum(values - THRESHOLD * max(kth, 0.0), 0)


def finish(weights: ArrayLike, how: str, scale: int = 2) -> Kernel:
    """A kernel in convolution orientation, non-negative, of sum 1, centred, from correlation weights of the generator.

    Parameters
    ----------
    weights : array_like
        (side, side) composed weights.
    how : {"tails", "published"}
        "tails" only sets negative values to zero; "published" applies `cut_tails`.
    scale : int
        The generator's stride.
    """
    values = np.asarray(weights, np.float64)
    kept = cut_tails(values) if how == "published" else np.maximum(values, 0)
    if kept.sum() <= 0:  # the first steps of a run can have no positive weight at all
        kept = np.ones_like(values)
    return centre(normalise(from_correlation_weights(kept, scale)))
