"""The sources of candidates: each draws rows of z near the best designs, or from anywhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.algorithms.local_density import LocalDensity
from gdopt.candidates.ascent import ascend
from gdopt.candidates.base_distribution import BaseDistribution
from gdopt.candidates.discrete import Tilt
from gdopt.candidates.steps import Pool, carried, joined, noise_levels, parents, pooled
from gdopt.diffusion.denoiser import Denoiser, InpaintingDenoiser, projected, translated_and_scaled
from gdopt.diffusion.guidance import acquisition, combined, improvement, weighted
from gdopt.diffusion.sampler import sample, sdedit
from gdopt.surrogates.base import Surrogate, log_expected_improvement
from gdopt.surrogates.multi_output import MultiOutputSurrogate

__all__ = ["Guide", "Sources", "to_improvement"]

# Candidates from anywhere are ranked by mean + OPTIMISM standard deviations: the mean alone never corrects an error.
OPTIMISM = 1.0
# The guidance scale of categories grows by this much per discrete parameter. Continuous columns are guided at every
# denoising step; a category is drawn once, and among many parameters one hardly changes the expected improvement.
SHARPER = 0.5
# From a denoiser, the surrogate and the best transformed value to the denoiser tilted towards better values.
Guide = Callable[[Denoiser, Surrogate, float], Denoiser]


def to_improvement(denoiser: Denoiser, surrogate: Surrogate, best: float) -> Denoiser:
    """The denoiser tilted to the probability of improvement on the best value, by the surrogate at the look-ahead."""
    return improvement(denoiser, surrogate.predict, best)


@dataclass(frozen=True)
class Sources:
    """All sources of candidates of one `ask`.

    Args:
        base: distribution of plausible designs.
        density: local density of the results.
        surrogate: of the objectives and constraints.
        guidance: of the denoisers of a single objective.
        guidance_scale: strength of the guidance.
        generator: of all draws.
    """

    base: BaseDistribution
    density: LocalDensity
    surrogate: MultiOutputSurrogate
    guidance: Guide
    guidance_scale: float
    generator: torch.Generator

    def pool(self, shares: Mapping[str, float], size: int) -> Pool:
        """About `size` candidates, each source in its share; with constraints also local maxima of the expected gain.

        Without constraints, local maxima are no better than draws (docs/decisions/local-ascent.md).
        """
        draw: dict[str, Callable[[int], Tensor]] = {
            "contracted": lambda n: self.density.contracted(n, self.generator),
            "refitted": lambda n: self.density.refitted(n, self.generator),
            "guided": self.guided,
            "renoised": self.renoised,
            "broad": self.broad,
        }
        counts = {name: round(share * size) for name, share in shares.items()}
        pool = pooled([(name, draw[name](n)) for name, n in counts.items() if n])
        if self.surrogate.several or not self.surrogate.constraints:
            return pool
        return joined(
            pool, "peaks", ascend(self.base.codec, pool.z, lambda z: self.surrogate.log_gain(self._inputs(z)))
        )

    def guided(self, n: int) -> Float[Tensor, "n d"]:
        """Draws of the moved and contracted denoiser under guidance."""
        density = self.density
        local = translated_and_scaled(density.denoiser, density.mean, density.centre, density.scale)
        local = self._tilted(projected(local, self._inputs), n)
        z = sample(local, n, density.centre, density.scale, self.generator)
        return density.categories.sample(carried(z, density.drift, self.generator), self.generator)

    def renoised(self, n: int) -> Float[Tensor, "n d"]:
        """The best designs, noised and denoised under guidance; their categories are masked and redrawn before."""
        density, categories = self.density, self.density.categories
        best = parents(density.parents, n, self.generator)
        start = torch.where(categories.inpainting_mask, best, carried(best, density.drift, self.generator))
        noise = noise_levels(density.scale, n, self.generator)
        start = categories.resample_guided(start, noise, self._tilt_of_categories(n), self.generator)
        if categories.inpainting_mask.all():
            return start
        denoiser = density.denoiser
        if categories.inpainting_mask.any():
            denoiser = InpaintingDenoiser(denoiser, start, categories.inpainting_mask)
        return sdedit(self._tilted(projected(denoiser, self._inputs), n), start, noise, self.generator)

    def broad(self, n: int) -> Float[Tensor, "n d"]:
        """Designs from anywhere with the highest upper confidence bounds."""
        z = self.base.scan(n, self.generator)
        bounds = self.surrogate.upper_confidence_bound(self._inputs(z), OPTIMISM)
        return z[bounds.argsort(descending=True)[:n]]

    def _inputs(self, z: Tensor) -> Tensor:
        """Inputs of the surrogate, of rows with values in all columns."""
        return self.base.codec.with_defaults_for_inactive(z)

    def _tilt_of_categories(self, n: int) -> Tilt:
        """log E[improvement; all constraints hold] of categories in n rows, times the guidance scale of categories.

        By the expected improvement, not by its probability as for continuous columns: once all categories are nearly
        certain to improve, their probabilities do not differ.
        """
        scale = self.guidance_scale * max(1.0, SHARPER * len(self.density.categories.blocks))
        objective = self.surrogate.random_scalarization(n, self.generator)
        best = objective.incumbent

        def tilt(z: Float[Tensor, "m d"], rows: Int[Tensor, " m"]) -> Float[Tensor, " m"]:
            with torch.no_grad():
                z = self._inputs(z)
                mean, variance = objective.rows(rows).predict(z)
                gain = log_expected_improvement(mean, variance, best[rows]) + self.surrogate.log_feasible(z)
            scaled: Tensor = scale * gain
            return scaled

        return tilt

    def _tilted(self, denoiser: Denoiser, n: int) -> Denoiser:
        """The denoiser of n rows under guidance: towards improvement, and towards P(all constraints hold)."""
        if not self.guidance_scale:
            return denoiser
        surrogate = self.surrogate
        if surrogate.several:
            objective = surrogate.random_scalarization(n, self.generator)
            guided = improvement(denoiser, objective.predict, objective.incumbent)
        else:
            guided = self.guidance(denoiser, surrogate, surrogate.incumbent)
        if surrogate.constraints:
            feasible = acquisition(denoiser, lambda x: surrogate.log_feasible(x.squeeze(1)))
            guided = combined(denoiser, guided, feasible)
        return weighted(denoiser, guided, lambda sigma: torch.full_like(sigma, self.guidance_scale))
