"""What every denoiser keeps to: shapes and types, a noise level for each row, and its limits."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DModel
from scipy.stats import truncnorm
from torch import Tensor

from gdopt.adapters.diffusers import DiffusersDenoiser
from gdopt.diffusion.closed_form import (
    BoxDenoiser,
    GaussianDenoiser,
    MixtureDenoiser,
    SphereDenoiser,
    TruncatedGaussianDenoiser,
)
from gdopt.diffusion.denoiser import Denoiser, lifted, translated_and_scaled
from gdopt.diffusion.network import network
from tests.oracles import gaussian, mixture, normal, orthonormal

D = 4
LOW, HIGH = -torch.ones(D, dtype=torch.float64), torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)


@dataclass(frozen=True)
class Law:
    """A denoiser, the mean of its law, and the distance of each row from its support."""

    denoiser: Denoiser
    mean: Tensor
    off: Callable[[Tensor], Tensor]


def of_gaussian() -> Law:
    law = gaussian(D, seed=0)
    return Law(GaussianDenoiser(law.mean, law.cov), law.mean, lambda x: torch.zeros(len(x)))


def of_singular_gaussian() -> Law:
    basis, mean = orthonormal(D, 2, seed=0), normal(D, seed=1)
    return Law(
        GaussianDenoiser(mean, basis @ basis.T),
        mean,
        lambda x: ((x - mean) - (x - mean) @ basis @ basis.T).norm(dim=1),
    )


def of_box() -> Law:
    return Law(BoxDenoiser(LOW, HIGH), (LOW + HIGH) / 2, lambda x: (x - x.clamp(LOW, HIGH)).norm(dim=1))


def of_truncated_gaussian() -> Law:
    # An expert's law: two normal parameters, one of them cut off at its mean, and two that are uniform.
    mean, std = torch.tensor([0.5, -1.0, 1.0, 1.5]).double(), torch.tensor([0.4, 2.0, math.inf, math.inf]).double()
    columns = [
        truncnorm((a - m) / s, (b - m) / s, m, s)
        for a, b, m, s in zip(LOW[:2], HIGH[:2], mean[:2], std[:2], strict=True)
    ]
    expected = torch.cat([torch.tensor([float(one.mean()) for one in columns]).double(), (LOW + HIGH)[2:] / 2])
    denoiser = TruncatedGaussianDenoiser(LOW, HIGH, mean, std)
    return Law(denoiser, expected, lambda x: (x - x.clamp(LOW, HIGH)).norm(dim=1))


def of_points() -> Law:
    law = mixture(5, D, seed=2)
    denoiser = MixtureDenoiser(law.means, law.weights, torch.zeros(5, dtype=torch.float64))
    return Law(denoiser, law.weights @ law.means, lambda x: torch.cdist(x, law.means).amin(1))


def of_sphere() -> Law:
    return Law(SphereDenoiser(), torch.zeros(D, dtype=torch.float64), lambda x: (x.norm(dim=1) - 1).abs())


def of_moved() -> Law:
    centre = normal(D, seed=3)
    zero = torch.zeros(D, dtype=torch.float64)
    denoiser = translated_and_scaled(SphereDenoiser(), zero, centre, 0.3)
    return Law(denoiser, centre, lambda x: ((x - centre).norm(dim=1) - 0.3).abs())


def of_embedded() -> Law:
    basis, offset = orthonormal(D, 2, seed=4), normal(D, seed=5)
    denoiser = lifted(SphereDenoiser(), basis, offset)

    def off(x: Tensor) -> Tensor:
        u = (x - offset) @ basis
        return (x - offset - u @ basis.T).norm(dim=1) + (u.norm(dim=1) - 1).abs()

    return Law(denoiser, offset, off)


def of_net() -> Law:
    """Untrained: the exact Gaussian of its mean and directions."""
    basis, mean = orthonormal(D, 2, seed=6), normal(D, seed=7)
    net = network(mean, basis, torch.tensor([1.0, 0.5], dtype=torch.float64), width=16, blocks=1)
    net.requires_grad_(False)
    return Law(net, mean, lambda x: ((x - mean) - (x - mean) @ basis @ basis.T).norm(dim=1))


def of_diffusers() -> Law:
    """A network whose last layer is zero: where it predicts the velocity, the exact N(0, I)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = UNet2DModel(
            sample_size=2,
            in_channels=1,
            out_channels=1,
            block_out_channels=(8,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            layers_per_block=1,
            norm_num_groups=4,
        )
    net.eval().requires_grad_(False)
    for weights in net.conv_out.parameters():
        weights.zero_()
    denoiser = DiffusersDenoiser(net, DDPMScheduler(prediction_type="v_prediction", clip_sample=False))
    return Law(denoiser, torch.zeros(D, dtype=torch.float64), lambda x: torch.zeros(len(x)))


LAWS = [
    of_gaussian,
    of_singular_gaussian,
    of_box,
    of_truncated_gaussian,
    of_points,
    of_sphere,
    of_moved,
    of_embedded,
    of_net,
    of_diffusers,
]
every_law = pytest.mark.parametrize("law", [f() for f in LAWS], ids=[f.__name__[3:] for f in LAWS])


def sigma(level: float) -> Tensor:
    return torch.tensor(level, dtype=torch.float64)


@every_law
@pytest.mark.parametrize("n", [0, 1, 7])
def test_shape_and_precision_are_kept(law: Law, n: int) -> None:
    x = normal(n, D, seed=8)
    found = law.denoiser(x, sigma(0.5))
    assert (found.shape, found.dtype) == (x.shape, x.dtype)


@every_law
@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_noise_level_for_each_of_any_number_of_rows(law: Law, n: int) -> None:
    x = normal(n, D, seed=8)
    found = law.denoiser(x, torch.full((n,), 0.5, dtype=torch.float64))
    torch.testing.assert_close(found, law.denoiser(x, sigma(0.5)), rtol=0, atol=1e-12)


@every_law
def test_each_row_is_denoised_as_if_it_were_alone(law: Law) -> None:
    x, levels = normal(5, D, seed=9), torch.tensor([0.01, 0.1, 1.0, 10.0, 100.0], dtype=torch.float64)
    alone = [law.denoiser(row.unsqueeze(0), level) for row, level in zip(x, levels, strict=True)]
    torch.testing.assert_close(law.denoiser(x, levels), torch.cat(alone), rtol=0, atol=1e-6)


@every_law
def test_little_noise_leaves_a_point_of_the_support(law: Law) -> None:
    found = law.denoiser(2 * normal(20, D, seed=10), sigma(1e-5))
    assert float(law.off(found).max()) < 1e-4


@every_law
def test_little_noise_leaves_a_point_of_the_support_where_it_is(law: Law) -> None:
    x = law.denoiser(2 * normal(20, D, seed=10), sigma(1e-5))
    torch.testing.assert_close(law.denoiser(x, sigma(1e-5)), x, rtol=0, atol=1e-4)


@every_law
def test_much_noise_leaves_the_mean(law: Law) -> None:
    x = law.mean + 1e4 * normal(20, D, seed=11)
    far = law.denoiser(x, sigma(1e7)) - law.mean
    assert float(far.abs().max()) < 1e-2


@every_law
def test_the_input_is_not_changed(law: Law) -> None:
    x = normal(3, D, seed=12)
    kept = x.clone()
    law.denoiser(x, sigma(0.5))
    assert torch.equal(x, kept)


@every_law
def test_a_denoiser_can_be_differentiated(law: Law) -> None:
    x = normal(3, D, seed=13).requires_grad_(True)
    (slope,) = torch.autograd.grad(law.denoiser(x, sigma(0.5)).sum(), x)
    assert bool(slope.isfinite().all())
