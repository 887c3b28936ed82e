"""ZSSR's network, and its application to images of any size in tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...config import ZSSRConfig


class Network:
    """Convolutions 3 x 3 with ReLU between, from `given` to `wanted` channels; untrained it gives zeros."""

    def __init__(self, config: ZSSRConfig, given: int, wanted: int, stream: torch.Generator, device: torch.device) -> None:
        widths = [given] + [config.channels] * (config.layers - 1) + [wanted]
        self.weights, self.biases = [], []
        for depth, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            # He's variance keeps the signal's size through ReLU; a last layer of zeros starts the result at what is to be improved
            deviation = sqrt(2 / (9 * n_in)) if depth < config.layers - 1 else 0.0
            weight = torch.randn((n_out, n_in, 3, 3), generator=stream) * deviation
            self.weights.append(weight.to(device, memory_format=torch.channels_last).requires_grad_())
            self.biases.append(torch.zeros(n_out, device=device, requires_grad=True))
        self.parameters = self.weights + self.biases
        self.reach = config.layers

    def arrays(self) -> tuple[NDArray[np.float32], ...]:
        """Copies of the parameters: the convolutions, then their biases."""
        return tuple(np.ascontiguousarray(parameter.detach().cpu().numpy()).copy() for parameter in self.parameters)

    def __call__(self, images: Tensor) -> Tensor:
        """What is to be added, (N, wanted, Y, X), to what is to be improved."""
        signal = images.contiguous(memory_format=torch.channels_last)
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            signal = functional.conv2d(signal, weight, bias, padding=1)
            if depth < len(self.weights) - 1:
                signal = functional.relu(signal, inplace=True)
        return signal

    @torch.no_grad()
    def tiles(self, images: Tensor, side: int) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
        """Apply it to (N, C, Y, X) tile by tile, so that the many channels inside exist for one tile at a time.

        Tiles overlap by what the network reaches, and only what no cut has touched is kept: together they equal the whole.

        Yields
        ------
        region : tuple of slice
            Where the tile lies, in Y and X.
        tile : Tensor
            (N, wanted, y, x).
        """
        for rows, columns in tile_regions(images.shape[2:], side):
            y0, x0 = max(rows.start - self.reach, 0), max(columns.start - self.reach, 0)
            signal = self(images[:, :, y0 : rows.stop + self.reach, x0 : columns.stop + self.reach])
            yield (rows, columns), signal[:, :, rows.start - y0 : rows.stop - y0, columns.start - x0 : columns.stop - x0]


def tile_regions(size: Sequence[int], side: int) -> list[tuple[slice, slice]]:
    """Where the tiles of an image of `size` lie, in Y and X."""
    rows, columns = ([slice(i, min(i + side, length)) for i in range(0, length, side)] for length in size)
    return [(row, column) for row in rows for column in columns]
