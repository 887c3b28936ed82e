"""Scores against a known truth: of kernels, and of pictures on their luma. Higher is better in all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ..errors import InputError
from ..kernels.algebra import Kernel, as_kernel, centre_of_mass, normalise

MARGIN = 16
"""Zeros put around a kernel before it is moved, so that the frame does not cut into what is moved."""


def kernel_psnr(estimate: ArrayLike, truth: ArrayLike, size: int = 14) -> float:
    """Peak signal-to-noise ratio between two kernels, in dB, for a peak of 1.

    Where a kernel lies does not count: negative values are set to zero, the sum to 1, the centre of mass is moved to the centre of a
    ``size`` x ``size`` grid (cubic spline), and what that makes negative is set to zero and the sum to 1 again.

    Parameters
    ----------
    estimate, truth : array_like
        Square kernels, of any sides.
    size : int
        Side of the grid that they are compared on. Scores on different grids cannot be compared: a larger one has more zeros that agree.

    Returns
    -------
    float
        Infinite for equal kernels.
    """
    return _psnr(_aligned(truth, size), _aligned(estimate, size), peak=1.0)


def picture_psnr(result: NDArray[Any], truth: NDArray[Any], border: int = 2) -> float:
    """Peak signal-to-noise ratio between two pictures on their 8-bit luma, in dB, for a peak of 255.

    Parameters
    ----------
    result, truth : ndarray
        (Y, X) or (Y, X, 3) of the same height and width; uint8, or float in 0..1, which is clipped and rounded to 8 bits. Gray is repeated
        to three channels, so its luma (ITU-R BT.601, 16..235) spans less than 0..255, as that of colour does.
    border : int
        Pixels left out on every side.

    Returns
    -------
    float
        Infinite for equal pictures.

    Raises
    ------
    InputError
        If the pictures cannot be compared.
    """
    return _psnr(*_lumas(truth, result, border), peak=255.0)


def picture_ssim(result: NDArray[Any], truth: NDArray[Any], border: int = 2) -> float:
    """Structural similarity (Wang et al., IEEE TIP 2004) of two pictures, at most 1.

    On the luma that `picture_psnr` uses, with the authors' settings: Gaussian window of sigma 1.5 (11 x 11), K1 = 0.01, K2 = 0.03, data
    range 255, population covariance.

    Parameters
    ----------
    result, truth : ndarray
        As for `picture_psnr`; at least 11 px on either side within the border.
    border : int
        Pixels left out on every side.
    """
    lumas = _lumas(truth, result, border)
    if min(lumas[0].shape) < 11:
        raise InputError(f"SSIM looks through a window of 11 x 11 px; within the border only {lumas[0].shape} are left.")
    return float(structural_similarity(*lumas, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False))


def _aligned(kernel: ArrayLike, size: int) -> Kernel:
    """A kernel on the grid that kernels are compared on."""
    array = normalise(np.clip(as_kernel(kernel), 0, None))
    at = np.arange(size) - (size - 1) / 2
    points = [middle + MARGIN + at for middle in centre_of_mass(array)]
    moved = map_coordinates(np.pad(array, MARGIN), np.meshgrid(*points, indexing="ij"), order=3)
    return normalise(np.clip(moved, 0, None))


def _lumas(truth: NDArray[Any], result: NDArray[Any], border: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The parts of both lumas that are compared."""
    if truth.shape[:2] != result.shape[:2]:
        raise InputError(f"Pictures of different sizes cannot be compared: {result.shape[:2]} and {truth.shape[:2]}.")
    if border < 0 or min(truth.shape[:2]) <= 2 * border:
        raise InputError(f"A border of {border} px leaves nothing of a picture of {truth.shape[0]} x {truth.shape[1]} px.")
    height, width = truth.shape[:2]
    inside = np.s_[border : height - border, border : width - border]
    return _luma(truth)[inside], _luma(result)[inside]


def _luma(picture: NDArray[Any]) -> NDArray[np.float64]:
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise InputError(f"A picture is (Y, X) or (Y, X, 3); this one has shape {picture.shape}.")
    if picture.dtype == np.uint8:
        eight_bit = picture / 255
    elif picture.dtype.kind == "f":
        eight_bit = np.round(np.clip(picture.astype(np.float64), 0, 1) * 255) / 255
    else:
        raise InputError(f"A picture is uint8, or float in 0..1, not {picture.dtype}.")
    colours = eight_bit if picture.ndim == 3 else np.repeat(eight_bit[..., None], 3, axis=-1)
    luma: NDArray[np.float64] = rgb2ycbcr(colours)[..., 0]
    return luma


def _psnr(truth: NDArray[np.float64], result: NDArray[np.float64], peak: float) -> float:
    with np.errstate(divide="ignore"):  # equal ones give infinity
        return float(peak_signal_noise_ratio(truth, result, data_range=peak))
