"""The regularised inverse: exact on its own terms, close to the truth, and the same in tiles, stacks and lazily."""

from itertools import product

import dask.array as da
import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from scipy.fft import rfft2

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.assess.metrics import picture_psnr
from napari_kernelgan.config import InverseConfig, Settings
from napari_kernelgan.upscaling.inverse.border import complete, continued
from napari_kernelgan.upscaling.inverse.edges import DIRECTIONS, edge_divergence
from napari_kernelgan.upscaling.inverse.fourier import PeriodicInverse
from napari_kernelgan.upscaling.inverse.levels import measure_levels
from napari_kernelgan.upscaling.inverse.run import Inverse

CLOSED = InverseConfig(passes=0)


def inverse(image, kernel, scale=2, config=None, **more):
    return np.asarray(kg.upscale(image, kernel, scale, "inverse", config=config, **more))


def bicubic(image, scale=2):
    return np.asarray(kg.upscale(image, None, scale, "bicubic"))


@pytest.fixture(scope="module")
def low(sharp, true_kernel):
    return kg.degrade(sharp, true_kernel)


# exactness


def periodic_forward(kernel, scale, size):
    """The forward model with borders that wrap around, as a matrix, by its definition in correlation weights."""
    height, width = (scale * n for n in size)
    weights, n = kernel[::-1, ::-1], len(kernel)
    matrix = np.zeros((*size, height, width))
    for i, j, a, b in product(*map(range, (*size, n, n))):
        y, x = scale * i + a - (n - scale) // 2, scale * j + b - (n - scale) // 2
        matrix[i, j, y % height, x % width] += weights[a, b]
    return matrix.reshape(size[0] * size[1], -1)


def periodic_differences(size):
    """Matrices of the differences to neighbours, weighted so that their squares sum to the squared gradient."""
    pixels = np.arange(size[0] * size[1]).reshape(size)
    identity = np.eye(pixels.size)
    return [
        (identity[np.roll(pixels, (-down, -right), (0, 1)).ravel()] - identity) * np.sqrt(0.5 / (down + abs(right)))
        for down, right in DIRECTIONS
    ]


@pytest.mark.parametrize(("scale", "size"), [(2, (5, 6)), (2, (6, 4)), (3, (4, 4)), (4, (3, 4))])
def test_the_closed_form_is_the_minimum(rng, scale, size):
    kernel = rng.random((4 + scale, 4 + scale)) - 0.1  # larger than some of these images, no symmetry, negative lobes
    kernel /= kernel.sum()
    forward = periodic_forward(kernel, scale, size)
    large = tuple(scale * n for n in size)
    differences = periodic_differences(large)
    image, free = rng.random(size), [rng.normal(size=len(d)) for d in differences]
    normal = forward.T @ forward + 0.01 * sum(d.T @ d for d in differences)
    divergence = sum(d.T @ each for d, each in zip(differences, free, strict=True))
    periodic = PeriodicInverse(kernel, scale, size)
    for extra, given in ((0, None), (divergence, divergence.reshape(large).astype(np.float32))):
        expected = np.linalg.solve(normal, forward.T @ image.ravel() + 0.01 * extra).reshape(large)
        assert_allclose(periodic.solve(rfft2(image.astype(np.float32)), 0.01, given), expected, atol=2e-4)


def test_the_continuation_comes_near_the_likeliest(rng):
    kernel, size, weight = kernels.gaussian([[2.0, 0.7], [0.7, 1.0]], 6), (8, 10), 0.05
    forward = periodic_forward(kernel, 2, size)
    prior = sum(d.T @ d for d in periodic_differences((16, 20)))
    precision = np.linalg.inv(forward @ np.linalg.inv(prior + 1e-9 * np.eye(len(prior))) @ forward.T + weight * np.eye(80))
    inside = slice(2, 6), slice(0, 10)
    before = np.zeros(size)
    before[inside] = rng.normal(size=(4, 10))
    before[inside] -= before[inside].mean()
    after = complete(before.astype(np.float32), inside, kernel, 2, weight)
    assert_array_equal(after[inside], before[inside].astype(np.float32))
    known = np.zeros(size, bool)
    known[inside] = True
    inner, outer = np.flatnonzero(known), np.flatnonzero(~known)
    best = before.copy()
    best.flat[outer] = -np.linalg.solve(precision[np.ix_(outer, outer)], precision[np.ix_(outer, inner)] @ before.flat[inner])
    cost = [image.ravel() @ precision @ image.ravel() for image in (before, after, best)]
    assert cost[1] - cost[2] < 0.1 * (cost[0] - cost[2])


