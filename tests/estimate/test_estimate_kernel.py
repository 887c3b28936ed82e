"""``estimate_kernel`` as its users see it."""

import subprocess
import sys

import dask.array as da
import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan import InputError, KernelGANConfig, kernels
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.provenance import hash_array

SHORT = {"method": "kernelgan", "config": KernelGANConfig(steps=12)}

every_method = pytest.mark.parametrize("options", [{}, SHORT], ids=["auto", "kernelgan"])


def test_auto_is_the_spectral_estimate_and_says_so(small):
    estimate = kg.estimate_kernel(small, seed=4)
    assert (estimate.scale, estimate.method, estimate.seed, estimate.device) == (2, "spectral", 4, "cpu")
    assert_array_equal(estimate.kernel, kg.estimate_kernel(small, method="spectral", config=kg.SpectralConfig()).kernel)
    assert estimate.reliability.level in ("reliable", "uncertain", "unreliable")
    for (low, high), width in zip(estimate.fwhm_interval, estimate.fwhm, strict=False):
        assert low < width < high
    assert estimate.reference == "prior"


@every_method
def test_the_estimate_keeps_the_convention(small, options):
    estimate = kg.estimate_kernel(small, seed=4, **options)
    assert estimate.kernel.shape == (14, 14)
    assert estimate.kernel.dtype == np.float64
    assert estimate.kernel.sum() == pytest.approx(1)
    assert estimate.kernel.min() >= 0
    assert_allclose(kernels.centre_of_mass(estimate.kernel), 6.5, atol=0.05)
    assert (estimate.scale, estimate.seed, estimate.device) == (2, 4, "cpu")
    assert not estimate.stopped
    assert estimate.seconds > 0
    assert estimate.details["input"]["value_range"] == [0, 255]
    assert estimate.details["input"]["axes"] == "YX"
    assert "FWHM" in repr(estimate)
    assert_array_equal(np.asarray(estimate), estimate.kernel)


def test_kernelgan_finds_a_known_kernel(sharp):
    """Over 3 seeds kernel PSNR of at least 40 dB each and mean FWHM within 15 %; a kernel 1.5 times as wide fails (control)."""
    covariance = np.array([[2.75, 0.35], [0.35, 2.4]])
    true = kernels.gaussian(covariance)
    low = kg.degrade(sharp[:384, :384], true)

    def passes(found):
        psnr = min(kernel_psnr(kernel, true) for kernel in found)
        widths = np.mean([kernels.fwhm(kernel)[:2] for kernel in found], axis=0)
        return psnr >= 40 and np.all(np.abs(widths / kernels.fwhm(true)[:2] - 1) < 0.15)

    estimates = kg.estimate_kernels([low], method="kernelgan", seeds=[0, 1, 2])
    assert passes([estimate.kernel for estimate in estimates]), estimates
    assert all(estimate.reliability is None for estimate in estimates)
    assert not passes([kernels.gaussian(1.5**2 * covariance, 14)])


def test_kernelgan_puts_its_training_on_record(small):
    estimate = kg.estimate_kernel(small, **SHORT)
    assert estimate.method == "kernelgan"
    assert estimate.reference == "self-similar"
    assert estimate.fwhm_interval is None
    assert estimate.reliability is None
    assert estimate.details["crops"]["generator"] == 60
    assert set(estimate.history.losses) >= {"generator", "discriminator", "sparsity"}
    assert all(len(values) == 12 for values in estimate.history.losses.values())
    assert_allclose(estimate.history.kernels[-1], estimate.kernel)


@every_method
def test_same_seed_same_kernel(small, options):
    first, again = (kg.estimate_kernel(small, seed=1, **options).kernel for _ in range(2))
    assert_array_equal(first, again)


def test_another_seed_trains_another_kernel(small):
    first, other = (kg.estimate_kernel(small, seed=seed, **SHORT).kernel for seed in (1, 2))
    assert np.abs(first - other).max() > 1e-6


@every_method
def test_a_batch_gives_what_single_runs_give(small, sharp, options):
    other = kg.degrade(sharp[:200, :240], kernels.gaussian(1.0))
    tiny, colour = other[:50, :60], np.stack([other] * 3, -1)  # which cannot be in one batch with the others
    images, seeds = (small, tiny, small[::-1], colour), (3, 4, 5, 6)
    batch = kg.estimate_kernels(images, seeds=seeds, **options)
    for estimate, image, seed in zip(batch, images, seeds, strict=True):
        alone = kg.estimate_kernel(image, seed=seed, **options)
        assert_allclose(estimate.kernel, alone.kernel, atol=2e-3 * alone.kernel.max())
    assert np.abs(batch[0].kernel - batch[1].kernel).max() > 1e-4


