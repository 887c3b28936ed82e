"""The kernels that an estimate chooses among: thousands, of several families, with their transfer functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, j1
from scipy.stats import qmc

from ...kernels.measures import SIGMA_TO_FWHM
from ...kernels.models import AIRY_HALF_MAXIMUM, COMA_PARTS
from .grid import log_transfer

OVERSAMPLING = 5
WIDTH = 7  # side of the kernels in pixels of the image
TOGETHER = 32  # kernels that are made together

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
    parameters: tuple[Values, ...]
    """(parameters, count) of each family, see `FAMILIES`."""


Made = tuple[Values, Values]
"""Kernels (count, n, n), and their full widths at half maximum along two axes in pixels of the image, (count, 2)."""


class Family(NamedTuple):
    """Kernels of one kind."""

    size: int
    """How many there are."""
    likely: float
    """How likely the kind is beforehand; set on tuning pictures."""
    ranges: tuple[tuple[float, float], ...]
    """Of the parameters, in pixels of the image and radians."""
    make: Callable[[Values, int], Made]
    """Kernels from parameters (parameters, count), for a scale."""


_making = Lock()


def dictionary(scale: int) -> Dictionary:
    """The candidates of a scale. Their shapes are the same for every scale, in pixels of the image; the first call takes seconds."""
    with _making:  # threads that come meanwhile wait for it rather than make their own
        return _dictionary(scale)


@lru_cache(maxsize=3)
def _dictionary(scale: int) -> Dictionary:
    parameters = tuple(_points(family.size, *family.ranges) for family in FAMILIES.values())
    made = [part for family, points in zip(FAMILIES.values(), parameters, strict=True) for part in _made(family, points, scale)]
    counts = [family.size for family in FAMILIES.values()]
    kernels = np.concatenate([kernels for kernels, _ in made])
    prior = np.repeat([np.log(family.likely / family.size) for family in FAMILIES.values()], counts)
    widths = scale * -np.sort(-np.concatenate([widths for _, widths in made]), axis=1)
    number = np.repeat(np.arange(len(counts)), counts)
    return Dictionary(kernels, log_transfer(kernels, scale).astype(np.float32), number, prior, widths, _moments(kernels), parameters)


def _made(family: Family, parameters: Values, scale: int) -> Iterator[Made]:
    """All kernels of a family, a few at a time: what is worked on then fits into the processor's cache."""
    for first in range(0, family.size, TOGETHER):
        yield family.make(parameters[:, first : first + TOGETHER], scale)


def _points(count: int, *ranges: tuple[float, float]) -> Values:
    """Points that fill a box evenly, (len(ranges), count)."""
    unit = qmc.Sobol(len(ranges), seed=0).random(count).T
    low, high = np.array(ranges).T
    return np.asarray(low[:, None] + unit * (high - low)[:, None])


def _gaussians(parameters: Values, scale: int) -> Made:
    """Point-sampled, from their principal variances and the angle of the first."""
    first, second, angle = parameters
    at = (np.arange(WIDTH * scale) - (WIDTH * scale - 1) / 2) / scale
    along, across = _turned(at[:, None], at[None, :], angle)
    kernels = _normal(np.exp(-0.5 * (along**2 / first[:, None, None] + across**2 / second[:, None, None])))
    return kernels, SIGMA_TO_FWHM * np.sqrt(np.stack([first, second], 1))


def _motions(parameters: Values, scale: int) -> Made:
    """Lines of a length and angle, blurred across by a Gaussian of a standard deviation, along by one of another in parts of that."""
    length, angle, width, ends = parameters

    def profile(along: Values, length: Values, width: Values) -> Values:
        reach = np.sqrt(2) * width
        return np.asarray(erf((along + length / 2) / reach) - erf((along - length / 2) / reach))

    def line(y: Values, x: Values) -> Values:
        along, across = _turned(y, x, angle)
        sd = width[:, None, None]
        return np.asarray(profile(along, length[:, None, None], sd * ends[:, None, None]) * np.exp(-0.5 * (across / sd) ** 2))

    at = np.linspace(0, 4, 801)
    heights = profile(at, length[:, None], (width * ends)[:, None])
    half = at[np.argmax(heights < heights[:, :1] / 2, axis=1)]
    return _area_sampled(line, scale), np.stack([2 * half, SIGMA_TO_FWHM * width], 1)


def _disks(parameters: Values, scale: int) -> Made:
    """Disks of a radius, with soft edges of a width."""
    radius, edge = (v[:, None, None] for v in parameters)
    kernels = _area_sampled(lambda y, x: 1 / (1 + np.exp(np.clip((np.hypot(y, x) - radius) / edge, -50, 50))), scale)
    return kernels, np.repeat(2 * radius[:, :, 0], 2, axis=1)


