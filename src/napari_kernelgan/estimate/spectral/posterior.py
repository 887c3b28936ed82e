"""Which kernels explain a spectrum: the posterior over the dictionary, with the noise floor inside the model.

log(P - N) = mu + z + level + log|K|^2 + error, with z from the prior and the level (contrast) free: linear in log|K|^2. The error of a bin
grows as the picture's share of its power falls. That share is predicted from the estimate itself, not measured: bins would else be selected
by their luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.special import logsumexp, softmax

from .dictionary import Dictionary
from .grid import NYQUIST_RING, polar_grid
from .prior import Prior
from .spectrum import Spectrum

LEVEL_VARIANCE = 1.0
LEVEL_RADII = 4  # the lowest frequencies tell the level
NOISE_SHARES, CERTAIN_SHARES = (0.0, 0.85, 1.0, 1.07), (0.97, 1.0, 1.03)
"""The noise floor may be these parts of its estimate, but not less than quantisation."""
NOISE_ERROR, CORNER_NOISE_ERROR = 0.25, 2.0
"""Relative error of a bin that holds noise alone, and of the model where noise is strong, and beyond 0.5 cycles per px; set on tuning
pictures."""
NOISY_CORNERS = 0.75
"""Share of noise in what lies beyond 0.5 cycles per px from which on that is left out: the noise was estimated there."""
LEFT_OUT = 1e3
LEAST_SIGNAL = 0.02
"""In parts of the noise: what is left of less is taken for this much."""
JITTER = 1e-3
ITERATIONS, FURTHER_ITERATIONS = 3, 2
"""First with the measured shares of signal, then with the predicted ones; fewer where a neighbouring noise floor has predicted them."""
GLANCE = 16
"""One in so many candidates is enough to choose between priors."""
SCREENED, HOPELESS = 1024, 30.0
"""At most how many candidates remain after the first look, and how far below the best in log weight none does."""
TEMPER = 0.7
"""Power of the likelihood for families against each other and for error bars: pictures differ in more ways than a covariance holds."""

OUTLIER = 6.0
"""Of many pictures, one speaks against a candidate by no more than this, in logarithms: some are unlike all that the prior knows."""

SEVERAL = 2.0
"""Of more independent pictures than this, what is in all their corners alike is noise and no chance."""
ALIKE = 0.1
"""Noise of pictures that differs by less than this part is alike."""

Values = NDArray[np.float64]


class Posterior(NamedTuple):
    """Weights of the candidates and how well the best explain the spectrum."""

    candidates: NDArray[np.int64]
    weights: Values
    """(candidates,): of the estimate; sum 1."""
    bar_weights: Values
    """(candidates,): of the error bars; sum 1."""
    misfit: float
    """Squared Mahalanobis distance per bin of the best candidate: mostly 0.1 to 0.6 for pictures like the prior's."""
    noise: float
    """The noise floor, a power density."""
    signal: Values
    """(bins,): share of the picture in each bin's power, 0..1."""
    whiten: NDArray[np.float32]
    """(bins of all pictures, bins): what makes the errors of a log transfer function independent and of variance 1."""
    target: NDArray[np.float32]
    """(bins of all pictures,): what the true kernel's log transfer function is, apart from such errors, once it is whitened."""
    pictures: float
    """How many independent pictures those that were pooled are worth."""


