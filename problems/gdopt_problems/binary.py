"""Two problems of many binary parameters, from BoTorch's formulas.

* `ackley_mixed53`: Ackley's function of 50 binary and 3 continuous parameters, with its optimizer at a random point.
* `labs50`: 50 signs whose sequence is to look like noise. The value (maximized) is the merit factor n²/(2E), E the sum
  of the squared autocorrelations at all lags but 0; the best of 50 signs is known by exhaustive search.

The binaries are `Integer` on 0 and 1, as BoTorch has them: what goes into a distance or a product is a number, and two
levels in a row are in order whichever comes first. As a `Choice` each would have two columns that say the same.
"""

from functools import cache

import torch
from botorch.test_functions.synthetic import AckleyMixed, Labs  # which botorch.test_functions does not export

from gdopt.bench.problem import Problem
from gdopt.space.parameters import Integer, Real
from gdopt.space.space import Space
from gdopt_problems.designs import rowwise
from gdopt_problems.synthetic import by_botorch

__all__ = ["ackley", "problem"]

BINARIES = 50
ACKLEY_SEED = 0  # of the optimizer
LEAST_ENERGY = 153  # of 50 signs: Packebusch and Mertens 2016


@cache
def problem(name: str) -> Problem:
    """The problem of that name."""
    return {"ackley_mixed53": ackley_mixed, "labs50": labs}[name]()


@cache
def ackley() -> AckleyMixed:
    """BoTorch's function, whose optimizer it draws from torch's global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(ACKLEY_SEED)
        return AckleyMixed(dim=BINARIES + 3, randomize_optimum=True)


def ackley_mixed() -> Problem:
    """Ackley's function of the distances from a random corner and a random point of the unit cube."""
    space = Space([Integer(f"b{i:02d}", 0, 1) for i in range(BINARIES)] + [Real(f"x{i}", 0.0, 1.0) for i in range(3)])
    return Problem(
        name="ackley_mixed53",
        space=space,
        evaluate=rowwise(space, by_botorch(ackley())),
        direction="minimize",
        optimum=0.0,
        best_known=0.0,
        start=40,
        budget=400,
        batch=20,
        source="Daulton et al. 2022, arXiv 2210.10199; botorch.test_functions",
    )


def labs() -> Problem:
    """The merit factor of 50 signs, 0 for minus."""
    space = Space([Integer(f"s{i:02d}", 0, 1) for i in range(BINARIES)])
    optimum = BINARIES**2 / (2 * LEAST_ENERGY)
    return Problem(
        name="labs50",
        space=space,
        evaluate=rowwise(space, by_botorch(Labs(dim=BINARIES))),
        direction="maximize",
        optimum=optimum,
        best_known=optimum,
        start=40,
        budget=400,
        batch=20,
        source="Packebusch and Mertens 2016, arXiv 1512.02475; botorch.test_functions",
    )
