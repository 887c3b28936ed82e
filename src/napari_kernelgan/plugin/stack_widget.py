"""The dock widget for stacks: which planes, which of them share a kernel, where results go, and what came out plane by plane."""

from __future__ import annotations

import time
import weakref
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, FileEdit, SpinBox
from napari import Viewer
from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QApplication, QVBoxLayout

from ..errors import InputError
from ..images.layout import Layout
from ..stacks.results import StackResult, write_table
from ..stacks.sharing import SHARES
from ..upscaling.api import METHODS as UPSCALERS
from .axes_form import AxesForm
from .forms import Form
from .panel import Panel
from .parts import Column, Pages, ask_where_to_save, button, row, short, text
from .plane_table import PlaneTable
from .preferences import Preferences, output_folder
from .source import Source, show_plane, visible_plane
from .stack_actions import earlier_results
from .stack_layers import ranges_of_plane
from .stack_run import StackLayerRun
from .width_plot import WidthPlot

CURRENT, WHOLE, RANGE = "current plane", "whole stack", "range"
MEMORY, DISK = "in memory", "OME-Zarr on disk"
REFUSE, RESUME, OVERWRITE = "stop and say so", "go on with it", "overwrite it"
ESTIMATED = "estimated"
SHARED = {"stack": "all planes", "channel": "planes of a channel", "plane": "none: one each", "window": "a moving window"}
SET_UP, PLANES = "Set up", "Planes"
DRAW_EVERY = 2.0
"""Seconds between two plots while rows come in: drawing one takes longer than many a plane."""
SHARE_TIP = (
    "Which planes have one kernel. Planes of differing scenes under the same optics tell it better together; a PSF follows the wavelength, "
    "so channels may have one each; where focus drifts, a window of planes around each tells its own."
)
KERNEL_TIP = "A kernel layer that is undone in all planes, or kernels to be estimated."
OUT_TIP = (
    "A folder, or the image's own name, ending in .ome.zarr; the kernels, a table and the record are written beside it. A name alone goes "
    "into the output folder of the preferences."
)
IF_TIP = (
    "If there are results of an earlier run: say so and do nothing; go on, doing only what is missing or has changed; or delete and redo."
)


