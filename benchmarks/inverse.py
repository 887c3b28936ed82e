"""How long the inverse takes, part by part, and its score against interpolation.

    OMP_NUM_THREADS=1 python benchmarks/inverse.py [--side 512] [--rounds 15]

The best of several rounds once warm, and the median; a busy machine makes all of them longer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.fft import rfft2
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.upscaling.inverse.border import complete, continued
from napari_kernelgan.upscaling.inverse.edges import edge_divergence
from napari_kernelgan.upscaling.inverse.fourier import PeriodicInverse
from napari_kernelgan.upscaling.inverse.run import Inverse

KERNEL = kg.kernels.gaussian([[2.6, 0.8], [0.8, 1.5]])


def time_of(function: Callable[[], object], rounds: int) -> str:
    """Milliseconds, the least and the median."""
    for _ in range(3):
        function()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        taken.append(1e3 * (time.perf_counter() - start))
    return f"{min(taken):7.1f} ms   median {np.median(taken):7.1f} ms"


def picture(side: int) -> np.ndarray:
    gray = data.camera()
    return np.pad(gray, ((0, max(0, side - 512)),) * 2, mode="symmetric")[:side, :side]


def whole(side: int, rounds: int) -> None:
    gray = picture(side)
    colour = np.stack([gray, gray[::-1], gray.T], -1)
    images = {"gray, 8 bit": gray, "gray, float": gray.astype(np.float32), "colour, 8 bit": colour}
    for name, image in images.items():
        print(f"{side} x {side} x2, {name:14s} {time_of(lambda image=image: kg.upscale(image, KERNEL, method='inverse'), rounds)}")
    closed = time_of(lambda: kg.upscale(gray, KERNEL, method="inverse", config={"passes": 0}), rounds)
    print(f"{side} x {side} x2, {'closed form':14s} {closed}")


def parts(side: int, rounds: int) -> None:
    channels = (picture(side) / 255).astype(np.float32)[None]
    inverse = Inverse(KERNEL, 2)
    levels = inverse.levels(channels, 1e-6)
    weight = inverse.weight(levels[0])
    low, inside = continued(channels[0], 20)
    periodic = PeriodicInverse(KERNEL, 2, low.shape)
    large = periodic.solve(rfft2(low), weight)
    steps: dict[str, Callable[[], object]] = {
        "noise and texture": lambda: inverse.levels(channels, 1e-6),
        "beyond the border": lambda: complete(low, inside, KERNEL, 2, weight),
        "preparing the closed form": lambda: PeriodicInverse(KERNEL, 2, low.shape),
        "the closed form": lambda: periodic.solve(rfft2(low), weight),
        "a pass: its edges": lambda: edge_divergence(large, 1e-3),
        "a pass: its closed form": lambda: periodic.solve(rfft2(low), weight, large),
    }
    for name, step in steps.items():
        print(f"  {name:26s} {time_of(step, rounds)}")


def scores() -> None:
    sharp = data.camera()
    for noise in (0.0, 0.02):
        low = kg.degrade(sharp / 255, KERNEL) + np.random.default_rng(0).normal(0, noise, (256, 256))
        low = np.rint(np.clip(low, 0, 1) * 255).astype(np.uint8)
        methods = {"bicubic": kg.upscale(low, None, method="bicubic"), "inverse": kg.upscale(low, KERNEL, method="inverse")}
        found = ", ".join(f"{name} {picture_psnr(np.asarray(image), sharp):.2f} dB" for name, image in methods.items())
        print(f"camera, noise sd {noise}: {found}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    whole(arguments.side, arguments.rounds)
    parts(arguments.side, arguments.rounds)
    scores()


if __name__ == "__main__":
    main()
