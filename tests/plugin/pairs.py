"""Pairs of layers to compare, and a mouse to drag what is between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari import Viewer
from napari.layers import Image, Layer
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_kernelgan.plugin.layers import as_layer, upscaled_layer
from napari_kernelgan.plugin.records import UPSCALED
from napari_kernelgan.plugin.source import Source

HEIGHT, WIDTH = 40, 60
RECORD = {"kind": UPSCALED, "scale": 2, "method": "inverse", "kernel": {"sha256": "of a kernel that is not there"}}


def add_pair(
    viewer: Viewer, before: Any, after: np.ndarray, *, plane: tuple[int, ...] | None = None, name: str = "cells", **options: Any
) -> tuple[Image, Image]:
    """Add an image, and what passes for its upscale by two, placed and recorded as the plugin does it."""
    image = viewer.add_image(before, name=name, **options)
    source = Source.of(image, plane)
    return image, viewer.add_layer(as_layer(upscaled_layer(source, after, 2, RECORD | {"source": source.origin})))


def picture(viewer: Viewer, qtbot: Any) -> np.ndarray:
    """What the canvas shows."""
    qtbot.wait(150)
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)


def fit(viewer: Viewer, qtbot: Any) -> None:
    """Show all layers, once the window has its layout and is drawn."""
    size, calm = None, 0
    while calm < 4:
        qtbot.wait(80)
        calm = calm + 1 if canvas(viewer).size() == size else 0
        size = canvas(viewer).size()
    viewer.reset_view()
    picture(viewer, qtbot)


def canvas(viewer: Viewer) -> Any:
    """The canvas, as a widget."""
    return viewer.window._qt_viewer.canvas.native


def on_canvas(viewer: Viewer, layer: Layer, index: tuple[float, float]) -> QPoint:
    """Where a point of a layer's Y and X lies in the canvas; the layer's units are the viewer's."""
    native, camera = canvas(viewer), viewer.scene.camera
    world = np.array(layer.data_to_world((*(0,) * (layer.ndim - 2), *index)))[-2:]
    y, x = (world - camera.center[-2:]) * camera.zoom + [native.height() / 2, native.width() / 2]
    return QPoint(round(x), round(y))


def in_layer(viewer: Viewer, layer: Layer) -> np.ndarray:
    """Y and X of a layer's pixels that lie at the middles of the canvas' pixels, (2, height, width); its units are the viewer's."""
    native, camera = canvas(viewer), viewer.scene.camera
    size = np.array([native.height(), native.width()])
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    world = (np.stack([y, x], -1) - size / 2) / camera.zoom + camera.center[-2:]
    origin = np.array(layer.data_to_world((0,) * layer.ndim))
    steps = np.array([np.array(layer.data_to_world(step)) - origin for step in np.eye(layer.ndim)[-2:]])[:, -2:]
    return np.moveaxis((world - origin[-2:]) @ np.linalg.inv(steps), -1, 0)


def drag(viewer: Viewer, qtbot: Any, start: QPoint, end: QPoint, *, let_go: bool = True) -> None:
    """Press the mouse in the canvas, move it in steps, and let go."""
    native = canvas(viewer)
    QTest.mouseMove(native, start)
    QTest.mousePress(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for part in (0.25, 0.5, 0.75, 1.0):
        qtbot.wait(20)
        QTest.mouseMove(native, start + (end - start) * part)
    qtbot.wait(50)
    if let_go:
        QTest.mouseRelease(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
        qtbot.wait(50)
