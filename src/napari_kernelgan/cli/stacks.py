"""The command for stacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from . import options as opt
from .commands import app, widths_in_words
from .console import Status, Watch, command, say

if TYPE_CHECKING:
    from ..stacks.results import StackResult

TOLD = 20
"""Kernels whose widths are told; the table has all."""


@app.command()
@command
def batch(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Each a stack: a file, a folder, a quoted pattern, or an OME-Zarr image.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="A folder; of one input also a .ome.zarr, .ome.tif or .tif.")
    ],
    scale: opt.ScaleOption = None,
    share: Annotated[str, typer.Option(help="Which planes have one kernel: stack (all), channel, plane, window.")] = "stack",
    window: Annotated[int, typer.Option(help="share window: an odd number of planes.")] = 5,
    window_axis: Annotated[str | None, typer.Option(help="share window: the axis that it moves along; otherwise Z or T.")] = None,
    kernel: Annotated[Path | None, typer.Option(metavar="FILE", help="The kernel of all planes; none is estimated.")] = None,
    method: opt.MethodOption = None,
    upscaler: Annotated[
        str | None,
        typer.Option(show_default=opt.DEFAULT.upscaler, help="How to upscale: auto (zssr), zssr, inverse, bicubic; none only estimates."),
    ] = None,
    seed: opt.SeedOption = None,
    device: opt.DeviceOption = None,
    axes: opt.AxesOption = None,
    only: Annotated[
        str | None, typer.Option("--range", metavar="AXIS=FIRST:LAST,...", help="The part of the stack, for example T=0:10,C=1.")
    ] = None,
    level: Annotated[int, typer.Option(min=0, help="Of an OME-Zarr image; 0 is the full resolution.")] = 0,
    nodata: Annotated[float | None, typer.Option(help="The value that means none; otherwise the file's own.")] = None,
    image_format: Annotated[str, typer.Option("--format", help="Of the image: auto, ome-zarr, ome-tiff, geotiff.")] = "auto",
    config: opt.ConfigOption = None,
    workers: Annotated[str | None, typer.Option(metavar="N", help="Processes on this machine, or auto; otherwise this one.")] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of a Dask scheduler, for example tcp://10.0.0.1:8786.")] = None,
    part: Annotated[str | None, typer.Option(metavar="I/N", help="Part I of N of the planes, for job arrays.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of a task.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch", min=1, help="Kernels estimated together; otherwise what fits.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that ended early; what is done and unchanged is kept.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell planes, time, memory and disk, and stop there.")] = False,
    overwrite: opt.OverwriteOption = False,
    as_json: opt.JsonOption = False,
) -> None:
    """Estimate the kernels of stacks of any size and upscale them, plane by plane; a run that ends early can be resumed.

    Writes into OUT the upscaled image, kernels.ome.tif, planes.csv and stack.json; of several inputs into a folder each. Exit status 3
    tells that some planes failed.
    """
    settings = opt.read_settings(config, scale=scale, method=method, upscaler=upscaler, seed=seed, device=device)
    options = {
        **settings.run.model_dump(),
        "config": settings,
        "share": share,
        "window": window,
        "window_axis": window_axis,
        "kernel": kernel,
        "axes": axes,
        "ranges": parse_ranges(only) if only else None,
        "level": level,
        "nodata": nodata,
        "image_format": image_format,
        "workers": parse_workers(workers) if workers else None,
        "scheduler": scheduler,
        "part": parse_part(part) if part else None,
        "threads": threads,
        "batch": batch_size,
        "resume": resume,
        "overwrite": overwrite,
    }
    results = []
    for source, out in zip(inputs, folders(inputs, output), strict=True):
        if len(inputs) > 1:
            say(f"{source}:")
        result = _process(source, out, options, dry_run)
        if result is None:
            continue
        results.append(result)
        if not as_json:
            _answer(result)
    if as_json:
        from ..files.atomic import to_json

        print(to_json({"stacks": [result.record | {"files": result.files and result.files.written} for result in results]}), end="")
    failed, planes = (sum(map(len, some)) for some in ([result.failed for result in results], [result.rows for result in results]))
    if failed:
        raise typer.Exit(int(Status.FAILED if failed == planes else Status.PARTLY))


def _process(source: str, out: Path, options: dict[str, Any], dry_run: bool) -> StackResult | None:
    """One stack: what it will take, then the run, then what came out."""
    from ..stacks.api import forecast_stack, process_stack

    for line in forecast_stack(source, out=out, **options).sentences():
        say(line)
    if dry_run:
        return None
    with Watch() as watch:
        result = process_stack(source, out=out, callback=watch, **options)
    for note in result.notes:
        say(note)
    for row in result.rows:
        where = ", ".join(f"{axis} = {at}" for axis, at in zip(result.stack_axes, row.place, strict=True)) or "The image"
        if row.again:
            say(f"{where}: done again, {row.again}.")
        if row.error:
            say(f"{where} failed: {row.error}")
    kept = sum(row.status == "kept" for row in result.rows)
    if kept:
        say(f"{kept} of {len(result.rows)} planes were done before.")
    if not result.complete and not result.stopped:
        say("Other parts of the run are not done yet: the one that ends last writes the files.")
    return result


def _answer(result: StackResult) -> None:
    """Kernels and files, for people."""
    for group, kernel in islice(zip(result.groups, result.kernels, strict=True), TOLD):
        print(f"{group.name}: {widths_in_words(kernel) if kernel else 'no kernel'}")
    if len(result.groups) > TOLD:
        print(f"and {len(result.groups) - TOLD} more, see the table")
    if result.files and result.complete:
        print(*(path for path in result.files.written if path.exists()), sep="\n")


def folders(inputs: Sequence[str], output: Path) -> list[Path]:
    """Where the results of each input go: of several, into a folder with its name.

    Raises
    ------
    InputError
        If two have the same name, or several should go into one image.
    """
    if len(inputs) == 1:
        return [output]
    if output.suffix.lower() in (".zarr", ".tif", ".tiff"):
        raise InputError(
            f"{len(inputs)} inputs do not go into one image, {output.name}: name a folder, or quote a pattern that is one stack."
        )
    names = [Path(each.rstrip("/")).name.split(".")[0].translate(str.maketrans("*?[]", "____")) for each in inputs]
    if len(set(names)) < len(names):
        raise InputError(f"Several inputs have the same name ({', '.join(sorted(names))}): process them one by one.")
    return [output / name for name in names]


def parse_ranges(text: str) -> dict[str, tuple[int, int]]:
    """``T=0:10,C=1`` as first and last (exclusive) position along axes."""
    found = {}
    for part in text.split(","):
        matched = re.fullmatch(r"\s*([A-Za-z])=(\d+)(?::(\d+))?\s*", part)
        if matched is None:
            raise InputError(f"--range {text!r} is not like T=0:10,C=1.")
        axis, first, last = matched.groups()
        found[axis.upper()] = int(first), int(last) if last else int(first) + 1
    return found


def parse_part(text: str) -> tuple[int, int]:
    """``2/8`` as a number and how many."""
    matched = re.fullmatch(r"(\d+)/(\d+)", text)
    if matched is None:
        raise InputError(f"--part {text!r} is not like 2/8, the second of eight parts.")
    return int(matched[1]), int(matched[2])


def parse_workers(text: str) -> int | str:
    """A number of processes, or "auto"."""
    if text == "auto":
        return text
    if not text.isdigit():
        raise InputError(f"--workers {text!r} is neither a number nor auto.")
    return int(text)
