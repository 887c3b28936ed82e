"""A record for people: nothing that matters is left out, and nothing that is the default is in."""

import numpy as np
import pytest

import napari_kernelgan as kg
from napari_kernelgan.files.kernels import kernel_record
from napari_kernelgan.report.provenance_text import as_text, readable
from napari_kernelgan.report.reading import KINDS
from napari_kernelgan.report.verdict import duration, finding_in_words, measures_in_words


@pytest.fixture(scope="module")
def tiny(small):
    return small[:64, :56]


@pytest.fixture(scope="module")
def estimate(tiny):
    return kg.estimate_kernel(np.stack([tiny, tiny[::-1]]), axes="TYX", seed=3)


def rows(record):
    return {title: dict(rows) for title, rows in readable(record)}


def test_a_kernel(estimate):
    record = kernel_record(estimate) | {
        "pixel_size": [0.2, 0.1],
        "unit": "micrometer",
        "fwhm_physical": {"major": 0.5, "minor": 0.4, "unit": "micrometer"},
        "source": {"layer": "cells", "path": "/data/cells.tif", "plane": None, "region": [10, 20, 60, 50]},
    }
    told = rows(record)
    assert list(told) == ["Result", "Made from", "Method", "Settings", "Versions"]
    low, high = (end * 0.5 / estimate.fwhm.major for end in estimate.fwhm_interval[0])
    shown = [value for title, pairs in readable(record) if title == "Result" for label, value in pairs if label == "FWHM, major axis"]
    assert shown[0] == f"0.500 µm (90 % error bar: {low:#.3g} to {high:#.3g})"
    assert shown[1].startswith(f"{estimate.fwhm.major:.2f} px of the upscaled image (90 % error bar: ")
    assert told["Result"]["reliability"] == estimate.reliability.level
    assert told["Made from"] == {
        "image layer": "cells",
        "file": "/data/cells.tif",
        "region": "rows 10 to 59, columns 20 to 49",
        "pixels": "2 × 64 × 56 uint8, axes TYX",
        "planes pooled": "2",
        "value range": "0 to 255",
        "pixel size": "0.2 × 0.1 µm (y, x)",
        "SHA-256": record["input"]["sha256"],
    }
    assert told["Method"]["seed"] == "3"
    assert told["Method"]["prior"] == record["spectrum"]["prior"]
    assert told["Settings"] == {"all as": "by default"}
    assert told["Versions"]["napari-kernelgan"] == kg.__version__


def test_only_settings_that_are_not_the_defaults(tiny, true_kernel):
    info = dict(vars(kg.upscale(tiny, true_kernel, config={"max_steps": 4, "layers": 3}).info))
    told = rows(info)
    assert told["Settings"] == {"max steps": "4 (default: 1000)", "layers": "3 (default: 5)"}
    assert told["Method"]["training steps"] == "4"
    published = kg.ZSSRConfig.published().model_dump(mode="json")
    assert rows(info | {"config": published})["Settings"] == {"all as": "published"}
    assert rows(info | {"config": published | {"crop": 96}})["Settings"] == {"all as": "published", "crop": "96 (published: 128)"}


def test_an_upscale_with_its_badge_and_kernel(tiny, true_kernel, estimate):
    image = kg.upscale(tiny, true_kernel, method="inverse")
    badge = kg.badge(tiny, true_kernel, image)
    given = dict(vars(image.info)) | {
        "kind": "upscaled image",
        "source": {"layer": "cells", "path": None, "plane": [2]},
        "kernel": {"layer": "cells kernel", "method": "spectral", "seed": 3, "sha256": "ab"},
        "badge": {"level": badge.level, "codes": badge.codes, "reasons": badge.reasons, "measures": badge.measures},
    }
    told = rows(given)
    assert told["Check"]["residual"].startswith(f"{badge.measures['residual_rms']:.2f} × noise")
    assert told["Made from"]["plane"] == "2"
    assert told["Made from"]["kernel by"] == "spectral, seed 3"
    assert told["Made from"]["kernel's SHA-256"] == "ab"


def test_what_was_found_out():
    common = {"scale": 2, "seconds": 1.0}
    residual = {"kind": "residual", "rms": 1.034, "correlation": 0.31, "structured": True, "noise": 2.5} | common
    assert rows(residual)["Result"]["residual"] == "1.03 × noise"
    assert rows(residual)["Result"]["correlation"] == "0.31, more than noise is left"
    spread = {"kind": "seed spread", "rms": 5.0, "value_range": [0, 1000], "seeds": [4, 5, 6]} | common
    assert dict(finding_in_words(spread))["spread over seeds"].endswith("0.50\N{NO-BREAK SPACE}% of its value range")
    assert dict(finding_in_words(spread))["seeds"] == "4 to 6"
    assert "45.0\N{NO-BREAK SPACE}%" in rows({"kind": "added detail", "share": 0.45} | common)["Result"]["added to bicubic"]


def test_text_has_straight_columns(estimate):
    text = as_text(readable(kernel_record(estimate)))
    indented = [line for line in text.splitlines() if line.startswith("  ")]
    wide = max(len(label) for _, pairs in readable(kernel_record(estimate)) for label, _ in pairs)
    assert all(line[wide + 2 : wide + 4] == "  " and line[wide + 4] != " " for line in indented)
    assert text.startswith("Result\n  kind ")


def test_measures_that_are_not_there_are_left_out():
    assert measures_in_words({}) == []
    assert [label for label, _ in measures_in_words({"held_out_gain": 0.5, "residual_rms": 1.0})] == ["residual", "withheld parts"]


@pytest.mark.parametrize(("seconds", "said"), [(0.123, "0.12 s"), (12.3, "12 s"), (125, "2 min 5 s")])
def test_times(seconds, said):
    assert duration(seconds) == said


def test_the_kinds_are_those_of_layers():
    records = pytest.importorskip("napari_kernelgan.plugin.records", exc_type=ImportError)
    assert set(KINDS) == {getattr(records, name) for name in ("KERNEL", "KERNELS", "MAP", "UPSCALED", "RESIDUAL", "ADDED", "SPREAD")}
