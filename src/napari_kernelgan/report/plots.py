"""Whole plots of an estimate, by name: into the figure of a window, or into a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import InputError
from ..estimate.result import History, KernelEstimate
from ..files.atomic import atomic
from ..kernels.theory import Optics
from .curves import draw_encircled_energy, draw_measured_profiles, draw_mtf
from .numbers import KERNEL
from .panels import draw_history
from .theme import PAPER, Theme

Plot = Literal["profiles", "MTF", "encircled energy", "training"]
PLOTS: tuple[Plot, ...] = get_args(Plot)
TITLES: dict[Plot, str] = {
    "profiles": "profiles through the peak",
    "MTF": "modulation transfer function",
    "encircled energy": "encircled energy",
    "training": "training",
}
FORMATS = (".png", ".svg", ".pdf")
INCHES = 5.0, 3.8
DPI = 200
LEFT, RIGHT, BOTTOM, TOP = 0.58, 0.1, 0.38, 0.26
"""Inches around the plots of a training, whose places are not worked out anew at every step: that takes longer than all else."""


def draw_plot(
    figure: Any, plot: Plot, estimate: KernelEstimate, of: str = KERNEL, optics: Optics | None = None, theme: Theme = PAPER
) -> None:
    """Draw a plot over whatever is in a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    plot : {"profiles", "MTF", "encircled energy", "training"}
    estimate : KernelEstimate
        The kernel, or the PSF in the form of an estimate (`numbers.as_psf`).
    of : str
        Which of them it is, for the title.
    optics : Optics, optional
        To draw theory beside it.
    theme : Theme
    """
    from matplotlib import rc_context

    with rc_context(theme.rc):
        axes = _cleared(figure, theme, "constrained").subplots()
        title = f"{of}: {TITLES[plot]}"
        if plot == "profiles":
            draw_measured_profiles(axes, estimate, optics, theme)
        elif plot == "MTF":
            draw_mtf(axes, estimate, optics, theme)
        elif plot == "encircled energy":
            draw_encircled_energy(axes, estimate, theme)
        else:
            title = f"{KERNEL}: training ({estimate.method})"
            _draw_losses(axes, estimate.history, f"Nothing was trained:\n{estimate.method} has no losses on record.", theme)
        _title(figure, title)


def draw_training(figure: Any, estimate: KernelEstimate, theme: Theme = PAPER) -> None:
    """Draw a kernel in training, its profiles and the losses so far, over whatever is in a figure; takes some 0.1 s.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    estimate : KernelEstimate
        The kernel as it is, with the history so far.
    theme : Theme
    """
    from matplotlib import rc_context

    with rc_context(theme.rc):
        above, below = _cleared(figure, theme, "none").subplots(2, 1, height_ratios=(1, 2))
        width, height = figure.get_size_inches()
        figure.subplots_adjust(LEFT / width, BOTTOM / height, 1 - RIGHT / width, 1 - TOP / height, hspace=0.3)
        draw_measured_profiles(above, estimate, None, theme)
        above.get_legend().remove()
        above.set(xlabel="", ylabel="profiles", yticks=[])
        _draw_losses(below, estimate.history, "no losses yet", theme)
        _title(figure, "{}: in training, FWHM {:.2f} × {:.2f} HR px".format(KERNEL, *estimate.fwhm))


def draw_nothing(figure: Any, words: str, theme: Theme = PAPER) -> None:
    """Write why there is no plot over whatever is in a figure."""
    _cleared(figure, theme, "none").text(0.5, 0.5, words, ha="center", va="center", color=theme.ink, fontsize=9)


def write_plot(path: str | Path, plot: Plot, estimate: KernelEstimate, of: str = KERNEL, optics: Optics | None = None) -> None:
    """Draw a plot on white paper and write it as PNG, SVG or PDF, by the path's suffix; an existing file is replaced.

    Raises
    ------
    InputError
        If the suffix is none of these.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path.name}: plots are written as {', '.join(FORMATS)}; give one of these suffixes.")
    figure: Any = Figure(INCHES)
    FigureCanvasAgg(figure)
    draw_plot(figure, plot, estimate, of, optics)
    # text stays text, to be edited where the plot is used; no date, so that the same plot is the same file
    about = {} if path.suffix.lower() == ".png" else {"metadata": {"Date" if path.suffix.lower() == ".svg" else "CreationDate": None}}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "napari-kernelgan", "pdf.fonttype": 42}), atomic(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=DPI, **about)


def _cleared(figure: Any, theme: Theme, layout: str) -> Any:
    figure.clear()
    figure.set_layout_engine(layout)
    figure.set_facecolor(theme.paper)
    return figure


def _title(figure: Any, title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)


def _draw_losses(axes: Any, history: History, otherwise: str, theme: Theme) -> None:
    if any(map(len, history.losses.values())):
        draw_history(axes, history, theme)
        return
    axes.text(0.5, 0.5, otherwise, ha="center", va="center", transform=axes.transAxes)
    axes.axis("off")
