"""How many CPU threads a task computes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..errors import device_errors


@contextlib.contextmanager
def computing(threads: int | None) -> Iterator[None]:
    """Compute on so many threads (None: as many as libraries take), and report exhausted memory as what it is."""
    if threads is None:
        with device_errors():
            yield
        return
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads), device_errors():
            yield
    finally:
        torch.set_num_threads(before)
