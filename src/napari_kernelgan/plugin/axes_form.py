"""What the axes of a stack are, and which part of it is worked on."""

from __future__ import annotations

from collections.abc import Sequence

from magicgui.widgets import ComboBox, Container, Label, SpinBox
from psygnal import Signal

from ..errors import InputError
from .parts import row

ROLES = {"T": "T (time)", "Z": "Z (depth)", "C": "C (channel)"}
ROLE_TIP = "What this axis is. Channels have optics of their own; a window moves along Z or T. Taken from the layer's axis labels at first."
RANGE_TIP = "First and last plane along this axis, counted from 0 as the sliders do; both are worked on."


class AxesForm(Container):
    """For every axis before Y and X its letter, and the first and the last plane along it."""

    roles_changed = Signal(str)
    """The letters of all axes."""

    def __init__(self) -> None:
        super().__init__(labels=False)
        self.margins = (0, 0, 0, 0)
        self.letters: list[ComboBox] = []
        self.first: list[SpinBox] = []
        self.last: list[SpinBox] = []
        self._ranges = False

    def show_axes(self, letters: str, shape: Sequence[int], names: Sequence[str]) -> None:
        """Make a row for every axis.

        Parameters
        ----------
        letters : str
            Their letters, to begin with.
        shape : sequence of int
            Their lengths.
        names : sequence of str
            What the layer calls them.
        """
        self.clear()
        self.letters, self.first, self.last = [], [], []
        for letter, length, name in zip(letters, shape, names, strict=True):
            offered = {**ROLES, **{other: other for other in letters if other not in ROLES}}
            role = ComboBox(choices=[(text, other) for other, text in offered.items()], value=letter, tooltip=ROLE_TIP)
            role.changed.connect(lambda *_: self.roles_changed.emit(self.axes))
            first, last = (SpinBox(min=0, max=length - 1, value=value, tooltip=RANGE_TIP) for value in (0, length - 1))
            self.letters.append(role)
            self.first.append(first)
            self.last.append(last)
            about = Label(value=f"{name}, {length}:", tooltip="The layer's own name of the axis, and its length.")
            self.append(row(about, role))
            self.append(row(first, Label(value="to"), last))
        self.show_ranges(self._ranges)

    def show_ranges(self, shown: bool) -> None:
        """Show the first and the last plane, or not."""
        self._ranges = shown
        for ends in list(self)[1::2]:
            ends.visible = shown

    @property
    def axes(self) -> str:
        """The letters of all axes.

        They may repeat, which no run takes.
        """
        return "".join(role.value for role in self.letters)

    @property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """First and last (exclusive) position along every axis.

        Raises
        ------
        InputError
            If a range ends before it begins.
        """
        found = {}
        for role, first, last in zip(self.letters, self.first, self.last, strict=True):
            if first.value > last.value:
                raise InputError(f"The range along {role.value} ends at {last.value}, before it begins at {first.value}.")
            found[role.value] = (first.value, last.value + 1)
        return found
