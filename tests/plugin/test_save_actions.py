from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.files.images import read_image
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
from napari_kernelgan.plugin.save_actions import findings_of, iter_save_layers, save_layers
from napari_kernelgan.plugin.trust_actions import check_layer
from napari_kernelgan.progress import run

from .short import FAST_ZSSR

PLACED = {"scale": (0.2, 0.2), "units": ("µm", "µm"), "translate": (5, -3)}


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def image(viewer: ViewerModel, small: np.ndarray) -> Image:
    return viewer.add_image(small, name="cells", **PLACED)


def test_layers_are_read_back_from_their_files(viewer, image, upscaled, tmp_path):
    check_layer(upscaled, viewer=viewer)
    viewer.add_layer(residual_layer(upscaled, viewer=viewer))
    saved = save_layers(tmp_path, upscaled=upscaled, viewer=viewer)
    assert saved.notes == ()
    names = ["kernel.tif", "kernel.json", "upscaled.ome.tif", "upscaled.json", "figure.png", "methods.txt", "provenance.txt"]
    assert [path.name for path in saved.files] == names
    estimate = kg.estimate_kernel(image.data)
    back = kg.load_kernel(tmp_path / "kernel.tif")
    np.testing.assert_allclose(back.kernel, estimate.kernel, atol=1e-7)
    assert (back.pixel_size, back.unit, back.config, back.reliability) == ((0.2, 0.2), "micrometer", estimate.config, estimate.reliability)
    large = read_image(tmp_path / "upscaled.ome.tif")
    np.testing.assert_array_equal(large.data, upscaled.data)
    assert large.pixel_size == pytest.approx((0.1, 0.1))
    assert (large.axes, large.unit) == ("YX", "micrometer")
    record = json.loads((tmp_path / "upscaled.json").read_text(encoding="utf-8"))
    assert record["badge"]["level"] in ("pass", "warn", "no-evidence")
    methods = (tmp_path / "methods.txt").read_text(encoding="utf-8")
    assert "Checked against the image" in methods
    assert "the upscale left a residual with an rms of" in methods
    assert "RESIDUAL\n========" in (tmp_path / "provenance.txt").read_text(encoding="utf-8")


def test_layers_may_be_given(image, upscaled, viewer, tmp_path):
    saved = save_layers(tmp_path, viewer.layers["cells kernel"], upscaled, image)
    assert (tmp_path / "figure.png") in saved.files


def test_tables_are_made_of_the_kernel(viewer, upscaled, tmp_path):
    tables = lambda estimate: {"kernel.csv": f"name,px\nmajor,{estimate.fwhm.major}\n"}  # noqa: E731
    save_layers(tmp_path, upscaled=upscaled, viewer=viewer, tables=tables)
    major = float((tmp_path / "kernel.csv").read_text().split(",")[-1])
    assert major == pytest.approx(kg.load_kernel(tmp_path / "kernel.tif").fwhm.major, rel=1e-4)


def test_a_stack_with_time_and_a_plane_of_it(viewer, small, tmp_path):
    planes = np.stack([small, small[::-1], small[:, ::-1]])
    placed = {"scale": (2, 0.2, 0.2), "units": ("s", "µm", "µm"), "axis_labels": ("time", "y", "x")}
    movie = viewer.add_image(planes, name="movie", **placed)
    for name, plane in (("all", None), ("one", (1,))):
        kernel, large = run_layer(movie, upscaler="inverse", plane=plane)
        save_layers(tmp_path / name, kernel, large, movie)
        with tifffile.TiffFile(tmp_path / name / "upscaled.ome.tif") as file:
            assert 'TimeIncrement="2.0"' in file.ome_metadata
        back = read_image(tmp_path / name / "upscaled.ome.tif")
        np.testing.assert_array_equal(np.asarray(back.data).reshape(large.data.shape), large.data)
        assert (tmp_path / name / "figure.png").exists()
    assert "plane" in (tmp_path / "one" / "provenance.txt").read_text(encoding="utf-8")


def test_a_part_of_a_stack_that_is_z_for_its_user(viewer, small, tmp_path):
    stack = viewer.add_image(np.stack([small] * 4), name="stack", scale=(0.5, 0.2, 0.2), units=("µm",) * 3)
    layers = process_stack_layer(stack, upscaler="inverse", axes="Z", ranges={"Z": (1, 3)})
    kernel, large = (viewer.add_layer(layer) for layer in layers)
    save_layers(tmp_path, upscaled=large, viewer=viewer, image_format="ome-zarr")
    back = read_image(tmp_path / "upscaled.ome.zarr")
    np.testing.assert_array_equal(np.asarray(back.data), large.data)
    assert (back.axes, back.calibration.z_spacing) == ("ZYX", 0.5)
    assert (tmp_path / "kernel.tif").exists()


