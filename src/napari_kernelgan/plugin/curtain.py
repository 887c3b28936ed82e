"""An image over its upscale in napari's canvas: left of an edge that the mouse drags, or all of it now and then.

The image is shown by a layer of its own that lies where the image lies, so zoom, sliders, rotation and units hold for both pictures. For
as long as they are compared, other pictures are out of sight; at the end everything is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from napari import Viewer
from napari.experimental import layers_linked
from napari.layers import Image, Layer
from napari.utils.events import Event
from psygnal import Signal
from qtpy.QtCore import QTimer

from ..errors import InputError
from ..images.layout import is_lazy
from ..upscaling.api import upscale
from .notices import reason
from .pair import LayerPair
from .records import COMPARISON, KEY, is_picture
from .region import Region, unit_ratio
from .source import Source

INTERPOLATIONS = ("nearest", "bicubic")
KEY_SWAP = "W"
"""A key that napari leaves free."""
EDGE_COLOUR, EDGE_THICKNESS = "#ffb000", 2.0
NEAR = 8.0
"""Screen pixels within which a press takes hold of the edge."""
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units")
LOOK = ("colormap", "contrast_limits", "gamma")


class Curtain:
    """Show an image over its upscale, until `end`.

    It begins with the whole upscale in sight: `draw` shows the image left of an edge, `blink` all of it and nothing by turns. What is
    changed of the colours of either layer meanwhile is changed of both.

    Parameters
    ----------
    viewer : napari.Viewer
    pair : LayerPair
    interpolation : str
        How the image is drawn: "nearest" or "bicubic".

    Raises
    ------
    InputError
        If the viewer does not show the pair in 2-D, on each other.
    """

    moved = Signal(float)
    """The edge was dragged to so many percent of the width."""
    swapped = Signal(bool)
    """Whether the image is in sight now, when that has changed."""
    ended = Signal(str)
    """It is over, and why: nothing if it was asked to end."""

    def __init__(self, viewer: Viewer, pair: LayerPair, interpolation: str = "nearest") -> None:
        pair.check_view(viewer)
        self._viewer, self._pair = viewer, pair
        self._column, self._shown, self._held, self._over = 0, True, False, False
        self._take(interpolation)
        self._undo = ExitStack()
        self._timer = QTimer()
        self._timer.timeout.connect(self.swap)
        self.layer = self._make()
        self._solo()
        self._insert()
        self._follow()

    @property
    def blinking(self) -> bool:
        """Whether the image comes and goes by itself."""
        return self._timer.isActive()

    @property
    def shown(self) -> bool:
        """Whether the image, or the part left of the edge, is in sight."""
        return self._shown

    @property
    def percent(self) -> float:
        """Where the edge is, in percent of the width from the left."""
        return 100 * self._column / self._width

    @property
    def interpolation(self) -> str:
        """How the image is drawn: "nearest" or "bicubic"."""
        return self._interpolation

    @interpolation.setter
    def interpolation(self, name: str) -> None:
        self._take(name)
        self._renew()

    def draw(self, percent: float) -> None:
        """Show the image left of an edge at so many percent of the width, and blink no longer."""
        self._timer.stop()
        self.layer.bounding_box.visible = True
        self._shown = True
        self._move(round(np.clip(percent, 0, 100) / 100 * self._width))

    def blink(self, period: float) -> None:
        """Show all of the image and nothing of it by turns, for `period` seconds each."""
        self.layer.bounding_box.visible = False
        self._move(self._width)
        self._timer.start(round(1000 * period))

    def swap(self, *_: Any) -> None:
        """Hide the image, or show it again; where it blinks, time counts from now."""
        if self.blinking:
            self._timer.start()
        self._shown = not self._shown
        self._move(self._column)
        self.swapped.emit(self._shown)

    def end(self, reason: str = "", *, later: bool = False) -> None:
        """Remove the layer, and leave everything else as it was; `later`: the layer as soon as napari is done with what it is at."""
        if self._over:
            return
        self._over = True
        self._undo.close()
        remove = partial(_remove, self._viewer, self.layer)
        QTimer.singleShot(0, remove) if later else remove()
        self.ended.emit(reason)

    @property
    def _width(self) -> int:
        return self._source.plane_size[1] // self._fine

    def _take(self, interpolation: str) -> None:
        """Take the image as it is now, for "bicubic" enlarged to the pixels of the upscale."""
        source = Source.of(self._pair.before)
        self._interpolation, self._fine = interpolation, 1
        if interpolation == "bicubic":  # not left to napari, whose cubic makes everything one percent too bright
            self._fine = scale = self._pair.scale
            image = upscale(_by_planes(source), None, scale, "bicubic", source.axes)  # lazy: planes that are not seen are not computed
            source = replace(source, image=image, placement=source.placement.finer(scale))
        self._source = source

    def _make(self) -> Image:
        look = Source.of(self._pair.after).look | {"opacity": 1.0, "blending": "translucent_no_depth"}
        layer = Image(
            self._part(self._width),
            name=f"{self._source.name} curtain",
            multiscale=False,
            interpolation2d="nearest",
            metadata={KEY: {"kind": COMPARISON}},
            visible=False,
            **self._source.placement.keywords(),
            **look,
        )
        frame = layer.bounding_box
        frame.points, frame.line_color, frame.line_thickness = False, EDGE_COLOUR, EDGE_THICKNESS
        return layer

    def _part(self, columns: int) -> Any:
        """The first columns of every plane: a view, or lazy as the image is."""
        return self._source.part(Region(0, 0, self._source.plane_size[0], columns * self._fine))

    def _renew(self) -> None:
        """Show the pixels that were taken, where they lie."""
        column, self._column = self._column, 0
        self._move(column)
        for name in PLACE:
            setattr(self.layer, name, getattr(self._source.placement, name))

    def _move(self, column: int) -> None:
        """Move the edge to the left of a column; without columns there is nothing to show, which a layer cannot."""
        try:
            if column != self._column and column:
                self.layer.data = self._part(column)
            self._column = column
            self.layer.visible = self._shown and column > 0
        except Exception as error:  # noqa: BLE001 - napari reads a lazy image here, which may raise anything
            self.end(f"The comparison has ended. {reason(error)}")

    def _solo(self) -> None:
        """Show the upscale and no other picture, which might hide it or be seen through it."""
        self._set(self._pair.after, "visible", True)
        self._set(self._pair.after, "opacity", 1.0)
        for layer in self._viewer.layers:
            if is_picture(layer) and layer is not self._pair.after:
                self._set(layer, "visible", False)

    def _set(self, layer: Layer, name: str, value: Any) -> None:
        """Set until the end, unless somebody sets it otherwise."""
        before = getattr(layer, name)

        def restore() -> None:
            if getattr(layer, name) == value:
                with suppress(Exception):  # as in `_move`
                    setattr(layer, name, before)

        setattr(layer, name, value)
        self._undo.callback(restore)

    def _insert(self) -> None:
        """Put the layer on the upscale; what is selected stays selected, and nobody is told of anything else."""
        layers, selection = self._viewer.layers, self._viewer.layers.selection
        chosen, active = set(selection), selection.active
        with selection.events.blocker_all():
            layers.insert(layers.index(self._pair.after) + 1, self.layer)  # which napari selects
            selection.active = active
            selection.update(chosen)

    def _follow(self) -> None:
        """Follow the layers, the view, the mouse and a key."""
        viewer, pair, undo = self._viewer, self._pair, self._undo
        undo.callback(self._timer.timeout.disconnect)
        undo.callback(self._timer.stop)
        self._listen(viewer.layers.events.removed, self._on_removed)
        for name in ("data", *PLACE):
            self._listen(getattr(pair.before.events, name), self._on_image)
        for event in (viewer.dims.events.ndisplay, viewer.dims.events.order, viewer.canvas.grid.events.enabled):
            self._listen(event, self._on_view)
        undo.enter_context(layers_linked([pair.before, pair.after, self.layer], LOOK))
        for callbacks, callback in ((viewer.mouse_drag_callbacks, self._on_drag), (viewer.mouse_move_callbacks, self._on_hover)):
            callbacks.append(callback)
            undo.callback(callbacks.remove, callback)
        undo.callback(self._let_go)
        undo.callback(self._point, False)
        undo.callback(viewer.bind_key, KEY_SWAP, viewer.bind_key(KEY_SWAP, None), overwrite=True)
        viewer.bind_key(KEY_SWAP, self.swap, overwrite=True)

    def _listen(self, event: Any, callback: Callable[..., None]) -> None:
        event.connect(callback)
        self._undo.callback(event.disconnect, callback)

    def _on_removed(self, event: Event) -> None:
        gone = event.value
        if gone in (self._pair.before, self._pair.after, self.layer):
            self.end(f"The comparison has ended: layer '{gone.name}' was removed.", later=True)

    def _on_image(self, *_: Any) -> None:
        """Show the image's new pixels, or the same in their new place."""
        try:
            self._pair = LayerPair.of(self._pair.before, self._pair.after)
        except InputError as error:
            self.end(f"The comparison has ended. {error}", later=True)
        else:
            self.interpolation = self._interpolation

    def _on_view(self, *_: Any) -> None:
        try:
            self._pair.check_view(self._viewer)
        except InputError as error:
            self.end(f"The comparison has ended. {error}")

    # the mouse

    def _at(self, position: Any) -> tuple[float, float]:
        """Column of a point of the world, and how many screen pixels it is off the edge; infinitely many above and below the image."""
        layer = self._pair.before
        world = self._viewer.dims.units or layer.units
        ratios = np.array([unit_ratio(own, to) for own, to in zip(world[-layer.ndim :], layer.units, strict=True)])
        y, x = layer.world_to_data(np.array(position[-layer.ndim :]) * ratios)[-2:]
        if not -0.5 <= y <= self._source.plane_size[0] / self._fine - 0.5:
            return x, np.inf
        corner = np.zeros(layer.ndim)
        down, right = (np.array(layer.data_to_world(corner + step)) for step in np.eye(layer.ndim)[-2:])
        down, right = (((each - layer.data_to_world(corner)) / ratios)[-2:] for each in (down, right))
        column = abs(down[0] * right[1] - down[1] * right[0]) / np.hypot(*down)  # width of a column, at right angles to it
        return x, abs(x - self._column + 0.5) * column * self._viewer.scene.camera.zoom

    def _on_drag(self, _: Viewer, event: Any) -> Iterator[None]:
        """Drag the edge, if it was taken hold of; a tool of the active layer, which stops panning too, goes first."""
        x, off = self._at(event.position)
        if self.blinking or off > NEAR or event.button != 1 or event.modifiers or not self._viewer.scene.camera.mouse_pan:
            return
        grip = x - self._column
        self._take_hold()
        try:
            yield
            while event.type == "mouse_move" and not self._over:
                x, _ = self._at(event.position)
                self._move(int(np.clip(round(x - grip), 0, self._width)))
                self.moved.emit(self.percent)
                yield
        finally:
            self._let_go()

    def _take_hold(self) -> None:
        self._held = True
        self._viewer.scene.camera.mouse_pan = False

    def _let_go(self) -> None:
        """Let the camera pan again, unless a tool has been taken up meanwhile."""
        if self._held:
            self._held, active = False, self._viewer.layers.selection.active
            self._viewer.scene.camera.mouse_pan = active is None or active.mouse_pan

    def _on_hover(self, _: Viewer, event: Any) -> None:
        self._point(not self.blinking and self._shown and self._at(event.position)[1] <= NEAR)

    def _point(self, near: bool) -> None:
        """Show by the mouse's pointer that there is something to take hold of."""
        cursor, active = self._viewer.cursor, self._viewer.layers.selection.active
        if near and cursor.style == "standard":
            cursor.style = "pointing"
        elif not near and cursor.style == "pointing":
            cursor.style = active.cursor if active is not None else "standard"


def _remove(viewer: Viewer, layer: Layer) -> None:
    if layer in viewer.layers:
        viewer.layers.remove(layer)


def _by_planes(source: Source) -> Any:
    """A source's image, lazily; one that is in memory in blocks of a plane each."""
    if is_lazy(source.image):
        return source.image
    import dask.array as da

    return da.from_array(source.image, chunks=tuple(-1 if axis in "YXS" else 1 for axis in source.axes), name=False)
