"""The site builds without a network, its links and pictures are there, and the code in its pages runs."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = ("tour", "psf", "satellite", "how-it-works", "trust", "console")
"""Pages whose blocks marked ```python are run, one after another in one namespace; blocks marked ```py are only read."""
NOT_RUN = ("stacks", "cluster")
"""Pages whose blocks need files and clusters that are not here: their Python must compile."""
# a program that cannot reach anything: names are not resolved, and no connection is made
OFFLINE = """\
import socket
def refuse(*_, **__):
    raise OSError("the site must build without a network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli()
"""


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def blocks(page: Path) -> list[str]:
    """The page's Python, block by block, with as many lines before as in the page, so that errors name the page's own lines."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return ["\n" * text.count("\n", 0, match.start(1)) + match[1] for match in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (find_spec("mkdocs") and find_spec("material") and find_spec("mkdocstrings")):
        pytest.skip("the extra `docs` is not installed")
    out = tmp_path_factory.mktemp("site")
    path = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    # not --quiet, with which warnings are not counted, and nothing is strict
    build = [sys.executable, "-c", OFFLINE, "build", "--strict", "--site-dir", str(out)]
    done = subprocess.run(build, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_builds_offline_and_strictly(site):
    """Strict: a link to a page, a heading or a name of the reference that is not there is an error."""
    for page in pages():
        name = "index.html" if page.stem == "index" else f"{page.stem}/index.html"
        assert (site / name).stat().st_size > 2000


def test_readers_load_nothing_from_elsewhere(site):
    text = "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="(https?://[^"]+)"', text)
    loaded += re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="(https?://[^"]+)"', text)
    assert loaded == []


def test_formulas_are_set(site):
    text = "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    formulas = re.findall(r"<math.*?</math>", text, re.DOTALL)
    assert len(formulas) > 60
    assert [formula for formula in formulas if "\\" in formula] == []  # what latex2mathml does not know stays as it was
    assert "arithmatex" not in text


def test_reference_has_every_public_name(site):
    import napari_kernelgan as kg

    text = (site / "reference/index.html").read_text(encoding="utf-8")
    names = [f"napari_kernelgan.{name}" for name in kg.__all__ if name not in {"__version__", "kernels"}]
    names += [f"napari_kernelgan.kernels.{name}" for name in kg.kernels.__all__]
    assert [name for name in names if f'id="{name}"' not in text] == []


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {page.name for page in pages()}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_pictures_exist(page):
    for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target


def test_links_of_readme_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://)([^)#\s]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_picture_is_shown():
    text = "".join(page.read_text(encoding="utf-8") for page in [*pages(), ROOT / "README.md"])
    assert [path.name for path in (DOCS / "images").iterdir() if f"images/{path.name}" not in text] == []


def test_pictures_of_the_window_are_those_that_the_script_takes():
    """All others are made by benchmarks; none is so large that a page would be slow."""
    taken = set(runpy.run_path(str(ROOT / "scripts/photograph/pages.py"))["SHOTS"])
    there = {path.stem for path in (DOCS / "images").iterdir()}
    assert {name for name in there if not name.startswith(("bench-", "real-"))} == taken
    assert [path.name for path in (DOCS / "images").iterdir() if path.stat().st_size > 260_000] == []


@pytest.mark.parametrize("name", RUN)
def test_code_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {"__name__": "page"}
    if name == "console":
        space["viewer"] = console_viewer()
    page = DOCS / f"{name}.md"
    assert blocks(page)
    for block in blocks(page):
        exec(compile(block, page, "exec"), space)


@pytest.mark.parametrize("name", NOT_RUN)
def test_code_compiles(name):
    for block in blocks(DOCS / f"{name}.md"):
        if "shell:" not in block:  # Snakemake, which is no Python
            compile(block, name, "exec")


def test_every_page_with_code_is_listed():
    assert {page.stem for page in pages() if blocks(page)} == {*RUN, *NOT_RUN}


def console_viewer():
    """What `viewer` is in napari's console, with a small time series called "embryo"; without a window."""
    pytest.importorskip("napari")
    from napari.components import ViewerModel

    from napari_kernelgan.plugin.samples import drifting_section

    viewer = ViewerModel()
    ((frames, about, _),) = drifting_section()
    viewer.add_image(frames[:2], **(about | {"name": "embryo", "metadata": {}}))
    return viewer
