"""A run on one layer of a viewer, whatever it does: begun, stopped or dropped, and brought to an end whatever happens meanwhile.

Everything here happens in the main thread; `worker` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.events import Event
from psygnal import Signal

from ..progress import Steps
from .layers import LayerData, as_layer
from .notices import notify, reason
from .worker import Failure, Report, RunWorker, make_worker, show_in_activity


class Ended(NamedTuple):
    """How a run ended."""

    state: Literal["done", "stopped", "failed"]
    text: str
    """What came of it, or why it failed."""
    layer: str = ""
    """Name of the image layer; empty where a run could not even begin, whose text names what is wrong."""


class LayerRun:
    """A run on an image layer, in a thread.

    `stop` keeps the best so far. If the image layer is removed, the run stops and adds no layer any more. If the window closes, everything
    is dropped.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
    """

    reported = Signal(Report)
    """Where the run stands, a few times a second."""
    ended = Signal(Ended)
    """Emitted once; not when the window closes."""

    _running: ClassVar[set[LayerRun]] = set()
    """Nobody else need hold a run. Qt holds the methods of plain objects weakly, which is well: napari keeps all workers of a window."""

    def __init__(self, viewer: Viewer, layer: Image) -> None:
        self.viewer = viewer
        self.layer = layer
        self.adding = False
        """Whether a layer is being added just now; napari selects it for a moment."""
        self._worker: RunWorker | None = None
        self._deliver_to: Callable[[Any], None] | None = None
        self._then: Callable[[], None] | None = None
        self._outcome: list[str] = []
        self._failed = False

    @property
    def running(self) -> bool:
        """Whether the run has begun and not ended."""
        return self in self._running

    def stop(self) -> None:
        """End after the step that the run is in, keeping the best so far."""
        if self._worker:
            self._worker.stop()

    def drop(self) -> None:
        """End after the step that the run is in, leaving everything as it is."""
        if self._worker:
            self._worker.quit()

    def _begin(self, steps: Steps[Any], description: str, deliver: Callable[[Any], None]) -> None:
        worker = self._worker = make_worker(steps, description)
        self._deliver_to = deliver
        worker.yielded.connect(self._on_report)
        worker.returned.connect(self._on_returned)
        worker.finished.connect(self._on_finished)
        self._running.add(self)
        self.viewer.layers.events.removed.connect(self._on_removed)
        worker.start()

    def _on_report(self, report: Report) -> None:
        worker = self._worker
        if worker.abort_requested:
            return
        self._show(report)
        self.reported.emit(report)
        show_in_activity(worker, report)  # last, because it lets Qt handle other events

    def _show(self, report: Report) -> None:
        """Show what a run has so far, where that is more than a number of steps."""

    def _add(self, data: LayerData) -> Layer | None:
        """Add a layer and leave the selection as it is; None if the image layer was removed.

        napari gives it another name where its name is taken.
        """
        if self.layer not in self.viewer.layers:
            return None
        selected = set(self.viewer.layers.selection)
        self.adding = True
        try:
            layer = as_layer(data)
            self.viewer.add_layer(layer)  # which returns a proxy of it, where the viewer is one
            self.viewer.layers.selection = selected
        finally:
            self.adding = False
        return layer

    def _on_returned(self, result: Any) -> None:
        if self._worker.abort_requested:  # the window may have closed while the result was on its way
            return
        if isinstance(result, Failure):
            self._on_error(result.error)
            return
        try:
            self._deliver_to(result)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has to come to its end
            self._on_error(error)

    def _on_error(self, error: Exception) -> None:
        if self._worker.abort_requested:
            return
        self._then, self._failed = None, True
        self._outcome.append(reason(error))
        notify(error)

    def _on_finished(self) -> None:
        worker, then = self._worker, self._then
        self._then = self._deliver_to = None
        if then and not worker.stopping:
            try:
                then()
            except Exception as error:  # noqa: BLE001 - as above
                self._on_error(error)
            else:
                return
        self._running.discard(self)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self._worker = None  # it holds the image, and what came out
        if not worker.abort_requested:
            state = "failed" if self._failed else "stopped" if worker.stopping else "done"
            self.ended.emit(Ended(state, "\n".join(self._outcome), self.layer.name))

    def _on_removed(self, event: Event) -> None:
        if event.value is self.layer:
            self._outcome.insert(0, "The image layer was removed.")
            self.stop()
