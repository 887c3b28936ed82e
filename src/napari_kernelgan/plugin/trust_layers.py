"""From what was found out about an upscale to layers: where the image contradicts it, what it adds, where seeds differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assess.detail import AddedDetail, Disagreement
from ..assess.residual import Consistency
from ..provenance import versions
from .layers import LayerData
from .lineage import Upscale
from .placement import Placement
from .records import ADDED, KEY, RESIDUAL, SPREAD
from .source import Source

DIVERGING, RISING = "coolwarm", "magma"
RESIDUAL_LIMIT = 4.0
"""Standard deviations of the noise, up and down, that a residual's colours show."""
BRIGHTEST = 99.9
"""Percentile of the values that other limits are set by: single pixels would make the rest look flat."""
SAMPLE = 1_000_000
"""Values that it is taken from."""


def residual_data(made: Upscale, found: Consistency, kernel: dict[str, Any], seconds: float) -> LayerData:
    """The residual as a layer on the image's own pixels: blue where the upscale is too bright, red where it is too dark."""
    about = {name: getattr(found, name) for name in ("rms", "correlation", "structured", "noise", "stopped")}
    record = _record(RESIDUAL, made.source, made.scale, seconds) | _of(made) | {"kernel": kernel} | about
    limits = (-RESIDUAL_LIMIT, RESIDUAL_LIMIT)
    return _layer(made.source, found.residual, f"{made.name} residual", made.source.placement, DIVERGING, limits, record)


def added_data(made: Upscale, found: AddedDetail, seconds: float) -> LayerData:
    """What an upscale has beyond a bicubic one, on the upscale's pixels: blue where it is darker, red where it is brighter."""
    record = _record(ADDED, made.source, made.scale, seconds) | _of(made) | {"share": found.share, "stopped": found.stopped}
    limit = brightest(np.abs(found.difference))
    return _layer(made.source, found.difference, f"{made.name} added detail", made.placement, DIVERGING, (-limit, limit), record)


def spread_data(source: Source, scale: int, found: Disagreement, about: dict[str, Any], seconds: float) -> LayerData:
    """How far upscales with several seeds differ, on the upscale's pixels: dark where they agree."""
    record = _record(SPREAD, source, scale, seconds) | about | {"rms": found.rms}
    limits = (0.0, brightest(found.spread))
    return _layer(source, found.spread, f"{source.name} seed spread", source.placement.finer(scale), RISING, limits, record)


def brightest(values: NDArray[np.float32]) -> float:
    """Where colours end; more than nothing, since an empty range has no colours."""
    flat = values.ravel()
    sample = flat[:: max(1, flat.size // SAMPLE)]
    known = sample[np.isfinite(sample)]
    return max(float(np.percentile(known, BRIGHTEST)) if known.size else 0.0, float(np.finfo(np.float32).tiny))


def _of(made: Upscale) -> dict[str, Any]:
    return {"upscaled": made.origin, "method": made.record["method"], "seed": made.record["seed"]}


def _record(kind: str, source: Source, scale: int, seconds: float) -> dict[str, Any]:
    return {"kind": kind, "source": source.origin, "scale": scale, "seconds": round(seconds, 3), "versions": versions()}


def _layer(
    source: Source,
    values: NDArray[np.float32],
    name: str,
    placement: Placement,
    colormap: str,
    limits: tuple[float, float],
    record: dict[str, Any],
) -> LayerData:
    look = {"colormap": colormap, "contrast_limits": limits, "interpolation2d": "nearest"}
    return source.stacked(values), {"name": name, **placement.keywords(), **look, "metadata": {KEY: record}}, "image"