def test_what_is_gone_is_left_out_and_told(viewer, image, upscaled, tmp_path):
    viewer.layers.remove(image)
    viewer.layers.remove(viewer.layers["cells kernel"])
    saved = save_layers(tmp_path, upscaled=upscaled, viewer=viewer)
    assert [path.name for path in saved.files] == ["upscaled.ome.tif", "upscaled.json", "methods.txt", "provenance.txt"]
    assert any("The kernel of 'cells x2'" in note for note in saved.notes)
    assert any("Layer 'cells', which 'cells x2' was made from" in note for note in saved.notes)
    methods = (tmp_path / "methods.txt").read_text(encoding="utf-8")
    assert 'a kernel estimated from it with the method "spectral" and seed 0' in methods


def test_a_kernel_alone(viewer, image, tmp_path):
    kernel = viewer.add_layer(estimate_layer(image))
    saved = save_layers(tmp_path / "a", kernel, viewer=viewer)
    assert [path.name for path in saved.files] == ["kernel.tif", "kernel.json", "figure.png", "methods.txt", "provenance.txt"]
    viewer.layers.remove(image)
    saved = save_layers(tmp_path / "b", kernel, viewer=viewer)
    assert "Layer 'cells', which 'cells kernel' was made from, is not among the layers." in saved.notes


def test_a_kernel_whose_pixels_were_changed_is_saved_as_given(viewer, image, tmp_path):
    kernel = viewer.add_layer(estimate_layer(image))
    kernel.data = kg.kernels.gaussian(4.0, len(kernel.data))
    save_layers(tmp_path, kernel, viewer=viewer)
    back = kg.load_kernel(tmp_path / "kernel.tif")
    assert (back.method, back.reliability, back.fwhm_interval) == ("given", None, None)
    assert "was given, not estimated" in (tmp_path / "methods.txt").read_text(encoding="utf-8")


def test_a_map_and_a_bicubic_upscale(viewer, image, tmp_path):
    for layer in map_kernels_layer(image, tile=64):
        viewer.add_layer(layer)
    varying = viewer.add_layer(upscale_layer(image, layer))
    saved = save_layers(tmp_path / "map", upscaled=varying, viewer=viewer)
    assert kg.load_kernel_map(tmp_path / "map" / "kernels.tif").shape == (2, 2)
    assert saved.notes == ("There is no figure: it shows one kernel, and this is a map of them.",)
    plain = viewer.add_layer(upscale_layer(image, method="bicubic"))
    saved = save_layers(tmp_path / "plain", upscaled=plain, viewer=viewer)
    assert [path.name for path in saved.files] == ["upscaled.ome.tif", "upscaled.json", "methods.txt", "provenance.txt"]


def test_what_was_found_out_belongs_to_its_upscale(viewer, image, upscaled):
    kernel = viewer.layers["cells kernel"]
    trained = viewer.add_layer(upscale_layer(image, kernel, config=FAST_ZSSR))
    for _ in range(2):
        viewer.add_layer(residual_layer(upscaled, viewer=viewer))
    viewer.add_layer(added_detail_layer(trained, viewer=viewer))
    viewer.add_layer(disagreement_layer(image, kernel, seeds=2, config=FAST_ZSSR))
    assert [record["kind"] for record in findings_of(viewer, upscaled)] == ["residual"]
    assert [record["kind"] for record in findings_of(viewer, trained)] == ["added detail", "seed spread"]


def test_it_refuses_at_the_call_and_runs_on_without_the_layers(viewer, upscaled, tmp_path):
    with pytest.raises(kg.InputError, match="nothing to save: estimate a kernel"):
        iter_save_layers(tmp_path)
    with pytest.raises(kg.InputError, match="ome-tiff, ome-zarr"):
        iter_save_layers(tmp_path, upscaled=upscaled, viewer=viewer, image_format="png")
    steps = iter_save_layers(tmp_path, upscaled=upscaled, viewer=viewer)
    viewer.layers.clear()
    assert len(run(steps).files) == 7
    with pytest.raises(kg.InputError, match="already: choose another folder"):
        iter_save_layers(tmp_path, upscaled=upscaled, viewer=viewer)
