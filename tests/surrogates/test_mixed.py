"""A Gaussian process of numbers and categories against BoTorch's own, and its gradient by the columns."""

import statistics
from functools import partial

import pytest
import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP
from botorch.models.kernels.categorical import CategoricalKernel
from gpytorch.mlls import ExactMarginalLogLikelihood
from scipy.stats import spearmanr

from gdopt import Choice, Real, Space
from gdopt.codecs.box import BoxCodec
from gdopt.surrogates.mixed import Categories, fit
from tests.oracles import f64, seeded

SPACE = Space([Choice("a", ["1", "2", "3", "4"]), Real("x", 0, 1), Choice("b", ["u", "v", "w"])])
CODEC = BoxCodec(SPACE)
COLUMNS = [block.columns for block in CODEC.blocks]
APART = 24.0  # of ±√3 in two columns


def sample(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Levels by their number and x, and the same as z."""
    generator = seeded(seed)
    a, b = torch.randint(4, (n,), generator=generator), torch.randint(3, (n,), generator=generator)
    x = torch.rand(n, generator=generator, dtype=torch.float64)
    params = [{"a": "1234"[i], "x": float(v), "b": "uvw"[j]} for i, v, j in zip(a.tolist(), x, b.tolist(), strict=True)]
    return torch.stack([a.double(), x, b.double()], 1), CODEC.encode(params)


def values(rows: torch.Tensor) -> torch.Tensor:
    effect = f64([0.3, -1.0, 0.8, 0.1])[rows[:, 0].long()] * f64([1.0, -0.5, 0.4])[rows[:, 2].long()]
    return effect + (3 * rows[:, 1]).sin() * (rows[:, 2] == 1)


def test_at_levels_the_covariance_is_botorchs_of_level_numbers() -> None:
    rows, z = sample(12)
    ours, theirs = Categories(COLUMNS, APART), CategoricalKernel(ard_num_dims=2).double()
    ours.initialize(raw_scales=ours.raw_scales_constraint.inverse_transform(f64([0.4, 1.7])))
    theirs.lengthscale = f64([[0.4, 1.7]])
    expected = theirs(rows[:, [0, 2]]).to_dense()
    torch.testing.assert_close(ours(z).to_dense(), expected)
    torch.testing.assert_close(ours(z, diag=True), torch.ones(12, dtype=torch.float64))


def test_many_results_are_learned_to_a_twentieth_of_their_spread() -> None:
    rows, z = sample(60, seed=1)
    others, at = sample(200, seed=2)
    y, truth = values(rows), values(others)
    error = fit(COLUMNS, APART, z, (y - y.mean()) / y.std()).mean(at) * y.std() + y.mean() - truth
    assert error.square().mean().sqrt() < 0.05 * truth.std()


def test_a_small_screen_tells_more_than_to_botorchs_mixed_model() -> None:
    """24 yields of three choices of eight levels, whose effects are drawn at random and add up within a sigmoid."""
    choices = [Choice(name, list("12345678")) for name in "abc"]
    codec = BoxCodec(Space([*choices, Real("x", 0, 1)]))
    columns = [block.columns for block in codec.blocks]
    gains = []
    for seed in range(6):
        generator = seeded(seed)
        levels = torch.randint(8, (224, 3), generator=generator)
        x = torch.rand(224, generator=generator, dtype=torch.float64)
        effects = torch.randn(3, 8, generator=generator, dtype=torch.float64)
        y = torch.sigmoid(2 * (effects[torch.arange(3), levels].sum(1) - (2 * x - 1).square()))
        rows = torch.cat([levels.double(), x.unsqueeze(1)], 1)
        names = [[str(level + 1) for level in row] for row in levels.tolist()]
        z = codec.encode([{"a": a, "b": b, "c": c, "x": v} for (a, b, c), v in zip(names, x.tolist(), strict=True)])
        known, rest = slice(0, 24), slice(24, None)
        model = MixedSingleTaskGP(rows[known], y[known].unsqueeze(1), cat_dims=[0, 1, 2])
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        theirs = spearmanr(model.posterior(rows[rest]).mean.detach().squeeze(1), y[rest]).statistic
        ours = fit(columns, APART, z[known], (y[known] - y[known].mean()) / y[known].std()).mean(z[rest])
        gains.append(spearmanr(ours, y[rest]).statistic - theirs)
    assert statistics.median(gains) > 0


def test_the_mean_has_a_gradient_by_the_columns_of_a_category() -> None:
    rows, z = sample(40, seed=3)
    surrogate = fit(COLUMNS, APART, z, values(rows))
    at = z[0]
    step = 1e-5 * torch.eye(len(at), dtype=torch.float64)
    numeric = (surrogate.mean(at + step) - surrogate.mean(at - step)) / 2e-5
    torch.testing.assert_close(surrogate.gradient(at), numeric, atol=1e-5, rtol=1e-3)
    assert surrogate.gradient(at)[:4].abs().amax() > 0


def test_categories_alone_are_enough() -> None:
    codec = BoxCodec(Space([Choice("a", ["1", "2", "3"]), Choice("b", ["u", "v"])]))
    rows = [{"a": a, "b": b} for a in "123" for b in "uv"]
    y = f64([2.0, 1.0, 0.5, -0.5, -1.0, -2.0])
    surrogate = partial(fit, [block.columns for block in codec.blocks], APART)(codec.encode(rows), y)
    assert surrogate.mean(codec.encode(rows)).argsort().tolist() == pytest.approx(y.argsort().tolist())
