"""The beginning of a run: everything is checked, an earlier run is found or refused, and places for the results are made."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..errors import InputError
from ..files import ngff_write
from ..images.values import check_dtype, output_dtype
from ..kernels.forward import check_scale
from .job import Job
from .journal import Journal, digest
from .options import NONE, StackOptions
from .outputs import Outputs
from .sharing import Sharing
from .source import Source
from .targets import Memory, Store, Target
from .units import BLOCK, is_large


@dataclass(frozen=True, eq=False)
class Run:
    """A run that may begin.

    Attributes
    ----------
    job : Job
    sharing : Sharing
    options : StackOptions
    outputs : Outputs or None
        None where the result stays in memory.
    notes : tuple of str
        What a user should know, in sentences.
    restore : Path, optional
        A finished TIFF, whose pixels the store is to be filled with again: it is gone once the TIFF is made.
    """

    job: Job
    sharing: Sharing
    options: StackOptions
    outputs: Outputs | None
    notes: tuple[str, ...]
    restore: Path | None = None


def begin(
    source: Source, options: StackOptions, outputs: Outputs | None, *, resume: bool = False, overwrite: bool = False, dry: bool = False
) -> Run:
    """Check everything and make places for the results; nothing is computed.

    Parameters
    ----------
    source : Source
    options : StackOptions
    outputs : Outputs, optional
    resume : bool
        Go on with an earlier run where there is one.
    overwrite : bool
        Delete what an earlier run left.
    dry : bool
        Only check.

    Raises
    ------
    InputError
        If something given cannot be used, or an earlier run's results are in the way.
    """
    options.check()
    layout = source.layout
    check_dtype(source.dtype)
    scale = check_scale(options.scale)
    sharing = Sharing(layout, "stack" if options.kernel is not None else options.share, options.window_axis, options.window)
    missing = missing_value(source)
    if is_large(layout) and options.upscaler in ("auto", "zssr") and options.config.zssr.start != "inverse":
        raise InputError("Planes so large are upscaled in blocks, which ZSSR does only from the inverse (zssr.start).")
    journal = Journal(outputs.journal) if outputs else None
    restore = None
    large, notes = layout.scaled(scale), source.file.notes
    target: Target
    resume |= options.part is not None
    if outputs is None:
        target = Memory(_array(large.shape if options.upscaler != NONE else (0,), output_dtype(source.dtype), missing), large)
    else:
        outputs.check(large, output_dtype(source.dtype), source.file.geo)
        store = target = Store(outputs.store, large, missing, outputs.format == "ome-zarr")
        if not (resume or overwrite):
            outputs.refuse()
        if overwrite and not resume and not dry:
            outputs.clear()
        if not dry:
            notes += _go_on(source, options, outputs)
        if not dry and options.upscaler != NONE and not outputs.store.exists():
            restore = outputs.image if outputs.image.exists() else None
            _make_store(source, outputs, store, scale)
    job = Job(
        source,
        target,
        journal,
        scale,
        options.method,
        options.upscaler,
        options.seed,
        options.device,
        options.config,
        options.value_range,
        options.threads,
        missing,
        secrets.token_hex(8),
        options.part[0] if options.part else 1,
    )
    return Run(job, sharing, options, outputs, notes, restore)


def _array(shape: tuple[int, ...], dtype: np.dtype[Any], missing: float | None) -> NDArray[Any]:
    """Without a value wherever nothing is put, as in planes that fail or are not reached; zeros take no memory yet."""
    return np.full(shape, missing, dtype) if missing else np.zeros(shape, dtype)


def missing_value(source: Source) -> float | None:
    """What stands in the result where there is no value: the input's own mark, else NaN, or 0 where integers are masked.

    None where every pixel has a value, since integers have no NaN.
    """
    nodata = source.nodata if source.nodata is not None else source.file.nodata
    if source.dtype.kind == "f":
        return float("nan") if nodata is None else float(nodata)
    if nodata is None or not np.isfinite(nodata):
        return 0.0 if np.ma.isMaskedArray(source.file.data) else None
    return float(nodata)


def _go_on(source: Source, options: StackOptions, outputs: Outputs) -> tuple[str, ...]:
    """Begin a run's journal, or go on with it; what has changed since it was begun, in sentences."""
    journal = Journal(outputs.journal)
    now = _about(source, options, outputs)
    before = journal.read("", "run")
    notes: tuple[str, ...] = ()
    if before is None:
        outputs.refuse()
        journal.write("", "run", now)
    else:
        fixed = [name for name in now["shape"] if now["shape"][name] != before.get("shape", {}).get(name)]
        if fixed:
            what = ", ".join(f"{name} was {before['shape'].get(name)}, is {now['shape'][name]}" for name in fixed)
            raise InputError(f"The run in {outputs.folder} cannot be gone on with: {what}. Choose another folder, or --overwrite.")
        names = [name for name in now["settings"] if now["settings"][name] != before.get("settings", {}).get(name)]
        notes = (f"Changed since the run was begun: {', '.join(names)}. What depends on it is done again.",) if names else ()
        if names:
            journal.write("", "run", now)
    return notes


def _about(source: Source, options: StackOptions, outputs: Outputs) -> dict[str, Any]:
    """What must not, and what may, change when a run is gone on with."""
    layout = source.layout
    return {
        "shape": {
            "shape": list(layout.shape),
            "axes": layout.axes,
            "dtype": source.dtype.name,
            "scale": options.scale,
            "image": outputs.image.name,
            "ranges": [list(each) for each in source.ranges],
        },
        "settings": {
            "version": __version__,
            "method": options.method,
            "upscaler": options.upscaler,
            "share": options.share,
            "window": [options.window, options.window_axis],
            "kernel": None if options.kernel is None else digest(options.given().kernel),  # type: ignore[union-attr]
            "seed": options.seed,
            "config": options.config.model_dump(mode="json", exclude={"run"}),
            "value_range": list(options.value_range) if options.value_range else None,
            "nodata": source.nodata,
        },
    }


def _make_store(source: Source, outputs: Outputs, target: Store, scale: int) -> None:
    """Make the store under another name first: of several processes that begin at once, one brings its own into place."""
    file = source.file
    path = outputs.store
    temporary = outputs.journal / f"{secrets.token_hex(4)}-{path.name}"
    height, width = ((scale - 1) / -2 * size / scale for size in file.pixel_size or (1.0, 1.0))
    try:
        ngff_write.create_ngff(
            temporary,
            target.layout,
            output_dtype(source.dtype),
            file.calibration.finer(scale),
            name=outputs.image.name.removesuffix(".zarr").removesuffix(".ome"),
            block=(BLOCK * scale, BLOCK * scale) if is_large(source.layout) else None,
            fill=target.missing,
            origin=(height, width),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        os.rename(temporary, path)
    except OSError:
        if not path.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
