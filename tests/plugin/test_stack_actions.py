from __future__ import annotations

import json
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.files.ngff import read_ngff
from napari_kernelgan.plugin import estimate_layer, map_kernels_layer, process_stack_layer, upscale_layer
from napari_kernelgan.plugin.layers import GAP
from napari_kernelgan.plugin.placement import Placement

from .test_placement import STACKS, corners

KEY = "napari_kernelgan"
CONFIG = kg.Settings(spectral={"prior": "natural"})
FAST = {"upscaler": "inverse", "config": CONFIG}
PLACED = {"scale": (2, 0.2, 0.2), "units": ("s", "µm", "µm"), "axis_labels": ("time", "y", "x"), "translate": (1, 5, -3)}


@pytest.fixture(scope="module")
def stack(sharp: np.ndarray) -> np.ndarray:
    """Planes of differing scenes, (3, 96, 96) uint8, that become more and more blurred."""
    scenes = sharp[100:292, 180:372], sharp[60:252, 100:292], sharp[300:492, 200:392]
    return np.stack([kg.degrade(scene, kg.kernels.gaussian(v)) for scene, v in zip(scenes, (1.5, 2.5, 4.0), strict=True)])


def test_the_result_is_that_of_the_python_function(stack: np.ndarray) -> None:
    kernels, upscaled = process_stack_layer(Image(stack, name="movie", **PLACED), share="plane", seed=3, **FAST)
    expected = kg.process_stack(stack, axes="TYX", share="plane", seed=3, **FAST)
    assert (kernels.name, upscaled.name) == ("movie kernels", "movie x2")
    np.testing.assert_array_equal(upscaled.data, expected.upscaled)
    for at, kernel in enumerate(expected.kernels):
        np.testing.assert_array_equal(kernels.data[at], kernel.kernel.astype(np.float32))
    rows = kernels.metadata[KEY]["stack"]["planes"]
    assert [row["T"] for row in rows] == [0, 1, 2]
    assert rows[0]["fwhm_major"] == pytest.approx(rows[0]["fwhm_major_px"] * 0.1)
    assert rows[0]["unit"] == "micrometer"
    assert json.loads(json.dumps(upscaled.metadata[KEY]))["stack"]["share"] == "plane"


def test_one_kernel_is_a_kernel_layer_that_can_be_undone(stack: np.ndarray) -> None:
    image = Image(stack, name="movie")
    kernel, upscaled = process_stack_layer(image, **FAST)
    assert kernel.name == "movie kernel"
    assert kernel.ndim == 2
    (again,) = process_stack_layer(image, kernel=kernel, upscaler="inverse")
    np.testing.assert_array_equal(again.data, upscaled.data)
    assert again.metadata[KEY]["method"] == "inverse"


