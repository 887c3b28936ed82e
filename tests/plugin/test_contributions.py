"""What the manifest promises napari."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import numpy as np
import pytest
from napari import Viewer
from npe2 import PluginManifest

import napari_kernelgan as kg
from napari_kernelgan.plugin.field_widget import FieldWidget
from napari_kernelgan.plugin.stack_widget import StackWidget
from napari_kernelgan.plugin.widget import KernelGANWidget

ROOT = Path(__file__).parents[2] / "napari.yaml"
INSTALLED = Path(kg.__file__).parent / "napari.yaml"
KEY = "napari_kernelgan"
WIDGETS = {"napari-kernelgan.widget": KernelGANWidget, "napari-kernelgan.stack": StackWidget, "napari-kernelgan.field": FieldWidget}


def test_the_installed_manifest_is_the_one_at_the_root() -> None:
    assert INSTALLED.read_text() == ROOT.read_text()


def test_the_manifest_is_valid_and_what_it_names_can_be_imported() -> None:
    manifest = PluginManifest.from_distribution("napari-kernelgan")
    manifest.validate_imports()


def test_what_the_napari_hub_shows_is_there() -> None:
    manifest = PluginManifest.from_distribution("napari-kernelgan")
    about = manifest.package_metadata
    assert (manifest.display_name, manifest.visibility) == ("KernelGAN", "public")
    assert [str(category) for category in manifest.categories] == ["Image Processing", "Measurement"]
    assert "Framework :: napari" in about.classifier
    assert about.requires_python == ">=3.11"
    assert len(about.summary) > 60
    assert len(about.description) > 1000
    assert about.description_content_type.startswith("text/markdown")
    assert metadata("napari-kernelgan")["License-Expression"] == "BSD-3-Clause"


def test_the_widgets_are_in_two_menus_of_layers() -> None:
    menus = PluginManifest.from_file(ROOT).contributions.menus
    assert {menu: [item.command for item in items] for menu, items in menus.items()} == {
        "napari/layers/measure": ["napari-kernelgan.estimate", *WIDGETS],
        "napari/layers/filter": ["napari-kernelgan.run", *WIDGETS],
    }


@pytest.mark.parametrize(("command", "kind"), WIDGETS.items())
def test_the_menus_open_the_widgets(viewer: Viewer, command: str, kind: type) -> None:
    from napari._app_model import get_app_model

    for menu in ("napari/layers/measure", "napari/layers/filter"):
        assert command in [item.command.id for item in get_app_model().menus.get_menu(menu) if hasattr(item, "command")]
    get_app_model().commands.execute_command(command)
    assert [type(docked) for docked in viewer.window.dock_widgets.values()] == [kind]


SAMPLES = [("photograph", (256, 256), "uint8"), ("fluorescence", (256, 256), "uint16"), ("timeseries", (8, 256, 256), "uint16")]


@pytest.mark.parametrize(("key", "shape", "dtype"), SAMPLES)
def test_samples_open_and_are_what_their_record_says(viewer: Viewer, key: str, shape: tuple[int, ...], dtype: str) -> None:
    (layer,) = viewer.open_sample("napari-kernelgan", key)
    assert (layer.data.shape, layer.data.dtype) == (shape, dtype)
    truth = layer.metadata[KEY]
    kernels = np.array(truth["kernels"])
    assert len(kernels) == (shape[0] if len(shape) > 2 else 1)
    np.testing.assert_allclose(kernels.sum((1, 2)), 1)
    assert [width["major"] for width in truth["fwhm"]] == pytest.approx([kg.kernels.fwhm(kernel).major for kernel in kernels])


def test_the_photograph_is_degraded_with_its_kernel(viewer: Viewer, sharp: np.ndarray) -> None:
    (layer,) = viewer.open_sample("napari-kernelgan", "photograph")
    np.testing.assert_array_equal(layer.data, kg.degrade(sharp, np.array(layer.metadata[KEY]["kernels"][0])))


def test_the_drift_of_the_time_series_is_found(viewer: Viewer) -> None:
    (layer,) = viewer.open_sample("napari-kernelgan", "timeseries")
    true = np.array([width["major"] for width in layer.metadata[KEY]["fwhm"]])
    found = kg.estimate_kernels(layer.data)
    assert [each.reliability.level for each in found] == ["reliable"] * len(true)
    widths = np.array([np.sqrt(each.fwhm.major * each.fwhm.minor) for each in found])
    np.testing.assert_allclose(widths, true, rtol=0.2)  # the section has a blur of its own
    assert np.corrcoef(widths, true)[0, 1] > 0.9
    assert widths[true.argmax()] > 1.25 * widths[true.argmin()]


def test_neither_import_nor_widgets_load_torch_or_plots() -> None:
    program = (
        "import sys; from magicgui.application import use_app; use_app('qt').get_obj; from qtpy.QtWidgets import QApplication;"
        "app = QApplication([]); from napari.components import ViewerModel;"
        "from napari_kernelgan.plugin import field_widget, samples, stack_widget, widget; widget.KernelGANWidget(ViewerModel());"
        "stack_widget.StackWidget(ViewerModel()); field_widget.FieldWidget(ViewerModel());"
        "print('torch' in sys.modules, 'matplotlib.backends.backend_qtagg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_the_package_itself_loads_neither_napari_nor_qt() -> None:
    program = "import sys, napari_kernelgan; print([m for m in ('napari', 'qtpy', 'magicgui', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
