"""A network and a scheduler of the library diffusers as a `Denoiser`.

diffusers works on images x_t = αx₀ + √h ε, α² = ᾱ_t and h = 1 - ᾱ_t, at whole time steps t; here the rows are x = x_t/α
at the noise level σ² = h/ᾱ_t. Only `DiffusersDenoiser.load` imports diffusers; everything else works on its objects.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from gdopt.diffusion.guidance import Decoder
from gdopt.diffusion.schedule import variance_preserving
from gdopt.errors import MissingExtraError, SettingsError

__all__ = ["DiffusersDenoiser", "decoder"]


@runtime_checkable
class Model(Protocol):
    """The attributes of a model of diffusers that are used."""

    @property
    def config(self) -> Any:
        """How it was built."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """The data type of its weights."""
        ...

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        ...


@runtime_checkable
class UNet(Model, Protocol):
    """A UNet1DModel or a UNet2DModel."""

    def __call__(self, sample: Tensor, timestep: Tensor, /) -> Any:
        """The prediction for every image, of the scheduler's type: a tensor, or an object with it as `.sample`."""
        ...

    def modules(self) -> Iterator[torch.nn.Module]:
        """Its layers."""
        ...


@runtime_checkable
class Autoencoder(Model, Protocol):
    """An AutoencoderKL or a VQModel."""

    def decode(self, z: Tensor, /) -> Any:
        """The images of unscaled latents: a tensor, or an object with it as `.sample`."""
        ...


@runtime_checkable
class Scheduler(Protocol):
    """A DDPMScheduler, a DDIMScheduler, or another with their `alphas_cumprod`."""

    @property
    def config(self) -> Any:
        """How it was built."""
        ...


@runtime_checkable
class Pipeline(Protocol):
    """A DDPMPipeline, or another with a network and its scheduler."""

    unet: UNet
    scheduler: Scheduler


PREDICTIONS = ("epsilon", "sample", "v_prediction")


