"""The local density: the prior moved to the best designs, contracted and refitted."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.data import gradient_to_z, ranked_trials
from gdopt.candidates.discrete import CategoricalProduct, frequencies, shares
from gdopt.candidates.steps import (
    PARENTS,
    carried,
    contracted,
    elite_of,
    elite_weights,
    noise_levels,
    parents,
    refitted,
)
from gdopt.codecs.base import Codec
from gdopt.diffusion.denoiser import Denoiser
from gdopt.priors.diffusion import DiffusionPrior
from gdopt.trials.state import State

__all__ = [
    "CONSTRAINED_DRAWS",
    "DRAWS",
    "LocalDensity",
    "before_last_round",
    "categorical_product",
    "gradient_direction",
]

# Draws of the prior that steps are made of: 1024 give half a million differences. Under constraints, where draws take
# hit-and-run, 256 give thirty thousand.
DRAWS, CONSTRAINED_DRAWS = 1024, 256


@dataclass(frozen=True, slots=True)
class LocalDensity:
    """A denoiser, its mean and draws of it, with where they are moved to, how far contracted, and the elite's designs.

    It is a law over all columns, whether they count or not; `seen` is what the surrogate sees of its rows.
    """

    denoiser: Denoiser
    mean: Float[Tensor, " d"]
    draws: Float[Tensor, "k d"]
    centre: Float[Tensor, " d"]
    scale: float
    drift: Float[Tensor, " d"]
    family: Float[Tensor, "e d"]
    several: bool
    levels: CategoricalProduct
    seen: Callable[[Tensor], Tensor]

    def contracted(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Contracted steps of the prior, half of them moved on along the drift; every level by itself."""
        z = contracted(self.draws, self._about(n, generator), self.scale, n, generator)
        return self.levels.drawn(carried(z, self.drift, generator), generator)

    def refitted(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """The elite's own steps, half of them moved on along the drift; the levels of one of them, a few anew."""
        z = refitted(self.family, self.draws, self._about(n, generator), self.scale, n, generator)
        z = carried(z, self.drift, generator)
        return self.levels.varied(
            z, parents(self.family, n, generator), noise_levels(self.scale, n, generator), generator
        )

    def _about(self, n: int, generator: torch.Generator) -> Float[Tensor, "*#n d"]:
        """What n candidates are moved to: the centre; of several objectives, which have none, one of the elite each."""
        return parents(self.family, n, generator) if self.several else self.centre


def categorical_product(
    codec: Codec, z: Float[Tensor, "n d"], scale: float, prior: DiffusionPrior | None
) -> CategoricalProduct:
    """The law of the discrete parameters, refitted to the elite."""
    elite = elite_of(z, PARENTS)
    corpus = None if prior is None else frequencies(prior.z, prior.weights, codec.blocks)
    law = shares(elite, elite_weights(len(elite)), codec.blocks, scale, corpus)
    return CategoricalProduct(tuple(codec.blocks), tuple(law), codec.held)


def gradient_direction(state: State, codec: Codec, elites: int) -> Float[Tensor, " d"]:
    """The direction of the mean of the gradients that were told of the best results; zero if none was."""
    best = ranked_trials(state)[:elites]
    slopes = [g for t in best if (g := gradient_to_z(t, codec)) is not None]
    if not slopes:
        return torch.zeros(codec.dim, dtype=torch.float64)
    return torch.nn.functional.normalize(torch.stack(slopes).mean(0), dim=0)


def before_last_round(state: State) -> State:
    """The state without the results of the last learned round; without any, if nothing was learned yet."""
    last = max((t.round for t in state.done if t.predicted is not None), default=-1)
    return replace(state, trials=tuple(t for t in state.trials if t.round < last))
