"""The adapter against BoTorch's own optimizers, posteriors by hand and brute force."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from botorch.acquisition import (
    AcquisitionFunction,
    LogExpectedImprovement,
    UpperConfidenceBound,
    qLogExpectedImprovement,
    qLogNoisyExpectedImprovement,
)
from botorch.generation import MaxPosteriorSampling
from botorch.models import SingleTaskGP
from botorch.models.deterministic import GenericDeterministicModel
from botorch.models.ensemble import EnsembleModel
from botorch.models.model import Model
from botorch.optim import optimize_acqf, optimize_acqf_discrete
from botorch.posteriors.fully_bayesian import GaussianMixturePosterior
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.kernels import MaternKernel
from torch import Tensor

import gdopt
from gdopt.acquisition.batch import SelectionInput
from gdopt.acquisition.noisy_ei import sequential_greedy
from gdopt.adapters.botorch import (
    Box,
    FittedModel,
    guidance,
    prior_candidates,
    prior_generator,
    selection,
    study_candidates,
    surrogate,
    unit,
)
from gdopt.codecs.box import BoxCodec
from gdopt.diffusion.closed_form import GaussianDenoiser
from gdopt.diffusion.network import network
from gdopt.study.study import Study
from gdopt.surrogates import gp
from gdopt.surrogates.base import Surrogate
from gdopt.surrogates.multi_output import single_output
from tests.oracles import f64, gaussian, gp_posterior, level, normal, seeded
from tests.strategies import CONSTRAINED, LINE, MIXED, drive, guided, height, quick_prior, unchecked

CUBE = torch.stack([torch.zeros(5), torch.ones(5)]).double()
WHOLE = gdopt.Space(
    [gdopt.Real("a", 0, 1), gdopt.Integer("i", 1, 8), gdopt.Real("b", -3, 3)], [gdopt.Constraint({"a": 4, "i": 1}, 8)]
)


def plain(u: Tensor, y: Tensor) -> SingleTaskGP:
    """A model that takes no time to fit: its priors' modes."""
    return SingleTaskGP(u, y).eval()


def edges(space: gdopt.Space) -> tuple[Tensor, Tensor]:
    low, high = (f64([getattr(p, end) for p in space.parameters]) for end in ("low", "high"))
    return low, high


@cache
def values_model() -> tuple[SingleTaskGP, float]:
    """A model of the prior's designs in the unit cube, and the best value that it knows."""
    x = prior_candidates(quick_prior(), 20, CUBE, seed=7)
    y = -(x - 0.6).square().sum(1, keepdim=True)
    return SingleTaskGP(x, (y - y.mean()) / y.std()).eval(), float(((y - y.mean()) / y.std()).max())


def improving(q: bool = False) -> AcquisitionFunction:
    model, best = values_model()
    return qLogExpectedImprovement(model, best_f=best) if q else LogExpectedImprovement(model, best_f=best)


# The prior as raw samples.


@pytest.mark.parametrize("seed", [0, 3])
def test_raw_samples_are_the_priors_designs_within_the_bounds(seed: int) -> None:
    low, high = edges(quick_prior().space)
    designs = torch.from_numpy(quick_prior().sample(6, seed=seed))
    found = prior_generator(quick_prior(), torch.stack([-torch.ones(5), 2 * torch.ones(5)]).double())(3, 2, seed)
    torch.testing.assert_close(found, (3 * (designs - low) / (high - low) - 1).reshape(3, 2, 5))


def test_raw_samples_are_in_the_users_units_by_default() -> None:
    designs = torch.from_numpy(quick_prior().sample(6, seed=3))
    assert torch.equal(prior_generator(quick_prior())(6, 1, 3), designs.unsqueeze(1))


def test_far_designs_are_clamped_to_the_bounds() -> None:
    dim = quick_prior().codec.dim
    net = network(torch.zeros(dim), torch.eye(dim), 100 * torch.ones(dim), width=16, blocks=1).requires_grad_(False)
    wide = replace(quick_prior(), denoiser=net)
    x = prior_generator(wide, CUBE)(50, 1, None)
    assert (float(x.min()), float(x.max())) == (0.0, 1.0)


