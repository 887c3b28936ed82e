"""Kernels with a formula, on the grid of the kernel convention: side n, geometric centre (n - 1) / 2.

All lengths are in HR pixels, angles in degrees from +x towards +y (y points down, as rows do).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .algebra import Kernel, centre, normalise, pad

OVERSAMPLING = 15
"""Points per pixel and axis that area sampling averages; odd, so that one lies on the pixel's centre."""

AIRY_HALF_MAXIMUM = 1.6163399561
"""Where (2 J1(v) / v)^2 is one half."""

Plane = NDArray[np.float64]


def gaussian(covariance: ArrayLike, size: int = 14) -> Kernel:
    """Gaussian, point-sampled.

    Parameters
    ----------
    covariance : array_like
        Of the continuous Gaussian, HR px^2, ordered [[yy, yx], [yx, xx]]; one number stands for an isotropic one.
    size : int
        Side n of the kernel.
    """
    matrix = np.asarray(covariance, np.float64)
    if matrix.ndim == 0:
        matrix = matrix * np.eye(2)
    if matrix.shape != (2, 2) or not np.allclose(matrix, matrix.T):
        raise InputError(f"A covariance is one number or a symmetric 2 x 2 matrix [[yy, yx], [yx, xx]], not {covariance!r}.")
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        raise InputError(f"The covariance {matrix.tolist()} is not positive definite.")
    precision = np.linalg.inv(matrix)
    at = _positions(size)
    y, x = at[:, None], at[None, :]
    return normalise(np.exp(-0.5 * (precision[0, 0] * y * y + precision[1, 1] * x * x + 2 * precision[0, 1] * y * x)))


def airy(fwhm: float, size: int = 14) -> Kernel:
    """Airy pattern (in-focus lens with a round aperture) of a given full width at half maximum, area-sampled."""
    _positive(fwhm=fwhm)

    def pattern(y: Plane, x: Plane) -> Plane:
        v = np.maximum(np.hypot(y, x) * (2 * AIRY_HALF_MAXIMUM / fwhm), 1e-6)
        intensity: Plane = (2 * scipy.special.j1(v) / v) ** 2
        return intensity

    return _area_sampled(pattern, size)


def disk(radius: float, size: int = 14) -> Kernel:
    """Uniform disk (geometric defocus), area-sampled."""
    _positive(radius=radius)
    return _area_sampled(lambda y, x: (np.hypot(y, x) <= radius).astype(np.float64), size)


def motion(length: float, angle: float = 0.0, width: float = 0.7, size: int = 14) -> Kernel:
    """Straight motion: a line convolved with an isotropic Gaussian, area-sampled.

    Parameters
    ----------
    length : float
        Length of the line, HR pixels.
    angle : float
        Direction, degrees from +x towards +y.
    width : float
        Standard deviation of the Gaussian, HR pixels.
    """
    _positive(length=length, width=width)

    def line(y: Plane, x: Plane) -> Plane:
        along, across = _turned(y, x, angle)
        reach = np.sqrt(2) * width
        intensity: Plane = (scipy.special.erf((along + length / 2) / reach) - scipy.special.erf((along - length / 2) / reach)) * np.exp(
            -((across / reach) ** 2)
        )
        return intensity

    return _area_sampled(line, size)


COMA_PARTS = ((1.0, 0.0, 1.0), (0.6, 0.5, 1.35), (0.3, 1.0, 1.5))
"""Gaussians that make up a comet: weight, place in parts of its length, standard deviation in parts of its core's."""


def coma(length: float = 3.6, angle: float = 26.6, width: float = 0.8, size: int = 14) -> Kernel:
    """A comet: a sharp core with a tail that fades and widens, area-sampled and centred on its centre of mass.

    Three Gaussians on a line, of weights 1, 0.6 and 0.3 and standard deviations 1, 1.35 and 1.5 times `width`.

    Parameters
    ----------
    length : float
        From the core to the last Gaussian, HR pixels.
    angle : float
        Direction of the tail, degrees from +x towards +y.
    width : float
        Standard deviation of the core, HR pixels.
    """
    _positive(length=length, width=width)

    def comet(y: Plane, x: Plane) -> Plane:
        along, across = _turned(y, x, angle)
        return sum(
            (w * np.exp(-0.5 * ((along - at * length) ** 2 + across**2) / (sd * width) ** 2) for w, at, sd in COMA_PARTS),
            start=np.zeros_like(along),
        )

    return centre(_area_sampled(comet, size))


def bicubic(scale: int = 2, size: int | None = None) -> Kernel:
    """The antialiased bicubic downscaling kernel: Keys' cubic with a = -0.5, stretched by `scale`, point-sampled. It has negative lobes.

    `size` None means the smallest side that holds it.
    """
    if scale < 2:
        raise InputError(f"A scale is an integer of at least 2, not {scale}.")
    n = 4 * scale - scale % 2  # support |t| < 2 * scale, with the parity of the scale
    t = np.abs(_positions(n)) / scale
    profile = np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0.0))
    kernel = normalise(np.outer(profile, profile))
    return kernel if size is None else pad(kernel, size)


def random_covariance(rng: np.random.Generator, variance: tuple[float, float] = (0.35, 5.0)) -> NDArray[np.float64]:
    """Covariance with principal variances uniform in a range and a uniform random angle (DIV2KRK protocol, KernelGAN, NeurIPS 2019)."""
    variances = rng.uniform(*variance, size=2)
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance: NDArray[np.float64] = turn @ np.diag(variances) @ turn.T
    return covariance


def random_gaussian(rng: np.random.Generator, size: int = 14, variance: tuple[float, float] = (0.35, 5.0), noise: float = 0.0) -> Kernel:
    """Random kernel of the DIV2KRK protocol: a random Gaussian, each value multiplied by 1 +- `noise`, normalised and centred.

    The published set uses 11 x 11 kernels and noise 0.25.
    """
    kernel = gaussian(random_covariance(rng, variance), size)
    if noise:
        kernel = centre(kernel * rng.uniform(1 - noise, 1 + noise, kernel.shape))
    return kernel


def _side(size: int) -> int:
    if size != int(size) or size < 1:
        raise InputError(f"A kernel's side is an integer of at least 1, not {size}.")
    return int(size)


def _positions(size: int) -> Plane:
    size = _side(size)
    return np.arange(size, dtype=np.float64) - (size - 1) / 2


def _turned(y: Plane, x: Plane, angle: float) -> tuple[Plane, Plane]:
    """Coordinates along and across a direction."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return x * c + y * s, y * c - x * s


def _area_sampled(pattern: Callable[[Plane, Plane], Plane], size: int) -> Kernel:
    """Mean of a continuous pattern over each pixel."""
    size = _side(size)
    fine = (np.arange(size * OVERSAMPLING) + 0.5) / OVERSAMPLING - size / 2
    y, x = np.meshgrid(fine, fine, indexing="ij")
    return normalise(pattern(y, x).reshape(size, OVERSAMPLING, size, OVERSAMPLING).mean((1, 3)))


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} must be a positive number of pixels, not {value!r}.")
