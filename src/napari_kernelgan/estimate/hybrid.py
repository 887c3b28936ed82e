"""KernelGAN that begins at the spectral estimate and is tied to it, as tightly as the spectrum's posterior is narrow.

The hand-set terms R(k) of the paper are replaced by one: with d what the generator's kernel has moved from the spectral estimate and C the
covariance of the kernels that the spectrum leaves possible, ``d^T (C + e^2)^-1 d / 2``, e^2 being the variance of what no candidate
explains. Directions that the spectrum knows well are nearly fixed, and the discriminator decides the others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..config import HybridConfig, KernelGANConfig, SpectralConfig
from ..kernels.algebra import Kernel, centre, normalise
from ..kernels.models import gaussian
from ..progress import Steps
from ..provenance import versions
from .inputs import Input
from .kernelgan.postprocess import finish
from .kernelgan.run import STRIDE, iter_train
from .kernelgan.training import Inputs, Problem, Trainer
from .result import KernelEstimate
from .spectral.run import Outcome, estimate

FIT_STEPS, FIT_RATE = 400, 2e-3
"""Of the warm-up, in which the generator becomes the spectral kernel; the rate falls to zero."""


def iter_hybrid(pairs: Sequence[tuple[Input, int]], scale: int, config: HybridConfig, device: torch.device) -> Steps[list[KernelEstimate]]:
    """Estimate the kernel of each input with its seed, one after another; scale 4 through scale 2.

    Not in one batch: Adam makes steps of one size even of gradients that are nothing but rounding, which a batch rounds otherwise.
    """
    start = time.perf_counter()
    begun = [
        estimate(source.planes, scale, SpectralConfig(prior=config.prior), source.step, seed, pictures=source.pictures)
        for source, seed in pairs
    ]
    problems = [Problem(source.planes, seed) for source, seed in pairs]
    training = KernelGANConfig().model_copy(update={"steps": config.steps})

    def prepare(members: Sequence[int]) -> Trainer:
        return TiedTrainer([problems[i] for i in members], [begun[i] for i in members], config, training, scale, device)

    outcomes = yield from iter_train(problems, training, prepare, "hybrid", together=False)
    seconds = time.perf_counter() - start
    results = []
    for (source, seed), spectral, outcome in zip(pairs, begun, outcomes, strict=True):
        results.append(
            KernelEstimate(
                kernel=outcome.kernel,
                scale=scale,
                method="hybrid",
                seed=seed,
                device=str(device),
                seconds=seconds,
                reference="prior",
                stopped=outcome.stopped,
                stages=(finish(outcome.weights, training), outcome.kernel) if scale > STRIDE else (),
                fwhm_interval=spectral.fwhm_interval,
                reliability=spectral.reliability,
                history=outcome.history,
                config=config.model_dump(mode="json"),
                details={
                    "input": source.record,
                    "spectrum": spectral.details,
                    "crops": outcome.size._asdict(),
                    "weights": outcome.weights.tolist(),
                    "versions": versions(),
                },
            )
        )
    return results


class TiedTrainer(Trainer):
    """KernelGAN's training, of generators that begin at spectral estimates and are tied to them.

    Parameters
    ----------
    problems, begun
        One spectral estimate for each problem, at `scale`.
    config : HybridConfig
    training : KernelGANConfig
        Networks and crops.
    scale : int
        2, or 4, where the generator's kernel is applied twice.
    device : torch.device
    """

    terms = ("generator", "discriminator", "tie")

    def __init__(
        self,
        problems: Sequence[Problem],
        begun: Sequence[Outcome],
        config: HybridConfig,
        training: KernelGANConfig,
        scale: int,
        device: torch.device,
    ) -> None:
        super().__init__(problems, training, STRIDE, device)
        self.asked, self.whole = config, scale
        self.begun = [found.kernel for found in begun]
        self.target = self._tensor([_turned(kernel) for kernel in self.begun])
        self.precision = self._tensor([precision(found, config.least_error) for found in begun])

    def _tensor(self, values: Sequence[NDArray[np.float64]]) -> Tensor:
        return torch.as_tensor(np.stack(values)).to(self.device, self.dtype)

    def warm_up(self) -> None:
        """Train the generators, without their discriminators, until their kernels are the spectral ones."""
        fit = torch.optim.Adam(self.weights, lr=FIT_RATE)
        fade = torch.optim.lr_scheduler.CosineAnnealingLR(fit, FIT_STEPS)
        side, twice = self.regularisation.side, self.whole > STRIDE
        once = self._tensor([_turned(half(kernel))[:side, :side] for kernel in self.begun]) if twice else self.target
        for step in range(FIT_STEPS):
            # applied twice, a kernel near zero has no gradient: a Gaussian gets it out of there
            reached, wanted = (self._kernel(), once) if twice and step < FIT_STEPS // 2 else (self._reached(), self.target)
            fit.zero_grad()
            torch.autograd.backward(((reached - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))).sum())
            fit.step()
            fade.step()
            self.current = None
        self.kernel = self._kernel().detach()
        self.origin = self._reached().detach()
        for group in self.optimisers[0].param_groups:
            group["lr"] = self.asked.learning_rate

    def _reached(self) -> Tensor:
        """The generators' kernels at the scale of the estimate, in the frame of the spectral ones turned by half a turn."""
        return applied(self._kernel(), self.whole, self.target.shape[-1])

    def _asked(self, kernel: Tensor, fake: Tensor, inputs: Inputs) -> tuple[Tensor, dict[str, Tensor]]:
        moved = (self._reached() - self.origin).flatten(1)
        tie = (self.precision @ moved[:, :, None]).square().sum((1, 2)) / 2
        return self.asked.tie * tie, {"tie": tie}

    def _update(self, which: int, losses: Tensor) -> None:
        if which == 1 or self.done >= self.asked.lead:
            super()._update(which, losses)

    def finished(self, weights: NDArray[np.float64], problem: int) -> Kernel:
        """The spectral kernel, moved as the generator's has moved."""
        reached = applied(torch.as_tensor(weights)[None], self.whole, self.target.shape[-1])[0]
        moved = _turned((reached - self.origin[problem].cpu().double()).numpy())
        return centre(normalise(np.maximum(self.begun[problem] + moved, 0)))


