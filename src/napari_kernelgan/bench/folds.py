"""Cross-validated priors: no picture is scored with a prior that has seen it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..config import Settings
from ..errors import InputError
from ..estimate.spectral.fitting import LEAST_PICTURES, iter_fit_prior
from ..files.atomic import atomic
from ..files.folders import iter_pictures
from ..progress import Progress, run


def prior_paths(folder: Path, count: int) -> list[Path]:
    """Where the priors of `count` folds go."""
    return [folder / "priors" / f"fold-{number}.npz" for number in range(1, count + 1)]


def check_folds(pictures: Sequence[Path], count: int) -> None:
    """Raise `InputError` where a fold would leave too few pictures to learn from."""
    largest = -(-len(pictures) // count)
    if count < 2 or count > len(pictures) or len(pictures) - largest < LEAST_PICTURES:
        raise InputError(
            f"{count} folds of {len(pictures)} pictures do not leave {LEAST_PICTURES} to fit a prior on, in each of 2 folds or more: "
            "give more pictures or other folds."
        )


def fit_folds(pictures: Sequence[Path], count: int, folder: Path, tell: Callable[[str, Progress | None], None]) -> dict[str, Path]:
    """Fit a prior for each fold on the pictures of the others.

    Parameters
    ----------
    pictures : sequence of Path
        Sharp, in order of their names; every `count`-th is of one fold.
    count : int
        Of folds.
    folder : Path
        Gets ``priors/fold-1.npz`` and so on.
    tell : callable
        Called with what is being done and how far it is.

    Returns
    -------
    dict
        The prior for each picture, by its stem.
    """
    chosen: dict[str, Path] = {}
    for number, path in enumerate(prior_paths(folder, count)):
        scored = pictures[number::count]
        others = [picture for picture in pictures if picture not in scored]
        doing = f"prior of fold {number + 1} of {count}"
        tell(doing, None)
        about = {"source": f"a benchmark's pictures, {doing}", "left_out": [picture.stem for picture in scored]}
        steps = iter_fit_prior(iter_pictures(others), len(others), f"fold {number + 1}", about)
        prior = run(steps, lambda step, doing=doing: tell(doing, step))  # type: ignore[misc]
        with atomic(path) as temporary:
            prior.save(temporary)
        chosen |= {picture.stem: path for picture in scored}
    return chosen


def with_prior(settings: Settings, prior: Path) -> Settings:
    """The settings with another prior for the spectral estimate, and for the hybrid that begins there."""
    changed = {name: getattr(settings, name).model_copy(update={"prior": str(prior)}) for name in ("spectral", "hybrid")}
    return settings.model_copy(update=changed)
