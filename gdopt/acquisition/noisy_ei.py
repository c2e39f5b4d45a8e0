"""Batches by noisy expected improvement, chosen one after the other."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement, qLogProbabilityOfFeasibility
from botorch.acquisition.multi_objective import logei
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.acquisition.objective import LinearMCObjective
from botorch.exceptions.warnings import BotorchWarning
from botorch.optim import optimize_acqf_discrete
from botorch.posteriors import TorchPosterior
from botorch.sampling.get_sampler import get_sampler
from jaxtyping import Float
from torch import Tensor

from gdopt.surrogates.multi_output import MultiOutputSurrogate

__all__ = ["equal_rows", "optimize_discrete", "outcome_at", "sequential_greedy"]

# Quasi-random samples of qLogNEI: a quarter of BoTorch's default of 512, at a quarter of its cost.
SAMPLES = 128
# The same of qLogNEHVI, which partitions the objective space anew for each sample.
SAMPLES_OF_FRONTS = 32
# Of a large pool, only this many candidates with the highest upper confidence bounds, at BOUND standard deviations.
LOOKED_AT, BOUND = 256, 2.0
# Limit of the numbers in BoTorch's batch, where training and pending points stand beside each candidate: in their
# columns (fingerprints have thousands), and in their joint covariance, of which BoTorch holds half a dozen copies.
ROOM = 2**25
# Number of training points among which the incumbent of a sample is: others hardly ever are.
KNOWN = 256


def sequential_greedy(
    surrogate: MultiOutputSurrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    seed: int,
) -> list[int]:
    """n different rows of the pool, each the best addition to the rows before it by BoTorch's qLogNEI.

    Where z is so wide, or training and pending points are so many, that BoTorch's batches would take too much memory
    and time, the same improvement is computed from joint samples of all candidates, without logarithms.

    Args:
        surrogate: of the objective: the incumbent of each sample is the best of the training points.
        pool: the candidates, `m x d`.
        n: the size of the batch, at most m.
        pending: designs of pending trials, which the batch complements.
        seed: of the samples.
    """
    rows = surrogate.upper_confidence_bound(pool, BOUND).argsort(descending=True)[: max(LOOKED_AT, n)]
    # Rows with a certain violation come last; they would be selected for their value where little is left to gain.
    rows = rows[: max(n, int((surrogate.violation(pool[rows], BOUND) == 0).sum()))]
    if LOOKED_AT * max(surrogate.z.numel(), _beside(surrogate, pending)) > ROOM:
        return rows[_additions_by_draws(surrogate, pool[rows], n, pending, seed)].tolist()
    return rows[
        optimize_discrete(_improvement(surrogate, pending, seed), surrogate.transform_inputs(pool[rows]), n)
    ].tolist()


def _beside(surrogate: MultiOutputSurrogate, pending: Float[Tensor, "p d"]) -> int:
    """The numbers in the joint covariance of training and pending points; 0 without pending points."""
    return (len(surrogate.z) + len(pending)) ** 2 if len(pending) else 0


def _improvement(surrogate: MultiOutputSurrogate, pending: Float[Tensor, "p d"], seed: int) -> AcquisitionFunction:
    """BoTorch's qLogNEI, with outcome constraints if there are any; of several objectives, its qLogNEHVI.

    While every known design violates a constraint, there is nothing to improve on: then qLogPF, the log probability
    that the constraints hold.
    """
    known, model = surrogate.transform_inputs(surrogate.z), surrogate.models
    with torch.no_grad():
        posterior = cast(TorchPosterior, model.posterior(known[:1]))
    usual: dict[str, Any] = {
        "model": model,
        "X_pending": surrogate.transform_inputs(pending) if len(pending) else None,
        # Sobol points for a Gaussian process, members for an ensemble.
        "sampler": get_sampler(posterior, torch.Size([SAMPLES_OF_FRONTS if surrogate.several else SAMPLES]), seed=seed),
    }
    known_too = {**usual, "X_baseline": known, "cache_root": False}
    if not surrogate.several and not surrogate.constraints:
        return qLogNoisyExpectedImprovement(**known_too, prune_baseline=False)
    first = len(surrogate.objectives)
    constraints = [outcome_at(first + i) for i in range(len(surrogate.constraints))] or None
    if constraints is not None and not surrogate.n_feasible:
        return qLogProbabilityOfFeasibility(**usual, constraints=constraints)
    if not surrogate.several:
        objective = LinearMCObjective(torch.eye(first + len(surrogate.constraints), dtype=torch.float64)[0])
        return qLogNoisyExpectedImprovement(
            **known_too, prune_baseline=False, objective=objective, constraints=constraints
        )
    assert surrogate.reference_point is not None
    # Pruning draws from the global stream.
    with torch.random.fork_rng(devices=[]), _uncompiled():
        torch.manual_seed(seed)
        return qLogNoisyExpectedHypervolumeImprovement(
            **known_too,
            ref_point=surrogate.reference_point,
            objective=IdentityMCMultiOutputObjective(outcomes=list(range(first))),
            constraints=constraints,
            # Only training points that may be on the front are needed.
            prune_baseline=True,
        )


@contextmanager
def _uncompiled() -> Iterator[None]:
    """BoTorch's qLogNEHVI in Python, without the extension that BoTorch would compile.

    Compilation takes half a minute of the first ask, and a process that is killed meanwhile leaves a lock for which all
    later processes wait without end. With pools of this size both take the same time.
    """
    before = getattr(logei, "_load_attempted", False)
    vars(logei)["_load_attempted"] = True
    try:
        yield
    finally:
        vars(logei)["_load_attempted"] = before


def outcome_at(place: int) -> Callable[[Tensor], Tensor]:
    """One outcome of samples: an index into their last dimension."""
    return lambda samples: samples[..., place]


def _additions_by_draws(
    surrogate: MultiOutputSurrogate, choices: Float[Tensor, "m d"], n: int, pending: Float[Tensor, "p d"], seed: int
) -> list[int]:
    """n different rows of choices, each the best addition to the rows before it: noisy EI over joint samples.

    Where no sample of any row improves, the first row is taken: the most promising rows come first.
    """
    known = torch.cat([surrogate.z[:KNOWN], pending])
    draws = surrogate.sample_posterior(torch.cat([known, choices]), SAMPLES, 1.0, torch.Generator().manual_seed(seed))
    best, values = draws[:, : len(known)].amax(1, keepdim=True), draws[:, len(known) :]
    picks: list[int] = []
    for _ in range(n):
        gain = (values - best).clamp_min(0).mean(0)
        gain[picks] = -1.0
        picks.append(int(gain.argmax()))
        best = torch.maximum(best, values[:, picks[-1:]])
    return picks


def optimize_discrete(acqf: AcquisitionFunction, choices: Float[Tensor, "m d"], n: int) -> list[int]:
    """n different rows of choices, each the best addition to the rows before it by an acquisition function."""
    with torch.no_grad(), warnings.catch_warnings():
        # True for some samples where constraints are uncertain; where it is certain, `_improvement` is qLogPF.
        warnings.filterwarnings("ignore", "When all training points are infeasible", BotorchWarning)
        chosen, _ = optimize_acqf_discrete(acqf, q=n, choices=choices, unique=True)
    return equal_rows(chosen, choices)


def equal_rows(chosen: Float[Tensor, "n d"], choices: Float[Tensor, "m d"]) -> list[int]:
    """The index in `choices` of each chosen row, which is a copy of one; each index at most once.

    Example:
        >>> equal_rows(torch.tensor([[2.0], [0.0], [2.0]]), torch.tensor([[0.0], [2.0], [2.0]]))
        [1, 0, 2]
    """
    # Not the nearest by torch.cdist, which for more than 25 rows merges neighbours 1e-8 apart.
    picks: list[int] = []
    for same in (chosen.unsqueeze(1) == choices).all(-1):
        # Of equal choices, one that was not picked.
        same[picks] = False
        picks.append(int(same.int().argmax()))
    return picks
