"""Whether all engines make the same pixels: in process, on two workers, as two parts that run at once, and killed and resumed.

    OMP_NUM_THREADS=1 python benchmarks/engines.py [--planes 8] [--side 160] [--only inverse,stack,plane]

Every run is a process of its own (``napari-kernelgan batch``) on one thread a task, with a fixed batch size. Each is compared with the run
in process: the largest difference of any pixel as a part of the value range, which is 0 where they are the same bit for bit. "stack" and
"plane" are ZSSR with a network for all planes that share a kernel, and with one for each plane.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from scene import write_stack

COLUMNS = "upscaler | kernels | in process / s | two workers | two parts | killed at | killed and resumed | kernels differ by"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", type=int, default=8)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--only", default="inverse,stack,plane")
    given = parser.parse_args()
    print(f"| {COLUMNS} |\n{'|---' * (COLUMNS.count('|') + 1)}|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_stack(folder / "in.zarr", given.planes, given.side)
        for train in given.only.split(","):
            for share in ("stack", "plane"):
                print(compare(folder, train, share), flush=True)


def compare(folder: Path, train: str, share: str) -> str:
    """All engines with one way to upscale; a row of the table."""
    config = folder / "config.json"
    upscaler = "inverse" if train == "inverse" else "zssr"
    config.write_text(json.dumps({} if train == "inverse" else {"zssr": {"train": train}}))
    options = ["--upscaler", upscaler, "--share", share, "--config", config]
    start = time.perf_counter()
    outs = [folder / f"{train}-{share}-{way}" for way in ("process", "workers", "parts", "killed")]
    end(begin(folder, outs[0], *options))
    seconds = time.perf_counter() - start
    end(begin(folder, outs[1], *options, "--workers", 2))
    for process in [begin(folder, outs[2], *options, "--part", f"{number}/2") for number in (1, 2)]:
        end(process)
    process, planes = begin(folder, outs[3], *options), outs[3] / "journal" / "planes"
    while len(list(planes.glob("[0-9]*.json"))) < 3 and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    killed = len(list(planes.glob("[0-9]*.json")))
    end(begin(folder, outs[3], *options, "--resume"))
    values = json.loads((outs[0] / "stack.json").read_text())["value_range"]
    reference, kernel = results(outs[0])
    pixels, kernels = [], []
    for out in outs[1:]:
        upscaled, found = results(out)
        pixels.append(np.abs(upscaled - reference).max() / (values[1] - values[0]))
        kernels.append(np.abs(found - kernel).max())
    name = "inverse" if train == "inverse" else f"zssr, train={train}"
    same = [f"{each:.1g}" for each in pixels]
    return f"| {name} | {share} | {seconds:.0f} | {same[0]} | {same[1]} | {killed} | {same[2]} | {max(kernels):.1g} |"


def begin(folder: Path, out: Path, *options: object) -> subprocess.Popen[str]:
    """Begin a run."""
    fixed = ["--method", "spectral", "--format", "ome-zarr", "--threads", 1, "--batch", 4]
    command = [sys.executable, "-m", "napari_kernelgan", "batch", folder / "in.zarr", "-o", out, *fixed, *options]
    return subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> None:
    """Wait for a run to end well."""
    said = process.communicate()[1]
    if process.returncode:
        raise SystemExit(said)


def results(out: Path) -> tuple[Any, Any]:
    """Pixels, and the kernels that they were made with, in full precision."""
    upscaled = zarr.open_array(out / "upscaled.ome.zarr" / "0", mode="r")[:].astype(float)
    records = sorted((out / "journal" / "kernels").glob("*.json"))
    return upscaled, np.array([json.loads(path.read_text())["samples"] for path in records])


if __name__ == "__main__":
    main()
