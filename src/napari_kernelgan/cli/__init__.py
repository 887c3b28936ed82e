"""The command line.

``commands`` are the commands, ``options`` what they have in common, ``console`` how they speak: results to stdout, all else to stderr.
"""

from .commands import main

__all__ = ["main"]
