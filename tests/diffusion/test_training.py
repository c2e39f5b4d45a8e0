"""Training against laws whose denoiser is known in closed form."""

import pytest
import torch
from torch import Tensor

from gdopt.diffusion.closed_form import MixtureDenoiser
from gdopt.diffusion.network import PreconditionedNet, network
from gdopt.diffusion.sampler import sample
from gdopt.diffusion.training import Training, dsm_loss, fit, replay_mixture
from gdopt.errors import NumericsError
from tests.oracles import f64, normal, seeded

# Two narrow modes at (-1, 0) and (1, 0); of variance 1 along the first direction, near enough.
MODES = MixtureDenoiser(f64([[-1.0, 0.0], [1.0, 0.0]]), f64([0.5, 0.5]), f64([0.1, 0.1]))


def bimodal(n: int) -> Tensor:
    side = torch.arange(n) % 2
    return MODES.means[side] + 0.1 * normal(n, 2, seed=0)


def untrained() -> PreconditionedNet:
    return network(torch.zeros(2), torch.eye(2), torch.tensor([1.0, 0.1]), width=64, blocks=2)


def parameters(net: PreconditionedNet) -> Tensor:
    return torch.cat([p.flatten() for p in net.parameters()])


@pytest.fixture(scope="module")
def trained() -> tuple[PreconditionedNet, Training]:
    return fit(untrained(), bimodal(4000), seeded(), steps=800)


def short(**changes: object) -> tuple[PreconditionedNet, Training]:
    """A fit of 30 steps."""
    settings = {"steps": 30, "check_every": 10, "batch": 32} | changes
    return fit(untrained(), bimodal(100), seeded(), **settings)


def test_the_loss_of_the_gaussian_denoiser_of_gaussian_data_is_one() -> None:
    u, noise = normal(20_000, 2, seed=0), normal(20_000, 2, seed=1)
    sigma = normal(20_000, seed=2).exp()
    loss = dsm_loss(untrained(), u * f64([1.0, 0.1]), sigma, noise)
    assert float(loss.detach()) == pytest.approx(1, abs=0.02)


def test_the_loss_is_the_squared_error_over_c_out_squared() -> None:
    net, u, noise = untrained(), normal(50, 2, seed=0), normal(50, 2, seed=1)
    torch.nn.init.normal_(net.net.out.weight, generator=seeded())
    sigma, spread = normal(50, seed=2).exp(), f64([1.0, 0.1])
    c_out = sigma[:, None] * spread / (sigma[:, None] ** 2 + spread**2) ** 0.5
    expected = ((net(u + sigma[:, None] * noise, sigma) - u) / c_out).square().mean()
    found = dsm_loss(net, u, sigma, noise)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def test_fitting_a_bimodal_law_beats_the_gaussian(trained: tuple[PreconditionedNet, Training]) -> None:
    assert trained[1].best < 0.9


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 3.0])
def test_the_learned_denoiser_is_that_of_the_law(trained: tuple[PreconditionedNet, Training], sigma: float) -> None:
    x = bimodal(500) + sigma * normal(500, 2, seed=3)
    gap = trained[0](x, f64(sigma)) - MODES(x, f64(sigma))
    assert gap.square().mean().sqrt() < 0.06


@pytest.mark.parametrize("sigma", [0.3, 0.6])
def test_the_learned_denoiser_is_far_better_than_the_gaussian(
    trained: tuple[PreconditionedNet, Training], sigma: float
) -> None:
    x = bimodal(500) + sigma * normal(500, 2, seed=3)
    gaps = [(net(x, f64(sigma)) - MODES(x, f64(sigma))).norm() for net in (trained[0], untrained())]
    assert gaps[0] < 0.4 * gaps[1]


def test_samples_of_the_learned_denoiser_are_in_the_two_modes(trained: tuple[PreconditionedNet, Training]) -> None:
    x0 = sample(trained[0], 500, torch.zeros(2).double(), 1.0, seeded())
    in_modes = ((x0[:, 0].abs() - 1).abs() < 0.4).double().mean()
    assert float(in_modes) > 0.95
    assert float((x0[:, 0] > 0).double().mean()) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("holdout", [0.0, 0.1])
def test_a_cluster_of_weight_zero_is_forgotten(holdout: float) -> None:
    x0 = bimodal(400)
    weights = (x0[:, 0] > 0).double()
    net, _ = fit(untrained(), x0, seeded(), weights=weights, steps=400, holdout=holdout)
    drawn = sample(net, 200, torch.zeros(2).double(), 1.0, seeded())
    assert float((drawn[:, 0] > 0).double().mean()) > 0.97


