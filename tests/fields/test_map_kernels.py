"""Maps of kernels: they follow a blur that varies, say what they do not know, and read no more than they need."""

import dask.array as da
import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose, assert_array_equal
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan import InputError, KernelMap, kernels
from napari_kernelgan.progress import run

TILE = 96


def widening(y: float, x: float) -> np.ndarray:
    return kernels.gaussian((1.0 + 0.6 * x / 255) ** 2)


@pytest.fixture(scope="module")
def low(sharp) -> np.ndarray:
    """Camera, 256 x 256, wider on the right."""
    return kg.degrade_field(sharp, widening)


@pytest.fixture(scope="module")
def found(low) -> KernelMap:
    return kg.map_kernels(low, tile=TILE, seed=3)


def true_widths(found: KernelMap) -> np.ndarray:
    return np.array([[kernels.gaussian_fwhm((1 + 0.6 * x / 255) ** 2 * np.eye(2))[:2] for x in found.columns] for _ in found.rows])


def test_widths_that_vary_are_found_and_smoothed(found):
    truth = true_widths(found)
    raw, smooth = (widths[..., :2] - truth for widths in (found.raw_fwhm, found.fwhm))
    assert np.sqrt(np.mean(smooth**2)) < min(0.3, np.sqrt(np.mean(raw**2)))
    assert smooth.std((0, 1)).mean() < raw.std((0, 1)).mean()  # what all tiles have in common stays
    narrow, wide = found.fwhm_image("mean")[:, [0, -1]].mean(0)
    assert wide - narrow > 0.4 * (truth[0, -1, 0] - truth[0, 0, 0])
    inside = (found.fwhm_interval[..., 0] < truth) & (truth < found.fwhm_interval[..., 1])
    assert inside.mean() > 0.8


def test_a_map_is_whole_and_tells_how_it_was_made(found, low):
    ty, tx = found.shape
    assert (ty, tx) == (5, 5)
    assert_allclose(found.rows[[0, -1]], [(TILE - 1) / 2, 255 - (TILE - 1) / 2])
    assert (found.scale, found.image_size, found.tile, found.method, found.seed) == (2, (256, 256), (TILE, TILE), "spectral", 3)
    for kernel, widths, moments in zip(
        found.kernels.reshape(-1, 14, 14), found.fwhm.reshape(-1, 3), found.covariance.reshape(-1, 3), strict=True
    ):
        kernels.check_kernel(kernel, 2)
        assert kernel.min() >= 0
        assert_allclose(kernels.centre_of_mass(kernel), 6.5, atol=0.05)
        assert_allclose(widths, kernels.fwhm(kernel))
        assert_allclose(moments[[0, 2, 2, 1]].reshape(2, 2), kernels.covariance(kernel))
    assert set(found.reliability.ravel()) <= {"reliable", "uncertain", "unreliable"}
    alone = kg.estimate_kernel(low[:TILE, :TILE], seed=3)
    assert_allclose(found.raw_kernels[0, 0], alone.kernel)
    assert_allclose(found.raw_fwhm_interval[0, 0], alone.fwhm_interval)
    assert found.details["input"]["sha256"][0] == alone.details["input"]["sha256"]
    assert found.details["smoothing"]["scatter"] > 0
    assert found.seconds > 0
    assert repr(found).startswith("KernelMap('spectral', scale 2, 5 x 5 tiles, FWHM ")


def test_layers_get_their_data_in_pixels_of_the_image(found):
    assert found.fwhm_image().shape == found.shape
    assert found.fwhm_image("angle").dtype == np.float32
    assert_allclose(found.spacing, (found.rows[-1] - found.rows[0]) / 4)
    lines, boxes = found.axes_vectors(magnify=10), found.ellipses(magnify=10)
    assert (lines.shape, boxes.shape) == ((25, 2, 2), (25, 4, 2))
    centres = np.stack(np.meshgrid(found.rows, found.columns, indexing="ij"), -1).reshape(-1, 2)
    assert_allclose(boxes.mean(1), centres)
    assert_allclose(lines[:, 0] + lines[:, 1] / 2, centres)
    assert_allclose(np.linalg.norm(lines[:, 1], axis=1), 10 * found.fwhm[..., 0].ravel() / 2)
    assert_allclose(np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1), 10 * found.fwhm[..., 1].ravel() / 2)
    assert_allclose(np.rad2deg(np.arctan2(*lines[:, 1].T)) % 180, found.fwhm[..., 2].ravel(), atol=1e-6)
    assert np.linalg.norm(found.axes_vectors()[:, 1], axis=1).max() == pytest.approx(0.9 * found.spacing[0])


def test_kernels_between_tiles_are_blended(found):
    assert_allclose(found.kernel_at(found.rows[1], found.columns[2]), found.kernels[1, 2])
    assert_allclose(found.kernel_at(-0.5, -0.5), found.kernels[0, 0])
    between = found.kernel_at(found.rows[1], (found.columns[2] + found.columns[3]) / 2)
    assert_allclose(between, (found.kernels[1, 2] + found.kernels[1, 3]) / 2)
    assert found.mean_kernel.sum() == pytest.approx(1)


