"""Channels together: the mixtures of them in which the picture stands out from the noise, and what noise there is.

What is fine in a picture is mostly the same in all channels, noise is another in each. So the mixture with the most fine detail tells the
blur, and the one with the least tells the noise, to a few per cent. Channels have been decorrelated to measure noise before, for example by
Pyatykh, Hesser and Zheng (2013), there in patches of pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FINE = 0.1, 0.3
"""Cycles per px between which mixtures are told apart: the picture is above the noise there."""
BEYOND = 0.45
"""From here on the mixture with the least detail holds noise alone."""
FALL = 30.0
"""How much more power pictures have in `FINE` than where noise hides them."""
GRAIN = 0.6
"""Least part of the channels' own noise that must be in that mixture; where there is less, the noise is not another in each channel."""

CHANCE = 0.05
"""Relative differences in noise between channels, or mixtures, that may be none."""


class Mixture(NamedTuple):
    """How to mix channels."""

    matrix: NDArray[np.float32]
    """(mixtures, channels): the squares of all elements sum to 1, so that noise that is alike in all channels keeps its power density."""
    noise: float | None
    """Power density of the noise once mixed, if mixtures tell."""


def mixture(transformed: NDArray[np.complex64], radius: NDArray[np.float64], quiet: NDArray[np.float64]) -> Mixture:
    """Mixtures for windows' Fourier transforms.

    Parameters
    ----------
    transformed : ndarray
        (windows, channels, frequencies), scaled so that white noise of variance 1 has power 1.
    radius : ndarray
        (frequencies,), cycles per px.
    quiet : ndarray
        (channels,): noise power of each as quiet windows tell it, which may be too much of all.
    """
    count = transformed.shape[1]
    if count == 1:
        return Mixture(np.ones((1, 1), np.float32), None)
    detail, mixtures = np.linalg.eigh(_covariance(transformed[:, :, (radius > FINE[0]) & (radius <= FINE[1])]))
    least = mixtures[:, 0]
    grain = float(least @ _covariance(transformed[:, :, radius > BEYOND]) @ least)
    picture = np.maximum(detail - grain, 1e-3 * detail[-1]) + 1e-30
    weights = picture / (picture + FALL * grain)
    matrix = np.sqrt(weights / weights.sum())[:, None] * mixtures.T
    expected = least**2 @ quiet
    # photon noise is not alike in all channels
    ratio = np.log((matrix**2 @ quiet).sum() / expected)
    ratio = np.sign(ratio) * max(abs(ratio) - CHANCE, 0)
    return Mixture(matrix.astype(np.float32), grain * float(np.exp(ratio)) if grain > GRAIN * expected else None)


def _covariance(transformed: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Of channels, from (windows, channels, frequencies)."""
    channels = np.moveaxis(transformed, 1, 0).reshape(transformed.shape[1], -1)
    return np.asarray((channels @ channels.conj().T).real / channels.shape[1], np.float64)
