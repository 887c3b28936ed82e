"""The command for stacks: what it writes, what it says, and how it ends."""

import csv
import json

import numpy as np
import pytest
import tifffile
from skimage.data import camera

import napari_kernelgan as kg
from napari_kernelgan.files.images import read_image

SETTINGS = {"spectral": {"prior": "natural"}}


def planes(count, seed=0):
    rng = np.random.default_rng(seed)
    picture, kernel = camera().astype(np.uint16) * 200, kg.kernels.gaussian(2.0)
    return np.stack([kg.degrade(picture[y : y + 128, x : x + 128], kernel) for y, x in rng.integers(0, 384, (count, 2))])


def write(path, stack):
    tifffile.imwrite(path, stack, imagej=True, resolution=(10, 10), metadata={"axes": "TYX"[-stack.ndim :], "unit": "um"})
    return path


@pytest.fixture
def stack(tmp_path):
    return write(tmp_path / "series.tif", planes(4))


@pytest.fixture
def batch(cli, tmp_path):
    """Run the command with quick settings."""
    config = tmp_path / "settings.json"
    config.write_text(json.dumps(SETTINGS))

    def run(*arguments):
        return cli("batch", "--config", config, "--threads", 1, "--upscaler", "inverse", *arguments)

    return run


def names(folder):
    return {path.name for path in folder.iterdir()}


def statuses(folder):
    with (folder / "planes.csv").open() as table:
        return [row["status"] for row in csv.DictReader(table)]


def test_a_dry_run_tells_all_and_writes_nothing(batch, stack, tmp_path):
    before = names(tmp_path)
    answer = batch(stack, "-o", tmp_path / "out", "--dry-run")
    assert answer.status == 0
    assert "4 planes, 1 kernel, 4 tasks; TYX 4 x 64 x 64\nresult: 4 x 128 x 128, uint16\ntime: about" in answer.err
    assert "memory: about" in answer.err
    assert "disk: at most" in answer.err
    assert answer.out == ""
    assert names(tmp_path) == before


def test_outputs_are_named_and_written(batch, stack, tmp_path):
    out = tmp_path / "out"
    answer = batch(stack, "-o", out)
    assert answer.status == 0, answer.err
    files = ["upscaled.ome.tif", "kernels.ome.tif", "planes.csv", "stack.json"]
    assert names(out) == {*files, "journal"}
    assert answer.out.splitlines()[-4:] == [str(out / name) for name in files]
    assert answer.out.startswith("all planes: ")
    assert "planes ..." in answer.err
    image = read_image(out / "upscaled.ome.tif")
    assert image.data.shape == (4, 128, 128)
    assert image.pixel_size == pytest.approx((0.05, 0.05))


def test_one_image_by_its_own_name_and_json(batch, stack, tmp_path):
    answer = batch(stack, "-o", tmp_path / "large.ome.zarr", "--share", "plane", "--json")
    (record,) = json.loads(answer.out)["stacks"]
    assert [plane["status"] for plane in record["planes"]] == ["done"] * 4
    assert len(record["kernels"]) == 4
    assert record["files"][0] == str(tmp_path / "large.ome.zarr")
    assert read_image(tmp_path / "large.ome.zarr").data.shape == (4, 128, 128)


def test_a_range_is_that_part_of_the_stack(batch, stack, tmp_path):
    answer = batch(stack, "-o", tmp_path / "out", "--range", "T=1:3", "--share", "plane", "--json")
    (record,) = json.loads(answer.out)["stacks"]
    assert [plane["T"] for plane in record["planes"]] == [1, 2]
    assert read_image(tmp_path / "out" / "upscaled.ome.tif").data.shape == (2, 128, 128)


def test_parts_of_a_job_array_make_one_image(batch, stack, tmp_path):
    first = batch(stack, "-o", tmp_path / "out", "--part", "1/2")
    assert first.status == 0
    assert "Other parts of the run are not done yet" in first.err
    assert names(tmp_path / "out") == {"journal"}
    assert batch(stack, "-o", tmp_path / "out", "--part", "2/2").status == 0
    batch(stack, "-o", tmp_path / "whole")
    assert statuses(tmp_path / "out") == ["done"] * 4
    images = [read_image(tmp_path / name / "upscaled.ome.tif").data for name in ("out", "whole")]
    np.testing.assert_array_equal(*images)


