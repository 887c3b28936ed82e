"""The methods section: what it says of every combination of methods, that it is English, and what is to be cited."""

import re
from pathlib import Path

import numpy as np
import pytest

import napari_kernelgan as kg
from napari_kernelgan.files.atomic import read_json
from napari_kernelgan.files.kernels import kernel_record
from napari_kernelgan.report.methods import PAPERS, SOFTWARE, methods_sentence, references
from napari_kernelgan.report.reading import changes

TRAINING = {"steps": 8, "generator_channels": 8, "discriminator_channels": 8, "discriminator_layers": 1}
ESTIMATORS = {
    "spectral": ({}, 'by its power spectrum and the prior "', set()),
    "kernelgan": (TRAINING, "with KernelGAN (Bell-Kligler et al., 2019), a generative adversarial network trained on it", {"kernelgan"}),
    "hybrid": (
        {"steps": 2, "lead": 1},
        "with KernelGAN (Bell-Kligler et al., 2019), begun at and tied to an estimate",
        {"kernelgan"},
    ),
    "recurrence": ({"iterations": 2}, "by patches that recur across its scales (Michaeli and Irani, 2013)", {"recurrence"}),
}
SHORT = {"max_steps": 4, "channels": 8, "layers": 3}
UPSCALERS = {
    "zssr": ("zssr", SHORT, "that improves on a regularised inverse of that kernel", {"zssr"}),
    "published zssr": ("zssr", SHORT | {"start": "bicubic"}, "degraded with that kernel, that begins at bicubic interpolation", {"zssr"}),
    "inverse": ("inverse", {}, "by a regularised inverse of that kernel, with passes that preserve edges (default settings).", set()),
    "closed form": ("inverse", {"passes": 0}, "of that kernel, in closed form (default settings but for passes 0 instead of 3).", set()),
    "bicubic": ("bicubic", {}, "by bicubic interpolation, which undoes no blur.", set()),
}


def upscale_record(image, kernel, method, config=None):
    """As a file's report has it: the details apart."""
    return dict(vars(kg.upscale(image, None if method == "bicubic" else kernel, method=method, config=config or None).info))


@pytest.fixture(scope="module")
def tiny(small):
    return small[:64, :56]


@pytest.fixture(scope="module")
def estimates(tiny):
    return {name: kg.estimate_kernel(tiny, method=name, seed=3, config=config or None) for name, (config, *_) in ESTIMATORS.items()}


def paragraph(text):
    return text.partition("\n")[0]


def check_english(text):
    """What no sentence of it may have: what code leaves in it, doubled marks or words, and sentences that do not begin and end."""
    prose = paragraph(text)
    assert not re.search(r"None|nan|\bTrue|False|[{}\[\]]|\(\)|  | [,.;:)]|\.\.|,,|;;|\( ", prose), prose
    assert not re.search(r"\b(\w+) \1\b", prose), prose
    assert prose.count("(") == prose.count(")")
    assert prose[0].isupper()
    assert prose.endswith(".")
    for start in re.findall(r"(?<![A-Z]\.)(?<!al)[.] (\S)", prose):
        assert start.isupper() or start.isdigit() or start == "n", prose  # napari-kernelgan, which is written small


@pytest.mark.parametrize("upscaler", UPSCALERS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_combination_tells_what_was_done_and_cites_it(tiny, estimates, estimator, upscaler):
    method, config, done, cited = UPSCALERS[upscaler]
    _, how, papers = ESTIMATORS[estimator]
    text = methods_sentence(upscale_record(tiny, estimates[estimator], method, config), kernel_record(estimates[estimator]))
    check_english(text)
    prose = paragraph(text)
    assert prose.startswith("The kernel of blur and downscaling by 2 (SR kernel) was not measured but estimated from the image itself, ")
    assert how in prose
    assert "seed 3" in prose
    assert done in prose
    assert f"{SOFTWARE} {kg.__version__} was used, with PyTorch " in prose
    below = text.partition("References\n")[2]
    assert {name for name, paper in PAPERS.items() if paper in below} == papers | cited
    assert below.endswith(f"napari-kernelgan developers. napari-kernelgan, version {kg.__version__} (software, BSD-3-Clause).")
    honest = "What the upscale shows beyond the image is inferred, not measured. It was not checked against the image" in prose
    assert honest is (method != "bicubic")


def test_widths_have_their_bars_and_unit(tiny):
    estimate = kg.estimate_kernel(tiny)
    record = kernel_record(estimate)
    (low, high), _ = estimate.fwhm_interval
    major = estimate.fwhm.major
    assert f"was {major:.2f} px (90 % error bar: {low:.2f} to {high:.2f} px) along the major and" in methods_sentence(record)
    assert "(px: pixels of the upscaled image)" in methods_sentence(record)
    physical = methods_sentence(record | {"fwhm_physical": {"major": 0.1 * major, "minor": 0.2, "unit": "micrometer"}})
    check_english(physical)
    assert f"was {0.1 * major:#.3g} µm (90 % error bar: {0.1 * low:#.3g} to {0.1 * high:#.3g} µm) along" in physical
    assert f"that is {major:.2f} and {estimate.fwhm.minor:.2f} pixels of the upscaled image" in physical


def test_it_says_how_far_to_trust_the_estimate(tiny, estimates):
    spectral = methods_sentence(kernel_record(estimates["spectral"]))
    trust = estimates["spectral"].reliability
    assert f'The program calls this estimate "{trust.level}": {trust.reasons[0]}' in spectral
    assert "not of the image's point spread function" in spectral
    assert "The method tells neither error bars nor how reliable it is." in methods_sentence(kernel_record(estimates["kernelgan"]))
    assert "one that optics 2 times as sharp would take" in methods_sentence(kernel_record(estimates["recurrence"]))


def badge(level, *reasons):
    return {"level": level, "codes": [], "reasons": list(reasons), "measures": {}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (badge("pass", "It fits."), 'it was rated "pass" by the program: It fits.'),
        (badge("warn", "It is small.", "It is dim."), 'it was rated "warn" by the program: It is small. It is dim.'),
        (badge("no-evidence", "It adds nothing."), "the program found no evidence that it beats bicubic interpolation: It adds nothing."),
    ],
)
def test_it_says_what_the_badge_says(tiny, true_kernel, given, said):
    text = methods_sentence(upscale_record(tiny, true_kernel, "inverse") | {"badge": given})
    check_english(text)
    assert f"Checked against the image, without a known truth, {said}" in text
    assert "was not checked" not in text


