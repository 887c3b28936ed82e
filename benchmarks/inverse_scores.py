"""How good the inverse is with the true kernel: against interpolation, with and without its passes, at several noise levels.

    OMP_NUM_THREADS=1 python benchmarks/inverse_scores.py FOLDER [--skip 28] [--scale 2] [--noise 0 0.01 0.02 0.04] [--each]

Every sharp picture of the folder is degraded with a random Gaussian kernel of its own, as `napari-kernelgan bench` does it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.bench.cases import Case, from_sharp

METHODS = {"bicubic": None, "closed form": {"passes": 0}, "inverse": {}}


def scores(case: Case, scale: int) -> list[float]:
    images = [
        kg.upscale(case.low, None if config is None else case.kernel, scale, "bicubic" if config is None else "inverse", config=config)
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
    cases = list(from_sharp(arguments.folder, arguments.scale, noises=arguments.noise))[arguments.skip * len(arguments.noise) :]
    print("| noise | " + " | ".join(METHODS) + " |\n" + "|---" * (1 + len(METHODS)) + "|")
    for noise in arguments.noise:
        these = [case for case in cases if case.noise == noise]
        found = [scores(case, arguments.scale) for case in these]
        rows = [(f"{noise:g}", np.mean(found, 0))]
        if arguments.each:
            rows += [(case.name, row) for case, row in zip(these, found, strict=True)]
        for name, row in rows:
            print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)


if __name__ == "__main__":
    main()
