"""Every setting of every method, with its default: the one source for Python, the command line and the widget.

The models are frozen, refuse unknown names, and go to JSON and back unchanged.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import InputError

Decay = Annotated[float, Field(ge=0, lt=1)]

Model = TypeVar("Model", bound="_Config")


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def presets(cls) -> dict[str, Self]:
        """The defaults, and the settings that have a name, by it: "default", "published", "noisy"."""
        return {"default": cls()} | {name: getattr(cls, name)() for name in ("published", "noisy") if hasattr(cls, name)}


class KernelGANConfig(_Config):
    """Settings of KernelGAN (Bell-Kligler, Shocher, Irani, NeurIPS 2019).

    By default as published, but for a warm-up without which some runs never leave their start, and a post-processing that keeps tails.
    """

    steps: int = Field(3000, ge=1, description="Training steps; fewer are faster and less exact.")
    crop: int = Field(64, ge=32, multiple_of=2, description="Side of the generator's crops in pixels; shrinks to fit small images.")
    crops_per_step: int = Field(1, ge=1, le=64, description="Crops in one training step.")
    shave: int = Field(10, ge=0, description="Border left out in pixels; less on small images.")
    max_planes: int = Field(16, ge=1, description="Of a stack, at most this many planes are read, evenly spread.")

    generator_filters: tuple[int, ...] = Field((7, 5, 3, 1, 1, 1), description="Filter sides of the deep linear generator.")
    generator_channels: int = Field(64, ge=1, description="Channels between the generator's layers.")
    discriminator_filter: int = Field(7, ge=1, description="Side of the patches that the discriminator judges.")
    discriminator_channels: int = Field(64, ge=1, description="Channels of the discriminator.")
    discriminator_layers: int = Field(5, ge=1, description="Hidden 1 x 1 layers of the discriminator.")
    warm_up: int = Field(100, ge=0, description="Steps that the generator alone is trained towards bicubic downscaling first.")
    gain: float = Field(0.1, gt=0, description="Gain of the Xavier-normal starting weights.")
    norm_spread: float = Field(0.02, ge=0, description="Standard deviation of the batch norms' starting scales about 1.")

    learning_rate: float = Field(2e-4, gt=0, description="Adam's learning rate at the start, of both networks.")
    betas: tuple[Decay, Decay] = Field((0.5, 0.999), description="Adam's decay rates.")
    decay_every: int = Field(750, ge=1, description="Steps after which the learning rate is divided.")
    decay_divisor: float = Field(10.0, ge=1, description="What the learning rate is divided by.")
    noise_real: float = Field(2 / 255, ge=0, description="Noise on real crops for the discriminator (sd, images in -1..1).")
    noise_fake: float = Field(1 / 255, ge=0, description="Noise on generated crops for the discriminator (sd, images in -1..1).")

    weight_sum: float = Field(0.5, ge=0, description="Weight of |1 - sum of the kernel|.")
    weight_boundary: float = Field(0.5, ge=0, description="Weight of the penalty on values near the kernel's border.")
    boundary_scale: float = Field(30.0, ge=0, description="Height of the border penalty's mask, which is 1 minus a Gaussian.")
    boundary_sigma: float = Field(13.0, gt=0, description="Standard deviation of that Gaussian in pixels.")
    boundary_ring: int = Field(2, ge=1, description="Width in pixels of the border that is penalised.")
    weight_centre: float = Field(1.0, ge=0, description="Weight of the squared distance of the centre of mass from the centre.")
    weight_sparsity: float = Field(5.0, ge=0, description="Weight of the mean of |kernel| to the power below.")
    sparsity_power: float = Field(0.2, gt=0, description="Power of the sparsity term.")
    bicubic_weight: float = Field(5.0, ge=0, description="Weight of likeness to bicubic downscaling at the start.")
    bicubic_threshold: float = Field(0.4, ge=0, description="The bicubic term must be below this to be faded.")
    bicubic_patience: int = Field(3, ge=1, description="Steps in a row that it must be below that.")
    bicubic_fade_every: int = Field(200, ge=1, description="Steps between two divisions of the bicubic weight.")
    bicubic_fade_divisor: float = Field(100.0, gt=1, description="What the bicubic weight is divided by.")
    bicubic_floor: float = Field(5e-6, ge=0, description="The bicubic weight falls no further.")
    bicubic_switch: float = Field(5e-3, ge=0, description="Below this bicubic weight the centre and sparsity terms are on.")

    edge_quantile: float = Field(0.97, ge=0, lt=1, description="Crops are drawn near gradients above this quantile.")
    edge_border: int = Field(5, ge=0, description="Border in pixels where no gradients count.")
    edge_smooth: int = Field(5, ge=1, description="Side in pixels of the box that smooths the map of gradients.")

    postprocess: Literal["tails", "published"] = Field(
        "tails", description="'tails' keeps the tails of wide kernels; 'published' cuts everything under a fraction of a large value."
    )
    cut_kept: int = Field(40, ge=1, description="The published cut looks at the value after this many larger ones.")
    cut_fraction: float = Field(0.75, ge=0, description="The published cut subtracts this fraction of it.")

    @model_validator(mode="after")
    def _filters_fit(self) -> KernelGANConfig:
        """The composed filter must be centred on a block of 2 x 2 pixels, and smaller crops must still hold several patches."""
        support = sum(self.generator_filters) - len(self.generator_filters) + 1
        if support % 4 != 1 or support > 17:
            raise ValueError(f"generator_filters compose to a side of {support}, which must be 5, 9, 13 or 17")
        if (32 - support) // 2 + 1 <= self.discriminator_filter:
            raise ValueError("discriminator_filter leaves no patches to compare in a crop of 32 px")
        return self

    @classmethod
    def published(cls) -> KernelGANConfig:
        """The paper's settings to the letter."""
        return cls(warm_up=0, postprocess="published")


