"""The commands: each reads its options, drives one run, and says what came out. The work is done elsewhere, and loaded when needed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._version import __version__
from . import options as opt
from .console import Watch, command, say, show

if TYPE_CHECKING:
    from ..estimate.result import KernelEstimate

app = typer.Typer(
    name="napari-kernelgan",
    help="Estimate the unknown blur kernel of an image from the image alone, and upscale with it.",
    epilog="Exit status: 0 done, 1 failed, 2 misuse, 3 partly done, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; ends the process with an exit status."""
    # shells start what runs in the background with interrupts ignored, but whoever sends one means it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    app(prog_name="napari-kernelgan")


def _version(asked: bool) -> None:
    if asked:
        print(f"napari-kernelgan {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    pass


@app.command()
@command
def estimate(
    image: opt.ImageArgument,
    output: opt.FolderOption,
    scale: opt.ScaleOption = None,
    method: opt.MethodOption = None,
    seed: opt.SeedOption = None,
    device: opt.DeviceOption = None,
    axes: opt.AxesOption = None,
    pixel_size: opt.PixelSizeOption = None,
    unit: opt.UnitOption = None,
    config: opt.ConfigOption = None,
    overwrite: opt.OverwriteOption = False,
    as_json: opt.JsonOption = False,
) -> None:
    """Estimate the kernel of an image; writes DIR/kernel.tif and DIR/kernel.json."""
    from ..files.kernels import kernel_record
    from ..progress import run
    from ..report.steps import iter_estimate_file

    settings = opt.read_settings(config, scale=scale, method=method, seed=seed, device=device)
    source = opt.read_source(image, axes, pixel_size, unit)
    path = output / "kernel.tif"
    with Watch() as watch:
        found = run(iter_estimate_file(source, path, settings, overwrite=overwrite), watch)
    files = {"kernel": path, "kernel_record": path.with_suffix(".json")}
    _answer(kernel_record(found) | {"source": source.record, "files": files}, as_json, _findings(found), files)


@app.command()
@command
def upscale(
    image: opt.ImageArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .tif, .ome.tif or .png; a .json goes with it.")],
    kernel: Annotated[Path | None, typer.Option(metavar="FILE", help="TIFF or NPY; not needed to upscale bicubically.")] = None,
    scale: Annotated[int | None, typer.Option(min=2, help="How many times larger; otherwise the kernel's.")] = None,
    upscaler: opt.UpscalerOption = None,
    seed: opt.SeedOption = None,
    device: opt.DeviceOption = None,
    axes: opt.AxesOption = None,
    pixel_size: opt.PixelSizeOption = None,
    unit: opt.UnitOption = None,
    config: opt.ConfigOption = None,
    overwrite: opt.OverwriteOption = False,
    as_json: opt.JsonOption = False,
) -> None:
    """Upscale an image with a known kernel."""
    from ..files.kernels import load_kernel
    from ..progress import run
    from ..report.steps import iter_upscale_file

    if scale is None and kernel is not None:
        scale = load_kernel(kernel).scale
    settings = opt.read_settings(config, scale=scale, upscaler=upscaler, seed=seed, device=device)
    source = opt.read_source(image, axes, pixel_size, unit)
    with Watch() as watch:
        record = run(iter_upscale_file(source, kernel, output, settings, overwrite=overwrite), watch)
    _answer(record, as_json, [], record["files"])


@app.command("run")
@command
def run_both(
    image: opt.ImageArgument,
    output: opt.FolderOption,
    scale: opt.ScaleOption = None,
    method: opt.MethodOption = None,
    upscaler: opt.UpscalerOption = None,
    seed: opt.SeedOption = None,
    device: opt.DeviceOption = None,
    axes: opt.AxesOption = None,
    pixel_size: opt.PixelSizeOption = None,
    unit: opt.UnitOption = None,
    config: opt.ConfigOption = None,
    overwrite: opt.OverwriteOption = False,
    as_json: opt.JsonOption = False,
) -> None:
    """Estimate the kernel of an image and upscale with it; writes kernel, upscaled image, report.json and figure.png into DIR."""
    from ..progress import run
    from ..report.run import iter_run

    settings = opt.read_settings(config, scale=scale, method=method, upscaler=upscaler, seed=seed, device=device)
    source = opt.read_source(image, axes, pixel_size, unit)
    with Watch() as watch:
        result = run(iter_run(source, output, settings, overwrite=overwrite), watch)
    _answer(result.record, as_json, _findings(result.estimate), result.record["files"])


@app.command()
@command
def demo(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results; otherwise a new one here each time.")
    ] = None,
    seed: opt.SeedOption = None,
    device: opt.DeviceOption = None,
    config: opt.ConfigOption = None,
    overwrite: opt.OverwriteOption = False,
    as_json: opt.JsonOption = False,
) -> None:
    """Show the whole on a photograph that was degraded with a known kernel, in seconds."""
    from ..progress import run
    from ..report.demo import INTRODUCTION, free_folder, iter_demo, score_tables

    folder = output or free_folder(Path.cwd())
    settings = opt.read_settings(config, seed=seed, device=device)
    say(INTRODUCTION)
    with Watch() as watch:
        record = run(iter_demo(folder, settings, overwrite=overwrite), watch).record
    if not as_json:
        for table in score_tables(record):
            show(table)
    _answer(record, as_json, [], record["files"])


