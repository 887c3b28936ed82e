"""Photograph napari's window with the panel for stacks after a real run, for the documentation.

    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1200x24" python scripts/photograph_stack.py docs/images/napari-stack.png

makes a focus series with drifting blur of pictures that scikit-image ships with, estimates a kernel for every plane from a window of
planes, upscales by the inverse, and shows the table and the plot of widths. ``--page "Set up"`` shows the choices instead, ``--height``
is the window's, and ``--theme light`` napari's light theme.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import imageio.v3 as imageio
import napari
import numpy as np
from napari._app_model import get_app_model
from photograph_window import LIMIT, WINDOW, wait
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan.plugin.stack_widget import PLANES, SET_UP

PLANES_OF_SERIES = 12
SIDE = 192  # px of a plane
PIXEL = 0.2  # µm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="the PNG to write")
    parser.add_argument("--page", choices=(PLANES, SET_UP), default=PLANES)
    parser.add_argument("--height", type=int, default=WINDOW[1])
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    arguments = parser.parse_args()

    viewer = napari.Viewer(show=True, show_welcome_screen=False)
    viewer.theme = arguments.theme
    viewer.window.resize(WINDOW[0], arguments.height)
    get_app_model().commands.execute_command("napari-kernelgan.stack")  # as the menus do
    (widget,) = viewer.window.dock_widgets.values()
    viewer.add_image(
        focus_series(),
        name="focus series",
        scale=(0.5, PIXEL, PIXEL),
        units=("µm",) * 3,
        axis_labels=("z", "y", "x"),
        contrast_limits=(0, 255),
    )
    wait(lambda: False, 1.5)  # a window needs a moment to be drawn, and is black before
    widget.share.value = "window"
    widget.upscaler.value = "inverse"
    widget.run()
    wait(lambda: not widget.running, LIMIT)
    if "focus series x2" not in viewer.layers:
        sys.exit(f"There is no result to show. {widget.status.value}")
    widget.pages.page = arguments.page
    widget.table.setCurrentCell(8, 0)
    viewer.reset_view()
    wait(lambda: False, 1.5)
    shot = viewer.screenshot(canvas_only=False, flash=False)
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(arguments.picture, shot[..., :3])
    viewer.close()
    print(f"{arguments.picture}: {shot.shape[1]} x {shot.shape[0]}, {arguments.picture.stat().st_size / 1000:.0f} kB")


def focus_series() -> np.ndarray:
    """Planes (Z, Y, X), uint8, of one scene: in focus in the middle of the series, and blurred the more the farther from it."""
    scene = data.camera()[: 2 * SIDE, 60 : 60 + 2 * SIDE]
    focus = (PLANES_OF_SERIES - 1) / 2
    variances = [1.0 + 2.5 * ((z - focus) / focus) ** 2 for z in range(PLANES_OF_SERIES)]  # HR px^2
    rng = np.random.default_rng(0)
    planes = [kg.degrade(scene, kg.kernels.gaussian(v)) + rng.normal(0, 2, (SIDE, SIDE)) for v in variances]
    return np.clip(np.stack(planes), 0, 255).round().astype(np.uint8)


if __name__ == "__main__":
    main()
