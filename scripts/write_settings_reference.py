"""Write docs/settings.md, every setting of every method, from the configuration itself.

    python scripts/write_settings_reference.py

A test tells when the page is out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from napari_kernelgan.config import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

This page is written by `scripts/write_settings_reference.py` from the program's own configuration. Every setting has a default; a file
names those that differ: what is done under `run`, and the settings of each method under its name:

```console
$ echo '{"run": {"upscaler": "inverse"}, "spectral": {"prior": "microscopy"}}' > settings.json
$ napari-kernelgan run cells.tif -o out/ --config settings.json
```

Options of the command line win over the file. [napari's panel](panel.md#presets-and-settings) saves and loads the same files.

From Python, `config=` takes a model (`kg.SpectralConfig(prior="microscopy")`), a dict of its fields, or `kg.Settings` with those of all
methods. Unknown names and values out of range are refused.
"""
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "multiple of",
}


def reference() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(section(name, type(model)) for name, model in Settings())


def section(name: str, model: type[BaseModel]) -> str:
    """The settings of one method, as a table."""
    about = (model.__doc__ or "").split("\n\n")
    rows = [f"| `{field}` | {default(schema)} | {described(schema)} |" for field, schema in model.model_json_schema()["properties"].items()]
    text = "\n\n".join(" ".join(part.split()) for part in about)
    return "\n".join([f"\n## `{name}`\n", f"`kg.{model.__name__}`. {text}\n", "| setting | default | |", "|---|---|---|", *rows, ""])


def default(schema: dict[str, Any]) -> str:
    """The default as JSON has it, with six digits."""
    value = schema["default"]
    return f"`{value:.6g}`" if isinstance(value, float) else f"`{json.dumps(value)}`"


def described(schema: dict[str, Any]) -> str:
    """The description, what can be chosen, and the range."""
    bounds = [f"{words} {schema[key]:g}" for key, words in BOUNDS.items() if key in schema]
    choices = [" or ".join(f"`{choice}`" for choice in schema["enum"])] if "enum" in schema else []
    limits = ", ".join(choices + bounds)
    text = schema["description"] + (f" ({limits})" if limits else "")
    return text.replace("|", "\\|")


def main() -> None:
    PAGE.write_text(reference(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
