"""ZSSR as published: train on the plane's own pairs, enlarged bicubically, then apply, back-project, keep the mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...config import ZSSRConfig
from ...devices import random_stream
from ...progress import Progress, Steps, stops
from ..backprojection import back_project, keep_mean
from ..bicubic import enlarge
from ..result import Outcome
from .network import Network, tile_regions
from .pairs import Fathers, Pair
from .schedule import RateSchedule
from .stages import Stage


class _Part(NamedTuple):
    """A stage among all, for progress: its steps are those of training, then one for each tile but the last."""

    name: str
    before: int
    total: int

    def progress(self, step: int, loss: Tensor | None = None) -> Progress:
        losses = None if loss is None else lambda: {"reconstruction": float(loss)}
        return Progress(self.before + step, self.total, losses=losses, stage=self.name)


def iter_published(image: Tensor, stages: Sequence[Stage], config: ZSSRConfig, seed: int) -> Steps[Outcome]:
    """Upscale one plane (1, C, Y, X) on 0..1 through one or more stages; each result joins the fathers of the next stage.

    Progress comes after every step of training and between the tiles that the trained network is applied to. A stop in training ends it,
    and what was learnt is applied to the whole plane; a stop between tiles leaves the remaining ones, as any later stage, interpolated.
    """
    device = image.device
    fathers = [image]
    record: list[dict[str, Any]] = []
    asked = stopped = False
    for number, (stage, part) in enumerate(zip(stages, _parts(image.shape[2:], stages, config), strict=True)):
        kernel = torch.as_tensor(stage.kernel, dtype=image.dtype).to(device)
        if asked:
            stopped = True
            result = enlarge(fathers[-1], stage.scale // stages[number - 1].scale)
        else:
            network = Network(config, image.shape[1], image.shape[1], random_stream(seed, 10, number), device)
            pairs = Fathers(fathers, kernel, stage.scale, config.crop)
            noted, asked, cut = yield from _train(network, pairs, config, (seed, number), part)
            record.append({"scale": stage.scale, **noted})
            result, left_out = yield from _apply(network, enlarge(image, stage.scale), config, part, asked)
            asked, stopped = asked or left_out, cut or left_out
        fathers.append(keep_mean(back_project(result, image, kernel, stage.scale, config.back_projection), image))
    return Outcome(fathers[-1][0].cpu().numpy(), {"stages": record}, asked, stopped)


def _parts(size: Sequence[int], stages: Sequence[Stage], config: ZSSRConfig) -> list[_Part]:
    lengths = [config.max_steps + len(tile_regions([side * stage.scale for side in size], config.tile)) - 1 for stage in stages]
    names = [f"ZSSR, stage {i} of {len(stages)}" for i in range(1, len(stages) + 1)] if len(stages) > 1 else ["ZSSR"]
    return [_Part(name, sum(lengths[:i]), sum(lengths)) for i, name in enumerate(names)]


def _train(
    network: Network, fathers: Fathers, config: ZSSRConfig, key: tuple[int, int], part: _Part
) -> Steps[tuple[dict[str, Any], bool, bool]]:
    """Train until the schedule ends it, a stop is asked for, or the steps are used up.

    Returns a record, whether a stop was asked for, and whether that cut training short. `key` (seed, stage) is that of its random numbers.
    """
    seed, number = key
    schedule = RateSchedule(config)
    rng, stream = np.random.default_rng([seed, 11, number]), random_stream(seed, 12, number)
    device = network.parameters[0].device
    optimiser = torch.optim.Adam(network.parameters, lr=schedule.rate, fused=device.type in ("cpu", "cuda"))
    son, father = fathers.reconstruction(config.check_region, np.random.default_rng([seed, 13, number]))
    asked, step = False, 0
    while step < config.max_steps and not schedule.finished and not asked:
        crops = [fathers.draw(rng, config.son_noise, stream) for _ in range(config.batch)]
        pair = Pair(*(torch.cat(parts) for parts in zip(*crops, strict=True)))
        optimiser.zero_grad(set_to_none=True)
        loss = ((pair.son + network(pair.son) - pair.father).abs() * pair.weight).mean()
        torch.autograd.backward(loss)
        optimiser.step()
        step += 1
        if step % config.check_every == 0:
            tiles = [((..., *region), tile) for region, tile in network.tiles(son, config.tile)]
            error = sum(float(((son[at] + tile - father[at]) ** 2).sum()) for at, tile in tiles)
            schedule.update(step, error / father.numel())
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate
        asked = stops((yield part.progress(step, loss.detach())))
    noted = {"steps": step, "error_steps": schedule.steps, "errors": schedule.errors, "learning_rate": schedule.rate}
    return noted, asked, asked and step < config.max_steps and not schedule.finished


def _apply(network: Network, large: Tensor, config: ZSSRConfig, part: _Part, asked: bool) -> Steps[tuple[Tensor, bool]]:
    """Improve the enlarged image tile by tile; the result, and whether a stop left tiles out. One that was `asked` for before does not."""
    result = large.clone()
    count = len(tile_regions(large.shape[2:], config.tile))
    for done, ((rows, columns), tile) in enumerate(network.tiles(large, config.tile), 1):
        result[:, :, rows, columns] += tile
        if done < count and stops((yield part.progress(config.max_steps + done))) and not asked:
            return result, True
    return result, False
