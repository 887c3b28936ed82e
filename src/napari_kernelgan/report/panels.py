"""The plots of a report's figure: the kernel, its profiles, how sure it is, how training went. Each draws into axes that it is given."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..estimate.result import History, KernelEstimate
from ..files.kernels import kernel_record
from ..files.units import unit_symbol
from ..kernels.algebra import Kernel
from ..kernels.curves import profile
from .scalebar import add_scale_bar
from .theme import PAPER, Theme

MAJOR, MINOR = PAPER.major, PAPER.minor
LABELS = {
    "generator": "generator (GAN)",
    "discriminator": "discriminator",
    "bicubic": "likeness to bicubic",
    "sum": "sum of kernel",
    "boundary": "kernel's border",
    "centre": "kernel's centre",
    "sparsity": "sparsity",
}
LEVELS = {"reliable": "#15803d", "uncertain": "#a16207", "unreliable": "#b91c1c"}
LINE = 46  # characters that fit into a panel
VISIBLE = 1e-3  # of the peak: a large kernel's frame below this is left out of the picture


def draw_kernel(axes: Any, estimate: KernelEstimate) -> None:
    """The kernel with a scale bar and its principal axes."""
    kernel = _visible(estimate.kernel)
    half = kernel.shape[0] / 2
    axes.imshow(kernel, cmap="magma", vmin=0, extent=(-half, half, half, -half), interpolation="nearest")
    widths = estimate.fwhm
    for angle, width, colour in ((widths.angle, widths.major, MAJOR), (widths.angle + 90, widths.minor, MINOR)):
        dy, dx = np.sin(np.deg2rad(angle)) * width / 2, np.cos(np.deg2rad(angle)) * width / 2
        axes.plot([-dx, dx], [-dy, dy], color="white", linewidth=3, solid_capstyle="butt")
        axes.plot([-dx, dx], [-dy, dy], color=colour, linewidth=1.8, solid_capstyle="butt")
    add_scale_bar(axes, 2 * half, estimate)
    axes.set_title(f"kernel, {len(estimate.kernel)} x {len(estimate.kernel)} HR pixels")
    axes.set_xticks([])
    axes.set_yticks([])


def draw_profiles(axes: Any, estimate: KernelEstimate) -> None:
    """The kernel along its principal axes, with the full widths at half maximum."""
    widths = estimate.fwhm
    physical = kernel_record(estimate).get("fwhm_physical") if estimate.unit else None
    reach = max(2.0, 1.3 * widths.major)
    along = np.linspace(-reach, reach, 401)
    for name, width, angle, colour, level in (
        ("major", widths.major, widths.angle, MAJOR, 0.53),
        ("minor", widths.minor, widths.angle + 90, MINOR, 0.47),
    ):
        label = f"{name} axis ({angle % 180:.0f}°)\nFWHM {width:.2f} px"
        if physical:
            label += f" = {physical[name]:#.3g} {unit_symbol(physical['unit'])}"
        draw_profile(axes, along, profile(estimate.kernel, angle, along), width, level, colour, label)
    axes.axhline(0.5, color="0.6", linewidth=0.8, linestyle=":")
    axes.set(xlim=(-reach, reach), ylim=(min(0.0, *axes.get_ylim()), 1.62), xlabel="HR pixels from the peak", yticks=[0, 0.5, 1])
    axes.set_title("profiles through the peak")
    axes.legend(loc="upper center", frameon=False, fontsize=8.5, ncols=1, handlelength=1.2)


def draw_profile(
    axes: Any, along: NDArray[np.float64], height: NDArray[np.float64], width: float, level: float, colour: str, label: str
) -> float:
    """A profile with an arrow at a level, as long as its width; gives the place of the arrow's middle."""
    axes.plot(along, height, color=colour, linewidth=2, label=label)
    middle = float(along[height >= 0.5].mean())
    axes.annotate("", (middle - width / 2, level), (middle + width / 2, level), arrowprops={"arrowstyle": "<->", "color": colour})
    return middle


