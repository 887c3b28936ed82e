"""The whole program, default settings against published ones: scores and time on one thread, side by side in one run.

    OMP_NUM_THREADS=1 python benchmarks/whole_program.py set14/lr kernels.npz set14/hr [--only 002,003,004,005,006]

Defaults are the automatic estimate and fast ZSSR; published are `KernelGANConfig.published()` and `ZSSRConfig.published()`, which take
about ten minutes a picture. Times are the processor's, which a busy machine hardly changes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.bench.cases import Case, from_degraded


def scored(case: Case, scale: int, method: str, estimating: Any, upscaling: Any) -> tuple[float, float]:
    """Picture PSNR, and seconds of the processor."""
    start = time.process_time()
    kernel = kg.estimate_kernel(case.low, scale, method, device="cpu", config=estimating)
    image = kg.upscale(case.low, kernel, scale, "zssr", device="cpu", config=upscaling)
    return picture_psnr(np.asarray(image), case.high), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kernels", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--only", default="", help="parts of the names of the pictures to take")
    parser.add_argument("--scale", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kg.estimate_kernel(np.random.default_rng(0).random((64, 64)), arguments.scale, "spectral")  # makes the candidates, once in a process
    print("| picture | defaults | published | seconds: defaults | published | ratio |\n|---|---|---|---|---|---|", flush=True)
    rows = []
    for case in from_degraded(arguments.folder, arguments.kernels, arguments.truth, arguments.scale, None):
        if any(part in case.name for part in arguments.only.split(",")):
            ours = scored(case, arguments.scale, "auto", None, None)
            theirs = scored(case, arguments.scale, "kernelgan", kg.KernelGANConfig.published(), kg.ZSSRConfig.published())
            rows.append((ours[0], theirs[0], ours[1], theirs[1], theirs[1] / ours[1]))
            print(f"| {case.name} | " + " | ".join(f"{value:.2f}" for value in rows[-1]) + " |", flush=True)
    print("| median | " + " | ".join(f"{value:.2f}" for value in np.median(rows, 0)) + " |")


if __name__ == "__main__":
    main()
