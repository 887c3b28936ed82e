"""Planes that are worked on in blocks: where the blocks end is not seen."""

import numpy as np
import pytest
from skimage.data import brick, camera
from small import QUICK  # type: ignore[import-not-found]

import napari_kernelgan as kg
from napari_kernelgan.stacks import units

KERNEL = kg.kernels.gaussian(2.0)


@pytest.fixture(scope="module")
def plane():
    """A blurred photograph of 440 x 520 px, as floats on 0..1."""
    sharp = np.pad(camera() / 255, ((0, 368), (0, 528)), mode="symmetric")
    return kg.degrade(sharp, KERNEL).astype(np.float32)


@pytest.fixture
def in_blocks(monkeypatch):
    """Planes of more than 200 x 200 px are large, and have blocks of so many px."""

    def of(side):
        monkeypatch.setattr(units, "WHOLE", 200 * 200)
        monkeypatch.setattr(units, "BLOCK", side)

    return of


@pytest.mark.parametrize("noise", [0, 0.02])
def test_blocks_equal_the_whole(plane, in_blocks, process, rng, noise):
    noisy = (plane + noise * rng.standard_normal(plane.shape)).astype(np.float32)
    whole = process(noisy, kernel=KERNEL, value_range=(0, 1)).upscaled
    in_blocks(256)
    blocks = process(noisy, kernel=KERNEL, value_range=(0, 1)).upscaled
    assert np.abs(blocks - whole).max() < 1e-4


@pytest.mark.slow
def test_blocks_of_zssr_equal_larger_ones(in_blocks, process):
    kernel, config = kg.kernels.gaussian([[1.5, 0.3], [0.3, 1.0]]), QUICK | {"zssr": {"max_steps": 300, "check_every": 50}}
    plane = kg.degrade(np.tile(brick() / 255, (2, 2))[:880], kernel).astype(np.float32)
    found = []
    for side in (256, 384):
        in_blocks(side)
        found.append(process(plane, kernel=kernel, upscaler="zssr", value_range=(0, 1), config=config).upscaled)
    inverse = process(plane, kernel=kernel, value_range=(0, 1)).upscaled
    assert np.abs(found[0] - inverse).max() > 1e-3  # the network adds something
    assert np.abs(found[0] - found[1]).max() < 1e-4
