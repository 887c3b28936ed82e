"""Large lazy planes inverted block by block, in memory that does not grow with them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import device_errors
from ...images.layout import Layout, without_alpha
from ...images.values import ValueRange, check_finite, from_unit, output_dtype, to_unit, value_range
from ..bicubic import enlarge_alpha
from .levels import Levels, rounding_noise, sampled
from .run import MOST_OVERLAP, Inverse, Span, spans


def invert_blocks(image: Any, layout: Layout, make: partial[Inverse], given: tuple[float, float] | None = None) -> Any:
    """A Dask array of the inverse of every plane, in blocks of the configuration's tile.

    Parameters
    ----------
    image : Dask or Zarr array
    layout : Layout
    make : partial of Inverse
        Makes what undoes the kernel; called for every block, since blocks are computed at the same time.
    given : tuple of float, optional
        The value range, where it was given.

    Returns
    -------
    dask.array.Array
        As `upscale` gives it, but that the mean is not made to agree to the last digit: no block knows the others.
    """
    import dask.array as da
    from dask.array.overlap import overlap

    inverse = make()
    planes = image if hasattr(image, "dask") else da.from_array(image)
    levels = _levels(planes, layout, make, given)
    chunks = [
        tuple(last - first for first, last in spans(n, inverse.config.tile)) if a in "YX" else (n,) if a == "S" else (1,) * n
        for a, n in zip(layout.axes, layout.shape, strict=True)
    ]
    depth = {axis: min(MOST_OVERLAP, *chunks[axis]) if a in "YX" else 0 for axis, a in enumerate(layout.axes)}
    planes = overlap(planes.rechunk(tuple(chunks)), depth, dict.fromkeys(depth, "none"), allow_rechunk=False)
    large = [tuple(n * inverse.scale for n in each) if a in "YX" else each for a, each in zip(layout.axes, chunks, strict=True)]
    dtype = output_dtype(image.dtype)
    block = partial(_block, axes=layout.axes, make=make, chunks=chunks, depth=depth)
    return da.map_blocks(block, planes, levels, dtype=dtype, chunks=tuple(large), meta=np.empty((0,) * planes.ndim, dtype))


def _levels(planes: Any, layout: Layout, make: partial[Inverse], given: tuple[float, float] | None) -> Any:
    """Value range and levels of every plane, as numbers along Y of a Dask array with one block per plane."""
    import dask.array as da

    spread = planes
    for axis, a in enumerate(layout.axes):
        if a in "YX":
            parts = sampled(layout.length(a))
            spread = da.concatenate([spread[(slice(None),) * axis + (part,)] for part in parts], axis)
    spread = spread.rechunk(tuple(-1 if a in "YXS" else 1 for a in layout.axes))
    count = 2 + 3 * layout.n_colours
    chunks = tuple((count,) if a == "Y" else (1,) if a in "XS" else (1,) * n for a, n in zip(layout.axes, layout.shape, strict=True))
    function = partial(_measure, layout=layout, make=make, given=given)
    return da.map_blocks(function, spread, dtype=np.float64, chunks=chunks, meta=np.empty((0,) * planes.ndim))


def _measure(block: NDArray[Any], layout: Layout, make: partial[Inverse], given: tuple[float, float] | None) -> NDArray[np.float64]:
    """The numbers of one plane, from the parts of it that are looked at, side by side."""
    here = Layout(layout.axes, block.shape)
    plane = here.plane(block, (0,) * len(layout.stack_axes))
    check_finite(plane)
    values = value_range(block, here, given)
    channels = to_unit(without_alpha(plane), values)
    counts = [len(sampled(length)) for length in layout.plane_size]
    patches = [part for rows in np.split(channels, counts[0], 1) for part in np.split(rows, counts[1], 2)]
    levels = make().levels_of(patches, rounding_noise(block.dtype, values))
    numbers = np.array([*values, *np.ravel(levels)])
    return numbers.reshape([len(numbers) if a == "Y" else 1 for a in layout.axes])


def _block(
    block: NDArray[Any],
    numbers: NDArray[np.float64],
    axes: str,
    make: partial[Inverse],
    chunks: list[tuple[int, ...]],
    depth: dict[int, int],
    block_id: tuple[int, ...],
) -> NDArray[Any]:
    """One block of the result, from a block of the image with `depth` px of its neighbours on the sides where it has any."""
    inverse, layout = make(), Layout(axes, block.shape)
    values = ValueRange(*numbers.ravel()[:2])
    levels = [Levels(*each) for each in numbers.ravel()[2:].reshape(-1, 3)]
    needed = inverse.overlap(levels)
    around, inside, origin = [], [], []
    for a in "YX":
        axis = axes.index(a)
        before = depth[axis] if block_id[axis] else 0
        first, last = before, before + chunks[axis][block_id[axis]]
        cut = slice(max(0, first - needed), last + needed)
        around.append(cut)
        inside.append((first - cut.start, last - cut.start))
        origin.append(sum(chunks[axis][: block_id[axis]]) - before + cut.start)
    only = (0,) * len(layout.stack_axes)
    with device_errors():
        plane = layout.plane(block, only)[around[0], around[1]]
        check_finite(plane)
        ours = inside[0], inside[1]
        upscaled = inverse.part(to_unit(without_alpha(plane), values), levels, ours, (origin[0], origin[1]))
        finished = finish_part(upscaled, plane, ours, values, inverse.scale)
        large = Layout(axes, tuple(finished.shape["YX".index(a)] if a in "YX" else n for a, n in zip(axes, block.shape, strict=True)))
        out = large.empty(finished.dtype)
        large.put(out, only, finished)
    return out


def finish_part(
    upscaled: NDArray[np.float32], plane: NDArray[Any], inside: tuple[Span, Span], values: ValueRange, scale: int
) -> NDArray[Any]:
    """An upscaled part of a plane in the plane's dtype, with its alpha interpolated.

    Parameters
    ----------
    upscaled : ndarray
        (C, s y, s x), on 0..1: of the part without what is around it.
    plane : ndarray
        (Y, X) or (Y, X, S): the part, with some px around it.
    inside : tuple of (int, int)
        Where in the plane the part itself lies, first and last (exclusive) row and column.
    values : ValueRange
    scale : int
    """
    # of every part by itself, rounding keeps the mean
    means: list[float | None] = list(from_unit(upscaled, values, np.float64, colour=True).mean((0, 1), dtype=np.float64).tolist())
    if plane.shape[2:] != upscaled.shape[:1] and plane.ndim == 3:
        rows, columns = (slice(first * scale, last * scale) for first, last in inside)
        upscaled = np.concatenate([upscaled, enlarge_alpha(plane, values, scale)[:, rows, columns]])
        means.append(None)
    return from_unit(upscaled, values, plane.dtype, plane.ndim == 3, means)
