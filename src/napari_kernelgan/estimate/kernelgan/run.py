"""A whole KernelGAN run over a batch of problems: train, report, stop on request, finish the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...config import KernelGANConfig
from ...kernels.algebra import Kernel
from ...progress import Progress, Steps
from ..result import History
from .crops import CropSize
from .postprocess import finish
from .training import TERMS, Problem, Trainer

KERNEL_EVERY = 50  # steps between two kernels of the history


class Outcome(NamedTuple):
    """What a batch of runs gave."""

    kernels: list[Kernel]
    weights: list[NDArray[np.float64]]
    """The generators' composed weights before post-processing, correlation orientation."""
    histories: list[History]
    size: CropSize
    stopped: bool


def iter_train(problems: Sequence[Problem], config: KernelGANConfig, scale: int, device: torch.device) -> Steps[Outcome]:
    """Train a batch of problems; yields the progress of the first one after every step."""
    trainer = Trainer(problems, config, scale, device)
    rows: list[Tensor] = []
    kernel_steps: list[int] = []
    kernels: list[Tensor] = []
    stopped = False
    for step in range(1, config.steps + 1):
        terms = trainer.step()
        rows.append(torch.stack([terms[name] for name in TERMS]))
        if step % KERNEL_EVERY == 0 or step == config.steps:
            kernel_steps.append(step)
            kernels.append(trainer.kernel)
        keep = yield _progress(step, config, scale, trainer.kernel[0], rows[-1])
        if keep is False:
            stopped = True
            break
    weights = trainer.kernel.double().cpu().numpy()
    return Outcome(
        [finish(each, config.postprocess, scale) for each in weights],
        list(weights),
        _histories(rows, kernel_steps, kernels, config, scale),
        trainer.size,
        stopped,
    )


def _progress(step: int, config: KernelGANConfig, scale: int, weights: Tensor, row: Tensor) -> Progress:
    def kernel() -> NDArray[np.float64]:
        return finish(weights.double().cpu().numpy(), config.postprocess, scale)

    def losses() -> dict[str, float]:
        return dict(zip(TERMS, row[:, 0].tolist(), strict=True))

    return Progress(step, config.steps, kernel=kernel, losses=losses, stage="KernelGAN")


def _histories(rows: list[Tensor], kernel_steps: list[int], kernels: list[Tensor], config: KernelGANConfig, scale: int) -> list[History]:
    losses = torch.stack(rows).double().cpu().numpy()  # (steps, terms, problems)
    found = [k.double().cpu().numpy() for k in kernels]
    return [
        History(
            losses={name: losses[:, i, problem] for i, name in enumerate(TERMS)},
            kernel_steps=np.array(kernel_steps, np.int64),
            kernels=np.array([finish(k[problem], config.postprocess, scale) for k in found]),
        )
        for problem in range(losses.shape[2])
    ]
