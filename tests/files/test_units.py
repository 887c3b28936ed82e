import pytest

from napari_kernelgan.files.units import convert, unit_name, unit_symbol


@pytest.mark.parametrize("text", ["µm", "\u03bcm", "um", "micron", "Microns", "micrometer", "micrometre", "\\u00B5m", " µm "])
def test_the_micrometer_in_every_spelling(text):
    assert unit_name(text) == "micrometer"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nm", "nanometer"),
        ("millimetres", "millimeter"),
        ("Å", "angstrom"),
        ("m", "meter"),
        ("s", "second"),
        ("ms", "millisecond"),
        ("sec", "second"),
        ("pixels", None),
        ("", None),
        (None, None),
        ("furlong", "furlong"),
    ],
)
def test_other_units(text, name):
    assert unit_name(text) == name


def test_conversion_needs_both_units_of_one_kind():
    assert convert(250, "nanometer", "micrometer") == pytest.approx(0.25)
    assert convert(2, "minute", "second") == 120
    assert convert(3, "second", "micrometer") == 3
    assert convert(3, None, "micrometer") == 3


def test_symbols():
    assert [unit_symbol(unit) for unit in ("micrometer", None, "furlong")] == ["µm", "px", "furlong"]
