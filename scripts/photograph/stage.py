"""A real napari window with a panel of the plugin: opened, driven and photographed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Image
from PIL import Image as Picture
from qtpy.QtWidgets import QApplication, QDockWidget, QScrollArea, QWidget

from napari_kernelgan import Settings

from .pages import Shot

PLUGIN = "napari-kernelgan"
PANEL, STACK, FIELD = "Kernel and upscale", "Stack: kernels and upscale", "Map kernels over the field"
WIDTH = 1400  # px, of the window
LIMIT = 300.0  # s
LINE = 2  # px
SETTLED = 0.7  # s, until a window is drawn after a change


class Stage:
    """A window, empty at first."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.window: QWidget = self.viewer.window._qt_window
        self.dialog: QWidget | None = None
        """What is photographed instead of the window."""
        self.on_show: Callable[[], Any] = self.viewer.reset_view
        """What is to be done whenever the window has another size."""
        self.panel: Any = None

    @classmethod
    def photographed(cls, scene: Callable[[Stage], None], shot: Shot) -> np.ndarray:
        """A scene as a picture of the documentation shows it."""
        with cls() as stage:
            scene(stage)
            stage.show(shot.theme, shot.height, shot.width)
            return stage.photograph(shot.what)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, panel: str = PANEL) -> Any:
        """Open a panel, as the menu does."""
        _, self.panel = self.viewer.window.add_plugin_dock_widget(PLUGIN, panel)
        self.panel.fill(Settings())  # not those of the window before
        wait(SETTLED)
        return self.panel

    def sample(self, key: str) -> Image:
        """Open a sample, as the menu does."""
        return self.viewer.open_sample(PLUGIN, key)[-1]

    def finish(self) -> None:
        """Wait until the panel's run has ended."""
        until(lambda: not self.panel.running)

    def show(self, theme: str, height: int, width: int = WIDTH) -> None:
        """Give the window a theme and a size."""
        self.viewer.theme = theme
        self.window.resize(width, height)
        wait(SETTLED)
        self.on_show()
        wait(0.1)

    def scroll_to(self, part: QWidget) -> None:
        """Bring a part of the panel into sight, as far up as it goes."""
        above = part.parentWidget()
        while above is not None:
            if isinstance(above, QScrollArea):
                bar = above.verticalScrollBar()
                bar.setValue(bar.value() + part.mapTo(above.viewport(), part.rect().topLeft()).y())
            above = above.parentWidget()

    def photograph(self, what: str = "window") -> np.ndarray:
        """The window, the panel in it, or its canvas with the panel, as RGB (Y, X, 3)."""
        if self.dialog is not None:
            return of_widget(self.dialog)
        shot = self.viewer.screenshot(canvas_only=False, flash=False)[..., :3]
        if what == "window":
            return shot
        dock = next(dock for dock in self.window.findChildren(QDockWidget) if dock.isAncestorOf(self.panel.native))
        place = dock.geometry()
        left = place.left() if what == "panel" else self.viewer.window._qt_viewer.mapTo(self.window, self.window.rect().topLeft()).x()
        return shot[place.top() : place.bottom() + 1, left : place.right() + 1]

    def close(self) -> None:
        """End what runs, and close the window."""
        if self.dialog is not None:
            self.dialog.close()
        if self.panel is not None:
            self.panel.cancel()
            self.finish()
        self.viewer.close()
        wait(0.1)


def wait(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def until(condition: Callable[[], bool], seconds: float = LIMIT) -> None:
    """Let the window live until a condition holds.

    Raises
    ------
    TimeoutError
        If it does not hold in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"This takes more than {seconds:.0f} s.")
        wait(0.01)


def of_widget(widget: QWidget) -> np.ndarray:
    """A widget as RGB (Y, X, 3)."""
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGBA8888)
    pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return pixels.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), :3]


def beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures side by side, as high as the lowest of them, parted by gray lines."""
    height = min(map(len, pictures))
    line = np.full((height, LINE, 3), 128, np.uint8)
    return np.concatenate([part for picture in pictures for part in (line, picture[:height])][1:], 1)


def write(path: Path, picture: np.ndarray) -> None:
    """Write a picture as a small PNG, and say how large it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(picture).save(path, optimize=True)
    print(f"{path}: {picture.shape[1]} x {picture.shape[0]}, {path.stat().st_size / 1000:.0f} kB", flush=True)
