"""How long a KernelGAN step takes: composed against layer by layer, and per problem in batches.

    OMP_NUM_THREADS=1 python benchmarks/kernelgan_step.py [--steps 60] [--threads 1]

Both sides are timed in turns in one run, so that a busy machine slows them alike. On a CUDA device the batches are timed there too, with
and without the step captured as a CUDA graph.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan.config import KernelGANConfig
from napari_kernelgan.estimate.kernelgan.training import Problem, Trainer
from napari_kernelgan.images.values import ValueRange, to_unit

BATCHES = (1, 2, 4, 8, 16)


def trainer(problems: int, device: torch.device, steps: int, colour: bool, composed: bool = True) -> Trainer:
    picture = data.astronaut() if colour else data.camera()
    low = to_unit(kg.degrade(picture, kg.kernels.gaussian(2.0)), ValueRange(0, 255))
    batch = [Problem([low], seed) for seed in range(problems)]
    return Trainer(batch, KernelGANConfig(steps=steps), 2, device, composed=composed)


def time_of(step: Callable[[], object], count: int, device: torch.device) -> float:
    """Seconds per step."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / count


def compare_composed(steps: int, colour: bool) -> None:
    cpu = torch.device("cpu")
    total = 2 * steps + 10
    composed, layered = (trainer(1, cpu, total, colour, which) for which in (True, False))
    for each in (composed, layered):
        time_of(each.step, 3, cpu)
    rounds = [(time_of(composed.step, 5, cpu), time_of(layered.step, 2, cpu)) for _ in range(max(steps // 5, 1))]
    fast, slow = np.median(rounds, axis=0)
    ratio = np.median([b / a for a, b in rounds])
    kind = "colour" if colour else "gray"
    print(f"{kind:7s} composed {1e3 * fast:7.2f} ms   layer by layer {1e3 * slow:8.2f} ms   ratio {ratio:5.1f}")


def time_batches(device: torch.device, steps: int) -> None:
    print(f"\nms per problem and step on {device} (gray), batches of " + ", ".join(map(str, BATCHES)))
    runs = [trainer(count, device, 4 * steps, colour=False) for count in BATCHES]
    for run in runs:
        time_of(run.step, 3, device)
    rounds = [[time_of(run.step, 3, device) / count for run, count in zip(runs, BATCHES, strict=True)] for _ in range(max(steps // 6, 1))]
    print("eager    " + "  ".join(f"{1e3 * value:7.3f}" for value in np.median(rounds, axis=0)))
    if device.type == "cuda":
        captured = [captured_step(trainer(count, device, 4 * steps, colour=False)) for count in BATCHES]
        rounds = [[time_of(step, 3, device) / n for step, n in zip(captured, BATCHES, strict=True)] for _ in range(max(steps // 6, 1))]
        print("captured " + "  ".join(f"{1e3 * value:7.3f}" for value in np.median(rounds, axis=0)))


def captured_step(run: Trainer) -> Callable[[], None]:
    """The device's part of a step as a CUDA graph, replayed on inputs that are copied in."""
    for optimiser in run.optimisers:
        for group in optimiser.param_groups:
            group["capturable"] = True
    inputs = run.inputs()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run.compute(inputs)
    torch.cuda.current_stream().wait_stream(stream)
    run.current = None  # so that composing the weights is part of the graph
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run.compute(inputs)
    static = _tensors(inputs)

    def step() -> None:
        for old, new in zip(static, _tensors(run.inputs()), strict=True):
            old.copy_(new)
        graph.replay()
        run.done += 1

    return step


def _tensors(inputs: tuple[object, ...]) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for value in inputs:
        found += _tensors(value) if isinstance(value, tuple) else [value]  # type: ignore[list-item]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} CPU thread(s); medians over rounds")
    for colour in (False, True):
        compare_composed(arguments.steps, colour)
    time_batches(torch.device("cpu"), arguments.steps)
    if torch.cuda.is_available():
        time_batches(torch.device("cuda"), arguments.steps)


if __name__ == "__main__":
    main()
