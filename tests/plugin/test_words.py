from __future__ import annotations

import re

import numpy as np
import pytest
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.plugin.actions import estimate_layer
from napari_kernelgan.plugin.words import in_words, made_in_words

from .short import FAST

KEY = "napari_kernelgan"


@pytest.fixture
def image(sharp: np.ndarray, true_kernel: np.ndarray) -> Image:
    return Image(kg.degrade(sharp, true_kernel), name="cells", scale=(0.2, 0.2), units=("µm", "µm"))


def said(layer: Image) -> list[str]:
    return in_words(layer.metadata[KEY], layer.data).text.splitlines()


def test_of_a_spectral_estimate_error_bars_and_worth_are_told(image: Image) -> None:
    estimate = kg.estimate_kernel(image.data, method="spectral")
    (low, high), (least, most) = estimate.fwhm_interval
    major, minor, angle = estimate.fwhm
    worth, *widths, bars, pixels, psf = said(estimate_layer(image, 2, "spectral"))
    prior = estimate.details["spectrum"]["prior"]
    assert worth == f"SR kernel (spectral, prior {prior}): {estimate.reliability.level}"
    lengths, turned = "\n".join(widths).split(", ")
    numbers = [float(number) for number in re.findall(r"[\d.]+", lengths)]
    np.testing.assert_allclose(numbers, np.array([major, low, high, minor, least, most]) * 0.1, rtol=0.01)
    assert [line.endswith(" µm") for line in lengths.splitlines()] == [True, True]
    assert turned == f"at\xa0{angle:.0f}°"
    assert "90 %" in bars
    assert pixels == f"= {major:.2f} × {minor:.2f} px of the upscaled image"
    assert "at least as wide" in psf


def test_of_kernelgan_the_psf_is_told_too(image: Image) -> None:
    layer = estimate_layer(image, 2, "kernelgan", config=FAST)
    method, widths, bars, _, psf = said(layer)
    optics = kg.kernels.optics_fwhm(kg.KernelEstimate(layer.data, 2, "kernelgan"))
    assert psf == f"PSF of the image: FWHM {optics.pixels.major / 10:#.3g} × {optics.pixels.minor / 10:#.3g} µm"
    assert optics.pixels.major > layer.metadata[KEY]["fwhm"]["major"]
    assert (method, widths[:5]) == ("SR kernel (kernelgan)", "FWHM ")
    assert "no error bars" in bars


def test_the_direction_is_told_only_where_it_is_known(image: Image, sharp: np.ndarray) -> None:
    assert any("°" in line for line in said(estimate_layer(image, 2, "spectral")))
    image.data = kg.degrade(sharp, kg.kernels.gaussian(2.2))
    assert not any("°" in line for line in said(estimate_layer(image, 2, "spectral")))


def test_reasons_for_doubt_are_told(image: Image) -> None:
    image.data = image.data[:60, :60]
    layer = estimate_layer(image, 2, "spectral")
    trust = layer.metadata[KEY]["reliability"]
    assert trust["reasons"]
    first, *others = trust["reasons"]
    assert said(layer)[-len(trust["reasons"]) :] == [f"Why {trust['level']}: {first}", *others]


def test_in_pixels_there_are_no_lengths(image: Image) -> None:
    image.scale, image.units = (1, 1), ("pixel", "pixel")
    lines = said(estimate_layer(image, 2, "spectral"))
    assert re.fullmatch(r"FWHM [\d.]+ \([\d.]+–[\d.]+\) px", lines[1])
    assert not any("µm" in line or line.startswith("=") for line in lines)
    assert "px: pixels of the upscaled image" in lines


@pytest.mark.parametrize(("seconds", "words"), [(0.0456, "0.046\xa0s"), (64.9, "65\xa0s"), (183.2, "183\xa0s")])
def test_the_time_it_took(seconds: float, words: str) -> None:
    record = {"method": "spectral", "seed": 3, "seconds": seconds, "stopped": False}
    assert made_in_words("cells kernel", record) == f"cells kernel: spectral, seed 3, {words}"
