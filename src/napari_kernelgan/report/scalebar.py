"""Scale bars of a round length, for pictures on the fine grid of a kernel."""

from __future__ import annotations

from math import floor, log10
from typing import Any

from ..estimate.result import KernelEstimate
from ..files.units import unit_symbol


def add_scale_bar(axes: Any, width: float, estimate: KernelEstimate) -> None:
    """Draw a scale bar into the lower left corner of a picture.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Of the picture.
    width : float
        How many HR pixels the axes span.
    estimate : KernelEstimate
        Gives the size of an HR pixel; the bar is labelled in pixels where that is not known, or not the same in y and x.
    """
    from matplotlib.patheffects import withStroke

    y, x = estimate.pixel_size or (1.0, 1.0)
    physical = estimate.pixel_size is not None and estimate.unit is not None and y == x
    pixel, unit = (x / estimate.scale, estimate.unit) if physical else (1.0, None)
    length = round_length(width * pixel / 3)
    end = 0.06 + length / (width * pixel)
    place: dict[str, Any] = {"transform": axes.transAxes, "color": "white"}
    edge = withStroke(linewidth=6, foreground="black", alpha=0.7), withStroke(linewidth=3, foreground="black", alpha=0.7)
    axes.plot([0.06, end], [0.06, 0.06], linewidth=3.5, solid_capstyle="butt", path_effects=[edge[0]], **place)
    label = f"{length:g} {unit_symbol(unit)}"
    axes.text((0.06 + end) / 2, 0.085, label, ha="center", va="bottom", fontsize=9.5, path_effects=[edge[1]], **place)


def round_length(most: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `most`."""
    power = 10.0 ** floor(log10(most))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most * (1 + 1e-9))
