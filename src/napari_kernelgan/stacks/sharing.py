"""Which planes share a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from ..errors import InputError
from ..images.layout import Index, Layout

SHARES = ("stack", "channel", "plane", "window")
"""One kernel for all planes; one for each channel; one for each plane; one for each place along an axis, from the planes around it."""


class Group(NamedTuple):
    """Planes that one kernel is of."""

    number: int
    name: str
    """For people: "all planes", "C = 1", "T = 3, C = 1"."""
    place: tuple[int, ...]
    """Index along the axes of `Sharing.axes`."""
    pooled: tuple[Index, ...]
    """The planes that the kernel is estimated from."""


class Sharing:
    """How the planes of a stack share kernels.

    Parameters
    ----------
    layout : Layout
    share : {"stack", "channel", "plane", "window"}
    axis : str, optional
        "window": the axis that it moves along. None: Z, or else T, or else the only stack axis.
    window : int
        "window": how many neighbours along the axis one kernel is estimated from, an odd number; fewer at both ends.

    Raises
    ------
    InputError
        If the layout has no such axis, or a value is out of range.
    """

    def __init__(self, layout: Layout, share: str = "stack", axis: str | None = None, window: int = 5) -> None:
        if share not in SHARES:
            raise InputError(f"share={share!r} is unknown: use one of {', '.join(SHARES)}.")
        if share == "channel" and "C" not in layout.stack_axes:
            raise InputError(f"share='channel' needs a C axis among {layout.axes}: name it with axes=, or use share='stack'.")
        if share == "window":
            axis = self._window_axis(layout, axis)
            if isinstance(window, bool) or not isinstance(window, int) or window < 1 or window % 2 == 0:
                raise InputError(f"window={window!r} must be an odd number of planes, for example 5.")
        self.layout, self.share, self.axis, self.reach = layout, share, axis if share == "window" else None, window // 2
        # channels see through optics of their own, so a window does not mix them
        own = {"stack": "", "channel": "C", "plane": layout.stack_axes, "window": f"{self.axis}C"}[share]
        self.axes = "".join(a for a in layout.stack_axes if a in own)
        """The axes along which kernels differ."""

    @staticmethod
    def _window_axis(layout: Layout, axis: str | None) -> str:
        if axis is None:
            axis = next((a for a in (*"ZT", *layout.stack_axes) if a in layout.stack_axes), None)
        if axis is None or axis.upper() not in layout.stack_axes:
            raise InputError(f"share='window' moves along a stack axis; the axes here are {layout.axes}.")
        return axis.upper()

    @property
    def shape(self) -> tuple[int, ...]:
        """How many kernels there are along each of `axes`."""
        return tuple(self.layout.length(a) for a in self.axes)

    def place(self, index: Index) -> tuple[int, ...]:
        """Where along `axes` the kernel of a plane is."""
        return tuple(at for a, at in zip(self.layout.stack_axes, index, strict=True) if a in self.axes)

    def groups(self) -> list[Group]:
        """All groups, in the order of their places."""
        planes = sorted(self.layout.indices(), key=lambda index: (self.place(index), index))
        members = {place: tuple(some) for place, some in groupby(planes, self.place)}
        return [Group(number, self.name(place), place, self._pooled(place, members)) for number, place in enumerate(members)]

    def name(self, place: Sequence[int]) -> str:
        """A place in words."""
        return ", ".join(f"{a} = {at}" for a, at in zip(self.axes, place, strict=True)) or "all planes"

    def _pooled(self, place: tuple[int, ...], members: dict[tuple[int, ...], tuple[Index, ...]]) -> tuple[Index, ...]:
        if self.axis is None:
            return members[place]
        along = self.axes.index(self.axis)
        near = range(max(0, place[along] - self.reach), min(self.layout.length(self.axis), place[along] + self.reach + 1))
        return tuple(index for at in near for index in members[(*place[:along], at, *place[along + 1 :])])
