"""Theorem 3: Algorithm 2 reaches the optimum itself, in closed form and with a trained network, within its bound."""

import time
from dataclasses import dataclass

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import expected, sample
from gdopt.diffusion.training import fit
from gdopt.paper.first_order import FirstOrder
from gdopt.paper.moments import GaussianMoments, of_net
from gdopt.paper.rules import Finetune, ascent, frozen, newest, pooled, theorem_3, trained
from gdopt_problems.linear_subspace import optimum, regularized_optimum, subspace
from gdopt_problems.paper.cases import NOISE, Case, Table, cases, play, reward_of, trace
from gdopt_problems.paper.style import LINES, panels

__all__ = ["Pretrained", "bound_figure", "measure", "measure_bound", "pretrained", "rounds_figure"]

ROUNDS = 5
BATCH = 32  # of the closed forms: the public code's
STRENGTH = 0.05  # λ of the Algorithm 1 that it is compared with
COUNTS = (10, 32, 100, 316, 1000)  # K of the bound
GOALS = {"f1": 0.1, "f2": 0.15}  # how far from the optimum counts as there
# The network is fine-tuned on larger batches: to draw more samples asks for no gradient.
NETWORK_BATCH, NETWORK_STEPS = 1024, 200
REPLAYED = 8192  # designs of the pretraining data that are replayed
# Along g a batch keeps noise²/(noise² + g'Σg) of its variance: most of it, where the covariance is refitted to it.
REFIT_NOISE = 1.0
REPLAY = 0.02  # w_k0 of the pretraining data where the covariance is refitted
PRETRAINING_STEPS = 1500


@dataclass(frozen=True)
class Pretrained:
    """A network of the data.

    Args:
        law: of the network.
        corpus: what it was trained on.
        parameters: how many it has.
        seconds: CPU time of its training.
    """

    law: GaussianMoments
    corpus: Float[Tensor, "n D"]
    parameters: int
    seconds: float


def pretrained(latent: str, count: int = 65_536, steps: int = PRETRAINING_STEPS) -> Pretrained:
    """A network trained on designs without labels, preconditioned in their principal directions."""
    began = time.process_time()
    corpus = subspace(latent).draw(count, torch.Generator().manual_seed(0))
    mean = corpus.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(corpus.T, correction=0))
    varies = values > 1e-9 * values[-1]
    # Weights are in single precision, the directions in double: rounded ones would be left by 1e-8.
    net = network(mean, vectors[:, varies].contiguous(), values[varies].sqrt().float())
    net, _ = fit(net, corpus, torch.Generator().manual_seed(0), steps=steps)
    size = sum(p.numel() for p in net.net.parameters())
    return Pretrained(of_net(net), corpus, size, time.process_time() - began)


def measure() -> Table:
    """For every case: rounds of Algorithm 1, and of Algorithm 2 with each way to fine-tune.

    The mean moves and the covariance is frozen, both are pooled (closed forms of a linear score), or a network is
    trained on with replay.
    """
    net = pretrained("gaussian")
    found: Table = {}
    for case in cases():
        played: dict[str, Table] = {}
        for name, (algorithm, batch) in arms(case, net).items():
            began = time.process_time()
            curves = trace(case, play(algorithm, case, batch, ROUNDS))
            seconds = (time.process_time() - began) / ROUNDS
            played[name] = {**curves, **reached(case, curves), "cpu_seconds_a_round": seconds}
        first = played.pop("algorithm1")
        first["strength"] = STRENGTH
        first["regularized_optimum"] = reward_of(case, regularized_optimum(case.f, case.law, STRENGTH))
        best = {key: value for key, value in played["frozen"].items() if not isinstance(value, list)}
        played["network"] |= {"parameters": net.parameters, "pretraining_cpu_seconds": net.seconds}
        found[case.name] = {"optimum": case.optimum, "algorithm1": first, "algorithm2": {**best, **played}}
    return found


def arms(case: Case, net: Pretrained) -> dict[str, tuple[FirstOrder, int]]:
    """What is compared: the settings and the batch of each."""
    damping = STRENGTH / (STRENGTH + case.smoothness())
    newton = ascent(lambda law: 1 / case.smoothness(law))
    retrained = trained(newest(REPLAY), net.corpus[:REPLAYED], steps=NETWORK_STEPS)

    def tuned(law: GaussianMoments, finetune: Finetune, noise_std: float) -> FirstOrder:
        return FirstOrder(law, newton, finetune=finetune, noise_std=noise_std)

    return {
        "algorithm1": (FirstOrder(case.law, ascent(1 / STRENGTH), damping=damping), BATCH),
        "frozen": (tuned(case.law, frozen(newest(0.0)), NOISE), BATCH),
        "pooled": (tuned(case.law, pooled(newest(REPLAY)), REFIT_NOISE), NETWORK_BATCH),
        "network": (tuned(net.law, retrained, REFIT_NOISE), NETWORK_BATCH),
    }


