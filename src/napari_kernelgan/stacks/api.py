"""The front door to stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import InputError
from ..progress import Callback, Steps, run
from .begin import begin
from .engines import count_workers, engine_for
from .forecast import Forecast, forecast
from .options import StackOptions
from .outputs import Outputs
from .results import StackResult
from .run import StackRun
from .source import Ranges, Source


def process_stack(
    source: Any,
    scale: int = 2,
    *,
    share: str = "stack",
    out: str | Path | None = None,
    method: str = "auto",
    upscaler: str = "auto",
    kernel: Any = None,
    window: int = 5,
    window_axis: str | None = None,
    axes: str | None = None,
    ranges: Ranges | None = None,
    level: int = 0,
    nodata: float | None = None,
    seed: int = 0,
    device: str = "auto",
    config: Settings | dict[str, Any] | None = None,
    value_range: tuple[float, float] | None = None,
    image_format: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    workers: int | str | None = None,
    scheduler: Any = None,
    part: tuple[int, int] | None = None,
    threads: int | None = None,
    batch: int | None = None,
    callback: Callback | None = None,
) -> StackResult:
    """Estimate the kernels of a stack of any size and upscale it, without holding it in memory.

    Parameters
    ----------
    source : path, sequence of paths, array, or ImageFile
        A file that `napari_kernelgan` reads, a folder or a glob pattern of files that are one stack, several such files, a NumPy, Dask
        or Zarr array, or an `ImageFile`: an array with what is known about its pixels.
    scale : int
        2 to 4.
    share : {"stack", "channel", "plane", "window"}
        Which planes have one kernel: all of them; those of a channel, since the PSF follows the wavelength; each its own; or each its own
        that is estimated from a window of planes around it, as focus drifts. Pooled, planes tell a kernel better than the mean of single
        estimates, the more so the more their scenes differ; the error bars tell how much.
    out : path, optional
        A folder, or the image's own name (``.ome.zarr``, ``.ome.tif``, ``.tif``). Beside the upscaled image there will be the kernels as
        OME-TIFF, a CSV with one row per plane, a JSON on how it was made, and a journal that the run can be resumed from. None: the result
        is an array in memory.
    method, upscaler : str
        As `estimate_kernel` and `upscale` take them; ``upscaler="none"`` only estimates kernels.
    kernel : KernelEstimate, array, pair or path, optional
        The kernel of all planes; none is estimated then.
    window, window_axis
        ``share="window"``: an odd number of planes, and the axis that they lie along (Z, or else T).
    axes : str, optional
        One letter per axis.
    ranges : mapping of str to (int, int), optional
        The part of the stack that is worked on: first and last (exclusive) position along stack axes, as ``{"T": (0, 10)}``.
    level : int
        Of an OME-Zarr image, 0 being the full resolution.
    nodata : float, optional
        The value that means none; None takes the file's own. Such pixels, NaN and masked ones have no value in the result either, and do
        not reach their neighbours.
    seed : int
        Seeds of planes derive from it and from their place in the stack, so that no result depends on order, engine or batch.
    device : str
    config : Settings or dict, optional
        Settings of all methods.
    value_range : tuple of float, optional
        The values that are black and white inside, for the whole stack. None: 0..255 for uint8, else the 0.1 and 99.9 percentiles.
    image_format : {"auto", "ome-zarr", "ome-tiff", "geotiff"}
        Of the image in a folder; "auto" follows the input's kind.
    resume : bool
        Go on with an earlier run into the same `out`. A plane counts as done only if its pixels, its settings and kernel, the version and
        its result are those on record.
    overwrite : bool
        Delete what an earlier run left.
    workers : int or "auto", optional
        Processes on this machine (extra "cluster"); scripts that use them need ``if __name__ == "__main__":``.
    scheduler : str or distributed.Client, optional
        Of a Dask cluster whose workers see the same files.
    part : (int, int), optional
        (number from 1, parts): a part of the planes, for job arrays. The part that ends last writes the files; implies `resume`.
    threads : int, optional
        CPU threads of a task; None: all cores here, and of workers on this machine an equal share.
    batch : int, optional
        Kernels that are estimated together; None: as many as memory allows.
    callback : callable, optional
        Called with a `StackProgress` after every kernel and plane; returning False stops the run.

    Returns
    -------
    StackResult

    Raises
    ------
    InputError
        If something given cannot be used. What is wrong with single planes does not stop the others: see ``StackResult.failed``.
    OutOfMemory
        If memory is exhausted.
    OSError
        If the disk is full; the run can then be resumed.
    """
    steps = iter_process_stack(
        source,
        scale,
        share=share,
        out=out,
        method=method,
        upscaler=upscaler,
        kernel=kernel,
        window=window,
        window_axis=window_axis,
        axes=axes,
        ranges=ranges,
        level=level,
        nodata=nodata,
        seed=seed,
        device=device,
        config=config,
        value_range=value_range,
        image_format=image_format,
        resume=resume,
        overwrite=overwrite,
        workers=workers,
        scheduler=scheduler,
        part=part,
        threads=threads,
        batch=batch,
    )
    return run(steps, callback)


def iter_process_stack(
    source: Any,
    scale: int = 2,
    *,
    out: str | Path | None = None,
    axes: str | None = None,
    ranges: Ranges | None = None,
    level: int = 0,
    nodata: float | None = None,
    config: Settings | dict[str, Any] | None = None,
    image_format: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    workers: int | str | None = None,
    scheduler: Any = None,
    **options: Any,
) -> Steps[StackResult]:
    """Do what `process_stack` does, as a generator: yields `StackProgress`, takes ``send(False)`` as stop."""
    if out is None and (workers or scheduler is not None or resume or options.get("part")):
        raise InputError("Workers, parts and runs that are resumed need out=: a folder or a file that all of them write to.")
    opened, chosen, outputs = _asked(source, scale, out, axes, ranges, level, nodata, config, image_format, options)
    if (workers or scheduler is not None) and not opened.can_be_sent:
        raise InputError("Workers read the image by themselves: give a path, a Dask or a Zarr array, or leave workers out.")
    with engine_for(workers, scheduler, chosen.threads, chosen.device) as engine:
        begun = begin(opened, chosen, outputs, resume=resume, overwrite=overwrite)
        return (yield from StackRun(begun, engine).steps())


def forecast_stack(
    source: Any,
    scale: int = 2,
    *,
    out: str | Path | None = None,
    axes: str | None = None,
    ranges: Ranges | None = None,
    level: int = 0,
    nodata: float | None = None,
    config: Settings | dict[str, Any] | None = None,
    image_format: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    workers: int | str | None = None,
    scheduler: Any = None,
    **options: Any,
) -> Forecast:
    """What `process_stack` would take with the same arguments: planes, time, memory and disk. Checks them all, and writes nothing."""
    opened, chosen, outputs = _asked(source, scale, out, axes, ranges, level, nodata, config, image_format, options)
    run = begin(opened, chosen, outputs, resume=resume, overwrite=overwrite, dry=True)
    return forecast(run, count_workers(workers, scheduler, chosen.device))


def _asked(
    source: Any,
    scale: int,
    out: str | Path | None,
    axes: str | None,
    ranges: Ranges | None,
    level: int,
    nodata: float | None,
    config: Settings | dict[str, Any] | None,
    image_format: str,
    options: dict[str, Any],
) -> tuple[Source, StackOptions, Outputs | None]:
    opened = Source.of(source, axes, level, nodata, ranges)
    chosen = StackOptions(scale=scale, config=as_settings(config), **options)
    return opened, chosen, None if out is None else Outputs.at(out, opened.file, image_format)


def as_settings(config: Settings | dict[str, Any] | None) -> Settings:
    """Settings of all methods from what the caller gave.

    Raises
    ------
    InputError
        If they do not fit.
    """
    from pydantic import ValidationError

    from ..config import explain

    if config is None:
        return Settings()
    if isinstance(config, Settings):
        return config
    try:
        return Settings.model_validate(config)
    except ValidationError as error:
        raise InputError(f"config does not fit Settings: {explain(error)}") from error
