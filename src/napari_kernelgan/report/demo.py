"""The demonstration: a photograph degraded with a known kernel, the whole run on it, and scores against the truth."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from ..assess.metrics import kernel_psnr, picture_psnr
from ..config import Settings
from ..errors import InputError
from ..estimate.api import estimate_kernel
from ..files.atomic import write_json
from ..files.images import read_image, write_image
from ..files.kernels import save_kernel
from ..kernels.forward import degrade
from ..kernels.measures import FWHM, SIGMA_TO_FWHM, gaussian_fwhm
from ..kernels.models import gaussian
from ..progress import Steps, relay
from ..upscaling.api import iter_upscale, upscale
from .run import RunFiles, RunResult, iter_run
from .steps import check_outputs

if TYPE_CHECKING:
    from rich.table import Table

NAME = "napari-kernelgan-demo"
SCALE = 2
PICTURE = "camera.png"
CORNER, SIDE = (190, 190), 300
WIDTHS = FWHM(4.2, 3.2, 30.0)
METHOD = UPSCALER = "auto"
INTRODUCTION = (
    f"A part of the photograph {PICTURE} that comes with scikit-image is blurred with a known Gaussian kernel and made half as large. "
    "From that alone, the kernel is estimated, with error bars, and the picture is upscaled; then once more with the true kernel, for "
    "comparison."
)


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration gave."""

    run: RunResult
    record: dict[str, Any]
    """The scores, as ``demo.json`` holds them; of a run that was stopped, which has none, its report."""


def free_folder(parent: Path) -> Path:
    """The first of napari-kernelgan-demo, -2, -3, ... that is not there."""
    number, folder = 1, parent / NAME
    while folder.exists():
        number += 1
        folder = parent / f"{NAME}-{number}"
    return folder


def iter_demo(folder: Path, settings: Settings, *, overwrite: bool = False) -> Steps[DemoResult]:
    """Degrade the photograph, do the whole run on it, upscale with the true kernel too, and score everything.

    Parameters
    ----------
    folder : Path
        Gets a run's files, ``input.tif``, ``truth.tif``, ``true_kernel.tif``, ``upscaled_true_kernel.tif`` and ``demo.json``.
    settings : Settings
        Seed, device, and the settings of the methods; which methods are shown is fixed.
    overwrite : bool
        Whether existing files may be replaced.
    """
    names = ("input.tif", "truth.tif", "true_kernel.tif", "true_kernel.json", "upscaled_true_kernel.tif", "demo.json")
    low_path, truth_path, kernel_path, _, ideal_path, record_path = own = [folder / name for name in names]
    check_outputs([], [*own, *RunFiles.within(folder)], overwrite=overwrite)
    start = time.perf_counter()
    truth = sharp_picture()
    covariance = _covariance(WIDTHS)
    kernel = gaussian(covariance)
    low = degrade(truth, kernel, SCALE)
    write_image(truth_path, truth, overwrite=overwrite)
    write_image(low_path, low, overwrite=overwrite)
    save_kernel(kernel_path, kernel, scale=SCALE, method="true")

    settings = settings.with_run(scale=SCALE, method=METHOD, upscaler=UPSCALER)
    run = yield from iter_run(read_image(low_path), folder, settings, overwrite=overwrite)
    if run.stopped:
        return DemoResult(run, run.record)
    how: dict[str, Any] = {"seed": settings.run.seed, "device": settings.run.device, "config": settings}
    again = estimate_kernel(low, SCALE, METHOD, **how)  # the first of a process prepares for all others
    steps = iter_upscale(low, kernel, SCALE, UPSCALER, **how)
    ideal = yield from relay(steps, lambda progress: progress.part(name=" with the true kernel"))
    write_image(ideal_path, ideal, overwrite=overwrite)
    bicubic = upscale(low, None, SCALE, "bicubic")
    record = {
        "picture": f"{PICTURE}, rows from {CORNER[0]}, columns from {CORNER[1]}, {SIDE} x {SIDE} px",
        "kernel_psnr": kernel_psnr(run.estimate.kernel, kernel),
        "fwhm": run.estimate.fwhm._asdict(),
        "fwhm_interval": run.estimate.fwhm_interval,
        "reliability": vars(run.estimate.reliability) if run.estimate.reliability else None,
        "estimate_seconds": {"first": run.estimate.seconds, "again": again.seconds},
        "true_fwhm": gaussian_fwhm(covariance)._asdict(),
        "picture_psnr": {
            "bicubic": picture_psnr(np.asarray(bicubic), truth),
            "upscaled": picture_psnr(np.asarray(run.upscaled), truth),
            "upscaled with the true kernel": picture_psnr(np.asarray(ideal), truth),
        },
        "note": INTRODUCTION,
        "seconds": round(time.perf_counter() - start, 3),
        "files": run.files._asdict() | {path.stem: path for path in own if path.suffix != ".json"} | {"demo": record_path},
    }
    write_json(record_path, record)
    return DemoResult(run, record)


def score_tables(record: dict[str, Any]) -> list[Table]:
    """The scores for people: of the kernel, and of the picture."""
    from rich.table import Table

    found, true = record["fwhm"], record["true_fwhm"]
    kernel = Table("", "estimated", "90 % error bars", "true", title="kernel", title_justify="left")
    for name, (low, high) in zip(("major", "minor"), record["fwhm_interval"], strict=True):
        kernel.add_row(f"FWHM, {name} / HR px", f"{found[name]:.2f}", f"{low:.2f} .. {high:.2f}", f"{true[name]:.2f}")
    kernel.add_row("direction / deg", f"{found['angle']:.0f}", "", f"{true['angle']:.0f}")
    kernel.add_row("kernel PSNR / dB", f"{record['kernel_psnr']:.1f}")
    kernel.add_row("how far to trust it", record["reliability"]["level"])
    first, again = record["estimate_seconds"].values()
    kernel.add_row("time / s", f"{first:.2f}, then {again:.2f} per image")
    picture = Table("", "PSNR / dB", title="picture against the original", title_justify="left")
    for name, psnr in record["picture_psnr"].items():
        picture.add_row(name, f"{psnr:.2f}")
    return [kernel, picture]


def sharp_picture() -> NDArray[np.uint8]:
    """The part of the photograph, from the files that are installed with scikit-image.

    Raises
    ------
    InputError
        If the installed scikit-image comes without it.
    """
    package = importlib.util.find_spec("skimage")
    path = Path(*(package.submodule_search_locations or [""]) if package else "") / "data" / PICTURE
    if not path.is_file():
        raise InputError(f"{path} is missing: install scikit-image from its wheel (python -m pip install --force-reinstall scikit-image).")
    (y, x), side = CORNER, SIDE
    return np.asarray(iio.imread(path))[y : y + side, x : x + side]


def _covariance(widths: FWHM) -> NDArray[np.float64]:
    """Covariance [[yy, yx], [yx, xx]] of the Gaussian with these widths."""
    angle = np.deg2rad(widths.angle)
    axes = np.array([[np.sin(angle), np.cos(angle)], [np.cos(angle), -np.sin(angle)]])  # columns: major and minor as (y, x)
    covariance: NDArray[np.float64] = axes @ np.diag(np.square(np.array(widths[:2]) / SIGMA_TO_FWHM)) @ axes.T
    return covariance
