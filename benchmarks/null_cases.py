"""Images that no blur can be read from, or that have none: how often the spectral estimate calls its kernel reliable. It never should.

    OMP_NUM_THREADS=1 python benchmarks/null_cases.py FOLDER [FOLDER ...] [--seeds 10]

Sharp pictures as they are, and enlarged by 2 in three ways; noise alone, and constants with noise, gray and RGB, 8 bits and floats.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage.transform import resize

import napari_kernelgan as kg
from napari_kernelgan.files.folders import pictures_in
from napari_kernelgan.files.images import read_image

SHAPES = ((256, 256), (120, 160), (200, 300, 3))
NOISE, FAINT = (0.02, 0.1, 0.2), (0.002, 0.005, 0.02)
"""Standard deviations, value range 0..1, of noise alone and of what lies on a constant."""
LEVELS = ("reliable", "uncertain", "unreliable")


def eight_bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def pictures(folder: Path) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    for path in pictures_in(folder):
        sharp = np.asarray(read_image(path).data)
        height, width = sharp.shape[:2]
        yield "sharp pictures", sharp
        large = np.clip(resize(sharp / 255, (2 * height, 2 * width, *sharp.shape[2:]), order=3), 0, 1)
        yield "enlarged by 2: cubic spline (scikit-image), 8 bits", eight_bits(large)
        yield "enlarged by 2: cubic spline (scikit-image), floats", large.astype(np.float32)
        resized = Image.fromarray(sharp).resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
        yield "enlarged by 2: bicubic (Pillow)", np.asarray(resized)


def noise(seed: int) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(seed)
    for shape in SHAPES:
        for name, middle, spreads in (("noise alone", 0.5, NOISE), ("a constant with noise", rng.uniform(0.2, 0.8), FAINT)):
            for spread in spreads:
                values = rng.normal(middle, spread, shape)
                yield name, eight_bits(values)
                yield name, values.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=10, help="of the noise")
    arguments = parser.parse_args()
    found: dict[str, Counter[str]] = {}
    cases = [*(pictures(folder) for folder in arguments.folders), *(noise(seed) for seed in range(arguments.seeds))]
    for each in cases:
        for name, image in each:
            given = {} if image.dtype == np.uint8 else {"value_range": (0, 1)}
            trust = kg.estimate_kernel(image, method="spectral", **given).reliability
            found.setdefault(name, Counter()).update([trust.level, *trust.codes])
    print(f"| image | cases | {' | '.join(LEVELS)} | reasons |\n|{'---|' * 6}")
    for name, counts in found.items():
        levels = [counts.pop(level, 0) for level in LEVELS]
        reasons = ", ".join(f"{code} {count}" for code, count in counts.most_common())
        print(f"| {name} | {sum(levels)} | {' | '.join(map(str, levels))} | {reasons} |")


if __name__ == "__main__":
    main()
