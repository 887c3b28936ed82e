"""The forward model ``LR = (HR * k) downsampled by s``, with one implementation of its alignment for NumPy and torch.

With correlation weights w (the kernel turned by 180 degrees), ``LR[i] = sum_a w[a] HR[s i + a - (n - s) / 2]``; beyond the border the
edge pixel repeats (NumPy's ``symmetric``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, device_errors
from ..images.layout import Layout, as_image
from ..images.lazy import map_planes
from ..images.values import cast, check_dtype, output_dtype, read_plane
from .algebra import Kernel, check_kernel

if TYPE_CHECKING:
    import torch


def window(length: int, n: int, scale: int) -> NDArray[np.int64]:
    """The HR samples along one axis that a strided correlation (no padding, stride `scale`) reads to make every LR sample.

    Parameters
    ----------
    length : int
        HR samples along the axis; what `scale` does not divide is lost.
    n : int
        Side of the kernel.
    scale : int
        Downscaling factor s.

    Returns
    -------
    ndarray
        ``s * (length // s - 1) + n`` indices, reflected at the borders with the edge sample repeated.
    """
    count = length // scale
    if count < 1:
        raise InputError(f"The image has a side of {length} px: too small to downscale by {scale}.")
    used = count * scale
    return mirrored(np.arange(scale * (count - 1) + n) - (n - scale) // 2, used)


def mirrored(indices: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Indices beyond 0..length-1 brought back inside as NumPy's ``symmetric`` padding does."""
    folded = indices % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)


def degrade_plane(plane: NDArray[Any], kernel: Kernel, scale: int) -> NDArray[np.float64]:
    """The forward model on one plane, (Y, X) or (Y, X, S), in float64; the kernel has been checked."""
    n = kernel.shape[0]
    rows, columns = (window(length, n, scale) for length in plane.shape[:2])
    padded = plane[rows[:, None], columns[None, :]].astype(np.float64)
    if padded.ndim == 3:
        kernel = kernel[..., None]
    from scipy.signal import oaconvolve  # here, since it takes half a second

    blurred: NDArray[np.float64] = oaconvolve(padded, kernel, mode="valid", axes=(0, 1))
    return blurred[::scale, ::scale]


def degrade_tensor(images: torch.Tensor, kernel: torch.Tensor, scale: int) -> torch.Tensor:
    """The forward model on tensors.

    Parameters
    ----------
    images : Tensor
        (N, C, Y, X); every channel is blurred alike.
    kernel : Tensor
        (n, n) in convolution orientation.
    scale : int
        Downscaling factor s.
    """
    from torch.nn.functional import conv2d

    n = kernel.shape[-1]
    batch, channels, height, width = images.shape
    rows, columns = (_window_on(length, n, scale, images.device) for length in (height, width))
    padded = images.index_select(2, rows).index_select(3, columns).reshape(batch * channels, 1, len(rows), len(columns))
    weights = kernel.flip(0, 1).to(images.dtype)[None, None]
    small = conv2d(padded, weights, stride=scale)
    return small.reshape(batch, channels, *small.shape[2:])


@lru_cache(maxsize=256)
def _window_on(length: int, n: int, scale: int, device: torch.device) -> torch.Tensor:
    """A `window` on a device, where it stays: bringing it there makes the device wait."""
    import torch

    return torch.as_tensor(window(length, n, scale), device=device)


def degrade(image: Any, kernel: ArrayLike, scale: int = 2, axes: str | None = None) -> Any:
    """Blur an image with a kernel and downscale it: the forward model.

    Parameters
    ----------
    image : array
        NumPy, Dask or Zarr array of real numbers. Sides that `scale` does not divide lose the remainder.
    kernel : array_like
        (n, n), convolution orientation, sum 1, n - scale even.
    scale : int
        Downscaling factor, at least 2.
    axes : str, optional
        One letter per axis (T, Z, C, Y, X, S). None: see `napari_kernelgan.images.layout.Layout.of`.

    Returns
    -------
    array
        Y and X divided by `scale`. Integers keep their dtype, rounded and saturated; floats give float32. Dask in gives Dask out.

    Raises
    ------
    InputError
        If the image or the kernel cannot be used.
    """
    scale = check_scale(scale)
    image = as_image(image)
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    weights = check_kernel(getattr(kernel, "kernel", kernel), scale)
    small, dtype = layout.shrunk(scale), image.dtype

    def shrink(plane: NDArray[Any]) -> NDArray[Any]:
        return cast(degrade_plane(plane, weights, scale), dtype)

    if hasattr(image, "dask"):
        return map_planes(image, layout, small, shrink)
    with device_errors():
        out = small.empty(output_dtype(dtype))
        for index in layout.indices():
            small.put(out, index, shrink(read_plane(image, layout, index)))
    return out


def check_scale(scale: Any) -> int:
    """Accept integers of at least 2."""
    try:
        whole = int(scale)
        if whole == scale and whole >= 2:
            return whole
    except (TypeError, ValueError, OverflowError):  # None, NaN, infinity
        pass
    raise InputError(f"scale is an integer of at least 2, not {scale!r}.")
