"""What a run needs of an image layer, taken when the run starts: later changes of the layer do not reach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from ..errors import InputError
from ..files.image_file import Calibration
from ..files.units import convert, unit_name
from ..images.layout import LETTERS, Layout
from ..images.values import numpy_dtype
from .placement import Placement
from .records import record_of
from .region import Region, unit_ratio

LOOK = ("gamma", "opacity", "blending")
GRAY_LOOK = ("colormap", "contrast_limits", *LOOK)
DEFAULT_STACKS = ("", "T", "TZ", "TCZ")
SPARE_LETTERS = "QPONMLKJIHGFED"


@dataclass(frozen=True)
class Source:
    """An image layer as it was, or one plane of it.

    The pixels are not copied: changing them in place during a run changes what the run reads.

    Attributes
    ----------
    name : str
        Of the layer.
    image : array
        NumPy, Dask or other array; without the leading axes where a plane was chosen.
    axes : str
        One letter per axis of `image`, as `estimate_kernel` takes them.
    leading : int
        Leading axes of length one that a result needs in order to lie on the plane.
    placement : Placement
        Of the layer, or of the plane.
    look : dict
        Colormap, contrast limits and so on, as layer arguments.
    origin : dict
        Where the image comes from, for the record: name and id of the layer, its axes (with those that a chosen plane lacks), path, plane.
    """

    name: str
    image: Any
    axes: str
    leading: int
    placement: Placement
    look: dict[str, Any]
    origin: dict[str, Any]

    @classmethod
    def of(cls, layer: Image, plane: tuple[int, ...] | None = None) -> Source:
        """Take what a run needs.

        Parameters
        ----------
        layer : napari.layers.Image
            Gray or RGB; of a multiscale image the full resolution is used; lazy data stays lazy.
        plane : tuple of int, optional
            Index along the leading axes (all but Y and X); None takes all planes.

        Raises
        ------
        InputError
            If it is not an image layer, or has no such plane.
        """
        if not isinstance(layer, Image):
            raise InputError(f"An image layer is needed, not {type(layer).__name__}.")
        image = layer.data[0] if layer.multiscale else layer.data
        colour = "S" if layer.rgb else ""
        stack = image.shape[: layer.ndim - 2]
        placement = Placement.of(layer)
        axes = whole = _stack_letters(layer.axis_labels[:-2]) + "YX" + colour
        if plane is not None:
            if len(plane) != len(stack) or not all(0 <= i < n for i, n in zip(plane, stack, strict=True)):
                raise InputError(f"plane={plane} is no index into the leading axes of layer '{layer.name}', of lengths {stack}.")
            image, axes, placement = _deferred(image)[tuple(plane)], "YX" + colour, placement.at((*plane, 0, 0))
        return cls(
            name=layer.name,
            image=image,
            axes=axes,
            leading=0 if plane is None else len(stack),
            placement=placement,
            look={"rgb": layer.rgb} | {name: getattr(layer, name) for name in (LOOK if layer.rgb else GRAY_LOOK)},
            origin={
                "layer": layer.name,
                "layer_id": str(layer.unique_id),
                "axes": whole,
                "path": str(layer.source.path) if layer.source.path else record_of(layer).get("path"),
                "plane": None if plane is None else list(plane),
            },
        )

    def with_axes(self, letters: str | None) -> Source:
        """The same with other letters for the leading axes: T, Z or C each; None leaves those that their labels tell.

        Raises
        ------
        InputError
            If there are not as many letters, or they cannot be axes.
        """
        if letters is None:
            return self
        own = Layout.of(self.image, self.axes).stack_axes
        if len(letters) != len(own):
            raise InputError(f"axes={letters!r} must have one letter for each of the {len(own)} axes before Y and X, for example {own!r}.")
        axes = letters.upper() + self.axes[len(own) :]
        Layout.of(self.image, axes)
        return replace(self, axes=axes, origin=self.origin if self.leading else self.origin | {"axes": axes})

    def within(self, ranges: Mapping[str, Sequence[int]]) -> Source:
        """The part of a stack that first and last (exclusive) positions along some axes tell; not read yet where the image is lazy."""
        if not ranges:
            return self
        part = _deferred(self.image)[tuple(slice(*ranges[axis]) if axis in ranges else slice(None) for axis in self.axes)]
        first = [ranges[axis][0] if axis in ranges else 0 for axis in self.axes if axis != "S"]
        return replace(self, image=part, placement=self.placement.at(first))

    @property
    def calibration(self) -> Calibration:
        """Sizes of the pixels as files have them; none where the layer's Y and X have no unit of length."""
        placement = self.placement
        unit = placement.unit
        if unit is None:
            return Calibration()
        along = {a: (abs(float(s)), unit_name(str(u))) for a, s, u in zip(self.axes, placement.scale, placement.units, strict=False)}
        depth, time = along.get("Z"), along.get("T")
        return Calibration(
            pixel_size=placement.pixel_size,
            unit=unit,
            z_spacing=convert(*depth, unit) if depth and depth[1] else None,
            t_interval=convert(*time, "second") if time and time[1] else None,
        )

    @property
    def plane_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return Layout.of(self.image, self.axes).plane_size

    def part(self, region: Region) -> Any:
        """The pixels of a region, of all planes; not read yet where the image is lazy."""
        top, left, bottom, right = region
        along = {"Y": slice(top, bottom), "X": slice(left, right)}
        return _deferred(self.image)[tuple(along.get(axis, slice(None)) for axis in self.axes)]

    def stacked(self, result: NDArray[Any]) -> NDArray[Any]:
        """A result for `image` with the layer's number of axes: a plane's is put back under leading axes of length one."""
        return result[(None,) * self.leading]


