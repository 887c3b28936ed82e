"""The record of how a layer was made, under ``layer.metadata["napari_kernelgan"]``, and the kernel that such a layer holds."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Layer

from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..fields.result import KernelMap
from ..files.kernels import estimate_from_record, kernel_record
from ..kernels.algebra import Kernel, as_kernel
from ..provenance import hash_array, versions
from ..report.reading import ADDED, KERNEL, KERNELS, MAP, RESIDUAL, SPREAD, UPSCALED
from ..upscaling.result import UpscaleInfo

if TYPE_CHECKING:
    from .source import Source

KEY = "napari_kernelgan"
MAP_KEY = "napari_kernelgan_map"
"""Where the layers of a map of kernels have the `KernelMap` itself, for upscaling with it."""
PREVIEW = "kernel in training"
SAME = 1e-9
"""Relative difference of widths that rounding leaves."""
COMPARISON = "comparison"
"""Of a layer that is there while an image is compared with its upscale, and goes with the comparison."""
NO_PICTURES = {KERNEL, PREVIEW, KERNELS, MAP, RESIDUAL, ADDED, SPREAD, COMPARISON}


def estimate_record(estimate: KernelEstimate, source: Source) -> dict[str, Any]:
    """The record of a kernel layer: what a kernel's JSON holds, and the source."""
    return {"kind": KERNEL, "source": source.origin, **kernel_record(estimate)}


def upscale_record(info: UpscaleInfo, kernel: dict[str, Any] | None, source: Source) -> dict[str, Any]:
    """The record of an upscaled layer; `kernel` tells which kernel was undone."""
    fields = asdict(info)
    details = fields.pop("details")
    return {"kind": UPSCALED, "source": source.origin, **fields, "kernel": kernel, "versions": versions(), **details}


def record_of(layer: Layer) -> dict[str, Any]:
    """A layer's record; empty where this plugin did not make it."""
    record = layer.metadata.get(KEY)
    return record if isinstance(record, dict) else {}


def is_kernel(layer: Layer) -> bool:
    """Whether a layer is a finished kernel of this plugin."""
    return record_of(layer).get("kind") == KERNEL


def is_preview(layer: Layer) -> bool:
    """Whether a layer is a kernel that is still in training, or was when its run broke off."""
    return record_of(layer).get("kind") == PREVIEW


def is_picture(layer: Layer) -> bool:
    """Whether a layer is an image that there is something to do with, and no kernel, kernels, map, or what was found out about an image."""
    return isinstance(layer, Image) and record_of(layer).get("kind") not in NO_PICTURES


def is_upscaled(layer: Layer) -> bool:
    """Whether a layer is an upscaled image of this plugin."""
    return isinstance(layer, Image) and record_of(layer).get("kind") == UPSCALED


def is_map(layer: Layer) -> bool:
    """Whether a layer shows a map of kernels."""
    return isinstance(layer.metadata.get(MAP_KEY), KernelMap)


def belongs_to(result: Layer, image: Layer) -> bool:
    """Whether a kernel or an upscaled image was made from an image layer, whatever either is called now."""
    origin = record_of(result).get("source") or {}
    return origin.get("layer_id") == str(image.unique_id)


def kernel_in(layer: Layer) -> KernelEstimate | KernelMap:
    """The kernel in a layer, or the map of kernels that it shows.

    A kernel comes with its stages for the gradual way, unless the layer's pixels were changed.

    Raises
    ------
    InputError
        If the layer is no kernel layer of this plugin, or holds no kernel any more.
    """
    if is_map(layer):
        return layer.metadata[MAP_KEY]
    if not is_kernel(layer):
        raise InputError(f"Layer '{layer.name}' is no kernel: choose one that Estimate made, or give its array.")
    record = record_of(layer)
    try:
        kernel = as_kernel(layer.data)
    except InputError as error:
        raise InputError(f"Layer '{layer.name}' was changed, and holds no kernel any more. {error} Estimate it anew.") from error
    stages = tuple(np.array(stage, np.float64) for stage in record.get("stages", ()))
    if stages and not np.array_equal(stages[-1], kernel):
        stages = ()
    return KernelEstimate(kernel, record["scale"], record["method"], record["seed"], stages=stages)


def estimate_in(layer: Layer) -> KernelEstimate:
    """The estimate in a kernel layer with all that is on record: error bars, pixel size, losses, how far to trust it.

    A kernel whose pixels were changed since has method "given": its record is about another one.

    Raises
    ------
    InputError
        If the layer is no kernel layer of this plugin.
    """
    if not is_kernel(layer):
        raise InputError(f"Layer '{layer.name}' is no kernel: choose one that Estimate made.")
    plain, record = kernel_in(layer), record_of(layer)
    if not has_widths(layer, record["fwhm"]):
        return KernelEstimate(plain.kernel, plain.scale, "given", pixel_size=record["pixel_size"], unit=record["unit"])
    return replace(estimate_from_record(plain.kernel, record), stages=plain.stages)


def has_widths(layer: Layer, widths: dict[str, Any] | None) -> bool:
    """Whether the kernel in a layer has certain widths, to rounding."""
    if widths is None:
        return False
    try:
        own = kernel_in(layer).fwhm
    except InputError:
        return False
    return bool(np.allclose(own, [widths[name] for name in own._fields], rtol=SAME, atol=0))


def has_depth(record: dict[str, Any]) -> bool:
    """Whether the image that a recorded layer was made from has an axis Z, of which a kernel tells nothing."""
    return "Z" in ((record.get("source") or {}).get("axes") or "")


def describe_map(given: KernelMap) -> dict[str, Any]:
    """What an upscaled layer's record says of the map of kernels that was undone."""
    known = {name: getattr(given, name) for name in ("scale", "method", "seed", "smooth")}
    return known | {"tiles": list(given.shape), "tile": list(given.tile), "sha256": hash_array(given.kernels)}


def describe_kernel(given: Any, kernel: Kernel) -> dict[str, Any]:
    """What an upscaled layer's record says of the kernel that was undone: the hash of its samples, and what an estimate tells."""
    known = {name: getattr(given, name) for name in ("scale", "method", "seed")} if isinstance(given, KernelEstimate) else {}
    return known | {"sha256": hash_array(kernel)}
