"""The whole benchmark: every method on every picture, tables written after each, so that a long run can be read while it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..config import Settings
from ..devices import check_seed, resolve_device
from ..errors import InputError
from ..files.atomic import refuse_existing
from ..kernels.forward import check_scale
from ..progress import Progress
from ..provenance import versions
from .cases import from_degraded, from_sharp
from .methods import DEFAULT, Method, Runner
from .tables import Score, score, write_tables

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
    kernel_seed: int = 0,
    device: str = "auto",
    config: Settings | None = None,
    overwrite: bool = False,
    progress: Report | None = None,
) -> list[Score]:
    """Compare methods on a folder of pictures and write ``bench.md``, ``bench.csv`` and ``bench.json``.

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
    kernel_seed : int
        Of the random kernels.
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
    if any(method.name != "bicubic" for method in chosen):  # which needs no device
        resolve_device(device)
    settings = config or Settings()
    refuse_existing(*(out / f"bench.{suffix}" for suffix in ("md", "csv", "json")), overwrite=overwrite)
    if kernel and kernels:
        raise InputError("Give one kernel to degrade sharp pictures with, or the kernels of low-resolution ones, not both.")
    cases = from_degraded(folder, kernels, truth, scale, limit) if kernels else from_sharp(folder, scale, kernel, kernel_seed, limit)
    about = {
        "scale": scale,
        "seeds": list(seeds),
        "kernels": next((path.name for path in (kernels, kernel) if path), f"random Gaussians, seed {kernel_seed}"),
        "config": settings.model_dump(mode="json"),
        "versions": versions(),
    }
    scores: list[Score] = []
    for case in cases:
        doing = ""

        def tell(step: Progress) -> None:
            if progress:
                progress(doing, step)  # noqa: B023 - called only while the loop stands at this picture

        runner = Runner(case, scale, seeds, device, settings, tell)
        for method in chosen:
            doing = f"{case.name}: {method.name}"
            if progress:
                progress(doing, None)
            scores += [score(case, method, run) for run in runner.run(method)]
        write_tables(out, scores, about)
    return scores
