from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Shapes
from numpy.testing import assert_array_equal

import napari_kernelgan as kg
from napari_kernelgan.plugin.region import Region, region_of

PLACED = {"scale": (0.5, 0.25), "translate": (7, -3), "rotate": 30, "shear": [0.2]}


def box(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    """Corners of the rectangle along the edges of pixels top..bottom - 1, left..right - 1."""
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]]) - 0.5


@pytest.fixture
def image() -> Image:
    return Image(np.zeros((100, 120)))


def test_the_pixels_are_those_whose_middles_lie_in_it(image: Image) -> None:
    shapes = Shapes([box(10, 20, 58, 90)], shape_type="rectangle")
    assert region_of(shapes, image, ()) == (10, 20, 58, 90)
    shapes.data = [box(9.6, 20.4, 57.6, 90.4)]
    assert region_of(shapes, image, ()) == (10, 20, 58, 90)


def test_a_rectangle_drawn_on_the_image_is_found_wherever_the_image_lies() -> None:
    image = Image(np.zeros((100, 120)), **PLACED)
    drawn = np.array([image.data_to_world(corner) for corner in box(10, 20, 58, 90)])
    assert region_of(Shapes([drawn], shape_type="rectangle"), image, ()) == (10, 20, 58, 90)
    alike = Shapes([box(10, 20, 58, 90)], shape_type="rectangle", **PLACED)
    assert region_of(alike, image, ()) == (10, 20, 58, 90)


def test_units_are_converted() -> None:
    image = Image(np.zeros((100, 120)), scale=(0.5, 0.5), units=("µm", "µm"))
    shapes = Shapes([500 * box(10, 20, 58, 90)], shape_type="rectangle", units=("nm", "nm"))
    assert region_of(shapes, image, ()) == (10, 20, 58, 90)


def test_of_a_turned_rectangle_the_bounding_box_counts_inside_the_image(image: Image) -> None:
    diamond = np.array([[50, 20], [90, 60], [50, 100], [10, 60]])
    assert region_of(Shapes([diamond], shape_type="rectangle"), image, ()) == (10, 20, 91, 101)
    assert region_of(Shapes([diamond + [40, 0]], shape_type="rectangle"), image, ()) == (50, 20, 100, 101)


@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_it_counts_on_every_plane_of_a_stack(ndim: int) -> None:
    corners = np.pad(box(10, 20, 58, 90), ((0, 0), (ndim - 2, 0)), constant_values=2)
    stack = Image(np.zeros((5, 100, 120)), scale=(3, 1, 1))
    assert region_of(Shapes([corners], shape_type="rectangle"), stack, (4,)) == (10, 20, 58, 90)


def test_the_selected_rectangle_is_taken_else_the_last(image: Image) -> None:
    boxes = [box(10 * i, 10, 60 + i, 90) for i in range(3)]
    shapes = Shapes([*boxes, box(0, 0, 9, 9)], shape_type=["rectangle"] * 3 + ["ellipse"])
    assert region_of(shapes, image, ()).top == 20
    shapes.selected_data = {0}
    assert region_of(shapes, image, ()).top == 0
    shapes.selected_data = {3}  # no rectangle
    assert region_of(shapes, image, ()).top == 20


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        (Shapes(ndim=2, name="mine"), "'mine' holds no rectangle"),
        (Shapes([box(0, 0, 50, 50)], shape_type="ellipse"), "no rectangle"),
        (Shapes([box(100, 0, 150, 50)], shape_type="rectangle"), "outside"),
        (Shapes([box(0, -50, 50, 0)], shape_type="rectangle"), "outside"),
    ],
)
def test_where_there_is_none_it_says_so(image: Image, shapes: Shapes, says: str) -> None:
    with pytest.raises(kg.InputError, match=says):
        region_of(shapes, image, ())


def test_of_colour_and_multiscale_images_it_is_in_full_pixels() -> None:
    full = np.zeros((100, 120, 3), np.uint8)
    shapes = Shapes([box(10, 20, 200, 200)], shape_type="rectangle")
    for image in (Image(full, rgb=True), Image([full, full[::2, ::2]], rgb=True, multiscale=True)):
        assert region_of(shapes, image, ()) == (10, 20, 100, 120)


def test_the_middle() -> None:
    assert Region.middle((100, 31), 40) == (30, 0, 70, 31)
    assert Region(10, 20, 110, 51).shrunk(40) == (40, 20, 80, 51)
    assert_array_equal(Region(10, 20, 110, 51).size, (100, 31))


@pytest.mark.parametrize("given", [(0, 0, 101, 10), (-1, 0, 10, 10), (5, 5, 5, 9), (0, 0, 9), "here", 7])
def test_what_is_no_region_is_refused(given: object) -> None:
    with pytest.raises(kg.InputError, match="region"):
        Region.of(given, (100, 120))
