from __future__ import annotations

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


def said(layer: Image, **options: bool) -> list[str]:
    return in_words(layer.metadata[KEY], layer.data, **options).text.splitlines()


def test_of_a_spectral_estimate_error_bars_and_worth_are_told(image: Image) -> None:
    estimate = kg.estimate_kernel(image.data, method="spectral")
    (low, high), (least, most) = estimate.fwhm_interval
    major, minor, angle = estimate.fwhm
    widths, lengths, psf, worth = said(estimate_layer(image, 2, "spectral"))
    assert widths == f"SR kernel: FWHM {major:.2f} ({low:.2f}–{high:.2f}) × {minor:.2f} ({least:.2f}–{most:.2f}) px ·\xa0{angle:.0f}°"
    numbers = [float(word) for word in lengths.replace("(", " ").replace("–", " ").replace(")", " ").split() if word[0].isdigit()]
    np.testing.assert_allclose(numbers, np.array([major, low, high, minor, least, most]) * 0.1, rtol=0.01)
    assert lengths.endswith("µm")
    assert (psf, worth) == ("PSF: at least that wide", estimate.reliability.level)


def test_of_kernelgan_the_psf_is_told_too(image: Image) -> None:
    layer = estimate_layer(image, 2, "kernelgan", config=FAST)
    widths, lengths, psf, psf_lengths = said(layer)
    optics = kg.kernels.optics_fwhm(kg.KernelEstimate(layer.data, 2, "kernelgan"))
    assert (widths[:9], psf) == ("SR kernel", f"PSF: FWHM {optics.pixels.major:.2f} × {optics.pixels.minor:.2f} px")
    assert psf_lengths == f"= {optics.pixels.major / 10:#.3g} × {optics.pixels.minor / 10:#.3g} µm"
    assert optics.pixels.major > layer.metadata[KEY]["fwhm"]["major"]
    assert lengths.startswith("= ")


def test_reasons_for_doubt_are_told_on_request_and_in_the_details(image: Image) -> None:
    image.data = image.data[:60, :60]
    layer = estimate_layer(image, 2, "spectral")
    trust = layer.metadata[KEY]["reliability"]
    assert trust["reasons"]
    assert said(layer)[-1] == trust["level"]
    assert said(layer, reasons=True)[-len(trust["reasons"]) :] == list(trust["reasons"])
    assert all(reason in in_words(layer.metadata[KEY], layer.data).details for reason in trust["reasons"])


def test_in_pixels_there_are_no_lengths(image: Image) -> None:
    image.scale, image.units = (1, 1), ("pixel", "pixel")
    assert not any(line.startswith("=") for line in said(estimate_layer(image, 2, "spectral")))


@pytest.mark.parametrize(("seconds", "words"), [(0.0456, "0.046 s"), (64.9, "65 s"), (183.2, "183 s")])
def test_the_time_it_took(seconds: float, words: str) -> None:
    record = {"method": "spectral", "seed": 3, "seconds": seconds, "stopped": False}
    assert made_in_words("cells kernel", record) == f"cells kernel: spectral, seed 3, {words}"
