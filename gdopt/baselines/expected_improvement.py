"""Bayesian optimization as BoTorch does it by default: a SingleTaskGP and (noisy) expected improvement."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from botorch.acquisition.logei import qLogExpectedImprovement, qLogNoisyExpectedImprovement
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf, optimize_acqf_discrete
from botorch.sampling import SobolQMCNormalSampler
from botorch.utils.sampling import draw_sobol_samples
from gpytorch.mlls import ExactMarginalLogLikelihood
from jaxtyping import Float
from torch import Tensor

from gdopt.algorithm import State, seed_from
from gdopt.baselines.cube import Cube, cube_of
from gdopt.baselines.isolated import isolated
from gdopt.baselines.learner import Learner, Proposal
from gdopt.codec import Codec
from gdopt.space import Params
from gdopt.surrogate.warp import standardized

__all__ = ["ExpectedImprovement", "acquisition", "fitted"]

# BoTorch's own numbers of restarts and raw samples, as in its tutorials.
RESTARTS, RAW = 10, 512
# Quasi-random draws behind the expectation: BoTorch's default for small batches; a quarter of it for larger ones, each
# of whose designs takes the joint posterior of all before it.
DRAWS, FEW, DRAWS_OF_MANY = 512, 8, 128


@dataclass(frozen=True, kw_only=True)
class ExpectedImprovement(Learner):
    """qLogEI or qLogNEI (Ament et al. 2023) of BoTorch's `SingleTaskGP`, both with BoTorch's own settings.

    The batch is optimized in the unit cube by `optimize_acqf`, with initial points around the best results as well
    (`sample_around_best`), one design after the other with those before it pending.

    Args:
        noisy: whether to use qLogNEI, which takes no result for the truth.
        most: designs of a batch that are optimized; the rest of a larger one are designs of the start.
    """

    noisy: bool = False
    most: int = 64

    source: ClassVar[str] = "acquisition"

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """The designs that maximize the acquisition function."""
        cube = cube_of(codec, self.prior)
        x = cube.encode([t.params for t in state.done])
        waiting = cube.encode([t.params for t in state.pending])
        with isolated(seed_from(generator)):
            model = fitted(x, standardized(state.values()))
            acqf = acquisition(
                model, x, standardized(state.values()), waiting, self.noisy, DRAWS if n <= FEW else DRAWS_OF_MANY
            )
            chosen, _ = optimize_acqf(
                acqf,
                bounds=cube.bounds,
                q=min(n, self.most),
                num_restarts=RESTARTS,
                raw_samples=RAW,
                options={"sample_around_best": True},
                sequential=True,
            )
            chosen, params = self._filled(acqf, cube, chosen, waiting, state)
            mean = model.posterior(chosen).mean.flatten()
        return Proposal(params, mean.tolist())

    def _filled(
        self,
        acqf: qLogExpectedImprovement | qLogNoisyExpectedImprovement,
        cube: Cube,
        chosen: Float[Tensor, "q d"],
        waiting: Float[Tensor, "p d"],
        state: State,
    ) -> tuple[Float[Tensor, "r d"], list[Params]]:
        """The chosen points that decode to new designs, and for every other one the best of a Sobol sample's designs.

        Whole numbers and choices are relaxed and then rounded, which makes points equal.
        """
        sample = draw_sobol_samples(cube.bounds, RAW, 1, seed=state.seed + len(state.trials)).squeeze(1)
        points = torch.cat([chosen, sample])
        rows, designs = cube.new(points, state)
        kept = sum(row < len(chosen) for row in rows)
        missing = min(len(chosen) - kept, len(rows) - kept)
        if not missing:
            return points[rows[:kept]], designs[:kept]
        acqf.set_X_pending(torch.cat([waiting, points[rows[:kept]]]))
        choices = points[rows[kept:]]
        more, _ = optimize_acqf_discrete(acqf, q=missing, choices=choices, unique=True)
        picks = [*range(kept), *(torch.cdist(more, choices).argmin(1) + kept).tolist()]
        return points[rows][picks], [designs[i] for i in picks]


def fitted(x: Float[Tensor, "n d"], y: Float[Tensor, " n"]) -> SingleTaskGP:
    """BoTorch's default model of the values."""
    model = SingleTaskGP(x, y.unsqueeze(1))
    try:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    except ModelFittingError:
        model.eval()  # the priors' own modes are still a usable model
    return model


def acquisition(
    model: SingleTaskGP,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    waiting: Float[Tensor, "p d"],
    noisy: bool,
    draws: int = DRAWS,
) -> qLogExpectedImprovement | qLogNoisyExpectedImprovement:
    """Expected improvement on the best value, or on the best of the posterior at x."""
    pending = waiting if len(waiting) else None
    sampler = SobolQMCNormalSampler(torch.Size([draws]))
    if noisy:
        return qLogNoisyExpectedImprovement(model, x, sampler, X_pending=pending, prune_baseline=True)
    return qLogExpectedImprovement(model, best_f=y.max(), sampler=sampler, X_pending=pending)
