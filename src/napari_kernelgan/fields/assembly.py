"""From the tiles' estimates to the map: what they gave, smoothed where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..estimate.result import KernelEstimate
from ..kernels.algebra import Kernel
from ..kernels.measures import covariance, fwhm
from .result import KernelMap, Values
from .shapes import mean_kernel
from .smoothing import Smoother, fit_smoother
from .tiles import Tiles


class Measured(NamedTuple):
    """Kernels of tiles in C order, and what was measured on them; NaN for tiles without one."""

    kernels: Values
    """(tiles, n, n)"""
    fwhm: Values
    """(tiles, 3)"""
    covariance: Values
    """(tiles, 3): yy, xx, yx."""
    interval: Values | None
    """(tiles, 2, 2); None where the method gives no error bars."""
    sd: Values | None
    """(tiles, 3): of the covariance."""


def assembled(
    found: Sequence[KernelEstimate | None], tiles: Tiles, smooth: bool, named: dict[str, Any], details: dict[str, Any]
) -> KernelMap:
    """The map of tiles' estimates, None for tiles that gave nothing; `named` are further fields of it."""
    shape = len(tiles.rows), len(tiles.columns)
    raw = final = _measured(found)
    if smooth:
        fit = fit_smoother(_grid(raw.covariance, shape), None if raw.sd is None else _grid(raw.sd, shape), tiles)
        final = _smoothed(raw, fit)
        details = details | {"smoothing": fit.variation._asdict()}
    return KernelMap(
        kernels=_grid(final.kernels, shape),
        rows=tiles.centres[0],
        columns=tiles.centres[1],
        tile=tiles.size,
        fwhm=_grid(final.fwhm, shape),
        fwhm_interval=None if final.interval is None else _grid(final.interval, shape),
        covariance=_grid(final.covariance, shape),
        covariance_sd=None if final.sd is None else _grid(final.sd, shape),
        raw_kernels=_grid(raw.kernels, shape),
        raw_fwhm=_grid(raw.fwhm, shape),
        raw_fwhm_interval=None if raw.interval is None else _grid(raw.interval, shape),
        reliability=np.array([_level(each) for each in found]).reshape(shape),
        smooth=smooth,
        details=details,
        **named,
    )


def _grid(values: Values, shape: tuple[int, int]) -> Values:
    return values.reshape(shape + values.shape[1:])


def _level(estimate: KernelEstimate | None) -> str:
    if estimate is None:
        return "missing"
    return estimate.reliability.level if estimate.reliability else "unknown"


def _measured(found: Sequence[KernelEstimate | None]) -> Measured:
    """What the tiles gave."""
    there = [i for i, each in enumerate(found) if each is not None]
    given = [each for each in found if each is not None]
    intervals = [each.fwhm_interval for each in given]
    spreads = [each.details.get("spectrum", {}).get("covariance_sd") for each in given]

    def spread_out(values: Any) -> Values:
        some = np.array(values, np.float64)
        whole = np.full((len(found), *some.shape[1:]), np.nan)
        whole[there] = some
        return whole

    return Measured(
        spread_out([each.kernel for each in given]),
        spread_out([each.fwhm for each in given]),
        spread_out([_moments(each.kernel) for each in given]),
        None if None in intervals else spread_out(intervals),
        None if None in spreads else spread_out(spreads),
    )


def _smoothed(raw: Measured, fit: Smoother) -> Measured:
    """All tiles' kernels, from those of their neighbours too."""
    there = np.isfinite(raw.covariance).all(1)
    wanted = _mean(fit, raw.covariance)
    kernels = np.stack([mean_kernel(raw.kernels[there], weights[there], at) for weights, at in zip(fit.weights, wanted, strict=True)])
    widths = np.array([fwhm(kernel) for kernel in kernels])
    interval = None
    if raw.interval is not None and raw.sd is not None:
        # the tiles' error bars, as much smaller as the covariances' are
        smaller = np.sqrt((fit.sd**2).sum(1) / _mean(fit, raw.sd**2).sum(1))
        reach = _mean(fit, np.ptp(raw.interval, 2) / 2) * smaller[:, None]
        interval = np.stack([np.maximum(widths[:, :2] - reach, 0), widths[:, :2] + reach], 2)
    moments = np.stack([_moments(kernel) for kernel in kernels])
    return Measured(kernels, widths, moments, interval, None if raw.sd is None else fit.sd)


def _moments(kernel: Kernel) -> Values:
    matrix = covariance(kernel)
    return np.array([matrix[0, 0], matrix[1, 1], matrix[0, 1]])


def _mean(fit: Smoother, values: Values) -> Values:
    """The smoother applied to values of the tiles, (tiles, ...)."""
    flat = np.nan_to_num(values.reshape(len(values), -1))  # missing ones have no weight
    mean: Values = (fit.weights @ flat).reshape(values.shape)
    return mean
