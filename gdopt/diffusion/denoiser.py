"""D(x, σ) = E[x₀ | x₀ + σε = x]: the one thing that a diffusion model is here.

The score of the noisy law is (D - x)/σ², the predicted noise is (x - D)/σ, and for every law Cov[x₀|x] = σ² ∂D/∂x
(Tweedie's formula, second order). The variance-preserving form x_t = αx₀ + √h ε of the paper is x = x_t/α, σ² = h/α².
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["Denoiser", "InpaintingDenoiser", "column_of", "lifted", "projected", "score", "translated_and_scaled"]


@runtime_checkable
class Denoiser(Protocol):
    """The mean of the clean x₀ given the noisy x = x₀ + σε, ε ~ N(0, I)."""

    def __call__(self, x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        """E[x₀|x] of every row of x; sigma is one noise level, or one for each row."""
        ...


def score(denoiser: Denoiser, x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
    """The gradient of the noisy law's log density, (D - x)/σ²."""
    return (denoiser(x, sigma) - x) / column_of(sigma, x).square()


@dataclass(frozen=True)
class InpaintingDenoiser:
    """Another law with some coordinates known: those of `at`, in its rows, wherever `columns` says so."""

    denoiser: Denoiser
    at: Float[Tensor, "n d"]
    columns: Bool[Tensor, " d"]

    def __call__(self, x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        """E[x₀|x] of every row of x, one for each row of `at`."""
        found = self.denoiser(torch.where(self.columns, self.at, x), sigma)
        return torch.where(self.columns, self.at, found)


def translated_and_scaled(
    denoiser: Denoiser, mean: Float[Tensor, " d"], centre: Float[Tensor, " d"], scale: float
) -> Denoiser:
    """The denoiser of centre + scale·(X - mean), for X of the given denoiser's law.

    D'(x, σ) = c + s (D(μ + (x - c)/s, σ/s) - μ): exact for every law. With c the weighted elite mean it carries the
    class of the paper's Theorem 3 (covariance frozen, mean refitted) over to a nonlinear score; s is a temperature.
    """

    def at(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        return centre + scale * (denoiser(mean + (x - centre) / scale, sigma / scale) - mean)

    return at


def lifted(denoiser: Denoiser, basis: Float[Tensor, "D d"], offset: Float[Tensor, " D"]) -> Denoiser:
    """The denoiser of offset + A u, for u of the given law and A of orthonormal columns (the paper's Assumption 1).

    E[x₀|x] = offset + A E[u | A'(x - offset)]: noise off the subspace says nothing of u.
    """

    def at(x: Float[Tensor, "n D"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n D"]:
        return offset + denoiser((x - offset) @ basis, sigma) @ basis.T

    return at


def projected(denoiser: Denoiser, onto: Callable[[Tensor], Tensor]) -> Denoiser:
    """The denoiser of onto(X), for X of the given law, where `onto` sets coordinates that x says for certain.

    D' = onto(D): exact where which coordinates these are, and what to, is the same for all X that x can have come from.
    """

    def at(x: Float[Tensor, "n d"], sigma: Float[Tensor, "*#n"]) -> Float[Tensor, "n d"]:
        return onto(denoiser(x, sigma))

    return at


def column_of(sigma: Float[Tensor, "*#n"], x: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """The noise level of each row, as a column."""
    return sigma.to(x).expand(len(x)).unsqueeze(1)