@dataclass(frozen=True)
class DiffusersDenoiser:
    """E[x₀|x] by a network of diffusers; each row is a flattened image.

    D = x - σu where the network predicts the noise, D = u where it predicts the sample, and D = αx_t - √h u where it
    predicts the velocity v = αε - √h x₀. Between the levels of the schedule the time step is interpolated by log σ,
    or rounded where the network embeds whole steps only. Below the schedule the first step is used, and σ → 0 returns
    x. Above it x is scaled down to the highest level, D(xσ_T/σ, σ_T): the network's error does not grow with σ.

    The network computes in its own data type, on its own device. A network with dropout needs `eval()` mode.

    Args:
        unet: UNet1DModel or UNet2DModel, without a learned variance.
        scheduler: DDPMScheduler or DDIMScheduler; only its ᾱ, its prediction type and its clipping are used.
        shape: (channels, length) or (channels, height, width) of an image; the network's configuration has it.
        clip: whether D is clamped to ±clip_sample_range if the scheduler has clip_sample. A clamp has no gradient, so
            values at ±clip_sample_range are not guided: with False they are.

    Raises:
        SettingsError: the network or the scheduler is of an unsupported kind.
    """

    unet: UNet
    scheduler: Scheduler
    shape: tuple[int, ...] = ()
    clip: bool = True

    def __post_init__(self) -> None:
        _check(self.scheduler.config, type(self.scheduler).__name__)
        _ = self.sigmas
        object.__setattr__(self, "shape", _shape(self.unet, self.shape))

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline, *, clip: bool = True) -> "DiffusersDenoiser":
        """The denoiser of a pipeline's network and scheduler."""
        return cls(pipeline.unet, pipeline.scheduler, clip=clip)

    @classmethod
    def load(cls, path: str | PathLike[str], *, clip: bool = True) -> "DiffusersDenoiser":
        """The denoiser of a pipeline in a folder of `save_pretrained()`, or of a name on the Hugging Face Hub.

        Raises:
            MissingExtraError: diffusers is not installed.
        """
        try:
            from diffusers import DiffusionPipeline
        except ImportError as error:
            raise MissingExtraError("a pipeline needs diffusers: pip install 'gdopt[diffusers]'") from error
        return cls.from_pipeline(DiffusionPipeline.from_pretrained(path), clip=clip)

    @cached_property
    def sigmas(self) -> Float[Tensor, " levels"]:
        """The schedule's own levels, decreasing to 0: with them `ancestral` is DDPM."""
        return variance_preserving(_alphas(self.scheduler))

    def __call__(self, x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        """E[x₀|x] of every row of x."""
        if len(x) == 0:
            return x  # attention cannot divide no rows into heads
        time, column = self._time(sigma).expand(len(x)), sigma.to(x).expand(len(x)).unsqueeze(1)
        x = x * (self.sigmas[0].to(x) / column).clamp_max(1)
        level = column.clamp_max(float(self.sigmas[0]))
        scale = (1 + level.square()).rsqrt()
        found = _through(lambda images: self.unet(images, time), x * scale, self.shape, self.unet)
        match self.scheduler.config.prediction_type:
            case "epsilon":
                clean = x - level * found
            case "sample":
                clean = found
            case _:
                clean = scale * (scale * x - level * found)
        config = self.scheduler.config
        if self.clip and getattr(config, "clip_sample", False):
            clean = clean.clamp(-config.clip_sample_range, config.clip_sample_range)
        return clean

    def _time(self, sigma: Float[Tensor, "*n"]) -> Shaped[Tensor, "*n"]:
        """The time step of each noise level, in the type of the network's input."""
        levels = self.sigmas[:-1].flip(0).log().numpy()
        at = sigma.detach().cpu().double().log().numpy()
        time = torch.as_tensor(np.interp(at, levels, np.arange(len(levels))))
        if getattr(self.unet.config, "time_embedding_type", "positional") != "positional":
            time = time.round().long()
        else:
            # Half precision has no 999.5; diffusers embeds the time in single precision or higher.
            time = time.to(torch.promote_types(self.unet.dtype, torch.float32))
        return time.to(self.unet.device)


def decoder(autoencoder: Autoencoder, shape: tuple[int, ...]) -> Decoder:
    """From latent rows to rows of decoded images, for `lookahead(..., decoder=...)`: Dec(z/scaling_factor).

    Args:
        autoencoder: of a latent diffusion model; it computes in its own data type, on its own device.
        shape: of a latent image, as of the denoiser.

    Raises:
        SettingsError: the scaling of the latents is not supported.
    """
    config = autoencoder.config
    if getattr(config, "latents_mean", None) is not None:
        raise SettingsError(f"latents_mean = {config.latents_mean} of the autoencoder is not supported, only None is")
    shift = getattr(config, "shift_factor", None) or 0.0

    def decoded(z: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        return _through(autoencoder.decode, z / config.scaling_factor + shift, shape, autoencoder)

    return decoded


def _through(
    network: Callable[[Tensor], Any], rows: Float[Tensor, "n d"], shape: tuple[int, ...], model: Model
) -> Float[Tensor, "n k"]:
    """The output of a network as rows of the input's type: the only place where type, device and shape change."""
    if rows.shape[1] != math.prod(shape):
        raise SettingsError(f"a row has {rows.shape[1]} numbers, the network's shape {shape} has {math.prod(shape)}")
    made = network(rows.reshape(-1, *shape).to(model.device, model.dtype))
    images: Tensor = made if isinstance(made, Tensor) else made.sample
    return images.flatten(1).to(rows)


def _shape(unet: UNet, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an image: the given one, or the one of the network's configuration."""
    config = unet.config
    if config.out_channels != config.in_channels:
        raise SettingsError(
            f"out_channels = {config.out_channels} of the network is not in_channels = {config.in_channels}: "
            "a learned variance is not supported"
        )
    size = config.sample_size
    if shape and shape[0] != config.in_channels:
        raise SettingsError(f"shape = {shape} does not begin with the network's in_channels = {config.in_channels}")
    if shape:
        return shape
    if size is None:
        raise SettingsError("sample_size = None of the network leaves the shape open: give shape=(channels, ...)")
    if isinstance(size, int):
        size = (size,) * (2 if any(isinstance(layer, torch.nn.Conv2d) for layer in unet.modules()) else 1)
    return (config.in_channels, *size)


def _check(config: Any, name: str) -> None:
    """Raise `SettingsError` unless the scheduler's clean image has one of the supported formulas."""
    kind = getattr(config, "prediction_type", None)
    if kind not in PREDICTIONS:
        raise SettingsError(f"prediction_type = {kind!r} of {name} is not one of {', '.join(PREDICTIONS)}")
    if getattr(config, "thresholding", False):
        raise SettingsError(f"thresholding = True of {name} is not supported, only clip_sample is")


def _alphas(scheduler: Scheduler) -> Float[Tensor, " steps"]:
    """ᾱ of the scheduler's steps."""
    name, alphas = type(scheduler).__name__, getattr(scheduler, "alphas_cumprod", None)
    if alphas is None:
        raise SettingsError(f"{name} has no alphas_cumprod: expected a DDPMScheduler or a DDIMScheduler")
    found: Tensor = alphas.detach().cpu().double()
    if not (found[-1] > 0 and found[0] < 1 and bool((found.diff() < 0).all())):
        raise SettingsError(
            f"alphas_cumprod of {name} goes from {float(found[0]):g} to {float(found[-1]):g}: expected to fall at "
            "every step, between 1 and 0 (rescale_betas_zero_snr ends at 0, which is an infinite noise level)"
        )
    return found
