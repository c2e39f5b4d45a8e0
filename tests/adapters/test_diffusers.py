"""Networks of diffusers as denoisers, against diffusers' own schedulers, autograd and closed forms.

diffusers' variable is x_t = a x0 + sqrt(h) eps with a = sqrt(abar) and h = 1 - abar; ours are x = x_t/a and
sigma = sqrt(h)/a.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    FlowMatchEulerDiscreteScheduler,
    UNet1DModel,
    UNet2DModel,
)
from torch import Tensor

from gdopt.adapters.diffusers import DiffusersDenoiser, decoder
from gdopt.diffusion.closed_form import GaussianDenoiser
from gdopt.diffusion.denoiser import score
from gdopt.diffusion.guidance import lookahead
from gdopt.diffusion.sampler import ancestral, dpm_solver
from gdopt.diffusion.schedule import exponential
from gdopt.errors import MissingExtraError, SettingsError
from tests.oracles import ABARS, f64, gaussian, jacobian, level, normal, seeded

STEPS = 20
SCHEDULE = {"num_train_timesteps": STEPS, "beta_start": 1e-3, "beta_end": 0.5}
KINDS = ("epsilon", "sample", "v_prediction")


def images(seed: int = 0, **settings) -> UNet2DModel:
    """An untrained network of 4 x 4 images of one channel."""
    few = {"block_out_channels": (16,), "layers_per_block": 1, "norm_num_groups": 4, "add_attention": False}
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = UNet2DModel(**{"sample_size": 4, "in_channels": 1, "out_channels": 1, **few, **blocks, **settings})
    return net.eval().requires_grad_(False)


def large_images() -> UNet2DModel:
    """Two channels, two resolutions, attention between them."""
    return images(
        sample_size=8,
        in_channels=2,
        out_channels=2,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        add_attention=True,
    )


def curves() -> UNet1DModel:
    """An untrained network of curves of three channels and 16 points, of the kind that plans trajectories."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = UNet1DModel(
            sample_size=16,
            in_channels=3,
            out_channels=3,
            time_embedding_type="positional",
            use_timestep_embedding=True,
            freq_shift=1,
            act_fn="mish",
            block_out_channels=(8, 16),
            down_block_types=("DownResnetBlock1D", "DownResnetBlock1D"),
            mid_block_type="MidResTemporalBlock1D",
            up_block_types=("UpResnetBlock1D",),
            out_block_type="OutConv1DBlock",
        )
    return net.eval().requires_grad_(False)


class Stub(torch.nn.Module):
    """What diffusers calls a network, without weights: in double precision, of one channel."""

    dtype, device = torch.float64, torch.device("cpu")

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], size: tuple[int, ...] = (4,)) -> None:
        super().__init__()
        self.function = function
        self.config = SimpleNamespace(in_channels=1, out_channels=1, sample_size=size)

    def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
        return self.function(sample, timestep)


def rows(denoiser: DiffusersDenoiser, n: int, sigmas: Tensor, seed: int = 0) -> Tensor:
    """Noisy rows of the levels."""
    width = torch.Size(denoiser.shape).numel()
    x0, noise = normal(n, width, seed=seed), normal(n, width, seed=seed + 1)
    return x0 + sigmas.expand(n).unsqueeze(1) * noise


# What diffusers itself makes of the same network.


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheduler", [DDPMScheduler, DDIMScheduler])
@pytest.mark.parametrize("network", [large_images, curves])
def test_the_clean_image_is_the_schedulers_own_at_every_level(network, scheduler, kind, clip) -> None:
    own = scheduler(**SCHEDULE, prediction_type=kind, clip_sample=clip, clip_sample_range=1.5)
    own.set_timesteps(STEPS)
    denoiser = DiffusersDenoiser(network(), own)
    sigmas, t = denoiser.sigmas[:-1], torch.arange(STEPS - 1, -1, -1)
    x = rows(denoiser, STEPS, sigmas)
    xt = (x * own.alphas_cumprod[t].double().sqrt().unsqueeze(1)).float().reshape(-1, *denoiser.shape)
    made = denoiser.unet(xt, t).sample
    steps = zip(made.split(1), t.tolist(), xt.split(1), strict=True)
    expected = [own.step(*step, generator=seeded()).pred_original_sample.flatten(1) for step in steps]
    torch.testing.assert_close(denoiser(x, sigmas), torch.cat(expected).double(), rtol=1e-4, atol=1e-4)


