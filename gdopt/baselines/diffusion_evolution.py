"""Diffusion Evolution (Zhang et al. 2024, arXiv 2410.02543): a reverse diffusion whose denoiser is the population."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.baselines.learner import Learner, Proposal
from gdopt.candidates.initial import distinct_new
from gdopt.codecs.base import Codec
from gdopt.errors import SettingsError
from gdopt.surrogates.outcome_transforms import rank_normal
from gdopt.trials.state import State

__all__ = ["DiffusionEvolution", "alpha", "denoised", "stepped"]

# Attempts of each individual to give a new design.
TRIES = 20
# Noise at the end of the schedule: without noise the population does not move.
LEAST_NOISE = 1e-4


@dataclass(frozen=True, kw_only=True)
class DiffusionEvolution(Learner):
    """Every `ask` moves the oldest members of the population by one step of a reverse diffusion.

    The clean design of an individual x is estimated, without training, by the population weighted by its fitness:
    x̂ = Σ gᵢ N(x; √α xᵢ, 1 - α) xᵢ / Σ gᵢ N(x; √α xᵢ, 1 - α). The population are the latest results. The noise
    1 - α falls along a cosine over a given number of evaluations.

    Args:
        population: number of members, at least; at least the size of the batch.
        evaluations: number of evaluations over which the noise falls to its minimum.
        pressure: selection pressure in the fitness g = exp(pressure · w), w the normal scores of the values.
        noise: stochasticity of a step: 0 is DDIM, 1 is DDPM.
    """

    population: int = 20
    evaluations: int = 300
    pressure: float = 8.0
    noise: float = 1.0

    source: ClassVar[str] = "evolution"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("population", "evaluations"):
            if getattr(self, name) < 2:
                raise SettingsError(f"{name} = {getattr(self, name)}: expected 2 or more")

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """The oldest members of the population after one step."""
        size = max(self.population, n)
        members = state.done[-size:]
        x = codec.encode([t.params for t in members])
        fitness = (self.pressure * rank_normal(torch.tensor([t.value for t in members], dtype=torch.float64))).exp()
        generation = sum(t.source == self.source for t in state.trials) // size
        last = max(1, self.evaluations // size)
        now, then = (alpha(min(1.0, k / last)) for k in (generation, generation + 1))
        rows = torch.arange(n * TRIES) % min(n, len(x))
        moved = stepped(x[rows], denoised(x[rows], x, fitness, now), now, then, self.noise, generator)
        _, params = distinct_new(moved, state, codec)
        return Proposal(params[:n], note={"alpha": then})


def alpha(share: float) -> float:
    """The signal α after a share of the evaluations: a cosine schedule (Nichol and Dhariwal 2021)."""
    return min(1 - LEAST_NOISE, max(LEAST_NOISE, math.sin(math.pi / 2 * share) ** 2))


def denoised(
    x: Float[Tensor, "m d"], members: Float[Tensor, "k d"], fitness: Float[Tensor, " k"], signal: float
) -> Float[Tensor, "m d"]:
    """The clean design of each row, estimated by the population."""
    distances = torch.cdist(x, signal**0.5 * members).square()
    weights = torch.softmax(fitness.log() - distances / (2 * (1 - signal)), dim=1)
    clean: Tensor = weights @ members
    return clean


def stepped(
    x: Float[Tensor, "m d"],
    clean: Float[Tensor, "m d"],
    now: float,
    then: float,
    noise: float,
    generator: torch.Generator,
) -> Float[Tensor, "m d"]:
    """Each row one step nearer to its clean design (DDIM; Song et al. 2021, eqs. 12 and 16)."""
    fresh = noise * ((1 - then) / (1 - now)) ** 0.5 * max(0.0, 1 - now / then) ** 0.5
    direction = (x - now**0.5 * clean) / (1 - now) ** 0.5
    kept = max(0.0, 1 - then - fresh**2) ** 0.5
    noisy: Tensor = then**0.5 * clean + kept * direction
    noisy += fresh * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return noisy
