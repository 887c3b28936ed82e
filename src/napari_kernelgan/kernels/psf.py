"""From SR kernels to point spread functions and back (Michaeli and Irani, ICCV 2013, section 3).

The PSF b_L of an image is that of its optics and pixels together. A lens s times as sharp would have b_H(x) = s^2 b_L(s x), and the SR
kernel k is what lies between the two: b_L = b_H * k. In transfer functions, K(f) = B_L(f) / B_L(f/s), and so B_L(f) is the product of K(f),
K(f/s), K(f/s^2), ... All of them are taken at continuous frequencies, in cycles per HR pixel: shrinking a kernel needs no resampling.

An estimate relative to a prior is another thing: it is the blur between pictures as sharp as the prior's and the image. With the blur of
those pictures it makes the PSF.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .algebra import Kernel, centre, centre_of_mass, check_side, normalise
from .forward import check_scale
from .measures import FWHM, fwhm, log_parabola, physical_fwhm

if TYPE_CHECKING:
    from ..estimate.result import KernelEstimate

Reference = Literal["self-similar", "prior"]
Spectrum = NDArray[np.complex128]
Plane = NDArray[np.float64]

FLOOR = 1e-3
"""Transfer below which a PSF is taken to pass nothing."""
SAME = 1e-6
"""Pixels that a kernel has shrunk to when it no longer differs from a point."""
NARROWEST = 0.2
"""Variance, px^2, from which a Gaussian is told by its samples."""
REACH = 1.5
"""Cycles per pixel beyond which such a Gaussian passes nothing."""
ROUNDS, STAY = 30, 3e-3
"""Of the search for values that are not negative: steps, and weight of frequencies that the divisor does not pass."""


class OpticsFWHM(NamedTuple):
    """Width of an image's own PSF, optics and pixels together. This is not the width of its SR kernel."""

    pixels: FWHM
    """HR pixels; the angle from +x towards +y of the pixel grid."""
    interval: tuple[tuple[float, float], tuple[float, float]] | None
    """Error bars of the estimate, carried over: ((low, high) of major, (low, high) of minor), HR pixels; None where it has none."""
    physical: FWHM | None
    """In `unit`, the angle on the specimen; None where the pixel size is not known."""
    unit: str | None
    label: str
    """In words, what the number is and on what it rests."""


def psf_from_sr_kernel(
    kernel: ArrayLike | KernelEstimate,
    scale: int | None = None,
    reference: Reference | None = None,
    size: int | None = None,
    prior_blur: ArrayLike = 0.0,
) -> Kernel:
    """The image's own PSF, from an estimated kernel.

    What is computed depends on what "sharp" means in the estimate. "self-similar": b_L = k * k(s x) * k(s^2 x) * ...; for a Gaussian the
    variance is var(k) / (1 - 1/s^2). "prior": b_L = k * (the blur of the prior's own pictures).

    Parameters
    ----------
    kernel : KernelEstimate or array_like
        An estimate brings its scale and its reference with it.
    scale : int, optional
        Of a bare array.
    reference : {"self-similar", "prior"}, optional
        Of a bare array; by default "self-similar", which is the theory's SR kernel.
    size : int, optional
        Side of the PSF, size - scale even; by default large enough for its greater width.
    prior_blur : float or (2, 2) array_like
        For "prior": variance of the blur of the prior's pictures, HR px^2 (a Gaussian), or its covariance [[yy, yx], [yx, xx]].
        By default 0: those pictures are taken to be perfectly sharp, and the PSF to be the kernel.

    Returns
    -------
    ndarray
        (size, size), sampled on HR pixels; not negative (unless the kernel is), sum 1, centred.

    Raises
    ------
    InputError
        If the scale is not known, or contradicts the estimate's.
    """
    array, scale, reference = _given(kernel, scale, reference)
    covariance = _blur(prior_blur, reference)
    growth = np.sqrt(scale**2 / (scale**2 - 1)) if reference == "self-similar" else 1.0
    size = _side(size, scale, int(np.ceil(growth * len(array) + 4 * np.sqrt(np.trace(covariance)))))
    f = _frequencies(max(size, len(array)))
    transfer = _transfer(array, f)
    if reference == "self-similar":
        for step in _shrinking(len(array), scale):
            transfer = transfer * _transfer(array, f * step)
    else:
        transfer = transfer * _gaussian(covariance, f)
    psf = _sampled(transfer, f, size)
    return psf if array.min() < 0 else centre(np.clip(psf, 0, None))


