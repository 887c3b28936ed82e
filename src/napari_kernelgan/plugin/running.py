"""A run on one layer of a viewer, whatever it does: begun, stopped or dropped, and brought to an end whatever happens meanwhile.

Everything here happens in the main thread; `worker` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

from napari import Viewer
from napari.layers import Image, Layer
from napari.utils.events import Event
from napari.utils.notifications import notification_manager, show_error
from psygnal import Signal

from ..errors import InputError
from ..progress import Steps
from .layers import LayerData, as_layer
from .worker import Report, RunWorker, make_worker, show_in_activity


class Ended(NamedTuple):
    """How a run ended."""

    state: Literal["done", "stopped", "failed"]
    text: str
    """What came of it, or why it failed."""
    layer: str = "?"
    """Name of the image layer; "?" where a run could not even begin."""


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

    _running: ClassVar[set[LayerRun]] = set()  # Qt holds the methods of plain objects weakly, and nobody else need hold a run

    def __init__(self, viewer: Viewer, layer: Image) -> None:
        self.viewer = viewer
        self.layer = layer
        self.adding = False
        """Whether a layer is being added just now; napari selects it for a moment."""
        self._worker: RunWorker | None = None
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
        worker.yielded.connect(partial(self._on_report, worker))
        worker.returned.connect(partial(self._on_returned, worker, deliver))
        worker.errored.connect(partial(self._on_error, worker))
        worker.finished.connect(partial(self._on_finished, worker))
        self._running.add(self)
        self.viewer.layers.events.removed.connect(self._on_removed)
        worker.start()

    def _on_report(self, worker: RunWorker, report: Report) -> None:
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
            layer = self.viewer.add_layer(as_layer(data))
            self.viewer.layers.selection = selected
        finally:
            self.adding = False
        return layer

    def _on_returned(self, worker: RunWorker, deliver: Callable[[Any], None], result: Any) -> None:
        if not worker.abort_requested:  # the window may have closed while the result was on its way
            deliver(result)

    def _on_error(self, worker: RunWorker, error: Exception) -> None:
        if worker.abort_requested:
            return
        self._then, self._failed = None, True
        self._outcome.append(str(error) or type(error).__name__)
        if isinstance(error, (InputError, OSError)):
            show_error(str(error))  # a traceback would tell nothing more, of a full disk neither
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
        self._worker = None  # it holds the image, and what came out
        if not worker.abort_requested:
            state = "failed" if self._failed else "stopped" if worker.stopping else "done"
            self.ended.emit(Ended(state, "\n".join(self._outcome), self.layer.name))

    def _on_removed(self, event: Event) -> None:
        if event.value is self.layer:
            self._outcome.insert(0, "The image layer was removed.")
            self.stop()
