"""The power spectrum of an image on the polar grid, and its noise floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2

from ...errors import InputError
from .channels import FINE, mixture
from .grid import CORNER, SIDE, polar_grid

LEAST = 48
"""px that either side of an image must have."""
MOST_WINDOWS = 1024
"""More are not looked at: the spectrum is known well enough."""
BATCH = 256  # windows transformed at a time, so that memory does not grow with the image
QUIET = 0.3  # quantile of the windows, by their power in the corners, that is taken for noise alone
QUIET_BIAS = 0.97  # of that quantile where there is noise alone
BRIGHTNESS_GROUPS = 3
MIXED_FROM = 128
"""Windows that tell how to mix channels."""
HIDING, LEAST_PICTURE, TINY = 3.0, 0.3, 1e-30
"""Windows count half that have this many times as much fine detail as noise; what less is taken for than this part; and for zero."""
MASKED = 0.02
"""Share of a window that may be masked."""
SAMPLED = 20_000  # pixels that tell the step between gray values
ON_GRID = 0.05


class Spectrum(NamedTuple):
    """What an image's windows look like together."""

    power: NDArray[np.float64]
    """(bins,): weighted mean of the windows' power densities, of a gray picture or of `Mixture` of channels."""
    noise: float
    """Power density of the white noise; from above unless it is certain: what is in the corners may be picture too."""
    certain: bool
    """Whether the noise is known to a few per cent, from several channels."""
    windows: float
    """How many windows it is the mean of, in effect."""


def measure(planes: Sequence[NDArray[np.float32]], seed: int = 0, masks: Sequence[NDArray[np.bool_] | None] = ()) -> Spectrum:
    """Welch's spectrum of planes (channels, Y, X), with Hann windows that overlap by half; smaller planes have one window as large as they.

    Channels are mixed as `mixture` tells from some of the windows, and windows count the more, the more fine detail they have for the
    noise.

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
    if any(mask is not None for mask in masks):
        shares = np.array([_share(masks[i], y, x) for i, y, x in places])
        allowed = max(MASKED, float(shares.min()))
        places = [place for place, share in zip(places, shares, strict=True) if share <= allowed]
    if len(places) > MOST_WINDOWS:
        chosen = np.random.default_rng([seed, 20]).choice(len(places), MOST_WINDOWS, replace=False)
        places = [places[i] for i in sorted(chosen)]
    matrix, noise = np.ones((1, 1), np.float32), None
    if len(planes[0]) > 1:
        some, means = map(np.concatenate, zip(*_transformed(planes, places[:: -(-len(places) // MIXED_FROM)]), strict=True))
        corner = np.square(np.abs(some[:, :, grid.radius > CORNER])).mean(2)
        matrix, noise = mixture(some, grid.radius, np.array([_noise(channel, means) for channel in corner.T]))
    fine = (grid.radius > FINE[0]) & (grid.radius <= FINE[1])
    bins, detail, corners, brightness = [], [], [], []
    for start in range(0, len(places), BATCH):
        for transformed, means in _transformed(planes, places[start : start + BATCH], matrix):
            power = _power(transformed)
            bins.append((grid.mean @ power.T).T)
            detail.append(power[:, fine].mean(1))
            corners.append(power[:, grid.radius > CORNER].mean(1))
            brightness.append(means)
    certain = noise is not None
    noise = noise or _noise(np.concatenate(corners), np.concatenate(brightness))
    # windows that show hardly anything but noise would hide what others show
    picture = np.maximum(np.concatenate(detail, dtype=np.float64) - noise, LEAST_PICTURE * noise) + TINY
    shares = picture / (picture + HIDING * noise)
    shares /= shares.sum()
    return Spectrum(shares @ np.concatenate(bins), noise, certain, float(1 / np.square(shares).sum()))


def count_windows(plane: NDArray[np.float32]) -> int:
    """How many windows a plane (channels, Y, X) has."""
    return len(_corners(plane.shape[1:]))


def _transformed(
    planes: Sequence[NDArray[np.float32]], places: list[tuple[int, int, int]], matrix: NDArray[np.float32] | None = None
) -> Iterator[tuple[NDArray[np.complex64], NDArray[np.float32]]]:
    """Fourier transforms (windows, mixtures, frequencies) of the windows at these places, and their mean brightness."""
    for side, some in _by_size(planes, places).items():
        hann = np.hanning(side + 2)[1:-1]
        taper = (np.outer(hann, hann) / (hann**2).sum()).astype(np.float32)
        means = some.mean((2, 3), keepdims=True)
        windows = (some - means) * taper
        if matrix is not None and matrix.size > 1:
            windows = np.einsum("mc,wcyx->wmyx", matrix, windows, optimize=True)
        transformed = rfft2(windows, (SIDE, SIDE))
        yield transformed.reshape(*transformed.shape[:2], -1), means.mean((1, 2, 3))


def _power(transformed: NDArray[np.complex64]) -> NDArray[np.float32]:
    """(windows, frequencies), of all mixtures together."""
    return np.asarray((transformed.real**2 + transformed.imag**2).sum(1))


def _share(mask: NDArray[np.bool_] | None, y: int, x: int) -> float:
    """How much of the window at a place is masked."""
    return 0.0 if mask is None else np.count_nonzero(window := mask[y : y + SIDE, x : x + SIDE]) / window.size


def _corners(size: tuple[int, ...]) -> list[tuple[int, int]]:
    """Upper left corners of the windows, evenly spread over a plane."""
    if min(size) < LEAST:
        raise InputError(
            f"A plane of {size[0]} x {size[1]} px is too small for a spectrum, which needs {LEAST} px on either side; "
            "method='kernelgan' takes 32 px, for scales 2 and 4."
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


def _noise(corners: NDArray[np.float32], brightness: NDArray[np.float32]) -> float:
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
