"""Gradients of a black box: by a Gaussian process, a local linear model, and finite differences."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from gdopt.paper.first_order import FirstOrder
from gdopt.paper.gradients import finite_differences, local_linear
from gdopt.paper.rules import ascent, frozen, newest
from gdopt.surrogates import gp
from gdopt.surrogates.outcome_transforms import standardized
from gdopt_problems.paper.cases import NOISE, Case, Table, cases
from gdopt_problems.paper.style import LINES, panels

__all__ = ["figure", "measure"]

BATCH, BUDGET = 20, 200  # evaluations in a round, and at most
GOALS = {"f1": 0.5, "f2": 0.5}  # from the optimum: 9.5 on f1
SEEDS = 5
STEP = 0.1  # of finite differences, in standard deviations of the prior


@dataclass
class BlackBox:
    """A function that counts: all that was evaluated, in the prior's whitened coordinates.

    Args:
        case: whose reward it is.
    """

    case: Case
    z: list[Tensor] = field(default_factory=list)
    y: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        values, vectors = torch.linalg.eigh(self.case.law.cov)
        varies = values > 1e-9 * values[-1]
        self.root = vectors[:, varies] * values[varies].sqrt()
        self.inverse = vectors[:, varies] / values[varies].sqrt()

    def evaluate(self, x: Float[Tensor, "n D"]) -> Float[Tensor, " n"]:
        """f at each row."""
        self.z.append(self.whitened(x))
        self.y.append(self.case.f(x))
        return self.y[-1]

    def whitened(self, x: Float[Tensor, "n D"]) -> Float[Tensor, "n d"]:
        """z of x."""
        z: Tensor = (x - self.case.law.mean) @ self.inverse
        return z

    def designs(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n D"]:
        """x of z."""
        x: Tensor = self.case.law.mean + z @ self.root.T
        return x

    def best(self) -> list[float]:
        """The best value after each evaluation."""
        running: list[float] = torch.cat(self.y).cummax(0).values.tolist()
        return running


# The gradient in z at the batch's mean, from what was evaluated.
Source = Callable[[BlackBox, Tensor], Tensor]


def by_gp(box: BlackBox, at: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
    """The gradient of a Gaussian process' mean, its inputs centred where the gradient is asked."""
    z, y = torch.cat(box.z), torch.cat(box.y)
    near = (z - at).norm(dim=1).argsort()[:NEAREST]
    values = y[near]
    model = gp.fit(z[near] - at, standardized(values))
    return model.gradient(torch.zeros_like(at)) * values.std(correction=0)


NEAREST = 100  # values that the Gaussian process is fitted to


def by_plane(box: BlackBox, at: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
    """The slope of a plane through the values nearest to the point."""
    return local_linear(torch.cat(box.z), torch.cat(box.y), at)


def by_differences(box: BlackBox, at: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
    """Central differences along the prior's directions: 2d evaluations more."""
    return finite_differences(lambda z: box.evaluate(box.designs(z)), at, STEP)


# What each gradient needs evaluated of a batch: models learn from all of it, differences need only its mean.
SOURCES: dict[str, tuple[Source, int]] = {
    "gaussian process": (by_gp, BATCH),
    "local linear": (by_plane, BATCH),
    "finite differences": (by_differences, 1),
}


def measure() -> Table:
    """For every case and source of gradients: the best value by evaluations, and how many reach the goal."""
    return {case.name: {name: one(case, name) for name in SOURCES} for case in cases()}


def one(case: Case, name: str) -> Table:
    """Five seeds of one source on one case."""
    began = time.process_time()
    curves = [search(case, name, seed) for seed in range(SEEDS)]
    goal = case.optimum - GOALS[case.name[:2]]
    needed = [next((i + 1 for i, value in enumerate(curve) if value >= goal), None) for curve in curves]
    reached = [n for n in needed if n is not None]
    return {
        "goal": goal,
        "evaluations": needed,
        "median": median(reached) if len(reached) == SEEDS else None,
        "curves": curves,
        "cpu_seconds": (time.process_time() - began) / SEEDS,
    }


def search(case: Case, name: str, seed: int) -> list[float]:
    """The best value after each evaluation of Algorithm 2 with a frozen covariance, its gradient from a source."""
    source, evaluated = SOURCES[name]
    box = BlackBox(case)
    algorithm = FirstOrder(case.law, ascent(1 / case.smoothness()), finetune=frozen(newest(0.0)), noise_std=NOISE)
    state, generator = algorithm.init(), torch.Generator().manual_seed(seed)
    while sum(map(len, box.y)) < BUDGET:
        samples = algorithm.ask(state, BATCH, generator)
        anchor = algorithm.anchor(samples)
        box.evaluate(samples if evaluated > 1 else anchor)
        slope = source(box, box.whitened(anchor)[0])
        # The slope along the data: off the subspace a black box of designs says nothing, and look-ahead asks nothing.
        state = algorithm.tell(state, samples, (box.inverse @ slope).unsqueeze(0))
    return box.best()[:BUDGET]


def figure(found: Table) -> Figure:
    """The median best value over seeds against evaluations, and the goal."""
    drawn, axes = panels(len(found), "evaluations", "best f (median of 5 seeds)")
    for panel, (name, case) in zip(axes, found.items(), strict=True):
        for line, (source, one) in zip(LINES, case["black_box"].items(), strict=False):
            middle = torch.tensor(one["curves"]).median(0).values
            panel.plot(range(1, BUDGET + 1), middle, **{**line, "markevery": 20}, label=source)
        panel.axhline(one["goal"], color="black", linestyle=":", linewidth=1, label="goal")
        panel.set_title(name)
    axes[0].legend(fontsize="small")
    return drawn
