import json
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from skimage.data import camera

import napari_kernelgan as kg
from napari_kernelgan.cli.commands import app

SHORT = {
    "comment": "the shortest training that goes through every part",
    "kernelgan": {"steps": 30},
    "spectral": {"max_planes": 2},
    "zssr": {"max_steps": 20, "check_every": 5, "trend_steps": 10, "crop": 32, "layers": 3, "channels": 16},
}


class Answer(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def cli(capsys):
    """Run a command in this process."""

    def run(*arguments: object) -> Answer:
        with pytest.raises(SystemExit) as end:
            app([str(each) for each in arguments], prog_name="napari-kernelgan")
        said = capsys.readouterr()
        return Answer(int(end.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def short(tmp_path):
    path = tmp_path / "short.json"
    path.write_text(json.dumps(SHORT))
    return path


@pytest.fixture
def image(tmp_path):
    """A blurred photograph of 64 x 72 px as a microscope's TIFF, pixels of 0.1 um."""
    path = tmp_path / "image.tif"
    low = kg.degrade(camera()[200:328, 100:244], kg.kernels.gaussian(2.0))
    tifffile.imwrite(path, low.astype(np.uint16) * 200, imagej=True, resolution=(10, 10), metadata={"unit": "um"})
    return path
