"""The front door to maps of kernels: tiles one after another through `estimate_kernel`, then smoothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from ..devices import check_device, check_seed
from ..errors import InputError, device_errors
from ..estimate.api import BEST, Config, check_method, iter_estimate_kernel, method_settings
from ..estimate.result import KernelEstimate
from ..images.layout import Layout, as_image, is_lazy
from ..images.values import ValueRange, check_dtype
from ..images.values import value_range as find_range
from ..progress import Callback, Progress, Steps, run, stops
from ..provenance import versions
from .result import KernelMap
from .tiles import Tiles, spread

LEAST_VALID = 0.5
"""Part of a tile's pixels that must have a value."""
RANGE_TILES = 16
"""At most so many tiles tell the value range."""


def map_kernels(
    image: Any,
    scale: int = 2,
    tile: int = 256,
    overlap: float = 0.5,
    *,
    method: str = "auto",
    axes: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Config = None,
    smooth: bool = True,
    callback: Callback | None = None,
    value_range: tuple[float, float] | None = None,
) -> KernelMap:
    """Estimate a kernel for every tile of an image: how the blur varies over the picture.

    Parameters
    ----------
    image : array
        As `estimate_kernel` takes it. A stack gives one map: each tile's kernel is pooled over the planes. Of a lazy one, a tile's pixels
        are read for that tile alone.
    scale : int
        How much finer the kernels' grid is than the image's: 2 to 4.
    tile : int
        Side of the tiles in px of the image. Larger tiles are less noisy, and see less of what varies.
    overlap : float
        Least part of their sides that neighbouring tiles share, 0 to 0.9; tiles lie evenly from border to border.
    method, axes, seed, device, config
        As `estimate_kernel` takes them; every tile has the same seed.
    smooth : bool
        Smooth the kernels over the picture as far as their error bars, and the differences between tiles, call for. Tiles that have no
        kernel (no texture, constant, more than half of their pixels without a value) are then filled from their neighbours.
    callback : callable, optional
        Called with a `Progress` after every tile; returning False stops the run: tiles that were not reached are then missing.
    value_range : tuple of float, optional
        The values that are black and white inside. None: 0..255 for uint8, else the 0.1 and 99.9 percentiles of some tiles.

    Returns
    -------
    KernelMap

    Raises
    ------
    InputError
        If something given cannot be used, or no tile gives a kernel; the message says what to do.
    OutOfMemory
        If memory is exhausted.
    """
    steps = iter_map_kernels(
        image,
        scale,
        tile,
        overlap,
        method=method,
        axes=axes,
        seed=seed,
        device=device,
        config=config,
        smooth=smooth,
        value_range=value_range,
    )
    return run(steps, callback)


def iter_map_kernels(
    image: Any,
    scale: int = 2,
    tile: int = 256,
    overlap: float = 0.5,
    *,
    method: str = "auto",
    axes: str | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Config = None,
    smooth: bool = True,
    value_range: tuple[float, float] | None = None,
) -> Steps[KernelMap]:
    """Do what `map_kernels` does, as a generator: yields `Progress`, takes ``send(False)`` as stop; its StopIteration carries the map."""
    from .assembly import assembled  # here, since SciPy's solvers take a while to load

    start = time.perf_counter()
    scale = check_method(method, scale)
    settings = method_settings(method, config)
    seed = check_seed(seed)
    check_device(device)
    image = as_image(image)
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    tiles = spread(layout.plane_size, tile, overlap)
    with device_errors():
        if is_lazy(image) and not hasattr(image, "dask"):
            import dask.array as da

            image = da.from_array(image)  # whose slices read nothing yet
        values = _value_range(image, layout, tiles, settings.max_planes, value_range)
        found: list[KernelEstimate | None] = []
        reasons: list[tuple[str, ...]] = []
        stopped = False
        places = [(y, x) for y in tiles.rows for x in tiles.columns]
        for y, x in places:
            if stopped:
                found.append(None)
                reasons.append(("The run was stopped before this tile.",))
                continue
            part = _cut(image, layout, (y, x), tiles.size)
            estimate, why = _one(part, layout.axes, scale, method, seed, device, settings, values)
            found.append(estimate)
            reasons.append(why)
            shown = estimate.kernel if estimate else None
            progress = Progress(len(found), len(places), kernel=(lambda k=shown: k) if estimate else None, stage="tiles")  # type: ignore[misc]
            stopped = stops((yield progress)) and len(found) < len(places)
        if not any(found):
            raise InputError(f"No tile of {tiles.size[0]} x {tiles.size[1]} px gave a kernel: {reasons[0][0]}")
        details = {
            "input": {
                "shape": list(layout.shape),
                "dtype": np.dtype(image.dtype).name,
                "axes": layout.axes,
                "value_range": list(values),
                "sha256": [each.details["input"]["sha256"] if each else None for each in found],
            },
            "overlap": float(overlap),
            "versions": versions(),
        }
        named = {
            "scale": scale,
            "image_size": layout.plane_size,
            "method": BEST if method == "auto" else method,
            "seed": seed,
            "stopped": stopped,
            "config": settings.model_dump(mode="json"),
            "reasons": tuple(reasons),
        }
        return replace(assembled(found, tiles, smooth, named, details), seconds=time.perf_counter() - start)


def _value_range(image: Any, layout: Layout, tiles: Tiles, planes: int, given: tuple[float, float] | None) -> ValueRange:
    """As of a whole image, from some of its tiles."""
    if given is not None or np.dtype(image.dtype) == np.uint8:
        return find_range(image, layout, given)
    places = [(y, x) for y in tiles.rows for x in tiles.columns]
    places = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, min(RANGE_TILES, len(places))).astype(int))]
    index = layout.spread(min(planes, RANGE_TILES))
    samples = []
    for number, place in enumerate(places):
        part = _cut(image, layout, place, tiles.size)
        plane = Layout(layout.axes, part.shape).plane(part, index[number % len(index)])
        good = np.isfinite(plane)
        if np.ma.is_masked(part):
            good &= ~Layout(layout.axes, part.shape).plane(np.ma.getmaskarray(part), index[number % len(index)])
        if good.ndim == 3:
            good = good.all(-1)
        if good.any():
            samples.append(plane[good][:, None] if plane.ndim == 2 else plane[good][:, None, :])
    if not samples:
        raise InputError("No pixel of the image has a value.")
    return find_range(image, layout, None, samples)


def _cut(image: Any, layout: Layout, first: tuple[int, int], size: tuple[int, int]) -> Any:
    """A tile of every plane; of a lazy image, still lazy."""
    spans = {a: slice(int(at), int(at) + n) for a, at, n in zip("YX", first, size, strict=True)}
    return image[tuple(spans.get(a, slice(None)) for a in layout.axes)]


def _one(
    part: Any, axes: str, scale: int, method: str, seed: int, device: str, settings: Any, values: ValueRange
) -> tuple[KernelEstimate | None, tuple[str, ...]]:
    """A tile's estimate, or why there is none."""
    try:
        found = run(iter_estimate_kernel(part, scale, method, axes, seed, device, settings, value_range=values))
    except InputError as error:
        return None, (str(error),)
    record = found.details["input"]
    pixels = len(record["planes"]) * part.shape[axes.index("Y")] * part.shape[axes.index("X")]
    lost = sum(record.get("missing_pixels", ())) / pixels
    if lost > 1 - LEAST_VALID:
        return None, (f"{lost:.0%} of its pixels have no value.",)
    trust = found.reliability
    if trust and "no-texture" in trust.codes:
        return None, trust.reasons
    return found, trust.reasons if trust else ()
