"""Images larger than memory should have to be: time, peak memory and truth of a 20000 x 20000 image, a 500-plane stack, and ZSSR in blocks.

    OMP_NUM_THREADS=1 python benchmarks/large.py [--only image,stack,auto] [--side 20000] [--planes 500] [--auto 5000] [--folder DIR]
        [--workers N]

The images are uint16 on disk, made piece by piece (benchmarks/scene.py). Each is processed by ``napari-kernelgan batch`` in a process of
its own, on one thread. Its memory is the operating system's own peak (VmHWM of Linux) of that process; with workers, the sum of the peaks
of all of them. "seams" is how much steeper the result is across the borders of blocks than a few pixels beside them, which is 1 where
borders are not seen. Everything is deleted again; the large image needs some 5 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import zarr
from scene import KERNEL, write_image, write_stack

import napari_kernelgan as kg
from napari_kernelgan.assess.metrics import kernel_psnr
from napari_kernelgan.files.images import read_image
from napari_kernelgan.stacks.units import BLOCK

SCALE = 2
COLUMNS = "input | upscaler | seconds | Mpx/s | planes/s | peak memory | kernel PSNR | width error | seams"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="image,stack,auto")
    parser.add_argument("--side", type=int, default=20000)
    parser.add_argument("--planes", type=int, default=500)
    parser.add_argument("--auto", type=int, default=5000)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--folder", type=Path, help="where files are made, deleted at the end")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    workers = ["--workers", given.workers] if given.workers else []
    try:
        print(f"| {COLUMNS} |\n{'|---' * (COLUMNS.count('|') + 1)}|", flush=True)
        if "image" in given.only:
            write_image(folder / "image.zarr", given.side)
            print(measure(folder / "image.zarr", "inverse", *workers), flush=True)
        if "stack" in given.only:
            write_stack(folder / "stack.zarr", given.planes, 512)
            print(measure(folder / "stack.zarr", "inverse", *workers), flush=True)
        if "auto" in given.only:
            write_image(folder / "auto.zarr", given.auto)
            print(measure(folder / "auto.zarr", "auto", *workers), flush=True)
    finally:
        shutil.rmtree(folder)


def measure(source: Path, upscaler: str, *options: object) -> str:
    """Process an image in a process of its own; a row of the table."""
    out = source.parent / "out"
    shape = zarr.open_array(source, mode="r").shape
    command = [source, "-o", out, "--method", "spectral", "--upscaler", upscaler, "--threads", 1, "--format", "ome-zarr", "--json"]
    start = time.perf_counter()
    record, peak = watched([sys.executable, "-m", "napari_kernelgan", "batch", *map(str, [*command, *options])])
    seconds = time.perf_counter() - start
    samples = zarr.open_array(out / "upscaled.ome.zarr" / "0", mode="r")
    kernel = read_image(out / "kernels.ome.tif").data
    found, true = (np.array(kg.kernels.fwhm(each)[:2]) for each in (kernel, KERNEL))
    assert all(plane["status"] == "done" for plane in record["stacks"][0]["planes"])
    cells = [
        " x ".join(map(str, shape)),
        upscaler,
        f"{seconds:.0f}",
        f"{np.prod(shape) / 1e6 / seconds:.2f}",
        f"{shape[0] / seconds:.1f}" if len(shape) == 3 else "",
        f"{peak / 1e9:.2f} GB",
        f"{kernel_psnr(kernel, KERNEL):.1f} dB",
        f"{np.abs(found / true - 1).mean():.1%}",
        f"{seam(samples):.3f}" if len(shape) == 2 else "",
    ]
    shutil.rmtree(out)
    return f"| {' | '.join(cells)} |"


def watched(command: list[str]) -> tuple[dict[str, Any], int]:
    """Run a command: the JSON that it prints, and the sum of the peak memory of its processes, in bytes."""
    peaks: dict[int, int] = {}
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out)
        while process.poll() is None:
            for pid in [process.pid, *(child.pid for child in children(process.pid))]:
                peaks[pid] = max(peaks.get(pid, 0), high_water(pid))
            time.sleep(0.05)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        out.seek(0)
        return json.load(out), sum(peaks.values())


def children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def high_water(pid: int) -> int:
    """The most memory that a process has had so far, in bytes."""
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def seam(samples: Any) -> float:
    """Mean step of the pixels across the borders of blocks, over that a few pixels to either side."""
    across, beside = [], []
    for border in range(BLOCK * SCALE, samples.shape[0], BLOCK * SCALE):
        around = slice(border - 9, border + 9)
        for strip in (samples[around].T, samples[:, around]):
            # every other one: steps within a pixel of the image are not those between two of them
            steps = np.abs(np.diff(strip.astype(float), axis=1)).mean(0)[::2]
            across.append(steps[4])
            beside.append(np.delete(steps, 4).mean())
    return float(np.mean(across) / np.mean(beside)) if across else 1.0


if __name__ == "__main__":
    main()
