"""Surrogates of several outcomes as one, against normal distributions and the rules that its draws follow."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from gdopt.surrogates import gp
from gdopt.surrogates.multi_output import MultiOutputSurrogate
from gdopt.surrogates.outcome_transforms import bilog


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


Z = torch.linspace(-1, 1, 9, dtype=torch.float64).unsqueeze(1)
HERE = torch.tensor([[-0.9], [-0.1], [0.33], [0.8]], dtype=torch.float64)
# Higher to the right; a limit that holds on the left of 0 only, and one that holds everywhere.
RISING = gp.fit(Z, Z.flatten(), None)
FALLING = gp.fit(Z, -Z.flatten(), None)
LEFT = gp.fit(Z, Z.flatten() - 0.05, None)
ALWAYS = gp.fit(Z, Z.flatten() - 5.0, None)


def test_log_feasible_is_the_sum_of_normal_probabilities() -> None:
    found = MultiOutputSurrogate((RISING,), (LEFT, ALWAYS), n_feasible=9).log_feasible(HERE)
    expected = np.zeros(len(HERE))
    for one in (LEFT, ALWAYS):
        mean, variance = (part.detach().numpy() for part in one.predict(HERE))
        expected += norm.logcdf(0, mean, np.sqrt(variance))
    assert found.tolist() == pytest.approx(expected.tolist())


def test_log_feasible_has_a_gradient_towards_where_the_limit_holds() -> None:
    z = torch.tensor([[0.3]], dtype=torch.float64, requires_grad=True)
    MultiOutputSurrogate((RISING,), (LEFT,), n_feasible=9).log_feasible(z).sum().backward()
    assert z.grad is not None
    assert z.grad.item() < 0


def test_draws_that_break_a_limit_are_below_all_that_break_none_the_more_they_do() -> None:
    z = torch.cat([Z, HERE])
    values = MultiOutputSurrogate((RISING,), (LEFT,), n_feasible=9).sample_posterior(z, 16, 0.0, generator())
    # What is known of the limit is certain: its draws are those of the surrogate alone, but for a small spread.
    broken = z.flatten() > 0.1
    for row in values:
        assert row[broken].max() < row[z.flatten() < 0].min()
        assert (row[broken][z.flatten()[broken].argsort()].diff() < 0).all()


def test_the_best_draws_of_several_objectives_lie_all_along_the_front() -> None:
    joint = MultiOutputSurrogate((RISING, FALLING), reference_point=torch.tensor([-1.5, -1.5], dtype=torch.float64))
    best = joint.sample_posterior(Z, 64, 0.0, generator()).argmax(1)
    assert len(best.unique()) > len(Z) // 2


def test_the_incumbent_breaks_no_limit_unless_all_do() -> None:
    # As the belief sorts them: those that break nothing first.
    limited = gp.fit(Z.flip(0), torch.tensor([0.2, 0.1, 0.3, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0]).double(), None)
    assert MultiOutputSurrogate((limited,), (LEFT,), n_feasible=3).incumbent == pytest.approx(0.3)
    assert MultiOutputSurrogate((limited,), (LEFT,), n_feasible=0).incumbent == pytest.approx(9.0)


def test_promise_is_higher_where_the_limit_may_hold() -> None:
    found = MultiOutputSurrogate((RISING,), (LEFT,), n_feasible=9).upper_confidence_bound(HERE, 2.0)
    assert found.argmax().item() == 1
    assert found[2] > found[3]


def test_promise_of_several_objectives_is_highest_where_nothing_dominates() -> None:
    second = gp.fit(Z, -Z.flatten().square(), None)
    found = MultiOutputSurrogate(
        (RISING, second), reference_point=torch.tensor([-2.0, -2.0]).double()
    ).upper_confidence_bound(HERE, 0.0)
    # (-0.9, -0.81) is dominated by the next two, (-0.1, -0.01) and (0.33, -0.1), and by (0.8, -0.64).
    assert found.argmin().item() == 0
    assert (found[1:] > found[0]).all()


def test_sums_along_weights_have_the_mean_and_variance_of_independent_objectives() -> None:
    along = MultiOutputSurrogate((RISING, LEFT), reference_point=torch.zeros(2).double()).random_scalarization(
        4, generator()
    )
    (m1, v1), (m2, v2) = RISING.predict(HERE), LEFT.predict(HERE)
    mean, variance = along.predict(HERE)
    w = along.weights
    assert w.sum(1).tolist() == pytest.approx([1.0] * 4)
    assert torch.allclose(mean, w[:, 0] * m1 + w[:, 1] * m2)
    assert torch.allclose(variance, w[:, 0] ** 2 * v1 + w[:, 1] ** 2 * v2)


def test_bilog_keeps_0_the_sign_and_the_order() -> None:
    y = torch.tensor([-1000.0, -1.0, 0.0, 0.5, 2.0, 1e6], dtype=torch.float64)
    found = bilog(y)
    assert found[2] == 0
    assert (found.sign() == y.sign()).all()
    assert (found.diff() > 0).all()
