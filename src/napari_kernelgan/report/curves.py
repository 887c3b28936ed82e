"""Plots of one kernel, or of one PSF, for a window or a file of their own: in any theme, in the unit of the image where it is known.

Each draws into axes that it is given, within an `rc_context` of its theme.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..estimate.result import KernelEstimate
from ..files.units import METRES, convert, unit_symbol
from ..kernels.curves import NYQUIST, encircled_radius, mtf50
from ..kernels.theory import Optics, cutoff_frequency, theoretical_fwhm, theoretical_mtf
from .lengths import Ruler, ruler_of
from .numbers import SHARES, Number, in_words
from .panels import draw_history, draw_profile
from .sampled import contrasts, energy, profiles
from .theme import PAPER, Theme

LEVELS = 0.53, 0.47
"""At which the arrows of both widths are drawn, so that one does not hide the other."""
TOP = 1.05
"""Of plots of something that is 1 at most."""
SMALL = 7.5
"""Font size of what is written into a plot."""
NARROW = 3.1
"""Inches of a figure that is not wide enough for legends as they are elsewhere."""


def draw_measured_profiles(axes: Any, estimate: KernelEstimate, optics: Optics | None = None, theme: Theme = PAPER) -> None:
    """Profiles along the principal axes: the widths as arrows, their error bars at the arrows' ends, and the width in theory.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    estimate : KernelEstimate
    optics : Optics, optional
        Its width with the image's pixels is drawn where these have a size.
    theme : Theme
    """
    ruler = _square(estimate)
    size, unit = (ruler.x, unit_symbol(ruler.unit)) if ruler else (1.0, "HR px")
    bars = estimate.fwhm_interval or (None, None)
    for which, (curve, colour) in enumerate(zip(profiles(estimate), (theme.major, theme.minor), strict=True)):
        width = estimate.fwhm[which] * size
        low, high = (end * size for end in bars[which] or (np.nan, np.nan))
        number = Number("", width, low, high, unit) if bars[which] else Number("", width, unit=unit)
        label = f"{curve.axis} axis ({curve.angle:.0f}°): FWHM\n{in_words(number)}"
        middle = draw_profile(axes, curve.at * size, curve.values, width, LEVELS[which], colour, label)
        for sign in (-1, 1) if bars[which] else ():
            place = middle + sign * low / 2, middle + sign * high / 2
            axes.plot(place, [LEVELS[which]] * 2, color=colour, linewidth=6, alpha=0.5, solid_capstyle="butt")
    if optics and ruler and ruler.unit in METRES:
        to_nm = convert(1.0, ruler.unit, "nanometer")
        theory = theoretical_fwhm(optics, estimate.scale * ruler.x * to_nm) / to_nm
        label = f"theory: {in_words(Number('', theory, unit=unit))}"
        axes.plot([-theory / 2, theory / 2], [0.41] * 2, color=theme.faint, linewidth=2.5, label=label)
    axes.axhline(0.5, color=theme.faint, linewidth=0.8, linestyle=":")
    reach = curve.at[-1] * size
    axes.set(xlim=(-reach, reach), ylim=(min(0.0, axes.get_ylim()[0]), TOP), yticks=[0, 0.5, 1])
    axes.set(xlabel=f"from the peak / {unit}", ylabel="height")
    _legend_of_axes(axes)


def draw_mtf(axes: Any, estimate: KernelEstimate, optics: Optics | None = None, theme: Theme = PAPER) -> None:
    """Modulation transfer functions along the principal axes, up to the Nyquist frequency of the HR grid.

    Marked are MTF50 and the Nyquist frequency of the image, beyond which it holds aliases only; with optics, where the pixels have a size,
    the transfer function in theory, with pixels along their sides, and the frequency from which on the optics pass nothing.

    Parameters
    ----------
    axes, estimate, optics, theme
        As for `draw_measured_profiles`.
    """
    ruler = _square(estimate)
    size, unit = (ruler.x, unit_symbol(ruler.unit)) if ruler else (1.0, "HR px")
    for curve, colour in zip(contrasts(estimate), (theme.major, theme.minor), strict=True):
        half = mtf50(estimate.kernel, curve.angle)
        number = Number("", half / size, None if half == half else NYQUIST / size, unit=f"cycles/{unit}")
        axes.plot(curve.at / size, curve.values, color=colour, linewidth=2, label=f"{curve.axis} axis: MTF50\n{in_words(number)}")
        if half == half:  # not NaN
            axes.plot(half / size, 0.5, color=colour, marker="o", markersize=6)
    last = NYQUIST / size
    limits = [("image's Nyquist", last / estimate.scale, 1.0, "right"), ("HR Nyquist", last, 1.0, "right")]
    if optics and ruler and ruler.unit in METRES:
        to_nm = convert(1.0, ruler.unit, "nanometer")
        f = np.linspace(0, last, 201)
        theory = theoretical_mtf(optics, f / to_nm, estimate.scale * ruler.x * to_nm)
        axes.plot(f, theory, color=theme.faint, linewidth=1.5, linestyle="--", label="theory")
        limits.append(("optics' cutoff", cutoff_frequency(optics) * to_nm, 0.62, "left"))  # on the other side of its line, and lower
    axes.axhline(0.5, color=theme.faint, linewidth=0.8, linestyle=":")
    for name, at, top, side in limits:
        if at <= 1.001 * last:
            axes.plot([at, at], [0, 1], color=theme.faint, linewidth=1)
            beside = (-2 if side == "right" else 2, 0)
            axes.annotate(name, (at, top), beside, textcoords="offset points", rotation=90, ha=side, va="top", fontsize=SMALL)
    axes.set(xlim=(0, 1.01 * last), ylim=(0, TOP), yticks=[0, 0.5, 1], xlabel=f"cycles / {unit}", ylabel="contrast")
    _legend_of_axes(axes)


def draw_encircled_energy(axes: Any, estimate: KernelEstimate, theme: Theme = PAPER) -> None:
    """The share of the kernel within circles around its centre of mass, with the radii of 50 % and 80 %.

    Parameters
    ----------
    axes, estimate, theme
        As for `draw_measured_profiles`.
    """
    ruler = _square(estimate)
    size, unit = (ruler.x, unit_symbol(ruler.unit)) if ruler else (1.0, "HR px")
    curve = energy(estimate)
    behind = {"facecolor": theme.paper, "edgecolor": "none", "pad": 0.5}
    axes.plot(curve.at * size, curve.values, color=theme.ink, linewidth=2)
    for share in SHARES:
        radius = encircled_radius(estimate.kernel, share) * size
        axes.plot([0, radius, radius], [share, share, 0], color=theme.faint, linewidth=1, linestyle=":")
        axes.plot(radius, share, color=theme.ink, marker="o", markersize=6)
        told = f"{100 * share:.0f} % within {in_words(Number('', radius, unit=unit))}"
        axes.annotate(told, (radius, share), (8, -4), textcoords="offset points", va="top", fontsize=SMALL, bbox=behind)
    axes.set(xlim=(0, curve.at[-1] * size), ylim=(0, TOP), yticks=[0, 0.5, 1], xlabel=f"radius / {unit}", ylabel="energy within")


def draw_losses_over_steps(axes: Any, estimate: KernelEstimate, theme: Theme = PAPER) -> None:
    """The loss terms of the kernel's training, of which there must be some.

    Parameters
    ----------
    axes, estimate, theme
        As for `draw_measured_profiles`.
    """
    draw_history(axes, estimate.history, theme)
    handles, labels = axes.get_legend_handles_labels()
    _legend(axes, handles, labels, 2 if axes.figure.get_figwidth() < NARROW else 3)


def _square(estimate: KernelEstimate) -> Ruler | None:
    """The size of HR pixels where it is one for all directions; of oblong pixels plots are in HR px."""
    ruler = ruler_of(estimate)
    return ruler if ruler and ruler.square else None


def _legend_of_axes(axes: Any) -> None:
    """Both principal axes, side by side where there is room, and theory, where there is one, below the first."""
    (major, minor, *theory), labels = axes.get_legend_handles_labels()
    if axes.figure.get_figwidth() < NARROW:
        _legend(axes, [major, minor, *theory], labels, 1)
    else:  # column by column
        _legend(axes, [major, *theory, minor], [labels[0], *labels[2:], labels[1]], 2)


def _legend(axes: Any, handles: list[Any], labels: list[str], columns: int) -> None:
    """Above the plot, so that no curve runs through it, from the figure's left edge; a title has its place above that."""
    from matplotlib.transforms import blended_transform_factory

    place: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0.01, 1.0),
        "bbox_transform": blended_transform_factory(axes.figure.transFigure, axes.transAxes),
        "borderaxespad": 0.1,
    }
    axes.legend(handles, labels, ncols=columns, frameon=False, fontsize=SMALL, handlelength=1.0, columnspacing=0.8, **place)
