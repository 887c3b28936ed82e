"""Kernels on disk: a float32 TIFF beside a JSON of the same stem with everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..estimate.result import History, KernelEstimate, Reliability
from ..kernels.algebra import Kernel, as_kernel, normalise
from ..kernels.forward import check_scale
from ..kernels.measures import FWHM, fwhm, physical_fwhm
from ..provenance import versions
from .atomic import atomic, read_json, to_json
from .units import unit_name

HISTORY_POINTS = 300  # values kept of each loss term
DETAILS = ("input", "crops", "batch", "weights", "spectrum", "versions", "source")


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

    Raises
    ------
    InputError
        If it is no kernel, or something given cannot be written as JSON; nothing is written then.
    """
    path = tiff_path(path)
    estimate = kernel if isinstance(kernel, KernelEstimate) else None
    values = as_kernel(estimate.kernel if estimate else kernel)
    widths = fwhm(values)
    record = kernel_record(estimate) if estimate else {"method": "given", "fwhm": _widths(widths), "versions": versions()}
    text = to_json(_with_lengths(record | provenance, widths))
    return write_with_record(path, values, text)


def write_with_record(path: Path, pixels: NDArray[np.float64], text: str) -> Path:
    """Write a float32 TIFF and the text of the JSON beside it; neither gets its name before both are written."""
    with atomic(path) as tiff, atomic(path.with_suffix(".json")) as beside:
        tifffile.imwrite(tiff, pixels.astype(np.float32), photometric="minisblack")
        beside.write_text(text, encoding="utf-8")
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
        "pixel_size": estimate.pixel_size,
        "unit": estimate.unit,
        "config": estimate.config,
        **estimate.details,
        "stages": [stage.tolist() for stage in estimate.stages],
        "history": _thin(estimate.history),
    }
    return _with_lengths(record, widths)


def _widths(widths: FWHM) -> dict[str, Any]:
    return widths._asdict() | {"unit": "HR pixel"}


def _with_lengths(record: dict[str, Any], widths: FWHM) -> dict[str, Any]:
    """A record with the widths in the unit of the input's pixel size, where that and the scale are known."""
    if record.get("pixel_size") is None:
        return record
    y, x = _pixel_size(record["pixel_size"])
    unit = unit_name(record.get("unit"))
    record = record | {"pixel_size": [y, x], "unit": unit}
    if record.get("scale") is None:
        return record
    scale = check_scale(record["scale"])
    major, minor, _ = physical_fwhm(widths, (y / scale, x / scale))
    return record | {"fwhm_physical": {"major": major, "minor": minor, "unit": unit}}


def _pixel_size(given: Any) -> tuple[float, float]:
    """A pixel size (y, x), or one length for both, checked."""
    try:
        y, x = (float(size) for size in np.broadcast_to(np.asarray(given, np.float64), 2))
    except (TypeError, ValueError):
        y = x = 0.0
    if not (0 < y < np.inf and 0 < x < np.inf):
        raise InputError(f"pixel_size={given!r} is neither a length nor two (y, x), for example (0.2, 0.1).")
    return y, x


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
        If the file is not there, holds no kernel, its JSON is damaged, or its scale is not known.
    """
    path = Path(path)
    if not path.exists() and tiff_path(path).exists():
        path = tiff_path(path)
    try:
        values = np.load(path, allow_pickle=False) if path.suffix.lower() == ".npy" else tifffile.imread(path)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise InputError(f"{path} cannot be read as a kernel: {str(error).strip() or type(error).__name__}") from error
    kernel = normalise(values)
    beside = path.with_suffix(".json")
    record = read_json(beside) if beside.exists() else {}
    known = record.get("scale", scale)
    if known is None:
        raise InputError(f"{path} comes without a JSON that tells its scale: give the scale.")
    try:
        return estimate_from_record(kernel, record | {"scale": known})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{beside} does not describe a kernel: {type(error).__name__}, {error}. It may be damaged.") from error


def estimate_from_record(kernel: Kernel, record: dict[str, Any]) -> KernelEstimate:
    """What `kernel_record` recorded."""
    named = {name: record[name] for name in ("seed", "device", "seconds", "reference", "stopped", "unit", "config") if name in record}
    trust = record.get("reliability")
    interval = record.get("fwhm_interval")
    return KernelEstimate(
        kernel,
        check_scale(record["scale"]),
        record.get("method", "given"),
        **named,
        stages=_stages(record.get("stages", []), kernel),
        pixel_size=_pixel_size(record["pixel_size"]) if record.get("pixel_size") else None,
        fwhm_interval=tuple((float(low), float(high)) for low, high in interval) if interval else None,  # type: ignore[arg-type]
        reliability=Reliability(trust["level"], tuple(trust["codes"]), tuple(trust["reasons"])) if trust else None,
        history=_thick(record.get("history", {})),
        details={name: record[name] for name in DETAILS if name in record},
    )


def _stages(saved: list[Any], kernel: np.ndarray) -> tuple[Any, ...]:
    """The kernels of the gradual way; the last of them is the kernel itself."""
    return (*(normalise(stage) for stage in saved[:-1]), kernel) if saved else ()


def _thin(history: History) -> dict[str, Any]:
    """At most `HISTORY_POINTS` values of each loss, six digits; kernels on the way are not kept on disk."""
    count = len(next(iter(history.losses.values()), ()))
    chosen = np.unique(np.linspace(0, count - 1, min(count, HISTORY_POINTS)).round().astype(int)) if count else np.zeros(0, int)
    losses = {name: [float(f"{v:.6g}") for v in values[chosen]] for name, values in history.losses.items()}
    steps = history.steps if len(history.steps) else np.arange(1, count + 1)
    return {"steps": steps[chosen].tolist(), "losses": losses}


def _thick(saved: dict[str, Any]) -> History:
    losses = {name: np.array(values, float) for name, values in saved.get("losses", {}).items()}
    steps = np.array(saved.get("steps", ()), np.int64)
    if any(values.shape != steps.shape for values in losses.values()) and len(steps):
        raise ValueError("losses and steps of different lengths")
    return History(losses=losses, steps=steps)
