"""The panel as a whole: presets, settings that are loaded, saved and remembered, preferences, several layers, states, the keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from magicgui.widgets import Container, Label
from magicgui.widgets.bases import Widget
from napari import Viewer
from napari._app_model import get_app_model
from napari.layers import Image
from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog

import napari_kernelgan as kg
from napari_kernelgan.files.settings import load_settings
from napari_kernelgan.plugin import preferences
from napari_kernelgan.plugin.forms import Fold
from napari_kernelgan.plugin.widget import COMPARE, SELECTED, KernelGANWidget

from .short import ENDLESS, FAST, TIMEOUT, configure

KEY = "napari_kernelgan"
NAME = "napari-kernelgan"


def opened(viewer: Viewer) -> KernelGANWidget:
    _, panel = viewer.window.add_plugin_dock_widget(NAME, "Kernel and upscale")
    return panel


@pytest.fixture
def panel(viewer: Viewer) -> KernelGANWidget:
    return opened(viewer)


def layer_names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


# presets


@pytest.mark.parametrize(
    ("preset", "settings"),
    [("fast look", kg.Settings.fast()), ("balanced", kg.Settings()), ("as published", kg.Settings.published())],
)
def test_a_preset_fills_in_everything_but_scale_seed_and_device(panel: KernelGANWidget, preset: str, settings: kg.Settings) -> None:
    panel.scale.value, panel.seed.value, panel.device.value = 4, 7, "cpu"
    panel.settings["inverse"].fields["passes"].value = 1
    assert panel.preset.value == "custom"
    panel.preset.value = preset
    assert panel.config == settings.with_run(scale=4, seed=7, device="cpu")
    assert panel.preset.value == preset


def test_the_preset_tells_what_is_filled_in(panel: KernelGANWidget) -> None:
    assert panel.preset.value == "balanced"
    panel.upscaler.value = "inverse"
    assert panel.preset.value == "custom"
    panel.method.value = "spectral"
    assert panel.preset.value == "fast look"
    panel.preset.value = "custom"
    assert (panel.method.value, panel.upscaler.value) == ("spectral", "inverse")


# settings


def test_settings_go_to_the_command_line_and_back(panel: KernelGANWidget, tmp_path: Path, tiny: np.ndarray, viewer: Viewer, finish) -> None:
    panel.preset.value = "fast look"
    panel.scale.value, panel.seed.value = 3, 5
    panel.settings["inverse"].fields["passes"].value = 1
    path = tmp_path / "settings.json"
    panel.save_settings(path)
    saved = load_settings(path)  # as --config reads it
    assert (saved.run.method, saved.run.upscaler, saved.run.scale, saved.run.seed, saved.inverse.passes) == ("spectral", "inverse", 3, 5, 1)
    panel.fill(kg.Settings())
    panel.load_settings(path)
    assert panel.config == saved
    viewer.add_image(tiny, name="cells")
    panel.run_both()
    finish(panel)
    expected = kg.upscale(tiny, kg.estimate_kernel(tiny, 3, "spectral", seed=5), 3, "inverse", seed=5, config={"passes": 1})
    np.testing.assert_array_equal(viewer.layers["cells x3"].data, expected)


def test_settings_that_cannot_be_chosen_here_change_nothing(panel: KernelGANWidget, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"run": {"device": "cuda:3", "scale": 3}, "inverse": {"passes": 1}}))
    with pytest.raises(kg.InputError, match="device = 'cuda:3'"):
        panel.load_settings(path)
    assert panel.config == kg.Settings()
    path.write_text('{"inverse": {"passes": 99}}')
    with pytest.raises(kg.InputError, match="inverse.passes"):
        panel.load_settings(path)


def test_settings_are_remembered(make_napari_viewer: Callable[..., Viewer], viewer: Viewer, qtbot, own_preferences: Path) -> None:
    panel = opened(viewer)
    panel.preset.value = "fast look"
    panel.seed.value = 11
    panel.settings["zssr"].fields["max_steps"].value = 77
    kept = own_preferences / "napari-kernelgan-panel.json"
    qtbot.waitUntil(lambda: kept.exists() and load_settings(kept) == panel.config, timeout=TIMEOUT)
    again = opened(make_napari_viewer())
    assert again.config == panel.config


@pytest.mark.parametrize(("kept", "says"), [('{"inverse": {"gone": 1}}', "inverse.gone"), ('{"run": {"device": "cuda:3"}}', "cuda:3")])
def test_settings_that_cannot_be_used_any_more_are_told(
    viewer: Viewer, messages: list[str], own_preferences: Path, kept: str, says: str
) -> None:
    own_preferences.mkdir()
    (own_preferences / "napari-kernelgan-panel.json").write_text(kept)
    panel = opened(viewer)
    assert panel.config == kg.Settings()
    assert [says in message and "defaults are taken" in message for message in messages] == [True]


# preferences


def test_the_preferences_are_what_a_panel_begins_with(viewer: Viewer, own_preferences: Path) -> None:
    own_preferences.mkdir()
    (own_preferences / "napari-kernelgan-panel.json").write_text(kg.Settings.fast().with_run(device="mps").model_dump_json())
    general = get_plugin_settings(NAME).general
    general.method, general.device = "recurrence", "cpu"
    panel = opened(viewer)
    assert (panel.method.value, panel.upscaler.value, panel.device.value) == ("recurrence", "inverse", "cpu")


def test_by_default_the_preferences_leave_everything_as_last_time(viewer: Viewer, own_preferences: Path) -> None:
    own_preferences.mkdir()
    (own_preferences / "napari-kernelgan-panel.json").write_text(kg.Settings.fast().with_run(device="mps").model_dump_json())
    panel = opened(viewer)
    assert (panel.method.value, panel.upscaler.value, panel.device.value) == ("spectral", "inverse", "mps")


def test_results_over_the_memory_limit_are_refused(viewer: Viewer, panel: KernelGANWidget, messages: list[str], finish) -> None:
    image = np.broadcast_to(np.float32(0), (100, 1000, 1000))
    viewer.add_image(image, name="large", contrast_limits=(0, 1))
    get_plugin_settings(NAME).general.memory_limit = 1.0
    panel.upscaler.value, panel.planes.value = "bicubic", "all planes"
    panel.upscale()
    assert not panel.running
    assert panel.state.shown == "failed"
    assert ["1.6 GB" in message and "panel for stacks" in message for message in messages] == [True]
    panel.planes.value = "current plane"
    panel.upscale()
    finish(panel)
    assert panel.state.shown == "done"


def test_results_go_to_the_output_folder_until_another_is_chosen(
    viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finish
) -> None:
    monkeypatch.setattr(preferences, "_chosen", None)
    wanted, other = tmp_path / "wanted", tmp_path / "other"
    other.mkdir()
    get_plugin_settings(NAME).general.output_folder = str(wanted)
    offered: list[str] = []

    def answer(chosen: Path) -> Callable[..., Any]:
        def ask(_: Any, title: str, begin: str, *formats: str) -> Any:
            offered.append(begin)
            return (str(chosen), "") if formats else str(chosen)

        return ask

    viewer.add_image(tiny, name="cells")
    panel.preset.value = "fast look"
    panel.run_both()
    finish(panel)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer(other / "mine.csv"))
    panel.plots.csv_button.native.click()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer(other))
    panel.trust.save_button.native.click()
    finish(panel)
    assert offered == [str(wanted / "kernel.csv"), str(other)]
    assert (other / "mine.csv").exists()
    assert (other / "kernel.tif").exists()


# several layers


def test_selected_layers_are_run_one_after_another(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    panel.preset.value = "fast look"
    first, _, third = (viewer.add_image(np.roll(tiny, n, 1), name=name) for n, name in enumerate(("one", "two", "three")))
    viewer.layers.selection = {first, third}
    panel.layers.value = SELECTED
    panel.run_both()
    finish(panel)
    assert sorted(layer_names(viewer)) == sorted(["one", "two", "three", "one kernel", "three kernel", "one x2", "three x2"])
    for layer in (first, third):
        kernel = kg.estimate_kernel(layer.data).kernel
        np.testing.assert_array_equal(viewer.layers[f"{layer.name} kernel"].data, kernel)
        np.testing.assert_array_equal(viewer.layers[f"{layer.name} x2"].data, kg.upscale(layer.data, kernel, method="inverse"))
    assert panel.state.shown == "done"
    assert viewer.layers.selection == {first, third}


def test_each_selected_layer_is_upscaled_with_its_own_kernel_or_all_with_another(
    viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, finish
) -> None:
    panel.preset.value = "fast look"
    first, second = (viewer.add_image(np.roll(tiny, n, 1)[n:], name=name) for n, name in enumerate(("one", "two")))
    for layer in (first, second):
        viewer.layers.selection = {layer}
        panel.estimate()
        finish(panel)
    viewer.layers.selection = {first, second}
    panel.image.value, panel.layers.value = second, SELECTED
    for chosen, kernels in ((viewer.layers["two kernel"], ["one kernel", "two kernel"]), (viewer.layers["one kernel"], ["one kernel"] * 2)):
        panel.kernel.value = chosen
        panel.upscale()
        finish(panel)
        made = [layer for layer in viewer.layers if layer.metadata.get(KEY, {}).get("kind") == "upscaled image"]
        assert [layer.metadata[KEY]["kernel"]["layer"] for layer in made] == kernels
        for layer in made:
            viewer.layers.remove(layer)


def test_a_layer_that_fails_does_not_stop_the_others(
    viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish
) -> None:
    configure(panel, FAST)
    bad = viewer.add_image(np.where(tiny > 200, np.nan, tiny), name="bad", contrast_limits=(0, 255))
    good = viewer.add_image(tiny, name="good")
    viewer.layers.selection = {bad, good}
    panel.layers.value = SELECTED
    panel.estimate()
    finish(panel)
    assert layer_names(viewer) == ["bad", "good", "good kernel"]
    assert panel.state.shown == "failed"
    counted, why = panel.status.value.splitlines()
    assert counted == "1 of 2 failed. 1 of 2 done."
    assert why.startswith("bad: ")
    assert "NaN" in why
    assert "good kernel: " in panel.status.tooltip
    assert ["NaN" in message for message in messages] == [True]


def test_cancel_leaves_out_layers_that_wait(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, qtbot, finish) -> None:
    configure(panel, ENDLESS)
    viewer.layers.selection = {viewer.add_image(tiny, name=name) for name in ("one", "two")}
    panel.layers.value = SELECTED
    panel.estimate()
    qtbot.waitUntil(lambda: "one kernel" in viewer.layers, timeout=TIMEOUT)
    assert panel.status.value.startswith("1 of 2. ")
    panel.cancel()
    finish(panel)
    assert layer_names(viewer) == ["one", "two", "one kernel"]
    assert panel.state.shown == "stopped"


def test_the_choice_of_several_layers_is_there_when_several_images_are_selected(
    viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray
) -> None:
    offered = lambda: panel.layers.native.isVisibleTo(panel.native)  # noqa: E731
    first, second = viewer.add_image(tiny), viewer.add_image(tiny)
    shapes = viewer.add_shapes()
    viewer.layers.selection = {first, shapes}
    assert not offered()
    viewer.layers.selection = {first, second, shapes}
    assert offered()
    viewer.layers.selection = {second}
    assert not offered()


# copy as Python


def run_copied(viewer: Viewer) -> str:
    """Run what is on the clipboard as napari's console would."""
    code = QApplication.clipboard().text()
    exec(compile(code, "console", "exec"), {"viewer": viewer})
    return code


