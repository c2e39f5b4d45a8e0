"""The distribution of plausible designs that candidates start from: of the prior, or of the codec without one."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.codecs.base import SCANNED, Codec
from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.sampler import sample
from gdopt.priors.diffusion import DiffusionPrior

__all__ = ["BaseDistribution"]

# Draws that the contracted steps are made of: 1024 give half a million differences. With constraints, where draws take
# hit-and-run sampling, 256 give thirty thousand.
DRAWS, CONSTRAINED_DRAWS = 1024, 256


@dataclass(frozen=True)
class BaseDistribution:
    """The base distribution of a codec, or of a prior in the coordinates of the codec.

    Args:
        codec: of the designs.
        prior: in whose place the codec has its own distribution.
    """

    codec: Codec
    prior: DiffusionPrior | None

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """The mean in z."""
        return torch.zeros(self.codec.dim, dtype=torch.float64) if self.prior is None else self.prior.mean

    def denoiser(self, elite: Float[Tensor, "e d"], generator: torch.Generator) -> Denoiser:
        """The denoiser of the prior, or the exact one of the codec's distribution."""
        return self.codec.base_denoiser(elite, generator) if self.prior is None else self.prior.denoiser

    def draws(self, denoiser: Denoiser, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Draws of the distribution with this denoiser."""
        if self.prior is not None:
            return sample(denoiser, DRAWS, self.mean, 1.0, generator)
        return self.codec.random(CONSTRAINED_DRAWS if self.codec.space.constraints else DRAWS, generator)

    def scan(self, n: int, generator: torch.Generator) -> Float[Tensor, "m d"]:
        """At least n designs from anywhere, for a surrogate to rank: of the corpus where there is a prior."""
        if self.prior is None:
            return self.codec.scan(n, generator)
        return self.codec.impute_inactive(self.prior.z[self.prior.order(generator)[: max(SCANNED, n)]], generator)