def test_only_the_ratios_of_the_weights_count() -> None:
    weights = normal(100, seed=1).exp()
    one, _ = short(weights=weights)
    other, _ = short(weights=8 * weights)
    assert torch.equal(parameters(one), parameters(other))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_replay_gives_the_corpus_its_share_of_the_mass(share: float) -> None:
    corpus, told, weights = normal(30, 2, seed=0), normal(5, 2, seed=1), normal(5, seed=2).exp()
    rows, mass = replay_mixture(corpus, told, weights, share)
    assert torch.equal(rows, torch.cat([corpus, told]))
    assert [float(mass[:30].sum()), float(mass.sum())] == pytest.approx([share, 1], abs=1e-12)


def test_replay_keeps_the_ratios_within_each_part() -> None:
    weights = normal(5, seed=2).exp()
    _, mass = replay_mixture(normal(30, 2, seed=0), normal(5, 2, seed=1), weights)
    torch.testing.assert_close(mass[30:] / mass[-1], weights / weights[-1])
    assert mass[:30].unique().numel() == 1


# When training stops, and what comes back.


def gaussian_fit(patience: int) -> tuple[PreconditionedNet, Training]:
    """A fit of Gaussian rows: there is nothing to learn, so it gets worse after a while."""
    settings = {"steps": 400, "check_every": 5, "average": 0.5, "batch": 32}
    rows = normal(60, 2, seed=1) * f64([1.0, 0.1])
    return fit(untrained(), rows, seeded(), patience=patience, **settings)


def test_replay_keeps_the_corpus_weights_within_its_share() -> None:
    own = torch.arange(1.0, 31).double()
    _, mass = replay_mixture(normal(30, 2, seed=0), normal(5, 2, seed=1), torch.ones(5).double(), 0.5, own)
    torch.testing.assert_close(mass[:30], 0.5 * own / own.sum())


def test_training_stops_when_patience_is_spent() -> None:
    _, training = gaussian_fit(patience=3)
    assert training.steps == 5 * len(training.losses) < 400
    assert training.losses.index(training.best) == len(training.losses) - 4


def test_what_comes_after_the_best_check_does_not_come_back() -> None:
    (one, early), (other, late) = gaussian_fit(patience=2), gaussian_fit(patience=3)
    assert (early.best, early.steps + 5) == (late.best, late.steps)
    assert torch.equal(parameters(one), parameters(other))


def test_the_best_loss_is_the_smallest() -> None:
    _, training = gaussian_fit(patience=3)
    assert training.best == min(training.losses)


def test_progress_is_told_of_every_check() -> None:
    told: list[tuple[int, int, float]] = []
    _, training = short(progress=lambda *one: told.append(one))
    assert told == [(step, 30, loss) for step, loss in zip((10, 20, 30), training.losses, strict=True)]


def test_the_last_step_is_checked_too() -> None:
    _, training = short(steps=25)
    assert (training.steps, len(training.losses)) == (25, 3)


# What a fit leaves alone.


def test_the_same_generator_gives_the_same_weights() -> None:
    one, other = short()[0], short()[0]
    assert torch.equal(parameters(one), parameters(other))


def test_the_given_network_is_not_changed() -> None:
    net = untrained()
    before = parameters(net).clone()
    found, _ = fit(net, bimodal(100), seeded(), steps=20)
    assert torch.equal(parameters(net), before)
    assert not torch.equal(parameters(found), before)


@pytest.mark.usefixtures("untouched_random_state")
def test_training_leaves_the_global_random_state_alone() -> None:
    short()


def test_a_fit_can_go_on_from_a_fit() -> None:
    frozen, _ = short()
    further, _ = fit(frozen, bimodal(100), seeded(1), steps=20)
    assert not torch.equal(parameters(further), parameters(frozen))


@pytest.mark.parametrize("n", [1, 2, 39, 40])
def test_few_rows_are_enough_to_fit(n: int) -> None:
    _, training = fit(untrained(), bimodal(n), seeded(), steps=10)
    assert 0 < training.best < float("inf")


def test_diverging_training_says_what_to_lower() -> None:
    with pytest.raises(NumericsError, match=r"the training loss is .* at step \d+: lower learning_rate"):
        short(learning_rate=1e12)
