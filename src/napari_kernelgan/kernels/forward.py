"""The forward model ``LR = (HR * k) downsampled by s``, with one implementation of its alignment for NumPy and torch.

With correlation weights w (the kernel turned by 180 degrees), ``LR[i] = sum_a w[a] HR[s i + a - (n - s) / 2]``; beyond the border the
edge pixel repeats (NumPy's ``symmetric``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..images.layout import Layout
from ..images.values import cast, check_dtype, check_finite, output_dtype
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
    import torch

    n = kernel.shape[-1]
    batch, channels, height, width = images.shape
    rows, columns = (torch.as_tensor(window(length, n, scale), device=images.device) for length in (height, width))
    padded = images.index_select(2, rows).index_select(3, columns).reshape(batch * channels, 1, len(rows), len(columns))
    weights = kernel.flip(0, 1).to(images.dtype)[None, None]
    small = torch.nn.functional.conv2d(padded, weights, stride=scale)
    return small.reshape(batch, channels, *small.shape[2:])


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
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    weights = check_kernel(getattr(kernel, "kernel", kernel), scale)
    if hasattr(image, "dask"):
        return _degrade_lazily(image, layout, weights, scale)
    small = layout.shrunk(scale)
    out = small.empty(output_dtype(image.dtype))
    for index in layout.indices():
        plane = layout.plane(image, index)
        check_finite(plane)
        small.put(out, index, cast(degrade_plane(plane, weights, scale), image.dtype))
    return out


def check_scale(scale: Any) -> int:
    """Accept integers of at least 2."""
    if isinstance(scale, bool) or int(scale) != scale or scale < 2:
        raise InputError(f"scale is an integer of at least 2, not {scale!r}.")
    return int(scale)


def _degrade_lazily(image: Any, layout: Layout, kernel: Kernel, scale: int) -> Any:
    """One block per plane, computed when asked for."""
    whole = tuple(-1 if a in "YXS" else 1 for a in layout.axes)
    planes = image.rechunk(whole)
    small = layout.shrunk(scale)
    chunks = tuple((n,) if a in "YXS" else (1,) * n for a, n in zip(small.axes, small.shape, strict=True))

    def block(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(degrade(np.asarray(values), kernel, scale, layout.axes))

    return planes.map_blocks(
        block, dtype=output_dtype(image.dtype), chunks=chunks, meta=np.empty((0,) * image.ndim, output_dtype(image.dtype))
    )
