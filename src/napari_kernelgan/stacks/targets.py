"""Where upscaled pixels go: memory, or a store on disk that many processes write to."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..files import ngff_write
from ..images.layout import Index, Layout, Region


class Target(Protocol):
    """Takes and gives back planes, (Y, X) or (Y, X, S), or regions of them."""

    @property
    def layout(self) -> Layout:
        """Of what is upscaled."""

    def write(self, index: Index, pixels: NDArray[Any], region: Region | None = None) -> None:
        """Put a plane, or a region of one, where it belongs."""

    def read(self, index: Index, region: Region | None = None) -> NDArray[Any]:
        """What was put there."""

    def finish_plane(self, index: Index) -> None:
        """Make what is made of whole planes."""


@dataclass(frozen=True, eq=False)
class Memory:
    """An array."""

    array: NDArray[Any]
    layout: Layout

    def write(self, index: Index, pixels: NDArray[Any], region: Region | None = None) -> None:
        """Put a plane, or a region of one, where it belongs."""
        self.layout.put(self.array, index, pixels, region)

    def read(self, index: Index, region: Region | None = None) -> NDArray[Any]:
        """What was put there."""
        return self.layout.plane(self.array, index, region)

    def finish_plane(self, index: Index) -> None:
        """Do nothing: an array has one resolution."""


@dataclass(frozen=True)
class Store:
    """An OME-Zarr store."""

    path: Path
    layout: Layout
    missing: float | None = None
    """The value that means none, which the means of lower resolutions leave out."""
    lower: bool = True
    """Whether there are to be lower resolutions."""

    def write(self, index: Index, pixels: NDArray[Any], region: Region | None = None) -> None:
        """Put a plane, or a region of one, where it belongs."""
        ngff_write.write_region(self.path, self.layout, index, pixels, region)

    def read(self, index: Index, region: Region | None = None) -> NDArray[Any]:
        """What was put there."""
        return ngff_write.read_region(self.path, self.layout, index, region)

    def finish_plane(self, index: Index) -> None:
        """Make the lower resolutions of a plane."""
        if self.lower:
            ngff_write.write_levels(self.path, self.layout, index, None if self.missing is None or isnan(self.missing) else self.missing)
