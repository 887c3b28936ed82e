"""Tasks that upscale: a plane or a block of one, and what is made of a plane once all its blocks are there."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..files.stacks import open_stack
from ..images.layout import Layout, Region, without_alpha
from ..images.values import ValueRange, from_unit, output_dtype, to_unit
from ..upscaling.api import upscale
from ..upscaling.inverse.levels import Levels
from ..upscaling.inverse.run import MOST_OVERLAP, Inverse
from .job import Job
from .journal import MOST_TRIES, digest
from .source import Pixels
from .threads import computing
from .units import Unit

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What ends a run and not only a plane: the disk."""


class UnitTask(NamedTuple):
    """A plane, or a block of one, and what it is upscaled with."""

    unit: Unit
    values: ValueRange
    kernel: KernelEstimate | None
    error: str | None
    """Why there is no kernel."""
    levels: list[Levels] | None
    """Of the plane, where it is worked on in blocks."""


class UnitOutcome(NamedTuple):
    """How a unit ended."""

    unit: Unit
    status: str
    """"done", "kept" (an earlier run had done it, and nothing it depends on has changed) or "failed"."""
    seconds: float = 0.0
    error: str | None = None
    again: str | None = None
    """Why it was done again, where an earlier run had done it."""


def do_unit(job: Job, task: UnitTask) -> UnitOutcome:
    """Upscale a plane or a block and put it where it belongs; what goes wrong with it is an outcome too, but not a full disk."""
    start = time.perf_counter()
    unit, journal = task.unit, job.journal
    try:
        if journal is not None and not journal.begin(unit.name):
            raise InputError(f"Working on it has ended its process {MOST_TRIES} times.")
        outcome = _do(job, task)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        outcome = UnitOutcome(unit, "failed", error=_said(error))
    except Exception as error:  # noqa: BLE001 - a plane must not take the others with it, whatever is wrong with it
        outcome = UnitOutcome(unit, "failed", error=_said(error))
    if journal is not None:
        if outcome.status == "failed":
            journal.remove("planes", unit.name)
            journal.write("failed", unit.name, {"error": outcome.error})
        else:
            journal.remove("failed", unit.name)
        journal.end(unit.name)
    return outcome._replace(seconds=time.perf_counter() - start)


