"""A hook of mkdocs: formulas become MathML, which browsers set by themselves, so that reading the site loads nothing from elsewhere."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(html: str, **_: Any) -> str:
    """Set the formulas of a page; called by mkdocs."""
    return FORMULA.sub(_as_mathml, html)


def _as_mathml(match: re.Match[str]) -> str:
    tag, formula = match.groups()
    mathml = convert(unescape(formula).strip(), display="block" if tag == "div" else "inline")
    return f'<{tag} class="formula">{mathml}</{tag}>'
