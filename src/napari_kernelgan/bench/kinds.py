"""The kinds of kernels that a benchmark degrades pictures with.

They have formulas of their own and not those of `kernels.models`: whatever becomes of the models, a benchmark stays comparable with those
before it, and no method is scored on kernels of exactly its own family.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift
from scipy.special import j1

from ..kernels.algebra import Kernel, centre_of_mass, normalise
from ..kernels.models import AIRY_HALF_MAXIMUM, random_gaussian

POINTS = 9
"""Per pixel and axis, averaged."""
RANDOM = "gauss"
"""A random Gaussian for each picture, variances 0.35..5 HR px^2 along its axes."""

Plane = NDArray[np.float64]


def _disk(radius: float) -> Callable[[Plane, Plane], Plane]:
    return lambda y, x: (np.hypot(y, x) <= radius).astype(np.float64)


def _airy(fwhm: float) -> Callable[[Plane, Plane], Plane]:
    def pattern(y: Plane, x: Plane) -> Plane:
        v = np.maximum(np.hypot(y, x) * (2 * AIRY_HALF_MAXIMUM / fwhm), 1e-6)
        intensity: Plane = (2 * j1(v) / v) ** 2
        return intensity

    return pattern


def _motion(length: float, angle: float, width: float = 0.7) -> Callable[[Plane, Plane], Plane]:
    """A Gaussian of the distance from a line segment; the angle in radians from +x towards +y."""

    def pattern(y: Plane, x: Plane) -> Plane:
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        beyond = np.maximum(np.abs(along) - length / 2, 0)
        intensity: Plane = np.exp(-0.5 * (beyond**2 + across**2) / width**2)
        return intensity

    return pattern


def _coma(y: Plane, x: Plane) -> Plane:
    def spot(at_y: float, at_x: float, sd_y: float, sd_x: float) -> Plane:
        intensity: Plane = np.exp(-0.5 * (((x - at_x) / sd_x) ** 2 + ((y - at_y) / sd_y) ** 2))
        return intensity

    return spot(0, 0, 0.8, 0.8) + 0.6 * spot(0.8, 1.6, 0.9, 1.2) + 0.3 * spot(1.6, 3.0, 1.1, 1.3)


FIXED: dict[str, Callable[[Plane, Plane], Plane]] = {
    "disk2": _disk(2.0),
    "disk3": _disk(3.2),
    "airy3": _airy(3.0),
    "airy45": _airy(4.5),
    "motion6": _motion(6, 0.6),
    "motion8": _motion(8, 2.2),
    "coma": _coma,
}
"""Radius, width at half maximum and length are in HR pixels."""

KINDS = (RANDOM, *FIXED)


def kernel_of(kind: str, size: int, picture: str, seed: int) -> Kernel:
    """The kernel of a kind for a picture; a random one depends on the seed and the picture's name alone, not on other pictures."""
    if kind == RANDOM:
        return random_gaussian(stream(picture, seed), size)
    at = (np.arange(size * POINTS) + 0.5) / POINTS - size / 2
    y, x = np.meshgrid(at, at, indexing="ij")
    kernel = normalise(FIXED[kind](y, x).reshape(size, POINTS, size, POINTS).mean((1, 3)))
    if kind == "coma":
        offset = (size - 1) / 2 - np.array(centre_of_mass(kernel))
        kernel = normalise(np.clip(shift(kernel, offset, order=3), 0, None))
    return kernel


def stream(picture: str, seed: int) -> np.random.Generator:
    """Random numbers of a picture."""
    return np.random.default_rng([seed, zlib.crc32(picture.encode())])
