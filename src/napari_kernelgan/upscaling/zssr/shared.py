"""ZSSR on a stack: one network, trained on a few of its planes, for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...config import ZSSRConfig
from ...progress import Progress, Steps, relay
from ..inverse.run import Inverse
from ..result import Outcome
from .learning import Trained, iter_school, warm_steps
from .learnt import Learnt
from .network import tile_regions
from .residual import iter_apply, iter_residual
from .stages import Stage

Image = NDArray[np.float32]


class SharedNetwork:
    """Trains before the first plane, and upscales it and all others, with the progress of the whole stack.

    Parameters
    ----------
    size : tuple of int
        Of the planes (Y, X).
    count : int
        How many planes there are.
    stage : Stage
    config : ZSSRConfig
        With ``train`` "stack" or "warm".
    seed : int
    device : torch.device
    """

    def __init__(self, size: Sequence[int], count: int, stage: Stage, config: ZSSRConfig, seed: int, device: torch.device) -> None:
        self.stage, self.config, self.seed, self.device = stage, config, seed, device
        self.trained: Trained | None = None
        self._count, self._done, self._before = count, 0, 0
        tiles = len(Inverse(stage.kernel, stage.scale).tiles(size))
        regions = len(tile_regions(size, max(1, config.tile // stage.scale)))
        self._each = tiles + regions - 1  # steps of one plane, at most
        if config.train == "warm":
            self._each += warm_steps(config) - 1

    def iter_plane(self, channels: Image, examples: Sequence[Image], least: float) -> Steps[Outcome]:
        """Upscale a plane (C, Y, X) on 0..1, after training on `examples` if it is the first; `least` is the noise (variance) of both.

        A stop in training ends it, and this plane is upscaled with what was learnt.
        """
        asked = cut = False
        if self.trained is None:
            school = iter_school(examples, self.stage, self.config, self.seed, self.device, least)
            self.trained = yield from relay(school, self._learning)
            asked, cut = self.trained.asked, self.trained.cut
        outcome = yield from relay(self._upscaled(channels, self.trained.learnt, least, asked), self._applying)
        self._done += 1
        return outcome._replace(asked=asked or outcome.asked, stopped=cut or outcome.stopped)

    def _upscaled(self, channels: Image, learnt: Learnt, least: float, asked: bool) -> Steps[Outcome]:
        if self.config.train == "warm" and not asked:
            return iter_residual(channels, self.stage, self.config, self.seed, self.device, least, learnt)
        return iter_apply(channels, self.stage, self.config, learnt, self.device, least)

    def _learning(self, progress: Progress) -> Progress:
        self._before = progress.total
        return progress.within(0, self._before + self._count * self._each, ", all planes")

    def _applying(self, progress: Progress) -> Progress:
        total = self._before + self._count * self._each
        return progress.within(self._before + self._done * self._each, total, f", plane {self._done + 1} of {self._count}")
