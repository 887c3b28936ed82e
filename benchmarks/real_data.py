"""The spectral estimate on real data: a satellite's bands of two resolutions, and microscope images blurred by a measured PSF.

    OMP_NUM_THREADS=1 python benchmarks/real_data.py DATA_FOLDER [--figures docs/images]

DATA_FOLDER holds ``sentinel2`` and ``microscopy`` (docs/real-data.md says which files, and what the tables mean). Tables go to stdout.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import matplotlib
import numpy as np
import tifffile
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from skimage.measure import block_reduce

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.estimate.spectral.fitting import iter_fit_prior
from napari_kernelgan.kernels import average_beads, centre, fwhm, kernel_from_psf, mtf, normalise, random_gaussian
from napari_kernelgan.progress import run

FINE, COARSE = ("B2", "B3", "B4", "B8"), ("B5", "B6", "B7", "B8A", "B11", "B12")
KERNEL_SIDE, SMOOTHNESS = 14, 1e-4
NYQUIST = 0.25  # of the image, in cycles per HR px
BEAD_PIXEL, IMAGE_PIXEL = 1 / 44.460534, 0.12  # um; HR pixels are half of the latter
KERNELS_EACH = 8

Image = NDArray[np.float64]


class Row(NamedTuple):
    """An estimate beside the truth."""

    name: str
    found: kg.KernelEstimate
    true: Image

    @property
    def widths(self) -> list[tuple[float, float, float]]:
        """Estimate, half of its bar, and truth, of the major and the minor width."""
        bars = [(high - low) / 2 for low, high in self.found.fwhm_interval]
        return list(zip(self.found.fwhm[:2], bars, fwhm(self.true)[:2], strict=True))

    @property
    def inside(self) -> int:
        """How many of the two widths are within their bars."""
        return sum(low <= true <= high for (low, high), true in zip(self.found.fwhm_interval, fwhm(self.true)[:2], strict=True))

    @property
    def psnr(self) -> float:
        """Of the kernel."""
        return kernel_psnr(self.found.kernel, self.true)

    @property
    def transfer(self) -> tuple[float, float]:
        """What estimate and truth leave of a pattern at the image's Nyquist frequency, mean along both axes."""
        return transfer(self.found.kernel), transfer(self.true)

    @property
    def prior(self) -> str:
        """That was used."""
        return str(self.found.details["spectrum"]["prior"])


HEADER = ("from", "prior", "FWHM, HR px", "truth", "in the bars", "MTF at Nyquist (truth)", "kernel PSNR / dB", "reliability")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--figures", type=Path, help="folder for the two figures")
    arguments = parser.parse_args()
    satellite = sentinel(arguments.data / "sentinel2")
    microscope = microscopy(arguments.data / "microscopy")
    random_kernels(arguments.data / "microscopy")
    if arguments.figures:
        matplotlib.use("Agg")
        draw(satellite, "B8A", arguments.figures / "real-sentinel.png")
        draw(microscope, "degraded", arguments.figures / "real-microscopy.png")


# --- Satellite ------------------------------------------------------------------------------------------------------------------------


def sentinel(folder: Path) -> tuple[Image, list[Row]]:
    """Band B8A alone, and pools of bands, against the least-squares kernel from B8 to B8A."""
    fine, coarse = (next(iter(sorted(folder.glob(f"*_{metres}m_*.tif")))) for metres in (10, 20))
    sharp, low = (dict(zip(names, tifffile.imread(path), strict=True)) for names, path in ((FINE, fine), (COARSE, coarse)))
    half = low["B8A"].shape[1] // 2
    grounds = {"all": slice(None), "west": slice(half), "east": slice(half, None)}
    print("| ground | least squares: FWHM, HR px | MTF at Nyquist | among Gaussians: FWHM, HR px | MTF at Nyquist |\n" + "|---" * 5 + "|")
    for ground, part in grounds.items():
        fit = Fit(sharp["B8"][:, slice(*(2 * at if at else at for at in (part.start, part.stop)))], low["B8A"][:, part])
        cells = ["{:.2f} x {:.2f} | {:.2f}".format(*fwhm(kernel)[:2], transfer(kernel)) for kernel in (fit.free(), fit.gaussian())]
        print(" | ".join(["| " + ground, *cells]) + " |")
    true = Fit(sharp["B8"], low["B8A"]).free()
    print()
    rows = [Row("B8A", spectral(low["B8A"]), true)]
    for names in (("B6", "B7", "B8A"), COARSE):
        rows.append(Row(", ".join(names), spectral(np.stack([low[name] for name in names]), axes="TYX"), true))
    # what the estimate makes of images whose kernel this is beyond doubt
    rows += [Row(f"{name}, degraded with the truth", spectral(degraded(sharp[name], true)), true) for name in ("B8", "B4")]
    with TemporaryDirectory() as temporary:
        # the prior from the west of the bands that are not compared, the estimate from the east
        own = own_prior([sharp[name][:, : 2 * half] for name in ("B2", "B3", "B4")], Path(temporary) / "own.npz")
        for name, image in (("B8A", low["B8A"]), ("B4, degraded with the truth", degraded(sharp["B4"], true))):
            rows.append(Row(f"{name}, east, prior of the west", spectral(image[:, half:], config={"prior": own}), true))
    print_table(rows)
    return low["B8A"], rows


