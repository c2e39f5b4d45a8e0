"""The public code's reading of Algorithm 1, run in gdopt, beside what the public code itself does.

The code is that of the paper's authors, github.com/yukang123/GGDMOptim. Its settings and results were read and
measured there; none of it is used here.
"""

import time
from functools import partial

from matplotlib.figure import Figure

from gdopt.diffusion.guidance import lookahead, white
from gdopt.diffusion.sampler import ddpm
from gdopt.paper.first_order import FirstOrder
from gdopt.paper.rules import increment, per_sample
from gdopt_problems.paper.cases import INCREMENTS, NOISE, Case, Table, cases, play, trace
from gdopt_problems.paper.style import LINES, panels

__all__ = ["CURVE", "PUBLIC", "curve_figure", "measure", "public_reading"]

# The public code's mean reward on f1/θ_2 at rounds, with δ = 0.2.
CURVE = {0: 1.1, 5: 2.1, 10: 2.8, 20: 4.1, 50: 5.7, 100: 5.9}
MANY = 512  # chains of the curve: 16 runs of the public code's 32, which do not know of each other
# Of each case: as many chains for as many rounds as show where it leads.
CHAINS, ROUNDS = 32, 200
# Where its rule leads with an exact score, what its network costs, and how it is set.
PUBLIC: Table = {
    "reward": {"f1_theta1": 7.0, "f1_theta2": 5.911, "f2_b1": -9.13, "f2_b2": -10.28},
    "optimum": {"f1_theta1": 10.0, "f1_theta2": 10.0, "f2_b1": -7.371, "f2_b2": -9.307},
    "off_support_ratio": 1e-2,
    "rounds": 1000,
    "gradient_queries_a_round": 32,
    "seconds_a_round": 80.0,  # CPU; 4.6 on one A100
    "parameters": 14_861_569,
    "pretraining": "20 epochs of 65,536 designs in batches of 32 (40,960 steps) on one A100; time not published",
    "sampler_steps": 200,
}


def public_reading(case: Case) -> FirstOrder:
    """Algorithm 1 as the public code runs it: per-sample chains, y = g'z + δ, its β, 200 ancestral steps."""
    return FirstOrder(
        case.law,
        increment(INCREMENTS[case.name]),
        guidance=partial(lookahead, variance=white),
        anchor=per_sample,
        noise_std=NOISE,
        sampler=ddpm,
    )


def measure() -> Table:
    """The curve of the public reading on f1/θ_2, how far it is from the public code's, and where all four cases end."""
    case = {c.name: c for c in cases()}["f1_theta2"]
    played = trace(case, play(public_reading(case), case, MANY, max(CURVE)))
    began = time.process_time()
    ends = {c.name: trace(c, play(public_reading(c), c, CHAINS, ROUNDS))["of_samples"][-1] for c in cases()}
    seconds = (time.process_time() - began) / ROUNDS / len(ends)
    found = {k: played["of_samples"][k] for k in CURVE}
    return {
        "curve": found,
        "published": CURVE,
        "largest_difference": max(abs(found[k] - CURVE[k]) for k in CURVE),
        "of_samples": played["of_samples"],
        "off_support_ratio": played["off_support"][-1],
        "cpu_seconds_a_round": seconds,
        "ends": ends,
    }


def curve_figure(found: Table) -> Figure:
    """The mean reward against the round: gdopt in the public reading, and the public code."""
    figure, axes = panels(1, "round", "mean f1 of the samples")
    axes[0].plot(found["of_samples"], color="black", label=f"gdopt, public reading, {MANY} chains")
    axes[0].plot(list(CURVE), list(CURVE.values()), **{**LINES[1], "linestyle": "none"}, label="public code, 32 chains")
    axes[0].legend(fontsize="small")
    return figure
