"""Whole plots of an estimate, by name: into the figure of a window, or into a file of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from ..assess.line import LineProfiles
from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..files.atomic import atomic
from ..kernels.theory import Optics
from .curves import draw_encircled_energy, draw_losses_over_steps, draw_measured_profiles, draw_mtf
from .numbers import KERNEL
from .theme import PAPER, Theme, styled

Plot = Literal["profiles", "MTF", "encircled energy", "training"]
PLOTS: tuple[Plot, ...] = get_args(Plot)
FORMATS = (".png", ".svg", ".pdf")
INCHES = 5.0, 3.8
DPI = 200
LEFT, RIGHT, BOTTOM, TOP = 0.58, 0.1, 0.44, 0.26
"""Inches around the plots of a training, whose places are not worked out anew at every step: that takes longer than all else."""
GAP = 1.3
"""Between the two, in heights of a plot: there are the numbers of the upper and the legend of the lower one."""


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
    if plot == "training" and not _has_losses(estimate):
        draw_nothing(figure, f"{estimate.method}: nothing was trained, there are no losses.", theme)
        return
    with styled(theme.rc):
        axes = cleared(figure, theme, "constrained").subplots()
        if plot == "profiles":
            draw_measured_profiles(axes, estimate, optics, theme)
        elif plot == "MTF":
            draw_mtf(axes, estimate, optics, theme)
        elif plot == "encircled energy":
            draw_encircled_energy(axes, estimate, theme)
        else:
            draw_losses_over_steps(axes, estimate, theme)
        _title(figure, f"{KERNEL}: training ({estimate.method})" if plot == "training" else f"{of}: {plot}")


def draw_training(figure: Any, estimate: KernelEstimate, theme: Theme = PAPER) -> None:
    """Draw a kernel in training, its profiles and the losses so far, over whatever is in a figure; takes some 0.1 s.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    estimate : KernelEstimate
        The kernel as it is, with the history so far.
    theme : Theme
    """
    if not _has_losses(estimate):
        draw_plot(figure, "profiles", estimate, theme=theme)
        return
    with styled(theme.rc):
        width, height = figure.get_size_inches()
        places = {"left": LEFT / width, "right": 1 - RIGHT / width, "bottom": BOTTOM / height, "top": 1 - TOP / height, "hspace": GAP}
        above, below = cleared(figure, theme, None).subplots(2, 1, height_ratios=(1, 2), gridspec_kw=places)
        draw_measured_profiles(above, estimate, None, theme)
        above.get_legend().remove()
        above.set(xlabel="", ylabel="profiles", yticks=[])
        draw_losses_over_steps(below, estimate, theme)
        below.set(ylabel="loss")
        _title(figure, "In training: FWHM {:.2f} × {:.2f} HR px".format(*estimate.fwhm))


def draw_nothing(figure: Any, words: str, theme: Theme = PAPER) -> None:
    """Write why there is no plot over whatever is in a figure."""
    cleared(figure, theme, None).text(0.5, 0.5, words, ha="center", va="center", color=theme.ink, fontsize=9)


def write_plot(path: str | Path, plot: Plot, estimate: KernelEstimate, of: str = KERNEL, optics: Optics | None = None) -> None:
    """Draw a plot on white paper and write it as PNG, SVG or PDF, by the path's suffix; an existing file is replaced.

    Raises
    ------
    InputError
        If the suffix is none of these.
    """
    write_painted(Path(path), lambda figure: draw_plot(figure, plot, estimate, of, optics))


def write_painted(path: Path, paint: Callable[[Any], None]) -> None:
    """Write what is painted into an empty figure as PNG, SVG or PDF, by the path's suffix; an existing file is replaced.

    Raises
    ------
    InputError
        If the suffix is none of these.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise InputError(f"{path.name}: plots are written as {', '.join(FORMATS)}; give one of these suffixes.")
    figure: Any = Figure(INCHES)
    FigureCanvasAgg(figure)
    paint(figure)
    # text stays text, to be edited where the plot is used; no date, so that the same plot is the same file
    about = {} if kind == ".png" else {"metadata": {"Date" if kind == ".svg" else "CreationDate": None}}
    with styled({"svg.fonttype": "none", "svg.hashsalt": "napari-kernelgan", "pdf.fonttype": 42}), atomic(path) as temporary:
        figure.savefig(temporary, format=kind[1:], dpi=DPI, **about)


def draw_line_profiles(figure: Any, profiles: LineProfiles, interpolation: Literal["nearest", "bicubic"], theme: Theme = PAPER) -> None:
    """Draw brightness along a line, of an image and of its upscale, over whatever is in a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    profiles : LineProfiles
    interpolation : {"nearest", "bicubic"}
        How the image is drawn between its pixels.
    theme : Theme
    """
    with styled(theme.rc):
        axes = cleared(figure, theme, "constrained").subplots()
        axes.plot(profiles.distance, getattr(profiles, interpolation), color=theme.minor, lw=1.2, label=f"input, {interpolation}")
        axes.plot(profiles.distance, profiles.upscaled, color=theme.major, lw=1.2, label="upscaled")
        axes.set(xlabel=f"distance ({'px of the input' if profiles.unit == 'px' else profiles.unit})", ylabel="brightness")
        axes.margins(x=0)
        axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))


def _has_losses(estimate: KernelEstimate) -> bool:
    return any(map(len, estimate.history.losses.values()))


def cleared(figure: Any, theme: Theme, layout: str | None) -> Any:
    """A figure without what was in it."""
    figure.clear()
    figure.set_layout_engine(layout)
    figure.set_facecolor(theme.paper)
    return figure


def _title(figure: Any, title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.5)
