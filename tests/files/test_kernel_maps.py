"""Maps of kernels come back from disk as they were written."""

import json

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import InputError


@pytest.fixture(scope="module")
def found(small):
    image = small.astype(np.float32)
    image[:, 30:] = 100
    return kg.map_kernels(image, tile=48, overlap=0.2)


def test_a_map_comes_back(found, tmp_path):
    assert found.missing.any()
    path = kg.save_kernel_map(tmp_path / "map", found, source="small.tif")
    assert path == tmp_path / "map.tif"
    again = kg.load_kernel_map(tmp_path / "map")
    for name in ("kernels", "raw_kernels"):
        assert_allclose(getattr(again, name), getattr(found, name), atol=1e-7)
    for name in ("rows", "columns", "fwhm", "fwhm_interval", "covariance", "covariance_sd", "raw_fwhm", "raw_fwhm_interval"):
        assert_array_equal(getattr(again, name), getattr(found, name))
    assert_array_equal(again.reliability, found.reliability)
    for name in ("scale", "image_size", "tile", "reasons", "smooth", "method", "seed", "stopped", "config", "details"):
        assert getattr(again, name) == getattr(found, name)
    record = json.loads((tmp_path / "map.json").read_text())
    assert (record["kind"], record["source"], record["method"]) == ("kernel map", "small.tif", "spectral")
    pages = tifffile.imread(path)
    assert (pages.shape, pages.dtype) == ((2, *found.kernels.shape), np.float32)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["map.json", "map.tif"]


def test_maps_without_error_bars_and_given_ones_too(tmp_path):
    known = kg.given_map(lambda y, x: kg.kernels.gaussian(2.0), (60, 1))
    again = kg.load_kernel_map(kg.save_kernel_map(tmp_path / "known.tif", known))
    assert again.fwhm_interval is None
    assert_allclose(again.kernels, known.kernels, atol=1e-7)
    assert again.shape == known.shape == (3, 1)


def test_what_is_no_map_is_refused(found, tmp_path, true_kernel):
    with pytest.raises(InputError, match="KernelMap"):
        kg.save_kernel_map(tmp_path / "no", true_kernel)
    with pytest.raises(InputError, match="JSON"):
        kg.save_kernel_map(tmp_path / "no", found, source=object())
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError):
        kg.load_kernel_map(tmp_path / "nothing.tif")
    kg.save_kernel(tmp_path / "single", true_kernel, scale=2)
    with pytest.raises(InputError, match="map of kernels"):
        kg.load_kernel_map(tmp_path / "single.tif")
    path = kg.save_kernel_map(tmp_path / "map", found)
    path.write_bytes(b"II")
    with pytest.raises(InputError, match="cannot be read"):
        kg.load_kernel_map(path)
