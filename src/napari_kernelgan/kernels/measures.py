"""What can be measured on a kernel: covariance, full width at half maximum, modulation transfer function."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .algebra import Kernel, centre_of_mass, normalise

SIGMA_TO_FWHM = 2 * np.sqrt(2 * np.log(2))
OVERSAMPLING = 8
"""Points per pixel and axis between which a kernel's peak and its half maximum are looked for."""


class FWHM(NamedTuple):
    """Full width at half maximum along the principal axes, in pixels of the kernel's grid."""

    major: float
    minor: float
    angle: float
    """Direction of the major axis, degrees from +x towards +y, in [0, 180)."""


def covariance(kernel: ArrayLike) -> NDArray[np.float64]:
    """Second central moments [[yy, yx], [yx, xx]] of the kernel's samples, px^2. Far tails weigh much: see `fwhm`."""
    array = normalise(kernel)
    cy, cx = centre_of_mass(array)
    at = np.arange(array.shape[0])
    y, x = at[:, None] - cy, at[None, :] - cx
    yy, xx, yx = (array * y * y).sum(), (array * x * x).sum(), (array * y * x).sum()
    return np.array([[yy, yx], [yx, xx]])


def gaussian_fwhm(covariance: ArrayLike) -> FWHM:
    """Width of the continuous Gaussian with a covariance [[yy, yx], [yx, xx]]."""
    matrix = np.asarray(covariance, np.float64)
    variances, directions = np.linalg.eigh(matrix)
    vy, vx = directions[:, 1]
    major, minor = SIGMA_TO_FWHM * np.sqrt(variances[::-1])
    return FWHM(float(major), float(minor), float(np.rad2deg(np.arctan2(vy, vx)) % 180))


def physical_fwhm(widths: FWHM, pixel: tuple[float, float]) -> FWHM:
    """Widths in the unit of the pixels' sizes (y, x); where pixels are oblong the axes turn as those of an ellipse do."""
    y, x = np.sin(np.deg2rad(widths.angle)), np.cos(np.deg2rad(widths.angle))
    axes = np.array([[y, x], [x, -y]])  # rows: major, minor, each (y, x)
    ellipse = np.diag(pixel) @ axes.T @ np.diag(np.square(widths[:2])) @ axes @ np.diag(pixel)
    squares, directions = np.linalg.eigh(ellipse)
    vy, vx = directions[:, 1]
    angle = widths.angle if pixel[0] == pixel[1] else float(np.rad2deg(np.arctan2(vy, vx)) % 180)
    return FWHM(float(np.sqrt(squares[1])), float(np.sqrt(squares[0])), angle)


def fwhm(kernel: ArrayLike) -> FWHM:
    """Width of a kernel at half of its maximum, from its interpolated samples.

    The principal axes are those of the region above half maximum, which tails and noise outside it do not turn. Along each, the width is
    that between the two crossings of half maximum on the line through the peak. A kernel that is low in its middle (a ring, two spots) has
    the whole extent of what is above half maximum.

    Returns
    -------
    FWHM
        (major, minor, angle). Right to 0.02 px where the samples show the shape (Gaussians of variance 0.35 px^2 and more, Airy patterns of
        3 px and more, motion lines); the sharp edge of a disk lies between samples and may be off by 0.3 px.
    """
    surface = Surface(normalise(kernel))
    fine, step = surface.fine(OVERSAMPLING)
    centre, top = surface.summit()
    above = fine >= top / 2
    hollow = surface.at(*centre) < top / 2  # a ring, or several peaks
    if not hollow:
        regions, _ = scipy.ndimage.label(above)
        above = regions == regions.flat[fine.argmax()]
    # weighted by the height above half maximum, so that the grid does not show in the angle
    region = np.argwhere(above)
    axes = np.linalg.eigh(np.cov(region.T, aweights=fine[above] - top / 2))[1]
    if hollow:
        widths = [float(np.ptp(region @ axes[:, i]) * step) for i in (1, 0)]
    else:
        widths = [surface.width(centre, axes[:, i], top / 2) for i in (1, 0)]
    major, minor = max(widths), min(widths)
    vy, vx = axes[:, 1] if widths[0] >= widths[1] else axes[:, 0]
    angle = float(np.rad2deg(np.arctan2(vy, vx)) % 180)
    return FWHM(major, minor, 0.0 if angle > 180 - 1e-9 else angle)


def log_parabola(kernel: Kernel) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """Precision, centre and height of the Gaussian that fits a kernel of maximum 1: a log-parabola weighted by the values.

    Exact for samples of a Gaussian. None where the kernel has no peak of the kind.
    """
    y, x = np.nonzero(kernel > 0.02)
    values = kernel[y, x]
    design = np.stack([y * y, x * x, 2 * y * x, y, x, np.ones_like(y)], 1).astype(float)
    weights = values[:, None]
    fit = np.linalg.lstsq(design * weights, np.log(values)[:, None] * weights, rcond=None)[0][:, 0]
    precision = -2 * np.array([[fit[0], fit[2]], [fit[2], fit[1]]])
    if len(y) < 6 or np.linalg.eigvalsh(precision)[0] < 1e-3:
        return None
    centre = np.linalg.solve(precision, fit[3:5])
    return precision, centre, float(np.exp(fit[5] + 0.5 * centre @ precision @ centre))


