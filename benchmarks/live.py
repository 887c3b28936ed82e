"""How long after a change the panel tells the new estimate, and how long the window stands still meanwhile.

    OMP_NUM_THREADS=1 QT_QPA_PLATFORM=xcb xvfb-run -a python benchmarks/live.py [--side 512] [--rounds 15]

A real viewer and panel; what changes is the slider of a stack, then a rectangle on a large plane. Part of it is waiting on
purpose, so that many changes at once cost one estimate. A busy machine makes all of it longer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from napari import Viewer
from qtpy.QtWidgets import QApplication
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan.plugin.live import DELAY
from napari_kernelgan.plugin.widget import KernelGANWidget

LIMIT = 120.0  # s


def settle(panel: KernelGANWidget) -> tuple[float, float]:
    """Let the window live until the new estimate is told: milliseconds that takes, and the longest that nothing else could happen."""
    start = last = time.perf_counter()
    stood = 0.0
    while panel.live_view.live.busy and last - start < LIMIT:
        QApplication.processEvents()
        now = time.perf_counter()
        stood, last = max(stood, now - last), now
        time.sleep(0.001)
    return 1e3 * (last - start), 1e3 * stood


def measure(name: str, panel: KernelGANWidget, change: Callable[[int], None], rounds: int) -> None:
    found = []
    for number in range(rounds + 2):
        before = panel.live_view.words.value
        start = time.perf_counter()
        change(number)
        changing = 1e3 * (time.perf_counter() - start)
        taken, stood = settle(panel)
        assert number == 0 or panel.live_view.words.value != before, "nothing was told"
        found.append((changing + taken, stood))
    taken, stood = np.transpose(found[2:])
    print(f"{name:42s} {taken.min():6.0f} ms   median {np.median(taken):6.0f} ms   longest standstill {stood.max():5.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512, help="of the planes and of the rectangle, in pixels")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    side, rounds = arguments.side, arguments.rounds

    sharp = np.pad(data.camera(), ((0, max(2 * side - 512, 0)),) * 2, mode="symmetric")[: 2 * side, : 2 * side]
    stack = np.stack([kg.degrade(sharp, kg.kernels.gaussian(variance)) for variance in (2.0, 4.0)])
    viewer = Viewer(show=False)
    panel = KernelGANWidget(viewer)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(panel.reset_choices)
    panel.native.show()
    QApplication.processEvents()

    viewer.add_image(stack, name="stack")
    first, stood = settle(panel)
    print(
        f"waiting on purpose {1e3 * DELAY:.0f} ms; the first estimate, with all that it imports: {first:.0f} ms, standstill {stood:.0f} ms"
    )
    measure(f"slider, {side} x {side}", panel, lambda n: viewer.dims.set_current_step(0, n % 2), rounds)

    large = np.tile(stack[0], (4, 4))[: 4 * side, : 4 * side]
    viewer.add_image(large, name="large")
    shapes = viewer.add_shapes(ndim=2)
    panel.region.value = shapes
    unit = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]) * side - 0.5

    def move(number: int) -> None:
        shapes.data = []
        shapes.add_rectangles(unit + 37 * (number % 5 + 1))

    measure(f"rectangle of {side} x {side} on {len(large)} x {len(large)}", panel, move, rounds)

    panel.region.value = None
    huge = np.tile(stack[0], (-(-4096 // side),) * 2)[:4096, :4096]
    viewer.add_image(np.stack([huge, 255 - huge]), name="huge")
    measure("slider, 4096 x 4096 (its middle)", panel, lambda n: viewer.dims.set_current_step(0, n % 2), rounds)
    panel.native.close()
    viewer.close()


if __name__ == "__main__":
    main()
