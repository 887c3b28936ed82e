"""What can be done to a kernel without changing what it means: normalise, centre, pad, crop, compose, check."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError

Kernel = NDArray[np.float64]


def as_kernel(kernel: ArrayLike) -> Kernel:
    """Check that `kernel` is a square, finite 2-D array of real numbers with a positive sum; return it as float64.

    Raises
    ------
    InputError
        If it is not.
    """
    try:
        array = np.asarray(kernel)
    except ValueError as error:
        raise InputError("A kernel is a square 2-D array; this one's rows are not of one length.") from error
    if array.dtype.kind not in "iuf":
        advice = " Read a file with load_kernel." if array.dtype.kind == "U" else ""
        raise InputError(f"A kernel is an array of real numbers, not of {array.dtype}.{advice}")
    array = array.astype(np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise InputError(f"A kernel is a square 2-D array; this one has shape {array.shape}. Pad it with zeros around its centre.")
    if not np.isfinite(array).all():
        raise InputError("The kernel has NaN or infinite values.")
    if array.sum() <= 0:
        raise InputError("The kernel's values sum to zero or less: it cannot be a point's picture.")
    return array


def check_kernel(kernel: ArrayLike, scale: int) -> Kernel:
    """Check that a kernel can be applied at a scale: square, n - scale even, sum 1 to 1e-3.

    Returns
    -------
    ndarray
        float64 (n, n), its sum exactly 1.

    Raises
    ------
    InputError
        If it cannot be used, saying which function mends it.
    """
    array = as_kernel(kernel)
    n = array.shape[0]
    if (n - scale) % 2:
        raise InputError(
            f"A kernel for scale {scale} needs a side n with n - {scale} even, so that its centre lies on a block of pixels; "
            f"this one is {n} x {n}. kernels.fit_parity(kernel, {scale}) brings it there."
        )
    if abs(array.sum() - 1) > 1e-3:
        raise InputError(f"The kernel's values sum to {array.sum():.6g}, not 1. kernels.normalise(kernel) mends it.")
    return normalise(array)


def check_side(size: int, scale: int) -> int:
    """Check that a kernel for a scale can have a side: a positive integer n with n - scale even.

    Raises
    ------
    InputError
        If it cannot, telling the next side that can.
    """
    parity = scale % 2
    if size < 1 or size % 2 != parity:
        usable = max(int(np.ceil((size - parity) / 2)) * 2 + parity, 2 - parity)
        raise InputError(f"A kernel for scale {scale} needs a side n with n - {scale} even, not {size}: give {usable}, or leave size out.")
    return int(size)


def normalise(kernel: ArrayLike) -> Kernel:
    """The kernel divided by its sum."""
    array = as_kernel(kernel)
    normal: Kernel = array / array.sum()
    return normal


def centre_of_mass(kernel: ArrayLike) -> tuple[float, float]:
    """Centre of mass as (y, x) in pixels from the kernel's first sample."""
    array = as_kernel(kernel)
    weights = array / array.sum()
    at = np.arange(array.shape[0])
    return float(weights.sum(1) @ at), float(weights.sum(0) @ at)


def centre(kernel: ArrayLike, tolerance: float = 1e-3) -> Kernel:
    """Shift a kernel (cubic spline) until its centre of mass lies on the geometric centre (n - 1) / 2.

    Negative values that interpolation makes where the kernel had none are set to zero; the sum becomes 1. A kernel centred to
    `tolerance` px is not interpolated at all.
    """
    array = normalise(kernel)
    middle = (array.shape[0] - 1) / 2
    floor = min(array.min(), 0.0)
    shift = np.zeros(2)
    shifted = array
    for _ in range(60):  # clipping and what leaves the frame move the centre: each pass corrects what is left
        offset = middle - np.array(centre_of_mass(shifted))
        if np.abs(offset).max() < tolerance:
            break
        shift += offset
        shifted = normalise(np.clip(scipy.ndimage.shift(array, shift, order=3, mode="grid-constant"), floor, None))
    return shifted


def pad(kernel: ArrayLike, size: int) -> Kernel:
    """Put the kernel in the middle of a larger one of side `size`, zeros around; the sides differ by an even number."""
    array = as_kernel(kernel)
    grow = size - array.shape[0]
    if grow < 0 or grow % 2:
        raise InputError(f"A kernel of side {array.shape[0]} cannot be padded evenly to {size}: the centre would move.")
    return np.pad(array, grow // 2)


def crop(kernel: ArrayLike, size: int) -> Kernel:
    """Cut the middle `size` x `size` out of a kernel and normalise it; the sides differ by an even number."""
    array = as_kernel(kernel)
    cut = array.shape[0] - size
    if cut < 0 or cut % 2 or size < 1:
        raise InputError(f"A kernel of side {array.shape[0]} cannot be cropped evenly to {size}: the centre would move.")
    half = cut // 2
    return normalise(array[half : half + size, half : half + size])


def fit_parity(kernel: ArrayLike, scale: int) -> Kernel:
    """Bring a kernel to a side n with n - scale even: where needed add a row and a column of zeros, then centre it again."""
    array = normalise(kernel)
    if (array.shape[0] - scale) % 2:
        array = centre(np.pad(array, (0, 1)))
    return array


def compose(k1: ArrayLike, k2: ArrayLike | None = None, s1: int = 2) -> Kernel:
    """The one kernel of two downscalings: first by `s1` with `k1`, then with `k2`.

    Exact: ``k1 * (k2 dilated by s1)``, of side ``n1 + s1 (n2 - 1)``; nothing is cropped or shifted. `k2` None means the same kernel
    again, so that ``compose(k2)`` is the x4 kernel of a x2 kernel used twice. Use `centre` on the factors first: their offsets add up,
    the second one's `s1`-fold.

    Parameters
    ----------
    k1, k2 : array_like
        Square kernels, each on the grid of the image that it is applied to.
    s1 : int
        The scale of the first step.
    """
    first = normalise(k1)
    second = first if k2 is None else normalise(k2)
    n = second.shape[0]
    dilated = np.zeros((s1 * (n - 1) + 1,) * 2)
    dilated[::s1, ::s1] = second
    from scipy.signal import convolve  # here, since it takes half a second

    composed: Kernel = convolve(first, dilated, mode="full", method="direct")
    return composed


def from_correlation_weights(weights: ArrayLike, scale: int = 2) -> Kernel:
    """The kernel of a strided layer's weights whose true centre is one half pixel past the middle.

    A layer of odd side and even stride is centred on index ``side / 2`` (6.5 for 13 x 13): one row and one column of zeros are added at
    the end, then the weights (correlation orientation) are turned by 180 degrees.
    """
    array = np.asarray(weights, np.float64)
    if (array.shape[0] - scale) % 2:
        array = np.pad(array, (0, 1))
    return np.ascontiguousarray(array[::-1, ::-1])