def test_the_generator_draws_on_from_its_own_stream() -> None:
    one, other = prior_generator(quick_prior(), CUBE, seed=1), prior_generator(quick_prior(), CUBE, seed=1)
    first, second = one(4, 1, None), one(4, 1, None)
    assert not torch.equal(first, second)
    assert torch.equal(torch.cat([first, second]), torch.cat([other(4, 1, None), other(4, 1, None)]))


@pytest.mark.usefixtures("untouched_random_state")
def test_designs_move_no_global_generator() -> None:
    prior_generator(quick_prior())(4, 2, None)
    study_candidates(learned(LINE), 4)


def test_an_acquisition_function_is_optimized_from_the_priors_designs() -> None:
    given: list[Tensor] = []
    generator = prior_generator(quick_prior(), CUBE)

    def kept(n: int, q: int, seed: int | None) -> Tensor:
        given.append(generator(n, q, seed))
        return given[-1]

    acqf = improving()
    x, value = optimize_acqf(acqf, CUBE, q=1, num_restarts=2, raw_samples=16, generator=kept)
    assert given[0].shape == (16, 1, 5)
    assert value >= acqf(given[0]).max()
    quick_prior().space.check(Box(quick_prior().space, CUBE).decode(x)[0])


def test_a_batch_is_optimized_from_the_priors_designs() -> None:
    generator = prior_generator(quick_prior(), CUBE)
    x, _ = optimize_acqf(improving(q=True), CUBE, q=2, num_restarts=2, raw_samples=8, generator=generator)
    assert x.shape == (2, 5)


# Candidate sets.


def test_candidates_of_the_prior_are_its_designs() -> None:
    low, high = edges(quick_prior().space)
    found = prior_candidates(quick_prior(), 30, CUBE, seed=2)
    np.testing.assert_allclose(low + found * (high - low), quick_prior().sample(30, seed=2), atol=1e-12)


def test_the_best_candidates_are_found_by_botorch() -> None:
    choices = prior_candidates(quick_prior(), 40, CUBE)
    acqf = improving(q=True)
    chosen, _ = optimize_acqf_discrete(acqf, q=3, choices=choices)
    assert torch.equal(chosen[0], choices[acqf(choices.unsqueeze(1)).argmax()])


def test_candidates_stay_on_the_designs_subspace_which_an_ascent_leaves() -> None:
    line = normal(30, 1, seed=0).expand(30, 5)
    prior = gdopt.DiffusionPrior.fit(line.contiguous(), steps=2)
    choices = prior_candidates(prior, 40, CUBE)
    x = torch.rand(30, 5, generator=seeded(), dtype=torch.float64)
    y = -(x - torch.linspace(0.2, 0.8, 5)).square().sum(1, keepdim=True)
    acqf = UpperConfidenceBound(plain(x, y), beta=1.0)
    chosen, _ = optimize_acqf_discrete(acqf, q=1, choices=choices)
    starts = prior_generator(prior, CUBE)
    ascended, _ = optimize_acqf(acqf, CUBE, q=1, num_restarts=2, raw_samples=16, generator=starts)
    assert float(chosen.std()) < 1e-9
    assert float(ascended.std()) > 0.01


def test_thompson_sampling_takes_candidates() -> None:
    choices = prior_candidates(quick_prior(), 40, CUBE)
    torch.manual_seed(0)
    chosen = MaxPosteriorSampling(values_model()[0], replacement=False)(choices, num_samples=5)
    assert all(any(torch.equal(row, choice) for choice in choices) for row in chosen)


@cache
def learned(space: gdopt.Space, **settings: object) -> Study:
    """A study that has learned from a round, and waits for two results."""
    study = Study(space, direction="maximize", algorithm=guided(**settings))
    drive(study, 2, 6, lambda p: -(sum(float(v) for v in p.values()) ** 2))
    study.ask(2)
    return study


@pytest.mark.parametrize("bounds", [None, torch.tensor([[0.0, 0, 0], [1, 1, 1]]).double()], ids=["own", "cube"])
@pytest.mark.parametrize("space", [WHOLE, CONSTRAINED], ids=["whole", "constrained"])
def test_every_candidate_of_a_study_is_a_new_design_that_its_space_allows(
    space: gdopt.Space, bounds: Tensor | None
) -> None:
    study = learned(space)
    designs = Box(space, bounds).decode(study_candidates(study, 20, bounds))
    tried = {tuple(t.params.values()) for t in study.trials}
    assert len(designs) == 20
    assert all(space.allows(one) and tuple(one.values()) not in tried for one in designs)


