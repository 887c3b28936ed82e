"""The regularised inverse of the forward model on a periodic grid, exact and in closed form."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ...kernels.algebra import Kernel

Image = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Size = tuple[int, int]


class PeriodicInverse:
    """Finds the image x that minimises ``|A x - y|^2 + weight * |D x - d|^2``, where A blurs, downscales and wraps around.

    D are the differences to the neighbours in eight directions, weighted so that their squares sum to the squared gradient; d, which is
    zero at first, are differences that cost nothing. In the Fourier domain D is diagonal and A joins the s x s frequencies that become one
    by downscaling, a matrix of rank one for each frequency of y: with ``P = 1 / |D|^2`` the minimum is
    ``x0 + P A* (A P A* + weight)^-1 (y - A x0)`` where ``x0 = P D* d``, and ``A P A*`` is diagonal.

    Parameters
    ----------
    kernel : ndarray
        (n, n), convolution orientation.
    scale : int
    size : tuple of int
        Height and width of y; the width is even.
    """

    def __init__(self, kernel: Kernel, scale: int, size: Size) -> None:
        self.scale, self.size = scale, size
        self.large = size[0] * scale, size[1] * scale
        self._prior = 1 / squared_gradient(self.large)
        self._prior[0, 0] = 0  # the mean is the data's alone: nothing is known of it beforehand
        self._forward = transfer_function(kernel, scale, self.large)
        self._covariance = covariance(kernel, scale, size, self._forward)
        self._forward *= self._prior
        self._backward = self._forward.conj().reshape(scale, size[0], -1)
        self._room = np.empty_like(self._forward)  # fresh memory costs as much time as what is done in it

    def solve(self, low: Spectrum, weight: float, divergence: Image | None = None) -> Image:
        """The minimum.

        Parameters
        ----------
        low : ndarray
            ``rfft2`` of y.
        weight : float
        divergence : ndarray, optional
            ``D* d``, of the size of x.
        """
        start, residual, room = None, low, self._room
        if divergence is not None:
            start = scipy.fft.rfft2(divergence)
            residual = low - aliased(np.multiply(self._forward, start, out=room), self.scale, self.size)
            start *= self._prior
        multipliers = repeated(residual / (self._covariance + np.float32(weight)), self.large[1])
        np.multiply(self._backward, multipliers, out=room.reshape(self._backward.shape))
        if start is not None:
            room += start
        room[0, 0] = residual[0, 0] * self.scale**2
        solution: Image = scipy.fft.irfft2(room, self.large, overwrite_x=True)
        return solution


def covariance(kernel: Kernel, scale: int, size: Size, transfer: Spectrum | None = None) -> Image:
    """Diagonal of ``A P A*``, of blurred, downscaled pictures whose gradients have variance 1; infinite for the mean."""
    large = size[0] * scale, size[1] * scale
    transfer = transfer_function(kernel, scale, large) if transfer is None else transfer
    power = (transfer.real**2 + transfer.imag**2) / squared_gradient(large)
    diagonal: Image = aliased(power.astype(np.complex64), scale, size).real
    diagonal[0, 0] = np.inf
    return diagonal


def response_reach(kernel: Kernel, scale: int, weight: float, level: float, most: int) -> int:
    """How far, in px of y, one pixel of y changes the closed form by more than `level`; `most` where it does beyond that."""
    side = 2 * (most + 1)
    pixel = np.zeros((side, side), np.float32)
    pixel[side // 2, side // 2] = 1
    changed = PeriodicInverse(kernel, scale, (side, side)).solve(scipy.fft.rfft2(pixel - pixel.mean()), weight)
    response = np.abs(changed + np.float32(1 / side**2))
    strongest = np.maximum(response.max(0), response.max(1))
    at = np.flatnonzero(strongest > level) / scale - side // 2
    return min(most, int(np.ceil(np.abs(at).max(initial=0))))


def transfer_function(kernel: Kernel, scale: int, size: Size) -> Spectrum:
    """Half of the Fourier transform (as ``rfft2`` has it) of a kernel that is centred as the forward model has it."""
    n = len(kernel)
    at = np.arange(n) - (n + scale) // 2 + 1
    frequencies = scipy.fft.fftfreq(size[0]), scipy.fft.rfftfreq(size[1])
    rows, columns = (np.exp(-2j * np.pi * np.outer(f, at)).astype(np.complex64) for f in frequencies)
    transfer: Spectrum = rows @ kernel.astype(np.complex64) @ columns.T
    return transfer


def squared_gradient(size: Size) -> NDArray[np.float32]:
    """Half of the squared magnitude of D; 1 instead of 0 for the mean."""
    y, x = ((2 * np.sin(np.pi * f) ** 2).astype(np.float32) for f in (scipy.fft.fftfreq(size[0])[:, None], scipy.fft.rfftfreq(size[1])))
    squared: NDArray[np.float32] = (2 - y) * x + 2 * y
    squared[0, 0] = 1
    return squared


def aliased(high: Spectrum, scale: int, size: Size) -> Spectrum:
    """``rfft2`` of every s-th sample of an image, from the ``rfft2`` of the image."""
    height, width = size
    half = width // 2 + 1
    rows = high.reshape(scale, height, -1).sum(0)
    low: Spectrum = rows[:, :half].copy()
    for part in range(1, scale):
        if 2 * part < scale:
            low += rows[:, part * width : part * width + half]
        else:  # beyond the half that is there, a real image's spectrum is the other's conjugate, turned
            end = (scale - part) * width + 1
            low += turned(rows[:, end - half : end])[:, ::-1]
    low /= scale**2
    return low


def repeated(low: Spectrum, width: int) -> Spectrum:
    """The first rows of the ``rfft2`` of an image with zeros put between its samples, `width` wide; further rows repeat them."""
    half = low.shape[1]
    whole = np.concatenate([low, turned(low[:, half - 2 : 0 : -1])], 1)
    columns = width // 2 + 1
    wide: Spectrum = np.tile(whole, (1, -(-columns // whole.shape[1])))[:, :columns]
    return wide


def turned(rows: Spectrum) -> Spectrum:
    """Conjugate of a spectrum at the negative frequencies of its rows."""
    conjugate: Spectrum = np.concatenate([rows[:1], rows[:0:-1]]).conj()
    return conjugate