@pytest.mark.parametrize("placed", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("disk", [False, True])
def test_a_part_of_a_stack_lies_where_its_planes_lie(stack: np.ndarray, placed: dict, disk: bool, tmp_path: Path) -> None:
    image = Image(stack, **placed)
    out = tmp_path / "out.ome.zarr" if disk else None
    kernel = kg.kernels.gaussian(2.0)
    (upscaled,) = process_stack_layer(image, kernel=kernel, ranges={"T": (1, 3)}, upscaler="bicubic", out=out)
    for at in (0, 1):
        full = Image(np.asarray(upscaled.data[0] if upscaled.multiscale else upscaled.data), **Placement.of(upscaled).keywords())
        np.testing.assert_allclose(corners(full, (at,)), corners(image, (at + 1,)), rtol=0, atol=1e-9)
    origin = upscaled.metadata[KEY]["source"]
    assert (origin["ranges"], origin["axes"]) == ({"T": [1, 3]}, "TYX")


def test_on_disk_the_layer_is_lazy_and_in_several_resolutions(stack: np.ndarray, tmp_path: Path) -> None:
    large, bicubic = np.tile(stack, (1, 2, 2)), {"kernel": kg.kernels.gaussian(2.0), "upscaler": "bicubic"}
    (upscaled,) = process_stack_layer(Image(large, **PLACED), out=tmp_path / "a.ome.zarr", **bicubic)
    assert upscaled.multiscale
    assert [level.shape for level in upscaled.data] == [(3, 384, 384), (3, 192, 192)]
    assert all(isinstance(level, da.Array) for level in upscaled.data)
    np.testing.assert_array_equal(upscaled.data[0].compute(), kg.process_stack(large, **bicubic).upscaled)
    written = read_ngff(tmp_path / "a.ome.zarr").calibration
    assert written.pixel_size == pytest.approx((0.1, 0.1))
    assert (written.unit, written.t_interval) == ("micrometer", 2.0)


def test_colour_and_axes_in_another_order_come_back_in_the_layers_order(stack: np.ndarray, tmp_path: Path) -> None:
    colour = np.stack([stack, stack[:, ::-1], 255 - stack], -1)
    kernel = kg.kernels.gaussian(2.0)
    (upscaled,) = process_stack_layer(Image(colour), kernel=kernel, upscaler="bicubic", out=tmp_path / "colour.ome.zarr")
    assert upscaled.rgb
    expected = kg.process_stack(colour, kernel=kernel, upscaler="bicubic").upscaled
    np.testing.assert_array_equal(np.asarray(upscaled.data[0] if upscaled.multiscale else upscaled.data), expected)
    turned = np.stack([stack, stack[:, ::-1]], 1)  # (3, 2, Y, X), whose first axis is C and whose second is T
    (upscaled,) = process_stack_layer(Image(turned), axes="CT", kernel=kernel, upscaler="bicubic", out=tmp_path / "turned.ome.zarr")
    expected = kg.process_stack(turned, kernel=kernel, upscaler="bicubic").upscaled
    np.testing.assert_array_equal(np.asarray(upscaled.data), expected)


def test_kernels_of_channels_are_seen_at_every_time(stack: np.ndarray) -> None:
    movie = np.stack([stack[:2], stack[1:]])  # (T, C, Y, X)
    image = Image(movie, axis_labels=("t", "c", "y", "x"), scale=(3, 1, 0.2, 0.2))
    (kernels,) = process_stack_layer(image, share="channel", upscaler="none", config=CONFIG)
    assert kernels.data.shape[:-2] == (2,)  # napari lays it along the image's second axis
    (swapped,) = process_stack_layer(image, axes="CT", share="channel", upscaler="none", config=CONFIG)
    assert swapped.data.shape[:-2] == (2, 2)
    np.testing.assert_array_equal(swapped.data[:, 0], swapped.data[:, 1])
    assert swapped.scale.tolist() == [3, 1, 0.1, 0.1]
    edge = image.data_to_world((0, 0, -0.5, 96 * (1 + GAP) - 0.5))
    np.testing.assert_allclose(swapped.data_to_world((0, 0, -0.5, -0.5)), edge, atol=1e-9)


def test_a_plane_that_fails_has_no_kernel_and_its_error_on_record(stack: np.ndarray) -> None:
    broken = stack.copy()
    broken[1] = 7
    (kernels,) = process_stack_layer(Image(broken), share="plane", upscaler="none", config=CONFIG)
    assert np.isnan(kernels.data).all((1, 2)).tolist() == [False, True, False]
    rows = kernels.metadata[KEY]["stack"]["planes"]
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert "constant" in rows[1]["error"]
    assert np.isfinite(kernels.contrast_limits).all()


def test_a_plane_without_values_stays_without(stack: np.ndarray) -> None:
    broken = stack.astype(np.float32)
    broken[1] = np.nan
    _, upscaled = process_stack_layer(Image(broken, contrast_limits=(0, 255)), **FAST)
    assert np.isnan(upscaled.data).all((1, 2)).tolist() == [False, True, False]


def test_what_is_stopped_in_memory_has_no_values_where_it_did_not_get(stack: np.ndarray) -> None:
    stop = lambda progress: progress.stage != "planes"  # noqa: E731
    image = Image(stack.astype(np.float32), contrast_limits=(0, 255))
    _, upscaled = process_stack_layer(image, callback=stop, **FAST)
    assert np.isnan(upscaled.data).all((1, 2)).tolist() == [False, True, True]
    assert upscaled.metadata[KEY]["stopped"]


def test_the_image_itself_is_not_overwritten(stack: np.ndarray, tmp_path: Path) -> None:
    out = tmp_path / "a.ome.zarr"
    (first,) = process_stack_layer(Image(stack), kernel=kg.kernels.gaussian(2.0), upscaler="bicubic", out=out)
    with pytest.raises(kg.InputError, match="is read from"):
        process_stack_layer(first, kernel=kg.kernels.gaussian(2.0), upscaler="bicubic", out=out, overwrite=True)
    with pytest.raises(kg.InputError, match="no ome-zarr"):
        process_stack_layer(first, upscaler="bicubic", out=tmp_path / "a.tif")


@pytest.mark.parametrize("axes", ["T", "TT", "QT"])
def test_axes_that_cannot_be_are_refused(stack: np.ndarray, axes: str) -> None:
    with pytest.raises(kg.InputError, match="axes="):
        process_stack_layer(Image(np.stack([stack, stack])), axes=axes)


# maps


@pytest.fixture(scope="module")
def varying(sharp: np.ndarray) -> np.ndarray:
    """A picture, 256 x 256, that is more blurred on the right."""
    field = kg.given_map(lambda y, x: kg.kernels.gaussian(1.0 + 3.0 * x / 255), (256, 256))
    return kg.degrade_field(sharp, field)


def test_the_map_is_that_of_the_python_function_and_lies_where_its_tiles_lie(varying: np.ndarray) -> None:
    image = Image(varying, name="cells", scale=(0.2, 0.2), units=("µm", "µm"), translate=(3, 4), rotate=20)
    widths, ellipses = map_kernels_layer(image, tile=96, config={"prior": "natural"})
    expected = kg.map_kernels(varying, tile=96, config={"prior": "natural"})
    assert (widths.name, ellipses.name) == ("cells FWHM (µm)", "cells kernel ellipses")
    np.testing.assert_allclose(widths.data, expected.fwhm_image("mean") * 0.1, rtol=1e-5)
    assert widths.data[:, -1].mean() > 1.2 * widths.data[:, 0].mean()
    for at in ((0, 0), (expected.shape[0] - 1, expected.shape[1] - 1)):
        tile = expected.rows[at[0]], expected.columns[at[1]]
        np.testing.assert_allclose(widths.data_to_world(at), image.data_to_world(tile), atol=1e-9)
    middle = np.array(ellipses.data[0]).mean(0)
    np.testing.assert_allclose(ellipses.data_to_world(middle), image.data_to_world((expected.rows[0], expected.columns[0])), atol=1e-4)
    assert len(ellipses.data) == expected.kernels.shape[0] * expected.kernels.shape[1]
    assert json.loads(json.dumps(widths.metadata[KEY]))["kind"] == "kernel map"
    assert ellipses.features["major"].to_numpy() == pytest.approx(expected.fwhm[..., 0].ravel() * 0.1)


def test_a_layer_is_upscaled_with_a_map(varying: np.ndarray) -> None:
    image = Image(varying, name="cells")
    layers = map_kernels_layer(image, tile=128, config={"prior": "natural"})
    expected = kg.upscale(varying, kg.map_kernels(varying, tile=128, config={"prior": "natural"}), method="inverse")
    for layer in layers:
        upscaled = upscale_layer(image, layer)
        np.testing.assert_array_equal(upscaled.data, expected)
        assert upscaled.metadata[KEY]["kernel"]["layer"] == layer.name
        assert upscaled.metadata[KEY]["kernel"]["tile"] == [128, 128]


def test_a_map_without_a_unit_is_in_pixels_and_seen_at_every_plane_of_a_stack(varying: np.ndarray) -> None:
    image = Image(np.stack([varying, varying]), name="cells", scale=(5, 1, 1))
    widths, ellipses = map_kernels_layer(image, tile=160, plane=(1,), which="major", config={"prior": "natural"})
    assert widths.name == "cells FWHM (HR px)"
    assert (widths.ndim, ellipses.ndim) == (2, 2)
    assert widths.metadata[KEY]["source"]["plane"] == [1]
    with pytest.raises(kg.InputError, match="no width"):
        map_kernels_layer(image, which="both")


def test_a_map_is_no_kernel_of_a_stack(varying: np.ndarray) -> None:
    image = Image(np.stack([varying, varying]))
    widths, _ = map_kernels_layer(image, tile=256, overlap=0, config={"prior": "natural"})
    with pytest.raises(kg.InputError, match="map of kernels"):
        process_stack_layer(image, kernel=widths)
    with pytest.raises(kg.InputError, match="is no kernel"):
        process_stack_layer(image, kernel=image)
    assert estimate_layer(image).name.endswith("kernel")