def test_planes_are_continued_until_they_are_periodic(rng):
    plane = rng.random((9, 14)).astype(np.float32)
    whole, inside = continued(plane, 5)
    assert_array_equal(whole[inside], plane)
    assert_array_equal(whole[inside[0].start - 1, inside[1]], plane[0])
    # where it wraps around, it is zero
    assert np.abs(whole[[0, -1]]).max() <= 0.1
    assert np.abs(whole[:, [0, -1]]).max() <= 0.1


def test_the_parts_of_differences_that_are_free(rng):
    image, floor = rng.random((14, 12)).astype(np.float32), 0.05
    expected = np.zeros(image.shape)
    for y, x in product(range(14), range(12)):
        for down, right in DIRECTIONS:

            def difference(y, x, down=down, right=right):
                return float(image[y + down, x + right]) - float(image[y, x])

            if 2 <= y < 11 and 1 <= x < 11 and 1 <= x + right < 12 - (right > 0):
                around = [difference(y + i, x + j) ** 2 for i, j in product((-1, 0, 1), repeat=2) if 0 <= x + j + right < 12]
                length = down + abs(right)
                energy = np.mean(around) / length
                part = difference(y, x) * energy / (energy + floor) * 0.5 / length
                expected[y, x] -= part
                expected[y + down, x + right] += part
    assert_allclose(edge_divergence(image, floor)[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-6)


# what it measures


@pytest.mark.parametrize("noise", [0.01, 0.04])
@pytest.mark.parametrize("kernel", [kernels.gaussian(0.5), kernels.gaussian([[4.0, 1.0], [1.0, 1.0]]), kernels.airy(4.0), kernels.coma()])
def test_noise_is_measured_whatever_the_kernel(sharp, rng, kernel, noise):
    image = kg.degrade(sharp / 255, kernel) + rng.normal(0, noise, (256, 256))
    measured = measure_levels([image.astype(np.float32)], kernel, 2)
    assert measured.noise**0.5 == pytest.approx(noise, rel=0.12)
    gradient = sum(np.square(np.diff(sharp / 255, axis=axis)).mean() for axis in (0, 1))
    assert 0.5 < measured.texture / gradient < 2.5


def test_noise_and_weight_are_on_record(low, true_kernel):
    colour = np.stack([low, low // 2, 255 - low], -1)
    result = kg.upscale(np.stack([colour, colour[::-1]]), true_kernel, method="inverse", axes="TYXS")
    planes = result.info.details["planes"]
    assert [plane["plane"] for plane in planes] == [[0], [1]]
    assert len(planes[0]["components"]) == 3
    for component in planes[0]["components"]:
        assert 0.0011 < component["noise"] < 0.01  # that of rounding to 8 bits, at least
        assert component["weight"] == pytest.approx(2 * component["noise"] ** 2 / component["texture"])
    assert result.info.config == InverseConfig().model_dump()
    assert (result.info.method, result.info.device, result.info.scale) == ("inverse", "cpu", 2)
    given = kg.upscale(low, true_kernel, method="inverse", config={"noise": 0.05})
    assert given.info.details["planes"][0]["components"][0]["noise"] == pytest.approx(0.05)


# how good it is


def test_better_than_bicubic_by_far_and_with_edges_than_without(sharp, low, true_kernel):
    plain = picture_psnr(bicubic(low), sharp)
    closed = picture_psnr(inverse(low, true_kernel, config=CLOSED), sharp)
    full = picture_psnr(inverse(low, true_kernel), sharp)
    assert closed > plain + 2
    assert full > closed + 0.3
    # a kernel that is too narrow gains less (control)
    assert picture_psnr(inverse(low, kernels.gaussian(0.5)), sharp) < full - 1


@pytest.mark.parametrize("scale", [3, 4])
def test_other_scales(sharp, scale):
    kernel = kernels.gaussian(0.6 * scale**2, 14 + scale % 2)
    size = 512 // scale * scale
    small = kg.degrade(sharp, kernel, scale)
    result = inverse(small, kernel, scale)
    assert result.shape == (size, size)
    assert picture_psnr(result, sharp[:size, :size]) > picture_psnr(bicubic(small, scale), sharp[:size, :size]) + 1.5


def test_noise_is_not_blown_up(sharp, rng, true_kernel):
    noisy = (kg.degrade(sharp / 255, true_kernel) + rng.normal(0, 0.02, (256, 256))).astype(np.float32)
    score = {noise: picture_psnr(inverse(noisy, true_kernel, config={"noise": noise}, value_range=(0, 1)), sharp) for noise in (0.0, 0.002)}
    assert score[0.0] > score[0.002] + 3
    assert score[0.0] > picture_psnr(bicubic(noisy), sharp) + 0.5


@pytest.mark.parametrize("kernel", [kernels.motion(8, 35.0), kernels.coma(), kernels.disk(3.0), kernels.bicubic(2)])
def test_borders_are_as_good_as_the_inside(sharp, kernel):
    high = sharp[60:360, 100:400]
    error = (inverse(kg.degrade(high, kernel), kernel).astype(float) - high) ** 2
    context = (inverse(kg.degrade(sharp, kernel), kernel).astype(float) - sharp)[60:360, 100:400] ** 2
    ring = np.pad(np.zeros((284, 284), bool), 6, constant_values=True)
    ring = np.pad(ring, 2)
    # the same pixels with all there is around them known
    assert 10 * np.log10(error[ring].mean() / context[ring].mean()) < 1.0


def test_what_lies_beyond_the_border_does_not_ring(sharp, true_kernel):
    # a bright thing cut in two by the border, as photographs have it and mirrored ones have not
    scene = sharp.astype(float)
    scene[:101] = 250
    low = kg.degrade(scene, kernels.gaussian([[4.0, 0.5], [0.5, 0.8]]))[50:200, 40:200]
    high = scene[100:400, 80:400]
    result = inverse(low, kernels.gaussian([[4.0, 0.5], [0.5, 0.8]]), value_range=(0, 255))
    error = [np.sqrt(np.square(each - high)[8:].mean()) for each in (result, bicubic(low))]
    assert error[0] < 0.8 * error[1]


def test_colours_share_what_they_have_in_common(true_kernel, rng):
    from skimage import data

    high = data.astronaut()[:256, 100:356]
    noisy = (kg.degrade(high / 255, true_kernel) + rng.normal(0, 0.03, (128, 128, 3))).astype(np.float32)
    together = inverse(noisy, true_kernel, value_range=(0, 1))
    apart = np.stack([inverse(noisy[..., i], true_kernel, value_range=(0, 1)) for i in range(3)], -1)
    assert np.square(together - high / 255).mean() < 0.92 * np.square(apart - high / 255).mean()


# the same whichever way it is asked for


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("covariance", [1.0, [[2.6, 0.8], [0.8, 1.5]]])
def test_tiles_are_not_seen(sharp, rng, covariance, noise):
    kernel = kernels.gaussian(covariance)
    image = kg.degrade(sharp / 255, kernel) + rng.normal(0, noise, (256, 256)) if noise else kg.degrade(sharp, kernel) / 255
    whole = inverse(image, kernel, value_range=(0, 1))
    tiled = inverse(image, kernel, config={"tile": 100}, value_range=(0, 1))
    assert np.abs(tiled - whole).max() < 1e-4


def test_lazy_planes_give_what_arrays_give(low, true_kernel):
    stack = np.stack([low, low[::-1]])
    expected = inverse(stack, true_kernel)
    for lazy in (da.from_array(stack, chunks=(2, 100, 90)), zarr.array(stack)):
        result = kg.upscale(lazy, true_kernel, method="inverse")
        assert isinstance(result, da.Array)
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        assert result.info.details["input"]["axes"] == "TYX"
        assert_array_equal(result.compute(), expected)


@pytest.mark.parametrize("axes", ["YX", "YXS", "SYX", "TYX", "YXA"])
def test_large_lazy_planes_go_block_by_block(low, true_kernel, axes):
    colour = np.stack([low, low // 2, 255 - low], -1)
    image = {
        "YX": low.astype(np.uint16) * 200,
        "YXS": colour,
        "SYX": np.moveaxis(colour, -1, 0),
        "TYX": np.stack([low, low[::-1]]).astype(float),
        "YXA": np.dstack([colour, np.where(low > 99, 255, 0).astype(np.uint8)]),
    }[axes]
    axes = axes.replace("A", "S")
    config = Settings(inverse=InverseConfig(tile=130))
    expected = inverse(image, true_kernel, config=config, axes=axes)
    lazy = kg.upscale(da.from_array(image, chunks=77), true_kernel, method="inverse", config=config, axes=axes)
    assert [lazy.numblocks[axes.index(a)] for a in "YX"] == [2, 2]
    found = lazy.compute()
    assert found.dtype == expected.dtype
    if found.dtype.kind == "f":
        assert_allclose(found, expected, atol=255e-4)
    else:  # means are kept by rounding, block by block or as a whole, so that some pixels are rounded differently
        difference = np.abs(found.astype(float) - expected)
        assert difference.max() <= max(1, 1e-4 * image.max())
        assert np.mean(difference > 0.5) < 0.6
    assert_allclose(found.mean(), image.mean(), rtol=5e-4)  # alpha is interpolated


def test_of_a_huge_lazy_image_only_what_is_needed_is_read():
    read = []

    def block(block_info):
        place = block_info[None]["array-location"]
        read.append(place)
        y, x = np.ogrid[slice(*place[0]), slice(*place[1])]
        return ((y // 7 + x // 11) % 2 * 100 + (y * 31 + x * 17) % 23).astype(np.uint8)

    image = da.map_blocks(block, chunks=((500,) * 40, (500,) * 40), dtype=np.uint8, meta=np.empty((0, 0), np.uint8))
    result = kg.upscale(image, kernels.gaussian(1.5), method="inverse")
    assert result.shape == (40000, 40000)
    assert not read
    corner = result[1000:1100, 1000:1100].compute(scheduler="synchronous")
    assert corner.std() > 20
    assert len(read) < 80  # for its surroundings, and for noise and texture


def test_four_times_goes_straight(low, true_kernel):
    k4 = kernels.compose(true_kernel)
    small = low[:96, :96]
    assert_array_equal(inverse(small, (true_kernel, k4), 4), inverse(small, k4, 4))
    assert_array_equal(inverse(small, kg.KernelEstimate(k4, 4, "given", stages=(true_kernel, k4)), 4), inverse(small, k4, 4))


def test_units_do_not_matter(low, true_kernel):
    image = low.astype(np.float32)
    result = inverse(image, true_kernel)
    assert_allclose(inverse(image * 1000 + 70000, true_kernel), result * 1000 + 70000, rtol=1e-5, atol=60)


def test_stopping_between_tiles_leaves_the_rest_interpolated(low, true_kernel):
    seen = []

    def stop(progress):
        seen.append((progress.step, progress.total))
        return progress.step < 1

    stopped = kg.upscale(low, true_kernel, method="inverse", config={"tile": 128}, callback=stop)
    assert stopped.stopped
    assert seen == [(1, 4)]
    # the means were made to agree
    assert np.abs(np.asarray(stopped).astype(float) - inverse(low, true_kernel))[:256, :256].max() <= 2
    assert np.abs(np.asarray(stopped).astype(float) - bicubic(low))[256:, 256:].max() <= 2
    whole = kg.upscale(low, true_kernel, method="inverse", callback=stop)
    assert not whole.stopped
    assert kg.upscale(np.stack([low, low]), true_kernel, method="inverse", callback=lambda p: False).stopped


# what may come


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 5), (8, 8), (20, 31), (24, 25), (70, 33)])
def test_small_planes_work(sharp, size):
    high = sharp[200 : 200 + 2 * size[0], 230 : 230 + 2 * size[1]]
    kernel = kernels.gaussian(3.0, 30)  # larger than most of them
    image = kg.degrade(high, kernel)
    result = inverse(image, kernel)
    assert result.shape == high.shape
    assert result.mean(dtype=float) == pytest.approx(image.mean(dtype=float), abs=0.5 / result.size + 1e-9)
    if min(size) >= 8:
        error, plain = (np.square(each.astype(float) - high).mean() for each in (result, bicubic(image)))
        assert error < 0.9 * plain


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "int16", "int32", "float32", "float64"])
def test_dtype_and_mean_are_kept(low, true_kernel, dtype):
    image = (low.astype(float) * 80 + 500).astype(dtype) if dtype != "uint8" else low
    result = inverse(image, true_kernel)
    assert result.dtype == (np.dtype(dtype).newbyteorder("=") if np.dtype(dtype).kind in "iu" else np.float32)
    assert_allclose(result.mean(dtype=float), image.mean(dtype=float), rtol=1e-6 if result.dtype.kind == "f" else 1e-12)


def test_the_upscale_lies_where_the_image_lies(true_kernel):
    y, x = np.mgrid[:64, :64]
    blob = np.exp(-((y - 20.3) ** 2 + (x - 41.7) ** 2) / (2 * 5.0**2))
    result = inverse(blob, true_kernel)
    at = (np.arange(128) + 0.5) / 2 - 0.5
    assert_allclose((result.sum(1) @ at / result.sum(), result.sum(0) @ at / result.sum()), (20.3, 41.7), atol=0.02)


def test_constants_stay_constant(low, true_kernel):
    for image in (
        np.full((40, 40), 9, np.uint8),
        np.full((2, 40, 40), 9.0),
        da.full((40, 40), 9, dtype=np.uint8),
        da.full((700, 300), 9.0),
    ):
        assert set(np.unique(inverse(image, true_kernel))) == {9}
    partly = np.dstack([low, np.full_like(low, 7), low])
    assert np.abs(inverse(partly, true_kernel)[..., 1].astype(int) - 7).max() <= 12
    sparse = np.zeros((300, 300), np.uint16)
    sparse[150, 150] = 1000
    assert np.isfinite(inverse(sparse.astype(float), true_kernel)).all()
    assert inverse(sparse, true_kernel).sum() == 4000


def test_noise_alone_is_left_finite_and_dark_frames_dark(rng, true_kernel):
    counts = rng.poisson(0.3, (80, 72)).astype(np.uint16)
    result = inverse(counts, true_kernel)
    assert_allclose(result.mean(), counts.mean(), rtol=1e-9)
    assert result.max() <= counts.max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": None}, "kernel is None"),
        ({"kernel": np.ones((13, 13)) / 169}, "fit_parity"),
        ({"config": kg.ZSSRConfig()}, "InverseConfig"),
        ({"config": {"passes": 99}}, "passes"),
        ({"image": np.full((64, 64), np.nan)}, "NaN"),
    ],
)
def test_bad_input_is_refused_with_advice(low, true_kernel, change, message):
    arguments = {"image": low, "kernel": true_kernel, "method": "inverse"} | change
    with pytest.raises(InputError, match=message):
        kg.upscale(**arguments)


def test_bad_blocks_of_lazy_images_are_refused(true_kernel):
    image = np.random.default_rng(0).random((700, 90))
    image[650, 50] = np.nan
    lazy = kg.upscale(da.from_array(image, chunks=100), true_kernel, method="inverse")
    with pytest.raises(InputError, match="1 NaN"):
        lazy.compute()


def test_an_object_undoes_a_kernel_again_and_again(low, true_kernel):
    undo = Inverse(true_kernel, 2)
    channels = (low / 255).astype(np.float32)[None]
    levels = undo.levels(channels)
    assert_array_equal(undo.upscale(channels, levels), undo.upscale(channels, levels))
    assert undo.upscale(channels[:, :40], levels).shape == (1, 80, 512)
