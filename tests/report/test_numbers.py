"""Numbers and curves of estimates whose kernel has a formula, and the tables that they are written to."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

import napari_kernelgan as kg
from napari_kernelgan.kernels import Optics
from napari_kernelgan.report.numbers import KERNEL, PSF, Number, curves_as_csv, in_words, kernel_numbers, numbers_as_csv, numbers_as_text

SIGMA = np.sqrt(3.0), np.sqrt(1.5)  # HR px, along y and x
ESTIMATE = kg.KernelEstimate(
    kg.kernels.gaussian(np.diag([3.0, 1.5]), 22),
    2,
    "spectral",
    reference="prior",
    fwhm_interval=((3.5, 4.6), (2.4, 3.3)),
    reliability=kg.Reliability("uncertain", ("noise",), ("The image is noisy.",)),
)
MICRO = replace(ESTIMATE, pixel_size=(0.2, 0.2), unit="µm")  # 0.1 µm to an HR pixel
OBLONG = replace(ESTIMATE, pixel_size=(0.2, 0.1), unit="µm")
OIL = Optics(1.4, 520.0)


def found(numbers, of=KERNEL):
    return {(n.name, n.unit): n for n in numbers if n.of == of}


def test_a_gaussian_s_numbers():
    numbers = found(kernel_numbers(ESTIMATE))
    assert numbers["reliability", ""].value == "uncertain"
    for name, sigma, interval in zip(("major", "minor"), SIGMA, ESTIMATE.fwhm_interval, strict=True):
        width = numbers[f"FWHM, {name} axis", "HR px"]
        assert width.value == pytest.approx(2.3548 * sigma, abs=0.01)
        assert (width.low, width.high) == interval
        assert numbers[f"MTF50, {name} axis", "cycles/HR px"].value == pytest.approx(0.18739 / sigma, abs=1e-4)
        for at, f in (("the image's", 0.25), ("the HR", 0.5)):
            expected = np.exp(-2 * np.pi**2 * f**2 * sigma**2)
            assert numbers[f"MTF at {at} Nyquist, {name} axis", ""].value == pytest.approx(expected, abs=1e-3)
    assert numbers["angle of the major axis", "°"].value == pytest.approx(90, abs=0.1)
    assert {unit for _, unit in numbers} == {"", "HR px", "cycles/HR px", "°"}


def test_energy_of_a_round_gaussian():
    numbers = found(kernel_numbers(replace(MICRO, kernel=kg.kernels.gaussian(2.0, 20))))
    for share in (0.5, 0.8):
        expected = np.sqrt(-2 * 2.0 * np.log(1 - share))
        assert numbers[f"radius of {100 * share:.0f} % energy", "HR px"].value == pytest.approx(expected, abs=0.01)
        assert numbers[f"radius of {100 * share:.0f} % energy", "µm"].value == pytest.approx(0.1 * expected, abs=0.001)


def test_lengths_and_frequencies_in_the_unit_of_the_image():
    numbers = found(kernel_numbers(MICRO))
    width = numbers["FWHM, major axis", "µm"]
    assert (width.value, width.low, width.high) == pytest.approx((0.23548 * SIGMA[0], 0.35, 0.46), abs=2e-3)
    assert numbers["MTF50, major axis", "cycles/µm"].value == pytest.approx(1.8739 / SIGMA[0], abs=2e-3)


def test_oblong_pixels():
    numbers = found(kernel_numbers(OBLONG))
    # along y 0.1 µm to an HR pixel, along x 0.05
    assert numbers["FWHM, major axis", "µm"].value == pytest.approx(0.23548 * SIGMA[0], abs=1e-3)
    assert numbers["FWHM, minor axis", "µm"].value == pytest.approx(0.11774 * SIGMA[1], abs=1e-3)
    assert numbers["MTF50, major axis", "cycles/µm"].value == pytest.approx(1.8739 / SIGMA[0], abs=2e-3)
    assert numbers["MTF50, minor axis", "cycles/µm"].value == pytest.approx(3.7478 / SIGMA[1], abs=4e-3)
    assert numbers["angle of the major axis, on the specimen", "°"].value == pytest.approx(90, abs=0.1)
    assert ("radius of 50 % energy", "µm") not in numbers  # a circle of pixels is none on the specimen
    assert ("radius of 50 % energy", "HR px") in numbers


def test_the_psf_of_a_self_similar_kernel_is_wider_and_so_are_its_bars():
    numbers = kernel_numbers(replace(ESTIMATE, reference="self-similar", method="kernelgan"))
    kernel, psf = (found(numbers, of)["FWHM, major axis", "HR px"] for of in (KERNEL, PSF))
    assert psf.value / kernel.value == pytest.approx(np.sqrt(4 / 3), rel=2e-3)
    assert (psf.low / kernel.low, psf.high / kernel.high) == pytest.approx((np.sqrt(4 / 3),) * 2, rel=2e-3)
    assert found(numbers, PSF)["MTF50, major axis", "cycles/HR px"].value == pytest.approx(0.18739 / SIGMA[0] / np.sqrt(4 / 3), rel=1e-2)


def test_comparison_with_theory():
    numbers = found(kernel_numbers(MICRO, OIL), PSF)
    alone, pixels = 0.51 * 0.52 / 1.4, np.sqrt((0.51 * 0.52 / 1.4) ** 2 + 8 * np.log(2) * 0.2**2 / 12)
    assert numbers["theory, optics alone: FWHM", "µm"].value == pytest.approx(alone)
    assert numbers["theory, with pixels: FWHM", "µm"].value == pytest.approx(pixels)
    ratio = numbers["FWHM against theory, major axis", "× theory"]
    assert ratio.value == pytest.approx(0.23548 * SIGMA[0] / pixels, rel=2e-3)
    assert (ratio.low, ratio.high) == pytest.approx((0.35 / pixels, 0.46 / pixels), rel=2e-3)
    assert not any("theory" in name for name, _ in found(kernel_numbers(MICRO, OIL), KERNEL))  # theory knows no SR kernel
    assert not any("theory" in n.name for n in kernel_numbers(MICRO))


def test_theory_with_oblong_pixels_has_a_width_for_each_axis():
    numbers = found(kernel_numbers(OBLONG, OIL), PSF)
    for axis, side in (("major", 0.2), ("minor", 0.1)):
        expected = np.sqrt((0.51 * 0.52 / 1.4) ** 2 + 8 * np.log(2) * side**2 / 12)
        assert numbers[f"theory, with pixels: FWHM, {axis} axis", "µm"].value == pytest.approx(expected, rel=1e-4)


def test_without_a_pixel_size_theory_stands_alone():
    for estimate in (ESTIMATE, replace(ESTIMATE, pixel_size=(1, 1), unit="second")):
        theory = [n for n in kernel_numbers(estimate, OIL) if "theory" in n.name]
        assert [(n.name, n.unit) for n in theory] == [("theory, optics alone: FWHM", "nm")]
        assert theory[0].value == pytest.approx(0.51 * 520 / 1.4)


def test_an_angle_that_is_not_known_is_not_told():
    for spread, told in ((10.0, True), (45.0, False)):
        numbers = kernel_numbers(replace(ESTIMATE, details={"spectrum": {"angle_sd": spread}}))
        assert any(n.unit == "°" for n in numbers) == told


def test_what_lies_beyond_nyquist_is_said_to_be_above_it():
    numbers = found(
        kernel_numbers(kg.KernelEstimate(np.pad([[1.0]], 7)[:-1, :-1], 2, "given", reference="prior", pixel_size=(1, 1), unit="nm"))
    )
    for unit, limit in (("cycles/HR px", "0.500"), ("cycles/nm", "1.00")):
        number = numbers["MTF50, major axis", unit]
        assert np.isnan(number.value)
        assert in_words(number) == f"above {limit} {unit}"


def test_words():
    assert in_words(Number("", 3.1, 2.92, 3.3, "HR px")) == "3.10 (2.92–3.30) HR px"
    assert in_words(Number("", 0.2511, unit="µm")) == "0.251 µm"
    assert in_words(Number("", 251.2, unit="nm")) == "251 nm"
    assert in_words(Number("", 0.0123)) == "0.012"
    assert in_words(Number("", 1.25, 1.16, 1.34, "× theory")) == "1.25 (1.16–1.34) × theory"
    assert in_words(Number("", 58.4, unit="°")) == "58°"
    assert in_words(Number("", "reliable")) == "reliable"


def test_tables_hold_all_numbers():
    numbers = kernel_numbers(MICRO, OIL)
    rows = list(csv.DictReader(StringIO(numbers_as_csv(numbers))))
    assert len(rows) == len(numbers)
    for row, number in zip(rows, numbers, strict=True):
        assert (row["of"], row["name"], row["unit"]) == (number.of, number.name, number.unit)
        if isinstance(number.value, float):
            assert float(row["value"]) == pytest.approx(number.value, rel=1e-5, nan_ok=True)
        assert (row["low"] == "") == (number.low is None)
    pasted = [line.split("\t") for line in numbers_as_text(numbers).splitlines()]
    assert [dict(zip(pasted[0], line, strict=True)) for line in pasted[1:]] == rows


def test_curves_as_csv():
    rows = list(csv.DictReader(StringIO(curves_as_csv(MICRO))))
    kinds = {(row["of"], row["curve"], row["axis"]) for row in rows}
    each = {("profile", "major"), ("profile", "minor"), ("MTF", "major"), ("MTF", "minor"), ("encircled energy", "")}
    assert kinds == {(of, *curve) for of in (KERNEL, PSF) for curve in each}
    for axis, sigma in zip(("major", "minor"), SIGMA, strict=True):
        for kind, expected in (
            ("profile", lambda x, s=sigma: np.exp(-0.5 * (x / s) ** 2)),
            ("MTF", lambda x, s=sigma: np.exp(-2 * (np.pi * s * x) ** 2)),
        ):
            some = [row for row in rows if (row["of"], row["curve"], row["axis"]) == (KERNEL, kind, axis)]
            x, y, physical = (np.array([float(row[name]) for row in some]) for name in ("x", "y", "x_physical"))
            np.testing.assert_allclose(y, expected(x), atol=2e-3)
            np.testing.assert_allclose(physical, x * 0.1 if kind == "profile" else x / 0.1, rtol=1e-4)
            units = ("HR px", "µm") if kind == "profile" else ("cycles/HR px", "cycles/µm")
            assert {(row["x_unit"], row["physical_unit"]) for row in some} == {units}


def test_curves_without_a_size_have_no_physical_column_filled():
    assert {row["x_physical"] for row in csv.DictReader(StringIO(curves_as_csv(ESTIMATE)))} == {""}
    oblong = [row for row in csv.DictReader(StringIO(curves_as_csv(OBLONG))) if row["curve"] == "encircled energy"]
    assert {row["x_physical"] for row in oblong} == {""}
