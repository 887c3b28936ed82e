"""How much better the kernel of a stack is than those of its planes: differing scenes under one kernel, and frames of one scene.

    OMP_NUM_THREADS=1 python benchmarks/stack_sharing.py FOLDER... [--first 29] [--stacks 10] [--planes 16]

Each stack has one random Gaussian kernel (variances 0.35..5 HR px^2) and as many planes, 160 x 160 px of different pictures; or of one
picture, shifted, with noise of its own in each. Errors are root mean squares over both widths, in HR pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2gray

import napari_kernelgan as kg
from napari_kernelgan.files.folders import pictures_in
from napari_kernelgan.files.images import read_image
from napari_kernelgan.kernels.models import random_gaussian

SIDE = 320  # HR px
NOISES = (0.0, 0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--first", type=int, default=29, help="pictures of each folder before this one are left out (counted from 1)")
    parser.add_argument("--stacks", type=int, default=10)
    parser.add_argument("--planes", type=int, default=16)
    given = parser.parse_args()
    pictures = [gray(path) for folder in given.folders for path in pictures_in(folder)[given.first - 1 :]]
    pictures = [picture for picture in pictures if min(picture.shape) >= SIDE]
    print(f"{len(pictures)} pictures, {given.stacks} stacks of {given.planes} planes\n")
    columns = "scenes, noise, RMS error: planes, mean of them, shared, shared / planes, worth / planes, bars: planes, shared, cover"
    print("| " + columns.replace(", ", " | ") + " |")
    print("|---" * 10 + "|")
    for scenes in ("differing", "one"):
        for noise in NOISES:
            rows = [measure(pictures, scenes == "one", noise, seed, given.planes) for seed in range(given.stacks)]
            print(f"| {scenes} | {noise:g} | {line(rows)} |", flush=True)


def gray(path: Path) -> NDArray[np.float64]:
    data = read_image(path).data / 255.0
    return rgb2gray(data) if data.ndim == 3 else data


def measure(pictures: list[NDArray[np.float64]], one: bool, noise: float, seed: int, count: int) -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng([seed, 5])
    kernel = random_gaussian(rng, 14)
    truth = np.array(kg.kernels.fwhm(kernel)[:2])
    chosen = rng.choice(len(pictures), 1 if one else count, replace=not one and count > len(pictures))
    planes = []
    for number in range(count):
        picture = pictures[chosen[0 if one else number]]
        top, left = (rng.integers(0, min(n - SIDE, 8 if one else n) + 1) for n in picture.shape)
        low = kg.degrade(picture[top : top + SIDE, left : left + SIDE], kernel) + noise * rng.standard_normal((SIDE // 2, SIDE // 2))
        planes.append(np.clip(np.rint(255 * low), 0, 255).astype(np.uint8))
    stack = np.stack(planes)
    single = kg.process_stack(stack, share="plane", upscaler="none").kernels
    (shared,) = kg.process_stack(stack, share="stack", upscaler="none").kernels
    widths = np.array([kernel.fwhm[:2] for kernel in single])
    bars = np.array([np.diff(kernel.fwhm_interval).ravel() / 2 for kernel in single])
    low, high = np.array(shared.fwhm_interval).T
    return {
        "single": widths - truth,
        "mean": widths.mean(0) - truth,
        "shared": np.array(shared.fwhm[:2]) - truth,
        "worth": np.array(shared.details["spectrum"]["pictures"]),
        "bars": np.median(bars, 0),
        "shared bar": (high - low) / 2,
        "cover": (low <= truth) & (truth <= high),
    }


def line(rows: list[dict[str, NDArray[np.float64]]]) -> str:
    single = np.mean([np.sqrt(np.square(row["single"]).mean()) for row in rows])
    mean, shared = (float(np.sqrt(np.mean([np.square(row[name]).mean() for row in rows]))) for name in ("mean", "shared"))
    worth, bars, own, cover = (float(np.mean([row[name] for row in rows])) for name in ("worth", "bars", "shared bar", "cover"))
    return f"{single:.3f} | {mean:.3f} | {shared:.3f} | {shared / single:.2f} | {worth:.1f} | ± {bars:.2f} | ± {own:.2f} | {cover:.0%}"


if __name__ == "__main__":
    main()