def test_what_was_copied_gives_the_same_layers(viewer: Viewer, panel: KernelGANWidget, small: np.ndarray, finish) -> None:
    stack = np.stack([small, small[::-1], small[:, ::-1]])
    image = viewer.add_image(stack, name="cells's", scale=(1, 0.2, 0.2), units=("s", "µm", "µm"))
    panel.region.value = viewer.add_shapes([[[10, 20], [10, 75], [80, 75], [80, 20]]], shape_type="rectangle", scale=(0.2, 0.2))
    panel.size.unit.value = "nm"
    panel.upscaler.value = "inverse"
    panel.settings["spectral"].fields["prior"].value = "natural"
    panel.settings["inverse"].fields["passes"].value = 1
    viewer.dims.set_current_step(0, 2)
    panel.run_both()
    finish(panel)
    made = {name: viewer.layers[f"cells's {name}"] for name in ("kernel", "x2")}
    image.name = "renamed"
    panel.copy_as_python()
    for layer in made.values():
        viewer.layers.remove(layer)
    code = run_copied(viewer)
    for name, layer in made.items():
        again = viewer.layers[f"renamed {name}"]
        np.testing.assert_array_equal(again.data, layer.data)
        np.testing.assert_allclose(again.extent.world, layer.extent.world)
        assert again.metadata[KEY]["config"] == layer.metadata[KEY]["config"]
    assert viewer.layers["renamed kernel"].metadata[KEY]["unit"] == "nanometer"
    assert "seed=0" in code
    assert "device" not in code  # as it is by default


