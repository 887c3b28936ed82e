"""The planes of a stack as a table that grows while a run goes on; choosing a row tells which plane it is."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

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
        self._lines: dict[tuple[int, ...], int] = {}
        self._unit: str | None = None
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(2 * self.fontMetrics().height() + 4)
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
        return self._unit is not None

    def as_csv(self) -> str:
        """The table with everything that is known of the planes; empty where there is none."""
        return table_as_csv(self.rows, self._axes) if self._rows else ""

    def begin(self, axes: str) -> None:
        """Empty the table, for planes along these stack axes."""
        self._axes, self._rows, self._lines, self._unit = axes, {}, {}, None
        with QSignalBlocker(self):
            self.setRowCount(0)
            self._label()

    def add(self, rows: Sequence[PlaneRow]) -> None:
        """Add planes, or bring those that are there up to date."""
        self._rows |= {row.place: row for row in rows}
        for row in rows:
            self._lines.setdefault(row.place, len(self._lines))
        known = self._unit
        self._unit = known or next((unit_symbol(row.estimate.unit) for row in rows if widths_of(row, True)), None)
        with QSignalBlocker(self):
            self.setRowCount(len(self._rows))
            if self._unit != known:
                self._label()
            for row in rows if self._unit == known else self.rows:
                self._write(row)
            self.resizeColumnsToContents()

    def _label(self) -> None:
        first, then = ([f"FWHM ({self._unit})"], ["FWHM (HR px)"]) if self.physical else (["FWHM (HR px)"], [])
        titles = [*self._axes, *first, "trust", "status", *then, "s", "error"]
        self.setColumnCount(len(titles))
        self.setHorizontalHeaderLabels(titles)

    def _write(self, row: PlaneRow) -> None:
        for column, text in enumerate(_cells(row, self.physical)):
            item = QTableWidgetItem(text)
            item.setToolTip(BARS_TIP if "FWHM" in self.horizontalHeaderItem(column).text() else text)
            item.setData(Qt.ItemDataRole.UserRole, row.place)
            self.setItem(self._lines[row.place], column, item)

    def _choose(self, at: int) -> None:
        item = self.item(at, 0)
        if item is not None:
            self.chosen.emit(tuple(item.data(Qt.ItemDataRole.UserRole)))


def _cells(row: PlaneRow, physical: bool) -> list[str]:
    trust = row.estimate.reliability if row.estimate else None
    first, *then = (widths_in_words(widths_of(row, known)) for known in ((True, False) if physical else (False,)))
    return [*map(str, row.place), first, trust.level if trust else "", row.status, *then, f"{row.seconds:.2g}", row.error or ""]
