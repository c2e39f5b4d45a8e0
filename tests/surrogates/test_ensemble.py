"""The ensemble of networks against PyTorch's own layers, and what it has to know and not to know of functions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from botorch.sampling.index_sampler import IndexSampler
from scipy.stats import spearmanr
from torch import Tensor, nn

from gdopt.acquisition.noisy_ei import sequential_greedy
from gdopt.acquisition.thompson import thompson_sampling
from gdopt.algorithms.guided import GuidedDiffusion
from gdopt.space.parameters import Real
from gdopt.space.space import Space
from gdopt.study.study import Study
from gdopt.surrogates import ensemble
from gdopt.surrogates.base import Surrogate, SurrogateFactory
from gdopt.surrogates.ensemble import MEMBERS, Ensemble
from gdopt.surrogates.multi_output import single_output
from tests.oracles import normal, seeded


def wave(z: Tensor) -> Tensor:
    """Smooth, of about unit variance, and of the first two columns only."""
    return (1.5 * z[:, 0]).sin() - 0.7 * z[:, 1]


Z, AT = normal(80, 4, seed=0), normal(100, 4, seed=1)
Y = wave(Z)


@pytest.fixture(scope="module")
def fitted() -> Ensemble:
    return ensemble.fit(Z, Y)


def members(surrogate: Ensemble, z: Tensor) -> Tensor:
    """Members x rows, each network built of PyTorch's layers."""
    x = ((z - Z.mean(0)) / Z.std(0, correction=0)).float()
    values = []
    for member in range(MEMBERS):
        net: list[nn.Module] = []
        for weight, bias in zip(surrogate.model.layers, surrogate.model.biases, strict=True):
            layer = nn.Linear(*weight.shape[1:])
            layer.weight, layer.bias = nn.Parameter(weight[member].T), nn.Parameter(bias[member, 0])
            net += [layer, nn.SiLU()]
        values.append(nn.Sequential(*net[:-1])(x).squeeze(-1).detach().double())
    return torch.stack(values)


def test_mean_and_variance_are_those_of_networks_one_by_one(fitted: Ensemble) -> None:
    alone, (mean, variance) = members(fitted, AT).numpy(), fitted.predict(AT)
    np.testing.assert_allclose(mean, alone.mean(0), atol=1e-5)
    np.testing.assert_allclose(variance, alone.var(0, ddof=1), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fitted.mean(AT), alone.mean(0), atol=1e-5)


def test_batches_of_rows_are_the_rows_one_batch_after_the_other(fitted: Ensemble) -> None:
    together = fitted.model.posterior(fitted.transform_inputs(AT.reshape(5, 4, 5, 4)))
    np.testing.assert_allclose(together.mean.flatten(), fitted.mean(AT), atol=1e-6)
    assert together.values.shape == (5, 4, MEMBERS, 5, 1)


def test_a_smooth_function_is_recovered_on_rows_that_were_held_out(fitted: Ensemble) -> None:
    assert np.corrcoef(fitted.mean(AT), wave(AT))[0, 1] > 0.95


def test_told_values_are_followed(fitted: Ensemble) -> None:
    assert float((fitted.mean(Z) - Y).square().mean()) < 0.01


def test_members_disagree_more_the_farther_the_data_are(fitted: Ensemble) -> None:
    spreads = [float(fitted.predict(z)[1].sqrt().mean()) for z in (Z, AT, 3 * AT)]
    assert 2 * spreads[0] < spreads[1]
    assert 4 * spreads[1] < spreads[2]


def test_where_members_disagree_more_errors_are_larger(fitted: Ensemble) -> None:
    z = 1.5 * normal(500, 4, seed=2)
    mean, variance = fitted.predict(z)
    assert spearmanr(variance, (mean - wave(z)).abs())[0] > 0.3


def test_predictions_can_be_differentiated(fitted: Ensemble) -> None:
    at = AT[:3].clone().requires_grad_(True)
    for k, moment in enumerate(("mean", "variance")):
        (found,) = torch.autograd.grad(fitted.predict(at)[k].sum(), at)
        step = 1e-2  # the networks are in float32
        for column, along in enumerate(step * torch.eye(4).double()):
            ahead, behind = (fitted.predict(AT[:3] + sign * along)[k] for sign in (1, -1))
            np.testing.assert_allclose(
                found[:, column], (ahead - behind) / (2 * step), atol=3e-3, rtol=2e-2, err_msg=moment
            )


def test_each_draw_is_a_member_and_all_are_drawn_before_one_is_again(fitted: Ensemble) -> None:
    alone, found = members(fitted, AT), fitted.sample_posterior(AT, MEMBERS + 3, 1.0, seeded())
    nearest = torch.cdist(found, alone)
    assert float(nearest.amin(1).amax()) < 1e-3
    first, again = nearest.argmin(1).split([MEMBERS, 3])
    assert len(set(first.tolist())) == MEMBERS
    assert len(set(again.tolist())) == 3


def test_draws_at_half_of_the_spread_are_half_as_far_from_the_mean(fitted: Ensemble) -> None:
    mean = members(fitted, AT).mean(0)
    whole, half = (fitted.sample_posterior(AT, 4, spread, seeded()) - mean for spread in (1.0, 0.5))
    np.testing.assert_allclose(half, whole / 2, atol=1e-5)