@app.command()
@command
def bench(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Sharp pictures, or with --kernels low-resolution ones.")],
    output: opt.FolderOption,
    methods: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="bicubic, KERNEL or KERNEL+UPSCALER; otherwise the usual comparison.")
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="N,N,...", help="Each method is run with each.")] = "0",
    scale: opt.ScaleOption = None,
    kernel: Annotated[Path | None, typer.Option(metavar="FILE", help="The kernel to degrade sharp pictures with; else random.")] = None,
    kernels: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="The true kernels of low-resolution pictures, by stem.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="DIR", help="The sharp originals of low-resolution pictures.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many pictures.")] = None,
    kinds: Annotated[
        str,
        typer.Option(
            metavar="NAME,...", help="Kernels for sharp pictures: gauss (random), disk2, disk3, airy3, airy45, motion6, motion8, coma."
        ),
    ] = "gauss",
    kernel_seeds: Annotated[
        str, typer.Option("--kernel-seeds", "--kernel-seed", metavar="N,N,...", help="Of the random kernels, and of the noise.")
    ] = "0",
    noise: Annotated[
        str, typer.Option(metavar="SD,...", help="Added before rounding to 8 bits; of the value range, for example 0,0.02.")
    ] = "0",
    cross_validate: Annotated[
        int | None,
        typer.Option(min=2, metavar="FOLDS", help="Score every picture with a spectral prior fitted on the other folds' pictures."),
    ] = None,
    device: opt.DeviceOption = None,
    config: opt.ConfigOption = None,
    overwrite: opt.OverwriteOption = False,
    as_json: opt.JsonOption = False,
) -> None:
    """Compare methods on pictures with known kernels; writes bench.md, bench.csv, bench.json, bench.png and, of error bars, bars.png."""
    from ..bench.command import run_bench
    from ..bench.methods import DEFAULT

    settings = opt.read_settings(config, scale=scale, device=device)
    chosen = methods.split(",") if methods else DEFAULT
    with Watch() as watch:
        run_bench(
            folder,
            output,
            chosen,
            opt.parse_numbers(seeds),
            scale=settings.run.scale,
            kernel=kernel,
            kernels=kernels,
            truth=truth,
            limit=limit,
            kernel_seeds=opt.parse_numbers(kernel_seeds),
            kinds=kinds.split(","),
            noises=opt.parse_decimals(noise),
            cross_validate=cross_validate,
            device=settings.run.device,
            config=settings,
            overwrite=overwrite,
            progress=watch.part,
        )
    print((output / ("bench.json" if as_json else "bench.md")).read_text(encoding="utf-8"), end="")


@app.command("fit-prior")
@command
def fit_prior(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Pictures that are sharp to the pixel, at least 12 of 192 px.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.npz", help="The prior; give it as spectral.prior in --config.")],
    name: Annotated[str, typer.Option(help="Of the prior, for the record.")] = "fitted",
    about: Annotated[str, typer.Option(help="Where the pictures come from, for the record.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many pictures of each folder, in order of their names.")] = None,
    seed: opt.SeedOption = None,
    overwrite: opt.OverwriteOption = False,
) -> None:
    """Learn from your own sharp pictures what the spectral estimate takes for sharp."""
    from ..files.atomic import atomic, refuse_existing
    from ..files.folders import iter_pictures, pictures_in
    from ..progress import run

    refuse_existing(output, overwrite=overwrite)
    paths = [path for folder in folders for path in pictures_in(folder, limit)]
    from ..estimate.spectral.fitting import iter_fit_prior

    with Watch() as watch:
        prior = run(
            iter_fit_prior(iter_pictures(paths), len(paths), name, {"source": about} if about else {}, seed or opt.DEFAULT.seed), watch
        )
    with atomic(output) as temporary:
        prior.save(temporary)
    print(output)


def _answer(record: dict[str, Any], as_json: bool, lines: list[str], files: dict[str, Path]) -> None:
    """The results on stdout: as JSON, or lines for people and the files that were written."""
    from ..files.atomic import to_json

    if as_json:
        print(to_json(record), end="")
    else:
        for line in [*lines, *(str(path) for path in files.values())]:
            print(line)


def _findings(found: KernelEstimate) -> list[str]:
    """Lines: the widths of a kernel and of the image's own PSF, in pixels and where it is known in a unit, and how far to trust them."""
    from ..files.kernels import kernel_record
    from ..files.units import unit_symbol
    from ..kernels.psf import optics_fwhm

    physical, optics = kernel_record(found).get("fwhm_physical"), optics_fwhm(found)
    kernel = "SR kernel: " + widths_in_words(found)
    psf = "PSF: " + _widths(optics.pixels)
    if physical and found.unit:
        kernel += f" = {physical['major']:#.3g} x {physical['minor']:#.3g} {unit_symbol(found.unit)}"
    if optics.physical and optics.unit:
        psf += f" = {optics.physical[0]:#.3g} x {optics.physical[1]:#.3g} {unit_symbol(optics.unit)}"
    lines = [kernel, f"{psf} ({optics.label})"]
    prior = found.details.get("spectrum", {}).get("prior")
    if prior:
        lines.append(f"Taken for sharp: what the prior {prior!r} was learnt from.")
    trust = found.reliability
    return lines if trust is None else [*lines, " ".join([f"{trust.level}:" if trust.reasons else trust.level, *trust.reasons])]


def widths_in_words(found: KernelEstimate) -> str:
    """The widths of a kernel with their error bars."""
    words = _widths(found.fwhm)
    if found.fwhm_interval:
        words += " (90 %: {:.2f}..{:.2f} x {:.2f}..{:.2f})".format(*found.fwhm_interval[0], *found.fwhm_interval[1])
    return words


def _widths(fwhm: tuple[float, float, float]) -> str:
    return "FWHM {:.2f} x {:.2f} HR px at {:.0f} deg".format(*fwhm)
