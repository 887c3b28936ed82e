"""The form for the microscope: what can be typed, and what files tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari import Viewer
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.kernels import Optics
from napari_kernelgan.plugin.optics_form import OpticsForm

INSTRUMENT = '<Instrument ID="Instrument:0"><Objective ID="Objective:0" LensNA="1.4"/></Instrument>'
CHANNELS = (
    'EmissionWavelength="520.5" ExcitationWavelength="488" AcquisitionMode="SpinningDiskConfocal"',
    'EmissionWavelength="610"',
)


@pytest.fixture
def form(viewer: Viewer) -> OpticsForm:
    return OpticsForm(viewer)


@pytest.fixture
def image(viewer: Viewer, tmp_path: Path) -> Image:
    """A layer of an OME-TIFF of two channels, opened as napari opens it."""
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 16, 16), np.uint16), ome=True, metadata={"axes": "CYX"}, photometric="minisblack")
    xml = tifffile.tiffcomment(path).replace("<Image ", INSTRUMENT + "<Image ", 1)
    for number, channel in enumerate(CHANNELS):
        xml = xml.replace(f'ID="Channel:0:{number}"', f'ID="Channel:0:{number}" {channel}')
    tifffile.tiffcomment(path, xml.encode())
    (layer,) = viewer.open(path, plugin="napari")
    return layer


def filled(form: OpticsForm) -> tuple[str, str, str]:
    return form.aperture.value, form.wavelength.value, form.mode.value


def test_what_is_typed_is_a_microscope_and_what_is_empty_is_not_known(form: OpticsForm) -> None:
    assert form.optics is None
    form.aperture.value = " 1.4 "
    assert form.optics is None
    form.wavelength.value = "520"
    assert form.optics == Optics(1.4, 520.0)
    form.mode.value = "confocal, closed pinhole"
    assert form.optics == Optics(1.4, 520.0, "confocal, closed pinhole")


@pytest.mark.parametrize(
    ("aperture", "wavelength", "told"),
    [
        ("wide", "520", "'NA'"),
        ("1.4", "green", "wavelength"),
        ("1,4", "", "'NA'"),
        ("2", "520", "aperture"),
        ("1.4", "0.52", "nm"),
        ("nan", "520", "aperture"),
    ],
)
def test_what_cannot_be_used_is_named(form: OpticsForm, aperture: str, wavelength: str, told: str) -> None:
    form.aperture.value, form.wavelength.value = aperture, wavelength
    with pytest.raises(kg.InputError, match=told):
        _ = form.optics


def test_files_fill_the_form_channel_by_channel(form: OpticsForm, image: Image) -> None:
    told: list[object] = []
    form.changed.connect(told.append)
    form.fill(image, 0)
    assert filled(form) == ("1.4", "488", "confocal")
    assert len(told) == 1
    form.fill(image, 0)
    assert len(told) == 1
    form.mode.value = "widefield"  # there the emission counts
    assert filled(form) == ("1.4", "520.5", "widefield")
    assert len(told) == 2
    form.fill(image, 1)
    assert filled(form) == ("1.4", "610", "widefield")
    form.fill(image)  # of two channels none is meant
    assert filled(form)[:2] == ("1.4", "")


def test_a_wavelength_given_by_hand_stays_when_the_mode_changes(form: OpticsForm, image: Image) -> None:
    form.fill(image, 0)
    form.wavelength.value = "500"
    form.mode.value = "widefield"
    assert form.wavelength.value == "500"


def test_what_no_file_tells_is_left_empty(form: OpticsForm, image: Image, viewer: Viewer, tmp_path: Path) -> None:
    array = viewer.add_image(np.zeros((16, 16)))
    for other in (array, None):
        form.fill(image, 0)
        form.fill(other)
        assert filled(form)[:2] == ("", "")
    form.fill(image, 0)
    Path(image.source.path).unlink()
    form.fill(image, 0)
    assert filled(form)[:2] == ("", "")


def test_it_follows_the_channel_that_the_sliders_point_at(form: OpticsForm, image: Image, viewer: Viewer) -> None:
    image.axis_labels = ("c", "y", "x")
    viewer.dims.set_current_step(0, 0)
    form.follow(image)
    assert filled(form) == ("1.4", "488", "confocal")
    viewer.dims.set_current_step(0, 1)
    assert form.wavelength.value == ""  # of this channel the file has no wavelength of excitation
    viewer.layers.remove(image)
    viewer.dims.set_current_step(0, 0)
    form.follow(None)
    assert filled(form)[:2] == ("", "")
