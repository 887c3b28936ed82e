"""What the Trust page's buttons do, as functions that take layers: the same from napari's console and from scripts.

No truth is needed for any of this, and none of it proves an upscale right. The functions return layers and add nothing to a viewer; the
``iter_`` forms are generators for callers that show progress and stop.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from ..assess import badge as judging
from ..assess.badge import Badge
from ..assess.detail import disagreement, iter_added_detail
from ..assess.residual import iter_consistency
from ..errors import InputError
from ..fields.result import KernelMap
from ..progress import Callback, Progress, Steps, heeding, relay, run
from ..upscaling import api as upscaling
from .actions import Plane
from .layers import LayerData, as_layer
from .lineage import Upscale, kernel_for, undoable_in
from .records import describe_kernel, record_of
from .source import Source
from .trust_layers import added_data, residual_data, spread_data

SEEDED = ("auto", "zssr")
"""Upscalers whose results depend on the seed."""


def residual_layer(
    upscaled: Image,
    image: Image | None = None,
    kernel: Layer | upscaling.KernelLike = None,
    *,
    viewer: ViewerModel | None = None,
    callback: Callback | None = None,
) -> Image:
    """Show what an upscaled layer leaves unexplained of its image: the image minus the upscale, blurred and downscaled again.

    The numbers are those of `napari_kernelgan.consistency`. What looks like noise does not prove the upscale right; what has the image's
    shapes in it proves the upscale wrong, or the kernel.

    Parameters
    ----------
    upscaled : napari.layers.Image
        A layer of `upscale_layer` or `process_stack_layer`.
    image : napari.layers.Image, optional
        That it was made from; None looks for it by what is on record.
    kernel : napari.layers.Layer, KernelEstimate, KernelMap, array or pair, optional
        To degrade the upscale with; None looks for the one that it was made with, and for the latest of the image's kernels where it was
        interpolated.
    viewer : napari.Viewer, optional
        Where to look; None: napari's current one.
    callback : callable, optional
        As in `napari_kernelgan.estimate_kernel`; planes that were not reached are NaN.

    Returns
    -------
    napari.layers.Image
        Named ``<layer> residual``, on the image's pixels, in standard deviations of its noise, colours from -4 to 4.
        ``metadata["napari_kernelgan"]`` has "rms", "correlation", "structured" and "noise" as in `Consistency`.

    Raises
    ------
    InputError
        If something given cannot be used, or is not among the layers; the message says what to do.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> residual = viewer.add_layer(residual_layer(viewer.layers["cells x2"]))
    >>> residual.metadata["napari_kernelgan"]["rms"]
    """
    return as_layer(run(iter_residual_layer(upscaled, image, kernel, viewer=viewer), callback))


def added_detail_layer(
    upscaled: Image, image: Image | None = None, *, viewer: ViewerModel | None = None, callback: Callback | None = None
) -> Image:
    """Show what an upscaled layer adds to a bicubic upscale of its image.

    The numbers are those of `napari_kernelgan.added_detail`. They tell how much was added and where, not whether it is right.

    Parameters
    ----------
    upscaled, image, viewer, callback
        As in `residual_layer`.

    Returns
    -------
    napari.layers.Image
        Named ``<layer> added detail``, on the upscale's pixels, in the image's own units. ``metadata["napari_kernelgan"]`` has "share" as
        in `AddedDetail`.

    Raises
    ------
    InputError
        If something given cannot be used, or is not among the layers; the message says what to do.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> added = viewer.add_layer(added_detail_layer(viewer.layers["cells x2"]))
    """
    return as_layer(run(iter_added_detail_layer(upscaled, image, viewer=viewer), callback))


def disagreement_layer(
    layer: Image,
    kernel: Layer | upscaling.KernelLike,
    scale: int = 2,
    method: str = "auto",
    *,
    plane: Plane = None,
    seeds: int = 3,
    seed: int = 0,
    device: str = "auto",
    config: upscaling.Config = None,
    callback: Callback | None = None,
) -> Image:
    """Upscale an image layer with several seeds, and show how far the results differ: what differs was not in the image.

    The numbers are those of `napari_kernelgan.disagreement`. Where seeds agree they can all be wrong in the same way: the kernel, for one,
    is the same in all of them.

    Parameters
    ----------
    layer, kernel, scale, method, plane, device, config
        As in `upscale_layer`.
    seeds : int
        How many upscales, at least 2. Each takes as long as one.
    seed : int
        The first seed; the others follow it.
    callback : callable, optional
        As in `napari_kernelgan.estimate_kernel`. A stop keeps the seeds that are done, if they are two or more.

    Returns
    -------
    napari.layers.Image
        Named ``<layer> seed spread``, on the upscale's pixels: the standard deviation over the seeds, in the image's own units.
        ``metadata["napari_kernelgan"]`` has "rms" as in `Disagreement`, and the "seeds".

    Raises
    ------
    InputError
        If something given cannot be used, the method gives the same with every seed, or a stop came before two seeds were done; the
        message says what to do.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> spread = viewer.add_layer(disagreement_layer(viewer.layers["cells"], viewer.layers["cells kernel"], seeds=3))
    """
    about = {"seeds": seeds, "seed": seed, "device": device, "config": config}
    found = run(iter_disagreement_layer(Source.of(layer, plane), kernel, scale, method, **about), callback)
    if found is None:
        raise InputError("Stopped before two seeds were done: there is no spread. Let it run on, or upscale with fewer steps.")
    return as_layer(found)


def check_layer(
    upscaled: Image,
    image: Image | None = None,
    kernel: Layer | upscaling.KernelLike = None,
    *,
    viewer: ViewerModel | None = None,
) -> Badge:
    """Say how far to trust an upscaled layer, and put it on its record.

    Parameters
    ----------
    upscaled, image, kernel, viewer
        As in `residual_layer`; a map of kernels cannot be judged as a whole.

    Returns
    -------
    Badge
        As `napari_kernelgan.badge` gives it; ``upscaled.metadata["napari_kernelgan"]["badge"]`` holds the same as a dict.

    Raises
    ------
    InputError
        If something given cannot be used, or is not among the layers; the message says what to do.

    Examples
    --------
    >>> check_layer(viewer.layers["cells x2"]).reasons
    """
    badge = run(iter_badge(upscaled, image, kernel, viewer=viewer))
    put_badge(upscaled, badge)
    return badge


def iter_residual_layer(
    upscaled: Image,
    image: Image | None = None,
    kernel: Layer | upscaling.KernelLike = None,
    *,
    viewer: ViewerModel | None = None,
) -> Steps[LayerData]:
    """Do what `residual_layer` does, as a generator whose result is layer data; may run in any thread.

    Layers are looked for and read at the call, not in the thread.
    """
    return _residual(Upscale.of(upscaled, image, viewer), *kernel_for(upscaled, kernel, viewer))


def _residual(made: Upscale, kernel: Any, about: dict[str, Any]) -> Steps[LayerData]:
    start = time.perf_counter()
    made.check()
    found = yield from iter_consistency(made.source.image, made.image, kernel, made.scale, made.source.axes)
    return residual_data(made, found, about, time.perf_counter() - start)


def iter_added_detail_layer(upscaled: Image, image: Image | None = None, *, viewer: ViewerModel | None = None) -> Steps[LayerData]:
    """Do what `added_detail_layer` does, as a generator whose result is layer data; may run in any thread."""
    return _added(Upscale.of(upscaled, image, viewer))


def _added(made: Upscale) -> Steps[LayerData]:
    start = time.perf_counter()
    made.check()
    found = yield from iter_added_detail(made.source.image, made.image, made.scale, made.source.axes)
    return added_data(made, found, time.perf_counter() - start)


def iter_disagreement_layer(
    source: Source,
    kernel: Layer | upscaling.KernelLike,
    scale: int = 2,
    method: str = "auto",
    *,
    seeds: int = 3,
    seed: int = 0,
    device: str = "auto",
    config: upscaling.Config = None,
) -> Steps[LayerData | None]:
    """Do what `disagreement_layer` does, as a generator; may run in any thread. None if a stop came before two seeds were done.

    A kernel layer is read, and methods that no seed changes are refused, at the call.
    """
    about = {"layer": kernel.name} if isinstance(kernel, Layer) else {}
    given = undoable_in(kernel) if isinstance(kernel, Layer) else kernel
    if method in upscaling.METHODS and (method not in SEEDED or isinstance(given, KernelMap)):
        used = method if method not in SEEDED else "inverse, which is what undoes a map of kernels,"
        raise InputError(
            f"The upscaler {used} gives the same with every seed: there is no spread to show. Use zssr, or upscale with kernels of other "
            "regions, planes or methods and compare."
        )
    if not isinstance(seeds, (int, np.integer)) or seeds < 2:
        raise InputError(f"seeds={seeds!r}: a spread is among at least 2 seeds.")
    if given is not None:
        about |= describe_kernel(given, upscaling.kernel_stages(given, scale)[-1][1])
    return _spread(source, given, scale, method, range(seed, seed + seeds), device, config, about)


def _spread(
    source: Source, kernel: Any, scale: int, method: str, seeds: range, device: str, config: upscaling.Config, about: dict[str, Any]
) -> Steps[LayerData | None]:
    start = time.perf_counter()
    upscales: list[Any] = []
    for number, seed in enumerate(seeds):
        steps = upscaling.iter_upscale(source.image, kernel, scale, method, source.axes, seed, device, config)
        place = partial(Progress.part, number=number, parts=len(seeds), name=f", seed {number + 1} of {len(seeds)}")
        image, asked = yield from heeding(relay(steps, place))
        if not image.stopped:
            upscales.append(image)
        if asked:
            break
    if len(upscales) < 2:
        return None
    found = disagreement(upscales, source.axes)
    info = upscales[0].info
    told = {name: getattr(info, name) for name in ("method", "seed", "device", "config")}
    told |= {"seeds": list(seeds[: len(upscales)]), "stopped": len(upscales) < len(seeds), "kernel": about}
    told["value_range"] = info.details["input"]["value_range"]
    return spread_data(source, scale, found, told, time.perf_counter() - start)


def iter_badge(
    upscaled: Image,
    image: Image | None = None,
    kernel: Layer | upscaling.KernelLike = None,
    *,
    viewer: ViewerModel | None = None,
) -> Steps[Badge]:
    """Find what `check_layer` finds, as a generator whose result is a `Badge`; may run in any thread.

    It is a single step, a second or so: a stop does not reach it. Layers are looked for and read at the call; the layer's record is left
    alone: `put_badge` changes it, in the thread that layers belong to.
    """
    given, _ = kernel_for(upscaled, kernel, viewer)
    if isinstance(given, KernelMap):
        raise InputError(
            f"'{upscaled.name}' was made with a map of kernels, and the badge is about one kernel for the whole picture: look at its "
            "residual and its added detail."
        )
    return _badge(Upscale.of(upscaled, image, viewer), given)


def _badge(made: Upscale, kernel: Any) -> Steps[Badge]:
    made.check()
    found = judging.badge(made.source.image, kernel, made.image, made.scale, made.source.axes)
    yield Progress(1, 1, stage="check")
    return found


def put_badge(upscaled: Image, badge: Badge) -> None:
    """Put a badge on an upscaled layer's record."""
    record_of(upscaled)["badge"] = badge_record(badge)


def badge_record(badge: Badge) -> dict[str, Any]:
    """A badge as records hold it, ready for JSON."""
    return {"level": badge.level, "codes": list(badge.codes), "reasons": list(badge.reasons), "measures": dict(badge.measures)}
