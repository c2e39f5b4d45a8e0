"""Theorem 2: Algorithm 1 ends at the optimum that the prior regularizes, at the rate L/λ, and how that depends on λ."""

from itertools import pairwise

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gdopt.diffusion.sampler import Sampler, expected, sample
from gdopt.paper.first_order import FirstOrder
from gdopt.paper.rules import ascent, increment
from gdopt_problems.linear_subspace import regularized_optimum
from gdopt_problems.paper.cases import INCREMENTS, NOISE, Case, Table, cases, play, reward_of
from gdopt_problems.paper.style import LINES, panels

__all__ = ["contraction_figure", "measure", "path_figure"]

STRENGTHS = (0.01, 0.05, 0.2, 1.0)  # λ
PATH = tuple(float(v) for v in np.geomspace(1e-3, 10, 17))  # λ of the regularization path
RATIOS = (1.05, 1.5, 3.0)  # λ/L of the contraction
ROUNDS, BATCH = 20, 256
CONTRACTED = 12  # rounds over which the contraction is seen
LONG = 300  # rounds of the public code's target: its multiplier is 0.93 on f1/θ_2


def measure() -> Table:
    """For every case: the regularized optimum and what was found, the contraction, the path, the public target."""
    return {
        case.name: {
            "regularized": {f"{strength:g}": ends(case, strength) for strength in STRENGTHS},
            "contraction": {f"{ratio:g}": contraction(case, ratio) for ratio in RATIOS},
            "path": path(case),
            "public_target": public_target(case),
        }
        for case in cases()
    }


def damped(case: Case, strength: float, sampler: Sampler = sample) -> FirstOrder:
    """Algorithm 1 with the damping η = λ/(λ + L), which converges for every λ."""
    damping = strength / (strength + case.smoothness())
    return FirstOrder(case.law, ascent(1 / strength), damping=damping, noise_std=NOISE, sampler=sampler)


def ends(case: Case, strength: float) -> Table:
    """The closed form, where the mean of infinite batches ends, and where the mean of batches of 256 does.

    The error is |m - x*|/|x* - μ|. The last ten rounds of finite batches are averaged.
    """
    goal = regularized_optimum(case.f, case.law, strength)
    mean = play(damped(case, strength, sampler=expected), case, 1, ROUNDS)[-1].anchors[0]
    last = play(damped(case, strength), case, BATCH, ROUNDS)[-10:]
    batches = torch.stack([r.anchors[0] for r in last]).mean(0)
    return {
        "optimum": reward_of(case, goal),
        "found": reward_of(case, mean),
        "error": float((mean - goal).norm() / (goal - case.law.mean).norm()),
        "found_with_batches": reward_of(case, batches),
    }


def contraction(case: Case, ratio: float) -> Table:
    """The factor by which the undamped error falls in a round, and the curve of errors |m_k - x*|_{Σ⁻¹}.

    At most L/λ; equal to it for f1, whose curvature is the same everywhere.
    """
    strength = ratio * case.smoothness()
    goal = regularized_optimum(case.f, case.law, strength)
    algorithm = FirstOrder(case.law, ascent(1 / strength), noise_std=NOISE, sampler=expected)
    played = play(algorithm, case, 1, CONTRACTED)
    inverse = torch.linalg.pinv(case.law.cov, hermitian=True)
    errors = [length(r.anchors[0] - goal, inverse) for r in played]
    # Below a hundredth of the first error, the sampler's own error begins to show.
    seen = [b / a for a, b in pairwise(errors) if b > 1e-2 * errors[0]]
    return {"bound": 1 / ratio, "measured": max(seen), "errors": errors}


def length(x: Tensor, inverse: Tensor) -> float:
    """|x|_{Σ⁻¹}."""
    return float((x @ inverse @ x).clamp_min(0).sqrt())


def path(case: Case) -> Table:
    """f at the regularized optimum against λ: closed form and Algorithm 1."""
    closed = [reward_of(case, regularized_optimum(case.f, case.law, strength)) for strength in PATH]
    found = [
        reward_of(case, play(damped(case, strength, sampler=expected), case, 1, ROUNDS)[-1].anchors[0])
        for strength in PATH
    ]
    return {"strength": list(PATH), "optimum": closed, "found": found}


def public_target(case: Case) -> Table:
    """The public code's y = g'z + δ at the batch mean: where it ends, and the optimum of λ = noise²/δ."""
    delta = INCREMENTS[case.name]
    strength = NOISE**2 / delta
    algorithm = FirstOrder(case.law, increment(delta), noise_std=NOISE, sampler=expected)
    *_, before, last = (r.anchors[0] for r in play(algorithm, case, 1, LONG))
    swing = length(last - before, torch.linalg.pinv(case.law.cov, hermitian=True))
    return {
        "delta": delta,
        "strength": strength,
        "optimum": reward_of(case, regularized_optimum(case.f, case.law, strength)),
        "last": reward_of(case, last),
        "swing": swing,
    }


def path_figure(found: Table) -> Figure:
    """The regularization path of each case."""
    figure, axes = panels(len(found), "regularization λ", "f at the optimum found")
    for panel, (name, one) in zip(axes, found.items(), strict=True):
        of = one["path"]
        panel.semilogx(of["strength"], of["optimum"], color="black", label="argmax f - λ/2 |x - μ|²_Σ⁻¹")
        panel.semilogx(of["strength"], of["found"], "o", mfc="white", color="C0", label="Algorithm 1, 20 rounds")
        panel.set_title(name)
    axes[-1].legend(fontsize="small", loc="upper right")
    return figure


def contraction_figure(found: Table) -> Figure:
    """The error against the round, on a logarithmic axis, with the slope of L/λ."""
    figure, axes = panels(len(found), "round", "|m - x*|_Σ⁻¹ (prior standard deviations)")
    for panel, (name, one) in zip(axes, found.items(), strict=True):
        for line, (ratio, of) in zip(LINES, one["contraction"].items(), strict=False):
            errors = np.array(of["errors"])
            panel.semilogy(errors, **line, label=f"λ = {ratio} L")
            panel.semilogy(errors[0] * float(of["bound"]) ** np.arange(len(errors)), ":", color="0.4", linewidth=1)
        panel.set_title(name)
        panel.set_ylim(1e-4 * max(of["errors"]), 1e3 * max(of["errors"]))
    axes[0].legend(title="dotted: rate L/λ", fontsize="small", title_fontsize="small", loc="upper right")
    return figure
