"""A run in a thread: how it reports to the window, is stopped with what it has, or dropped, and how its errors get out."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from napari.qt.threading import GeneratorWorker, create_worker
from numpy.typing import NDArray

from ..errors import device_errors
from ..progress import Progress, Steps

T = TypeVar("T")

REPORT_EVERY = 0.5
"""Seconds between two reports: reading the kernel and redrawing cost more than a step."""


class Failure(NamedTuple):
    """What a run comes to that breaks off.

    It is a result, and no error of the worker: napari's generator workers swallow ``RuntimeError``, and under PySide6 they fail to pass on
    any other.
    """

    error: Exception


@dataclass(frozen=True)
class Report:
    """Where a run stands, as plain values that may cross threads.

    Attributes
    ----------
    step, total : int
    stage : str
    kernel : ndarray or None
        As it is at this step.
    seconds : float
        Since the first step was done.
    losses : dict
        Loss terms at this step by name.
    rows : tuple of PlaneRow
        Of planes of a stack that have ended since the last report.
    """

    step: int
    total: int
    stage: str
    kernel: NDArray[np.float64] | None
    seconds: float
    losses: dict[str, float]
    rows: tuple[Any, ...] = ()

    @property
    def seconds_left(self) -> float | None:
        """The time that the remaining steps will take at the pace so far; None before there is a pace."""
        return self.seconds / (self.step - 1) * (self.total - self.step) if self.step > 1 else None


class RunWorker(GeneratorWorker):
    """A napari worker that can be stopped early with the best result so far.

    `stop` ends the run after the step it is in, and its result is returned. `quit`, which napari calls when the window or the application
    closes, does the same, and the result is dropped. In all cases the generator is closed, which frees what it holds on the device.
    """

    def __init__(self, func: Any, steps: Steps[Any]) -> None:
        stopping = threading.Event()
        super().__init__(func, steps, stopping)
        self._stopping = stopping

    def stop(self) -> None:
        """Ask the run to end after the step it is in."""
        self._stopping.set()

    def quit(self) -> None:
        """Ask the run to end after the step it is in, and drop its result."""
        self.stop()
        super().quit()

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end."""
        return self._stopping.is_set()

    def work(self) -> Any:
        """Run; called by Qt in the thread."""
        try:
            return super().work()
        finally:
            self._gen.close()


def make_worker(steps: Steps[Any], description: str) -> RunWorker:
    """A worker for a run, with a bar in napari's activity dock; not started yet."""
    return create_worker(_drive, steps, _worker_class=RunWorker, _progress={"desc": description})


def show_in_activity(worker: RunWorker, report: Report) -> None:
    """Move the worker's bar in the activity dock, which works out the time left itself."""
    bar = worker.pbar
    if bar.total != report.total:
        bar.total = report.total
    bar.update(report.step - bar.n)


def _drive(steps: Steps[T], stopping: threading.Event) -> Generator[Report, None, T | Failure]:
    """Drive a run step by step, reporting its first step and then now and again."""
    try:
        with device_errors():
            progress = next(steps)
            start = reported = time.monotonic()
            yield _report(progress, 0.0, _row(progress))
            rows: tuple[Any, ...] = ()
            while True:
                progress = steps.send(False if stopping.is_set() else None)
                rows += _row(progress)
                now = time.monotonic()
                if now - reported >= REPORT_EVERY:
                    reported = now
                    yield _report(progress, now - start, rows)
                    rows = ()
    except StopIteration as end:
        return end.value
    except Exception as error:  # noqa: BLE001 - whoever takes the result tells it
        return Failure(error)
    finally:
        steps.close()


def _report(progress: Progress, seconds: float, rows: tuple[Any, ...]) -> Report:
    return Report(progress.step, progress.total, progress.stage, progress.kernel, seconds, progress.losses, rows)


def _row(progress: Progress) -> tuple[Any, ...]:
    """The row of the plane that has just ended, where the run is one over a stack."""
    row = getattr(progress, "row", None)
    return () if row is None else (row,)
