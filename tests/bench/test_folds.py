"""Cross-validated priors: fitted on the other folds' pictures, and used for their own fold alone."""

import json

import imageio.v3 as iio
import numpy as np
import pytest
from skimage import data

from napari_kernelgan import InputError, Settings
from napari_kernelgan.bench.command import run_bench
from napari_kernelgan.bench.folds import check_folds, prior_paths, with_prior
from napari_kernelgan.estimate.spectral.prior import Prior

SIDE = 192


@pytest.fixture
def folder(tmp_path):
    """Eighteen gray pictures."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    sources = [data.camera(), data.astronaut()[..., 1], data.coffee()[..., 1], data.chelsea()[..., 1], data.moon(), data.coins()]
    number = 0
    for source in sources:
        for x in (0, 60, 120):
            iio.imwrite(pictures / f"p{number:02}.png", source[40 : 40 + SIDE, x : x + SIDE])
            number += 1
    return pictures


def test_no_picture_is_scored_with_a_prior_that_saw_it(folder, tmp_path):
    out, told = tmp_path / "out", []
    scores = run_bench(
        folder,
        out,
        ["spectral", "bicubic-kernel"],
        cross_validate=3,
        noises=[0, 0.02],
        progress=lambda what, step: told.append((what, step is None)),
    )
    assert len(scores) == 18 * 2 * 2
    left_out = []
    for path in prior_paths(out, 3):
        prior = Prior.load(path)
        assert set(prior.about["pictures"].values()) == {12}
        left_out.append(prior.about["left_out"])
    assert left_out == [[f"p{i:02}" for i in range(fold, 18, 3)] for fold in range(3)]
    assert ("prior of fold 2 of 3", True) in told
    assert ("prior of fold 2 of 3", False) in told
    assert json.loads((out / "bench.json").read_text())["cross_validate"] == 3
    # the same picture with the prior of its own fold, and with another
    by_hand = {}
    for fold in (1, 2):
        settings = with_prior(Settings(), out / "priors" / f"fold-{fold}.npz")
        by_hand[fold] = run_bench(folder, tmp_path / f"by hand {fold}", ["spectral"], limit=1, config=settings)[0].kernel_psnr
    (mine,) = (s.kernel_psnr for s in scores if (s.picture, s.noise, s.method) == ("p00", 0, "spectral"))
    assert mine == by_hand[1] != by_hand[2]
    with pytest.raises(InputError, match="already exists"):
        run_bench(folder, out, ["spectral"], cross_validate=3)


def test_low_resolution_pictures_are_told_from_their_originals(folder, tmp_path):
    np.savez(tmp_path / "k.npz", a=np.eye(2))
    with pytest.raises(InputError, match="folder with the originals"):
        run_bench(folder, tmp_path / "out", ["spectral"], kernels=tmp_path / "k.npz", cross_validate=3)


@pytest.mark.parametrize(("pictures", "folds"), [(14, 1), (14, 15), (20, 2), (12, 3)])
def test_folds_that_leave_too_little_are_refused(tmp_path, pictures, folds):
    paths = [tmp_path / f"{i}.png" for i in range(pictures)]
    with pytest.raises(InputError, match="do not leave 12"):
        check_folds(paths, folds)


@pytest.mark.parametrize(("pictures", "folds"), [(24, 2), (13, 13), (18, 3)])
def test_folds_that_leave_enough_are_taken(tmp_path, pictures, folds):
    check_folds([tmp_path / f"{i}.png" for i in range(pictures)], folds)
