"""Which way a kernel is drawn out: a power spectrum holds no phase, but edges do.

A kernel that is not its own half turn has a counterpart with the same power spectrum. Undone with the right one of the two, a picture's
gradients are sparse; with the wrong one, every edge gets an echo. For kernels that are their own half turn there is no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2
from scipy.stats import norm, t

from ...kernels.algebra import Kernel, centre, normalise
from ...upscaling.inverse.fourier import PeriodicInverse
from .dictionary import FAMILIES, Dictionary
from .posterior import Posterior

COMET = list(FAMILIES).index("comet")
SIDE = 256
"""px of the patch that is looked at."""
RIM = 12
"""px over which it fades, and which are not looked at."""
SMOOTHNESS = 0.01
"""Weight of the squared gradient, at which noise does not tell."""
UNSETTLED, SETTLED = 0.0016, (0.008, 0.0045)
"""Of the difference in sparsity: its spread where there is no tail, and its mean and spread where there is one; from tuning pictures."""
HOPELESS = 8.0
"""Comets that are less likely than this, in logarithms, are not looked into: edges say three at most."""

Values = NDArray[np.float64]


class Settled(NamedTuple):
    """A posterior that knows about directions."""

    posterior: Posterior
    kernels: Values
    """(candidates, n, n): those of the posterior, turned the right way."""
    asymmetry: float | None
    """Logarithm of the odds that there is a tail, from edges alone; None if not looked into."""


def settle(planes: Sequence[NDArray[np.float32]], found: Posterior, candidates: Dictionary, scale: int) -> Settled:
    """Turn the kernels that have a direction, and weigh them by what the picture's edges say.

    Parameters
    ----------
    planes : sequence of ndarray
        (channels, Y, X) each.
    found : Posterior
        From the power spectrum.
    candidates : Dictionary
    scale : int
    """
    kernels = candidates.kernels[found.candidates]
    comet = candidates.family[found.candidates] == COMET
    share = found.weights[comet].sum()
    if share < np.exp(-HOPELESS):
        return Settled(found, kernels, None)
    tails = kernels[comet]
    likeliest = tails[found.weights[comet].argmax()]
    tails = turned_like(likeliest, tails)
    kernel = centre(normalise(np.tensordot(found.weights[comet] / share, tails, 1)))
    patch = _patch(planes)
    difference = np.diff([_spread(patch, each, scale) for each in (kernel, kernel[::-1, ::-1])])[0]
    if difference < 0:
        tails = tails[:, ::-1, ::-1]
    odds = _log_odds(abs(difference), UNSETTLED * SIDE / np.sqrt(patch.size))
    kernels[comet] = tails
    factor = np.where(comet, odds, 0.0)
    factor -= factor.max()
    weights, bar_weights = (old * np.exp(factor) for old in (found.weights, found.bar_weights))
    settled = found._replace(weights=weights / weights.sum(), bar_weights=bar_weights / bar_weights.sum())
    return Settled(settled, kernels, float(odds))


def turned_like(model: Kernel, kernels: Values) -> Values:
    """Those that resemble the model more after half a turn, turned."""
    turned = kernels[:, ::-1, ::-1]
    better = np.square(turned - model).sum((1, 2)) < np.square(kernels - model).sum((1, 2))
    return np.where(better[:, None, None], turned, kernels)


def _log_odds(difference: float, spread: float) -> float:
    """Of a tail, after a difference in sparsity."""
    mean, sd = SETTLED
    difference = min(difference, mean)  # more says no more
    return float(norm.logpdf(difference, mean, np.hypot(sd, spread)) - np.log(2) - t.logpdf(difference, 4, scale=spread))


def _patch(planes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The part of the middle plane with the strongest gradients, of all channels together."""
    picture = planes[len(planes) // 2].mean(0)
    height, width = (min(SIDE, length // 2 * 2) for length in picture.shape)
    starts = [np.unique(np.linspace(0, length - side, 5).astype(int)) for length, side in zip(picture.shape, (height, width), strict=True)]
    places = [(y, x) for y in starts[0] for x in starts[1]]
    if len(places) > 1:
        steps = np.abs(np.diff(picture[::2, ::2], axis=1)).cumsum(0, dtype=np.float64).cumsum(1)
        steps = np.pad(steps, ((1, 0), (1, 1)), mode="edge")
        steps[0] = 0
        rows, columns = height // 2, width // 2

        def strength(place: tuple[int, int]) -> float:
            y, x = place[0] // 2, place[1] // 2
            return float(steps[y + rows, x + columns] - steps[y, x + columns] - steps[y + rows, x] + steps[y, x])

        places = [max(places, key=strength)]
    y, x = places[0]
    patch: NDArray[np.float32] = picture[y : y + height, x : x + width]
    return patch


def _spread(patch: NDArray[np.float32], kernel: Kernel, scale: int) -> float:
    """How little sparse the gradients of a picture are once a kernel is undone: logarithm of their mean over their root mean square."""
    fades = [np.sin(np.pi / 2 * np.clip((np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / RIM, 0, 1)) ** 2 for n in patch.shape]
    faded = (patch - patch.mean()) * np.outer(*fades).astype(np.float32)
    sharp = PeriodicInverse(kernel, scale, (patch.shape[0], patch.shape[1])).solve(rfft2(faded), SMOOTHNESS)
    rim = slice(RIM * scale, -RIM * scale)
    sharp = sharp[rim, rim]
    energy = np.square(np.diff(sharp, axis=1)[:-1]) + np.square(np.diff(sharp, axis=0)[:, :-1])
    total = float(energy.mean(dtype=np.float64))
    return float(np.log(np.sqrt(energy).mean(dtype=np.float64)) - 0.5 * np.log(total)) if total > 0 else 0.0
