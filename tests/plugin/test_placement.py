from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_kernelgan.plugin.layers import as_layer, kernel_layer, upscaled_layer
from napari_kernelgan.plugin.placement import Placement
from napari_kernelgan.plugin.source import Source

AFFINE_2D = np.array([[0.9, 0.2, 3.0], [-0.1, 1.2, -5.0], [0, 0, 1]])
AFFINE_3D = np.array([[1, 0, 0, 2.0], [0.3, 0.9, 0.2, 3.0], [0.1, -0.1, 1.2, -5.0], [0, 0, 0, 1]])
PLANES = {
    "plain": {},
    "anisotropic": {"scale": (0.3, 1.7)},
    "anisotropic, translated": {"scale": (0.3, 1.7), "translate": (11, -4)},
    "mirrored": {"scale": (-0.3, 1.7), "translate": (11, -4)},
    "rotated": {"scale": (0.3, 1.7), "translate": (11, -4), "rotate": 33},
    "sheared": {"scale": (0.3, 1.7), "translate": (11, -4), "rotate": 33, "shear": [0.4]},
    "lower sheared": {"scale": (0.3, 1.7), "rotate": 33, "shear": [[1, 0], [0.4, 1]]},
    "affine": {"scale": (0.3, 1.7), "translate": (11, -4), "rotate": 33, "shear": [0.4], "affine": AFFINE_2D},
}
STACKS = {
    "stack": {"scale": (5, 0.3, 1.7), "translate": (2, 11, -4)},
    "rotated stack": {"scale": (5, 0.3, 1.7), "translate": (2, 11, -4), "rotate": (20, -35, 50), "shear": [0.1, 0.2, 0.3]},
    "affine stack": {"scale": (5, 0.3, 1.7), "translate": (2, 11, -4), "rotate": (20, -35, 50), "affine": AFFINE_3D},
}
IN_PLANE = np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])
FLAT_STACKS = {
    "stack": STACKS["stack"],
    "rotated stack": STACKS["rotated stack"],
    "affine stack": {"scale": (5, 0.3, 1.7), "translate": (2, 11, -4), "rotate": IN_PLANE, "affine": AFFINE_3D},
}
KERNEL = np.outer(np.hanning(14), np.hanning(14))


def corners(layer: Image, index: tuple[int, ...] = ()) -> np.ndarray:
    """The world coordinates of the outer corners of a plane's corner pixels."""
    y, x = layer.data.shape[layer.ndim - 2 : layer.ndim]
    return np.array([layer.data_to_world((*index, v, u)) for v in (-0.5, y - 0.5) for u in (-0.5, x - 0.5)])


def upscaled(layer: Image, scale: int, plane: tuple[int, ...] | None = None) -> Image:
    source = Source.of(layer, plane)
    shape = [n * scale if a in "YX" else n for n, a in zip(source.image.shape, source.axes, strict=True)]
    return as_layer(upscaled_layer(source, np.zeros(shape, np.uint8), scale, {}))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("placed", PLANES.values(), ids=PLANES)
def test_an_upscaled_image_covers_the_same_area(placed: dict, scale: int) -> None:
    layer = Image(np.zeros((20, 31), np.uint8), **placed)
    np.testing.assert_allclose(corners(upscaled(layer, scale)), corners(layer), rtol=0, atol=1e-9)


