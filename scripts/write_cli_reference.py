"""Write docs/cli.md, the reference of the command line, from the program itself.

    python scripts/write_cli_reference.py

A test tells when the page is out of date.
"""

from __future__ import annotations

import re
from pathlib import Path

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

import napari_kernelgan.cli  # noqa: F401 - adds all commands
from napari_kernelgan.cli.commands import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
NAME = "napari-kernelgan"
TITLE = "Command line"
NOTE = """\
This page is written by `scripts/write_cli_reference.py` from the program's own help; `napari-kernelgan COMMAND --help` says the same.
Results go to stdout, progress and messages to stderr. With `--json`, stdout is JSON.
"""


def reference() -> str:
    """The page, as Markdown."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name=NAME), name=NAME, title=TITLE)
    heading, rest = text.split("\n", 1)
    return re.sub(r"\n{3,}", "\n\n", f"{heading}\n\n{NOTE}{rest}").rstrip() + "\n"


def main() -> None:
    PAGE.write_text(reference(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
