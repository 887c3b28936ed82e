"""Kernels from measured PSFs: beads found and averaged, and a PSF of any pixel size brought to the kernel convention."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .algebra import Kernel, centre_of_mass, check_side, normalise
from .forward import check_scale
from .measures import SIGMA_TO_FWHM, fwhm

Plane = NDArray[np.float64]

MAD = 1.4826
"""Median absolute deviation to standard deviation."""
WIDE = 4
"""Side of a crop or a kernel in widths (FWHM) of what is in it."""
LARGEST = 128
"""Side of the largest kernel that is made without being asked for."""
NOISE = 4
"""Standard deviations of the background below which a smoothed PSF is taken to be noise."""
PROMINENT = 0.2
"""Part of the brightest bead's height from which something is a bead, and not noise or a ghost."""
DISTURBING = 0.1
"""Part of a bead's height from which a neighbour disturbs it."""
DIFFERENT = 0.02
"""Root mean square, in a crop and in parts of a bead's height, from which a bead that the others do not resemble is left out."""
ROUNDS = 4
"""Alignments to the average, each of which is a better one."""


class Beads(NamedTuple):
    """An averaged bead."""

    psf: Plane
    """(n, n), n odd, on the image's pixels, background subtracted, in gray values of one bead; its centre in the middle."""
    positions: Plane
    """(m, 2) or, in a stack, (m, 3): centres of the isolated beads found, in pixels from the first sample; planes are whole."""
    used: NDArray[np.bool_]
    """(m,): which of them are in the average; the others look different."""


def kernel_from_psf(
    psf: ArrayLike,
    psf_pixel_size: float | tuple[float, float],
    image_pixel_size: float | tuple[float, float],
    scale: int = 2,
    size: int | None = None,
    background: float | None = None,
    camera: bool = False,
) -> Kernel:
    """A measured or computed PSF on the HR pixels of an image: background subtracted, resampled, centred, normalised.

    The result is the PSF of the image's optics: the kernel to upscale with to a sharp picture. The SR kernel of the theory, to what a lens
    `scale` times as sharp would have shown, is ``sr_kernel_from_psf`` of it. The size of a bead is not corrected for.

    Parameters
    ----------
    psf : array_like
        (Y, X), or a stack (Z, Y, X) of which the sharpest plane is taken (the most power above the background); project a stack first for
        anything else. One bead or point only: see `average_beads`.
    psf_pixel_size, image_pixel_size : float or (y, x)
        In one unit, whichever; of the *image's* pixels, not of the HR pixels.
    scale : int
        HR pixels are `image_pixel_size` / `scale`.
    size : int, optional
        Side of the kernel, size - scale even; by default four times its FWHM, as far as the PSF reaches.
    background : float, optional
        Gray value to subtract, 0 for a computed PSF. By default the median of the outermost pixels; what is below four standard deviations
        of those (after smoothing) is then set to zero.
    camera : bool
        The image's pixels gather light over their whole area, and the PSF was measured on much smaller ones: their area is added to it.
        By default values are means over HR pixels, or over the PSF's own pixels where those are larger.

    Returns
    -------
    ndarray
        (size, size), not negative, sum 1, centred.

    Raises
    ------
    InputError
        If there is nothing above the background, or an argument cannot be used.
    """
    scale = check_scale(scale)
    if size is not None:
        size = check_side(size, scale)
    own, image = _pixel_size(psf_pixel_size, "psf_pixel_size"), _pixel_size(image_pixel_size, "image_pixel_size")
    plane = _sharpest(_gray(psf, "A PSF"), background)
    pixel = image / scale
    aperture = image if camera else np.maximum(pixel, own)
    plane = _foreground(plane, background, np.maximum(pixel / own / 2, 1))
    if size is None:
        reach = int(min((np.array(plane.shape) * own / pixel).max() + 2, LARGEST))
        reach += (reach - scale) % 2
        wide = _resampled(plane, pixel / own, aperture / own, reach)
        wanted = int(np.ceil(WIDE * fwhm(wide).major))
        size = min(wanted + (wanted - scale) % 2, reach)
    return _resampled(plane, pixel / own, aperture / own, size)


