"""What comes back from the records of layers."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

import napari_kernelgan as kg
from napari_kernelgan.plugin.actions import estimate_layer
from napari_kernelgan.plugin.layers import as_layer, kernel_layer
from napari_kernelgan.plugin.records import KEY, estimate_in, estimate_record, has_depth, record_of
from napari_kernelgan.plugin.source import Source


def test_an_estimate_comes_back_from_its_layer_with_all_that_is_on_record(small: np.ndarray) -> None:
    estimate = kg.KernelEstimate(
        kg.kernels.gaussian(2.0),
        2,
        "kernelgan",
        seed=3,
        fwhm_interval=((3.0, 4.0), (2.0, 3.5)),
        reliability=kg.Reliability("uncertain", ("noise",), ("The image is noisy.",)),
        history=kg.History({"sum": np.geomspace(1, 1e-3, 1000)}),
        pixel_size=(0.2, 0.1),
        unit="micrometer",
    )
    source = Source.of(Image(small, name="cells"))
    found = estimate_in(as_layer(kernel_layer(source, estimate.kernel, 2, estimate_record(estimate, source))))
    same = ("scale", "method", "seed", "fwhm_interval", "reliability", "reference", "pixel_size", "unit")
    assert {name: getattr(found, name) for name in same} == {name: getattr(estimate, name) for name in same}
    np.testing.assert_array_equal(found.kernel, estimate.kernel)
    np.testing.assert_allclose(found.history.losses["sum"], estimate.history.losses["sum"][found.history.steps - 1], rtol=1e-5)


def test_of_other_layers_there_is_none(small: np.ndarray) -> None:
    for layer in (Image(small), Image(small, metadata={KEY: {"kind": "upscaled image"}})):
        with pytest.raises(kg.InputError, match="no kernel"):
            estimate_in(layer)


@pytest.mark.parametrize(("label", "depth"), [("z", True), ("depth", False), ("time", False)])
def test_kernels_of_volumes_are_known(small: np.ndarray, label: str, depth: bool) -> None:
    layer = Image(np.stack([small, small]), axis_labels=(label, "y", "x"))
    for plane in (None, (1,)):
        assert has_depth(record_of(estimate_layer(layer, method="spectral", config={"prior": "natural"}, plane=plane))) == depth
    assert not has_depth(record_of(layer))
