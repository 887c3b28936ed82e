"""Every kind of layer and of view, in real viewers: the panel works on it, or says why not, and results lie where the image lies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from napari import Viewer
from napari.layers import Image
from qtpy.QtWidgets import QApplication

import napari_kernelgan as kg
from napari_kernelgan.files.images import read_image
from napari_kernelgan.plugin.compare_page import BLINK, CURTAIN, OFF
from napari_kernelgan.plugin.run import LAZY
from napari_kernelgan.plugin.stack_widget import StackWidget
from napari_kernelgan.plugin.widget import ALL, CURRENT, SELECTED, KernelGANWidget
from napari_kernelgan.plugin.words import LATERAL

KEY = "napari_kernelgan"
SAVED = ("RGBA", "multiscale", "millimetres", "z-stack", "five axes", "Dask")
COMPARED = (*SAVED, "multiscale RGB", "rotated and sheared", "mirrored", "turned in space", "Zarr")
"""What takes longest is done with some kinds only."""
Kind = tuple[Any, dict[str, Any]]
"""Data and arguments of a layer."""


class OnDisk:
    """What reads from files as h5py's data sets do: it has a shape, a dtype and slices, and is no array."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels
        self.shape, self.dtype, self.ndim, self.size = pixels.shape, pixels.dtype, pixels.ndim, pixels.size

    def __getitem__(self, key: Any) -> np.ndarray:
        return self._pixels[key]

    def __len__(self) -> int:
        return len(self._pixels)