def pool_of(study: Study, n: int) -> tuple[Surrogate, Tensor]:
    """What a study's algorithm would select n designs from, and by which surrogate."""
    seen: list[tuple[Surrogate, Tensor]] = []

    def first(given: SelectionInput) -> list[int]:
        n = given.n
        seen.append((given.surrogate, given.pool))
        return list(range(n))

    replace(study.algorithm, selection=first).ask(study.state, n)
    return seen[0]


def test_candidates_of_a_study_are_of_the_pool_that_it_would_select_from() -> None:
    study = learned(CONSTRAINED)
    z = BoxCodec(CONSTRAINED).encode(Box(CONSTRAINED).decode(study_candidates(study, 20)))
    assert float(torch.cdist(z, pool_of(study, 20)[1]).amin(1).max()) < 1e-6


def test_candidates_of_a_study_are_not_selected_by_its_surrogate() -> None:
    study = learned(CONSTRAINED, candidates=400)
    model, pool = pool_of(study, 80)
    z = BoxCodec(CONSTRAINED).encode(Box(CONSTRAINED).decode(study_candidates(study, 80)))
    # Each is below the pool's median with probability one half: 3 standard deviations of 80 are 13.4.
    assert int((model.mean(z) < model.mean(pool).median()).sum()) == pytest.approx(40, abs=13.4)


def test_a_study_does_not_change_when_candidates_are_taken() -> None:
    study = learned(LINE)
    before = study.state
    first = study_candidates(study, 5)
    assert study.state is before
    assert torch.equal(study_candidates(study, 5), first)


def test_before_a_study_has_learned_its_candidates_are_those_of_the_start() -> None:
    study = Study(CONSTRAINED, direction="maximize", algorithm=guided())
    found = study_candidates(study, 4)
    assert Box(CONSTRAINED).decode(found) == [t.params for t in study.ask(4)]


# Rows of designs.


@pytest.mark.parametrize("bounds", [None, torch.tensor([[0.0, -1, 0], [1, 1, 9]]).double()], ids=["own", "other"])
def test_designs_come_back_from_their_rows(bounds: Tensor | None) -> None:
    designs = [{"a": 0.25, "i": 7, "b": -3.0}, {"a": 1.0, "i": 1, "b": 0.3}]
    found = Box(WHOLE, bounds).decode(Box(WHOLE, bounds).encode(designs))
    assert [one["i"] for one in found] == [7, 1]
    assert [list(one.values()) for one in found] == [pytest.approx(list(one.values())) for one in designs]


def test_rows_are_scaled_linearly_between_the_bounds() -> None:
    bounds = f64([[0, 0, 10], [1, 1, 20]])
    x = Box(WHOLE, bounds).encode([{"a": 0.0, "i": 8, "b": 1.5}])
    torch.testing.assert_close(x, f64([[0.0, 1.0, 17.5]]))


# Models.


def kin(u: Tensor, y: Tensor) -> SingleTaskGP:
    """The model of gdopt's own surrogate, where u = z/3."""
    return gp.fit(3.0 * u, y.squeeze(1)).model


@pytest.mark.parametrize("n", [3, 9])
def test_a_study_with_gdopts_own_model_by_the_adapter_proposes_the_same(n: int) -> None:
    def proposed(**settings: object) -> list[dict]:
        study = Study(CONSTRAINED, direction="maximize", algorithm=guided(thompson_scale=0.0, **settings))
        return [dict(t.params) for t in drive(study, 2, n).trials]

    assert proposed(surrogate=surrogate(kin, inputs=lambda z: z / 3.0)) == proposed()


def test_told_gradients_reach_a_model_by_the_adapter_as_they_reach_gdopts_own() -> None:
    def proposed(gradients: bool, **settings: object) -> list[dict]:
        study = Study(LINE, direction="maximize", algorithm=guided(gradient_step=0.0, **settings))
        for t in study.ask(6):
            slope = {n: -2 * (v - 0.3) for n, v in t.params.items()} if gradients else None
            study.tell(t.id, height(t.params), gradient=slope)
        return [dict(t.params) for t in study.ask(4)]

    by_adapter = proposed(True, surrogate=surrogate(kin, inputs=lambda z: z / 3.0))
    assert by_adapter == proposed(True)
    assert by_adapter != proposed(False)


