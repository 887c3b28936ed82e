"""A whole run on one image: estimate its kernel, upscale it, and write everything into a folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..config import Settings
from ..estimate.result import KernelEstimate
from ..files.atomic import write_json
from ..files.image_file import ImageFile
from ..files.kernels import kernel_record
from ..progress import Steps, heeding
from .figure import write_figure_of
from .steps import (
    check_outputs,
    check_upscale,
    iter_estimate_file,
    iter_upscale_source,
    run_record,
    upscale_record,
    write_upscaled,
)


class RunFiles(NamedTuple):
    """What a run leaves in its folder."""

    kernel: Path
    kernel_record: Path
    upscaled: Path
    report: Path
    figure: Path

    @classmethod
    def within(cls, folder: Path) -> RunFiles:
        """The files in a folder."""
        return cls(*(folder / name for name in ("kernel.tif", "kernel.json", "upscaled.tif", "report.json", "figure.png")))


@dataclass(frozen=True)
class RunResult:
    """What a run gave."""

    estimate: KernelEstimate
    upscaled: Any
    """NumPy array, or a Dask array where nothing had to be computed for it; None where the run was stopped before."""
    files: RunFiles
    """Their names; ``record["files"]`` has those that were written."""
    record: dict[str, Any]
    """What ``report.json`` holds."""

    @property
    def stopped(self) -> bool:
        """Whether the run was stopped on request before its end."""
        return self.upscaled is None or getattr(self.upscaled, "stopped", False)


def iter_run(source: ImageFile, folder: Path, settings: Settings, *, overwrite: bool = False) -> Steps[RunResult]:
    """Estimate, upscale, and write ``kernel.tif``, ``kernel.json``, ``upscaled.tif``, ``report.json`` and ``figure.png``.

    The kernel is written as soon as it is known: what fails or is interrupted later can be taken up again with it. A stop while it is
    estimated ends the run: the kernel so far is written, and a report that says so, but nothing is upscaled with it.

    Parameters
    ----------
    source : ImageFile
        Its pixel size goes on record with the kernel, and divided by the scale into the upscaled image.
    folder : Path
        Made where it is not there.
    settings : Settings
    overwrite : bool
        Whether files of an earlier run may be replaced; else they are refused before anything is computed.

    Raises
    ------
    InputError
        If something given cannot be used; the message says what to do.
    OutOfMemory
        If memory is exhausted.
    """
    files = RunFiles.within(folder)
    check_outputs([source.path], files, overwrite=overwrite)
    check_upscale(files.upscaled, source, settings)
    start = time.perf_counter()
    estimate, asked = yield from heeding(iter_estimate_file(source, files.kernel, settings, overwrite=overwrite))
    upscaled, training, written = None, None, files._asdict()
    if asked:
        written = {name: path for name, path in written.items() if name not in ("upscaled", "figure")}
    else:
        upscaled = yield from iter_upscale_source(source, estimate, settings)
        write_upscaled(files.upscaled, upscaled, source, settings.run.scale, overwrite=overwrite)
        training = upscale_record(upscaled, settings)
        write_figure_of(files.figure, source.data, upscaled, source.axes, estimate, source.path.name, training)
    record = run_record(source, kernel_record(estimate), training, written, start)
    write_json(files.report, record)
    return RunResult(estimate, upscaled, files, record)
