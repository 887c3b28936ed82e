"""The two steps of a run from file to file: an image to its kernel, an image and a kernel to its upscale."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import InputError
from ..estimate.api import iter_estimate_kernel
from ..estimate.result import KernelEstimate
from ..files.atomic import refuse_existing, write_json
from ..files.image_file import ImageFile
from ..files.images import check_writable, write_image
from ..files.kernels import kernel_record, load_kernel, save_kernel
from ..images.layout import Layout
from ..images.values import output_dtype
from ..kernels.forward import check_scale
from ..progress import Steps
from ..provenance import hash_file, versions
from ..upscaling.api import METHODS as UPSCALERS
from ..upscaling.api import iter_upscale


def iter_estimate_file(source: ImageFile, path: Path, settings: Settings, *, overwrite: bool = False) -> Steps[KernelEstimate]:
    """Estimate the kernel of an image and write it as ``NAME.tif`` and ``NAME.json``.

    Parameters
    ----------
    source : ImageFile
        Its pixel size goes with the estimate.
    path : Path
        Of the kernel's TIFF.
    settings : Settings
    overwrite : bool
        Whether existing files may be replaced; else they are refused before anything is computed.
    """
    check_outputs([source.path], [path, path.with_suffix(".json")], overwrite=overwrite)
    wanted = settings.run
    steps = iter_estimate_kernel(source.data, wanted.scale, wanted.method, source.axes, wanted.seed, wanted.device, settings)
    estimate = replace((yield from steps), pixel_size=source.pixel_size, unit=source.unit)
    save_kernel(path, estimate, source=source.record)
    return estimate


def iter_upscale_file(
    source: ImageFile, kernel: Path | None, path: Path, settings: Settings, *, overwrite: bool = False
) -> Steps[dict[str, Any]]:
    """Upscale an image with a kernel from a file; write it, and a JSON of the same stem on how it was made.

    Parameters
    ----------
    source : ImageFile
    kernel : Path or None
        None is for the upscaler "bicubic".
    path : Path
        ``.tif``, ``.ome.tif`` or ``.png``.
    settings : Settings
    overwrite : bool
        Whether existing files may be replaced; else they are refused before anything is computed.

    Returns
    -------
    dict
        What the JSON holds.
    """
    if kernel is not None and not kernel.is_file():
        raise InputError(f"{kernel}: there is no such file.")
    beside = record_path(path)
    inputs = [source.path] if kernel is None else [source.path, kernel, kernel.with_suffix(".json")]
    check_outputs(inputs, [path, beside], overwrite=overwrite)
    check_upscale(path, source, settings)
    estimate = load_kernel(kernel, settings.run.scale) if kernel else None
    start = time.perf_counter()
    upscaled = yield from iter_upscale_source(source, estimate, settings)
    write_upscaled(path, upscaled, source, settings.run.scale, overwrite=overwrite)
    training = upscale_record(upscaled, settings)
    undone = None
    if kernel is not None and estimate is not None and training["method"] != "bicubic":  # which uses no kernel
        undone = kernel_record(estimate) | {"path": kernel, "sha256": hash_file(kernel)}
    record = run_record(source, undone, training, {"upscaled": path, "record": beside}, start)
    write_json(beside, record)
    return record


def iter_upscale_source(source: ImageFile, kernel: KernelEstimate | None, settings: Settings) -> Steps[Any]:
    """Upscale an image file's pixels."""
    wanted = settings.run
    return (yield from iter_upscale(source.data, kernel, wanted.scale, wanted.upscaler, source.axes, wanted.seed, wanted.device, settings))


def write_upscaled(path: Path, upscaled: Any, source: ImageFile, scale: int, *, overwrite: bool) -> None:
    """Write an upscaled image with the pixel size of its file divided by the scale; OME-TIFF where the file has OME metadata."""
    write_image(path, upscaled, source.axes, *source.calibration.finer(scale), ome=source.ome, overwrite=overwrite)


def upscale_record(upscaled: Any, settings: Settings) -> dict[str, Any]:
    """How an image was upscaled, ready for JSON; of a lazy one, which is computed when it is written, method and scale."""
    info = getattr(upscaled, "info", None)
    return dict(vars(info)) if info else {"method": settings.run.upscaler, "scale": settings.run.scale}


def run_record(
    source: ImageFile, kernel: dict[str, Any] | None, training: dict[str, Any] | None, files: dict[str, Path], start: float
) -> dict[str, Any]:
    """The record of a run on a file: its input, the kernel, how the image was upscaled (None: it was not), and what was written."""
    return {
        "input": source.record,
        "kernel": kernel,
        "upscale": training,
        "upscaled": source.calibration.finer(training["scale"])._asdict() if training else None,
        "files": files,
        "seconds": round(time.perf_counter() - start, 3),
        "versions": versions(),
    }


def record_path(path: Path) -> Path:
    """The JSON beside an image: ``a.json`` for ``a.tif``, ``a.ome.tif`` and ``a.png``."""
    return path.with_name(path.with_suffix("").name.removesuffix(".ome") + ".json")


def check_outputs(inputs: Sequence[Path], outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse outputs that exist, that cannot be written, or that would replace an input."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise InputError(f"{path} belongs to the input: choose another name or folder for the output.")
    refuse_existing(*outputs, overwrite=overwrite)


def check_upscale(path: Path, source: ImageFile, settings: Settings) -> None:
    """Refuse an upscaler or a file that would fail after everything is computed."""
    if settings.run.upscaler not in UPSCALERS:
        raise InputError(f"upscaler {settings.run.upscaler!r} is unknown: use one of {', '.join(UPSCALERS)}.")
    large = Layout.of(source.data, source.axes).scaled(check_scale(settings.run.scale))
    check_writable(path, large, output_dtype(source.data.dtype))
