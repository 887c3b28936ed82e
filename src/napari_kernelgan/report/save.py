"""Everything that came out about one image, in one folder: kernel, upscaled image, figure, tables, and how it all was made.

All of it is written under other names first: what fails, or is stopped, leaves nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError, device_errors
from ..estimate.result import KernelEstimate
from ..fields.result import KernelMap
from ..files.atomic import refuse_existing, write_json
from ..files.image_file import Calibration
from ..files.images import check_writable, write_image
from ..files.kernel_maps import save_kernel_map
from ..files.kernels import kernel_record, save_kernel
from ..files.ngff import is_store
from ..files.ngff_image import iter_write_ngff
from ..files.ngff_write import check_ngff, put_in_place
from ..images.layout import Layout
from ..progress import Callback, Progress, Steps, relay, run, stops
from .figure import write_figure_of
from .methods import methods_sentence
from .provenance_text import as_text, readable
from .reading import KERNEL, KINDS, UPSCALED, Record, flat, kind_of

FORMATS = {"ome-tiff": "upscaled.ome.tif", "ome-zarr": "upscaled.ome.zarr"}
METHODS, PROVENANCE, FIGURE, RECORD = "methods.txt", "provenance.txt", "figure.png", "upscaled.json"


@dataclass(frozen=True, eq=False)
class Results:
    """What is saved together; what is not there is left out.

    Attributes
    ----------
    records : sequence of dict
        Of the kernel, of the upscaled image, and of what was found out about it: what the texts are made of.
    kernel : KernelEstimate, KernelMap or None
    upscaled : array, optional
        NumPy, Dask or Zarr array, or one in files; lazy ones are computed plane by plane.
    axes : str, optional
        One letter per axis of `upscaled` and of `image`.
    calibration : Calibration
        Of `upscaled`.
    image : array, optional
        What `upscaled` was made from, or the kernel estimated from: for the figure.
    name : str
        Of the image.
    tables : mapping of str to str
        File name to CSV text, for example of the kernel's numbers.
    """

    records: Sequence[Record]
    kernel: KernelEstimate | KernelMap | None = None
    upscaled: Any = None
    axes: str | None = None
    calibration: Calibration = Calibration()
    image: Any = None
    name: str = "image"
    tables: Mapping[str, str] = field(default_factory=dict)

    def record(self, kind: str) -> Record:
        """The first record of a kind; empty where there is none."""
        return next((record for record in map(flat, self.records) if kind_of(record) == kind), {})


class Saved(NamedTuple):
    """What was written."""

    files: tuple[Path, ...]
    """None where it was stopped."""
    notes: tuple[str, ...] = ()
    """What a user should know, in sentences: what was left out, and why."""
    stopped: bool = False
    """Whether it was stopped on request, and nothing written."""


def save_results(
    folder: str | Path, results: Results, *, image_format: str = "ome-tiff", overwrite: bool = False, callback: Callback | None = None
) -> Saved:
    """Write results into a folder: all of them, or nothing.

    ``kernel.tif`` and ``kernel.json`` (of a map ``kernels.tif`` and ``kernels.json``), ``upscaled.ome.tif`` or ``upscaled.ome.zarr`` with
    ``upscaled.json``, ``figure.png``, the tables, ``methods.txt`` and ``provenance.txt``.

    Parameters
    ----------
    folder : path
        Made where it is not there.
    results : Results
    image_format : {"ome-tiff", "ome-zarr"}
    overwrite : bool
        Whether existing files may be replaced; else they are refused before anything is written.
    callback : callable, optional
        Called with a `Progress` after every file, and every plane of an OME-Zarr image; returning False stops, and nothing is written.

    Returns
    -------
    Saved

    Raises
    ------
    InputError
        If there is nothing to save, files exist, or the format cannot hold the image.
    OSError
        If the disk is full, for example; nothing is written then.
    """
    return run(iter_save_results(folder, results, image_format=image_format, overwrite=overwrite), callback)


def iter_save_results(folder: str | Path, results: Results, *, image_format: str = "ome-tiff", overwrite: bool = False) -> Steps[Saved]:
    """Do what `save_results` does, as a generator; what cannot be saved is refused at the call."""
    folder = Path(folder)
    if image_format not in FORMATS:
        raise InputError(f"image_format={image_format!r} is unknown: use one of {', '.join(FORMATS)}.")
    if results.kernel is None and results.upscaled is None:
        raise InputError("There is nothing to save: neither a kernel nor an upscaled image.")
    names = names_of(results, image_format)
    _check_names(results.tables, names)
    if results.upscaled is not None:
        layout = Layout.of(results.upscaled, results.axes)
        check_writable(FORMATS["ome-tiff"], layout, results.upscaled.dtype) if image_format == "ome-tiff" else check_ngff(layout)
    there = [name for name in names if (folder / name).exists()]
    if there and not overwrite:
        raise InputError(f"{folder} holds {', '.join(there)} already: choose another folder, or allow overwriting (overwrite=True).")
    for name in names:
        if name == FORMATS["ome-zarr"] and (folder / name).is_dir():
            if not is_store(folder / name):
                raise InputError(f"{folder / name} is there and no Zarr store, and is not deleted: choose another folder.")
        else:
            refuse_existing(folder / name, overwrite=True)
    return _save(folder, results, image_format, names)


def names_of(results: Results, image_format: str = "ome-tiff") -> list[str]:
    """The names of the files that would be written, in order."""
    names = []
    if results.kernel is not None:
        stem = "kernels" if isinstance(results.kernel, KernelMap) else "kernel"
        names += [f"{stem}.tif", f"{stem}.json"]
    names += results.tables
    if results.upscaled is not None:
        names += [FORMATS[image_format], RECORD]
    return [*names, *([FIGURE] if _why_no_figure(results) is None else []), METHODS, PROVENANCE]


def _save(folder: Path, results: Results, image_format: str, names: list[str]) -> Steps[Saved]:
    planes = Layout.of(results.upscaled, results.axes).n_planes if results.upscaled is not None and image_format == "ome-zarr" else 1
    total = planes + 2
    with _staging(folder) as staging, device_errors():
        _write_kernel(staging, results)
        if stops((yield Progress(1, total, stage="saving the kernel"))):
            return Saved((), stopped=True)
        if results.upscaled is not None:
            write_json(staging / RECORD, results.record(UPSCALED))
            written = yield from relay(_write_image(staging, results, image_format), lambda progress: progress.within(1, total))
            if not written:
                return Saved((), stopped=True)
        if FIGURE in names:
            assert isinstance(results.kernel, KernelEstimate)  # else there is no figure
            about = results.kernel, results.name, results.record(UPSCALED)
            write_figure_of(staging / FIGURE, results.image, results.upscaled, results.axes, *about)
        texts = {METHODS: methods_sentence(*results.records), PROVENANCE: _provenance(results.records), **results.tables}
        for name, text in texts.items():
            (staging / name).write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8", newline="")
        if stops((yield Progress(total, total, stage="saving the rest"))):
            return Saved((), stopped=True)
        for name in names:
            (put_in_place if (staging / name).is_dir() else os.replace)(staging / name, folder / name)
    return Saved(tuple(folder / name for name in names), tuple(_notes(folder, results, names)))


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder in the folder, under a name of its own, that goes away with what is in it, as do folders that were made for nothing."""
    made = [each for each in (folder, *folder.absolute().parents) if not each.exists()]
    staging = folder / f".{secrets.token_hex(4)}-saving"
    staging.mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):  # one that is not empty stays, as do those above it
            for each in made:
                each.rmdir()