def posterior(spectra: Sequence[Spectrum], prior: Prior, scale: int, dictionary: Dictionary, quantisation: float) -> Posterior:
    """Weigh the candidates.

    Several spectra are of pictures that share one kernel. Their log likelihoods are averaged and count as often as there are, in effect,
    independent pictures: frames of one scene are hardly more than one of them, see `independent`.

    Parameters
    ----------
    spectra : sequence of Spectrum
    prior : Prior
    scale : int
    dictionary : Dictionary
    quantisation : float
        The noise power density that is there in any case.
    """
    estimates = [max(noise, quantisation) for noise in agreed([spectrum.noise for spectrum in spectra])]
    looks = [
        _Model(spectrum, prior, scale, len(spectra)).weigh(dictionary, slice(None), estimate, 1)
        for spectrum, estimate in zip(spectra, estimates, strict=True)
    ]
    first = np.mean([look.log_weights for look in looks], 0)
    likeliest = dictionary.log_transfer[np.argmax(first)]
    count = independent(np.stack([look.whiten @ likeliest - look.target for look in looks]))
    chosen = np.argpartition(first, -SCREENED)[-SCREENED:]
    chosen = chosen[first[chosen] > first.max() - HOPELESS]
    beforehand = dictionary.log_prior[chosen]
    pictures = []
    for spectrum, estimate in zip(spectra, estimates, strict=True):
        shares = CERTAIN_SHARES if spectrum.certain or count > SEVERAL else NOISE_SHARES
        floors = sorted({max(quantisation, share * estimate) for share in shares})
        pictures.append(_Picture.of(_Model(spectrum, prior, scale, count), dictionary, chosen, floors))
    most = max(OUTLIER, HOPELESS / count) if len(pictures) > 1 else np.inf
    plain, tempered = (np.mean([picture.likelihood(temper, most) for picture in pictures], 0) for temper in (1.0, TEMPER))
    weights, bar_weights = softmax(count * plain + beforehand), softmax(count * tempered + beforehand)
    family = dictionary.family[chosen]
    weights *= (np.bincount(family, bar_weights) / np.maximum(np.bincount(family, weights), np.finfo(float).tiny))[family]
    part = np.float32(np.sqrt(count / len(pictures)))
    return Posterior(
        chosen,
        weights / weights.sum(),
        bar_weights,
        float(np.mean([picture.best.misfit for picture in pictures])),
        float(np.mean([picture.noise for picture in pictures])),
        np.mean([picture.best.signal for picture in pictures], 0),
        part * np.concatenate([picture.best.whiten for picture in pictures]),
        part * np.concatenate([picture.best.target for picture in pictures]),
        count,
    )


def independent(residuals: NDArray[Any]) -> float:
    """How many independent pictures some are worth together.

    What pictures of one scene, or of one microscope, have in common is no news the second time. Its share of the residuals' variance is the
    intraclass correlation r, and n pictures are worth ``n / (1 + (n - 1) r)``, as in Kish, "Survey Sampling" (1965).

    Parameters
    ----------
    residuals : ndarray
        (pictures, bins): what one kernel does not explain of each, whitened.

    Returns
    -------
    float
        From 1 to the number of pictures.
    """
    count = len(residuals)
    own = float(np.square(residuals, dtype=np.float64).mean())
    if count == 1 or own == 0:
        return 1.0
    common = float(np.square(residuals.mean(0, dtype=np.float64)).mean())
    correlation = min(max((count * common / own - 1) / (count - 1), 0.0), 1.0)
    return count / (1 + (count - 1) * correlation)


def likeliest_prior(spectra: Sequence[Spectrum], priors: Sequence[Prior], scale: int, dictionary: Dictionary, quantisation: float) -> Prior:
    """The prior that explains spectra best, on average, from a glance at a part of the candidates."""

    def evidence(prior: Prior) -> float:
        weights = []
        for spectrum in spectra:
            model = _Model(spectrum, prior, scale)
            floors = {quantisation, max(spectrum.noise, quantisation)}
            looks = [model.weigh(dictionary, slice(None, None, GLANCE), floor, 1) for floor in floors]
            weights.append(logsumexp([look.log_weights for look in looks], axis=0))
        return float(logsumexp(np.mean(weights, 0)))

    return priors[0] if len(priors) == 1 else max(priors, key=evidence)


def agreed(noises: Sequence[float]) -> list[float]:
    """The noise powers of pictures of one detector, of which some may be too low.

    Where most are alike, there is noise, and none is much lower than the others: where pixels are saturated, noise is cut off too. Where
    they are not, fine detail was taken for noise in some, and they say nothing of each other.
    """
    middle = float(np.median(noises))
    alike = np.mean(np.abs(np.array(noises) - middle) < ALIKE * middle) > 0.5
    return [max(noise, (1 - ALIKE) * middle) if alike else noise for noise in noises]


