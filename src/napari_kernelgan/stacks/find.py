"""Tasks that find what upscaling needs to know: the value range, kernels, and the levels of large planes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config import SpectralConfig
from ..devices import resolve_device
from ..errors import InputError, OutOfMemory
from ..estimate.api import MethodConfig, iter_estimate_inputs, method_settings
from ..estimate.inputs import Input
from ..estimate.result import KernelEstimate
from ..files.kernels import estimate_from_record, kernel_record
from ..images.layout import Index, Region, without_alpha
from ..images.values import SAMPLE_PLANES, ValueRange, to_unit, value_range
from ..kernels.algebra import Kernel
from ..progress import run
from ..upscaling.inverse.levels import Levels, rounding_noise, sampled
from ..upscaling.inverse.run import Inverse
from .job import Job
from .journal import digest
from .sharing import Group
from .source import Pixels
from .threads import computing
from .units import looked_at

if TYPE_CHECKING:
    from ..upscaling.zssr.learnt import Learnt

POOLED_PIXELS = 2**26
"""At most about so many pixels are read for one kernel."""
GAPPED = 0.5
"""Parts of large planes that miss more than this are not looked at."""


class KernelTask(NamedTuple):
    """Groups whose kernels are estimated together."""

    groups: tuple[Group, ...]
    values: ValueRange


class KernelOutcome(NamedTuple):
    """A group's kernel, or why there is none."""

    group: Group
    estimate: KernelEstimate | None
    error: str | None
    kept: bool
    """Whether it is one of an earlier run."""


def sample(job: Job, purpose: str, index: Index, region: Region | None = None) -> Pixels | None:
    """What something that many planes share is learnt from; None where it cannot be read, or ends the process that reads it.

    Of such a plane its own task tells. `purpose` is for the journal, and differs between tasks that run at once.
    """
    name = f"{purpose}-{'-'.join(map(str, job.source.place(index)))}"
    if job.journal is not None and not job.journal.begin(name):
        return None
    try:
        return job.source.read(index, region)
    except InputError:
        return None
    finally:
        if job.journal is not None:
            job.journal.end(name)


def find_range(job: Job, _: tuple[()] = ()) -> ValueRange:
    """The one value range of the stack, from a seeded sample of evenly spread planes; pixels without a value do not count."""
    data, layout = job.source.file.data, job.source.layout
    if job.given_range is not None or job.source.dtype == np.uint8:
        return value_range(data, layout, job.given_range)
    samples = []
    for index in layout.spread(SAMPLE_PLANES):
        for region in looked_at(layout):
            pixels = sample(job, f"range-{job.part}", index, region)
            if pixels is None:
                continue
            values = without_alpha(pixels.values)
            samples.append(values.ravel() if pixels.missing is None else values[~pixels.missing].ravel())
    if not any(sample.size for sample in samples):
        raise InputError("No pixel that was looked at has a value, or can be read.")
    return value_range(data, layout, None, [sample for sample in samples if sample.size])


def find_kernels(job: Job, task: KernelTask) -> list[KernelOutcome]:
    """The kernels of some groups: those of an earlier run where nothing they depend on has changed, else estimated in one batch."""
    outcomes: dict[int, KernelOutcome] = {}
    wanted: list[tuple[Group, Input, str]] = []
    settings = method_settings(job.method, job.settings)
    with computing(job.threads):
        for group in task.groups:
            try:
                source = _read_input(job, group, task.values, settings.max_planes, isinstance(settings, SpectralConfig))
            except InputError as error:
                outcomes[group.number] = KernelOutcome(group, None, str(error), False)
                continue
            key = job.kernel_key(settings.model_dump(mode="json"), group.pooled, list(task.values), source.record["sha256"])
            kept = _kept_kernel(job, group, key)
            if kept is not None:
                outcomes[group.number] = KernelOutcome(group, kept, None, True)
            else:
                wanted.append((group, source, key))
        for (group, _, key), found in zip(wanted, _estimated(job, wanted, settings), strict=True):
            if isinstance(found, KernelEstimate):
                outcomes[group.number] = KernelOutcome(group, found, None, False)
                if job.journal is not None:
                    record = {"key": key, "samples": found.kernel.tolist(), "estimate": kernel_record(found)}
                    job.journal.write("kernels", f"{group.number:06d}", record)
            else:
                outcomes[group.number] = KernelOutcome(group, None, found, False)
    return [outcomes[group.number] for group in task.groups]


