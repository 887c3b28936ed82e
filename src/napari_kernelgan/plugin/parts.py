"""Small parts of the panel: buttons, rows, fields and texts that fit into a narrow dock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, Label, LineEdit, PushButton
from magicgui.widgets.bases import Widget
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QFrame, QScrollArea, QSizePolicy, QStyle, QTabWidget, QWidget

from ..errors import InputError
from .preferences import choose_output_folder, output_folder
from .words import Words

WIDTH = 376
"""px that a panel takes where there is room: napari shows its whole title then, and few texts wrap."""


def button(text: str, action: Callable[[], None], tooltip: str) -> PushButton:
    """A button that does something."""
    pressed = PushButton(text=text, tooltip=tooltip)
    pressed.changed.connect(lambda: action())
    return pressed


def row(*widgets: Widget) -> Container:
    """Widgets side by side."""
    side_by_side = Container(widgets=widgets, layout="horizontal", labels=False)
    side_by_side.margins = (0, 0, 0, 0)
    return side_by_side


def narrow(field: LineEdit) -> LineEdit:
    """A field for a short number or word."""
    field.max_width = 80
    return field


def short(choice: ComboBox, empty: str = "") -> ComboBox:
    """A combo box that long layer names do not make wide; `empty` is what it says while there is nothing to choose."""
    choice.native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.native.setMinimumContentsLength(12)
    choice.native.setPlaceholderText(empty)
    return choice


def text() -> Label:
    """A text that wraps and can be copied; it is never what makes the panel wide."""
    label = Label(value="")
    label.native.setWordWrap(True)
    label.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.native.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    label.native.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def say(label: Label, words: Words) -> None:
    """Show words, and tell the rest of them to a mouse that rests on them; no words take no room."""
    label.value, label.tooltip = words
    label.visible = bool(words.text)


def heading(text: str) -> Label:
    """The title of a step."""
    label = Label(value=text)
    label.native.setStyleSheet("font-weight: bold; font-size: 12pt; padding-top: 4px;")
    return label


class Chip(Label):
    """A word on a ground of its own, for dark and light themes, with a sign, so that the colour is not all that tells.

    Parameters
    ----------
    looks : dict
        What it can say: name to (text, ground, letters), the last two colours.
    wraps : bool
        Whether it takes the whole width, and as many lines as its text needs.
    """

    def __init__(self, looks: Mapping[str, tuple[str, str, str]], tooltip: str = "", *, wraps: bool = False) -> None:
        super().__init__(value="", tooltip=tooltip)
        self._looks = dict(looks)
        if wraps:
            self.native.setWordWrap(True)
            self.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        else:
            self.native.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_as(next(iter(looks)))

    @property
    def shown(self) -> str:
        """The name of what it says."""
        return self._shown

    def show_as(self, name: str) -> None:
        """Say something else."""
        self.value, ground, letters = self._looks[name]
        self._shown = name
        style = f"background: {ground}; color: {letters}; border-radius: 4px; padding: 3px 8px; font-weight: bold;"
        self.native.setStyleSheet(f"QLabel {{ {style} }}")


def ask_where_to_save(parent: QWidget, title: str, name: str, formats: str, save: Callable[[str], None]) -> None:
    """Ask for a file's name and save; tell why it cannot be."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(output_folder() / name), formats)
    if chosen:
        choose_output_folder(Path(chosen).parent)
        try:
            save(chosen)
        except (InputError, OSError) as error:
            show_error(f"{chosen} is not written: {error}")


class Column(Container):
    """Widgets below each other, which scroll where the screen is not high enough for all.

    Parameters
    ----------
    widgets : sequence of Widget
    grows : Widget, optional
        What takes the room that is left; by default nothing does.
    """

    def __init__(self, widgets: Sequence[Widget], grows: Widget | None = None) -> None:
        super().__init__(labels=False)
        self.margins = (0, 0, 0, 0)
        self._column = Container(widgets=widgets, labels=False)
        layout = self._column.native.layout()
        if grows is None:
            layout.addStretch()
        else:
            layout.setStretchFactor(grows.native, 1)
        self.native.layout().addWidget(scrolling(self._column.native))

    def reset_choices(self, *_: Any) -> None:
        """Let every combo box ask for its choices again."""
        self._column.reset_choices()


class Pages(Container):
    """Columns of widgets, of which one is in sight, chosen by its title.

    Parameters
    ----------
    pages : dict
        Title to column.
    """

    def __init__(self, pages: Mapping[str, Container]) -> None:
        super().__init__(labels=False)
        self._pages = dict(pages)
        self.margins = (0, 0, 0, 0)
        self._tabs = QTabWidget()
        self._tabs.setDocumentMode(True)
        for title, page in pages.items():
            self._tabs.addTab(page.native, title)
        self.native.layout().addWidget(self._tabs)

    @property
    def page(self) -> str:
        """The title of the column that is in sight."""
        return self._tabs.tabText(self._tabs.currentIndex())

    @page.setter
    def page(self, title: str) -> None:
        self._tabs.setCurrentIndex(list(self._pages).index(title))

    def reset_choices(self, *_: Any) -> None:
        """Let every combo box ask for its choices again."""
        for page in self._pages.values():
            page.reset_choices()


def scrolling(content: QWidget) -> QScrollArea:
    """An area of any height in which a column of widgets scrolls up and down."""
    return _ScrollArea(content)


class _ScrollArea(QScrollArea):
    """As wide as its content needs, whose needs change with napari's style and with what is shown."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Called by Qt."""
        return super().sizeHint().expandedTo(QSize(WIDTH, 0))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Called by Qt."""
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        return QSize(self.widget().minimumSizeHint().width() + bar, super().minimumSizeHint().height())

    def eventFilter(self, of: QObject, event: QEvent) -> bool:  # noqa: N802
        """Called by Qt."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(of, event)
