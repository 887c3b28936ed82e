"""The live estimate: a glance at what is seen, again whenever that changes, for as long as somebody looks.

Nothing here waits: glances are looked at in a thread, never two at once, and the window asks for the answer now and then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

from napari import Viewer
from napari.layers import Image, Shapes
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from ..errors import InputError
from ..estimate.api import prepare
from .glance import Glance
from .words import Words

DELAY = 0.04
"""Seconds from a change to the glance: what changes meanwhile needs no glance of its own."""
TICK = 10  # ms between two looks at whether there is an answer
SLOW = 0.5
"""Seconds after which the words of the last glance would pass for those of this one."""

PLACE = ("scale", "translate", "rotate", "shear", "affine", "units")
SEEN = ("point", "order", "ndisplay")
DRAWN = ("data", "set_data", "highlight")  # highlight: another shape is selected


class Live(QObject):
    """Glance at what is seen while a panel is visible, when it changes.

    Parameters
    ----------
    viewer : napari.Viewer
    ask : callable
        What to glance at, just now; None for nothing. May raise `InputError`, whose message is then told.
    panel : QWidget
        Owns this object: it ends with it.
    """

    told = Signal(object)
    """Words to show."""

    def __init__(self, viewer: Viewer, ask: Callable[[], Glance | None], panel: QWidget) -> None:
        super().__init__(panel)
        self._viewer, self._ask = viewer, ask
        self._wanted, self._visible = True, panel.isVisible()
        self._followed: list[tuple[Any, Callable[..., None]]] = []
        self._listening = False
        self._key: Any = None
        self._due: float | None = None
        self._answer: Future[Words] | None = None
        self._began = 0.0
        self._void = False
        self._timer = QTimer(self)
        self._timer.setInterval(TICK)
        self._timer.timeout.connect(self._tick)
        panel.installEventFilter(self)

    @property
    def listening(self) -> bool:
        """Whether changes are followed: it is wanted, and the panel is visible."""
        return self._listening

    @property
    def busy(self) -> bool:
        """Whether there is a glance to come, or to wait for."""
        return self._due is not None or self._answer is not None

    def want(self, wanted: bool) -> None:
        """Follow changes from now on, or no longer."""
        self._wanted = wanted
        self._switch()

    def follow(self, layer: Image | None, shapes: Shapes | None) -> None:
        """Glance at another image, or at the regions of another Shapes layer; an answer that is on its way is not of interest any more."""
        self._listen(False)
        dims, self._followed = self._viewer.dims.events, []
        if layer is not None:
            pixels = ("data",) if layer.multiscale else ("data", "set_data")  # of multiscale images set_data tells of the camera too
            self._followed += [(getattr(layer.events, name), self.renew) for name in pixels]
            self._followed += [(getattr(dims, name), self.request) for name in SEEN]
        if shapes is not None:
            self._followed += [(getattr(shapes.events, name), self.request) for name in (*DRAWN, *PLACE)]
            self._followed += [(getattr(layer.events, name), self.request) for name in PLACE if layer is not None]
        self._void = True
        self._switch()

    def request(self, *_: Any) -> None:
        """Glance soon at what is seen then, unless that was the last thing glanced at."""
        if self._listening and self._due is None:
            self._due = time.monotonic() + DELAY
            self._timer.start()

    def renew(self, *_: Any) -> None:
        """Glance soon, since pixels may have changed."""
        self._key = None
        self.request()

    def close(self) -> None:
        """End: nothing is followed any more, and nothing told."""
        self._wanted = False
        self._listen(False)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
        """Notice that the panel is shown or hidden; called by Qt."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):  # not asked of the panel, which may be half gone
            self._visible = event.type() == QEvent.Type.Show
            self._switch()
        return False

    def _switch(self) -> None:
        self._listen(self._wanted and self._visible)
        if self._listening:
            _prepare()
            self.renew()

    def _listen(self, listening: bool) -> None:
        if listening == self._listening:
            return
        self._listening = listening
        for emitter, callback in self._followed:
            emitter.connect(callback) if listening else emitter.disconnect(callback)
        if not listening:
            self._due = None

    def _tick(self) -> None:
        """Tell the answer when it is there, and then begin what is due."""
        now = time.monotonic()
        if self._answer is not None:
            if not self._answer.done():
                if self._listening and now - self._began > SLOW:
                    self.told.emit(Words("Estimating ..."))
                return
            said, self._answer = self._answer.result(), None
            if self._listening and not self._void:
                self.told.emit(said)
        if self._due is None:
            self._timer.stop()
        elif now >= self._due:
            self._due = None
            self._begin()

    def _begin(self) -> None:
        try:
            glance = self._ask()
        except InputError as error:
            self._key = None
            self.told.emit(Words(str(error)))
            return
        if glance is None:
            self.told.emit(Words(""))
        elif glance.key != self._key:
            self._key, self._void, self._began = glance.key, False, time.monotonic()
            self._answer = _in_thread(glance.look)


@cache
def _prepare() -> None:
    """Make the first glance of a process quick, while the user still looks for an image."""
    threading.Thread(target=prepare, name="napari-kernelgan prepares", daemon=True).start()


def _in_thread(work: Callable[[], Words]) -> Future[Words]:
    """Do something that raises nothing in a thread of its own, for which the application does not wait when it ends."""
    answer: Future[Words] = Future()
    threading.Thread(target=lambda: answer.set_result(work()), name="napari-kernelgan live", daemon=True).start()
    return answer
