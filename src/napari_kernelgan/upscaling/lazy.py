"""Upscaling of lazy images by methods that need no training: nothing is read until the result is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..images.layout import Layout
from ..images.values import check_finite, output_dtype


def upscale_lazily(image: Any, layout: Layout, scale: int, upscale_plane: Callable[[NDArray[Any], int], NDArray[Any]]) -> Any:
    """A Dask array whose blocks, one per plane, are upscaled when they are computed.

    Parameters
    ----------
    image : Dask or Zarr array
    layout : Layout
        Of `image`.
    scale : int
    upscale_plane : callable
        Takes a plane, (Y, X) or (Y, X, S), and the scale.
    """
    import dask.array as da

    planes = da.from_array(image) if not hasattr(image, "dask") else image
    planes = planes.rechunk(tuple(-1 if a in "YXS" else 1 for a in layout.axes))
    large = layout.scaled(scale)
    chunks = tuple((n,) if a in "YXS" else (1,) * n for a, n in zip(large.axes, large.shape, strict=True))

    def block(values: NDArray[Any]) -> NDArray[Any]:
        here = Layout(layout.axes, values.shape)
        out = here.scaled(scale).empty(output_dtype(values.dtype))
        for index in here.indices():
            plane = here.plane(values, index)
            check_finite(plane)
            here.scaled(scale).put(out, index, upscale_plane(plane, scale))
        return out

    dtype = output_dtype(image.dtype)
    return planes.map_blocks(block, dtype=dtype, chunks=chunks, meta=np.empty((0,) * planes.ndim, dtype))
