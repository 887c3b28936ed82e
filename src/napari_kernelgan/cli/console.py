"""How commands speak: progress and words for people to stderr, results to stdout, and an exit status that tells how it went."""

from __future__ import annotations

import functools
import sys
import time
import traceback
from collections.abc import Callable
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from ..errors import DeviceError, InputError, OutOfMemory

if TYPE_CHECKING:
    from rich.table import Table

    from ..progress import Progress

P = ParamSpec("P")
QUIET = 15.0  # seconds between two lines where there is no terminal


class Status(IntEnum):
    """Exit statuses."""

    DONE = 0
    FAILED = 1
    MISUSE = 2
    PARTLY = 3
    INTERRUPTED = 130


def say(text: str) -> None:
    """Tell the user something."""
    print(text, file=sys.stderr, flush=True)


def show(table: Table) -> None:
    """Print a table of results."""
    from rich.console import Console

    Console().print(table)


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Make a function a command that ends with a message and an exit status, whatever happens in it."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except InputError as error:
            _end(str(error), Status.MISUSE)
        except KeyboardInterrupt:
            _end("Interrupted. Files that are there are complete.", Status.INTERRUPTED)
        except (OutOfMemory, DeviceError, OSError) as error:
            _end(str(error), Status.FAILED)
        except typer.Exit:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: a defect, which a report of needs the traceback
            traceback.print_exc()
            _end(f"{type(error).__name__}: {error}", Status.FAILED)

    return run


def _end(message: str, status: Status) -> None:
    say(f"napari-kernelgan: {message}")
    raise typer.Exit(int(status))


class Watch:
    """Shows how a run goes: a bar with the time left in a terminal, now and then a line elsewhere. A run's callback."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        columns = [
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
        ]
        self._bars = Bars(*columns, console=console, refresh_per_second=4) if console.is_terminal else None
        self._stage: str | None = None
        self._task: Any = None
        self._began = self._told = 0.0

    def __enter__(self) -> Watch:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._finish_stage()
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Take note of a step."""
        self.show(progress.stage, progress.step, progress.total)

    def part(self, name: str, progress: Progress | None) -> None:
        """Take note of a step of one part of many; None: the part begins."""
        if progress is not None:
            self.show(f"{name}: {progress.stage}", progress.step, progress.total)

    def show(self, stage: str, step: int, total: int) -> None:
        """Take note of a step of something named."""
        now = time.monotonic()
        if stage != self._stage:
            self._finish_stage()
            self._stage, self._began, self._told = stage, now, now
            if self._bars:
                self._task = self._bars.add_task(stage, total=total)
            else:
                say(f"{stage} ...")
        if self._bars:
            self._bars.update(self._task, completed=step, total=total)
        elif now - self._told >= QUIET:
            self._told = now
            minutes, seconds = divmod(round((now - self._began) / max(step, 1) * (total - step)), 60)
            say(f"{stage}: {step} of {total}, {minutes} min {seconds} s left")

    def _finish_stage(self) -> None:
        """Runs may end before their last step by their own rule."""
        if self._bars and self._task is not None:
            done = self._bars.tasks[self._bars.task_ids.index(self._task)].completed
            self._bars.update(self._task, total=max(done, 1))
