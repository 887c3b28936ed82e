"""Sample data that need no download: pictures that scikit-image ships with, degraded with known kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from skimage import color, data

from ..kernels import fwhm, gaussian
from ..kernels.algebra import Kernel
from ..kernels.forward import degrade
from .layers import LayerData
from .records import KEY

SCALE = 2
FRAMES = 4
PHOTONS = 400.0  # per pixel at full brightness
OFFSET = 100.0  # of the simulated camera


def blurred_photograph() -> list[LayerData]:
    """The cameraman, 256 x 256 uint8, blurred with an oblique Gaussian and downscaled by 2."""
    kernel = gaussian([[2.6, 0.8], [0.8, 1.5]])
    image = degrade(data.camera(), kernel, SCALE)
    return [(image, {"name": "photograph", "metadata": {KEY: _truth(kernel, "skimage.data.camera")}}, "image")]


def blurred_nuclei() -> list[LayerData]:
    """Stained nuclei as a fluorescence microscope would see them: 4 frames of 256 x 256 uint16 with photon noise, pixels of 0.65 µm."""
    kernel = gaussian(2.2)
    stain = color.rgb2hed(data.immunohistochemistry())[..., 0]
    bright = PHOTONS * np.clip(stain / np.percentile(stain, 99.9), 0, 1)
    rng = np.random.default_rng(0)
    seen = degrade(bright, kernel, SCALE)
    frames = OFFSET + rng.poisson(seen, (FRAMES, *seen.shape))
    placed = {"scale": (1, 0.65, 0.65), "units": ("pixel", "µm", "µm"), "axis_labels": ("t", "y", "x")}
    look = {"name": "nuclei", "colormap": "green", "contrast_limits": (OFFSET, OFFSET + PHOTONS)}
    record = {"metadata": {KEY: _truth(kernel, "skimage.data.immunohistochemistry, haematoxylin")}}
    return [(frames.astype(np.uint16), placed | look | record, "image")]


def _truth(kernel: Kernel, picture: str) -> dict[str, Any]:
    """The record of a sample: what an estimate can be held against."""
    return {"kind": "sample", "picture": picture, "scale": SCALE, "kernel": kernel.tolist(), "fwhm": fwhm(kernel)._asdict()}
