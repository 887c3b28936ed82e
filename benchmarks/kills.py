"""Runs that are killed, planes that kill, disks that are full: what is left, and what going on makes of it.

    OMP_NUM_THREADS=1 python benchmarks/kills.py [--repeat 20] [--planes 24] [--side 256]

Every repetition is two runs of ``napari-kernelgan batch`` on two workers. In one a worker is ended with SIGKILL early, in the middle and
late; all planes must be done all the same. The other is itself ended with SIGKILL half way, and gone on with (``--resume``): what was done
must be kept, its chunks untouched, and nothing be left of files half written. Both must give the pixels of a run that nobody disturbed.

Once, a plane is a file that ends the process that reads it (a hole in a file on a full disk, read through a memory map: SIGBUS); and the
disk fills up half way, without and with workers. Both need a small tmpfs, which only root may mount; elsewhere they are skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import zarr
from scene import low, write_stack

POINTS = (1 / 8, 1 / 2, 7 / 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--planes", type=int, default=24)
    parser.add_argument("--side", type=int, default=256)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "in.zarr"
        write_stack(source, given.planes, given.side)
        ended(batch(source, folder / "straight"))
        straight = pixels(folder / "straight")
        for number in range(given.repeat):
            random.seed(number)
            out = folder / "out"
            said = kill_workers(source, out, given.planes, straight)
            shutil.rmtree(out)
            said += "; " + kill_driver(source, out, given.planes, straight)
            shutil.rmtree(out)
            print(f"{number + 1}: {said}", flush=True)
        try:
            poison(folder, given.planes, given.side)
            for options in ((), ("--workers", 2)):
                full_disk(source, folder, straight, options)
        except PermissionError as error:
            print(f"poison plane and full disk skipped: {error}")


def kill_workers(source: Path, out: Path, count: int, straight: Any) -> str:
    process = batch(source, out, "--workers", 2)
    ended_at = []
    for point in POINTS:
        wait_for(out, round(point * count), process)
        victim = random.choice(workers_of(process.pid))
        victim.kill()
        ended_at.append(len(done(out)))
    record = ended(process)
    check(statuses(record) == ["done"] * count, f"statuses {statuses(record)}")
    check_rest(out, straight)
    return f"workers killed at {', '.join(map(str, ended_at))} of {count} planes"


def kill_driver(source: Path, out: Path, count: int, straight: Any) -> str:
    process = batch(source, out, "--workers", 2)
    wait_for(out, count // 2, process)
    workers = workers_of(process.pid)
    process.kill()
    process.communicate()
    start = time.monotonic()
    _, alive = psutil.wait_procs(workers, timeout=60)
    check(not alive, "workers live on without their driver")
    lived = time.monotonic() - start
    before = done(out)
    written = {path: path.stat().st_mtime_ns for path in chunks(out)}
    record = ended(batch(source, out, "--workers", 2, "--resume"))
    check(statuses(record).count("kept") == len(before), f"{len(before)} planes were done, statuses are {statuses(record)}")
    check(statuses(record).count("done") == count - len(before), f"statuses {statuses(record)}")
    kept = {f"{number:06d}" for number, status in enumerate(statuses(record)) if status == "kept"}
    check(kept == before, "planes are kept that were not done")
    touched = [path for path, at in written.items() if plane_of(path) in before and path.stat().st_mtime_ns != at]
    check(not touched, f"chunks of planes that were done are written again: {touched}")
    check_rest(out, straight)
    return f"driver killed at {len(before)}, its workers ended after {lived:.1f} s, {len(kept)} planes kept"


def poison(folder: Path, count: int, side: int) -> None:
    """A run over files, one of which ends the process that reads it."""
    count = min(count, 8)
    with small_disk(count * side * side * 2 // 1024 + 256) as disk:
        for number in range(count):
            np.save(disk / f"plane{number}.npy", low(0, 0, side, side, seed=number + 1))
        bad = disk / "plane3.npy"
        with bad.open("r+b") as file:
            file.truncate(4096)
            file.truncate(4096 + side * side * 2 - 4096 + 128)
        with contextlib.suppress(OSError), (disk / "fill").open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        process = batch(disk, folder / "poison", "--workers", 2)
        record = ended(process, status=3)
    told = [plane for plane in record["planes"] if plane["status"] == "failed"]
    check(statuses(record) == ["done"] * 3 + ["failed"] + ["done"] * (count - 4), f"statuses {statuses(record)}")
    print(f"poison plane: exit status 3, {count - 1} planes done, 1 failed: {told[0]['error']}")


def full_disk(source: Path, folder: Path, straight: Any, options: tuple[object, ...]) -> None:
    size = sum(path.stat().st_blocks * 512 for path in (folder / "straight").rglob("*")) // 1024
    with small_disk(size // 2) as disk:
        process = batch(source, disk / "out", *options)
        said = process.communicate()[1]
        check(process.returncode == 1, f"exit status {process.returncode} on a full disk: {said}")
        before = len(done(disk / "out"))
        subprocess.run(["mount", "-o", f"remount,size={4 * size}k", disk], check=True)
        record = ended(batch(source, disk / "out", *options, "--resume"))
        check(statuses(record).count("kept") == before, f"{before} planes were done, statuses are {statuses(record)}")
        check_rest(disk / "out", straight)
    print(f"full disk {' '.join(map(str, options))}: exit status 1, {said.strip().splitlines()[-1]!r}, then {before} planes kept")


def batch(source: Path, out: Path, *options: object) -> subprocess.Popen[str]:
    """Begin a run."""
    command = [source, "-o", out, "--method", "spectral", "--upscaler", "inverse", "--format", "ome-zarr", "--threads", 1, "--json"]
    arguments = [sys.executable, "-m", "napari_kernelgan", "batch", *map(str, [*command, *options])]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], status: int = 0) -> dict[str, Any]:
    """What a run tells at its end, which must have the exit status."""
    out, said = process.communicate(timeout=600)
    check(process.returncode == status, f"exit status {process.returncode}: {said}")
    return dict(json.loads(out)["stacks"][0])


def wait_for(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many planes are done."""
    while len(done(out)) < count:
        check(process.poll() is None, f"the run has ended with {process.returncode} before it could be killed")
        time.sleep(0.002)


