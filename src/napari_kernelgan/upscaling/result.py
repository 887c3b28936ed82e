"""What an upscale is: an array that remembers how it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class UpscaleInfo:
    """How an upscaled image came about."""

    method: str
    scale: int
    seed: int = 0
    device: str = "cpu"
    seconds: float = 0.0
    stopped: bool = False
    """Whether the run was stopped on request before its end.

    Planes that were not reached are then interpolated bicubically, or, where that is the method, have every pixel repeated.
    """
    config: dict[str, Any] = field(default_factory=dict)
    """The method's configuration as JSON has it."""
    details: dict[str, Any] = field(default_factory=dict)
    """What else is on record: the input (shape, dtype, axes, value range and, where all was read, SHA-256), training, versions, threads."""


class Outcome(NamedTuple):
    """What a method makes of one plane."""

    channels: NDArray[np.float32]
    """(C, Y, X) on 0..1."""
    record: dict[str, Any]
    """How it came about, ready for JSON."""
    asked: bool
    """Whether a stop was asked for."""
    stopped: bool
    """Whether it left anything out; one that is asked for at the very end does not."""


class UpscaledImage(np.ndarray[Any, Any]):
    """An ordinary array with `info` on how it was made; slices and copies keep it."""

    info: UpscaleInfo | None

    @classmethod
    def of(cls, image: NDArray[Any], info: UpscaleInfo) -> UpscaledImage:
        """Attach `info` to an array, without copying it."""
        marked = image.view(cls)
        marked.info = info
        return marked

    def __array_finalize__(self, source: Any) -> None:
        self.info = getattr(source, "info", None)

    @property
    def stopped(self) -> bool:
        """Whether the run was stopped on request before its end."""
        return self.info is not None and self.info.stopped
