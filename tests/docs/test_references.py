"""docs/cli.md and docs/settings.md say what the program says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["cli", "settings"])
def test_page_is_up_to_date(name):
    path = ROOT / "scripts" / f"write_{name}_reference.py"
    written = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(path))["reference"](), f"run {path.name}"


def test_page_names_every_option_of_every_command():
    import typer
    from typer.main import get_command

    from napari_kernelgan.cli.commands import app

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    command = get_command(app)
    for name in command.list_commands(typer.Context(command)):
        _, _, part = text.partition(f"## `napari-kernelgan {name}`\n")
        part = part.partition("\n## ")[0]
        options = {each for p in command.get_command(typer.Context(command), name).params for each in p.opts if each.startswith("--")}
        assert options, name
        assert [option for option in options if option not in part] == [], name
