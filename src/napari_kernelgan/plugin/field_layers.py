"""From a map of kernels to layers: a picture of the widths at tile resolution, and an ellipse for every tile."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fields.result import KernelMap
from ..files.atomic import to_json
from ..files.units import unit_symbol
from ..kernels.measures import FWHM, physical_fwhm
from .layers import LayerData
from .records import KEY, MAP, MAP_KEY
from .source import Source

COLORMAP = "viridis"
LINE, FILLED = "#ff9f1c", "#8d99ae"
"""Colours of ellipses: tiles that gave a kernel, and tiles filled from their neighbours."""
WIDTHS = ("mean", "major", "minor")


def map_layers(source: Source, kernel_map: KernelMap, which: str) -> list[LayerData]:
    """The layers that show a map; both carry the map itself, for upscaling with it."""
    widths, unit = widths_of(source, kernel_map)
    metadata = {KEY: map_record(source, kernel_map) | {"width": which, "unit": unit}, MAP_KEY: kernel_map}
    return [_width_layer(source, kernel_map, widths, unit, which, metadata), _ellipse_layer(source, kernel_map, widths, metadata)]


def widths_of(source: Source, kernel_map: KernelMap) -> tuple[NDArray[np.float64], str]:
    """Major and minor width and angle of every tile (ty, tx, 3), and the unit: the layer's, or "HR px" where it has none of length."""
    placement = source.placement
    if placement.unit is None:
        return kernel_map.fwhm, "HR px"
    pixel = tuple(size / kernel_map.scale for size in placement.pixel_size)
    flat = [physical_fwhm(FWHM(*each), pixel) if np.isfinite(each).all() else each for each in kernel_map.fwhm.reshape(-1, 3)]
    return np.array(flat).reshape(kernel_map.fwhm.shape), unit_symbol(placement.unit)


def map_record(source: Source, kernel_map: KernelMap) -> dict[str, Any]:
    """The record of a map's layers, ready for JSON: all but the kernels."""
    names = ("scale", "method", "seed", "seconds", "stopped", "smooth", "tile", "rows", "columns", "fwhm", "fwhm_interval")
    told = {name: getattr(kernel_map, name) for name in (*names, "reliability", "reasons", "config", "details")}
    return json.loads(to_json({"kind": MAP, "source": source.origin, **told}))


def _width_layer(
    source: Source, kernel_map: KernelMap, widths: NDArray[np.float64], unit: str, which: str, metadata: dict[str, Any]
) -> LayerData:
    values = np.sqrt(widths[..., 0] * widths[..., 1]) if which == "mean" else widths[..., WIDTHS.index(which) - 1]
    first = kernel_map.rows[0], kernel_map.columns[0]
    placed = source.placement.flat().coarser(first, kernel_map.spacing)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    look = {"colormap": COLORMAP, "contrast_limits": (low, high if high > low else low + 1e-6), "interpolation2d": "nearest"}
    name = f"{source.name} FWHM ({unit})"
    return values.astype(np.float32), {"name": name, **placed.keywords(), **look, "opacity": 0.5, "metadata": metadata}, "image"


def _ellipse_layer(source: Source, kernel_map: KernelMap, widths: NDArray[np.float64], metadata: dict[str, Any]) -> LayerData:
    there = np.isfinite(kernel_map.fwhm.reshape(-1, 3)).all(1)
    features = dict(zip(("major", "minor", "angle"), widths.reshape(-1, 3)[there].T, strict=True))
    features["reliability"] = kernel_map.reliability.ravel()[there]
    arguments = {
        "name": f"{source.name} kernel ellipses",
        **source.placement.flat().keywords(),
        "shape_type": "ellipse",
        "face_color": "transparent",
        "edge_color": [FILLED if level == "missing" else LINE for level in features["reliability"]],
        "edge_width": min(kernel_map.spacing) / 40,
        "features": features,
        "metadata": metadata,
    }
    return list(kernel_map.ellipses()), arguments, "shapes"
