"""The figure of a report: where the details lie, the kernel, how sure it is, how training went, the details before and after."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..estimate.result import KernelEstimate
from ..files.atomic import atomic
from ..images.layout import Index, Layout, without_alpha
from ..upscaling.planes import interpolate_plane
from .details import Corner, detail_side, find_details
from .panels import draw_kernel, draw_losses, draw_profiles, draw_reconstruction, draw_trust
from .reading import Record, flat
from .scalebar import add_scale_bar
from .theme import STYLE, styled

NAME = 80  # characters of a name that the heading has room for
MARGIN = 4  # px of the input around a detail, so that its enlargement has no border of its own
OVERVIEW = 1000  # px that the overview shows of either side, at most about twice as many
COLOURS = ("#16a34a", "#db2777")


def write_figure_of(path: Path, image: Any, upscaled: Any, axes: str | None, estimate: KernelEstimate, name: str, upscale: Record) -> None:
    """Write the figure of an image and what came out of it; of a stack, of its middle plane.

    Parameters
    ----------
    path : Path
    image : array
    upscaled : array or None
        None leaves out the details before and after.
    axes : str or None
        One letter per axis of both.
    estimate : KernelEstimate
    name : str
        Of the image.
    upscale : dict
        The record of the upscale; {} without.
    """
    layout = Layout.of(image, axes)
    index: Index = next(islice(layout.indices(), layout.n_planes // 2, None))
    where = "".join(f", {axis} = {at}" for axis, at in zip(layout.stack_axes, index, strict=True))
    planes = [each for each in flat(upscale).get("planes", []) if isinstance(each, dict) and tuple(each["plane"]) == index]
    write_figure(
        path,
        layout.plane(image, index),
        None if upscaled is None else layout.scaled(upscale["scale"]).plane(upscaled, index),
        estimate,
        planes[0].get("stages", []) if planes else [],
        f"{shortened(name)}{where}: kernel for x{estimate.scale} by {estimate.method}, seed {estimate.seed}",
        upscale.get("method", ""),
    )


def write_figure(
    path: Path,
    low: NDArray[Any],
    high: NDArray[Any] | None,
    estimate: KernelEstimate,
    stages: list[dict[str, Any]],
    title: str,
    upscaler: str,
) -> None:
    """Draw and write the figure as PNG; needs no screen.

    Parameters
    ----------
    path : Path
    low : ndarray
        A plane of the input, (Y, X) or (Y, X, S).
    high : ndarray, optional
        The same plane upscaled; None leaves out the details before and after.
    estimate : KernelEstimate
    stages : list of dict
        The upscaler's training of that plane; [] without.
    title, upscaler : str
        Heading, and what the upscaled details are called.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with styled(STYLE):
        figure: Any = Figure(figsize=(15, 7.5 if high is not None else 3.6), layout="constrained", facecolor="white")
        figure.suptitle(title, fontsize=12, fontweight="bold", x=0.005, ha="left")
        above, below = figure.subfigures(2, 1, height_ratios=(1, 1.25)) if high is not None else (figure, None)
        look = _Look(low, high, estimate)
        panels: list[Callable[[Any], None]] = [
            look.overview,
            *(partial(draw, estimate=estimate) for draw in (draw_kernel, draw_profiles)),
            *([partial(draw_trust, estimate=estimate)] if estimate.reliability or estimate.fwhm_interval else []),
            *([partial(draw_losses, estimate=estimate)] if any(map(len, estimate.history.losses.values())) else []),
            *([partial(draw_reconstruction, stages=stages)] if stages else []),
        ]
        for draw, axes in zip(panels, above.subplots(1, len(panels)), strict=True):
            draw(axes)
        for number, (before, after) in enumerate(below.subplots(1, 4).reshape(2, 2) if below is not None else ()):
            look.detail(number, before, after, upscaler)
        with atomic(path) as temporary:
            FigureCanvasAgg(figure).print_figure(temporary, format="png", dpi=110)


def shortened(name: str) -> str:
    """A name with its middle left out where a heading has no room for it."""
    return name if len(name) <= NAME else f"{name[: NAME // 2]} ... {name[-NAME // 2 :]}"


class _Look:
    """Pictures of one plane before and after, all on one range of display."""

    def __init__(self, low: NDArray[Any], high: NDArray[Any] | None, estimate: KernelEstimate) -> None:
        self.low, self.high, self.estimate = low, high, estimate
        self.side = detail_side(*low.shape[:2])
        self.corners: list[Corner] = [] if high is None else find_details(_colours(low).mean(-1), self.side)
        self.stride = max(1, max(low.shape[:2]) // OVERVIEW)
        self.black, self.white = (float(v) for v in np.percentile(_colours(self._thin), [0.1, 99.9]))

    @property
    def _thin(self) -> NDArray[Any]:
        """As much of a large input as an overview shows."""
        return self.low[:: self.stride, :: self.stride]

    def overview(self, axes: Any) -> None:
        """The whole input with the details marked, where there are any."""
        from matplotlib.patches import Rectangle
        from matplotlib.patheffects import withStroke

        height, width = self.low.shape[:2]
        self._show(axes, self._thin, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        for name, (y, x), colour in zip("AB", self.corners, COLOURS, strict=False):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), self.side, self.side, fill=False, edgecolor=colour, linewidth=2))
            place: dict[str, Any] = {"xytext": (3, -3), "textcoords": "offset points", "va": "top", "fontsize": 10}
            axes.annotate(
                name, (x, y), color=colour, fontweight="bold", path_effects=[withStroke(linewidth=2.5, foreground="white")], **place
            )
        axes.set_title(f"input, {width} x {height} px")

    def detail(self, number: int, before: Any, after: Any, upscaler: str) -> None:
        """One detail, enlarged bicubically beside the upscale."""
        assert self.high is not None
        scale = self.estimate.scale
        y, x = self.corners[number]
        top, left = max(0, y - MARGIN), max(0, x - MARGIN)
        part = self.low[top : y + self.side + MARGIN, left : x + self.side + MARGIN]
        large = interpolate_plane(part, scale)
        for axes, picture, (at_y, at_x), name in (
            (before, large, (scale * (y - top), scale * (x - left)), "input, enlarged bicubically"),
            (after, self.high, (scale * y, scale * x), f"upscaled x{scale} ({upscaler})"),
        ):
            self._show(axes, picture[at_y : at_y + scale * self.side, at_x : at_x + scale * self.side])
            axes.set_title(f"{'AB'[number]}: {name}", color=COLOURS[number], fontweight="bold")
            for spine in axes.spines.values():
                spine.set(visible=True, color=COLOURS[number], linewidth=2)
        add_scale_bar(before, scale * self.side, self.estimate)

    def _show(self, axes: Any, picture: NDArray[Any], extent: tuple[float, float, float, float] | None = None) -> None:
        shades = np.clip((_colours(picture) - self.black) / (self.white - self.black or 1.0), 0, 1)
        shown = shades if shades.shape[-1] == 3 else shades.mean(-1)
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
        axes.set(xticks=[], yticks=[])


def _colours(plane: NDArray[Any]) -> NDArray[np.float32]:
    """A plane as (Y, X, colours), without alpha."""
    samples = plane[..., None] if plane.ndim == 2 else without_alpha(plane)
    return samples.astype(np.float32)
