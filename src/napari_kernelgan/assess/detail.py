"""What an upscale adds to plain interpolation, and how far upscales that should agree differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, device_errors
from ..images.layout import Layout, as_image, without_alpha
from ..images.values import read_plane
from ..progress import Progress, Steps, run, stops
from .planes import Pair, Plane, gray


class AddedDetail(NamedTuple):
    """What an upscale has beyond the bicubic one."""

    difference: NDArray[np.float32]
    """Upscale minus bicubic, brightness in the image's own units; the upscale's axes without S."""
    share: float
    """Squared gradients of the difference, as a part of those of the upscale: 0 for bicubic itself; more than a half is much."""
    stopped: bool = False
    """Whether the run was stopped on request: planes that were not reached are NaN, and not in the share."""


class Disagreement(NamedTuple):
    """How far upscales of one image differ."""

    spread: NDArray[np.float32]
    """Standard deviation over the upscales at each pixel, root mean square over colours, in the image's own units; axes without S."""
    rms: float
    """Of the spread."""


def added_detail(
    image: Any, upscaled: Any, scale: int = 2, axes: str | None = None, *, value_range: tuple[float, float] | None = None
) -> AddedDetail:
    """Compare an upscale with the bicubic one of the same image.

    It tells how much was added, not whether that is right.

    Parameters
    ----------
    image, upscaled, scale, axes, value_range
        As for `consistency`.

    Raises
    ------
    InputError
        If something given cannot be used, or the shapes do not belong together.
    """
    return run(iter_added_detail(image, upscaled, scale, axes, value_range=value_range))


def iter_added_detail(
    image: Any, upscaled: Any, scale: int = 2, axes: str | None = None, *, value_range: tuple[float, float] | None = None
) -> Steps[AddedDetail]:
    """Do what `added_detail` does, as a generator with a step for each plane."""
    pair = Pair.of(image, upscaled, scale, axes, value_range)
    layout = gray(pair.layout.scaled(pair.scale))
    added = total = 0.0
    stopped = False
    with device_errors():
        out = np.full(layout.shape, np.nan, np.float32)
        for number, (index, low, high) in enumerate(pair.planes(), 1):
            difference = beyond_bicubic(low, high, pair.scale)
            layout.put(out, index, difference * np.float32(pair.span))
            added, total = added + gradient_energy(difference), total + gradient_energy(high)
            if stops((yield Progress(number, layout.n_planes, stage="added detail"))) and number < layout.n_planes:
                stopped = True
                break
    return AddedDetail(out, added / total if total else 0.0, stopped)


def beyond_bicubic(low: Plane, high: Plane, scale: int) -> Plane:
    """Upscale minus bicubic upscale of one plane's brightness."""
    from ..upscaling.bicubic import enlarge_plane  # here, since it loads torch

    difference: Plane = high - enlarge_plane(low[None], scale)[0]
    return difference


def gradient_energy(plane: Plane) -> float:
    """Sum of squared differences between neighbours."""
    return float(sum(np.square(np.diff(plane, axis=axis), dtype=np.float64).sum() for axis in (0, 1)))


def disagreement(upscales: Sequence[Any], axes: str | None = None) -> Disagreement:
    """The spread over upscales of one image, for example with several seeds: what differs among them was not in the image.

    Parameters
    ----------
    upscales : sequence of array
        At least two, of one shape.
    axes : str, optional
        One letter per axis; None as in `upscale`.

    Raises
    ------
    InputError
        If there are fewer than two, or their shapes differ.
    """
    arrays = [as_image(each) for each in upscales]
    if len(arrays) < 2:
        raise InputError(f"Disagreement is between at least two upscales; {len(arrays)} given.")
    layout = Layout.of(arrays[0], axes)
    for each in arrays[1:]:
        if Layout.of(each, layout.axes).shape != layout.shape:
            raise InputError(f"Upscales of one image have one shape, not {layout.shape} and {tuple(each.shape)}.")
    flat = gray(layout)
    out = flat.empty(np.float32)
    for index in layout.indices():
        planes = np.stack([without_alpha(read_plane(each, layout, index)).astype(np.float64) for each in arrays])
        variance = planes.var(0, ddof=1)
        flat.put(out, index, np.sqrt(variance if variance.ndim == 2 else variance.mean(-1)).astype(np.float32))
    return Disagreement(out, float(np.sqrt(np.square(out, dtype=np.float64).mean())))
