"""The four cases of the linear subspace, how they are played, and what is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gdopt.paper.first_order import FirstOrder, Round, rounds
from gdopt.paper.moments import GaussianMoments
from gdopt_problems.linear_subspace import Distance, Parabola, off_support, optimum, rewards, subspace

__all__ = ["INCREMENTS", "NOISE", "Case", "Table", "cases", "play", "reward_of", "trace"]

# The public code's σ, and its δ for each case.
NOISE = 0.1
INCREMENTS = {"f1_theta1": 0.05, "f1_theta2": 0.2, "f2_b1": 1.0, "f2_b2": 1.0}

# What an experiment finds, ready for JSON.
Table = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A reward on the linear subspace.

    Args:
        name: such as "f1_theta2".
        f: the reward.
        law: of the data, in closed form.
        basis: of the subspace.
    """

    name: str
    f: Parabola | Distance
    law: GaussianMoments
    basis: Float[Tensor, "D d"]

    @property
    def optimum(self) -> float:
        """The largest f on the subspace."""
        return reward_of(self, optimum(self.f, self.basis))

    def smoothness(self, law: GaussianMoments | None = None) -> float:
        """L of f, in the metric of a law's covariance."""
        return self.f.smoothness(self.law if law is None else law, self.basis)


def cases(latent: str = "gaussian") -> list[Case]:
    """f1 with θ_1 and θ_2, f2 with b_1 and b_2."""
    data = subspace(latent)
    return [Case(name, f, data.law, data.basis) for name, f in rewards(latent).items()]


def reward_of(case: Case, x: Float[Tensor, " D"]) -> float:
    """f at one point."""
    return float(case.f(x.unsqueeze(0)))


def play(algorithm: FirstOrder, case: Case, batch: int, count: int, seed: int = 0) -> list[Round]:
    """`count` guided rounds after the unguided one, with exact gradients."""
    generator = torch.Generator().manual_seed(seed)
    return list(islice(rounds(algorithm, case.f.gradient, batch, generator), count + 1))


def trace(case: Case, played: Sequence[Round]) -> dict[str, list[float]]:
    """Round by round: f at the batch mean, the mean f of the samples, their median off-support ratio."""
    return {
        "at_mean": [reward_of(case, r.samples.mean(0)) for r in played],
        "of_samples": [float(case.f(r.samples).mean()) for r in played],
        "off_support": [float(off_support(r.samples, case.basis).median()) for r in played],
    }
