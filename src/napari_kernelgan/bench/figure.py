"""The figure of a benchmark: how each method's scores are spread, by kind of kernel and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files.atomic import atomic
from .scores import Score
from .tables import COLUMNS

COLOURS = ("#2563eb", "#db2777", "#16a34a", "#ea580c", "#7c3aed", "#0891b2", "#a16207", "#64748b")
STYLE = {"font.size": 9, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False}
ACROSS = 4
"""Panels in a row, at most."""


def write_figure(path: Path, scores: Sequence[Score]) -> bool:
    """Draw the kernels' scores, or where no kernels are scored the pictures', as PNG; needs no screen.

    A panel for each kind of kernel, in it a group for each level of noise, in that a box from the lower to the upper quartile for each
    method, the median as a line, and every run as a dot.

    Returns
    -------
    bool
        Whether there was anything to draw.
    """
    name = next((name for name in ("kernel_psnr", "psnr") if any(getattr(s, name) is not None for s in scores)), None)
    if name is None:
        return False
    shown = [s for s in scores if getattr(s, name) is not None]
    if name == "kernel_psnr":
        shown = without_repetition(shown)
    kinds, noises, methods = (list(dict.fromkeys(getattr(s, field) for s in shown)) for field in ("kind", "noise", "method"))
    group = len(methods) + 0.6
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    down = -(-len(kinds) // ACROSS)
    across = -(-len(kinds) // down)
    width = max(1.1 + across * (0.35 + 0.34 * len(noises) * group), 4.2)
    with rc_context(STYLE):
        figure = Figure(figsize=(min(width, 16), 0.9 + 2.7 * down), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
        for panel in panels[len(kinds) :]:
            panel.remove()
        for number, (kind, panel) in enumerate(zip(kinds, panels, strict=False)):
            for i, method in enumerate(methods):
                place = np.arange(len(noises)) * group + i
                values = [[getattr(s, name) for s in shown if (s.kind, s.noise, s.method) == (kind, noise, method)] for noise in noises]
                _draw(panel, place, values, COLOURS[i % len(COLOURS)])
            panel.set_title(kind)
            panel.set_xticks(np.arange(len(noises)) * group + (len(methods) - 1) / 2, [f"{noise:g}" for noise in noises])
            panel.set_xlim(-0.9, len(noises) * group - 0.7)
            panel.grid(axis="y", alpha=0.25)
            panel.tick_params(axis="x", length=0)
            if number + across >= len(kinds):
                panel.set_xlabel("noise")
            if number % across == 0:
                panel.set_ylabel(next(column.title for column in COLUMNS if column.name == name))
        patches = [Patch(color=COLOURS[i % len(COLOURS)], label=method) for i, method in enumerate(methods)]
        figure.legend(handles=patches, loc="outside upper left", ncols=min(len(methods), max(int(min(width, 16) / 2), 1)), frameon=False)
        with atomic(path) as temporary:
            figure.savefig(temporary, dpi=150)
    return True


def _draw(panel: Any, places: NDArray[Any], values: Sequence[Sequence[float]], colour: str) -> None:
    """One method's boxes in a panel, and its runs as dots beside each other."""
    for place, runs in zip(places, values, strict=True):
        if not runs:
            continue
        low, middle, high = np.percentile(runs, (25, 50, 75))
        panel.bar(place, high - low, 0.8, low, color=colour, alpha=0.3)
        panel.plot([place - 0.4, place + 0.4], [middle] * 2, color=colour, lw=2)
        aside = np.linspace(-0.25, 0.25, len(runs)) if len(runs) > 1 else np.zeros(1)
        panel.plot(place + aside, runs, ".", color=colour, ms=3)


def without_repetition(scores: Sequence[Score]) -> list[Score]:
    """The scores of kernels under their kernels' names, each kernel once however many upscalers used it."""
    first: dict[str, str] = {}
    for s in scores:
        first.setdefault(s.method.partition("+")[0], s.method)
    named = {method: kernel for kernel, method in first.items()}
    return [replace(s, method=named[s.method]) for s in scores if s.method in named]
