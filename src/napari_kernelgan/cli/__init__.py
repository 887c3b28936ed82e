"""The command line.

``commands`` are the commands, ``stacks`` the one for stacks, ``options`` what they have in common, ``console`` how they speak: results to
stdout, all else to stderr.
"""

from . import stacks as _stacks  # noqa: F401 - adds its command
from .commands import main

__all__ = ["main"]
