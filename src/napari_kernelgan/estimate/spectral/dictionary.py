"""The kernels that an estimate chooses among: a few thousand of every family, with their transfer functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, j1
from scipy.stats import qmc

from ...kernels.measures import SIGMA_TO_FWHM
from ...kernels.models import AIRY_HALF_MAXIMUM
from .grid import log_transfer

FAMILIES = {"gaussian": 4096, "motion": 2048, "disk": 512, "airy": 256}
"""How many kernels of each."""
LIKELY = {"gaussian": 0.5, "motion": 0.2, "disk": 0.15, "airy": 0.15}
"""How likely each is beforehand: Gaussians stand for all that have no shape of their own."""
OVERSAMPLING = 5
WIDTH = 7  # side of the kernels in pixels of the image

Values = NDArray[np.float64]


class Dictionary(NamedTuple):
    """Candidate kernels of one scale."""

    kernels: Values
    """(candidates, n, n), n = 7 scale."""
    log_transfer: NDArray[np.float32]
    """(candidates, bins)."""
    family: NDArray[np.int64]
    """(candidates,): index into the names of `FAMILIES`."""
    log_prior: Values
    """(candidates,)."""
    widths: Values
    """(candidates, 2): full widths at half maximum, major and minor, in pixels of the upscaled image."""
    covariance: Values
    """(candidates, 3): yy, xx and yx, in those pixels squared."""


@lru_cache(maxsize=3)
def dictionary(scale: int) -> Dictionary:
    """The candidates of a scale. Their shapes are the same for every scale, in pixels of the image; the first call takes seconds."""
    made = [_MAKERS[name](count, scale) for name, count in FAMILIES.items()]
    counts = list(FAMILIES.values())
    kernels = np.concatenate([kernels for kernels, _ in made])
    prior = np.repeat([np.log(LIKELY[name] / count) for name, count in FAMILIES.items()], counts)
    widths = scale * -np.sort(-np.concatenate([widths for _, widths in made]), axis=1)
    family = np.repeat(np.arange(len(counts)), counts)
    return Dictionary(kernels, log_transfer(kernels, scale).astype(np.float32), family, prior, widths, _moments(kernels))


def _points(count: int, *ranges: tuple[float, float]) -> Values:
    """Points that fill a box evenly, (len(ranges), count)."""
    unit = qmc.Sobol(len(ranges), seed=0).random(count).T
    low, high = np.array(ranges).T
    return np.asarray(low[:, None] + unit * (high - low)[:, None])


Made = tuple[Values, Values]
"""Kernels (count, n, n), and their full widths at half maximum along two axes in pixels of the image, (count, 2)."""


def _gaussians(count: int, scale: int) -> Made:
    """Point-sampled; principal variances uniform in 0.35..5 px^2 of an image upscaled by 2, any angle."""
    first, second, angle = _points(count, (0.0875, 1.25), (0.0875, 1.25), (0.0, np.pi))
    at = (np.arange(WIDTH * scale) - (WIDTH * scale - 1) / 2) / scale
    along, across = _turned(at[:, None], at[None, :], angle)
    kernels = _normal(np.exp(-0.5 * (along**2 / first[:, None, None] + across**2 / second[:, None, None])))
    return kernels, SIGMA_TO_FWHM * np.sqrt(np.stack([first, second], 1))


def _motions(count: int, scale: int) -> Made:
    """Lines of 0.75..5 px of the image, blurred by a Gaussian."""
    length, angle, width = _points(count, (0.75, 5.0), (0.0, np.pi), (0.2, 0.6))

    def profile(along: Values, length: Values, width: Values) -> Values:
        reach = np.sqrt(2) * width
        return np.asarray(erf((along + length / 2) / reach) - erf((along - length / 2) / reach))

    def line(y: Values, x: Values) -> Values:
        along, across = _turned(y, x, angle)
        sd = width[:, None, None]
        return np.asarray(profile(along, length[:, None, None], sd) * np.exp(-0.5 * (across / sd) ** 2))

    at = np.linspace(0, 4, 801)
    heights = profile(at, length[:, None], width[:, None])
    half = at[np.argmax(heights < heights[:, :1] / 2, axis=1)]
    return _area_sampled(line, scale), np.stack([2 * half, SIGMA_TO_FWHM * width], 1)


def _disks(count: int, scale: int) -> Made:
    """Disks of radius 0.3..2.2 px of the image, with soft edges."""
    radius, edge = (v[:, None, None] for v in _points(count, (0.3, 2.2), (0.03, 0.25)))
    kernels = _area_sampled(lambda y, x: 1 / (1 + np.exp(np.clip((np.hypot(y, x) - radius) / edge, -50, 50))), scale)
    return kernels, np.repeat(2 * radius[:, :, 0], 2, axis=1)


def _airys(count: int, scale: int) -> Made:
    """Airy patterns of 0.75..3.25 px FWHM of the image."""
    (width,) = (v[:, None, None] for v in _points(count, (0.75, 3.25)))

    def pattern(y: Values, x: Values) -> Values:
        v = np.maximum(np.hypot(y, x) * (2 * AIRY_HALF_MAXIMUM) / width, 1e-6)
        return np.asarray((2 * j1(v) / v) ** 2)

    return _area_sampled(pattern, scale), np.repeat(width[:, :, 0], 2, axis=1)


_MAKERS: dict[str, Callable[[int, int], Made]] = {"gaussian": _gaussians, "motion": _motions, "disk": _disks, "airy": _airys}


def _turned(y: Values, x: Values, angles: Values) -> tuple[Values, Values]:
    """Coordinates along and across each of the directions (radians), (directions, n, n)."""
    c, s = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    return x * c + y * s, y * c - x * s


def _area_sampled(pattern: Callable[[Values, Values], Values], scale: int) -> Values:
    """Means of continuous patterns over each pixel of the upscaled image; the patterns are in pixels of the image."""
    n = WIDTH * scale
    fine = ((np.arange(n * OVERSAMPLING) + 0.5) / OVERSAMPLING - n / 2) / scale
    values = pattern(fine[:, None], fine[None, :])
    return _normal(values.reshape(-1, n, OVERSAMPLING, n, OVERSAMPLING).mean((2, 4)))


def _moments(kernels: Values) -> Values:
    at = np.arange(kernels.shape[-1]) - (kernels.shape[-1] - 1) / 2
    parts = [kernels.sum(2) @ at**2, kernels.sum(1) @ at**2, (kernels @ at) @ at]
    return np.stack(parts, 1)


def _normal(kernels: Values) -> Values:
    return np.asarray(kernels / kernels.sum((1, 2), keepdims=True))
