"""The pictures of README and the documentation: which scenes each of them shows, and how."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Shot(NamedTuple):
    """One picture: the same part of the windows of one scene, or of several side by side."""

    scenes: tuple[str, ...]
    what: Literal["window", "panel", "canvas"] = "panel"
    height: int = 900
    width: int = 1400
    """Both in px, of the windows."""
    theme: Literal["dark", "light"] = "dark"


SHOTS = {
    "napari-window": Shot(("both-results",), "window"),
    "tour-live": Shot(("idle",), "canvas", 760, 1200),
    "tour-done": Shot(("done",), "canvas", 860, 1200),
    "tour-region": Shot(("region",), "canvas", 760, 1200),
    "tour-compare": Shot(("compare-line",), "canvas", 760, 1200),
    "tour-plots": Shot(("psf-profiles", "psf-mtf", "psf-encircled")),
    "trust-badges": Shot(("trust-pass", "trust-warn", "trust-no-evidence"), height=780),
    "trust-residual": Shot(("trust-residual",), "canvas", 740, 1180),
    "panel-states": Shot(("running-kernel", "stopped", "failed"), height=900),
    "panel-advanced": Shot(("size", "advanced")),
    "napari-stack": Shot(("stack-planes",), "canvas", 860, 1140),
    "stack-setup": Shot(("stack", "stack-range"), height=700),
    "field-map": Shot(("field-map",), "canvas", 700, 1200),
    "preferences": Shot(("preferences",)),
}
