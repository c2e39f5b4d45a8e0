"""The covariance about the best sequence against its formula, and what its Gaussian process learns of places."""

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from gdopt.surrogates import tanimoto
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.kmers import REACH, one_hot, pairs
from gdopt.surrogates.sequences import CHANGE, LETTER, NEAREST, REST, Lettered, Sites
from tests.oracles import seeded

LENGTH, TOKENS = 12, 6
# Of the places, those that matter, and what another letter costs there.
COSTS = torch.tensor([3.0, 0, 0, 2, 0, 1, 0, 0, 3, 0, 0, 0], dtype=torch.float64)


def drawn(n: int, seed: int) -> Tensor:
    return torch.randint(TOKENS, (n, LENGTH), generator=seeded(seed))


HOW = Lettered(LENGTH, TOKENS)


def kernel_about(best: Tensor) -> Sites:
    return Sites(one_hot(best.unsqueeze(0), TOKENS).flatten(), LENGTH)


def relatives(best: Tensor, n: int, seed: int) -> Tensor:
    """Copies of a sequence with a third of their letters drawn anew, itself first."""
    other = torch.where(torch.rand(n, LENGTH, generator=seeded(seed)) < 1 / 3, drawn(n, seed + 1), best)
    return torch.cat([best.unsqueeze(0), other])


def entry(x: Tensor, y: Tensor, best: Tensor) -> float:
    changed = sum(bool(a != b and c != b) for a, c, b in zip(x, y, best, strict=True))
    same = sum(bool(a == c) for a, c in zip(x, y, strict=True))
    ours, others = (
        {(d, a, b) for i, a in enumerate(s) for d, b in enumerate(s[i : i + REACH + 1])}
        for s in (x.tolist(), y.tolist())
    )
    return CHANGE * changed + LETTER * same + REST * len(ours & others) / len(ours | others)


def test_the_kernel_is_its_formula_entry_by_entry() -> None:
    x, y = relatives(drawn(1, 0)[0], 5, seed=1), drawn(4, 3)
    expected = np.array([[entry(a, b, x[0]) for b in y] for a in x])
    kernel = kernel_about(x[0])
    np.testing.assert_allclose(kernel(HOW.written(x), HOW.written(y)).to_dense().detach(), expected, rtol=1e-12)
    np.testing.assert_allclose(kernel(HOW.written(x), diag=True).detach(), [entry(a, a, x[0]) for a in x], rtol=1e-12)


def test_the_matrix_has_no_negative_eigenvalue() -> None:
    x = relatives(drawn(1, 0)[0], 40, seed=1)
    assert torch.linalg.eigvalsh(kernel_about(x[0])(HOW.written(x)).to_dense()).min() > -1e-10


def test_its_process_is_a_surrogate() -> None:
    fit: SurrogateFactory = HOW.fit
    x = relatives(drawn(1, 0)[0], 10, seed=1)
    assert isinstance(fit(HOW.written(x), -(x != x[0]).double().sum(1), None), Surrogate)


def test_places_that_matter_are_told_from_thirty_relatives() -> None:
    x = relatives(drawn(1, 5)[0], 30, seed=6)
    y = -((x != x[0]).double() @ COSTS)
    surrogate = HOW.fit(HOW.written(x), (y - y.mean()) / y.std())
    singles = x[0].expand(LENGTH, -1).where(~torch.eye(LENGTH, dtype=torch.bool), (x[0] + 1) % TOKENS)
    losses = surrogate.mean(HOW.written(x[:1])) - surrogate.mean(HOW.written(singles))
    assert losses[COSTS > 0].min() > losses[COSTS == 0].max()


def test_relatives_are_ranked_better_than_by_similarity_of_pairs() -> None:
    best = drawn(1, 7)[0]
    x, new = relatives(best, 60, seed=8), relatives(best, 200, seed=9)
    y = -((x != best).double() @ COSTS)
    y, truth = (y - y.mean()) / y.std(), -((new != best).double() @ COSTS)
    by_sites = HOW.fit(HOW.written(x), y).mean(HOW.written(new))
    by_pairs = tanimoto.fit(pairs(one_hot(x, TOKENS)), y).mean(pairs(one_hot(new, TOKENS)))
    assert spearmanr(by_sites, truth)[0] > 0.95 > spearmanr(by_pairs, truth)[0]


def test_only_the_nearest_are_learned_from() -> None:
    best = torch.zeros(LENGTH, dtype=torch.int64)
    near = relatives(best, NEAREST - 1, seed=1)
    far = torch.full((50, LENGTH), 5)
    x = torch.cat([near[:1], far, near[1:]])
    found = HOW.fit(HOW.written(x), -(x != best).double().sum(1))
    assert torch.equal(found.z.unique(dim=0), HOW.written(near).unique(dim=0))


def test_the_mean_has_the_gradient_of_small_changes_of_a_soft_design() -> None:
    x = relatives(drawn(1, 5)[0], 30, seed=6)
    surrogate = HOW.fit(HOW.written(x), -((x != x[0]).double() @ COSTS))
    at = torch.rand(1, LENGTH, TOKENS, generator=seeded(7), dtype=torch.float64).softmax(2).requires_grad_(True)
    (slope,) = torch.autograd.grad(surrogate.predict(HOW.softly(at))[0].sum(), at)
    way = torch.randn(at.shape, generator=seeded(8), dtype=torch.float64)
    ahead, behind = (surrogate.mean(HOW.softly(at.detach() + step * way)) for step in (1e-5, -1e-5))
    np.testing.assert_allclose((slope * way).sum(), (ahead - behind) / 2e-5, rtol=1e-5)
