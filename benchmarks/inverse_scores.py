"""How good the inverse is with the true kernel: against interpolation, with and without its passes, at several noise levels.

    OMP_NUM_THREADS=1 python benchmarks/inverse_scores.py FOLDER [--skip 28] [--scale 2] [--noise 0 0.01 0.02 0.04] [--each]

Every sharp picture of the folder is degraded with a random Gaussian kernel of its own, as `napari-kernelgan bench` does it.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.bench.cases import Case, from_sharp

METHODS = {"bicubic": None, "closed form": {"passes": 0}, "inverse": {}}


def noisy(case: Case, noise: float) -> np.ndarray:
    """The low-resolution picture in 8 bits, with noise added before rounding."""
    if noise == 0 or case.high is None:
        return case.low
    exact = kg.degrade(case.high / 255, case.kernel, case.high.shape[0] // case.low.shape[0], "YXS"[: case.high.ndim])
    rng = np.random.default_rng([0, zlib.crc32(case.name.encode())])
    return np.rint(np.clip(exact + rng.normal(0, noise, exact.shape), 0, 1) * 255).astype(np.uint8)


def scores(case: Case, low: np.ndarray, scale: int) -> list[float]:
    images = [
        kg.upscale(low, None if config is None else case.kernel, scale, "bicubic" if config is None else "inverse", config=config)
        for config in METHODS.values()
    ]
    return [picture_psnr(np.asarray(image), case.high) for image in images]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skip", type=int, default=0, help="pictures to leave out, in order of their names")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--noise", type=float, nargs="+", default=[0, 0.01, 0.02, 0.04], help="standard deviations, range 0..1")
    parser.add_argument("--each", action="store_true", help="a row for every picture too")
    arguments = parser.parse_args()
    cases = list(from_sharp(arguments.folder, arguments.scale, None, 0, None))[arguments.skip :]
    print("| noise | " + " | ".join(METHODS) + " |\n" + "|---" * (1 + len(METHODS)) + "|")
    for noise in arguments.noise:
        found = [scores(case, noisy(case, noise), arguments.scale) for case in cases]
        rows = [(f"{noise:g}", np.mean(found, 0))]
        if arguments.each:
            rows += [(case.name, row) for case, row in zip(cases, found, strict=True)]
        for name, row in rows:
            print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)


if __name__ == "__main__":
    main()
