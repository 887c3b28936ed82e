"""The spectral estimate: known kernels come back with honest bars, noise does not fool it, and nonsense is never called reliable."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import data
from skimage.transform import resize

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.estimate.spectral.dictionary import FAMILIES, dictionary
from napari_kernelgan.estimate.spectral.fitting import iter_fit_prior
from napari_kernelgan.estimate.spectral.grid import FALL, HIGHEST, LOWEST, RADII, SIDE, log_transfer, polar_grid, symmetries
from napari_kernelgan.estimate.spectral.posterior import Posterior
from napari_kernelgan.estimate.spectral.prior import Prior, built_in
from napari_kernelgan.estimate.spectral.spectrum import measure
from napari_kernelgan.estimate.spectral.traces import was_enlarged
from napari_kernelgan.estimate.spectral.widths import width_intervals
from napari_kernelgan.progress import run

PICTURES = [data.camera(), data.astronaut(), data.coffee(), data.chelsea()]
COVARIANCE = np.array([[2.6, 0.8], [0.8, 1.5]])


def spectral(image, **options):
    return kg.estimate_kernel(image, method="spectral", **options)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_known_gaussians_come_back_at_every_scale(scale):
    """On four pictures of scikit-image: better than 45 dB on average (the same kernel at 1.5 times the width is not)."""
    covariance = COVARIANCE * scale**2 / 4
    true = kernels.gaussian(covariance, 7 * scale)
    found = [spectral(kg.degrade(picture, true, scale), scale=scale) for picture in PICTURES]
    for estimate in found:
        kernels.check_kernel(estimate.kernel, scale)
        assert estimate.kernel.shape == (7 * scale, 7 * scale)
        assert_allclose(kernels.centre_of_mass(estimate.kernel), (7 * scale - 1) / 2, atol=0.05)
    least = 45 + 20 * np.log10(scale**2 / 4)  # wider kernels have smaller values
    assert np.mean([kernel_psnr(estimate.kernel, true) for estimate in found]) > least
    assert kernel_psnr(kernels.gaussian(1.5**2 * covariance, 7 * scale), true) < least
    widths = np.mean([estimate.fwhm[:2] for estimate in found], axis=0)
    assert_allclose(widths, kernels.fwhm(true)[:2], rtol=0.2)


def test_bars_hold_the_truth_and_the_record_is_whole():
    true = kernels.gaussian(COVARIANCE)
    estimate = spectral(kg.degrade(data.coffee(), true), seed=5)
    for (low, high), width, found in zip(estimate.fwhm_interval, kernels.fwhm(true), estimate.fwhm, strict=False):
        assert low < width < high
        assert low < found < high
    assert estimate.reliability.level == "reliable"
    assert (estimate.method, estimate.reference, estimate.seed) == ("spectral", "prior", 5)
    assert estimate.details["spectrum"]["prior"] == "natural"
    assert sum(estimate.details["spectrum"]["families"].values()) == pytest.approx(1, abs=1e-3)
    assert set(estimate.details["spectrum"]["families"]) == set(FAMILIES)
    angle = kernels.fwhm(true).angle
    assert abs((estimate.details["spectrum"]["angle"] - angle + 90) % 180 - 90) < 3 * estimate.details["spectrum"]["angle_sd"] + 5
    yy, xx, yx = estimate.details["spectrum"]["covariance"]
    assert_allclose([[yy, yx], [yx, xx]], COVARIANCE, atol=1)


def test_bars_hold_nine_tenths_of_the_weight_of_what_it_could_be():
    """What lies far away does not lengthen them if it has less than a tenth of the weight; else they reach out for it."""
    candidates = dictionary(2)
    disks = np.flatnonzero(candidates.family == list(FAMILIES).index("disk"))
    likely, far = (disks[np.abs(candidates.widths[disks, 0] - width).argmin()] for width in (4.0, 6.0))
    distance = candidates.widths[far, 0] - candidates.widths[likely, 0]
    none = np.zeros(0)
    for share, least, most in ((0.05, 0.0, 0.1), (0.5, 0.5, 0.9)):
        weights = np.array([1 - share, share])
        found = Posterior(np.array([likely, far]), weights, weights, 0.2, 0.0, none, none, none, 1.0)
        intervals = width_intervals(candidates.kernels[likely], found, np.array([1.0, 0.0]), candidates)
        for low, high in intervals:
            assert least * distance <= (high - low) / 2 <= most * distance


@pytest.mark.parametrize("family", ["disk", "motion", "airy"])
def test_kernels_that_are_no_gaussians_are_told_from_them(family):
    true = {"disk": kernels.disk(3.2), "motion": kernels.motion(8, 120), "airy": kernels.airy(4.5)}[family]
    shares, scores = [], []
    for picture in PICTURES:
        estimate = spectral(kg.degrade(picture, true))
        shares.append(estimate.details["spectrum"]["families"][family])
        scores.append(kernel_psnr(estimate.kernel, true))
    assert np.median(shares) > 0.5
    assert np.mean(scores) > 48


@pytest.mark.parametrize("angle", [30.0, 210.0])
def test_edges_tell_which_way_a_tail_points(angle):
    true, odds, scores, turned = kernels.coma(3.6, angle), [], [], []
    for picture in PICTURES:
        estimate = spectral(kg.degrade(picture, true))
        odds.append(estimate.details["spectrum"]["asymmetry"])
        scores.append(kernel_psnr(estimate.kernel, true))
        turned.append(kernel_psnr(estimate.kernel[::-1, ::-1], true))
    assert np.median(odds) > 2
    assert np.mean(scores) > 52
    assert (np.array(scores) > np.array(turned) + 3).all()


def test_pictures_without_a_tail_get_none():
    for picture in PICTURES:
        spectrum = spectral(kg.degrade(picture, kernels.gaussian(COVARIANCE))).details["spectrum"]
        assert spectrum["families"]["comet"] < 0.3


@pytest.mark.parametrize("noise", [0.01, 0.02])
def test_noise_does_not_pass_for_sharpness(noise, rng):
    true = kernels.gaussian(2.5)
    widths = []
    for picture in PICTURES:
        clean = kg.degrade(picture / 255, true)
        estimate = spectral(np.clip(np.rint(255 * (clean + rng.normal(0, noise, clean.shape))), 0, 255).astype(np.uint8))
        assert estimate.details["spectrum"]["noise"] == pytest.approx(noise, rel=0.2)
        widths.append(estimate.fwhm[:2])
    assert_allclose(np.mean(widths, axis=0), kernels.fwhm(true)[:2], rtol=0.15)


def test_photon_noise_too(rng):
    true = kernels.gaussian(2.5)
    photons = [400 * kg.degrade(picture / 255, true) for picture in PICTURES]
    widths = [spectral(rng.poisson(np.clip(expected, 0, None)).astype(np.uint16)).fwhm[:2] for expected in photons]
    assert_allclose(np.mean(widths, axis=0), kernels.fwhm(true)[:2], rtol=0.15)


def test_dtype_colour_and_planes_do_not_matter(sharp):
    low = kg.degrade(sharp, kernels.gaussian(COVARIANCE))
    reference = spectral(low).kernel
    ranges = {"value_range": (0, 255)}
    assert_allclose(spectral(low.astype(np.float32), **ranges).kernel, reference, atol=2e-3)
    assert_allclose(spectral(257 * low.astype(np.uint16), value_range=(0, 65535)).kernel, reference, atol=2e-3)
    assert_allclose(spectral(np.stack([low] * 3, -1)).kernel, reference, atol=2e-3)
    assert_allclose(spectral(np.stack([low] * 4), axes="TYX").kernel, reference, atol=5e-3)
    assert_allclose(spectral(low.T).kernel, reference.T, atol=2e-3)


def test_pixels_without_a_value_are_left_out():
    true = kernels.gaussian(COVARIANCE)
    low = kg.degrade(data.astronaut() / 255, true).astype(np.float32)
    broken = low.copy()
    broken[40:90, 30:100] = np.nan
    broken[200, ::7] = np.inf
    estimate = spectral(broken, value_range=(0, 1))
    assert_allclose(estimate.fwhm[:2], kernels.fwhm(true)[:2], rtol=0.1)
    assert estimate.details["input"]["missing_pixels"] == [50 * 70 + 37]
    masked = np.ma.masked_array(np.where(np.isfinite(broken), low, 0), ~np.isfinite(broken))
    assert_allclose(spectral(masked, value_range=(0, 1)).kernel, estimate.kernel, atol=1e-6)
    with pytest.raises(InputError, match="No pixel"):
        spectral(np.full((100, 100), np.nan))
    with pytest.raises(InputError, match="method='spectral'"):
        kg.estimate_kernel(masked, method="kernelgan")


def test_no_data_areas_and_saturation_do_not_pass_for_sharp_edges():
    true = kernels.gaussian(COVARIANCE)
    low = kg.degrade(data.camera(), true)
    whole = np.array(spectral(low).fwhm[:2])
    # a scene that fills half of its frame, and one with bright spots cut off
    framed = low.copy()
    framed[(np.add.outer(np.arange(256), np.arange(256)) < 220)] = 0
    bright = np.minimum(low, 190)
    for image in (framed, bright):
        assert_allclose(spectral(image).fwhm[:2], whole, rtol=0.25)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (lambda rng: rng.normal(0.5, 0.1, (200, 200)), "no-texture"),
        (lambda rng: 100 + rng.poisson(3.0, (200, 200)), "no-texture"),
        (lambda rng: data.camera(), "already-sharp"),
        (lambda rng: kg.upscale(data.camera()[100:250, 100:250], None, 2, "bicubic"), "already-sharp"),
        (lambda rng: kg.upscale(data.astronaut()[:90, 150:250], None, 3, "bicubic"), "already-sharp"),
        (lambda rng: resize(data.camera()[100:250, 100:250], (300, 300), order=3, preserve_range=True).astype(np.uint8), "already-sharp"),
        (lambda rng: np.rint(rng.normal(90, 1.5, (160, 200, 3))).astype(np.uint8), "no-texture"),
        (lambda rng: kg.degrade(data.camera(), kernels.gaussian(2.0))[:64, :64], "small"),
    ],
)
def test_what_cannot_be_known_is_never_reliable(image, code, rng):
    reliability = spectral(image(rng)).reliability
    assert reliability.level != "reliable"
    assert code in reliability.codes
    assert len(reliability.reasons) == len(reliability.codes)


def test_small_images_work_and_tiny_ones_are_refused(sharp):
    low = kg.degrade(sharp[100:292, 180:340], kernels.gaussian(COVARIANCE))
    assert spectral(low[:48, :60]).kernel.shape == (14, 14)
    with pytest.raises(InputError, match="48 px"):
        spectral(low[:47])


def test_other_scales_and_priors_are_refused(small, tmp_path):
    with pytest.raises(InputError, match="scales 2, 3 and 4"):
        spectral(small, scale=5)
    with pytest.raises(InputError, match="cannot be read as a prior"):
        spectral(small, config={"prior": str(tmp_path / "none.npz")})


def test_a_pooled_stack_is_one_estimate_with_its_progress(small):
    told = []
    estimates = kg.estimate_kernels([small, small], method="spectral", callback=lambda progress: told.append(progress.step))
    assert told == [1, 2]
    assert_allclose(estimates[0].kernel, estimates[1].kernel)
    assert not estimates[0].stopped


def test_windows_of_large_images_are_sampled_by_the_seed(rng):
    plane = rng.random((1, 1300, 1300)).astype(np.float32)
    assert measure([plane]).windows == pytest.approx(1024, rel=0.02)
    assert measure([plane], 1).power.tolist() == measure([plane], 1).power.tolist() != measure([plane], 2).power.tolist()


def test_white_noise_has_a_flat_spectrum_of_its_variance(rng):
    spectrum = measure([rng.normal(0, 0.1, (3, 400, 400)).astype(np.float32)])
    assert_allclose(spectrum.power, 0.01, rtol=0.15)
    assert spectrum.noise == pytest.approx(0.01, rel=0.03)


def test_the_transfer_function_of_a_gaussian_is_the_formula():
    # wide enough that nothing is folded back
    variance, grid = 2.0, polar_grid()
    transfer = log_transfer(kernels.gaussian(variance)[None], 2)[0]
    frequency = np.linspace(LOWEST, HIGHEST, RADII + 1)[:-1] + (HIGHEST - LOWEST) / RADII / 2
    expected = -((2 * np.pi) ** 2) * variance * (frequency / 2) ** 2
    for ring in (2, 5, 8):
        assert transfer[grid.ring == ring].mean() == pytest.approx(expected[ring], rel=0.05)


def test_what_downscaling_folds_back_is_in_the_transfer_function(rng):
    # noise whose power falls as supposed, filtered sharply in one direction only, so that much is folded back
    size, kernel = 1024, kernels.gaussian([[3.0, 0.0], [0.0, 0.2]])
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij"))
    radius[0, 0] = 1
    scene = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) / np.maximum(radius, 0.02) ** (FALL / 2)).real
    powers = [measure([kg.degrade(scene, each)[None].astype(np.float32)]).power for each in (kernel, kernels.gaussian(1.5))]
    predicted = [log_transfer(each[None], 2)[0] for each in (kernel, kernels.gaussian(1.5))]
    assert_allclose(np.log(powers[0] / powers[1]), predicted[0] - predicted[1], atol=0.35)


def test_frequencies_are_counted_once():
    grid = polar_grid()
    assert grid.counts.min() >= 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    inside = ((radius >= LOWEST) & (radius < HIGHEST)).sum() / 2
    assert 0.98 * inside < grid.counts.sum() <= inside  # the few of nearly empty bins are left out
    for order in symmetries():
        assert sorted(order) == list(range(len(grid.counts)))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_candidates_keep_the_convention(scale):
    candidates = dictionary(scale)
    assert_allclose(candidates.kernels.sum((1, 2)), 1)
    assert candidates.kernels.min() >= 0
    assert np.exp(candidates.log_prior).sum() == pytest.approx(1)
    for number in range(0, len(candidates.kernels), 997):
        kernel = kernels.check_kernel(candidates.kernels[number], scale)
        assert_allclose(kernels.centre_of_mass(kernel), (len(kernel) - 1) / 2, atol=0.01)
        assert_allclose(candidates.widths[number], kernels.fwhm(kernel)[:2], atol=0.4 * scale / 2)


def test_priors_are_learnt_saved_and_used(tmp_path):
    pictures = [
        np.moveaxis(np.atleast_3d(picture), -1, 0)[:, y : y + 200, x : x + 200].astype(np.float32) / 255
        for picture in PICTURES
        for y, x in ((0, 0), (0, 190), (100, 0), (100, 190))
    ]
    steps = []
    prior = run(iter_fit_prior(pictures, len(pictures), "mine", {"source": "scikit-image"}), lambda progress: steps.append(progress.step))
    assert steps == list(range(1, 17))
    path = prior.save(tmp_path / "mine.npz")
    again = Prior.load(path)
    assert (again.name, again.about["source"], again.about["pictures"]) == ("mine", "scikit-image", {"2": 16, "3": 16, "4": 16})
    low = kg.degrade(data.coffee(), kernels.gaussian(2.0))
    estimate = spectral(low, config={"prior": str(path)})
    assert estimate.details["spectrum"]["prior"] == "mine"
    assert_allclose(estimate.fwhm[:2], kernels.fwhm(kernels.gaussian(2.0))[:2], rtol=0.3)
    with pytest.raises(InputError, match="at least 12 pictures"):
        run(iter_fit_prior(pictures[:5], 5, "few", {}))


def test_the_built_in_prior_says_what_it_was_learnt_from():
    about = built_in("natural").about
    assert "BSD100" in about["source"]
    assert all(count >= 40 for count in about["pictures"].values())


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarged_pictures_show_it_and_others_do_not(scale):
    for picture in PICTURES:
        low = kg.degrade(picture, kernels.gaussian(2.0))
        planes = [np.moveaxis(np.atleast_3d(plane), -1, 0).astype(np.float32) / 255 for plane in (low, picture)]
        assert not was_enlarged(planes[:1])
        assert not was_enlarged(planes[1:])
        small = picture[:120, :120]
        spline = resize(small / 255, (120 * scale, 120 * scale, *small.shape[2:]), order=3)
        for large in (kg.upscale(small, None, scale, "bicubic"), np.rint(255 * np.clip(spline, 0, 1))):
            assert was_enlarged([np.moveaxis(np.atleast_3d(large), -1, 0).astype(np.float32) / 255])
