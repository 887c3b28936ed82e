"""A whole run: match patches across scales with the kernel so far, solve for the kernel that explains the matches, and again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...config import RecurrenceConfig
from ...errors import InputError
from ...kernels.algebra import Kernel, centre, normalise
from ...progress import Progress, Steps, relay, stops
from ...provenance import versions
from ..inputs import Input
from ..result import History, KernelEstimate
from .patches import Places, Plane, match
from .solve import normal_equations, solve

WIDTH = 7
"""Side of the kernel in pixels of the image."""
LEAST_POSITIONS = 12
"""Of degraded patches along either axis; with fewer there is nothing to choose from."""


def iter_recurrence(pairs: Sequence[tuple[Input, int]], scale: int, config: RecurrenceConfig) -> Steps[list[KernelEstimate]]:
    """Estimate the kernel of each input with its seed, one after another; after a stop, the kernels of the others are where they begin."""
    results = []
    stopped = False
    for number, (source, seed) in enumerate(pairs):
        start = time.perf_counter()
        steps = iter_kernel(source.planes, scale, config.model_copy(update={"iterations": 0}) if stopped else config, seed)
        outcome = yield from relay(steps, lambda progress, number=number: progress.part(number, len(pairs)))  # type: ignore[misc]
        stopped = stopped or outcome.stopped
        results.append(
            KernelEstimate(
                kernel=outcome.kernel,
                scale=scale,
                method="recurrence",
                seed=seed,
                seconds=time.perf_counter() - start,
                stopped=stopped,
                history=outcome.history,
                config=config.model_dump(mode="json"),
                details={"input": source.record, "queries": outcome.queries, "candidates": outcome.candidates, "versions": versions()},
            )
        )
    return results


class Outcome(NamedTuple):
    """What one problem's run gave."""

    kernel: Kernel
    history: History
    queries: int
    candidates: int
    stopped: bool


def iter_kernel(planes: Sequence[NDArray[np.float32]], scale: int, config: RecurrenceConfig, seed: int) -> Steps[Outcome]:
    """Estimate the one kernel of planes (channels, Y, X), whose patches are pooled; colours are averaged.

    Raises
    ------
    InputError
        If the planes are too small.
    """
    side = WIDTH * scale
    least = side + scale * (config.patch - 1 + LEAST_POSITIONS - 1)
    if min(planes[0].shape[1:]) < least:
        raise InputError(
            f"method='recurrence' needs at least {least} px on each side for scale {scale}; this image is "
            f"{' x '.join(str(length) for length in planes[0].shape[1:])}. Take a larger region, or another method."
        )
    scene = [Plane(plane.mean(0, dtype=np.float64), scale, side, config.patch) for plane in planes]
    rng = np.random.default_rng([seed, 2013])
    everywhere = [np.ones(tuple(length - config.patch + 1 for length in plane.degraded_shape)) for plane in scene]
    queried = Places.draw([plane.texture for plane in scene], config.queries, rng)
    candidates = Places.draw(everywhere, config.candidates, rng)
    queries = queried.patches([plane.pixels for plane in scene], config.patch)
    kernel = point(side)
    distances, changes, kernels = [], [], []
    stopped = False
    for step in range(1, config.iterations + 1):
        degraded = candidates.patches([plane.degraded(kernel) for plane in scene], config.patch)
        matches = match(queries, degraded, config.neighbours)
        equations = normal_equations(scene, candidates, queries, matches)
        before, kernel = kernel, centre(solve(*equations, config.smoothness, scale))
        kernels.append(kernel)
        distances.append(matches.distance)
        changes.append(float(np.abs(kernel - before).sum()))
        losses = {"distance": distances[-1], "change": changes[-1]}
        keep = yield Progress(
            step,
            config.iterations,
            kernel=lambda kernel=kernel: kernel,  # type: ignore[misc]
            losses=lambda losses=losses: losses,  # type: ignore[misc]
            stage="patch recurrence",
        )
        if stops(keep):
            stopped = step < config.iterations
            break
    history = History(
        losses={"distance": np.array(distances), "change": np.array(changes)},
        kernel_steps=np.arange(1, len(kernels) + 1),
        kernels=np.array(kernels).reshape(-1, side, side),
    )
    return Outcome(kernel, history, len(queries), len(candidates.index), stopped)


def point(side: int) -> Kernel:
    """The sharpest centred kernel: one value in the middle, or a square of four."""
    line = np.zeros(side)
    line[[(side - 1) // 2, side // 2]] = 1
    return normalise(np.outer(line, line))