def test_tiles_that_tell_nothing_are_missing_and_filled(low, rng):
    image = low[:, :192].astype(np.float32)
    image[:110, :110] = 40 + rng.normal(0, 2, (110, 110))  # no texture
    image[150:, 100:] = np.nan
    found = kg.map_kernels(image, tile=TILE, overlap=0.1)
    assert found.missing.any()
    assert found.reliability[0, 0] == "missing"
    assert found.reliability[-1, -1] == "missing"
    at = np.flatnonzero(found.missing.ravel())
    assert all(found.reasons[i] for i in at)
    assert "%" in found.reasons[-1][0]
    assert np.isnan(found.raw_kernels[found.missing]).all()
    assert np.isfinite(found.kernels).all()
    assert np.isfinite(found.fwhm_interval).all()
    assert f"{len(at)} filled" in repr(found)
    plain = kg.map_kernels(image, tile=TILE, overlap=0.1, smooth=False)
    assert_array_equal(np.isnan(plain.kernels[..., 0, 0]), found.missing)
    assert_allclose(plain.raw_kernels, found.raw_kernels)
    assert len(plain.ellipses()) == (~plain.missing).sum()
    with pytest.raises(InputError, match="smooth=True"):
        kg.upscale(np.nan_to_num(image), plain)


def test_nothing_anywhere_is_refused(rng):
    with pytest.raises(InputError, match="No tile"):
        kg.map_kernels(np.full((128, 128), 7, np.uint8), tile=64)
    with pytest.raises(InputError, match="48 px"):
        kg.map_kernels(data.camera(), tile=32)
    with pytest.raises(InputError, match="scale"):
        kg.map_kernels(data.camera(), scale=5)
    with pytest.raises(InputError, match="HybridConfig"):
        kg.map_kernels(data.camera(), config=kg.HybridConfig())


def test_of_lazy_images_a_tile_reads_only_itself(low, found, tmp_path):
    read = []

    def spied(block, block_info=None):
        read.append(tuple(at[0] // 32 for at in block_info[0]["array-location"]))
        return block

    lazy = da.from_array(low, chunks=32).map_blocks(spied, dtype=low.dtype, meta=np.empty((0, 0), low.dtype))
    steps = kg.iter_map_kernels(lazy, tile=TILE, seed=3)
    next(steps)
    assert set(read) == {(y, x) for y in range(3) for x in range(3)}
    steps.close()
    store = zarr.open(str(tmp_path / "low.zarr"), mode="w", shape=low.shape, chunks=(64, 64), dtype=low.dtype)
    store[:] = low
    assert_allclose(kg.map_kernels(store, tile=TILE, seed=3).kernels, found.kernels)


def test_stacks_are_pooled_and_colours_are_one_picture(low):
    stack = np.stack([low, low[::-1], low.T[:, ::-1]])[:, :128, :128]
    pooled = kg.map_kernels(stack, tile=TILE)
    assert pooled.shape == (2, 2)
    assert_allclose(pooled.raw_kernels[1, 0], kg.estimate_kernel(stack[:, 32:, :TILE]).kernel)
    colour = np.stack([low, low // 2, 255 - low], -1)[:128, :128]
    assert_allclose(kg.map_kernels(colour, tile=TILE).raw_kernels[0, 0], kg.estimate_kernel(colour[:TILE, :TILE]).kernel)


def test_a_stop_leaves_the_other_tiles_to_their_neighbours(low):
    seen = []

    def stop(progress):
        seen.append((progress.step, progress.total, progress.kernel.shape))
        return progress.step < 3

    found = kg.map_kernels(low, tile=TILE, callback=stop)
    assert seen[-1] == (3, 25, (14, 14))
    assert found.stopped
    assert found.missing.sum() == 22
    assert np.isfinite(found.kernels).all()
    assert "stopped" in found.reasons[-1][0]


def test_methods_without_error_bars_are_smoothed_by_their_scatter(low):
    found = kg.map_kernels(low[:160, :160], tile=128, method="recurrence", config={"iterations": 2, "queries": 300, "candidates": 2000})
    assert found.shape == (2, 2)
    assert (found.method, found.fwhm_interval, found.covariance_sd) == ("recurrence", None, None)
    assert set(found.reliability.ravel()) == {"unknown"}
    assert np.isfinite(found.kernels).all()


def test_the_value_range_of_other_dtypes_is_one_for_all_tiles(low):
    image = low.astype(np.float32) * 13 + 100
    found = kg.map_kernels(image[:128, :128], tile=TILE)
    low_end, high_end = found.details["input"]["value_range"]
    assert_allclose([low_end, high_end], np.percentile(image[:128, :128], [0.1, 99.9]), rtol=0.02)
    given = run(kg.iter_map_kernels(image[:128, :128], tile=TILE, value_range=(0, 4000)))
    assert given.details["input"]["value_range"] == [0, 4000]
