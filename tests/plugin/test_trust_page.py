"""The Trust page in a panel of its own, in real viewers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from napari import Viewer
from napari.layers import Image
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLabel, QLineEdit, QMessageBox

import napari_kernelgan as kg
from napari_kernelgan.files.images import read_image
from napari_kernelgan.plugin import estimate_layer, map_kernels_layer, upscale_layer
from napari_kernelgan.plugin.panel import Panel
from napari_kernelgan.plugin.trust_page import CHIPS, TrustPage

from .short import ENDLESS_ZSSR, FAST_ZSSR, TIMEOUT

KEY = "napari_kernelgan"
WIDTH = 380  # px, of a narrow dock


class TrustPanel(Panel):
    """A panel with nothing but the page."""

    memory = "trust"

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(viewer)
        self.page = TrustPage(viewer, self._start)
        self._assemble(self.page, self.cancel_button, self.page.starting)

    def _choosers(self) -> tuple:
        return ()


@pytest.fixture
def panel(viewer: Viewer) -> TrustPanel:
    panel = TrustPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Trust")
    return panel


@pytest.fixture
def page(panel: TrustPanel) -> TrustPage:
    return panel.page


@pytest.fixture
def image(viewer: Viewer, small: np.ndarray) -> Image:
    return viewer.add_image(small, name="cells", scale=(0.2, 0.2), units=("µm", "µm"))


def test_it_tells_what_to_do_where_there_is_nothing(page: TrustPage, panel: TrustPanel, messages: list[str]) -> None:
    assert page.upscaled.value is None
    assert page.chip.value == "?  nothing to check: upscale an image first"
    for act in (page.check, page.residual, page.added_detail, page.seed_spread):
        act()
        assert messages.pop() == "error: There is no upscaled layer: upscale an image first."
    page.copy_methods()
    assert "nothing to save" in messages.pop()
    page.save("anywhere")
    assert "nothing to save" in messages.pop()
    assert not panel.running


def test_check_puts_the_badge_on_record_and_shows_it(page, panel, image, upscaled, finish) -> None:
    assert page.upscaled.value is upscaled  # the active layer
    assert page.chip.value == "?  not checked yet"
    assert not page.reasons.native.isVisibleTo(page.native)
    page.check()
    assert not any(each.enabled for each in page.starting)
    finish(panel)
    assert all(each.enabled for each in page.starting)
    expected = kg.badge(image.data, kg.estimate_kernel(image.data), upscaled.data)
    record = upscaled.metadata[KEY]["badge"]
    assert (record["level"], record["measures"]) == (expected.level, expected.measures)
    assert page.chip.shown == expected.level
    for reason in expected.reasons:
        assert f"• {reason}" in page.reasons.value
    assert f"{expected.measures['residual_rms']:.2f} × noise" in page.numbers.value
    assert f"{100 * expected.measures['added_share']:.1f}" in page.numbers.value
    assert panel.status.value.startswith("cells x2: ")


@pytest.mark.parametrize("level", ["pass", "warn", "no-evidence"])
def test_every_level_has_a_sign_and_words_of_its_own(page, upscaled, level) -> None:
    upscaled.metadata[KEY]["badge"] = {"level": level, "codes": [], "reasons": ["Because."], "measures": {}}
    page.show_badge(upscaled)
    said, ground, letters = CHIPS[level]
    words = {"pass": "pass", "warn": "warn", "no-evidence": "no evidence that it beats bicubic"}[level]
    assert page.chip.value == said
    assert said.endswith(f"  {words}")
    assert ground in page.chip.native.styleSheet()
    assert contrast(ground, letters) > 4.5  # WCAG's least for text
    assert page.reasons.value == "• Because."
    assert not page.numbers.native.isVisibleTo(page.native)
    assert len({CHIPS[level][0][0] for level in ("unchecked", "pass", "warn", "no-evidence")}) == 4


def contrast(one: str, other: str) -> float:
    """Ratio of two colours' luminances (WCAG 2)."""
    bright = []
    for colour in (one, other):
        part = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
        linear = np.where(part <= 0.03928, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        bright.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(bright) / min(bright)


def test_residual_and_added_detail_are_added_as_layers(viewer, page, panel, image, kernel, upscaled, finish) -> None:
    page.residual()
    finish(panel)
    residual = viewer.layers["cells x2 residual"]
    np.testing.assert_array_equal(residual.data, kg.consistency(image.data, upscaled.data, kernel.data).residual)
    assert "× noise" in panel.status.value
    page.added_detail()
    finish(panel)
    np.testing.assert_array_equal(viewer.layers["cells x2 added detail"].data, kg.added_detail(image.data, upscaled.data).difference)
    assert page.upscaled.value is upscaled
    assert viewer.layers.selection.active is upscaled  # what was added is not selected
    assert page.upscaled.choices == (upscaled,)


def test_the_seed_spread_has_the_layers_own_settings(viewer, page, panel, image, kernel, finish) -> None:
    layer = viewer.add_layer(upscale_layer(image, kernel, seed=7, device="cpu", config=FAST_ZSSR))
    page.show(layer)
    page.seeds.value = 2
    page.seed_spread()
    finish(panel)
    spread = viewer.layers["cells seed spread"]
    again = kg.upscale(image.data, kernel.data, seed=8, device="cpu", config=FAST_ZSSR)
    np.testing.assert_array_equal(spread.data, kg.disagreement([layer.data, again]).spread)
    assert spread.metadata[KEY]["seeds"] == [7, 8]
    assert "spread over seeds" in panel.status.value


def test_what_no_seed_changes_is_told(page, panel, upscaled, messages) -> None:
    page.seed_spread()
    assert "The upscaler inverse gives the same with every seed" in messages[-1]
    assert not panel.running


def test_cancel_during_the_seed_spread(viewer, page, panel, image, kernel, finish, qtbot) -> None:
    layer = viewer.add_layer(upscale_layer(image, kernel, config=FAST_ZSSR))
    layer.metadata[KEY]["config"] |= ENDLESS_ZSSR
    page.show(layer)
    count = len(viewer.layers)
    page.seed_spread()
    qtbot.waitUntil(lambda: "seed 1 of 3" in panel.status.value, timeout=TIMEOUT)
    panel.cancel()
    finish(panel)
    assert panel.status.value == "Stopped before two seeds were done: there is no spread."
    assert len(viewer.layers) == count


def test_a_layer_that_is_removed_during_a_run_leaves_nothing(viewer, page, panel, image, kernel, finish, qtbot, messages) -> None:
    layer = viewer.add_layer(upscale_layer(image, kernel, config=FAST_ZSSR))
    layer.metadata[KEY]["config"] |= ENDLESS_ZSSR
    page.show(layer)
    page.seed_spread()
    qtbot.waitUntil(lambda: "seed 1 of 3" in panel.status.value, timeout=TIMEOUT)
    viewer.layers.remove(layer)
    finish(panel)
    assert page.upscaled.value is None
    assert [each.name for each in viewer.layers] == ["cells", "cells kernel"]
    assert not [message for message in messages if message.startswith("error")]


def test_what_is_missing_is_said_and_nothing_runs(viewer, page, panel, image, kernel, upscaled, messages) -> None:
    viewer.layers.remove(kernel)
    page.residual()
    assert "The kernel of 'cells x2' ('cells kernel') is not among the layers" in messages[-1]
    viewer.layers.remove(image)
    page.added_detail()
    assert "Layer 'cells', which 'cells x2' was made from, is not among the layers" in messages[-1]
    assert not panel.running


def test_a_changed_image_is_told_after_the_run_has_begun(page, panel, image, upscaled, messages, finish) -> None:
    image.data = image.data[::-1]
    page.check()
    finish(panel)
    assert "are not those that 'cells x2' was made from" in messages[-1]
    assert "badge" not in upscaled.metadata[KEY]
    assert page.chip.value == "?  not checked yet"


def test_the_page_follows_the_active_layer_but_not_the_runs(viewer, page, panel, image, kernel, upscaled, finish) -> None:
    other = viewer.add_layer(upscale_layer(image, method="bicubic"))
    assert page.upscaled.value is other
    page.show(upscaled)
    assert page.upscaled.value is upscaled
    page.residual()
    finish(panel)  # for a moment its layer was the active one, and then `other` was again
    assert page.upscaled.value is upscaled
    viewer.layers.selection.active = upscaled
    viewer.layers.selection.active = other
    assert page.upscaled.value is other
    viewer.layers.selection.active = image
    assert page.upscaled.value is other


def test_the_choice_survives_other_layers_and_names(viewer, page, image, kernel, upscaled) -> None:
    other = viewer.add_layer(upscale_layer(image, method="bicubic"))
    page.show(upscaled)
    upscaled.name = "renamed"
    viewer.layers.remove(other)
    assert page.upscaled.value is upscaled
    upscaled.metadata[KEY]["badge"] = {"level": "warn", "codes": [], "reasons": ["Because."], "measures": {}}
    page.show_badge(other)  # of another layer: nothing changes
    assert page.chip.value == "?  not checked yet"
    page.show_badge(upscaled)
    assert page.chip.value == "!  warn"


def test_how_it_was_made_tells_of_the_layer_and_of_its_kernel(viewer, page, image, kernel, upscaled) -> None:
    said = page.made.text.toPlainText()
    assert said.index("cells x2") < said.index("cells kernel")
    assert "upscaled image, ×2" in said
    assert upscaled.metadata[KEY]["kernel"]["sha256"] in said
    assert "reliability: " in said
    viewer.layers.remove(kernel)
    page.show(upscaled)
    assert "The kernel of 'cells x2' ('cells kernel') is not among the layers" in page.made.text.toPlainText()


def test_the_methods_sentence_goes_to_the_clipboard(page, upscaled, messages) -> None:
    page.copy_methods()
    said = QApplication.clipboard().text()
    assert said.startswith("The kernel of blur and downscaling by 2 (SR kernel) was not measured but estimated")
    assert "by a regularised inverse of that kernel" in said
    assert "References\n" in said
    assert "on the clipboard" in messages[-1]


# --- Saving ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_format", ["ome-tiff", "ome-zarr"])
def test_saved_results_are_read_back(page, panel, image, upscaled, finish, tmp_path, messages, image_format) -> None:
    page.format.value = image_format
    page.tables = {"kernel.csv": "a,b\n1,2\n"}
    page.save(tmp_path / "out")
    finish(panel)
    large = read_image(next(path for path in (tmp_path / "out").iterdir() if path.name.startswith("upscaled.ome")))
    np.testing.assert_array_equal(np.asarray(large.data), upscaled.data)
    assert large.pixel_size == pytest.approx((0.1, 0.1))
    np.testing.assert_allclose(kg.load_kernel(tmp_path / "out" / "kernel.tif").kernel, kg.estimate_kernel(image.data).kernel, atol=1e-7)
    assert (tmp_path / "out" / "kernel.csv").read_text() == "a,b\n1,2\n"
    assert panel.status.value.startswith(f"Saved in {tmp_path / 'out'}: kernel.tif, ")
    page.save(tmp_path / "out")
    assert "already: choose another folder" in messages[-1]
    page.save(tmp_path / "out", overwrite=True)
    finish(panel)
    assert panel.status.value.startswith("Saved in")


def test_a_kernel_alone_is_saved_where_nothing_was_upscaled(viewer, page, panel, kernel, finish, tmp_path) -> None:
    page.save(tmp_path)
    finish(panel)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.png", "kernel.json", "kernel.tif", "methods.txt", "provenance.txt"]


def test_what_is_left_out_is_told(viewer, page, panel, image, finish, tmp_path, messages) -> None:
    for layer in map_kernels_layer(image, tile=64):
        viewer.add_layer(layer)
    viewer.add_layer(upscale_layer(image, layer))
    page.save(tmp_path)
    finish(panel)
    assert "There is no figure: it shows one kernel, and this is a map of them." in messages[-1]


@pytest.mark.skipif(sys.platform != "linux", reason="the dialogs of other systems are not Qt's")
@pytest.mark.parametrize(("answer", "replaced"), [(QMessageBox.StandardButton.Yes, True), (QMessageBox.StandardButton.No, False)])
def test_the_save_button_asks_for_a_folder_and_before_it_replaces(page, panel, upscaled, finish, tmp_path, answer, replaced) -> None:
    (tmp_path / "methods.txt").write_text("mine")
    asked = []

    def respond() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QFileDialog):
            dialog.findChild(QLineEdit).setText(str(tmp_path))
            QTimer.singleShot(300, respond)
            dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Open).click()
        elif isinstance(dialog, QMessageBox):
            asked.append(dialog.text())
            dialog.button(answer).click()
        else:
            QTimer.singleShot(100, respond)

    QTimer.singleShot(300, respond)
    page.save_button.native.click()
    finish(panel)
    assert asked == [f"{tmp_path} holds methods.txt already. Replace them?"]
    assert ((tmp_path / "methods.txt").read_text() != "mine") is replaced
    assert (tmp_path / "kernel.tif").exists() is replaced


