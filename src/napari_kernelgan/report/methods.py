"""The methods section of a paper: what was done, in sentences made of the records, ready to be pasted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..estimate.api import METHODS as ESTIMATORS
from .reading import (
    KERNEL,
    KERNELS,
    KINDS,
    MAP,
    RESIDUAL,
    SPREAD,
    UPSCALED,
    Record,
    Sizes,
    angle_of,
    changes,
    config_of,
    flat,
    is_estimate,
    kind_of,
    method_of,
    number,
    setting,
    sizes,
)
from .verdict import percent

SOFTWARE = "napari-kernelgan"
PAPERS = {
    "kernelgan": (
        "Bell-Kligler, S., Shocher, A., Irani, M. Blind Super-Resolution Kernel Estimation using an Internal-GAN. Advances in Neural "
        "Information Processing Systems 32 (NeurIPS), 2019. https://arxiv.org/abs/1909.06581"
    ),
    "zssr": (
        "Shocher, A., Cohen, N., Irani, M. Zero-Shot Super-Resolution using Deep Internal Learning. IEEE Conference on Computer Vision and "
        "Pattern Recognition (CVPR), 2018. https://arxiv.org/abs/1712.06087"
    ),
    "recurrence": (
        "Michaeli, T., Irani, M. Nonparametric Blind Super-Resolution. IEEE International Conference on Computer Vision (ICCV), 2013."
    ),
}
"""What is to be cited for a method, as CITATION.cff has it; the software always is."""
SAME_PAPER = {"hybrid": "kernelgan"}
BASES = {"default": "default settings", "published": "the published settings", "noisy": "the published settings for noisy images"}


def methods_sentence(*records: Record | None) -> str:
    """Tell in a few sentences what was done, for the methods section of a paper, and what is to be cited.

    Parameters
    ----------
    *records : dict or None
        Of layers (``layer.metadata["napari_kernelgan"]``) or of files (a kernel's JSON; "kernel" and "upscale" of ``report.json``):
        kernels, upscaled images, and what was found out about them, in any order. None is left out.

    Returns
    -------
    str
        One paragraph, and the references below it, one a line.

    Raises
    ------
    InputError
        If there is no record, or one is of something else.
    """
    known = sorted((flat(each) for each in records if each), key=lambda each: KINDS.index(kind_of(each)))
    if not known:
        raise InputError("There is nothing to tell: give the record of a kernel or of an upscaled image.")
    told: list[str] = []
    for record in known:
        told += _SENTENCES[kind_of(record)](record, known)
    told.append(_software(known))
    return "\n".join([" ".join(told), "", "References", *references(known)])


def references(records: Iterable[Record]) -> list[str]:
    """What is to be cited for what some records tell of, one reference each."""
    records = [flat(each) for each in records]
    used = {method for record in records for method in _methods_in(record)}
    papers = [text for method, text in PAPERS.items() if method in used]
    version = _versions(records).get(SOFTWARE)
    return [*papers, f"{SOFTWARE} developers. {SOFTWARE}{f', version {version}' if version else ''} (software, BSD-3-Clause)."]


def _kernel(record: Record, _: Sequence[Record]) -> list[str]:
    """How a kernel came about, how wide it is, and how far to trust that."""
    pixels, physical = sizes(record)
    scale = record.get("scale")
    which = f"The kernel of blur and downscaling{f' by {scale}' if scale else ''} (SR kernel)"
    widths = _widths(record, physical or pixels, None if physical is None else pixels)
    if not is_estimate(record):
        return [f"{which} was given, not estimated by the program.", widths]
    told = [f"{which} was not measured but estimated from the image itself, {_how(record)}{_where(record)} ({_settings(record)})."]
    if record.get("stopped"):
        told.append("The estimation was stopped before its end.")
    if record.get("reference") == "prior":
        between = "pictures as sharp as those of the prior and this image"
    else:
        between = f"this image and one that optics {scale} times as sharp would take"
    return [*told, widths, f"This is the width of the blur between {between}, not of the image's point spread function.", _trusted(record)]


def _kernels(record: Record, _: Sequence[Record]) -> list[str]:
    """The kernels of a stack's planes."""
    stack = record["stack"]
    found = [each for each in stack["kernels"] if "fwhm" in each]
    axis, length = stack.get("window") or ("", 0)
    shared = {
        "plane": "one for each plane",
        "channel": "one for each channel",
        "window": f"each from up to {length} neighbouring planes along {axis}",
    }.get(stack["share"], "pooled over planes")
    first = found[0] | {"source": record.get("source")}
    settings = _settings(record | {"method": first["method"]})
    lost = len(stack["kernels"]) - len(found)
    failed = f", of which {lost} failed" if lost else ""
    told = (
        f"In all {len(stack['kernels'])} kernels of blur and downscaling by {record['scale']} (SR kernels), {shared}{failed}, "
        f"were not measured but estimated from the image itself, {_how(first)} ({settings})."
    )
    return [told, _range([(each["fwhm"]["major"], each["fwhm"]["minor"]) for each in found]), *_levels(found)]


def _map(record: Record, _: Sequence[Record]) -> list[str]:
    """A map of kernels over the field."""
    widths = np.array(record["fwhm"], np.float64).reshape(-1, 3)
    known = np.isfinite(widths).all(1)
    rows, columns = len(record["rows"]), len(record["columns"])
    smooth = ", and smoothed over the field as far as their error bars call for" if record.get("smooth") else ""
    height, width = record["tile"]
    told = (
        f"Kernels of blur and downscaling by {record['scale']} (SR kernels) for {rows} × {columns} tiles of {height} × {width} pixels "
        f"were not measured but estimated from the image itself, {_how(record)}{_where(record)} ({_settings(record)}){smooth}."
    )
    flat_levels = np.array(record["reliability"]).ravel().tolist()
    levels = [{"reliability": {"level": level}} for level in flat_levels]
    return [told, _range(widths[known][:, :2].tolist()), *_levels(levels)]


def _upscaled(record: Record, known: Sequence[Record]) -> list[str]:
    """How an image was upscaled, and what the badge says of it."""
    method, config, scale = method_of(record), config_of(record), record["scale"]
    if method == "bicubic":
        return [f"{_what(record)} upscaled by {scale} along Y and X by bicubic interpolation, which undoes no blur."]
    undone = _undone(record, known)
    settings = _settings(record)
    if method == "zssr":
        start = config.get("start", "inverse")
        begun = (
            f"a network trained on the image itself that improves on a regularised inverse of {undone}"
            if start == "inverse"
            else f"a network trained on the image itself, degraded with {undone}, that begins at bicubic interpolation"
        )
        shared = {
            "stack": ", one network for all planes",
            "warm": ", one network for all planes that was trained on a little in each",
        }.get(str(config.get("train")), "")
        way = " in two steps" if len(_stages(record)) > 1 else ""
        done = f"with zero-shot super-resolution (ZSSR; Shocher et al., 2018), {begun}{shared}"
    else:
        edges = ", with passes that preserve edges" if config.get("passes", 1) else ", in closed form"
        way, done = "", f"by a regularised inverse of {undone}{edges}"
    told = [f"{_what(record)} upscaled by {scale} along Y and X{way} {done} ({settings})."]
    if record.get("stopped"):
        told.append("The upscaling was stopped before its end.")
    return [*told, "What the upscale shows beyond the image is inferred, not measured.", _badge(record.get("badge"))]


def _badge(badge: dict[str, Any] | None) -> str:
    if badge is None:
        return "It was not checked against the image with the program's badge."
    reasons = " ".join(badge["reasons"])
    if badge["level"] == "pass":
        return f'Checked against the image, without a known truth, it was rated "pass" by the program: {reasons}'
    if badge["level"] == "warn":
        return f'Checked against the image, without a known truth, it was rated "warn" by the program: {reasons}'
    return f"Checked against the image, without a known truth, the program found no evidence that it beats bicubic interpolation: {reasons}"


def _finding(record: Record, _: Sequence[Record]) -> list[str]:
    """What a residual, an added detail or a spread tells."""
    kind = kind_of(record)
    if kind == RESIDUAL:
        left = "more than noise is left" if record["structured"] else "as noise has it"
        return [
            f"Blurred and downscaled again with the kernel, the upscale left a residual with an rms of {record['rms']:.2f} times the "
            f"image's noise, and with a correlation of {record['correlation']:.2f} between neighbouring pixels ({left})."
        ]
    if kind == SPREAD:
        low, high = record["value_range"]
        part = percent(record["rms"] / (high - low), 2)
        return [
            f"Upscales with {len(record['seeds'])} seeds differed by a standard deviation of {part} of the value range (rms over pixels)."
        ]
    return [f"What the upscale adds to a bicubic one has {percent(record['share'], 1)} of the power of its gradients."]


_SENTENCES = {KERNEL: _kernel, KERNELS: _kernels, MAP: _map, UPSCALED: _upscaled} | dict.fromkeys(KINDS[4:], _finding)


def _how(record: Record) -> str:
    """By what method."""
    prior = record.get("spectrum", {}).get("prior") or config_of(record).get("prior", "auto")
    sharp = "a prior of sharp pictures that was chosen automatically" if prior == "auto" else f'the prior "{prior}" of sharp pictures'
    spectrum = f"its power spectrum and {sharp}"
    return {
        "spectral": f"by {spectrum}",
        "kernelgan": "with KernelGAN (Bell-Kligler et al., 2019), a generative adversarial network trained on it",
        "hybrid": f"with KernelGAN (Bell-Kligler et al., 2019), begun at and tied to an estimate by {spectrum}",
        "recurrence": "by patches that recur across its scales (Michaeli and Irani, 2013)",
    }[method_of(record)]


def _where(record: Record) -> str:
    """From which part of the image."""
    source, pooled = record.get("source") or {}, record.get("input", {}).get("planes") or []
    said = ""
    if source.get("region"):
        top, left, bottom, right = source["region"]
        said += f", from rows {top} to {bottom - 1} and columns {left} to {right - 1}"
    if source.get("plane"):
        said += f", from the plane with index {', '.join(map(str, source['plane']))}"
    if len(pooled) > 1:
        said += f", pooled over {len(pooled)} planes"
    return said


def _what(record: Record) -> str:
    """What was upscaled."""
    source = record.get("source") or {}
    if source.get("plane"):
        return f"The plane of the image with index {', '.join(map(str, source['plane']))} was"
    if source.get("ranges"):
        parts = [f"{axis} = {first}" + (f" to {last - 1}" if last - first > 1 else "") for axis, (first, last) in source["ranges"].items()]
        return f"The planes of the image with {_listed(parts)} were"
    return "The image was"


def _settings(record: Record) -> str:
    """Which settings were not the defaults, and the seed, where that matters."""
    found = changes(method_of(record), config_of(record))
    text = BASES[found.base]
    if found.values:
        named = [f"{name.replace('_', ' ')} {setting(value)} instead of {setting(usual)}" for name, (value, usual) in found.values.items()]
        text += f" but for {_listed(named)}"
    seed = (record.get("stack") or record).get("seed")
    return text if seed is None or method_of(record) == "inverse" else f"{text}; seed {seed}"


def _widths(record: Record, shown: Sizes, also: Sizes | None) -> str:
    """The widths with their error bars."""
    parts = []
    for order, width in enumerate(shown[:2]):
        text = f"{number(width, shown.unit)} {shown.unit}"
        if shown.bars:
            low, high = (number(end, shown.unit) for end in shown.bars[order])
            text += f" ({'90 % error bar: ' if order == 0 else ''}{low} to {high} {shown.unit})"
        parts.append(text)
    said = f"Its full width at half maximum was {parts[0]} along the major and {parts[1]} along the minor axis"
    if also is not None:
        said += f", that is {number(also.major, 'px')} and {number(also.minor, 'px')} pixels of the upscaled image"
    else:
        said += " (px: pixels of the upscaled image)"
    angle = angle_of(record)
    return said + (f"; the major axis was at {angle:.0f}° from +x towards +y." if angle is not None else ".")


def _trusted(record: Record) -> str:
    trust = record.get("reliability")
    if trust is None:
        return "The method tells neither error bars nor how reliable it is."
    reasons = " ".join(trust["reasons"])
    return f'The program calls this estimate "{trust["level"]}"' + (f": {reasons}" if reasons else ".")


def _range(both: Sequence[Sequence[float]]) -> str:
    """From where to where the mean widths of many kernels go."""
    means = [float(np.sqrt(major * minor)) for major, minor in both]
    if not means:
        return "None of them gave a kernel."
    return (
        "Their full widths at half maximum (geometric mean of major and minor axis) are between "
        f"{min(means):.2f} and {max(means):.2f} pixels of the upscaled image."
    )


def _levels(found: Sequence[Record]) -> list[str]:
    """How many of many kernels are reliable."""
    levels = [each["reliability"]["level"] for each in found if each.get("reliability")]
    if not levels:
        return ["The method tells neither error bars nor how reliable it is."]
    return [f'The program calls {levels.count("reliable")} of {len(levels)} "reliable".']


def _undone(record: Record, known: Sequence[Record]) -> str:
    """Which kernel, in the words of a sentence: that of the sentences before, where these tell of one."""
    kinds = [kind_of(each) for each in known]
    told, several = record.get("kernel") or {}, record.get("stack", {}).get("kernels", [])
    if "tiles" in told:
        return "these kernels, each where it belongs" if MAP in kinds else "a map of kernels, each where it belongs"
    if len(several) > 1:
        which = (
            "these kernels" if KERNELS in kinds else f'{len(several)} kernels estimated from it with the method "{several[0]["method"]}"'
        )
        return f"{which}, each in its planes"
    if kinds.count(KERNEL) == 1:
        return "that kernel"
    told = told or (several[0] if several else {})
    if told.get("method") in ESTIMATORS:
        seed = (record.get("stack") or told).get("seed")
        return f'a kernel estimated from it with the method "{told["method"]}"' + ("" if seed is None else f" and seed {seed}")
    return "a given kernel"


def _stages(record: Record) -> Sequence[Any]:
    """The steps that ZSSR went, of the first plane that it was trained on."""
    return next((plane["stages"] for plane in record.get("planes", ()) if plane.get("stages")), ())


def _software(known: Sequence[Record]) -> str:
    versions = _versions(known)
    said = f"{SOFTWARE} {versions[SOFTWARE]}" if SOFTWARE in versions else SOFTWARE
    return f"{said} was used" + (f", with PyTorch {versions['torch']}." if "torch" in versions else ".")


def _versions(known: Sequence[Record]) -> dict[str, str]:
    """The versions that the last record which tells any was made with."""
    told = [each.get("versions") or (each.get("stack") or {}).get("versions") for each in known]
    return next((each for each in reversed(told) if each), {})


def _methods_in(record: Record) -> set[str]:
    """The methods that a record tells of: its own, and that of the kernel that was undone."""
    methods = {method_of(record) if kind_of(record) in (KERNEL, KERNELS, MAP, UPSCALED) else ""}
    methods.add(str((record.get("kernel") or {}).get("method", "")) if kind_of(record) == UPSCALED else "")
    methods |= {str(each.get("method", "")) for each in record.get("stack", {}).get("kernels", ())}
    return {SAME_PAPER.get(method, method) for method in methods}


def _listed(parts: Sequence[str]) -> str:
    """One, two and three."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}"
