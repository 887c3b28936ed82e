"""A whole ZSSR run on one plane: train on the plane's own pairs, then apply, back-project, keep the mean."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...config import ZSSRConfig
from ...devices import random_stream
from ...errors import InputError
from ...kernels.algebra import Kernel
from ...progress import Progress, Steps
from ..backprojection import back_project, keep_mean
from ..bicubic import enlarge
from .network import Network
from .pairs import Fathers
from .schedule import RateSchedule

LEAST = 16  # px that must remain of the smallest father's side


class Stage(NamedTuple):
    """One step of the gradual way: from the image straight to `scale`, with `kernel`."""

    scale: int
    kernel: Kernel


class Outcome(NamedTuple):
    """An upscaled plane and how it came about."""

    channels: NDArray[np.float32]
    """(C, Y, X) on 0..1."""
    record: list[dict[str, Any]]
    """For each stage: scale, steps, the steps and values of the reconstruction error (MSE), the last learning rate."""
    stopped: bool


def iter_zssr(channels: NDArray[np.float32], stages: list[Stage], config: ZSSRConfig, seed: int, device: torch.device) -> Steps[Outcome]:
    """Upscale one plane (C, Y, X) on 0..1 through one or more stages; each result joins the fathers of the next stage."""
    image = torch.from_numpy(channels)[None].to(device)
    if min(image.shape[2:]) < LEAST * stages[-1].scale:
        raise InputError(
            f"A plane of {image.shape[2]} x {image.shape[3]} px is too small for ZSSR at scale {stages[-1].scale}, which learns from "
            f"the image at that fraction of its size: it needs {LEAST * stages[-1].scale} px on either side. Use method='bicubic'."
        )
    fathers = [image]
    record: list[dict[str, Any]] = []
    stopped = False
    for number, stage in enumerate(stages):
        kernel = torch.as_tensor(stage.kernel, dtype=image.dtype).to(device)
        if stopped:  # what is left of the way is interpolated
            result = enlarge(fathers[-1], stage.scale // stages[number - 1].scale)
        else:
            network = Network(config, image.shape[1], random_stream(seed, 10, number), device)
            noted, stopped = yield from _train(network, fathers, kernel, stage.scale, config, seed, (number, len(stages)))
            record.append({"scale": stage.scale, **noted})
            large = enlarge(image, stage.scale)
            result = torch.empty_like(large)
            for (rows, columns), tile in network.tiles(large, config.tile):
                result[:, :, rows, columns] = tile
        fathers.append(keep_mean(back_project(result, image, kernel, stage.scale, config.back_projection), image))
    return Outcome(fathers[-1][0].cpu().numpy(), record, stopped)


def _train(
    network: Network, images: list[Tensor], kernel: Tensor, scale: int, config: ZSSRConfig, seed: int, part: tuple[int, int]
) -> Steps[tuple[dict[str, Any], bool]]:
    """Train until the schedule ends it, a stop is asked for, or the steps are used up."""
    number, parts = part
    fathers = Fathers(images, kernel, scale, config.crop)
    schedule = RateSchedule(config)
    rng, stream = np.random.default_rng([seed, 11, number]), random_stream(seed, 12, number)
    optimiser = torch.optim.Adam(network.parameters, lr=schedule.rate, fused=kernel.device.type in ("cpu", "cuda"))
    son, father = fathers.reconstruction
    stopped, step = False, 0
    while step < config.max_steps and not schedule.finished:
        pair = fathers.draw(rng, config.son_noise, stream)
        optimiser.zero_grad(set_to_none=True)
        loss = ((network(pair.son) - pair.father).abs() * pair.weight).mean()
        torch.autograd.backward(loss)
        optimiser.step()
        step += 1
        if step % config.check_every == 0:
            tiles = network.tiles(son, config.tile)
            error = sum(float(((tile - father[:, :, rows, columns]) ** 2).sum()) for (rows, columns), tile in tiles)
            schedule.update(step, error / father.numel())
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate
        keep = yield _progress(step, config, part, loss.detach())
        if keep is False:
            stopped = True
            break
    noted = {"steps": step, "error_steps": schedule.steps, "errors": schedule.errors, "learning_rate": schedule.rate}
    return noted, stopped


def _progress(step: int, config: ZSSRConfig, part: tuple[int, int], loss: Tensor) -> Progress:
    number, parts = part
    stage = "ZSSR" if parts == 1 else f"ZSSR, stage {number + 1} of {parts}"
    done = number * config.max_steps + step
    return Progress(done, parts * config.max_steps, losses=lambda: {"reconstruction": float(loss)}, stage=stage)
