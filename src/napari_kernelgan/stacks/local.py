"""Worker processes on this machine, so many that cores are not oversubscribed, and one for each GPU."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from .engines import DEATHS


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    given = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each]
    return given or [str(number) for number in range(torch.cuda.device_count())]


def environments(workers: int | str, threads: int | None, devices: list[str]) -> list[dict[str, str]]:
    """The environment of each worker: how many threads libraries take, and which GPU it sees.

    Raises
    ------
    InputError
        If there are no such workers, or more than GPUs to give them.
    """
    count = (len(devices) or cores()) if workers == "auto" else workers
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"workers={workers!r} must be a number of processes, or 'auto'.")
    if devices and count > len(devices):
        raise InputError(f"{count} workers would share {len(devices)} GPUs: use at most one for each, or device='cpu'.")
    each = str(threads or max(1, cores() // count))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return [dict.fromkeys(names, each) | ({"CUDA_VISIBLE_DEVICES": devices[n]} if devices else {}) for n in range(count)]


@contextlib.contextmanager
def local_client(workers: int | str, threads: int | None = None, device: str = "auto") -> Iterator[Any]:
    """A client of a cluster on this machine, which ends with the context.

    Parameters
    ----------
    workers, threads
        As `engine_for` takes them.
    device : str
        "cpu" leaves GPUs alone.
    """
    import dask
    from distributed import Client, Nanny, Scheduler, SpecCluster

    where = environments(workers, threads, [] if device == "cpu" else gpus())
    options = {"nthreads": 1, "silence_logs": 50, "dashboard": False}
    specification = {n: {"cls": Nanny, "options": options | {"env": each}} for n, each in enumerate(where)}
    with dask.config.set({"distributed.scheduler.allowed-failures": DEATHS, "distributed.worker.multiprocessing-method": "spawn"}):
        scheduler = {"cls": Scheduler, "options": {"dashboard": False, "host": "127.0.0.1", "port": 0}}
        with SpecCluster(specification, scheduler=scheduler, silence_logs=50) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
