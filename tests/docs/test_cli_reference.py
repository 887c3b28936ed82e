"""docs/cli.md says what the program says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_is_up_to_date():
    script = runpy.run_path(str(ROOT / "scripts" / "write_cli_reference.py"))
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == script["reference"](), "run scripts/write_cli_reference.py"


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