class SpectralConfig(_Config):
    """Settings of the spectral estimate."""

    prior: str = Field(
        "auto", description="What sharp pictures look like: 'auto', 'natural', 'microscopy', 'broad', or a file made by fit-prior."
    )
    max_planes: int = Field(64, ge=1, description="Of a stack, at most this many planes are read, evenly spread.")


class HybridConfig(_Config):
    """Settings of KernelGAN that begins at the spectral estimate and is tied to it."""

    steps: int = Field(300, ge=0, description="Training steps; 0 gives the spectral estimate back.")
    lead: int = Field(100, ge=0, description="Of these, the steps at the beginning in which only the discriminator learns.")
    learning_rate: float = Field(5e-5, gt=0, description="Adam's learning rate, of the generator.")
    tie: float = Field(0.01, ge=0, description="Weight of half the squared distance from the spectral estimate, in posterior spreads.")
    least_error: float = Field(0.01, gt=0, description="Spread of what no candidate explains, in parts of the kernel's largest value.")
    prior: str = Field("auto", description="As in the settings of the spectral estimate.")
    max_planes: int = Field(16, ge=1, description="Of a stack, at most this many planes are read, evenly spread.")


class RecurrenceConfig(_Config):
    """Settings of the estimate from patches that recur across scales (Michaeli and Irani, ICCV 2013).

    Patches and neighbours are fewer and the kernel is smoother than one might expect: so they came out best on the tuning pictures.
    """

    iterations: int = Field(20, ge=1, description="Rounds of matching patches and solving for the kernel.")
    patch: int = Field(3, ge=2, description="Side of the patches in pixels.")
    queries: int = Field(4000, ge=1, description="Patches of the image that are matched, more where there is texture.")
    candidates: int = Field(40000, ge=1, description="At most this many patches of the degraded image to match them with.")
    neighbours: int = Field(1, ge=1, description="Nearest candidates of each, which are weighed by their likeness.")
    smoothness: float = Field(4.0, gt=0, description="Weight of squared differences between neighbouring values of the kernel.")
    max_planes: int = Field(16, ge=1, description="Of a stack, at most this many planes are read, evenly spread.")


class ZSSRConfig(_Config):
    """Settings of ZSSR (Shocher, Cohen, Irani, CVPR 2018) with a given kernel.

    By default the network improves the regularised inverse and works on the image's own grid, with s^2 channels for the s x s pixels that
    one becomes: better than as published, in a small part of its time.
    """

    start: Literal["inverse", "bicubic"] = Field("inverse", description="What the network improves; 'bicubic' is the published way.")
    train: Literal["plane", "stack", "warm"] = Field(
        "plane", description="Of a stack, a network for each plane, one for all, or that one trained on a little in each; inverse start."
    )
    train_planes: int = Field(8, ge=1, description="One network for all is trained on at most this many planes, evenly spread.")
    max_steps: int = Field(1000, ge=1, description="Most training steps; training that no longer helps stops earlier by itself.")
    batch: int = Field(4, ge=1, le=64, description="Crops in one training step.")
    crop: int = Field(16, ge=8, description="Side of the training crops in pixels of the grid worked on; shrinks to fit small images.")
    layers: int = Field(5, ge=2, description="Convolutions 3 x 3.")
    channels: int = Field(32, ge=1, description="Channels between the convolutions.")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's learning rate at the start.")
    learning_rate_stop: float = Field(9e-6, gt=0, description="The learning rate falls no further; bicubic start: below it training ends.")
    check_every: int = Field(100, ge=1, description="Steps between two looks at the error on what is withheld (published: reconstructed).")
    check_region: int = Field(0, ge=0, description="Bicubic start: side in pixels of the region looked at; 0: the whole image.")
    trend_steps: int = Field(256, ge=2, description="Bicubic start: steps that the trend of the error is fitted over.")
    trend_ratio: float = Field(
        1.5, gt=0, description="Bicubic start: the rate falls when this times the slope is under its standard error."
    )
    son_noise: float = Field(
        0.0, ge=0, description="Noise added to the sons (sd, value range 0..1); 0: inverse start as measured, else none."
    )
    back_projection: int = Field(0, ge=0, description="Back-projection steps on the result; 0 for noisy or real images.")
    tile: int = Field(256, ge=32, description="Side of the tiles, in pixels of the result, that the trained network is applied to.")

    @classmethod
    def published(cls) -> ZSSRConfig:
        """The settings that KernelGAN's authors use, to the letter."""
        return cls(
            start="bicubic",
            max_steps=3000,
            batch=1,
            crop=128,
            layers=8,
            channels=64,
            learning_rate=1e-3,
            check_every=60,
            back_projection=2,
        )

    @classmethod
    def noisy(cls) -> ZSSRConfig:
        """For noisy or real images, as published: noise on the sons, no back-projection. The default measures noise by itself."""
        return cls.published().model_copy(update={"son_noise": 0.0125, "back_projection": 0})