def done(out: Path) -> set[str]:
    return {path.stem for path in (out / "journal" / "planes").glob("[0-9]*.json")}


def statuses(record: dict[str, Any]) -> list[str]:
    return [plane["status"] for plane in record["planes"]]


def workers_of(pid: int) -> list[psutil.Process]:
    """Worker processes; more than none, so that one that was just killed is waited for."""
    while True:
        found = []
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        if found:
            return found
        time.sleep(0.002)


def chunks(out: Path) -> list[Path]:
    return [path for path in (out / "upscaled.ome.zarr").glob("*/c/*/*/*") if not path.name.endswith(".partial")]


def plane_of(chunk: Path) -> str:
    return f"{int(chunk.parent.parent.name):06d}"


def check_rest(out: Path, straight: Any) -> None:
    """Nothing half written is left, and the pixels are those that they should be."""
    left = [path for path in out.rglob("*") if path.name.startswith(".") or path.suffix == ".partial" or path.parent.name == "begun"]
    check(not left, f"left over: {left}")
    check(np.array_equal(pixels(out), straight), "the pixels are not those of a run that nobody disturbed")


def pixels(out: Path) -> Any:
    return zarr.open_array(out / "upscaled.ome.zarr" / "0", mode="r")[:]


@contextlib.contextmanager
def small_disk(kilobytes: int) -> Iterator[Path]:
    """A tmpfs."""
    with tempfile.TemporaryDirectory() as name:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", name], capture_output=True, text=True)
        if mounted.returncode:
            raise PermissionError(mounted.stderr.strip())
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


def check(good: bool, said: str) -> None:
    if not good:
        raise SystemExit(said)


if __name__ == "__main__":
    main()
