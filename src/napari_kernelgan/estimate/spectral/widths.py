"""Error bars of the widths: nine tenths of the weight of what the kernel could be, and what no candidate stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ...kernels.algebra import Kernel
from ...kernels.measures import fwhm
from .dictionary import FAMILIES, Dictionary
from .posterior import Posterior

# Set on tuning pictures so that bars of every kind of kernel, and not only of all together, hold 90 % (docs/benchmarks.md)
LEVEL = 0.9
FACTORS = {"gaussian": 1.1, "motion": 1.2, "disk": 0.8, "airy": 0.65, "comet": 1.15}
"""By the likeliest family, of the bars' length. Below 1 where other families are in the bars that are too seldom the right ones."""
LEAST_PART = 0.005
"""Standard deviation of a width that cannot be better known, in parts of it."""
UNTOLD = {"gaussian": (0.03, 0.03), "motion": (0.0, 0.14)}
"""The same of the major and the minor width by the families' shares: what pictures have beyond the prior passes for a Gaussian a
little wider or narrower, and real motion blur has other profiles across than the lines."""
USUAL_MISFIT = 0.8
"""Bars grow with a misfit beyond this."""

Interval = tuple[float, float]


def width_intervals(kernel: Kernel, found: Posterior, chances: NDArray[np.float64], candidates: Dictionary) -> tuple[Interval, Interval]:
    """Error bars of the major and the minor width about those of the estimate.

    A bar is as long as it takes to hold nine tenths of the candidates' weight, and not in proportion to their standard deviation: where a
    family is nearly certain the others, whose widths lie far away, must not lengthen it, and where it is not the bar must reach them.

    Parameters
    ----------
    kernel : ndarray
        The estimate.
    found : Posterior
    chances : ndarray
        (candidates,): with which the estimate is their mean. Distances are from the mean of their nominal widths, since widths measured on
        a kernel's samples may be a few tenths of a pixel off these, all in the same direction.
    candidates : Dictionary
    """
    widths = candidates.widths[found.candidates]
    middle = np.array(fwhm(kernel)[:2])
    family = candidates.family[found.candidates]
    likeliest, shares = (np.bincount(family, weights, len(FAMILIES)) for weights in (found.weights, found.bar_weights))
    untold = shares @ np.array([UNTOLD.get(name, (0.0, 0.0)) for name in FAMILIES])
    unknown = np.hypot(LEAST_PART, untold) * middle
    within = np.array([_quantile(off, found.bar_weights) for off in np.abs(widths - chances @ widths).T])
    factor = FACTORS[list(FAMILIES)[likeliest.argmax()]] * max(1.0, found.misfit / USUAL_MISFIT)
    reach = factor * np.hypot(within, norm.ppf((1 + LEVEL) / 2) * unknown)
    major, minor = ((max(width - off, 0.0), width + off) for width, off in zip(middle.tolist(), reach.tolist(), strict=True))
    return major, minor


def _quantile(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The value that nine tenths of the weight do not exceed, between those that there are."""
    order = np.argsort(values)
    return float(np.interp(LEVEL * weights.sum(), np.r_[0, weights[order].cumsum()], np.r_[0, values[order]]))
