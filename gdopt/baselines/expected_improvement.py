"""Bayesian optimization with BoTorch's defaults: its model, (noisy) expected improvement, its optimizer."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from botorch.acquisition.logei import qLogExpectedImprovement, qLogNoisyExpectedImprovement
from botorch.exceptions.errors import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, SingleTaskGP
from botorch.optim import optimize_acqf
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.mlls import ExactMarginalLogLikelihood
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.noisy_ei import optimize_discrete
from gdopt.baselines.columns import Columns
from gdopt.baselines.cube import Cube, cube_of
from gdopt.baselines.learner import Learner, Proposal
from gdopt.candidates.initial import initial_designs
from gdopt.codecs.base import Codec
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.table import TableCodec
from gdopt.randomness import isolated, seed_from
from gdopt.space.parameters import Params
from gdopt.surrogates.outcome_transforms import standardized
from gdopt.trials.state import State

__all__ = ["ExpectedImprovement", "acquisition", "fitted"]

# BoTorch's own numbers of restarts and raw samples, as in its tutorials.
RESTARTS, RAW = 10, 512
# Quasi-random samples of the expectation: BoTorch's default for small batches. A quarter of it for larger batches, in
# which each design needs the joint posterior with all designs before it.
DRAWS, FEW, DRAWS_OF_MANY = 512, 8, 128

Acquisition = qLogExpectedImprovement | qLogNoisyExpectedImprovement
View = Columns | Cube


@dataclass(frozen=True, kw_only=True)
class ExpectedImprovement(Learner):
    """qLogEI or qLogNEI (Ament et al. 2023) of BoTorch's own model, maximized by BoTorch's own optimizer.

    Real numbers: a `SingleTaskGP` and `optimize_acqf`, with initial points around the best results
    (`sample_around_best`). Whole numbers or choices: `optimize_acqf_mixed_alternating` by default, which alternates
    local search over whole numbers and categories with L-BFGS over real ones (Daulton et al. 2022, arXiv
    2210.10199). With choices the model is a `MixedSingleTaskGP`, whose kernel counts differing categories. Both
    optimizers satisfy linear constraints, and optimize a batch sequentially, with earlier designs pending.

    Tables of candidates: `optimize_acqf_discrete` over the rows, or over random rows of a large table.

    Args:
        noisy: whether to use qLogNEI, which models noise of the results, in place of qLogEI.
        rows: number of rows of a table among which an `ask` selects, at most.
        max_batch: number of optimized designs of a batch; initial designs fill a larger batch.
    """

    noisy: bool = False
    max_batch: int = 64
    rows: int = 10_000

    source: ClassVar[str] = "acquisition"
    tables: ClassVar[bool] = True

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """The designs that maximize the acquisition function."""
        if isinstance(codec, TableCodec):
            return self._of_rows(state, codec, n, generator)
        view = Columns(codec) if isinstance(codec, BoxCodec) else cube_of(codec, self.prior)
        x, y = (
            view.encode([t.params for t in state.done]),
            standardized(torch.tensor([t.value for t in state.done], dtype=torch.float64)),
        )
        waiting = view.encode([t.params for t in state.pending])
        with isolated(seed_from(generator)):
            model = fitted(x, y, list(view.choices) if isinstance(view, Columns) else [])
            acqf = acquisition(model, x, y, waiting, self.noisy, DRAWS if n <= FEW else DRAWS_OF_MANY)
            chosen = maximizers(acqf, view, min(n, self.max_batch))
            chosen, params = self._filled(acqf, view, chosen, waiting, state)
            mean = model.posterior(chosen).mean.flatten()
        return Proposal(params, mean.tolist())

    def _of_rows(self, state: State, codec: TableCodec, n: int, generator: torch.Generator) -> Proposal:
        """The rows of the table that maximize the acquisition function, selected sequentially."""
        params = codec.untried(state.known, self.rows, generator)
        if len(params) <= n:
            return Proposal(params)
        low, high = codec.table.z.amin(0).double(), codec.table.z.amax(0).double()
        x, choices, waiting = (
            (codec.encode(some) - low) / (high - low)
            for some in ([t.params for t in state.done], params, [t.params for t in state.pending])
        )
        y = standardized(torch.tensor([t.value for t in state.done], dtype=torch.float64))
        with isolated(seed_from(generator)):
            model = fitted(x, y)
            acqf = acquisition(model, x, y, waiting, self.noisy, DRAWS if n <= FEW else DRAWS_OF_MANY)
            picks = optimize_discrete(acqf, choices, min(n, self.max_batch))
            mean = model.posterior(choices[picks]).mean.flatten()
        return Proposal([params[i] for i in picks], mean.tolist())

    def _filled(
        self, acqf: Acquisition, view: View, chosen: Float[Tensor, "q d"], waiting: Float[Tensor, "p d"], state: State
    ) -> tuple[Float[Tensor, "r d"], list[Params]]:
        """The chosen points that are new designs; for each other point, the best of many initial designs.

        With whole numbers and choices an earlier design can maximize the acquisition function again.
        """
        points = torch.cat([chosen, view.encode(initial_designs(state, self.prior, RAW))])
        rows, designs = view.new(points, state)
        kept = sum(row < len(chosen) for row in rows)
        missing = min(len(chosen) - kept, len(rows) - kept)
        if not missing:
            return points[rows[:kept]], designs[:kept]
        acqf.set_X_pending(torch.cat([waiting, points[rows[:kept]]]))
        choices = points[rows[kept:]]
        picks = [*range(kept), *(kept + row for row in optimize_discrete(acqf, choices, missing))]
        return points[rows][picks], [designs[i] for i in picks]


def fitted(x: Float[Tensor, "n d"], y: Float[Tensor, " n"], choices: list[int] | None = None) -> SingleTaskGP:
    """BoTorch's default model of the values; some columns of x may be choices."""
    model = MixedSingleTaskGP(x, y.unsqueeze(1), choices) if choices else SingleTaskGP(x, y.unsqueeze(1))
    try:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    except ModelFittingError:
        model.eval()  # at its initial hyperparameters, which are the modes of their priors
    return model


def acquisition(
    model: SingleTaskGP,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, " n"],
    waiting: Float[Tensor, "p d"],
    noisy: bool,
    draws: int = DRAWS,
) -> Acquisition:
    """Expected improvement over the best value, or if noisy over the posterior at x."""
    pending = waiting if len(waiting) else None
    sampler = SobolQMCNormalSampler(torch.Size([draws]))
    if noisy:
        return qLogNoisyExpectedImprovement(model, x, sampler, X_pending=pending, prune_baseline=True)
    return qLogExpectedImprovement(model, best_f=y.max(), sampler=sampler, X_pending=pending)


def maximizers(acqf: Acquisition, view: View, q: int) -> Float[Tensor, "q d"]:
    """The points that maximize the acquisition function, by BoTorch's optimizer for the kind of view."""
    limits: dict[str, Any] = {}
    if isinstance(view, Columns):
        limits = {"inequality_constraints": view.constraints or None, "equality_constraints": view.equalities or None}
    if isinstance(view, Columns) and (view.whole or view.choices):
        chosen, _ = optimize_acqf_mixed_alternating(acqf, view.bounds, view.whole, view.choices, q=q, **limits)
    else:
        chosen, _ = optimize_acqf(
            acqf,
            view.bounds,
            q=q,
            num_restarts=RESTARTS,
            raw_samples=RAW,
            options={"sample_around_best": True},
            **limits,
            sequential=True,
        )
    found: Tensor = chosen
    return found
