"""Training the network that improves the inverse, on what the inverse misses of the pictures of one plane, or of several together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, log10, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...config import ZSSRConfig
from ...devices import random_stream
from ...errors import InputError
from ...progress import Progress, Steps, relay, stops
from ..inverse.run import Inverse, iter_inverse
from .exam import Mark, examined, of_another
from .learnt import Learnt
from .lessons import MOST, Lessons, Teacher, Units
from .network import Network
from .stages import Stage, check_size

WARM_UP = 10
"""Steps over which the learning rate rises."""
PATIENCE = 1 / 3
"""Part of the steps after which training ends where nothing has been gained at all."""
SMALLEST = 24
"""Times the scale: the least side of a part that is learnt from where many planes share the memory, px."""
WARM = 0.3
"""Part of the steps that is enough for a network that has learnt before."""

Report = Callable[[int, Tensor], Progress]


class Trained(NamedTuple):
    """What training gave, and how it ended."""

    learnt: Learnt
    asked: bool
    """Whether a stop was asked for."""
    cut: bool
    """Whether that cut training short."""


class School:
    """Gathers the lessons of planes, one after the other, and then trains on all of them.

    Only the lessons are kept of a plane, and the more planes share them the fewer are those of each.

    Parameters
    ----------
    stage : Stage
    config : ZSSRConfig
    seed : int
    share : int
        How many planes there will be.
    begin : Learnt, optional
        What was learnt before.
    """

    def __init__(self, stage: Stage, config: ZSSRConfig, seed: int, share: int = 1, begin: Learnt | None = None) -> None:
        self.config, self.seed, self.share, self.begin = config, seed, share, begin
        self.inverse = Inverse(stage.kernel, stage.scale)
        self.lessons: list[list[Lessons]] = []
        self.exams: list[Lessons] = []
        self.entrance: list[Lessons] = []
        """Exams of all of each plane, for what was learnt elsewhere."""
        self._rng = np.random.default_rng([seed, 20])

    def add(self, channels: NDArray[np.float32], large: NDArray[np.float32], least: float) -> None:
        """Take the lessons of a plane (C, Y, X) and its inverse."""
        levels = self.inverse.levels(channels, least)
        teacher = Teacher(channels, large, self.inverse, levels, least, self.config.son_noise, self._rng, self.share)
        self.lessons.append(teacher.lessons())
        self.exams.append(teacher.exam())
        if self.begin:
            self.entrance.append(teacher.exam(whole=True))

    def iter_train(self, device: torch.device, report: Report) -> Steps[Trained]:
        """Train, from nothing or from what was learnt before; progress comes after every step.

        Where training on gains nothing, it is what was learnt before, with the blend that suits these planes.
        """
        begin = self.begin
        units = begin.units if begin else Units.of([each[0] for each in self.lessons])
        lessons = [each.map(units.applied, device) for plane in self.lessons for each in plane]
        exams = [each.map(units.applied, device) for each in self.exams]
        if begin:
            network = begin.network(device)
            entrance = of_another(examined(network, [each.map(units.applied, device) for each in self.entrance]), begin.mark)
        else:
            widths = exams[0].given.shape[1], exams[0].missing.shape[1]
            network = Network(self.config, *widths, random_stream(self.seed, 21), device)
            entrance = Mark(1.0, 0.0)
        first = examined(network, exams)
        noted, asked, cut = yield from _train(network, lessons, exams, first, self.config, self._rng, report)
        if not noted["best_step"]:
            noted["blend"] = entrance.blend
        learnt = Learnt(network.arrays(), units, noted["blend"], noted, self.inverse.scale, self.seed, self.config)
        return Trained(learnt, asked, cut)


def iter_learn(
    planes: Sequence[NDArray[np.float32]],
    stage: Stage,
    config: ZSSRConfig,
    seed: int,
    device: torch.device,
    least: float,
    begin: Learnt | None = None,
) -> Steps[Learnt]:
    """Train one network on one or more planes (C, Y, X) on 0..1, of one kernel and the same channels.

    Parameters
    ----------
    planes : sequence of ndarray
        Any sizes. They are asked for one by one, and their lessons together take the memory of one large plane's; of more planes than that
        is enough for, evenly spread ones are learnt from. Constant ones are left out.
    stage : Stage
    config : ZSSRConfig
        With ``start="inverse"``.
    seed : int
    device : torch.device
    least : float
        Noise (variance) that planes have at least.
    begin : Learnt, optional
        What to start from; with it `WARM` times ``max_steps`` is enough. Its layers and channels are kept.

    Yields
    ------
    Progress
        After each tile of the planes' inverses and every step of training. A stop ends training, and the best so far is given; one that
        comes before training gives `begin`, or a network that adds nothing.

    Raises
    ------
    InputError
        If there are no planes, they or `begin` do not fit together, a plane is too small, or the start is not the inverse.
    """
    return (yield from iter_school(planes, stage, config, seed, device, least, begin)).learnt


def iter_school(
    planes: Sequence[NDArray[np.float32]],
    stage: Stage,
    config: ZSSRConfig,
    seed: int,
    device: torch.device,
    least: float,
    begin: Learnt | None = None,
) -> Steps[Trained]:
    """What `iter_learn` does, with how it ended."""
    if config.start != "inverse":
        raise InputError("A network that starts from interpolation is trained on one plane at a time: use start='inverse'.")
    if not len(planes):
        raise InputError("There are no planes to learn from: give at least one.")
    first = planes[0]
    count = len(first)
    if begin:
        begin.check(count, stage.scale)
        config = warmed(config, begin)
    chosen = _spread(len(planes), max(1, MOST // (stage.scale**2 * count * (SMALLEST * stage.scale) ** 2)))
    school = School(stage, config, seed, len(chosen), begin)
    total = len(chosen) + config.max_steps
    for done, index in enumerate(chosen):
        plane = planes[index] if index else first
        if len(plane) != count:
            raise InputError(f"Planes that are learnt from together have the same channels, not {count} and {len(plane)}.")
        check_size(plane.shape[1:], stage.scale)
        if np.ptp(plane) == 0:  # there is nothing in it to learn from
            continue
        start = iter_inverse(plane, school.inverse, least)
        plain = yield from relay(start, lambda _, done=done: Progress(done + 1, total, stage="ZSSR"))  # type: ignore[misc]
        if plain.asked:
            return Trained(begin or untrained(count, stage.scale, seed, config), True, True)
        school.add(plane, plain.channels, least)
    if not school.exams:
        return Trained(begin or untrained(count, stage.scale, seed, config), False, False)

    def report(step: int, loss: Tensor) -> Progress:
        return Progress(len(chosen) + step, total, losses=lambda: {"reconstruction": float(loss)}, stage="ZSSR")

    return (yield from school.iter_train(device, report))


def warm_steps(config: ZSSRConfig) -> int:
    """The most steps of training on from what was learnt before."""
    return max(1, round(WARM * config.max_steps))


def warmed(config: ZSSRConfig, begin: Learnt) -> ZSSRConfig:
    """The settings for training on from what was learnt before."""
    network = {"layers": begin.config.layers, "channels": begin.config.channels}
    return config.model_copy(update={"max_steps": warm_steps(config), **network})


def untrained(channels: int, scale: int, seed: int, config: ZSSRConfig) -> Learnt:
    """A network that adds nothing."""
    given, wanted = channels * (scale**2 + 1), channels * scale**2
    network = Network(config, given, wanted, random_stream(seed, 21), torch.device("cpu"))
    units = Units(torch.zeros(given, 1, 1), torch.ones(given, 1, 1), 1.0)
    record = _record(0, [Mark(1.0, 0.0)], [0], 0)
    return Learnt(network.arrays(), units, 0.0, record, scale, seed, config)


def _spread(count: int, most: int) -> list[int]:
    """At most so many of a count, evenly spread."""
    return [int(i) for i in np.unique(np.linspace(0, count - 1, min(most, count)).round())]


def _train(
    network: Network,
    lessons: list[Lessons],
    exams: list[Lessons],
    first: Mark,
    config: ZSSRConfig,
    rng: np.random.Generator,
    report: Report,
) -> Steps[tuple[dict[str, Any], bool, bool]]:
    """Train until a stop is asked for, nothing is gained any more, or the steps are used up; leaves the network as it was at its best.

    Returns a record, whether a stop was asked for, and whether that cut training short. `first` is the mark to begin with.
    """
    optimiser = torch.optim.Adam(network.parameters, lr=config.learning_rate, fused=exams[0].given.device.type in ("cpu", "cuda"))
    # the more often, the larger, but not in proportion: small fathers are the sharp ones
    share = np.array([sqrt(each.given[:, 0].numel()) for each in lessons])
    share /= share.sum()
    marks, steps = [first], [0]
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
        asked = stops((yield report(step, loss.detach())))
        if step % config.check_every == 0 or step == config.max_steps or asked:
            marks.append(examined(network, exams))
            steps.append(step)
            if marks[-1].left < marks[best].left:
                best, weights = len(marks) - 1, [parameter.detach().clone() for parameter in network.parameters]
    with torch.no_grad():
        for parameter, kept in zip(network.parameters, weights, strict=True):
            parameter.copy_(kept)
    return _record(step, marks, steps, best), asked, asked and step < config.max_steps


def _record(step: int, marks: list[Mark], steps: list[int], best: int) -> dict[str, Any]:
    return {
        "steps": step,
        "error_steps": steps,
        "errors": [mark.left for mark in marks],
        "best_step": steps[best],
        "blend": marks[best].blend,
        "held_out_gain": 10 * log10(1 / marks[best].left),
    }


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
