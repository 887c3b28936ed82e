"""What an estimate is: the kernel, how it came about, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..kernels.algebra import Kernel
from ..kernels.measures import FWHM, fwhm


@dataclass(frozen=True)
class Reliability:
    """An honest word on an estimate."""

    level: Literal["reliable", "uncertain", "unreliable"]
    codes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """Per-step values of a run."""

    losses: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    """Loss terms by name, (steps,) each, unweighted."""
    kernel_steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """After how many steps each of `kernels` was taken."""
    kernels: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0, 0)))
    """Kernels on the way, (len(kernel_steps), n, n)."""
    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """After how many steps each value of `losses` was taken; empty where that is after every one, as in all but histories from files."""


@dataclass(frozen=True, repr=False, eq=False)
class KernelEstimate:
    """An estimated kernel with its provenance."""

    kernel: Kernel
    """(n, n), float64, convolution orientation, sum 1."""
    scale: int
    method: str
    seed: int = 0
    device: str = "cpu"
    seconds: float = 0.0
    reference: Literal["self-similar", "prior"] = "self-similar"
    """What "sharp" means in it: self-similar (KernelGAN's theory), or relative to a prior's pictures."""
    stopped: bool = False
    """Whether the run was stopped on request before its end."""
    stages: tuple[Kernel, ...] = ()
    """Kernels of the gradual way, for scale 4 (k2, k4); empty where there is one step only."""
    fwhm_interval: tuple[tuple[float, float], tuple[float, float]] | None = None
    """90 % error bars of the major and the minor width, HR pixels; None where the method gives none."""
    reliability: Reliability | None = None
    """None where the method gives none."""
    history: History = field(default_factory=History, repr=False)
    config: dict[str, Any] = field(default_factory=dict, repr=False)
    """The method's configuration as JSON has it."""
    details: dict[str, Any] = field(default_factory=dict, repr=False)
    """What else is on record: crop sizes, batch, weights, versions, input (shape, dtype, axes, value range, SHA-256)."""
    pixel_size: tuple[float, float] | None = None
    """Size (y, x) of the *input's* pixels, in `unit`."""
    unit: str | None = None

    def __repr__(self) -> str:
        widths = "FWHM {:.2f} x {:.2f} px at {:.0f} deg".format(*self.fwhm)
        ended = ", stopped early" if self.stopped else ""
        n = len(self.kernel)
        return f"KernelEstimate({self.method!r}, scale {self.scale}, {n} x {n}, {widths}, seed {self.seed}{ended})"

    @cached_property
    def fwhm(self) -> FWHM:
        """Full width at half maximum (major, minor, angle) of the interpolated samples, in HR pixels and degrees."""
        return fwhm(self.kernel)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The kernel, so that NumPy functions take an estimate."""
        return np.array(self.kernel, dtype=dtype)
