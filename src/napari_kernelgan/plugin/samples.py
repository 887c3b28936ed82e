"""Sample data that need no download: pictures that scikit-image ships with, degraded with known kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import color, data

from ..kernels import fwhm, gaussian
from ..kernels.algebra import Kernel
from ..kernels.forward import degrade
from .layers import LayerData
from .records import KEY

SCALE = 2
PHOTONS = 2000.0  # per pixel at full brightness
OFFSET = 100.0  # of the simulated camera
VARIANCE = 2.2  # HR px^2, of the kernel in focus
DRIFT = (2.2, 1.7, 1.4, 1.6, 1.9, 2.4, 2.9, 3.5)
"""The kernel's variance frame by frame, HR px^2: through the focus and out of it."""
PIXEL = 0.65  # µm
INTERVAL = 30.0  # s


def blurred_photograph() -> list[LayerData]:
    """The cameraman, 256 x 256 uint8, blurred with an oblique Gaussian and downscaled by 2."""
    kernel = gaussian([[2.6, 0.8], [0.8, 1.5]])
    image = degrade(data.camera(), kernel, SCALE)
    return [(image, {"name": "photograph", "metadata": {KEY: _truth("skimage.data.camera", kernel)}}, "image")]


def blurred_section() -> list[LayerData]:
    """A stained section as a fluorescence microscope would see it: 256 x 256 uint16 with photon noise, pixels of 0.65 µm."""
    kernel = gaussian(VARIANCE)
    return [(_seen([kernel])[0], _placed("fluorescence", "yx") | _record(kernel), "image")]


def drifting_section() -> list[LayerData]:
    """The same in 8 frames, half a minute apart, while the focus drifts: every frame has a kernel of its own."""
    kernels = [gaussian(variance) for variance in DRIFT]
    return [(_seen(kernels), _placed("time series", "tyx") | _record(*kernels), "image")]


def _seen(kernels: Sequence[Kernel]) -> NDArray[np.uint16]:
    """What the camera sees of a stained section, as if it shone where it is dark, through every kernel."""
    stain = 1 - color.rgb2gray(data.immunohistochemistry())
    dark, light = np.percentile(stain, [1, 99.9])
    bright = PHOTONS * np.clip((stain - dark) / (light - dark), 0, 1)
    rng = np.random.default_rng(0)
    return np.stack([OFFSET + rng.poisson(degrade(bright, kernel, SCALE)) for kernel in kernels]).astype(np.uint16)


def _placed(name: str, axes: str) -> dict[str, Any]:
    """What the layer is called, where its pixels lie, and how it looks."""
    size = {"t": (INTERVAL, "s"), "y": (PIXEL, "µm"), "x": (PIXEL, "µm")}
    scale, units = zip(*(size[axis] for axis in axes), strict=True)
    look = {"colormap": "green", "contrast_limits": (OFFSET, OFFSET + PHOTONS)}
    return {"name": name, "scale": scale, "units": units, "axis_labels": tuple(axes)} | look


def _record(*kernels: Kernel) -> dict[str, Any]:
    return {"metadata": {KEY: _truth("skimage.data.immunohistochemistry", *kernels)}}


def _truth(picture: str, *kernels: Kernel) -> dict[str, Any]:
    """The record of a sample: what estimates can be held against, one kernel for each frame."""
    widths = [fwhm(kernel)._asdict() for kernel in kernels]
    return {"kind": "sample", "picture": picture, "scale": SCALE, "kernels": [kernel.tolist() for kernel in kernels], "fwhm": widths}
