"""What the network learns that improves the inverse: pictures like the image's own, degraded, undone, and compared with what they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import isqrt
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pixel_unshuffle

from ...kernels.forward import degrade_tensor
from ..inverse.levels import Levels
from ..inverse.run import Inverse, from_components

Image = NDArray[np.float32]
Region = tuple[slice, slice]

FINEST, EXAM = 2**0.5, 1.2
"""How much the inverse is downscaled, at least, to make fathers, and pictures that training is judged by.

What is learnt at one size only need not hold at another: fathers have several sizes, and the judges one that is not learnt from, nearer to
the inverse's own.
"""
TURNS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))
"""Axes that fathers are flipped along."""
EACH = 16
"""Sons of a part at each size, of all phases and turns."""
MOST = 1_900_000
"""Values of all sons of one orientation and size; of larger images only the parts with most texture are learnt from."""
PART = 192
"""px; sides of those parts."""
CELLS = 12
"""Along the shorter side of a part; some of these cells are withheld."""
WITHHELD = 6
"""One cell in so many is."""


class Lessons(NamedTuple):
    """Sons of fathers of one size, on the sons' grid (y, x); s^2 channels for the s x s pixels of a father that belong to one of a son."""

    given: Tensor
    """(N, s^2 C + C, y, x): what the network gets, see `features`."""
    missing: Tensor
    """(N, s^2 C, y, x): what the inverse does not give back."""
    counts: Tensor
    """(N, s^2 C, y, x): 1 where it counts and 0 where not."""

    def map(self, change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], device: torch.device) -> Lessons:
        """The same on a device, with what is given and missing changed."""
        given, missing = change(self.given, self.missing)
        return Lessons(given.to(device), missing.to(device), self.counts.to(device))


