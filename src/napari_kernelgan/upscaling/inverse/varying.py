"""The inverse of a plane whose kernel varies: each tile of a map undone with its own kernel, and blended into its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...config import InverseConfig
from ...fields.result import KernelMap
from ...fields.tiles import shares
from .border import Region
from .fourier import Image
from .levels import Levels
from .run import MOST_OVERLAP, Inverse, Span


class VaryingInverse(Inverse):
    """Undoes a map of kernels in planes of the map's size.

    Noise and texture are those of the whole plane, for all tiles alike, as its mean kernel has them. Every tile is worked on with as much
    around it as its own kernel's inverse reaches, so that it ends nowhere; raised cosines between the tiles' centres, which sum to one,
    blend them. Memory does not grow with the number of tiles.

    Parameters
    ----------
    field : KernelMap
        Checked: for this scale, without missing kernels.
    scale : int
    config : InverseConfig, optional
    """

    def __init__(self, field: KernelMap, scale: int, config: InverseConfig | None = None) -> None:
        super().__init__(field.mean_kernel, scale, config)
        self.field = field

    def overlap(self, levels: Sequence[Levels]) -> int:
        """How many px around a tile its result depends on, at most: every kernel takes what it needs of them."""
        return MOST_OVERLAP

    def iter_tiles(self, channels: Image, levels: Sequence[Levels]) -> Iterator[tuple[Region, Image]]:
        """Upscale a plane tile by tile, as `Inverse.iter_tiles` does; these tiles are the configuration's, not the map's."""
        for tile in self.tiles(channels.shape[1:]):
            yield (self._scaled(*tile[0]), self._scaled(*tile[1])), self.part(channels, levels, tile, (0, 0))

    def part(self, channels: Image, levels: Sequence[Levels], inside: tuple[Span, Span], origin: tuple[int, int]) -> Image:
        """Upscale a region of `channels`, which begin at `origin` in the plane that the map is of."""
        ours = [shares(at, self._places(*span) + first) for at, span, first in zip(self._centres, inside, origin, strict=True)]
        out = np.zeros((len(channels), len(ours[0]), len(ours[1])), np.float32)
        for i in np.flatnonzero(ours[0].any(0)):
            for j in np.flatnonzero(ours[1].any(0)):
                single = Inverse(self.field.kernels[i, j], self.scale, self.config)
                needed = single.overlap(levels)
                cuts, froms, tos = [], [], []
                for share, (first, _) in zip((ours[0][:, i], ours[1][:, j]), inside, strict=True):
                    high = np.flatnonzero(share)
                    to = slice(int(high[0]), int(high[-1]) + 1)
                    begin, end = first + to.start // self.scale, first - (-to.stop // self.scale)
                    cut = slice(max(0, begin - needed), end + needed)
                    cuts.append(cut)
                    tos.append(to)
                    ahead = (first - cut.start) * self.scale
                    froms.append(slice(to.start + ahead, to.stop + ahead))
                large = single.upscale(channels[:, cuts[0], cuts[1]], levels)[:, froms[0], froms[1]]
                weight = np.outer(ours[0][tos[0], i], ours[1][tos[1], j]).astype(np.float32)
                out[:, tos[0], tos[1]] += large * weight
        return out

    @property
    def _centres(self) -> tuple[np.ndarray, np.ndarray]:
        return self.field.rows, self.field.columns

    def _places(self, first: int, last: int) -> np.ndarray:
        """Centres of the result's pixels along an axis, in px of the image."""
        return (np.arange(first * self.scale, last * self.scale) + 0.5) / self.scale - 0.5
