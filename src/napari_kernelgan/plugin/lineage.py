"""What an upscaled layer was made from: its image layer and its kernel layer, found among others by what its record says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer

from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..fields.result import KernelMap
from ..images.layout import Layout
from ..provenance import hash_array
from ..upscaling.api import KernelLike, kernel_stages
from ..upscaling.result import UpscaledImage, UpscaleInfo
from .placement import Placement
from .records import (
    MAP_KEY,
    belongs_to,
    describe_kernel,
    describe_map,
    estimate_in,
    has_widths,
    is_kernel,
    is_map,
    is_upscaled,
    kernel_in,
    record_of,
)
from .source import Source

CHANGED = "'{}' is no upscale of '{}' as the two are now: the axes or the size of one were changed. Upscale the image again."


def source_of(viewer: ViewerModel | None, upscaled: Layer) -> Image:
    """The image layer that an upscaled layer was made from, whatever it is called now.

    Raises
    ------
    InputError
        If the layer is no upscaled image of this plugin, or its image is not among the viewer's layers.
    """
    origin = _record(upscaled)["source"]
    found = next((layer for layer in layers_of(viewer) if belongs_to(upscaled, layer)), None)
    if found is None:
        raise InputError(
            f"Layer '{origin['layer']}', which '{upscaled.name}' was made from, is not among the layers: open the image again and upscale "
            "it anew, or, from the console, give it (image=)."
        )
    return found


def kernel_of(viewer: ViewerModel | None, upscaled: Layer) -> Layer:
    """The layer of the kernel, or of the map of kernels, that was undone in an upscaled layer, found by its samples.

    To a bicubic upscale, in which none was undone, belongs the latest kernel of its image.

    Raises
    ------
    InputError
        If it is not among the viewer's layers, or several kernels were undone, one for each of some planes.
    """
    record, layers = _record(upscaled), list(layers_of(viewer))[::-1]
    name, stack = upscaled.name, record.get("stack")
    if record["method"] == "bicubic":
        own = [each for each in layers if is_kernel(each) and record_of(each)["scale"] == record["scale"] and _of_one_image(each, record)]
        if not own:
            raise InputError(f"'{name}' is a bicubic upscale, which undoes no kernel: estimate the image's kernel first, to judge it with.")
        return own[0]
    if stack is not None:
        widths = [kernel.get("fwhm") for kernel in stack["kernels"]]
        if len(widths) > 1:
            raise InputError(
                f"'{name}' was made with {len(widths)} kernels, each for some of its planes: upscale a single plane with its own kernel, "
                "and check that."
            )
        found = [each for each in layers if is_kernel(each) and record_of(each)["scale"] == record["scale"] and has_widths(each, widths[0])]
    else:
        found = [each for each in layers if _fingerprint(each, record["scale"]) == record["kernel"]["sha256"]]
    if not found:
        what = f"'{called}'" if (called := (record.get("kernel") or {}).get("layer")) else "that"
        raise InputError(
            f"The kernel of '{name}' ({what}) is not among the layers, or was changed: upscale the image anew with a kernel that is there, "
            "or, from the console, give it (kernel=)."
        )
    return found[0]


def undoable_in(layer: Layer) -> KernelEstimate | KernelMap:
    """The kernel in a layer with all that its record tells, or the map of kernels that it shows.

    Raises
    ------
    InputError
        If the layer is no kernel layer of this plugin.
    """
    return kernel_in(layer) if is_map(layer) else estimate_in(layer)


@dataclass(frozen=True)
class Upscale:
    """An upscaled layer as it was, beside the image that it was made from.

    Attributes
    ----------
    name : str
        Of the upscaled layer.
    source : Source
        What was upscaled: the image, or the plane or part of it.
    image : array
        Its upscaled pixels, with the axes of ``source.image``; what is known of them comes along in ``info``, where that can be.
    scale : int
    placement : Placement
        Of the upscaled layer.
    record : dict
        Of the upscaled layer.
    origin : dict
        Name and id of the upscaled layer, for records.
    """

    name: str
    source: Source
    image: Any
    scale: int
    placement: Placement
    record: dict[str, Any]
    origin: dict[str, str]

    @classmethod
    def of(cls, upscaled: Layer, image: Image | None = None, viewer: ViewerModel | None = None) -> Upscale:
        """Take an upscaled layer and its image.

        Parameters
        ----------
        upscaled : napari.layers.Image
        image : napari.layers.Image, optional
            That it was made from; None looks for it.
        viewer : napari.Viewer, optional
            Where to look; None: napari's current one.

        Raises
        ------
        InputError
            If the layer is no upscaled image of this plugin, or its image is not there, or either has another shape now.
        """
        record = _record(upscaled)
        about = record["source"]
        plane = about.get("plane")
        image = image if image is not None else source_of(viewer, upscaled)
        pixels = upscaled.data[0] if upscaled.multiscale else upscaled.data
        try:
            source = Source.of(image, None if plane is None else tuple(plane))
            if "ranges" in about:
                source = source.with_axes("".join(axis for axis in about["axes"] if axis not in "YXS")).within(about["ranges"])
        except InputError as error:
            raise InputError(CHANGED.format(upscaled.name, image.name)) from error
        if pixels.shape != (1,) * source.leading + Layout.of(source.image, source.axes).scaled(record["scale"]).shape:
            raise InputError(CHANGED.format(upscaled.name, image.name))
        pixels = pixels[(0,) * source.leading]
        origin = {"layer": upscaled.name, "layer_id": str(upscaled.unique_id)}
        return cls(upscaled.name, source, _informed(pixels, record), record["scale"], Placement.of(upscaled), record, origin)

    def check(self) -> None:
        """See whether the image is still the one that was upscaled; reads all of it.

        Raises
        ------
        InputError
            If its pixels have changed.
        """
        image, known = self.source.image, self.record.get("input", {}).get("sha256")
        if known and isinstance(image, np.ndarray) and hash_array(image) != known:
            raise InputError(
                f"The pixels of '{self.source.name}' are not those that '{self.name}' was made from: upscale the image again, then check."
            )


def kernel_for(upscaled: Layer, given: Layer | KernelLike = None, viewer: ViewerModel | None = None) -> tuple[Any, dict[str, Any]]:
    """The kernel to judge an upscaled layer with, as numerics take it, and what records say of it.

    `given` None looks for it as `kernel_of` does.
    """
    layer = kernel_of(viewer, upscaled) if given is None else given
    if isinstance(layer, Layer):
        kernel, about = undoable_in(layer), {"layer": layer.name}
    else:
        kernel, about = layer, {}
    if isinstance(kernel, KernelMap):
        return kernel, about | describe_map(kernel)
    return kernel, about | describe_kernel(kernel, kernel_stages(kernel, _record(upscaled)["scale"])[-1][1])


def _record(upscaled: Layer) -> dict[str, Any]:
    if not is_upscaled(upscaled):
        raise InputError(f"Layer '{upscaled.name}' is no upscaled image: choose one that Upscale made.")
    return record_of(upscaled)


def layers_of(viewer: ViewerModel | None) -> Iterable[Layer]:
    """The layers of a viewer; None: of napari's current one, if there is one."""
    if viewer is None:
        from napari import current_viewer

        viewer = current_viewer()
    return viewer.layers if viewer is not None else ()


def _of_one_image(kernel: Layer, record: dict[str, Any]) -> bool:
    return record_of(kernel)["source"]["layer_id"] == record["source"]["layer_id"]


def _fingerprint(layer: Layer, scale: int) -> str | None:
    """The hash that the record of an upscale with this layer's kernels has; None where it holds none for the scale."""
    if is_map(layer):
        return hash_array(layer.metadata[MAP_KEY].kernels)
    if not is_kernel(layer) or record_of(layer)["scale"] != scale:
        return None
    try:
        return hash_array(kernel_stages(kernel_in(layer), scale)[-1][1])
    except InputError:  # somebody has drawn on it
        return None


def _informed(pixels: Any, record: dict[str, Any]) -> Any:
    """Pixels in memory as `upscale` gave them, with what the record tells of how they came about."""
    if not isinstance(pixels, np.ndarray):
        return pixels
    names = ("method", "scale", "seed", "device", "seconds", "stopped", "config")
    known = {name: record[name] for name in names if name in record}
    details = {name: record[name] for name in ("input", "planes", "training", "threads", "versions") if name in record}
    return UpscaledImage.of(pixels, UpscaleInfo(**known, details=details))
