"""The power spectrum of an image on the polar grid, and its noise floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2

from ...errors import InputError
from .grid import SIDE, polar_grid

LEAST = 48
"""px that either side of an image must have."""
MOST_WINDOWS = 1024
"""More are not looked at: the spectrum is known well enough."""
BATCH = 256  # windows transformed at a time, so that memory does not grow with the image
QUIET = 0.3  # quantile of the windows, by their power in the corners, that is taken for noise alone
QUIET_BIAS = 0.97  # of that quantile where there is noise alone
BRIGHTNESS_GROUPS = 3
MASKED = 0.02
"""Share of a window that may be masked."""
SAMPLED = 20_000  # pixels that tell the step between gray values
ON_GRID = 0.05


class Spectrum(NamedTuple):
    """What an image's windows look like together."""

    power: NDArray[np.float64]
    """(bins,): mean power density, of all channels together."""
    noise: float
    """Power density of the white noise, an estimate from above: what is in the corners may be picture too."""
    windows: int
    """How many windows it is the mean of."""


def measure(planes: Sequence[NDArray[np.float32]], seed: int = 0, masks: Sequence[NDArray[np.bool_] | None] | None = None) -> Spectrum:
    """Welch's spectrum of planes (channels, Y, X), with Hann windows that overlap by half; smaller planes have one window as large as they.

    Parameters
    ----------
    planes : sequence of ndarray
    seed : int
        Chooses the windows where there are many.
    masks : sequence of ndarray, optional
        (Y, X) for each plane: what to leave out, or None. Windows with more than a little of it are not looked at, unless all have.

    Raises
    ------
    InputError
        If a plane is smaller than 48 px.
    """
    grid = polar_grid()
    places = [(i, y, x) for i, plane in enumerate(planes) for y, x in _corners(plane.shape[1:])]
    if masks is not None and any(mask is not None for mask in masks):
        shares = np.array([_share(masks[i], y, x) for i, y, x in places])
        allowed = max(MASKED, float(shares.min()))
        places = [place for place, share in zip(places, shares, strict=True) if share <= allowed]
    if len(places) > MOST_WINDOWS:
        chosen = np.random.default_rng([seed, 20]).choice(len(places), MOST_WINDOWS, replace=False)
        places = [places[i] for i in sorted(chosen)]
    bins, corners, brightness = [], [], []
    for start in range(0, len(places), BATCH):
        for side, some in _by_size(planes, places[start : start + BATCH]).items():
            hann = np.hanning(side + 2)[1:-1]
            taper = (np.outer(hann, hann) / np.sqrt((hann**2).sum() ** 2)).astype(np.float32)
            means = some.mean((2, 3), keepdims=True)
            transformed = rfft2((some - means) * taper, (SIDE, SIDE))
            power = (transformed.real**2 + transformed.imag**2).sum(1).reshape(len(some), -1)
            bins.append((grid.mean @ power.T).T)
            corners.append(power[:, grid.corner].mean(1))
            brightness.append(means.mean((1, 2, 3)))
    power = np.concatenate(bins).mean(0, dtype=np.float64)
    return Spectrum(power, _noise(np.concatenate(corners).astype(np.float64), np.concatenate(brightness)), len(places))


def _share(mask: NDArray[np.bool_] | None, y: int, x: int) -> float:
    """How much of the window at a place is masked."""
    return 0.0 if mask is None else float(mask[y : y + SIDE, x : x + SIDE].mean())


def _corners(size: tuple[int, ...]) -> list[tuple[int, int]]:
    """Upper left corners of the windows, evenly spread over a plane."""
    if min(size) < LEAST:
        raise InputError(
            f"A plane of {size[0]} x {size[1]} px is too small for a spectrum, which needs {LEAST} px on either side; "
            "method='kernelgan' takes 32 px."
        )
    side = min(SIDE, *size)
    rows, columns = (np.linspace(0, n - side, -(-(n - side) // (side // 2)) + 1).astype(int) for n in size)
    return [(int(y), int(x)) for y in rows for x in columns]


def _by_size(planes: Sequence[NDArray[np.float32]], places: list[tuple[int, int, int]]) -> dict[int, NDArray[np.float32]]:
    """The windows at these places, (windows, channels, side, side) for each side that occurs."""
    found: dict[int, list[NDArray[np.float32]]] = {}
    for i, y, x in places:
        side = min(SIDE, *planes[i].shape[1:])
        found.setdefault(side, []).append(planes[i][:, y : y + side, x : x + side])
    return {side: np.stack(windows) for side, windows in found.items()}


def _noise(corners: NDArray[np.float64], brightness: NDArray[np.float64]) -> float:
    """Mean noise power: that of the quiet windows, for each brightness by itself since photon noise grows with it."""
    groups = min(BRIGHTNESS_GROUPS, len(corners) // 8) or 1
    parts = np.array_split(np.argsort(brightness, kind="stable"), groups)
    return float(sum(len(part) * np.quantile(corners[part], QUIET) for part in parts) / len(corners) / QUIET_BIAS)


def gray_step(plane: NDArray[np.float32]) -> float:
    """Between the gray values that occur, if all lie on one grid, as those of 8-bit pictures in other dtypes do; else 0."""
    steps = np.diff(np.unique(plane.ravel()[:: max(plane.size // SAMPLED, 1)]).astype(np.float64))
    if steps.size == 0:
        return 0.0
    parts = steps / steps.min()
    return float(steps.min()) if np.abs(parts - np.rint(parts)).max() < ON_GRID else 0.0
