"""What the bench command makes of its lists."""

import csv

import imageio.v3 as iio
from skimage import data


def test_kinds_noise_and_kernel_seeds_are_lists(cli, tmp_path):
    folder, out = tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    iio.imwrite(folder / "a.png", data.camera()[100:200, 100:200])
    done = cli(
        *("bench", folder, "-o", out, "--methods", "bicubic-kernel", "--kinds", "gauss,disk2", "--noise", "0,0.02", "--kernel-seeds", "3,4")
    )
    assert done.status == 0
    rows = list(csv.DictReader((out / "bench.csv").open()))
    found = [(row["kind"], row["kernel_seed"], float(row["noise"])) for row in rows]
    assert found == [(kind, seed, noise) for kind, seed in (("gauss", "3"), ("gauss", "4"), ("disk2", "3")) for noise in (0, 0.02)]
    assert (out / "bench.png").exists()


def test_what_is_no_list_or_no_kind_is_refused(cli, tmp_path):
    for option, value in (("--noise", "0,much"), ("--kinds", "gauss,square"), ("--kernel-seeds", "0.5"), ("--cross-validate", "1")):
        assert cli("bench", tmp_path, "-o", tmp_path / "out", "--methods", "bicubic", option, value).status == 2
