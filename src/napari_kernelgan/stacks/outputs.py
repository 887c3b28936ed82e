"""What a run leaves on disk, and where."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import DTypeLike

from ..errors import InputError
from ..files.atomic import refuse_existing
from ..files.geotiff import GeoReference, check_geotiff
from ..files.image_file import ImageFile
from ..files.images import check_writable
from ..files.ngff import is_store
from ..files.ngff_write import check_ngff
from ..images.layout import Layout

FORMATS = {"ome-zarr": ".ome.zarr", "ome-tiff": ".ome.tif", "geotiff": ".tif"}
JOURNAL = "journal"
PIXELS = "pixels.ome.zarr"
"""Where pixels are kept until a TIFF, which only one process can write, is made of them."""


@dataclass(frozen=True)
class Outputs:
    """Paths of a run's files."""

    folder: Path
    image: Path
    format: str
    kernels: Path
    table: Path
    record: Path
    journal: Path
    """Of the folder that a run is resumed from."""

    @classmethod
    def at(cls, out: str | Path, file: ImageFile, image_format: str = "auto") -> Outputs:
        """The files of a run.

        Parameters
        ----------
        out : path
            A folder; or the image itself, with a name that ends in ``.ome.zarr``, ``.zarr``, ``.ome.tif``, ``.tif`` or ``.tiff``, beside
            which the other files then lie.
        file : ImageFile
            The input, whose kind "auto" follows: GeoTIFF for GeoTIFF, OME-TIFF for TIFF and pictures, OME-Zarr for all else.
        image_format : {"auto", "ome-zarr", "ome-tiff", "geotiff"}
        """
        out = Path(out)
        if image_format not in ("auto", *FORMATS):
            raise InputError(f"format={image_format!r} is unknown: use auto, {', '.join(FORMATS)}.")
        suffix = out.suffix.lower()
        if suffix == ".zarr":
            named = "ome-zarr"
        elif suffix in (".tif", ".tiff"):
            named = "geotiff" if file.geo and not out.stem.lower().endswith(".ome") else "ome-tiff"
        else:
            named = ""
        if named and image_format not in ("auto", named):
            raise InputError(f"{out.name} is no {image_format}: choose a name that ends in {FORMATS[image_format]}, or a folder.")
        if named:
            stem = out.name.removesuffix(out.suffix).removesuffix(".ome")
            return cls(
                out.parent, out, named, *(out.parent / f"{stem}.{name}" for name in ("kernels.ome.tif", "planes.csv", "json", JOURNAL))
            )
        if image_format == "auto":
            image_format = cls._kind(file)
        names = (f"upscaled{FORMATS[image_format]}", "kernels.ome.tif", "planes.csv", "stack.json", JOURNAL)
        image, kernels, table, record, journal = (out / name for name in names)
        return cls(out, image, image_format, kernels, table, record, journal)

    @staticmethod
    def _kind(file: ImageFile) -> str:
        if file.geo is not None:
            return "geotiff"
        return "ome-tiff" if file.path.suffix.lower() in (".tif", ".tiff", ".btf", ".tf8", ".png", ".jpg", ".jpeg") else "ome-zarr"

    @property
    def store(self) -> Path:
        """The Zarr store that tasks write pixels to."""
        return self.image if self.format == "ome-zarr" else self.journal / PIXELS

    @property
    def written(self) -> tuple[Path, ...]:
        """What a user wants of it; without an image where nothing was upscaled."""
        return self.image, self.kernels, self.table, self.record

    def check(self, layout: Layout, dtype: DTypeLike, geo: GeoReference | None) -> None:
        """Refuse, before anything is computed, a format that cannot hold the image.

        Raises
        ------
        InputError
            If it cannot.
        """
        if self.format == "ome-zarr":
            check_ngff(layout)
        elif self.format == "ome-tiff":
            check_writable(self.image, layout, dtype)
        elif geo is None:
            raise InputError("GeoTIFF is for images that have a place on the ground: write OME-Zarr or OME-TIFF.")
        else:
            check_geotiff(layout, dtype, geo)

    def refuse(self) -> None:
        """Raise `InputError` if anything is there that a run would write, or there is no place for it."""
        there = [path for path in (self.image, self.kernels, self.table, self.record, self.journal) if path.exists()]
        if there:
            raise InputError(
                f"{', '.join(map(str, there))} already exists: choose another name, go on with that run (--resume), or allow "
                "overwriting (--overwrite)."
            )
        refuse_existing(self.kernels, self.table, self.record)

    def clear(self) -> None:
        """Delete what an earlier run left, and nothing else.

        Raises
        ------
        InputError
            If something that has the name of an output is no such file or store.
        """
        if self.image.is_dir() and not is_store(self.image):
            raise InputError(f"{self.image} is a folder that no run has made, and is not deleted: choose another name.")
        if self.journal.exists() and not (self.journal / "run.json").exists():
            raise InputError(f"{self.journal} is a folder that no run has made, and is not deleted: choose another name.")
        for path in (self.image, self.journal):
            if path.is_dir():
                shutil.rmtree(path)
        for path in (self.image, self.kernels, self.table, self.record):
            path.unlink(missing_ok=True)