def test_a_model_that_botorch_cannot_condition_stays_as_it_is() -> None:
    model = GenericDeterministicModel(lambda u: u.sum(-1, keepdim=True))
    z = normal(5, 2, seed=0)
    fitted = FittedModel(model, z, z.sum(1), lambda z: z)
    assert fitted.condition_on_observations(z, z.sum(1)) is fitted


def test_a_model_of_known_noise_is_conditioned_at_its_median() -> None:
    z = torch.rand(9, 2, generator=seeded(), dtype=torch.float64)
    model = SingleTaskGP(z, z.sum(1, keepdim=True), torch.linspace(0.1, 0.9, 9).double().unsqueeze(1)).eval()
    found = FittedModel(model, z, z.sum(1), lambda z: z).condition_on_observations(z[:2] / 2, z[:2].sum(1) / 2)
    before, after = (m.likelihood.noise.detach() for m in (model, found.model))
    torch.testing.assert_close(after[:9], before)
    torch.testing.assert_close(after[9:], before.median().expand(2))


def test_a_model_sees_designs_in_the_unit_cube_and_values_of_which_higher_is_better() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def factory(u: Tensor, y: Tensor) -> Model:
        seen.append((u, y))
        return plain(u, y)

    space = gdopt.Space([gdopt.Real("a", -1, 3), gdopt.Real("b", 10, 20)])
    study = Study(space, direction="minimize", algorithm=guided(surrogate=surrogate(factory)))
    drive(study, 1, 5, lambda p: float(p["a"]))
    study.ask()
    u, y = seen[0]
    expected = sorted([((t.params["a"] + 1) / 4, (t.params["b"] - 10) / 10) for t in study.trials[:5]])
    torch.testing.assert_close(u, f64(expected))
    assert y.shape == (5, 1)
    assert bool((y.diff(dim=0) < 0).all())


def test_a_model_can_be_of_the_designs_own_values() -> None:
    seen: list[Tensor] = []

    def factory(u: Tensor, y: Tensor) -> Model:
        seen.append(u)
        return plain(u, y)

    prior = quick_prior()
    fit = surrogate(factory, inputs=prior.codec.decode_array)
    study = Study(prior.space, direction="maximize", algorithm=guided(prior=prior, surrogate=fit))
    drive(study, 1, 5, lambda p: p["x0"])
    study.ask()
    told = sorted((list(t.params.values()) for t in study.trials[:5]), key=lambda row: -row[0])
    # The codec leaves out what little of the variance lies off its directions.
    torch.testing.assert_close(seen[0], f64(told), atol=0.02, rtol=0)


Z, AT = normal(20, 3, seed=0), normal(6, 3, seed=1)
Y = Z.sin().sum(1)


def test_predictions_are_the_posterior_by_hand() -> None:
    fitted = surrogate(lambda u, y: SingleTaskGP(u, y, outcome_transform=None, covar_module=matern()))(Z, Y)
    lengths = np.full(3, 0.5)
    noise = float(fitted.model.likelihood.noise.detach()) * np.ones(20)
    expected = gp_posterior(unit(Z).numpy(), Y.numpy(), unit(AT).numpy(), lengths, 0.0, noise)
    mean, variance = fitted.predict(AT)
    np.testing.assert_allclose(mean.detach(), expected[0], atol=1e-8)
    np.testing.assert_allclose(variance.detach(), expected[1].diagonal(), atol=1e-8)
    np.testing.assert_allclose(fitted.mean(AT), expected[0], atol=1e-8)


def matern() -> MaternKernel:
    kernel = MaternKernel(nu=2.5, ard_num_dims=3).double()
    kernel.lengthscale = 0.5
    return kernel


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_draws_have_the_posteriors_mean_and_covariance(spread: float) -> None:
    fitted = surrogate(plain)(Z, Y)
    law = fitted.model.posterior(unit(AT)).distribution
    draws = fitted.sample_posterior(AT, 4096, spread, seeded())
    np.testing.assert_allclose(draws.mean(0), law.mean.detach(), atol=0.01)
    np.testing.assert_allclose(draws.T.cov(), spread**2 * law.covariance_matrix.detach(), atol=0.02)


class Slopes(EnsembleModel):
    """Three planes."""

    num_outputs = 1

    def forward(self, X: Tensor) -> Tensor:
        return torch.stack([k * X.sum(-1, keepdim=True) for k in (1.0, 2.0, 6.0)], dim=-3)


