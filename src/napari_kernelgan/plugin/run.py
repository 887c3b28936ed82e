"""One run on one layer of a viewer: from the press of a button to the layers it leaves, whatever happens to viewer and layer meanwhile.

Everything here happens in the main thread; `worker` does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from napari import Viewer
from napari.layers import Image
from psygnal import Signal

from ..assess.badge import Badge
from ..config import Settings
from ..errors import InputError, device_errors
from ..images.layout import is_lazy
from ..kernels.algebra import Kernel
from ..progress import Steps
from ..report.verdict import badge_in_words
from .actions import Plane, iter_estimate_layer, iter_upscale_layer
from .layers import LayerData, contrast, kernel_layer
from .notices import TOLD, reason
from .records import PREVIEW, is_kernel, record_of
from .region import Region
from .running import LayerRun
from .source import Source
from .trust_actions import iter_badge, put_badge
from .words import made_in_words
from .worker import Report

NOT_CHECKED = "Not checked"
LAZY = "It is computed where it is looked at, and not checked yet: press Check on the page Trust."
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


class Run(LayerRun):
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

    kernel_drawn = Signal(Report)
    """The report of a kernel in training, a few times a second."""
    kernel_finished = Signal(Image)
    """The kernel layer has its final kernel."""
    upscaled = Signal(Image)
    """The upscaled layer was added."""
    checked = Signal(Image)
    """The upscaled layer's record tells how far to trust it, or it could not be told."""

    def __init__(self, viewer: Viewer, layer: Image, options: Options) -> None:
        super().__init__(viewer, layer)
        self.options = options
        self.source = Source.of(layer, options.plane)
        self.kernel_layer: Image | None = None

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

    def _show(self, report: Report) -> None:
        if report.kernel is not None:
            self._draw(report.kernel)
            self.kernel_drawn.emit(report)

    def _draw(self, kernel: Kernel) -> None:
        """Add the kernel layer, or redraw it; not again if it was removed."""
        if self.kernel_layer is None:
            # napari cannot fit the view to layers that all have fewer axes than it shows
            nearly_all_in_view = self.layer.ndim == self.viewer.dims.ndim and is_nearly_all_in_view(self.layer)
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
        if layer is None:
            return
        record = record_of(layer)
        self._outcome.append(made_in_words(layer.name, record))
        self.upscaled.emit(layer)
        if is_lazy(layer.data):
            self._outcome.append(LAZY)
        elif record["method"] != "bicubic":
            try:
                steps = iter_badge(layer, viewer=self.viewer)  # which looks for layers now, not in the thread
            except InputError as error:
                self._outcome.append(f"{NOT_CHECKED}: {error}")
            else:
                self._then = lambda: self._check(layer, steps)

    def _check(self, layer: Image, steps: Steps[Badge]) -> None:
        """Say how far to trust the upscaled layer, where that can be told."""
        self._then = None
        self._begin(_or_why_not(steps), f"Check of {layer.name}", partial(self._deliver_badge, layer))

    def _deliver_badge(self, layer: Image, found: Badge | str) -> None:
        if isinstance(found, str):
            self._outcome.append(f"{NOT_CHECKED}: {found}")
        else:
            put_badge(layer, found)
            self._outcome.append(badge_in_words(found))
        self.checked.emit(layer)

    def _on_error(self, error: Exception) -> None:
        if self._worker.abort_requested:
            return
        if self.kernel_layer is not None and not is_kernel(self.kernel_layer) and self.kernel_layer in self.viewer.layers:
            self.viewer.layers.remove(self.kernel_layer)  # half a kernel would pass for one
        super()._on_error(error)


def _or_why_not(steps: Steps[Badge]) -> Steps[Badge | str]:
    """The badge of an upscaled layer, or why there is none: no reason to call the run failed."""
    try:
        with device_errors():
            return (yield from steps)
    except TOLD as error:
        return reason(error)


def is_nearly_all_in_view(layer: Image) -> bool:
    """Whether nobody has zoomed in on a part of a layer: docks that open hide some of the whole, and napari lets them."""
    if layer.multiscale:
        return False  # its corners are in pixels of whatever level is drawn
    first, last = layer.corner_pixels[:, -2:]
    return bool(np.all(last - first + 1 >= NEARLY_ALL * np.array(layer.data.shape[layer.ndim - 2 : layer.ndim])))
