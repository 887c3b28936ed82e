from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from napari_kernelgan.plugin.worker import REPORT_EVERY, Failure, Report, RunWorker, make_worker
from napari_kernelgan.progress import Progress, Steps

from .short import TIMEOUT


class Counting:
    """A run that counts to a number, and notes what is done to it."""

    def __init__(self, total: int, each: Callable[[int], None] = lambda step: None) -> None:
        self.total, self.each = total, each
        self.done = 0
        self.closed = False
        self.worker: RunWorker

    def steps(self) -> Steps[int]:
        try:
            while self.done < self.total:
                self.done += 1
                self.each(self.done)
                kernel = np.full((2, 2), float(self.done))
                if (yield Progress(self.done, self.total, kernel=lambda kernel=kernel: kernel, stage="counting")) is False:
                    break
            return self.done
        finally:
            self.closed = True


@pytest.fixture
def start(qtbot) -> Iterator[Callable[[Counting], dict[str, list]]]:
    """Start a run in a thread and collect what its worker emits."""
    workers = []

    def begin(counting: Counting) -> dict[str, list]:
        worker = counting.worker = make_worker(counting.steps(), "counting")  # before it starts: `each` may need it at once
        seen = {name: [] for name in ("yielded", "returned", "errored", "finished")}
        for name, values in seen.items():
            getattr(worker, name).connect(lambda *given, values=values: values.append(given))
        workers.append(worker)
        worker.start()
        return seen

    yield begin
    for worker in workers:
        worker.quit()
    RunWorker.await_workers(TIMEOUT)


def test_a_run_returns_its_result(start, qtbot) -> None:
    counting = Counting(1000)
    seen = start(counting)
    qtbot.waitUntil(lambda: bool(seen["finished"]), timeout=TIMEOUT)
    assert seen["returned"] == [(1000,)]
    assert seen["errored"] == []


def test_the_first_step_is_reported_and_then_now_and_again(start, qtbot) -> None:
    counting = Counting(10**9)
    seen = start(counting)
    qtbot.waitUntil(lambda: len(seen["yielded"]) >= 4, timeout=TIMEOUT)
    counting.worker.stop()
    reports: list[Report] = [report for (report,) in seen["yielded"]]
    assert reports[0].step == 1
    assert reports[0].seconds_left is None
    for report in reports[1:]:
        assert report.kernel[0, 0] == report.step  # the kernel as it was then
    assert min(b.seconds - a.seconds for a, b in zip(reports[1:], reports[2:], strict=False)) > 0.9 * REPORT_EVERY


def test_the_time_left_is_that_of_the_remaining_steps() -> None:
    assert Report(11, 41, "", None, 5.0, {}).seconds_left == pytest.approx(15.0)


def test_stop_answers_within_one_step_and_keeps_the_result(start, qtbot) -> None:
    at_stop = []

    def each(step: int) -> None:
        if step == 500:
            counting.worker.stop()
            at_stop.append(step)

    counting = Counting(10**9, each)
    seen = start(counting)
    qtbot.waitUntil(lambda: bool(seen["finished"]), timeout=TIMEOUT)
    assert at_stop == [500]
    assert seen["returned"] == [(500,)]
    assert counting.closed


@pytest.mark.parametrize("last", [1, 500])  # the first step is reported, most others are not
def test_quit_answers_within_one_step_drops_the_result_and_closes_the_run(start, qtbot, last: int) -> None:
    def quit_at_last(step: int) -> None:
        if step == last:
            counting.worker.quit()

    counting = Counting(10**9, quit_at_last)
    seen = start(counting)
    qtbot.waitUntil(lambda: bool(seen["finished"]), timeout=TIMEOUT)
    assert counting.done == last
    assert counting.closed
    assert seen["returned"] == []


def test_a_runtime_error_gets_out(start, qtbot) -> None:
    def fail(step: int) -> None:
        raise RuntimeError("CUDA out of memory")

    seen = start(Counting(10, fail))
    qtbot.waitUntil(lambda: bool(seen["finished"]), timeout=TIMEOUT)
    ((result,),) = seen["returned"]
    assert isinstance(result, Failure)
    error = result.error
    assert "CUDA out of memory" in str(error)
