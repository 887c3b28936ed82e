"""ZSSR's default against the published settings and the inverse it starts from: scores, and time on one thread.

    OMP_NUM_THREADS=1 python benchmarks/zssr.py FOLDER [--kernels NPZ --truth FOLDER] [--skip 28] [--spectral] [--cache FILE.json]

Sharp pictures are degraded with a random Gaussian kernel each, as `napari-kernelgan bench` does it; with --kernels and --truth the folder
holds low-resolution ones. Times are the processor's, which a busy machine hardly changes. The published settings take minutes a picture:
they run only with --cache, which keeps what they gave.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.bench.cases import Case, from_degraded, from_sharp

COLUMNS = ("bicubic", "inverse", "default", "published")


def scored(case: Case, kernel: Any, scale: int, method: str, config: Any = None) -> tuple[float, float]:
    """Picture PSNR, and seconds of the processor."""
    start = time.process_time()
    image = kg.upscale(case.low, kernel, scale, method, config=config, device="cpu")
    return picture_psnr(np.asarray(image), case.high), time.process_time() - start


def published(case: Case, scale: int, cache: Path) -> tuple[float, float]:
    """The same with the published settings and the true kernel, or what is known of it."""
    known = json.loads(cache.read_text()) if cache.exists() else {}
    key = f"{case.name} {case.low.shape} x{scale} {float(np.sum(case.kernel**2)):.6f}"
    if key not in known:
        known[key] = scored(case, case.stages or case.kernel, scale, "zssr", kg.ZSSRConfig.published())
        cache.write_text(json.dumps(known, indent=1))
    return tuple(known[key])


def row(case: Case, scale: int, spectral: bool, cache: Path | None) -> list[tuple[float, float]]:
    spent = 0.0
    kernel = case.kernel
    if spectral:
        start = time.process_time()
        kernel = kg.estimate_kernel(case.low, scale, "spectral").kernel
        spent = time.process_time() - start
    found = [scored(case, None, scale, "bicubic"), scored(case, kernel, scale, "inverse")]
    psnr, seconds = scored(case, kernel, scale, "zssr")
    found.append((psnr, seconds + spent))
    return [*found, published(case, scale, cache)] if cache else found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kernels", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--skip", type=int, default=0, help="pictures to leave out, in order of their names")
    parser.add_argument("--only", default="", help="parts of the names of the pictures to take")
    parser.add_argument("--spectral", action="store_true", help="with the spectral estimate of the kernel, its time counted")
    parser.add_argument("--cache", type=Path, help="what the published settings gave, always with the true kernel")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.kernels:
        cases = list(from_degraded(arguments.folder, arguments.kernels, arguments.truth, arguments.scale, None))
    else:
        cases = list(from_sharp(arguments.folder, arguments.scale, None, 0, None))
    names = arguments.only.split(",")
    columns = COLUMNS if arguments.cache else COLUMNS[:-1]
    print("| picture | " + " | ".join(columns) + " | seconds: " + " | ".join(columns[2:]) + " |\n" + "|---" * (2 * len(columns) - 1) + "|")
    rows = []
    for case in cases[arguments.skip :]:
        if any(name in case.name for name in names):
            rows.append(np.array(row(case, arguments.scale, arguments.spectral, arguments.cache)))
            print_row(case.name, rows[-1])
    print_row("mean", np.mean(rows, 0))
    gains = [each[2, 0] - each[1, 0] for each in rows]
    print(f"\ndefault over inverse: least {min(gains):+.2f}, median {np.median(gains):+.2f}, most {max(gains):+.2f} dB")


def print_row(name: str, found: np.ndarray) -> None:
    print(f"| {name} | " + " | ".join([f"{v:.2f}" for v in found[:, 0]] + [f"{v:.1f}" for v in found[2:, 1]]) + " |", flush=True)


if __name__ == "__main__":
    main()
