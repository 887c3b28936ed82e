"""What a run will take, told before it starts: planes, sizes, time, memory and disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from ..errors import InputError
from ..estimate.api import iter_estimate_kernel, method_settings
from ..estimate.result import KernelEstimate
from ..images.values import output_dtype
from ..kernels.models import bicubic
from ..progress import Steps
from ..upscaling.api import iter_upscale
from .batches import free_memory
from .begin import Run
from .options import NONE
from .units import unit_pixels, units

PATIENCE = 3.0
"""Seconds that each of both steps is tried for; what takes longer is reckoned from how far it came."""
SIDE = 512
"""px of the part of a plane that upscaling is tried on."""
BYTES = 48
"""Of memory for every pixel that a task makes."""
PROGRAM = 1_000_000_000
"""Bytes that the program itself takes, at its first spectral estimate, however small the image is."""
LOWER = 1 / 3
"""Of the disk that the full resolution takes, what the lower ones take."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take.

    Attributes
    ----------
    planes, kernels, tasks : int
        To be done by this run, whatever an earlier one has done.
    input_shape, output_shape : tuple of int
    axes : str
    dtype : str
        Of the result.
    seconds : float or None
        About, with so many workers as there are; None where the part of the image that was tried cannot be used.
    memory : int
        Bytes that one worker takes, about.
    disk : int
        Bytes that the result takes at most; compression makes it less.
    free_disk, free_memory : int or None
        Bytes.
    """

    planes: int
    kernels: int
    tasks: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    axes: str
    dtype: str
    seconds: float | None
    memory: int
    disk: int
    free_disk: int | None
    free_memory: int

    def sentences(self) -> list[str]:
        """All of it for people."""
        shape = " x ".join(map(str, self.input_shape))
        large = " x ".join(map(str, self.output_shape))
        lines = [
            f"{_count(self.planes, 'plane')}, {_count(self.kernels, 'kernel')}, {_count(self.tasks, 'task')}; {self.axes} {shape}",
            f"result: {large}, {self.dtype}",
            f"time: about {_duration(self.seconds)}" if self.seconds is not None else "time: cannot be told from the middle of the image",
            f"memory: about {_size(self.memory)} for each worker, {_size(self.free_memory)} are free",
        ]
        if self.free_disk is not None:
            lines.append(f"disk: at most {_size(self.disk)}, {_size(self.free_disk)} are free")
        return lines


def forecast(run: Run, workers: int = 1) -> Forecast:
    """Reckon what a run will take, from trying both steps on a part of its middle plane.

    Parameters
    ----------
    run : Run
    workers : int
        Tasks that run at once.
    """
    job, options, layout = run.job, run.options, run.job.source.layout
    large = layout.scaled(job.scale)
    number, parts = options.part or (1, 1)
    todo = units(layout)[number - 1 :: parts]
    places = {run.sharing.place(unit.index) for unit in todo}
    kernels = 0 if options.kernel is not None else len(places)
    upscales = job.upscaler != NONE
    tried = _tried(run)
    made = unit_pixels(layout) * job.scale**2 * layout.n_samples
    dtype = output_dtype(job.source.dtype)
    pixels = prod(large.shape) * len(todo) / len(units(layout))
    stored = pixels * dtype.itemsize if upscales and run.outputs else 0
    disk = stored * (1 + LOWER if run.outputs and run.outputs.format == "ome-zarr" else 2)
    folder = next(parent for parent in run.outputs.folder.absolute().parents if parent.exists()) if run.outputs else None
    return Forecast(
        planes=len({unit.plane for unit in todo}),
        kernels=kernels,
        tasks=len(todo) * upscales,
        input_shape=layout.shape,
        output_shape=large.shape,
        axes=layout.axes,
        dtype=dtype.name,
        seconds=None if tried is None else (kernels * tried[0] + len(todo) * tried[1]) / workers,
        memory=made * BYTES + PROGRAM,
        disk=round(disk),
        free_disk=shutil.disk_usage(folder).free if folder else None,
        free_memory=free_memory(),
    )


def _tried(run: Run) -> tuple[float, float] | None:
    """Seconds that one kernel and one unit take; None where the part that is tried cannot be used."""
    job, options, layout = run.job, run.options, run.job.source.layout
    index = layout.spread(3)[-1 if layout.n_planes < 3 else 1]
    sides = [min(SIDE, n) for n in layout.plane_size]
    rows, columns = (slice((n - side) // 2, (n - side) // 2 + side) for n, side in zip(layout.plane_size, sides, strict=True))
    kernel = options.given()
    estimating = upscaling = 0.0
    try:
        part = job.source.read(index, (rows, columns)).filled
        axes = "YXS"[: part.ndim]
        if kernel is None:
            estimating, found = _timed(lambda: iter_estimate_kernel(part, job.scale, job.method, axes, 0, job.device, job.settings))
            kernel = found or KernelEstimate(bicubic(job.scale), job.scale, "bicubic")
            if job.method in ("auto", "spectral", "recurrence"):
                pooled = len(run.sharing.groups()[0].pooled)
                estimating *= min(pooled, method_settings(job.method, job.settings).max_planes)
        if job.upscaler != NONE:
            upscaling, _ = _timed(lambda: iter_upscale(part, kernel, job.scale, job.upscaler, axes, 0, job.device, job.settings))
    except InputError:
        return None
    return estimating, upscaling * unit_pixels(layout) / prod(sides)


def _timed(begin: Callable[[], Steps[Any]]) -> tuple[float, Any]:
    """Seconds that a run takes, or would take, and its result, if it came to an end; a first time prepares what later ones use."""
    for _ in range(2):
        start = time.perf_counter()
        steps = begin()
        try:
            progress = next(steps)
            first, begun = time.perf_counter(), progress.step
            while time.perf_counter() - start < PATIENCE:
                progress = steps.send(None)
            pace = (time.perf_counter() - first) / max(progress.step - begun, 1)
            seconds, result = first - start + pace * (progress.total - begun), None
        except StopIteration as end:
            seconds, result = time.perf_counter() - start, end.value
        finally:
            steps.close()
    return seconds, result


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB" if count < 1000 else f"{count / 1000:.3g} TB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
