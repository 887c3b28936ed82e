from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.plugin import estimate_layer, run_layer, upscale_layer

from .short import FAST, FAST_ZSSR

KEY = "napari_kernelgan"


def test_the_kernel_is_that_of_the_python_function(tiny: np.ndarray) -> None:
    layer = estimate_layer(Image(tiny, name="cells"), 2, "kernelgan", seed=3, device="cpu", config=FAST)
    expected = kg.estimate_kernel(tiny, method="kernelgan", seed=3, device="cpu", config=FAST)
    assert layer.name == "cells kernel"
    np.testing.assert_array_equal(layer.data, expected.kernel)


def test_the_upscale_is_that_of_the_python_function(tiny: np.ndarray, true_kernel: np.ndarray) -> None:
    layer = upscale_layer(Image(tiny, name="cells"), true_kernel, seed=3, device="cpu", config=FAST_ZSSR)
    expected = kg.upscale(tiny, true_kernel, seed=3, device="cpu", config=FAST_ZSSR)
    assert layer.name == "cells x2"
    assert layer.data.dtype == np.uint8
    np.testing.assert_array_equal(layer.data, expected)


def test_a_kernel_layer_can_be_undone(tiny: np.ndarray) -> None:
    image = Image(tiny, name="cells")
    kernel, upscaled = run_layer(image, seed=3, config=kg.Settings(zssr=FAST_ZSSR))
    again = upscale_layer(image, kernel, seed=3, config=FAST_ZSSR)
    np.testing.assert_array_equal(upscaled.data, again.data)
    np.testing.assert_array_equal(upscaled.data, kg.upscale(tiny, kernel.data, seed=3, config=FAST_ZSSR))


def test_scale_4_goes_the_gradual_way(tiny: np.ndarray) -> None:
    image, published = Image(np.tile(tiny, (2, 2))), FAST_ZSSR | {"start": "bicubic"}
    kernel, upscaled = run_layer(image, 4, "kernelgan", config=kg.Settings(kernelgan=FAST, zssr=published))
    stages = upscaled.metadata[KEY]["planes"][0]["stages"]
    assert [stage["scale"] for stage in stages] == [2, 4]
    np.testing.assert_allclose(kernel.scale, [0.25, 0.25])
    kernel.data = kernel.data[::-1]  # its stages are those of another kernel now
    straight = upscale_layer(image, kernel, 4, config=published)
    assert [stage["scale"] for stage in straight.metadata[KEY]["planes"][0]["stages"]] == [4]


def test_the_record_tells_everything_and_goes_to_json(tiny: np.ndarray) -> None:
    image = Image(tiny, name="cells", scale=(0.2, 0.2), units=("µm", "µm"))
    kernel, upscaled = run_layer(image, 2, "kernelgan", seed=3, config=kg.Settings(kernelgan=FAST, zssr=FAST_ZSSR))
    record = json.loads(json.dumps(kernel.metadata[KEY]))
    assert (record["kind"], record["seed"], record["scale"], record["stopped"]) == ("kernel", 3, 2, False)
    assert record["config"]["steps"] == FAST["steps"]
    assert record["input"]["sha256"] == upscaled.metadata[KEY]["input"]["sha256"]
    assert (record["pixel_size"], record["unit"]) == ([0.2, 0.2], "micrometer")
    assert record["fwhm_physical"]["major"] == pytest.approx(record["fwhm"]["major"] * 0.1)
    assert record["source"]["layer"] == "cells"
    made = json.loads(json.dumps(upscaled.metadata[KEY]))
    assert (made["kind"], made["method"], made["config"]["max_steps"]) == ("upscaled image", "zssr", FAST_ZSSR["max_steps"])
    assert (made["kernel"]["layer"], made["kernel"]["seed"]) == ("cells kernel", 3)


def test_a_run_that_is_stopped_while_it_estimates_upscales_nothing(tiny: np.ndarray) -> None:
    settings = kg.Settings(kernelgan=FAST, zssr=FAST_ZSSR)
    layers = run_layer(Image(tiny, name="cells"), 2, "kernelgan", config=settings, callback=lambda progress: False)
    assert [layer.name for layer in layers] == ["cells kernel"]
    assert layers[0].metadata[KEY]["stopped"]


@pytest.mark.parametrize("size", [0.1, (1, 2, 3), (0, 1), ("a", 1), (1, float("inf"))])
def test_pixel_sizes_that_are_none_are_refused(tiny: np.ndarray, size: object) -> None:
    with pytest.raises(kg.InputError, match="two positive numbers"):
        estimate_layer(Image(tiny), pixel_size=size)


def test_a_pixel_size_that_is_given_overrides_the_layers_in_the_record_only(tiny: np.ndarray) -> None:
    image = Image(tiny, scale=(0.2, 0.2), units=("µm", "µm"))
    kernel = estimate_layer(image, pixel_size=(30, 30), unit="nm")
    assert (kernel.metadata[KEY]["pixel_size"], kernel.metadata[KEY]["unit"]) == ([30, 30], "nanometer")
    np.testing.assert_allclose(kernel.scale, [0.1, 0.1])


def test_a_size_in_pixels_is_no_size(tiny: np.ndarray) -> None:
    record = estimate_layer(Image(tiny)).metadata[KEY]
    assert (record["pixel_size"], record["unit"]) == (None, None)
    assert "fwhm_physical" not in record