def test_the_schedulers_clipping_can_be_left_out() -> None:
    denoiser = DiffusersDenoiser(images(), DDPMScheduler(**SCHEDULE, clip_sample_range=0.5))
    x = rows(denoiser, 3, f64(0.5))
    free = replace(denoiser, clip=False)(x, f64(0.5))
    assert float(free.abs().max()) > 1
    assert torch.equal(denoiser(x, f64(0.5)), free.clamp(-0.5, 0.5))


def test_what_is_clipped_is_guided_only_without_the_clipping() -> None:
    denoiser = DiffusersDenoiser(images(), DDPMScheduler(**SCHEDULE, clip_sample_range=1e-6))
    x, g, free = rows(denoiser, 3, f64(0.5)), torch.ones(16).double(), replace(denoiser, clip=False)
    pulls = [lookahead(one, g, 5.0, 0.1)(x, f64(0.5)) - one(x, f64(0.5)) for one in (denoiser, free)]
    assert float(pulls[0].abs().max()) == 0 < float(pulls[1].abs().max())


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_ancestral_sampling_is_diffusers_ddpm_loop(kind: str, clip: bool) -> None:
    own = DDPMScheduler(**SCHEDULE, prediction_type=kind, clip_sample=clip, variance_type="fixed_small")
    denoiser = DiffusersDenoiser(images(), own)
    start = normal(5, 16, seed=3).float()
    found = ancestral(denoiser, start / own.alphas_cumprod[-1].sqrt(), denoiser.sigmas, seeded(4))
    generator, expected = seeded(4), start.reshape(5, 1, 4, 4)
    for t in own.timesteps:
        made = denoiser.unet(expected, t).sample
        expected = own.step(made, t, expected, generator=generator).prev_sample
    torch.testing.assert_close(found, expected.flatten(1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_an_euler_step_of_the_flow_is_a_ddim_step(kind: str) -> None:
    own = DDIMScheduler(**SCHEDULE, prediction_type=kind, clip_sample=False)
    own.set_timesteps(STEPS)
    denoiser = DiffusersDenoiser(images(), own)
    for t, (now, then) in zip(own.timesteps, pairwise(denoiser.sigmas), strict=True):
        x = rows(denoiser, 2, now)
        euler = x + (then - now) * (x - denoiser(x, now)) / now
        xt = (x / (1 + now**2).sqrt()).float().reshape(-1, 1, 4, 4)
        ddim = own.step(denoiser.unet(xt, t).sample, t, xt, eta=0.0).prev_sample.flatten(1)
        torch.testing.assert_close((euler / (1 + then**2).sqrt()).float(), ddim, rtol=1e-4, atol=1e-4)


# Noise levels and time steps.


def clock(scheduler=None, **config) -> DiffusersDenoiser:
    """A denoiser whose every clean value is the time step that its network was given."""
    stub = Stub(lambda x, t: t.reshape(-1, 1, 1) + 0 * x)
    vars(stub.config).update(config)
    return DiffusersDenoiser(stub, scheduler or DDPMScheduler(**SCHEDULE, prediction_type="sample", clip_sample=False))


def test_the_schedules_levels_are_those_of_its_alphas_and_a_last_zero() -> None:
    abar = (1 - torch.linspace(1e-3, 0.5, STEPS).double()).cumprod(0)
    expected = [float(level(float(a))) for a in abar.flip(0)] + [0.0]
    torch.testing.assert_close(clock().sigmas, f64(expected), rtol=1e-4, atol=0)


def test_each_row_has_the_time_step_of_its_own_level() -> None:
    sigmas = clock().sigmas[:-1]
    found = clock()(torch.zeros(STEPS, 4).double(), sigmas)[:, 0]
    torch.testing.assert_close(found, torch.arange(STEPS - 1, -1, -1).double(), rtol=0, atol=1e-12)


def test_between_two_levels_time_goes_by_the_logarithm_of_the_noise() -> None:
    low, high = clock().sigmas[[-5, -6]]  # of the steps 3 and 4
    found = clock()(torch.zeros(1, 4).double(), low**0.75 * high**0.25)[0]
    torch.testing.assert_close(found, torch.full((4,), 3.25).double(), rtol=0, atol=1e-12)


def test_outside_the_schedule_time_stops() -> None:
    found = clock()(torch.zeros(3, 4).double(), f64([0.0, 1e-9, 1e9]))[:, 0]
    assert found.tolist() == [0, 0, STEPS - 1]


def test_a_network_without_a_smooth_time_is_given_whole_steps() -> None:
    low, high = clock().sigmas[[-5, -6]]
    sigmas = torch.stack([low**0.6 * high**0.4, low**0.4 * high**0.6])
    assert clock(time_embedding_type="learned")(torch.zeros(2, 4).double(), sigmas)[:, 0].tolist() == [3, 4]


def test_a_network_in_half_precision_is_given_its_time_in_single() -> None:
    clock_in_half = clock()
    clock_in_half.unet.dtype = torch.bfloat16
    low, high = clock().sigmas[[1, 0]]  # of the steps 18 and 19; bfloat16 has no 18.3
    found = clock_in_half(torch.zeros(1, 4).double(), low**0.7 * high**0.3)[0]
    torch.testing.assert_close(found, torch.full((4,), 18.3).double(), rtol=0, atol=1e-5)


def test_a_network_with_a_table_of_times_takes_any_noise_level() -> None:
    net = images(time_embedding_type="learned", num_train_timesteps=STEPS)
    denoiser = DiffusersDenoiser(net, DDPMScheduler(**SCHEDULE, clip_sample=False))
    sigma = denoiser.sigmas[4] * 1.01
    x = rows(denoiser, 2, sigma)
    xt = (x / (1 + sigma**2).sqrt()).float().reshape(2, 1, 4, 4)
    expected = x - sigma * net(xt, torch.tensor(STEPS - 5)).sample.flatten(1)
    torch.testing.assert_close(denoiser(x, sigma), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_no_noise_leaves_every_row_where_it_is(kind: str) -> None:
    denoiser = DiffusersDenoiser(images(), DDPMScheduler(**SCHEDULE, prediction_type=kind, clip_sample=False))
    x = normal(3, 16, seed=5)
    torch.testing.assert_close(denoiser(x, f64(0.0)), x, rtol=0, atol=1e-12)


def test_above_the_schedule_a_networks_error_does_not_grow_with_the_noise() -> None:
    # The predicted noise of N(0, 1), and an error of 0.01.
    noise = Stub(lambda x, t: 0.999 * x + 0.01)
    denoiser = DiffusersDenoiser(noise, DDPMScheduler(**SCHEDULE, clip_sample=False))
    top, x = denoiser.sigmas[0], normal(3, 4, seed=6)
    torch.testing.assert_close(denoiser(1e6 * x, 1e6 * top), denoiser(x, top), rtol=0, atol=1e-9)


# Types and shapes.


def test_rows_of_any_type_come_back_in_it_from_a_network_of_another() -> None:
    denoiser = DiffusersDenoiser(images().to(torch.bfloat16), DDPMScheduler(**SCHEDULE))
    for dtype in (torch.float32, torch.float64):
        assert denoiser(torch.ones(2, 16, dtype=dtype), f64(1.0)).dtype == dtype


def test_a_gradient_passes_from_a_network_in_single_precision_to_rows_in_double() -> None:
    own = DDPMScheduler(**SCHEDULE, clip_sample=False)
    single, double = DiffusersDenoiser(images(), own), DiffusersDenoiser(images().double(), own)
    x = rows(single, 1, f64(1.0))[0]
    found, expected = jacobian(single, x, f64(1.0)), jacobian(double, x, f64(1.0))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_no_rows_are_denoised_to_no_rows() -> None:
    denoiser = DiffusersDenoiser(large_images(), DDPMScheduler(**SCHEDULE))
    assert denoiser(torch.zeros(0, 128), f64([])).shape == (0, 128)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (images(sample_size=6), (1, 6, 6)),
        (images(sample_size=(2, 6)), (1, 2, 6)),
        (curves(), (3, 16)),
        (Stub(lambda x, t: x, (7,)), (1, 7)),
    ],
)
def test_the_shape_of_an_image_is_read_from_the_network(network, shape) -> None:
    assert DiffusersDenoiser(network, DDPMScheduler(**SCHEDULE)).shape == shape


def test_a_network_that_takes_images_of_any_size_is_given_the_one_that_is_named() -> None:
    denoiser = DiffusersDenoiser(images(sample_size=None), DDPMScheduler(**SCHEDULE), shape=(1, 2, 6))
    assert denoiser(torch.zeros(3, 12), f64(1.0)).shape == (3, 12)


# Look-ahead guidance through the network, and through a decoder after it.

Y, NOISE = 1.7, 0.3


def doubled(kind: str = "epsilon") -> DiffusersDenoiser:
    return DiffusersDenoiser(images().double(), DDPMScheduler(**SCHEDULE, prediction_type=kind, clip_sample=False))


def plain(denoiser: DiffusersDenoiser, t: int) -> Callable[[Tensor], Tensor]:
    """D of one row at a time step, by the formulas of Ho et al. 2020 and Salimans and Ho 2022."""
    abar = denoiser.scheduler.alphas_cumprod[t].double()
    kind = denoiser.scheduler.config.prediction_type

    def clean(x: Tensor) -> Tensor:
        xt = abar.sqrt() * x
        made = denoiser.unet(xt.reshape(1, 1, 4, 4), torch.tensor([t])).sample.flatten()
        noise = made if kind == "epsilon" else abar.sqrt() * made + (1 - abar).sqrt() * xt
        return (xt - (1 - abar).sqrt() * noise) / abar.sqrt()

    return clean


def leaned(clean: Callable, decode: Callable, x: Tensor, sigma: Tensor, g: Tensor) -> Tensor:
    """D - sigma^2 beta d/dx (y - g'Dec(D))^2, beta of Lemma 1 from the full Jacobians of D and of Dec at D."""
    inner = torch.autograd.functional.jacobian(clean, x)
    outer = torch.autograd.functional.jacobian(decode, clean(x))
    beta = 1 / (2 * (NOISE**2 + g @ outer @ (sigma**2 * inner) @ outer.T @ g))
    at = x.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad((Y - g @ decode(clean(at))).square(), at)
    return clean(x) - sigma**2 * beta * slope


@pytest.mark.parametrize("t", [2, 10, STEPS - 1])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_guidance_through_the_network_is_autograds(kind: str, t: int) -> None:
    denoiser, g = doubled(kind), normal(16, seed=7)
    sigma = denoiser.sigmas[STEPS - 1 - t]
    x = rows(denoiser, 1, sigma)
    expected = leaned(plain(denoiser, t), lambda clean: clean, x[0], sigma, g)
    torch.testing.assert_close(lookahead(denoiser, g, Y, NOISE)(x, sigma)[0], expected, rtol=1e-6, atol=1e-6)


def perceptron() -> Callable[[Tensor], Tensor]:
    first, last = normal(10, 16, seed=8) / 4, normal(6, 10, seed=9) / 3
    return lambda z: (z @ first.T).tanh() @ last.T


def autoencoder(**settings) -> AutoencoderKL:
    """An untrained one, of images twice as high and wide as their latents."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = AutoencoderKL(
            in_channels=1,
            out_channels=1,
            latent_channels=1,
            block_out_channels=(4, 4),
            norm_num_groups=2,
            down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
            up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
            **settings,
        )
    return net.eval().requires_grad_(False).double()


def latents() -> Callable[[Tensor], Tensor]:
    net = autoencoder(scaling_factor=0.6, shift_factor=0.1)
    return lambda z: net.decode(z.reshape(-1, 1, 4, 4) / 0.6 + 0.1).sample.flatten(1)


@pytest.mark.parametrize("t", [2, 10])
@pytest.mark.parametrize(
    ("found", "plainly"),
    [
        (perceptron(), perceptron()),
        (decoder(autoencoder(scaling_factor=0.6, shift_factor=0.1), (1, 4, 4)), latents()),
    ],
    ids=["perceptron", "AutoencoderKL"],
)
def test_guidance_through_a_decoder_is_autograds(found, plainly, t: int) -> None:
    denoiser = doubled()
    sigma = denoiser.sigmas[STEPS - 1 - t]
    x = rows(denoiser, 1, sigma)
    g = normal(plainly(x).shape[1], seed=10)
    expected = leaned(plain(denoiser, t), lambda z: plainly(z.unsqueeze(0))[0], x[0], sigma, g)
    guided = lookahead(denoiser, g, Y, NOISE, decoder=found)
    torch.testing.assert_close(guided(x, sigma)[0], expected, rtol=1e-6, atol=1e-6)


class LinearAutoencoder:
    """Images M z + b of latents z."""

    dtype, device = torch.float64, torch.device("cpu")
    config = SimpleNamespace(scaling_factor=0.4)
    M, b = normal(9, 6, seed=11), normal(9, seed=12)

    def decode(self, z: Tensor) -> Tensor:
        return (z.flatten(1) @ self.M.T + self.b).reshape(-1, 1, 3, 3)


@pytest.mark.parametrize("abar", ABARS)
def test_guidance_of_a_gaussian_through_a_linear_decoder_is_the_posteriors_score(abar: float) -> None:
    law, g, linear = gaussian(6, seed=0), normal(9, seed=13), LinearAutoencoder()
    xt = normal(5, 6, seed=14)
    posterior = law.given(linear.M.T @ g / 0.4, Y - float(linear.b @ g), NOISE)
    prior = GaussianDenoiser(law.mean, law.cov)
    guided = lookahead(prior, g, Y, NOISE, decoder=decoder(linear, (1, 2, 3)))
    found = score(guided, xt / abar**0.5, level(abar))
    torch.testing.assert_close(found, abar**0.5 * posterior.score(xt, abar), rtol=0, atol=1e-8)


# A network that has learned something.

PATTERN = torch.tensor([1.0, -1, 1, 1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1])


@pytest.fixture(scope="module")
def trained() -> DiffusersDenoiser:
    """Of a law of two images, the pattern and its negative, learned as diffusers' tutorials do."""
    own = DDPMScheduler(num_train_timesteps=100, beta_start=1e-3, beta_end=0.1)
    net, generator = images().train().requires_grad_(True), seeded(20)
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(300):
        sign = torch.randint(2, (64, 1), generator=generator) * 2 - 1
        x0, noise = (sign * PATTERN).reshape(-1, 1, 4, 4), torch.randn(64, 1, 4, 4, generator=generator)
        t = torch.randint(100, (64,), generator=generator)
        loss = (net(own.add_noise(x0, noise, t), t).sample - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return DiffusersDenoiser(net.eval().requires_grad_(False), own, clip=False)


def drawn(denoiser: Callable, top: float, n: int = 64) -> Tensor:
    """Samples by a solver that asks between the levels of the schedule."""
    return dpm_solver(denoiser, top * normal(n, 16, seed=21), exponential(20, 0.03, top))


def test_samples_of_a_trained_network_are_near_the_data(trained: DiffusersDenoiser) -> None:
    x0 = drawn(trained, float(trained.sigmas[0]))
    off = torch.minimum((x0 - PATTERN).norm(dim=1), (x0 + PATTERN).norm(dim=1)) / 4
    assert float(off.median()) < 0.2
    assert 0.25 < float((x0 @ PATTERN.double() > 0).double().mean()) < 0.75


def test_guidance_of_a_trained_network_moves_the_reward_up_and_stays_near_the_data(trained: DiffusersDenoiser) -> None:
    g = PATTERN.double() / 16
    x0 = drawn(lookahead(trained, g, 1.0, 0.2), float(trained.sigmas[0]))
    assert float((x0 @ g > 0.9).double().mean()) > 0.9
    assert float((x0 - PATTERN).norm(dim=1).median() / 4) < 0.2


# Pipelines.


def test_a_pipeline_is_the_denoiser_of_its_network_and_scheduler() -> None:
    pipeline = DDPMPipeline(images(), DDPMScheduler(**SCHEDULE))
    assert DiffusersDenoiser.from_pipeline(pipeline) == DiffusersDenoiser(pipeline.unet, pipeline.scheduler)


def test_a_saved_pipeline_is_loaded_as_the_same_denoiser(tmp_path) -> None:
    pipeline = DDPMPipeline(images(), DDPMScheduler(**SCHEDULE, prediction_type="v_prediction"))
    pipeline.save_pretrained(tmp_path)
    saved, x = DiffusersDenoiser.from_pipeline(pipeline, clip=False), normal(3, 16, seed=15)
    assert torch.equal(DiffusersDenoiser.load(tmp_path, clip=False)(x, f64(0.7)), saved(x, f64(0.7)))


def test_the_adapter_itself_does_not_import_diffusers() -> None:
    code = "import sys, gdopt.adapters.diffusers; print('diffusers' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_loading_without_diffusers_names_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gdopt\[diffusers\]'"):
        DiffusersDenoiser.load(tmp_path)


# What is refused.


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        (
            SimpleNamespace(config=SimpleNamespace(prediction_type="flow")),
            "prediction_type = 'flow' of SimpleNamespace",
        ),
        (FlowMatchEulerDiscreteScheduler(), "prediction_type = None of FlowMatchEulerDiscreteScheduler is not one of"),
        (SimpleNamespace(config=SimpleNamespace(prediction_type="sample")), "SimpleNamespace has no alphas_cumprod"),
        (DDPMScheduler(thresholding=True), "thresholding = True of DDPMScheduler"),
        (DDIMScheduler(rescale_betas_zero_snr=True), r"goes from 0\.99\d+ to 0: expected to fall .*\(rescale_betas"),
        (DDPMScheduler(trained_betas=[0.1, 0.0, 0.1]), r"goes from 0\.9 to 0\.81: expected to fall at every step"),
    ],
)
def test_a_scheduler_of_another_process_is_refused(scheduler, message) -> None:
    with pytest.raises(SettingsError, match=message):
        DiffusersDenoiser(images(), scheduler)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({"out_channels": 2}, (), r"out_channels = 2 .* in_channels = 1: a learned variance"),
        ({"sample_size": None}, (), r"sample_size = None .* give shape=\(channels, \.\.\.\)"),
        ({}, (3, 4, 4), r"shape = \(3, 4, 4\) does not begin with the network's in_channels = 1"),
    ],
)
def test_a_network_that_is_no_denoiser_of_one_shape_is_refused(settings, shape, message) -> None:
    with pytest.raises(SettingsError, match=message):
        DiffusersDenoiser(images(**settings), DDPMScheduler(), shape=shape)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"a row has 15 numbers, the network's shape \(1, 4, 4\) has 16"):
        DiffusersDenoiser(images(), DDPMScheduler())(torch.zeros(2, 15), f64(1.0))


def test_latents_of_another_width_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"a row has 15 numbers, the network's shape \(1, 4, 4\) has 16"):
        decoder(autoencoder(), (1, 4, 4))(torch.zeros(2, 15).double())


def test_latents_that_are_standardized_by_channel_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"latents_mean = \[0\.3\] of the autoencoder is not supported"):
        decoder(autoencoder(latents_mean=[0.3]), (1, 4, 4))
