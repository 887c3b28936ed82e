"""Runs that end early go on where they were: what is done and unchanged is kept, and nothing else is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from small import QUICK, planes  # type: ignore[import-not-found]

import napari_kernelgan as kg
from napari_kernelgan import InputError
from napari_kernelgan.files.ngff_write import is_incomplete
from napari_kernelgan.stacks import units
from napari_kernelgan.stacks.begin import begin
from napari_kernelgan.stacks.finish import finish_image
from napari_kernelgan.stacks.journal import MOST_TRIES, Journal, digest
from napari_kernelgan.stacks.options import StackOptions

COMMAND = [sys.executable, "-m", "napari_kernelgan", "batch"]


def statuses(result):
    return [row.status for row in result.rows]


def leftovers(folder):
    """Files that should have been renamed or deleted."""
    return [path for path in folder.rglob("*") if path.name.startswith(".") or path.suffix == ".partial" or path.parent.name == "begun"]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.ome.zarr"


def test_what_is_done_is_kept(file, process, out):
    first = process(file, share="plane", out=out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("c/*/*/*")}
    assert len(times) == 5
    again = process(file, share="plane", out=out, resume=True)
    assert statuses(first) == ["done"] * 5
    assert statuses(again) == ["kept"] * 5
    assert {path: path.stat().st_mtime_ns for path in times} == times
    for one, other in zip(first.kernels, again.kernels, strict=True):
        assert_array_equal(one.kernel, other.kernel)
        assert (one.fwhm_interval, one.reliability) == (other.fwhm_interval, other.reliability)
    assert again.notes == ()


def test_a_changed_plane_is_noticed_and_done_again(file, stack, process, out):
    process(file, share="plane", out=out)
    changed = stack.copy()
    changed[3] = planes(1, seed=9)[0]
    tifffile.imwrite(file, changed, imagej=True, metadata={"axes": "TYX"})
    values = json.loads(out.with_name("out.json").read_text())["value_range"]
    again = process(file, share="plane", out=out, resume=True)
    assert statuses(again)[3] == "done"
    assert again.rows[3].again == "input changed"
    # the value range is the whole stack's, and may have moved with it
    same = again.record["value_range"] == values
    assert statuses(again) == (["kept"] * 3 + ["done", "kept"] if same else ["done"] * 5)
    assert_array_equal(again.upscaled[:], process(changed, share="plane").upscaled)


def test_changed_settings_are_noticed_and_said(file, process, out):
    process(file, kernel=kg.kernels.gaussian(2.0), out=out)
    other = process(file, kernel=kg.kernels.gaussian(3.0), out=out, resume=True)
    assert statuses(other) == ["done"] * 5
    assert {row.again for row in other.rows} == {"settings or kernel changed"}
    assert any("kernel" in note for note in other.notes)
    config = QUICK | {"inverse": {"passes": 0}}
    third = process(file, kernel=kg.kernels.gaussian(3.0), out=out, resume=True, config=config)
    assert statuses(third) == ["done"] * 5
    with pytest.raises(InputError, match="scale was 2, is 3"):
        process(file, 3, kernel=kg.kernels.gaussian(3.0, size=21), out=out, resume=True)


def test_a_damaged_result_is_done_again(file, process, out):
    first = process(file, kernel=kg.kernels.gaussian(2.0), out=out)
    whole = first.upscaled[:]
    chunks = sorted(out.glob("0/c/*/*/*"))
    chunks[1].unlink()
    shutil.copy(chunks[3], chunks[2])
    again = process(file, kernel=kg.kernels.gaussian(2.0), out=out, resume=True)
    assert statuses(again) == ["kept", "done", "done", "kept", "kept"]
    assert [row.again for row in again.rows if row.again] == ["output damaged"] * 2
    assert_array_equal(again.upscaled[:], whole)


def test_a_finished_tiff_is_gone_on_with_too(file, stack, process, tmp_path):
    out = tmp_path / "out.ome.tif"
    first = process(file, share="plane", out=out).upscaled[:]
    assert [path.name for path in (tmp_path / "out.journal").iterdir() if path.suffix == ".zarr"] == []
    written = out.stat().st_mtime_ns
    assert statuses(process(file, share="plane", out=out, resume=True)) == ["kept"] * 5
    assert out.stat().st_mtime_ns == written
    other = process(file, share="plane", out=out, resume=True, config=QUICK | {"inverse": {"passes": 1}})
    assert statuses(other) == ["done"] * 5
    assert not np.array_equal(tifffile.imread(out), first)


def test_parts_make_the_same_and_the_last_one_writes_the_files(file, process, tmp_path):
    whole = process(file, out=tmp_path / "whole.ome.zarr")
    one = process(file, out=tmp_path / "parts.ome.zarr", part=(1, 2))
    assert statuses(one) == ["done"] * 3
    assert not one.complete
    assert not (tmp_path / "parts.planes.csv").exists()
    two = process(file, out=tmp_path / "parts.ome.zarr", part=(2, 2))
    assert two.complete
    assert statuses(two) == ["done"] * 5
    assert_array_equal(two.upscaled[:], whole.upscaled[:])
    tables = [(tmp_path / f"{name}.planes.csv").read_text().splitlines() for name in ("whole", "parts")]
    # all but how long it took
    assert [line.rsplit(",", 4)[0] for line in tables[0]] == [line.rsplit(",", 4)[0] for line in tables[1]]
    assert_array_equal(two.kernels[0].kernel, whole.kernels[0].kernel)


def test_parts_that_end_at_once_do_not_spoil_the_image(file, process, tmp_path):
    found = process(file, kernel=kg.kernels.gaussian(2.0), out=tmp_path / "out.ome.tif", part=(1, 1))
    whole = found.files.image.read_bytes()
    source = kg.stacks.source.Source.of(str(file))
    job = begin(source, StackOptions(kernel=kg.kernels.gaussian(2.0), upscaler="inverse"), found.files, resume=True).job
    shutil.rmtree(found.files.store)  # as the part does that was first to make the image
    finish_image(job, (found.files, {}, True, True))
    assert found.files.image.read_bytes() == whole
    assert leftovers(tmp_path) == []


def test_a_plane_that_fails_does_not_stop_the_others(file, stack, process, tmp_path):
    files = tmp_path / "scan"
    files.mkdir()
    for at, plane in enumerate(stack):
        tifffile.imwrite(files / f"img{at}.tif", plane)
    out = tmp_path / "out.ome.zarr"
    good = (files / "img2.tif").read_bytes()
    (files / "img2.tif").write_bytes(good[:4000])  # the pixels end before they should
    options = {"kernel": kg.kernels.gaussian(2.0), "value_range": (0, 50000), "out": out}
    found = process(files, **options)
    assert statuses(found) == ["done", "done", "failed", "done", "done"]
    assert "img2.tif" in found.failed[0].error
    assert "img2.tif" in found.notes[0]
    assert "img2.tif" in (tmp_path / "out.planes.csv").read_text()
    (files / "img2.tif").write_bytes(good)
    assert statuses(process(files, resume=True, **options)) == ["kept", "kept", "done", "kept", "kept"]


@pytest.mark.parametrize("upscaler", ["inverse", "none"])
def test_a_plane_that_cannot_be_read_does_not_take_the_value_range_and_the_kernel_with_it(stack, process, tmp_path, upscaler):
    files = tmp_path / "scan"
    files.mkdir()
    for at, plane in enumerate(stack):
        tifffile.imwrite(files / f"img{at}.tif", plane, compression="deflate")
    good = (files / "img2.tif").read_bytes()
    (files / "img2.tif").write_bytes(good[:2000] + bytes(1000) + good[3000:])
    found = process(files, upscaler=upscaler, out=tmp_path / "out")
    assert statuses(found) == (["done", "done", "failed", "done", "done"] if upscaler == "inverse" else ["done"] * 5)
    rest = process(np.delete(stack, 2, axis=0), upscaler="none")
    assert found.record["value_range"] == rest.record["value_range"]
    assert_array_equal(found.kernels[0].kernel, rest.kernels[0].kernel)
    assert leftovers(tmp_path) == []


def interrupt(plane):
    raise KeyboardInterrupt


def test_interrupts_are_not_held_against_a_plane(stack, process, tmp_path):
    parts = [da.from_delayed(dask.delayed(interrupt)(plane), plane.shape, plane.dtype) for plane in stack]
    options = {"kernel": kg.kernels.gaussian(2.0), "value_range": (0, 50000), "out": tmp_path / "out"}
    for number in range(MOST_TRIES + 1):
        with pytest.raises(KeyboardInterrupt):
            process(da.stack(parts), resume=number > 0, **options)
    assert list((tmp_path / "out" / "journal" / "begun").glob("*")) == []


def test_a_task_that_never_ends_is_given_up(tmp_path):
    journal = Journal(tmp_path)
    assert [journal.begin("000001") for _ in range(MOST_TRIES + 1)] == [True] * MOST_TRIES + [False]
    journal.end("000001")
    assert journal.begin("000001")
    (tmp_path / "planes").mkdir()
    (tmp_path / "planes" / "000002.json").write_text('{"half')
    assert journal.read("planes", "000002") is None


def test_digests_tell_arrays_apart():
    zeros = np.zeros((2, 3), np.uint8)
    assert digest(zeros) == digest(zeros.copy())
    assert len({digest(a) for a in (zeros, zeros.T, zeros.astype(np.int8), zeros + 1, np.zeros((3, 2), np.uint16))}) == 5
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_or_interrupted_run_is_gone_on_with(number, tmp_path):
    source, out, config = tmp_path / "in.tif", tmp_path / "out", tmp_path / "config.json"
    tifffile.imwrite(source, planes(24, side=128), imagej=True, metadata={"axes": "TYX"})
    config.write_text(json.dumps(QUICK))
    arguments = [source, "-o", out, "--upscaler", "inverse", "--threads", "1", "--config", config, "--format", "ome-zarr", "--json"]
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    done = out / "journal" / "planes"
    until = time.monotonic() + 120
    while len(list(done.glob("[0-9]*.json"))) < 6 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    ended = len(list(done.glob("[0-9]*.json")))
    assert 6 <= ended < 24
    resumed = subprocess.run([*COMMAND, *map(str, arguments), "--resume"], capture_output=True, text=True, check=False, timeout=120)
    assert resumed.returncode == 0, resumed.stderr
    (record,) = json.loads(resumed.stdout)["stacks"]
    assert [plane["status"] for plane in record["planes"]].count("kept") == ended
    assert leftovers(out) == []
    straight = tmp_path / "straight"
    subprocess.run([*COMMAND, *map(str, [source, "-o", straight, *arguments[3:]])], check=True, capture_output=True, timeout=120)
    pixels = [kg.stacks.source.Source.of(folder / "upscaled.ome.zarr").file.data[:] for folder in (out, straight)]
    assert_array_equal(*pixels)


def torn(side=64, length=640):
    """A plane, a Dask array, whose last columns cannot be read."""

    def tear(block):
        raise RuntimeError("torn")

    whole, rest = np.random.default_rng(0).integers(0, 99, (1, side, length), np.uint8), 40
    last = da.from_array(whole[:, :, -rest:]).map_blocks(tear, dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8))
    return da.concatenate([da.from_array(whole[:, :, :-rest]), last], 2)


def test_a_block_that_fails_in_another_part_is_told(monkeypatch, process, tmp_path):
    monkeypatch.setattr(units, "WHOLE", 1000)
    monkeypatch.setattr(units, "BLOCK", 64)
    monkeypatch.setattr("napari_kernelgan.stacks.begin.BLOCK", 64)
    options = {"axes": "TYX", "kernel": kg.kernels.gaussian(2.0), "upscaler": "bicubic", "out": tmp_path / "out.ome.zarr"}
    for part in range(10, 0, -1):  # the part with the first block ends last, and all is well with it
        found = process(torn(), part=(part, 10), **options)
    assert found.complete
    assert statuses(found) == ["failed"]
    assert "torn" in found.failed[0].error
    assert is_incomplete(tmp_path / "out.ome.zarr")


def test_an_interrupted_look_does_not_count_as_a_try(stack, process, tmp_path):
    class Impatient(np.ndarray):
        def __getitem__(self, key):
            raise KeyboardInterrupt

    for _ in range(MOST_TRIES + 1):
        with pytest.raises(KeyboardInterrupt):
            process(stack.view(Impatient), axes="TYX", out=tmp_path / "out", resume=True)
    assert statuses(process(stack, out=tmp_path / "out", resume=True)) == ["done"] * 5
