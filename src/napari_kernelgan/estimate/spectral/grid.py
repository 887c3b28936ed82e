"""The polar grid of spatial frequencies that spectra are compared on, and what a kernel does to a picture's power on it.

Frequencies are in cycles per pixel of the image (LR pixels). Angles run over half a turn: power spectra of real images are symmetric.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

SIDE = 64
"""Of the windows that are Fourier transformed."""
RADII, ANGLES = 16, 12
LOWEST, HIGHEST = 0.045, 0.65
NYQUIST_RING = 12
"""From this ring on, bins lie beyond 0.5 cycles per px: only the corners of the spectrum reach there."""
LEAST_FREQUENCIES = 2
"""Bins with fewer do not count."""
CORNER = 0.55
"""Beyond this radius a blurred image holds almost nothing but noise."""
FALL = 4.0
"""Sharp pictures' power falls with the frequency to about this power where it is folded back by downscaling; set on tuning pictures."""


class PolarGrid(NamedTuple):
    """Which of the frequencies of ``rfft2`` of a window belong to which bin; bins are ordered (ring, sector)."""

    mean: csr_matrix
    """(bins, SIDE * (SIDE // 2 + 1)): averages over each bin."""
    counts: NDArray[np.float64]
    """(bins,): independent frequencies in each."""
    ring: NDArray[np.int64]
    """(bins,): from 0, outwards."""
    sector: NDArray[np.int64]
    """(bins,): by angle, from 0."""
    radius: NDArray[np.float64]
    """(SIDE * (SIDE // 2 + 1),): of each frequency, cycles per px."""


@lru_cache(maxsize=1)
def polar_grid() -> PolarGrid:
    """The grid; it is the same for all images."""
    fy, fx = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij")
    radius = np.hypot(fy, fx).ravel()
    rings = np.digitize(radius, np.linspace(LOWEST, HIGHEST, RADII + 1)) - 1
    sectors = np.floor(np.arctan2(fy, fx).ravel() / np.pi * ANGLES + 0.5).astype(int) % ANGLES
    # those of the first and the last column have their mirror image in it
    weight = np.where(np.isin(fx, (0.0, 0.5)), 0.5, 1.0).ravel()
    inside = np.flatnonzero((rings >= 0) & (rings < RADII))
    shape = (RADII * ANGLES, radius.size)
    total = csr_matrix((weight[inside], (rings[inside] * ANGLES + sectors[inside], inside)), shape=shape)
    counts = np.asarray(total.sum(1), np.float64).ravel()
    enough = counts >= LEAST_FREQUENCIES
    every = np.arange(RADII * ANGLES)
    kept = every[np.logical_and.reduce([enough[order] for order in _orders(*np.divmod(every, ANGLES))])]
    mean = csr_matrix(total.multiply(1 / np.maximum(counts, 1)[:, None]))[kept]
    ring, sector = np.divmod(kept, ANGLES)
    return PolarGrid(mean, counts[kept], np.asarray(ring, np.int64), np.asarray(sector, np.int64), radius)


def log_transfer(kernels: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Logarithm of what kernels (kernels, n, n) on the grid of the upscaled image leave of a picture's power in each bin, (kernels, bins).

    This is |K|^2, with what downscaling folds back from higher frequencies, for a picture whose power falls as ``f ** -FALL``, and with
    what a Hann window moves to neighbouring frequencies.
    """
    at = np.arange(kernels.shape[-1]) - (kernels.shape[-1] - 1) / 2
    fy, fx = np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE)
    grid, radius = polar_grid(), np.hypot(fy[:, None], fx)
    folded = []
    for y, x in product((fy, fy - np.where(fy < 0, -1, 1)), (fx, fx - 1)):
        weight = (radius / np.maximum(np.hypot(y[:, None], x), 1 / SIDE)) ** FALL
        rows, columns = (np.exp(-2j * np.pi / scale * f[:, None] * at).astype(np.complex64) for f in (y, x))
        folded.append((rows, columns, weight.astype(np.float32)))
    powers = []
    for some in np.array_split(kernels.astype(np.complex64), max(len(kernels) // 256, 1)):
        power = np.zeros((len(some), SIDE, SIDE // 2 + 1), np.float32)
        for rows, columns, weight in folded:
            transfer = rows @ some @ columns.T
            power += (transfer.real**2 + transfer.imag**2) * weight
        powers.append((grid.mean @ _leaked(power).reshape(len(some), -1).T).T)
    return np.asarray(np.log(np.maximum(np.concatenate(powers, dtype=np.float64), 1e-9)))


def _leaked(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power (kernels, SIDE, SIDE // 2 + 1) as a Hann window spreads it over neighbouring frequencies."""
    leaked = np.asarray((4 * power + np.roll(power, 1, 1) + np.roll(power, -1, 1)) / 6, np.float32)
    turned = np.roll(leaked[:, ::-1], 1, 1)  # the other half of the frequencies
    wide = np.concatenate([turned[:, :, 1:2], leaked, turned[:, :, -2:-1]], 2)
    leaked *= 4
    leaked += wide[:, :, :-2] + wide[:, :, 2:]
    leaked /= 6
    return leaked


def symmetries() -> list[NDArray[np.int64]]:
    """Orders of the bins in a picture's mirror images and quarter turns: their spectra are as likely as its own."""
    grid = polar_grid()
    number = np.full(RADII * ANGLES, -1)
    number[grid.ring * ANGLES + grid.sector] = np.arange(len(grid.ring))
    return [number[order] for order in _orders(grid.ring, grid.sector)]


def _orders(ring: NDArray[np.int64], sector: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [ring * ANGLES + (sign * sector + turn) % ANGLES for turn in (0, ANGLES // 2) for sign in (1, -1)]
