"""The prior: what it can be fitted to, what it draws, and that a saved one is the same."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

import gdopt
from gdopt import (
    Choice,
    Constraint,
    CorpusError,
    DiffusionPrior,
    GdoptError,
    Integer,
    Normal,
    Real,
    Space,
    Uniform,
    files,
)
from gdopt.diffusion.closed_form import GaussianDenoiser
from tests.strategies import corpus, prior, unchecked


def fit(designs: object, **settings: object) -> DiffusionPrior:
    return DiffusionPrior.fit(designs, **{"steps": 1, **settings})


def replaced(value: float, *rows: int) -> np.ndarray:
    designs = corpus()
    designs[list(rows), 1] = value
    return designs


UNIT = Space.from_bounds([(-100, 100)] * 5)


@pytest.mark.parametrize(
    ("designs", "settings", "match"),
    [
        (np.arange(5.0), {}, r"must be an array \(n, D\), one design a row; got shape \(5,\)"),
        (np.zeros((2, 3, 4)), {}, r"got shape \(2, 3, 4\): flatten each, such as by designs.reshape"),
        ([[1.0, 2.0], [3.0]], {}, "one design a row: .* inhomogeneous"),
        (replaced(math.nan, 3, 17), {}, r"must be finite; rows \[3, 17\] \(of 2\) are not"),
        (replaced(math.inf, *range(7)), {}, r"rows \[0, 1, 2, 3, 4\] \(of 7\) are not"),
        (np.array([["a", "b"], ["c", "d"]]), {}, "must be numbers, got <U1; with choices, give a table"),
        (np.array([[1.0, None], [2.0, 3.0]], dtype=object), {}, "row 0: x1 = None is no number"),
        (np.ones((6, 3)), {}, "needs two different designs or more, got 1"),
        (np.ones((1, 3)), {}, "needs two different designs or more, got 1"),
        (np.zeros((0, 3)), {}, "needs two different designs or more, got 0"),
        (np.zeros((5, 0)), {}, "needs two different designs|one parameter or more|columns"),
        (corpus(), {"names": ["a", "b"]}, "designs have 5 columns, but 2 names were given"),
        (corpus(), {"names": list("abcdef")}, "designs have 5 columns, but 6 names were given"),
        (corpus(), {"space": Space.from_bounds([(0, 1)] * 4)}, "designs have 5 columns, the space 4 parameters"),
        (
            corpus(1 + 5, 1),
            {"space": Space([Integer("i", -9, 9)])},
            "6 designs are outside the space, .* which is not a whole",
        ),
        (corpus(6, 1), {"space": Space([Choice("c", ["a", "b"])])}, r"row 0: c = .* is not one of \['a', 'b'\]"),
        (corpus(6, 1), {"space": Space([Real("x", 1, 9, log_scale=True)])}, r"which has to be in \[1, 9\]"),
        (1e-200 * corpus(6, 1), {}, r"x0 is up to .*e-200 in size and varies by .*; give it in another unit"),
        (1e200 * corpus(6, 1), {}, r"x0 is up to .*e\+200 in size and varies by .*: expected at most 1e\+100"),
    ],
)
def test_a_corpus_that_cannot_be_fitted_is_refused(designs: np.ndarray, settings: dict, match: str) -> None:
    with unchecked(), pytest.raises(CorpusError, match=match) as caught:
        fit(designs, **settings)
    assert isinstance(caught.value, GdoptError | ValueError)


def test_a_tensor_with_a_graph_is_a_corpus() -> None:
    designs = torch.from_numpy(corpus()).requires_grad_()
    assert torch.equal(fit(designs, steps=1).designs, fit(corpus(), steps=1).designs)


def test_a_corpus_outside_the_given_space_is_refused() -> None:
    narrow = Space.from_bounds([(-100, 100)] * 4 + [(-1e-3, 1e-3)])
    outside = int((np.abs(corpus()[:, 4]) > 1e-3).sum())
    with pytest.raises(
        CorpusError, match=rf"{outside} designs are outside the space, one with x4 = .* \[-0.001, 0.001\]"
    ):
        fit(corpus(), space=narrow)


def test_a_space_with_constraints_is_refused() -> None:
    space = Space(UNIT.parameters, [Constraint({"x0": 1, "x1": 1}, 50)])
    with pytest.raises(CorpusError, match="constraints"):
        fit(corpus(), space=space)


def test_the_space_reaches_a_twentieth_beyond_the_corpus() -> None:
    space = fit(np.array([[0.0, -10.0], [1.0, 10.0]]), names=["a", "b"]).space
    assert space == Space([Real("a", -0.05, 1.05), Real("b", -11.0, 11.0)])


def test_a_given_space_is_the_priors() -> None:
    assert fit(corpus(), space=UNIT).space == UNIT


def test_repeated_rows_count_once() -> None:
    twice = fit(np.vstack([corpus(), corpus()]))
    assert torch.equal(twice.designs, fit(corpus()).designs)
    assert len(twice.designs) == len(corpus())


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e6])
def test_a_constant_column_never_varies(constant: float) -> None:
    designs = corpus()
    designs[:, 2] = constant
    found = fit(designs, steps=20).sample(200)
    assert found[:, 2] == pytest.approx(np.full(200, constant), rel=1e-12, abs=1e-12)
    assert found[:, [0, 1, 3, 4]].std(0).min() > 0.1


@pytest.mark.parametrize("n", [2, 3, 8])
def test_fewer_designs_than_columns_give_finite_designs_within_bounds(n: int) -> None:
    found = fit(corpus(n, 12, 6), steps=20)
    assert all(found.space.allows(dict(zip(found.space.names, row, strict=True))) for row in found.sample(50).tolist())


def test_a_table_names_the_parameters() -> None:
    table = pd.DataFrame(corpus(), columns=list("abcde"))
    assert fit(table).space.names == ("a", "b", "c", "d", "e")
    assert np.array_equal(fit(table[["b", "a"]]).designs, fit(corpus()[:, [1, 0]]).designs)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_an_array_of_any_kind_of_number_is_a_corpus(kind: type) -> None:
    rows = np.round(10 * corpus()).astype(kind)
    with unchecked():
        assert fit(rows).sample(3).dtype == np.float64


def test_a_tensor_and_an_array_give_the_same_prior() -> None:
    one, other = fit(corpus(), steps=5), fit(torch.from_numpy(corpus()), steps=5)
    assert np.array_equal(one.sample(10), other.sample(10))


def test_one_column_is_enough() -> None:
    found = fit(np.linspace(0, 1, 50).reshape(-1, 1), steps=20).sample(300)
    assert -0.05 <= found.min() < 0.2
    assert 0.8 < found.max() <= 1.05


def test_columns_of_one_unit_are_compared_by_their_variance() -> None:
    designs = np.random.default_rng(0).normal(size=(200, 3)) * np.array([1.0, 1.0, 1e-6])
    assert fit(designs).codec.dim == 3
    assert fit(designs, commensurate=True).codec.dim == 2


@pytest.mark.parametrize("unexplained", [1e-9, 1e-2, 0.3])
def test_directions_are_dropped_until_more_would_be_left_out(unexplained: float) -> None:
    values = np.linalg.eigvalsh(np.corrcoef(corpus().T))[::-1]
    left_out = 1 - np.cumsum(values) / values.sum()
    assert fit(corpus(), unexplained=unexplained).codec.dim == 1 + (left_out > unexplained).sum()


# Weights.

SKEWED = np.random.default_rng(1).exponential(size=60)


def test_weighted_whitening_has_the_weighted_mean_and_covariance() -> None:
    found = fit(corpus(), weights=SKEWED, unexplained=1e-9).codec
    unit = (corpus() - np.average(corpus(), axis=0, weights=SKEWED)) / found.scale.numpy()
    np.testing.assert_allclose(found.mean, np.average(corpus(), axis=0, weights=SKEWED))
    spread = np.sqrt(np.diag(np.cov(corpus().T, aweights=SKEWED, ddof=0)))
    np.testing.assert_allclose(found.scale, spread)
    cov = found.basis * found.spread**2 @ found.basis.T
    np.testing.assert_allclose(cov, np.cov(unit.T, aweights=SKEWED, ddof=0), atol=1e-12)


def test_repeating_a_row_is_giving_it_weight() -> None:
    times = np.arange(1, 61)
    repeated = np.repeat(corpus(), times, axis=0)
    one, other = fit(corpus(), weights=times), fit(repeated, weights=np.ones(len(repeated)))
    assert torch.equal(one.weights, other.weights)
    assert np.array_equal(one.sample(5), other.sample(5))


def test_the_scale_of_the_weights_makes_no_difference() -> None:
    one, other = fit(corpus(), weights=SKEWED), fit(corpus(), weights=4 * SKEWED)
    assert np.array_equal(one.sample(5), other.sample(5))


def test_weights_that_are_all_alike_are_no_weights() -> None:
    assert np.array_equal(fit(corpus(), weights=np.full(60, 0.3)).sample(5), fit(corpus()).sample(5))


def test_designs_without_weight_are_left_out() -> None:
    some = np.arange(60) < 40
    assert torch.equal(fit(corpus(), weights=some).designs, fit(corpus()[some]).designs)


def test_draws_follow_the_weights() -> None:
    line = np.linspace(-1, 1, 400).reshape(-1, 1)
    found = fit(line, weights=np.exp(line[:, 0]), steps=300).sample(2000)
    # Of the law ∝ exp(x) on [-1, 1] the mean is coth 1 - 1; of equal weights it is 0.
    assert found.mean() == pytest.approx(1 / math.tanh(1) - 1, abs=0.06)


def test_few_effective_designs_are_shrunk_though_there_are_many() -> None:
    # One weight of a hundred is worth two designs of five columns: their covariance has rank one, the shrunk one all.
    designs = np.random.default_rng(0).normal(size=(100, 5))
    weights = np.r_[1.0, 1.0, np.full(98, 1e-9)]
    assert fit(designs, weights=weights).codec.dim == 5


def test_order_of_the_corpus_follows_the_weights() -> None:
    found = fit(np.arange(4.0).reshape(-1, 1), weights=[1, 2, 3, 4])
    generator = torch.Generator().manual_seed(0)
    orders = torch.stack([found.order(generator) for _ in range(4000)])
    # The first is drawn by the weights; the second by what is left: 4 before 3 before 2 is 4/10 · 3/6 · 2/3.
    assert np.bincount(orders[:, 0]) / 4000 == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.03)
    assert (orders == torch.tensor([3, 2, 1, 0])).all(1).double().mean() == pytest.approx(0.4 / 3, abs=0.02)
    assert (orders.sort(1).values == torch.arange(4)).all()


def test_corpus_redrawn_has_the_weighted_mean() -> None:
    found = fit(np.linspace(0, 1, 3000).reshape(-1, 1), weights=np.arange(1, 3001))
    redrawn = found.redrawn(torch.Generator().manual_seed(0))
    assert float(redrawn.mean()) == pytest.approx(2 / 3, abs=0.02)
    assert torch.equal(prior().redrawn(torch.Generator()), prior().designs)


# An expert's.

LAB = Space([Real("temperature", 20, 120, unit="degC"), Real("hours", 1, 24), Real("loading", 0, 5)])
BELIEFS = {"temperature": Normal(110, 10), "hours": Uniform(2, 6)}


def test_draws_of_an_experts_prior_are_those_of_the_belief() -> None:
    found = DiffusionPrior.expert(LAB, BELIEFS).sample(4000, seed=1)
    heat, hours, loading = found.T
    # Against scipy's laws; the largest gap of 4000 draws is below 0.026 nineteen times in twenty.
    assert stats.kstest(heat, stats.truncnorm(-9, 1, 110, 10).cdf).statistic < 0.03
    assert stats.kstest(hours, stats.uniform(2, 4).cdf).statistic < 0.03
    assert stats.kstest(loading, stats.uniform(0, 5).cdf).statistic < 0.03
    assert np.abs(np.corrcoef(found.T) - np.eye(3)).max() < 0.06


def test_an_experts_prior_is_white_in_its_coordinates() -> None:
    z = DiffusionPrior.expert(LAB, BELIEFS).sample_z(4000, torch.Generator().manual_seed(0))
    assert z.mean(0).tolist() == pytest.approx([0] * 3, abs=0.06)
    assert z.std(0).tolist() == pytest.approx([1] * 3, abs=0.05)


def test_an_experts_prior_is_fit_for_its_own_draws() -> None:
    assert DiffusionPrior.expert(LAB, BELIEFS).check().fit


def test_a_saved_experts_prior_is_the_same(tmp_path: Path) -> None:
    one = DiffusionPrior.expert(LAB, BELIEFS)
    one.save(tmp_path / "expert.safetensors")
    again = DiffusionPrior.load(tmp_path / "expert.safetensors")
    assert again.space == LAB
    assert again.training is None
    assert np.array_equal(again.sample(20), one.sample(20))
    assert torch.equal(again.designs, one.designs)


def test_a_study_with_an_experts_prior_goes_on_from_its_file(tmp_path: Path) -> None:
    def study(storage: Path | None) -> gdopt.Study:
        algorithm = gdopt.GuidedDiffusion(prior=DiffusionPrior.expert(LAB, BELIEFS), candidates=64, n_initial=4)
        return gdopt.Study(LAB, direction="maximize", algorithm=algorithm, storage=storage)

    def asked(one: gdopt.Study) -> list:
        trials = one.ask(4)
        one.tell({t.id: -((t.params["temperature"] - 90) ** 2) for t in trials})
        return [dict(t.params) for t in trials]

    straight, kept = study(None), study(tmp_path / "lab.gdopt")
    expected = [asked(straight), asked(straight)]
    assert [asked(kept), asked(gdopt.Study.load(tmp_path / "lab.gdopt"))] == expected
    assert all(2 <= one["hours"] <= 6 for one in expected[0])


def test_only_a_network_can_be_fine_tuned() -> None:
    with pytest.raises(gdopt.SettingsError, match="finetune = 5: expected 0, as the prior has no network to train on"):
        gdopt.GuidedDiffusion(prior=DiffusionPrior.expert(LAB, {}), finetune=5)


@pytest.mark.parametrize(
    ("space", "beliefs", "match"),
    [
        (
            LAB,
            {"heat": Normal(1, 1)},
            r"beliefs of \['heat'\]: the parameters are \['temperature', 'hours', 'loading'\]",
        ),
        (LAB, {"hours": Normal(30, 1)}, r"hours: Normal\(mean=30, std=1\) is outside the bounds \[1, 24\]"),
        (LAB, {"hours": Uniform(0, 4)}, r"hours: Uniform\(low=0, high=4\) is outside the bounds \[1, 24\]"),
        (Space([Integer("i", 0, 9)]), {}, "needs a space of linear Real parameters"),
        (Space([Real("x", 1, 9, log_scale=True)]), {}, "needs a space of linear Real parameters"),
        (Space([Real("x", 0, 1), Real("y", 0, 1)], [Constraint({"x": 1, "y": 1}, 1)]), {}, "without constraints"),
    ],
)
def test_beliefs_that_do_not_fit_the_space_are_refused(space: Space, beliefs: dict, match: str) -> None:
    with pytest.raises((gdopt.SettingsError, gdopt.SpaceError), match=match):
        DiffusionPrior.expert(space, beliefs)


@pytest.mark.parametrize("ends", [(1, 0), (math.nan, 1), (0, math.inf), (-1, math.inf)])
def test_beliefs_of_nothing_are_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(gdopt.SettingsError, match=r"Uniform\(.*\): expected finite numbers, low below high"):
        Uniform(*ends)
    with pytest.raises(gdopt.SettingsError, match=r"Normal\(.*\): expected finite numbers, std above 0"):
        Normal(*ends)


def test_a_denoiser_of_others_has_no_file(tmp_path: Path) -> None:
    foreign = replace(prior(), denoiser=GaussianDenoiser(torch.zeros(5).double(), torch.eye(5).double()))
    with pytest.raises(gdopt.SettingsError, match="whose denoiser is a GaussianDenoiser has no file"):
        foreign.save(tmp_path / "prior")
    assert not (tmp_path / "prior").exists()


# Draws.


def test_the_same_seed_draws_the_same_designs() -> None:
    assert np.array_equal(prior().sample(5, seed=1), prior().sample(5, seed=1))
    assert not np.array_equal(prior().sample(5, seed=1), prior().sample(5, seed=2))


def test_the_same_seed_fits_the_same_prior() -> None:
    one, other = fit(corpus(), steps=20, seed=4), fit(corpus(), steps=20, seed=4)
    assert np.array_equal(one.sample(5), other.sample(5))


@pytest.mark.usefixtures("untouched_random_state")
def test_fitting_and_drawing_move_no_global_generator() -> None:
    with unchecked():
        fit(corpus(), steps=5).sample(3)


def test_draws_have_the_corpus_mean_and_covariance() -> None:
    designs = np.random.default_rng(0).multivariate_normal([1, 2], [[1, 0.8], [0.8, 1]], size=400)
    found = fit(designs, steps=40).sample(4000)
    # Four standard errors of 4000 draws: 4/sqrt(4000) = 0.063 of a mean, 0.09 of a variance; training is short.
    assert found.mean(0) == pytest.approx(designs.mean(0), abs=0.1)
    assert np.cov(found.T) == pytest.approx(np.cov(designs.T), abs=0.15)


def test_draws_lie_on_the_subspace_of_the_corpus() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(8, 3)))[0]
    space = Space.from_bounds([(-100, 100)] * 8)
    found = fit(rng.normal(size=(100, 3)) @ basis.T, space=space, commensurate=True, steps=20).sample(50)
    assert np.abs(found - found @ basis @ basis.T).max() < 1e-12


# Files.


def test_a_saved_prior_draws_the_same(tmp_path: Path) -> None:
    prior().save(tmp_path / "prior")
    again = DiffusionPrior.load(tmp_path / "prior")
    assert np.array_equal(again.sample(20, seed=3), prior().sample(20, seed=3))


def test_a_saved_prior_is_all_there(tmp_path: Path) -> None:
    prior().save(tmp_path / "prior")
    again = DiffusionPrior.load(tmp_path / "prior")
    assert (again.space, again.training, again.seconds) == (prior().space, prior().training, prior().seconds)
    assert torch.equal(again.z, prior().z)


def test_a_saved_prior_keeps_its_weights(tmp_path: Path) -> None:
    weighted = fit(corpus(), weights=SKEWED)
    weighted.save(tmp_path / "prior")
    assert torch.equal(DiffusionPrior.load(tmp_path / "prior").weights, weighted.weights)
    assert weighted.effective_size == pytest.approx(SKEWED.sum() ** 2 / (SKEWED**2).sum())


def before_choices(prior: DiffusionPrior) -> tuple[dict, dict]:
    """Tensors and header as they were before there were choices."""
    tensors, header = prior.parts()
    columns = [[p.name, p.low, p.high, p.unit] for p in prior.space.parameters]
    return tensors, {"columns": columns, **{k: header[k] for k in ("training", "seconds")}}


def test_a_file_from_before_there_were_choices_is_read(tmp_path: Path) -> None:
    tensors, header = before_choices(prior())
    files.write(tmp_path / "old", tensors, {**header, "format": "gdopt prior 2"})
    again = DiffusionPrior.load(tmp_path / "old")
    assert again.space == prior().space
    assert np.array_equal(again.sample(10), prior().sample(10))


def test_a_file_from_before_there_were_weights_has_equal_ones(tmp_path: Path) -> None:
    tensors, header = before_choices(prior())
    del tensors["weights"]
    files.write(tmp_path / "old", tensors, {**header, **header.pop("training"), "format": "gdopt prior 1"})
    assert DiffusionPrior.load(tmp_path / "old").training == prior().training
    assert DiffusionPrior.load(tmp_path / "old").weights.tolist() == [1.0] * 60


def test_progress_is_reported_to_the_last_step() -> None:
    seen: list[tuple[int, int, float]] = []
    fit(corpus(), steps=120, progress=lambda *news: seen.append(news))
    assert [(step, of) for step, of, _ in seen] == [(100, 120), (120, 120)]
    assert all(0 < loss < 2 for _, _, loss in seen)


def test_a_tensor_that_is_part_of_a_graph_is_a_corpus() -> None:
    designs = torch.rand(12, 3, generator=torch.Generator().manual_seed(0))
    found = gdopt.DiffusionPrior.fit(designs.clone().requires_grad_(), steps=1)
    assert torch.equal(found.designs, gdopt.DiffusionPrior.fit(designs, steps=1).designs)


def test_images_are_to_be_flattened() -> None:
    match = r"got shape \(4, 2, 2\): flatten each, such as by designs.reshape\(len\(designs\), -1\)"
    with pytest.raises(gdopt.CorpusError, match=match):
        gdopt.DiffusionPrior.fit(torch.rand(4, 2, 2))


@pytest.mark.parametrize("steps", [0, -1])
def test_a_prior_is_not_fitted_with_less_than_one_training_step(steps: int) -> None:
    with pytest.raises(gdopt.SettingsError, match=f"steps = {steps}: expected 1 or more"):
        fit(corpus(), steps=steps)


def test_a_prior_of_one_training_step_is_saved_and_loaded(tmp_path: Path) -> None:
    fitted = fit(corpus(), steps=1)
    fitted.save(tmp_path / "prior.safetensors")
    assert DiffusionPrior.load(tmp_path / "prior.safetensors").training == fitted.training