def sr_kernel_from_psf(
    psf: ArrayLike,
    scale: int,
    reference: Reference = "self-similar",
    size: int | None = None,
    prior_blur: ArrayLike = 0.0,
    floor: float = FLOOR,
    signed: bool = False,
) -> Kernel:
    """The kernel that belongs to a PSF: the inverse of `psf_from_sr_kernel`.

    A division: B_L(f) / B_L(f/s) for "self-similar" (to upscale to what a lens s times as sharp would have shown), B_L(f) divided by the
    transfer of the prior's pictures for "prior" (to upscale to pictures as sharp as those). It is regularised: frequencies at which the
    divisor is below `floor` are given less and less, and those far below it nothing. A Gaussian or an Airy pattern loses nothing by it,
    since the divisor passes all that the PSF does. A PSF whose transfer has zeros at low frequencies (a disk, a motion line) does, and so
    does a noisy one: raise `floor`.

    Parameters
    ----------
    psf : array_like
        (n, n), sampled on HR pixels (`kernel_from_psf` brings a measured one there).
    scale : int
    reference : {"self-similar", "prior"}
        What the kernel is to be relative to.
    size : int, optional
        Side of the kernel, size - scale even; by default the PSF's, one more where that is needed.
    prior_blur : float or (2, 2) array_like
        As for `psf_from_sr_kernel`.
    floor : float
        Transfer of the divisor that counts as lost, 0 < floor < 1.
    signed : bool
        Keep negative values. Between two Airy patterns, for one, lies a kernel with a negative ring (3 % of its peak), and only with it
        does the PSF come back to 1e-3; without, one is found that gives nearly the same PSF, its width to 2 % from 3 px on.

    Returns
    -------
    ndarray
        (size, size); not negative unless `signed`, sum 1, centred.
    """
    array, scale, reference = _given(psf, scale, reference)
    covariance = _blur(prior_blur, reference)
    if not 0 < floor < 1:
        raise InputError(f"floor is a transfer between 0 and 1, for example {FLOOR}, not {floor!r}.")
    size = _side(size, scale, len(array))
    f = _frequencies(max(size, len(array)))
    divisor = _transfer(array, f / scale) if reference == "self-similar" else _gaussian(covariance, f)
    # less the weight that it has at frequency 0, where nothing is to be lost
    weight = floor**2 * (1 - np.abs(divisor) ** 2)
    ratio = _transfer(array, f) * divisor.conj() / (np.abs(divisor) ** 2 + weight)
    return _sampled(ratio, f, size) if signed else _not_negative(_sampled(ratio, f, 3 * size), divisor, f, size)


def optics_fwhm(estimate: KernelEstimate, prior_blur: ArrayLike = 0.0) -> OpticsFWHM:
    """Width of the image's own PSF: of its optics with its pixels, which is not that of its SR kernel.

    A self-similar kernel (KernelGAN's) is narrower than the PSF, for a Gaussian at scale 2 by 0.866. One relative to a prior is the PSF but
    for the blur of the prior's own pictures; the SR kernel that belongs to it is ``sr_kernel_from_psf(psf_from_sr_kernel(est), scale)``.

    Parameters
    ----------
    estimate : KernelEstimate
    prior_blur : float or (2, 2) array_like
        Variance of the blur of the prior's own pictures, HR px^2, where it is known; see `psf_from_sr_kernel`.

    Returns
    -------
    OpticsFWHM
        In HR pixels and, where the estimate has a pixel size, in its unit. Oblong pixels are respected.
    """
    return psf_with_fwhm(estimate, prior_blur)[1]