def _said(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def _do(job: Job, task: UnitTask) -> UnitOutcome:
    unit, layout = task.unit, job.source.layout
    around = unit.region and _around(unit.region, layout.plane_size)
    pixels = job.source.read(unit.index, around)
    kernel = task.kernel.kernel if task.kernel else None
    samples = "none" if kernel is None else digest(kernel)
    key = job.unit_key(list(task.values), samples, job.plane_seed(unit.index), task.levels)
    was, region = digest(pixels.values), _scaled(unit.region, job.scale)
    again = None
    record = job.journal.read("planes", unit.name) if job.journal else None
    if record is not None:
        again = "input changed" if record.get("pixels") != was else "settings or kernel changed" if record.get("key") != key else None
        if again is None:
            if digest(job.target.read(unit.index, region)) == record.get("output"):
                # a worker of this very run may have died after it had done the unit
                return UnitOutcome(unit, "done" if record.get("run") == job.name else "kept")
            again = "output damaged"
    with computing(job.threads):
        upscaled = _upscaled(job, task, pixels, around)
    if job.journal is not None:
        job.journal.remove("planes", unit.name)
        job.journal.remove("finished", unit.plane)
    job.target.write(unit.index, upscaled, region)
    if unit.region is None:
        job.target.finish_plane(unit.index)
    if job.journal is not None:
        job.journal.write("planes", unit.name, {"key": key, "pixels": was, "output": digest(upscaled), "run": job.name})
    return UnitOutcome(unit, "done", again=again)


def _around(region: Region, size: tuple[int, int]) -> Region:
    """A block with all that its result may depend on."""
    rows, columns = (slice(max(0, s.start - MOST_OVERLAP), min(n, s.stop + MOST_OVERLAP)) for s, n in zip(region, size, strict=True))
    return rows, columns


def _scaled(region: Region | None, scale: int) -> Region | None:
    """A region of the image, in px of the result."""
    if region is None:
        return None
    rows, columns = (slice(s.start * scale, s.stop * scale) for s in region)
    return rows, columns


def _upscaled(job: Job, task: UnitTask, pixels: Pixels, around: Region | None) -> NDArray[Any]:
    """Upscaled pixels of a unit, without a value where there was none."""
    unit, scale = task.unit, job.scale
    plane, dtype = pixels.filled, output_dtype(job.source.dtype)
    inside = (slice(None), slice(None)) if unit.region is None or around is None else _within(unit.region, around)
    empty = pixels.missing is not None and bool(pixels.missing[inside].all())
    if empty:
        large = np.zeros((*(n * scale for n in plane[inside].shape[:2]), *plane.shape[2:]), dtype)
    elif unit.region is None or around is None:
        large = _upscaled_plane(job, task, plane)
    else:
        large = _upscaled_block(job, task, plane, inside)
    if job.missing is not None:
        gap = None if pixels.missing is None else pixels.missing[inside].repeat(scale, 0).repeat(scale, 1)
        _mark_gaps(large, gap, job.missing)
    return large


def _upscaled_plane(job: Job, task: UnitTask, plane: NDArray[Any]) -> NDArray[Any]:
    flat = np.ptp(without_alpha(plane)) == 0
    if task.kernel is None and not flat and job.upscaler != "bicubic":
        raise InputError(task.error or "There is no kernel.")
    method = job.upscaler if task.kernel is not None else "bicubic"
    large = upscale(
        plane,
        task.kernel,
        job.scale,
        method,
        "YXS"[: plane.ndim],
        job.plane_seed(task.unit.index),
        job.device,
        job.settings,
        value_range=task.values,
    )
    return np.asarray(large)


def _upscaled_block(job: Job, task: UnitTask, plane: NDArray[Any], inside: Region) -> NDArray[Any]:
    """A block of a large plane; from the inverse with the levels of the plane, or interpolated."""
    from ..upscaling.bicubic import enlarge_plane  # loads PyTorch
    from ..upscaling.inverse.lazy import invert_part

    if task.kernel is None or job.upscaler == "bicubic":
        if task.error and np.ptp(plane) and job.upscaler != "bicubic":
            raise InputError(task.error)
        rows, columns = (slice(s.start * job.scale, s.stop * job.scale) for s in inside)
        large = enlarge_plane(to_unit(plane, task.values), job.scale)[:, rows, columns]
        return from_unit(large, task.values, plane.dtype, plane.ndim == 3)
    assert task.levels is not None
    inverse = Inverse(task.kernel.kernel, job.scale, job.settings.inverse)
    needed = inverse.overlap(task.levels)
    cut = tuple(slice(max(0, s.start - needed), s.stop + needed) for s in inside)
    rows, columns = (slice((s.start - c.start) * job.scale, (s.stop - c.start) * job.scale) for s, c in zip(inside, cut, strict=True))
    return invert_part(plane[cut], (rows, columns), inverse, task.values, task.levels)


def _within(region: Region, around: Region) -> Region:
    rows, columns = (slice(r.start - a.start, r.stop - a.start) for r, a in zip(region, around, strict=True))
    return rows, columns


def _mark_gaps(large: NDArray[Any], gap: NDArray[np.bool_] | None, missing: float) -> None:
    """Give what has no value in the image none in the result, and see to it that nothing else looks as if it had none."""
    if large.dtype.kind in "iu":
        large[large == missing] += 1 if missing < np.iinfo(large.dtype).max else -1
    if gap is not None:
        large[gap] = missing


def finish_plane(job: Job, unit: Unit) -> Unit:
    """Make what is made of whole planes, once all blocks of the unit's plane are there; not again where it was made of the same blocks."""
    if job.journal is None or job.journal.read("finished", unit.plane) is None:
        job.target.finish_plane(unit.index)
        if job.journal is not None:
            job.journal.write("finished", unit.plane, {})
    return unit


def restore(job: Job, task: tuple[Path, Unit]) -> None:
    """Put a unit's pixels of a finished TIFF back into the store that the TIFF was made of."""
    path, unit = task
    file, large = open_stack(path), job.target.layout
    layout = Layout.of(file.data, file.axes)
    index = tuple(dict(zip(large.stack_axes, unit.index, strict=True)).get(a, 0) for a in layout.stack_axes)
    region = _scaled(unit.region, job.scale)
    job.target.write(unit.index, layout.plane(file.data, index, region), region)