def reached(case: Case, played: dict[str, list[float]]) -> Table:
    """After how many guided rounds f at the batch mean is there, and so gradients; the off-support ratio at the end."""
    goal = case.optimum - GOALS[case.name[:2]]
    there = next((k for k, value in enumerate(played["at_mean"]) if value >= goal), None)
    # Round k is guided by the gradients of rounds 0 ... k-1, one each.
    return {
        f"rounds_to_{goal:.4g}": there,
        "gradient_queries": there,
        "off_support_ratio": played["off_support"][-1],
    }


# --- the bound ---------------------------------------------------------------------------------------


def measure_bound() -> Table:
    """For every case, the gap f* - f(μ_K) with the settings of Theorem 3 for each K, and its bound."""
    return {
        case.name: {
            "rounds": list(COUNTS),
            "bound": [bound(case, count) for count in COUNTS],
            "gap": [gap(case, count, 1, infinite=True) for count in COUNTS],
            f"gap_of_batches_of_{BATCH}": [gap(case, count, BATCH, infinite=False) for count in COUNTS],
        }
        for case in cases()
    }


def gap(case: Case, count: int, batch: int, *, infinite: bool) -> float:
    """f* - f at the mean of the last batch of K rounds."""
    step, share = theorem_3(case.smoothness(), count)
    sampler = expected if infinite else sample
    algorithm = FirstOrder(case.law, ascent(step), finetune=frozen(newest(share)), noise_std=NOISE, sampler=sampler)
    last = play(algorithm, case, batch, count)[-1]
    return case.optimum - reward_of(case, last.samples.mean(0))


def bound(case: Case, count: int) -> float:
    """λ/2 |x* - μ|²_{Σ⁻¹} + (1 - λη)^K (f* - f(μ)) with λ = L log K/K and η = 1/(L + λ): Õ(1/K).

    f - λ/2 |x - μ|² is λ-strongly concave and (L + λ)-smooth in the metric of Σ⁻¹, so that gradient ascent with step
    η closes a share λη of its gap in every round; what λ costs at x* is the first term, and f is nowhere below it.
    """
    step, share = theorem_3(case.smoothness(), count)
    at = optimum(case.f, case.basis) - case.law.mean
    square = float(at @ torch.linalg.pinv(case.law.cov, hermitian=True) @ at)
    return share / step / 2 * square + (1 - share) ** count * (case.optimum - reward_of(case, case.law.mean))


# --- figures -----------------------------------------------------------------------------------------

NAMES = {
    "algorithm1": f"Algorithm 1, λ = {STRENGTH}",
    "frozen": "Algorithm 2, covariance frozen",
    "pooled": "Algorithm 2, moments pooled",
    "network": "Algorithm 2, network trained",
}


def rounds_figure(found: Table) -> Figure:
    """f at the batch mean against the round, and the two optima."""
    figure, axes = panels(len(found), "guided rounds, one gradient each", "f at the batch mean")
    for panel, (name, case) in zip(axes, found.items(), strict=True):
        curves = {"algorithm1": case["algorithm1"], **{k: case["algorithm2"][k] for k in list(NAMES)[1:]}}
        for line, (arm, label) in zip(LINES, NAMES.items(), strict=False):
            panel.plot(curves[arm]["at_mean"], **line, label=label)
        panel.axhline(case["optimum"], color="black", linewidth=1, label="optimum on the subspace")
        panel.axhline(
            case["algorithm1"]["regularized_optimum"],
            color="black", linestyle=":", linewidth=1, label=f"regularized optimum, λ = {STRENGTH}",
        )  # fmt: skip
        panel.set_title(name)
    axes[0].legend(fontsize="x-small")
    return figure


def bound_figure(found: Table) -> Figure:
    """The gap and its bound against K, on logarithmic axes."""
    figure, axes = panels(len(found), "rounds K", "f* - f(μ_K)")
    for panel, (name, case) in zip(axes, found.items(), strict=True):
        of = case["bound"]
        panel.loglog(of["rounds"], of["bound"], color="black", label="bound of Theorem 3")
        panel.loglog(of["rounds"], of["gap"], **LINES[0], label="infinite batches")
        panel.loglog(of["rounds"], of[f"gap_of_batches_of_{BATCH}"], **LINES[1], label=f"batches of {BATCH}")
        panel.set_title(name)
    axes[0].legend(fontsize="small")
    return figure
