"""Small stacks with known kernels, and settings that are quick."""

import numpy as np
import pytest
import tifffile
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


@pytest.fixture(scope="session")
def stack():
    return planes(5)


@pytest.fixture
def file(stack, tmp_path):
    """The stack as a microscope's TIFF, pixels of 0.1 um, a plane every 2 s."""
    path = tmp_path / "stack.tif"
    metadata = {"axes": "TYX", "unit": "um", "finterval": 2.0}
    tifffile.imwrite(path, stack, imagej=True, resolution=(10, 10), metadata=metadata)
    return path


@pytest.fixture
def process():
    """Process a stack on one thread, with quick settings."""

    def run(source, *args, **options):
        return kg.process_stack(source, *args, **{"config": QUICK, "upscaler": "inverse", "threads": 1} | options)

    return run
