"""How well a network restores what is withheld, and how much of its answer is to be added for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn.functional import avg_pool2d

from .lessons import Lessons
from .network import Network

BLOCK, SURE = 8, 1.5
"""A gain counts if it is this many times its standard error, from blocks of so many px of a son, which are taken to be independent."""
TRUST = 1.3
"""The pictures that training is judged by are the inverse's, and lack what the network is for: more than is best for them is best."""

FITTING = (0.5, 0.65), (0.5, 0.75)
"""When a network fits planes that it was not trained on: by the best part of its answer, and by what that gains, as a part of what it
gained in training. Under the first figure nothing is added, from the second on all that is best: small gains on a picture's likeness need
not hold on the picture.
"""


class Mark(NamedTuple):
    """How well the withheld parts are restored."""

    left: float
    """Least squared error with any part of the network's answer added, as a part of the inverse's."""
    blend: float
    """Part of the network's answer to add to the image."""


@torch.no_grad()
def examined(network: Network, exams: Sequence[Lessons]) -> Mark:
    """The error at all exams, and the blend to use: none where the gain may well be chance, since of many looks the best one is kept."""
    answers = [(network(exam.given), exam.missing, exam.counts) for exam in exams]
    total = sum(float((missing * missing * counts).sum()) for _, missing, counts in answers)
    answer = sum(float((found * found * counts).sum()) for found, _, counts in answers)
    both = sum(float((found * missing * counts).sum()) for found, missing, counts in answers)
    if not (total > 0 and answer > 0 and both > 0):
        return Mark(1.0, 0.0)
    best = min(1.0, both / answer)
    blocks = [((found * (2 * best * missing - best**2 * found)) * counts).mean(1, keepdim=True) for found, missing, counts in answers]
    gains = torch.cat([avg_pool2d(each, BLOCK, ceil_mode=True).flatten() for each in blocks])
    if float(gains.sum()) < SURE * float((gains**2).sum().sqrt()):
        return Mark(1.0, 0.0)
    return Mark(max((total - 2 * best * both + best**2 * answer) / total, 1e-9), min(1.0, TRUST * best))


def of_another(mark: Mark, trained: Mark) -> Mark:
    """What a mark means for a plane that the network was not trained on; `trained` is that of its training.

    All of that plane counted, as nothing is withheld from who never saw it. So that this does not flatter planes that were learnt from
    after all, the blend is at most that of the training.
    """
    if not (mark.blend and trained.blend):
        return mark._replace(blend=0.0)
    found = mark.blend / TRUST, (1 - mark.left) / (1 - trained.left)
    fits = [min(1.0, max(0.0, (value - low) / (high - low))) for value, (low, high) in zip(found, FITTING, strict=True)]
    return mark._replace(blend=min(mark.blend, trained.blend) * min(fits))
