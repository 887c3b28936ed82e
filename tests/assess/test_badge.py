"""What can be said of an upscale without a truth: residual, added detail, disagreement, and the badge."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import napari_kernelgan as kg
from napari_kernelgan.assess.badge import held_out_gains
from napari_kernelgan.assess.detail import iter_added_detail
from napari_kernelgan.assess.residual import iter_consistency
from napari_kernelgan.assess.widths import compared
from napari_kernelgan.progress import run

GAUSSIAN = [[2.6, 0.8], [0.8, 1.5]]
NOISE = 4.0


@pytest.fixture(scope="module")
def degraded(sharp, true_kernel):
    """Half of the camera man's size, with noise of 4 gray levels; uint8."""
    exact = kg.degrade(sharp.astype(np.float32), true_kernel)
    return np.rint(np.clip(exact + np.random.default_rng(3).normal(0, NOISE, exact.shape), 0, 255)).astype(np.uint8)


@pytest.fixture(scope="module")
def clean(sharp, true_kernel):
    return kg.degrade(sharp, true_kernel)


@pytest.fixture(scope="module")
def estimate(clean):
    return kg.estimate_kernel(clean, method="spectral")


def wider(factor, size=24):
    return kg.kernels.gaussian(np.array(GAUSSIAN) * factor**2, size)


# --- Residual -------------------------------------------------------------------------------------------------------------------------


def test_the_residual_of_the_truth_is_the_noise(degraded, sharp, true_kernel):
    found = kg.consistency(degraded, sharp, true_kernel)
    assert found.noise == pytest.approx(NOISE, rel=0.15)
    assert found.rms == pytest.approx(NOISE / found.noise, rel=0.05)
    assert abs(found.correlation) < 0.03
    assert not found.structured
    expected = (degraded - kg.degrade(sharp.astype(np.float32), true_kernel)) / found.noise
    np.testing.assert_allclose(found.residual, expected, atol=1e-3)


def test_a_blurred_upscale_leaves_structure(degraded, true_kernel):
    found = kg.consistency(degraded, kg.upscale(degraded, None, method="bicubic"), true_kernel)
    assert found.structured
    assert found.rms > 1.1