def _estimated(job: Job, wanted: list[tuple[Group, Input, str]], settings: MethodConfig) -> list[KernelEstimate | str]:
    """Estimates, or what is wrong; where a batch fails, each for itself, so that one does not take the others with it."""
    if not wanted:
        return []
    pairs = [(source, job.seed_of(2, *group.place)) for group, source, _ in wanted]
    try:
        found = run(iter_estimate_inputs(pairs, job.scale, settings, job.device))
    except (InputError, OutOfMemory, ArithmeticError, np.linalg.LinAlgError) as error:
        if len(wanted) == 1:
            return [str(error)]
        return [each for one in wanted for each in _estimated(job, [one], settings)]
    file = job.source.file
    return [replace(each, pixel_size=file.pixel_size, unit=file.unit) for each in found]


def _kept_kernel(job: Job, group: Group, key: str) -> KernelEstimate | None:
    record = job.journal.read("kernels", f"{group.number:06d}") if job.journal else None
    if record is None or record.get("key") != key:
        return None
    return estimate_from_record(np.array(record["samples"], np.float64), record["estimate"])


def _read_input(job: Job, group: Group, values: ValueRange, max_planes: int, gaps: bool) -> Input:
    """What a kernel is estimated from: evenly spread planes of a group, of large ones parts."""
    source = job.source
    layout = source.layout
    regions = looked_at(layout)
    size = layout.plane_size if regions == [None] else (len(regions), looked_at(layout)[0][0].stop ** 2)  # type: ignore[index]
    most = max(1, min(max_planes, len(group.pooled), POOLED_PIXELS // (size[0] * size[1] * layout.n_colours)))
    chosen = [group.pooled[i] for i in np.unique(np.linspace(0, len(group.pooled) - 1, most).round().astype(int))]
    planes, pictures, missing, read = [], [], [], []
    for number, index in enumerate(chosen):
        for region in regions:
            pixels = sample(job, f"kernel-{job.part}-{group.number}", index, region)
            if pixels is None:
                continue
            share = 0.0 if pixels.missing is None else float(pixels.missing.mean())
            if share == 1 or (region is not None and share > GAPPED):
                continue
            if share and not gaps:
                raise InputError(f"Plane {source.place(index)} has pixels without a value, which only method='spectral' leaves out.")
            read.append(pixels.values)
            planes.append(to_unit(without_alpha(pixels.filled), values))
            pictures.append(number)
            missing.append(np.zeros(planes[-1].shape[1:], bool) if pixels.missing is None else pixels.missing)
    if not planes:
        raise InputError(f"There are no pixels that have a value and can be read: {group.name}.")
    if all(np.ptp(plane) == 0 for plane in planes):
        raise InputError(f"There is nothing to estimate a kernel from, all is constant: {group.name}.")
    record = {
        "shape": list(layout.shape),
        "dtype": source.dtype.name,
        "axes": layout.axes,
        "planes": [list(source.place(index)) for index in chosen],
        "value_range": list(values),
        "sha256": digest(*read),
    }
    step = 1 / (values.high - values.low) if source.dtype.kind in "iu" else None
    return Input(planes, step, record, missing if gaps else [], tuple(pictures))


@dataclass(frozen=True, eq=False)
class LevelsTask:
    """A plane that is worked on in blocks, the kernel that is undone in it, and the network that improves it."""

    index: Index
    kernel: Kernel
    values: ValueRange
    network: Learnt | None


class PlaneLevels(NamedTuple):
    """What all blocks of a plane need to know of it."""

    levels: list[Levels]
    blend: float
    """Part of the network's answer to add."""


def find_levels(job: Job, task: LevelsTask) -> PlaneLevels | str:
    """Noise and texture of a large plane, from the parts of it that the inverse looks at, and how much of a network suits it.

    Text is why there are none.
    """
    height, width = job.source.layout.plane_size
    try:
        parts = [job.source.read(task.index, (rows, columns)) for rows in sampled(height) for columns in sampled(width)]
    except InputError as error:
        return str(error)
    # parts of which much is filled would seem smooth
    whole = [part for part in parts if part.missing is None or part.missing.mean() < GAPPED] or parts
    patches = [to_unit(without_alpha(part.filled), task.values) for part in whole]
    with computing(job.threads):
        least = rounding_noise(job.source.dtype, task.values)
        levels = Inverse(task.kernel, job.scale, job.settings.inverse).levels_of(patches, least)
        return PlaneLevels(levels, _blend(job, task, patches, levels, least))


def _blend(job: Job, task: LevelsTask, patches: list[NDArray[np.float32]], levels: list[Levels], least: float) -> float:
    """How much of a network's answer to add to a plane, judged by the part of it with most texture."""
    if task.network is None:
        return 0.0
    from ..upscaling.zssr.residual import judged
    from ..upscaling.zssr.stages import Stage

    part = max(patches, key=lambda patch: float(np.square(np.diff(patch, axis=-1)).mean()))
    large = Inverse(task.kernel, job.scale).upscale(part, levels)
    stage, config = Stage(job.scale, task.kernel), job.settings.zssr
    return judged(part, large, stage, config, task.network, resolve_device(job.device), least).blend
