"""The numbers of a kernel as a table: what it is, and how large, in the unit of the image and in HR pixels."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from ..report.numbers import Number, in_words

HEIGHT = 170  # px, at least
TIP = "In brackets: 90 % error bars. HR px: pixels of the upscaled image. The axes are those of the kernel's width at half maximum."


class NumbersTable(QTableWidget):
    """One row for every name; where a number is known in a unit of length, that stands above the same in HR pixels."""

    def __init__(self) -> None:
        super().__init__(0, 2)
        self.setHorizontalHeaderLabels(["measured", "value"])
        self.setToolTip(TIP)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().setVisible(False)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(HEIGHT)

    def fill(self, numbers: Sequence[Number]) -> None:
        """Show numbers, in place of those that are there."""
        rows: dict[str, list[str]] = {}
        for number in numbers:
            rows.setdefault(number.name, []).insert(0, in_words(number))
        self.setRowCount(len(rows))
        for at, (name, values) in enumerate(rows.items()):
            for column, told in enumerate((name, "\n".join(values))):
                self.setItem(at, column, QTableWidgetItem(told))
