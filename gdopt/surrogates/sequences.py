"""A Gaussian process of sequences of one length, about the best of them: what each change of it costs.

A kernel of similarities alone learns slowly which places of a sequence matter: every change makes it less alike. Yet
most places of a good sequence are free, and at those that are not, all other letters are about as bad. So the
covariance of sequences x and x' of L letters, where b is the best one, has three terms,

    a #{i: x_i ≠ b_i and x'_i ≠ b_i} + c #{i: x_i = x'_i} + e T(x, x'),

which stand for a linear model of what leaving b costs at each place, a linear model of letters by place (the usual one
of protein engineering), and what does not depend on the place: T is Tanimoto's similarity of the gapped pairs of
letters that they have anywhere (`gdopt.surrogates.kmers`).

A place may also be a law over letters: all of it has a gradient by them.
"""

import math
from dataclasses import dataclass

import torch
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel
from gpytorch.priors import LogNormalPrior
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.surrogates.gp import GaussianProcess, fitted
from gdopt.surrogates.kmers import one_hot, pairs
from gdopt.surrogates.tanimoto import similarity

__all__ = ["CHANGE", "LETTER", "NEAREST", "REST", "Lettered", "Sites"]

# Sequences nearest to the best that are learned from: a sum over places holds for its relatives.
NEAREST = 300
# Medians of the log-normal priors of a, c and e for values of unit variance; all have the deviation 1.5 of the log.
CHANGE, LETTER, REST, DEVIATION = math.exp(-3), math.exp(-5), math.exp(-2), 1.5
# No parameter is below it.
LEAST = 1e-6


@dataclass(frozen=True)
class Lettered:
    """How sequences of L letters out of V are seen: d = L V columns of letters by place, then those of pairs.

    Args:
        length: L.
        tokens: V.
    """

    length: int
    tokens: int

    def written(self, x: Int[Tensor, "n L"]) -> Float[Tensor, "n d"]:
        """Rows of token numbers, from 0 to V - 1, as the surrogate sees them."""
        return self.softly(one_hot(x, self.tokens))

    def softly(self, laws: Float[Tensor, "n L V"]) -> Float[Tensor, "n d"]:
        """The same for places that are laws over letters: a pair counts as much as it is expected, once at most."""
        return torch.cat([laws.flatten(1), pairs(laws)], 1)

    def fit(
        self, z: Float[Tensor, "n d"], y: Float[Tensor, " n"], variance: Float[Tensor, " n"] | None = None
    ) -> GaussianProcess:
        """A Gaussian process through warped values y of sequences z, of those that are nearest to the first.

        Args:
            z: sequences, the best one first, as `written` gives them.
            y: warped values, of about unit variance.
            variance: of the noise of each y, as far as it is known; 0 is allowed.
        """
        letters = z[:, : self.length * self.tokens]
        near = (letters @ letters[0]).argsort(descending=True, stable=True)[:NEAREST]
        known = None if variance is None else variance[near]
        return fitted(Sites(letters[0], self.length), 1.0, z[near], y[near], known)


class Sites(Kernel):  # type: ignore[misc]  # gpytorch has no types
    """The covariance above.

    Args:
        best: the letters of b by place.
        length: L.
    """

    def __init__(self, best: Float[Tensor, " d"], length: int) -> None:
        super().__init__()
        self.best = best
        self.length = length
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
        (letters, anywhere), (others, elsewhere) = (x.tensor_split([len(self.best)], dim=-1) for x in (x1, x2))
        changed, different = self.changed(letters), self.changed(others)
        if diag:
            both, same = (changed * different).sum(-1), (letters * others).sum(-1)
            alike = similarity(anywhere.unsqueeze(-2), elsewhere.unsqueeze(-2)).flatten(-3)
        else:
            both, same, alike = changed @ different.mT, letters @ others.mT, similarity(anywhere, elsewhere)
        found: Tensor = self.weight("change") * both + self.weight("letter") * same + self.weight("rest") * alike
        return found

    def changed(self, letters: Float[Tensor, "*n d"]) -> Float[Tensor, "*n L"]:
        """1 for each place with another letter than b has, 0 for the same."""
        kept: Tensor = (letters * self.best).unflatten(-1, (self.length, -1)).sum(-1)
        return 1 - kept
