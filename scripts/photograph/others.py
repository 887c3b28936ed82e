"""Scenes of the other panels, and of napari's preferences."""

from __future__ import annotations

from napari._qt.dialogs.preferences_dialog import PreferencesDialog

from napari_kernelgan.plugin.stack_widget import PLANES

from .parts import PHOTOGRAPH, SERIES, scene
from .stage import FIELD, STACK, Stage


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
