"""``fit-prior``, and estimates with what it made."""

import json

import imageio.v3 as iio
import numpy as np
from skimage import data

from napari_kernelgan.estimate.spectral.prior import Prior


def test_a_prior_is_learnt_from_folders_and_used(cli, image, tmp_path):
    folder = tmp_path / "sharp"
    folder.mkdir()
    for number, (y, x) in enumerate((y, x) for y in (0, 100, 200, 310) for x in (0, 150, 310)):
        iio.imwrite(folder / f"{number}.png", data.astronaut()[y : y + 200, x : x + 200])
    path = tmp_path / "mine.npz"
    done = cli("fit-prior", folder, "-o", path, "--name", "mine", "--about", "one astronaut")
    assert (done.status, done.out.strip()) == (0, str(path))
    assert (Prior.load(path).name, Prior.load(path).about["source"]) == ("mine", "one astronaut")
    assert cli("fit-prior", folder, "-o", path).status == 2  # it is there
    assert cli("fit-prior", folder, "-o", tmp_path / "few.npz", "--limit", 5).status == 2
    assert not (tmp_path / "few.npz").exists()
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"spectral": {"prior": str(path)}}))
    found = json.loads(cli("estimate", image, "-o", tmp_path / "out", "--method", "spectral", "--config", settings, "--json").out)
    assert found["spectrum"]["prior"] == "mine"
    assert np.shape(found["fwhm_interval"]) == (2, 2)
    assert found["reliability"]["level"] in ("reliable", "uncertain", "unreliable")
