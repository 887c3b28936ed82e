"""The end of a run: the files that tell of it are written, and what was only needed on the way is taken away."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..files import ngff_write
from ..files.atomic import write_json
from ..files.image_file import Calibration
from ..files.images import write_image
from ..files.kernels import estimate_from_record, kernel_record
from ..images.layout import Layout
from ..images.values import ValueRange
from ..provenance import versions
from .journal import Journal
from .options import NONE
from .outputs import Outputs
from .results import PlaneRow, StackResult, stacked_kernels, write_table
from .sharing import Group
from .units import units

if TYPE_CHECKING:
    from .job import Job
    from .run import StackRun

TEMPORARY = re.compile(r"^\.?[0-9a-f]{8}-")
"""How files begin that are renamed once they are whole."""


def finish(course: StackRun, values: ValueRange, *, stopped: bool, complete: bool, seconds: float) -> StackResult:
    """Write the files, where there are any, and tell what came out.

    Parameters
    ----------
    course : StackRun
        At its end.
    values : ValueRange
    stopped : bool
        Whether it was stopped on request.
    complete : bool
        Whether every plane, in whatever part of the run, has come to an end.
    seconds : float
    """
    run, job = course.run, course.job
    groups, kernels = course.groups, [found.estimate if (found := course.kernels.get(group.place)) else None for group in course.groups]
    rows = [course.row(unit) for unit in course.planes]
    if complete and run.options.part is not None:
        groups = run.sharing.groups()
        kernels, rows = _of_all_parts(course, groups, kernels)
    record = _record(course, values, groups, kernels, rows, seconds)
    outputs, upscaled, axes = run.outputs, None, job.target.layout.axes
    if outputs is None:
        upscaled = job.target.array if course.upscales else None  # type: ignore[attr-defined]
    elif complete:
        failed = any(row.status == "failed" for row in rows)
        if course.upscales:
            new = any(row.status != "kept" for row in rows) or not outputs.image.exists()
            list(course.engine.map(finish_image, job, [(outputs, record, new, not failed)]))
            upscaled, axes = _opened(outputs)
        _clean(outputs.journal)
        _write_kernels(outputs.kernels, run.sharing.axes, run.sharing.shape, kernels, job)
        write_table(outputs.table, rows, job.source.layout.stack_axes)
        write_json(outputs.record, record)
    return StackResult(
        groups=tuple(groups),
        kernels=tuple(kernels),
        kernel_axes=run.sharing.axes,
        rows=tuple(rows),
        axes=axes,
        stack_axes=job.source.layout.stack_axes,
        upscaled=upscaled,
        files=outputs,
        record=record,
        notes=run.notes,
        stopped=stopped,
        complete=complete,
    )


def finish_image(job: Job, task: tuple[Outputs, dict[str, Any], bool, bool]) -> None:
    """Make the image that was asked for of the pixels in the store, unless nothing is new; it is whole only if nothing has failed."""
    outputs, record, new, whole = task
    if outputs.format == "ome-zarr":
        if whole:
            ngff_write.finish_ngff(outputs.store)
        return
    temporary = outputs.journal / f"{secrets.token_hex(4)}-{outputs.image.name}"
    try:
        if new:
            _write_tiff(job, outputs, temporary, record)
            if outputs.store.exists():  # as it did all the while
                os.replace(temporary, outputs.image)
        if whole:
            gone = outputs.journal / f"{secrets.token_hex(4)}-{outputs.store.name}"
            os.rename(outputs.store, gone)
            shutil.rmtree(gone, ignore_errors=True)
    except (OSError, InputError):
        if outputs.store.exists() or not outputs.image.exists():
            raise
        # another part of the run, which ended at the same time, has made the image
    finally:
        temporary.unlink(missing_ok=True)


def _write_tiff(job: Job, outputs: Outputs, path: Path, record: dict[str, Any]) -> None:
    layout, data = _in_store(outputs.store, job.target.layout)
    file = job.source.file
    if outputs.format == "geotiff":
        from ..files.geotiff import write_geotiff

        assert file.geo is not None  # which check_image has seen to
        write_geotiff(path, data, layout, file.geo.finer(job.scale), about=record)
    else:
        write_image(path, data, layout.axes, *file.calibration.finer(job.scale), ome=True, overwrite=True)


def _in_store(path: Path, layout: Layout) -> tuple[Layout, Any]:
    """The full resolution of a store, lazily, with colour samples last where there are any."""
    import dask.array as da
    import zarr

    data = da.from_array(zarr.open_array(path / "0", mode="r"))
    letters = ngff_write.letters_of(layout)
    if "S" in letters:
        data = da.moveaxis(data, letters.index("S"), -1)
        letters = letters.replace("S", "") + "S"
    return Layout(letters, data.shape), data


def _opened(outputs: Outputs) -> tuple[Any, str]:
    from ..files.stacks import open_stack

    file = open_stack(outputs.image)
    return file.data, file.axes


def _of_all_parts(course: StackRun, groups: Sequence[Group], known: Sequence[KernelEstimate | None]) -> tuple[Any, Any]:
    """Kernels and rows of the whole run: of other parts what their records tell."""
    journal = course.job.journal
    assert journal is not None
    own = {group.number: kernel for group, kernel in zip(course.groups, known, strict=True)}
    kernels = [own[group.number] if group.number in own else _recorded(journal, group) for group in groups]
    by_place = {group.place: kernel for group, kernel in zip(groups, kernels, strict=True)}
    mine = {unit.name for unit in course.units}
    rows = {unit.plane: replace(course.row(unit), estimate=by_place[course.run.sharing.place(unit.index)]) for unit in course.everything}
    for unit in units(course.layout):
        if unit.name in mine:
            continue
        row, failed = rows[unit.plane], journal.read("failed", unit.name)
        seconds = row.seconds + (journal.read("planes", unit.name) or {}).get("seconds", 0.0)
        if failed:
            row = replace(row, status="failed", error=row.error or failed["error"])
        elif row.status == "left":
            row = replace(row, status="done")
        rows[unit.plane] = replace(row, seconds=seconds)
    return kernels, list(rows.values())


def _recorded(journal: Journal, group: Group) -> KernelEstimate | None:
    record = journal.read("kernels", f"{group.number:06d}")
    return None if record is None else estimate_from_record(np.array(record["samples"], np.float64), record["estimate"])


def _record(
    course: StackRun,
    values: ValueRange,
    groups: Sequence[Group],
    kernels: Sequence[KernelEstimate | None],
    rows: Sequence[PlaneRow],
    seconds: float,
) -> dict[str, Any]:
    """All that is known of the run, ready for JSON."""
    run, job, options = course.run, course.job, course.run.options
    file, given = job.source.file, job.source.nodata
    axes = job.source.layout.stack_axes
    return {
        "input": file.record | {"ranges": job.source.ranges} | ({} if given is None else {"nodata": given}),
        "scale": job.scale,
        "method": options.method if course.estimates else "given",
        "upscaler": job.upscaler,
        "share": run.sharing.share,
        "window": [run.sharing.axis, 2 * run.sharing.reach + 1] if run.sharing.axis else None,
        "seed": job.seed,
        "device": job.device,
        "threads": job.threads,
        "config": options.config.model_dump(mode="json", exclude={"run"}),
        "value_range": list(values),
        "kernels": [
            {"group": group.name, "pooled": len(group.pooled)} | (kernel_record(kernel) if kernel else {"error": "failed"})
            for group, kernel in zip(groups, kernels, strict=True)
        ],
        "planes": [row.cells(axes) for row in rows],
        "upscaled": file.calibration.finer(job.scale)._asdict() if job.upscaler != NONE else None,
        "engine": course.engine.name,
        "seconds": round(seconds, 3),
        "versions": versions(),
    }


def _write_kernels(path: Path, axes: str, shape: tuple[int, ...], kernels: Sequence[KernelEstimate | None], job: Job) -> None:
    """All kernels as one stack, along the axes that they differ along; NaN where there is none."""
    if not any(kernels):
        return
    calibration: Calibration = job.source.file.calibration.finer(job.scale)
    data = stacked_kernels(kernels)
    data = data.reshape(*shape, *data.shape[1:])
    write_image(path, data, axes + "YX", calibration.pixel_size, calibration.unit, ome=True, overwrite=True)


def _clean(journal: Path) -> None:
    """Take away files that processes were writing when they were killed; no other process may be at work any more."""
    for path in journal.rglob("*"):
        if TEMPORARY.match(path.name) and path.is_file():
            path.unlink(missing_ok=True)
    for path in journal.iterdir():
        if TEMPORARY.match(path.name) and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    for path in (journal / "begun").glob("*.json"):
        path.unlink(missing_ok=True)