class Fit:
    """What makes a coarse band of a fine one, with a gain and an offset: least squares, borders left out."""

    def __init__(self, high: Image, low: Image) -> None:
        n, (height, width) = KERNEL_SIDE, low.shape
        margin, offset = n // 2, (n - 2) // 2
        rows, columns = np.meshgrid(np.arange(margin, height - margin), np.arange(margin, width - margin), indexing="ij")
        seen = np.stack([high[2 * rows + a - offset, 2 * columns + b - offset].ravel() for a in range(n) for b in range(n)])
        target = low[rows, columns].ravel().astype(np.float64)
        seen, target = seen - seen.mean(1, keepdims=True), target - target.mean()
        self.normal, self.right, self.power = seen @ seen.T, seen @ target, float(target @ target)

    def free(self) -> Image:
        """A kernel that is not negative; roughness costs a little."""
        n = KERNEL_SIDE
        steps = np.diff(np.eye(n), axis=0)
        rough = np.kron(steps.T @ steps, np.eye(n)) + np.kron(np.eye(n), steps.T @ steps)
        size = np.trace(self.normal) / n**2
        root = np.linalg.cholesky(self.normal + size * (SMOOTHNESS * rough + 1e-9 * np.eye(n * n))).T
        weights, _ = nnls(root, np.linalg.solve(root.T, self.right), maxiter=50 * n * n)
        return centre(normalise(weights.reshape(n, n)[::-1, ::-1]))

    def gaussian(self) -> Image:
        """A Gaussian, wherever its centre."""
        y, x = np.indices((KERNEL_SIDE, KERNEL_SIDE)) - (KERNEL_SIDE - 1) / 2

        def unexplained(parameters: Image) -> float:
            weights = np.exp(-0.5 * mahalanobis(y - parameters[3], x - parameters[4], *parameters[:3])).ravel()
            return float(-((weights @ self.right) ** 2) / (weights @ self.normal @ weights) / self.power)

        yy, xx, yx = minimize(unexplained, [1.2, 1.2, 0, 0, 0], method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-4}).x[:3]
        return kg.kernels.gaussian([[yy, yx], [yx, xx]], KERNEL_SIDE)


def mahalanobis(y: Image, x: Image, yy: float, xx: float, yx: float) -> Image:
    return (xx * y**2 - 2 * yx * x * y + yy * x**2) / max(yy * xx - yx**2, 1e-6)


