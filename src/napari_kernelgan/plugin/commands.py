"""Commands of the menus and of the command palette: what the panel's buttons do; the panel is opened where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari import Viewer

from .preferences import PLUGIN

if TYPE_CHECKING:
    from .widget import KernelGANWidget

PANEL = "Kernel and upscale"


def estimate(viewer: Viewer) -> None:
    """Estimate the kernel of the active image."""
    _panel(viewer).estimate()


def upscale(viewer: Viewer) -> None:
    """Upscale the active image with its latest kernel."""
    _panel(viewer).upscale()


def run_both(viewer: Viewer) -> None:
    """Estimate the kernel of the active image and upscale with it."""
    _panel(viewer).run_both()


def cancel(viewer: Viewer) -> None:
    """Stop the panel's run and keep the best so far."""
    _panel(viewer).cancel()


def compare(viewer: Viewer) -> None:
    """Begin or end a comparison of an image with its upscale, by a curtain."""
    _panel(viewer).toggle_curtain()


def copy_as_python(viewer: Viewer) -> None:
    """Copy the calls of what was done last."""
    _panel(viewer).copy_as_python()


def _panel(viewer: Viewer) -> KernelGANWidget:
    _, panel = viewer.window.add_plugin_dock_widget(PLUGIN, PANEL)
    return panel
