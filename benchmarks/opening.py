"""How long the plugin takes to load and its panel to open, and how many actions lie between starting napari and seeing a kernel.

    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/opening.py --repeat 5

Every figure is of a process of its own. "plugin" and "widget" are imports in a process that has imported napari and opened its window, as
it is when somebody opens the panel; "bare" is the import of the plugin where only ``import napari`` was done. First use drives the real
menus and buttons, from the start of the process to the kernel in the canvas.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

TARGETS = {"plugin": 0.3, "widget": 0.3, "open": 1.0, "first use": 60.0}
MOST_ACTIONS = 5
HEAVY = ("torch", "matplotlib.pyplot", "matplotlib.backends.backend_qtagg")
LIMIT = 300.0  # s


def timed_imports(bare: bool) -> dict[str, float]:
    """Seconds of each step; in this process, which must be fresh."""
    import napari

    times = {}
    if not bare:
        viewer = napari.Viewer(show=True)
        start = time.perf_counter()
    else:
        start = time.perf_counter()
    import napari_kernelgan.plugin  # noqa: F401

    times["plugin"] = time.perf_counter() - start
    if bare:
        return {"bare": times["plugin"], "loaded": [name for name in HEAVY if name in sys.modules]}
    start = time.perf_counter()
    import napari_kernelgan.plugin.widget  # noqa: F401

    times["widget"] = time.perf_counter() - start
    start = time.perf_counter()
    viewer.window.add_plugin_dock_widget("napari-kernelgan", "Kernel and upscale")
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()
    times["open"] = time.perf_counter() - start
    times["loaded"] = [name for name in HEAVY if name in sys.modules]
    viewer.close()
    return times


def first_use(began: float) -> list[tuple[str, float]]:
    """The actions from the start of napari to a kernel on screen, with seconds since the process was started."""
    import napari
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    def wait(condition, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.005)

    def choose(*path: str) -> None:
        """Go through a menu, as somebody with a mouse does, and choose its last entry."""
        menu = viewer.window._qt_window.menuBar()
        for name in path:
            menu.aboutToShow.emit() if hasattr(menu, "aboutToShow") else None
            action = next(each for each in menu.actions() if each.text().replace("&", "").startswith(name))
            menu = action.menu()
        action.trigger()

    done = []
    viewer = napari.Viewer(show=True)
    QApplication.processEvents()
    done.append(("start napari", time.time() - began))
    choose("File", "Open Sample", "KernelGAN", "Photograph")
    wait(lambda: "photograph" in viewer.layers, LIMIT)
    done.append(("File > Open Sample > KernelGAN > Photograph", time.time() - began))
    choose("Plugins", "KernelGAN", "Kernel and upscale") if _has_submenu(viewer) else choose("Plugins", "Kernel and upscale")
    QApplication.processEvents()
    (panel,) = viewer.window.dock_widgets.values()
    done.append(("Plugins > KernelGAN > Kernel and upscale", time.time() - began))
    QTest.mouseClick(panel.estimate_button.native, Qt.MouseButton.LeftButton)
    wait(lambda: "photograph kernel" in viewer.layers and not panel.running, LIMIT)
    viewer.screenshot(canvas_only=True, flash=False)  # returns when it is drawn
    done.append(("Estimate kernel", time.time() - began))
    assert viewer.layers["photograph kernel"].data.max() > 0
    viewer.close()
    return done


def _has_submenu(viewer) -> bool:
    plugins = next(each.menu() for each in viewer.window._qt_window.menuBar().actions() if "Plugins" in each.text().replace("&", ""))
    plugins.aboutToShow.emit()
    return any(each.menu() is not None and "KernelGAN" in each.text() for each in plugins.actions())


def fresh(*arguments: str) -> object:
    """What this script prints in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--inside", choices=("bare", "window", "first"), help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        result = first_use(arguments.began) if arguments.inside == "first" else timed_imports(arguments.inside == "bare")
        print(json.dumps(result))
        return
    runs = [fresh("--inside", "window") for _ in range(arguments.repeat)]
    bare = [fresh("--inside", "bare") for _ in range(arguments.repeat)]
    print(f"loaded with the panel open: {', '.join(runs[0]['loaded']) or 'none'} of {', '.join(HEAVY)}")
    for name in ("plugin", "widget", "open"):
        times = sorted(run[name] for run in runs)
        print(f"{name:8} median {statistics.median(times):.3f} s, {times[0]:.3f} to {times[-1]:.3f} (target {TARGETS[name]} s)")
    times = sorted(run["bare"] for run in bare)
    print(f"bare     median {statistics.median(times):.3f} s, {times[0]:.3f} to {times[-1]:.3f} (Qt and napari's viewer included)")
    steps = fresh("--inside", "first", "--began", str(time.time()))
    print(f"first use: {len(steps)} actions (at most {MOST_ACTIONS}), {steps[-1][1]:.1f} s (target {TARGETS['first use']:.0f} s)")
    for number, (action, seconds) in enumerate(steps, 1):
        print(f"  {number}. {action}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
