"""Planes per second against how many kernels are estimated together, from spectra and by KernelGAN.

    OMP_NUM_THREADS=1 python benchmarks/batches.py [--planes 32] [--side 256] [--steps 40] [--repeat 3] [--methods spectral,kernelgan]

The same stack is estimated with every batch size, in turns; the median of the repetitions counts. On a CPU it is the processor's time that
is measured, on one thread, which other work on the machine hardly changes; on a GPU it is the time that passes.
KernelGAN is trained for a few steps only: planes per second are reckoned for its default number of steps, without what comes before the
first step. On a machine with a GPU, KernelGAN runs there too, with larger batches.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from scene import low

import napari_kernelgan as kg
from napari_kernelgan.config import KernelGANConfig

SIZES = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (1, 2, 4, 8, 16, 32, 64, 128, 256)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", type=int, default=32)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--methods", default="spectral,kernelgan")
    given = parser.parse_args()
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    print(f"{given.planes} planes of {given.side} x {given.side} px, planes per second\n")
    for method in given.methods.split(","):
        for device in devices if method == "kernelgan" else ["cpu"]:
            sizes = SIZES[device]
            stack = np.stack([low(0, 0, given.side, given.side, seed) for seed in range(max(given.planes, sizes[-1]))])
            estimate(stack[:1], method, device, 1, 2)  # what is prepared once
            seconds = [[estimate(stack, method, device, size, given.steps) for size in sizes] for _ in range(given.repeat)]
            paces = len(stack) / np.median(seconds, axis=0)
            name = method if method == "spectral" else f"{method}, {given.steps} steps, {device}"
            if method == "kernelgan":
                paces = paces * given.steps / KernelGANConfig().steps
            print(f"| {name} | {' | '.join(map(str, sizes))} |\n{'|---' * (len(sizes) + 1)}|")
            print(f"| planes/s | {' | '.join(f'{pace:.3g}' for pace in paces)} |\n", flush=True)


def estimate(stack: Any, method: str, device: str, size: int, steps: int) -> float:
    """Seconds that all kernels of a stack take."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    config = {"kernelgan": {"steps": steps, "warm_up": 0}}
    kg.process_stack(stack, share="plane", upscaler="none", method=method, device=device, batch=size, threads=1, config=config)
    return clock() - start


if __name__ == "__main__":
    main()