def _airys(parameters: Values, scale: int) -> Made:
    """Airy patterns of a full width at half maximum."""
    width = parameters[0][:, None, None]

    def pattern(y: Values, x: Values) -> Values:
        v = np.maximum(np.hypot(y, x) * (2 * AIRY_HALF_MAXIMUM) / width, 1e-6)
        return np.asarray((2 * j1(v) / v) ** 2)

    return _area_sampled(pattern, scale), np.repeat(width[:, :, 0], 2, axis=1)


def _comets(parameters: Values, scale: int) -> Made:
    """A core with a tail that widens, as `kernels.coma` has it: length, standard deviation of the core, strength of the tail, angle.

    Centred on their centres of mass. Their tails point to half of the directions: those of the others have the same power.
    """
    length, width, strength, angle = parameters
    weights = np.stack([np.ones_like(strength), *(strength * weight for weight, _, _ in COMA_PARTS[1:])])
    centres = np.stack([length * at for _, at, _ in COMA_PARTS])
    spreads = np.stack([width * sd for _, _, sd in COMA_PARTS])
    masses = weights * spreads**2
    centres -= (masses * centres).sum(0) / masses.sum(0)

    def comet(y: Values, x: Values) -> Values:
        along, across = _turned(y, x, angle)
        parts = zip(*(v[:, :, None, None] for v in (weights, centres, spreads)), strict=True)
        return np.asarray(sum(weight * np.exp(-0.5 * ((along - at) ** 2 + across**2) / sd**2) for weight, at, sd in parts))

    at = np.linspace(-3.5, 3.5, 701)
    peaks = weights[:, :, None] * np.exp(-0.5 * ((at - centres[:, :, None]) / spreads[:, :, None]) ** 2)
    heights = peaks.sum(0)
    major = (heights > heights.max(1, keepdims=True) / 2).sum(1) * (at[1] - at[0])
    # across, at the peak
    shares = peaks[:, np.arange(len(width)), heights.argmax(1)]
    steps = np.linspace(0, 2.5, 251)
    profile = (shares[:, :, None] * np.exp(-0.5 * (steps / spreads[:, :, None]) ** 2)).sum(0)
    minor = 2 * steps[np.argmax(profile < profile[:, :1] / 2, axis=1)]
    # the pixels' area widens them, as a box of this variance does
    widths = np.hypot(np.stack([major, minor], 1), SIGMA_TO_FWHM / np.sqrt(12) / scale)
    return _area_sampled(comet, scale, oversampling=3), widths


HALF_TURN = (0.0, np.pi)
FAMILIES = {
    # variances of 0.35..5 px^2 of an image upscaled by 2
    "gaussian": Family(4096, 0.565, ((0.0875, 1.25), (0.0875, 1.25), HALF_TURN), _gaussians),
    "motion": Family(4096, 0.08, ((0.75, 5.0), HALF_TURN, (0.2, 0.6), (0.4, 1.1)), _motions),
    "disk": Family(512, 0.24, ((0.3, 2.2), (0.03, 0.25)), _disks),
    "airy": Family(256, 0.1, ((0.75, 3.25),), _airys),
    "comet": Family(1024, 0.015, ((0.8, 2.6), (0.25, 0.6), (0.6, 1.6), HALF_TURN), _comets),
}
"""The families, and what is looked for in each."""


def _turned(y: Values, x: Values, angles: Values) -> tuple[Values, Values]:
    """Coordinates along and across each of the directions (radians), (directions, n, n)."""
    c, s = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    return x * c + y * s, y * c - x * s


def _area_sampled(pattern: Callable[[Values, Values], Values], scale: int, oversampling: int = OVERSAMPLING) -> Values:
    """Means of continuous patterns over each pixel of the upscaled image; the patterns are in pixels of the image."""
    n = WIDTH * scale
    fine = ((np.arange(n * oversampling) + 0.5) / oversampling - n / 2) / scale
    values = pattern(fine[:, None], fine[None, :])
    return _normal(values.reshape(-1, n, oversampling, n, oversampling).mean((2, 4)))


def _moments(kernels: Values) -> Values:
    at = np.arange(kernels.shape[-1]) - (kernels.shape[-1] - 1) / 2
    parts = [kernels.sum(2) @ at**2, kernels.sum(1) @ at**2, (kernels @ at) @ at]
    return np.stack(parts, 1)


def _normal(kernels: Values) -> Values:
    return np.asarray(kernels / kernels.sum((1, 2), keepdims=True))