def psf_with_fwhm(estimate: KernelEstimate, prior_blur: ArrayLike = 0.0) -> tuple[Kernel, OpticsFWHM]:
    """What `psf_from_sr_kernel` and `optics_fwhm` give, computed once."""
    of_kernel = estimate.fwhm
    self_similar = estimate.reference == "self-similar"
    psf = psf_from_sr_kernel(estimate, prior_blur=prior_blur)
    pixels = fwhm(psf)
    interval = None
    if estimate.fwhm_interval is not None:
        major, minor = (_carried(*each, self_similar) for each in zip(estimate.fwhm_interval, of_kernel[:2], pixels[:2], strict=True))
        interval = (major, minor)
    physical = None
    if estimate.pixel_size is not None:
        physical = physical_fwhm(pixels, (estimate.pixel_size[0] / estimate.scale, estimate.pixel_size[1] / estimate.scale))
    if self_similar:
        basis = f"from an SR kernel of {of_kernel.major:.2f} x {of_kernel.minor:.2f} HR px by the self-similar relation"
    elif np.any(prior_blur):
        basis = "from a kernel relative to a prior of sharp pictures, the blur of those pictures added"
    else:
        basis = "from a kernel relative to a prior of sharp pictures, whose own blur is not known and not added"
    label = f"FWHM of the image's own PSF (optics and pixels), {basis}"
    return psf, OpticsFWHM(pixels, interval, physical, estimate.unit if physical else None, label)


def _given(kernel: ArrayLike | KernelEstimate, scale: int | None, reference: Reference | None) -> tuple[Kernel, int, Reference]:
    """Samples, scale and reference, from an estimate or as they were given."""
    known = getattr(kernel, "scale", None), getattr(kernel, "reference", None)
    for name, own, given in (("scale", known[0], scale), ("reference", known[1], reference)):
        if own is not None and given is not None and own != given:
            raise InputError(f"The estimate's {name} is {own!r}, not {given!r}: leave {name} out, or give the estimate's kernel alone.")
    scale = known[0] if scale is None else scale
    if scale is None:
        raise InputError("A bare kernel does not tell its scale: give scale=2, or the whole estimate.")
    reference = reference or known[1] or "self-similar"
    if reference not in get_args(Reference):
        raise InputError(f"reference is 'self-similar' or 'prior', not {reference!r}.")
    return normalise(np.asarray(getattr(kernel, "kernel", kernel))), check_scale(scale), reference


def _blur(prior_blur: ArrayLike, reference: Reference) -> Plane:
    covariance = np.asarray(prior_blur, np.float64)
    if covariance.ndim == 0:
        covariance = covariance * np.eye(2)
    if covariance.shape != (2, 2) or not np.isfinite(covariance).all() or np.linalg.eigvalsh(covariance)[0] < 0:
        raise InputError(f"prior_blur is a variance in HR px^2 or a 2 x 2 covariance [[yy, yx], [yx, xx]], not {prior_blur!r}.")
    if reference == "self-similar" and covariance.any():
        raise InputError("prior_blur is for reference='prior' only: a self-similar kernel is relative to the image itself.")
    return covariance


def _side(size: int | None, scale: int, least: int) -> int:
    return least + (least - scale) % 2 if size is None else check_side(size, scale)


def _frequencies(size: int) -> Plane:
    """Continuous frequencies, spaced for a period that holds what a division spreads, as far as narrow kernels reach.

    Those beyond 1/2 come back as aliases when samples are taken, as they are in the samples of any kernel that narrow.
    """
    period = 4 * size + 1
    reach = int(period * REACH)
    return np.arange(-reach, reach + 1) / period


def _shrinking(size: int, scale: int) -> Iterator[float]:
    """1/s, 1/s^2, ... until a kernel shrunk that much is a point."""
    step = 1 / scale
    while size * step > SAME:
        yield step
        step /= scale


