"""Means of kernels of different widths that have no width but the one that is wanted.

A plain mean of narrow and wide kernels is a kernel with a sharp top and long tails. Each is stretched to the wanted covariance first, by
the linear map that moves a Gaussian's mass least (optimal transport), so that only shapes are averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from ..kernels.algebra import Kernel, centre, normalise
from ..kernels.measures import covariance

Values = NDArray[np.float64]

MOST = 24
"""Kernels whose shapes are averaged: those of the largest weight."""
LEAST_VARIANCE = 0.1
"""HR px^2: no kernel is narrower along any direction."""
CORRECTIONS = 4
"""Stretching a sampled kernel misses its width a little; so often that is made good."""


def mean_kernel(kernels: Values, weights: Values, moments: Values) -> Kernel:
    """The weighted mean shape of kernels (kernels, n, n), with the covariance `moments` (yy, xx, yx); negative weights count nothing."""
    chosen = np.argsort(-weights, kind="stable")[:MOST]
    chosen = chosen[weights[chosen] > 0]
    target = matrix(moments)
    mean = np.tensordot(weights[chosen], np.stack([stretched(kernels[i], target, 1) for i in chosen]), 1)
    return stretched(mean, target, CORRECTIONS)


def stretched(kernel: Kernel, target: Values, corrections: int) -> Kernel:
    """A kernel stretched to a covariance (2, 2), HR px^2, as nearly as its frame allows; not negative, centred, sum 1."""
    source = normalise(np.clip(kernel, 0, None))
    middle = (len(kernel) - 1) / 2
    wanted, found, has = target, centre(source), covariance(source)
    for number in range(corrections):
        if np.abs(has - target).max() < 1e-3 * target.trace():
            break
        wanted = _bounded(wanted + target - has) if number else target
        back = np.linalg.inv(transport(covariance(source), wanted))
        moved = affine_transform(source, back, middle - back @ [middle, middle], order=3, mode="grid-constant")
        found = centre(normalise(np.clip(moved, 0, None)))
        has = covariance(found)
    return found


def transport(source: Values, target: Values) -> Values:
    """The symmetric matrix T, with ``T source T = target``, that moves a Gaussian of one covariance to one of another the shortest way."""
    root = _power(source, 0.5)
    inverse = _power(source, -0.5)
    return np.asarray(inverse @ _power(root @ target @ root, 0.5) @ inverse)


def matrix(moments: Values) -> Values:
    """[[yy, yx], [yx, xx]] of (yy, xx, yx), made positive where smoothing left it otherwise."""
    yy, xx, yx = moments
    return _bounded(np.array([[yy, yx], [yx, xx]]))


def _bounded(symmetric: Values) -> Values:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray(vectors * np.maximum(values, LEAST_VARIANCE) @ vectors.T)


def _power(symmetric: Values, power: float) -> Values:
    values, vectors = np.linalg.eigh(symmetric)
    return np.asarray(vectors * np.maximum(values, 1e-6) ** power @ vectors.T)