def test_an_ensemble_is_a_surrogate() -> None:
    fitted = surrogate(lambda u, y: Slopes())(Z, Y)
    total = unit(AT).sum(1)
    mean, variance = fitted.predict(AT)
    torch.testing.assert_close((mean, variance), (3 * total, 7 * total**2))
    draws = fitted.sample_posterior(AT, 50, 1.0, seeded())
    assert {round(float(k), 9) for k in (draws / total).flatten()} == {1.0, 2.0, 6.0}


def test_a_few_designs_are_selected_by_an_ensembles_members() -> None:
    # Each plane rises with the sum, so what improves most by every member is where it is greatest, beyond all known.
    pool = 2 + normal(30, Z.shape[1], seed=5).abs()
    assert sequential_greedy(single_output(surrogate(lambda u, y: Slopes())(Z, Y)), pool, 1, pool[:0], seed=0) == [
        int(pool.sum(1).argmax())
    ]


class Mixed(SingleTaskGP):
    """A mixture of two processes, as the samples of a fully Bayesian model are, which take another package to draw."""

    def __init__(self, u: Tensor, y: Tensor) -> None:
        super().__init__(u.expand(2, -1, -1), torch.stack([y, 5 - y]), outcome_transform=None)

    @property
    def batch_shape(self) -> torch.Size:
        return torch.Size([])

    def posterior(self, X: Tensor) -> GaussianMixturePosterior:
        return GaussianMixturePosterior(super().posterior(X.unsqueeze(-3)).distribution)


def test_a_mixture_of_processes_is_a_surrogate() -> None:
    fitted = surrogate(Mixed)(Z, Y)
    law = fitted.model.posterior(unit(AT)).distribution
    one, other = law.mean.detach()
    torch.testing.assert_close(fitted.mean(AT), (one + other) / 2)
    mean, variance = fitted.predict(AT)
    torch.testing.assert_close(mean.detach(), (one + other) / 2)
    torch.testing.assert_close(variance.detach(), law.variance.detach().mean(0) + ((one - other) / 2).square())


def test_joint_draws_of_a_mixture_are_of_one_process_each() -> None:
    fitted = surrogate(Mixed)(Z, Y)
    law = fitted.model.posterior(unit(AT)).distribution
    draws = fitted.sample_posterior(AT, 4096, 1.0, seeded())
    second = draws.sum(1) > law.mean.detach().sum(1).mean()  # where the two are far apart
    assert float(second.double().mean()) == pytest.approx(0.5, abs=0.03)
    for process, own in enumerate((draws[~second], draws[second])):
        torch.testing.assert_close(own.mean(0), law.mean[process].detach(), atol=0.05, rtol=0)
        torch.testing.assert_close(own.T.cov(), law.covariance_matrix[process].detach(), atol=0.05, rtol=0)


@pytest.mark.usefixtures("untouched_random_state")
def test_a_model_that_draws_while_it_is_fitted_is_the_same_again() -> None:
    def factory(u: Tensor, y: Tensor) -> Model:
        return plain(u, y + torch.randn_like(y))

    one, other = (surrogate(factory)(Z, Y).mean(AT) for _ in range(2))
    assert torch.equal(one, other)


# Acquisition functions.


def confidence(model: Model, u: Tensor, y: Tensor) -> AcquisitionFunction:
    return UpperConfidenceBound(model, beta=4.0)


def expected_gain(model: Model, u: Tensor, y: Tensor) -> AcquisitionFunction:
    return qLogExpectedImprovement(model, best_f=y.max())


def test_the_guided_denoiser_adds_the_acquisitions_gradient_at_the_lookahead() -> None:
    law = gaussian(3, seed=2, floor=0.3)
    denoiser = GaussianDenoiser(law.mean, law.cov)
    fitted, x, abar = surrogate(plain)(Z, Y), normal(4, 3, seed=3), 0.6
    sigma, step = level(abar), 1e-5

    def value(x: Tensor) -> Tensor:
        """Mean + 2 deviations at the clean design, by hand."""
        mean, variance = fitted.predict(law.clean(abar**0.5 * x, abar))
        return (mean + 2 * variance.sqrt()).detach()

    ahead, behind = (torch.stack([value(x + s * step * e) for e in torch.eye(3).double()], 1) for s in (1, -1))
    expected = law.clean(abar**0.5 * x, abar) + sigma**2 * (ahead - behind) / (2 * step)
    torch.testing.assert_close(guidance(confidence)(denoiser, fitted, 0.0)(x, sigma), expected, atol=1e-6, rtol=0)


