"""Between the candidates: where few are left, the best one is moved to where the spectrum wants it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .dictionary import FAMILIES, Dictionary
from .grid import log_transfer
from .posterior import Posterior

FEW = 12.0
"""Candidates, in effect; the mean of more is better than the best of them. It always is for Gaussians, which lie close together, but for
those that many pictures agree on."""
MANY = 2.0
"""Independent pictures."""
GAUSSIAN = list(FAMILIES).index("gaussian")
ITERATIONS = 3
STEP, LONGEST = 0.02, 0.1
"""Of the differences that slopes are taken from, and of a move at most, in parts of a parameter's range."""

Values = NDArray[np.float64]


def refined(found: Posterior, candidates: Dictionary, scale: int) -> Values | None:
    """The kernel (n, n) that Gauss-Newton steps lead to from the best candidate, within its family; None where many share the weight."""
    best = found.candidates[found.weights.argmax()]
    number = candidates.family[best]
    if (number == GAUSSIAN and found.pictures < MANY) or 1 / np.square(found.weights).sum() > FEW:
        return None
    family = list(FAMILIES.values())[number]
    low, high = np.array(family.ranges).T
    point = candidates.parameters[number][:, best - np.argmax(candidates.family == number)]
    steps = STEP * (high - low)
    cost, kept = np.inf, None
    for _ in range(ITERATIONS + 1):
        around = np.concatenate([point[:, None], point[:, None] + np.diag(steps)], 1)
        kernels, _ = family.make(around, scale)
        residuals = log_transfer(kernels, scale) @ found.whiten.T.astype(np.float64) - found.target
        now = float(residuals[0] @ residuals[0])
        if now >= cost:
            break
        cost, kept = now, kernels[0]
        slopes = (residuals[1:] - residuals[0]).T / STEP
        move = np.linalg.solve(slopes.T @ slopes + np.eye(len(point)), -slopes.T @ residuals[0])
        point = point + np.clip(move, -LONGEST, LONGEST) * (high - low)
        point = np.where(high == np.pi, point % np.pi, np.clip(point, low, high))
    return kept
