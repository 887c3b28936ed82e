"""The pictures of a benchmark: low-resolution images with known kernels, and their sharp originals where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files.folders import PICTURES, pictures_in
from ..files.images import read_image
from ..files.kernels import load_kernel
from ..kernels.algebra import Kernel, check_kernel, compose
from ..kernels.forward import degrade
from .kinds import KINDS, RANDOM, kernel_of, stream

GIVEN = "given"
"""The kind of a kernel that was read from a file."""


@dataclass(frozen=True)
class Case:
    """One low-resolution picture."""

    name: str
    low: NDArray[Any]
    """(Y, X) or (Y, X, 3)."""
    kernel: Kernel
    """The true one."""
    stages: tuple[Kernel, ...]
    """For scale 4 made by composition, the true (k2, k4); else empty."""
    high: NDArray[Any] | None
    """The sharp original, or None."""
    kind: str = GIVEN
    """Of the kernel: "given", or one of `KINDS`."""
    noise: float = 0.0
    """Standard deviation of the noise, value range 0..1."""
    kernel_seed: int = 0

    @property
    def title(self) -> str:
        """The picture, and what it was degraded with beyond what its kernel was given as."""
        parts = [self.name] + ([] if self.kind == GIVEN else [self.kind])
        parts += [f"kernel seed {self.kernel_seed}"] * bool(self.kernel_seed) + [f"noise {self.noise:g}"] * bool(self.noise)
        return ", ".join(parts)


def from_sharp(
    folder: Path,
    scale: int,
    kernel: Path | None = None,
    kernel_seed: int | Sequence[int] = 0,
    limit: int | None = None,
    kinds: Sequence[str] = (RANDOM,),
    noises: Sequence[float] = (0.0,),
) -> Iterator[Case]:
    """Degrade every picture of a folder with the kernel given, or with kernels of several kinds, and with noise of several levels.

    For scale 4 a kernel is one of scale 2, composed. A picture's random kernels and its noise depend on the seed and the picture's name
    alone, not on what else lies in the folder. Of several seeds a kernel that is not random has the first one, which seeds its noise.
    """
    given = _given(kernel, 2 if scale == 4 else scale) if kernel else None
    seeds = [kernel_seed] if isinstance(kernel_seed, int) else list(kernel_seed)
    drawn = [(kind, seed) for kind in kinds for seed in (seeds if kind == RANDOM else seeds[:1])]
    for path in pictures_in(folder, limit):
        high = _read(path)
        high = high[: high.shape[0] // scale * scale, : high.shape[1] // scale * scale]
        for kind, seed in [(GIVEN, seeds[0])] if given is not None else drawn:
            first = kernel_of(kind, 14 if scale % 2 == 0 else 15, path.stem, seed) if given is None else given
            stages = (first, compose(first)) if scale == 4 else ()
            true = stages[-1] if stages else first
            for noise in noises:
                yield Case(path.stem, _degraded(high, true, scale, noise, path.stem, seed), true, stages, high, kind, noise, seed)


def from_degraded(
    folder: Path, kernels: Path, truth: Path | None, scale: int, limit: int | None, noises: Sequence[float] = (0.0,)
) -> Iterator[Case]:
    """Read low-resolution pictures, their kernels from an NPZ (key = file stem), and their originals of the same name, if given.

    Noise is added to the pictures as they are.
    """
    try:
        with np.load(kernels, allow_pickle=False) as store:
            known = {key: check_kernel(store[key], scale) for key in store.files}
    except MemoryError:
        raise
    except Exception as error:  # what is no such file may raise anything
        raise InputError(f"{kernels} cannot be read as an NPZ of kernels for scale {scale}: {error}") from error
    paths = pictures_in(folder, limit)
    originals = {path: original(truth, path.stem) for path in paths} if truth else {}
    unknown = [path.stem for path in paths if path.stem not in known]
    if unknown:
        raise InputError(f"{kernels} has no kernel named {', '.join(unknown)}.")
    for path in paths:
        low = _read(path)
        high = None
        if path in originals:
            high = _read(originals[path])
            if high.shape[:2] != tuple(n * scale for n in low.shape[:2]):
                raise InputError(f"The original of {path.name} is {high.shape[:2]}, not {scale} times {low.shape[:2]}.")
        for noise in noises:
            made = _noisy(low / 255, noise, path.stem, 0) if noise else low
            yield Case(path.stem, made, known[path.stem], (), high, noise=noise)


def check_conditions(kinds: Sequence[str], noises: Sequence[float]) -> None:
    """Raise `InputError` for kinds of kernels that there are not, and noise that cannot be."""
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"There are no kernels of kind {kind!r}: use {', '.join(KINDS)}.")
    for noise in noises:
        if not 0 <= noise <= 1:
            raise InputError(f"Noise is a standard deviation in the value range 0..1, not {noise:g}.")


def _degraded(high: NDArray[np.uint8], kernel: Kernel, scale: int, noise: float, name: str, seed: int) -> NDArray[np.uint8]:
    axes = "YXS"[: high.ndim]
    if not noise:
        clean: NDArray[np.uint8] = degrade(high, kernel, scale, axes)
        return clean
    return _noisy(degrade(high / 255, kernel, scale, axes), noise, name, seed)


def _noisy(exact: NDArray[Any], noise: float, name: str, seed: int) -> NDArray[np.uint8]:
    """Values on 0..1 in 8 bits, with noise added before rounding."""
    values = exact + stream(name, seed).normal(0, noise, exact.shape)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _given(path: Path, scale: int) -> Kernel:
    estimate = load_kernel(path, scale)
    if estimate.scale != scale:
        raise InputError(f"{path.name} is a kernel of scale {estimate.scale}; one of scale {scale} is needed.")
    return check_kernel(estimate.kernel, scale)


def original(folder: Path, stem: str) -> Path:
    """The picture of a name in a folder."""
    for path in sorted(folder.glob(f"{stem}.*")):
        if path.suffix.lower() in PICTURES:
            return path
    raise InputError(f"{folder} holds no picture named {stem}.")


def _read(path: Path) -> NDArray[Any]:
    """A picture as 8 bit, (Y, X) or (Y, X, 3)."""
    image = read_image(path)
    pixels = np.asarray(image.data)
    if pixels.dtype != np.uint8 or image.axes not in ("YX", "YXS"):
        raise InputError(f"{path.name}: the benchmark scores 8-bit gray or RGB pictures, not {pixels.dtype} {image.axes}.")
    return pixels[..., :3] if image.axes == "YXS" else pixels
