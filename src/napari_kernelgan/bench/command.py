"""The whole benchmark: every method on every picture, tables written after each, so that a long run can be read while it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from ..config import Settings
from ..devices import check_device, check_seed
from ..errors import InputError
from ..files.atomic import refuse_existing
from ..files.folders import pictures_in
from ..kernels.forward import check_scale
from ..progress import Progress
from ..provenance import versions
from .bars import write_bars
from .cases import check_conditions, from_degraded, from_sharp, original
from .figure import write_figure
from .folds import check_folds, fit_folds, prior_paths, with_prior
from .kinds import RANDOM
from .methods import DEFAULT, Method, Runner
from .scores import Score, score
from .tables import write_tables

Report = Callable[[str, Progress | None], None]
"""Told what is being done, in words, and how far it is."""


def run_bench(
    folder: Path,
    out: Path,
    methods: Sequence[str] = DEFAULT,
    seeds: Sequence[int] = (0,),
    scale: int = 2,
    kernel: Path | None = None,
    kernels: Path | None = None,
    truth: Path | None = None,
    limit: int | None = None,
    kernel_seeds: Sequence[int] = (0,),
    kinds: Sequence[str] = (RANDOM,),
    noises: Sequence[float] = (0.0,),
    cross_validate: int | None = None,
    device: str = "auto",
    config: Settings | None = None,
    overwrite: bool = False,
    progress: Report | None = None,
) -> list[Score]:
    """Compare methods on a folder of pictures and write ``bench.md``, ``bench.csv``, ``bench.json`` and, at the end, ``bench.png``.

    Where there are error bars, ``bars.png`` shows whether they are right.

    Parameters
    ----------
    folder : Path
        Sharp pictures, which are degraded here with `kernel` or with random kernels; or, with `kernels`, low-resolution ones.
    out : Path
        Where the tables go.
    methods : sequence of str
        "bicubic", a way to get a kernel, or KERNEL+UPSCALER; see `napari_kernelgan.bench.methods`.
    seeds : sequence of int
        Each method is run with each.
    scale : int
    kernel : Path, optional
        The kernel to degrade sharp pictures with, as `load_kernel` reads it; for scale 4 one of scale 2, which is composed.
    kernels : Path, optional
        NPZ with the true kernel of each low-resolution picture, by file stem.
    truth : Path, optional
        Folder with the sharp originals of low-resolution pictures.
    limit : int, optional
        At most this many pictures, in order of their names.
    kernel_seeds : sequence of int
        Of the random kernels; sharp pictures are degraded with one of each.
    kinds : sequence of str
        Of the kernels that sharp pictures are degraded with; see `napari_kernelgan.bench.kinds`.
    noises : sequence of float
        Standard deviations, value range 0..1, of noise added before rounding to 8 bits; every picture has each.
    cross_validate : int, optional
        So many folds of the pictures: the prior of the spectral estimate is fitted for each on the sharp pictures of the others.
    device : str
    config : Settings, optional
    overwrite : bool
        Whether tables that are there may be replaced.
    progress : callable, optional
        Called with a description and the progress of what runs.

    Returns
    -------
    list of Score
        One for each picture, method and seed.
    """
    scale = check_scale(scale)
    chosen = [Method.parse(name) for name in methods]
    for method in chosen:
        method.check(scale)
    for seed in seeds:
        check_seed(seed)
    check_device(device)
    settings = config or Settings()
    check_conditions(kinds, noises)
    if kernel and kernels:
        raise InputError("Give one kernel to degrade sharp pictures with, or the kernels of low-resolution ones, not both.")
    figures = {out / "bench.png": write_figure, out / "bars.png": write_bars}
    files = [out / f"bench.{suffix}" for suffix in ("md", "csv", "json")]
    refuse_existing(*files, *figures, *prior_paths(out, cross_validate or 0), overwrite=overwrite)
    doing = ""

    def tell(what: str, step: Progress | None) -> None:
        if progress:
            progress(what, step)

    priors: dict[str, Path] = {}
    if cross_validate is not None:
        if not any(method.kernel in ("auto", "spectral", "hybrid") for method in chosen):
            raise InputError("Priors are for the spectral estimate, and none of the methods is that: leave the cross-validation out.")
        sharp = _sharp(folder, kernels is not None, truth, limit)
        check_folds(sharp, cross_validate)
        priors = fit_folds(sharp, cross_validate, out, tell)
    if kernels:
        cases = from_degraded(folder, kernels, truth, scale, limit, noises)
    else:
        cases = from_sharp(folder, scale, kernel, kernel_seeds, limit, kinds, noises)
    drawn = f"{', '.join(kinds)}; seeds {', '.join(map(str, kernel_seeds))}"
    about = {
        "scale": scale,
        "seeds": list(seeds),
        "kernels": next((path.name for path in (kernels, kernel) if path), drawn),
        "noise": list(noises),
        "cross_validate": cross_validate,
        "config": settings.model_dump(mode="json"),
        "versions": versions(),
    }
    scores: list[Score] = []
    for picture, those in groupby(cases, lambda case: case.name):
        used = with_prior(settings, priors[picture]) if priors else settings
        for case in those:
            runner = Runner(case, scale, seeds, device, used, lambda step: tell(doing, step))  # noqa: B023 - called only in this round
            for method in chosen:
                doing = f"{case.title}: {method.name}"
                tell(doing, None)
                scores += [score(case, method, run) for run in runner.run(method)]
        write_tables(out, scores, about)
    for path, draw in figures.items():
        if not draw(path, scores):
            path.unlink(missing_ok=True)  # one of an earlier run would not belong to these tables
    return scores


def _sharp(folder: Path, degraded: bool, truth: Path | None, limit: int | None) -> list[Path]:
    """The sharp pictures of a benchmark."""
    pictures = pictures_in(folder, limit)
    if not degraded:
        return pictures
    if truth is None:
        raise InputError("Priors are fitted on sharp pictures: give the folder with the originals of the low-resolution ones too.")
    return [original(truth, path.stem) for path in pictures]