def test_no_value_range_depends_on_the_other_images_or_seeds(rng):
    large = rng.normal(size=(1100, 1000))  # of which a sample is taken
    ranges = [
        estimate.details["input"]["value_range"]
        for images, seeds in (([large], [5]), ([rng.random((50, 50)), large], [3, 4]))
        for estimate in kg.estimate_kernels(images, seeds=seeds)
    ]
    assert ranges[0] == ranges[2] != ranges[1]


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (300, 34)])
def test_kernelgan_takes_small_images(rng, shape):
    image = np.cumsum(rng.normal(size=shape), 0)
    estimate = kg.estimate_kernel(image, **SHORT)
    assert np.isfinite(estimate.kernel).all()
    assert estimate.details["crops"]["generator"] <= min(shape)


@every_method
def test_colour_alpha_and_stacks(small, rng, options):
    colour = np.stack([small, small[::-1], small[:, ::-1]], -1)
    from_colour = kg.estimate_kernel(colour, **options)
    alpha = (rng.random(small.shape) * 255).astype(np.uint8)[..., None]
    assert_array_equal(kg.estimate_kernel(np.concatenate([colour, alpha], -1), **options).kernel, from_colour.kernel)
    stack = np.stack([small, small[::-1]])
    pooled = kg.estimate_kernel(stack, **options)
    assert pooled.details["input"]["planes"] == [[0], [1]]
    few = {"max_planes": 3} | ({"steps": 5} if options else {})
    one = kg.estimate_kernel(np.stack([small] * 40), **options | {"config": few})
    assert one.details["input"]["planes"] == [[0], [20], [39]]


@every_method
@pytest.mark.parametrize("kind", ["big endian", "strided", "read-only", "dask", "zarr", "list"])
def test_any_array_gives_the_same_kernel(small, kind, options):
    image = small.astype(np.uint16)
    variant = {
        "big endian": lambda: image.astype(">u2"),
        "strided": lambda: np.repeat(image, 2, 1)[:, ::2],
        "read-only": lambda: np.frombuffer(image.tobytes(), np.uint16).reshape(image.shape),
        "dask": lambda: da.from_array(image, chunks=(30, 31)),
        "zarr": lambda: zarr.array(image),
        "list": lambda: image.tolist(),
    }[kind]()
    expected = kg.estimate_kernel(image, **options)
    found = kg.estimate_kernel(variant, **options)
    assert_array_equal(found.kernel, expected.kernel)
    if kind != "list":  # whose integers are 64 bit
        assert found.details["input"]["sha256"] == expected.details["input"]["sha256"]


def test_of_a_lazy_stack_only_the_planes_that_are_used_are_read_and_once(small):
    read = []

    def block(block_id):
        read.append(block_id[0])
        return small[None].astype(np.uint16)

    stack = da.map_blocks(lambda block_id: block(block_id), chunks=((1,) * 40, *((n,) for n in small.shape)), dtype=np.uint16)
    read.clear()  # dask tries the function when it is given
    kg.estimate_kernel(stack, config={"max_planes": 3})
    assert sorted(read) == [0, 20, 39]


def test_the_hash_is_of_a_whole_array_and_of_what_was_read_of_a_lazy_one(small):
    def hash_of(image, axes="TYX"):
        estimate = kg.estimate_kernel(image, axes=axes, config={"max_planes": 2})
        return estimate.details["input"]["sha256"]

    stack = np.stack([small] * 4)
    other = stack.copy()
    other[1] += 1  # a plane that is not among those that are used
    assert hash_of(stack) == hash_array(stack) == hash_of(stack.transpose(1, 0, 2).copy().transpose(1, 0, 2))
    assert hash_of(stack) != hash_of(other)
    assert hash_of(da.from_array(stack)) == hash_of(da.from_array(other)) != hash_of(stack)
    colour = np.stack([small, small[::-1], small])
    assert hash_of(colour, "SYX") == hash_array(colour)


def test_exhausted_memory_says_so():
    huge = zarr.create_array(store={}, shape=(2**31, 2**31), chunks=(1024, 1024), dtype="uint8")
    with pytest.raises(kg.OutOfMemory):
        kg.estimate_kernel(huge)


