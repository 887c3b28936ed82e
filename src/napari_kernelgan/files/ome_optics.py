"""What OME metadata tells of the optics that took an image: aperture and refractive index, wavelengths of the channels."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import tifffile

from ..errors import InputError
from ..kernels.theory import CLOSED, Mode
from .units import METRES, convert, unit_name

OME_ZARR_XML = Path("OME") / "METADATA.ome.xml"
"""Where bioformats2raw writes the OME-XML of what it converts, below the root of the store."""
MODES: dict[str, Mode] = {
    "WideField": "widefield",
    "LaserScanningConfocalMicroscopy": "confocal",
    "SpinningDiskConfocal": "confocal",
    "SlitScanConfocal": "confocal",
    "SPIM": "light sheet",
}
"""Those of OME's acquisition modes for which there is a theoretical width."""


class ChannelOptics(NamedTuple):
    """Wavelengths of a channel, nm, and how it was taken; None where the file does not tell."""

    emission: float | None = None
    excitation: float | None = None
    mode: Mode | None = None

    def wavelength(self, mode: Mode) -> float | None:
        """The wavelength, nm, that sets the width in a mode: see `kernels.Optics`."""
        if mode == "confocal":
            return self.excitation
        if mode == CLOSED:
            known = [each for each in (self.excitation, self.emission) if each is not None]
            return sum(known) / 2 if len(known) == 2 else None
        return self.emission


class FoundOptics(NamedTuple):
    """What is known of the optics of a file's image; nothing where the file does not tell."""

    numerical_aperture: float | None = None
    refractive_index: float | None = None
    channels: tuple[ChannelOptics, ...] = ()

    def channel(self, index: int | None) -> ChannelOptics:
        """One channel; None stands for the only one, since of several none is meant. Nothing is known of one that is not there."""
        if index is None:
            return self.channels[0] if len(self.channels) == 1 else ChannelOptics()
        return self.channels[index] if 0 <= index < len(self.channels) else ChannelOptics()


def read_optics(path: str | Path) -> FoundOptics:
    """Read what an image's file tells of the optics, from an OME-TIFF or an OME-Zarr with the OME-XML that bioformats2raw writes.

    Parameters
    ----------
    path : path
        Of the file or the store, or of one of the images in a store.

    Returns
    -------
    FoundOptics
        Of the first image, as `read_image` takes it. Empty for all other files, and where metadata is missing or damaged: then nothing is
        known.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file.")
    try:
        xml, number = _of_store(path) if path.is_dir() else (_of_tiff(path), 0)
        return _found(ElementTree.fromstring(xml), number) if xml else FoundOptics()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - damaged files and metadata may raise anything, and tell nothing
        return FoundOptics()


def _of_tiff(path: Path) -> str | None:
    if path.suffix.lower() not in (".tif", ".tiff", ".btf", ".tf8"):
        return None
    with tifffile.TiffFile(path) as tiff:
        xml: str | None = tiff.ome_metadata
        return xml


def _of_store(path: Path) -> tuple[str | None, int]:
    """The XML of a store, and which of its images is meant."""
    for root, number in ((path, 0), (path.parent, int(path.name) if path.name.isdigit() else None)):
        if number is not None and (root / OME_ZARR_XML).is_file():
            return (root / OME_ZARR_XML).read_text(encoding="utf-8"), number
    return None, 0


def _found(ome: ElementTree.Element, number: int) -> FoundOptics:
    image = ome.findall("{*}Image")[number]
    settings = image.find("{*}ObjectiveSettings")
    objectives = ome.findall("{*}Instrument/{*}Objective")
    if settings is not None:
        objectives = [each for each in objectives if each.get("ID") == settings.get("ID")]
    # without a word on which of several it was, none is it
    aperture = _positive(objectives[0].get("LensNA")) if len(objectives) == 1 else None
    index = _positive(settings.get("RefractiveIndex")) if settings is not None else None
    return FoundOptics(aperture, index, tuple(_channel(each) for each in image.findall("{*}Pixels/{*}Channel")))


def _channel(channel: ElementTree.Element) -> ChannelOptics:
    excitation = _length(channel, "ExcitationWavelength")
    light = channel.find("{*}LightSourceSettings")
    if excitation is None and light is not None:
        excitation = _length(light, "Wavelength")
    return ChannelOptics(_length(channel, "EmissionWavelength"), excitation, MODES.get(channel.get("AcquisitionMode", "")))


def _length(element: ElementTree.Element, name: str) -> float | None:
    """An attribute that is a length, in nm, in which OME gives wavelengths where it names no unit."""
    value, unit = _positive(element.get(name)), unit_name(element.get(f"{name}Unit", "nm"))
    return None if value is None or unit not in METRES else float(f"{convert(value, unit, 'nanometer'):.9g}")


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if isfinite(value) and value > 0 else None
