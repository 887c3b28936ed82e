"""Tasks that upscale: a plane or a block of one, and what is made of a plane once all its blocks are there."""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..devices import resolve_device
from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..files.stacks import open_stack
from ..images.layout import Layout, Region, without_alpha
from ..images.values import ValueRange, output_dtype, to_unit
from ..progress import run
from ..upscaling.api import upscale
from ..upscaling.inverse.levels import rounding_noise
from ..upscaling.inverse.run import MOST_OVERLAP, Inverse
from ..upscaling.planes import finish_plane as finish_pixels
from .find import PlaneLevels
from .job import Job
from .journal import MOST_TRIES, digest
from .learn import fingerprint
from .source import Pixels
from .threads import computing
from .units import Unit

if TYPE_CHECKING:
    from ..upscaling.zssr.learnt import Learnt

HALO = MOST_OVERLAP + 16
"""px around a block that its result may depend on: what the inverse reaches, and a network on top of it."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What ends a run and not only a plane: the disk."""


class UnitTask(NamedTuple):
    """A plane, or a block of one, and what it is upscaled with."""

    unit: Unit
    values: ValueRange
    kernel: KernelEstimate | None
    error: str | None
    """Why there is no kernel."""
    levels: PlaneLevels | None = None
    """Of the plane, where it is worked on in blocks."""
    network: Learnt | None = None
    """ZSSR's, where it was trained before."""


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
    except Exception as error:  # noqa: BLE001 - a plane must not take the others with it, whatever is wrong with it
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        outcome = UnitOutcome(unit, "failed", error=str(error).strip() or type(error).__name__)
    finally:
        if journal is not None:
            journal.end(unit.name)  # only what ends the process without a word counts as a try
    if journal is not None:
        if outcome.status == "failed":
            journal.remove("planes", unit.name)
            journal.write("failed", unit.name, {"error": outcome.error})
        else:
            journal.remove("failed", unit.name)
    return outcome._replace(seconds=time.perf_counter() - start)


def _do(job: Job, task: UnitTask) -> UnitOutcome:
    unit, layout = task.unit, job.source.layout
    around = None if unit.region is None else _grown(unit.region, HALO, layout.plane_size)
    pixels = job.source.read(unit.index, around)
    kernel = task.kernel.kernel if task.kernel else None
    samples = "none" if kernel is None else digest(kernel)
    key = job.unit_key(list(task.values), samples, job.plane_seed(unit.index), task.levels, fingerprint(task.network))
    was, region = digest(pixels.values), unit.region and _scaled(unit.region, job.scale)
    again = None
    record = job.journal.read("planes", unit.name) if job.journal else None
    if record is not None:
        again = "input changed" if record.get("pixels") != was else "settings or kernel changed" if record.get("key") != key else None
        if again is None:
            if digest(job.target.read(unit.index, region)) == record.get("output"):
                # a worker of this very run may have died after it had done the unit
                return UnitOutcome(unit, "done" if record.get("run") == job.name else "kept")
            again = "output damaged"
    start = time.perf_counter()
    with computing(job.threads):
        upscaled = _upscaled(job, task, pixels, around)
    if job.journal is not None:
        job.journal.remove("planes", unit.name)
        job.journal.remove("finished", unit.plane)
    job.target.write(unit.index, upscaled, region)
    if unit.region is None:
        job.target.finish_plane(unit.index)
    if job.journal is not None:
        seconds = round(time.perf_counter() - start, 3)
        record = {"key": key, "pixels": was, "output": digest(upscaled), "run": job.name, "seconds": seconds}
        job.journal.write("planes", unit.name, record)
    return UnitOutcome(unit, "done", again=again)


def _scaled(region: Region, scale: int) -> Region:
    """A region of the image, in px of the result."""
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
    if task.network is not None and task.kernel is not None:
        return _with_network(job, task, plane, task.kernel, task.network)
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


def _with_network(job: Job, task: UnitTask, plane: NDArray[Any], kernel: KernelEstimate, network: Learnt) -> NDArray[Any]:
    """A plane with a network that was trained before, as it is or after a little more training on this plane."""
    from ..upscaling.zssr.residual import iter_apply, iter_residual
    from ..upscaling.zssr.stages import Stage

    config, device, stage = job.settings.zssr, resolve_device(job.device), Stage(job.scale, kernel.kernel)
    channels, least = to_unit(without_alpha(plane), task.values), rounding_noise(plane.dtype, task.values)
    if config.train == "warm":
        steps = iter_residual(channels, stage, config, job.plane_seed(task.unit.index), device, least, network)
    else:
        steps = iter_apply(channels, stage, config, network, device, least)
    return finish_pixels(run(steps).channels, plane, job.scale, task.values)


def _upscaled_block(job: Job, task: UnitTask, plane: NDArray[Any], inside: Region) -> NDArray[Any]:
    """A block of a large plane: interpolated, or from the inverse with the levels of the plane, which a network may improve."""
    from ..upscaling.bicubic import enlarge_plane  # loads PyTorch
    from ..upscaling.inverse.lazy import finish_part

    ours = ((inside[0].start, inside[0].stop), (inside[1].start, inside[1].stop))
    channels = to_unit(without_alpha(plane), task.values)
    if task.kernel is None or task.levels is None or job.upscaler == "bicubic":
        if task.error and np.ptp(plane) and job.upscaler != "bicubic":
            raise InputError(task.error)
        return finish_part(enlarge_plane(channels, job.scale)[:, *_scaled(inside, job.scale)], plane, ours, task.values, job.scale)
    inverse = Inverse(task.kernel.kernel, job.scale, job.settings.inverse)
    reach = task.network.reach if task.network else 0
    wider = _grown(inside, reach, plane.shape)
    cut = _grown(wider, inverse.overlap(task.levels.levels), plane.shape)
    large = inverse.upscale(channels[:, cut[0], cut[1]], task.levels.levels)[:, *_scaled(_within(wider, cut), job.scale)]
    if task.network is not None:
        from ..upscaling.zssr.residual import apply_block

        large = apply_block(channels[:, wider[0], wider[1]], large, task.network, resolve_device(job.device), task.levels.blend)
    return finish_part(large[:, *_scaled(_within(inside, wider), job.scale)], plane, ours, task.values, job.scale)


def _grown(region: Region, by: int, size: Sequence[int]) -> Region:
    """A region with some px around it, as far as there are any."""
    rows, columns = (slice(max(0, s.start - by), min(n, s.stop + by)) for s, n in zip(region, size[:2], strict=True))
    return rows, columns


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
    region = unit.region and _scaled(unit.region, job.scale)
    job.target.write(unit.index, layout.plane(file.data, index, region), region)
