"""Tables of a benchmark's scores: Markdown to read, CSV and JSON to compute with."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..files.atomic import atomic, write_json
from .scores import Score

Form = Callable[[float], str]
ALL = "all"


@dataclass(frozen=True)
class Column:
    """A score in the tables."""

    name: str
    title: str
    form: Form
    worst: float | None = None
    """The percentile at which the worst tenth begins; None: the mean alone is shown."""


COLUMNS = (
    Column("kernel_psnr", "kernel PSNR / dB", "{:.2f}".format, 10),
    Column("fwhm_error", "FWHM error", "{:.1%}".format, 90),
    Column("psnr", "PSNR / dB", "{:.2f}".format, 10),
    Column("ssim", "SSIM", "{:.4f}".format),
    Column("seconds", "seconds", "{:.1f}".format),
)

BARS = (
    Column("reliable", "reliable", "{:.0%}".format),
    Column("covered", "covered", "{:.0%}".format),
    Column("bar_width", "median bar length", "{:.0%}".format),
    Column("covered_reliable", "covered, reliable", "{:.0%}".format),
    Column("bar_width_reliable", "median bar length, reliable", "{:.0%}".format),
    Column("excess_reliable", "length / narrowest, reliable", "{:.2f}".format),
)
ABOUT_BARS = """90 % error bars of the widths; lengths are relative to the true widths. The last column is by how many times the bars of
reliable runs are longer than the narrowest that would be calibrated: 1.00 is just right, more is wide, less promises too much.
"""


def groups(scores: Sequence[Score]) -> Iterator[tuple[str, float | None, str, list[Score]]]:
    """Kind of kernel, noise, method and their scores: each condition by itself, then all together where there are several.

    The kind is "all" and the noise None for all together.
    """
    methods = list(dict.fromkeys(s.method for s in scores))
    conditions: list[tuple[str, float | None]] = list(dict.fromkeys((s.kind, s.noise) for s in scores))
    for kind, noise in conditions + [(ALL, None)] * (len(conditions) > 1):
        for method in methods:
            mine = [s for s in scores if s.method == method and noise in (None, s.noise) and kind in (ALL, s.kind)]
            if mine:
                yield kind, noise, method, mine


def summary(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """For each condition and method, of each score the mean over pictures and seeds, its spread, the median and the worst decile.

    The spread is the standard deviation over the methods' seeds of the mean. A tenth of the runs is worse than the worst decile.
    """
    rows = []
    for kind, noise, method, mine in groups(scores):
        row: dict[str, Any] = {"kind": kind, "noise": noise, "method": method}
        row |= {"pictures": len({s.picture for s in mine}), "seeds": len({s.seed for s in mine}), "runs": len(mine)}
        for column in COLUMNS:
            by_seed = [_known(mine, column.name, seed) for seed in sorted({s.seed for s in mine})]
            means = [float(np.mean(values)) for values in by_seed if values]
            values = _known(mine, column.name)
            row[column.name] = float(np.mean(means)) if means else None
            row[f"{column.name}_spread"] = float(np.std(means, ddof=1)) if len(means) > 1 else None
            if column.worst is not None:
                row[f"{column.name}_median"] = float(np.median(values)) if values else None
                row[f"{column.name}_worst"] = float(np.percentile(values, column.worst)) if values else None
        rows.append(row)
    return rows


def coverage(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """For each condition and method with error bars: how often they hold the truth, and their median length.

    Both are of all runs and of reliable ones. `excess_reliable` is by how many times the bars of reliable runs are longer than the
    narrowest that would be calibrated, which just hold nine tenths of the widths: 1 over the 90th percentile of all uses.
    """
    rows = []
    for kind, noise, method, mine in groups([s for s in scores if s.covered is not None]):
        reliable = [s for s in mine if s.reliability == "reliable"]
        row: dict[str, Any] = {"kind": kind, "noise": noise, "method": method, "runs": len(mine), "reliable": len(reliable) / len(mine)}
        for name, these in (("", mine), ("_reliable", reliable)):
            row[f"covered{name}"] = float(np.mean(_known(these, "covered"))) if these else None
            row[f"bar_width{name}"] = float(np.median(_known(these, "bar_width"))) if these else None
        row["excess_reliable"] = float(1 / np.percentile([use for s in reliable for use in s.uses], 90)) if reliable else None
        rows.append(row)
    return rows


def markdown(scores: Sequence[Score]) -> str:
    """The comparison of methods, their error bars where there are any, and every picture (mean over its runs)."""
    columns = [column for column in COLUMNS if _known(scores, column.name)]
    heads = ["kernels", "noise", "method", "pictures", "runs"]
    for column in columns:
        heads += [column.title] if column.worst is None else [f"{column.title}: mean", "median", "worst tenth"]
    rows = []
    for row in summary(scores):
        cells = [row["kind"], _noise(row["noise"]), row["method"], str(row["pictures"]), str(row["runs"])]
        for column in columns:
            cells.append(_cell(row[column.name], column.form, row[f"{column.name}_spread"]))
            if column.worst is not None:
                cells += [_cell(row[f"{column.name}_{what}"], column.form) for what in ("median", "worst")]
        rows.append(cells)
    tables = [_table(heads, rows)]
    if bars := coverage(scores):
        heads = ["kernels", "noise", "method", "runs", *(column.title for column in BARS)]
        rows = [
            [row["kind"], _noise(row["noise"]), row["method"], str(row["runs"]), *(_cell(row[column.name], column.form) for column in BARS)]
            for row in bars
        ]
        tables.append(f"{ABOUT_BARS}\n{_table(heads, rows)}")
    heads = ["picture", "method", *(column.title for column in columns)]
    rows = []
    for picture, method in dict.fromkeys((s.picture, s.method) for s in scores):
        mine = [s for s in scores if (s.picture, s.method) == (picture, method)]
        found = [_known(mine, column.name) for column in columns]
        means = [float(np.mean(values)) if values else None for values in found]
        rows.append([picture, method, *(_cell(mean, column.form) for mean, column in zip(means, columns, strict=True))])
    return "\n".join([*tables, _table(heads, rows)])


def write_tables(folder: Path, scores: Sequence[Score], about: dict[str, Any]) -> None:
    """Write ``bench.md``, ``bench.csv`` (one row a run) and ``bench.json`` (everything)."""
    with atomic(folder / "bench.md") as path:
        path.write_text(markdown(scores), encoding="utf-8")
    with atomic(folder / "bench.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Score.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(s) for s in scores)
    record = {"summary": summary(scores), "coverage": coverage(scores), "scores": [asdict(s) for s in scores]}
    write_json(folder / "bench.json", {**about, **record})


def _known(scores: Iterable[Score], name: str, seed: int | None = None) -> list[float]:
    """The values of a score that there are, of one seed or all."""
    values = [getattr(s, name) for s in scores if seed in (None, s.seed)]
    return [value for value in values if value is not None]


def _noise(noise: float | None) -> str:
    return ALL if noise is None else f"{noise:g}"


def _cell(value: float | None, form: Form, spread: float | None = None) -> str:
    if value is None:
        return ""
    return form(value) + (f" ± {form(spread)}" if spread is not None else "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