def test_only_settings_that_are_not_the_defaults_are_told(tiny, true_kernel):
    given = upscale_record(tiny, true_kernel, "zssr", SHORT)
    assert "(default settings but for max steps 4 instead of 1000, layers 3 instead of 5 and channels 8 instead of 32; seed 0)" in (
        methods_sentence(given)
    )
    published = given | {"config": kg.ZSSRConfig.published().model_dump(mode="json")}
    assert "(the published settings; seed 0)" in methods_sentence(published)
    noisy = given | {"config": kg.ZSSRConfig.noisy().model_dump(mode="json") | {"crop": 96}}
    assert "(the published settings for noisy images but for crop 96 instead of 128; seed 0)" in methods_sentence(noisy)
    filters = kg.KernelGANConfig(generator_filters=(5, 3, 3, 1, 1, 1)).model_dump(mode="json")
    assert changes("kernelgan", filters).values == {"generator_filters": ([5, 3, 3, 1, 1, 1], [7, 5, 3, 1, 1, 1])}


def test_planes_regions_and_stops_are_told(tiny):
    estimate = kg.estimate_kernel(np.stack([tiny, tiny[::-1]]), axes="TYX")
    record = kernel_record(estimate) | {"source": {"region": [10, 20, 60, 50], "plane": None}, "stopped": True}
    text = methods_sentence(record)
    assert ", from rows 10 to 59 and columns 20 to 49, pooled over 2 planes (default settings" in text
    assert "The estimation was stopped before its end." in text
    upscale = upscale_record(tiny, estimate, "zssr", SHORT)
    one = methods_sentence(upscale | {"source": {"plane": [2, 0]}, "stopped": True})
    assert one.startswith("The plane of the image with index 2, 0 was upscaled by 2 along Y and X")
    assert "The upscaling was stopped before its end." in one
    some = methods_sentence(upscale | {"source": {"plane": None, "ranges": {"T": [1, 4], "C": [0, 1]}}})
    assert some.startswith("The planes of the image with T = 1 to 3 and C = 0 were upscaled")
    assert "one network for all planes" in methods_sentence(upscale | {"config": upscale["config"] | {"train": "stack"}})


def test_an_upscale_alone_tells_which_kernel_was_undone(tiny, estimates, true_kernel):
    alone = upscale_record(tiny, true_kernel, "inverse")
    assert "a regularised inverse of a given kernel" in methods_sentence(alone)
    known = alone | {"kernel": {"method": "hybrid", "seed": 4, "sha256": ""}}
    assert 'inverse of a kernel estimated from it with the method "hybrid" and seed 4' in methods_sentence(known)
    assert PAPERS["kernelgan"] in methods_sentence(known)
    told = alone | {"kernel": {"tiles": [2, 2], "method": "spectral", "sha256": ""}}
    assert "inverse of a map of kernels, each where it belongs" in methods_sentence(told)


def test_a_kernel_from_a_file(tmp_path, true_kernel):
    kg.save_kernel(tmp_path / "kernel.tif", true_kernel, scale=2, pixel_size=0.2, unit="um")
    text = methods_sentence(read_json(tmp_path / "kernel.json"))
    check_english(text)
    assert text.startswith("The kernel of blur and downscaling by 2 (SR kernel) was given, not estimated by the program. Its full width")
    assert " µm along the major" in text


def test_the_gradual_way_is_told(tiny):
    upscale = upscale_record(np.tile(tiny, (2, 2)), kg.kernels.gaussian(2.0), "zssr", SHORT)
    stages = [{"plane": [], "stages": [{"scale": 2, "steps": 4}, {"scale": 4, "steps": 4}]}]
    upscale |= {"scale": 4, "details": upscale["details"] | {"planes": stages}}
    assert "upscaled by 4 along Y and X in two steps with zero-shot super-resolution" in methods_sentence(upscale)


def test_what_is_no_record_is_refused():
    for given in ((), (None,)):
        with pytest.raises(kg.InputError, match="nothing to tell"):
            methods_sentence(*given)
    with pytest.raises(kg.InputError, match="is needed, not of sample"):
        methods_sentence({"kind": "sample"})


def test_references_are_those_of_the_citation_file():
    path = Path(__file__).parents[2] / "CITATION.cff"
    text = path.read_text(encoding="utf-8")
    titles = re.findall(r'^    title: "(.*)"$', text, re.MULTILINE)
    assert len(titles) == len(PAPERS)
    for title in titles:
        (paper,) = (paper for paper in PAPERS.values() if title in paper)
        names = re.findall(r"family-names: ([\w-]+)", text.partition(title)[2].partition("- type")[0])
        year = re.search(r"year: (\d+)", text.partition(title)[2])[1]
        assert names
        assert all(name in paper for name in (*names, year))
    assert re.search(r"^title: (.*)$", text, re.MULTILINE)[1] == SOFTWARE
    assert references([{"method": "given", "fwhm": {}}]) == ["napari-kernelgan developers. napari-kernelgan (software, BSD-3-Clause)."]