class Surface:
    """A kernel between its samples.

    Splines through the samples themselves are off by several hundredths of a pixel for narrow kernels. The ratio to a Gaussian with the
    kernel's own widths is smooth (for a Gaussian it is flat), so that is what is interpolated.

    Heights are parts of the highest sample. Positions are counted from a margin around the frame: sample i lies at i + `MARGIN`.
    """

    MARGIN = 1  # px, so that narrow kernels at the frame have crossings
    FLOOR = 0.02  # keeps the ratio finite in the tails, far below the half maximum that is looked for

    def __init__(self, kernel: Kernel) -> None:
        self.n = n = kernel.shape[0] + 2 * self.MARGIN
        kernel = np.pad(kernel / kernel.max(), self.MARGIN)
        fit = log_parabola(kernel)
        if fit is None:  # not peaked: any smooth reference will do
            fit = np.eye(2) * (16 / n**2), np.full(2, (n - 1) / 2), 1.0
        self.precision, self.centre, self.peak = fit
        at = np.arange(n, dtype=float)
        ratio = (kernel + self.FLOOR) / self._reference(at[:, None], at[None, :])
        self.ratio = scipy.interpolate.RectBivariateSpline(at, at, ratio, kx=2, ky=2)

    def _reference(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        dy, dx = y - self.centre[0], x - self.centre[1]
        p = self.precision
        quadratic = p[0, 0] * dy * dy + p[1, 1] * dx * dx + 2 * p[0, 1] * dy * dx
        result: NDArray[np.float64] = self.peak * np.exp(-0.5 * quadratic) + self.FLOOR
        return result

    def at(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at points; 0 outside."""
        inside = (y >= 0) & (y <= self.n - 1) & (x >= 0) & (x <= self.n - 1)
        y, x = np.clip(y, 0, self.n - 1), np.clip(x, 0, self.n - 1)
        values: NDArray[np.float64] = np.where(inside, self.ratio.ev(y, x) * self._reference(y, x) - self.FLOOR, 0.0)
        return values

    def fine(self, oversampling: int) -> tuple[NDArray[np.float64], float]:
        """Values on a finer grid over the whole frame, and its step."""
        at = np.linspace(0, self.n - 1, (self.n - 1) * oversampling + 1)
        values: NDArray[np.float64] = self.ratio(at, at) * self._reference(at[:, None], at[None, :]) - self.FLOOR
        return values, 1 / oversampling

    def summit(self) -> tuple[NDArray[np.float64], float]:
        """Middle (y, x) of the highest part, which for a plateau is not one sample, and the height between samples."""
        fine, step = self.fine(OVERSAMPLING)
        highest = np.unravel_index(int(fine.argmax()), fine.shape)
        centre = np.argwhere(fine >= fine[highest] * (1 - 1e-3)).mean(0) * step
        around = np.array(highest)[:, None] * step + np.linspace(-step, step, 41)
        return centre, float(self.at(*np.meshgrid(*around, indexing="ij")).max())

    def width(self, centre: NDArray[np.float64], direction: NDArray[np.float64], level: float) -> float:
        """Distance between the crossings of a level on both sides of a point."""
        return sum(self._crossing(centre, sign * direction, level) for sign in (-1, 1))

    def _crossing(self, centre: NDArray[np.float64], direction: NDArray[np.float64], level: float) -> float:
        reach = np.arange(0, 1.5 * self.n, 0.01)
        y, x = (centre[i] + reach * direction[i] for i in (0, 1))
        profile = self.at(y, x)
        below = int(np.argmax(profile < level))
        high, low = profile[below - 1], profile[below]
        return float(reach[below - 1] + 0.01 * (high - level) / (high - low))


def mtf(kernel: ArrayLike, angle: float = 0.0, frequencies: ArrayLike | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Modulation transfer function of a kernel along a direction.

    Parameters
    ----------
    kernel : array_like
        (n, n).
    angle : float
        Direction, degrees from +x towards +y.
    frequencies : array_like, optional
        Cycles per pixel of the kernel's grid (HR pixels); by default 101 values from 0 to the Nyquist frequency 0.5.

    Returns
    -------
    frequencies, contrast : ndarray
        The contrast is 1 at frequency 0.
    """
    array = normalise(kernel)
    f = np.linspace(0, 0.5, 101) if frequencies is None else np.asarray(frequencies, np.float64)
    if f.ndim != 1:
        raise InputError("frequencies is a 1-D array, in cycles per pixel.")
    at = np.arange(array.shape[0]) - (array.shape[0] - 1) / 2
    fy, fx = f * np.sin(np.deg2rad(angle)), f * np.cos(np.deg2rad(angle))
    rows = np.exp(-2j * np.pi * fy[:, None] * at)
    columns = np.exp(-2j * np.pi * fx[:, None] * at)
    return f, np.abs(np.einsum("fy,yx,fx->f", rows, array, columns))
