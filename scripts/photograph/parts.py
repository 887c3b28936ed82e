"""What scenes are made of: their names, samples, and what is done in several of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skimage import data

import napari_kernelgan as kg

from .stage import Stage, until

PHOTOGRAPH, FLUORESCENCE, SERIES = "photograph", "fluorescence", "timeseries"  # keys of the samples
FAST = "fast look"

Scene = Callable[[Stage], None]
"""Leaves a window in a state."""
SCENES: dict[str, Scene] = {}


def scene(function: Scene) -> Scene:
    """Name a scene after its function."""
    SCENES[function.__name__.replace("_", "-")] = function
    return function


def glanced(stage: Stage) -> None:
    """Wait for the live estimate: the first of a process takes seconds."""
    until(lambda: "FWHM" in stage.panel.live_view.words.value)


def upscaled(stage: Stage, sample: bool = True) -> None:
    """An image and its upscale, by closed forms."""
    if sample:
        stage.open()
        stage.sample(PHOTOGRAPH)
    stage.panel.preset.value = FAST
    glanced(stage)
    stage.panel.run_both()
    stage.finish()


def optics(stage: Stage, aperture: str = "1.4") -> None:
    """Fill in a microscope."""
    stage.panel.optics.aperture.value, stage.panel.optics.wavelength.value = aperture, "520"


def microscopic() -> np.ndarray:
    """Cells under a PSF that is an Airy pattern, (Y, X), uint8."""
    return kg.degrade(data.camera(), kg.kernels.airy(fwhm=3.5, size=20))
