"""One surrogate of all objectives and constrained outcomes."""

from dataclasses import dataclass, replace

import torch
from botorch.models.model import Model, ModelList
from botorch.utils.sampling import sample_simplex
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.surrogates.base import Surrogate, log_expected_improvement

__all__ = ["MultiOutputSurrogate", "RandomScalarization", "single_output"]

# The share of the sum in an augmented Chebyshev scalarization (Knowles 2006, "ParEGO").
AUGMENTED = 0.05


@dataclass(frozen=True)
class MultiOutputSurrogate:
    """Surrogates of all objectives and constrained outcomes, behind the interface of a surrogate of the first
    objective.

    Posterior samples are of the objective, penalized for constraint violation: an infeasible sample ranks below every
    feasible one, by its total violation (Eriksson and Poloczek 2021, "SCBO"). Of several objectives each sample has
    random weights.

    Args:
        objectives: higher is better, all over the same coordinates `transform_inputs(z)`; the first one has every
        design.
        constraints: of outcomes whose constraint holds at 0 and below.
        n_feasible: number of designs without a known violation: they are the first rows of z.
        reference_point: of several objectives, in their own units: the corner of the hypervolume.
    """

    objectives: tuple[Surrogate, ...]
    constraints: tuple[Surrogate, ...] = ()
    n_feasible: int = 0
    reference_point: Float[Tensor, " m"] | None = None

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.objectives) > 1

    @property
    def model(self) -> Model:
        """BoTorch's model of the first objective."""
        return self.objectives[0].model

    @property
    def models(self) -> Model:
        """BoTorch's model of all objectives, then all constrained outcomes: a `ModelList` if they are more than one."""
        every = [one.model for one in (*self.objectives, *self.constraints)]
        return every[0] if len(every) == 1 else ModelList(*every)

    @property
    def z(self) -> Float[Tensor, "n d"]:
        """The training inputs, best first."""
        return self.objectives[0].z

    @property
    def y(self) -> Float[Tensor, " n"]:
        """The transformed values of the first objective at z."""
        return self.objectives[0].y

    @property
    def incumbent(self) -> float:
        """The best value of the first objective without a known violation; the best of all, if all violate."""
        known = self.n_feasible if self.constraints and self.n_feasible else len(self.y)
        return float(self.y[:known].amax())

    def transform_inputs(self, z: Tensor, /) -> Tensor:
        """The models' own coordinates of rows of z."""
        return self.objectives[0].transform_inputs(z)

    def predict(self, z: Float[Tensor, "m d"]) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
        """Mean and variance of the first objective at each row of z."""
        return self.objectives[0].predict(z)

    def mean(self, z: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """The mean of the first objective at each row of z."""
        return self.objectives[0].mean(z)

    def condition_on_observations(self, z: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> "MultiOutputSurrogate":
        """The surrogate with further observations of the first objective; hyperparameters stay."""
        first, *others = self.objectives
        return replace(self, objectives=(first.condition_on_observations(z, y), *others))

    def log_feasible(self, z: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """log P(all constraints hold) at each row, outcomes taken as independent; 0 without any; differentiable."""
        total = z.new_zeros(len(z))
        for one in self.constraints:
            mean, variance = one.predict(z)
            total = total + torch.special.log_ndtr(-mean / variance.sqrt())
        return total

    def log_gain(self, z: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """log E[improvement of the first objective; all constraints hold] at each row of z; differentiable.

        While every known design violates a constraint, there is nothing to improve on: log P(all constraints hold).
        """
        if not self.n_feasible:
            return self.log_feasible(z)
        return log_expected_improvement(*self.predict(z), self.incumbent) + self.log_feasible(z)

    def sample_posterior(
        self, z: Float[Tensor, "m d"], draws: int, spread: float, generator: torch.Generator
    ) -> Float[Tensor, "draws m"]:
        """Joint posterior samples at the rows of z, their deviations from the mean multiplied by `spread`."""
        each = torch.stack([one.sample_posterior(z, draws, spread, generator) for one in self.objectives], -1)
        values = self._scalarized(each, generator) if self.several else each.squeeze(-1)
        if not self.constraints:
            return values
        # At full deviation: designs that may be feasible are tried.
        violation = torch.stack([one.sample_posterior(z, draws, 1.0, generator) for one in self.constraints])
        total = violation.clamp_min(0).sum(0)
        return torch.where(total > 0, values.amin(1, keepdim=True) - total, values)

    def upper_confidence_bound(self, z: Float[Tensor, "m d"], bound: float) -> Float[Tensor, " m"]:
        """The upper confidence bound of each row, mean + `bound` standard deviations: comparable among these rows only.

        Rows that violate a constraint even at its lower bound rank after all others. Of several objectives: minus the
        number of rows that dominate the row's bounds.
        """
        with torch.no_grad():
            moments = [one.predict(z) for one in self.objectives]
            upper = torch.stack([mean + bound * variance.sqrt() for mean, variance in moments], -1)
            values = -_dominating(upper) if self.several else upper.squeeze(-1)
            violation = self.violation(z, bound)
        return torch.where(violation > 0, values.amin() - violation, values)

    def violation(self, z: Float[Tensor, "m d"], bound: float) -> Float[Tensor, " m"]:
        """The total violation of each row at mean - `bound` standard deviations; 0 where all may hold."""
        total = z.new_zeros(len(z))
        with torch.no_grad():
            for mean, variance in (one.predict(z) for one in self.constraints):
                total = total + (mean - bound * variance.sqrt()).clamp_min(0)
        return total

    def random_scalarization(self, n: int, generator: torch.Generator) -> "RandomScalarization":
        """The first objective for each of n rows; of several, a weighted sum with random weights for each row."""
        m = len(self.objectives)
        if not self.several:
            return RandomScalarization(self, torch.ones(n, 1, dtype=torch.float64))
        seed = int(torch.randint(2**31, (1,), generator=generator))
        return RandomScalarization(self, sample_simplex(m, n, seed=seed, dtype=torch.float64))

    def _scalarized(self, each: Float[Tensor, "draws m k"], generator: torch.Generator) -> Float[Tensor, "draws m"]:
        """Augmented Chebyshev scalarizations, with weights of its own for each draw."""
        assert self.reference_point is not None
        weights = -torch.log(torch.rand(len(each), 1, each.shape[-1], generator=generator, dtype=each.dtype))
        weights = weights / weights.sum(-1, keepdim=True)
        terms = (each - self.reference_point) / weights.clamp_min(torch.finfo(each.dtype).eps)
        # By the least of gap/weight, equal weights lead to the middle of the front, and others along the front.
        return terms.amin(-1) + AUGMENTED * terms.mean(-1)


def single_output(surrogate: Surrogate) -> MultiOutputSurrogate:
    """The surrogate of one objective without constraints."""
    return MultiOutputSurrogate((surrogate,), n_feasible=len(surrogate.y))


@dataclass(frozen=True)
class RandomScalarization:
    """Predictions of weighted sums of objectives, with weights for each row.

    Args:
        surrogate: of the objectives.
        weights: of each row, with sum 1.
    """

    surrogate: MultiOutputSurrogate
    weights: Float[Tensor, "n m"]

    @property
    def incumbent(self) -> Float[Tensor, " n"]:
        """The best value of each row's sum among designs without a known violation."""
        surrogate = self.surrogate
        if not surrogate.several:
            return torch.full((len(self.weights),), surrogate.incumbent)
        known = surrogate.z[: surrogate.n_feasible or len(surrogate.z)]
        means = torch.stack([one.mean(known) for one in surrogate.objectives], -1)
        return (self.weights @ means.T).amax(1)

    def rows(self, rows: Int[Tensor, " k"]) -> "RandomScalarization":
        """The same for some of the rows, in their order, with repetitions."""
        return replace(self, weights=self.weights[rows])

    def predict(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Mean and variance of each row's sum at the row of z, objectives taken as independent."""
        if not self.surrogate.several:
            return self.surrogate.predict(z)
        moments = [one.predict(z) for one in self.surrogate.objectives]
        means, variances = (torch.stack(part, -1) for part in zip(*moments, strict=True))
        return (self.weights * means).sum(-1), (self.weights.square() * variances).sum(-1)


def _dominating(values: Float[Tensor, "n m"]) -> Float[Tensor, " n"]:
    """How many rows dominate each row."""
    better = (values.unsqueeze(1) >= values.unsqueeze(0)).all(-1) & (values.unsqueeze(1) > values.unsqueeze(0)).any(-1)
    return better.sum(0).to(values)
