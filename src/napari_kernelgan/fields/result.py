"""What a map of kernels is: a kernel for every tile of a picture, what the tiles themselves gave, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.algebra import Kernel, normalise
from .tiles import shares

Values = NDArray[np.float64]


@dataclass(frozen=True, repr=False, eq=False)
class KernelMap:
    """A kernel for every tile of a picture, on a lattice of (ty, tx) tiles."""

    kernels: Values
    """(ty, tx, n, n): float64, convolution orientation, sum 1; NaN where a map that is not smoothed has none."""
    rows: Values
    """(ty,): centres of the tiles along Y, in px of the image; the centre of the first pixel is 0."""
    columns: Values
    """(tx,): along X."""
    scale: int
    image_size: tuple[int, int]
    """Height and width of the picture, in px."""
    tile: tuple[int, int]
    """Height and width of a tile, in px."""
    fwhm: Values
    """(ty, tx, 3): full width at half maximum of each kernel (major, minor, HR px; angle, degrees)."""
    fwhm_interval: Values | None
    """(ty, tx, 2, 2): 90 % error bars (low, high) of major and minor, HR px; None where the method gives none."""
    covariance: Values
    """(ty, tx, 3): yy, xx, yx of each kernel, HR px^2."""
    covariance_sd: Values | None
    """(ty, tx, 3): standard deviations of these; None where the method gives none."""
    raw_kernels: Values
    """(ty, tx, n, n): what the tiles themselves gave; NaN where they gave nothing."""
    raw_fwhm: Values
    """(ty, tx, 3): of these."""
    raw_fwhm_interval: Values | None
    """(ty, tx, 2, 2)"""
    reliability: NDArray[np.str_]
    """(ty, tx): "reliable", "uncertain", "unreliable", "unknown" (the method does not tell), or "missing"."""
    reasons: tuple[tuple[str, ...], ...] = ()
    """Of each tile in C order: why it is missing, or what makes it less than reliable."""
    smooth: bool = True
    """Whether `kernels` are smoothed, and so missing tiles filled from their neighbours."""
    method: str = "spectral"
    seed: int = 0
    seconds: float = 0.0
    stopped: bool = False
    """Whether the run was stopped on request; tiles that were not reached are missing."""
    config: dict[str, Any] = field(default_factory=dict)
    """The method's configuration as JSON has it."""
    details: dict[str, Any] = field(default_factory=dict)
    """What else is on record: the input, the smoothing, versions."""

    def __repr__(self) -> str:
        ty, tx = self.shape
        major, minor = np.nanmin(self.fwhm[..., 1]), np.nanmax(self.fwhm[..., 0])
        lost = int(self.missing.sum())
        filled = f", {lost} {'filled' if self.smooth else 'missing'}" if lost else ""
        return f"KernelMap({self.method!r}, scale {self.scale}, {ty} x {tx} tiles{filled}, FWHM {major:.2f} to {minor:.2f} px)"

    @property
    def shape(self) -> tuple[int, int]:
        """How many tiles there are along Y and X."""
        return len(self.rows), len(self.columns)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(ty, tx): tiles that gave no kernel of their own."""
        return np.asarray(self.reliability == "missing")

    @property
    def spacing(self) -> tuple[float, float]:
        """Distance (y, x) of neighbouring tiles' centres, px of the image: the pixel size of a layer of `fwhm_image`."""
        y, x = (float((at[-1] - at[0]) / (len(at) - 1)) if len(at) > 1 else float(n) for at, n in self._axes())
        return y, x

    @property
    def mean_kernel(self) -> Kernel:
        """The mean of all tiles' kernels: the one kernel for what takes only one."""
        every = self.kernels.reshape(-1, *self.kernels.shape[2:])
        return normalise(every[np.isfinite(every).all((1, 2))].mean(0))

    def kernel_at(self, y: float, x: float) -> Kernel:
        """The kernel (n, n) at a place, in px of the image, between the tiles' centres blended as upscaling and `degrade_field` do it."""
        along, across = (shares(at, np.array([place], np.float64))[0] for (at, _), place in zip(self._axes(), (y, x), strict=True))
        rows, columns = np.flatnonzero(along), np.flatnonzero(across)
        kernel: Kernel = np.einsum("y,x,yxab->ab", along[rows], across[columns], self.kernels[np.ix_(rows, columns)])
        return kernel

    def fwhm_image(self, which: str = "major") -> NDArray[np.float32]:
        """A map at tile resolution, (ty, tx): "major", "minor" or "mean" width (HR px) or "angle" (degrees); see `spacing`.

        The centre of its first pixel lies at (``rows[0]``, ``columns[0]``).
        """
        if which == "mean":
            return np.sqrt(self.fwhm[..., 0] * self.fwhm[..., 1]).astype(np.float32)
        return self.fwhm[..., ("major", "minor", "angle").index(which)].astype(np.float32)

    def axes_vectors(self, magnify: float | None = None) -> Values:
        """Each kernel's major axis as a line through its tile's centre: (tiles, 2, 2), start and direction (y, x), px of the image.

        `magnify` None makes the longest nearly as long as tiles are apart. Tiles without a kernel are left out.
        """
        middle, major, _ = self._ellipse_axes(magnify)
        return np.stack([middle - major, 2 * major], 1)

    def ellipses(self, magnify: float | None = None) -> Values:
        """Each kernel's half maximum as an ellipse, by the corners of its (turned) box: (tiles, 4, 2), (y, x), px of the image.

        `magnify` None makes the longest nearly as long as tiles are apart. Tiles without a kernel are left out.
        """
        middle, major, minor = self._ellipse_axes(magnify)
        return np.stack([middle - major - minor, middle + major - minor, middle + major + minor, middle - major + minor], 1)

    def _ellipse_axes(self, magnify: float | None) -> tuple[Values, Values, Values]:
        """Centre and half axes of each tile's ellipse, (tiles, 2) each."""
        wide = self.fwhm.reshape(-1, 3)
        there = np.isfinite(wide).all(1)
        wide, middle = wide[there], np.stack(np.meshgrid(self.rows, self.columns, indexing="ij"), -1).reshape(-1, 2)[there]
        if magnify is None:
            magnify = 0.9 * min(self.spacing) / (wide[:, 0].max() / self.scale)
        turn = np.deg2rad(wide[:, 2])
        half = wide[:, :2] / self.scale / 2 * magnify
        major = np.stack([np.sin(turn), np.cos(turn)], 1) * half[:, :1]
        minor = np.stack([np.cos(turn), -np.sin(turn)], 1) * half[:, 1:]
        return middle, major, minor

    def _axes(self) -> tuple[tuple[Values, int], tuple[Values, int]]:
        return (self.rows, self.image_size[0]), (self.columns, self.image_size[1])
