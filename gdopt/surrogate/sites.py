"""A Gaussian process of sequences of one length, about the best of them: what each change of it costs.

A kernel of similarities alone learns slowly which places of a sequence matter: every change makes it less alike. Yet
most places of a good sequence are free, and at those that are not, all other letters are about as bad. So the
covariance of sequences x and x' of L letters, where b is the best one, has three terms,

    a #{i: x_i ≠ b_i and x'_i ≠ b_i} + c #{i: x_i = x'_i} + e exp(-#{i: x_i ≠ x'_i} / ℓ),   ℓ = L/4,

which stand for a linear model of what leaving b costs at each place, a linear model of letters by place (the usual one
of protein engineering), and what no sum over places explains.

Sequences are rows of L V numbers, 1 for the letter at each place and 0 for the other V - 1, and the counts are sums of
products of those. So places may also be distributions over letters, and all of it has a gradient by them.
"""

import math

import torch
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel
from gpytorch.priors import LogNormalPrior
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.surrogate.gp import GaussianProcess, fitted

__all__ = ["Sites", "fit", "one_hot"]

# Sequences nearest to the best that are learned from: a sum over places holds for its relatives.
NEAREST = 300
# Medians of the log-normal priors of a, c and e for values of unit variance; all have the deviation 1.5 of the log.
CHANGE, LETTER, REST, DEVIATION = math.exp(-3), math.exp(-5), math.exp(-2), 1.5
# No parameter is below it.
LEAST = 1e-6


def fit(
    z: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None = None
) -> GaussianProcess:
    """A Gaussian process through warped values y of sequences z, of those that are nearest to the first.

    Args:
        z: sequences, the best one first, as `one_hot` writes them.
        y: warped values, of about unit variance.
        variance: of the noise of each y, as far as it is known; 0 is allowed.
    """
    near = (z @ z[0]).argsort(descending=True, stable=True)[:NEAREST]
    known = None if variance is None else variance[near]
    return fitted(Sites(z[0]), 1.0, z[near], y[near], known)


def one_hot(x: Int[Tensor, "n L"], tokens: int) -> Float[Tensor, "n d"]:
    """1 for the letter at each place of a row, 0 for all others: d = L V.

    Args:
        x: rows of token numbers, from 0 to V - 1.
        tokens: V.
    """
    return torch.nn.functional.one_hot(x, tokens).double().flatten(1)


class Sites(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """The covariance above.

    Args:
        best: b, as `one_hot` writes it.
    """

    def __init__(self, best: Float[Tensor, " d"]) -> None:
        super().__init__()
        self.best = best
        self.length = int(best.sum())
        for name, median in (("change", CHANGE), ("letter", LETTER), ("rest", REST)):
            bounded = GreaterThan(LEAST)
            start = bounded.inverse_transform(torch.tensor(median, dtype=torch.float64))
            self.register_parameter(f"raw_{name}", torch.nn.Parameter(start))
            self.register_constraint(f"raw_{name}", bounded)
            # The closure is given the kernel itself, so the name has to be bound here.
            prior = LogNormalPrior(math.log(median), DEVIATION)
            self.register_prior(f"{name}_prior", prior, lambda kernel, name=name: kernel.weight(name), None)

    def weight(self, name: str) -> Float[Tensor, ""]:
        """a, c or e, by the names `change`, `letter` and `rest`."""
        found: Tensor = getattr(self, f"raw_{name}_constraint").transform(getattr(self, f"raw_{name}"))
        return found

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: object) -> Tensor:
        """Of each row of x1 and each of x2, or with `diag` of the rows in pairs."""
        del params
        changed, other = self.changed(x1), self.changed(x2)
        if diag:
            both, same = (changed * other).sum(-1), (x1 * x2).sum(-1)
        else:
            both, same = changed @ other.mT, x1 @ x2.mT
        rest = torch.exp((same - self.length) / (self.length / 4))
        found: Tensor = self.weight("change") * both + self.weight("letter") * same + self.weight("rest") * rest
        return found

    def changed(self, x: Float[Tensor, "*n d"]) -> Float[Tensor, "*n L"]:
        """1 for each place with another letter than b has, 0 for the same."""
        kept: Tensor = (x * self.best).unflatten(-1, (self.length, -1)).sum(-1)
        return 1 - kept
