"""The local density: the base distribution moved to the best designs, contracted and refitted."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.data import TrainingData, values_by_round
from gdopt.candidates.base_distribution import BaseDistribution
from gdopt.candidates.discrete import CategoricalProduct, frequencies, refitted_probabilities
from gdopt.candidates.steps import (
    PARENTS,
    carried,
    centre_of,
    contracted,
    elite_of,
    elite_weights,
    noise_levels,
    parents,
    refitted,
    scale_after,
)
from gdopt.codecs.base import Codec
from gdopt.diffusion.denoiser import Denoiser
from gdopt.trials.state import State

__all__ = ["LocalDensity", "local_density"]


@dataclass(frozen=True, slots=True)
class LocalDensity:
    """A distribution near the best designs, of which candidates are drawn.

    Its rows of z have values in all columns, those of inactive parameters included; `codec.with_defaults_for_inactive`
    makes inputs of a surrogate of them.

    Args:
        codec: of the designs.
        denoiser: of the base distribution.
        mean: of the base distribution.
        draws: of the base distribution.
        centre: weighted mean of the best designs, to which the base distribution is moved.
        scale: factor by which it is contracted.
        drift: step of half of the candidates, along the last move of the centre and along reported gradients.
        parents: the best designs, best first.
        several: whether there are several objectives: then every candidate is moved to one of the parents.
        categories: the distribution of the discrete parameters.
    """

    codec: Codec
    denoiser: Denoiser
    mean: Float[Tensor, " d"]
    draws: Float[Tensor, "k d"]
    centre: Float[Tensor, " d"]
    scale: float
    drift: Float[Tensor, " d"]
    parents: Float[Tensor, "e d"]
    several: bool
    categories: CategoricalProduct

    def contracted(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Contracted steps of the base distribution, half with the drift; categories are drawn independently."""
        z = contracted(self.draws, self._centres(n, generator), self.scale, n, generator)
        return self.categories.sample(carried(z, self.drift, generator), generator)

    def refitted(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Differences of the parents as steps, half with the drift; the categories of one parent, some drawn anew."""
        z = refitted(self.parents, self.draws, self._centres(n, generator), self.scale, n, generator)
        z = carried(z, self.drift, generator)
        return self.categories.resample_masked(
            z, parents(self.parents, n, generator), noise_levels(self.scale, n, generator), generator
        )

    def _centres(self, n: int, generator: torch.Generator) -> Float[Tensor, "*#n d"]:
        """Where n candidates are moved to: the centre; of several objectives, which have none, one parent each."""
        return parents(self.parents, n, generator) if self.several else self.centre


def local_density(
    data: TrainingData,
    base: BaseDistribution,
    denoiser: Denoiser,
    generator: torch.Generator,
    *,
    n_elite: int,
    n_parents: int,
    momentum: float,
    gradient_step: float,
) -> LocalDensity:
    """The local density of the results.

    Args:
        data: the results, in the coordinates of the base distribution's codec.
        base: the base distribution.
        denoiser: of the base distribution, fine-tuned or not.
        generator: of all draws.
        n_elite: number of best designs that make the centre.
        n_parents: number of best designs that give the refitted shape.
        momentum: step along the last move of the centre, in units of that move.
        gradient_step: step along reported gradients of the elite, in units of the contraction.
    """
    codec, state = base.codec, data.state
    draws = base.draws(denoiser, generator)
    z = codec.impute_inactive(data.z, generator)
    scale = scale_after(*values_by_round(state, lambda t: t.predicted is not None))
    centre = centre_of(elite_of(z, n_elite))
    before = elite_of(TrainingData(_before_last_round(state), codec).z, n_elite)
    drift = momentum * (centre - centre_of(before)) if len(before) else torch.zeros_like(centre)
    # The centre may have moved by imputed values alone.
    drift = torch.where(codec.always_active, drift, 0.0)
    drift = drift + gradient_step * scale * _mean_gradient(data, len(elite_of(z, n_elite)))
    several = state.config.several
    return LocalDensity(
        codec=codec,
        denoiser=denoiser,
        mean=base.mean,
        draws=draws,
        centre=centre,
        scale=scale,
        drift=torch.zeros_like(centre) if several else drift,
        parents=z[:n_parents],
        several=several,
        categories=_categories(base, z, scale),
    )


def _categories(base: BaseDistribution, z: Float[Tensor, "n d"], scale: float) -> CategoricalProduct:
    """The distribution of the discrete parameters, refitted to the elite."""
    blocks, prior = base.codec.blocks, base.prior
    elite = elite_of(z, PARENTS)
    corpus = None if prior is None else frequencies(prior.z, prior.weights, blocks)
    probabilities = refitted_probabilities(elite, elite_weights(len(elite)), blocks, scale, corpus)
    return CategoricalProduct(tuple(blocks), tuple(probabilities), base.codec.inpainting_mask)


def _mean_gradient(data: TrainingData, n: int) -> Float[Tensor, " d"]:
    """The direction of the mean of reported gradients of the n best designs; zero without any."""
    gradients = [g for row in range(min(n, len(data.trials))) if (g := data.gradient(row)) is not None]
    if not gradients:
        return torch.zeros(data.z.shape[1], dtype=torch.float64)
    return torch.nn.functional.normalize(torch.stack(gradients).mean(0), dim=0)


def _before_last_round(state: State) -> State:
    """The state without the results of the last learned round; without any, before the first one."""
    last = max((t.round for t in state.done if t.predicted is not None), default=-1)
    return replace(state, trials=tuple(t for t in state.trials if t.round < last))
