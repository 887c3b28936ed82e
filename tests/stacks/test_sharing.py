"""Which planes share a kernel."""

import pytest

from napari_kernelgan import InputError
from napari_kernelgan.images.layout import Layout
from napari_kernelgan.stacks.sharing import Sharing

TCYX = Layout("TCYX", (4, 2, 64, 64))


def pooled(*args):
    return {group.name: group.pooled for group in Sharing(*args).groups()}


def test_one_kernel_for_all_planes():
    assert pooled(TCYX) == {"all planes": tuple((t, c) for t in range(4) for c in range(2))}
    assert pooled(Layout("YX", (64, 64)), "plane") == {"all planes": ((),)}


def test_one_for_each_channel():
    assert pooled(TCYX, "channel") == {f"C = {c}": tuple((t, c) for t in range(4)) for c in range(2)}


def test_one_for_each_plane():
    groups = pooled(TCYX, "plane")
    assert len(groups) == 8
    assert groups["T = 3, C = 1"] == ((3, 1),)


def test_a_window_moves_along_one_axis_and_keeps_channels_apart():
    groups = pooled(TCYX, "window", "T", 3)
    assert len(groups) == 8
    assert groups["T = 0, C = 1"] == ((0, 1), (1, 1))
    assert groups["T = 2, C = 0"] == ((1, 0), (2, 0), (3, 0))
    both = pooled(Layout("TZYX", (2, 5, 64, 64)), "window")
    assert both["Z = 1"] == tuple((t, z) for z in (0, 1, 2, 3) for t in (0, 1))


def test_every_plane_has_a_place_among_the_groups():
    for share in ("stack", "channel", "plane", "window"):
        sharing = Sharing(TCYX, share)
        places = [group.place for group in sharing.groups()]
        assert {sharing.place(index) for index in TCYX.indices()} == set(places)
        assert [group.number for group in sharing.groups()] == list(range(len(places)))


@pytest.mark.parametrize(
    ("layout", "options", "said"),
    [
        (TCYX, ("field",), "unknown"),
        (Layout("TYX", (2, 64, 64)), ("channel",), "C axis"),
        (Layout("YX", (64, 64)), ("window",), "stack axis"),
        (TCYX, ("window", "Z"), "stack axis"),
        (TCYX, ("window", "T", 4), "odd"),
        (TCYX, ("window", "T", 0), "odd"),
    ],
)
def test_what_cannot_be_shared_is_refused(layout, options, said):
    with pytest.raises(InputError, match=said):
        Sharing(layout, *options)