class InverseConfig(_Config):
    """Settings of the regularised inverse: a closed form, then passes that preserve edges."""

    smoothness: float = Field(1.0, gt=0, description="Factor on the weight of the squared gradient, which follows from noise and texture.")
    noise: float = Field(0.0, ge=0, description="Standard deviation of the noise (value range 0..1); 0: measured in every plane.")
    passes: int = Field(3, ge=0, le=8, description="Passes that preserve edges after the closed form; 0: the closed form alone.")
    edge: float = Field(0.15, gt=0, description="Edges begin at this times the mean squared gradient.")
    tile: int = Field(640, ge=64, description="Largest side, in pixels of the image, of the tiles that larger planes are worked on in.")


class RunConfig(_Config):
    """What is done with an image, for the command line and napari's panel; Python's functions take these as arguments instead."""

    scale: int = Field(2, ge=2, le=4, description="How many times larger Y and X become; KernelGAN knows 2 and 4.")
    method: str = Field("auto", description="How the kernel is estimated: 'auto', 'spectral', 'kernelgan', 'hybrid', 'recurrence'.")
    upscaler: str = Field("auto", description="How the image is upscaled: 'auto', 'zssr', 'inverse', 'bicubic'.")
    seed: int = Field(0, ge=0, lt=2**63, description="The same seed, device and thread count give the same result.")
    device: str = Field("auto", description="What computes: 'auto', 'cpu', 'cuda', 'cuda:1', 'mps'.")


class Settings(_Config):
    """What is done and the settings of all methods, as ``--config FILE.json`` holds them."""

    run: RunConfig = RunConfig()
    kernelgan: KernelGANConfig = KernelGANConfig()
    spectral: SpectralConfig = SpectralConfig()
    hybrid: HybridConfig = HybridConfig()
    recurrence: RecurrenceConfig = RecurrenceConfig()
    zssr: ZSSRConfig = ZSSRConfig()
    inverse: InverseConfig = InverseConfig()

    @classmethod
    def fast(cls) -> Settings:
        """For a first look: closed forms, a second or less."""
        return cls(run=RunConfig(method="spectral", upscaler="inverse"))

    @classmethod
    def balanced(cls) -> Settings:
        """The defaults, which came out best in the benchmarks."""
        return cls()

    @classmethod
    def published(cls) -> Settings:
        """KernelGAN and ZSSR as their papers have them."""
        run = RunConfig(method="kernelgan", upscaler="zssr")
        return cls(run=run, kernelgan=KernelGANConfig.published(), zssr=ZSSRConfig.published())

    def with_run(self, **changes: Any) -> Settings:
        """The same with something else done."""
        return self.model_copy(update={"run": self.run.model_copy(update=changes)})

    @property
    def methods(self) -> dict[str, _Config]:
        """The settings of every method by its name."""
        return {name: model for name, model in self if name != "run"}

    @model_validator(mode="before")
    @classmethod
    def _drop_notes(cls, values: Any) -> Any:
        """Let files carry a "comment"."""
        return {k: v for k, v in values.items() if k != "comment"} if isinstance(values, dict) else values


def resolve(model: type[Model], config: _Config | dict[str, Any] | None) -> Model:
    """The configuration of one method from whatever the caller gave: None, a model, a dict of its fields, or `Settings`.

    Raises
    ------
    InputError
        If it is another method's configuration, or a value is unknown or out of range.
    """
    if config is None:
        return model()
    if isinstance(config, Settings):
        return next(value for _, value in config if isinstance(value, model))
    if isinstance(config, model):
        return config
    if isinstance(config, dict):
        try:
            return model.model_validate(config)
        except ValidationError as error:
            raise InputError(f"config does not fit {model.__name__}: {explain(error)}") from error
    if isinstance(config, _Config):
        raise InputError(f"The method takes {model.__name__}, not {type(config).__name__}: name the method that this belongs to.")
    raise InputError(f"config is {model.__name__}, a dict of its fields, Settings or None, not {type(config).__name__}.")


def explain(error: ValidationError) -> str:
    """What is wrong with a configuration, in one line."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
