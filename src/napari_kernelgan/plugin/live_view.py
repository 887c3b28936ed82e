"""The live estimate in the panel: whether it is wanted, and what it tells."""

from __future__ import annotations

from collections.abc import Callable

from magicgui.widgets import CheckBox, Container
from napari import Viewer
from qtpy.QtWidgets import QWidget

from .glance import Glance
from .live import Live
from .parts import say, text
from .words import Words

TIP = (
    "The kernel of the plane that is seen, or of its region, from the spectrum, again whenever these change. It takes a tenth of a second "
    "or two, in the background, and nothing while this panel is hidden or this is off. Estimate kernel makes it a layer."
)


class LiveView(Container):
    """A box to check, and words below it.

    Attributes
    ----------
    live : Live
        What follows the changes, from `watch` on.
    """

    def __init__(self) -> None:
        self.wanted = CheckBox(value=True, text="Live estimate", tooltip=TIP)
        self.words = text()
        super().__init__(widgets=[self.wanted, self.words], labels=False)
        self.margins = (0, 0, 0, 0)

    def watch(self, viewer: Viewer, ask: Callable[[], Glance | None], panel: QWidget) -> None:
        """Begin; see `Live`."""
        self.live = Live(viewer, ask, panel)
        self.live.told.connect(lambda words: say(self.words, words))
        self.wanted.changed.connect(self._want)

    def _want(self, wanted: bool) -> None:
        self.live.want(wanted)
        if not wanted:
            say(self.words, Words(""))