# --- In a window ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.gl
def test_nothing_is_cut_off_in_a_narrow_dock(make_napari_viewer: Callable[..., Viewer], small: np.ndarray, qtbot, finish) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1300, 950)
    panel = TrustPanel(viewer)
    dock = viewer.window.add_dock_widget(panel, name="Trust")
    image = viewer.add_image(small, name="a very long name of a layer, as files of microscopes have it, with its date 2024-01-01")
    kernel = viewer.add_layer(estimate_layer(image))
    viewer.add_layer(upscale_layer(image, kernel, config=FAST_ZSSR))
    panel.page.check()
    finish(panel)
    panel.page.fold.opened = True
    dock.setFixedWidth(WIDTH)
    qtbot.wait(300)
    assert panel.native.width() <= WIDTH
    inside = panel.page.native
    for label in inside.findChildren(QLabel):
        if label.isVisible():
            assert label.width() <= WIDTH
            assert label.height() >= label.heightForWidth(label.width()), label.text()
    for control in panel.page.starting:
        assert control.native.width() >= control.native.minimumSizeHint().width()
    assert not panel.page.made.text.horizontalScrollBar().isVisible()


def test_every_control_says_what_it_does(page) -> None:
    controls = (page.upscaled, *page.starting, page.copy_button, page.seeds, page.format)
    assert all(len(control.tooltip) > 40 for control in controls)
    assert len({control.tooltip for control in controls}) == len(controls)


def test_nothing_heavy_is_loaded_for_the_page() -> None:
    heavy = {"torch", "matplotlib.figure", "zarr", "ome_zarr"}
    code = f"import sys, napari_kernelgan.plugin.trust_page; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
