"""ZSSR on top of the inverse: as much of what a trained network says the inverse misses as has proved right is added to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pixel_shuffle

from ...config import ZSSRConfig
from ...errors import InputError
from ...progress import Progress, Steps, relay, run, stops
from ..backprojection import back_project, keep_mean
from ..inverse.run import Inverse, iter_inverse
from ..result import Outcome
from .exam import Mark, examined, of_another
from .learning import School, warmed
from .learnt import Learnt
from .lessons import Region, Teacher, features
from .network import tile_regions
from .stages import Stage

Image = NDArray[np.float32]


def iter_residual(
    channels: Image, stage: Stage, config: ZSSRConfig, seed: int, device: torch.device, least: float, begin: Learnt | None = None
) -> Steps[Outcome]:
    """Train on one plane (C, Y, X) on 0..1, from nothing or a little from what was learnt before, and upscale it.

    Progress comes between the tiles of the inverse, after every step of training and between the tiles that the trained network is applied
    to. A stop in the inverse leaves its remaining tiles interpolated; one in training ends it, and the best so far is applied to the
    whole plane; one between tiles leaves the remaining ones as the inverse has them.
    """
    if begin:
        begin.check(len(channels), stage.scale)
        config = warmed(config, begin)
    school = School(stage, config, seed, begin=begin)
    before = len(school.inverse.tiles(channels.shape[1:])) - 1
    total = before + config.max_steps + len(_regions(channels, stage.scale, config)) - 1

    def progress(step: int, loss: Tensor | None = None) -> Progress:
        losses = None if loss is None else lambda: {"reconstruction": float(loss)}
        return Progress(before + step, total, losses=losses, stage="ZSSR")

    start = iter_inverse(channels, school.inverse, least)
    # in one tile it is done at once, and a step of its own would say nothing
    plain = (yield from relay(start, lambda p: Progress(min(p.step, before), total, stage="ZSSR"))) if before else run(start)
    if plain.asked:
        return plain._replace(stopped=True)
    school.add(channels, plain.channels, least)
    learnt, asked, cut = yield from school.iter_train(device, progress)
    adding = _iter_add(channels, plain, stage, config, learnt, learnt.blend, device, asked)
    outcome = yield from relay(adding, lambda p: progress(config.max_steps + p.step))
    return outcome._replace(stopped=cut or outcome.stopped)


def iter_apply(
    channels: Image, stage: Stage, config: ZSSRConfig, learnt: Learnt, device: torch.device, least: float, own: bool = False
) -> Steps[Outcome]:
    """Upscale one plane (C, Y, X) on 0..1 with a network that was trained before.

    How much of its answer is added is decided on the plane itself, see `judged`. With `own` the plane is the only one that the network was
    trained on, and that has been decided already.

    Progress comes after each tile of the inverse, and between the tiles that the network is applied to. A stop in the inverse leaves its
    remaining tiles interpolated, and a later one leaves the remaining ones as the inverse has them.

    Raises
    ------
    InputError
        If the network is for other channels, or another scale.
    """
    learnt.check(len(channels), stage.scale)
    inverse = Inverse(stage.kernel, stage.scale)
    count = len(inverse.tiles(channels.shape[1:]))
    total = count + len(_regions(channels, stage.scale, config)) - 1
    plain = yield from relay(iter_inverse(channels, inverse, least), lambda p: Progress(p.step, total, stage="ZSSR"))
    if plain.asked:
        return plain._replace(stopped=True)
    blend = learnt.blend if own else judged(channels, plain.channels, stage, config, learnt, device, least).blend
    adding = _iter_add(channels, plain, stage, config, learnt, blend, device, False)
    return (yield from relay(adding, lambda p: Progress(count + p.step, total, stage="ZSSR")))


def apply_block(channels: Image, large: Image, learnt: Learnt, device: torch.device, blend: float | None = None) -> Image:
    """Improve the inverse of a block of a plane that is too large to be held.

    Blocks that reach ``learnt.reach`` px of the image beyond what is kept of them, except where the plane ends, give what the whole would.

    Parameters
    ----------
    channels, large : ndarray
        The block (C, y, x) on 0..1 and its part of the plane's inverse (C, s y, s x).
    learnt : Learnt
    device : torch.device
    blend : float, optional
        Part of the network's answer to add, as `judged` gives it for the plane; None: that of the training.

    Returns
    -------
    ndarray
        (C, s y, s x), of which the rim of s times ``learnt.reach`` px is to be cut off where the plane goes on.
    """
    learnt.check(len(channels), learnt.scale)
    if large.shape != (len(channels), *(side * learnt.scale for side in channels.shape[1:])):
        raise InputError(f"The inverse of a block of shape {channels.shape} at scale {learnt.scale} does not have shape {large.shape}.")
    blend = learnt.blend if blend is None else blend
    result = large.copy()
    if blend:
        for (rows, columns), answer in _answers(channels, large, learnt, learnt.config, device):
            result[:, rows, columns] += blend * answer
    return result


def judged(channels: Image, large: Image, stage: Stage, config: ZSSRConfig, learnt: Learnt, device: torch.device, least: float) -> Mark:
    """How well a network does on a plane (C, Y, X), or a part of one, that it was not trained on, and the blend to use there.

    It improves a picture like the plane, made from its inverse `large`, degraded and undone, which takes no training.
    """
    inverse = Inverse(stage.kernel, stage.scale)
    rng = np.random.default_rng([learnt.seed, 22])
    teacher = Teacher(channels, large, inverse, inverse.levels(channels, least), least, config.son_noise, rng)
    exam = teacher.exam(whole=True).map(learnt.units.applied, device)
    return of_another(examined(learnt.network(device), [exam]), learnt.mark)


def _iter_add(
    channels: Image, plain: Outcome, stage: Stage, config: ZSSRConfig, learnt: Learnt, blend: float, device: torch.device, asked: bool
) -> Steps[Outcome]:
    """Add a part of the network's answer to the inverse of a plane; a stop between tiles that was not `asked` for before ends it."""
    result, left_out = plain.channels.copy(), False
    count = len(_regions(channels, stage.scale, config))
    for done, ((rows, columns), answer) in enumerate(_answers(channels, plain.channels, learnt, config, device) if blend else [], 1):
        result[:, rows, columns] += blend * answer
        if done < count and stops((yield Progress(done, count))) and not asked:
            asked = left_out = True
            break
    kernel = torch.as_tensor(stage.kernel, dtype=torch.float32)
    image, improved = (torch.from_numpy(each)[None] for each in (channels, result))
    improved = keep_mean(back_project(improved, image, kernel, stage.scale, config.back_projection), image)
    record = {"stages": [{"scale": stage.scale, **learnt.record, "blend": blend}], "inverse": plain.record}
    return Outcome(improved[0].numpy(), record, asked, left_out)


