import csv
import io

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage.measure import profile_line

import napari_kernelgan as kg
from napari_kernelgan.assess.line import CUBIC, LINEAR, NEAREST, LineProfiles, line_profile, line_profiles, profiles_as_csv

ENDS = (12.3, 9.8), (40.6, 51.1)


def ramp(shape: tuple[int, int], scale: int = 1) -> np.ndarray:
    """A slope in space, sampled by pixels 1 / `scale` as large that begin at the same edge."""
    y, x = ((np.arange(n * scale) + 0.5) / scale - 0.5 for n in shape)
    return 3.0 * y[:, None] - 2.0 * x + 7.0


@pytest.mark.parametrize("order", [NEAREST, LINEAR])
@pytest.mark.parametrize("width", [1, 4, 5])
def test_it_samples_as_scikit_image_does(rng: np.random.Generator, order: int, width: int) -> None:
    plane = rng.random((60, 70))
    distance, values = line_profile(plane, *ENDS, width, order)
    assert_allclose(values, profile_line(plane, *ENDS, width, order), atol=1e-12)
    assert distance[0] == 0
    assert distance[-1] == pytest.approx(np.hypot(40.6 - 12.3, 51.1 - 9.8), abs=1e-12)
    assert_allclose(np.diff(distance), distance[1], atol=1e-12)


