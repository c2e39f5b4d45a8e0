"""TuRBO-1: Thompson sampling in a trust region that grows and shrinks (Eriksson et al. 2019)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import gpytorch
import torch
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.generation import MaxPosteriorSampling
from botorch.models import SingleTaskGP
from gpytorch.constraints import Interval
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.noisy_ei import equal_rows
from gdopt.baselines.cube import cube_of, to_unit
from gdopt.baselines.learner import Learner, Proposal
from gdopt.codecs.base import Codec
from gdopt.codecs.points import sobol_points
from gdopt.randomness import isolated, seed_from
from gdopt.surrogates.outcome_transforms import standardized
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["Region", "TuRBO", "region_of"]

# All as in BoTorch's tutorial on TuRBO-1.
LENGTH, LEAST, MOST = 0.8, 0.5**7, 1.6
SUCCESSES = 10
# Least improvement of a successful round, as a share of the best value.
GAIN = 1e-3
# Expected number of perturbed coordinates of a candidate, at most.
PERTURBED = 20


@dataclass(frozen=True, slots=True)
class Region:
    """The trust region: its length, its consecutive successes and failures, the best value and its first round."""

    length: float = LENGTH
    successes: int = 0
    failures: int = 0
    best: float = -math.inf
    first: int = -1

    def after(self, values: Sequence[float], asked: int, dim: int, k: int) -> "Region":
        """The region after the values of round k; a new one if it collapsed."""
        gained = max(values) > self.best + GAIN * abs(self.best)
        best = max(self.best, *values)
        length, successes, failures = self.length, self.successes * gained + gained, (self.failures + 1) * (not gained)
        if successes >= SUCCESSES:
            length, successes = min(2 * length, MOST), 0
        elif failures >= math.ceil(max(4 / asked, dim / asked)):
            length, failures = length / 2, 0
        return Region(first=k + 1) if length < LEAST else Region(length, successes, failures, best, self.first)


def region_of(state: State, dim: int) -> Region:
    """The region after all results, replayed from the trials and therefore not stored."""
    region = Region()
    for k in range(-1, len(state.notes)):
        trials = [t for t in state.trials if t.round == k]
        values = [t.value for t in trials if t.value is not None]
        if not values:
            continue
        if any(t.source == TuRBO.source for t in trials):
            region = region.after(values, len(trials), dim, k)
        else:
            region = Region(region.length, best=max(region.best, *values), first=region.first)
    return region


@dataclass(frozen=True, kw_only=True)
class TuRBO(Learner):
    """TuRBO-1 of BoTorch's tutorial; after a collapse, a new trust region with new initial designs.

    Args:
        candidates: number of perturbations; by default 200 for each dimension, between 2,000 and 5,000.
    """

    candidates: int | None = None

    source: ClassVar[str] = "trust region"

    def known(self, state: State, codec: Codec) -> Sequence[Trial]:
        """The results since the trust region began."""
        return [t for t in state.done if t.round >= self.since(state, codec)]

    def since(self, state: State, codec: Codec) -> int:
        """The first round of the trust region."""
        return region_of(state, codec.dim).first

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """Thompson sampling among perturbations of the best design within the trust region."""
        cube = cube_of(codec, self.prior)
        known, region = self.known(state, codec), region_of(state, codec.dim)
        x = cube.encode([t.params for t in known])
        y = standardized(torch.tensor([t.value for t in known], dtype=torch.float64))
        size = self.candidates or min(5000, max(2000, 200 * codec.dim))
        with isolated(seed_from(generator)), gpytorch.settings.max_cholesky_size(float("inf")), torch.no_grad():
            with torch.enable_grad():
                model = _fitted(x, y)
            candidates = _candidates(model, x[y.argmax()], region.length, max(size, 2 * n), generator)
            rows, params = cube.new(candidates, state)
            choices = cube.encode(params)
            if len(rows) <= n:
                return Proposal(params, note={"length": region.length})
            chosen = MaxPosteriorSampling(model, replacement=False)(choices, num_samples=n)
        return Proposal([params[i] for i in equal_rows(chosen, choices)], note={"length": region.length})


def _fitted(x: Float[Tensor, "n d"], y: Float[Tensor, " n"]) -> SingleTaskGP:
    """The tutorial's Gaussian process: Matérn-5/2, little noise, bounded length scales."""
    kernel = MaternKernel(nu=2.5, ard_num_dims=x.shape[1], lengthscale_constraint=Interval(0.005, 4.0))
    likelihood = GaussianLikelihood(noise_constraint=Interval(1e-8, 1e-3))
    model = SingleTaskGP(x, y.unsqueeze(1), covar_module=ScaleKernel(kernel), likelihood=likelihood)
    try:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    except ModelFittingError:
        model.eval()  # as it was before the fit
    return model


def _candidates(
    model: SingleTaskGP, centre: Float[Tensor, " d"], length: float, size: int, generator: torch.Generator
) -> Float[Tensor, "m d"]:
    """Perturbations of some coordinates of the centre, within a box with sides proportional to the length scales."""
    dim = len(centre)
    centre = centre.clamp(0, 1)
    weights = model.covar_module.base_kernel.lengthscale.squeeze(0)
    weights = weights / weights.log().mean().exp()
    low, high = ((centre + side * weights * length / 2).clamp(0, 1) for side in (-1, 1))
    unit = to_unit(sobol_points(dim, seed_from(generator), 0, size))
    moved = torch.rand(size, dim, generator=generator) <= min(PERTURBED / dim, 1.0)
    still = ~moved.any(1)
    moved[still, torch.randint(dim, (int(still.sum()),), generator=generator)] = True
    return torch.where(moved, low + (high - low) * unit, centre)
