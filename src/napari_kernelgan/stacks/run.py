"""A run over a stack, from stage to stage: value range, kernels, levels of large planes, planes, and the files that tell of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError
from ..estimate.api import method_settings
from ..images.layout import Index
from ..images.values import ValueRange
from ..kernels.algebra import Kernel
from ..progress import Steps, stops
from .apply import UnitOutcome, UnitTask, do_unit, finish_plane, restore
from .batches import batch_size
from .begin import Run
from .engines import Engine, WorkerDied
from .find import KernelOutcome, KernelTask, LevelsTask, PlaneLevels, find_kernels, find_levels, find_range
from .finish import finish
from .learn import LearnTask, learn, shares_networks
from .options import NONE
from .results import PlaneRow, StackProgress, StackResult
from .units import Unit, is_large, units

if TYPE_CHECKING:
    from ..upscaling.zssr.learnt import Learnt

T = TypeVar("T")


class StackRun:
    """What is known of a run on its way.

    Parameters
    ----------
    run : Run
    engine : Engine
        Where its tasks are done.
    """

    def __init__(self, run: Run, engine: Engine) -> None:
        self.run, self.engine = run, engine
        self.job, self.layout = run.job, run.job.source.layout
        number, parts = run.options.part or (1, 1)
        every = units(self.layout)
        self.units = every[number - 1 :: parts]
        """Those of this part of the run."""
        self.planes = list({unit.plane: unit for unit in self.units}.values())
        """One unit of each of its planes."""
        self.everything = list({unit.plane: unit for unit in every}.values())
        needed = {run.sharing.place(unit.index) for unit in self.units}
        self.groups = [group for group in run.sharing.groups() if group.place in needed]
        self.kernels: dict[tuple[int, ...], KernelOutcome] = {}
        """By the place of their group."""
        self.outcomes: dict[str, list[UnitOutcome]] = {}
        """Of the units of each plane, by the plane's number."""
        self.upscales = self.job.upscaler != NONE
        self.estimates = run.options.kernel is None

    def steps(self) -> Steps[StackResult]:
        """Go through the run.

        Yields
        ------
        StackProgress
            After every kernel and every plane or block; ``send(False)`` stops the run, which can be gone on with where it has outputs on
            disk.
        """
        start = time.perf_counter()
        total = self.estimates * len(self.groups) + self.upscales * len(self.units)
        values = self._only(self.engine.map(find_range, self.job, [()]))
        stopped, step = False, 0
        for outcome in self._find_kernels(values):
            self.kernels[outcome.group.place] = outcome
            if self.estimates:
                step += 1
                row = None if self.upscales else self._kernel_row(outcome)
                stopped = stops((yield StackProgress(step, total, "kernels", row, outcome.estimate))) and step < total
            if stopped:
                break
        if self.upscales and not stopped:
            for row in self._upscale(values):
                step += 1
                stopped = stops((yield StackProgress(step, total, "planes", row))) and step < total
                if stopped:
                    break
        complete = not stopped and self._all_there()
        if complete and self.upscales and is_large(self.layout):
            for _ in self.engine.map(finish_plane, self.job, self.everything):
                pass
        return finish(self, values, stopped=stopped, complete=complete, seconds=time.perf_counter() - start)

    def _find_kernels(self, values: ValueRange) -> Iterator[KernelOutcome]:
        """The kernel of every group, as they are found."""
        given = self.run.options.given()
        if given is not None:
            yield from (KernelOutcome(group, given, None, False) for group in self.groups)
            return
        size = self.run.options.batch or self._batch_size()
        tasks = [KernelTask(tuple(self.groups[at : at + size]), values) for at in range(0, len(self.groups), size)]
        for task, found in self.engine.map(find_kernels, self.job, tasks):
            if isinstance(found, WorkerDied):
                yield from (KernelOutcome(group, None, _died(found), False) for group in task.groups)
            else:
                yield from found

    def _batch_size(self) -> int:
        pooled = max(len(group.pooled) for group in self.groups)
        size = batch_size(method_settings(self.job.method, self.job.settings), self.layout, pooled, self.job.device, self.engine.workers)
        return max(1, min(size, -(-len(self.groups) // self.engine.workers)))  # all workers shall have something to do

    def _upscale(self, values: ValueRange) -> Iterator[PlaneRow | None]:
        """Upscale every unit; yields the row of a plane with the last of its units, and None with the others."""
        if self.run.restore is not None:
            for _ in self.engine.map(restore, self.job, [(self.run.restore, unit) for unit in self.units]):
                pass
        networks = self._learn(values) if shares_networks(self.job) else {}
        levels = self._find_levels(values, networks) if is_large(self.layout) and self.job.upscaler != "bicubic" else {}
        tasks = (self._task(unit, values, levels.get(unit.index), networks.get(unit.index)) for unit in self.units)
        count = Counter(unit.plane for unit in self.units)
        for task, ended in self.engine.map(do_unit, self.job, tasks):
            outcome = UnitOutcome(task.unit, "failed", error=_died(ended)) if isinstance(ended, WorkerDied) else ended
            found = self.outcomes.setdefault(task.unit.plane, [])
            found.append(outcome)
            yield self.row(task.unit) if len(found) == count[task.unit.plane] else None

    def _learn(self, values: ValueRange) -> dict[Index, Learnt]:
        """The network of every plane: one for each group of planes that share a kernel, or for each plane."""
        together: dict[str, tuple[Kernel, list[Index]]] = {}
        own = self.job.settings.zssr.train == "plane"
        for unit in self.planes if own else self.everything:
            found = self.kernels.get(self.run.sharing.place(unit.index))
            if found is None or found.estimate is None:
                continue
            name = unit.plane if own else f"group-{found.group.number:06d}"
            together.setdefault(name, (found.estimate.kernel, []))[1].append(unit.index)
        tasks = [LearnTask(name, tuple(planes), kernel, values) for name, (kernel, planes) in together.items()]
        networks: dict[Index, Learnt] = {}
        for task, network in self.engine.map(learn, self.job, tasks):
            learnt = self._found(network)
            if learnt is not None:
                networks |= dict.fromkeys(task.planes, learnt)
        return networks

    def _find_levels(self, values: ValueRange, networks: dict[Index, Learnt]) -> dict[Index, PlaneLevels | str]:
        tasks = []
        for unit in self.planes:
            kernel = self.kernels[self.run.sharing.place(unit.index)].estimate
            if kernel is not None:
                tasks.append(LevelsTask(unit.index, kernel.kernel, values, networks.get(unit.index)))
        found = self.engine.map(find_levels, self.job, tasks)
        return {task.index: _died(levels) if isinstance(levels, WorkerDied) else levels for task, levels in found}

    def _task(self, unit: Unit, values: ValueRange, levels: PlaneLevels | str | None, network: Learnt | None) -> UnitTask:
        kernel = self.kernels[self.run.sharing.place(unit.index)]
        if isinstance(levels, str):
            return UnitTask(unit, values, None, levels)
        return UnitTask(unit, values, kernel.estimate, kernel.error, levels, network)

    def _only(self, results: Iterator[tuple[Any, T | WorkerDied]]) -> T:
        ((_, result),) = results
        return self._found(result)

    @staticmethod
    def _found(result: T | WorkerDied) -> T:
        if isinstance(result, WorkerDied):
            raise InputError(f"The image cannot be read: {_died(result)}")
        return result

    def _all_there(self) -> bool:
        """Whether every unit of the whole run has come to an end, in whatever part of it."""
        journal = self.job.journal
        if self.run.options.part is None or journal is None or not self.upscales:
            return True
        ended = {*journal.names("planes"), *journal.names("failed")}
        return all(unit.name in ended for unit in units(self.layout))

    def _kernel_row(self, outcome: KernelOutcome) -> PlaneRow | None:
        """The row of the only plane of a group."""
        return self.row(self.planes[outcome.group.number]) if self.run.sharing.share == "plane" and self.run.options.part is None else None

    def row(self, unit: Unit) -> PlaneRow:
        """The row of a unit's plane, as far as it is known."""
        kernel = self.kernels.get(self.run.sharing.place(unit.index))
        done = self.outcomes.get(unit.plane, [])
        if self.upscales:
            said = {outcome.status for outcome in done}
            status = next((each for each in ("failed", "done", "kept") if each in said), "left")
        else:
            status = "left" if kernel is None else "failed" if kernel.estimate is None else "kept" if kernel.kept else "done"
        errors = [outcome.error for outcome in done]
        if kernel is not None and status == "failed":
            errors.append(kernel.error)
        return PlaneRow(
            place=self.job.source.place(unit.index),
            status=status,
            kernel=self.run.sharing.name(self.run.sharing.place(unit.index)),
            estimate=kernel.estimate if kernel else None,
            seconds=sum(outcome.seconds for outcome in done),
            seed=self.job.plane_seed(unit.index),
            error=next((error for error in errors if error), None),
            again=next((outcome.again for outcome in done if outcome.again), None),
        )


def _died(error: WorkerDied) -> str:
    return f"Its worker process ended unexpectedly, again and again ({error}). It may need more memory than there is."