def test_what_was_done_is_kept_and_what_changed_is_said(batch, stack, tmp_path):
    out = tmp_path / "out"
    assert batch(stack, "-o", out).status == 0
    refused = batch(stack, "-o", out)
    assert refused.status == 2
    assert "--resume" in refused.err
    again = batch(stack, "-o", out, "--resume")
    assert again.status == 0
    assert "4 of 4 planes were done before." in again.err
    assert statuses(out) == ["kept"] * 4
    other = batch(stack, "-o", out, "--resume", "--seed", 1)
    assert "Changed since the run was begun: seed." in other.err
    assert batch(stack, "-o", out, "--overwrite").status == 0
    assert statuses(out) == ["done"] * 4


def test_several_inputs_have_a_folder_each(batch, stack, tmp_path):
    single = write(tmp_path / "single.tif", planes(1)[0])
    answer = batch(stack, single, "-o", tmp_path / "out", "--json")
    assert answer.status == 0
    assert names(tmp_path / "out") == {"series", "single"}
    assert [len(record["planes"]) for record in json.loads(answer.out)["stacks"]] == [4, 1]
    assert read_image(tmp_path / "out" / "single" / "upscaled.ome.tif").data.shape == (128, 128)


def test_a_folder_and_a_pattern_are_one_stack(batch, tmp_path):
    scan = tmp_path / "scan"
    scan.mkdir()
    for at, plane in enumerate(planes(11)):
        write(scan / f"img{at}.tif", plane)
    folder = batch(scan, "-o", tmp_path / "a", "--format", "ome-tiff", "--json")
    pattern = batch(scan / "img*.tif", "-o", tmp_path / "b", "--format", "ome-tiff")
    assert (folder.status, pattern.status) == (0, 0)
    assert len(json.loads(folder.out)["stacks"][0]["planes"]) == 11
    images = [read_image(tmp_path / name / "upscaled.ome.tif").data for name in "ab"]
    assert images[0].shape == (11, 128, 128)
    np.testing.assert_array_equal(*images)


def damage(path):
    path.write_bytes(path.read_bytes()[:300])


def test_a_plane_that_failed_is_status_3_and_all_of_them_status_1(batch, tmp_path):
    scan = tmp_path / "scan"
    scan.mkdir()
    for at, plane in enumerate(planes(4)):
        tifffile.imwrite(scan / f"img{at}.tif", plane, compression="deflate")
    whole = (scan / "img2.tif").read_bytes()
    damage(scan / "img2.tif")
    answer = batch(scan, "-o", tmp_path / "out", "--format", "ome-tiff", "--json")
    assert answer.status == 3
    assert "T = 2 failed: " in answer.err
    assert [plane["status"] for plane in json.loads(answer.out)["stacks"][0]["planes"]] == ["done", "done", "failed", "done"]
    (scan / "img2.tif").write_bytes(whole)
    assert batch(scan, "-o", tmp_path / "out", "--format", "ome-tiff", "--resume").status == 0
    constant = write(tmp_path / "constant.tif", np.arange(2, dtype=np.uint16)[:, None, None] * np.ones((1, 64, 64), np.uint16))
    nothing = batch(constant, "-o", tmp_path / "none", "--upscaler", "none")
    assert nothing.status == 1
    assert "T = 1 failed: " in nothing.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--range", "T=1-3"), "T=0:10"),
        (("--range", "Z=0:1"), "stack axes"),
        (("--range", "T=0:9"), "0:4"),
        (("--part", "3"), "2/8"),
        (("--part", "3/2"), "part"),
        (("--workers", "many"), "--workers"),
        (("--share", "everything"), "share"),
        (("--share", "channel"), "C axis"),
        (("--scale", "9"), "scale"),
        (("--format", "png"), "png"),
        (("--workers", "2", "--scheduler", "tcp://127.0.0.1:9"), "not both"),
    ],
)
def test_misuse_is_status_2_and_writes_nothing(batch, stack, tmp_path, options, said):
    before = names(tmp_path)
    answer = batch(stack, "-o", tmp_path / "out", *options)
    assert answer.status == 2
    assert said in answer.err
    assert names(tmp_path) == before


def test_inputs_that_cannot_be_told_apart_or_are_not_there(batch, stack, tmp_path):
    (tmp_path / "other").mkdir()
    twin = write(tmp_path / "other" / "series.tif", planes(1)[0])
    assert "same name" in batch(stack, twin, "-o", tmp_path / "out").err
    several = batch(stack, twin, "-o", tmp_path / "out.ome.zarr")
    assert several.status == 2
    assert "name a folder" in several.err
    missing = batch(tmp_path / "none*.tif", "-o", tmp_path / "out")
    assert missing.status == 2
    assert "no file has such a name" in missing.err
    assert not (tmp_path / "out").exists()
