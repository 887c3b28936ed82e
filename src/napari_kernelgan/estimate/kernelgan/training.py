"""The training of KernelGAN: a batch of independent problems, each with its own networks, random numbers and crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...config import KernelGANConfig
from ...devices import random_stream
from ...errors import InputError
from ...kernels.algebra import Kernel
from . import crops, generator
from .crops import CropBank, CropSize, Draws, Plane
from .discriminator import Discriminator
from .losses import BicubicFade, Regularisation
from .postprocess import finish

NOISE_STEPS = 50  # steps of noise drawn at a time


class Problem(NamedTuple):
    """One kernel to be estimated: from these planes, with this seed."""

    planes: Sequence[Plane]
    seed: int


def crop_shape(problem: Problem, config: KernelGANConfig, scale: int) -> tuple[int, CropSize]:
    """Number of channels and size of the crops of a problem: what the problems of one batch must share."""
    channels = {plane.shape[0] for plane in problem.planes}
    if len(channels) != 1:
        raise InputError(f"All planes must have the same number of channels, not {sorted(channels)}.")
    smallest = min((plane.shape[1:] for plane in problem.planes), key=min)
    support = generator.support(config.generator_filters)
    return channels.pop(), crops.crop_size(smallest, config.crop, config.shave, support, scale)


class Inputs(NamedTuple):
    """What one step needs from outside, on the device: flat corners and row lengths of its crops, its noise."""

    generator: tuple[Tensor, Tensor]
    half: tuple[Tensor, Tensor]
    discriminator: tuple[Tensor, Tensor]
    noise: Tensor
    fade_due: Tensor
    """Whether the bicubic weight may be faded at this step."""


class Trainer:
    """Networks, optimisers and crops of a batch of problems; `step` trains all of them by one step.

    Parameters
    ----------
    problems : sequence of Problem
        Their planes may differ in size and number, but share `crop_shape`.
    config : KernelGANConfig
    scale : int
        Stride of the generator.
    device, dtype
        Where and in what precision to compute.
    composed : bool
        Whether the generator is composed into one kernel (exact and fast) or run layer by layer (for comparison).

    What is asked of the generator besides fooling the discriminator is in `warm_up` and `_asked`; a method that asks for other things has a
    trainer with others.
    """

    terms: tuple[str, ...] = ("generator", "discriminator", "bicubic", "sum", "boundary", "centre", "sparsity")
    """Names of what `step` returns."""

    def __init__(
        self,
        problems: Sequence[Problem],
        config: KernelGANConfig,
        scale: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        composed: bool = True,
    ) -> None:
        shapes = {crop_shape(problem, config, scale) for problem in problems}
        if len(shapes) != 1:
            raise InputError("The problems of one batch must have the same number of channels and planes that allow the same crops.")
        self.config, self.scale, self.composed = config, scale, composed
        self.count = len(problems)
        ((self.channels, self.size),) = shapes
        self.device, self.dtype = device, dtype
        self.done = 0
        side = generator.support(config.generator_filters)

        streams = [random_stream(problem.seed, 0) for problem in problems]
        self.weights = [w.to(device, dtype).requires_grad_() for w in generator.initial_weights(config, streams)]
        self.discriminator = Discriminator(config, self.channels, streams, device, dtype)
        self.noise_streams = [random_stream(problem.seed, 1) for problem in problems]
        self.optimisers = [_adam(parameters, config, device) for parameters in (self.weights, list(self.discriminator.parameters))]
        self.regularisation = Regularisation(config, side, scale, device, dtype)
        self.fade = BicubicFade(config, self.count, device, dtype)
        self.fade_due = (torch.arange(config.steps) % config.bicubic_fade_every == 0).to(device)
        self._place_crops(problems)
        self.current: Tensor | None = None
        self.kernel = self._kernel().detach()

    def _place_crops(self, problems: Sequence[Problem]) -> None:
        """Draw every crop of the run and put the planes on the device."""
        prepared = []
        for problem in problems:
            rng = np.random.default_rng([problem.seed, 2])
            prepared.append(crops.prepare(problem.planes, self.size, self.scale, self.config, rng))
        signed = [2 * plane - 1 for problem in prepared for plane in problem.planes]
        self.bank = CropBank(signed, self.device, self.dtype)
        self.half_bank = CropBank([crops.bicubic_half(plane, self.scale) for plane in signed], self.device, self.dtype)
        first = np.cumsum([0] + [len(problem.planes) for problem in prepared])
        # the bicubic image of a crop is compared where the generator has an output
        margin = (self.size.generator // self.scale - self.size.discriminator) // 2
        for_generator = [problem.generator for problem in prepared]
        halved = [Draws(d.plane, d.row // self.scale + margin, d.column // self.scale + margin) for d in for_generator]
        self.generator_crops = self._corners(self.bank, for_generator, first)
        self.half_crops = self._corners(self.half_bank, halved, first)
        self.discriminator_crops = self._corners(self.bank, [problem.discriminator for problem in prepared], first)

    def _corners(self, bank: CropBank, draws: list[Draws], first: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Flat corners and row lengths, (steps, problems, crops), for a bank that holds all problems' planes in order."""
        corners, widths = [], []
        for offset, drawn in zip(first, draws, strict=False):
            plane = drawn.plane + offset
            widths.append(bank.widths[plane])
            corners.append(bank.starts[plane] + drawn.row * widths[-1] + drawn.column)
        both = (torch.as_tensor(np.stack(values, 1)) for values in (corners, widths))
        corner, width = (values.to(self.device) for values in both)
        return corner, width

    def _noise(self) -> Tensor:
        """Noise of this step for real and fake crops, (problems, 2, crops, channels, side, side), unit variance."""
        at = self.done % NOISE_STEPS
        if at == 0:
            side = self.size.discriminator
            shape = (NOISE_STEPS, 2, self.config.crops_per_step, self.channels, side, side)
            drawn = [torch.randn(shape, generator=stream) for stream in self.noise_streams]
            self.noise = torch.stack(drawn, 1).to(self.device, self.dtype)
            self.noise[:, :, 0] *= self.config.noise_real
            self.noise[:, :, 1] *= self.config.noise_fake
        return self.noise[at]

    def _kernel(self) -> Tensor:
        """The composed kernel of the weights as they are, (problems, side, side); composed once for each change of the weights."""
        if self.current is None:
            self.current = generator.compose(self.weights)
        return self.current

    def step(self) -> dict[str, Tensor]:
        """Train every problem by one step: first the generator, then the discriminator on the updated generator's output.

        Returns
        -------
        dict
            The loss terms, unweighted, (problems,) each, on the device.
        """
        if self.done and self.done % self.config.decay_every == 0:
            for optimiser in self.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["lr"] / self.config.decay_divisor
        terms = self.compute(self.inputs())
        self.done += 1
        return terms

    def inputs(self) -> Inputs:
        """What the next step needs."""
        number = self.done
        at = [(corners[number], widths[number]) for corners, widths in (self.generator_crops, self.half_crops, self.discriminator_crops)]
        return Inputs(at[0], at[1], at[2], self._noise(), self.fade_due[number])

    def warm_up(self) -> None:
        """Train the generators alone towards bicubic downscaling.

        The starting weights are so small that the composed kernel is nearly zero, a saddle of any deep linear network. The discriminator's
        pull, which has no constant sign yet, can keep it there; without it the way out is short and certain.
        """
        for number in range(self.config.warm_up):
            generator_crops, half_crops = (
                (corners[number % len(corners)], widths[number % len(corners)])
                for corners, widths in (self.generator_crops, self.half_crops)
            )
            kernel = self._kernel()
            bicubic = self._unlike_bicubic(self._downscaling(generator_crops)(kernel), half_crops)
            self._update(0, self.config.bicubic_weight * bicubic + self.config.weight_sum * self.regularisation(kernel)["sum"])
        self.kernel = self._kernel().detach()

    def finished(self, weights: NDArray[np.float64], problem: int) -> Kernel:
        """The kernel that composed weights (side, side) of a problem mean."""
        return finish(weights, self.config, self.scale)

    def compute(self, inputs: Inputs) -> dict[str, Tensor]:
        """The device's part of a step: no decision in it depends on a value, and all state is changed in place."""
        kernel, downscale = self._kernel(), self._downscaling(inputs.generator)
        fake = downscale(kernel)
        asked, terms = self._asked(kernel, fake, inputs)
        terms["generator"] = (1 - self.discriminator(fake.unsqueeze(1), train=False)).mean((1, 2))
        self._update(0, terms["generator"] + asked)

        self.kernel = self._kernel().detach()
        with torch.no_grad():
            fake = downscale(self.kernel)
        real = self.bank.gather(*inputs.discriminator, self.size.discriminator)
        judged = self.discriminator(torch.stack([real, fake], 1) + inputs.noise, train=True)
        terms["discriminator"] = ((1 - judged[:, 0]).mean(1) + judged[:, 1].mean(1)) / 2
        self._update(1, terms["discriminator"])
        return {name: value.detach() for name, value in terms.items()}

    def _asked(self, kernel: Tensor, fake: Tensor, inputs: Inputs) -> tuple[Tensor, dict[str, Tensor]]:
        """What is asked of the generator besides fooling the discriminator: the weighted sum, and its terms unweighted."""
        config = self.config
        terms = {"bicubic": self._unlike_bicubic(fake, inputs.half), **self.regularisation(kernel)}
        on = self.fade.others_on
        total = (
            self.fade.weight.clone() * terms["bicubic"]  # a copy, since the weight changes before gradients are taken
            + config.weight_sum * terms["sum"]
            + config.weight_boundary * terms["boundary"]
            + on * (config.weight_centre * terms["centre"] + config.weight_sparsity * terms["sparsity"])
        )
        self.fade.update(inputs.fade_due, terms["bicubic"].detach())
        return total, terms

    def _downscaling(self, crops_at: tuple[Tensor, Tensor]) -> Callable[[Tensor], Tensor]:
        """How kernels downscale these crops."""
        images = self.bank.gather(*crops_at, self.size.generator)
        patches = generator.patches_of(images.flatten(1, 2), self.regularisation.side, self.scale) if self.composed else None

        def downscale(kernel: Tensor) -> Tensor:
            side = self.size.discriminator
            if patches is None:
                small = generator.apply_layers(self.weights, images.flatten(1, 2), self.scale)
            else:
                small = generator.apply(kernel, patches)
            return small.reshape(*images.shape[:3], side, side)

        return downscale

    def _unlike_bicubic(self, fake: Tensor, half_at: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared difference of downscaled crops from bicubic downscaling, (problems,)."""
        half = self.half_bank.gather(*half_at, self.size.discriminator)
        return ((fake - half) ** 2).flatten(1).mean(1)

    def _update(self, which: int, losses: Tensor) -> None:
        optimiser = self.optimisers[which]
        for parameter in optimiser.param_groups[0]["params"]:
            parameter.grad = None
        torch.autograd.backward(losses.sum())  # problems share no parameters, so the sum trains each by its own loss
        optimiser.step()
        if which == 0:
            self.current = None


def _adam(parameters: list[Tensor], config: KernelGANConfig, device: torch.device) -> torch.optim.Adam:
    fused = device.type in ("cpu", "cuda")
    return torch.optim.Adam(parameters, lr=config.learning_rate, betas=config.betas, fused=fused)
