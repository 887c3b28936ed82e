"""Optics in the OME metadata of real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

import napari_kernelgan as kg
from napari_kernelgan.files.ome_optics import ChannelOptics, FoundOptics, read_optics

PLANES = np.zeros((2, 16, 16), np.uint16)
INSTRUMENT = (
    '<Instrument ID="Instrument:0"><Laser ID="LightSource:0" Wavelength="488"/>'
    '<Objective ID="Objective:0" LensNA="0.8"/><Objective ID="Objective:1" LensNA="1.4" Immersion="Oil"/></Instrument>'
)
SETTINGS = '<ObjectiveSettings ID="Objective:1" RefractiveIndex="1.518"/>'
CHANNELS = (
    'EmissionWavelength="520.0" EmissionWavelengthUnit="nm" ExcitationWavelength="488.0" AcquisitionMode="SpinningDiskConfocal"',
    'EmissionWavelength="0.61" EmissionWavelengthUnit="µm" ExcitationWavelength="5610" ExcitationWavelengthUnit="Å"',
)
TOLD = FoundOptics(1.4, 1.518, (ChannelOptics(520.0, 488.0, "confocal"), ChannelOptics(610.0, 561.0)))


def described(xml: str, instrument: str = INSTRUMENT, settings: str = SETTINGS, channels: tuple[str, ...] = CHANNELS) -> str:
    """tifffile's own OME-XML with optics put in where the schema has them."""
    head, _, rest = xml.partition("<Image ")
    if instrument:
        head += instrument
    before, _, pixels = rest.partition("<Pixels ")
    xml = f"{head}<Image {before}{settings}<Pixels {pixels}"
    for number, channel in enumerate(channels):
        xml = xml.replace(f'<Channel ID="Channel:0:{number}" ', f'<Channel ID="Channel:0:{number}" {channel} ')
    return xml


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """An OME-TIFF of two channels that tells nothing of optics."""
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, PLANES, ome=True, metadata={"axes": "CYX", "Channel": {"Name": ["actin", "nuclei"]}}, photometric="minisblack")
    return path


def told(path: Path, **parts: object) -> FoundOptics:
    xml = tifffile.tiffcomment(path)
    changed = described(xml, **parts)
    assert changed != xml or parts
    tifffile.tiffcomment(path, changed.encode())
    return read_optics(path)


def test_an_ome_tiff_tells_aperture_index_and_wavelengths_in_nm(plain):
    assert told(plain) == TOLD
    assert kg.files.images.read_image(plain).axes == "CYX"  # still a file that can be read


def test_the_image_s_own_objective_counts_else_the_only_one(plain):
    single = '<Instrument ID="Instrument:0"><Objective ID="Objective:7" LensNA="0.95"/></Instrument>'
    assert told(plain, instrument=single, settings="").numerical_aperture == 0.95


def test_of_several_objectives_none_is_guessed(plain):
    found = told(plain, settings="")
    assert (found.numerical_aperture, found.refractive_index) == (None, None)
    assert found.channels == TOLD.channels


def test_an_objective_that_is_not_there_tells_nothing(plain):
    assert told(plain, settings='<ObjectiveSettings ID="Objective:9"/>').numerical_aperture is None


def test_the_laser_s_setting_stands_in_for_a_missing_excitation(plain):
    channel = 'EmissionWavelength="520" AcquisitionMode="TotalInternalReflection"><LightSourceSettings ID="LightSource:0" Wavelength="488"/'
    xml = described(tifffile.tiffcomment(plain), channels=())
    start = xml.index("<Channel ")
    end = xml.index("</Channel>" if xml[xml.index(">", start) - 1] != "/" else "/>", start)
    xml = xml[:start] + f'<Channel ID="Channel:0:0" SamplesPerPixel="1" {channel}></Channel>' + xml[end:].partition(">")[2]
    tifffile.tiffcomment(plain, xml.encode())
    assert read_optics(plain).channels[0] == ChannelOptics(520.0, 488.0, None)


def test_files_that_tell_nothing(plain, tmp_path):
    assert read_optics(plain) == FoundOptics(channels=(ChannelOptics(), ChannelOptics()))
    tifffile.imwrite(tmp_path / "plain.tif", PLANES)
    (tmp_path / "notes.png").write_bytes(b"no picture")
    zarr.open_group(tmp_path / "plain.zarr", mode="w")
    for name in ("plain.tif", "notes.png", "plain.zarr"):
        assert read_optics(tmp_path / name) == FoundOptics()
    with pytest.raises(kg.InputError, match="no such file"):
        read_optics(tmp_path / "gone.ome.tif")


@pytest.mark.parametrize("value", ["", "abc", "-1", "0", "nan", "inf"])
def test_values_that_make_no_sense_are_left_out(plain, value):
    instrument = INSTRUMENT.replace('"1.4"', f'"{value}"')
    found = told(plain, instrument=instrument, channels=(f'EmissionWavelength="{value}"',))
    assert found.numerical_aperture is None
    assert found.channels[0] == ChannelOptics()
    assert found.refractive_index == 1.518


def test_wavelengths_in_units_that_are_no_lengths_are_left_out(plain):
    assert told(plain, channels=('EmissionWavelength="520" EmissionWavelengthUnit="eV"',)).channels[0].emission is None


@pytest.mark.parametrize("cut", [0.3, 0.8, 0.99])
def test_damaged_metadata_tells_nothing(plain, cut):
    xml = described(tifffile.tiffcomment(plain))
    tifffile.tiffcomment(plain, xml[: int(cut * len(xml))].encode())
    assert read_optics(plain) == FoundOptics()


def test_a_damaged_file_tells_nothing(plain):
    plain.write_bytes(plain.read_bytes()[:100])
    assert read_optics(plain) == FoundOptics()


def test_an_ome_zarr_with_ome_xml(plain, tmp_path):
    store = tmp_path / "cells.zarr"
    for image in ("0", "1"):
        zarr.open_group(store / image, mode="w")
    first = described(tifffile.tiffcomment(plain))
    second = first[first.index("<Image ") : first.index("</Image>") + 8].replace("520.0", "700.0").replace("Image:0", "Image:1")
    xml = first.replace("</Image>", "</Image>" + second)
    (store / "OME").mkdir()
    (store / "OME" / "METADATA.ome.xml").write_text(xml, encoding="utf-8")
    assert read_optics(store) == read_optics(store / "0") == TOLD
    assert read_optics(store / "1").channels[0].emission == 700.0
    (store / "OME" / "METADATA.ome.xml").write_text(xml[:-9], encoding="utf-8")
    assert read_optics(store) == FoundOptics()


def test_which_wavelength_counts():
    channel = ChannelOptics(520.0, 488.0)
    assert [channel.wavelength(mode) for mode in ("widefield", "light sheet", "confocal", "confocal, closed pinhole")] == [
        520,
        520,
        488,
        504,
    ]
    assert ChannelOptics(520.0).wavelength("confocal, closed pinhole") is None
    assert TOLD.channel(1) == TOLD.channels[1]
    assert TOLD.channel(None) == TOLD.channel(5) == ChannelOptics()
    assert TOLD._replace(channels=(channel,)).channel(None) == channel