def test_estimate_and_upscale_are_copied_each(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    image = viewer.add_image(tiny, name="cells")
    configure(panel, FAST)
    panel.upscaler.value = "inverse"
    assert not panel.copy_button.enabled

    def same(action: Callable[[], None], name: str) -> str:
        """Do something, and the same again by what is copied; what is copied."""
        action()
        finish(panel)
        made = viewer.layers[name]
        made.name = "by the button"
        panel.copy_as_python()
        code = run_copied(viewer)  # the layer that it adds is active
        np.testing.assert_array_equal(viewer.layers[name].data, made.data)
        viewer.layers.remove(name)
        viewer.layers.selection.active = image
        panel.image.value = image
        return code

    assert "steps=12" in same(panel.estimate, "cells kernel")
    panel.kernel.value = viewer.layers["by the button"]
    panel.kernel.value.name = "my kernel"
    assert "viewer.layers['my kernel']" in same(panel.upscale, "cells x2")
    panel.upscaler.value = "bicubic"
    assert "my kernel" not in same(panel.upscale, "cells x2")


# states


def test_states_follow_the_run(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, qtbot, finish) -> None:
    assert panel.state.shown == "idle"
    viewer.add_image(tiny, name="cells")
    configure(panel, ENDLESS)
    panel.estimate()
    assert panel.state.shown == "running"
    qtbot.waitUntil(lambda: "left" in panel.status.value, timeout=TIMEOUT)
    panel.cancel()
    finish(panel)
    assert panel.state.shown == "stopped"
    configure(panel, FAST)
    panel.estimate()
    finish(panel)
    assert panel.state.shown == "done"
    viewer.add_image(np.full((64, 64), np.nan), name="nothing", contrast_limits=(0, 1))
    panel.estimate()
    finish(panel)
    assert panel.state.shown == "failed"
    assert "NaN" in panel.status.value


def test_what_cannot_begin_says_why(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str]) -> None:
    panel.estimate()
    assert "Open Sample" in messages[-1]
    viewer.add_image(tiny, name="cells")
    panel.upscale()
    assert "press Estimate kernel" in messages[-1]
    panel.settings["kernelgan"].fields["betas"].value = "(("
    panel.estimate()
    assert "'betas' cannot be read" in messages[-1]
    assert not panel.running