def test_the_residual_has_the_axes_of_the_image_without_colours(sharp, true_kernel):
    colours = np.stack([sharp, sharp // 2, sharp // 3, np.full_like(sharp, 255)], -1)[:128, :96]
    stack = np.stack([colours, colours[::-1]])
    low = kg.degrade(stack, true_kernel, axes="TYXS")
    found = kg.consistency(low, stack, true_kernel, axes="TYXS")
    assert found.residual.shape == (2, 64, 48)
    one = kg.consistency(low[1], stack[1], true_kernel, axes="YXS")
    np.testing.assert_allclose(found.residual[1], one.residual, rtol=1e-5, atol=1e-5)


def test_units_do_not_matter(degraded, sharp, true_kernel):
    counts = kg.consistency(degraded.astype(np.uint16) * 100, sharp.astype(np.uint16) * 100, true_kernel, value_range=(0, 25500))
    levels = kg.consistency(degraded, sharp, true_kernel)
    assert counts.rms == pytest.approx(levels.rms, rel=0.02)
    assert counts.noise == pytest.approx(100 * levels.noise, rel=0.02)


def test_shapes_that_do_not_belong_together(degraded, true_kernel):
    with pytest.raises(kg.InputError, match="has shape"):
        kg.consistency(degraded, degraded, true_kernel)
    with pytest.raises(kg.InputError, match="kernel is None"):
        kg.consistency(degraded, degraded.repeat(2, 0).repeat(2, 1), None)


# --- Detail ---------------------------------------------------------------------------------------------------------------------------


def test_bicubic_adds_nothing_to_bicubic(clean):
    found = kg.added_detail(clean, kg.upscale(clean, None, method="bicubic"))
    assert found.share < 0.01
    assert np.abs(found.difference).max() <= 1.01  # it was rounded, to a given mean


def test_what_was_added_comes_back(clean, rng):
    plain = kg.upscale(clean.astype(np.float32), None, method="bicubic")
    extra = rng.normal(0, 5, plain.shape).astype(np.float32)
    found = kg.added_detail(clean.astype(np.float32), plain + extra)
    np.testing.assert_allclose(found.difference, extra, atol=0.01)
    own, more = (sum(np.square(np.diff(np.asarray(each), axis=axis)).sum() for axis in (0, 1)) for each in (plain, extra))
    assert found.share == pytest.approx(more / (own + more), rel=0.02)


def test_disagreement_is_the_spread_over_upscales(rng):
    upscales = [rng.normal(100, 3, (64, 80, 3)) for _ in range(6)]
    found = kg.disagreement(upscales)
    assert found.spread.shape == (64, 80)
    np.testing.assert_allclose(found.spread, np.sqrt(np.var(upscales, axis=0, ddof=1).mean(-1)), rtol=1e-5)
    assert found.rms == pytest.approx(3, rel=0.02)
    with pytest.raises(kg.InputError, match="at least two"):
        kg.disagreement(upscales[:1])
    with pytest.raises(kg.InputError, match="one shape"):
        kg.disagreement([upscales[0], upscales[1][:, 1:]])


# --- Badge ----------------------------------------------------------------------------------------------------------------------------


def test_a_good_upscale_passes_and_says_why(clean, estimate):
    given = kg.badge(clean, estimate, kg.upscale(clean, estimate, method="inverse"))
    assert given.level == "pass"
    assert given.codes == ()
    assert len(given.reasons) == 2
    assert given.measures["unexplained"] < 0.4
    assert given.measures["width_ratio"] == pytest.approx(1)


def test_the_true_kernel_passes_too(clean, true_kernel):
    assert kg.badge(clean, true_kernel, kg.upscale(clean, true_kernel, method="inverse")).level == "pass"


@pytest.mark.parametrize("factor", [1.6, 1 / 1.6])
def test_a_wrong_kernel_is_no_evidence(clean, factor):
    kernel = wider(factor)
    given = kg.badge(clean, kernel, kg.upscale(clean, kernel, method="inverse"))
    assert given.level == "no-evidence"
    assert "kernel-disagrees" in given.codes
    assert given.measures["width_ratio"] == pytest.approx(factor, rel=0.1)
    assert any(f"{given.measures['width_ratio']:.2f} times as wide" in reason for reason in given.reasons)


@pytest.mark.parametrize(("factor", "code"), [(1.6, "as-bicubic"), (1 / 1.6, "residual")])
def test_an_upscale_made_with_another_kernel_than_told_does_not_pass(clean, estimate, factor, code):
    given = kg.badge(clean, estimate, kg.upscale(clean, wider(factor), method="inverse"))
    assert given.level != "pass"
    assert code in given.codes


def test_bicubic_is_no_evidence_that_it_beats_bicubic(clean, estimate):
    given = kg.badge(clean, estimate, kg.upscale(clean, None, method="bicubic"))
    assert given.level == "no-evidence"
    assert set(given.codes) == {"nothing-added", "as-bicubic"}


def null_images(sharp):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:192, :192]
    waves = 128 + 50 * np.sin(2 * np.pi * x / 7.3) + 40 * np.sin(2 * np.pi * y / 11.1) + rng.normal(0, 2, x.shape)
    return {
        "noise": rng.normal(128, 25, (192, 192)),
        "constant plus noise": rng.normal(90, 2, (192, 192)),
        "already sharp": sharp,
        "bicubically enlarged": kg.upscale(sharp[100:300, 100:300], None, method="bicubic"),
        "waves": waves,
        "a tile": np.tile(sharp[200:224, 200:224], (8, 8)),
    }


@pytest.mark.parametrize("name", ["noise", "constant plus noise", "already sharp", "bicubically enlarged", "waves", "a tile"])
def test_null_images_do_not_pass(sharp, name):
    image = np.clip(np.rint(null_images(sharp)[name]), 0, 255).astype(np.uint8)
    found = kg.estimate_kernel(image, method="spectral")
    given = kg.badge(image, found, kg.upscale(image, found, method="inverse"))
    assert given.level != "pass"
    assert len(given.codes) == len(given.reasons) > 0
    assert all(reason.endswith(".") for reason in given.reasons)


def test_a_constant_image_is_no_evidence(true_kernel):
    given = kg.badge(np.full((64, 64), 7, np.uint8), true_kernel, np.full((128, 128), 7, np.uint8))
    assert (given.level, given.codes) == ("no-evidence", ("constant",))


def test_an_estimate_of_another_image_is_checked_on_this_one(clean, sharp, estimate):
    narrow = kg.kernels.gaussian(0.9)
    other = kg.degrade(sharp, narrow)
    given = kg.badge(other, estimate, kg.upscale(other, estimate, method="inverse"))
    assert given.level == "no-evidence"
    assert given.measures["width_ratio"] > 1.3


def test_a_stack_has_one_badge(clean, true_kernel):
    stack = np.stack([clean[:160, :160], clean[-160:, :160], clean[-160:, -160:]])
    given = kg.badge(stack, true_kernel, kg.upscale(stack, true_kernel, method="inverse", axes="TYX"), axes="TYX")
    assert "kernel-disagrees" not in given.codes
    assert given.measures["unexplained"] < 0.4


def test_what_zssr_gained_on_withheld_parts_is_told(clean, estimate):
    low = clean[:96, 60:180]
    upscaled = kg.upscale(low, estimate.kernel, method="zssr", device="cpu", config={"max_steps": 12, "check_every": 6})
    gains = held_out_gains(upscaled)
    assert len(gains) == 1
    given = kg.badge(low, estimate.kernel, upscaled)
    assert given.measures["held_out_gain"] == pytest.approx(gains[0])


def test_error_bars_make_a_difference_doubtful_and_not_certain(estimate):
    wide = wider(1.4)
    assert compared(wide, estimate).verdict == "disagrees"
    unsure = replace(estimate, fwhm_interval=((1.0, 9.0), (1.0, 9.0)))
    assert compared(wide, unsure).verdict == "doubtful"
    assert compared(estimate.kernel, estimate).verdict == "agrees"


def test_a_scale_without_spectral_estimates_and_a_map_of_kernels_are_refused(clean, sharp):
    with pytest.raises(kg.InputError, match="scales 2, 3 and 4"):
        kg.badge(clean[:64, :64], kg.kernels.gaussian(4.0, 15), np.zeros((320, 320), np.uint8), scale=5)
    field = kg.given_map(lambda y, x: kg.kernels.gaussian(1.5), (64, 64))
    with pytest.raises(kg.InputError, match="map of kernels"):
        kg.badge(clean[:64, :64], field, sharp[:128, :128])


def test_importing_the_badge_loads_neither_torch_nor_napari():
    code = "import sys, napari_kernelgan as kg; kg.badge; print(sorted({'torch', 'napari', 'skimage'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


# --- Plane by plane -------------------------------------------------------------------------------------------------------------------


def test_a_stop_leaves_planes_out_of_residual_and_detail(clean, true_kernel):
    stack = np.stack([clean[:64, :64], clean[64:128, :64], clean[:64, 64:128]])
    upscaled = kg.upscale(stack, true_kernel, method="inverse", axes="TYX")
    seen = []
    steps = iter_consistency(stack, upscaled, true_kernel, axes="TYX")
    found = run(steps, lambda progress: seen.append((progress.step, progress.total)) or progress.step < 2)
    assert seen == [(1, 3), (2, 3)]
    assert found.stopped
    whole, part = (kg.consistency(stack[:n], upscaled[:n], true_kernel, axes="TYX") for n in (3, 2))
    np.testing.assert_array_equal(found.residual[:2], whole.residual[:2])
    assert np.isnan(found.residual[2]).all()
    assert found.rms == pytest.approx(part.rms)
    assert not whole.stopped
    added = run(iter_added_detail(stack, upscaled, axes="TYX"), lambda progress: progress.step < 2)
    assert added.stopped
    assert np.isnan(added.difference[2]).all()
    assert added.share == pytest.approx(kg.added_detail(stack[:2], upscaled[:2], axes="TYX").share)
    last = run(iter_added_detail(stack, upscaled, axes="TYX"), lambda progress: progress.step < 3)
    assert not last.stopped  # there was nothing left to stop


def test_the_residual_under_a_map_of_kernels(sharp, rng):
    """With the map that the image was degraded with, noise is left; with the mean of its kernels, more."""
    field = kg.given_map(lambda y, x: kg.kernels.gaussian(1.2 + 0.03 * x), (96, 96))
    low = kg.degrade_field(sharp[100:292, 180:372].astype(np.float32), field) + rng.normal(0, 3, (96, 96)).astype(np.float32)
    found = kg.consistency(low, sharp[100:292, 180:372], field)
    assert found.noise == pytest.approx(3, rel=0.25)
    assert found.rms * found.noise == pytest.approx(3, rel=0.06)
    assert not found.structured
    assert kg.consistency(low, sharp[100:292, 180:372], field.mean_kernel).rms > 1.1 * found.rms
    with pytest.raises(kg.InputError, match="for images of 96 x 96 px"):
        kg.consistency(low[:64, :64], sharp[100:228, 180:308], field)
