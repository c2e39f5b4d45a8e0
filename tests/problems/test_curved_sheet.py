"""The curved sheet: its corpus, its offset against the true distance, and its optimum."""

import numpy as np
import torch
from scipy.optimize import minimize

from gdopt.paper.moments import gaussian
from gdopt_problems import load
from gdopt_problems.curved_sheet import corpus, offset, sheet, value
from tests.oracles import normal


def nearest(x: torch.Tensor) -> float:
    """The distance of one design to the sheet, over all u: the best of several descents."""
    g = sheet()

    def squared(u: np.ndarray) -> float:
        return float(((x - g(torch.from_numpy(u).unsqueeze(0))[0]) ** 2).sum())

    own = (x @ g.along).numpy()
    starts = [own, *(own + normal(6, 4, seed=3).numpy())]
    return min(float(minimize(squared, start, method="BFGS").fun) for start in starts) ** 0.5


def test_the_corpus_lies_on_the_sheet_and_in_the_box() -> None:
    x, problem = torch.from_numpy(corpus()), load("curved_sheet")
    assert x.shape == (4000, 48)
    assert float(offset(x).max()) < 1e-12
    assert float(x.abs().max()) < problem.space.parameters[0].high  # type: ignore[union-attr]


def test_the_sheet_is_not_flat() -> None:
    spread = np.linalg.svd(corpus() - corpus().mean(axis=0), compute_uv=False) ** 2
    shares = spread.cumsum() / spread.sum()
    assert shares[3] < 0.75  # a plane of its own dimension
    assert shares[9] < 0.9


def test_the_offset_is_never_less_than_the_distance_and_of_its_size() -> None:
    g = sheet()
    x = g(normal(5, 4, seed=1)) + 0.05 * normal(5, 48, seed=2)
    for row, far in zip(x, offset(x).tolist(), strict=True):
        assert 0.5 * far < nearest(row) <= far + 1e-6


def test_the_offset_sees_designs_between_two_of_the_sheet() -> None:
    u = normal(20, 4, seed=4)
    middles = (sheet()(u) + sheet()(-u)) / 2
    assert float(offset(middles).median()) > 1


def test_the_optimum_is_at_the_best_u_and_outside_the_corpus() -> None:
    g = sheet()
    assert abs(float(value(g(g.best.unsqueeze(0))))) < 1e-12
    assert float(g.best.norm()) == 4 or abs(float(g.best.norm()) - 4) < 1e-12
    assert float(value(torch.from_numpy(corpus())).max()) < -2


def test_no_ascent_from_the_corpus_ends_above_the_optimum() -> None:
    x = torch.from_numpy(corpus()[:20].copy()).requires_grad_(True)
    optimizer = torch.optim.Adam([x], lr=0.02)
    for _ in range(1000):
        optimizer.zero_grad()
        (-value(x)).sum().backward()
        optimizer.step()
    assert -1.0 < float(value(x.detach()).max()) <= 0


def test_a_flat_model_of_the_corpus_leaves_the_sheet() -> None:
    x = torch.from_numpy(corpus())
    law = gaussian(x.mean(0), torch.cov(x.T))
    factor = torch.linalg.cholesky(law.cov + 1e-9 * torch.eye(48, dtype=torch.float64))
    flat = law.mean + normal(500, 48, seed=5) @ factor.T
    assert float(offset(flat).median()) > 1