def own_prior(planes: list[Image], path: Path, side: int = 192) -> str:
    """Fit a prior on overlapping tiles of planes, and return where it is."""
    tiles = []
    for plane in planes:
        values = np.clip((plane - np.quantile(plane, 0.001)) / np.ptp(np.quantile(plane, (0.001, 0.999))), 0, 1)[None].astype(np.float32)
        at = [range(0, n - side + 1, max((n - side) // 3, 1)) for n in plane.shape]
        tiles += [values[:, y : y + side, x : x + side] for y in at[0] for x in at[1]]
    return str(run(iter_fit_prior(tiles, len(tiles), "own", {}, step=0.0), None).save(path))


# --- Microscope -----------------------------------------------------------------------------------------------------------------------


def reporting(folder: Path) -> dict[str, Image]:
    """The microscope images that no prior has seen; averaged over pixels they are about sharp."""
    actin = tifffile.imread(folder / "BPAE_actin.tif").astype(np.float64)
    frames = tifffile.imread(folder / "cancer_cell_migration_crop.tif").astype(np.float64)
    return {"actin, 2 x 2": binned(actin, 2), "actin, 3 x 3": binned(actin, 3), "one frame of nuclei": frames[0], "48 frames": frames}


def binned(plane: Image, by: int) -> Image:
    return block_reduce(plane[: plane.shape[0] // by * by, : plane.shape[1] // by * by], by, np.mean)


def microscopy(folder: Path) -> tuple[Image, list[Row]]:
    """Images degraded with the PSF of averaged beads."""
    beads = average_beads(tifffile.imread(folder / "Bead_Image1_crop.tif"))
    true = kernel_from_psf(beads.psf, BEAD_PIXEL, IMAGE_PIXEL, 2, size=KERNEL_SIDE)
    print("\nMean of {} beads at 60 nm: FWHM {:.2f} x {:.2f} HR px, {:.0f} deg\n".format(beads.used.sum(), *fwhm(true)))
    rows = []
    images = reporting(folder)
    for name, sharp in images.items():
        low = degraded(sharp, true)
        axes = "TYX"[-low.ndim :]
        rows += [Row(f"{name}, {prior}", spectral(low, axes=axes, config={"prior": prior}), true) for prior in ("auto", "microscopy")]
    first = next(iter(images.values()))
    middle = first.shape[1] // 4 * 2
    with TemporaryDirectory() as temporary:
        own = own_prior([first[:, :middle]], Path(temporary) / "own.npz")
        rows.append(
            Row("right half of the first, prior of its left", spectral(degraded(first[:, middle:], true), config={"prior": own}), true)
        )
    print_table(rows)
    return degraded(first, true), rows


def degraded(sharp: Image, kernel: Image) -> NDArray[np.uint16]:
    """As a camera of 16 bits has it."""
    low = kg.degrade(sharp, kernel, 2, "TYX"[-sharp.ndim :])
    return np.rint(np.clip(low, 0, 65535)).astype(np.uint16)


def random_kernels(folder: Path) -> None:
    """The same images under random Gaussian kernels."""
    print("\n| image | prior | kernel PSNR / dB | FWHM error | bar, ± HR px | in the bars | picks |" + "\n" + "|---" * 7 + "|")
    for name, sharp in reporting(folder).items():
        rng = np.random.default_rng(0)
        kernels = [random_gaussian(rng, KERNEL_SIDE, (0.35, 5.0)) for _ in range(KERNELS_EACH)]
        lows = [degraded(sharp, true) for true in kernels]
        for prior in ("natural", "microscopy", "broad", "auto"):
            rows = [
                Row(name, spectral(low, axes="TYX"[-low.ndim :], config={"prior": prior}), true)
                for low, true in zip(lows, kernels, strict=True)
            ]
            mine, bars, true = np.array([row.widths for row in rows]).reshape(-1, 3).T
            picks = ", ".join(f"{picked} {count}" for picked, count in Counter(row.prior for row in rows).items())
            inside = np.mean([row.inside for row in rows]) / 2
            print(
                f"| {name} | {prior} | {np.mean([row.psnr for row in rows]):.1f} | {100 * np.abs(mine / true - 1).mean():.0f} % "
                f"| {bars.mean():.2f} | {100 * inside:.0f} % | {picks} |",
                flush=True,
            )


# --- Both -----------------------------------------------------------------------------------------------------------------------------


def spectral(image: NDArray[np.generic], **options: object) -> kg.KernelEstimate:
    return kg.estimate_kernel(image, 2, method="spectral", **options)


def transfer(kernel: Image) -> float:
    return float(np.mean([mtf(kernel, angle, [NYQUIST])[1] for angle in (0.0, 90.0)]))


def print_table(rows: list[Row]) -> None:
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for row in rows:
        mine = " x ".join(f"{width:.2f} ± {bar:.2f}" for width, bar, _ in row.widths)
        true = " x ".join(f"{width:.2f}" for *_, width in row.widths)
        kept = "{:.2f} ({:.2f})".format(*row.transfer)
        cells = (row.name, row.prior, mine, true, f"{row.inside} of 2", kept, f"{row.psnr:.1f}", row.found.reliability.level)
        print("| " + " | ".join(cells) + " |", flush=True)


def draw(found: tuple[Image, list[Row]], title: str, path: Path) -> None:
    """The image, the true and the estimated kernel, and all widths with their bars."""
    low, rows = found
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), width_ratios=(1.1, 1, 1, 1.9), layout="constrained")
    middle = [slice(max(n // 2 - 64, 0), n // 2 + 64) for n in low.shape]
    detail = low[tuple(middle)]
    axes[0].imshow(detail, cmap="gray", vmin=np.quantile(detail, 0.01), vmax=np.quantile(detail, 0.995))
    axes[0].set_title(title)
    top = max(rows[0].true.max(), rows[0].found.kernel.max())
    for axis, kernel, name in ((axes[1], rows[0].true, "true"), (axes[2], rows[0].found.kernel, "estimated")):
        axis.imshow(kernel, cmap="magma", vmin=0, vmax=top)
        axis.set_title("{}, {:.2f} x {:.2f} px".format(name, *fwhm(kernel)[:2]))
    for axis in axes[:3]:
        axis.set_axis_off()
    places = np.arange(len(rows))[::-1]
    for which, colour in enumerate(("tab:blue", "tab:orange")):
        middles = np.array([row.found.fwhm[which] for row in rows])
        bars = np.array([row.found.fwhm_interval[which] for row in rows]).T
        axes[3].errorbar(middles, places + 0.15 - 0.3 * which, xerr=np.abs(bars - middles), fmt="o", color=colour, ms=4, capsize=2)
        axes[3].axvline(fwhm(rows[0].true)[which], color=colour, lw=1)
    axes[3].set_yticks(places, [f"{row.name}: {row.prior}" for row in rows], fontsize=8)
    axes[3].set_xlabel("FWHM, major and minor / HR px; lines: truth")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
