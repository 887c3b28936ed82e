"""The figure of a benchmark's error bars: whether they hold the truth as often as they promise, and whether they need be so long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..files.atomic import atomic
from .figure import COLOURS, STYLE, without_repetition
from .scores import Score
from .tables import ALL

PROMISED = 0.9
RIGHT = (0.85, 0.95)
"""Coverage that is shaded."""
ROW = 0.19
"""Inches for one level of noise of one kind."""
GREY = "#64748b"


def write_bars(path: Path, scores: Sequence[Score]) -> bool:
    """Draw how right the error bars of widths are, as PNG; needs no screen.

    A row of panels for each method with error bars: how often those of reliable runs hold the truth, for each kind of kernel and level of
    noise; how many runs are reliable; and, for reliable ones, what share of the widths lies within the bars scaled to other levels as those
    of a normal distribution.

    Returns
    -------
    bool
        Whether there was anything to draw.
    """
    shown = without_repetition([s for s in scores if s.uses])
    if not shown:
        return False
    kinds, noises, methods = (list(dict.fromkeys(getattr(s, field) for s in shown)) for field in ("kind", "noise", "method"))
    rows = kinds + [ALL] * (len(kinds) > 1)
    colours = {noise: COLOURS[i % len(COLOURS)] for i, noise in enumerate(noises)}
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    height = max(len(rows) * (len(noises) + 0.8) * ROW + 0.8, 3.4)
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 0.4 + height * len(methods)), layout=ConstrainedLayoutEngine(wspace=0.08))
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(methods), 3, squeeze=False, width_ratios=(3, 1.9, 3.4))
        for method, (coverage, share, calibration) in zip(methods, panels, strict=True):
            mine = [s for s in shown if s.method == method]
            _draw_rows(coverage, share, mine, rows, colours)
            _draw_calibration(calibration, [s for s in mine if s.reliability == "reliable"], colours)
            coverage.set_title(f"{method}: 90 % bars that hold the truth")
        marks = [Line2D([], [], color=colour, marker="o", ms=5, label=f"noise {noise:g}") for noise, colour in colours.items()]
        figure.legend(handles=marks, loc="outside upper left", ncols=min(len(marks), 8), frameon=False)
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=150)
    return True


def _draw_rows(coverage: Any, share: Any, scores: Sequence[Score], rows: Sequence[str], colours: dict[float, str]) -> None:
    """Coverage among reliable runs, and their share, a group of rows for each kind of kernel."""
    from scipy.stats import binomtest

    group = len(colours) + 0.8
    lowest = 0.7
    for number, kind in enumerate(rows):
        for i, (noise, colour) in enumerate(colours.items()):
            place = number * group + i
            mine = [s for s in scores if kind in (ALL, s.kind) and s.noise == noise]
            reliable = [s for s in mine if s.reliability == "reliable"]
            if not mine:
                continue
            share.plot(len(reliable) / len(mine), place, "o", color=colour, ms=5, clip_on=False)
            share.text(1.06, place, f"{len(reliable)} of {len(mine)}", color=GREY, fontsize=7.5, va="center")
            if not reliable:
                continue
            held = [use <= 1 for s in reliable for use in s.uses]
            low, high = binomtest(sum(held), len(held)).proportion_ci(0.68, "wilson")
            lowest = min(lowest, low - 0.02)
            coverage.plot([low, high], [place] * 2, color=colour, lw=1.5, clip_on=False)
            coverage.plot(np.mean(held), place, "o", color=colour, ms=5, clip_on=False)
    middles = np.arange(len(rows)) * group + (len(colours) - 1) / 2
    for panel in (coverage, share):
        panel.set_ylim(len(rows) * group - 0.8 - 0.1, -0.9)
        panel.set_yticks(middles, rows if panel is coverage else [""] * len(rows))
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", alpha=0.25)
        for between in np.arange(1, len(rows)) * group - 0.9:
            panel.axhline(between, color=GREY, lw=0.5, alpha=0.4)
        panel.xaxis.set_major_formatter("{x:.0%}")
    coverage.axvspan(*RIGHT, color=GREY, alpha=0.15, lw=0)
    coverage.axvline(PROMISED, color=GREY, lw=0.8)
    coverage.set_xlim(lowest, 1)
    coverage.set_xlabel("of widths, reliable runs; lines: 68 % interval")
    share.set_xlim(0, 1)
    share.set_xticks([0, 0.5, 1])
    share.set_title("reliable runs")
    share.set_xlabel("of all runs")


def _draw_calibration(panel: Any, reliable: Sequence[Score], colours: dict[float, str]) -> None:
    """What share of widths lies within bars of every level."""
    from scipy.special import ndtri

    levels = np.linspace(0, 1, 501)
    within = ndtri((1 + levels) / 2) / ndtri((1 + PROMISED) / 2)
    panel.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    for noise, colour in colours.items():
        uses = np.sort([use for s in reliable if s.noise == noise for use in s.uses])
        if uses.size:
            panel.plot(levels, np.searchsorted(uses, within, side="right") / uses.size, color=colour, lw=1.5, clip_on=False)
    panel.text(0.05, 0.95, "bars too long", color=GREY, va="top")
    panel.text(0.95, 0.05, "bars too short", color=GREY, ha="right")
    panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="level of the bars", ylabel="widths within, reliable runs", box_aspect=1)
    panel.set_anchor("N")
    panel.set_title("calibration")
    panel.grid(alpha=0.25)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter("{x:.0%}")
