"""Pictures and kernels that many tests share."""

from __future__ import annotations

import os

import numpy as np
import pytest
from skimage import data
from threadpoolctl import threadpool_limits

import napari_kernelgan as kg

# the arrays here are so small that threads only wait for each other: in this process, in those that it starts, and in PyTorch
os.environ.setdefault("OMP_NUM_THREADS", "1")
threadpool_limits(int(os.environ["OMP_NUM_THREADS"]))

COVARIANCE = np.array([[2.6, 0.8], [0.8, 1.5]])


@pytest.fixture(scope="session")
def sharp() -> np.ndarray:
    """A sharp gray picture, uint8, 512 x 512."""
    return data.camera()


@pytest.fixture(scope="session")
def true_kernel() -> np.ndarray:
    """An anisotropic Gaussian, 14 x 14."""
    return kg.kernels.gaussian(COVARIANCE)


@pytest.fixture(scope="session")
def small(sharp: np.ndarray, true_kernel: np.ndarray) -> np.ndarray:
    """A low-resolution picture, uint8, 96 x 80, for tests that only need something to run on."""
    return kg.degrade(sharp[100:292, 180:340], true_kernel)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
