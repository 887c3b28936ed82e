"""A small stack in a file, and how it is processed."""

import pytest
import tifffile
from small import QUICK, planes  # type: ignore[import-not-found]

import napari_kernelgan as kg


@pytest.fixture(scope="session")
def stack():
    return planes(5)


@pytest.fixture
def file(stack, tmp_path):
    """The stack as a microscope's TIFF, pixels of 0.1 um, a plane every 2 s."""
    path = tmp_path / "stack.tif"
    metadata = {"axes": "TYX", "unit": "um", "finterval": 2.0}
    tifffile.imwrite(path, stack, imagej=True, resolution=(10, 10), metadata=metadata)
    return path


@pytest.fixture
def process():
    """Process a stack on one thread, with quick settings."""

    def run(source, *args, **options):
        return kg.process_stack(source, *args, **{"config": QUICK, "upscaler": "inverse", "threads": 1} | options)

    return run
