from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.plugin import (
    added_detail_layer,
    disagreement_layer,
    estimate_layer,
    map_kernels_layer,
    process_stack_layer,
    residual_layer,
    run_layer,
    upscale_layer,
)
from napari_kernelgan.plugin.lineage import estimate_in, kernel_of, source_of
from napari_kernelgan.plugin.records import is_picture
from napari_kernelgan.plugin.source import Source
from napari_kernelgan.plugin.trust_actions import check_layer, iter_disagreement_layer, iter_residual_layer
from napari_kernelgan.progress import run

from .short import FAST, FAST_ZSSR
from .test_placement import corners

KEY = "napari_kernelgan"
PLACED = {"scale": (0.2, 0.2), "units": ("µm", "µm"), "translate": (5, -3), "rotate": 20}


@pytest.fixture
def viewer() -> ViewerModel:
    """What looks for layers, without a window."""
    return ViewerModel()


@pytest.fixture
def image(viewer: ViewerModel, small: np.ndarray) -> Image:
    return viewer.add_image(small, name="cells", **PLACED)


# --- The three layers and the badge ---------------------------------------------------------------------------------------------------


def test_the_residual_is_that_of_the_python_function(viewer, image, kernel, upscaled):
    layer = residual_layer(upscaled, viewer=viewer)
    expected = kg.consistency(image.data, upscaled.data, kernel.data)
    np.testing.assert_array_equal(layer.data, expected.residual)
    record = layer.metadata[KEY]
    for name in ("rms", "correlation", "structured", "noise"):
        assert record[name] == getattr(expected, name)
    assert (layer.name, record["kind"], record["kernel"]["layer"]) == ("cells x2 residual", "residual", "cells kernel")
    assert tuple(layer.contrast_limits) == (-4, 4)
    np.testing.assert_allclose(corners(layer), corners(image), atol=1e-9)
    assert tuple(layer.units) == tuple(image.units)
    json.dumps(record)


def test_added_detail_is_that_of_the_python_function(viewer, image, upscaled):
    layer = added_detail_layer(upscaled, viewer=viewer)
    expected = kg.added_detail(image.data, upscaled.data)
    np.testing.assert_array_equal(layer.data, expected.difference)
    assert layer.metadata[KEY]["share"] == expected.share
    assert layer.name == "cells x2 added detail"
    low, high = layer.contrast_limits
    assert -low == high == pytest.approx(np.percentile(np.abs(expected.difference), 99.9))
    np.testing.assert_allclose(corners(layer), corners(upscaled), atol=1e-9)


def test_the_spread_is_that_of_upscales_with_several_seeds(image, kernel):
    layer = disagreement_layer(image, kernel, seeds=3, seed=5, device="cpu", config=FAST_ZSSR)
    upscales = [kg.upscale(image.data, kernel.data, seed=seed, device="cpu", config=FAST_ZSSR) for seed in (5, 6, 7)]
    expected = kg.disagreement(upscales)
    np.testing.assert_array_equal(layer.data, expected.spread)
    record = layer.metadata[KEY]
    assert (record["rms"], record["seeds"], record["stopped"]) == (expected.rms, [5, 6, 7], False)
    assert (record["method"], record["config"]["max_steps"]) == ("zssr", FAST_ZSSR["max_steps"])
    assert layer.name == "cells seed spread"
    assert expected.rms > 0
    np.testing.assert_allclose(corners(layer), corners(upscale_layer(image, None, method="bicubic")), atol=1e-9)
    json.dumps(record)


def test_the_badge_is_that_of_the_python_function(viewer, image, upscaled):
    estimate = kg.estimate_kernel(image.data)
    found = check_layer(upscaled, viewer=viewer)
    assert found == kg.badge(image.data, estimate, upscaled.data)
    record = upscaled.metadata[KEY]["badge"]
    assert (record["level"], record["codes"], record["reasons"]) == (found.level, list(found.codes), list(found.reasons))
    assert record["measures"] == found.measures
    json.dumps(record)


def test_the_badge_tells_what_zssr_gained_on_withheld_parts(viewer, image, kernel):
    config = FAST_ZSSR | {"max_steps": 12, "check_every": 6}
    layer = upscale_layer(image, kernel, config=config)
    gain = layer.metadata[KEY]["planes"][0]["stages"][0]["held_out_gain"]
    assert check_layer(layer, image, kernel).measures["held_out_gain"] == pytest.approx(gain)


