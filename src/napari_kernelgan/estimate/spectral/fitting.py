"""Learning a prior from sharp pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...kernels.forward import degrade_plane
from ...kernels.models import random_gaussian
from ...progress import Progress, Steps
from .dictionary import WIDTH
from .grid import symmetries
from .prior import Prior, fit
from .spectrum import LEAST, measure

SCALES = (2, 3, 4)
KERNELS_EACH = 3
VARIANCES = (0.0875, 0.625)
"""Of the kernels that pictures are degraded with, in px^2 of the degraded picture: wider ones would leave nothing to learn from."""
LEAST_PICTURES = 12
STEP = 1 / 255
"""By default degraded pictures are rounded as 8-bit ones are."""


def iter_fit_prior(
    pictures: Iterable[NDArray[np.float32]], count: int, name: str, about: dict[str, Any], seed: int = 0, step: float = STEP
) -> Steps[Prior]:
    """Degrade each picture with random Gaussians for each scale and learn from the spectra of the results.

    Parameters
    ----------
    pictures : iterable of ndarray
        (channels, Y, X) each, on 0..1, sharp to the pixel; those too small for a scale are left out there.
    count : int
        How many there are, for the progress.
    name : str
        Of the prior.
    about : dict
        What else to record, for example where the pictures come from and their licence.
    seed : int
        Of the kernels.
    step : float
        Between gray values of the degraded pictures; 0 does not round them, which suits pictures of more bits than 8.

    Raises
    ------
    InputError
        If there are fewer than 12 pictures large enough.
    """
    spectra: dict[int, list[Any]] = {scale: [] for scale in SCALES}
    kernels: dict[int, list[Any]] = {scale: [] for scale in SCALES}
    used = dict.fromkeys(SCALES, 0)
    rng = np.random.default_rng([seed, 30])
    for number, picture in enumerate(pictures, 1):
        for scale in SCALES:
            if min(picture.shape[1:]) // scale < LEAST:
                continue
            used[scale] += 1
            low, high = (variance * scale**2 for variance in VARIANCES)
            for _ in range(KERNELS_EACH):
                kernel = random_gaussian(rng, WIDTH * scale, (low, high))
                small = np.moveaxis(degrade_plane(np.moveaxis(picture, 0, -1), kernel, scale), -1, 0)
                rounded = np.rint(np.clip(small, 0, 1) / step) * step if step else small
                spectra[scale].append(measure([rounded.astype(np.float32)], seed))
                kernels[scale].append(kernel)
        yield Progress(number, count, stage="learning from pictures")
    short = [scale for scale in SCALES if used[scale] < LEAST_PICTURES]
    if short:
        raise InputError(
            f"A prior needs at least {LEAST_PICTURES} pictures of {LEAST * max(short)} px and more on either side; "
            f"for scale {max(short)} there are {used[max(short)]}."
        )
    learnt = {scale: fit(spectra[scale], kernels[scale], scale, step**2 / 12) for scale in SCALES}
    record = about | {"pictures": used, "kernels_each": KERNELS_EACH, "symmetries": len(symmetries()), "seed": seed}
    return Prior(name, {s: mean for s, (mean, _) in learnt.items()}, {s: covariance for s, (_, covariance) in learnt.items()}, record)
