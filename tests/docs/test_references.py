"""docs/cli.md and docs/settings.md say what the program says."""

from __future__ import annotations

import re
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


def test_options_in_the_pages_are_the_program_s():
    """Commands that readers copy: in all pages and README, each is one of the program's, with options that it has."""
    import typer
    from typer.main import get_command

    from napari_kernelgan.cli.commands import app

    command = get_command(app)
    context, seen = typer.Context(command), 0
    for page in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```(?:console|sh|bash)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            for name, rest in (m.groups() for line in lines if (m := re.match(r"\$? ?napari-kernelgan ([a-z][a-z-]*)(.*)", line))):
                assert name in command.list_commands(context), (page.name, name)
                known = {each for p in command.get_command(context, name).params for each in p.opts} | {"--help"}
                assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest.partition("  #")[0])) <= known, (page.name, name, rest)
                seen += 1
    assert seen > 30
