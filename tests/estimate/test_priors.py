"""The priors: those that come with the package, how few pictures lean on many, and which one an image chooses."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import data, filters

import napari_kernelgan as kg
from napari_kernelgan import InputError, kernels
from napari_kernelgan.estimate.spectral.fitting import iter_fit_prior
from napari_kernelgan.estimate.spectral.grid import RADII, polar_grid
from napari_kernelgan.estimate.spectral.prior import BUILT_IN, LEVEL_VARIANCE, WIDER, Prior, built_in, leaning, pooled
from napari_kernelgan.progress import run

BINS = len(polar_grid().counts)


def made(name, mean, variance, scales=(2, 3)):
    return Prior(name, {s: np.full(BINS, mean) for s in scales}, {s: variance * np.eye(BINS) for s in scales}, {"source": name})


def chosen(image, **options):
    return kg.estimate_kernel(image, method="spectral", **options).details["spectrum"]["prior"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_prior_that_comes_along_is_whole_and_says_what_it_was_learnt_from(name):
    prior = built_in(name)
    assert prior.name == name
    assert "source" in json.dumps(prior.about)
    for scale in (2, 3, 4):
        assert np.linalg.eigvalsh(prior.covariance[scale]).min() > 0
        rings = np.array([prior.mean[scale][polar_grid().ring == ring].mean() for ring in range(RADII)])
        assert (np.diff(rings)[1:12] < 0).all()  # power falls with the frequency


def test_microscope_images_are_smoother_and_broad_is_wider_than_both():
    natural, microscopy, broad = (built_in(name) for name in ("natural", "microscopy", "broad"))
    ring = polar_grid().ring
    slope = {prior.name: prior.mean[2][ring == 11].mean() - prior.mean[2][ring == 2].mean() for prior in (natural, microscopy, broad)}
    assert slope["microscopy"] < slope["broad"] < slope["natural"]
    for prior in (natural, microscopy):
        assert (np.diag(broad.covariance[2]) > np.diag(prior.covariance[2])).all()


@pytest.mark.parametrize("picture", [data.camera(), data.astronaut(), data.coffee()])
def test_photographs_choose_the_natural_prior(picture):
    assert chosen(kg.degrade(picture, kernels.gaussian(2.0))) == "natural"


def test_a_named_prior_is_the_one_that_is_used():
    low = kg.degrade(data.camera(), kernels.gaussian(2.0))
    assert {chosen(low, config={"prior": name}) for name in BUILT_IN} == set(BUILT_IN)


def test_few_pictures_lean_on_many():
    few, many = made("few", 2.0, 4.0), made("many", 0.0, 2.0, (2, 3, 4))
    prior = leaning(few, many)
    assert (prior.name, prior.about["source"], prior.about["leans_on"]) == ("few", "few", "many")
    assert sorted(prior.mean) == [2, 3]
    assert_allclose(prior.mean[2], 1.0)
    assert_allclose(prior.covariance[2], 2.5 * np.eye(BINS) + LEVEL_VARIANCE)


def test_a_pool_holds_the_difference_between_its_priors():
    prior = pooled(made("a", -1.0, 2.0), made("b", 3.0, 4.0), "both")
    assert_allclose(prior.mean[3], 1.0)
    assert_allclose(prior.covariance[3], WIDER * (3.0 * np.eye(BINS) + 2.0**2) + LEVEL_VARIANCE)
    assert set(prior.about["pooled"]) == {"a", "b"}


def test_a_prior_on_another_grid_of_frequencies_is_refused(tmp_path):
    bins = BINS - 24
    path = Prior("old", {2: np.zeros(bins)}, {2: np.eye(bins)}, {}).save(tmp_path / "old.npz")
    with pytest.raises(InputError, match=f"another version.*{BINS} bins"):
        Prior.load(path)
    with pytest.raises(InputError, match="fit-prior"):
        kg.estimate_kernel(data.camera(), method="spectral", config={"prior": str(path)})


def test_what_is_no_prior_is_refused(tmp_path):
    path = tmp_path / "prior.npz"
    for content in (b"", b"PK\x03\x04 and no more", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="fit-prior makes"):
            Prior.load(path)
    for about in ('{"no": "name"}', "[]", "{"):
        np.savez(path, about=np.array(about))
        with pytest.raises(InputError, match="fit-prior makes"):
            Prior.load(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InputError, match="fit-prior makes"):
        Prior.load(tmp_path / "array.npy")


def test_fine_gray_values_need_not_be_rounded():
    """Pictures of a thousandth of the contrast would round to nothing: their priors differ by the contrast alone."""
    pictures = [
        filters.gaussian(data.camera()[y : y + 192, x : x + 192] / 255, 0.7)[None] for y in (0, 90, 180, 300) for x in (0, 150, 300)
    ]
    bright, faint = (
        run(iter_fit_prior([(part * picture).astype(np.float32) for picture in pictures], 12, "a", {}, step=0.0)) for part in (1.0, 1e-3)
    )
    assert_allclose(faint.mean[2], bright.mean[2] + 2 * np.log(1e-3), atol=0.01)
