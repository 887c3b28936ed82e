"""Work on lazy images plane by plane: nothing is read or computed until the result is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import device_errors
from .layout import Layout
from .values import check_finite, output_dtype


def map_planes(image: Any, layout: Layout, out: Layout, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    """A Dask array whose blocks, one per plane, are made from the image's planes when they are computed.

    Parameters
    ----------
    image : Dask or Zarr array
    layout, out : Layout
        Of `image` and of the result: the same axes, other lengths of Y and X.
    function : callable
        Makes a plane of the output dtype, (Y, X) or (Y, X, S), from a plane that was checked to be finite.
    """
    import dask.array as da

    planes = image if hasattr(image, "dask") else da.from_array(image)
    planes = planes.rechunk(tuple(-1 if a in "YXS" else 1 for a in layout.axes))
    chunks = tuple((n,) if a in "YXS" else (1,) * n for a, n in zip(out.axes, out.shape, strict=True))
    dtype = output_dtype(image.dtype)
    large = Layout(out.axes, tuple(n if a in "YXS" else 1 for a, n in zip(out.axes, out.shape, strict=True)))

    def block(values: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[Any]:
        index = tuple(n for a, n in zip(layout.axes, block_id, strict=True) if a not in "YXS")
        only = (0,) * len(index)
        with device_errors():
            plane = Layout(layout.axes, values.shape).plane(values, only)
            check_finite(plane, f"Plane {index} of the image" if index else "The image")
            made = large.empty(dtype)
            large.put(made, only, function(plane))
        return made

    return planes.map_blocks(block, dtype=dtype, chunks=chunks, meta=np.empty((0,) * planes.ndim, dtype))
