"""Upscaling plane by plane, and what becomes of a plane: its means, its alpha, its dtype."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..images.layout import Layout, is_lazy, without_alpha
from ..images.values import ValueRange, cast, from_unit, output_dtype, read_plane, to_unit
from ..images.values import value_range as find_range
from ..progress import Progress, Steps, relay
from ..provenance import ImageHash, versions
from .result import Outcome, UpscaledImage, UpscaleInfo


def plane_by_plane(
    image: Any,
    layout: Layout,
    method: Callable[[NDArray[np.float32], ValueRange], Steps[Outcome]],
    given: tuple[float, float] | None,
    info: UpscaleInfo,
    details: dict[str, Any],
    together: bool = False,
) -> Steps[UpscaledImage]:
    """Upscale plane by plane; after a stop, the remaining ones are interpolated.

    The method's progress is that of its plane, or, where it works on them `together`, of all.
    """
    from .bicubic import enlarge_plane

    start = time.perf_counter()
    if not is_lazy(image):  # a plane that cannot be used is found before the work on others
        for index in layout.indices():
            read_plane(image, layout, index)
    values = find_range(image, layout, given)
    large = layout.scaled(info.scale)
    out = large.empty(output_dtype(image.dtype))
    fingerprint = ImageHash(image)
    record, asked, stopped = [], False, False
    for number, index in enumerate(layout.indices()):
        plane = read_plane(image, layout, index)
        fingerprint.add(plane)
        colours = to_unit(without_alpha(plane), values)
        empty = np.ptp(colours) == 0  # there is nothing in it to learn from, or to sharpen
        if asked or empty:
            upscaled = enlarge_plane(colours, info.scale)
            stopped |= not empty
        else:
            name = f", plane {number + 1} of {layout.n_planes}" if layout.n_planes > 1 else ""
            steps = method(colours, values)
            place = partial(Progress.part, number=number, parts=layout.n_planes, name=name)
            outcome = yield from (steps if together else relay(steps, place))
            upscaled, asked, stopped = outcome.channels, outcome.asked, outcome.stopped
            record.append({"plane": list(index)} | outcome.record)
        large.put(out, index, finish_plane(upscaled, plane, info.scale, values))
    origin = input_record(image, layout) | {"value_range": list(values), "sha256": fingerprint.hexdigest()}
    details = {"input": origin, "planes": record, **details, "versions": versions()}
    return UpscaledImage.of(out, replace(info, seconds=time.perf_counter() - start, stopped=stopped, details=details))


def finish_plane(upscaled: NDArray[np.float32], plane: NDArray[Any], scale: int, values: ValueRange) -> NDArray[Any]:
    """Upscaled colours (C, Y, X) with the means of those of `plane`, and its alpha interpolated, in its dtype."""
    from .bicubic import enlarge_alpha

    colours = without_alpha(plane)
    means: list[float | None] = list(np.atleast_1d(colours.mean((0, 1), dtype=np.float64)).tolist())
    if colours.shape != plane.shape:
        upscaled = np.concatenate([upscaled, enlarge_alpha(plane, values, scale)])
        means.append(None)
    return from_unit(upscaled, values, plane.dtype, plane.ndim == 3, means)


def input_record(image: Any, layout: Layout) -> dict[str, Any]:
    """What is put on record about an image."""
    return {"shape": list(layout.shape), "dtype": np.dtype(image.dtype).name, "axes": layout.axes}


def interpolate_plane(plane: NDArray[Any], scale: int) -> NDArray[Any]:
    """Enlarge one plane, (Y, X) or (Y, X, S), bicubically, keeping its dtype (floats: float32) and the mean of its colours."""
    from .bicubic import enlarge_plane

    values = ValueRange(*(float(v) for v in (plane.min(), plane.max())))
    if values.low == values.high:
        return cast(repeated(plane, scale), plane.dtype)
    return finish_plane(enlarge_plane(to_unit(without_alpha(plane), values), scale), plane, scale, values)


def repeated(plane: NDArray[Any], scale: int) -> NDArray[Any]:
    """Every pixel as a block of `scale` x `scale`."""
    return plane.repeat(scale, 0).repeat(scale, 1)
