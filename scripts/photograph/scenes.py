"""What is photographed: one function for each state of a window, which leaves it in that state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from skimage import data

import napari_kernelgan as kg
from napari_kernelgan.kernels import gaussian
from napari_kernelgan.plugin.compare_page import BLINK, CURTAIN
from napari_kernelgan.plugin.forms import Fold
from napari_kernelgan.plugin.stack_widget import PLANES
from napari_kernelgan.plugin.widget import COMPARE, PLOTS, SELECTED, TRUST
from napari_kernelgan.report.numbers import KERNEL, PSF

from .stage import FIELD, STACK, Stage, until

PHOTOGRAPH, FLUORESCENCE, SERIES = "photograph", "fluorescence", "timeseries"  # keys of the samples
FAST = "fast look"
PIXEL = 0.1  # µm
CENTRE, ZOOM = (100.0, 132.0), 4.2  # of a detail of the photograph; screen pixels per image pixel

Scene = Callable[[Stage], None]
SCENES: dict[str, Scene] = {}


def scene(function: Scene) -> Scene:
    """Name a scene after its function."""
    SCENES[function.__name__.replace("_", "-")] = function
    return function


# the page of steps


@scene
def empty(stage: Stage) -> None:
    stage.open()


@scene
def idle(stage: Stage) -> None:
    stage.open()
    stage.sample(PHOTOGRAPH)
    glanced(stage)


@scene
def running_kernel(stage: Stage) -> None:
    idle(stage)
    stage.panel.method.value = "kernelgan"
    stage.panel.run_both()
    until(lambda: "left" in stage.panel.status.value and stage.panel.progress.value > 60)


@scene
def running_upscale(stage: Stage) -> None:
    idle(stage)
    fields = stage.panel.settings["zssr"].fields
    fields["layers"].value, fields["channels"].value = 8, 192  # slow
    stage.panel.run_both()
    until(lambda: "ZSSR" in stage.panel.status.value and stage.panel.progress.value > 5)


@scene
def stopped(stage: Stage) -> None:
    running_kernel(stage)
    stage.panel.cancel()
    stage.finish()


@scene
def done(stage: Stage) -> None:
    """As somebody sees it who presses "Run both" and nothing else."""
    idle(stage)
    stage.panel.run_both()
    stage.finish()


@scene
def both_results(stage: Stage) -> None:
    """The same, the image on the left and the upscale on the right."""
    done(stage)
    grid, camera = stage.viewer.canvas.grid, stage.viewer.scene.camera
    grid.enabled, grid.stride, grid.shape = True, 2, (1, 2)

    def look() -> None:
        camera.center, camera.zoom = CENTRE, ZOOM

    stage.on_show = look


@scene
def failed(stage: Stage) -> None:
    stage.open()
    stage.viewer.add_image(data.camera()[:40, :40], name="too small")
    stage.panel.estimate()
    stage.finish()


@scene
def several(stage: Stage) -> None:
    """Several images are selected and worked on, one after another."""
    stage.open()
    for name, picture in (("moon", data.moon()), ("coins", data.coins()), ("brick", data.brick())):
        stage.viewer.add_image(kg.degrade(picture, gaussian(2.0)), name=name)
    glanced(stage)
    stage.viewer.layers.selection = set(stage.viewer.layers)
    stage.panel.layers.value = SELECTED
    stage.panel.upscaler.value = "inverse"
    stage.panel.run_both()
    stage.finish()


@scene
def several_failed(stage: Stage) -> None:
    """The same, and one image is too small."""
    stage.open()
    for name, picture in (("moon", kg.degrade(data.moon(), gaussian(2.0))), ("stamp", data.camera()[:40, :40])):
        stage.viewer.add_image(picture, name=name)
    stage.viewer.layers.selection = set(stage.viewer.layers)
    stage.panel.layers.value = SELECTED
    stage.panel.preset.value = FAST
    stage.panel.run_both()
    stage.finish()


@scene
def series(stage: Stage) -> None:
    """A time series with pixels of a known size, and a kernel of the plane that is seen."""
    stage.open()
    stage.sample(SERIES)
    stage.panel.preset.value = FAST
    glanced(stage)
    stage.panel.estimate()
    stage.finish()


@scene
def region(stage: Stage) -> None:
    idle(stage)
    shapes = stage.viewer.add_shapes([[[40, 130], [40, 230], [140, 230], [140, 130]]], name="region", edge_width=2, face_color="#ffffff30")
    stage.panel.region.value = shapes
    until(lambda: "Region" in stage.panel.live_view.words.value)


@scene
def advanced(stage: Stage) -> None:
    idle(stage)
    stage.panel.advanced.opened = True
    stage.on_show = lambda: stage.scroll_to(stage.panel.advanced.native)


@scene
def advanced_zssr(stage: Stage) -> None:
    advanced(stage)
    fold = next(each for each in stage.panel.advanced.content if isinstance(each, Fold) and each.title == "ZSSR")
    fold.opened = True
    stage.on_show = lambda: (stage.scroll_to(stage.panel.advanced.native), stage.scroll_to(fold.native))


@scene
def size(stage: Stage) -> None:
    series(stage)
    optics(stage, "0.3")
    stage.panel.size_fold.opened = True
    stage.on_show = lambda: stage.scroll_to(stage.panel.size_fold.native)


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


# the other panels, and napari's preferences


@scene
def stack(stage: Stage) -> None:
    stage.open(STACK)
    stage.sample(SERIES)


@scene
def stack_range(stage: Stage) -> None:
    """All choices that there can be at once."""
    stack(stage)
    panel = stage.panel
    panel.planes.value, panel.share.value, panel.output.value = "range", "window", "OME-Zarr on disk"


@scene
def stack_planes(stage: Stage) -> None:
    """A kernel for every frame of a series whose focus drifts."""
    stack(stage)
    panel = stage.panel
    panel.share.value, panel.upscaler.value = "plane", "inverse"
    panel.run()
    stage.finish()
    panel.pages.page = PLANES
    panel.table.setCurrentCell(2, 0)


@scene
def field(stage: Stage) -> None:
    stage.open(FIELD)
    stage.sample(PHOTOGRAPH)


@scene
def field_map(stage: Stage) -> None:
    field(stage)
    stage.panel.tile.value = 96
    stage.panel.map_kernels()
    stage.finish()


@scene
def preferences(stage: Stage) -> None:
    stage.dialog = dialog = PreferencesDialog(stage.window)
    dialog.show()
    names = [dialog._list.item(row).text() for row in range(dialog._list.count())]
    dialog._list.setCurrentRow(names.index("KernelGAN"))


# what scenes are made of


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
