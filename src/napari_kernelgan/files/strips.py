"""Reading planes of any size from top to bottom: the order in which files are written in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..images.layout import Index, Layout


def iter_strips(data: Any, layout: Layout, index: Index, rows: int) -> Iterator[NDArray[Any]]:
    """Strips of a plane, of `rows` rows and the full width, the last one perhaps lower: (rows, X) or (rows, X, S).

    Every chunk of a Dask or Zarr array is computed or decoded once: what is over of it is kept for the next strips. So about one row of
    chunks, or one strip where these are smaller, is in memory.
    """
    height, width = layout.plane_size
    kept = np.empty((0, width, layout.n_samples)[: 3 if "S" in layout.axes else 2], np.dtype(data.dtype).newbyteorder("="))
    start = 0
    for stop in _stops(data, layout, rows):
        part = layout.plane(data, index, (slice(start, stop), slice(0, width)))
        kept = np.concatenate([kept, part]) if len(kept) else part
        start = stop
        while len(kept) >= rows or (stop == height and len(kept)):
            yield kept[:rows]
            kept = kept[rows:]


def _stops(data: Any, layout: Layout, rows: int) -> list[int]:
    """Where to cut a plane between rows: at the ends of chunks, at least `rows` rows apart; anywhere, where there are no chunks."""
    height = layout.plane_size[0]
    chunks = getattr(data, "chunks", None)
    along = chunks[layout.axes.index("Y")] if chunks else 1
    ends = np.cumsum(along) if isinstance(along, tuple) else np.arange(along, height + along, along)
    stops = [0]
    for end in np.minimum(ends, height):
        if end - stops[-1] >= rows or end == height:
            stops.append(int(end))
    return stops[1:]
