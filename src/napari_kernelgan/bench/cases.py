"""The pictures of a benchmark: low-resolution images with known kernels, and their sharp originals where there are any."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
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
from ..kernels.models import random_gaussian


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


def from_sharp(folder: Path, scale: int, kernel: Path | None, kernel_seed: int, limit: int | None) -> Iterator[Case]:
    """Degrade every picture of a folder with the kernel given, or with a random Gaussian of its own (variances 0.35..5 HR px^2).

    For scale 4 the kernel is one of scale 2, composed. A picture's random kernel depends on the seed and the picture's name alone, not
    on what else lies in the folder.
    """
    given = _given(kernel, 2 if scale == 4 else scale) if kernel else None
    for path in pictures_in(folder, limit):
        high = _read(path)
        high = high[: high.shape[0] // scale * scale, : high.shape[1] // scale * scale]
        rng = np.random.default_rng([kernel_seed, zlib.crc32(path.stem.encode())])
        first = random_gaussian(rng, size=14 if scale % 2 == 0 else 15) if given is None else given
        stages = (first, compose(first)) if scale == 4 else ()
        true = stages[-1] if stages else first
        yield Case(path.stem, degrade(high, true, scale, "YXS"[: high.ndim]), true, stages, high)


def from_degraded(folder: Path, kernels: Path, truth: Path | None, scale: int, limit: int | None) -> Iterator[Case]:
    """Read low-resolution pictures, their kernels from an NPZ (key = file stem), and their originals of the same name, if given."""
    try:
        with np.load(kernels, allow_pickle=False) as store:
            known = {key: check_kernel(store[key], scale) for key in store.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{kernels} cannot be read as an NPZ of kernels for scale {scale}: {error}") from error
    paths = pictures_in(folder, limit)
    originals = {path: _original(truth, path.stem) for path in paths} if truth else {}
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
        yield Case(path.stem, low, known[path.stem], (), high)


def _given(path: Path, scale: int) -> Kernel:
    estimate = load_kernel(path, scale)
    if estimate.scale != scale:
        raise InputError(f"{path.name} is a kernel of scale {estimate.scale}; one of scale {scale} is needed.")
    return check_kernel(estimate.kernel, scale)


def _original(folder: Path, stem: str) -> Path:
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