@pytest.mark.parametrize("order", [NEAREST, LINEAR])
@pytest.mark.parametrize("ends", [((3.2, 5), (390.1, 410.7)), ((390, 410), (3.3, 5)), ((20, 15), (20, 415)), ((380, 15), (9, 300.2))])
def test_long_lines_are_no_different(rng: np.random.Generator, order: int, ends: tuple) -> None:
    plane = rng.integers(0, 60000, (400, 420)).astype(np.uint16)
    found, expected = line_profile(plane, *ends, 3, order)[1], profile_line(plane.astype(float), *ends, 3, order)
    assert np.isclose(found, expected, atol=1e-8).mean() > (0.99 if order == NEAREST else 1 - 1e-9)  # half-way, rounding decides


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_cubic_is_that_of_bicubic_upscaling(rng: np.random.Generator, scale: int) -> None:
    plane = rng.random((30, 40)).astype(np.float32)
    enlarged = kg.upscale(plane, None, scale, "bicubic")
    row = 10 * scale + 1
    at = (np.array([8, 25]) * scale + 0.5) / scale - 0.5  # columns of the image where pixels of the enlargement lie
    y = (row + 0.5) / scale - 0.5
    profiles = line_profiles(plane, enlarged, (y, at[0]), (y, at[1]), scale)
    assert_allclose(profiles.bicubic, enlarged[row, 8 * scale : 25 * scale + 1], atol=2e-6)
    assert_allclose(profiles.upscaled, profiles.bicubic, atol=2e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("width", [1, 3])
def test_a_ramp_is_the_same_in_both(scale: int, width: int) -> None:
    low, high = ramp((60, 70)), ramp((60, 70), scale)
    profiles = line_profiles(low, high, *ENDS, scale, width)
    start, end = np.array(ENDS)
    points = start + (end - start) * (profiles.distance / profiles.distance[-1])[:, None]
    truth = 3.0 * points[:, 0] - 2.0 * points[:, 1] + 7.0
    assert_allclose(profiles.bicubic, truth, atol=1e-6)
    assert_allclose(profiles.upscaled, truth, atol=1e-6)
    assert np.abs(profiles.nearest - truth).max() <= 2.5 + 1e-6  # half a pixel either way


@pytest.mark.parametrize("scale", [2, 4])
def test_an_edge_is_where_it_is(scale: int) -> None:
    # the edge between columns 19 and 20 is at 19.5, that is 4.5 from the line's start; in the upscale it lies between two pixels
    low = np.repeat((np.arange(40) > 19).astype(float)[None], 30, 0)
    high = np.kron(low, np.ones((scale, scale)))
    profiles = line_profiles(low, high, (12, 15), (12, 24), scale)
    near = (profiles.distance > 3) & (profiles.distance < 6)
    for values in (profiles.bicubic, profiles.upscaled):
        assert np.interp(0.5, values[near], profiles.distance[near]) == pytest.approx(4.5, abs=1e-6)
    rises = np.flatnonzero(np.diff(profiles.nearest))
    assert len(rises) == 1
    assert profiles.distance[rises[0]] <= 4.5 <= profiles.distance[rises[0] + 1]


def test_distances_are_in_space_where_pixels_are_oblong() -> None:
    low, high = ramp((60, 70)), ramp((60, 70), 2)
    profiles = line_profiles(low, high, (10, 10), (13, 14), pixel_size=(0.5, 0.25), unit="µm")
    assert profiles.distance[-1] == pytest.approx(np.hypot(3 * 0.5, 4 * 0.25), abs=1e-12)
    assert profiles.unit == "µm"
    assert len(profiles.distance) == 11  # five pixels of the image are ten of the upscale


def test_across_is_at_right_angles_in_space(rng: np.random.Generator) -> None:
    # a pattern that depends, in space, on the distance along the line alone is not smeared by averaging across it
    size, start, end = np.array([1.0, 0.25]), np.array([30.0, 20.0]), np.array([40.0, 60.0])
    along = (end - start) * size / np.hypot(*((end - start) * size))
    y, x = np.mgrid[:70, :90]
    pattern = np.sin((y * size[0]) * along[0] + (x * size[1]) * along[1])
    _, thin = line_profile(pattern, start, end, 1, CUBIC, pixel_size=size)
    _, wide = line_profile(pattern, start, end, 9, CUBIC, pixel_size=size)
    assert_allclose(wide, thin, atol=0.02)
    _, skew = line_profile(pattern, start, end, 9, CUBIC)
    assert np.abs(skew - thin).max() > 0.2


def test_pixels_may_be_sheared() -> None:
    pixel = np.array([[0.5, 0.0], [0.3, 0.25]])
    distance, _ = line_profile(np.ones((60, 70)), *ENDS, pixel_size=pixel)
    assert distance[-1] == pytest.approx(np.linalg.norm(pixel @ (np.array(ENDS[1]) - ENDS[0])), abs=1e-12)
    # a wave in space along the line, which is at right angles to it the same
    step = pixel @ (np.array(ENDS[1]) - ENDS[0])
    y, x = np.mgrid[:60, :70]
    pattern = np.sin(np.einsum("i,i...->...", step / np.hypot(*step), np.einsum("ij,j...->i...", pixel, np.array([y, x]))))
    _, thin = line_profile(pattern, *ENDS, 1, CUBIC, pixel_size=pixel)
    _, wide = line_profile(pattern, *ENDS, 9, CUBIC, pixel_size=pixel)
    assert_allclose(wide, thin, atol=0.02)


def test_colours_are_averaged_without_alpha(rng: np.random.Generator) -> None:
    colours = rng.random((60, 70, 3))
    _, expected = line_profile(colours.mean(-1), *ENDS)
    assert_allclose(line_profile(colours, *ENDS)[1], expected, atol=1e-12)
    assert_allclose(line_profile(np.dstack([colours, np.zeros((60, 70))]), *ENDS)[1], expected, atol=1e-12)


def test_beyond_the_image_there_is_nothing() -> None:
    _, values = line_profile(np.ones((20, 30)), (10, 25), (10, 34))
    assert_allclose(values[:5], 1)
    assert np.isnan(values[5:]).all()
    with pytest.raises(kg.InputError, match="outside the image"):
        line_profile(np.ones((20, 30)), (10, 31), (10, 34))


def test_of_a_lazy_plane_what_lies_around_the_line_is_read(rng: np.random.Generator) -> None:
    plane, read = rng.random((64, 512)), []

    def block(location: int) -> np.ndarray:
        read.append(location)
        return plane[:, location : location + 64]

    def load(block_info: dict) -> np.ndarray:
        return block(block_info[None]["array-location"][1][0])

    lazy = da.map_blocks(load, dtype=float, chunks=((64,), (64,) * 8), meta=np.empty((0, 0)))
    ends = (10, 70), (30, 120)
    _, values = line_profile(lazy, *ends, order=CUBIC)
    assert_allclose(values, line_profile(plane, *ends, order=CUBIC)[1], atol=1e-12)
    assert read == [64]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((3, 3), (3, 3)), "no length"),
        (((3, np.nan), (3, 3)), "A line is"),
        (((3, 3, 3), (3, 3)), "A line is"),
        (((3, 3), (9, 9), 0), "width"),
        (((3, 3), (9, 9), 1.5), "width"),
        (((3, 3), (9, 9), 1, 2), "order"),
    ],
)
def test_what_is_no_line_is_refused(arguments: tuple, says: str) -> None:
    with pytest.raises(kg.InputError, match=says):
        line_profile(np.ones((20, 30)), *arguments)


@pytest.mark.parametrize("size", [(0, 1), (1, np.nan), 1, (1, 1, 1), [[1, 1], [1, 1]]])
def test_what_is_no_pixel_is_refused(size: object) -> None:
    with pytest.raises(kg.InputError, match="pixel_size"):
        line_profile(np.ones((20, 30)), *ENDS, pixel_size=size)


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(kg.InputError, match="upscale by 2"):
        line_profiles(np.ones((20, 30)), np.ones((40, 61)), (3, 3), (9, 9))
    with pytest.raises(kg.InputError, match="axes Y and X"):
        line_profile(np.ones(30), (3, 3), (9, 9))


def test_csv() -> None:
    given = LineProfiles(np.array([0, 0.5]), np.array([1.0, np.nan]), np.array([1.25, 2]), np.array([1 / 3, 4]), "µm")
    rows = list(csv.reader(io.StringIO(profiles_as_csv(given))))
    assert rows == [
        ["distance (µm)", "input nearest", "input bicubic", "upscaled"],
        ["0", "1", "1.25", "0.333333333"],
        ["0.5", "", "2", "4"],
    ]