def _regions(channels: Image, scale: int, config: ZSSRConfig) -> list[Region]:
    return tile_regions(channels.shape[1:], max(1, config.tile // scale))


@torch.no_grad()
def _answers(channels: Image, large: Image, learnt: Learnt, config: ZSSRConfig, device: torch.device) -> Iterator[tuple[Region, Image]]:
    """What the network adds to the inverse, tile by tile, and where in the inverse that is."""
    scale, network = learnt.scale, learnt.network(device)
    image, start = (torch.from_numpy(each)[None] for each in (channels, large))
    for region in _regions(channels, scale, config):
        around = [slice(max(0, each.start - network.reach), each.stop + network.reach) for each in region]
        given = features(image[:, :, *around], start[:, :, *(_scaled(each, 0, scale) for each in around)], scale)
        answer = pixel_shuffle(network(learnt.units.applied(given, given)[0].to(device)), scale).cpu() * learnt.units.missing
        rows, columns = (_scaled(each, cut.start, scale) for each, cut in zip(region, around, strict=True))
        yield (_scaled(region[0], 0, scale), _scaled(region[1], 0, scale)), answer[0, :, rows, columns].numpy()


def _scaled(part: slice, first: int, scale: int) -> slice:
    return slice((part.start - first) * scale, (part.stop - first) * scale)
