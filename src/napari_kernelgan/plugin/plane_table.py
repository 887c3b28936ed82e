"""The planes of a stack as a table that grows while a run goes on; choosing a row tells which plane it is."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from ..files.units import unit_symbol
from ..stacks.results import PlaneRow, table_as_csv
from .words import widths_in_words, widths_of

WIDTH, HEIGHT = 340, 190  # px, at least
BARS_TIP = "Full width at half maximum of the SR kernel, major × minor axis; in brackets: 90 % error bars."


class PlaneTable(QTableWidget):
    """One row for every plane: where it is, its kernel's widths, how far to trust them, and what became of it."""

    chosen = Signal(object)
    """The place of a plane, a tuple of its indices along the stack axes, when its row is clicked or reached by the keyboard."""

    def __init__(self) -> None:
        super().__init__()
        self._axes = ""
        self._rows: dict[tuple[int, ...], PlaneRow] = {}
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setVisible(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumSize(WIDTH, HEIGHT)
        self.currentCellChanged.connect(lambda at, _column, before, _before_column: self._choose(at) if at != before else None)
        self.cellClicked.connect(lambda at, _column: self._choose(at))

    @property
    def rows(self) -> tuple[PlaneRow, ...]:
        """The planes in the order in which they are shown."""
        return tuple(self._rows.values())

    @property
    def axes(self) -> str:
        """The letters of the stack axes."""
        return self._axes

    @property
    def physical(self) -> bool:
        """Whether any plane has widths in a unit of length."""
        return any(widths_of(row, True) for row in self.rows)

    def as_csv(self) -> str:
        """The table with everything that is known of the planes; empty where there is none."""
        return table_as_csv(self.rows, self._axes) if self._rows else ""

    def begin(self, axes: str) -> None:
        """Empty the table, for planes along these stack axes."""
        self._axes, self._rows = axes, {}
        self._fill()

    def add(self, rows: Sequence[PlaneRow]) -> None:
        """Add planes, or bring those that are there up to date."""
        self._rows |= {row.place: row for row in rows}
        self._fill()

    def _fill(self) -> None:
        unit = next((unit_symbol(row.estimate.unit) for row in self.rows if widths_of(row, True)), None)
        first, then = ([f"FWHM ({unit})"], ["FWHM (HR px)"]) if unit else (["FWHM (HR px)"], [])
        titles = [*self._axes, *first, "trust", "status", *then, "s", "error"]
        kept = self.currentRow()
        silent = self.blockSignals(True)
        self.setRowCount(len(self._rows))
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)
        for at, row in enumerate(self.rows):
            for column, text in enumerate(_cells(row, unit is not None)):
                item = QTableWidgetItem(text)
                item.setToolTip(BARS_TIP if titles[column].startswith("FWHM") else text)
                item.setData(Qt.ItemDataRole.UserRole, row.place)
                self.setItem(at, column, item)
        if 0 <= kept < len(self._rows):
            self.setCurrentCell(kept, 0)
        self.blockSignals(silent)

    def _choose(self, at: int) -> None:
        item = self.item(at, 0)
        if item is not None:
            self.chosen.emit(tuple(item.data(Qt.ItemDataRole.UserRole)))


def _cells(row: PlaneRow, physical: bool) -> list[str]:
    trust = row.estimate.reliability if row.estimate else None
    first, *then = (widths_in_words(widths_of(row, known)) for known in ((True, False) if physical else (False,)))
    return [*map(str, row.place), first, trust.level if trust else "", row.status, *then, f"{row.seconds:.2g}", row.error or ""]
