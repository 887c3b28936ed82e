"""When ZSSR's learning rate falls, and when training ends: the published policy on the reconstruction error's trend."""

from __future__ import annotations

import numpy as np

from ...config import ZSSRConfig


class RateSchedule:
    """A learning rate that is divided by ten when the reconstruction error no longer falls.

    A line is fitted to the errors of the last ``trend_steps`` steps. When ``trend_ratio`` times its negated slope is below the slope's
    standard error, and at least ``trend_steps`` have passed since the last change, the rate falls.
    """

    def __init__(self, config: ZSSRConfig) -> None:
        self.config = config
        self.rate = config.learning_rate
        self.steps: list[int] = []
        self.errors: list[float] = []
        self._changed = 0

    @property
    def finished(self) -> bool:
        """Whether the rate has fallen so low that training is over."""
        return self.rate < self.config.learning_rate_stop

    def update(self, step: int, error: float) -> None:
        """Note the reconstruction error after `step` steps and lower the rate if its trend asks for it."""
        self.steps.append(step)
        self.errors.append(error)
        if step - self._changed < self.config.trend_steps:
            return
        recent = [i for i, at in enumerate(self.steps) if at > step - self.config.trend_steps]
        if len(recent) < 3:
            return
        slope, deviation = _line(np.array([self.steps[i] for i in recent], float), np.array([self.errors[i] for i in recent]))
        if -self.config.trend_ratio * slope < deviation:
            self.rate /= 10
            self._changed = step


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of the least-squares line and its standard error."""
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    residual = y - y.mean() - slope * x
    return slope, float(np.sqrt(residual @ residual / (len(x) - 2) / (x @ x)))
