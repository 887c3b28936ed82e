"""The inverse of one plane: its border continued, its colours parted, in tiles where it is large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import numpy as np
import scipy

from ...config import InverseConfig
from ...kernels.algebra import Kernel
from ...progress import Progress, Steps, stops
from ..result import Outcome
from .border import Region, complete, continued
from .edges import edge_divergence
from .fourier import Image, PeriodicInverse, Size, response_reach
from .levels import Levels, measure_levels, sampled

UNSEEN = 3e-4
"""What a pixel may change far away, where the image is cut into tiles or ends, as a part of its own value."""
MOST_BORDER, MOST_OVERLAP = 24, 128
"""px; blurs that lose some frequency altogether, undone in a clean image, reach further."""
PASSED_ON = 1.75, 8
"""How much further the whole of it carries than the closed form does: a factor, and px."""
CLOSED_FORM = 0.3
"""Weight of the penalty on gradients that edges do not pay, as a part of its statistical value where all pay it."""
MOMENTUM = (1.5, 1.5, 0.8)
"""How far the passes after the first look ahead, in steps like the last one; later passes as the last."""

Span = tuple[int, int]


class Inverse:
    """Undoes a kernel in planes of channels (C, Y, X) that are one picture.

    Parameters
    ----------
    kernel : ndarray
        (n, n), convolution orientation, checked.
    scale : int
    config : InverseConfig, optional
    """

    def __init__(self, kernel: Kernel, scale: int, config: InverseConfig | None = None) -> None:
        self.kernel, self.scale, self.config = kernel, scale, config or InverseConfig()
        self._periodic: PeriodicInverse | None = None

    def levels(self, channels: Image, least: float = 0.0) -> list[Levels]:
        """Noise and texture of each of the `components` of a plane; `least` is the noise that it has at least, a variance."""
        return self.levels_of([channels[:, y, x] for y in sampled(channels.shape[1]) for x in sampled(channels.shape[2])], least)

    def levels_of(self, patches: Sequence[Image], least: float = 0.0) -> list[Levels]:
        """What `levels` gives, from those parts of a plane that it looks at."""
        parts = np.stack([components(patch) for patch in patches], 1)
        measured = [measure_levels(part, self.kernel, self.scale, least) for part in parts]
        return [each._replace(noise=self.config.noise**2) for each in measured] if self.config.noise else measured

    def weight(self, levels: Levels) -> float:
        """The weight of the squared gradient: the variance of noise over that of gradients."""
        factor = CLOSED_FORM / self.config.edge if self.config.passes else 1.0
        return factor * self.config.smoothness * levels.noise / levels.texture

    def overlap(self, levels: Sequence[Levels]) -> int:
        """How many px around a tile its result depends on."""
        return self._reach(min(self.weight(each) for each in levels), MOST_OVERLAP)

    def tiles(self, size: Sequence[int]) -> list[tuple[Span, Span]]:
        """Rows and columns of the tiles that a plane is worked on in."""
        return list(product(spans(size[0], self.config.tile), spans(size[1], self.config.tile)))

    def iter_tiles(self, channels: Image, levels: Sequence[Levels]) -> Iterator[tuple[Region, Image]]:
        """Upscale a plane tile by tile: where each belongs in the result, and its pixels (C, y, x)."""
        tiles = self.tiles(channels.shape[1:])
        overlap = self.overlap(levels) if len(tiles) > 1 else 0
        for tile in tiles:
            around = [slice(max(0, first - overlap), last + overlap) for first, last in tile]
            inside = [(first - cut.start, last - cut.start) for (first, last), cut in zip(tile, around, strict=True)]
            large = self.part(channels[:, around[0], around[1]], levels, (inside[0], inside[1]), (around[0].start, around[1].start))
            yield (self._scaled(*tile[0]), self._scaled(*tile[1])), large

    def part(self, channels: Image, levels: Sequence[Levels], inside: tuple[Span, Span], origin: tuple[int, int]) -> Image:
        """Upscale a region of `channels`, which are a part of a plane that begins at `origin`; here that does not matter."""
        return self.upscale(channels, levels)[:, self._scaled(*inside[0]), self._scaled(*inside[1])]

    def upscale(self, channels: Image, levels: Sequence[Levels]) -> Image:
        """Upscale a plane, or a part of one, as a whole: (C, Y, X) to (C, s Y, s X)."""
        large = [self._upscale(part, each) for part, each in zip(components(channels), levels, strict=True)]
        return from_components(np.stack(large)) if len(large) > 1 else large[0][None]

    def _upscale(self, low: Image, levels: Levels) -> Image:
        """One component, (Y, X): the closed form, then minima with what the last ones showed to be edges taken out of the penalty."""
        if np.ptp(low) == 0:
            return np.full(np.multiply(low.shape, self.scale), low[0, 0], np.float32)
        weight, floor = self.weight(levels), self.config.edge * levels.texture
        mean = np.float32(levels.mean)
        whole, (rows, columns) = continued(low - mean, self._reach(weight, MOST_BORDER))
        spectrum = scipy.fft.rfft2(complete(whole, (rows, columns), self.kernel, self.scale, weight))
        periodic = self._on_grid(whole.shape)
        ahead = result = periodic.solve(spectrum, weight)
        for number in range(self.config.passes):
            divergence = edge_divergence(ahead, floor)
            last, result = result, periodic.solve(spectrum, weight, divergence)
            # in the last result's memory: the next pass starts from this one, moved on as it moved from the last
            ahead = np.subtract(result, last, out=last)
            ahead *= np.float32(MOMENTUM[min(number, len(MOMENTUM) - 1)])
            ahead += result
        inside: Image = result[self._scaled(rows.start, rows.stop), self._scaled(columns.start, columns.stop)] + mean
        return inside

    def _reach(self, weight: float, most: int) -> int:
        """How far, in px of the image, a pixel matters; at most as given."""
        return min(most, int(PASSED_ON[0] * response_reach(self.kernel, self.scale, weight, UNSEEN, most)) + PASSED_ON[1])

    def _scaled(self, first: int, last: int) -> slice:
        return slice(first * self.scale, last * self.scale)

    def _on_grid(self, size: Size) -> PeriodicInverse:
        """The closed form for a size, which is kept for the next tile or plane of that size."""
        if self._periodic is None or self._periodic.size != size:
            self._periodic = PeriodicInverse(self.kernel, self.scale, size)
        return self._periodic


def iter_inverse(channels: Image, inverse: Inverse, least: float) -> Steps[Outcome]:
    """Upscale one plane (C, Y, X), with progress after every tile and the means of the channels kept; see `Inverse.levels` for `least`.

    A stop leaves the remaining tiles interpolated.
    """
    levels = inverse.levels(channels, least)
    tiles, asked = [], False
    count = len(inverse.tiles(channels.shape[1:]))
    for tile in inverse.iter_tiles(channels, levels):
        tiles.append(tile)
        asked = stops((yield Progress(len(tiles), count, stage="inverse")))
        if asked:
            break
    stopped = len(tiles) < count
    if count == 1:
        large = tiles[0][1]
    else:
        size = channels.shape[1] * inverse.scale, channels.shape[2] * inverse.scale
        from ..bicubic import enlarge_plane

        large = enlarge_plane(channels, inverse.scale) if stopped else np.empty((len(channels), *size), np.float32)
        for (rows, columns), part in tiles:
            large[:, rows, columns] = part
    for before, after in zip(channels, large, strict=True):
        after += np.float32(before.mean(dtype=np.float64) - after.mean(dtype=np.float64))
    record = [{"noise": each.noise**0.5, "texture": each.texture, "weight": inverse.weight(each)} for each in levels]
    return Outcome(large, {"components": record}, asked, stopped)


def components(channels: Image) -> Image:
    """Colours parted, by an orthonormal cosine transform across them, into brightness and differences, which have less texture."""
    return scipy.fft.dct(channels, axis=0, norm="ortho") if len(channels) > 1 else channels


def from_components(parts: Image) -> Image:
    """Undo `components`."""
    return scipy.fft.idct(parts, axis=0, norm="ortho") if len(parts) > 1 else parts


def spans(length: int, most: int) -> list[Span]:
    """Parts of an axis, first and last (exclusive), that are as equal as can be and not longer than `most`."""
    return list(pairwise(np.linspace(0, length, -(-length // most) + 1).round().astype(int).tolist()))
