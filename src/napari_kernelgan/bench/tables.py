"""Scores of a benchmark, and the tables made of them: Markdown to read, CSV and JSON to compute with."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..assess.metrics import kernel_psnr, picture_psnr, picture_ssim
from ..files.atomic import atomic, write_json
from ..kernels.measures import fwhm
from .cases import Case
from .methods import Method, Run


@dataclass(frozen=True)
class Score:
    """How well one run did; None where a score does not apply."""

    picture: str
    method: str
    seed: int
    kernel_psnr: float | None
    """dB, on a grid of the true kernel's size."""
    fwhm_error: float | None
    """Mean relative error of the major and the minor width."""
    psnr: float | None
    """dB, 8-bit luma, two pixels of border left out."""
    ssim: float | None
    seconds: float


COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("kernel_psnr", "kernel PSNR / dB", "{:.2f}".format),
    ("fwhm_error", "FWHM error", "{:.1%}".format),
    ("psnr", "PSNR / dB", "{:.2f}".format),
    ("ssim", "SSIM", "{:.4f}".format),
    ("seconds", "seconds", "{:.1f}".format),
)


def score(case: Case, method: Method, run: Run) -> Score:
    """Score one run against the truth."""
    kernel, widths = None, None
    if run.estimate is not None and method.kernel != "true":
        kernel = kernel_psnr(run.estimate.kernel, case.kernel, size=case.kernel.shape[0])
        found, true = run.estimate.fwhm, fwhm(case.kernel)
        widths = (abs(found.major / true.major - 1) + abs(found.minor / true.minor - 1)) / 2
    psnr = ssim = None
    if run.image is not None and case.high is not None:
        image = np.asarray(run.image)
        psnr, ssim = picture_psnr(image, case.high), picture_ssim(image, case.high)
    return Score(case.name, method.name, run.seed, kernel, widths, psnr, ssim, run.seconds)


def summary(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """For each method, of each score the mean over pictures and seeds, and the spread: standard deviation over seeds of the mean."""
    rows = []
    for method in dict.fromkeys(s.method for s in scores):
        mine = [s for s in scores if s.method == method]
        row: dict[str, Any] = {"method": method, "pictures": len({s.picture for s in mine}), "seeds": len({s.seed for s in mine})}
        for name, _, _ in COLUMNS:
            by_seed = [_mean(getattr(s, name) for s in mine if s.seed == seed) for seed in sorted({s.seed for s in mine})]
            known = [value for value in by_seed if value is not None]
            row[name] = float(np.mean(known)) if known else None
            row[f"{name}_spread"] = float(np.std(known, ddof=1)) if len(known) > 1 else None
        rows.append(row)
    return rows


def markdown(scores: Sequence[Score]) -> str:
    """The table of means, and one of every picture (mean over seeds)."""
    heads = ["method", "pictures", "seeds", *(title for _, title, _ in COLUMNS)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for row in summary(scores):
        cells = [row["method"], str(row["pictures"]), str(row["seeds"])]
        cells += [_cell(row[name], row[f"{name}_spread"], form) for name, _, form in COLUMNS]
        lines.append(_row(cells))
    heads = ["picture", "method", *(title for _, title, _ in COLUMNS)]
    lines += ["", _row(heads), _row(["---"] * len(heads))]
    for picture in dict.fromkeys(s.picture for s in scores):
        for method in dict.fromkeys(s.method for s in scores):
            mine = [s for s in scores if s.picture == picture and s.method == method]
            if mine:
                means = [_mean(getattr(s, name) for s in mine) for name, _, _ in COLUMNS]
                lines.append(_row([picture, method, *(_cell(m, None, form) for m, (_, _, form) in zip(means, COLUMNS, strict=True))]))
    return "\n".join(lines) + "\n"


def write_tables(folder: Path, scores: Sequence[Score], about: dict[str, Any]) -> None:
    """Write ``bench.md``, ``bench.csv`` (one row a run) and ``bench.json`` (everything)."""
    with atomic(folder / "bench.md") as path:
        path.write_text(markdown(scores), encoding="utf-8")
    with atomic(folder / "bench.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Score.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(s) for s in scores)
    write_json(folder / "bench.json", {**about, "summary": summary(scores), "scores": [asdict(s) for s in scores]})


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _cell(value: float | None, spread: float | None, form: Callable[[float], str]) -> str:
    if value is None:
        return ""
    return form(value) + (f" ± {form(spread)}" if spread is not None else "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
