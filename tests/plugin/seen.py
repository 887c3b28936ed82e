"""Whether what a panel holds can be seen whole, where needed by scrolling, and whether plots can be read."""

from __future__ import annotations

from itertools import combinations
from typing import Any

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


def assert_drawn(figure: Any) -> None:
    """All words of a figure lie in it, and none on another."""
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in _words(figure)]
    for text, box in boxes:
        assert min(box.x0, box.y0) >= 0, (text, box)
        assert box.x1 <= width, (text, box, width)
        assert box.y1 <= height, (text, box, height)
    for (text, box), (other, its) in combinations(boxes, 2):
        assert not box.overlaps(its), (text, other)


def _words(figure: Any) -> list[Any]:
    """All texts that are drawn: of the numbers beside the axes those within the limits."""
    from matplotlib.text import Text

    axes = [axis for each in figure.axes for axis in (each.xaxis, each.yaxis)]
    numbers = {text for axis in axes for text in axis.findobj(Text) if text is not axis.label}
    drawn = [text for text in figure.findobj(Text) if text not in numbers]
    for axis in axes:
        low, high = sorted(axis.get_view_interval())
        drawn += [text for at, text in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True) if low <= at <= high]
    return [text for text in drawn if text.get_visible() and text.get_text().strip()]
