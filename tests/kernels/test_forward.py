"""The forward model: alignment, borders, dtypes, laziness; NumPy and torch alike."""

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.kernels.forward import degrade_tensor


def by_definition(image, kernel, scale):
    """LR[i] = sum_a w[a] HR[s i + a - (n - s) / 2], edge pixels repeated, one sample at a time."""
    weights, n = kernel[::-1, ::-1], len(kernel)
    before = (n - scale) // 2
    padded = np.pad(image, n, mode="symmetric")
    height, width = (side // scale for side in image.shape)
    out = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            y, x = scale * i - before + n, scale * j - before + n
            out[i, j] = (padded[y : y + n, x : x + n] * weights).sum()
    return out


@pytest.mark.parametrize(("scale", "n"), [(2, 14), (2, 2), (3, 15), (3, 7), (4, 40), (4, 14)])
def test_degrade_is_the_definition(scale, n, rng):
    kernel = rng.random((n, n))
    kernel /= kernel.sum()
    image = rng.random((48, 60))
    expected = by_definition(image, kernel, scale)
    assert_allclose(kg.degrade(image, kernel, scale), expected, atol=1e-6)
    tensor = degrade_tensor(torch.tensor(image)[None, None], torch.tensor(kernel), scale)
    assert_allclose(tensor[0, 0].numpy(), expected, atol=1e-12)


def test_remainders_are_lost(rng):
    image = rng.random((51, 64))
    kernel = kernels.gaussian(1.0)
    assert kg.degrade(image, kernel).shape == (25, 32)
    assert_array_equal(kg.degrade(image, kernel), kg.degrade(image[:50], kernel))


def test_a_point_gives_the_kernel_not_its_mirror():
    image = np.zeros((41, 41))
    image[20, 20] = 1
    kernel = kernels.coma(angle=0, size=14)
    # every second sample of the kernel's picture, the tail on the same side
    phases = np.zeros((40, 40))
    for dy in (0, 1):
        for dx in (0, 1):
            shifted = np.roll(image, (-dy, -dx), (0, 1))
            phases[dy::2, dx::2] = kg.degrade(shifted[:40, :40], kernel)
    y, x = np.unravel_index(phases.argmax(), phases.shape)
    assert phases[y, x + 4] > 3 * phases[y, max(x - 4, 0)]


def test_degrading_bicubically_keeps_a_linear_ramp_aligned():
    ramp = np.arange(64, dtype=float)[:, None] + np.zeros((1, 64))
    small = kg.degrade(ramp, kernels.bicubic(2))
    assert_allclose(small[6:-6, 10], 2 * np.arange(32)[6:-6] + 0.5, atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "int16", "float32", "float64", "float16", ">f4"])
def test_dtype_rules(dtype, rng):
    image = (rng.random((40, 40)) * 200).astype(dtype)
    small = kg.degrade(image, kernels.gaussian(1.0))
    kind = np.dtype(dtype)
    assert small.dtype == (kind.newbyteorder("=") if kind.kind in "iu" else np.float32)
    assert_allclose(small.astype(float), by_definition(image.astype(float), kernels.gaussian(1.0), 2), atol=0.51)


def test_saturated_integers_do_not_wrap():
    image = np.full((40, 40), 65535, np.uint16)
    image[:, 20:] = 0
    small = kg.degrade(image, kernels.bicubic(2))  # overshoots
    assert small[:, :8].min() == 65535
    assert small[:, -8:].max() == 0


def test_colour_and_stacks_follow_their_axes(rng):
    kernel = kernels.gaussian(1.2)
    colour = rng.random((30, 40, 3))
    assert_allclose(kg.degrade(colour, kernel)[..., 1], kg.degrade(colour[..., 1], kernel), atol=1e-6)
    stack = rng.random((2, 30, 5, 40))
    small = kg.degrade(stack, kernel, axes="TYCX")
    assert small.shape == (2, 15, 5, 20)
    assert_allclose(small[1, :, 3], kg.degrade(stack[1, :, 3], kernel), atol=1e-6)


def test_lazy_input(rng):
    stack = (rng.random((3, 40, 40)) * 255).astype(np.uint8)
    expected = kg.degrade(stack, kernels.gaussian(1.0))
    lazy = kg.degrade(da.from_array(stack, chunks=(2, 17, 23)), kernels.gaussian(1.0))
    assert isinstance(lazy, da.Array)
    assert lazy.dtype == np.uint8
    assert_array_equal(lazy.compute(), expected)
    assert_array_equal(kg.degrade(zarr.array(stack), kernels.gaussian(1.0)), expected)


def test_a_bad_plane_is_named(rng):
    stack = rng.random((3, 40, 40))
    stack[2, 5, 5] = np.inf
    with pytest.raises(InputError, match=r"Plane \(2,\)"):
        kg.degrade(stack, kernels.gaussian(1.0))
    lazy = kg.degrade(da.from_array(stack), kernels.gaussian(1.0))
    with pytest.raises(InputError, match=r"Plane \(2,\)"):
        lazy.compute()


def test_memory_that_is_exhausted_is_said_so():
    huge = np.broadcast_to(np.float32(1), (2, 2**24, 2**24))
    with pytest.raises(kg.OutOfMemory):
        kg.degrade(huge, kernels.gaussian(1.0))


def test_bad_input_is_refused():
    image = np.random.default_rng(0).random((40, 40))
    kernel = kernels.gaussian(1.0)
    for scale in (1, 0, 2.5, True, -2, None, float("nan"), float("inf"), "2", [2, 2]):
        with pytest.raises(InputError, match="scale"):
            kg.degrade(image, kernel, scale)
    with pytest.raises(InputError, match="too small"):
        kg.degrade(image[:1], kernel)
    with pytest.raises(InputError, match="masked"):
        kg.degrade(np.ma.masked_less(image, 0.01), kernel)
    image[3, 4] = np.nan
    with pytest.raises(InputError, match="1 NaN"):
        kg.degrade(image, kernel)


def test_nested_lists_are_images_too():
    image = np.arange(64.0).reshape(8, 8)
    kernel = kernels.gaussian(1.0)
    assert_array_equal(kg.degrade(image.tolist(), kernel), kg.degrade(image, kernel))
