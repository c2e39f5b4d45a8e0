"""Several surrogates as one: of the objectives, and of the outcomes that have limits."""

from dataclasses import dataclass, replace

import torch
from botorch.models.model import Model, ModelList
from botorch.utils.sampling import sample_simplex
from jaxtyping import Float, Int
from torch import Tensor

from gdopt.surrogates.base import Surrogate, log_expected_improvement

__all__ = ["MultiOutputSurrogate", "RandomScalarization"]

# The share of the sum in an augmented Chebyshev scalarization (Knowles 2006, "ParEGO").
AUGMENTED = 0.05


@dataclass(frozen=True)
class MultiOutputSurrogate:
    """What is believed of all objectives and limited outcomes; as a surrogate, of the first objective.

    Its draws are of what is wanted: where a draw breaks a limit it is below all that breaks none, the lower the more it
    does (Eriksson and Poloczek 2021, "SCBO"); of several objectives each draw has random weights.

    Args:
        objectives: higher is better, of one set of coordinates `inputs(z)`; the first one's z has every design.
        limits: of outcomes at most 0 where the limit holds.
        feasible: so many of the first one's designs, the first ones, are not known to break a limit.
        reference: of several objectives, in their own units: what the hypervolume is measured from.
    """

    objectives: tuple[Surrogate, ...]
    limits: tuple[Surrogate, ...] = ()
    feasible: int = 0
    reference: Float[Tensor, " m"] | None = None

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.objectives) > 1

    @property
    def model(self) -> Model:
        """BoTorch's model of the first objective."""
        return self.objectives[0].model

    @property
    def models(self) -> ModelList:
        """BoTorch's model of all objectives, then of all limited outcomes."""
        return ModelList(*(one.model for one in (*self.objectives, *self.limits)))

    @property
    def z(self) -> Float[Tensor, "n d"]:
        """Where values are known, the best first."""
        return self.objectives[0].z

    @property
    def y(self) -> Float[Tensor, " n"]:
        """The first objective's warped values there."""
        return self.objectives[0].y

    @property
    def incumbent(self) -> float:
        """The first objective's best value that is not known to break a limit; the best of all, if all do."""
        return float(self.y[: self.feasible or len(self.y)].amax())

    def inputs(self, z: Tensor, /) -> Tensor:
        """The models' own coordinates of rows of z."""
        return self.objectives[0].inputs(z)

    def predict(self, z: Float[Tensor, "m d"]) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
        """Mean and variance of the first objective at each row of z."""
        return self.objectives[0].predict(z)

    def mean(self, z: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """The mean of the first objective at each row of z."""
        return self.objectives[0].mean(z)

    def given(self, z: Float[Tensor, "m d"], y: Float[Tensor, " m"]) -> "MultiOutputSurrogate":
        """The surrogate that has learned these values of the first objective too."""
        first, *others = self.objectives
        return replace(self, objectives=(first.given(z, y), *others))

    def log_feasible(self, z: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """log P(all limits hold) at each row of z, outcomes taken for independent; differentiable."""
        total = z.new_zeros(len(z))
        for one in self.limits:
            mean, variance = one.predict(z)
            total = total + torch.special.log_ndtr(-mean / variance.sqrt())
        return total

    def log_gain(self, z: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """log E[improvement of the first objective; all limits hold] at each row of z; differentiable.

        As long as all that is known breaks a limit there is nothing to improve on: then log P(all limits hold).
        """
        if not self.feasible:
            return self.log_feasible(z)
        return log_expected_improvement(*self.predict(z), self.incumbent) + self.log_feasible(z)

    def draw(
        self, z: Float[Tensor, "m d"], draws: int, spread: float, generator: torch.Generator
    ) -> Float[Tensor, "draws m"]:
        """Joint draws of what is wanted at the rows of z, their deviations from the mean multiplied by `spread`."""
        each = torch.stack([one.draw(z, draws, spread, generator) for one in self.objectives], -1)
        values = each.squeeze(-1) if not self.several else self._scalarized(each, generator)
        if not self.limits:
            return values
        # Limits at their full spread: what may hold is tried.
        broken = sum(one.draw(z, draws, 1.0, generator).clamp_min(0) for one in self.limits)
        assert isinstance(broken, Tensor)
        return torch.where(broken > 0, values.amin(1, keepdim=True) - broken, values)

    def promise(self, z: Float[Tensor, "m d"], bound: float) -> Float[Tensor, " m"]:
        """Upper bounds of what is wanted, mean + bound deviations: comparable among these rows only.

        Where a limit is broken even at its lower bound, a row comes after all others. Of several objectives, less the
        number of rows that dominate a row's bounds.
        """
        with torch.no_grad():
            moments = [one.predict(z) for one in self.objectives]
            upper = torch.stack([mean + bound * variance.sqrt() for mean, variance in moments], -1)
            values = upper.squeeze(-1) if not self.several else -_dominating(upper)
            broken = self.broken(z, bound)
        return torch.where(broken > 0, values.amin() - broken, values)

    def broken(self, z: Float[Tensor, "m d"], bound: float) -> Float[Tensor, " m"]:
        """By how much each row breaks limits at the least, mean - bound deviations, summed; 0 where all may hold."""
        total = z.new_zeros(len(z))
        with torch.no_grad():
            for mean, variance in (one.predict(z) for one in self.limits):
                total = total + (mean - bound * variance.sqrt()).clamp_min(0)
        return total

    def along(self, n: int, generator: torch.Generator) -> "RandomScalarization":
        """The first objective for each of n rows; of several, a sum of them with random weights for each row."""
        m = len(self.objectives)
        weights = sample_simplex(m, n, seed=int(torch.randint(2**31, (1,), generator=generator)), dtype=torch.float64)
        return RandomScalarization(self, weights if self.several else torch.ones(n, 1, dtype=torch.float64))

    def _scalarized(self, each: Float[Tensor, "draws m k"], generator: torch.Generator) -> Float[Tensor, "draws m"]:
        """Augmented Chebyshev scalarizations, with weights of its own for each draw."""
        assert self.reference is not None
        weights = -torch.log(torch.rand(len(each), 1, each.shape[-1], generator=generator, dtype=each.dtype))
        weights = weights / weights.sum(-1, keepdim=True)
        terms = (each - self.reference) / weights.clamp_min(torch.finfo(each.dtype).eps)
        # By the least of gap/weight the draws with equal weights go to the front's middle, others along it.
        return terms.amin(-1) + AUGMENTED * terms.mean(-1)


@dataclass(frozen=True)
class RandomScalarization:
    """Predictions of weighted sums of a joint's objectives, with weights for each row.

    Args:
        joint: of the objectives.
        weights: of each row, summing to 1.
    """

    joint: MultiOutputSurrogate
    weights: Float[Tensor, "n m"]

    @property
    def incumbent(self) -> Float[Tensor, " n"]:
        """The best of each row's sum among the designs that are not known to break a limit."""
        joint = self.joint
        if not joint.several:
            return torch.full((len(self.weights),), joint.incumbent, dtype=torch.float64)
        known = joint.z[: joint.feasible or len(joint.z)]
        means = torch.stack([one.mean(known) for one in joint.objectives], -1)
        return (self.weights @ means.T).amax(1)

    def rows(self, rows: Int[Tensor, " k"]) -> "RandomScalarization":
        """The same of some of the rows, in their order, each as often as it is named."""
        return replace(self, weights=self.weights[rows])

    def predict(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Mean and variance of each row's sum at the row of z, the objectives taken for independent."""
        moments = [one.predict(z) for one in self.joint.objectives]
        means, variances = (torch.stack(part, -1) for part in zip(*moments, strict=True))
        return (self.weights * means).sum(-1), (self.weights.square() * variances).sum(-1)


def _dominating(values: Float[Tensor, "n m"]) -> Float[Tensor, " n"]:
    """How many rows dominate each row."""
    better = (values.unsqueeze(1) >= values.unsqueeze(0)).all(-1) & (values.unsqueeze(1) > values.unsqueeze(0)).any(-1)
    return better.sum(0).to(values)