def draw_trust(axes: Any, estimate: KernelEstimate) -> None:
    """The widths with their error bars, and how far to trust them."""
    axes.set_title("widths and how sure they are")
    axes.axis("off")
    trust = estimate.reliability
    if trust is not None:
        axes.text(0, 0.5, trust.level, fontsize=11, fontweight="bold", color=LEVELS[trust.level], va="top", transform=axes.transAxes)
        reasons = [line for reason in trust.reasons for line in wrap(reason, LINE)]
        axes.text(0, 0.41, "\n".join(reasons), fontsize=7.5, va="top", transform=axes.transAxes)
    if estimate.fwhm_interval is None:
        return
    bars = axes.inset_axes((0.2, 0.7, 0.8, 0.3))
    physical = kernel_record(estimate).get("fwhm_physical") if estimate.unit else None
    for row, (name, (low, high), colour) in enumerate(zip(("major", "minor"), estimate.fwhm_interval, (MAJOR, MINOR), strict=True)):
        width = getattr(estimate.fwhm, name)
        bars.plot([low, high], [row, row], color=colour, linewidth=2, marker="|", markersize=8)
        bars.plot(width, row, color=colour, marker="o", markersize=5)
        text = f"{low:.2f} .. {high:.2f} px"
        if physical:
            size = physical[name] / width
            text += f" = {low * size:#.3g} .. {high * size:#.3g} {unit_symbol(physical['unit'])}"
        bars.text(0, row - 0.22, text, fontsize=8, color=colour, va="bottom", transform=bars.get_yaxis_transform())
    bars.set(ylim=(1.4, -0.8), yticks=[0, 1], yticklabels=["major", "minor"], xlabel="FWHM, 90 % error bars / HR px")
    bars.set_xlim(0, None)
    bars.spines["left"].set_visible(False)
    bars.tick_params(axis="y", length=0)


def draw_losses(axes: Any, estimate: KernelEstimate) -> None:
    """The loss terms of the kernel's training, each step's value smoothed a little."""
    draw_history(axes, estimate.history)
    axes.set_title(f"training of the kernel ({estimate.method})")
    # the legend needs some room
    low, high = (np.log10(end) for end in axes.get_ylim())
    axes.set_ylim(10**low, 10 ** (high + 0.55 * (high - low)))
    axes.legend(loc="upper center", ncols=2, frameon=False, fontsize=8, handlelength=1.2, columnspacing=1.0)


def draw_history(axes: Any, history: History, theme: Theme = PAPER) -> None:
    """Loss terms over steps, of which there must be some, without a legend."""
    losses = {name: values for name, values in history.losses.items() if len(values)}
    count = max(len(values) for values in losses.values())
    steps = history.steps if len(history.steps) else np.arange(1, count + 1)
    for number, (name, values) in enumerate(losses.items()):
        known = np.isfinite(values)  # a term may come later than others
        smooth = scipy.ndimage.uniform_filter1d(values[known], max(1, count // 60), mode="nearest")
        look = {"linewidth": 1.3, "color": theme.cycle[number % len(theme.cycle)], "marker": None if count > 1 else "."}
        axes.plot(steps[: len(values)][known], np.maximum(smooth, 1e-9), label=LABELS.get(name, name), **look)
    axes.set(yscale="log", xlabel="step", ylabel="loss, unweighted", xlim=(min(1, count - 1), max(int(steps[-1]), 2)))
    low, high = (np.log10(end) for end in axes.get_ylim())
    low = max(low, -5.0)  # terms that vanish would leave the others no room
    axes.set_ylim(10**low, 10**high)
    axes.set_yticks([10.0**power for power in range(int(np.ceil(low)), int(np.floor(high)) + 1)])
    axes.minorticks_off()


def draw_reconstruction(axes: Any, stages: list[dict[str, Any]]) -> None:
    """The reconstruction error of the upscaler's training, stage by stage.

    Parameters
    ----------
    stages : list of dict
        With ``scale``, ``error_steps`` and ``errors`` (mean squared error on 0..1) each.
    """
    axes.set_title("training of the upscaler")
    drawn = [stage for stage in stages if stage["errors"]]
    if not drawn:
        axes.text(0.5, 0.5, "too short for a curve", ha="center", va="center", transform=axes.transAxes, color="0.4")
        axes.set(xticks=[], yticks=[])
        return
    for stage in drawn:
        name = f"to x{stage['scale']}, {stage['steps']} steps"
        axes.plot(stage["error_steps"], np.sqrt(stage["errors"]), marker="o", markersize=3, linewidth=1.5, label=name)
    axes.set(yscale="log", xlabel="step", ylabel="reconstruction error (RMS, 0..1)")
    axes.legend(frameon=False, fontsize=8.5)


def _visible(kernel: Kernel) -> Kernel:
    """The middle of a kernel with everything that can be seen of it."""
    n = kernel.shape[0]
    y, x = np.nonzero(np.abs(kernel) > VISIBLE * kernel.max())
    margin = max(0, min(y.min(), x.min(), n - 1 - y.max(), n - 1 - x.max()))
    return kernel[margin : n - margin, margin : n - margin]
