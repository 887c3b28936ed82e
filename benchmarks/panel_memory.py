"""Whether memory comes back: resident memory of napari's process over many runs in the panel whose layers are removed again.

    OMP_NUM_THREADS=1 QT_QPA_PLATFORM=xcb xvfb-run -a python benchmarks/panel_memory.py [--side 1024] [--rounds 12]

Each round adds an image, runs both steps with the preset "fast look", and removes all layers. The first rounds load what is loaded once.
"""

from __future__ import annotations

import argparse
import gc
import time
import weakref

import numpy as np
import psutil
from napari import Viewer
from napari.layers import Layer
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
from skimage import data

from napari_kernelgan.plugin.widget import KernelGANWidget

LIMIT = 300.0  # s
WARM_UP = 3


def live(seconds: float) -> None:
    """Let the window live for a while, and delete what is to be deleted later."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        time.sleep(0.005)
    gc.collect()


def one_round(viewer: Viewer, panel: KernelGANWidget, pixels: np.ndarray) -> list[weakref.ref[Layer]]:
    """Run both steps on an image of these pixels, and give weak references to the layers there are then.

    A function of its own: napari reads the local variables of its callers, and their frames keep what it has read.
    """
    viewer.add_image(pixels, name="image")
    panel.run_both()
    end = time.monotonic() + LIMIT
    while panel.running and time.monotonic() < end:
        live(0.05)
    assert panel.state.shown == "done", panel.status.value
    return [weakref.ref(layer) for layer in viewer.layers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024, help="of the image, in pixels")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    viewer = Viewer(show=True)
    _, panel = viewer.window.add_plugin_dock_widget("napari-kernelgan", "Kernel and upscale")
    panel.preset.value = "fast look"
    tiles = -(-arguments.side // 512)
    pixels = np.tile(data.camera(), (tiles, tiles))[: arguments.side, : arguments.side]
    used, alive = [], []
    for number in range(arguments.rounds):
        alive += one_round(viewer, panel, np.roll(pixels, number, 1))
        viewer.layers.clear()
        live(1.0)
        used.append(psutil.Process().memory_info().rss / 2**20)
        print(
            f"round {number + 1:3d}: {used[-1]:7.0f} MiB, layers alive: {sum(ref() is not None for ref in alive)} of {len(alive)}",
            flush=True,
        )
    steady = np.array(used[WARM_UP:])
    slope = np.polyfit(np.arange(len(steady)), steady, 1)[0]
    print(f"after {WARM_UP} rounds: {steady.min():.0f} to {steady.max():.0f} MiB, {slope:+.1f} MiB for each round")
    viewer.close()


if __name__ == "__main__":
    main()
