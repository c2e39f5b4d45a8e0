"""Theorem 1 and Proposition 1: what G and G_loss do to the structure of the data while the reward rises."""

from itertools import islice

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from gdopt.diffusion.guidance import lookahead, naive
from gdopt.diffusion.sampler import ddpm, sample
from gdopt.paper.first_order import FirstOrder, Guidance, rounds
from gdopt.paper.moments import GaussianMoments
from gdopt.paper.rules import ascent, frozen, increment, newest, per_sample
from gdopt_problems import unit_ball
from gdopt_problems.paper.cases import INCREMENTS, NOISE, Case, Table, cases, play, trace
from gdopt_problems.paper.fine_tuned import pretrained
from gdopt_problems.paper.style import LINES, panels

__all__ = ["measure", "measure_pareto", "pareto_figure", "rounds_figure"]

GUIDANCES: dict[str, Guidance] = {"G": naive, "G_loss": lookahead}
DELTAS = {"G": 0.9, "G_loss": INCREMENTS["f1_theta2"]}  # of f1/θ_2 in the public code's README
ROUNDS, BATCH = 30, 32
FINETUNED_ROUNDS = 5
# Fig. 11: δ from 0.02 to 0.52, batches of 256, 25 rounds.
BALL_DELTAS = tuple(round(0.02 + 0.05 * i, 2) for i in range(11))
BALL_BATCH, BALL_ROUNDS = 256, 25


def measure() -> Table:
    """Reward and off-support ratio over rounds on f1/θ_2: for the closed form and a network, Algorithm 1 and 2.

    The closed form has the Gaussian latent; the network is trained on data with the mixture latent.
    """
    net = pretrained("mixture")
    by_latent = {latent: {c.name: c for c in cases(latent)}["f1_theta2"] for latent in ("gaussian", "mixture")}
    laws = {
        "closed_form": (by_latent["gaussian"], by_latent["gaussian"].law),
        "network": (by_latent["mixture"], net.law),
    }
    found: Table = {"parameters": net.parameters, "pretraining_cpu_seconds": net.seconds}
    for kind, (case, law) in laws.items():
        found[kind] = {
            "algorithm1": {name: public(case, law, name) for name in GUIDANCES},
            "algorithm2": {name: finetuned(case, law, name) for name in GUIDANCES},
        }
    return found


def public(case: Case, law: GaussianMoments, name: str) -> dict[str, list[float]]:
    """Algorithm 1 in the public code's reading: a chain for each sample, y = g'z + δ, 200 ancestral steps."""
    algorithm = FirstOrder(
        law, increment(DELTAS[name]), guidance=GUIDANCES[name], anchor=per_sample, noise_std=NOISE, sampler=ddpm
    )
    return trace(case, play(algorithm, case, BATCH, ROUNDS))


def finetuned(case: Case, law: GaussianMoments, name: str) -> dict[str, list[float]]:
    """Algorithm 2 with a frozen covariance, one gradient a round."""
    step = 1 / case.smoothness(law)
    algorithm = FirstOrder(law, ascent(step), frozen(newest(0.0)), GUIDANCES[name], noise_std=NOISE)
    return trace(case, play(algorithm, case, BATCH, FINETUNED_ROUNDS))


def measure_pareto() -> Table:
    """For every δ and both guidances: reward and distance from the sphere after 25 rounds, by the closed-form denoiser.

    The posterior mean at a sampler's last level lies inside the sphere, guided or not: `unguided` says how far. What
    guidance adds to that is `moved`, the distance from where unguided draws end; `distance` has both, and they can
    cancel.
    """
    law, generator = unit_ball.law(), torch.Generator().manual_seed(0)
    radius = float(sample(law.denoiser, BALL_BATCH, law.mean, law.spread, generator).norm(dim=1).mean())
    return {"unguided": 1 - radius, **{name: front(name, radius) for name in GUIDANCES}}


def front(name: str, radius: float, batch: int = BALL_BATCH, count: int = BALL_ROUNDS) -> Table:
    """All values of δ side by side, as rows of one batch."""
    f = unit_ball.reward()
    delta = torch.tensor(BALL_DELTAS, dtype=torch.float64).repeat_interleave(batch)
    algorithm = FirstOrder(
        unit_ball.law(), increment(delta), guidance=GUIDANCES[name], anchor=per_sample, noise_std=NOISE
    )
    played = list(islice(rounds(algorithm, f.gradient, len(delta), torch.Generator().manual_seed(0)), count + 1))
    samples = played[-1].samples
    return {
        "delta": list(BALL_DELTAS),
        "reward": of_each(f(samples)),
        "distance": of_each(unit_ball.distance(samples)),
        "moved": of_each((samples.norm(dim=1) - radius).abs()),
        "reward_by_round": [of_each(f(r.samples)) for r in played],
    }


def of_each(values: Float[Tensor, " n"]) -> list[float]:
    """The mean of the rows of each δ."""
    means: list[float] = values.reshape(len(BALL_DELTAS), -1).mean(1).tolist()
    return means


def rounds_figure(found: Table) -> Figure:
    """Off-support ratio against reward, round by round."""
    figure, axes = panels(4, "mean f of the samples", "off-support ratio |x_off|/|x_on|")
    arms = [(kind, number) for kind in ("closed_form", "network") for number in ("algorithm1", "algorithm2")]
    for panel, (kind, number) in zip(axes, arms, strict=True):
        for line, (name, curve) in zip(LINES, found[kind][number].items(), strict=False):
            panel.semilogy(curve["of_samples"], curve["off_support"], **line, label=name)
        panel.set_title(f"{kind.replace('_', ' ')}, Algorithm {number[-1]}")
    axes[0].legend()
    return figure


SHOWN = (0.02, 0.27, 0.52)  # δ of the curves by round


def pareto_figure(found: Table) -> Figure:
    """Reward by round at three values of δ, and both fronts: distance from the sphere, and what guidance adds to it."""
    figure, axes = panels(3, "mean reward θ'x (1 at best)", "mean distance | |x| - 1 |")
    for line, name in zip(LINES, GUIDANCES, strict=False):
        front: Table = found[name]
        axes[0].semilogy(front["reward"], front["distance"], **line, label=name)
        axes[1].semilogy(front["reward"], front["moved"], **line, label=name)
        for i, delta in enumerate(BALL_DELTAS):
            if delta in SHOWN:
                curve = [row[i] for row in front["reward_by_round"]]
                axes[2].plot(curve, **{**line, "marker": ""}, label=name if delta == SHOWN[0] else None)
                axes[2].annotate(f"δ = {delta}", (BALL_ROUNDS, curve[-1]), fontsize="x-small", va="bottom", ha="right")
    axes[0].axhline(found["unguided"], color="black", linestyle=":", linewidth=1, label="unguided")
    axes[1].set_ylabel("moved by guidance")
    axes[2].set(xlabel="round", ylabel="mean reward θ'x")
    for panel in axes:
        panel.legend(fontsize="small")
    return figure
