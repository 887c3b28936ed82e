"""The forward model with a kernel that varies: every pixel is made with the kernel of its own place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, device_errors
from ..images.layout import Layout, as_image
from ..images.values import cast, check_dtype, output_dtype, read_plane
from ..kernels.forward import check_scale, degrade_plane
from .given import given_map
from .result import KernelMap
from .tiles import shares


def degrade_field(image: Any, field: KernelMap | Callable[[float, float], ArrayLike], scale: int = 2, axes: str | None = None) -> Any:
    """Blur an image with a kernel that varies over it, and downscale it.

    Parameters
    ----------
    image : array
        NumPy, Dask or Zarr array of real numbers; every plane of a stack has the same field.
    field : KernelMap or callable
        A map for the result's size, or ``kernel = field(y, x)``, y and x in px of the result (the centre of its first pixel is 0). A
        function becomes one as `given_map` makes it.
    scale : int
        Downscaling factor, at least 2.
    axes : str, optional
        One letter per axis, as `degrade` takes them.

    Returns
    -------
    ndarray
        Y and X divided by `scale`; dtypes as `degrade` has them.

    Raises
    ------
    InputError
        If the image, the field or one of its kernels cannot be used.
    """
    scale = check_scale(scale)
    image = as_image(image)
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    small = layout.shrunk(scale)
    known = _on(field, small.plane_size, scale)
    with device_errors():
        out = small.empty(output_dtype(image.dtype))
        for index in layout.indices():
            small.put(out, index, cast(degrade_plane_over(read_plane(image, layout, index), known), image.dtype))
    return out


def _on(field: Any, size: tuple[int, int], scale: int) -> KernelMap:
    """The map of a field, for the result's size."""
    if isinstance(field, KernelMap):
        if (field.scale, field.image_size) != (scale, size):
            raise InputError(
                f"The map is for scale {field.scale} and {field.image_size[0]} x {field.image_size[1]} px; "
                f"the result has scale {scale} and {size[0]} x {size[1]} px."
            )
        if not np.isfinite(field.kernels).all():
            raise InputError("The map of kernels has tiles without a kernel: make it with smooth=True, which fills them.")
        return field
    if not callable(field):
        raise InputError(f"A field is a KernelMap, or a function of (y, x) that gives a kernel, not {type(field).__name__}.")
    return given_map(field, size, scale)


def degrade_plane_over(plane: NDArray[Any], field: KernelMap) -> NDArray[np.float64]:
    """Degrade one plane, (Y, X) or (Y, X, S), that a map fits: each of its kernels applied where it has a share."""
    scale = field.scale
    size = plane.shape[0] // scale, plane.shape[1] // scale
    plane = plane[: size[0] * scale, : size[1] * scale]
    out = np.zeros(size + plane.shape[2:])
    along, across = shares(field.rows, np.arange(size[0])), shares(field.columns, np.arange(size[1]))
    for i, line in enumerate(field.kernels):
        y = np.flatnonzero(along[:, i])
        for j, kernel in enumerate(line):
            x = np.flatnonzero(across[:, j])
            if not y.size or not x.size:
                continue
            margin = -(-len(kernel) // scale) + 1
            cut = [slice(max(0, at[0] - margin), at[-1] + 1 + margin) for at in (y, x)]
            around = plane[tuple(slice(each.start * scale, each.stop * scale) for each in cut)]
            made = degrade_plane(around, kernel, scale)
            inside = made[y[0] - cut[0].start : y[-1] + 1 - cut[0].start, x[0] - cut[1].start : x[-1] + 1 - cut[1].start]
            share = along[y, i][:, None] * across[x, j]
            out[y[0] : y[-1] + 1, x[0] : x[-1] + 1] += inside * share.reshape(share.shape + (1,) * (plane.ndim - 2))
    return out
