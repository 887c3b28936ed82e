"""A whole spectral estimate: planes to kernel, error bars and an honest word."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...config import SpectralConfig
from ...kernels.algebra import Kernel, centre, normalise
from ...progress import Progress, Steps
from ...provenance import versions
from ..inputs import Input
from ..result import KernelEstimate, Reliability
from .dictionary import FAMILIES, Dictionary, dictionary
from .gaps import without_gaps
from .phase import settle, turned_like
from .posterior import Posterior, likeliest_prior, posterior
from .prior import resolve_prior
from .refine import refined
from .reliability import judge
from .spectrum import Spectrum, count_windows, gray_step, measure
from .traces import was_enlarged
from .widths import width_intervals

SMALLEST_STEP = 1e-4
"""Of the gray values, in parts of the value range, where their dtype does not tell: keeps the noise floor from being zero."""

ENOUGH = 12
"""Windows that a picture of its own has."""
DECISION = 2
"""How much families differ in weight beyond their probability: upscaling is better with one shape than with a mean of several."""


class Outcome(NamedTuple):
    """What one image's spectrum gave."""

    kernel: Kernel
    fwhm_interval: tuple[tuple[float, float], tuple[float, float]]
    reliability: Reliability
    details: dict[str, Any]
    shapes: NDArray[np.float64]
    """(candidates, n, n): the kernels that it could be."""
    chances: NDArray[np.float64]
    """(candidates,): theirs, as the error bars have them; sum 1."""


def iter_spectral(pairs: Sequence[tuple[Input, int]], scale: int, config: SpectralConfig) -> Steps[list[KernelEstimate]]:
    """Estimate the kernel of each input with its seed; what a stop leaves undone is done all the same, since it takes little time."""
    results = []
    for number, (source, seed) in enumerate(pairs, 1):
        start = time.perf_counter()
        found = estimate(source.planes, scale, config, source.step, seed, source.gaps, source.pictures)
        results.append(
            KernelEstimate(
                kernel=found.kernel,
                scale=scale,
                method="spectral",
                seed=seed,
                seconds=time.perf_counter() - start,
                reference="prior",
                fwhm_interval=found.fwhm_interval,
                reliability=found.reliability,
                config=config.model_dump(mode="json"),
                details={"input": source.record, "spectrum": found.details, "versions": versions()},
            )
        )
        kernel = found.kernel
        yield Progress(number, len(pairs), kernel=lambda kernel=kernel: kernel, stage="spectrum")  # type: ignore[misc]
    return results


def estimate(
    planes: Sequence[NDArray[np.float32]],
    scale: int,
    config: SpectralConfig,
    step: float | None,
    seed: int,
    gaps: Sequence[NDArray[np.bool_]] = (),
    pictures: Sequence[int] = (),
) -> Outcome:
    """Estimate the kernel of planes (channels, Y, X) on 0..1.

    Parameters
    ----------
    planes : sequence of ndarray
        Pooled: they share one kernel.
    scale : int
        2, 3 or 4.
    config : SpectralConfig
    step : float, optional
        Between gray values, in parts of the value range; its rounding is noise that is known.
    seed : int
        Chooses the windows of large images.
    gaps : sequence of ndarray, optional
        (Y, X) for each plane: pixels without a value.
    pictures : sequence of int, optional
        For each plane, which picture it is a part of; each is one of its own if empty.
    """
    planes, masks = without_gaps(planes, gaps)
    spectra = _measured(planes, masks, pictures or range(len(planes)), seed)
    candidates = dictionary(scale)
    quantisation = max(step or SMALLEST_STEP, gray_step(planes[0])) ** 2 / 12
    prior = likeliest_prior(spectra, resolve_prior(config.prior, scale), scale, candidates, quantisation)
    found = posterior(spectra, prior, scale, candidates, quantisation)
    found, kernels, asymmetry = settle(planes, found, candidates, scale)
    shares = np.bincount(candidates.family[found.candidates], found.weights, len(FAMILIES))
    decided = found.weights * shares[candidates.family[found.candidates]] ** DECISION
    kernel = centre(normalise(np.tensordot(decided, kernels, 1)))
    moved = refined(found, candidates, scale)
    if moved is not None:
        kernel = centre(normalise(turned_like(kernel, moved[None])[0]))
    windows = sum(spectrum.windows for spectrum in spectra)
    details = {
        "prior": prior.name,
        "families": dict(zip(FAMILIES, shares.round(4).tolist(), strict=True)),
        "asymmetry": asymmetry,
        "pictures": round(found.pictures, 2),
        "windows": round(windows),
        "noise": float(np.sqrt(found.noise)),
        "misfit": found.misfit,
        **_moments(found, candidates),
    }
    interval = width_intervals(kernel, found, decided / decided.sum(), candidates)
    trust = judge(found, candidates, windows, scale, was_enlarged(planes))
    return Outcome(kernel, interval, trust, details, kernels, found.bar_weights)


def _measured(
    planes: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.bool_] | None], pictures: Sequence[int], seed: int
) -> list[Spectrum]:
    """The spectrum of each picture; small ones have one together, since what few windows show depends on which objects are in them."""
    members = [[i for i, each in enumerate(pictures) if each == picture] for picture in sorted(set(pictures))]
    large = [some for some in members if sum(count_windows(planes[i]) for i in some) >= ENOUGH]
    small = [i for some in members if some not in large for i in some]
    return [measure([planes[i] for i in some], seed, [masks[i] for i in some]) for some in (*large, small) if some]


def _moments(found: Posterior, candidates: Dictionary) -> dict[str, Any]:
    """Covariance (yy, xx, yx) in HR px^2 and direction of the major axis, with their posterior spread."""
    moments = candidates.covariance[found.candidates]
    mean = found.weights @ moments
    spread = np.sqrt(found.bar_weights @ (moments - mean) ** 2)
    # directions double, since half a turn is none
    turned = found.weights @ ((moments[:, 1] - moments[:, 0]) + 2j * moments[:, 2])
    doubled = np.angle((moments[:, 1] - moments[:, 0]) + 2j * moments[:, 2]) - np.angle(turned)
    off = np.rad2deg((doubled + np.pi) % (2 * np.pi) - np.pi) / 2
    return {
        "covariance": mean.tolist(),
        "covariance_sd": spread.tolist(),
        "angle": float(np.rad2deg(np.angle(turned)) / 2 % 180),
        "angle_sd": float(np.sqrt(found.bar_weights @ off**2)),
    }