def test_values_known_better_are_followed_closer() -> None:
    # Two values at each place, 1 and -1, of which the first is known better.
    z, y = Z[:20].repeat_interleave(2, dim=0), torch.tensor([1.0, -1.0]).double().repeat(20)
    variance = torch.tensor([0.01, 1.0]).double().repeat(20)
    even = float(ensemble.fit(z, y).mean(Z[:20]).mean())
    better = float(ensemble.fit(z, y, variance).mean(Z[:20]).mean())
    # The likeliest value is the mean by precisions: with a noise of exp(-4) besides, 0.0283 and 1.0183.
    assert abs(even) < 0.05
    assert better == pytest.approx((1 / 0.0283 - 1 / 1.0183) / (1 / 0.0283 + 1 / 1.0183), abs=0.05)


@pytest.mark.parametrize("errors", [False, True])
def test_values_that_are_given_later_are_learned_and_are_not_among_the_known(errors: bool) -> None:
    variance = torch.full((80,), 0.1).double() if errors else None
    surrogate, more = ensemble.fit(Z, Y, variance), 2 * normal(20, 4, seed=3)
    found = surrogate.condition_on_observations(more, wave(more))
    before, after = ((s.mean(more) - wave(more)).square().mean() for s in (surrogate, found))
    assert after < 0.2 * before
    assert torch.equal(found.z, Z)
    assert torch.equal(found.y, Y)


def test_the_same_values_give_the_same_ensemble_bit_for_bit() -> None:
    one, other = (ensemble.fit(Z[:20], Y[:20]) for _ in range(2))
    assert torch.equal(one.mean(AT), other.mean(AT))
    assert torch.equal(one.sample_posterior(AT, 30, 0.5, seeded()), other.sample_posterior(AT, 30, 0.5, seeded()))


@pytest.mark.usefixtures("untouched_random_state")
def test_fitting_drawing_and_selecting_leave_the_global_random_state_alone() -> None:
    surrogate = ensemble.fit(Z[:8], Y[:8])
    surrogate.sample_posterior(AT, 2, 1.0, seeded())
    sequential_greedy(single_output(surrogate), AT, 2, AT[:1], seed=0)


@pytest.mark.parametrize("n", [1, 2])
def test_a_few_points_are_enough(n: int) -> None:
    mean, variance = ensemble.fit(Z[:n], torch.tensor([1.0, -1.0]).double()[:n]).predict(AT)
    assert mean.isfinite().all()
    assert (variance > 0).all()


def test_a_column_in_which_all_designs_are_equal_changes_nothing() -> None:
    z = torch.cat([Z, torch.full((80, 1), 0.3).double()], 1)
    assert np.corrcoef(ensemble.fit(z, Y).mean(torch.cat([AT, z[:1, 4:].expand(100, 1)], 1)), wave(AT))[0, 1] > 0.95


def test_it_is_a_fit_and_gives_a_surrogate(fitted: Ensemble) -> None:
    fit: SurrogateFactory = ensemble.fit
    assert fit is ensemble.fit
    assert isinstance(fitted, Surrogate)


def test_batches_are_selected_from_a_pool(fitted: Ensemble) -> None:
    best = fitted.mean(AT).argsort(descending=True)
    assert thompson_sampling(fitted, AT, 12, 0.0, seeded()) == best[:12].tolist()
    picks = sequential_greedy(single_output(fitted), AT, 4, AT[:2], seed=0)
    assert len(set(picks)) == 4
    assert fitted.mean(AT[picks]).mean() > fitted.mean(AT).quantile(0.8)


def test_the_first_of_a_few_is_what_improves_most_by_the_members(fitted: Ensemble) -> None:
    # qLogNEI over the members that BoTorch's sampler draws; logarithms of smoothed gains, so among the best by gains.
    base: Any = IndexSampler(torch.Size([128]), seed=0)
    base._construct_base_samples(fitted.model.posterior(fitted.transform_inputs(Z[:1])))
    drawn = base.base_samples.flatten()
    gain = (members(fitted, AT)[drawn] - members(fitted, Z)[drawn].amax(1, keepdim=True)).clamp_min(0).mean(0)
    assert sequential_greedy(single_output(fitted), AT, 1, AT[:0], seed=0)[0] in gain.topk(3).indices


def test_a_study_that_was_cut_goes_on_bit_for_bit(tmp_path: Path) -> None:
    space = Space([Real("x", 0, 1), Real("y", 0, 1)])
    algorithm = GuidedDiffusion(surrogate=ensemble.fit, candidates=64)

    def batch(study: Study) -> list[dict[str, object]]:
        trials = study.ask(10)
        for trial in trials:
            study.tell(trial.id, float(trial.params["x"]) - (float(trial.params["y"]) - 0.3) ** 2)
        return [dict(trial.params) for trial in trials]

    whole = Study(space, direction="maximize", algorithm=algorithm, seed=3)
    expected = [batch(whole) for _ in range(2)]
    kept = tmp_path / "study.gdopt"
    found = [batch(Study(space, direction="maximize", algorithm=algorithm, seed=3, storage=kept)) for _ in range(2)]
    assert found == expected
