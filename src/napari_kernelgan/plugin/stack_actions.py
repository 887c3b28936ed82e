"""What the stack panel's button does, as functions that take layers: the same from napari's console and from scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from napari.layers import Image, Layer

from ..config import Settings
from ..errors import InputError
from ..fields.result import KernelMap
from ..files.image_file import ImageFile
from ..progress import Callback, Steps, run
from ..stacks import api as stacks
from ..stacks.outputs import Outputs
from ..stacks.results import StackResult
from .layers import LayerData, as_layer
from .records import kernel_in
from .source import Source
from .stack_layers import stack_layers


class StackLayers(NamedTuple):
    """What a run over a stack leaves."""

    layers: list[LayerData]
    result: StackResult


def process_stack_layer(
    layer: Image,
    scale: int = 2,
    method: str = "auto",
    upscaler: str = "auto",
    *,
    share: str = "stack",
    window: int = 5,
    window_axis: str | None = None,
    kernel: Layer | Any = None,
    axes: str | None = None,
    ranges: Mapping[str, tuple[int, int]] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    seed: int = 0,
    device: str = "auto",
    config: Settings | dict[str, Any] | None = None,
    callback: Callback | None = None,
) -> tuple[Image, ...]:
    """Estimate the kernels of an image layer that is a stack, and upscale it, plane by plane.

    Parameters
    ----------
    layer : napari.layers.Image
        Gray or RGB, of any number of axes, lazy or not; the last two axes are Y and X.
    scale, method, upscaler, share, window, window_axis, resume, overwrite, seed, device, config, callback
        As in `napari_kernelgan.process_stack`; ``upscaler="none"`` only estimates kernels.
    kernel : napari.layers.Image, KernelEstimate, array or pair, optional
        The kernel of all planes; none is estimated then.
    axes : str, optional
        A letter (T, Z or C) for each axis before Y and X; None takes them from the layer's axis labels.
    ranges : mapping of str to (int, int), optional
        The part of the stack that is worked on: first and last (exclusive) position along axes, as ``{"T": (0, 10)}``.
    out : path, optional
        A folder, or a name that ends in ``.ome.zarr``, for results on disk; None keeps them in memory.

    Returns
    -------
    tuple of napari.layers.Image
        The kernels, beside the image, unless they were given: ``<layer> kernel`` where there is one, else ``<layer> kernels``, a stack
        along the axes that they differ along. Then the upscaled image, ``<layer> x2``, lying where its planes lie; lazy where it is on
        disk, and left out where nothing was upscaled. ``metadata["napari_kernelgan"]["stack"]`` holds all that is known, with a row for
        every plane under "planes".

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do. Planes that fail do not stop the others.
    OutOfMemory
        If memory is exhausted.

    Examples
    --------
    >>> for result in process_stack_layer(viewer.layers["movie"], upscaler="inverse", share="window", out="/data/movie.ome.zarr"):
    ...     viewer.add_layer(result)
    """
    options = {"share": share, "window": window, "window_axis": window_axis, "seed": seed, "device": device, "config": config}
    where = {"out": out, "resume": resume, "overwrite": overwrite, "kernel": kernel}
    steps = iter_process_stack_layer(Source.of(layer).with_axes(axes), scale, method, upscaler, ranges=ranges, **where, **options)
    return tuple(as_layer(data) for data in run(steps, callback).layers)


def iter_process_stack_layer(
    source: Source,
    scale: int = 2,
    method: str = "auto",
    upscaler: str = "auto",
    *,
    kernel: Layer | Any = None,
    ranges: Mapping[str, tuple[int, int]] | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> Steps[StackLayers]:
    """Do what `process_stack_layer` does, as a generator whose result is layer data and the result; may run in any thread.

    A kernel layer is read at the call, not in the thread.
    """
    given = kernel_in(kernel) if isinstance(kernel, Layer) else kernel
    if isinstance(given, KernelMap):
        raise InputError("A map of kernels is undone in one picture at a time: use upscale_layer, or the field map's panel.")
    spans = {axis.upper(): (int(first), int(last)) for axis, (first, last) in (ranges or {}).items()}
    source = replace(source, origin=source.origin | {"axes": source.axes, "ranges": {axis: list(span) for axis, span in spans.items()}})
    if out:
        _spare_input(source, out)
    image = ImageFile(Path(source.origin["path"] or source.name), source.image, source.axes, source.calibration)
    steps = stacks.iter_process_stack(
        image,
        scale,
        method=method,
        upscaler=upscaler,
        kernel=given,
        ranges=spans,
        out=out or None,
        image_format="ome-zarr" if out else "auto",
        **options,
    )
    return _process(source, steps, spans)


def earlier_results(out: str | Path) -> list[Path]:
    """What is there already of that which a run with this `out` would write."""
    outputs = _outputs(out)
    return [path for path in (*outputs.written, outputs.journal) if path.exists()]


def _outputs(out: str | Path) -> Outputs:
    return Outputs.at(out, ImageFile(Path("layer"), None, ""), "ome-zarr")


def _spare_input(source: Source, out: str | Path) -> None:
    """Refuse to write where the image is read from."""
    path = source.origin["path"]
    if path is None:
        return
    read, written = Path(path).resolve(), _outputs(out).image.resolve()
    if read == written or written in read.parents:
        raise InputError(f"{written} is what layer '{source.name}' is read from: choose another name.")


def _process(source: Source, steps: Steps[StackResult], ranges: dict[str, tuple[int, int]]) -> Steps[StackLayers]:
    result = yield from steps
    return StackLayers(stack_layers(source, result, ranges), result)
