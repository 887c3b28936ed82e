"""Real viewers: under Xvfb or on a screen where there is one, else on Qt's offscreen platform, which cannot draw."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from napari import Viewer, settings
from napari.layers import Image
from napari.utils.notifications import notification_manager
from qtpy.QtGui import QOpenGLContext

from napari_kernelgan.plugin import estimate_layer, upscale_layer
from napari_kernelgan.plugin.widget import KernelGANWidget

from .pairs import HEIGHT, WIDTH
from .short import FAST, FAST_ZSSR, TIMEOUT, configure


def pytest_collection_modifyitems() -> None:
    """Choose Qt's platform: after pytest-xvfb has started a screen where it can, before any test makes an application."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def _gl(request: pytest.FixtureRequest) -> None:
    """Skip tests that need OpenGL where there is none, or fail them where it must be there.

    Viewers need a context even if they are not shown; tests marked `gl` need windows that are drawn.
    """
    drawn = request.node.get_closest_marker("gl") is not None
    if not drawn and "make_napari_viewer" not in request.fixturenames:
        return
    platform = request.getfixturevalue("qapp").platformName()
    if not QOpenGLContext().create() or (drawn and platform == "offscreen"):
        reason = f"Qt's platform '{platform}' has no OpenGL here"
        pytest.fail(reason) if os.environ.get("NAPARI_KERNELGAN_REQUIRE_GL") == "1" else pytest.skip(reason)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute with one thread: on such small pictures more threads wait for each other, for long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own for what napari and the panels remember, for each test."""
    folder = tmp_path / "preferences"
    settings._clear_plugin_settings_cache()
    monkeypatch.setattr(settings, "_CFG_PATH", str(folder / "settings.yaml"))
    yield folder
    settings._clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def _quick_collector() -> None:
    """Let Python's collector look only at what a test makes: napari calls it whenever a layer goes, a quarter of a second each time.

    What was there before is never thawed, which would make the next test look at all of it once more; garbage goes first.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    return make_napari_viewer()


@pytest.fixture
def widget(viewer: Viewer) -> KernelGANWidget:
    """The widget, docked as napari docks it, with settings that make runs short."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-kernelgan")
    configure(widget, FAST, FAST_ZSSR)
    return widget


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """What napari notifies the user of during a test."""
    seen: list[str] = []
    remember = lambda notification: seen.append(f"{notification.severity.value}: {notification.message}")  # noqa: E731
    notification_manager.notification_ready.connect(remember)
    yield seen
    notification_manager.notification_ready.disconnect(remember)


@pytest.fixture
def tiny(small: np.ndarray) -> np.ndarray:
    """A low-resolution picture, uint8, 64 x 56."""
    return small[:64, :56]


@pytest.fixture
def finish(qtbot) -> Callable[[KernelGANWidget], None]:
    """Wait until a widget's run has ended."""
    return lambda widget: qtbot.waitUntil(lambda: not widget.running, timeout=TIMEOUT)


@pytest.fixture
def kernel(viewer: Viewer, image: Image) -> Image:
    """The spectral kernel of a test's image, as a layer."""
    return viewer.add_layer(estimate_layer(image))


@pytest.fixture
def upscaled(viewer: Viewer, image: Image, kernel: Image) -> Image:
    """A test's image upscaled with that kernel, as a layer."""
    return viewer.add_layer(upscale_layer(image, kernel, method="inverse"))


@pytest.fixture
def dark(rng: np.random.Generator) -> np.ndarray:
    """What passes for an image."""
    return rng.integers(10, 120, (HEIGHT, WIDTH), np.uint8)


@pytest.fixture
def bright(rng: np.random.Generator) -> np.ndarray:
    """What passes for its upscale, and can be told from it."""
    return rng.integers(140, 250, (2 * HEIGHT, 2 * WIDTH), np.uint8)
