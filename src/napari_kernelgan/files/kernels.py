"""Kernels on disk: a float32 TIFF beside a JSON of the same stem with everything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike

from ..errors import InputError
from ..estimate.result import History, KernelEstimate, Reliability
from ..kernels.algebra import as_kernel, normalise
from ..kernels.measures import FWHM, fwhm
from ..provenance import versions
from .atomic import atomic, read_json, write_json

HISTORY_POINTS = 300  # values kept of each loss term


def save_kernel(path: str | Path, kernel: KernelEstimate | ArrayLike, **provenance: Any) -> Path:
    """Write a kernel as ``NAME.tif`` (float32) and ``NAME.json``; existing files are replaced.

    Parameters
    ----------
    path : path
        Of the TIFF; the suffix ``.tif`` is added where it is missing.
    kernel : KernelEstimate or array_like
        (n, n).
    **provenance
        Anything else to put on record in the JSON: source, pixel_size (y, x) of the input and unit, scale (of a bare array), ...

    Returns
    -------
    Path
        Of the TIFF.
    """
    path = tiff_path(path)
    estimate = kernel if isinstance(kernel, KernelEstimate) else None
    values = as_kernel(estimate.kernel if estimate else kernel)
    record = kernel_record(estimate) if estimate else {"method": "given", "fwhm": _widths(fwhm(values)), "versions": versions()}
    with atomic(path) as temporary:
        tifffile.imwrite(temporary, values.astype(np.float32), photometric="minisblack")
    write_json(path.with_suffix(".json"), record | provenance)
    return path


def tiff_path(path: str | Path) -> Path:
    """The path of a kernel's TIFF."""
    path = Path(path)
    return path if path.suffix.lower() in (".tif", ".tiff") else path.with_name(path.name + ".tif")


def kernel_record(estimate: KernelEstimate) -> dict[str, Any]:
    """Everything about an estimate but its samples, ready for JSON."""
    widths = estimate.fwhm
    record: dict[str, Any] = {
        "scale": estimate.scale,
        "method": estimate.method,
        "seed": estimate.seed,
        "device": estimate.device,
        "seconds": round(estimate.seconds, 3),
        "stopped": estimate.stopped,
        "reference": estimate.reference,
        "fwhm": _widths(widths),
        "fwhm_interval": estimate.fwhm_interval,
        "reliability": vars(estimate.reliability) if estimate.reliability else None,
        "pixel_size": list(estimate.pixel_size) if estimate.pixel_size else None,
        "unit": estimate.unit,
        "config": estimate.config,
        **estimate.details,
        "stages": [stage.tolist() for stage in estimate.stages],
        "history": _thin(estimate.history),
    }
    if estimate.pixel_size:
        record["fwhm_physical"] = _physical(widths, estimate.pixel_size, estimate.scale) | {"unit": estimate.unit}
    return record


def _widths(widths: FWHM) -> dict[str, Any]:
    return widths._asdict() | {"unit": "HR pixel"}


def _physical(widths: FWHM, pixel_size: tuple[float, float], scale: int) -> dict[str, float]:
    """Widths in the unit of the input's pixel size, along their directions: pixels may be oblong."""
    y, x = pixel_size
    directions = np.deg2rad([widths.angle, widths.angle + 90])
    major, minor = np.array(widths[:2]) / scale * np.hypot(y * np.sin(directions), x * np.cos(directions))
    return {"major": float(major), "minor": float(minor)}


def load_kernel(path: str | Path, scale: int | None = None) -> KernelEstimate:
    """Read a kernel that `save_kernel` wrote, or any square one-plane TIFF or NPY.

    Parameters
    ----------
    path : path
        Of the TIFF or NPY; its JSON is read where there is one.
    scale : int, optional
        The scale of a kernel that comes without a JSON.

    Raises
    ------
    InputError
        If the file is not there, holds no kernel, or its scale is not known.
    """
    path = Path(path)
    if not path.exists() and tiff_path(path).exists():
        path = tiff_path(path)
    try:
        values = np.load(path, allow_pickle=False) if path.suffix.lower() == ".npy" else tifffile.imread(path)
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise InputError(f"{path} cannot be read as a kernel: {error}") from error
    kernel = normalise(values)
    beside = path.with_suffix(".json")
    record = read_json(beside) if beside.exists() else {}
    known = record.get("scale", scale)
    if known is None:
        raise InputError(f"{path} comes without a JSON that tells its scale: give the scale.")
    named = {
        name: record[name] for name in ("method", "seed", "device", "seconds", "reference", "stopped", "unit", "config") if name in record
    }
    estimate = KernelEstimate(kernel, int(known), named.pop("method", "given"), **named)
    trust = record.get("reliability")
    interval = record.get("fwhm_interval")
    return replace(
        estimate,
        stages=_stages(record.get("stages", []), kernel),
        pixel_size=tuple(record["pixel_size"]) if record.get("pixel_size") else None,
        fwhm_interval=tuple(tuple(bar) for bar in interval) if interval else None,  # type: ignore[arg-type]
        reliability=Reliability(trust["level"], tuple(trust["codes"]), tuple(trust["reasons"])) if trust else None,
        history=_thick(record.get("history", {})),
        details={name: record[name] for name in ("input", "crops", "batch", "weights", "versions", "source") if name in record},
    )


def _stages(saved: list[Any], kernel: np.ndarray) -> tuple[Any, ...]:
    """The kernels of the gradual way; the last of them is the kernel itself."""
    return (*(normalise(stage) for stage in saved[:-1]), kernel) if saved else ()


def _thin(history: History) -> dict[str, Any]:
    """At most `HISTORY_POINTS` values of each loss, six digits; kernels on the way are not kept on disk."""
    steps = len(next(iter(history.losses.values()), ()))
    chosen = np.unique(np.linspace(0, steps - 1, min(steps, HISTORY_POINTS)).round().astype(int)) if steps else np.zeros(0, int)
    losses = {name: [float(f"{v:.6g}") for v in values[chosen]] for name, values in history.losses.items()}
    return {"steps": (chosen + 1).tolist(), "losses": losses}


def _thick(saved: dict[str, Any]) -> History:
    return History(losses={name: np.array(values, float) for name, values in saved.get("losses", {}).items()})
