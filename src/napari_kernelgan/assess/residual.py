"""Whether an upscale explains the image that it was made from: what is left of the image, in units of its noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, device_errors
from ..fields.forward import degrade_plane_over
from ..fields.result import KernelMap
from ..kernels.algebra import Kernel
from ..kernels.forward import degrade_plane
from ..progress import Progress, Steps, run, stops
from ..upscaling.api import KernelLike, check_map, kernel_stages
from ..upscaling.inverse.levels import measure_levels
from .planes import Pair, Plane, gray

CHANCE = 4.0
"""Correlations count if they are this many standard errors from none."""
NOTICEABLE = 0.15
"""And at least this large: large images show the smallest ones."""
FELT = 0.25
"""And what is correlated has at least this part of the noise's power: how a residual far below the noise looks does not matter."""


class Consistency(NamedTuple):
    """What an upscale leaves unexplained of its image."""

    residual: NDArray[np.float32]
    """Image minus degraded upscale, brightness, in units of the noise's standard deviation; the image's axes without S."""
    rms: float
    """Of the residual, borders left out: about 1 where noise is all that is left, less where noise was taken for detail."""
    correlation: float
    """The largest correlation of the residual with itself moved by 1 or 2 px along an axis: about 0 for white noise."""
    structured: bool
    """Whether the correlation is beyond chance, in a residual that is not far below the noise: more than noise is left."""
    noise: float
    """Median over the planes of the noise's standard deviation, in the image's own units."""
    stopped: bool = False
    """Whether the run was stopped on request: planes that were not reached are NaN, and in none of the numbers."""


class Unexplained(NamedTuple):
    """The residual of one plane."""

    residual: Plane
    noise: float
    """Standard deviation, on 0..1."""


def consistency(
    image: Any,
    upscaled: Any,
    kernel: KernelLike,
    scale: int = 2,
    axes: str | None = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Consistency:
    """Degrade an upscale with the kernel and compare it with the image that it was made from.

    No truth is needed. A small residual does not prove an upscale right, since many pictures degrade to one image, with a wrong kernel too;
    a large or structured one proves it wrong, or the kernel.

    Parameters
    ----------
    image : array
        As `upscale` took it.
    upscaled : array
        What `upscale` gave: Y and X times `scale`.
    kernel : array_like, KernelEstimate, KernelMap or pair
        As `upscale` took it. Each kernel of a map is used where it belongs; the noise is measured with their mean.
    scale : int
    axes : str, optional
        One letter per axis of the image; None as in `upscale`.
    value_range : tuple of float, optional
        As `upscale` takes it.

    Returns
    -------
    Consistency

    Raises
    ------
    InputError
        If something given cannot be used, or the shapes do not belong together.
    """
    return run(iter_consistency(image, upscaled, kernel, scale, axes, value_range=value_range))


def iter_consistency(
    image: Any,
    upscaled: Any,
    kernel: KernelLike,
    scale: int = 2,
    axes: str | None = None,
    *,
    value_range: tuple[float, float] | None = None,
) -> Steps[Consistency]:
    """Do what `consistency` does, as a generator with a step for each plane."""
    pair = Pair.of(image, upscaled, scale, axes, value_range)
    weights = check_map(kernel, pair.layout, pair.scale) if isinstance(kernel, KernelMap) else one_kernel(kernel, pair.scale)
    layout = gray(pair.layout)
    each: list[Unexplained] = []
    stopped = False
    with device_errors():
        out = np.full(layout.shape, np.nan, np.float32)
        for index, low, high in pair.planes():
            found = unexplained(low, high, weights, pair.scale, pair.rounding)
            layout.put(out, index, found.residual)
            each.append(found)
            if stops((yield Progress(len(each), layout.n_planes, stage="residual"))) and len(each) < layout.n_planes:
                stopped = True
                break
        side = weights.kernels.shape[-1] if isinstance(weights, KernelMap) else len(weights)
        rms, correlation, structured = summary(each, side // pair.scale)
    return Consistency(out, rms, correlation, structured, float(np.median([found.noise for found in each])) * pair.span, stopped)


def one_kernel(kernel: KernelLike, scale: int) -> Kernel:
    """The kernel from the image's pixels to the upscale's, of whatever `upscale` takes.

    Raises
    ------
    InputError
        If there is none, or more than one for different parts.
    """
    if isinstance(kernel, KernelMap):
        raise InputError(
            "A map of kernels differs from place to place, and the badge is about one kernel: look at the residual (consistency), or judge "
            "tile by tile, each with the kernel of its tile."
        )
    stages = kernel_stages(kernel, scale)
    if not stages:
        raise InputError("kernel is None: give the one that the upscale was made with.")
    return stages[-1][1]


def unexplained(low: Plane, high: Plane, kernel: Kernel | KernelMap, scale: int, least: float) -> Unexplained:
    """The residual of one plane's brightness, and the noise that it is in units of; its variance is at least as given."""
    if isinstance(kernel, KernelMap):
        one, again = kernel.mean_kernel, degrade_plane_over(high, kernel)
    else:
        one, again = kernel, degrade_plane(high, kernel, scale)
    noise = float(np.sqrt(measure_levels([low], one, scale, least).noise))
    return Unexplained(((low - again) / noise).astype(np.float32), noise)


def summary(planes: Sequence[Unexplained], border: int) -> tuple[float, float, bool]:
    """RMS, largest correlation, and whether it is beyond chance, over planes; `border` px on each side are left out where that can be."""
    inside = [_inside(each.residual.astype(np.float64), border) for each in planes]
    power = float(np.mean([np.square(part).mean() for part in inside]))
    if power == 0:
        return 0.0, 0.0, False
    lags = [(dy, dx) for step in (1, 2) for dy, dx in ((step, 0), (0, step))]
    largest = max(float(np.mean([_moved(part - part.mean(), *lag) for part in inside])) / power for lag in lags)
    chance = CHANCE / np.sqrt(sum(part.size for part in inside))
    structured = largest > max(chance, NOTICEABLE) and largest * power > FELT
    return float(np.sqrt(power)), largest, structured


def _inside(residual: NDArray[np.float64], border: int) -> NDArray[np.float64]:
    height, width = residual.shape
    if min(height, width) <= 4 * border:
        return residual
    return residual[border : height - border, border : width - border]


def _moved(part: NDArray[np.float64], dy: int, dx: int) -> float:
    """Mean product of a plane and itself moved."""
    height, width = part.shape
    products = part[: height - dy, : width - dx] * part[dy:, dx:]
    return float(products.mean()) if products.size else 0.0
