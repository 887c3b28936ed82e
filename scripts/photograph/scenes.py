"""What is photographed: one scene for each state of a window."""

from . import others, results, steps  # noqa: F401 - they name their scenes
from .parts import SCENES

__all__ = ["SCENES"]