def _write_kernel(folder: Path, results: Results) -> None:
    kernel = results.kernel
    if isinstance(kernel, KernelMap):
        save_kernel_map(folder / "kernels.tif", kernel, calibration=results.calibration._asdict())
    elif kernel is not None:
        own = kernel_record(kernel)
        more = {name: value for name, value in results.record(KERNEL).items() if name not in own and name != "stack"}
        save_kernel(folder / "kernel.tif", kernel, **more)


def _write_image(folder: Path, results: Results, image_format: str) -> Steps[bool]:
    path, scale = folder / FORMATS[image_format], results.record(UPSCALED).get("scale", 1)
    layout = Layout.of(results.upscaled, results.axes)
    if image_format == "ome-zarr":
        calibration = results.calibration
        return (yield from iter_write_ngff(path, results.upscaled, layout, calibration, name=results.name, upscaled_by=scale))
    write_image(path, results.upscaled, layout.axes, *results.calibration, ome=True)
    return not stops((yield Progress(1, 1, stage="saving the image")))


def _why_no_figure(results: Results) -> str | None:
    if results.image is None:
        return "There is no figure: the image is not among what is saved."
    if isinstance(results.kernel, KernelMap):
        return "There is no figure: it shows one kernel, and this is a map of them."
    return None if results.kernel is not None else "There is no figure: it shows a kernel, and none is saved."


def _provenance(records: Sequence[Record]) -> str:
    """All records, each under the name of what it is of."""
    known = sorted(records, key=lambda record: KINDS.index(kind_of(flat(record))))
    parts = []
    for record in known:
        title = kind_of(flat(record)).upper()
        parts.append(f"{title}\n{'=' * len(title)}\n\n{as_text(readable(record))}")
    return "\n".join(parts)


def _check_names(tables: Mapping[str, str], names: Sequence[str]) -> None:
    for name in tables:
        if Path(name).name != name or name.startswith(".") or list(names).count(name) > 1:
            raise InputError(f"Tables have plain names of their own, for example 'kernel.csv', not {name!r}.")


def _notes(folder: Path, results: Results, names: Sequence[str]) -> Iterator[str]:
    """What was left out, and what of an earlier time is still there."""
    reason = _why_no_figure(results)
    if reason:
        yield reason
    for name in FORMATS.values():
        if results.upscaled is not None and name not in names and (folder / name).exists():
            yield f"{name} of an earlier time is still in the folder."