def _turned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values[::-1, ::-1])


def half(kernel: Kernel) -> Kernel:
    """The Gaussian that, applied twice, is about as wide as a kernel of scale 4."""
    at = np.arange(len(kernel)) - (len(kernel) - 1) / 2
    covariance = np.array([[at**2 @ kernel.sum(1), at @ kernel @ at], [at @ kernel @ at, at**2 @ kernel.sum(0)]])
    return gaussian(covariance / (1 + STRIDE**2), len(kernel) // 2)


def applied(weights: Tensor, scale: int, size: int) -> Tensor:
    """Kernels of generators' weights (problems, side, side), applied twice at scale 4, in the middle of (problems, size, size).

    They stay in correlation orientation; rows and columns of zeros at the end bring their true centre to the middle.
    """
    if scale > STRIDE:
        batch = weights[None]
        weights = functional.conv_transpose2d(batch, weights[:, None], stride=STRIDE, groups=len(weights))[0]
    weights = functional.pad(weights, (0, scale - 1, 0, scale - 1))
    cut = (size - weights.shape[-1]) // 2
    return functional.pad(weights, (cut, cut, cut, cut))


def precision(found: Outcome, least_error: float) -> NDArray[np.float64]:
    """Square root of the inverse covariance of the kernels that a spectrum leaves possible, pixels in correlation orientation.

    Parameters
    ----------
    found : Outcome
    least_error : float
        Standard deviation of every pixel that no candidate explains, in parts of the kernel's largest value.
    """
    shapes = found.shapes[:, ::-1, ::-1].reshape(len(found.shapes), -1)
    off = np.sqrt(found.chances)[:, None] * (shapes - found.chances @ shapes)
    values, modes = np.linalg.eigh(off.T @ off)
    scale = np.sqrt(np.maximum(values, 0) + (least_error * found.kernel.max()) ** 2)
    return np.asarray((modes / scale).T)
