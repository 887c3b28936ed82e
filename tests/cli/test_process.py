"""What only a real process shows: its exit status, its streams, interruption, and what it loads."""

import json
import os
import signal
import subprocess
import sys

import pytest
import tifffile

COMMAND = [sys.executable, "-m", "napari_kernelgan"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def start(*arguments):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def interrupt_at(process, stage):
    """Interrupt a process as soon as it says that it has come to a stage; return its exit status and what it said."""
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith(stage):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=60)
    return process.returncode, out, said + err


def test_version_and_help_load_nothing_heavy():
    code = (
        "import sys\nfrom napari_kernelgan.cli import main\nsys.argv = ['napari-kernelgan', 'run', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = [m for m in ('torch', 'matplotlib', 'napari', 'zarr', 'dask.array') if m in sys.modules]\nassert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--pixel-size" in done.stdout
    version = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("napari-kernelgan ")


def test_streams_and_status_of_a_whole_run(image, short, tmp_path):
    process = start("run", image, "-o", tmp_path / "out", "--config", short, "--upscaler", "zssr", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    record = json.loads(out)  # nothing else is on stdout
    assert record["files"]["upscaled"] == str(tmp_path / "out" / "upscaled.tif")
    assert "spectrum ..." in err
    assert "\x1b" not in err  # no bars where there is no terminal


@posix
def test_interrupting_the_estimate_leaves_nothing(image, tmp_path):
    out = tmp_path / "out"
    status, said, err = interrupt_at(start("run", image, "-o", out, "--method", "kernelgan"), "KernelGAN")
    assert status == 130, err
    assert said == ""
    assert "Traceback" not in err
    assert not out.exists()


@posix
def test_interrupting_the_upscale_leaves_the_whole_kernel_and_no_half_written_file(image, tmp_path):
    out, config = tmp_path / "out", tmp_path / "slow.json"
    config.write_text(json.dumps({"zssr": {"max_steps": 100000, "trend_steps": 90000, "crop": 32}}))
    status, _, err = interrupt_at(start("run", image, "-o", out, "--config", config, "--upscaler", "zssr"), "ZSSR")
    assert status == 130, err
    assert sorted(path.name for path in out.iterdir()) == ["kernel.json", "kernel.tif"]
    assert tifffile.imread(out / "kernel.tif").sum() == pytest.approx(1, abs=1e-5)
    assert json.loads((out / "kernel.json").read_text())["scale"] == 2
