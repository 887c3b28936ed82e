"""The polar grid of spatial frequencies that spectra are compared on, and a kernel's transfer function on it.

Frequencies are in cycles per pixel of the image (LR pixels). Angles run over half a turn: power spectra of real images are symmetric.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

SIDE = 64
"""Of the windows that are Fourier transformed."""
RADII, ANGLES = 12, 12
LOWEST, HIGHEST = 0.045, 0.5
CORNER = 0.55
"""Beyond this radius an image holds almost nothing but noise."""


class PolarGrid(NamedTuple):
    """Which of the frequencies of ``rfft2`` of a window belong to which bin; bins are ordered (radius, angle)."""

    mean: csr_matrix
    """(bins, SIDE * (SIDE // 2 + 1)): averages over each bin."""
    counts: NDArray[np.float64]
    """(bins,): independent frequencies in each."""
    corner: NDArray[np.bool_]
    """(SIDE * (SIDE // 2 + 1),): beyond `CORNER`."""


@lru_cache(maxsize=1)
def polar_grid() -> PolarGrid:
    """The grid; it is the same for all images."""
    fy, fx = np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij")
    radius = np.hypot(fy, fx).ravel()
    ring = np.digitize(radius, np.linspace(LOWEST, HIGHEST, RADII + 1)) - 1
    sector = np.floor(np.arctan2(fy, fx).ravel() / np.pi * ANGLES + 0.5).astype(int) % ANGLES
    # those of the first and the last column have their mirror image in it
    weight = np.where(np.isin(fx, (0.0, 0.5)), 0.5, 1.0).ravel()
    inside = np.flatnonzero((ring >= 0) & (ring < RADII))
    shape = (RADII * ANGLES, radius.size)
    total = csr_matrix((weight[inside], (ring[inside] * ANGLES + sector[inside], inside)), shape=shape)
    counts = np.asarray(total.sum(1)).ravel()
    return PolarGrid(csr_matrix(total.multiply(1 / counts[:, None])), counts, radius > CORNER)


def log_transfer(kernels: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Logarithm of the mean of |K|^2 over each bin, (kernels, bins), of kernels (kernels, n, n) on the grid of the upscaled image."""
    at = np.arange(kernels.shape[-1]) - (kernels.shape[-1] - 1) / 2
    rows = np.exp(-2j * np.pi / scale * np.fft.fftfreq(SIDE)[:, None] * at)
    columns = np.exp(-2j * np.pi / scale * np.fft.rfftfreq(SIDE)[:, None] * at)
    grid = polar_grid()
    powers = []
    for some in np.array_split(kernels, max(len(kernels) // 256, 1)):
        transfer = rows @ some @ columns.T
        powers.append((grid.mean @ (np.abs(transfer) ** 2).reshape(len(some), -1).T).T)
    return np.asarray(np.log(np.maximum(np.concatenate(powers), 1e-9)))


def symmetries() -> list[NDArray[np.int64]]:
    """Orders of the bins in a picture's mirror images and quarter turns: their spectra are as likely as its own."""
    ring, sector = np.divmod(np.arange(RADII * ANGLES), ANGLES)
    return [ring * ANGLES + (sign * sector + turn) % ANGLES for turn in (0, ANGLES // 2) for sign in (1, -1)]