class Units(NamedTuple):
    """Sizes of what the network gets and gives, which it is brought to 1 by."""

    offset: Tensor
    """(s^2 C + C, 1, 1)."""
    size: Tensor
    missing: float

    @classmethod
    def of(cls, planes: Sequence[Lessons]) -> Units:
        """Measure them in lessons of one or more planes: one size for details and one for levels, all colours alike."""
        offset = torch.stack([lessons.given.mean((0, 2, 3)) for lessons in planes]).mean(0)
        spread = torch.stack([lessons.given.var((0, 2, 3)) for lessons in planes]).mean(0)
        details = planes[0].missing.shape[1]
        size = torch.cat([part.mean().sqrt().expand(len(part)) for part in (spread[:details], spread[details:])]) + 1e-8
        missing = np.mean([float(lessons.missing.std()) for lessons in planes])
        return cls(offset[:, None, None], size[:, None, None], float(missing) + 1e-8)

    def applied(self, given: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
        """Both in these units."""
        return (given - self.offset) / self.size, missing / self.missing


def features(low: Tensor, large: Tensor, scale: int) -> Tensor:
    """What the network gets of an image (N, C, y, x) and its inverse: details, which are the inverse less the image, and the image."""
    return torch.cat([pixel_unshuffle(large, scale) - low.repeat_interleave(scale**2, 1), low], 1)


class Teacher:
    """Makes lessons from an image (C, Y, X) and its inverse.

    The fathers are parts of the inverse itself, downscaled: sharp, unlike the image, whose blur would be learnt. They are flipped, shifted
    by all phases, and then degraded: the kernel stays as it is. Every other son is degraded with circular borders, which no inverse gets
    right: real borders are not mirrors either.

    Parameters
    ----------
    channels, large : ndarray
        The image and its inverse.
    inverse : Inverse
    levels : sequence of Levels
        Of the image: sons have its noise.
    least : float
        As for `Inverse.levels`.
    noise : float
        Standard deviation of the sons' noise where it is given, or 0.
    rng : Generator
    share : int
        One of so many planes that share `MOST`.
    """

    def __init__(
        self,
        channels: Image,
        large: Image,
        inverse: Inverse,
        levels: Sequence[Levels],
        least: float,
        noise: float,
        rng: np.random.Generator,
        share: int = 1,
    ) -> None:
        scale = inverse.scale
        places = grounds(channels, scale, share)
        self.parts = [large[:, y.start * scale : y.stop * scale, x.start * scale : x.stop * scale] for y, x in places]
        self.withheld = [withheld(channels[:, y, x], rng) for y, x in places]
        self.inverse, self.levels, self.least, self.rng = inverse, levels, least, rng
        self.deviations = np.array([noise or each.noise**0.5 for each in levels], np.float32)[:, None, None]
        self.kernel = torch.as_tensor(inverse.kernel, dtype=torch.float32)

    def lessons(self) -> list[Lessons]:
        """What to learn from, one for each size of the fathers."""
        scale = self.inverse.scale
        kinds = list(product(range(len(TURNS)), range(scale), range(scale)))
        return [
            self._sons(shrink, [kinds[i] for i in sorted(self.rng.permutation(len(kinds))[:EACH])], exam=False)
            for shrink in (scale, FINEST)
        ]

    def exam(self, whole: bool = False) -> Lessons:
        """What training is judged by: upright sons with mirrored borders, of which what is withheld counts, or all."""
        exam = self._sons(EXAM, [(0, 0, 0)], exam=True)
        return exam._replace(counts=torch.ones_like(exam.counts)) if whole else exam

    def _sons(self, shrink: float, kinds: Sequence[tuple[int, int, int]], exam: bool) -> Lessons:
        scale = self.inverse.scale
        lows, larges, fathers, masks = [], [], [], []
        for part, hidden in zip(self.parts, self.withheld, strict=True):
            sides = [round(length / shrink) for length in part.shape[1:]]
            upright = interpolate(torch.from_numpy(part)[None], sides, mode="bicubic", antialias=True)
            mask = interpolate(torch.from_numpy(hidden).float()[None, None], sides, mode="nearest-exact")
            mask = mask if exam else 1 - mask
            size = [(length - scale + 1) // scale * scale for length in sides]  # every phase is as large as the last
            known: list[Levels] = []
            for turn, dy, dx in kinds:
                at = (..., slice(dy, dy + size[0]), slice(dx, dx + size[1]))
                father = upright.flip(TURNS[turn])[at]
                small = _degraded(father, self.kernel, scale, circular=(turn + dy) % 2 == 1)[0].numpy()
                low = small + from_components(self.deviations * self.rng.standard_normal(small.shape, np.float32))
                known = known or self._known(low)
                lows.append(low)
                larges.append(self.inverse.upscale(low, known))
                fathers.append(father)
                masks.append(mask.flip(TURNS[turn])[at])
        low_, large_ = (torch.from_numpy(np.stack(each)) for each in (lows, larges))
        missing = pixel_unshuffle(torch.cat(fathers) - large_, scale)
        counts = pixel_unshuffle(torch.cat(masks), scale).repeat(1, low_.shape[1], 1, 1)
        return Lessons(features(low_, large_, scale), missing, counts)

    def _known(self, low: Image) -> list[Levels]:
        """Texture of a son, and the noise of the image."""
        measured = self.inverse.levels(low, self.least)
        return [own._replace(noise=image.noise) for own, image in zip(measured, self.levels, strict=True)]


def grounds(channels: Image, scale: int, share: int = 1) -> list[Region]:
    """Where to learn: all of a plane (C, Y, X) that is small, of a larger one, or one of many, equal parts with most texture."""
    most, size = MOST // (scale**2 * len(channels) * share), channels.shape[1:]
    if size[0] * size[1] <= most:
        return [(slice(0, size[0]), slice(0, size[1]))]
    longest = min(PART, max(16 * scale, isqrt(most)))
    if share == 1:
        sides = [n // -(-n // longest) for n in size]  # all of one size, so that their lessons are one array
        rows, columns = ([slice(at, at + side) for at in range(0, n - side + 1, side)] for n, side in zip(size, sides, strict=True))
    else:  # planes may be hardly longer than a part, and parts must not become too small: they overlap instead
        sides = [min(n, longest) for n in size]
        starts = (np.linspace(0, n - side, -(-n // side)).astype(int).tolist() for n, side in zip(size, sides, strict=True))
        rows, columns = ([slice(at, at + side) for at in each] for each, side in zip(starts, sides, strict=True))

    def texture(place: Region) -> float:
        part = channels[:, place[0], place[1]]
        return sum(float(np.square(np.diff(part, axis=axis)).mean()) for axis in (1, 2))

    return sorted(product(rows, columns), key=texture, reverse=True)[: max(1, most // (sides[0] * sides[1]))]


def withheld(part: Image, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Cells of a part (C, Y, X) of the image that nothing is learnt from, (Y, X): in order of their texture, one in so many."""
    height, width = part.shape[1:]
    side = max(2, min(height, width) // CELLS)
    cells = [(slice(y, y + side), slice(x, x + side)) for y in range(0, height - side + 1, side) for x in range(0, width - side + 1, side)]
    cells.sort(key=lambda cell: float(part[:, cell[0], cell[1]].var((1, 2)).sum()))
    mask = np.zeros((height, width), bool)
    for cell in cells[int(rng.integers(WITHHELD)) :: WITHHELD]:
        mask[cell] = True
    return mask


def _degraded(father: Tensor, kernel: Tensor, scale: int, circular: bool) -> Tensor:
    """The forward model on (1, C, Y, X), with mirrored or circular borders."""
    if not circular:
        return degrade_tensor(father, kernel, scale)
    beyond = -(-len(kernel) // scale)
    around = [torch.arange(-beyond * scale, length + beyond * scale) % length for length in father.shape[2:]]
    return degrade_tensor(father[:, :, around[0]][..., around[1]], kernel, scale)[..., beyond:-beyond, beyond:-beyond]
