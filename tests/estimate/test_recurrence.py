"""The estimate from recurring patches: known kernels come back, from exact matches exactly, and its runs stop and repeat."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.config import RecurrenceConfig
from napari_kernelgan.estimate.recurrence.patches import Places, Plane, match
from napari_kernelgan.estimate.recurrence.run import point
from napari_kernelgan.estimate.recurrence.solve import normal_equations, roughness, solve
from napari_kernelgan.kernels.forward import degrade_plane

SHORT = RecurrenceConfig(iterations=3, queries=800)


def recurrence(image, **options):
    return kg.estimate_kernel(image, method="recurrence", **options)


def dead_leaves(side: int, rng: np.random.Generator) -> np.ndarray:
    """Gray disks that cover each other, their radii distributed as r^-3: every detail recurs at every size."""
    y, x = np.mgrid[:side, :side]
    picture = np.full((side, side), 128.0)
    radii = 2 / np.sqrt(1 - rng.random(6000) * (1 - (2 / 120) ** 2))
    for radius, (cy, cx), gray in zip(radii, rng.uniform(0, side, (6000, 2)), rng.uniform(20, 235, 6000), strict=True):
        box = np.s_[max(int(cy - radius), 0) : int(cy + radius) + 2, max(int(cx - radius), 0) : int(cx + radius) + 2]
        picture[box][np.hypot(y[box] - cy, x[box] - cx) < radius] = gray
    return picture


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_kernel_of_a_scene_that_recurs_across_scales_comes_back(scale, rng):
    """Every disk recurs smaller. The kernel is the same at every scale in pixels of the image."""
    true = kernels.gaussian(np.array([[0.6, 0.15], [0.15, 0.35]]) * scale**2, 7 * scale)
    estimate = recurrence(kg.degrade(dead_leaves(150 * scale, rng).astype(np.uint8), true, scale), scale=scale)
    kernels.check_kernel(estimate.kernel, scale)
    assert estimate.kernel.min() >= 0
    assert estimate.kernel.shape == (7 * scale,) * 2
    assert_allclose(kernels.centre_of_mass(estimate.kernel), (7 * scale - 1) / 2, atol=0.05)
    assert_allclose(estimate.fwhm[:2], kernels.fwhm(true)[:2], rtol=0.3)
    size = 7 * scale
    assert kernel_psnr(estimate.kernel, true, size) > kernel_psnr(kernels.bicubic(scale), true, size) + 8


@pytest.mark.parametrize("picture", ["camera", "astronaut"])
def test_natural_pictures_give_better_kernels_than_none(picture):
    true = kernels.gaussian([[2.6, 0.8], [0.8, 1.5]])
    estimate = recurrence(kg.degrade(getattr(data, picture)(), true))
    assert kernel_psnr(estimate.kernel, true) > 45
    for other in (point(14), kernels.bicubic(2)):
        assert kernel_psnr(estimate.kernel, true) > kernel_psnr(other, true) + 3


def test_exact_matches_give_the_exact_kernel(sharp, rng):
    """Two planes, of which the second has another level: what is matched does not see it."""
    true = kernels.motion(4, 30, size=10)
    planes = [Plane(pixels.astype(float), 2, 10, 5) for pixels in (sharp[:120, :140], sharp[200:300, 100:200] + 1000.0)]
    degraded = [plane.degraded(true) for plane in planes]
    assert [small.shape for small in degraded] == [plane.degraded_shape for plane in planes]
    candidates = Places.draw([np.ones(tuple(n - 4 for n in small.shape)) for small in degraded], 3000, rng)
    queries = candidates.patches(degraded, 5)[::2]
    matches = match(queries, candidates.patches(degraded, 5), 2)
    assert_array_equal(matches.neighbours[:, 0], np.arange(len(queries)) * 2)
    assert matches.distance < 1e-9
    found = solve(*normal_equations(planes, candidates, queries, matches), smoothness=1e-7, scale=2)
    assert_allclose(found, true, atol=2e-4)


def test_degraded_planes_are_those_of_the_forward_model(sharp, true_kernel):
    plane = Plane(sharp[:61, :70].astype(float), 2, 14, 3)
    whole = degrade_plane(plane.pixels, true_kernel, 2)
    inside = plane.degraded(true_kernel)
    assert_allclose(inside, whole[3 : 3 + inside.shape[0], 3 : 3 + inside.shape[1]])
    assert_allclose(np.einsum("hwab,ab->hw", plane.windows, true_kernel[::-1, ::-1]), inside)
    expected = np.mean([plane.windows[2 + i, 4 + j] for i in range(3) for j in range(3)], axis=0)
    assert_allclose(plane.mean_windows[2, 4], expected)


@pytest.mark.parametrize("patch", [2, 3, 5])
def test_texture_is_the_deviation_of_each_patch(rng, patch):
    plane = Plane(rng.random((40, 31)), 2, 14, patch)
    assert plane.texture.shape == (41 - patch, 32 - patch)
    assert plane.texture[7, 9] == pytest.approx(plane.pixels[7 : 7 + patch, 9 : 9 + patch].std())
    assert plane.texture[-1, -1] == pytest.approx(plane.pixels[-patch:, -patch:].std())


def test_roughness_is_the_sum_of_squared_steps(rng):
    kernel = rng.random((6, 6))
    steps = [np.diff(np.pad(kernel, 1), axis=axis) for axis in (0, 1)]
    assert kernel.ravel() @ roughness(6) @ kernel.ravel() == pytest.approx(sum((each**2).sum() for each in steps))


def test_nearer_neighbours_weigh_more():
    queries, candidates = np.array([[0.0, 0], [5, 5]]), np.array([[0.0, 0.1], [0, 0.3], [5, 5.1], [9, 9]])
    matches = match(queries, candidates, 3)
    assert_array_equal(matches.neighbours[0], [0, 1, 2])
    assert matches.weights[0, 0] > matches.weights[0, 1] > matches.weights[0, 2] > -1e-9
    assert_allclose(matches.weights.sum(1), 1)


def test_the_same_seed_gives_the_same_kernel(small):
    first, again, other = (recurrence(small, seed=seed, config=SHORT) for seed in (0, 0, 1))
    assert_array_equal(first.kernel, again.kernel)
    assert np.abs(first.kernel - other.kernel).max() > 1e-6


def test_stacks_are_pooled_and_colours_are_one_picture(small):
    alone = recurrence(small, config=SHORT)
    assert_allclose(recurrence(np.stack([small] * 3, -1), config=SHORT).kernel, alone.kernel, atol=1e-6)
    stack = recurrence(np.stack([small, small[::-1]]), config=SHORT)
    assert stack.kernel.shape == (14, 14)
    assert stack.details["candidates"] == 2 * alone.details["candidates"]
    assert stack.details["input"]["planes"] == [[0], [1]]


def test_runs_have_a_history_and_stop(small):
    told = []
    estimates = kg.estimate_kernels(
        [small, small], seeds=[0, 1], method="recurrence", config=SHORT, callback=lambda step: told.append((step.step, step.total))
    )
    assert told == [(n, 6) for n in range(1, 7)]
    history = estimates[0].history
    assert history.kernels.shape == (3, 14, 14)
    assert_array_equal(history.kernels[-1], estimates[0].kernel)
    assert history.losses["distance"][-1] < history.losses["distance"][0]
    assert (estimates[0].method, estimates[0].reference, estimates[0].stopped) == ("recurrence", "self-similar", False)
    stopped = kg.estimate_kernels([small, small], seeds=[0, 1], method="recurrence", config=SHORT, callback=lambda step: step.step < 2)
    assert [estimate.stopped for estimate in stopped] == [True, True]
    assert_array_equal(stopped[0].kernel, history.kernels[1])
    assert_array_equal(stopped[1].kernel, point(14))


@pytest.mark.parametrize(("scale", "least"), [(2, 40), (4, 80)])
def test_small_images_are_refused_with_what_they_need(sharp, scale, least):
    assert recurrence(sharp[:least, :least], scale=scale, config=SHORT).kernel.shape == (7 * scale,) * 2
    with pytest.raises(InputError, match=f"at least {least} px"):
        recurrence(sharp[: least - 1, :200], scale=scale)
    with pytest.raises(InputError, match="scales 2, 3 and 4"):
        recurrence(sharp, scale=5)


def test_images_with_less_texture_than_patches_work():
    image = np.zeros((60, 60), np.uint8)
    image[20:30, 25:35] = 200
    assert np.isfinite(recurrence(image, config=SHORT).kernel).all()
