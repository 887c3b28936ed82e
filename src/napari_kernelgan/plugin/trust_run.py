"""A run that finds something out about a layer, or saves it, from the press of a button to what it leaves."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_warning

from ..assess.badge import Badge
from ..report.save import Saved
from ..report.verdict import TITLES, finding_sentence
from .records import record_of
from .stack_run import LayersRun
from .trust_actions import put_badge

TOO_EARLY = "Stopped before two seeds were done: there is no spread."


class TrustRun(LayersRun):
    """Do in a thread what ends in a badge on the layer's record, in one more layer, or in files.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
        That it is about: if it is removed, the run stops and adds nothing.
    steps : generator
        Its result is a `Badge`, layer data (None: there is none), or `Saved`.
    description : str
        For the activity dock.

    `delivered` tells the badge, the layer that was added, or what was saved; None where a stop came before there was anything.
    """

    def _deliver(self, result: Any) -> None:
        if isinstance(result, Badge):
            put_badge(self.layer, result)
            self._outcome.append(f"{self.layer.name}: {TITLES[result.level]}")
        elif isinstance(result, Saved):
            self._outcome.append(_saved_in_words(result))
            if result.notes:
                show_warning("\n".join(result.notes))
        elif result is None:
            self._outcome.append(TOO_EARLY)
        else:
            result = self._add(result)
            if result is not None:
                self._outcome.append(f"{result.name}: {finding_sentence(record_of(result))}")
        self.delivered.emit(result)


def _saved_in_words(saved: Saved) -> str:
    if saved.stopped:
        return "Stopped: nothing was saved."
    return f"Saved in {saved.files[0].parent}: {', '.join(path.name for path in saved.files)}"
