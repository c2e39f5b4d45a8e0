"""Bayesian optimization of several outcomes with BoTorch: a SingleTaskGP for each, and its acquisition functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from botorch.acquisition.factory import get_acquisition_function
from botorch.acquisition.monte_carlo import MCAcquisitionFunction
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.models import ModelListGP, SingleTaskGP
from botorch.optim import optimize_acqf
from jaxtyping import Float
from torch import Tensor

from gdopt.acquisition.noisy_ei import outcome_at
from gdopt.baselines.cube import cube_of
from gdopt.baselines.expected_improvement import DRAWS_OF_MANY, RAW, RESTARTS, fitted
from gdopt.baselines.learner import Learner, Proposal
from gdopt.codecs.base import Codec
from gdopt.randomness import isolated, seed_from
from gdopt.trials.objectives import OptimizationConfig
from gdopt.trials.pareto import reference_point
from gdopt.trials.ranking import objective_values, violation, with_all_objectives
from gdopt.trials.state import State
from gdopt.trials.trial import Trial

__all__ = ["OutcomeImprovement"]

# Least standard deviation in a division: an outcome may be constant.
LEAST = 1e-9


@dataclass(frozen=True, kw_only=True)
class OutcomeImprovement(Learner):
    """qLogEI with constraints or, of several objectives, qLogNEHVI (Daulton et al. 2021, Ament et al. 2023).

    While every result violates a constraint, qLogPF, as BoTorch advises. The settings are BoTorch's: a `SingleTaskGP`
    of each standardized objective and each constrained outcome in a `ModelListGP`, the acquisition function of
    `get_acquisition_function` with a pruned baseline, and sequential `optimize_acqf`. Trials that lack an outcome are
    not used for training.
    """

    several: ClassVar[bool] = True
    limited: ClassVar[bool] = True
    source: ClassVar[str] = "acquisition"

    def known(self, state: State, codec: Codec) -> Sequence[Trial]:
        """The trials with all outcomes."""
        return [t for t in state.done if _whole(state.config, t)]

    def propose(self, state: State, codec: Codec, n: int, generator: torch.Generator) -> Proposal:
        """The designs that maximize the acquisition function."""
        cube = cube_of(codec, self.prior)
        trials = self.known(state, codec)
        x = cube.encode([t.params for t in trials])
        waiting = cube.encode([t.params for t in state.pending])
        with isolated(seed_from(generator)):
            acqf, first = _acquisition(state.config, trials, x, waiting)
            chosen, _ = optimize_acqf(
                acqf,
                bounds=cube.bounds,
                q=n,
                num_restarts=RESTARTS,
                raw_samples=RAW,
                options={"batch_limit": 5, "maxiter": 200},
                sequential=True,
            )
            rows, params = cube.new(chosen, state)
            mean = first.posterior(chosen[rows]).mean.flatten()
        return Proposal(params, mean.tolist())


def _acquisition(
    goals: OptimizationConfig, trials: Sequence[Trial], x: Float[Tensor, "n d"], waiting: Float[Tensor, "p d"]
) -> tuple[MCAcquisitionFunction, SingleTaskGP]:
    """BoTorch's acquisition function of all objectives and constraints, and its model of the first objective."""
    rows = with_all_objectives(goals, trials)[1]
    values = torch.tensor(rows, dtype=torch.float64)
    shift, scale = values.mean(0), values.std(0).clamp_min(LEAST)
    beyond = [[violation(one, t.outcomes[one.outcome][0]) for t in trials] for one in goals.outcome_constraints]
    # Not shifted: 0 is the bound of a constraint.
    broken = [column / column.std().clamp_min(LEAST) for column in torch.tensor(beyond, dtype=torch.float64)]
    models = [fitted(x, column) for column in (*((values - shift) / scale).T, *broken)]
    m = len(goals.objectives)
    several = goals.several
    # Without a feasible result there is no incumbent to improve on.
    fit = any(max(row) <= 0 for row in zip(*beyond, strict=True)) if beyond else True
    acqf = get_acquisition_function(
        ("qLogNEHVI" if several else "qLogEI") if fit else "qLogPF",
        ModelListGP(*models),
        IdentityMCMultiOutputObjective(outcomes=list(range(m))) if several else GenericMCObjective(_first),
        x,
        X_pending=waiting if len(waiting) else None,
        constraints=[outcome_at(m + i) for i in range(len(broken))] or None,
        mc_samples=DRAWS_OF_MANY,
        ref_point=((torch.tensor(reference_point(goals, rows), dtype=torch.float64) - shift) / scale).tolist()
        if several
        else None,
    )
    return acqf, models[0]


def _first(samples: Tensor, X: Tensor | None = None) -> Tensor:
    return samples[..., 0]


def _whole(goals: OptimizationConfig, trial: Trial) -> bool:
    return objective_values(goals, trial) is not None and all(
        one.outcome in trial.outcomes for one in goals.outcome_constraints
    )
