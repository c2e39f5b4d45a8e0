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

from gdopt.surrogates.base import Surrogate
from gdopt.surrogates.multi_output import MultiOutputSurrogate

__all__ = ["optimize_discrete", "outcome_at", "sequential_greedy", "upper_confidence_bound"]

# Quasi-random draws behind qLogNEI: a quarter of BoTorch's default of 512, at a quarter of its cost.
SAMPLES = 128
# The same behind qLogNEHVI, each of which divides what its front leaves into boxes of its own.
SAMPLES_OF_FRONTS = 32
# Of a large pool, so many candidates of the highest mean + BOUND deviations are looked at: others promise too little.
LOOKED_AT, BOUND = 256, 2.0
# Of numbers that BoTorch's batch of so many candidates has, with the known and the pending points beside each: in their
# columns, of which fingerprints have more, and in their joint covariance, of which it holds half a dozen copies.
ROOM = 2**25
# By draws, the incumbent is the best of so many known points: others are hardly ever.
KNOWN = 256


def sequential_greedy(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    seed: int,
) -> list[int]:
    """n different candidates of m, each the best addition to those before it by BoTorch's qLogNEI.

    Where z is so wide, and so much is known or pending, that BoTorch's batches would take too much memory and time, the
    same improvement is taken over joint draws of all candidates, at once and without logarithms.

    Args:
        surrogate: of the objective: the incumbent is the best of where it knows values, under each draw.
        pool: the candidates.
        n: how many to take, at most m.
        pending: points that are being measured, which the batch should add to.
        seed: of the draws.
    """
    rows = upper_confidence_bound(surrogate, pool, BOUND).argsort(descending=True)[: max(LOOKED_AT, n)]
    if isinstance(surrogate, MultiOutputSurrogate):
        # What breaks a limit for certain comes last, and would be taken for its value where little is left to gain.
        rows = rows[: max(n, int((surrogate.broken(pool[rows], BOUND) == 0).sum()))]
    if LOOKED_AT * max(surrogate.z.numel(), _beside(surrogate, pending)) > ROOM:
        return rows[_additions_by_draws(surrogate, pool[rows], n, pending, seed)].tolist()
    return rows[optimize_discrete(_improvement(surrogate, pending, seed), surrogate.inputs(pool[rows]), n)].tolist()


def _beside(surrogate: Surrogate, pending: Float[Tensor, "p d"]) -> int:
    """The numbers of the joint covariance of the known and the pending points; 0 if nothing is pending."""
    return (len(surrogate.z) + len(pending)) ** 2 if len(pending) else 0


def upper_confidence_bound(surrogate: Surrogate, pool: Float[Tensor, "m d"], bound: float) -> Float[Tensor, " m"]:
    """Upper bounds of what is wanted at each candidate: mean + bound deviations, after the limits if there are any."""
    if isinstance(surrogate, MultiOutputSurrogate):
        return surrogate.promise(pool, bound)
    with torch.no_grad():
        mean, variance = surrogate.predict(pool)
    return mean + bound * variance.sqrt()


def _improvement(surrogate: Surrogate, pending: Float[Tensor, "p d"], seed: int) -> AcquisitionFunction:
    """BoTorch's qLogNEI, with constraints if there are limits; of several objectives, its qLogNEHVI.

    As long as all that is known breaks a limit there is nothing to improve on: then its qLogPF, that the limits hold.
    """
    known = surrogate.inputs(surrogate.z)
    model = surrogate.models if isinstance(surrogate, MultiOutputSurrogate) else surrogate.model
    samples = SAMPLES_OF_FRONTS if isinstance(surrogate, MultiOutputSurrogate) and surrogate.several else SAMPLES
    with torch.no_grad():
        posterior = cast(TorchPosterior, model.posterior(known[:1]))
    usual: dict[str, Any] = {
        "model": model,
        "X_pending": surrogate.inputs(pending) if len(pending) else None,
        # Sobol points for a Gaussian process, members for an ensemble.
        "sampler": get_sampler(posterior, torch.Size([samples]), seed=seed),
    }
    known_too = {**usual, "X_baseline": known, "cache_root": False}
    if not isinstance(surrogate, MultiOutputSurrogate):
        return qLogNoisyExpectedImprovement(**known_too, prune_baseline=False)
    first = len(surrogate.objectives)
    broken = [outcome_at(first + i) for i in range(len(surrogate.limits))] or None
    if broken is not None and not surrogate.feasible:
        return qLogProbabilityOfFeasibility(**usual, constraints=broken)
    if not surrogate.several:
        objective = LinearMCObjective(torch.eye(first + len(surrogate.limits), dtype=torch.float64)[0])
        return qLogNoisyExpectedImprovement(**known_too, prune_baseline=False, objective=objective, constraints=broken)
    assert surrogate.reference is not None
    # Pruning draws from the global stream.
    with torch.random.fork_rng(devices=[]), _uncompiled():
        torch.manual_seed(seed)
        return qLogNoisyExpectedHypervolumeImprovement(
            **known_too,
            ref_point=surrogate.reference,
            objective=IdentityMCMultiOutputObjective(outcomes=list(range(first))),
            constraints=broken,
            # Of the known designs only those that may be on the front matter.
            prune_baseline=True,
        )


@contextmanager
def _uncompiled() -> Iterator[None]:
    """BoTorch's qLogNEHVI as it is written in Python, and not as the extension that it would compile.

    Compiling takes half a minute of the first ask, and a process that is killed meanwhile leaves a lock that all later
    ones wait for without end. With pools of this size asks take the same time.
    """
    before = getattr(logei, "_load_attempted", False)
    vars(logei)["_load_attempted"] = True
    try:
        yield
    finally:
        vars(logei)["_load_attempted"] = before


def outcome_at(place: int) -> Callable[[Tensor], Tensor]:
    """One of the outcomes of draws, which are their last dimension."""
    return lambda samples: samples[..., place]


def _additions_by_draws(
    surrogate: Surrogate, choices: Float[Tensor, "m d"], n: int, pending: Float[Tensor, "p d"], seed: int
) -> list[int]:
    """n different choices of m, each the best addition to those before it: noisy expected improvement over draws.

    Where no draw of any choice improves, the first choice is taken: they come with the most promising first.
    """
    known = torch.cat([surrogate.z[:KNOWN], pending])
    draws = surrogate.draw(torch.cat([known, choices]), SAMPLES, 1.0, torch.Generator().manual_seed(seed))
    best, values = draws[:, : len(known)].amax(1, keepdim=True), draws[:, len(known) :]
    picks: list[int] = []
    for _ in range(n):
        gain = (values - best).clamp_min(0).mean(0)
        gain[picks] = -1.0
        picks.append(int(gain.argmax()))
        best = torch.maximum(best, values[:, picks[-1:]])
    return picks


def optimize_discrete(acqf: AcquisitionFunction, choices: Float[Tensor, "m d"], n: int) -> list[int]:
    """n different choices of m, each the best addition to those before it by an acquisition function."""
    with torch.no_grad(), warnings.catch_warnings():
        # So it is under some draws where limits are uncertain; where it is known, `_improvement` is qLogPF.
        warnings.filterwarnings("ignore", "When all training points are infeasible", BotorchWarning)
        chosen, _ = optimize_acqf_discrete(acqf, q=n, choices=choices, unique=True)
    # Not the nearest by torch.cdist, which for 25 rows and more takes neighbours 1e-8 apart for one.
    picks: list[int] = []
    for same in (chosen.unsqueeze(1) == choices).all(-1):
        # Of equal choices, one that was not picked.
        same[picks] = False
        picks.append(int(same.int().argmax()))
    return picks