# the keyboard, menus and the command palette


def test_keys_run_and_cancel(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, qtbot, finish) -> None:
    viewer.window._qt_window.show()
    viewer.add_image(tiny, name="cells")
    configure(panel, ENDLESS)
    panel.scale.native.findChild(QComboBox) or panel.scale.native.setFocus()
    panel.native.activateWindow()
    qtbot.waitUntil(lambda: panel.scale.native.hasFocus() or panel.scale.native.setFocus() or False, timeout=5000)
    qtbot.keyClick(panel.scale.native, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert panel.running
    qtbot.waitUntil(lambda: "cells kernel" in viewer.layers, timeout=TIMEOUT)
    qtbot.keyClick(panel.scale.native, Qt.Key.Key_Escape)
    finish(panel)
    assert panel.state.shown == "stopped"
    viewer.window._qt_window.hide()


def test_every_control_can_be_reached_by_tab(viewer: Viewer, panel: KernelGANWidget) -> None:
    for widget in (panel.image, panel.scale, panel.method, panel.estimate_button, panel.upscale_button, panel.both_button):
        assert widget.native.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_commands_do_what_the_buttons_do(viewer: Viewer, tiny: np.ndarray, qtbot, finish, messages: list[str]) -> None:
    commands = get_app_model().commands
    image = viewer.add_image(tiny, name="cells")
    panel = opened(viewer)
    panel.preset.value = "fast look"
    for command, name in (("estimate", "cells kernel"), ("upscale", "cells x2"), ("run", "cells x2 [1]")):
        commands.execute_command(f"{NAME}.{command}").result()
        finish(panel)
        assert name in viewer.layers
    commands.execute_command(f"{NAME}.copy").result()
    assert "run_layer" in QApplication.clipboard().text()
    commands.execute_command(f"{NAME}.compare").result()
    assert panel.pages.page == COMPARE
    assert "cells curtain" in viewer.layers
    commands.execute_command(f"{NAME}.compare").result()
    assert "cells curtain" not in viewer.layers
    assert viewer.layers.selection.active is image
    assert not [message for message in messages if message.startswith(("error", "warning"))]


# what is told


def test_every_control_has_a_tooltip(panel: KernelGANWidget) -> None:
    def held(widget: Widget) -> list[Widget]:
        inside: list[Any] = []
        for value in vars(widget).values():
            inside += value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        return [each for each in inside if isinstance(each, Widget)]

    def walk(widget: Widget) -> None:
        for each in held(widget):
            if id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each, Container):
                walk(each)
            elif not isinstance(each, Label) and not isinstance(widget, Fold):
                named.append((getattr(each, "text", "") or type(each).__name__, each.tooltip))

    seen: set[int] = set()
    named: list[tuple[str, str]] = []
    walk(panel)
    assert len(named) > 60
    assert [name for name, tooltip in named if not tooltip] == []


def test_the_layers_that_come_are_of_the_image(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    image: Image = viewer.add_image(tiny, name="cells")
    panel.preset.value = "fast look"
    panel.run_both()
    finish(panel)
    assert panel.compare.after.value is viewer.layers["cells x2"]
    assert panel.compare.before.value is image
    badge = viewer.layers["cells x2"].metadata[KEY]["badge"]
    assert panel.trust.chip.shown == badge["level"]
    assert all(reason in panel.trust.reasons.value for reason in badge["reasons"])
    width = next(number for number in panel.plots.numbers if number.name.startswith("FWHM, major"))
    assert width.value == pytest.approx(kg.kernels.fwhm(viewer.layers["cells kernel"].data).major)
