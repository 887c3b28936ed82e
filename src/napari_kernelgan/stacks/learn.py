"""Tasks that train ZSSR's network once for many planes, or for a plane that is worked on in blocks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..devices import resolve_device
from ..images.layout import Index, without_alpha
from ..images.values import ValueRange, to_unit
from ..kernels.algebra import Kernel
from ..progress import run
from ..upscaling.inverse.levels import rounding_noise
from .find import GAPPED, sample
from .job import Job
from .journal import digest
from .threads import computing
from .units import is_large, looked_at

if TYPE_CHECKING:
    from ..upscaling.zssr.learnt import Learnt


@dataclass(frozen=True, eq=False)
class LearnTask:
    """Planes that share a network, and their kernel."""

    name: str
    """For the journal."""
    planes: tuple[Index, ...]
    kernel: Kernel
    values: ValueRange


def shares_networks(job: Job) -> bool:
    """Whether networks are trained before planes are upscaled: for many planes at once, or since no plane is seen as a whole."""
    return job.upscaler in ("auto", "zssr") and (job.settings.zssr.train != "plane" or is_large(job.source.layout))


def learn(job: Job, task: LearnTask) -> Learnt | None:
    """The network for some planes, from a few of them that are evenly spread; that of an earlier run where nothing has changed.

    None where there is nothing to learn from.
    """
    from ..upscaling.zssr.learning import iter_learn
    from ..upscaling.zssr.learnt import Learnt
    from ..upscaling.zssr.stages import Stage

    config, seed = job.settings.zssr, job.seed_of(3, *job.source.place(task.planes[0]))
    most = min(config.train_planes, len(task.planes))
    chosen = [task.planes[i] for i in np.unique(np.linspace(0, len(task.planes) - 1, most).round().astype(int))]
    looked = [sample(job, f"network-{job.part}-{task.name}", index, region) for index in chosen for region in looked_at(job.source.layout)]
    parts = [part for part in looked if part is not None and (part.missing is None or part.missing.mean() < GAPPED)]
    if not any(np.ptp(without_alpha(part.filled)) for part in parts):
        return None
    pixels = digest(*(part.values for part in parts))
    key = job.unit_key(seed, list(task.values), digest(task.kernel), pixels)
    path = None if job.journal is None else job.journal.folder / "networks" / f"{task.name}.npz"
    if path is not None and path.exists() and (job.journal.read("networks", task.name) or {}).get("key") == key:  # type: ignore[union-attr]
        return Learnt.load(path)
    planes = [to_unit(without_alpha(part.filled), task.values) for part in parts]
    with computing(job.threads):
        least = rounding_noise(job.source.dtype, task.values)
        found = run(iter_learn(planes, Stage(job.scale, task.kernel), config, seed, resolve_device(job.device), least))
    if path is not None and job.journal is not None:
        from ..files.atomic import atomic

        job.journal.remove("networks", task.name)
        with atomic(path) as temporary:
            found.save(temporary)
        job.journal.write("networks", task.name, {"key": key, "record": json.loads(json.dumps(found.record))})
    return found


def fingerprint(network: Learnt | None) -> str | None:
    """Hash of what a network does."""
    return None if network is None else digest(*network.weights, network.blend)