def test_guidance_and_selection_take_gdopts_own_surrogate() -> None:
    settings = {"guidance": guidance(expected_gain), "selection": selection(expected_gain)}
    study = Study(
        LINE,
        direction="maximize",
        algorithm=guided(share_guided=1.0, share_refitted=0.0, share_sdedit=0.0, share_broad=0.0, **settings),
    )
    assert {t.source for t in drive(study, 1, 4).ask(3)} == {"guided"}


def test_guided_candidates_have_a_higher_acquisition_value() -> None:
    def guided_values(strength: float) -> Tensor:
        settings = {
            "share_guided": 1.0,
            "share_refitted": 0.0,
            "share_sdedit": 0.0,
            "share_broad": 0.0,
            "momentum": 0.0,
            "guidance_scale": strength,
        }
        algorithm = guided(surrogate=surrogate(plain), guidance=guidance(expected_gain), **settings)
        study = drive(Study(CONSTRAINED, direction="maximize", algorithm=algorithm), 1, 8)
        fitted, pool = pool_of(study, 1)
        return expected_gain(fitted.model, unit(fitted.z), fitted.y)(unit(pool).unsqueeze(1)).detach()

    assert guided_values(1.0).mean() > guided_values(0.0).mean() + 0.5


def test_the_selected_design_has_the_highest_acquisition_value() -> None:
    fitted, pool = surrogate(plain)(Z, Y), normal(50, 3, seed=4)
    mean, variance = fitted.predict(pool)
    picks = selection(confidence)(SelectionInput(single_output(fitted), pool, 1, Z[:0], 0.0, seeded()))
    assert picks == [int((mean + 2 * variance.sqrt()).argmax())]


def test_a_selected_batch_is_botorchs_sequential_one() -> None:
    fitted, pool, waiting = surrogate(plain)(Z, Y), normal(30, 3, seed=4), normal(2, 3, seed=5)

    def built(model: Model, u: Tensor, y: Tensor) -> AcquisitionFunction:
        return qLogNoisyExpectedImprovement(model, u, SobolQMCNormalSampler(torch.Size([64]), seed=0))

    acqf = built(fitted.model, unit(Z), f64([]))
    acqf.set_X_pending(unit(waiting))
    expected, _ = optimize_acqf_discrete(acqf, q=3, choices=unit(pool))
    picks = selection(built)(SelectionInput(single_output(fitted), pool, 3, waiting, 0.0, seeded()))
    assert torch.equal(unit(pool)[picks], expected)


def test_designs_beyond_the_most_are_selected_from_the_rest_by_thompson_sampling() -> None:
    fitted, pool = surrogate(plain)(Z, Y), normal(30, 3, seed=4)
    picks = selection(expected_gain, most=2)(SelectionInput(single_output(fitted), pool, 6, Z[:0], 0.0, seeded()))
    means = fitted.mean(pool)
    means[picks[:2]] = -torch.inf
    assert picks[:2] == selection(expected_gain)(SelectionInput(single_output(fitted), pool, 2, Z[:0], 0.0, seeded()))
    assert picks[2:] == means.argsort(descending=True)[:4].tolist()  # which draws without spread come to


# What cannot work is refused.


