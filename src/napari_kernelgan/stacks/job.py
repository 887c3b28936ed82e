"""Everything that a task needs to know, small enough to be sent to where it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._version import __version__
from ..config import Settings
from ..images.layout import Index
from .journal import Journal, digest
from .source import Source
from .targets import Target


@dataclass(frozen=True, eq=False)
class Job:
    """A run over a stack.

    Attributes
    ----------
    source : Source
    target : Target
        Where upscaled pixels go.
    journal : Journal or None
        None where nothing is kept on disk.
    scale : int
    method, upscaler : str
        Names that `estimate_kernel` and `upscale` take.
    seed : int
    device : str
    settings : Settings
        Of all methods.
    given_range : tuple of float, optional
        The value range, where it was given.
    threads : int, optional
        CPU threads that a task computes on; None leaves them as they are.
    missing : float, optional
        What stands in the result where there is no value; None where there always is one.
    name : str
        Of this run, which no other has.
    part : int
        Of a run in parts, which.
    """

    source: Source
    target: Target
    journal: Journal | None
    scale: int
    method: str
    upscaler: str
    seed: int
    device: str
    settings: Settings
    given_range: tuple[float, float] | None = None
    threads: int | None = None
    missing: float | None = None
    name: str = ""
    part: int = 1

    def seed_of(self, *purpose: int) -> int:
        """The seed of a part of the run: it depends on the run's seed and on what it is for, not on order, place or batch."""
        return int(np.random.SeedSequence([self.seed, *purpose]).generate_state(1, np.uint64)[0] >> 1)

    def plane_seed(self, index: Index) -> int:
        """The seed of a plane: from its place in the whole stack, whatever part of it is worked on."""
        return self.seed_of(1, *self.source.place(index))

    def kernel_key(self, *also: Any) -> str:
        """Hash of all that a kernel depends on but the pixels."""
        return digest(__version__, self.scale, self.source.nodata, *also)

    def unit_key(self, *also: Any) -> str:
        """Hash of all that upscaled pixels depend on but the pixels."""
        used = self.settings.zssr if self.upscaler in ("auto", "zssr") else self.settings.inverse
        return digest(__version__, self.scale, self.upscaler, used.model_dump(mode="json"), self.source.nodata, str(self.missing), *also)
