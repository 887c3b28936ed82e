"""Which device to compute on, and how reproducible random numbers are drawn for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    import torch


def resolve_device(device: str = "auto") -> torch.device:
    """The torch device of a name; "auto" means CUDA where there is one, else MPS, else the CPU.

    Raises
    ------
    InputError
        If the name is unknown or the device is not there.
    """
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"device={device!r} is unknown: use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'.") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (resolved.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(resolved.type, False):
        raise InputError(f"device={device!r} is not available on this machine: use 'auto' or 'cpu'.")
    return resolved


def check_device(device: str) -> None:
    """Raise `InputError` where `resolve_device` does, without loading PyTorch for what is always there."""
    if device not in ("auto", "cpu"):
        resolve_device(device)


@contextlib.contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Compute on one CPU thread: work made of many small operations gains nothing from more, and loses much on a busy machine.

    The setting is the whole process's: hold it for one step, never across a `yield`.
    """
    import torch

    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def random_stream(seed: int, *purpose: int) -> torch.Generator:
    """A generator of random numbers of its own for a seed and a purpose.

    Always on the CPU, so that every device and every batch size sees the same numbers.
    """
    import numpy as np
    import torch

    state = np.random.SeedSequence([seed, *purpose]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


def check_seed(seed: object) -> int:
    """Accept integers from 0 to 2**63 - 1."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise InputError(f"seed is an integer, not {seed!r}.")
    value = int(seed.__index__())
    if not 0 <= value < 2**63:
        raise InputError(f"seed must be between 0 and 2**63 - 1, not {value}.")
    return value