class StackWidget(Panel):
    """Estimate the kernels of a stack and upscale it, plane by plane, in memory or on disk.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    memory = "stack"

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._shown: weakref.ref[Image] | None = None
        self._drawn = 0.0
        self.planes = ComboBox(choices=(WHOLE, CURRENT, RANGE), tooltip="What to work on.")
        self.axes_form = AxesForm()
        self.no_axes = text()
        self.share = ComboBox(choices=[(SHARED[name], name) for name in SHARES], tooltip=SHARE_TIP)
        self.window_axis = ComboBox(choices=self._window_axes, nullable=True, tooltip="The axis that the window moves along.")
        self.window_axis.null_string = "Z or T"
        self.window = SpinBox(value=5, min=1, step=2, tooltip="How many planes the window holds, an odd number; fewer at both ends.")
        self.kernel = short(
            ComboBox(choices=self._kernels, nullable=True, tooltip="A kernel layer for all planes, or kernels to be estimated.")
        )
        self.kernel.null_string = ESTIMATED
        self.upscaler = ComboBox(choices=(*UPSCALERS, "none"), tooltip="How planes are upscaled; none: only kernels are estimated.")
        self.output = ComboBox(choices=(MEMORY, DISK), tooltip="On disk the result may be larger than memory, and the layer is lazy.")
        self.out = FileEdit(mode="w", tooltip=OUT_TIP)
        self.existing = ComboBox(choices=(REFUSE, RESUME, OVERWRITE), tooltip=IF_TIP)
        self.run_button = button("Run", self.run, "Work on the planes chosen and add the results as layers.")
        self.cancel_button.tooltip = "Stop after the plane it is in; what is done stays."
        self.table = PlaneTable()
        self.plot = WidthPlot(napari_viewer)
        self.plot_axis = ComboBox(choices=self._plot_axes, tooltip="The axis of the stack that widths are drawn over.")
        self.copy_button = button("Copy table", self.copy_table, "Copy all that is known of the planes as CSV.")
        self.save_button = button("Save CSV", self._ask_and_save, "Write all that is known of the planes to a CSV file.")
        self._form = Form(
            {
                "axes": self.axes_form,
                "planes": self.planes,
                "kernel": self.kernel,
                "kernel by": self.method,
                "shared by": self.share,
                "window": row(self.window, self.window_axis),
                "upscale by": self.upscaler,
                "scale": self.scale,
                "device": self.device,
                "seed": self.seed,
                "results": self.output,
                "write to": self.out,
                "if it exists": self.existing,
            }
        )
        set_up = Container(widgets=[self.no_axes, self._form, self._advanced()], labels=False)
        set_up.native.layout().addStretch()
        planes = Container(widgets=[row(self.copy_button, self.save_button), Form({"plot over": self.plot_axis})], labels=False)
        layout: QVBoxLayout = planes.native.layout()
        layout.insertWidget(0, self.table, 1)
        layout.addWidget(self.plot)
        self.pages = Pages({SET_UP: set_up, PLANES: planes})
        content = Column([Form({"image": self.image}), self.pages], grows=self.pages)  # the table takes what room there is
        self._assemble(content, row(self.run_button, self.cancel_button), (self.run_button,))
        self.image.changed.connect(self._show_image)
        for choice in (self.planes, self.share, self.output, self.kernel):
            choice.changed.connect(self._show_choices)
        self.axes_form.roles_changed.connect(self._on_roles)
        self.plot_axis.changed.connect(self._draw)
        for chooser in (self.table, self.plot):
            chooser.chosen.connect(self._jump)
        self._follow()
        self._show_image()
        self._show_choices()
        self._show_rows()

    def run(self) -> None:
        """Work on the chosen planes, and add the results as layers."""
        self._start(self._begin)

    def copy_table(self) -> None:
        """Copy the table of planes as CSV."""
        QApplication.clipboard().setText(self.table.as_csv())
        show_info(f"{len(self.table.rows)} rows copied.")

    def save_table(self, path: str | Path) -> None:
        """Write the table of planes as CSV."""
        write_table(Path(path), self.table.rows, self.table.axes)

    def _ask_and_save(self) -> None:
        ask_where_to_save(self.native, "Save the table of planes", "planes.csv", "CSV (*.csv)", self.save_table)

    def _begin(self) -> StackLayerRun:
        layer = self._chosen_image()
        source = Source.of(layer).with_axes(self.axes_form.axes)
        options = self._options(layer)
        if self.output.value == MEMORY and self.upscaler.value != "none":
            Preferences.now().check_memory(source.within(options["ranges"]), self.scale.value, self.upscaler.value)
        run = StackLayerRun(self._viewer, layer, source, options)
        run.rows_found.connect(self._add_rows)
        run.delivered.connect(self._take)
        self._shown = weakref.ref(layer)
        self.table.begin(self.axes_form.axes)
        self.plot_axis.reset_choices()
        self._show_rows()
        self.pages.page = PLANES
        return run

    def _options(self, layer: Image) -> dict[str, Any]:
        """As `iter_process_stack_layer` takes them."""
        where: dict[str, Any] = {}
        if self.output.value == DISK:
            where = {"out": self._out(), "resume": self.existing.value == RESUME, "overwrite": self.existing.value == OVERWRITE}
        return {
            "scale": self.scale.value,
            "method": self.method.value,
            "upscaler": self.upscaler.value,
            "share": self.share.value,
            "window": self.window.value,
            "window_axis": self.window_axis.value,
            "kernel": self.kernel.value,
            "ranges": self._ranges(layer),
            "seed": self.seed.value,
            "device": self.device.value,
            "config": self.config,
            **where,
        }

    def _ranges(self, layer: Image) -> dict[str, tuple[int, int]]:
        if self.planes.value == RANGE:
            return self.axes_form.ranges
        if self.planes.value == CURRENT:
            return ranges_of_plane(self.axes_form.axes, visible_plane(self._viewer, layer))
        return {}

    def _out(self) -> Path:
        """Where results go on disk; refused where there are some, unless it was said what to do with them."""
        out = self.out.value
        if out is None or not str(out).strip() or out == Path():
            raise InputError("Choose where to write: a folder, or a name that ends in .ome.zarr.")
        out = output_folder() / out  # as it is, where it names a folder from the root on
        there = earlier_results(out)
        if there and self.existing.value == REFUSE:
            raise InputError(
                f"{there[0]} exists. Choose another name, or under 'if it exists': '{RESUME}' to do only what is missing or has changed, "
                f"'{OVERWRITE}' to delete and redo it."
            )
        return out

    def _choosers(self) -> tuple[ComboBox, ...]:
        return self.image, self.kernel

    def _window_axes(self, *_: Any) -> list[str]:
        return list(dict.fromkeys(self.axes_form.axes))

    def _plot_axes(self, *_: Any) -> list[str]:
        return list(self.table.axes)

    def _show_image(self, *_: Any) -> None:
        """Show the axes of the image."""
        layer = self.image.value
        if layer is None:
            self.axes_form.show_axes("", (), ())
        else:
            source = Source.of(layer)
            layout = Layout.of(source.image, source.axes)
            self.axes_form.show_axes(layout.stack_axes, layout.stack_shape, layer.axis_labels[:-2])
        several = bool(self.axes_form.letters)
        self.planes.enabled = several
        self.no_axes.visible = not several
        self._form.show_row("axes", several)
        self.no_axes.value = "There is no image." if layer is None else "The image is a single plane."
        self.window_axis.reset_choices()

    def _on_roles(self, *_: Any) -> None:
        self.window_axis.reset_choices()

    def _show_choices(self, *_: Any) -> None:
        """Show what the choices call for, and nothing else."""
        self.axes_form.show_ranges(self.planes.value == RANGE)
        self._form.show_row("window", self.share.value == "window" and self.kernel.value is None)
        for label in ("write to", "if it exists"):
            self._form.show_row(label, self.output.value == DISK)
        self.share.enabled = self.method.enabled = self.kernel.value is None

    def _add_rows(self, rows: Any) -> None:
        self.table.add(rows)
        if time.monotonic() - self._drawn >= DRAW_EVERY:
            self._show_rows()

    def _take(self, result: StackResult) -> None:
        self.table.begin(result.stack_axes)
        self.table.add(result.rows)
        self._show_rows()

    def _show_rows(self) -> None:
        some = bool(self.table.rows)
        self.copy_button.enabled = self.save_button.enabled = some
        self.plot_axis.enabled = bool(self.table.axes)
        if self.plot_axis.choices != tuple(self.table.axes):
            self.plot_axis.reset_choices()
        self._draw()

    def _draw(self, *_: Any) -> None:
        if self.table.rows and self.plot_axis.value:
            self._drawn = time.monotonic()
            self.plot.draw(self.table.rows, self.table.axes, self.plot_axis.value, self.table.physical)

    def _jump(self, place: tuple[int, ...]) -> None:
        """Show a plane of the layer that the table is of, where it is still there."""
        layer = self._shown and self._shown()
        if layer in self._viewer.layers:
            show_plane(self._viewer, layer, place)

    def _on_destroyed(self, *_: Any) -> None:
        self.plot.close_events()
        super()._on_destroyed()
