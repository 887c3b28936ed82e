"""A whole KernelGAN run over a batch of problems: train, report, stop on request, finish the kernels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...config import KernelGANConfig
from ...devices import one_thread
from ...kernels.algebra import Kernel, compose
from ...progress import Progress, Steps, relay, stops
from ...provenance import versions
from ..inputs import Input
from ..result import History, KernelEstimate, Reliability
from .crops import CropSize
from .training import Problem, Trainer, crop_shape

STRIDE = 2
"""Of the generator."""
KERNEL_EVERY = 50  # steps between two kernels of the history


COLLAPSED = Reliability(
    "unreliable",
    ("collapsed",),
    ("Training has not produced a kernel: its values do not sum to anything near 1. Let it run longer, or try another seed.",),
)


def has_collapsed(weights: NDArray[np.float64]) -> bool:
    """Whether composed weights are no kernel at all: a run that was stopped too early, or never left its start near zero."""
    return bool(abs(1 - weights.sum()) > 0.5)


def iter_kernelgan(
    pairs: Sequence[tuple[Input, int]], scale: int, config: KernelGANConfig, device: torch.device
) -> Steps[list[KernelEstimate]]:
    """Estimate the kernel of each input with its seed, all in one batch; scale 4 through scale 2."""
    start = time.perf_counter()
    problems = [Problem(source.planes, seed) for source, seed in pairs]
    steps = iter_train(problems, config, lambda members: Trainer([problems[i] for i in members], config, STRIDE, device))
    outcomes = yield from (relay(steps, lambda progress: progress.with_kernel(compose)) if scale == 4 else steps)
    seconds = time.perf_counter() - start
    results = []
    for (source, seed), outcome in zip(pairs, outcomes, strict=True):
        stages = (outcome.kernel, compose(outcome.kernel)) if scale == 4 else ()
        details = {
            "input": source.record,
            "crops": outcome.size._asdict(),
            "batch": len(pairs),
            "weights": outcome.weights.tolist(),
            "versions": versions(),
        }
        results.append(
            KernelEstimate(
                kernel=stages[-1] if stages else outcome.kernel,
                scale=scale,
                method="kernelgan",
                seed=seed,
                device=str(device),
                seconds=seconds,
                stopped=outcome.stopped,
                stages=stages,
                reliability=COLLAPSED if has_collapsed(outcome.weights) else None,
                history=outcome.history,
                config=config.model_dump(mode="json"),
                details=details,
            )
        )
    return results


class Outcome(NamedTuple):
    """What one problem's run gave."""

    kernel: Kernel
    weights: NDArray[np.float64]
    """The generator's composed weights before post-processing, correlation orientation."""
    history: History
    size: CropSize
    stopped: bool


def iter_train(
    problems: Sequence[Problem],
    config: KernelGANConfig,
    prepare: Callable[[Sequence[int]], Trainer],
    stage: str = "KernelGAN",
    together: bool = True,
) -> Steps[list[Outcome]]:
    """Train problems; yields the progress of the first one of each batch after every step.

    Problems whose crops have the same size and channels are one batch, whose trainer is made by `prepare` from their numbers; batches
    follow each other. So no problem's result depends on which others it is given with, but for the rounding of a batch's sums; where that
    matters, each is a batch of its own (`together` is False).
    """
    groups: dict[tuple[int, CropSize] | int, list[int]] = {}
    for i, problem in enumerate(problems):
        groups.setdefault(crop_shape(problem, config, STRIDE) if together else i, []).append(i)
    outcomes: dict[int, Outcome] = {}
    stopped = False
    for number, members in enumerate(groups.values()):
        trainer = prepare(members)
        with one_thread(trainer.device):
            trainer.warm_up()
        # after a stop, what has not begun stays as its warm-up left it
        found = yield from _train(trainer, 0 if stopped else config.steps, number, len(groups), stage)
        outcomes.update(zip(members, found, strict=True))
        stopped = found[0].stopped
    return [outcomes[i] for i in range(len(problems))]


def _train(trainer: Trainer, steps: int, number: int, batches: int, stage: str) -> Steps[list[Outcome]]:
    """Train one batch to its end or until a stop is asked for."""
    config = trainer.config
    rows: list[Tensor] = []
    kernels: dict[int, Tensor] = {}
    stopped = steps < config.steps
    for step in range(1, steps + 1):
        with one_thread(trainer.device):
            terms = trainer.step()
        rows.append(torch.stack([terms[name] for name in trainer.terms]))
        if step % KERNEL_EVERY == 0 or step == config.steps:
            kernels[step] = trainer.kernel
        keep = yield _progress(number * config.steps + step, batches * config.steps, trainer, rows[-1], stage)
        if stops(keep):
            stopped = step < config.steps
            break
    weights = trainer.kernel.cpu().double().numpy()
    histories = _histories(rows, kernels, trainer) if rows else [History()] * trainer.count
    return [
        Outcome(trainer.finished(each, problem), each, history, trainer.size, stopped)
        for problem, (each, history) in enumerate(zip(weights, histories, strict=True))
    ]


def _progress(step: int, total: int, trainer: Trainer, row: Tensor, stage: str) -> Progress:
    weights = trainer.kernel[0]

    def kernel() -> NDArray[np.float64]:
        return trainer.finished(weights.cpu().double().numpy(), 0)

    def losses() -> dict[str, float]:
        return dict(zip(trainer.terms, row[:, 0].tolist(), strict=True))

    return Progress(step, total, kernel=kernel, losses=losses, stage=stage)


def _histories(rows: list[Tensor], kernels: dict[int, Tensor], trainer: Trainer) -> list[History]:
    losses = torch.stack(rows).cpu().double().numpy()  # (steps, terms, problems)
    found = [k.cpu().double().numpy() for k in kernels.values()]
    return [
        History(
            losses={name: losses[:, i, problem] for i, name in enumerate(trainer.terms)},
            kernel_steps=np.array(list(kernels), np.int64),
            kernels=np.array([trainer.finished(k[problem], problem) for k in found]),
        )
        for problem in range(losses.shape[2])
    ]
