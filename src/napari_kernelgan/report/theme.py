"""How plots look: fonts and lines, and the colours of the paper that they are drawn on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, NamedTuple

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


class Theme(NamedTuple):
    """Colours of a plot. Those of the curves can be told apart on their paper, and by the colour-blind."""

    ink: str
    paper: str
    faint: str
    """Of what helps to read the curves: levels, limits, theory."""
    major: str
    minor: str
    cycle: tuple[str, ...]
    """Of curves of which there are many."""

    @property
    def rc(self) -> dict[str, Any]:
        """What `styled` takes, to draw in this theme."""
        inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
        return STYLE | dict.fromkeys(inked, self.ink) | dict.fromkeys(("figure.facecolor", "axes.facecolor"), self.paper)


PAPER = Theme("black", "white", "0.6", "#c2410c", "#1d4ed8", tuple(f"C{number}" for number in range(10)))
"""White paper, for reports and for what is saved."""


def theme_on(ink: str, paper: str) -> Theme:
    """A theme for any paper, dark or light."""
    cycle = ("#e8871e", "#2f9bd6", "#1fa57d", "#cc79a7", "#b59f1c", "#7f7f7f", "#d1495b")
    return Theme(ink, paper, "#8c8c8c", cycle[0], cycle[1], cycle)


_styling = RLock()


@contextmanager
def styled(rc: dict[str, Any]) -> Iterator[None]:
    """Draw in a style. Matplotlib's settings are the whole process's: only one thread at a time draws in its own."""
    from matplotlib import rc_context

    with _styling, rc_context(rc):
        yield
