"""What a run is asked for."""

from __future__ import annotations

from typing import NamedTuple

from ...kernels.algebra import Kernel


class Stage(NamedTuple):
    """One step of the gradual way: from the image straight to `scale`, with `kernel`."""

    scale: int
    kernel: Kernel
