"""A plot of brightness along a line, of the image and of its upscale, in the colours of napari's theme."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from napari.components import ViewerModel

from ..assess.line import LineProfiles
from ..report.plots import cleared, draw_line_profiles, write_painted
from ..report.theme import Theme
from .canvas import Canvas

HEIGHT = 210  # px


class LinePlot(Canvas):
    """Profiles along a line.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme is followed.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer, HEIGHT)
        self._drawn: tuple[LineProfiles, str] | None = None

    @property
    def profiles(self) -> LineProfiles | None:
        """What is drawn."""
        return self._drawn and self._drawn[0]

    def draw(self, profiles: LineProfiles, interpolation: str) -> None:
        """Draw profiles over the distance; `interpolation` names the one of the image: "nearest" or "bicubic"."""
        self._drawn = profiles, interpolation
        self.paint(partial(_draw, *self._drawn))

    def clear(self) -> None:
        """Draw nothing."""
        self._drawn = None
        if self.figure is not None:
            self.paint(lambda figure, theme: cleared(figure, theme, None))

    def save(self, path: Path) -> None:
        """Write what is drawn, black on white, as PNG, SVG or PDF.

        Raises
        ------
        InputError
            If the suffix is none of these.
        """
        write_painted(path, lambda figure: draw_line_profiles(figure, *self._drawn))


def _draw(profiles: LineProfiles, interpolation: str, figure: Any, theme: Theme) -> None:
    draw_line_profiles(figure, profiles, interpolation, theme)
