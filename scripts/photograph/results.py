"""Scenes of the pages Plots, Compare and Trust."""

from __future__ import annotations

from functools import partial

from skimage import data

from napari_kernelgan.plugin.compare_page import BLINK, CURTAIN
from napari_kernelgan.plugin.widget import COMPARE, PLOTS, TRUST
from napari_kernelgan.report.numbers import KERNEL, PSF

from .parts import FAST, FLUORESCENCE, SCENES, glanced, microscopic, optics, scene, upscaled
from .stage import Stage, until
from .steps import idle, running_kernel

PIXEL = 0.1  # µm

# plots


@scene
def plots_nothing(stage: Stage) -> None:
    idle(stage)
    stage.panel.pages.page = PLOTS


@scene
def plots_training(stage: Stage) -> None:
    running_kernel(stage)
    stage.panel.pages.page = PLOTS


def plots(stage: Stage, plot: str, of: str, method: str = "spectral") -> None:
    stage.open()
    stage.viewer.add_image(microscopic(), name="cells", scale=(PIXEL, PIXEL), units=("µm", "µm"))
    stage.panel.method.value = method
    stage.panel.settings["kernelgan"].fields["steps"].value = 300
    optics(stage)
    stage.panel.estimate()
    stage.finish()
    stage.panel.pages.page = PLOTS
    stage.panel.plots.plot.value, stage.panel.plots.of.value = plot, of


for _plot in ("profiles", "MTF", "encircled energy"):
    for _of, _name in ((KERNEL, "kernel"), (PSF, "psf")):
        SCENES[f"plots-{_plot.split()[0].lower()}-{_name}"] = partial(plots, plot=_plot, of=_of)
SCENES["plots-losses"] = partial(plots, plot="training", of=KERNEL, method="kernelgan")
SCENES["plots-profiles-kernelgan"] = partial(plots, plot="profiles", of=PSF, method="kernelgan")


def psf_of_sample(stage: Stage, plot: str) -> None:
    """The PSF of a sample, beside that of an objective for which its pixels would be made."""
    stage.open()
    stage.sample(FLUORESCENCE)
    stage.panel.preset.value = FAST
    glanced(stage)
    optics(stage, "0.3")
    stage.panel.estimate()
    stage.finish()
    stage.panel.pages.page = PLOTS
    stage.panel.plots.plot.value, stage.panel.plots.of.value = plot, PSF


for _plot in ("profiles", "MTF", "encircled energy"):
    SCENES[f"psf-{_plot.split()[0].lower()}"] = partial(psf_of_sample, plot=_plot)


# compare


@scene
def compare_off(stage: Stage) -> None:
    upscaled(stage)
    stage.panel.pages.page = COMPARE


@scene
def compare_nothing(stage: Stage) -> None:
    idle(stage)
    stage.panel.pages.page = COMPARE


@scene
def compare_curtain(stage: Stage) -> None:
    compare_off(stage)
    stage.panel.compare.mode.value = CURTAIN


@scene
def compare_blink(stage: Stage) -> None:
    compare_off(stage)
    stage.panel.compare.mode.value = BLINK


@scene
def compare_line(stage: Stage) -> None:
    """A line over a detail, and how bright it is along that."""
    compare_curtain(stage)
    page = stage.panel.compare
    page.draw_line()
    page.lines.value.add_lines([[64.0, 96.0], [64.0, 160.0]], edge_color="#ffb000", edge_width=1)
    page.lines.value.mode = "select"
    until(lambda: page.plot.profiles is not None)


# trust


@scene
def trust_nothing(stage: Stage) -> None:
    idle(stage)
    stage.panel.pages.page = TRUST


@scene
def trust_unchecked(stage: Stage) -> None:
    """A bicubic upscale is not checked by itself."""
    idle(stage)
    stage.panel.upscaler.value = "bicubic"
    stage.panel.upscale()
    stage.finish()
    stage.panel.pages.page = TRUST


@scene
def trust_pass(stage: Stage) -> None:
    upscaled(stage)
    stage.panel.pages.page = TRUST


@scene
def trust_warn(stage: Stage) -> None:
    """An image so small that single objects decide."""
    stage.open()
    stage.viewer.add_image(microscopic()[60:140, 100:180], name="detail")
    upscaled(stage, sample=False)
    stage.panel.pages.page = TRUST


@scene
def trust_no_evidence(stage: Stage) -> None:
    """A picture that is sharp already."""
    stage.open()
    stage.viewer.add_image(data.camera()[:256, 100:356], name="sharp")
    upscaled(stage, sample=False)
    stage.panel.pages.page = TRUST


@scene
def trust_made(stage: Stage) -> None:
    trust_pass(stage)
    stage.panel.trust.fold.opened = True
    stage.on_show = lambda: stage.scroll_to(stage.panel.trust.fold.native)


@scene
def trust_residual(stage: Stage) -> None:
    trust_pass(stage)
    stage.panel.trust.residual()
    stage.finish()