def test_the_badge_knows_that_the_upscaling_was_stopped(image, kernel):
    config = FAST_ZSSR | {"max_steps": 400}
    layer = upscale_layer(image, kernel, config=config, callback=lambda progress: progress.step < 3)
    assert layer.metadata[KEY]["stopped"]
    assert "stopped" in check_layer(layer, image, kernel).codes


def test_what_was_found_out_is_no_image_to_work_on(viewer, image, kernel, upscaled):
    layers = (
        residual_layer(upscaled, image, kernel),
        added_detail_layer(upscaled, image),
        disagreement_layer(image, kernel, seeds=2, config=FAST_ZSSR),
    )
    assert [is_picture(layer) for layer in (image, upscaled, *layers)] == [True, True, False, False, False]


# --- Which layers they are made from --------------------------------------------------------------------------------------------------


def test_layers_are_found_whatever_they_are_called_now(viewer, image, kernel, upscaled):
    image.name, kernel.name, upscaled.name = "a", "b", "c"
    viewer.add_image(np.asarray(image.data) // 2, name="cells")  # another one that has taken the name
    assert source_of(viewer, upscaled) is image
    assert kernel_of(viewer, upscaled) is kernel
    assert residual_layer(upscaled, viewer=viewer).name == "c residual"


def test_an_image_that_is_gone_is_named(viewer, image, upscaled):
    viewer.layers.remove(image)
    for act in (residual_layer, added_detail_layer, check_layer):
        with pytest.raises(kg.InputError, match="Layer 'cells', which 'cells x2' was made from, is not among the layers: open"):
            act(upscaled, viewer=viewer)
    assert added_detail_layer(upscaled, image).name == "cells x2 added detail"


def test_a_kernel_that_is_gone_or_changed_is_named(viewer, image, kernel, upscaled):
    kernel.data = kernel.data[::-1]
    with pytest.raises(kg.InputError, match=r"The kernel of 'cells x2' \('cells kernel'\) is not among the layers, or was changed"):
        check_layer(upscaled, viewer=viewer)
    viewer.layers.remove(kernel)
    with pytest.raises(kg.InputError, match="not among the layers, or was changed"):
        residual_layer(upscaled, viewer=viewer)
    added_detail_layer(upscaled, viewer=viewer)  # which needs none
    assert residual_layer(upscaled, image, kg.kernels.gaussian(2.0)).metadata[KEY]["rms"] > 0


def test_an_image_that_was_changed_is_noticed(viewer, image, upscaled):
    image.data = image.data[::-1]
    with pytest.raises(kg.InputError, match="pixels of 'cells' are not those that 'cells x2' was made from"):
        residual_layer(upscaled, viewer=viewer)


def test_without_a_viewer_the_layers_have_to_be_given(upscaled, image, kernel):
    with pytest.raises(kg.InputError, match=r"give it \(image=\)"):
        residual_layer(upscaled)
    assert residual_layer(upscaled, image, kernel).metadata[KEY]["rms"] > 0


def test_what_is_no_upscaled_layer_is_refused(viewer, image, kernel):
    for layer in (image, kernel):
        with pytest.raises(kg.InputError, match="is no upscaled image"):
            residual_layer(layer, viewer=viewer)


def test_an_estimate_comes_back_from_its_layer_unless_its_pixels_were_changed(image, kernel):
    back, made = estimate_in(kernel), kg.estimate_kernel(image.data)
    np.testing.assert_array_equal(back.kernel, made.kernel)
    for name in ("method", "seed", "config", "reliability", "fwhm_interval", "reference"):
        assert getattr(back, name) == getattr(made, name)
    assert back.pixel_size == (0.2, 0.2)
    kernel.data = kg.kernels.gaussian(4.0, len(kernel.data))
    changed = estimate_in(kernel)
    assert (changed.method, changed.reliability) == ("given", None)


def test_a_kernel_that_was_changed_before_upscaling_is_not_taken_for_the_spectral_estimate(viewer, image, kernel):
    kernel.data = kg.kernels.gaussian(8.0, 24)
    layer = viewer.add_layer(upscale_layer(image, kernel, method="inverse"))
    assert "kernel-disagrees" in check_layer(layer, viewer=viewer).codes


# --- Every kind of upscale ------------------------------------------------------------------------------------------------------------


def test_a_bicubic_upscale_is_judged_with_the_latest_kernel_of_its_image(viewer, image):
    plain = viewer.add_layer(upscale_layer(image, method="bicubic"))
    with pytest.raises(kg.InputError, match="'cells x2' is a bicubic upscale, which undoes no kernel: estimate"):
        residual_layer(plain, viewer=viewer)
    assert added_detail_layer(plain, viewer=viewer).metadata[KEY]["share"] < 0.01
    viewer.add_layer(estimate_layer(image))
    latest = viewer.add_layer(estimate_layer(image, seed=1))
    assert residual_layer(plain, viewer=viewer).metadata[KEY]["kernel"]["layer"] == latest.name
    assert {"nothing-added"} <= set(check_layer(plain, viewer=viewer).codes)


def test_a_map_of_kernels(viewer, image):
    widths, ellipses = (viewer.add_layer(layer) for layer in map_kernels_layer(image, tile=64))
    layer = viewer.add_layer(upscale_layer(image, ellipses))
    found = residual_layer(layer, viewer=viewer)
    assert found.metadata[KEY]["kernel"]["tiles"] == [2, 2]
    field = kg.map_kernels(image.data, tile=64)
    np.testing.assert_allclose(found.data, kg.consistency(image.data, layer.data, field).residual, atol=1e-6)
    assert added_detail_layer(layer, viewer=viewer).metadata[KEY]["share"] > 0
    with pytest.raises(kg.InputError, match="made with a map of kernels, and the badge is about one kernel"):
        check_layer(layer, viewer=viewer)
    with pytest.raises(kg.InputError, match="inverse, which is what undoes a map of kernels, gives the same with every seed"):
        disagreement_layer(image, widths)


@pytest.mark.parametrize("method", ["inverse", "bicubic"])
def test_what_has_no_seed_has_no_spread(image, kernel, method):
    with pytest.raises(kg.InputError, match=f"The upscaler {method} gives the same with every seed.*Use zssr"):
        disagreement_layer(image, kernel, method=method)
    with pytest.raises(kg.InputError, match="at least 2 seeds"):
        disagreement_layer(image, kernel, seeds=1)


def test_lazy_upscales(viewer, small, kernel):
    stack = np.stack([small, small[::-1]])
    lazy = viewer.add_image(da.from_array(stack, chunks=(1, -1, -1)), name="lazy", contrast_limits=(0, 255))
    layer = viewer.add_layer(upscale_layer(lazy, kernel, method="inverse"))
    assert isinstance(layer.data, da.Array)
    found = residual_layer(layer, viewer=viewer)
    upscale = np.asarray(layer.data)
    np.testing.assert_array_equal(found.data, kg.consistency(stack, upscale, kernel.data, axes="TYX").residual)
    added = added_detail_layer(layer, viewer=viewer)
    np.testing.assert_array_equal(added.data, kg.added_detail(stack, upscale, axes="TYX").difference)
    assert check_layer(layer, viewer=viewer) == kg.badge(stack, kernel.data, upscale, axes="TYX")


def test_scale_4_with_stages(viewer, small):
    image = viewer.add_image(np.tile(small, (2, 2)), name="large")
    settings = kg.Settings(kernelgan=FAST, zssr=FAST_ZSSR | {"start": "bicubic"})
    kernel, layer = (viewer.add_layer(each) for each in run_layer(image, 4, "kernelgan", config=settings))
    assert len(estimate_in(kernel).stages) == 2
    found = residual_layer(layer, viewer=viewer)
    assert found.metadata[KEY]["rms"] == pytest.approx(kg.consistency(image.data, layer.data, kernel.data, 4).rms)
    assert check_layer(layer, viewer=viewer).level in ("pass", "warn", "no-evidence")


def test_a_plane_of_a_stack(viewer, small):
    stack = viewer.add_image(np.stack([small, small[::-1], small[:, ::-1]]), name="movie", scale=(2, 0.2, 0.2), translate=(7, 0, 1))
    kernel, layer = (viewer.add_layer(each) for each in run_layer(stack, upscaler="inverse", plane=(1,)))
    found, added = residual_layer(layer, viewer=viewer), added_detail_layer(layer, viewer=viewer)
    np.testing.assert_array_equal(found.data[0], kg.consistency(stack.data[1], layer.data[0], kernel.data).residual)
    assert found.data.shape == (1, 96, 80)
    np.testing.assert_allclose(found.translate, [9, 0, 1])
    np.testing.assert_allclose(corners(found), corners(layer), atol=1e-9)
    np.testing.assert_array_equal(added.data[0], kg.added_detail(stack.data[1], layer.data[0]).difference)
    assert check_layer(layer, viewer=viewer) == kg.badge(stack.data[1], kg.estimate_kernel(stack.data[1]), layer.data[0])


def test_colours(viewer, small):
    colour = viewer.add_image(np.stack([small, small[:, ::-1], 255 - small], -1), name="colour")
    kernel, layer = (viewer.add_layer(each) for each in run_layer(colour, upscaler="inverse"))
    found, added = residual_layer(layer, viewer=viewer), added_detail_layer(layer, viewer=viewer)
    assert (found.rgb, found.data.shape, added.data.shape) == (False, (96, 80), (192, 160))
    np.testing.assert_array_equal(found.data, kg.consistency(colour.data, layer.data, kernel.data).residual)
    assert disagreement_layer(colour, kernel, seeds=2, config=FAST_ZSSR).data.shape == (192, 160)
    assert check_layer(layer, viewer=viewer).measures["width_ratio"] == pytest.approx(1)


def test_a_part_of_a_stack(viewer, small):
    planes = np.stack([small, small[::-1], small[:, ::-1], small[::-1, ::-1]])
    stack = viewer.add_image(planes, name="movie", scale=(3, 1, 1))
    kernel, layer = (viewer.add_layer(each) for each in process_stack_layer(stack, upscaler="inverse", ranges={"T": (1, 3)}))
    found = residual_layer(layer, viewer=viewer)
    np.testing.assert_array_equal(found.data, kg.consistency(planes[1:3], layer.data, kernel.data, axes="TYX").residual)
    np.testing.assert_allclose(corners(found), corners(layer), atol=1e-9)
    assert found.translate[0] == 3
    assert kernel_of(viewer, layer) is kernel


def test_a_stack_with_a_kernel_for_each_plane_is_told_apart(viewer, small):
    stack = viewer.add_image(np.stack([small, small[::-1]]), name="movie")
    kernels, layer = (viewer.add_layer(each) for each in process_stack_layer(stack, upscaler="inverse", share="plane"))
    with pytest.raises(kg.InputError, match="'movie x2' was made with 2 kernels, each for some of its planes: upscale a single plane"):
        residual_layer(layer, viewer=viewer)
    assert added_detail_layer(layer, viewer=viewer).data.shape == layer.data.shape


# --- Stopping -------------------------------------------------------------------------------------------------------------------------


def test_the_spread_reports_and_stops_between_seeds(image, kernel):
    config = FAST_ZSSR | {"max_steps": 6, "check_every": 3}
    steps, stages = [], []

    def watch(progress):
        steps.append(progress.step / progress.total)
        stages.append(progress.stage)
        return not progress.stage.endswith("seed 3 of 4")

    layer = disagreement_layer(image, kernel, seeds=4, device="cpu", config=config, callback=watch)
    record = layer.metadata[KEY]
    assert (record["seeds"], record["stopped"]) == ([0, 1], True)
    assert steps == sorted(steps)
    assert steps[-1] < 0.75
    assert {stage.rpartition(", ")[2] for stage in stages} == {"seed 1 of 4", "seed 2 of 4", "seed 3 of 4"}
    expected = kg.disagreement([kg.upscale(image.data, kernel.data, seed=seed, device="cpu", config=config) for seed in (0, 1)])
    np.testing.assert_array_equal(layer.data, expected.spread)


def test_a_stop_before_two_seeds_leaves_nothing(image, kernel):
    with pytest.raises(kg.InputError, match="Stopped before two seeds were done"):
        disagreement_layer(image, kernel, config=FAST_ZSSR, callback=lambda _: False)
    steps = iter_disagreement_layer(Source.of(image), kernel, seeds=2, config=FAST_ZSSR)
    assert run(steps, lambda _: False) is None


def test_a_stop_leaves_planes_out_of_the_residual(viewer, small, kernel):
    stack = viewer.add_image(np.stack([small, small[::-1], small]), name="movie")
    layer = viewer.add_layer(upscale_layer(stack, kernel, method="inverse"))
    found = residual_layer(layer, viewer=viewer, callback=lambda progress: progress.step < 2)
    assert found.metadata[KEY]["stopped"]
    assert np.isfinite(found.data[:2]).all()
    assert np.isnan(found.data[2]).all()


def test_layers_are_read_at_the_call(viewer, image, kernel, upscaled):
    steps = iter_residual_layer(upscaled, viewer=viewer)
    expected = kg.consistency(image.data, upscaled.data, kernel.data).residual
    viewer.layers.clear()
    kernel.data = kernel.data[::-1]
    values, *_ = run(steps)
    np.testing.assert_array_equal(values, expected)
