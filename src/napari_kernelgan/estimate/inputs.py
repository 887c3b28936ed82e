"""What estimates are made from: planes of an image, checked, on one value range, with a record of what was read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..images.layout import Layout, without_alpha
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


def read_input(image: Any, axes: str | None, max_planes: int, given: tuple[float, float] | None) -> Input:
    """Check an image and read the planes to estimate from, once each, on the one value range of all.

    Raises
    ------
    InputError
        If the image cannot be used; the message says what to do.
    """
    image = np.asarray(image) if isinstance(image, (list, tuple)) else image
    layout = Layout.of(image, axes)
    check_dtype(image.dtype)
    chosen = layout.spread(max_planes)
    read = [read_plane(image, layout, index) for index in chosen]
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
    return Input(planes, step, record)
