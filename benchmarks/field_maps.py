"""How well maps of kernels follow a blur that varies, and what upscaling gains by them.

    OMP_NUM_THREADS=1 python benchmarks/field_maps.py FOLDER [--first 1] [--last 24] [--seeds 2] [--tile 128] [--noise 0 0.02] [--mosaic 2]

Sharp pictures of the folder, by numbers in the order of their names, are laid together in mosaics of 2 x 2 (which are large enough for
several tiles), and degraded with Gaussians that are the same everywhere, or whose width or direction varies: standard deviations of 1.0 to
1.6 HR px, a quarter turn, along a random direction. Tables: root mean squared errors of the tiles' widths (HR px), how often the 90 % error
bars hold the truth, and the PSNR of the inverse with one kernel for all, with the map, and with the true field.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.files.images import read_image

Covariance = Callable[[float, float], np.ndarray]
FIELDS = ("constant", "width", "turn")
PIECE = 320, 480
"""px; what is taken of each picture, at most."""


def pictures(folder: Path, first: int, last: int, side: int) -> Iterator[np.ndarray]:
    """Mosaics of gray pictures, 0..1; of wide ones, so that high ones are turned."""
    files = sorted(each for each in folder.iterdir() if each.suffix.lower() in (".png", ".tif", ".jpg"))[first - 1 : last]
    pieces = [piece(each) for each in files]
    for start in range(0, len(pieces) - side**2 + 1, side**2):
        some = pieces[start : start + side**2]
        height, width = (min(each.shape[axis] for each in some) // 2 * 2 for axis in (0, 1))
        some = [each[:height, :width] for each in some]
        yield np.block([some[row * side : (row + 1) * side] for row in range(side)])


def piece(path: Path) -> np.ndarray:
    image = np.asarray(read_image(path).data)
    gray = image if image.ndim == 2 else image[..., :3] @ [0.299, 0.587, 0.114]
    gray = gray if gray.shape[0] <= gray.shape[1] else gray.T
    return (gray[: PIECE[0], : PIECE[1]] / 255).astype(np.float32)


def turned(major: float, minor: float, angle: float) -> np.ndarray:
    along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
    return major**2 * np.outer(along, along) + minor**2 * np.outer(across, across)


def field(kind: str, size: tuple[int, int], rng: np.random.Generator) -> Covariance:
    """Covariance, HR px^2, at a place of the result."""
    direction, angle = rng.uniform(0, 2 * np.pi), rng.uniform(0, np.pi)
    minor, major = np.sort(rng.uniform(1.0, 1.6, 2))
    step = np.array([np.sin(direction), np.cos(direction)]) / np.abs([np.sin(direction), np.cos(direction)]).sum()

    def part(y: float, x: float) -> float:
        return float(0.5 + step @ [y / (size[0] - 1) - 0.5, x / (size[1] - 1) - 0.5])

    if kind == "constant":
        return lambda y, x: turned(major, minor, angle)
    if kind == "width":
        return lambda y, x: turned(1 + 0.6 * part(y, x), 1 + 0.6 * part(y, x), 0)
    return lambda y, x: turned(1.6, 1.0, angle + np.pi / 2 * part(y, x))


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def inside(interval: np.ndarray, truth: np.ndarray) -> float:
    known = np.isfinite(interval).all(-1)
    return float(((interval[..., 0] <= truth) & (truth <= interval[..., 1]))[known].mean())


def scores(sharp: np.ndarray, kind: str, noise: float, tile: int, seed: int) -> list[float]:
    rng = np.random.default_rng([seed, FIELDS.index(kind)])
    size = sharp.shape[0] // 2, sharp.shape[1] // 2
    covariance = field(kind, size, rng)

    def kernel(y: float, x: float) -> np.ndarray:
        return kg.kernels.gaussian(covariance(y, x))

    high = np.rint(sharp * 255).astype(np.uint8)
    low = kg.degrade_field(sharp, kernel) + rng.normal(0, noise, size)
    low = np.rint(np.clip(low, 0, 1) * 255).astype(np.uint8)
    found = kg.map_kernels(low, tile=tile, seed=seed)
    truth = np.array([[kg.kernels.gaussian_fwhm(covariance(y, x))[:2] for x in found.columns] for y in found.rows])
    one = kg.estimate_kernel(low, seed=seed)
    images = [kg.upscale(low, each, method="inverse") for each in (one, found, kg.given_map(kernel, size, spacing=64))]
    return [
        rms(found.raw_fwhm[..., :2] - truth),
        rms(found.fwhm[..., :2] - truth),
        rms(np.array(one.fwhm[:2]) - truth),
        inside(found.raw_fwhm_interval, truth),
        inside(found.fwhm_interval, truth),
        *(picture_psnr(np.asarray(image), high) for image in images),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tile", type=int, default=128, help="px of the degraded image")
    parser.add_argument("--noise", type=float, nargs="+", default=[0, 0.02], help="standard deviations, range 0..1")
    parser.add_argument("--mosaic", type=int, default=2, help="pictures along either side")
    arguments = parser.parse_args()
    sharp = list(pictures(arguments.folder, arguments.first, arguments.last, arguments.mosaic))
    print("| field | noise | error of tiles | smoothed | one kernel | bars hold: tiles | smoothed | PSNR: one kernel | map | true field |")
    print("|---" * 10 + "|")
    for kind in FIELDS:
        for noise in arguments.noise:
            runs = [scores(each, kind, noise, arguments.tile, i + 100 * n) for n in range(arguments.seeds) for i, each in enumerate(sharp)]
            errors = np.sqrt(np.mean(np.square(runs), 0))
            mean = np.mean(runs, 0)
            figures = [f"{v:.3f}" for v in errors[:3]] + [f"{v:.0%}" for v in mean[3:5]] + [f"{v:.2f}" for v in mean[5:]]
            print(f"| {kind} | {noise:g} | " + " | ".join(figures) + " |", flush=True)


if __name__ == "__main__":
    main()
