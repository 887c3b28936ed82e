"""What a run over a stack gave: a kernel for every group, a row for every plane, and the upscaled pixels."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..estimate.result import KernelEstimate
from ..files.atomic import atomic
from ..images.layout import Index
from ..kernels.measures import physical_fwhm
from ..progress import Progress
from .outputs import Outputs
from .sharing import Group


@dataclass(frozen=True)
class PlaneRow:
    """One plane of a stack."""

    place: Index
    """Along the stack axes of the whole input."""
    status: str
    """"done", "kept" (done by an earlier run), "failed" or "left" (the run was stopped before)."""
    kernel: str
    """Whose kernel: the name of its group."""
    estimate: KernelEstimate | None = field(repr=False)
    seconds: float
    seed: int
    error: str | None = None
    again: str | None = None
    """Why an earlier result was done again."""

    def cells(self, axes: str) -> dict[str, Any]:
        """Names and values of a table's row; widths in HR pixels and, where the pixel size is known, in its unit."""
        cells: dict[str, Any] = dict(zip(axes, self.place, strict=True)) | {"status": self.status, "kernel": self.kernel}
        found = self.estimate
        widths = found.fwhm if found else (None, None, None)
        bars = (found.fwhm_interval if found else None) or ((None, None), (None, None))
        cells |= dict(zip(("fwhm_major_px", "fwhm_minor_px", "angle_deg"), widths, strict=True))
        cells |= {"major_low_px": bars[0][0], "major_high_px": bars[0][1], "minor_low_px": bars[1][0], "minor_high_px": bars[1][1]}
        if found and found.pixel_size:
            y, x = found.pixel_size
            major, minor, _ = physical_fwhm(found.fwhm, (y / found.scale, x / found.scale))
            cells |= {"fwhm_major": major, "fwhm_minor": minor, "unit": found.unit}
        else:
            cells |= {"fwhm_major": None, "fwhm_minor": None, "unit": None}
        trust = found.reliability if found else None
        cells |= {"reliability": trust.level if trust else None, "codes": " ".join(trust.codes) if trust else None}
        return cells | {"seconds": round(self.seconds, 3), "seed": self.seed, "error": self.error, "again": self.again}


class StackProgress(Progress):
    """Progress of a run over a stack; once a plane has ended, with its row."""

    def __init__(self, step: int, total: int, stage: str, row: PlaneRow | None = None, estimate: KernelEstimate | None = None) -> None:
        super().__init__(step, total, stage=stage, kernel=(lambda: estimate.kernel) if estimate else None)
        self.row = row


@dataclass(frozen=True)
class StackResult:
    """What a run over a stack gave."""

    groups: tuple[Group, ...]
    kernels: tuple[KernelEstimate | None, ...]
    """One for each group, None where it failed."""
    rows: tuple[PlaneRow, ...]
    axes: str
    """Of `upscaled`."""
    stack_axes: str
    """Of the rows' places."""
    upscaled: Any
    """NumPy array; with outputs on disk a lazy array; None where nothing was upscaled, or not all of it is there yet."""
    files: Outputs | None
    record: dict[str, Any] = field(repr=False)
    """What the JSON holds."""
    kernel_axes: str = ""
    """The stack axes along which kernels differ."""
    notes: tuple[str, ...] = ()
    """What a user should know, in sentences."""
    stopped: bool = False
    complete: bool = True
    """Whether every plane is done, those of other parts of the run included."""

    @property
    def failed(self) -> tuple[PlaneRow, ...]:
        """The rows of planes that failed."""
        return tuple(row for row in self.rows if row.status == "failed")

    def kernel_at(self, place: Sequence[int]) -> KernelEstimate | None:
        """The kernel of a plane, by its index along the stack axes of the input."""
        for row in self.rows:
            if row.place == tuple(place):
                return row.estimate
        raise KeyError(tuple(place))


def stacked_kernels(kernels: Sequence[KernelEstimate | None]) -> NDArray[np.float32]:
    """Kernels as one array (kernels, n, n) with the side of the largest; NaN where there is none.

    Raises
    ------
    InputError
        If there is none at all.
    """
    sides = [len(kernel.kernel) for kernel in kernels if kernel is not None]
    if not sides:
        raise InputError("There is no kernel.")
    side = max(sides)
    stack = np.full((len(kernels), side, side), np.nan, np.float32)
    for at, kernel in enumerate(kernels):
        if kernel is not None:
            edge = (side - len(kernel.kernel)) // 2
            stack[at] = 0
            stack[at, edge : edge + len(kernel.kernel), edge : edge + len(kernel.kernel)] = kernel.kernel
    return stack


def write_table(path: Path, rows: Sequence[PlaneRow], stack_axes: str) -> None:
    """Write a CSV with one row for every plane."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        file.write(table_as_csv(rows, stack_axes))


def table_as_csv(rows: Sequence[PlaneRow], stack_axes: str) -> str:
    """A table with one row for every plane, and a header, as CSV; there is at least one row."""
    cells = [row.cells(stack_axes) for row in rows]
    text = io.StringIO()
    table = csv.DictWriter(text, list(cells[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(cells)
    return text.getvalue()
