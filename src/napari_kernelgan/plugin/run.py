"""One run on one layer of a viewer: from the press of a button to the layers it leaves, whatever happens to viewer and layer meanwhile.

Everything here happens in the main thread; `worker` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from napari import Viewer
from napari.layers import Image
from napari.utils.events import Event
from napari.utils.notifications import notification_manager, show_error
from psygnal import Signal

from ..config import Settings
from ..errors import InputError
from ..kernels.algebra import Kernel
from ..progress import Steps
from .actions import Plane, iter_estimate_layer, iter_upscale_layer
from .layers import LayerData, as_layer, contrast, kernel_layer
from .records import PREVIEW, is_kernel, record_of
from .region import Region
from .source import Source
from .words import made_in_words
from .worker import Report, RunWorker, make_worker, show_in_activity

NEARLY_ALL = 2 / 3
"""Of an image's height and of its width: who sees as much of it looks at the whole."""


@dataclass(frozen=True)
class Options:
    """What a run is told; the names are those of `estimate_layer` and `upscale_layer`."""

    scale: int = 2
    method: str = "auto"
    upscaler: str = "auto"
    plane: Plane = None
    region: Region | None = None
    seed: int = 0
    device: str = "auto"
    config: Settings = Settings()
    pixel_size: tuple[float, float] | None = None
    unit: str | None = None


