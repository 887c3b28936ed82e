"""How often an upscale gets each badge: good ones, ones with a wrong kernel, and ones of images that nothing can be gained on.

    OMP_NUM_THREADS=1 python benchmarks/badge.py FOLDER [FOLDER ...] [--skip 28] [--limit 4] [--kinds gauss] [--noise 0 0.01 0.02]

FOLDERs hold sharp 8-bit pictures. Each is degraded with a kernel (a random Gaussian of its own) and upscaled. "Good" are
upscales with the estimate or the true kernel that do beat bicubic, by half a dB or more; "not good" those that do not.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.bench.cases import Case, from_sharp
from napari_kernelgan.bench.kinds import FIXED, KINDS, POINTS, RANDOM, stream

LEVELS = ("pass", "warn", "no-evidence")
SIDE = 24
"""Of kernels that are made wider."""
WRONG, GOOD = 1.6, 0.5
"""Factor of the widths, and the gain in dB that a good upscale has over bicubic."""

Picture = np.ndarray[Any, Any]


def eight_bits(values: Picture) -> Picture:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def rescaled(case: Case, factor: float) -> Picture:
    """The case's kernel made wider by a factor."""
    if case.kind == RANDOM:
        return kg.kernels.gaussian(kg.kernels.covariance(case.kernel) * factor**2, SIDE)
    at = ((np.arange(SIDE * POINTS) + 0.5) / POINTS - SIDE / 2) / factor
    fine = FIXED[case.kind](*np.meshgrid(at, at, indexing="ij"))
    return kg.kernels.centre(kg.kernels.normalise(fine.reshape(SIDE, POINTS, SIDE, POINTS).mean((1, 3))))


def nulls(name: str, sharp: Picture, kernel: Picture) -> Iterator[tuple[str, Picture]]:
    """Images that no upscale can be trusted on, made with the picture's own random numbers."""
    rng = stream(name, 1)
    yield "already sharp", sharp
    height, width = sharp.shape[:2]
    yield (
        "bicubically enlarged",
        np.asarray(Image.fromarray(sharp[: height // 2, : width // 2]).resize((width, height), Image.Resampling.BICUBIC)),
    )
    yield "noise", eight_bits(rng.normal(0.5, rng.uniform(0.02, 0.2), (192, 192)))
    yield "constant plus noise", eight_bits(rng.normal(rng.uniform(0.2, 0.8), rng.uniform(0.002, 0.02), (192, 192)))
    side = int(rng.integers(16, 33))
    tile = sharp[height // 3 :, width // 3 :][:side, :side]
    yield "periodic: a tile of a picture", np.tile(tile, (8, 8, *[1] * (sharp.ndim - 2)))
    y, x = np.mgrid[:200, :240]
    waves = sum(np.sin(2 * np.pi * at / rng.uniform(4, 24)) for at in (y, x))
    yield "periodic: waves", eight_bits(0.5 + 0.2 * waves + rng.normal(0, 0.01, y.shape))
    fields = (x // int(rng.integers(6, 24)) + y // int(rng.integers(6, 24))) % 2 * 0.5 + 0.25
    yield "periodic: fields, blurred", eight_bits(kg.degrade(np.kron(fields, np.ones((2, 2))), kernel) + rng.normal(0, 0.005, y.shape))


def cases(case: Case, method: str) -> Iterator[tuple[str, kg.Badge]]:
    """Upscales of one degraded picture: what they are, and their badges."""

    def upscaled(kernel: Any) -> Picture:
        return kg.upscale(case.low, kernel, method="bicubic" if kernel is None else method)

    def gain(result: Picture) -> float:
        return picture_psnr(np.asarray(result), case.high) - plain_psnr

    plain, estimate = upscaled(None), kg.estimate_kernel(case.low, method="spectral")
    plain_psnr = picture_psnr(np.asarray(plain), case.high)
    for name, kernel in (("with the estimate", estimate), ("with the true kernel", case.kernel)):
        result = upscaled(kernel)
        kind = "good" if gain(result) >= GOOD else "not good"
        yield f"{kind}: {name}, noise {case.noise:g}", kg.badge(case.low, kernel, result)
    wide, narrow = (rescaled(case, factor) for factor in (WRONG, 1 / WRONG))
    for name, kernel in ((f"{WRONG} times as wide", wide), (f"{WRONG} times as narrow", narrow)):
        result = upscaled(kernel)
        yield f"wrong: kernel {name}, noise {case.noise:g}", kg.badge(case.low, kernel, result)
        yield f"wrong: upscaled with a kernel {name}, another one told, noise {case.noise:g}", kg.badge(case.low, estimate, result)
    yield f"null: bicubic as the upscale, noise {case.noise:g}", kg.badge(case.low, estimate, plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--skip", type=int, default=0, help="pictures of each folder to leave out, in order of their names")
    parser.add_argument("--limit", type=int, default=4, help="pictures of each folder to use")
    parser.add_argument("--kinds", nargs="+", default=[RANDOM], choices=KINDS, help="of kernels")
    parser.add_argument("--method", default="inverse", choices=("inverse", "zssr"), help="that degraded pictures are upscaled with")
    parser.add_argument("--noise", type=float, nargs="+", default=[0, 0.01, 0.02], help="standard deviations, range 0..1")
    arguments = parser.parse_args()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for folder in arguments.folders:
        read = from_sharp(folder, 2, limit=arguments.skip + arguments.limit, kinds=arguments.kinds, noises=arguments.noise)
        per_picture = len(arguments.kinds) * len(arguments.noise)
        for case in islice(read, arguments.skip * per_picture, None):
            for name, given in cases(case, arguments.method):
                found[name].update([given.level, *given.codes])
            if (case.kind, case.noise) == (arguments.kinds[0], arguments.noise[0]):
                for name, image in nulls(case.name, case.high, case.kernel):
                    estimate = kg.estimate_kernel(image, method="spectral")
                    given = kg.badge(image, estimate, kg.upscale(image, estimate, method="inverse"))
                    found[f"null: {name}"].update([given.level, *given.codes])
    report(found)


def report(found: dict[str, Counter[str]]) -> None:
    for kind in ("good", "not good", "wrong", "null"):
        found[f"{kind}: all together"] = sum((counts for name, counts in found.items() if name.startswith(f"{kind}:")), Counter())
    print(f"| upscale | cases | {' | '.join(LEVELS)} | codes |\n|{'---|' * 6}")
    for name in sorted(found):
        counts = found[name].copy()
        levels = [counts.pop(level, 0) for level in LEVELS]
        shares = [f"{count / max(sum(levels), 1):.0%}" for count in levels]
        codes = ", ".join(f"{code} {count}" for code, count in counts.most_common())
        print(f"| {name} | {sum(levels)} | {' | '.join(shares)} | {codes} |")


if __name__ == "__main__":
    main()