def test_one_plane_of_a_stack(tiny: np.ndarray) -> None:
    stack = Image(np.stack([tiny, tiny[::-1], tiny[:, ::-1]]))
    kernel, upscaled = run_layer(stack, plane=(1,), config=kg.Settings(zssr=FAST_ZSSR))
    np.testing.assert_array_equal(kernel.data, kg.estimate_kernel(stack.data[1]).kernel)
    assert kernel.metadata[KEY]["source"]["plane"] == [1]
    assert upscaled.data.shape == (1, 128, 112)
    np.testing.assert_allclose(upscaled.translate, [1, -0.25, -0.25])


def test_a_region_is_estimated_from_and_the_whole_is_upscaled(small: np.ndarray) -> None:
    stack = Image(np.stack([small, small[::-1], small[:, ::-1]]), name="cells")
    for plane, expected in ((None, stack.data[:, 10:80, 20:75]), ((1,), stack.data[1, 10:80, 20:75])):
        kernel, upscaled = run_layer(stack, upscaler="inverse", plane=plane, region=(10, 20, 80, 75))
        np.testing.assert_array_equal(kernel.data, kg.estimate_kernel(expected).kernel)
        assert kernel.metadata[KEY]["source"]["region"] == [10, 20, 80, 75]
        assert kernel.translate[1] > 80  # beside the image, not beside the region
        assert "region" not in upscaled.metadata[KEY]["source"]
        assert upscaled.data.shape[1:] == (192, 160)


def test_a_region_of_colour(small: np.ndarray) -> None:
    colour = Image(np.stack([small, small[::-1], small[:, ::-1]], -1), rgb=True)
    kernel = estimate_layer(colour, region=(10, 20, 80, 75))
    np.testing.assert_array_equal(kernel.data, kg.estimate_kernel(colour.data[10:80, 20:75]).kernel)


def test_a_region_outside_the_image_is_refused(small: np.ndarray) -> None:
    with pytest.raises(kg.InputError, match=r"leaves the plane of size \(96, 80\)"):
        estimate_layer(Image(small), region=(10, 20, 80, 175))


def test_all_planes_of_a_stack(tiny: np.ndarray, true_kernel: np.ndarray) -> None:
    stack = Image(np.stack([tiny, tiny[::-1]]))
    np.testing.assert_array_equal(estimate_layer(stack).data, kg.estimate_kernel(stack.data).kernel)
    upscaled = upscale_layer(stack, true_kernel, config=FAST_ZSSR)
    np.testing.assert_array_equal(upscaled.data, kg.upscale(stack.data, true_kernel, config=FAST_ZSSR))


def test_a_colour_image(tiny: np.ndarray, true_kernel: np.ndarray) -> None:
    colour = np.stack([tiny, tiny[:, ::-1], 255 - tiny], axis=-1)
    upscaled = upscale_layer(Image(colour), true_kernel, config=FAST_ZSSR)
    assert upscaled.rgb
    assert upscaled.data.shape == (128, 112, 3)


def test_a_lazy_image_upscaled_bicubically_stays_lazy(tiny: np.ndarray) -> None:
    lazy = da.from_array(np.stack([tiny, tiny[::-1]]), chunks=(1, -1, -1))
    upscaled = upscale_layer(Image(lazy, contrast_limits=(0, 255)), method="bicubic")
    assert isinstance(upscaled.data, da.Array)
    assert upscaled.metadata[KEY]["method"] == "bicubic"
    np.testing.assert_array_equal(upscaled.data[1].compute(), kg.upscale(tiny[::-1], None, method="bicubic"))


@pytest.mark.parametrize("method", ["bicubic", "zssr"])
def test_uint16_near_saturation_does_not_wrap(tiny: np.ndarray, true_kernel: np.ndarray, method: str) -> None:
    bright = np.where(tiny > 128, 65535, 65535 - 40 * (128 - tiny.astype(int))).astype(np.uint16)
    upscaled = upscale_layer(Image(bright), true_kernel, method=method, config=FAST_ZSSR)
    assert upscaled.data.dtype == np.uint16
    assert upscaled.data.max() == 65535
    assert upscaled.data.min() > 50000  # the darkest pixel is over 60000; one wrapped would be near 0


def test_stopping_keeps_the_best_so_far(tiny: np.ndarray) -> None:
    layer = estimate_layer(Image(tiny), 2, "kernelgan", config=FAST, callback=lambda progress: progress.step < 5)
    assert layer.metadata[KEY]["stopped"]
    assert layer.metadata[KEY]["history"]["steps"][-1] == 5


def test_what_is_no_kernel_is_refused(tiny: np.ndarray) -> None:
    image = Image(tiny, name="cells")
    with pytest.raises(kg.InputError, match="'cells' is no kernel"):
        upscale_layer(image, image)
    with pytest.raises(kg.InputError, match="kernel is None"):
        upscale_layer(image)
    with pytest.raises(kg.InputError, match="scale 2, not 4"):
        upscale_layer(image, estimate_layer(image), 4)


@pytest.mark.parametrize("method", ["inverse", "bicubic"])
def test_lazy_results_have_their_record_too(tiny: np.ndarray, true_kernel: np.ndarray, method: str) -> None:
    lazy = Image(da.from_array(np.stack([tiny, tiny]), chunks=(1, -1, -1)), contrast_limits=(0, 255))
    upscaled = upscale_layer(lazy, true_kernel if method == "inverse" else None, method=method)
    assert isinstance(upscaled.data, da.Array)
    record = upscaled.metadata[KEY]
    assert (record["method"], record["input"]["shape"], record["scale"]) == (method, [2, 64, 56], 2)
    assert (record["config"] == kg.InverseConfig().model_dump(mode="json")) is (method == "inverse")
