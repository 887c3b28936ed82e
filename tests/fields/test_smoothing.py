"""The smoothing finds out how much a field varies: constant fields become constant, slopes stay, and its error bars are true."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from napari_kernelgan import kernels
from napari_kernelgan.fields.shapes import mean_kernel, stretched, transport
from napari_kernelgan.fields.smoothing import fit_smoother
from napari_kernelgan.fields.tiles import spread
from napari_kernelgan.fields.variation import laplacian

TILES = spread((512, 512), 128, 0.5)  # 7 x 7
SHAPE = 7, 7
SD = np.array([0.3, 0.3, 0.2])


def noisy(truth: np.ndarray, rng: np.random.Generator, part: float = 0.5) -> np.ndarray:
    """Measurements with errors of which neighbours that share pixels share a part."""
    like = 0.3 * np.maximum(0, 1 - np.abs(TILES.rows[:, None] - TILES.rows) / 128) + 0.7 * np.eye(7)
    root = np.linalg.cholesky(like)
    errors = np.einsum("ab,cd,bde->ace", root, root, rng.normal(size=(7, 7, 3)))
    return truth + part * SD * errors


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.fixture
def bars() -> np.ndarray:
    return np.broadcast_to(SD, (7, 7, 3)).copy()


def smoothed(field: np.ndarray, fit) -> np.ndarray:
    return (fit.weights @ np.nan_to_num(field.reshape(-1, 3))).reshape(field.shape)


def test_a_constant_field_becomes_nearly_constant(rng, bars):
    truth = np.broadcast_to([2.0, 1.5, 0.3], (7, 7, 3))
    before, after, spread_out = [], [], []
    for _ in range(8):
        field = noisy(truth, rng)
        fit = fit_smoother(field, bars, TILES)
        found = smoothed(field, fit)
        before.append(rms(field - truth))
        after.append(rms(found - truth))
        spread_out.append(rms(found - found.mean((0, 1))))
    assert rms(np.array(after)) < 0.6 * rms(np.array(before))
    assert rms(np.array(spread_out)) < 0.3 * rms(np.array(before))


@pytest.mark.parametrize("kind", ["slope", "bump"])
def test_a_field_that_varies_is_followed(rng, bars, kind):
    y, x = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7), indexing="ij")
    form = x if kind == "slope" else np.cos(np.pi * x) * np.cos(np.pi * y / 2)
    truth = np.array([2.0, 1.8, 0.0]) + form[..., None] * np.array([0.9, 0.9, 0.3])
    before, after, bias = [], [], []
    for _ in range(8):
        field = noisy(truth, rng)
        found = smoothed(field, fit_smoother(field, bars, TILES))
        before.append(rms(field - truth))
        after.append(rms(found - truth))
        bias.append(found - truth)
    assert rms(np.array(after)) < (0.5 if kind == "slope" else 0.95) * rms(np.array(before))
    assert rms(np.mean(bias, 0)) < 0.25 * rms(truth - truth.mean((0, 1)))


def test_errors_that_are_left_are_as_large_as_they_are_said_to_be(rng, bars):
    """Error bars twice as large as the scatter: the rest is taken for what the whole picture has in common."""
    off, told = [], []
    for _ in range(10):
        common = rng.normal(size=3) * SD * np.sqrt(0.6)
        truth = np.array([2.0, 1.8, 0.0]) + np.linspace(-0.5, 0.5, 7)[:, None, None] * np.array([1.0, 1.0, 0]) * rng.choice([0, 1])
        field = noisy(truth + np.zeros((7, 7, 3)), rng, np.sqrt(0.4)) + common
        fit = fit_smoother(field, bars, TILES)
        off.append(smoothed(field, fit) - truth)
        told.append(fit.sd.reshape(7, 7, 3))
    ratio = rms(np.array(off)) / rms(np.array(told))
    assert 0.6 < ratio < 1.2  # rather too large than too small


def test_weights_sum_to_one_and_leave_out_what_is_missing(rng, bars):
    field = noisy(np.broadcast_to([2.0, 1.5, 0.3], (7, 7, 3)), rng)
    field[2:4, 3] = bars[2:4, 3] = np.nan
    fit = fit_smoother(field, bars, TILES)
    assert_allclose(fit.weights.sum(1), 1, atol=1e-9)
    missing = np.isnan(field[..., 0]).ravel()
    assert_allclose(fit.weights[:, missing], 0, atol=0)
    assert np.isfinite(fit.sd).all()
    whole = smoothed(field, fit)
    assert np.abs(whole[2:4, 3] - [2.0, 1.5, 0.3]).max() < 0.4


def test_without_error_bars_the_scatter_tells(rng):
    truth = np.broadcast_to([2.0, 1.5, 0.3], (7, 7, 3))
    field = noisy(truth, rng)
    found = smoothed(field, fit_smoother(field, None, TILES))
    assert rms(found - truth) < 0.7 * rms(field - truth)


def test_one_tile_or_one_row_is_enough(rng):
    one = spread((128, 128), 128, 0.5)
    fit = fit_smoother(np.full((1, 1, 3), 1.0), np.full((1, 1, 3), 0.1), one)
    assert_allclose(fit.weights, 1)
    row = spread((128, 512), 128, 0.5)
    fit = fit_smoother(2 + rng.normal(0, 0.1, (1, 7, 3)), np.full((1, 7, 3), 0.2), row)
    assert_allclose(fit.weights.sum(1), 1, atol=1e-9)


def test_the_laplacian_is_that_of_the_lattice():
    expected = np.array([[2, -1, -1, 0], [-1, 2, 0, -1], [-1, 0, 2, -1], [0, -1, -1, 2]])
    assert_allclose(laplacian(2, 2).toarray(), expected)
    assert_allclose(laplacian(1, 1).toarray(), 0)


def test_kernels_are_stretched_to_a_covariance():
    source, target = np.array([[1.2, 0.2], [0.2, 1.6]]), np.array([[2.0, 0.5], [0.5, 1.4]])
    move = transport(source, target)
    assert_allclose(move @ source @ move.T, target, atol=1e-12)
    assert_allclose(move, move.T)
    found = stretched(kernels.gaussian(source), target, 4)
    assert_allclose(kernels.covariance(found), target, atol=0.01)
    assert_allclose(found, kernels.gaussian(target), atol=0.003)
    same = stretched(kernels.gaussian(target), target, 4)
    assert_allclose(same, kernels.gaussian(target), atol=1e-5)


def test_a_mean_of_narrow_and_wide_kernels_is_no_peak_with_tails():
    several = np.stack([kernels.gaussian(variance) for variance in (1.0, 1.8, 2.6)])
    mean = mean_kernel(several, np.array([0.5, 0.0, 0.5]), np.array([1.8, 1.8, 0.0]))
    assert_allclose(mean, kernels.gaussian(1.8), atol=0.003)
    assert np.abs(several[[0, 2]].mean(0) - kernels.gaussian(1.8)).max() > 0.01
    assert mean.sum() == pytest.approx(1)
    assert mean.min() >= 0
