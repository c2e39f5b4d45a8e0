"""A law's moments against the samples of its denoiser."""

import torch
from torch import Tensor

from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import sample
from gdopt.paper.moments import gaussian, of_net, on_subspace
from tests import oracles
from tests.oracles import f64, normal, orthonormal, seeded

LAW = oracles.gaussian(3, seed=0, floor=0.2)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_the_spread_is_the_largest_standard_deviation_of_any_direction() -> None:
    law = gaussian(LAW.mean, LAW.cov)
    directions = torch.nn.functional.normalize(normal(20_000, 3, seed=1))
    most = float(((directions @ LAW.cov) * directions).sum(1).max().sqrt())
    assert most <= law.spread < 1.001 * most


def test_samples_of_a_moved_law_have_its_moments() -> None:
    law = gaussian(LAW.mean, LAW.cov).about(f64([1.0, 2.0, 3.0]), 0.5)
    x = sample(law.denoiser, 20_000, law.mean, law.spread, seeded())
    torch.testing.assert_close(x.mean(0), f64([1.0, 2.0, 3.0]), rtol=0, atol=0.03)
    torch.testing.assert_close(torch.cov(x.T), 0.25 * LAW.cov, rtol=0, atol=0.03)


def test_a_law_on_a_subspace_has_the_moments_of_its_latent() -> None:
    basis = orthonormal(6, 3, seed=2)
    law = on_subspace(gaussian(LAW.mean, LAW.cov), basis)
    close(law.mean, basis @ LAW.mean)
    close(law.cov, basis @ LAW.cov @ basis.T)


def test_an_untrained_networks_law_is_the_gaussian_of_its_corpus() -> None:
    basis, spread = orthonormal(6, 2, seed=3), f64([2.0, 0.5])
    law = of_net(network(normal(6, seed=4), basis, spread))
    close(law.cov, basis @ torch.diag(spread**2) @ basis.T)
    x = normal(4, 6, seed=5)
    close(law.denoiser(x, f64(0.7)), gaussian(law.mean, law.cov).denoiser(x, f64(0.7)))
