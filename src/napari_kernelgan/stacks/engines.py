"""Where tasks run: in this process, in workers on this machine, or on a Dask cluster. All run the same tasks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, TypeVar

from ..errors import InputError
from .job import Job

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4
"""Tasks handed out for each worker thread: enough to keep all busy, few enough to be forgotten quickly."""
DEATHS = 20
"""A task may see so many workers die: more than a task that kills its own (see journal.MOST_TRIES), since others die beside it."""


class WorkerDied(Exception):
    """A task's workers ended again and again."""


class Engine(Protocol):
    """Runs tasks of a job, in any order."""

    @property
    def name(self) -> str:
        """Where tasks run, in words."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""

    def map(self, function: Callable[[Job, T], R], job: Job, tasks: Iterable[T]) -> Iterator[tuple[T, R | WorkerDied]]:
        """Run a function on every task, yielding each with its result as it ends; an error of the function ends all."""


class InProcess:
    """One task after another, here."""

    name, workers = "in this process", 1

    def map(self, function: Callable[[Job, T], R], job: Job, tasks: Iterable[T]) -> Iterator[tuple[T, R | WorkerDied]]:
        """Run a function on every task."""
        for task in tasks:
            yield task, function(job, task)


class Cluster:
    """The workers of a Dask scheduler.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = f"on {client.scheduler.address}"

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return max(1, int(sum(self.client.nthreads().values())))

    def map(self, function: Callable[[Job, T], R], job: Job, tasks: Iterable[T]) -> Iterator[tuple[T, R | WorkerDied]]:
        """Run a function on every task; few are handed out at a time, and none is left behind when nobody wants more."""
        from distributed import KilledWorker, as_completed

        waiting = iter(tasks)
        running: dict[Any, T] = {}

        def submit(count: int) -> list[Any]:
            futures = []
            for task in islice(waiting, count):
                futures.append(self.client.submit(function, job, task, pure=False))
                running[futures[-1]] = task
            return futures

        try:
            completed = as_completed(submit(AHEAD * self.workers), loop=self.client.loop)
            for future in completed:
                try:
                    result: R | WorkerDied = future.result()
                except KilledWorker as error:
                    result = WorkerDied(str(error))
                task = running.pop(future)
                yield task, result
                for another in submit(1):
                    completed.add(another)
        finally:
            if running:
                self.client.cancel(list(running), force=True)


@contextlib.contextmanager
def engine_for(
    workers: int | str | None = None, scheduler: Any = None, threads: int | None = None, device: str = "auto"
) -> Iterator[Engine]:
    """The engine that is asked for, as long as it is needed.

    Parameters
    ----------
    workers : int or "auto", optional
        Processes on this machine, each on `threads` CPU threads; where there are GPUs, each has one of them, and "auto" is one for each
        GPU, else one for each CPU core. None or 0: this process.
    scheduler : str or distributed.Client, optional
        A scheduler's address, such as "tcp://10.0.0.1:8786", or a client of one.
    threads : int, optional
    device : str
        "cpu" gives workers no GPU.

    Raises
    ------
    InputError
        If Dask's cluster package is missing, the scheduler does not answer, or both are asked for.
    """
    if scheduler is not None and workers:
        raise InputError("Give workers (on this machine) or a scheduler, not both.")
    if scheduler is None and not workers:
        yield InProcess()
        return
    try:
        import distributed
    except ImportError as error:
        raise InputError('Workers need the extra "cluster": pip install "napari-kernelgan[cluster]".') from error
    if workers:
        from .local import local_client

        with local_client(workers, threads, device) as client:
            yield Cluster(client)
    elif isinstance(scheduler, str):
        try:
            client = distributed.Client(scheduler, timeout="15s", set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"The scheduler {scheduler} does not answer: {error}. Is its address right, and is it running?") from error
        with client:
            yield Cluster(client)
    else:
        yield Cluster(scheduler)


def count_workers(workers: int | str | None = None, scheduler: Any = None, device: str = "auto") -> int:
    """How many tasks would run at once; of a scheduler that is not asked, one."""
    if scheduler is not None or not workers:
        return 1 if scheduler is None or isinstance(scheduler, str) else Cluster(scheduler).workers
    from .local import environments, gpus

    return len(environments(workers, None, [] if device == "cpu" else gpus()))