def average_beads(image: ArrayLike, size: int | None = None, saturation: float | None = None) -> Beads:
    """Find isolated beads, align them to a fraction of a pixel and average them; what looks different is left out.

    In a stack each bead is taken from its own sharpest plane. Left out are beads whose crop does not fit into the image or holds part of
    another one, saturated ones, and those whose shape differs from the others' (clumps, out of focus).

    Parameters
    ----------
    image : array_like
        (Y, X) or (Z, Y, X) with beads on a dark background.
    size : int, optional
        Side of the crop around a bead, odd; by default four times the beads' FWHM.
    saturation : float, optional
        Gray value from which pixels are saturated; by default the largest of an integer type (give 4095 for a 12-bit camera).

    Returns
    -------
    Beads
        ``.psf`` goes into `kernel_from_psf`.

    Raises
    ------
    InputError
        If no isolated bead is found.
    """
    stack = np.asarray(image)
    if saturation is None:
        saturation = float(np.iinfo(stack.dtype).max) if stack.dtype.kind in "iu" else np.inf
    stack = _gray(stack, "A bead image")
    if size is not None and (size < 5 or size % 2 == 0):
        raise InputError(f"size is an odd number of pixels of at least 5, not {size}.")
    flat = stack.max(0)
    width = _bead_width(flat)
    half = size // 2 if size else max(int(np.ceil(WIDE * width / 2)), 3)
    crops, positions = [], []
    for y, x in _isolated(flat, width, half):
        window = stack[:, y - half - 1 : y + half + 2, x - half - 1 : x + half + 2]  # one pixel more, for shifting
        z = _sharpest_index(window, None)
        if window[z].max() < saturation:
            crops.append(window[z])
            positions.append((z, y, x))
    if not crops:
        raise InputError(
            f"No isolated, unsaturated bead found ({width:.1f} px wide, at least {1.5 * half:.0f} px from its neighbours and the border). "
            "Give a smaller size, or crop one bead by hand and pass it to kernel_from_psf."
        )
    psf, shifts, used = _aligned(np.array(crops), width)
    at = np.array(positions, np.float64)
    at[:, 1:] += shifts
    return Beads(psf, at if np.ndim(image) == 3 else at[:, 1:], used)


def _gray(image: ArrayLike, what: str) -> NDArray[np.float64]:
    """A stack (Z, Y, X) of finite numbers."""
    array = np.asarray(image)
    if array.dtype.kind not in "iuf" or array.ndim not in (2, 3) or min(array.shape[-2:]) < 5:
        raise InputError(f"{what} is an array (Y, X) or (Z, Y, X) of real numbers, 5 px and more a side, not {array.dtype} {array.shape}.")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{what} has NaN or infinite values: crop them off, or replace them.")
    return array if array.ndim == 3 else array[None]


def _pixel_size(given: float | tuple[float, float], name: str) -> Plane:
    size = np.asarray(given, np.float64)
    if size.shape not in ((), (2,)) or not (np.isfinite(size).all() and (size > 0).all()):
        raise InputError(f"{name} is a length or two (y, x), for example 0.065, not {given!r}.")
    return np.broadcast_to(size, 2)


def _border(plane: Plane, width: int = 1) -> Plane:
    frame = np.ones(plane.shape, bool)
    frame[width:-width, width:-width] = False
    return plane[frame]


def _deviation(values: Plane) -> float:
    """Standard deviation, robust."""
    return MAD * float(np.median(np.abs(values - np.median(values))))


def _sharpest_index(stack: Plane, background: float | None) -> int:
    """The plane with most power above its background."""
    levels = [np.median(_border(plane)) if background is None else background for plane in stack]
    return int(np.argmax([((plane - level) ** 2).sum() for plane, level in zip(stack, levels, strict=True)]))


def _sharpest(stack: Plane, background: float | None) -> Plane:
    plane: Plane = stack[_sharpest_index(stack, background)]
    return plane


def _foreground(plane: Plane, background: float | None, smoothing: Plane) -> Plane:
    """What is above the background; noise is not, since its positive half alone would make a pedestal."""
    if background is None:
        width = max(1, min(plane.shape) // 10)
        plane = plane - np.median(_border(plane, width))
        smooth = scipy.ndimage.gaussian_filter(plane, smoothing, mode="nearest")
        plane = np.where(smooth > NOISE * _deviation(_border(smooth, width)), plane, 0)
    else:
        plane = plane - background
    plane = np.clip(plane, 0, None)
    if not plane.any():
        raise InputError("The PSF has nothing above its background: give background=0 for a computed PSF, or a crop with a darker border.")
    return plane


def _resampled(plane: Plane, pixel: Plane, aperture: Plane, size: int) -> Kernel:
    """Means of a plane over apertures, on a grid of the kernel convention; pixel and aperture (y, x) in the plane's pixels.

    What the plane holds up to each of its pixels' edges is known exactly, whatever it looks like inside: a spline through that gives the
    content of any other pixel, and loses nothing of the whole.
    """
    total, (rows, columns) = plane.sum(), plane.shape
    middle = np.array([plane.sum(1) @ np.arange(rows), plane.sum(0) @ np.arange(columns)]) / total
    for _ in range(20):  # what the frame cuts off moves the centre a little
        kernel = plane
        for axis in (0, 1):
            kernel = np.moveaxis(_contents(np.moveaxis(kernel, axis, 0), middle[axis], pixel[axis], aperture[axis], size), 0, axis)
        kernel = normalise(np.clip(kernel, 0, None))
        off = np.array(centre_of_mass(kernel)) - (size - 1) / 2
        if np.abs(off).max() < 1e-3:
            break
        middle = middle + off * pixel
    return kernel


def _contents(plane: Plane, middle: float, pixel: float, aperture: float, size: int) -> Plane:
    """What lies between positions - aperture / 2 and + aperture / 2, along the first axis."""
    margin = 4  # rows of nothing, so that the spline is at rest at its ends
    rows = np.pad(plane, ((margin, margin), (0, 0)))
    edges = np.arange(len(rows) + 1) - 0.5 - margin
    upto = scipy.interpolate.make_interp_spline(edges, np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, 0)]), k=5)
    at = middle + (np.arange(size) - (size - 1) / 2) * pixel
    low, high = (np.clip(at + side * aperture / 2, edges[0], edges[-1]) for side in (-1, 1))
    contents: Plane = upto(high) - upto(low)
    return contents


