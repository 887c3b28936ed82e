"""Tiles cover a plane with the overlap that was asked for, and their shares are a partition of unity."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from napari_kernelgan import InputError
from napari_kernelgan.fields.tiles import shares, spread


@pytest.mark.parametrize(("length", "tile", "overlap"), [(512, 128, 0.5), (100, 256, 0.5), (257, 256, 0.0), (513, 64, 0.9)])
def test_tiles_reach_from_border_to_border_with_the_overlap(length, tile, overlap):
    tiles = spread((length, length), tile, overlap)
    side = min(tile, length)
    assert tiles.size == (side, side)
    assert (tiles.rows[0], tiles.rows[-1] + side) == (0, length)
    steps = np.diff(tiles.rows)
    assert (steps <= np.ceil(side * (1 - overlap))).all()
    assert np.ptp(steps) <= 1 if len(steps) else length <= tile
    assert_allclose(tiles.centres[0], tiles.rows + (side - 1) / 2)


def test_shares_sum_to_one_and_pass_smoothly_from_centre_to_centre():
    centres = np.array([10.0, 30, 70])
    at = np.linspace(-5, 100, 2000)
    weights = shares(centres, at)
    assert_allclose(weights.sum(1), 1, atol=1e-12)
    assert weights.min() >= 0
    assert_allclose(shares(centres, centres), np.eye(3), atol=1e-12)
    assert_allclose(shares(centres, np.array([-5.0, 20, 100])), [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]], atol=1e-12)
    assert np.abs(np.diff(weights, axis=0)).max() < 1.01 * np.pi / 2 / 20 * (at[1] - at[0])
    assert_allclose(shares(centres[:1], at), 1)


@pytest.mark.parametrize(("tile", "overlap"), [(0, 0.5), (2.5, 0.5), (True, 0.5), (64, 1.0), (64, -0.1), (64, "much")])
def test_useless_tiles_are_refused(tile, overlap):
    with pytest.raises(InputError):
        spread((100, 100), tile, overlap)