def _transfer(kernel: Kernel, f: Plane) -> Spectrum:
    """Transfer function about the centre of mass, at frequencies f x f, of the continuous kernel behind the samples.

    That is a Gaussian wherever the samples are one. What they differ from it by is taken to have nothing beyond frequency 1/2.
    """
    middle = np.array(centre_of_mass(kernel))
    at = np.arange(len(kernel))
    inside = np.abs(f) <= 0.5
    band = np.ix_(inside, inside)
    transfer: Spectrum = np.zeros((len(f), len(f)), np.complex128)
    rest = kernel
    fit = log_parabola(kernel / kernel.max())
    if fit is not None and np.linalg.eigvalsh(fit[0])[1] * NARROWEST < 1:
        precision, centre, peak = fit
        height = peak * kernel.max()
        rest = kernel - height * np.exp(-0.5 * _quadratic(precision, at - centre[0], at - centre[1]))
        phase_y, phase_x = (np.exp(-2j * np.pi * f * off) for off in centre - middle)
        weight = height * 2 * np.pi / np.sqrt(np.linalg.det(precision))
        transfer = weight * _gaussian(np.linalg.inv(precision).astype(np.float64), f) * phase_y[:, None] * phase_x
    y, x = (np.exp(-2j * np.pi * f[inside, None] * (at - m)) for m in middle)
    transfer[band] += y @ rest @ x.T
    return transfer


def _gaussian(covariance: Plane, f: Plane) -> Spectrum:
    """Transfer function of a Gaussian, at frequencies f x f."""
    return np.exp(-2 * np.pi**2 * _quadratic(covariance, f, f)).astype(np.complex128)


def _quadratic(matrix: Plane, y: Plane, x: Plane) -> Plane:
    form: Plane = matrix[0, 0] * y[:, None] ** 2 + matrix[1, 1] * x**2 + 2 * matrix[0, 1] * y[:, None] * x
    return form


def _sampled(transfer: Spectrum, f: Plane, size: int) -> Kernel:
    """Samples of what has a transfer function, on a grid of the kernel convention: sum 1, centre of mass in the middle."""
    at = np.arange(size) - (size - 1) / 2
    offset = np.zeros(2)
    for _ in range(20):  # what is cut off at the frame moves the centre a little
        y, x = (np.exp(2j * np.pi * (at + off)[:, None] * f) for off in offset)
        kernel = normalise((y @ transfer @ x.T).real)
        off_centre = np.array(centre_of_mass(kernel)) - (size - 1) / 2
        if np.abs(off_centre).max() < 1e-3:
            break
        offset += off_centre
    return kernel


def _not_negative(kernel: Kernel, divisor: Spectrum, f: Plane, size: int) -> Kernel:
    """The kernel of a side, without negative values, that a divisor turns into nearly the same PSF: accelerated projected gradient.

    Values cut at zero alone would leave a PSF a tenth too wide; here frequencies count by the power that the divisor passes.
    """
    margin = (len(kernel) - size) // 2
    best = np.clip(kernel, 0, None)[margin:-margin, margin:-margin]
    if kernel.min() < -1e-6 * kernel.max():
        inside = np.abs(f) <= 0.5
        power = np.abs(divisor[np.ix_(inside, inside)]) ** 2 + STAY
        power /= power.max()
        forth = np.exp(-2j * np.pi * f[inside, None] * (np.arange(len(kernel)) - (len(kernel) - 1) / 2))
        wanted = forth @ kernel @ forth.T
        forth = forth[:, margin:-margin]
        back = forth.conj().T / inside.sum()
        ahead, pace = best, 1.0
        for _ in range(ROUNDS):
            better = np.clip(ahead - (back @ (power * (forth @ ahead @ forth.T - wanted)) @ back.T).real, 0, None)
            faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
            ahead = better + (pace - 1) / faster * (better - best)
            best, pace = better, faster
    return centre(best)


def _carried(interval: tuple[float, float], before: float, after: float, self_similar: bool) -> tuple[float, float]:
    """Error bars of a kernel's width as those of the PSF's: all widths grow by one factor, or all variances by one number."""
    low, high = interval
    if self_similar:
        return low * after / before, high * after / before
    more = max(after**2 - before**2, 0.0)
    return float(np.sqrt(low**2 + more)), float(np.sqrt(high**2 + more))
