"""One problem by gdopt, by plain BoTorch, and by gdopt with BoTorch's model and acquisition function.

All have the same initial designs, budget and batch. The script prints the median over seeds of the best value, and the
CPU seconds of each proposed batch. Then it fits a prior to the designs of all these runs, without their values, and
BoTorch selects the first batch of another campaign from this prior.

python examples/compare_with_botorch.py [--budget 50] [--seeds 3] [--batch 4] [--steps 300]
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from statistics import mean, median
from typing import Any

import torch
from botorch.acquisition import qLogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from botorch.optim import optimize_acqf, optimize_acqf_discrete
from botorch.test_functions import Hartmann
from botorch.utils.sampling import draw_sobol_samples
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor

import gdopt
from gdopt.adapters.botorch import Box, guidance, prior_candidates, prior_generator, selection, surrogate

START = 10  # Sobol points that every method is given first
RESTARTS, RAW = 10, 512  # of optimize_acqf, as in BoTorch's tutorials

# The problem: six parameters between 0 and 1 and a value to maximize, whose optimum is 3.322.
SPACE = gdopt.Space.from_bounds([(0, 1)] * 6)
BOX = Box(SPACE)
HARTMANN = Hartmann(6, negate=True).double()


def measure(x: Tensor) -> Tensor:
    """The values of some designs, as a column."""
    values: Tensor = HARTMANN(x).unsqueeze(1)
    return values


def fitted(x: Tensor, y: Tensor) -> Model:
    """BoTorch's default model."""
    model = SingleTaskGP(x, y)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model


def improvement(model: Model, x: Tensor, y: Tensor) -> qLogExpectedImprovement:
    """Its acquisition function."""
    return qLogExpectedImprovement(model, best_f=y.max())


# From all designs, their values and the size of a batch to the next batch.
Propose = Callable[[Tensor, Tensor, int], Tensor]


def by_botorch(seed: int) -> Propose:
    """Plain BoTorch: fit, build, ascend."""
    torch.manual_seed(seed)

    def propose(x: Tensor, y: Tensor, batch: int) -> Tensor:
        acqf = improvement(fitted(x, y), x, y)
        found, _ = optimize_acqf(acqf, BOX.bounds, q=batch, num_restarts=RESTARTS, raw_samples=RAW, sequential=True)
        return found

    return propose


def by_gdopt(seed: int, **settings: Any) -> Propose:
    """gdopt: tell the study the results, and ask."""
    study = gdopt.Study(SPACE, direction="maximize", algorithm=gdopt.GuidedDiffusion(**settings), seed=seed)

    def propose(x: Tensor, y: Tensor, batch: int) -> Tensor:
        values = y.flatten().tolist()
        if study.pending:
            new = values[-len(study.pending) :]
            study.tell({trial.id: value for trial, value in zip(study.pending, new, strict=True)})
        else:
            for params, value in zip(BOX.decode(x), values, strict=True):
                study.add(params, value)
        return BOX.encode([trial.params for trial in study.ask(batch)])

    return propose


def by_both(seed: int) -> Propose:
    """gdopt with BoTorch's model as its surrogate, and BoTorch's acquisition function as guidance and selection."""
    tuning = gdopt.GuidedTuning(guidance=guidance(improvement))
    return by_gdopt(seed, surrogate=surrogate(fitted), selection=selection(improvement), tuning=tuning)


METHODS = {"gdopt": by_gdopt, "BoTorch": by_botorch, "gdopt with qLogEI": by_both}


def run(propose: Propose, seed: int, budget: int, batch: int) -> tuple[Tensor, float, float]:
    """All designs, the best value, and the CPU seconds of each batch."""
    x = draw_sobol_samples(BOX.bounds, START, 1, seed=seed).squeeze(1)
    y, seconds = measure(x), []
    while len(x) < budget:
        began = time.process_time()
        new = propose(x, y, min(batch, budget - len(x)))
        seconds.append(time.process_time() - began)
        x, y = torch.cat([x, new]), torch.cat([y, measure(new)])
    return x, float(y.max()), mean(seconds)


def next_batches(tried: Tensor, batch: int, steps: int) -> dict[str, float]:
    """The best value of BoTorch's first batch of another campaign, by the starting points of the optimizer.

    The prior is of what earlier campaigns tried, without its values. Still it knows of them: they had sought high ones.
    """
    prior = gdopt.DiffusionPrior.fit(tried, space=SPACE, steps=steps)
    x = draw_sobol_samples(BOX.bounds, START, 1, seed=len(tried)).squeeze(1)
    acqf = improvement(fitted(x, measure(x)), x, measure(x))
    torch.manual_seed(0)
    ascent = {"bounds": BOX.bounds, "q": batch, "num_restarts": RESTARTS, "raw_samples": RAW, "sequential": True}
    found = {
        "ascent from Sobol points": optimize_acqf(acqf, **ascent),
        "ascent from the prior": optimize_acqf(acqf, generator=prior_generator(prior), **ascent),
        "designs of the prior": optimize_acqf_discrete(acqf, q=batch, choices=prior_candidates(prior, RAW)),
    }
    return {name: float(measure(designs).max()) for name, (designs, _) in found.items()}


def main() -> None:
    """Print both tables."""
    parser = ArgumentParser(description="gdopt and BoTorch on Hartmann-6")
    for name, default in {"budget": 50, "seeds": 3, "batch": 4, "steps": 300}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    tried = []
    sys.stdout.write(f"{'method':<28}{'median best':>12}{'CPU s per ask':>16}\n")
    for name, method in METHODS.items():
        runs = [run(method(seed), seed, given.budget, given.batch) for seed in range(given.seeds)]
        tried += [x for x, _, _ in runs]
        best, seconds = median(best for _, best, _ in runs), mean(seconds for _, _, seconds in runs)
        sys.stdout.write(f"{name:<28}{best:>12.3f}{seconds:>16.2f}\n")
    sys.stdout.write(f"\n{'a first batch by qLogEI':<28}{'best':>12}\n")
    for name, best in next_batches(torch.cat(tried), given.batch, given.steps).items():
        sys.stdout.write(f"{name:<28}{best:>12.3f}\n")


if __name__ == "__main__":
    main()
