"""What a benchmark compares: a way to get a kernel, and a way to upscale with it, named ``KERNEL+UPSCALER``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..config import KernelGANConfig, Settings
from ..errors import InputError
from ..estimate.api import METHODS as ESTIMATORS
from ..estimate.api import check_method, estimate_kernels
from ..estimate.result import KernelEstimate
from ..kernels.algebra import compose
from ..kernels.models import bicubic
from ..progress import Callback
from ..upscaling.api import METHODS as UPSCALERS
from ..upscaling.api import upscale
from .cases import Case

KERNELS = (*ESTIMATORS, "kernelgan-published", "bicubic-kernel", "true")
"""Ways to get a kernel. "kernelgan-published" is "kernelgan" with the published post-processing, from the same training."""

DEFAULT = ("bicubic", "bicubic-kernel+zssr", "recurrence+zssr", "kernelgan+zssr", "auto+auto", "true+zssr")
"""The rows of KernelGAN's table, each method as it is here by default, and the best there is here."""


@dataclass(frozen=True)
class Method:
    """One row of the comparison."""

    name: str
    kernel: str | None
    """How to get the kernel; None for plain interpolation."""
    upscaler: str | None
    """How to upscale; None to score the kernel alone."""

    @classmethod
    def parse(cls, name: str) -> Method:
        """Understand "bicubic", "KERNEL" or "KERNEL+UPSCALER"; raise `InputError` for anything else."""
        if name == "bicubic":
            return cls(name, None, "bicubic")
        kernel, _, upscaler = name.partition("+")
        if kernel not in KERNELS or upscaler not in ("", *UPSCALERS):
            raise InputError(
                f"Method {name!r} is unknown: use 'bicubic', a kernel ({', '.join(KERNELS)}), or KERNEL+UPSCALER with an upscaler "
                f"of {', '.join(UPSCALERS)}; for example 'kernelgan+zssr'."
            )
        return cls(name, kernel, upscaler or None)

    def check(self, scale: int) -> None:
        """Raise `InputError` where the kernel cannot be had for a scale."""
        estimator = "kernelgan" if self.kernel == "kernelgan-published" else self.kernel
        if estimator in ESTIMATORS:
            check_method(estimator, scale)


@dataclass(frozen=True)
class Run:
    """What one method gave for one picture and one seed."""

    seed: int
    estimate: KernelEstimate | None
    image: np.ndarray[Any, Any] | None
    seconds: float


class Runner:
    """Runs methods on one picture; estimates of all seeds are made as one batch, and once for all methods that share them."""

    def __init__(self, case: Case, scale: int, seeds: Sequence[int], device: str, settings: Settings, callback: Callback) -> None:
        self.case, self.scale, self.seeds, self.device, self.settings, self.callback = case, scale, seeds, device, settings, callback
        self._estimates: dict[str, list[KernelEstimate]] = {}

    def run(self, method: Method) -> list[Run]:
        """One run for each seed."""
        estimates = self.estimates(method.kernel) if method.kernel else [None] * len(self.seeds)
        runs = []
        for seed, estimate in zip(self.seeds, estimates, strict=True):
            # a batch's time is shared by its problems
            seconds = estimate.seconds / estimate.details.get("batch", 1) if estimate else 0.0
            image = None
            if method.upscaler:
                image = upscale(
                    self.case.low,
                    estimate,
                    self.scale,
                    method.upscaler,
                    seed=seed,
                    device=self.device,
                    config=self.settings,
                    callback=self.callback,
                )
                seconds += image.info.seconds
            runs.append(Run(seed, estimate, image, seconds))
        return runs

    def estimates(self, kernel: str) -> list[KernelEstimate]:
        """The kernels of a way to get one, for each seed."""
        if kernel not in self._estimates:
            self._estimates[kernel] = self._estimate(kernel)
        return self._estimates[kernel]

    def _estimate(self, kernel: str) -> list[KernelEstimate]:
        if kernel == "true":
            return [KernelEstimate(self.case.kernel, self.scale, "true", stages=self.case.stages) for _ in self.seeds]
        if kernel == "bicubic-kernel":
            return [KernelEstimate(bicubic(self.scale), self.scale, "bicubic-kernel") for _ in self.seeds]
        if kernel == "kernelgan-published":
            return [_published(estimate) for estimate in self.estimates("kernelgan")]
        return estimate_kernels(
            [self.case.low], self.scale, kernel, seeds=self.seeds, device=self.device, config=self.settings, callback=self.callback
        )


def _published(estimate: KernelEstimate) -> KernelEstimate:
    """The same training with the published post-processing."""
    from ..estimate.kernelgan.postprocess import finish

    kernel = finish(estimate.details["weights"], KernelGANConfig.published())
    stages = (kernel, compose(kernel)) if estimate.stages else ()
    return replace(estimate, kernel=stages[-1] if stages else kernel, stages=stages, method="kernelgan-published")