@pytest.mark.parametrize(
    ("bounds", "match"),
    [
        (CUBE[:, :3], r"bounds are torch.float64 of shape \(2, 3\): expected torch.float64 of shape \(2, 5\)"),
        (CUBE.T, r"bounds are torch.float64 of shape \(5, 2\): expected torch.float64 of shape \(2, 5\)"),
        (CUBE.float(), r"bounds are torch.float32 of shape \(2, 5\): expected torch.float64"),
        (CUBE.flip(0), r"expected finite numbers, each low below its high"),
        (CUBE * torch.inf, r"expected finite numbers, each low below its high"),
    ],
)
@pytest.mark.parametrize("function", [prior_generator, lambda p, b: prior_candidates(p, 3, b)])
def test_bounds_that_do_not_fit_are_refused(function: Callable, bounds: Tensor, match: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=match):
        function(quick_prior(), bounds)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: prior_generator(quick_prior())(0, 1, None), "n = 0: expected a whole number, 1 or above"),
        (lambda: prior_generator(quick_prior())(2, 0, None), "q = 0: expected a whole number, 1 or above"),
        (lambda: prior_generator(quick_prior(), seed=-1), "seed = -1: expected a whole number, 0 or above"),
        (lambda: prior_candidates(quick_prior(), 0), "n = 0: expected a whole number, 1 or above"),
        (lambda: selection(expected_gain, most=0), "most = 0: expected a whole number, 1 or above"),
        (lambda: study_candidates(learned(LINE), 0), "n = 0: expected a whole number, 1 or above"),
    ],
)
def test_a_count_out_of_its_range_is_named(call: Callable, match: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=match):
        call()


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (f64([0.5, 2.0, 0.0]), r"x is torch.float64 of shape \(3,\): expected torch.float64 of shape \(n, 3\)"),
        (f64([[0.5, 2.0]]), r"x is torch.float64 of shape \(1, 2\): expected torch.float64 of shape \(n, 3\)"),
        (f64([[0.5, 2.0, 0.0]]).float(), r"x is torch.float32 of shape \(1, 3\)"),
        (f64([[0.5, 9.0, 0.0]]), r"x\[0, 1\] = 9 is outside \[1, 8\], the bounds of i"),
        (f64([[0.5, 2.0, torch.nan]]), r"x\[0, 2\] = nan is outside \[-3, 3\], the bounds of b"),
    ],
)
def test_rows_that_are_no_designs_are_refused(x: Tensor, match: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=match):
        Box(WHOLE).decode(x)


def test_a_row_that_breaks_a_constraint_is_refused() -> None:
    with pytest.raises(gdopt.SpaceError, match="4 a \\+ i <= 8 does not hold"):
        Box(WHOLE).decode(f64([[1.0, 8.0, 0.0]]))


def test_a_choice_is_no_number() -> None:
    study = Study(MIXED, direction="maximize", algorithm=guided())
    with pytest.raises(gdopt.SpaceError, match=r"\['base'\] are no numbers: rows of numbers need Real and Integer"):
        study_candidates(study, 4)


def test_a_study_of_another_algorithm_has_no_pool() -> None:
    study = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch())
    with pytest.raises(gdopt.SettingsError, match="algorithm is RandomSearch: expected GuidedDiffusion"):
        study_candidates(study, 4)


@pytest.mark.parametrize(
    ("factory", "match"),
    [
        (lambda u, y: None, "factory made a NoneType: expected a Model of BoTorch"),
        (lambda u, y: SingleTaskGP(u, torch.cat([y, -y], 1)), "SingleTaskGP has 2 outputs: expected 1"),
    ],
)
def test_a_factory_that_makes_no_model_of_one_value_is_refused(factory: Callable, match: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=match):
        surrogate(factory)(Z, Y)


class Broken(Slopes):
    def forward(self, X: Tensor) -> Tensor:
        return super().forward(X) * torch.nan


def test_a_model_that_predicts_no_numbers_is_refused() -> None:
    with pytest.raises(gdopt.NumericsError, match="Broken predicts values that are not finite"):
        surrogate(lambda u, y: Broken())(Z, Y)


@pytest.mark.parametrize("use", [lambda a: guidance(a)(None, gp.fit(Z, Y), 0.0), lambda a: select(a, 1, 0)])
def test_a_factory_that_makes_no_acquisition_function_is_refused(use: Callable) -> None:
    with unchecked(), pytest.raises(gdopt.SettingsError, match="acquisition made a float: expected an Acquisition"):
        use(lambda model, u, y: 1.0)


def select(acquisition: Callable, n: int, waiting: int) -> list[int]:
    fitted = single_output(surrogate(plain)(Z, Y))
    return selection(acquisition)(SelectionInput(fitted, AT, n, Z[:waiting], 0.0, seeded()))


@pytest.mark.parametrize(("n", "waiting"), [(2, 0), (1, 1)])
def test_an_analytic_acquisition_function_selects_nothing_beside_others(n: int, waiting: int) -> None:
    with pytest.raises(gdopt.SettingsError, match=f"UpperConfidenceBound .* here {n} with {waiting} pending"):
        select(confidence, n, waiting)
