"""A plot of brightness along a line, of the image and of its upscale, in the colours of napari's theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..assess.line import LineProfiles
from ..files.atomic import atomic

HEIGHT = 210  # px
COLOURS = {"input": "#2f9bd6", "upscaled": "#e8871e"}  # that can be told apart on dark and on light, and by the colour-blind
PRINTED = {"ink": "black", "paper": "white", "size": 9.0}
SIZE = (6.0, 3.5)  # inches, of a saved plot
DPI = 200


class LinePlot(QWidget):
    """Profiles along a line.

    Matplotlib is loaded when there is something to draw.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme is followed.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._drawn: tuple[LineProfiles, str] | None = None
        self.figure: Any = None
        """Matplotlib's figure; None until something was drawn."""
        self.setLayout(QVBoxLayout())
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.setFixedHeight(HEIGHT)
        viewer.events.theme.connect(self._on_theme)

    @property
    def profiles(self) -> LineProfiles | None:
        """What is drawn."""
        return self._drawn and self._drawn[0]

    def draw(self, profiles: LineProfiles, interpolation: str) -> None:
        """Draw profiles over the distance; `interpolation` names the one of the image: "nearest" or "bicubic"."""
        if self.figure is None:
            self._make()
        self._drawn = profiles, interpolation
        theme = get_theme(self._viewer.theme)
        _draw(self.figure, profiles, interpolation, ink=theme.text.as_hex(), paper=theme.background.as_hex(), size=8.0)
        self.figure.canvas.draw_idle()

    def clear(self) -> None:
        """Draw nothing."""
        self._drawn = None
        if self.figure is not None:
            self.figure.clear()
            self.figure.canvas.draw_idle()

    def save(self, path: Path) -> None:
        """Write what is drawn, black on white, as PNG, SVG or whatever else the suffix says that Matplotlib knows.

        Raises
        ------
        OSError, ValueError
            If the file cannot be written, or Matplotlib does not know the suffix.
        """
        from matplotlib.figure import Figure

        figure = Figure(SIZE, layout="constrained")
        _draw(figure, *self._drawn, **PRINTED)
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=DPI)

    def close_events(self) -> None:
        """Follow the theme no longer."""
        self._viewer.events.theme.disconnect(self._on_theme)

    def _make(self) -> None:
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
        from matplotlib.figure import Figure

        self.figure = Figure(layout="constrained")
        self.layout().addWidget(FigureCanvasQTAgg(self.figure))

    def _on_theme(self, *_: Any) -> None:
        if self._drawn is not None:
            self.draw(*self._drawn)


def _draw(figure: Any, profiles: LineProfiles, interpolation: str, *, ink: str, paper: str, size: float) -> None:
    figure.clear()
    figure.set_facecolor(paper)
    axes = figure.add_subplot(facecolor=paper)
    axes.plot(profiles.distance, getattr(profiles, interpolation), color=COLOURS["input"], lw=1.2, label=f"input, {interpolation}")
    axes.plot(profiles.distance, profiles.upscaled, color=COLOURS["upscaled"], lw=1.2, label="upscaled")
    axes.set_xlabel(f"distance ({'px of the input' if profiles.unit == 'px' else profiles.unit})", color=ink, fontsize=size)
    axes.set_ylabel("brightness", color=ink, fontsize=size)
    axes.tick_params(colors=ink, labelsize=size)
    axes.margins(x=0)
    for side, spine in axes.spines.items():
        spine.set_color(ink)
        spine.set_visible(side in ("left", "bottom"))
    axes.legend(frameon=False, labelcolor=ink, fontsize=size, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))
