"""One network for many planes against one for each: what they gain over the inverse, and seconds of the processor on one thread.

    OMP_NUM_THREADS=1 python benchmarks/zssr_shared.py FOLDER [--skip 28] [--groups 1] [--noise 0.01] [--series PICTURE]

Pictures of FOLDER, in gray, are degraded with one kernel. Of each group of twelve, four are trained on and the eight others upscaled: with
their own training; with the shared network, added as it is; added as far as it proves right on the picture itself, which is the default
for stacks (``train="stack"``); and with the shared network trained on a little (``train="warm"``). Groups of photographs hardly resemble
each other; with --series the twelve are a time series made from one large picture, turned, moved and with noise of its own, which fades by
--fading from one to the next.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import io
from skimage.color import rgb2gray
from skimage.transform import rotate

import napari_kernelgan as kg
from napari_kernelgan import ZSSRConfig
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.progress import Steps, run
from napari_kernelgan.upscaling.inverse.run import Inverse, iter_inverse
from napari_kernelgan.upscaling.zssr.learning import iter_learn
from napari_kernelgan.upscaling.zssr.learnt import Learnt
from napari_kernelgan.upscaling.zssr.residual import iter_apply, iter_residual
from napari_kernelgan.upscaling.zssr.stages import Stage

CPU = torch.device("cpu")
KERNEL = kg.kernels.gaussian([[1.5, 0.3], [0.3, 1.0]])
GROUP, TRAIN, SIDE = 12, 4, 360
ROUNDING = 1 / 255**2 / 12
COLUMNS = ("inverse", "own", "shared", "judged", "warm")

Picture = NDArray[np.float32]


def gray(path: Path) -> Picture:
    """A picture on 0..1 with even sides."""
    picture = io.imread(path)
    unit = rgb2gray(picture[..., :3]) if picture.ndim == 3 else picture / np.iinfo(picture.dtype).max
    return unit[: unit.shape[0] // 2 * 2, : unit.shape[1] // 2 * 2].astype(np.float32)


def series(picture: Picture, count: int, fading: float, rng: np.random.Generator) -> Iterator[Picture]:
    """Crops of a picture that turns and moves."""
    for number in range(count):
        turned = rotate(picture, 2.5 * number, order=3, mode="reflect")
        y, x = ((length - SIDE) // 2 + int(rng.integers(-30, 31)) for length in turned.shape)
        yield (np.clip(turned[y : y + SIDE, x : x + SIDE], 0, 1) * fading**number).astype(np.float32)


def seen(high: Picture, noise: float, rng: np.random.Generator) -> Picture:
    """What a camera makes of it, (1, y, x): 8 bits where there is no noise."""
    low = kg.degrade(high, KERNEL)
    return (low + rng.normal(0, noise, low.shape) if noise else np.rint(low * 255) / 255).astype(np.float32)[None]


def timed(steps: Steps[Any]) -> tuple[Any, float]:
    start = time.process_time()
    return run(steps), time.process_time() - start


def row(low: Picture, high: Picture, learnt: Learnt, config: ZSSRConfig) -> list[tuple[float, float]]:
    """PSNR and seconds for each column."""
    stage = Stage(2, KERNEL)
    ways = [
        iter_inverse(low, Inverse(KERNEL, 2), ROUNDING),
        iter_residual(low, stage, config, 0, CPU, ROUNDING),
        iter_apply(low, stage, config, learnt, CPU, ROUNDING, own=True),
        iter_apply(low, stage, config, learnt, CPU, ROUNDING),
        iter_residual(low, stage, config, 0, CPU, ROUNDING, learnt),
    ]
    results = [timed(steps) for steps in ways]
    return [(picture_psnr(np.clip(outcome.channels[0], 0, 1), high), seconds) for outcome, seconds in results]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--skip", type=int, default=0, help="pictures to leave out, in order of their names")
    parser.add_argument("--groups", type=int, default=1, help="of twelve pictures")
    parser.add_argument("--noise", type=float, default=0.0, help="standard deviation, of 0..1")
    parser.add_argument("--series", type=Path, help="a large picture to make a time series from, instead of a folder")
    parser.add_argument("--fading", type=float, default=1.0, help="factor from one picture of the series to the next")
    arguments = parser.parse_args()
    if (arguments.folder is None) == (arguments.series is None):
        parser.error("give a folder or --series")
    torch.set_num_threads(1)
    rng, config = np.random.default_rng(5), ZSSRConfig()
    print("| picture | " + " | ".join(COLUMNS) + " | seconds: " + " | ".join(COLUMNS) + " |\n" + "|---" * (2 * len(COLUMNS) + 1) + "|")
    rows = []
    for group in range(arguments.groups):
        if arguments.series:
            names = [f"plane {number}" for number in range(GROUP)]
            highs = list(series(gray(arguments.series), GROUP, arguments.fading, rng))
            order = [*range(0, GROUP, GROUP // TRAIN), *(number for number in range(GROUP) if number % (GROUP // TRAIN))]
        else:
            files = sorted(arguments.folder.glob("*.png"))[arguments.skip + group * GROUP :][:GROUP]
            names, highs, order = [file.stem for file in files], [gray(file) for file in files], list(range(len(files)))
        lows = [seen(high, arguments.noise, rng) for high in highs]
        learnt, seconds = timed(iter_learn([lows[i] for i in order[:TRAIN]], Stage(2, KERNEL), config, 0, CPU, ROUNDING))
        for i in order[TRAIN:]:
            rows.append(np.array(row(lows[i], highs[i], learnt, config)))
            print_row(names[i], rows[-1])
        print(f"| training of the shared network: {seconds:.1f} s |", flush=True)
    print_row("mean", np.mean(rows, 0))
    gains = np.array(rows)[:, 1:, 0] - np.array(rows)[:, :1, 0]
    print("\nleast gain: " + ", ".join(f"{name} {gain:+.3f} dB" for name, gain in zip(COLUMNS[1:], gains.min(0), strict=True)))


def print_row(name: str, found: NDArray[Any]) -> None:
    scores = [f"{found[0, 0]:.2f}"] + [f"{psnr - found[0, 0]:+.3f}" for psnr in found[1:, 0]]
    print(f"| {name} | " + " | ".join(scores + [f"{seconds:.2f}" for seconds in found[:, 1]]) + " |", flush=True)


if __name__ == "__main__":
    main()
