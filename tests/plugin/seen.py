"""Whether what a panel holds can be seen whole, where needed by scrolling."""

from __future__ import annotations

from qtpy.QtWidgets import QAbstractButton, QLabel, QScrollArea, QWidget


def parts_of(panel: QWidget) -> list[QWidget]:
    """The buttons and texts that are shown."""
    return [part for kind in (QAbstractButton, QLabel) for part in panel.findChildren(kind) if part.isVisible() and part.text()]


def assert_seen(part: QWidget, qtbot) -> None:
    """It has the room that it needs, and all of it can be seen, if need be after scrolling."""
    name = part.text() if hasattr(part, "text") else ""
    if name and isinstance(part, (QLabel, QAbstractButton)):
        needed = part.heightForWidth(part.width()) if part.hasHeightForWidth() else part.sizeHint().height()
        assert part.height() >= min(needed, part.maximumHeight()), name
        assert (isinstance(part, QLabel) and part.wordWrap()) or part.width() >= part.minimumSizeHint().width(), name

    def seen() -> None:
        scroll_to(part)
        assert part.visibleRegion().boundingRect().size() == part.size(), (name, part.visibleRegion().boundingRect(), part.size())

    qtbot.waitUntil(seen, timeout=3000)


def scroll_to(part: QWidget) -> None:
    """Bring a part into sight."""
    above = part.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(part, 0, 0)
        above = above.parentWidget()
