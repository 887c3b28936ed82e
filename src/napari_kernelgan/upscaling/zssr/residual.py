"""ZSSR on top of the inverse: train on what the inverse misses of the plane's own pictures, and add as much of it as has proved right."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, log10, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, pixel_shuffle

from ...config import ZSSRConfig
from ...devices import random_stream
from ...progress import Progress, Steps, relay, run, stops
from ..backprojection import back_project, keep_mean
from ..inverse.run import Inverse, iter_inverse
from ..result import Outcome
from .lessons import Lessons, Region, Teacher, Units, features
from .network import Network, tile_regions
from .stages import Stage

WARM_UP = 10
"""Steps over which the learning rate rises."""
PATIENCE = 1 / 3
"""Part of the steps after which training ends where nothing has been gained at all."""
BLOCK, SURE = 8, 1.5
"""A gain counts if it is this many times its standard error, from blocks of so many px of a son, which are taken to be independent."""
TRUST = 1.3
"""The pictures that training is judged by are the inverse's, and lack what the network is for: more than is best for them is best."""


class Mark(NamedTuple):
    """How well the withheld parts are restored."""

    left: float
    """Least squared error with any part of the network's answer added, as a part of the inverse's."""
    blend: float
    """Part of the network's answer to add to the image."""


def iter_residual(
    channels: NDArray[np.float32], stage: Stage, config: ZSSRConfig, seed: int, device: torch.device, least: float
) -> Steps[Outcome]:
    """Upscale one plane (C, Y, X) on 0..1.

    Progress comes between the tiles of the inverse, after every step of training and between the tiles that the trained network is applied
    to. A stop in the inverse leaves its remaining tiles interpolated; one in training ends it, and the best so far is applied to the
    whole plane; one between tiles leaves the remaining ones as the inverse has them.
    """
    scale, inverse = stage.scale, Inverse(stage.kernel, stage.scale)
    regions = tile_regions(channels.shape[1:], max(1, config.tile // scale))
    before = len(inverse.tiles(channels.shape[1:])) - 1
    total = before + config.max_steps + len(regions) - 1

    def progress(step: int, loss: Tensor | None = None) -> Progress:
        losses = None if loss is None else lambda: {"reconstruction": float(loss)}
        return Progress(before + step, total, losses=losses, stage="ZSSR")

    start = iter_inverse(channels, inverse, least)
    # in one tile it is done at once, and a step of its own would say nothing
    plain = (yield from relay(start, lambda p: Progress(min(p.step, before), total, stage="ZSSR"))) if before else run(start)
    if plain.asked:
        return plain._replace(stopped=True)
    levels = inverse.levels(channels, least)
    rng = np.random.default_rng([seed, 20])
    teacher = Teacher(channels, plain.channels, inverse, levels, least, config.son_noise, rng)
    lessons, exam = teacher.lessons(), teacher.exam()
    units = Units.of(lessons[0])
    lessons, exam = [each.map(units.applied, device) for each in lessons], exam.map(units.applied, device)
    network = Network(config, exam.given.shape[1], exam.missing.shape[1], random_stream(seed, 21), device)
    noted, asked, cut = yield from _train(network, lessons, exam, config, rng, progress)
    image, result = (torch.from_numpy(each)[None] for each in (channels, plain.channels))
    large, left_out = result.clone(), False
    for done, region in enumerate(regions if noted["blend"] else [], 1):
        (rows, columns), answer = _answer(network, units, image, large, region)
        result[:, :, rows, columns] += noted["blend"] * answer
        if done < len(regions) and stops((yield progress(config.max_steps + done))) and not asked:
            asked = left_out = True
            break
    kernel = torch.as_tensor(stage.kernel, dtype=torch.float32)
    result = keep_mean(back_project(result, image, kernel, scale, config.back_projection), image)
    record = {"stages": [{"scale": scale, **noted}], "inverse": plain.record}
    return Outcome(result[0].numpy(), record, asked, cut or left_out)


def _train(
    network: Network,
    lessons: list[Lessons],
    exam: Lessons,
    config: ZSSRConfig,
    rng: np.random.Generator,
    progress: Callable[[int, Tensor], Progress],
) -> Steps[tuple[dict[str, Any], bool, bool]]:
    """Train until a stop is asked for, nothing is gained any more, or the steps are used up; leaves the network as it was at its best.

    Returns a record, whether a stop was asked for, and whether that cut training short.
    """
    optimiser = torch.optim.Adam(network.parameters, lr=config.learning_rate, fused=exam.given.device.type in ("cpu", "cuda"))
    # the more often, the larger, but not in proportion: small fathers are the sharp ones
    share = np.array([sqrt(each.given[:, 0].numel()) for each in lessons])
    share /= share.sum()
    marks, steps = [Mark(1.0, 0.0)], [0]
    best, weights = 0, [parameter.detach().clone() for parameter in network.parameters]
    asked, step = False, 0
    while step < config.max_steps and not asked and (best > 0 or step < max(PATIENCE * config.max_steps, 3 * config.check_every)):
        rate = _rate(config, step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        given, missing, counts = _drawn(lessons[int(rng.choice(len(lessons), p=share))], config, rng)
        optimiser.zero_grad(set_to_none=True)
        loss = ((network(given) - missing).abs() * counts).mean()
        torch.autograd.backward(loss)
        optimiser.step()
        step += 1
        asked = stops((yield progress(step, loss.detach())))
        if step % config.check_every == 0 or step == config.max_steps or asked:
            marks.append(_examined(network, exam))
            steps.append(step)
            if marks[-1].left < marks[best].left:
                best, weights = len(marks) - 1, [parameter.detach().clone() for parameter in network.parameters]
    with torch.no_grad():
        for parameter, kept in zip(network.parameters, weights, strict=True):
            parameter.copy_(kept)
    noted = {
        "steps": step,
        "error_steps": steps,
        "errors": [mark.left for mark in marks],
        "best_step": steps[best],
        "blend": marks[best].blend,
        "held_out_gain": 10 * log10(1 / marks[best].left),
    }
    return noted, asked, asked and step < config.max_steps


def _rate(config: ZSSRConfig, step: int) -> float:
    """The learning rate before a step: a short rise, then half a cosine down to the last step."""
    falling = config.learning_rate * (1 + cos(pi * step / config.max_steps)) / 2
    return max(falling, min(config.learning_rate_stop, config.learning_rate)) * min(1.0, (step + 1) / WARM_UP)


def _drawn(lessons: Lessons, config: ZSSRConfig, rng: np.random.Generator) -> Lessons:
    """A batch of random crops."""
    count, _, *sides = lessons.given.shape
    side = min(config.crop, *sides)
    places = [(int(rng.integers(count)), *(int(rng.integers(n - side + 1)) for n in sides)) for _ in range(config.batch)]
    return Lessons(*(torch.stack([values[n, :, y : y + side, x : x + side] for n, y, x in places]) for values in lessons))


@torch.no_grad()
def _examined(network: Network, exam: Lessons) -> Mark:
    """The error at an exam, and the blend to use: none where the gain may well be chance, since of many looks the best one is kept."""
    found, missing = network(exam.given), exam.missing
    total, answer, both = (float((a * b * exam.counts).sum()) for a, b in ((missing, missing), (found, found), (found, missing)))
    if not (total > 0 and answer > 0 and both > 0):
        return Mark(1.0, 0.0)
    best = min(1.0, both / answer)
    gains = avg_pool2d((found * (2 * best * missing - best**2 * found) * exam.counts).mean(1, keepdim=True), BLOCK, ceil_mode=True)
    if float(gains.sum()) < SURE * float((gains**2).sum().sqrt()):
        return Mark(1.0, 0.0)
    return Mark(max((total - 2 * best * both + best**2 * answer) / total, 1e-9), min(1.0, TRUST * best))


@torch.no_grad()
def _answer(network: Network, units: Units, image: Tensor, large: Tensor, region: Region) -> tuple[Region, Tensor]:
    """What the network adds to a region of an image's inverse, and where that is in the inverse."""
    scale, device = large.shape[2] // image.shape[2], network.parameters[0].device
    around = [slice(max(0, each.start - network.reach), each.stop + network.reach) for each in region]
    given = features(image[:, :, *around], large[:, :, *(_scaled(each, 0, scale) for each in around)], scale)
    answer = pixel_shuffle(network(((given - units.offset) / units.size).to(device)), scale).cpu() * units.missing
    rows, columns = (_scaled(each, cut.start, scale) for each, cut in zip(region, around, strict=True))
    return (_scaled(region[0], 0, scale), _scaled(region[1], 0, scale)), answer[:, :, rows, columns]


def _scaled(part: slice, first: int, scale: int) -> slice:
    return slice((part.start - first) * scale, (part.stop - first) * scale)
