"""Small stacks with a known kernel, and settings that are quick."""

import numpy as np
from skimage.data import camera

import napari_kernelgan as kg

SIZE = 64
QUICK = {"spectral": {"prior": "natural"}}
"""Settings: one prior instead of a choice of three."""


def planes(count, covariance=((2.6, 0.8), (0.8, 1.5)), side=SIZE, seed=0):
    """Blurred parts of a photograph, uint16, (count, side, side)."""
    rng = np.random.default_rng(seed)
    picture = camera().astype(np.uint16) * 200
    kernel = kg.kernels.gaussian(covariance)
    corners = rng.integers(0, 512 - 2 * side, (count, 2))
    return np.stack([kg.degrade(picture[y : y + 2 * side, x : x + 2 * side], kernel) for y, x in corners])
