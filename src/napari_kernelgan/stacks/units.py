"""What one task does: a plane, or a block of a plane that is too large to be worked on as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..images.layout import Index, Layout, Region

WHOLE = 2048 * 2048
"""px; larger planes are worked on in blocks."""
BLOCK = 1024
"""px of the image, the side of a block; a multiple of this times the scale is where writers' chunks end."""
CROPS, CROP = 6, 256
"""Of large planes, so many parts along either axis, of so many px, tell the kernel and the value range."""


@dataclass(frozen=True)
class Unit:
    """A plane, or a block of it."""

    index: Index
    region: Region | None
    """Rows and columns in px of the image; None for a whole plane."""
    plane: str
    """The plane's number, for the journal."""
    block: str
    """The block's number, for the journal; empty for a whole plane."""

    @property
    def name(self) -> str:
        """For the journal."""
        return self.plane + self.block


def is_large(layout: Layout) -> bool:
    """Whether planes are worked on in blocks."""
    return layout.plane_size[0] * layout.plane_size[1] > WHOLE


def unit_pixels(layout: Layout) -> int:
    """Pixels of the largest unit."""
    return BLOCK**2 if is_large(layout) else layout.plane_size[0] * layout.plane_size[1]


def units(layout: Layout) -> list[Unit]:
    """Everything there is to do, in order."""
    blocks = _blocks(layout) if is_large(layout) else [None]
    return [
        Unit(index, region, f"{number:06d}", "" if region is None else f"-{at:06d}")
        for number, index in enumerate(layout.indices())
        for at, region in enumerate(blocks)
    ]


def looked_at(layout: Layout) -> list[Region | None]:
    """The parts of a plane that its kernel is estimated from: all of it, or parts that are evenly spread."""
    if not is_large(layout):
        return [None]
    rows, columns = (_spread(length) for length in layout.plane_size)
    return [(y, x) for y in rows for x in columns]


def _spread(length: int) -> list[slice]:
    side = min(CROP, length)
    starts = np.linspace(0, length - side, min(CROPS, max(1, length // CROP))).astype(int).tolist()
    return [slice(start, start + side) for start in starts]


def _blocks(layout: Layout) -> list[Region]:
    rows, columns = ([slice(at, min(at + BLOCK, n)) for at in range(0, n, BLOCK)] for n in layout.plane_size)
    return [(y, x) for y in rows for x in columns]
