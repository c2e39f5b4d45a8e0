"""The preconditioned network against the Gaussian denoiser and Karras et al. 2022, Table 1."""

import pytest
import torch
from torch import Tensor, nn

from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.network import PreconditionedNet, network
from tests.oracles import ABARS, Gaussian, f64, jacobian, level, normal, orthonormal, seeded

MEAN, BASIS, SPREAD = normal(7, seed=0), orthonormal(7, 3, seed=1), f64([2.0, 1.0, 0.1])
SIGMAS = (0.01, 0.5, 20.0)


class Recorder(nn.Module):
    """Keeps what it is given; gives back a constant."""

    def __init__(self, output: float) -> None:
        super().__init__()
        self.output = nn.Parameter(f64(output))

    def forward(self, x: Tensor, noise_level: Tensor) -> Tensor:
        self.given = x, noise_level
        return self.output.expand(x.shape)


def with_random_weights(seed: int = 0) -> PreconditionedNet:
    net = network(MEAN, BASIS, SPREAD, width=32, blocks=2)
    nn.init.normal_(net.net.out.weight, std=0.3, generator=seeded(seed))
    return net


@pytest.mark.parametrize("abar", ABARS)
def test_an_untrained_network_is_exactly_the_gaussian_denoiser(abar: float) -> None:
    law, xt = Gaussian(MEAN, BASIS * SPREAD**2 @ BASIS.T), normal(5, 7, seed=2)
    found = network(MEAN, BASIS, SPREAD)(xt / abar**0.5, level(abar))
    torch.testing.assert_close(found, law.clean(xt, abar), rtol=0, atol=1e-10)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_outputs_are_scaled_as_in_table_1_along_each_direction(sigma: float) -> None:
    x = normal(5, 7, seed=2)
    found = PreconditionedNet(Recorder(1.5), MEAN, BASIS, SPREAD)(x, f64(sigma))
    for u, clean, data in zip(((x - MEAN) @ BASIS).T, ((found - MEAN) @ BASIS).T, SPREAD, strict=True):
        skip, out = data**2 / (sigma**2 + data**2), sigma * data / (sigma**2 + data**2) ** 0.5
        torch.testing.assert_close(clean, skip * u + out * skip * 1.5, rtol=0, atol=1e-12)


def test_at_high_noise_the_covariance_is_the_corpus_whatever_the_network_says() -> None:
    net, sigma = with_random_weights(), 40 * SPREAD[0]
    x = MEAN + sigma * normal(7, seed=3)
    found = sigma**2 * BASIS.T @ jacobian(net, x, sigma) @ BASIS
    torch.testing.assert_close(found, (SPREAD**2).diag(), rtol=0, atol=0.05 * float(SPREAD[0]) ** 2)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_inputs_are_scaled_as_in_table_1_along_each_direction(sigma: float) -> None:
    net = PreconditionedNet(Recorder(0.0), MEAN, BASIS, SPREAD)
    x = normal(5, 7, seed=2)
    net(x, f64(sigma))
    expected = (x - MEAN) @ BASIS / (sigma**2 + SPREAD**2).sqrt()
    torch.testing.assert_close(net.net.given[0], expected, rtol=0, atol=1e-12)


def test_the_level_is_a_quarter_of_log_sigma_in_units_of_the_spread() -> None:
    net = PreconditionedNet(Recorder(0.0), MEAN, BASIS, SPREAD)
    net(normal(3, 7, seed=2), f64(list(SIGMAS)))
    typical = (2.0 * 1.0 * 0.1) ** (1 / 3)
    expected = (f64(list(SIGMAS)) / typical).log() / 4
    torch.testing.assert_close(net.net.given[1][:, 0], expected, rtol=0, atol=1e-12)


def test_the_corpus_directions_are_never_left() -> None:
    moved_by = with_random_weights()(normal(5, 7, seed=2), f64(0.5)) - MEAN
    off = moved_by - moved_by @ BASIS @ BASIS.T
    assert off.abs().max() < 1e-12


def test_each_row_has_its_own_noise_level() -> None:
    net, x, sigmas = with_random_weights(), normal(3, 7, seed=2), f64(list(SIGMAS))
    alone = torch.cat([net(row.unsqueeze(0), sigma) for row, sigma in zip(x, sigmas, strict=True)])
    torch.testing.assert_close(net(x, sigmas), alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_come_in_the_precision_of_the_question(dtype: torch.dtype) -> None:
    net = with_random_weights()
    assert net(normal(3, 7, seed=2).to(dtype), f64(0.5)).dtype == dtype
    assert net.net.out.weight.dtype == torch.float32


def test_the_seed_alone_decides_the_first_weights() -> None:
    one, same, other = (network(MEAN, BASIS, SPREAD, seed).net.into.weight for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.usefixtures("untouched_random_state")
def test_building_a_network_leaves_the_global_random_state_alone() -> None:
    network(MEAN, BASIS, SPREAD, seed=5)


def test_a_network_is_a_denoiser() -> None:
    assert isinstance(with_random_weights(), Denoiser)
