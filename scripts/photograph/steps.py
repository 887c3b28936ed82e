"""Scenes of the page Run: every state of the panel, and everything that unfolds."""

from __future__ import annotations

from skimage import data

import napari_kernelgan as kg
from napari_kernelgan.kernels import gaussian
from napari_kernelgan.plugin.forms import Fold
from napari_kernelgan.plugin.widget import SELECTED

from .parts import FAST, PHOTOGRAPH, SERIES, glanced, optics, scene
from .stage import Stage, until

CENTRE, ZOOM = (100.0, 132.0), 4.2  # of a detail of the photograph; screen pixels per image pixel


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
