"""How long runs report and stop: a generator yields `Progress`, takes ``send(False)`` as stop, and returns its result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Progress:
    """Where a run stands.

    Kernel and losses live on the device until they are asked for: reading them costs a synchronisation, and not reading them costs nothing.

    Parameters
    ----------
    step, total : int
        Steps done and the most there will be. Some runs stop earlier by their own rule.
    kernel : callable, optional
        Gives the kernel as it is at this step, shape (n, n).
    losses : callable, optional
        Gives the values of the loss terms at this step.
    stage : str
        What is being done, in words.
    """

    def __init__(
        self,
        step: int,
        total: int,
        *,
        kernel: Callable[[], NDArray[np.float64]] | None = None,
        losses: Callable[[], dict[str, float]] | None = None,
        stage: str = "",
    ) -> None:
        self.step = step
        self.total = total
        self.stage = stage
        self._kernel = kernel
        self._losses = losses

    def __repr__(self) -> str:
        return f"Progress({self.stage!r}, step {self.step} of {self.total})"

    def part(self, number: int = 0, parts: int = 1, name: str = "") -> Progress:
        """The same progress as that of part `number` (from 0) of a longer run of equal `parts`; `name` is added to the stage."""
        return self.within(number * self.total, parts * self.total, name)

    def within(self, before: int, total: int, name: str = "") -> Progress:
        """The same progress in a longer run of `total` steps, of which some came `before`; `name` is added to the stage."""
        return Progress(before + self.step, total, kernel=self._kernel, losses=self._losses, stage=self.stage + name)

    def with_kernel(self, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Progress:
        """The same progress with another kernel made of its own, when it is asked for."""
        kernel = self._kernel
        changed = (lambda: change(kernel())) if kernel else None
        return Progress(self.step, self.total, kernel=changed, losses=self._losses, stage=self.stage)

    @property
    def kernel(self) -> NDArray[np.float64] | None:
        """The kernel at this step, float64 (n, n) with sum 1; None where the run estimates none."""
        return self._kernel() if self._kernel else None

    @property
    def losses(self) -> dict[str, float]:
        """The loss terms at this step by name."""
        return self._losses() if self._losses else {}


Steps = Generator[Progress, bool | None, T]
"""A run: yields `Progress`; ``send(False)`` stops it; its StopIteration carries the result so far."""

Callback = Callable[[Progress], Any]
"""Called with every `Progress`; returning False, but not None, stops the run."""


def stops(answer: Any) -> bool:
    """Whether an answer to `Progress` means stop: False, or NumPy's False, which comparing kernels gives."""
    return isinstance(answer, (bool, np.bool_)) and not answer


def run(steps: Steps[T], callback: Callback | None = None) -> T:
    """Drive a run to its end, telling `callback` of every step, and return its result."""
    try:
        progress = next(steps)
        while True:
            answer = callback(progress) if callback else None
            progress = steps.send(False if stops(answer) else None)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


def relay(steps: Steps[T], change: Callable[[Progress], Progress]) -> Steps[T]:
    """The same run with its progress changed on the way."""
    try:
        progress = next(steps)
        while True:
            keep = yield change(progress)
            progress = steps.send(keep)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


def heeding(steps: Steps[T]) -> Steps[tuple[T, bool]]:
    """The same run, and whether a stop was asked for: at the last step, which may be the only one, it is for what comes next."""
    asked = False
    try:
        progress = next(steps)
        while True:
            answer = yield progress
            asked |= stops(answer)
            progress = steps.send(answer)
    except StopIteration as end:
        return end.value, asked
    finally:
        steps.close()
