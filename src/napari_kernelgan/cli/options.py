"""Options that several commands share, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..config import RunConfig, Settings
from ..errors import InputError
from .console import say

if TYPE_CHECKING:
    from ..files.image_file import ImageFile

ImageArgument = Annotated[Path, typer.Argument(metavar="IMAGE", help="TIFF, PNG, JPEG, NPY, or the folder of an OME-Zarr image.")]
FolderOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results; made where it is not there.")]

DEFAULT = RunConfig()
"""What options are that neither the command nor its settings file gives."""


def _shown(name: str) -> str:
    return str(getattr(DEFAULT, name))


ScaleOption = Annotated[
    int | None, typer.Option(min=2, show_default=_shown("scale"), help="How many times finer than the image: 2, 3 or 4.")
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        show_default=_shown("method"), help="How to estimate the kernel: auto (spectral), spectral, kernelgan, hybrid, recurrence."
    ),
]
UpscalerOption = Annotated[
    str | None, typer.Option(show_default=_shown("upscaler"), help="How to upscale: auto (zssr), zssr, inverse, bicubic.")
]
SeedOption = Annotated[int | None, typer.Option(show_default=_shown("seed"), help="Same seed, device and thread count: same result.")]
DeviceOption = Annotated[str | None, typer.Option(show_default=_shown("device"), help="auto, cpu, cuda, cuda:1 or mps.")]
AxesOption = Annotated[str | None, typer.Option(help="One letter per axis (T, Z, C, Y, X, S), where the file's own are missing or wrong.")]
PixelSizeOption = Annotated[str | None, typer.Option(metavar="SIZE", help="Of the image's pixels, or Y,X; instead of the file's.")]
UnitOption = Annotated[str | None, typer.Option(help="Of the pixel size, for example nm; px: none; otherwise the file's, or micrometer.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json", help='Settings, for example {"run": {"method": "kernelgan"}, "kernelgan": {"steps": 1000}}; options win.'
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON object to stdout.")]


def read_source(path: Path, axes: str | None, pixel_size: str | None, unit: str | None) -> ImageFile:
    """The image of a command, with the pixel size and unit that were given instead of the file's."""
    from ..files.images import read_image
    from ..files.units import convert, unit_name

    size = parse_pixel_size(pixel_size) if pixel_size else None
    source = read_image(path, axes)
    for note in source.notes:
        say(note)
    known = source.calibration
    if size is None and unit is None:
        return source
    named = unit_name(unit) if unit is not None else known.unit or "micrometer"
    if size is None:  # the same numbers, of another unit
        return replace(source, calibration=known._replace(unit=named))
    z_spacing = None if known.z_spacing is None else convert(known.z_spacing, known.unit, named)
    return replace(source, calibration=known._replace(pixel_size=size, unit=named, z_spacing=z_spacing))


def read_settings(path: Path | None, **given: Any) -> Settings:
    """The settings of a command: those of its file, with what was given as options (not None) in their place."""
    from ..files.settings import load_settings

    settings = load_settings(path) if path else Settings()
    return settings.with_run(**{name: value for name, value in given.items() if value is not None})


def parse_pixel_size(text: str) -> tuple[float, float]:
    """One length, or two (y, x) with a comma between."""
    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 2) or not all(0 < size < float("inf") for size in sizes):
        raise InputError(f"--pixel-size {text!r} is neither a length nor two (y,x), for example 0.1 or 0.2,0.1.")
    return sizes[0], sizes[-1]


def parse_numbers(text: str) -> list[int]:
    """Whole numbers with commas between."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{text!r} is not a list of whole numbers, for example 0,1,2.") from None


def parse_decimals(text: str) -> list[float]:
    """Numbers with commas between."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{text!r} is not a list of numbers, for example 0,0.01,0.02.") from None