class _Picture(NamedTuple):
    """The likelihood of some candidates under one picture's spectrum, at several noise floors."""

    log_likelihood: Values
    """(floors, candidates)."""
    noise: float
    """The mean noise floor."""
    best: _Look
    """At the likeliest noise floor."""

    @classmethod
    def of(cls, model: _Model, dictionary: Dictionary, chosen: NDArray[np.int64], floors: Sequence[float]) -> _Picture:
        looks = [model.weigh(dictionary, chosen, floors[0], ITERATIONS)]
        for floor in floors[1:]:
            looks.append(model.weigh(dictionary, chosen, floor, FURTHER_ITERATIONS, looks[-1].predicted))
        log_weights = np.stack([look.log_weights for look in looks])
        share = softmax(log_weights).sum(1)
        return cls(log_weights - dictionary.log_prior[chosen], float(share @ floors), looks[int(share.argmax())])

    def likelihood(self, temper: float, most: float) -> Values:
        """(candidates,): logarithm, tempered, whatever the noise floor; none is less likely than the likeliest by more than `most`."""
        values = np.asarray(logsumexp(temper * self.log_likelihood, axis=0))
        return np.asarray(np.logaddexp(values, values.max() - most))


class _Look(NamedTuple):
    log_weights: Values
    misfit: float
    signal: Values
    predicted: Values
    """Logarithm of the picture's own power in each bin."""
    whiten: NDArray[np.float32]
    target: NDArray[np.float32]


class _Model:
    """The likelihood of one spectrum under one prior, among so many independent `pictures`."""

    def __init__(self, spectrum: Spectrum, prior: Prior, scale: int, pictures: float = 1) -> None:
        self.power, self.mean, self.covariance = spectrum.power, prior.mean[scale], prior.covariance[scale] + LEVEL_VARIANCE
        grid = polar_grid()
        self.sampling = 1 / (spectrum.windows * grid.counts)
        self.low = grid.ring < LEVEL_RADII
        outer = grid.ring >= NYQUIST_RING
        self.noise_error = np.where(outer, CORNER_NOISE_ERROR, NOISE_ERROR)
        if spectrum.noise > NOISY_CORNERS * self.power[outer].mean():
            self.sampling[outer] += LEFT_OUT
            self.noise_error[outer] = NOISE_ERROR
        # what the model of noise errs by is alike in all pictures, and does not average out
        self.noise_error *= np.sqrt(pictures)

    def weigh(
        self,
        dictionary: Dictionary,
        chosen: slice | NDArray[np.int64],
        noise: float,
        iterations: int,
        predicted: Values | None = None,
    ) -> _Look:
        """Log posterior weights (not normalised) of chosen candidates at a noise floor."""
        transfer = dictionary.log_transfer[chosen]
        clean = np.maximum(self.power - noise, LEAST_SIGNAL * noise)
        observed = np.log(clean) - self.mean
        predicted = np.log(clean) if predicted is None else predicted
        for _ in range(iterations):
            share = 1 / (1 + noise * np.exp(-predicted))
            # of the log power with its noise, which moves by the share of what the picture's own moves by
            spread = self.covariance * share[:, None] * share + np.diag(self.sampling + (self.noise_error * (1 - share)) ** 2 + JITTER)
            root = cholesky(spread, lower=True, check_finite=False)
            whiten = solve_triangular(root, np.diag(share), lower=True, check_finite=False).astype(np.float32)
            target = whiten @ observed.astype(np.float32)
            residual = transfer @ whiten.T - target
            distance = np.einsum("cb,cb->c", residual, residual).astype(np.float64)
            log_weights = -0.5 * distance - np.log(np.diag(root)).sum() + dictionary.log_prior[chosen]
            weights = np.exp(log_weights - log_weights.max()).astype(np.float32)
            expected = (weights @ transfer / weights.sum()).astype(np.float64)
            known = self.low * share**2
            level = known @ (observed - expected) / known.sum()
            predicted = self.mean + expected + level
        return _Look(log_weights, float(distance.min() / len(share)), 1 / (1 + noise * np.exp(-predicted)), predicted, whiten, target)
