"""A plot of the kernel's widths over an axis of the stack, in the colours of napari's theme; clicking a point tells which plane it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import Signal

from ..report.reading import Sizes
from ..report.theme import Theme
from ..stacks.results import PlaneRow
from .canvas import Canvas
from .words import widths_of

HEIGHT = 210  # px
NEAR = 12.0
"""Screen pixels within which a click means a point."""


class WidthPlot(Canvas):
    """Major and minor width of every plane's kernel, with error bars.

    Parameters
    ----------
    viewer : napari.Viewer
        Its theme is followed.
    """

    chosen = Signal(object)
    """The place of the plane whose point was clicked."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer, HEIGHT)
        self._points: list[tuple[float, float, tuple[int, ...]]] = []
        self.clicked.connect(self._on_click)

    def draw(self, rows: Sequence[PlaneRow], stack_axes: str, axis: str, physical: bool) -> None:
        """Draw the widths over an axis.

        Parameters
        ----------
        rows : sequence of PlaneRow
            Those without widths are left out. Planes that differ along other axes are lines of their own.
        stack_axes : str
            Of their places.
        axis : str
            One of these.
        physical : bool
            In the image's unit of length rather than px of the upscaled image.
        """
        along = stack_axes.index(axis)
        others = lambda point: point[0][:along] + point[0][along + 1 :]  # noqa: E731
        points = sorted(((row.place, widths) for row in rows if (widths := widths_of(row, physical))), key=lambda p: (others(p), p[0]))
        lines = [[(place[along], place, widths) for place, widths in some] for _, some in groupby(points, others)]
        self.paint(partial(self._draw, lines, axis, points[0][1].unit if points else "px"))

    def _draw(self, lines: list[Any], axis: str, unit: str, figure: Any, theme: Theme) -> None:
        figure.clear()
        axes = figure.add_subplot()
        self._points = []
        for number, points in enumerate(lines):
            self._line(axes, points, theme, labelled=number == 0)
        figure.set_facecolor(theme.paper)
        self._dress(axes, axis, unit, theme.ink, theme.paper)

    def _line(self, axes: Any, points: list[tuple[int, tuple[int, ...], Sizes]], theme: Theme, *, labelled: bool) -> None:
        at = np.array([each[0] for each in points], float)
        for which, (name, colour) in enumerate((("major", theme.major), ("minor", theme.minor))):
            values = np.array([widths[which] for _, _, widths in points])
            bars = np.array([widths.bars[which] if widths.bars else (widths[which],) * 2 for _, _, widths in points])
            spread = np.abs(bars.T - values)
            shift = (which - 0.5) * 0.12  # so that error bars do not hide each other
            axes.errorbar(
                at + shift, values, spread, color=colour, marker="o", markersize=4, lw=1, elinewidth=1, label=name if labelled else None
            )
            self._points += [(x + shift, value, place) for (x, place, _), value in zip(points, values, strict=True)]

    def _dress(self, axes: Any, axis: str, unit: str, ink: str, paper: str) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.set_facecolor(paper)
        axes.set_xlabel(axis, color=ink, fontsize=8)
        axes.set_ylabel(f"FWHM ({'HR px' if unit == 'px' else unit})", color=ink, fontsize=8)
        axes.tick_params(colors=ink, labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for side, spine in axes.spines.items():
            spine.set_color(ink)
            spine.set_visible(side in ("left", "bottom"))
        if self._points:
            axes.legend(frameon=False, labelcolor=ink, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))
        else:
            axes.text(0.5, 0.5, "no widths yet", transform=axes.transAxes, color=ink, ha="center", fontsize=8)

    def _on_click(self, event: Any) -> None:
        if event.inaxes is None or not self._points:
            return
        shown = event.inaxes.transData.transform([(x, y) for x, y, _ in self._points])
        distances = np.hypot(*(shown - (event.x, event.y)).T)
        nearest = int(distances.argmin())
        if distances[nearest] <= NEAR * self.devicePixelRatioF():
            self.chosen.emit(self._points[nearest][2])
