"""What a run is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InputError
from ...kernels.algebra import Kernel

LEAST = 16
"""px that must remain of the smallest father's side."""


class Stage(NamedTuple):
    """One step of the gradual way: from the image straight to `scale`, with `kernel`."""

    scale: int
    kernel: Kernel


def check_size(size: Sequence[int], scale: int) -> None:
    """Raise `InputError` for planes (Y, X) that are too small to learn from."""
    if min(size) < LEAST * scale:
        raise InputError(
            f"A plane of {size[0]} x {size[1]} px is too small for ZSSR at scale {scale}, which learns from "
            f"the image at that fraction of its size: it needs {LEAST * scale} px on either side. Use method='inverse'."
        )
