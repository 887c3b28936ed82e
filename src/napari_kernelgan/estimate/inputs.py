"""What estimates are made from: planes of an image, checked, on one value range, with a record of what was read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images.layout import Layout, as_image, without_alpha
from ..images.values import check_dtype, read_plane, to_unit
from ..images.values import value_range as find_range
from ..provenance import ImageHash


class Input(NamedTuple):
    """What was read of one image."""

    planes: list[NDArray[np.float32]]
    """(colours, Y, X) each, value range 0..1, alpha left out."""
    step: float | None
    """Between gray values, in parts of the value range; None for floats, whose step is not known."""
    record: dict[str, Any]
    gaps: list[NDArray[np.bool_]]
    """(Y, X) each: pixels without a value, which hold something likely here; empty if gaps were not allowed."""
    pictures: tuple[int, ...] = ()
    """For each of `planes`, which picture it is a part of; empty if each is one."""


def read_input(image: Any, axes: str | None, max_planes: int, given: tuple[float, float] | None, gaps: bool = False) -> Input:
    """Check an image and read the planes to estimate from, once each, on the one value range of all.

    Parameters
    ----------
    image, axes, given
        As `estimate_kernel` takes them.
    max_planes : int
    gaps : bool
        Whether pixels may have no value: NaN, infinite, or masked in a NumPy masked array.

    Raises
    ------
    InputError
        If the image cannot be used; the message says what to do.
    """
    image = as_image(image)
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    chosen = layout.spread(max_planes)
    if gaps:
        read, missing = zip(*(_filled(image, layout, index) for index in chosen), strict=True)
    else:
        try:
            read, missing = [read_plane(image, layout, index) for index in chosen], []
        except InputError as error:
            raise InputError(f"{error} Or use method='spectral', which leaves them out.") from error
    values = find_range(image, layout, given, read)
    planes = [to_unit(without_alpha(plane), values) for plane in read]
    if all(np.ptp(plane) == 0 for plane in planes):
        raise InputError("The image is constant: there is nothing to estimate a kernel from.")
    fingerprint = ImageHash(image)
    for plane in read:
        fingerprint.add(plane)
    record = {
        "shape": list(layout.shape),
        "dtype": np.dtype(image.dtype).name,
        "axes": layout.axes,
        "planes": [list(index) for index in chosen],
        "value_range": list(values),
        "sha256": fingerprint.hexdigest(),
    }
    step = 1 / (values.high - values.low) if np.dtype(image.dtype).kind in "iu" else None
    if any(gap.any() for gap in missing):
        record["missing_pixels"] = [int(gap.sum()) for gap in missing]
    return Input(planes, step, record, list(missing))


def _filled(image: Any, layout: Layout, index: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """One plane with the median where it has no value, and where that is, (Y, X)."""
    plane = layout.plane(image, index)
    bad = ~np.isfinite(plane) if plane.dtype.kind == "f" else np.zeros(plane.shape, bool)
    if np.ma.is_masked(image):
        bad |= layout.plane(np.ma.getmaskarray(image), index)
    if bad.all():
        raise InputError(f"Plane {index} of the image has no pixels with a value." if index else "No pixel of the image has a value.")
    if bad.any():
        plane = np.where(bad, np.median(plane[~bad]).astype(plane.dtype), plane)
    return plane, np.asarray(bad.any(-1) if bad.ndim == 3 else bad, bool)
