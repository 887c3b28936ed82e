"""A matplotlib figure in a dock widget, in the colours of napari's theme; matplotlib is loaded when there is something to draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..report.theme import Theme, theme_on

Paint = Callable[[Any, Theme], None]
"""Draws into a figure in a theme's colours."""
SETTLED = 150
"""ms after which a width counts as settled."""


class Canvas(QWidget):
    """Holds a figure, which is drawn anew when napari's theme or its own size changes.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme is followed, until `close_events`.
    height : int
        Of the figure in px.
    """

    clicked = Signal(object)
    """Matplotlib's event when a mouse button is pressed on the figure."""
    shown = Signal()
    """The canvas has come into sight."""

    def __init__(self, viewer: ViewerModel, height: int) -> None:
        super().__init__()
        self._viewer = viewer
        self._paint: Paint | None = None
        self.figure: Any = None
        """Matplotlib's figure; None until something was drawn."""
        self.setLayout(QVBoxLayout())
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.setFixedHeight(height)
        self._resized = QTimer(self)
        self._resized.setSingleShot(True)
        self._resized.setInterval(SETTLED)
        self._resized.timeout.connect(self._again)
        viewer.events.theme.connect(self._again)

    def paint(self, paint: Paint) -> None:
        """Draw something over what is there, now and whenever the theme or the canvas's width changes."""
        if self.figure is None:
            self._make()
        self._paint = paint
        colours = get_theme(self._viewer.theme)
        paint(self.figure, theme_on(colours.text.as_hex(), colours.background.as_hex()))
        self.figure.canvas.draw_idle()

    def close_events(self) -> None:
        """Follow the theme no longer."""
        self._viewer.events.theme.disconnect(self._again)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Tell that the canvas is in sight; called by Qt."""
        super().showEvent(event)
        self.shown.emit()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Draw anew when the width has settled, on which legends depend; called by Qt."""
        super().resizeEvent(event)
        if self._paint is not None:
            self._resized.start()

    def _make(self) -> None:
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        self.figure = Figure(layout="constrained")
        self.figure.set_size_inches(self.width() / self.figure.dpi, self.height() / self.figure.dpi)  # which Qt gives it too late
        canvas = FigureCanvasQTAgg(self.figure)
        canvas.mpl_connect("button_press_event", self.clicked.emit)
        self.layout().addWidget(canvas)

    def _again(self, *_: Any) -> None:
        if self._paint is not None:
            self.paint(self._paint)
