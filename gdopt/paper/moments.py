"""A law as the paper's algorithms need it: its denoiser, and its first two moments."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.diffusion.closed_form import GaussianDenoiser
from gdopt.diffusion.denoiser import Denoiser, lifted, translated_and_scaled
from gdopt.diffusion.network import PreconditionedNet

__all__ = ["GaussianMoments", "gaussian", "of_net", "on_subspace"]


@dataclass(frozen=True)
class GaussianMoments:
    """A diffusion model and the mean and covariance of what it draws.

    Args:
        denoiser: of the law.
        mean: μ.
        cov: Σ; may be singular.
    """

    denoiser: Denoiser
    mean: Float[Tensor, " d"]
    cov: Float[Tensor, "d d"]

    @property
    def spread(self) -> float:
        """The largest standard deviation along any direction."""
        return float(torch.linalg.eigvalsh(self.cov)[-1].clamp_min(0).sqrt())

    def about(self, centre: Float[Tensor, " d"], scale: float = 1.0) -> "GaussianMoments":
        """The law of centre + scale·(X - μ), by `moved`."""
        return GaussianMoments(
            translated_and_scaled(self.denoiser, self.mean, centre, scale), centre, scale**2 * self.cov
        )


def gaussian(mean: Float[Tensor, " d"], cov: Float[Tensor, "d d"]) -> GaussianMoments:
    """N(mean, cov): the paper's linear score class."""
    return GaussianMoments(GaussianDenoiser(mean, cov), mean, cov)


def of_net(net: PreconditionedNet, dtype: torch.dtype = torch.float64) -> GaussianMoments:
    """A network's law, with the mean and covariance of the corpus that it was preconditioned with."""
    root = (net.basis * net.spread).to(dtype)
    return GaussianMoments(net, net.mean.to(dtype), root @ root.T)


def on_subspace(law: GaussianMoments, basis: Float[Tensor, "D d"]) -> GaussianMoments:
    """The law of AU, for U of the given law and A of orthonormal columns (the paper's Assumption 1)."""
    mean, cov = basis @ law.mean, basis @ law.cov @ basis.T
    return GaussianMoments(lifted(law.denoiser, basis, torch.zeros_like(mean)), mean, cov)