def current_plane(viewer: ViewerModel, layer: Image) -> tuple[int, ...]:
    """Index of the plane of a layer that the viewer's sliders point at; () for a layer of two axes."""
    units = viewer.dims.units or layer.units
    # the viewer's units may differ from the layer's, as millimetres from micrometres; lengths without a unit do not convert
    factors = [unit_ratio(world, own) for world, own in zip(units[-layer.ndim :], layer.units, strict=True)]
    index = layer.world_to_data(np.array(viewer.dims.point[-layer.ndim :]) * factors)[:-2]
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    return tuple(int(np.clip(round(i), 0, n - 1)) for i, n in zip(index, shape, strict=False))


def show_plane(viewer: ViewerModel, layer: Image, plane: Sequence[int]) -> None:
    """Move the viewer's sliders to a plane of a layer, given by its index along the leading axes."""
    first = viewer.dims.ndim - layer.ndim
    units = (viewer.dims.units or layer.units)[-layer.ndim :]
    point = layer.data_to_world((*plane, *layer.world_to_data(viewer.dims.point[-layer.ndim :])[-2:]))
    along = range(layer.ndim - 2)
    viewer.dims.set_point([first + axis for axis in along], [point[axis] * unit_ratio(layer.units[axis], units[axis]) for axis in along])


def visible_plane(viewer: ViewerModel, layer: Image) -> tuple[int, ...]:
    """Index of the plane of a layer that is seen.

    Raises
    ------
    InputError
        If what is seen is not one plane along the layer's Y and X.
    """
    shape = (layer.data[0] if layer.multiscale else layer.data).shape[: layer.ndim]
    shown = {axis - viewer.dims.ndim for axis in viewer.dims.displayed if axis - viewer.dims.ndim >= -layer.ndim}
    if {axis for axis in shown if axis >= -2 or shape[axis] > 1} != {-2, -1}:  # along an axis of length one there is only one plane
        what = "a volume" if len(shown) > 2 else "other axes"
        raise InputError(f"The viewer shows {what}: a kernel lies in the image's last two axes. Show these in 2-D.")
    return current_plane(viewer, layer)


def _deferred(image: Any) -> Any:
    """An image that is not read when it is sliced, where it is not in memory; slices of Zarr arrays are read at once."""
    if isinstance(image, np.ndarray) or hasattr(image, "dask"):
        return image
    import dask.array as da

    numpy_dtype(image.dtype)  # which other arrays may not have
    return da.from_array(image, name=False)


def _stack_letters(labels: tuple[str, ...]) -> str:
    """Letters for leading axes: those that their labels begin with ("time", "z", "channel"), else the usual ones."""
    named = "".join(label[:1].upper() for label in labels)
    if len(set(named)) == len(labels) and all(letter in LETTERS and letter not in "YXS" for letter in named):
        return named
    return DEFAULT_STACKS[len(labels)] if len(labels) < len(DEFAULT_STACKS) else SPARE_LETTERS[: len(labels)]