@pytest.mark.parametrize("placed", STACKS.values(), ids=STACKS)
def test_an_upscaled_stack_covers_the_same_volume(placed: dict) -> None:
    layer = Image(np.zeros((5, 20, 31), np.uint8), **placed)
    for z in (0, 4):
        np.testing.assert_allclose(corners(upscaled(layer, 2), (z,)), corners(layer, (z,)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("placed", STACKS.values(), ids=STACKS)
def test_an_upscaled_plane_lies_on_its_plane(placed: dict) -> None:
    layer = Image(np.zeros((5, 20, 31), np.uint8), **placed)
    result = upscaled(layer, 2, plane=(3,))
    assert result.data.shape == (1, 40, 62)
    np.testing.assert_allclose(corners(result, (0,)), corners(layer, (3,)), rtol=0, atol=1e-9)


def test_without_rotation_the_formula_is_the_contracts() -> None:
    layer = Image(np.zeros((20, 31)), scale=(0.3, 1.7), translate=(11, -4))
    result = upscaled(layer, 2)
    np.testing.assert_allclose(result.scale, layer.scale / 2, rtol=1e-15)
    np.testing.assert_allclose(result.translate, layer.translate - layer.scale / 2 + layer.scale / 4, rtol=1e-15)


def test_everything_else_about_the_layer_is_kept() -> None:
    layer = Image(
        np.zeros((3, 20, 31)),
        rotate=(20, -35, 50),
        shear=[0.1, 0.2, 0.3],
        affine=AFFINE_3D,
        units=("s", "µm", "µm"),
        axis_labels=("t", "y", "x"),
        colormap="magenta",
        contrast_limits=(-2, 7),
        gamma=0.7,
    )
    result = upscaled(layer, 2)
    for name in ("rotate", "shear", "contrast_limits", "gamma"):
        np.testing.assert_allclose(getattr(result, name), getattr(layer, name))
    np.testing.assert_allclose(result.affine.affine_matrix, layer.affine.affine_matrix)
    assert (result.units, result.axis_labels, result.colormap.name) == (layer.units, layer.axis_labels, "magenta")


def test_rgb_stays_rgb() -> None:
    result = upscaled(Image(np.zeros((4, 20, 31, 3), np.uint8), rgb=True), 2, plane=(1,))
    assert result.rgb
    assert result.data.shape == (1, 40, 62, 3)


@pytest.mark.parametrize("placed", {**PLANES, **FLAT_STACKS}.values(), ids={**PLANES, **FLAT_STACKS})
def test_a_kernel_lies_beside_the_image_in_pixels_of_the_upscaled_one(placed: dict) -> None:
    shape = (20, 31) if len(placed.get("scale", (1, 1))) == 2 else (5, 20, 31)
    layer = Image(np.zeros(shape), units=("µm",) * len(shape), **placed)
    kernel = as_layer(kernel_layer(Source.of(layer), KERNEL, 2, {}))
    assert kernel.ndim == 2
    assert kernel.units == layer.units[-2:]
    world = np.array([kernel.data_to_world(at) for at in ((0, 0), (1, 0), (0, 1))])
    image = np.array([layer.data_to_world((0,) * (len(shape) - 2) + at)[-2:] for at in ((0, 0), (1, 0), (0, 1))])
    np.testing.assert_allclose(world[1:] - world[0], (image[1:] - image[0]) / 2, atol=1e-9)
    # from the image's upper right corner, one side of the way along its upper edge
    upper_left, upper_right = (np.array(layer.data_to_world((0,) * (len(shape) - 2) + (-0.5, x - 0.5))[-2:]) for x in (0, 31))
    corner = np.array(kernel.data_to_world((-0.5, -0.5)))
    along = (corner - upper_left) @ (upper_right - upper_left) / np.sum((upper_right - upper_left) ** 2)
    np.testing.assert_allclose(corner, upper_left + along * (upper_right - upper_left), atol=1e-9)
    assert 1 < along < 1.1


def test_pixel_sizes_are_in_one_unit() -> None:
    placement = Placement.of(Image(np.zeros((4, 5)), scale=(-0.5, 400), units=("µm", "nm")))
    assert placement.unit == "micrometer"
    assert placement.pixel_size == pytest.approx((0.5, 0.4))


def test_pixels_are_no_unit() -> None:
    assert Placement.of(Image(np.zeros((4, 5)))).unit is None


def test_a_kernel_is_visible() -> None:
    kernel = as_layer(kernel_layer(Source.of(Image(np.zeros((20, 31)))), KERNEL / KERNEL.sum(), 2, {}))
    assert kernel.contrast_limits == [0, pytest.approx(KERNEL.max() / KERNEL.sum())]
    assert kernel.colormap.name == "inferno"
