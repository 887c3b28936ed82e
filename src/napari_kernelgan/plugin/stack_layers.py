"""From the result of a run over a stack to layers: the kernels, as many as there are, and the upscaled image, lazy where it is on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..files.atomic import to_json
from ..files.ngff import read_levels
from ..images.layout import Layout
from ..stacks.results import StackResult, stacked_kernels
from .layers import COLORMAP, GAP, LayerData, contrast, kernel_layer
from .records import KERNELS, KEY, UPSCALED, estimate_record
from .source import Source

Ranges = dict[str, tuple[int, int]]
"""First and last (exclusive) position along axes."""


def stack_layers(source: Source, result: StackResult, ranges: Ranges) -> list[LayerData]:
    """The layers that show what came out; none of kernels that were given, or of an upscale of which nothing is done."""
    told = {name: result.record[name] for name in ("scale", "seed", "device", "seconds")}
    common = {"source": source.origin, **told, "stopped": result.stopped, "stack": json.loads(to_json(result.record))}
    layers = []
    if any(result.kernels) and result.record["method"] != "given":
        layers.append(_kernels_layer(source, result, ranges, {"kind": KERNELS, "method": result.record["method"], **common}))
    if result.upscaled is not None and any(row.status in ("done", "kept") for row in result.rows):
        layers.append(_upscaled_layer(source, result, ranges, {"kind": UPSCALED, "method": result.record["upscaler"], **common}))
    return layers


def _kernels_layer(source: Source, result: StackResult, ranges: Ranges, record: dict[str, Any]) -> LayerData:
    """One kernel as `estimate_layer` has it; several as a stack along the axes that they differ along, each in sight with its planes."""
    scale = record["scale"]
    if len(result.kernels) == 1 and result.kernels[0] is not None and not result.kernel_axes:
        estimate = result.kernels[0]
        return kernel_layer(source, estimate.kernel, scale, estimate_record(estimate, source) | {"stack": record["stack"]})
    layout = Layout.of(source.image, source.axes)
    shown = layout.stack_axes[min(layout.stack_axes.index(axis) for axis in result.kernel_axes) :]
    whole = {axis: (0, layout.length(axis)) for axis in shown}
    spans = {axis: ranges.get(axis, whole[axis]) if axis in result.kernel_axes else whole[axis] for axis in shown}
    kernels = stacked_kernels(result.kernels)
    lengths = [last - first for first, last in spans.values()]
    own = [length if axis in result.kernel_axes else 1 for axis, length in zip(shown, lengths, strict=True)]
    # along other axes the same kernel is seen everywhere, which takes no memory
    values = np.broadcast_to(kernels.reshape(*own, *kernels.shape[1:]), (*lengths, *kernels.shape[1:]))
    _, width = source.plane_size
    placed = source.placement.last(len(shown) + 2).at((*(first for first, _ in spans.values()), 0, width * (1 + GAP))).finer(scale)
    look = {"colormap": COLORMAP, "contrast_limits": contrast(kernels[np.isfinite(kernels).all((1, 2))]), "interpolation2d": "nearest"}
    return values, {"name": f"{source.name} kernels", **placed.keywords(), **look, "metadata": {KEY: record}}, "image"


def _upscaled_layer(source: Source, result: StackResult, ranges: Ranges, record: dict[str, Any]) -> LayerData:
    """As any upscaled layer; on disk it is lazy, and has the lower resolutions of its store."""
    letters = Layout.of(source.image, source.axes).stack_axes
    placed = source.placement.at((*(ranges.get(axis, (0, 0))[0] for axis in letters), 0, 0)).finer(record["scale"])
    if result.files is not None:
        record |= {"path": str(result.files.image)}
    if result.files is None:
        levels = [_in_order(result.upscaled, result.axes, source.axes)]
    else:
        levels = [_in_order(_lazy(file.data), file.axes, source.axes) for file in read_levels(result.files.image)]
    several = len(levels) > 1
    name = f"{source.name} x{record['scale']}"
    arguments = {"name": name, "multiscale": several, **placed.keywords(), **source.look, "metadata": {KEY: record}}
    return levels if several else levels[0], arguments, "image"


def ranges_of_plane(letters: Sequence[str], plane: Sequence[int]) -> Ranges:
    """The ranges that hold one plane and no other."""
    return {axis: (at, at + 1) for axis, at in zip(letters, plane, strict=True)}


def _in_order(image: Any, axes: str, wanted: str) -> Any:
    """An image with its axes in the order that the layer has them."""
    return image if axes == wanted else image.transpose([axes.index(axis) for axis in wanted])


def _lazy(array: Any) -> Any:
    """A Zarr array as Dask's, which can be transposed without reading it."""
    import dask.array as da

    return da.from_array(array, chunks=array.chunks, name=False)
