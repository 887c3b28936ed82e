"""The Python that does what a button did, for napari's console and for scripts."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from napari.layers import Layer

from ..config import Settings
from . import actions
from .run import Options

ACTIONS = {"estimate": actions.estimate_layer, "upscale": actions.upscale_layer, "both": actions.run_layer}
ALWAYS = ("scale", "method", "upscaler", "seed")
"""Told though they are the defaults: they are what everybody asks for."""


@dataclass(frozen=True)
class Call:
    """What a button did. The layers are not kept alive."""

    what: Literal["estimate", "upscale", "both"]
    layer: weakref.ref[Layer]
    name: str
    """Of the layer, for when it is gone."""
    options: Options
    kernel: weakref.ref[Layer] | None = None

    @classmethod
    def of(cls, what: Literal["estimate", "upscale", "both"], layer: Layer, options: Options, kernel: Layer | None = None) -> Call:
        """Note what a button does now."""
        return cls(what, weakref.ref(layer), layer.name, options, weakref.ref(kernel) if kernel is not None else None)

    def as_python(self) -> str:
        """A call of a function in `napari_kernelgan.plugin` that gives the same layers, added to the viewer.

        Layers are named as they are called now.
        """
        action = ACTIONS[self.what]
        arguments = [_of_viewer(self.layer, self.name)]
        if self.what == "upscale" and self.options.upscaler != "bicubic":
            arguments.append(_of_viewer(self.kernel, "kernel"))
        known = inspect.signature(action).parameters
        given = {field.name: getattr(self.options, field.name) for field in fields(self.options)}
        if self.what == "upscale":
            given["method"] = given.pop("upscaler")  # the function's own name for it
        config = _config(given.pop("config"))
        if config:
            arguments.append(f"config={config}")
        for name, value in given.items():
            if name in known and (name in ALWAYS or value != known[name].default):
                arguments.append(f"{name}={(tuple(value) if isinstance(value, tuple) else value)!r}")
        imports = ["import napari_kernelgan as kg"] if config else []
        imports.append(f"from napari_kernelgan.plugin import {action.__name__}")
        call = "".join(f"    {argument},\n" for argument in arguments)
        if self.what == "both":
            return "\n".join([*imports, "", f"for result in {action.__name__}(\n{call}):", "    viewer.add_layer(result)\n"])
        return "\n".join([*imports, "", f"result = {action.__name__}(\n{call})", "viewer.add_layer(result)\n"])


def _of_viewer(layer: weakref.ref[Layer] | None, name: str) -> str:
    there = layer() if layer is not None else None
    return f"viewer.layers[{(name if there is None else there.name)!r}]"


def _config(settings: Settings) -> str:
    """Settings as Python makes them, those that differ from the defaults only; empty where none do."""
    parts = []
    for name, model in settings.methods.items():
        differing = model.model_dump(exclude_defaults=True)
        if differing:
            inside = ", ".join(f"{field}={value!r}" for field, value in differing.items())
            parts.append(f"{name}=kg.{type(model).__name__}({inside})")
    return f"kg.Settings({', '.join(parts)})" if parts else ""


def as_python(calls: Sequence[Call]) -> str:
    """Several calls, one after another."""
    return "\n".join(call.as_python() for call in calls)
