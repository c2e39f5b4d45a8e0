"""From candidates to a batch."""

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

from gdopt.algorithm import seed_from
from gdopt.surrogate.joint import Joint
from gdopt.surrogate.model import Surrogate

__all__ = [
    "Selection",
    "additions",
    "batch",
    "by_qlognei",
    "by_thompson",
    "greedy",
    "outcome",
    "promise",
    "thompson",
    "unclaimed",
]

# What `batch` takes and gives: (surrogate, pool, n, pending, temper, generator) to n different rows of the pool.
Selection = Callable[[Surrogate, Tensor, int, Tensor, float, torch.Generator], list[int]]

# Up to this many designs are selected one by one by qLogNEI, more by Thompson sampling.
GREEDY = 8


def batch(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    temper: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m: a few by `greedy`, more by `thompson` at a spread of `temper`.

    Both count in what is pending: `greedy` by its acquisition function, `thompson` among those `unclaimed`.
    """
    return (by_qlognei if n <= GREEDY else by_thompson)(surrogate, pool, n, pending, temper, generator)


def by_qlognei(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    temper: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m by `greedy`, however many."""
    del temper
    return greedy(surrogate, pool, n, pending, seed_from(generator))


def by_thompson(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    pending: Float[Tensor, "p d"],
    temper: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m by `thompson` at a spread of `temper`, however few."""
    free = unclaimed(pool, pending, n)
    return [free[i] for i in thompson(surrogate, pool[free], n, temper, generator)]


def unclaimed(pool: Float[Tensor, "m d"], pending: Float[Tensor, "p d"], n: int) -> list[int]:
    """The candidates but for the nearest one to each pending point, in turn; n of them at least.

    As if the pending points had been the first picks of this pool: asking twice without telling is like asking once
    for as many. Draws that take the surrogate's mean for the pending values (kriging believer) do not do that: they
    are only less uncertain where the mean is highest.
    """
    free = torch.ones(len(pool), dtype=torch.bool)
    for part in pending[: len(pool) - n].split(CLAIMS):
        for distances in torch.cdist(part, pool):
            free[distances.masked_fill(~free, torch.inf).argmin()] = False
    return free.nonzero().flatten().tolist()


# Pending points whose distances to the pool are held at once.
CLAIMS = 1000
# The joint posterior of more candidates at once than this costs more than it tells.
JOINT = 2000


def thompson(
    surrogate: Surrogate,
    pool: Float[Tensor, "m d"],
    n: int,
    spread: float,
    generator: torch.Generator,
) -> list[int]:
    """n different candidates of m: the best of each of n joint draws of the surrogate that no draw before it took.

    A large pool is dealt into hands of at most 2,000 candidates, each of which gives its share of the n.

    Args:
        surrogate: of the objective.
        pool: the candidates.
        n: how many to take, at most m.
        spread: factor on the draws' deviation from the mean: 1 is Thompson sampling, 0 takes the n best means.
        generator: of the draws.
    """
    count = -(-len(pool) // JOINT)
    picks: list[int] = []
    for first in range(min(count, n)):
        # Dealt one by one, as candidates of one source stand together.
        hand = torch.arange(first, len(pool), count)
        draws = surrogate.draw(pool[hand], len(range(first, n, count)), spread, generator)
        picks += hand[_best_of_each(draws)].tolist()
    return picks


def _best_of_each(draws: Float[Tensor, "n m"]) -> list[int]:
    taken = torch.zeros(draws.shape[1], dtype=torch.bool)
    picks: list[int] = []
    for values in draws:
        pick = int(values.masked_fill(taken, -torch.inf).argmax())
        taken[pick] = True
        picks.append(pick)
    return picks


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


def greedy(
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
    rows = promise(surrogate, pool, BOUND).argsort(descending=True)[: max(LOOKED_AT, n)]
    if isinstance(surrogate, Joint):
        # What breaks a limit for certain comes last, and would be taken for its value where little is left to gain.
        rows = rows[: max(n, int((surrogate.broken(pool[rows], BOUND) == 0).sum()))]
    if LOOKED_AT * max(surrogate.z.numel(), _beside(surrogate, pending)) > ROOM:
        return rows[_additions_by_draws(surrogate, pool[rows], n, pending, seed)].tolist()
    return rows[additions(_improvement(surrogate, pending, seed), surrogate.inputs(pool[rows]), n)].tolist()


def _beside(surrogate: Surrogate, pending: Float[Tensor, "p d"]) -> int:
    """The numbers of the joint covariance of the known and the pending points; 0 if nothing is pending."""
    return (len(surrogate.z) + len(pending)) ** 2 if len(pending) else 0


def promise(surrogate: Surrogate, pool: Float[Tensor, "m d"], bound: float) -> Float[Tensor, " m"]:
    """Upper bounds of what is wanted at each candidate: mean + bound deviations, after the limits if there are any."""
    if isinstance(surrogate, Joint):
        return surrogate.promise(pool, bound)
    with torch.no_grad():
        mean, variance = surrogate.predict(pool)
    return mean + bound * variance.sqrt()


def _improvement(surrogate: Surrogate, pending: Float[Tensor, "p d"], seed: int) -> AcquisitionFunction:
    """BoTorch's qLogNEI, with constraints if there are limits; of several objectives, its qLogNEHVI.

    As long as all that is known breaks a limit there is nothing to improve on: then its qLogPF, that the limits hold.
    """
    known = surrogate.inputs(surrogate.z)
    model = surrogate.models if isinstance(surrogate, Joint) else surrogate.model
    samples = SAMPLES_OF_FRONTS if isinstance(surrogate, Joint) and surrogate.several else SAMPLES
    with torch.no_grad():
        posterior = cast(TorchPosterior, model.posterior(known[:1]))
    usual: dict[str, Any] = {
        "model": model,
        "X_pending": surrogate.inputs(pending) if len(pending) else None,
        # Sobol points for a Gaussian process, members for an ensemble.
        "sampler": get_sampler(posterior, torch.Size([samples]), seed=seed),
    }
    known_too = {**usual, "X_baseline": known, "cache_root": False}
    if not isinstance(surrogate, Joint):
        return qLogNoisyExpectedImprovement(**known_too, prune_baseline=False)
    first = len(surrogate.objectives)
    broken = [outcome(first + i) for i in range(len(surrogate.limits))] or None
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


def outcome(place: int) -> Callable[[Tensor], Tensor]:
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


def additions(acqf: AcquisitionFunction, choices: Float[Tensor, "m d"], n: int) -> list[int]:
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