def _bead_width(flat: Plane) -> float:
    """Median FWHM of what stands out, from the area above half of each one's height."""
    smooth = scipy.ndimage.gaussian_filter(flat, 1) - np.median(flat)
    level = max(PROMINENT * smooth.max(), 5 * _deviation(smooth))
    regions, count = scipy.ndimage.label(smooth > level)
    if not count or smooth.max() <= 0:
        raise InputError("No bead stands out of the background: its height is to be at least 5 standard deviations of the noise.")
    numbers = np.arange(1, count + 1)
    tops = scipy.ndimage.maximum(smooth, regions, numbers)
    above = smooth > np.append(0, tops)[regions] / 2
    areas = scipy.ndimage.sum_labels(above & (regions > 0), regions, numbers)
    broad = 2 * np.sqrt(np.median(areas) / np.pi)
    return float(np.sqrt(max(broad**2 - SIGMA_TO_FWHM**2, 1.5**2)))  # less what the smoothing added


def _isolated(flat: Plane, width: float, half: int) -> list[tuple[int, int]]:
    """Peaks (y, x) with no other near them."""
    smooth = scipy.ndimage.gaussian_filter(flat, width / SIGMA_TO_FWHM) - np.median(flat)
    peaks = (smooth == scipy.ndimage.maximum_filter(smooth, 2 * int(np.ceil(width / 2)) + 1)) & (smooth > 5 * _deviation(smooth))
    regions, count = scipy.ndimage.label(peaks, np.ones((3, 3)))  # a bead between pixels may have several that are equally high
    at = np.array(scipy.ndimage.center_of_mass(peaks, regions, np.arange(1, count + 1))).round().astype(int)
    heights = smooth[tuple(at.T)]
    found = []
    for (y, x), height in zip(at, heights, strict=True):
        inside = min(y, x, flat.shape[0] - 1 - y, flat.shape[1] - 1 - x) > half
        near = np.hypot(*(at - (y, x)).T) < 1.5 * half
        alone = (near & (heights > DISTURBING * height)).sum() == 1  # itself
        if inside and alone and height > PROMINENT * heights.max():
            found.append((int(y), int(x)))
    return found


def _aligned(crops: Plane, width: float) -> tuple[Plane, Plane, NDArray[np.bool_]]:
    """Average of crops (m, n + 2, n + 2), shifts (m, 2) of the beads from their middles, and which were used.

    First by centroids under a Gaussian; then each crop is fitted by the average, its two slopes and a constant, by least squares.
    """
    crops = crops - np.array([np.median(_border(crop)) for crop in crops])[:, None, None]
    middle = (crops.shape[1] - 1) / 2
    y, x = (axis - middle for axis in np.indices(crops.shape[1:]))
    shifts = np.zeros((len(crops), 2))
    for i, crop in enumerate(crops):
        for _ in range(10):
            weights = crop * np.exp(-((y - shifts[i, 0]) ** 2 + (x - shifts[i, 1]) ** 2) / (width / 2) ** 2)
            if weights.sum() > 0:  # the window draws the centroid half way back to where it was: go twice as far
                step = np.array([(weights * y).sum(), (weights * x).sum()]) / weights.sum() - shifts[i]
                shifts[i] = np.clip(shifts[i] + 2 * step, -1.5, 1.5)
    used = np.ones(len(crops), bool)
    for _ in range(ROUNDS):
        moved = np.array([scipy.ndimage.shift(crop, -shift, order=5, mode="nearest") for crop, shift in zip(crops, shifts, strict=True)])
        average = moved[used].mean(0)
        parts = np.stack([average, *(-slope for slope in np.gradient(average)), np.ones_like(average)])
        design, seen = (each[:, 1:-1, 1:-1].reshape(len(each), -1).T for each in (parts, moved))
        fits, *_ = np.linalg.lstsq(design, seen, rcond=None)
        heights = np.maximum(fits[0], 1e-3)
        shifts = np.clip(shifts + np.clip(fits[1:3] / heights, -0.5, 0.5).T, -1.5, 1.5)
        crops = crops - fits[3][:, None, None]
        if len(crops) > 2:
            misfit = _structure(seen - design @ fits, average.shape[0] - 2) / (heights * average.max())
            used = misfit <= max(np.median(misfit) + 3 * _deviation(misfit), DIFFERENT)
    return average[1:-1, 1:-1], shifts, used


def _structure(residuals: Plane, side: int) -> Plane:
    """Root mean square of what is left of each crop (pixels, m), less the noise, which is what differs between next pixels."""
    left = residuals.T.reshape(-1, side, side)
    noise = (np.diff(left, axis=1) ** 2).mean((1, 2)) / 2
    structure: Plane = np.sqrt(np.maximum((left**2).mean((1, 2)) - noise, 0))
    return structure