class Run:
    """Estimate a layer's kernel, upscale the layer, or both, in a thread.

    The kernel is added as a layer after the first step and redrawn as training goes. `stop` keeps the best so far and leaves out what was
    to follow. If the image layer is removed, the run stops, and what it has goes into layers that are there already, not into new ones. If
    the kernel layer is removed, the finished kernel is added anew. If the window closes, everything is dropped.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
        What the run needs of it is taken now.
    options : Options

    Raises
    ------
    InputError
        If it is not an image layer, or has no such plane.
    """

    reported = Signal(Report)
    """Where the run stands, a few times a second."""
    kernel_drawn = Signal(object)
    """The kernel as it is, an array, a few times a second."""
    kernel_finished = Signal(Image)
    """The kernel layer has its final kernel."""
    ended = Signal(str)
    """Emitted once, with what came of the run in words; not when the window closes."""

    _running: ClassVar[set[Run]] = set()  # Qt holds the methods of plain objects weakly, and nobody else need hold a run

    def __init__(self, viewer: Viewer, layer: Image, options: Options) -> None:
        self.viewer = viewer
        self.layer = layer
        self.options = options
        self.source = Source.of(layer, options.plane)
        self.kernel_layer: Image | None = None
        self.adding = False
        """Whether a layer is being added just now; napari selects it for a moment."""
        self._worker: RunWorker | None = None
        self._then: Callable[[], None] | None = None
        self._outcome: list[str] = []

    @property
    def running(self) -> bool:
        """Whether the run has begun and not ended."""
        return self in self._running

    def estimate(self, *, then_upscale: bool = False) -> None:
        """Estimate the kernel, and if asked, upscale with it."""
        o = self.options
        about = {"region": o.region, "pixel_size": o.pixel_size, "unit": o.unit}
        steps = iter_estimate_layer(self.source, o.scale, o.method, seed=o.seed, device=o.device, config=o.config, **about)
        self._then = (lambda: self.upscale(self.kernel_layer)) if then_upscale else None
        self._begin(steps, f"Kernel of {self.source.name}", self._deliver_kernel)

    def upscale(self, kernel: Image | None) -> None:
        """Upscale with a kernel layer, or None for methods that need none.

        Raises
        ------
        InputError
            If the layer holds no kernel.
        """
        o = self.options
        steps = iter_upscale_layer(self.source, kernel, o.scale, o.upscaler, seed=o.seed, device=o.device, config=o.config)
        self._then = None
        self._begin(steps, f"Upscaling {self.source.name}", self._deliver_upscaled)

    def stop(self) -> None:
        """End after the step that the run is in, keeping the best so far."""
        if self._worker:
            self._worker.stop()

    def drop(self) -> None:
        """End after the step that the run is in, leaving everything as it is."""
        if self._worker:
            self._worker.quit()

    def _begin(self, steps: Steps[LayerData], description: str, deliver: Callable[[LayerData], None]) -> None:
        worker = self._worker = make_worker(steps, description)
        worker.yielded.connect(partial(self._on_report, worker))
        worker.returned.connect(deliver)
        worker.errored.connect(partial(self._on_error, worker))
        worker.finished.connect(partial(self._on_finished, worker))
        self._running.add(self)
        self.viewer.layers.events.removed.connect(self._on_removed)
        worker.start()

    def _on_report(self, worker: RunWorker, report: Report) -> None:
        if worker.abort_requested:
            return
        if report.kernel is not None:
            self._draw(report.kernel)
            self.kernel_drawn.emit(report.kernel)
        self.reported.emit(report)
        show_in_activity(worker, report)  # last, because it lets Qt handle other events

    def _draw(self, kernel: Kernel) -> None:
        """Add the kernel layer, or redraw it; not again if it was removed."""
        if self.kernel_layer is None:
            nearly_all_in_view = is_nearly_all_in_view(self.layer)
            record = {"kind": PREVIEW, "source": self.source.origin}
            self.kernel_layer = self._add(kernel_layer(self.source, kernel, self.options.scale, record))
            if nearly_all_in_view and self.kernel_layer is not None:  # who sees the whole image should see what is beside it
                self.viewer.reset_view(layers=[self.layer, self.kernel_layer], reset_camera_angle=False)
        elif self.kernel_layer in self.viewer.layers:
            self.kernel_layer.data = kernel
            self.kernel_layer.contrast_limits = contrast(kernel)

    def _deliver_kernel(self, data: LayerData) -> None:
        kernel, arguments, _ = data
        if self.kernel_layer is None or self.kernel_layer not in self.viewer.layers:
            self.kernel_layer = self._add(data)
        if self.kernel_layer is None:
            return
        self._draw(kernel)
        self.kernel_layer.metadata = arguments["metadata"]
        self._outcome.append(made_in_words(self.kernel_layer.name, record_of(self.kernel_layer)))
        self.kernel_finished.emit(self.kernel_layer)

    def _deliver_upscaled(self, data: LayerData) -> None:
        layer = self._add(data)
        if layer is not None:
            self._outcome.append(made_in_words(layer.name, record_of(layer)))

    def _add(self, data: LayerData) -> Image | None:
        """Add a layer and leave the selection as it is; None if the image layer was removed.

        napari gives it another name where its name is taken.
        """
        if self.layer not in self.viewer.layers:
            return None
        selected = set(self.viewer.layers.selection)
        self.adding = True
        try:
            layer = self.viewer.add_layer(as_layer(data))
            self.viewer.layers.selection = selected
        finally:
            self.adding = False
        return layer

    def _on_error(self, worker: RunWorker, error: Exception) -> None:
        if worker.abort_requested:
            return
        self._then = None
        if self.kernel_layer is not None and not is_kernel(self.kernel_layer) and self.kernel_layer in self.viewer.layers:
            self.viewer.layers.remove(self.kernel_layer)  # half a kernel would pass for one
        self._outcome.append(f"Failed: {error}")
        if isinstance(error, InputError):
            show_error(str(error))  # a traceback would tell nothing more
        else:
            notification_manager.receive_error(type(error), error, error.__traceback__)

    def _on_finished(self, worker: RunWorker) -> None:
        then, self._then = self._then, None
        if then and not worker.stopping:
            try:
                then()
            except InputError as error:
                self._on_error(worker, error)
            else:
                return
        self._running.discard(self)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        if not worker.abort_requested:
            self.ended.emit("\n".join(self._outcome))

    def _on_removed(self, event: Event) -> None:
        if event.value is self.layer:
            self._outcome.insert(0, "The image layer was removed.")
            self.stop()


def is_nearly_all_in_view(layer: Image) -> bool:
    """Whether nobody has zoomed in on a part of a layer: docks that open hide some of the whole, and napari lets them."""
    if layer.multiscale:
        return False  # its corners are in pixels of whatever level is drawn
    first, last = layer.corner_pixels[:, -2:]
    return bool(np.all(last - first + 1 >= NEARLY_ALL * np.array(layer.data.shape[layer.ndim - 2 : layer.ndim])))
