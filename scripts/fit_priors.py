"""Make the priors that come with the package, from folders of pictures.

    OMP_NUM_THREADS=1 python scripts/fit_priors.py OUTPUT --natural bsd/ urban/ --limit 28 --microscopy microscopy/

writes natural.npz from photographs that are sharp to the pixel, microscopy.npz from microscope images, and broad.npz, which pools the two.
Microscope images have the microscope's own blur in them: averaged over 2 x 2 and 3 x 3 pixels they are about as sharp as photographs. They
are few and large, so each gives eight tiles, the corners of both averages; small ones are mirrored to the size that scale 4 needs. What was
read, and what `--natural-about` and `--microscopy-about` say of it, is recorded in the files. With `--cross-validate` it goes on to score
each microscope image with priors that have not seen it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.measure import block_reduce

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.estimate.spectral.dictionary import WIDTH, dictionary
from napari_kernelgan.estimate.spectral.fitting import SCALES, iter_fit_prior
from napari_kernelgan.estimate.spectral.posterior import likeliest_prior
from napari_kernelgan.estimate.spectral.prior import Prior, leaning, pooled
from napari_kernelgan.estimate.spectral.run import SMALLEST_STEP
from napari_kernelgan.estimate.spectral.spectrum import LEAST, measure
from napari_kernelgan.files.folders import iter_pictures, pictures_in
from napari_kernelgan.kernels.algebra import Kernel
from napari_kernelgan.kernels.forward import degrade_plane
from napari_kernelgan.kernels.measures import fwhm
from napari_kernelgan.kernels.models import random_gaussian
from napari_kernelgan.progress import run

BINNING = (2, 3)
CORNERS = 4
SIDE, LEAST_SIDE = 256, LEAST * max(SCALES)

TESTED = (0.35, 5.0)
"""Variances of the kernels of the cross-validation, in px^2 of the upscaled image."""

Picture = NDArray[np.float32]


class Score(NamedTuple):
    """How well one kernel came back."""

    psnr: float
    error: float
    """Of the widths, in parts of them."""
    inside: float
    """Share of the two widths that lie in their error bars."""
    prior: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder of the three files")
    parser.add_argument("--natural", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--limit", type=int, help="photographs of each folder, in order of their names")
    parser.add_argument("--microscopy", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--natural-about", default="", help="where they come from and their licence")
    parser.add_argument("--microscopy-about", default="")
    parser.add_argument("--cross-validate", action="store_true", help="print a table: each microscope image with priors without it")
    arguments = parser.parse_args()

    photographs = [path for folder in arguments.natural for path in pictures_in(folder, arguments.limit)]
    natural = fitted("natural", iter_pictures(photographs), len(photographs), {"source": arguments.natural_about})
    images = [path for folder in arguments.microscopy for path in pictures_in(folder)]
    priors = [natural, *of_microscopes(images, natural, arguments.microscopy_about)]
    arguments.output.mkdir(parents=True, exist_ok=True)
    for prior in priors:
        print(prior.save(arguments.output / f"{prior.name}.npz"))
    if arguments.cross_validate:
        cross_validate(images, natural)


def of_microscopes(images: list[Path], natural: Prior, source: str = "") -> list[Prior]:
    """The priors "microscopy" and "broad"."""
    tiles = [tile for image in iter_pictures(images) for tile in sharp_tiles(image)]
    about = {"source": source, "files": [path.name for path in images], "averaged_over": BINNING}
    # microscopes' cameras have more than 8 bits
    microscopy = leaning(fitted("microscopy", tiles, len(tiles), about, step=0.0), natural)
    return [microscopy, pooled(natural, microscopy, "broad")]


def fitted(name: str, pictures: Iterable[Picture], count: int, about: dict[str, Any], **options: float) -> Prior:
    return run(iter_fit_prior(pictures, count, name, about, **options), None)


def sharp_tiles(image: Picture) -> Iterator[Picture]:
    """Eight tiles of an image (channels, Y, X), or of a small one its averages several times: each image weighs the same."""
    for binning in BINNING:
        height, width = (n // binning * binning for n in image.shape[1:])
        small = block_reduce(image[:, :height, :width], (1, binning, binning), np.mean).astype(np.float32)
        for corner in range(CORNERS):
            rows = slice(SIDE) if corner < 2 else slice(-SIDE, None)
            columns = slice(SIDE) if corner % 2 == 0 else slice(-SIDE, None)
            tile = small[:, rows, columns]
            missing = [(0, max(LEAST_SIDE - n, 0)) for n in tile.shape[1:]]
            yield np.pad(tile, ((0, 0), *missing), "symmetric")


def cross_validate(images: list[Path], natural: Prior) -> None:
    """Print how random Gaussian kernels at x2 come back from each image with priors that have not seen it."""
    print("| image left out | prior | kernel PSNR / dB | FWHM error | in the bars | picks |\n|---|---|---|---|---|---|")
    every: dict[str, list[Score]] = {}
    for left in images:
        priors = [natural, *of_microscopes([path for path in images if path != left], natural)]
        here: dict[str, list[Score]] = {}
        rng = np.random.default_rng(0)
        with TemporaryDirectory() as folder:
            files = [str(prior.save(Path(folder) / f"{prior.name}.npz")) for prior in priors]
            for tile in [tile for image in iter_pictures([left]) for tile in sharp_tiles(image)] * 2:
                kernel = random_gaussian(rng, WIDTH * 2, TESTED)
                low = np.clip(degrade_plane(np.moveaxis(tile, 0, -1), kernel, 2), 0, 1).astype(np.float32)
                spectrum = measure([np.moveaxis(low, -1, 0)])
                picked = likeliest_prior([spectrum], priors, 2, dictionary(2), SMALLEST_STEP**2 / 12)
                scores = {prior.name: scored(low, file, kernel) for prior, file in zip(priors, files, strict=True)}
                for name, score in (scores | {"auto": scores[picked.name]}).items():
                    here.setdefault(name, []).append(score)
        for name, some in here.items():
            print_row(left.stem, name, some)
            every.setdefault(name, []).extend(some)
    for name, some in every.items():
        print_row("all", name, some)


def scored(low: Picture, prior: str, kernel: Kernel) -> Score:
    found = kg.estimate_kernel(low, method="spectral", axes="YXS", value_range=(0, 1), config={"prior": prior})
    widths = fwhm(kernel)[:2]
    error = np.mean([abs(mine / width - 1) for mine, width in zip(found.fwhm[:2], widths, strict=True)])
    inside = np.mean([low <= width <= high for (low, high), width in zip(found.fwhm_interval, widths, strict=True)])
    return Score(kernel_psnr(found.kernel, kernel), float(error), float(inside), found.details["spectrum"]["prior"])


def print_row(image: str, setting: str, scores: list[Score]) -> None:
    psnr, error, inside = (np.mean(values) for values in list(zip(*scores, strict=True))[:3])
    picks = ", ".join(f"{name} {count}" for name, count in Counter(score.prior for score in scores).items())
    print(f"| {image} | {setting} | {psnr:.1f} | {100 * error:.0f} % | {100 * inside:.0f} % | {picks} |", flush=True)


if __name__ == "__main__":
    main()