def rgb(tiny: np.ndarray) -> np.ndarray:
    return np.stack([tiny, tiny // 2, 255 - tiny], -1)


def stack(tiny: np.ndarray) -> np.ndarray:
    return np.stack([tiny, tiny[::-1], tiny[:, ::-1]])


def planes(tiny: np.ndarray) -> dict[str, Kind]:
    """Images of one plane, by their pixels."""
    return {
        "gray": (tiny, {"colormap": "green", "contrast_limits": (20, 200), "gamma": 0.8}),
        "RGB": (rgb(tiny), {}),
        "RGBA": (np.dstack([rgb(tiny), np.full(tiny.shape, 200, np.uint8)]), {}),
        "RGB of floats": (rgb(tiny) / 255, {}),
        "int16": (30 * tiny.astype(np.int16) - 3000, {}),
        "uint16": (200 * tiny.astype(np.uint16), {}),
        "big-endian": (tiny.astype(">u2"), {}),
        "float64": (tiny.astype(float), {}),
        "multiscale": ([tiny, tiny[::2, ::2]], {"multiscale": True, "contrast_limits": (0, 255)}),
        "multiscale RGB": ([rgb(tiny), rgb(tiny)[::2, ::2]], {"multiscale": True}),
    }


def placed(tiny: np.ndarray) -> dict[str, Kind]:
    """Images of one plane, by where they lie."""
    return {
        "millimetres": (tiny, {"scale": (2e-4, 1e-4), "units": ("mm", "mm"), "axis_labels": ("down", "right")}),
        "two units": (tiny, {"scale": (2e-4, 0.1), "units": ("mm", "µm")}),
        "translated": (tiny, {"translate": (-1e6, 1e6), "scale": (0.3, 0.3)}),
        "rotated and sheared": (tiny, {"rotate": 30, "shear": [0.3], "scale": (2, 1), "translate": (5, 7)}),
        "affine": (tiny, {"affine": np.array([[0, 1, 5], [-1, 0.2, 2], [0, 0, 1.0]])}),
        "mirrored": (tiny, {"scale": (-1, 2)}),
    }


def stacks(tiny: np.ndarray) -> dict[str, Kind]:
    several = stack(tiny)
    return {
        "channels": (several, {"axis_labels": ("c", "y", "x")}),
        "time series": (several, {"axis_labels": ("time", "y", "x"), "scale": (2, 0.1, 0.1), "units": ("s", "µm", "µm")}),
        "z-stack": (several, {"axis_labels": ("z", "y", "x"), "scale": (0.5, 0.1, 0.1), "units": ("µm",) * 3}),
        "five axes": (several[None, :, None], {"axis_labels": ("t", "c", "z", "y", "x")}),
        "RGB movie": (np.stack([rgb(tiny), rgb(tiny)[::-1]]), {}),
        "turned in space": (several, {"rotate": (10, 20, 30), "scale": (3, 1, 1)}),
        "multiscale": ([several, several[:, ::2, ::2]], {"multiscale": True, "contrast_limits": (0, 255)}),
        "on disk": (OnDisk(several), {"contrast_limits": (0, 255)}),
    }


def lazy(tiny: np.ndarray) -> dict[str, Kind]:
    several, look = stack(tiny), {"contrast_limits": (0, 255)}
    return {
        "Dask": (da.from_array(several, chunks=(1, -1, -1)), look),
        "Dask, one plane": (da.from_array(tiny), look),
        "Zarr": (zarr.array(several, chunks=(1, 64, 56)), look),
        "multiscale Dask": ([da.from_array(tiny), da.from_array(tiny[::2, ::2])], {"multiscale": True, **look}),
    }


@pytest.fixture
def panel(widget: KernelGANWidget) -> KernelGANWidget:
    """The panel, with methods in closed form."""
    widget.method.value, widget.upscaler.value, widget.planes.value = "spectral", "inverse", ALL
    return widget


def live_words(panel: KernelGANWidget) -> str:
    """What the live estimate tells."""
    try:
        return panel._glance().look().text
    except kg.InputError as error:
        return str(error)


def pixels_of(layer: Image) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


def corners(layer: Image) -> np.ndarray:
    """The corners in space of the first and of the last plane, pixel edge to pixel edge; along leading axes pixel middles."""
    lengths = pixels_of(layer).shape[: layer.ndim]
    ends = [(0, n - 1) for n in lengths[:-2]] + [(-0.5, n - 0.5) for n in lengths[-2:]]
    return np.array([layer.data_to_world(corner) for corner in product(*ends)])


def assert_covers(upscaled: Image, image: Image) -> None:
    """The upscaled layer lies where the image lies, and looks like it."""
    large, small = corners(upscaled), corners(image)
    np.testing.assert_allclose(large, small, rtol=0, atol=1e-9 * max(1, np.abs(small).max()))
    assert (upscaled.units, upscaled.axis_labels, upscaled.rgb) == (image.units, image.axis_labels, image.rgb)
    assert (upscaled.gamma, upscaled.opacity, upscaled.blending) == (image.gamma, image.opacity, image.blending)
    if not image.rgb:
        assert upscaled.colormap == image.colormap
        assert upscaled.contrast_limits == image.contrast_limits


def assert_works(viewer: Viewer, panel: KernelGANWidget, kind: Kind, folder: Path, messages: list[str], finish: Callable) -> Image:
    """Everything that can be done with an image can be done with this one; its upscaled layer."""
    data, options = kind
    viewer.layers.clear()
    panel.image.value = image = viewer.add_image(data, name="cells", **options)
    assert "\nFWHM" in live_words(panel)
    panel.run_both()
    finish(panel)
    assert panel.state.shown == "done", panel.status.value
    kernel, upscaled = viewer.layers["cells kernel"], viewer.layers["cells x2"]
    y, x = image.ndim - 2, image.ndim - 1
    shape = tuple(2 * n if axis in (y, x) else n for axis, n in enumerate(pixels_of(image).shape))
    assert upscaled.data.shape == shape
    assert upscaled.data.dtype == (np.float32 if pixels_of(image).dtype.kind == "f" else pixels_of(image).dtype.newbyteorder("="))
    assert_covers(upscaled, image)
    assert (kernel.ndim, kernel.units, kernel.axis_labels) == (2, image.units[-2:], image.axis_labels[-2:])
    assert "FWHM" in panel.kernel_view.words.value

    trust, compare = panel.trust, panel.compare
    if LAZY in panel.status.value:
        assert "badge" not in upscaled.metadata[KEY]
        trust.check()
        finish(panel)
    assert upscaled.metadata[KEY]["badge"]["level"] == trust.chip.shown
    if folder.name in COMPARED:
        compare.mode.value = CURTAIN
        assert compare.status.value == "Left of the edge: cells. Right: cells x2."
        compare.mode.value = BLINK
        assert compare.mode.value == BLINK
        compare.mode.value = OFF
        panel.copy_as_python()
        exec(QApplication.clipboard().text(), {"viewer": viewer})
        again = viewer.layers["cells x2 [1]"]
        np.testing.assert_array_equal(np.asarray(again.data), np.asarray(upscaled.data))
        trust.show(again)
    if folder.name in SAVED:
        trust.save(folder)
        finish(panel)
        assert panel.state.shown == "done", panel.status.value
        saved = read_image(folder / "upscaled.ome.tif")
        np.testing.assert_array_equal(np.asarray(saved.data).ravel(), np.asarray(upscaled.data).ravel())
    assert [message for message in messages if not message.startswith("info: Copied")] == []
    return upscaled


@pytest.mark.parametrize("kinds", [planes, placed, stacks, lazy])
def test_everything_works_on_every_kind(
    kinds: Callable[[np.ndarray], dict[str, Kind]],
    viewer: Viewer,
    panel: KernelGANWidget,
    tiny: np.ndarray,
    tmp_path: Path,
    messages: list[str],
    finish,
) -> None:
    for name, kind in kinds(tiny).items():
        upscaled = assert_works(viewer, panel, kind, tmp_path / name, messages, finish)
        assert isinstance(upscaled.data, da.Array) == (kinds is lazy), name


# what cannot be worked on, and what it says


@pytest.mark.parametrize("others", ["nothing", "labels", "points"])
def test_without_an_image_every_button_says_so(
    others: str, viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, tmp_path: Path, messages: list[str]
) -> None:
    if others == "labels":
        viewer.add_labels((tiny > 100).astype(int))
    if others == "points":
        viewer.add_points([[3, 4]])
    assert panel._glance() is None
    for act in (panel.estimate, panel.upscale, panel.run_both):
        act()
        assert "There is no image layer to work on: open an image" in messages.pop()
    panel.copy_as_python()
    assert "Nothing was done yet" in messages.pop()
    for act in (panel.trust.check, panel.trust.residual, panel.trust.added_detail, panel.trust.seed_spread):
        act()
        assert "upscale an image first" in messages.pop()
    for act in (panel.trust.copy_methods, lambda: panel.trust.save(tmp_path / "out")):
        act()
        assert "There is nothing to save" in messages.pop()
    panel.compare.mode.value = CURTAIN
    assert "press Upscale first" in panel.compare.status.value
    panel.compare.draw_line()
    assert "press Upscale first" in panel.compare.line_status.value
    assert (messages, panel.running) == ([], False)


def test_pixels_of_no_use_are_told(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish) -> None:
    holed = np.where(np.arange(56) == 9, np.nan, tiny)
    torch_pixels = torch.tensor(stack(tiny))
    useless = {
        "a mask has no gray values": (tiny > 100, False),
        "The image is constant": (np.full_like(tiny, 7), False),
        "too small for a spectrum": (tiny[:20, :20], False),
        "none of NumPy's": (torch_pixels, False),
        "64 NaN or infinite values of 3584": (holed, True),  # a kernel can be told from the rest
        "masked pixels": (np.ma.masked_less(tiny, 40), True),
    }
    for words, (pixels, some) in useless.items():
        viewer.layers.clear()
        panel.image.value = viewer.add_image(pixels, name="cells", contrast_limits=(0, 255))
        panel.run_both()
        finish(panel)
        assert panel.state.shown == "failed"
        assert words in panel.status.value
        assert words in messages.pop()
        assert ("cells kernel" in viewer.layers) == some
        assert ("FWHM" if some else words) in live_words(panel)
        panel.upscaler.value = "bicubic"
        panel.upscale()
        finish(panel)
        assert len(messages) == (panel.state.shown == "failed")
        messages.clear()
        panel.upscaler.value = "inverse"
    with pytest.raises((NotImplementedError, ValueError)):  # by napari itself, which shows no complex images
        viewer.add_image(tiny * (1 + 1j))


def test_a_volume_and_other_axes_say_so_where_one_plane_is_meant(
    viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish
) -> None:
    image = viewer.add_image(stack(tiny), name="cells")
    panel.planes.value = CURRENT
    stacks_panel = StackWidget(viewer)
    viewer.window.add_dock_widget(stacks_panel, name="stacks")
    stacks_panel.planes.value = "current plane"
    for words, order, ndisplay in (("a volume", (0, 1, 2), 3), ("other axes", (2, 0, 1), 2)):
        viewer.dims.order, viewer.dims.ndisplay = order, ndisplay
        for act in (panel.estimate, panel.run_both, stacks_panel.run):
            act()
            assert f"The viewer shows {words}: a kernel lies in the image's last two axes. Show these in 2-D." in messages.pop()
        assert (panel.running, stacks_panel.running) == (False, False)
        panel.planes.value = ALL
        panel.run_both()
        finish(panel)
        assert panel.state.shown == "done"
        assert_covers(viewer.layers[-1], image)
        panel.compare.mode.value = CURTAIN
        assert f"The viewer shows {words}" in panel.compare.status.value
        panel.planes.value = CURRENT
    viewer.dims.order, viewer.dims.ndisplay = (0, 2, 1), 2  # transposed, which is the same plane
    viewer.dims.set_current_step(0, 2)
    panel.run_both()
    finish(panel)
    np.testing.assert_array_equal(viewer.layers[-2].data, kg.estimate_kernel(stack(tiny)[2]).kernel)
    assert messages == []


def test_views_that_make_no_difference(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish) -> None:
    """An image of one plane in 3-D; beside a volume in 2-D and in 3-D; a stack of a single plane as a volume; side by side in a grid."""
    panel.planes.value = CURRENT

    def works(image: Image) -> None:
        panel.image.value = image
        assert "FWHM" in live_words(panel)
        panel.run_both()
        finish(panel)
        assert panel.state.shown == "done", panel.status.value
        assert_covers(viewer.layers[-1], image)

    image = viewer.add_image(tiny, name="plane", contrast_limits=(3, 99))
    viewer.dims.ndisplay = 3
    works(image)
    volume = viewer.add_image(stack(tiny), name="volume", visible=False)
    works(image)
    viewer.dims.ndisplay = 2
    works(image)
    viewer.layers.remove(volume)
    works(viewer.add_image(tiny[None], name="stack of one"))
    viewer.canvas.grid.enabled = True
    works(image)
    panel.compare.mode.value = CURTAIN
    assert "side by side" in panel.compare.status.value
    assert messages == []


def test_channels_that_napari_splits_are_images_each(
    viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish
) -> None:
    channels = viewer.add_image(stack(tiny), channel_axis=0, name=["red", "green", "blue"])
    viewer.layers.selection = set(channels)
    panel.layers.value = SELECTED
    panel.run_both()
    finish(panel)
    assert panel.state.shown == "done"
    for channel in channels:
        assert_covers(viewer.layers[f"{channel.name} x2"], channel)
    assert messages == []


# what is told of a volume, and of axes that change


@pytest.mark.parametrize(("label", "lateral"), [("z", True), ("time", False), ("channel", False)])
def test_of_a_z_stack_the_kernel_is_called_lateral_wherever_it_is_told(
    label: str, lateral: bool, viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, finish
) -> None:
    viewer.add_image(stack(tiny), name="cells", axis_labels=(label, "y", "x"))
    for planes_worked_on in (CURRENT, ALL):
        panel.planes.value = planes_worked_on
        panel.estimate()
        finish(panel)
        for told in (live_words(panel), panel.kernel_view.words.value, panel.plots.caption.value):
            assert (LATERAL in told) == lateral


def test_the_panel_follows_axes_that_change(viewer: Viewer, panel: KernelGANWidget, tiny: np.ndarray, messages: list[str], finish) -> None:
    stacks_panel = StackWidget(viewer)
    viewer.window.add_dock_widget(stacks_panel, name="stacks")
    stacks_panel.method.value, stacks_panel.upscaler.value = "spectral", "inverse"
    image = viewer.add_image(tiny, name="cells")
    panel.size.unit.value = "furlong"
    image.data = tiny[::-1]
    assert panel.size.unit.value == "furlong"  # what was typed stays as long as the axes do

    def offers_planes() -> bool:
        return panel.planes.native.isVisibleTo(panel.native)

    assert (offers_planes(), stacks_panel.axes_form.axes) == (False, "")
    for pixels, axes in ((stack(tiny), "T"), (stack(tiny)[None], "TZ"), (stack(tiny), "T")):
        image.data = pixels
        assert (offers_planes(), stacks_panel.axes_form.axes) == (True, axes)
    image.axis_labels = ("z", "y", "x")
    assert stacks_panel.axes_form.axes == "Z"
    for each, act in ((panel, panel.run_both), (stacks_panel, stacks_panel.run)):
        act()
        finish(each)
        assert each.state.shown == "done"
    image.data = tiny
    assert (offers_planes(), stacks_panel.axes_form.axes) == (False, "")
    panel.run_both()
    finish(panel)
    assert panel.state.shown == "done"
    assert messages == []
