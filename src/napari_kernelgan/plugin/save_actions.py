"""From layers to a folder with everything that came out: the Trust page's Save button, as functions that take layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Layer

from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..fields.result import KernelMap
from ..files.kernels import kernel_record
from ..progress import Callback, Steps, run
from ..report.save import Results, Saved, iter_save_results
from .lineage import Upscale, kernel_of, layers_of, source_of, undoable_in
from .records import ADDED, KERNEL, RESIDUAL, SPREAD, belongs_to, is_map, record_of
from .source import Source

Tables = Mapping[str, str] | Callable[[KernelEstimate], Mapping[str, str]]


def save_layers(
    folder: str | Path,
    kernel: Layer | None = None,
    upscaled: Image | None = None,
    image: Image | None = None,
    *,
    image_format: str = "ome-tiff",
    overwrite: bool = False,
    tables: Tables | None = None,
    viewer: ViewerModel | None = None,
    callback: Callback | None = None,
) -> Saved:
    """Write what came out about an image into a folder: all of it, or nothing.

    Parameters
    ----------
    folder : path
        Made where it is not there. It gets the files that `save_results` names.
    kernel : napari.layers.Layer, optional
        A kernel layer, or one of a map of kernels; None looks for the one that the upscaled layer was made with.
    upscaled : napari.layers.Image, optional
        A layer of `upscale_layer` or `process_stack_layer`; None saves the kernel alone. Layers that were made of it, as its residual, are
        told of in the texts.
    image : napari.layers.Image, optional
        That they were made from, for the figure; None looks for it by what is on record.
    image_format : {"ome-tiff", "ome-zarr"}
    overwrite : bool
        Whether existing files may be replaced; else they are refused before anything is written.
    tables : mapping of str to str, or callable, optional
        File name to CSV text, or what makes that of the kernel.
    viewer : napari.Viewer, optional
        Where to look; None: napari's current one.
    callback : callable, optional
        Called with a `Progress` after every file; returning False stops, and nothing is written.

    Returns
    -------
    Saved
        The files, and in sentences what was left out: an image or a kernel that is not among the layers any more is.

    Raises
    ------
    InputError
        If there is nothing to save, files exist, or the format cannot hold the image; the message says what to do.

    Examples
    --------
    >>> save_layers("results", viewer.layers["cells kernel"], viewer.layers["cells x2"]).files
    """
    about: dict[str, Any] = {"image_format": image_format, "overwrite": overwrite, "tables": tables, "viewer": viewer}
    return run(iter_save_layers(folder, kernel, upscaled, image, **about), callback)


def iter_save_layers(
    folder: str | Path,
    kernel: Layer | None = None,
    upscaled: Image | None = None,
    image: Image | None = None,
    *,
    image_format: str = "ome-tiff",
    overwrite: bool = False,
    tables: Tables | None = None,
    viewer: ViewerModel | None = None,
) -> Steps[Saved]:
    """Do what `save_layers` does, as a generator; may run in any thread.

    Layers are looked for and read, and what cannot be saved is refused, at the call, not in the thread.
    """
    results, notes = gathered(kernel, upscaled, image, tables=tables, viewer=viewer)
    return _with_notes(iter_save_results(folder, results, image_format=image_format, overwrite=overwrite), notes)


def gathered(
    kernel: Layer | None, upscaled: Image | None, image: Image | None = None, *, tables: Tables | None = None, viewer: Any = None
) -> tuple[Results, list[str]]:
    """What is to be saved of some layers, and in sentences what of it is not there.

    Raises
    ------
    InputError
        If there is nothing to save, or a layer is of another kind.
    """
    if kernel is None and upscaled is None:
        raise InputError("There is nothing to save: estimate a kernel or upscale an image first.")
    notes: list[str] = []
    if upscaled is not None:
        if kernel is None and record_of(upscaled).get("method") != "bicubic":
            kernel = _found(lambda: kernel_of(viewer, upscaled), notes)
        if image is None:
            image = _found(lambda: source_of(viewer, upscaled), notes)
    elif image is None:
        image = _image_of(kernel, viewer, notes)
    given = None if kernel is None else undoable_in(kernel)
    records = [] if kernel is None else [_kernel_record(kernel, given)]
    more: dict[str, Any] = {}
    if upscaled is not None:
        more, about = _picture(upscaled, image, viewer)
        records += about
    elif image is not None:
        plane = record_of(kernel).get("source", {}).get("plane")
        source = Source.of(image, None if plane is None else tuple(plane))
        more = {"image": source.image, "axes": source.axes, "calibration": source.calibration}
    if callable(tables):
        tables = tables(given) if isinstance(given, KernelEstimate) else {}
    name = record_of(upscaled if upscaled is not None else kernel)["source"]["layer"]
    return Results(records=records, kernel=given, name=name, tables=tables or {}, **more), notes


def findings_of(viewer: ViewerModel | None, upscaled: Image) -> list[dict[str, Any]]:
    """The records of what was found out about an upscaled layer, the latest of each kind, as far as its layers are there."""
    made, found = record_of(upscaled), {}
    for layer in layers_of(viewer):
        record = record_of(layer)
        kind = record.get("kind")
        of_it = kind in (RESIDUAL, ADDED) and record["upscaled"]["layer_id"] == str(upscaled.unique_id)
        like_it = kind == SPREAD and all(record.get(name) == made.get(name) for name in ("source", "scale", "method", "config"))
        if of_it or (like_it and record["kernel"].get("sha256") == (made.get("kernel") or {}).get("sha256")):
            found[kind] = record
    return list(found.values())


def _picture(upscaled: Image, image: Image | None, viewer: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An upscaled layer and its image as files have them, and the records of it and of what was found out about it."""
    source = Source.of(upscaled)
    record = record_of(upscaled)
    axes = record["source"].get("axes")
    if axes:
        source = source.with_axes("".join(axis for axis in axes if axis not in "YXS"))
    more = {"upscaled": source.image, "axes": source.axes, "calibration": source.calibration}
    if image is not None:
        made = Upscale.of(upscaled, image, viewer)
        more["image"] = made.source.stacked(made.source.image)
    return more, [record, *findings_of(viewer, upscaled)]


def _kernel_record(layer: Layer, given: KernelEstimate | KernelMap) -> dict[str, Any]:
    """The record of a kernel layer; of one that was changed since, what is known of it now."""
    record = record_of(layer)
    if is_map(layer) or given.method == record["method"]:
        return record
    return {"kind": KERNEL, "source": record["source"], **kernel_record(given)}


def _image_of(kernel: Layer, viewer: Any, notes: list[str]) -> Image | None:
    found = next((layer for layer in layers_of(viewer) if belongs_to(kernel, layer)), None)
    if found is None:
        notes.append(
            f"Layer '{record_of(kernel).get('source', {}).get('layer')}', which '{kernel.name}' was made from, is not among the layers."
        )
    return found


def _found(look: Callable[[], Layer], notes: list[str]) -> Layer | None:
    """A layer that is looked for, or a note on why it is not there."""
    try:
        return look()
    except InputError as error:
        notes.append(str(error))
        return None


def _with_notes(steps: Steps[Saved], notes: list[str]) -> Steps[Saved]:
    saved = yield from steps
    return saved if saved.stopped else saved._replace(notes=(*notes, *saved.notes))