@every_method
def test_gain_and_offset_of_floats_do_not_matter(small, options):
    image = small.astype(np.float64)
    reference = kg.estimate_kernel(image, **options).kernel
    assert_allclose(kg.estimate_kernel(3000 + 7 * image, **options).kernel, reference, atol=1e-3 * reference.max())


def test_scale_four_of_kernelgan_is_composed_and_centred(small):
    estimate = kg.estimate_kernel(small, scale=4, **SHORT)
    k2, k4 = estimate.stages
    assert_allclose(k4, kernels.compose(k2))
    assert_array_equal(estimate.kernel, k4)
    assert_allclose(kernels.centre_of_mass(k4), (len(k4) - 1) / 2, atol=0.05)


def test_stopping_a_training_gives_the_kernel_so_far(small):
    seen = []

    def callback(progress):
        seen.append((progress.step, progress.total, progress.kernel, progress.losses))
        return progress.step < 5

    estimate = kg.estimate_kernel(small, callback=callback, **SHORT)
    assert estimate.stopped
    assert [step for step, *_ in seen] == [1, 2, 3, 4, 5]
    assert seen[0][1] == 12
    assert_array_equal(seen[-1][2], estimate.kernel)
    assert seen[-1][3]["sum"] == pytest.approx(estimate.history.losses["sum"][-1])


def test_the_generator_form_stops_too(small):
    steps = kg.iter_estimate_kernel(small, **SHORT)
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(False)
    assert end.value.value.stopped
    assert isinstance(end.value.value, kg.KernelEstimate)


@every_method
def test_the_generator_form_is_the_same(small, options):
    whole = list(kg.iter_estimate_kernel(small, **options))
    assert whole[-1].step == whole[-1].total == (12 if options else 1)
    assert_array_equal(whole[-1].kernel, kg.estimate_kernel(small, **options).kernel)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((64, 64), bool)}, "boolean"),
        ({"image": np.zeros((64, 64), complex)}, "complex"),
        ({"image": np.full((64, 64), np.nan)}, "No pixel"),
        ({"image": np.full((64, 64), np.nan), "method": "kernelgan"}, "4096 NaN"),
        ({"image": np.ones((64, 64))}, "constant"),
        ({"image": np.ones((64, 64), np.uint8)}, "constant"),
        ({"image": np.ones((64, 64), np.uint16), "value_range": (0, 9)}, "constant"),
        ({"image": np.stack([np.zeros((64, 64)), np.full((64, 64), np.nan)])}, "Plane .1,. of the image has no pixels"),
        (
            {"image": np.stack([np.zeros((64, 64)), np.full((64, 64), np.nan)]), "method": "kernelgan"},
            "Plane .1,. of the image has 4096 NaN.*method='spectral'",
        ),
        ({"image": np.random.default_rng(0).random((47, 64))}, "too small .* method='kernelgan'"),
        ({"image": np.random.default_rng(0).random((31, 64)), "method": "kernelgan"}, "too small"),
        ({"image": np.zeros(64)}, "at least two axes"),
        ({"image": [[1, 2], [3]]}, "rows of one length"),
        ({"axes": "XS"}, "no Y or no X"),
        ({"axes": "YXS"}, "names 3 axes"),
        ({"scale": 5}, "2, 3 and 4"),
        ({"scale": 3, "method": "kernelgan"}, "2 and, through it, 4"),
        ({"scale": 1}, "at least 2"),
        ({"method": "magic"}, "auto, spectral, kernelgan"),
        ({"device": "tpu9"}, "unknown"),
        ({"device": "cuda:99"}, "not available"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"config": {"steps": 0}, "method": "kernelgan"}, "steps: .* greater than or equal to 1"),
        ({"config": {"stepz": 3}}, "stepz"),
        ({"config": kg.ZSSRConfig()}, "takes SpectralConfig, not ZSSRConfig: name the method"),
        ({"value_range": (3, 3)}, "value_range"),
    ],
)
def test_bad_input_is_refused_with_advice(small, change, message):
    arguments = {"image": small} | change
    with pytest.raises(InputError, match=message):
        kg.estimate_kernel(**arguments)


def test_the_default_estimate_does_without_torch():
    code = (
        "import sys, numpy as np, napari_kernelgan as kg\n"
        "kg.estimate_kernel(np.random.default_rng(0).random((64, 64)))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_the_package_loads_neither_torch_nor_napari():
    code = "import sys, napari_kernelgan; bad = {'torch', 'napari', 'qtpy', 'magicgui'} & set(sys.modules); sys.exit(len(bad))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
