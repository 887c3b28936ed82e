"""A glance at one plane: the spectral estimate of what is seen just now, in words."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from napari.layers import Image

from ..config import SpectralConfig
from ..progress import Steps, run
from .actions import iter_estimate_layer
from .layers import LayerData
from .notices import reason
from .records import KEY
from .region import Region
from .source import Source
from .words import Words, in_words

MOST = 2048
"""px on either side that are looked at, so that a glance takes a fraction of a second in the largest of planes."""


@dataclass(frozen=True)
class Glance:
    """What to estimate from, and how; nothing of a lazy image is read until `look`.

    Attributes
    ----------
    key : hashable
        Equal for glances that come to the same, unless pixels were changed meanwhile.
    heading : str
        Which part of which plane it is; empty for the whole of an image of one plane.
    steps : generator
        The estimate.
    """

    key: Hashable
    heading: str
    steps: Steps[LayerData]

    @classmethod
    def at(
        cls, layer: Image, plane: tuple[int, ...], region: Region | None, scale: int, config: SpectralConfig, seed: int = 0, **sizes: Any
    ) -> Glance:
        """A glance at a plane of a layer, or at a region of it; `sizes` are pixel size and unit, as for `estimate_layer`.

        Raises
        ------
        InputError
            If something given cannot be used.
        """
        source = Source.of(layer, plane)
        whole = region or Region(0, 0, *source.plane_size)
        within = whole.shrunk(MOST)
        # the spectral estimate computes nothing on a device
        steps = iter_estimate_layer(source, scale, "spectral", region=within, seed=seed, device="cpu", config=config, **sizes)
        height, width = within.size
        words = [f"plane {', '.join(map(str, plane))}"] if plane else []
        if region or within != whole:
            words.append(f"{'region' if within == whole else 'middle'} of {height} × {width} px")
        key = (layer.unique_id, plane, within, scale, seed, config, *sizes.values())
        return cls(key, ", ".join(words).capitalize(), steps)

    def look(self) -> Words:
        """Estimate, and tell what came of it, errors too; may run in any thread, once."""
        try:
            kernel, arguments, _ = run(self.steps)
            said = in_words(arguments["metadata"][KEY], kernel)
        except Exception as error:  # noqa: BLE001 - reading a lazy image may raise anything, and nobody asked for a dialog
            said = Words(reason(error))
        return Words("\n".join(filter(None, (self.heading, said.text))), said.details)
