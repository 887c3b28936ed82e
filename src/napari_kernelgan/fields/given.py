"""Maps of kernels that are known rather than estimated: from a function of the place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..kernels.algebra import check_kernel
from ..kernels.forward import check_scale
from ..kernels.measures import covariance, fwhm
from .result import KernelMap

SPACING = 32
"""px of the image between the places where a function is asked for its kernel."""


def given_map(field: Callable[[float, float], ArrayLike], image_size: tuple[int, int], scale: int = 2, spacing: int = SPACING) -> KernelMap:
    """The map of a known field, for `upscale` and `degrade_field`.

    Parameters
    ----------
    field : callable
        ``kernel = field(y, x)``: (n, n) with sum 1 and n - scale even, at a place in px of the image; the centre of its first pixel is 0.
    image_size : tuple of int
        Height and width of the image in px (of the low resolution).
    scale : int
    spacing : int
        At most so many px lie between the places where the field is asked; between them it is blended.

    Raises
    ------
    InputError
        If a kernel cannot be used, or they differ in size.
    """
    scale = check_scale(scale)
    rows, columns = (np.linspace(0, n - 1, -(-(n - 1) // spacing) + 1) if n > 1 else np.zeros(1) for n in image_size)
    found = [[check_kernel(field(float(y), float(x)), scale) for x in columns] for y in rows]
    sides = {len(kernel) for row in found for kernel in row}
    if len(sides) > 1:
        raise InputError(f"The field's kernels have sides of {sorted(sides)} px: pad them to one (kernels.pad).")
    kernels = np.array(found)
    widths = np.array([[fwhm(kernel) for kernel in row] for row in found])
    matrices = np.array([[covariance(kernel) for kernel in row] for row in found])
    return KernelMap(
        kernels=kernels,
        rows=rows,
        columns=columns,
        scale=scale,
        image_size=(int(image_size[0]), int(image_size[1])),
        tile=(spacing, spacing),
        fwhm=widths,
        fwhm_interval=None,
        covariance=np.stack([matrices[..., 0, 0], matrices[..., 1, 1], matrices[..., 0, 1]], -1),
        covariance_sd=None,
        raw_kernels=kernels,
        raw_fwhm=widths,
        raw_fwhm_interval=None,
        reliability=np.full(widths.shape[:2], "unknown"),
        reasons=((),) * (len(rows) * len(columns)),
        smooth=False,
        method="given",
    )
