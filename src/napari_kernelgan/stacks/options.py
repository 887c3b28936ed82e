"""How a run over a stack is to be done, checked before anything is read or written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Settings
from ..devices import check_device, check_seed
from ..errors import InputError
from ..estimate.api import check_method
from ..estimate.result import KernelEstimate
from ..files.kernels import load_kernel
from ..upscaling.api import METHODS as UPSCALERS
from ..upscaling.api import kernel_stages

NONE = "none"
"""The upscaler of runs that only estimate kernels."""


@dataclass(frozen=True, eq=False)
class StackOptions:
    """How a run over a stack is to be done.

    Attributes
    ----------
    scale, method, upscaler, seed, device, config
        As `estimate_kernel` and `upscale` take them; the upscaler may be "none".
    share : {"stack", "channel", "plane", "window"}
    window, window_axis
        See `Sharing`.
    kernel : KernelEstimate, array, pair, path or None
        The kernel of all planes, where none is to be estimated.
    batch : int, optional
        How many kernels are estimated together; None takes what fits into memory.
    threads : int, optional
        CPU threads of a task.
    part : (int, int), optional
        (number from 1, parts): work on this part of the planes only.
    """

    scale: int = 2
    method: str = "auto"
    upscaler: str = "auto"
    share: str = "stack"
    window: int = 5
    window_axis: str | None = None
    kernel: Any = None
    seed: int = 0
    device: str = "auto"
    config: Settings = Settings()
    value_range: tuple[float, float] | None = None
    batch: int | None = None
    threads: int | None = None
    part: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise `InputError` where something cannot be."""
        check_seed(self.seed)
        check_device(self.device)
        if self.upscaler not in (*UPSCALERS, NONE):
            raise InputError(f"upscaler={self.upscaler!r} is unknown: use one of {', '.join((*UPSCALERS, NONE))}.")
        if self.kernel is None:
            check_method(self.method, self.scale)
        elif self.upscaler == NONE:
            raise InputError("With a kernel given and upscaler='none' there is nothing to do.")
        else:
            self.given()
        if self.upscaler in ("auto", "zssr") and self.config.zssr.train != "plane" and self.config.zssr.start != "inverse":
            raise InputError(
                f"zssr.train={self.config.zssr.train!r} is for start='inverse': with 'bicubic' each plane has its own network."
            )
        for name, value in (("batch", self.batch), ("threads", self.threads)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InputError(f"{name}={value!r} must be a whole number from 1.")
        if self.part is not None:
            number, parts = self.part
            if not 1 <= number <= parts:
                raise InputError(f"part={self.part!r} must be (number, parts) with the number from 1 to parts.")

    def given(self) -> KernelEstimate | None:
        """The given kernel as an estimate, checked; None where none is given."""
        if self.kernel is None:
            return None
        kernel = load_kernel(self.kernel, self.scale) if isinstance(self.kernel, (str, Path)) else self.kernel
        stages = kernel_stages(kernel, self.scale)
        if isinstance(kernel, KernelEstimate):
            return kernel
        return KernelEstimate(stages[-1][1], self.scale, "given", stages=tuple(k for _, k in stages) if len(stages) > 1 else ())
