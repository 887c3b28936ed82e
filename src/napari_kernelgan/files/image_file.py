"""What is known of an image that was read from a file, and the letters of its axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from ..images.layout import LETTERS
from .geotiff import GeoReference

LAZY_BYTES = 2**30
"""Pixels of more bytes than this are left on the disk, to be read plane by plane."""

SPARE_LETTERS = "QPONMLKJIHGFEDBA"


class Calibration(NamedTuple):
    """Sizes of the pixels and names of the channels, as far as they are known."""

    pixel_size: tuple[float, float] | None = None
    """(y, x), in `unit`."""
    unit: str | None = None
    """As OME-NGFF and napari name it, for example "micrometer"."""
    z_spacing: float | None = None
    """In `unit`."""
    t_interval: float | None = None
    """In seconds."""
    channel_names: tuple[str, ...] = ()

    def finer(self, scale: int) -> Calibration:
        """The calibration of the image with Y and X times `scale`, which covers the same area."""
        if self.pixel_size is None:
            return self
        return self._replace(pixel_size=(self.pixel_size[0] / scale, self.pixel_size[1] / scale))


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image and what its file tells about it."""

    path: Path
    data: Any
    """NumPy array; of OME-Zarr the Zarr array; what is left on the disk otherwise is a `Stored`, which reads what is asked for."""
    axes: str
    """One letter per axis of `data`."""
    calibration: Calibration = Calibration()
    ome: bool = False
    """Whether the file has OME metadata."""
    sha256: str | None = None
    """Of the file's bytes. None where only a part may be read, as of a Zarr store: what is read is hashed by the method that reads it."""
    notes: tuple[str, ...] = ()
    """What a user should know of how the file was read, in sentences."""
    geo: GeoReference | None = None
    """Where a GeoTIFF lies; None also where the extra `geo` is not installed."""
    nodata: float | None = None
    """The value that stands for no data; NaN always does."""

    @property
    def pixel_size(self) -> tuple[float, float] | None:
        """Size (y, x) of a pixel in `unit`, where it is known."""
        return self.calibration.pixel_size

    @property
    def unit(self) -> str | None:
        """Unit of the pixel size."""
        return self.calibration.unit

    @property
    def record(self) -> dict[str, Any]:
        """What is put on record about the file, for JSON."""
        known: dict[str, Any] = {"path": self.path, "sha256": self.sha256, "axes": self.axes, "shape": list(self.data.shape)}
        known |= self.calibration._asdict()
        known |= {} if self.nodata is None else {"nodata": self.nodata if isfinite(self.nodata) else str(self.nodata)}
        return known | ({} if self.geo is None else {"crs": self.geo.crs, "transform": list(self.geo.transform)})


def standard_axes(axes: str) -> str:
    """Axes of unknown meaning, and repeated ones, as the free ones of T, Z and C: the stacks that they are.

    Only of stacks along more than three axes, some keep or get a letter without meaning.
    """
    result: list[str] = []
    for position, letter in enumerate(axes.upper()):
        taken = [*result, *axes.upper()[position + 1 :]]
        if letter not in LETTERS or letter in result:
            letter = next(free for free in "TZC" + letter + SPARE_LETTERS if free not in taken)
        result.append(letter)
    return "".join(result)
