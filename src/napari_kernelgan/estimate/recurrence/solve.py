"""The kernel that turns the matched patches' parents into the image's patches: regularised, non-negative least squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from ...kernels.algebra import Kernel, normalise
from .patches import Array, Indices, Matches, Places, Plane

ROWS = 16384
"""Windows gathered at a time, which bounds the memory."""
RIDGE = 1e-6
"""Of the windows' energy: keeps the system definite where the image has no texture."""


def normal_equations(planes: Sequence[Plane], candidates: Places, queries: Array, matches: Matches) -> tuple[Array, Array]:
    """Matrix and right-hand side of the weighted least squares problem for the kernel's values.

    The problem is ``min_k sum_ij w_ij |q_i - P R_j k|^2``: R_j has as rows the windows of a candidate's pixels (its parent), and P takes a
    patch's mean away. Neighbouring candidates share pixels, so the sum over candidates becomes one over pixels: of each pixel's window
    times its total weight, less the patches' means.

    Returns
    -------
    matrix, right : ndarray
        (n^2, n^2) and (n^2,), for the kernel in correlation orientation.
    """
    size = planes[0].side ** 2
    matrix, right = np.zeros((size, size)), np.zeros(size)
    total = np.bincount(matches.neighbours.ravel(), matches.weights.ravel(), minlength=len(candidates.index))
    targets = np.zeros((len(total), queries.shape[1]))
    np.add.at(targets, matches.neighbours, matches.weights[..., None] * queries[:, None])
    for number, plane in enumerate(planes):
        used = np.flatnonzero((candidates.plane == number) & (total > 0))
        if not len(used):
            continue
        q, (height, width) = plane.patch, plane.degraded_shape
        rows, columns = np.unravel_index(candidates.index[used], (height - q + 1, width - q + 1))
        inside = (np.arange(q)[:, None] * width + np.arange(q)).ravel()
        at = (rows * width + columns)[:, None] + inside
        weight = np.bincount(at.ravel(), np.repeat(total[used], q * q), minlength=height * width)
        target = np.bincount(at.ravel(), targets[used].ravel(), minlength=height * width)
        # the level of a window means nothing, since differences from the mean are matched; without it less is lost to rounding
        level = plane.pixels.mean()
        pixels = np.flatnonzero(weight)
        for part in _parts(pixels):
            windows = plane.windows[np.unravel_index(part, (height, width))].reshape(-1, size) - level
            matrix += (windows * weight[part, None]).T @ windows
            right += windows.T @ target[part]
        for part in _parts(np.arange(len(used))):
            means = plane.mean_windows[rows[part], columns[part]].reshape(-1, size) - level
            matrix -= q * q * (means * total[used[part], None]).T @ means
    return matrix, right


def solve(matrix: Array, right: Array, smoothness: float, scale: int) -> Kernel:
    """The non-negative kernel of sum 1, convolution orientation, smooth in the sense of small differences between neighbouring values.

    `smoothness` is in hundredths of the mean energy of the windows at scale 2, so that it means the same for every image; and for every
    scale, since a kernel that is s times wider has differences whose squares sum to s^-4.
    """
    side = int(np.sqrt(len(right)))
    energy = float(np.trace(matrix)) / len(right)
    penalty = 1e-2 * smoothness * (scale / 2) ** 4 * roughness(side) + RIDGE * np.eye(len(right))
    factor = np.linalg.cholesky(matrix + energy * (penalty + 1))  # the 1 here, and energy below: the square of (sum of the kernel - 1)
    values = nnls(factor.T, np.linalg.solve(factor, right + energy), maxiter=100 * len(right))[0]
    return normalise(values[::-1].reshape(side, side))


def roughness(side: int) -> Array:
    """The quadratic form of the squared differences between neighbouring values of a kernel with zeros around it."""
    steps = np.diff(np.eye(side), axis=0, prepend=0, append=0)
    line = steps.T @ steps
    form: Array = np.kron(line, np.eye(side)) + np.kron(np.eye(side), line)
    return form


def _parts(indices: Indices) -> list[Indices]:
    return [indices[start : start + ROWS] for start in range(0, len(indices), ROWS)]
