"""What training gives: a network with all that it takes to use it, in memory and in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...config import ZSSRConfig
from ...devices import random_stream
from ...errors import InputError
from .exam import Mark
from .lessons import Units
from .network import Network


@dataclass(frozen=True, eq=False)
class Learnt:
    """A network that improves the inverse of the planes that it was trained on, and of others like them."""

    weights: tuple[NDArray[np.float32], ...]
    """The convolutions (out, in, 3, 3) in order, then their biases (out,)."""
    units: Units
    """Sizes of what goes in and comes out."""
    blend: float
    """Part of the network's answer to add to a plane that it was trained on; 0 where nothing proved right."""
    record: dict[str, Any]
    """How training went, ready for JSON: steps, error_steps, errors, best_step, blend, held_out_gain (dB)."""
    scale: int
    seed: int
    config: ZSSRConfig
    """Of the training."""

    @property
    def mark(self) -> Mark:
        """How it did in training."""
        return Mark(10 ** (-self.record["held_out_gain"] / 10), self.blend)

    @property
    def channels(self) -> int:
        """Colours of the planes that it is for."""
        return len(self.weights[0][0]) // (self.scale**2 + 1)

    @property
    def reach(self) -> int:
        """How many px of the image around a pixel its answer depends on."""
        return self.config.layers

    def check(self, channels: int, scale: int) -> None:
        """Raise `InputError` where it is for planes of other channels or for another scale."""
        if (self.channels, self.scale) != (channels, scale):
            raise InputError(
                f"The network was trained on planes of {self.channels} channels at scale {self.scale}, not of {channels} at scale {scale}: "
                "train one on planes like these."
            )

    def network(self, device: torch.device) -> Network:
        """The network on a device; a copy, which may be trained further."""
        widths = len(self.weights[0][0]), len(self.weights[-1])
        network = Network(self.config, *widths, random_stream(self.seed), device)
        with torch.no_grad():
            for parameter, values in zip(network.parameters, self.weights, strict=True):
                parameter.copy_(torch.from_numpy(values))
        return network

    def save(self, path: str | Path) -> Path:
        """Write an NPZ of float32 arrays and a JSON text; nothing in it is executed when it is read."""
        path = Path(path)
        arrays = {f"weight{number}": values for number, values in enumerate(self.weights)}
        about = {"scale": self.scale, "seed": self.seed, "blend": self.blend, "missing": self.units.missing, "record": self.record}
        about["config"] = self.config.model_dump(mode="json")
        with path.open("wb") as file:  # NumPy would append .npz to a name without it
            np.savez_compressed(
                file,
                allow_pickle=False,
                about=np.array(json.dumps(about)),
                offset=self.units.offset.numpy(),
                size=self.units.size.numpy(),
                **arrays,
            )
        return path

    @classmethod
    def load(cls, path: str | Path) -> Learnt:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If it is no such file, or its parts do not fit together.
        """
        try:
            with np.load(path, allow_pickle=False) as store:
                about = json.loads(str(store["about"]))
                config = ZSSRConfig.model_validate(about["config"])
                weights = tuple(store[f"weight{number}"] for number in range(2 * config.layers))
                units = Units(torch.from_numpy(store["offset"]), torch.from_numpy(store["size"]), float(about["missing"]))
            learnt = cls(weights, units, float(about["blend"]), dict(about["record"]), int(about["scale"]), int(about["seed"]), config)
            learnt._check_parts()
            float(learnt.record["held_out_gain"])
        except MemoryError:
            raise
        except Exception as error:  # what is no such file may raise anything
            raise InputError(f"{path} cannot be read as a trained network: {type(error).__name__}, {error}") from error
        return learnt

    def _check_parts(self) -> None:
        """Raise `ValueError` where the arrays are not those of one network."""
        given, wanted = self.channels * (self.scale**2 + 1), self.channels * self.scale**2
        widths = [given] + [self.config.channels] * (self.config.layers - 1) + [wanted]
        expected = [(out, into, 3, 3) for into, out in zip(widths[:-1], widths[1:], strict=True)] + [(out,) for out in widths[1:]]
        arrays = [*self.weights, self.units.offset.numpy(), self.units.size.numpy()]
        if [each.shape for each in arrays] != [*expected, (given, 1, 1), (given, 1, 1)]:
            raise ValueError("its arrays are not those of one network")
        if not all(each.dtype == np.float32 and np.isfinite(each).all() for each in arrays):
            raise ValueError("its arrays are not finite float32")
