from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import ErrorNotification, notification_manager
from napari.utils.progress import progress

import napari_kernelgan as kg
from napari_kernelgan.plugin.layers import LayerData
from napari_kernelgan.plugin.run import Options, Run
from napari_kernelgan.plugin.widget import ALL, CURRENT, KernelGANWidget
from napari_kernelgan.progress import Progress, Steps

from .short import ENDLESS, ENDLESS_ZSSR, FAST, FAST_ZSSR, TIMEOUT, configure

KEY = "napari_kernelgan"


def names(viewer: Viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def idle(widget: KernelGANWidget) -> bool:
    """Whether the widget waits for a button, as its buttons show."""
    buttons = (widget.estimate_button, widget.upscale_button, widget.both_button)
    return not widget.running and all(button.enabled for button in buttons) and not widget.cancel_button.enabled


# choices


def test_the_image_follows_the_active_layer(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray) -> None:
    assert widget.image.value is None
    first, second = viewer.add_image(tiny, name="first"), viewer.add_image(tiny, name="second")
    assert widget.image.value is second
    viewer.layers.selection.active = first
    assert widget.image.value is first
    viewer.add_points([[1, 1]])
    assert widget.image.value is first


def test_added_renamed_and_removed_layers_are_kept_up_with(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray) -> None:
    first, second = viewer.add_image(tiny, name="first"), viewer.add_image(tiny, name="second")
    widget.size.unit.value = "furlong"
    second.name = "renamed"
    assert widget.image.value is second
    assert widget.image.current_choice == "renamed"
    assert widget.size.unit.value == "furlong"  # what was typed is not filled in again
    viewer.layers.remove(second)
    assert widget.image.value is first
    assert widget.size.unit.value == "px"
    viewer.layers.clear()
    assert widget.image.value is None


# runs


def test_the_spectral_kernel_takes_its_own_settings(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(tiny, name="cells")
    widget.method.value = "auto"
    widget.settings["spectral"].fields["prior"].value = "natural"
    widget.estimate()
    finish(widget)
    layer = viewer.layers["cells kernel"]
    np.testing.assert_array_equal(layer.data, kg.estimate_kernel(tiny, config={"prior": "natural"}).kernel)
    record = layer.metadata["napari_kernelgan"]
    assert (record["method"], record["config"]["prior"]) == ("spectral", "natural")
    assert np.shape(record["fwhm_interval"]) == (2, 2)


def test_estimate_gives_the_same_kernel_as_python(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    image = viewer.add_image(tiny, name="cells", scale=(0.2, 0.2), units=("µm", "µm"))
    widget.seed.value = 5
    widget.estimate()
    finish(widget)
    assert names(viewer) == ["cells", "cells kernel"]
    np.testing.assert_array_equal(viewer.layers["cells kernel"].data, kg.estimate_kernel(tiny, 2, "kernelgan", seed=5, config=FAST).kernel)
    assert idle(widget)
    assert viewer.layers.selection.active is image
    assert widget.kernel.value is viewer.layers["cells kernel"]
    assert "µm" in widget.kernel_view.words.value
    assert "seed 5" in widget.status.value


def test_run_both_upscales_with_the_kernel_found(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(tiny, name="cells")
    widget.run_both()
    finish(widget)
    assert names(viewer) == ["cells", "cells kernel", "cells x2"]
    expected = kg.upscale(tiny, viewer.layers["cells kernel"].data, config=FAST_ZSSR)
    np.testing.assert_array_equal(viewer.layers["cells x2"].data, expected)
    assert idle(widget)


def test_upscale_undoes_the_chosen_kernel(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(tiny, name="cells")
    for seed in (0, 1):
        widget.seed.value = seed
        widget.estimate()
        finish(widget)
    assert names(viewer) == ["cells", "cells kernel", "cells kernel [1]"]
    assert widget.kernel.value is viewer.layers["cells kernel [1]"]  # the latest
    widget.kernel.value = viewer.layers["cells kernel"]
    widget.upscale()
    finish(widget)
    assert viewer.layers["cells x2"].metadata[KEY]["kernel"]["layer"] == "cells kernel"


def test_the_kernel_offered_is_that_of_the_image(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    first = viewer.add_image(tiny, name="first")
    widget.estimate()
    finish(widget)
    viewer.add_image(tiny, name="second")
    assert widget.kernel.value is None
    first.name = "renamed"
    viewer.layers.selection.active = first
    assert widget.kernel.value is viewer.layers["first kernel"]


def test_bicubic_needs_no_kernel(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(tiny, name="cells")
    widget.upscaler.value = "bicubic"
    widget.scale.value = 3
    widget.upscale()
    finish(widget)
    np.testing.assert_array_equal(viewer.layers["cells x3"].data, kg.upscale(tiny, None, 3, "bicubic"))


def test_the_inverse_takes_its_settings(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(tiny, name="cells")
    widget.upscaler.value = "inverse"
    widget.settings["inverse"].fields["passes"].value = 1
    widget.run_both()
    finish(widget)
    kernel = viewer.layers["cells kernel"].data
    np.testing.assert_array_equal(viewer.layers["cells x2"].data, kg.upscale(tiny, kernel, method="inverse", config={"passes": 1}))
    assert "inverse" in widget.status.value


@pytest.mark.parametrize("planes", [CURRENT, ALL])
def test_a_stack(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish, planes: str) -> None:
    stack = np.stack([tiny, tiny[::-1], tiny[:, ::-1]])
    image = viewer.add_image(stack, name="cells", scale=(4, 1, 1), translate=(10, 0, 0))
    viewer.dims.set_current_step(0, 2)
    widget.planes.value = planes
    widget.run_both()
    finish(widget)
    kernel, upscaled = viewer.layers["cells kernel"], viewer.layers["cells x2"]
    expected = kg.estimate_kernel(stack[2] if planes == CURRENT else stack, 2, "kernelgan", config=FAST).kernel
    np.testing.assert_array_equal(kernel.data, expected)
    assert upscaled.data.shape == ((1 if planes == CURRENT else 3), 128, 112)
    first = 2 if planes == CURRENT else 0
    np.testing.assert_allclose(upscaled.data_to_world((0, -0.5, -0.5)), image.data_to_world((first, -0.5, -0.5)), atol=1e-9)
    assert viewer.dims.ndim == 3


@pytest.mark.parametrize("planes", [CURRENT, ALL])
def test_a_rectangle_is_estimated_from_and_the_whole_is_upscaled(
    viewer: Viewer, widget: KernelGANWidget, small: np.ndarray, finish, planes: str
) -> None:
    stack = np.stack([small, small[::-1], small[:, ::-1]])
    viewer.add_image(stack, name="cells", scale=(1, 2, 2))
    corners = np.array([[9.5, 19.5], [9.5, 74.5], [79.5, 74.5], [79.5, 19.5]])
    widget.region.value = viewer.add_shapes([corners], shape_type="rectangle", scale=(2, 2))
    widget.method.value, widget.upscaler.value, widget.planes.value = "auto", "inverse", planes
    viewer.dims.set_current_step(0, 2)
    widget.run_both()
    finish(widget)
    part = stack[2:, 10:80, 20:75] if planes == CURRENT else stack[:, 10:80, 20:75]
    np.testing.assert_array_equal(viewer.layers["cells kernel"].data, kg.estimate_kernel(part).kernel)
    assert viewer.layers["cells x2"].data.shape == (len(part), 192, 160)


def test_an_upscale_needs_no_rectangle(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish) -> None:
    viewer.add_image(tiny, name="cells")
    widget.region.value = viewer.add_shapes(name="empty")
    widget.upscaler.value = "bicubic"
    widget.upscale()
    finish(widget)
    assert "cells x2" in viewer.layers
    assert messages == []
    widget.estimate()
    assert ["holds no rectangle" in message for message in messages] == [True]
    assert idle(widget)


def test_settings_changed_in_the_widget_are_used(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(tiny, name="cells", scale=(0.2, 0.2), units=("µm", "µm"))
    configure(widget, {"steps": 7, "learning_rate": 1e-3, "betas": (0.6, 0.9)})
    widget.size.pixel_height.value = widget.size.pixel_width.value = 50
    widget.size.unit.value = "nm"
    widget.run_both()
    finish(widget)
    record = viewer.layers["cells kernel"].metadata[KEY]
    assert (record["config"]["steps"], record["config"]["learning_rate"], record["config"]["betas"]) == (7, 1e-3, [0.6, 0.9])
    assert (record["pixel_size"], record["unit"]) == ([50, 50], "nanometer")
    np.testing.assert_allclose(viewer.layers["cells kernel"].scale, 0.1)
    assert widget.size.unit.value == "nm"  # layers that a run adds are not followed


# while a run goes on


@pytest.fixture
def training(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, qtbot) -> Image:
    """An image whose kernel is in training, and would be for hours."""
    image = viewer.add_image(tiny, name="cells")
    configure(widget, ENDLESS)
    widget.estimate()
    qtbot.waitUntil(lambda: "cells kernel" in viewer.layers, timeout=TIMEOUT)
    return image


def test_the_kernel_appears_early_and_is_redrawn(viewer: Viewer, widget: KernelGANWidget, training: Image, qtbot) -> None:
    kernel = viewer.layers["cells kernel"]
    seen = [kernel.data.copy()]
    for _ in range(2):
        qtbot.waitUntil(lambda: not np.array_equal(kernel.data, seen[-1]), timeout=TIMEOUT)
        seen.append(kernel.data.copy())
        assert kernel.contrast_limits[1] == pytest.approx(kernel.data.max())
    assert viewer.layers.selection.active is training
    assert widget.image.choices == (training,)  # nobody estimates from a kernel
    assert widget.kernel_view.words.value == "in training"
    widget.cancel()


def test_progress_and_time_left_are_shown(viewer: Viewer, widget: KernelGANWidget, training: Image, qtbot) -> None:
    qtbot.waitUntil(lambda: "left" in widget.status.value, timeout=TIMEOUT)
    assert "of 1000000" in widget.status.value
    assert 1 < widget.progress.value < widget.progress.max == 10**6
    (bar,) = progress._all_instances
    qtbot.waitUntil(lambda: bar.n > 1, timeout=TIMEOUT)
    assert (bar.total, bar.desc) == (10**6, "Kernel of cells")
    widget.cancel()
    qtbot.waitUntil(lambda: not progress._all_instances, timeout=TIMEOUT)


def test_cancel_keeps_the_best_so_far(viewer: Viewer, widget: KernelGANWidget, training: Image, finish) -> None:
    pressed = time.monotonic()
    widget.cancel()
    finish(widget)
    assert time.monotonic() - pressed < 5
    record = viewer.layers["cells kernel"].metadata[KEY]
    assert (record["kind"], record["stopped"]) == ("kernel", True)
    assert "stopped early" in widget.status.value
    assert "FWHM" in widget.kernel_view.words.value
    assert idle(widget)


def test_cancel_of_run_both_leaves_out_the_upscale(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, qtbot, finish) -> None:
    viewer.add_image(tiny, name="cells")
    configure(widget, ENDLESS)
    widget.run_both()
    qtbot.waitUntil(lambda: "cells kernel" in viewer.layers, timeout=TIMEOUT)
    widget.cancel()
    finish(widget)
    assert names(viewer) == ["cells", "cells kernel"]


def test_cancel_of_an_upscale_keeps_the_best_so_far(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, qtbot, finish) -> None:
    viewer.add_image(tiny, name="cells")
    configure(widget, upscale=ENDLESS_ZSSR)
    widget.run_both()
    qtbot.waitUntil(lambda: widget.status.value.startswith("ZSSR"), timeout=TIMEOUT)
    widget.cancel()
    finish(widget)
    assert viewer.layers["cells x2"].metadata[KEY]["stopped"]
    assert not viewer.layers["cells kernel"].metadata[KEY]["stopped"]


def test_cancel_in_a_stack_keeps_the_planes_done(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(np.broadcast_to(tiny, (3000, *tiny.shape)), name="cells")
    widget.planes.value = ALL
    widget.upscaler.value = "bicubic"
    widget.upscale()
    widget.cancel()
    finish(widget)
    upscaled = viewer.layers["cells x2"]
    assert upscaled.metadata[KEY]["stopped"]
    np.testing.assert_array_equal(upscaled.data[0], kg.upscale(tiny, None, method="bicubic"))


def test_a_second_start_is_refused(viewer: Viewer, widget: KernelGANWidget, training: Image, messages: list[str], finish) -> None:
    assert not widget.estimate_button.enabled
    widget.estimate()
    assert ["in progress" in message for message in messages] == [True]
    widget.cancel()
    finish(widget)
    assert names(viewer) == ["cells", "cells kernel"]


def test_the_image_may_be_removed(viewer: Viewer, widget: KernelGANWidget, training: Image, messages: list[str], finish) -> None:
    viewer.layers.remove(training)
    finish(widget)
    assert names(viewer) == ["cells kernel"]
    assert viewer.layers["cells kernel"].metadata[KEY]["stopped"]
    assert "removed" in widget.status.value
    assert (idle(widget), messages) == (True, [])


def test_all_layers_may_be_removed(viewer: Viewer, widget: KernelGANWidget, training: Image, messages: list[str], finish) -> None:
    viewer.layers.clear()
    finish(widget)
    assert names(viewer) == []
    assert (idle(widget), messages) == (True, [])


def test_the_kernel_may_be_removed_and_comes_back_when_it_is_done(
    viewer: Viewer, widget: KernelGANWidget, training: Image, qtbot, finish
) -> None:
    viewer.layers.remove("cells kernel")
    step = widget.progress.value
    qtbot.waitUntil(lambda: widget.progress.value > step, timeout=TIMEOUT)
    assert names(viewer) == ["cells"]
    widget.cancel()
    finish(widget)
    assert names(viewer) == ["cells", "cells kernel"]


def test_layers_may_be_renamed_and_changed(viewer: Viewer, widget: KernelGANWidget, training: Image, messages: list[str], finish) -> None:
    viewer.layers["cells kernel"].name = "my kernel"
    training.name = "my cells"
    training.data = np.zeros((5, 5))
    training.scale = (9, 9)
    widget.cancel()
    finish(widget)
    assert names(viewer) == ["my cells", "my kernel"]
    np.testing.assert_allclose(viewer.layers["my kernel"].scale, 0.5)
    assert widget.kernel.value is viewer.layers["my kernel"]
    assert messages == []


def test_the_dock_may_be_closed(viewer: Viewer, widget: KernelGANWidget, training: Image, messages: list[str], finish) -> None:
    viewer.window.remove_dock_widget(widget.native)
    finish(widget)
    assert viewer.layers["cells kernel"].metadata[KEY]["stopped"]
    assert messages == []


def test_the_window_may_be_closed(viewer: Viewer, widget: KernelGANWidget, training: Image, messages: list[str], qtbot) -> None:
    run = widget._run
    viewer.close()
    qtbot.waitUntil(lambda: not run.running, timeout=TIMEOUT)
    assert messages == []


def test_the_window_may_be_closed_before_the_first_step(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], qtbot
) -> None:
    viewer.add_image(tiny)
    configure(widget, ENDLESS)
    widget.estimate()
    run = widget._run
    viewer.close()
    qtbot.waitUntil(lambda: not run.running, timeout=TIMEOUT)
    assert messages == []


def test_the_window_may_be_closed_while_another_is_active(
    make_napari_viewer: Callable[..., Viewer], widget: KernelGANWidget, viewer: Viewer, tiny: np.ndarray, messages: list[str], qtbot
) -> None:
    other = make_napari_viewer()  # napari asks the runs of one window only to end
    viewer.add_image(tiny, name="cells")
    configure(widget, ENDLESS)
    widget.estimate()
    qtbot.waitUntil(lambda: "cells kernel" in viewer.layers, timeout=TIMEOUT)
    run = widget._run
    viewer.close()
    qtbot.waitUntil(lambda: not run.running, timeout=TIMEOUT)
    assert messages == []
    assert names(other) == []


# errors


def test_an_error_in_the_thread_is_notified_and_the_buttons_come_back(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish
) -> None:
    viewer.add_image(np.where(tiny > 200, np.nan, tiny), name="cells", contrast_limits=(0, 255))
    widget.run_both()
    finish(widget)
    (message,) = messages
    assert message.startswith("error")
    assert "NaN" in message
    assert "NaN" in widget.status.value
    assert names(viewer) == ["cells"]
    assert idle(widget)
    viewer.add_image(tiny, name="sound")
    widget.estimate()
    finish(widget)
    assert "sound kernel" in viewer.layers


def test_an_error_in_training_leaves_no_half_a_kernel(
    viewer: Viewer, tiny: np.ndarray, true_kernel: np.ndarray, messages: list[str], qtbot
) -> None:
    def breaking_off() -> Steps[LayerData]:
        yield Progress(1, 2, kernel=lambda: true_kernel)
        raise RuntimeError("the device is gone")

    added, ended = [], []
    image = viewer.add_image(tiny, name="cells")
    viewer.layers.events.inserted.connect(lambda event: added.append(event.value.name))
    run = Run(viewer, image, Options())
    run.ended.connect(lambda how: ended.append(how.text))
    run._begin(breaking_off(), "", run._deliver_kernel)
    qtbot.waitUntil(lambda: not run.running, timeout=TIMEOUT)
    assert added == ["cells kernel"]
    assert names(viewer) == ["cells"]
    assert ["the device is gone" in told for told in (*messages, *ended)] == [True, True]


def test_an_error_after_the_kernel_leaves_the_kernel(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish
) -> None:
    viewer.add_image(tiny[:56], name="cells")  # enough for KernelGAN, too small for ZSSR at scale 4
    widget.scale.value = 4
    widget.run_both()
    finish(widget)
    (message,) = messages
    assert "too small" in message
    assert names(viewer) == ["cells", "cells kernel"]
    assert idle(widget)


@pytest.mark.parametrize("mistake", ["no image", "no kernel", "unreadable", "out of range", "no size"])
def test_mistakes_are_notified_and_nothing_starts(
    viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, messages: list[str], mistake: str
) -> None:
    if mistake != "no image":
        viewer.add_image(tiny, name="cells")
    if mistake == "unreadable":
        widget.settings["kernelgan"].fields["betas"].value = "(0.5, "
    if mistake == "out of range":
        widget.settings["kernelgan"].fields["gain"].value = -1
    if mistake == "no size":
        widget.size.pixel_width.value = 0
    widget.upscale() if mistake == "no kernel" else widget.estimate()
    expected = {
        "no image": "no image layer",
        "no kernel": "needs a kernel",
        "unreadable": "'betas'",
        "out of range": "gain",
        "no size": "two positive numbers",
    }
    assert [expected[mistake] in message for message in messages] == [True]
    assert idle(widget)


def test_the_user_is_told_once(viewer: Viewer, widget: KernelGANWidget, tiny: np.ndarray, finish) -> None:
    viewer.add_image(np.full_like(tiny, 7), name="cells")
    before = len(notification_manager.records)
    widget.estimate()
    finish(widget)
    assert len(notification_manager.records) == before + 1
    assert not isinstance(notification_manager.records[-1], ErrorNotification)  # which would offer a traceback
