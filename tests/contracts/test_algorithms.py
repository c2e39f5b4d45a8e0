"""What every algorithm keeps to, on every kind of space."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import gdopt
from gdopt.acquisition.batch import SelectionInput
from gdopt.algorithms.base import Algorithm
from gdopt.space.parameters import conditions
from gdopt.study.study import Study
from gdopt.trials.state import State
from gdopt.trials.trial import Trial
from tests.strategies import (
    CASES,
    DISCRETE,
    FINITE,
    QUICK,
    TINY,
    Case,
    Finite,
    drive,
    guided,
    height,
    quick,
    quick_prior,
    tell,
    unchecked,
)

pytestmark = pytest.mark.usefixtures("quick_fits")

ROUNDS = 3


def over(cases: Sequence[Case | Finite]) -> pytest.MarkDecorator:
    """The test for each of the cases, slow where the case is."""
    marked = [pytest.param(c, id=c.name, marks=[pytest.mark.slow] if c.slow else []) for c in cases]
    return pytest.mark.parametrize("case", marked)


every_case = over(CASES)
every_algorithm = over(QUICK)
on_finite = over(FINITE)
# The wide space takes seconds a round: what costs further rounds is shown without it.
in_short = over([c for c in CASES if "wide" not in c.name])


def kind(algorithm: Algorithm) -> str:
    return type(algorithm).__name__


@cache
def driven(case: Case) -> Study:
    """The case after some rounds, for tests that only look."""
    return drive(case.study(), ROUNDS, case.n)


def params(trials: list[Trial]) -> list[dict[str, float | int | str]]:
    return [dict(t.params) for t in trials]


def same(one: State, other: State) -> bool:
    """Whether all but the clock is equal, bit for bit."""
    notes = [[{k: v for k, v in note.items() if k != "seconds"} for note in s.notes] for s in (one, other)]
    tensors = one.tensors.keys() == other.tensors.keys() and all(
        torch.equal(v, other.tensors[k]) for k, v in one.tensors.items()
    )
    return (
        (one.space, one.seed, one.trials) == (other.space, other.seed, other.trials)
        and tensors
        and len(set(map(str, notes))) == 1
    )


def assert_new(study: Study, trials: list[Trial]) -> None:
    """The trials are of the space, differ from each other and from all before."""
    before = {str(t.params) for t in study.trials[: trials[0].id]}
    assert all(study.space.allows(t.params) for t in trials)
    assert len({str(t.params) for t in trials} - before) == len(trials)


# What comes back.


@every_case
def test_every_algorithm_is_one(case: Case) -> None:
    assert isinstance(case.algorithm(), Algorithm)


@every_case
def test_every_proposal_is_within_the_space(case: Case) -> None:
    study = driven(case)
    for trial in study.trials:
        study.space.check(trial.params)


@every_case
def test_ask_returns_as_many_as_were_asked_for_with_new_ids(case: Case) -> None:
    study = driven(case)
    assert [t.id for t in study.trials] == list(range(ROUNDS * case.n))
    assert [r.asked for r in study.rounds] == [case.n] * ROUNDS


@every_case
def test_no_design_is_proposed_twice(case: Case) -> None:
    proposed = [tuple(p.values()) for p in params(driven(case).trials)]
    assert len(set(proposed)) == len(proposed)


@every_case
def test_learning_begins_after_the_start(case: Case) -> None:
    sources = {s for r in driven(case).rounds[1:] for s in r.sources}
    assert ("start" in sources) != case.learns


@every_algorithm
def test_asking_one_at_a_time_gives_one_new_design_each_time(case: Case) -> None:
    study = drive(case.study(), 7, 1)
    assert len({tuple(t.params.values()) for t in study.trials}) == 7


@every_algorithm
def test_a_thousand_can_be_asked_for_before_any_result(case: Case) -> None:
    trials = case.study().ask(1000)
    assert len({tuple(t.params.values()) for t in trials}) == 1000
    assert all(case.space().allows(t.params) for t in trials)


@every_algorithm
def test_two_hundred_can_be_asked_for_after_results(case: Case) -> None:
    trials = drive(case.study(), 1, 6).ask(200)
    assert len({tuple(t.params.values()) for t in trials}) == 200
    assert all(case.space().allows(t.params) for t in trials)


# Beyond 2,000 candidates the posterior is drawn in parts; tokens and tables have pools of their own.
@over(
    [case for case in QUICK if case.name in ("guided-line", "guided-table-line", "masked-prior", "pool-thompson-line")]
)
def test_a_thousand_can_be_asked_for_after_results(case: Case) -> None:
    trials = drive(case.study(), 1, 6).ask(1000)
    assert len({tuple(t.params.values()) for t in trials}) == 1000
    assert all(case.space().allows(t.params) for t in trials)


# Small spaces.


@on_finite
@pytest.mark.parametrize("n", [1, 5])
def test_a_small_space_is_exhausted_by_as_many_trials_as_it_has_designs(case: Finite, n: int) -> None:
    study = Study(case.space, direction="maximize", algorithm=case.algorithm())
    while len(study.trials) < case.designs:
        batch = study.ask(n)
        assert len(batch) == min(n, case.designs - batch[0].id)
        study.fail(*(t.id for t in batch if t.id % 4 == 3))
        tell(study, [t for t in batch if t.id % 4 != 3])
    assert len({tuple(t.params.items()) for t in study.trials}) == case.designs
    with pytest.raises(gdopt.ExhaustedError, match=f"all {case.designs} designs were tried, and no other is left"):
        study.ask(n)


@pytest.mark.parametrize("name", ["levels", pytest.param("tied", marks=pytest.mark.slow), "rare"])
@pytest.mark.parametrize("algorithm", [gdopt.GuidedDiffusion(candidates=64), quick("pool-thompson")], ids=kind)
def test_half_of_a_small_space_at_least_is_learned_for(name: str, algorithm: Algorithm) -> None:
    space, designs = DISCRETE[name]
    study = drive(Study(space, direction="maximize", algorithm=replace(algorithm, n_initial=None)), designs, 1)
    assert sum(t.source != "start" for t in study.trials) >= designs // 3


@on_finite
def test_what_was_added_is_not_proposed(case: Finite) -> None:
    study = Study(case.space, direction="maximize", algorithm=case.algorithm())
    for trial in Study(case.space, direction="maximize", algorithm=case.algorithm(), seed=5).ask(4):
        study.add(trial.params, height(trial.params))
    asked = study.ask(case.designs)
    assert len(asked) == case.designs - 4
    assert len({tuple(t.params.items()) for t in study.trials}) == case.designs


@on_finite
def test_the_best_is_repeated_where_that_is_wanted(case: Finite) -> None:
    study = Study(case.space, direction="maximize", algorithm=case.algorithm())
    tell(study, study.ask(case.designs))
    best = sorted((t.value for t in study.trials), reverse=True)
    more = study.ask(2, repeat=True)
    assert [height(t.params) for t in more] == best[:2]
    assert {t.source for t in more} == {"repeat"}


def test_a_batch_is_filled_up_with_repeats_where_that_is_wanted() -> None:
    study = drive(Study(TINY, direction="maximize", algorithm=guided()), 1, 6)
    batch = study.ask(5, repeat=True)
    assert [t.source == "repeat" for t in batch] == [False] * 2 + [True] * 3
    assert {t.round for t in batch} == {1}


def test_nothing_is_repeated_where_nothing_has_a_value() -> None:
    study = Study(TINY, direction="maximize", algorithm=gdopt.RandomSearch())
    study.fail(*(t.id for t in study.ask(8)))
    with pytest.raises(gdopt.ExhaustedError, match="all 8 designs were tried"):
        study.ask(1, repeat=True)


def test_designs_beside_what_is_fixed_are_exhausted_by_themselves() -> None:
    study = Study(TINY, direction="maximize", algorithm=guided())
    tell(study, study.ask(7, fixed={"c": "on"}))
    assert {t.params["c"] for t in study.trials} == {"on"}
    with pytest.raises(gdopt.ExhaustedError, match=r"all 4 designs with \{'c': 'on'\} were tried"):
        study.ask(1, fixed={"c": "on"})
    assert len(study.ask(7)) == 4


def test_a_batch_of_what_was_left_comes_back_by_its_key() -> None:
    study = Study(TINY, direction="maximize", algorithm=gdopt.RandomSearch())
    batch = study.ask(10, key="plate-1")
    assert [t.id for t in study.ask(10, key="plate-1")] == [t.id for t in batch] == list(range(8))
    with pytest.raises(gdopt.SettingsError, match="8 trials asked for with it before, now 9"):
        study.ask(9, key="plate-1")


# Reality outside the plan.


def moved_outside(space: gdopt.Space, params: dict) -> dict:
    """The parameters, each number that no condition is on half a range above its upper bound."""
    beyond = {}
    parents = {name for p in space.parameters for name, _ in conditions(p)}
    for p in space.parameters:
        if isinstance(p, gdopt.Real | gdopt.Integer) and p.name in params and p.name not in parents:
            beyond[p.name] = p.plain(p.high + (p.high - p.low) / 2)
    return params | beyond


# The default on every kind of space, the others on the simplest one.
OVERSHOT = [
    c
    for c in CASES
    if (c.name.startswith("guided-") or c.name.endswith("-line"))
    and not any(word in c.name for word in ("wide", "table", "dna", "sequences"))
]


@over(OVERSHOT)
def test_results_outside_the_space_are_learned_from_and_never_proposed(case: Case) -> None:
    study = drive(case.study(), 1, case.n)
    better = 1e3 if study.direction == "maximize" else -1e3
    for trial in study.ask(6):
        study.add(moved_outside(study.space, dict(trial.params)), better, outside=True)
    assert study.best.outside
    assert_new(study, study.ask(case.n))


# Randomness.


@in_short
def test_same_seed_gives_the_same_trials_whatever_the_global_generators(case: Case) -> None:
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    random.seed(7)
    again = drive(case.study(), 2, case.n)
    assert again.trials == driven(case).trials[: 2 * case.n]


@every_algorithm
def test_another_seed_gives_other_trials(case: Case) -> None:
    assert not set(map(str, params(case.study(seed=1).ask(4)))) & set(map(str, params(case.study(seed=2).ask(4))))


@every_algorithm
@pytest.mark.usefixtures("untouched_random_state")
def test_the_global_generators_are_not_moved(case: Case) -> None:
    # Type checks pick what they look at by Python's generator.
    with unchecked():
        drive(case.study(seed=3), 2, case.n)


# The study turns the values, so that an algorithm minimizes as it does in any other space.
@every_algorithm
def test_minimizing_is_maximizing_the_negative(case: Case) -> None:
    least = drive(case.study("minimize"), 2, case.n, lambda p: -height(p))
    most = driven(case).trials[: 2 * case.n]
    assert params(least.trials) == params(most)
    assert [t.value for t in least.trials] == [-t.value for t in most]


# Going on.


@every_case
def test_killed_study_goes_on_bit_for_bit(case: Case, tmp_path: Path) -> None:
    drive(case.study(storage=tmp_path / "study.gdopt"), 2, case.n)
    resumed = drive(case.study(storage=tmp_path / "study.gdopt"), ROUNDS - 2, case.n)
    assert same(resumed.state, driven(case).state)


@every_algorithm
def test_study_killed_between_ask_and_tell_goes_on_bit_for_bit(case: Case, tmp_path: Path) -> None:
    drive(case.study(storage=tmp_path / "study.gdopt"), 1, case.n).ask(case.n)
    resumed = case.study(storage=tmp_path / "study.gdopt")
    tell(resumed, resumed.pending)
    assert same(resumed.state, drive(case.study(), 2, case.n).state)


def test_a_finetuned_network_differs_from_the_priors_and_is_kept() -> None:
    case = next(c for c in QUICK if c.name == "finetuned-prior")
    kept, before = driven(case).state.tensors, quick_prior().denoiser.state_dict()
    assert kept.keys() == before.keys()
    assert any(not torch.equal(kept[k], before[k]) for k in before)


# Results as they come.


@every_algorithm
def test_partial_late_and_reordered_results_are_the_same_as_prompt_ones(case: Case) -> None:
    study = case.study()
    first = study.ask(6)
    for trial in reversed(first[3:]):
        study.tell(trial.id, height(trial.params))
    tell(study, first[:3])
    assert params(study.ask(3)) == params(drive(case.study(), 1, 6).ask(3))


@every_algorithm
def test_asking_while_others_are_pending_repeats_none_of_them(case: Case) -> None:
    study = drive(case.study(), 1, 6)
    batches = [study.ask(3), study.ask(3)]
    tell(study, batches[0][:1])
    batches.append(study.ask(3))
    assert len({tuple(t.params.values()) for t in study.trials}) == len(study.trials) == 15


@every_algorithm
def test_failed_and_abandoned_trials_are_neither_learned_from_nor_repeated(case: Case) -> None:
    study = case.study()
    trials = study.ask(8)
    tell(study, trials[:5])
    study.fail(5, 6)
    study.abandon(7)
    new = study.ask(3)
    assert not {str(t.params) for t in new} & {str(t.params) for t in trials}
    assert len(study.state.done) == 5


@every_algorithm
def test_a_study_whose_trials_all_failed_can_be_asked_again(case: Case) -> None:
    study = case.study()
    for _ in range(3):
        study.fail(*[t.id for t in study.ask(5)])
    assert len({tuple(t.params.values()) for t in study.trials}) == 15


@every_algorithm
def test_repeated_results_of_a_design_are_learned_from(case: Case) -> None:
    study = drive(case.study(), 1, 6)
    for trial in study.trials[:3]:
        for noise in (0.1, -0.1):
            study.add(trial.params, height(trial.params) + noise)
    assert_new(study, study.ask(3))
    assert_new(study, study.ask(10))


@every_algorithm
def test_results_of_one_design_alone_can_be_asked_on(case: Case) -> None:
    study = case.study()
    (only,) = study.ask()
    for value in range(5):
        study.add(only.params, float(value))
    assert_new(study, study.ask(3))


@every_algorithm
@pytest.mark.parametrize("sems", [[0.3, None], [0.0, 1e-200, 1e200]], ids=str)
def test_results_with_standard_errors_are_learned_from(case: Case, sems: list[float | None]) -> None:
    study = case.study()
    for trial in study.ask(6):
        sem = sems[trial.id % len(sems)]
        study.tell(trial.id, height(trial.params) if sem is None else (height(trial.params), sem))
    assert_new(study, study.ask(3))
    assert_new(study, study.ask(10))


@every_algorithm
def test_rounds_in_which_some_fail_are_learned_from(case: Case) -> None:
    study = case.study()
    for _ in range(2):
        for trial in study.ask(10):
            if trial.id % 3:
                study.tell(trial.id, height(trial.params))
            else:
                study.fail(trial.id)
    assert_new(study, study.ask(10))


# Values of every kind.


@every_algorithm
@pytest.mark.parametrize(
    "values",
    [[0.0], [1e300, -1e300], [1e300, 1e-300, -1.0], [5.0, 5.0, 5.0 + 1e-15]],
    ids=["equal", "huge", "huge-and-tiny", "almost-equal"],
)
def test_values_of_any_size_are_learned_from(case: Case, values: list[float]) -> None:
    study = case.study()
    study.tell({t.id: values[t.id % len(values)] for t in study.ask(6)})
    new = study.ask(3)
    assert len(new) == 3
    assert all(t.predicted is None or abs(t.predicted) < 10 for t in new)


@every_algorithm
def test_results_that_were_never_asked_for_count(case: Case) -> None:
    given = params(case.study(seed=5).ask(6))
    study = case.study()
    for one in given:
        study.add(one, height(one))
    new = study.ask(3)
    assert not {str(t.params) for t in new} & set(map(str, given)) or not case.learns
    assert study.best.value == max(map(height, given))


# Told gradients.


def first_of_the_pool(given: SelectionInput) -> list[int]:
    """No selection at all."""
    return list(range(given.n))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_step": 1.0, "gradient_radius": 0.0, "selection": first_of_the_pool},
        {"gradient_step": 0.0, "gradient_radius": 0.5},
    ],
)
def test_told_gradients_move_the_proposals_their_way(sign: float, settings: dict[str, object]) -> None:
    space = gdopt.Space.from_bounds([(-1, 1)] * 2)

    def mean_of_new(told: bool) -> float:
        study = Study(space, direction="maximize", algorithm=guided(**settings))
        # The values show how x0 counts; only the gradients say that x1 does.
        for trial in study.ask(6):
            slope = {"x0": 1.0, "x1": sign} if told else None
            study.tell(trial.id, float(trial.params["x0"]), gradient=slope)
        return float(np.mean([t.params["x1"] for t in study.ask(30)]))

    assert sign * (mean_of_new(True) - mean_of_new(False)) > 0.03


def test_told_gradients_change_nothing_without_climb_and_slopes() -> None:
    plain = guided(gradient_step=0.0, gradient_radius=0.0)

    def proposals(gradient: dict[str, float] | None) -> list[dict[str, float | int | str]]:
        study = Study(gdopt.Space.from_bounds([(-1, 1)] * 2), direction="maximize", algorithm=plain)
        for trial in study.ask(6):
            study.tell(trial.id, height(trial.params), gradient=gradient)
        return params(study.ask(3))

    assert proposals({"x0": 3.0}) == proposals(None)


@pytest.mark.parametrize("gradient", [{"x": 0.0}, {}, {"x": 1e300}, {"x": -1e-300}])
def test_gradients_of_any_size_are_climbed(gradient: dict[str, float]) -> None:
    study = Study(gdopt.Space([gdopt.Real("x", -1, 1)]), direction="maximize", algorithm=guided(gradient_step=1.0))
    for trial in study.ask(5):
        study.tell(trial.id, height(trial.params), gradient=gradient)
    assert all(study.space.allows(t.params) for t in study.ask(3))


def test_told_gradients_of_a_minimization_point_downhill() -> None:
    def proposals(direction: str, sign: float) -> list[dict[str, float | int | str]]:
        study = Study(gdopt.Space.from_bounds([(-1, 1)]), direction=direction, algorithm=guided(gradient_step=1.0))
        for trial in study.ask(5):
            study.tell(trial.id, sign * height(trial.params), gradient={"x0": sign * 2.0})
        return params(study.ask(3))

    assert proposals("minimize", -1.0) == proposals("maximize", 1.0)
