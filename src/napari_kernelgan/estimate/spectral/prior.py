"""What sharp pictures' spectra look like: the learnt mean and covariance of their logarithm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .grid import log_transfer, polar_grid, symmetries
from .spectrum import Spectrum

BUILT_IN = ("natural", "microscopy", "broad")
"""Photographs; microscope images; and what is between them and around, for images that neither resembles."""

SHRINKAGE = 0.05
"""Of the covariance towards its diagonal: pictures are fewer than bins."""
JITTER = 0.02
"""Added to the variances: what no picture of the set showed."""

# How a prior of few pictures leans on one of many, and how much wider than both a third is: by cross-validation, see docs/benchmarks.md
OWN_MEAN, OWN_COVARIANCE = 0.5, 0.25
"""The parts of the mean and of the covariance that are the few pictures' own."""
LEVEL_VARIANCE = 1.0
"""Contrasts vary more between the kinds of microscopes than between photographs."""
WIDER = 1.5
"""Factor of the covariance of what fits neither."""


@dataclass(frozen=True)
class Prior:
    """Mean and covariance of the log power of sharp pictures, by scale, and what they were learnt from."""

    name: str
    mean: dict[int, NDArray[np.float64]]
    """(bins,)."""
    covariance: dict[int, NDArray[np.float64]]
    about: dict[str, Any]

    def save(self, path: str | Path) -> Path:
        """Write an NPZ of float32 arrays and a JSON text; nothing in it is executed when it is read."""
        path = Path(path)
        arrays = {f"mean{s}": m.astype(np.float32) for s, m in self.mean.items()}
        arrays |= {f"covariance{s}": c.astype(np.float32) for s, c in self.covariance.items()}
        np.savez_compressed(path, allow_pickle=False, about=np.array(json.dumps({"name": self.name} | self.about)), **arrays)
        return path

    @classmethod
    def load(cls, path: str | Path | Any) -> Prior:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If it is no such file, or was learnt on another grid of frequencies.
        """
        try:
            with np.load(path, allow_pickle=False) as store:
                about = json.loads(str(store["about"]))
                name = str(about.pop("name"))
                scales = [int(key.removeprefix("mean")) for key in store.files if key.startswith("mean")]
                mean = {s: store[f"mean{s}"].astype(np.float64) for s in scales}
                covariance = {s: store[f"covariance{s}"].astype(np.float64) for s in scales}
        except MemoryError:
            raise
        except Exception as error:  # what is no such file may raise anything
            raise InputError(f"{path} cannot be read as a prior, which fit-prior makes: {type(error).__name__}, {error}") from error
        bins = len(polar_grid().counts)
        if any(mean[s].shape != (bins,) or covariance[s].shape != (bins, bins) for s in scales):
            raise InputError(f"{path} was made by another version, whose spectra do not have {bins} bins: make it anew with fit-prior.")
        return cls(name, mean, covariance, about)


@lru_cache(maxsize=8)
def built_in(name: str) -> Prior:
    """A prior that comes with the package."""
    return Prior.load(resources.files(__package__) / "priors" / f"{name}.npz")


def resolve_prior(name: str, scale: int) -> list[Prior]:
    """The priors that a setting means: "auto" all that come with the package, else one of them or a file.

    Raises
    ------
    InputError
        If there is no such prior, or it was not learnt for the scale.
    """
    chosen = [built_in(each) for each in BUILT_IN] if name == "auto" else [built_in(name) if name in BUILT_IN else Prior.load(name)]
    for prior in chosen:
        if scale not in prior.mean:
            raise InputError(f"The prior {prior.name!r} was learnt for the scales {sorted(prior.mean)}, not for {scale}.")
    return chosen


def fit(
    spectra: Sequence[Spectrum], kernels: Sequence[NDArray[np.float64]], scale: int, quantisation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of sharp pictures' log power, from pictures degraded without noise by known kernels.

    Degraded pictures and not the sharp ones themselves, so that aliasing and quantisation are in what is learnt.

    Parameters
    ----------
    spectra : sequence of Spectrum
        Of the degraded pictures.
    kernels : sequence of ndarray
        The kernel of each.
    scale : int
    quantisation : float
        Their noise power density, that of quantisation alone.
    """
    power = np.stack([spectrum.power for spectrum in spectra])
    transfer = np.concatenate([log_transfer(kernel[None], scale) for kernel in kernels])
    sharp = np.log(np.maximum(power - quantisation, 0.2 * power)) - transfer
    sample = np.concatenate([sharp[:, order] for order in symmetries()])
    covariance = np.cov(sample.T)
    covariance = (1 - SHRINKAGE) * covariance + (SHRINKAGE * np.diag(covariance) + JITTER) * np.eye(len(covariance))
    return sample.mean(0), covariance


def leaning(few: Prior, many: Prior) -> Prior:
    """The prior of a few pictures, halfway to one of many in its mean, and with mostly its covariance: theirs is known too badly alone."""
    scales = sorted(few.mean.keys() & many.mean.keys())
    mean = {s: OWN_MEAN * few.mean[s] + (1 - OWN_MEAN) * many.mean[s] for s in scales}
    covariance = {s: OWN_COVARIANCE * few.covariance[s] + (1 - OWN_COVARIANCE) * many.covariance[s] + LEVEL_VARIANCE for s in scales}
    about = few.about | {"leans_on": many.name, "own_mean": OWN_MEAN, "own_covariance": OWN_COVARIANCE, "level_variance": LEVEL_VARIANCE}
    return Prior(few.name, mean, covariance, about)


def pooled(first: Prior, second: Prior, name: str) -> Prior:
    """What holds both priors' pictures, and wider than that: for images that neither fits."""
    mean, covariance = {}, {}
    for s in sorted(first.mean.keys() & second.mean.keys()):
        half = (second.mean[s] - first.mean[s]) / 2
        mean[s] = first.mean[s] + half
        covariance[s] = WIDER * ((first.covariance[s] + second.covariance[s]) / 2 + np.outer(half, half)) + LEVEL_VARIANCE
    about = {"pooled": {prior.name: prior.about for prior in (first, second)}, "wider": WIDER, "level_variance": LEVEL_VARIANCE}
    return Prior(name, mean, covariance, about)
