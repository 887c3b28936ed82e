"""A run over a stack, or over the tiles of a picture, from the press of a button to the layers it leaves."""

from __future__ import annotations

from typing import Any

from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_warning
from psygnal import Signal

from ..progress import Steps
from ..stacks.results import StackResult
from .layers import LayerData
from .records import record_of
from .running import LayerRun
from .source import Source
from .stack_actions import StackLayers, iter_process_stack_layer
from .words import made_in_words, stack_in_words
from .worker import Report


class StackLayerRun(LayerRun):
    """Process a stack in a thread.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
    source : Source
        Of the layer.
    options : dict
        As `iter_process_stack_layer` takes them.

    Raises
    ------
    InputError
        If something given cannot be used.
    """

    rows_found = Signal(object)
    """Rows of planes that have ended, while the run goes on."""
    delivered = Signal(object)
    """The `StackResult`."""

    def __init__(self, viewer: Viewer, layer: Image, source: Source, options: dict[str, Any]) -> None:
        super().__init__(viewer, layer)
        self._begin(iter_process_stack_layer(source, **options), f"Stack {source.name}", self._deliver)

    def _show(self, report: Report) -> None:
        if report.rows:
            self.rows_found.emit(report.rows)

    def _deliver(self, found: StackLayers) -> None:
        result: StackResult = found.result
        for data in found.layers:
            self._add(data)
        self.delivered.emit(result)
        self._outcome.append(stack_in_words(result))
        if result.failed:
            first = result.failed[0]
            show_warning(f"{len(result.failed)} of {len(result.rows)} planes failed. Plane {first.place}: {first.error}")


class LayersRun(LayerRun):
    """Do in a thread what ends in layers.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
    steps : generator
        Its result is layer data, of one layer or several.
    description : str
        For the activity dock.
    """

    delivered = Signal(object)
    """The layers that were added; none if the image layer was removed."""

    def __init__(self, viewer: Viewer, layer: Image, steps: Steps[Any], description: str) -> None:
        super().__init__(viewer, layer)
        self._begin(steps, description, self._deliver)

    def _deliver(self, data: list[LayerData] | LayerData) -> None:
        added = [layer for each in (data if isinstance(data, list) else [data]) if (layer := self._add(each)) is not None]
        if added:
            self._outcome.append(made_in_words(added[0].name, record_of(added[0])))
        self.delivered.emit(added)
