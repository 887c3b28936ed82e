"""Photograph napari's window with both results of a real run, for README.

    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1200x24" python scripts/photograph_window.py docs/images/napari-window.png

opens the sample photograph and the widget, presses "Run both", waits, and shows the image with its kernel on the left and the upscaled
image on the right. Upscaling takes as long as ever, some ten seconds on two cores; ``--upscale-steps`` shortens it, and with ``--fast`` it
is much too short to be of use: only to try this script.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as imageio
import napari
from napari._app_model import get_app_model
from qtpy.QtWidgets import QApplication

import napari_kernelgan as kg

WINDOW = (1400, 900)
CENTRE, ZOOM = (82.0, 236.0), 5.0  # the image's upper right corner, with the kernel beside it; screen pixels per image pixel
LIMIT = 3600.0  # s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="the PNG to write")
    parser.add_argument("--upscale-steps", type=int, default=kg.ZSSRConfig().max_steps, help="of training for upscaling, at most")
    parser.add_argument("--fast", action="store_true", help="the same as --upscale-steps 40")
    arguments = parser.parse_args()
    upscale_steps = 40 if arguments.fast else arguments.upscale_steps

    viewer = napari.Viewer(show=True, show_welcome_screen=False)
    viewer.window.resize(*WINDOW)
    get_app_model().commands.execute_command("napari-kernelgan.widget")  # as the menus do
    (widget,) = viewer.window.dock_widgets.values()
    viewer.open_sample("napari-kernelgan", "photograph")
    widget.settings["zssr"].fields["max_steps"].value = upscale_steps
    wait(lambda: False, 1.5)  # a window needs a moment to be drawn, and is black before
    wait(
        lambda: "FWHM" in widget.live_view.words.value, LIMIT
    )  # the first estimate of a process takes seconds, all others a fraction of one
    widget.run_both()
    wait(lambda: not widget.running, LIMIT)
    if "photograph x2" not in viewer.layers:
        sys.exit(f"There is no result to show. {widget.status.value}")

    # two layers to a box: image and kernel, upscaled image
    grid, camera = viewer.canvas.grid, viewer.scene.camera
    grid.enabled, grid.stride, grid.shape = True, 2, (1, 2)
    camera.center, camera.zoom = CENTRE, ZOOM
    wait(lambda: False, 1.5)
    shot = viewer.screenshot(canvas_only=False, flash=False)
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(arguments.picture, shot[..., :3])
    viewer.close()
    print(f"{arguments.picture}: {shot.shape[1]} x {shot.shape[0]}, {arguments.picture.stat().st_size / 1000:.0f} kB")


def wait(condition: Callable[[], bool], seconds: float) -> None:
    """Let the window live until a condition holds or time is up."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
