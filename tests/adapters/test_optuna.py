"""gdopt in Optuna's studies: Optuna's own contract for samplers, and against a gdopt study told the same."""

import math
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.testing.pytest_samplers import BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase
from optuna.trial import TrialState

import gdopt
from gdopt.adapters.optuna import GdoptSampler
from gdopt.adapters.optuna_study import SharedSpace, state_of
from gdopt.baselines import baseline
from gdopt.errors import MissingExtraError, ResultError, SettingsError, SpaceError
from gdopt.trials.proposals import append
from gdopt.trials.state import State
from gdopt.trials.trial import Status

pytestmark = pytest.mark.usefixtures("quick_fits")

QUICK = gdopt.GuidedDiffusion(candidates=100, n_initial=4)
# It learns without a surrogate, and from what was noted of its rounds.
QUICKEST = replace(baseline("cma"), n_initial=4)
BOX = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 2)}
MIXED = {
    "real": FloatDistribution(0, 1),
    "ratio": FloatDistribution(1e-3, 1, log=True),
    "dose": FloatDistribution(-1, 1, step=0.25),
    "count": IntDistribution(1, 5),
    "width": IntDistribution(1, 512, log=True),
    "step": IntDistribution(1, 10, step=3),
    "base": CategoricalDistribution(["a", 1, None, True]),
}


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


# Some of them go on where every design was tried.
@pytest.mark.filterwarnings("ignore:all designs of the search space were tried")
class TestContract(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's tests of any sampler."""

    @pytest.fixture
    def sampler(self):
        return lambda: GdoptSampler(gdopt.GuidedDiffusion(candidates=20, n_initial=8))


def study_of(algorithm=QUICKEST, space=BOX, seed=0, **settings):
    return optuna.create_study(sampler=GdoptSampler(algorithm, search_space=space, seed=seed), **settings)


def loss(params):
    return sum((v - 0.3) ** 2 for v in params.values() if type(v) is float)


def play(study, trials, space=BOX):
    """Ask and tell; returns all that was asked for."""
    asked = []
    for _ in range(trials):
        trial = study.ask(space)
        study.tell(trial, loss(trial.params))
        asked.append(trial.params)
    return asked


def read(study, space=BOX):
    """The state that the study shows to the next trial."""
    shared = SharedSpace.of(space)
    trial = study._storage.get_trial(study._storage.create_new_trial(study._study_id))
    return state_of(study, trial, shared, State(shared.space, 0))


@dataclass(frozen=True)
class Insisting:
    """Proposes the same whatever is asked."""

    params: tuple

    def init(self, space, seed):
        return State(space, seed)

    def ask(self, state, n):
        return append(state, [dict(self.params)] * n, ["insisting"] * n, [None] * n, {})


# --- the same as a study ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "direction"),
    [(QUICK, "minimize"), (QUICKEST, "minimize"), (QUICKEST, "maximize")],
)
def test_sampler_proposes_what_a_study_told_the_same_proposes(algorithm, direction):
    space = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Real("y", 0, 2)])
    ours = gdopt.Study(space, direction=direction, algorithm=algorithm, seed=1)
    theirs = study_of(algorithm, seed=1, direction=direction)
    for _ in range(9):
        (trial,) = ours.ask(1)
        ours.tell(trial.id, loss(trial.params))
        assert play(theirs, 1) == [trial.params]


def test_gradients_reach_the_algorithm_in_its_units_and_direction():
    space = {"x": FloatDistribution(0, 1), "dose": FloatDistribution(-1, 1, step=0.25), "c": MIXED["base"]}
    study = study_of(space=space)
    trial = study.ask(space)
    trial.set_user_attr("gdopt:gradient", {"x": 2.0, "dose": -4.0})
    study.tell(trial, 1.0)
    (told,) = read(study, space).done
    assert told.result.gradient == {"x": -2.0, "dose": 1.0}


def test_gradients_change_what_is_proposed_as_they_do_in_a_study():
    space = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Real("y", 0, 2)])
    ours = gdopt.Study(space, direction="minimize", algorithm=QUICK)
    theirs = study_of(QUICK)
    for _ in range(6):
        (mine,), trial = ours.ask(1), theirs.ask(BOX)
        assert trial.params == mine.params
        slopes = {name: 2 * (value - 0.3) for name, value in trial.params.items()}
        trial.set_user_attr("gdopt:gradient", slopes)
        theirs.tell(trial, loss(trial.params))
        ours.tell(mine.id, loss(mine.params), gradient=slopes)


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        ([1.0, 2.0], r"gdopt:gradient = \[1.0, 2.0\]"),
        ({"x": "steep"}, "could not convert string"),
        ({"x": float("nan")}, "gradient must be finite"),
        ({"z": 1.0}, r"gradient names \['z'\]"),
    ],
)
def test_an_invalid_gradient_is_refused_and_its_value_is_used(gradient, message):
    study = study_of()
    trial = study.ask(BOX)
    trial.set_user_attr("gdopt:gradient", gradient)
    with pytest.raises(ResultError, match=message):
        study.tell(trial, 1.0)
    (done,) = read(study).done
    assert (done.value, done.result.gradient) == (-1.0, None)


def test_statuses_are_as_optuna_means_them():
    study = study_of(gdopt.RandomSearch())
    trials = [study.ask(BOX) for _ in range(5)]
    study.tell(trials[0], 3.0)
    study.tell(trials[1], math.inf)
    study.tell(trials[2], state=TrialState.FAIL)
    study.tell(trials[3], state=TrialState.PRUNED)
    study.enqueue_trial({"x": 0.5, "y": 0.5})
    state = read(study)
    expected = [Status.DONE, Status.FAILED, Status.FAILED, Status.ABANDONED, Status.PENDING]
    assert [t.status for t in state.trials] == expected
    assert [t.value for t in state.done] == [-3.0]


def test_trials_in_hand_are_not_proposed_again():
    space = {"a": CategoricalDistribution(["u", "v"]), "b": IntDistribution(1, 3)}
    study = study_of(space=space)
    play(study, 4, space)
    asked = {tuple(study.ask(space).params.items()) for _ in range(2)}
    assert len(asked | {tuple(t.params.items()) for t in study.trials}) == 6


def test_what_a_running_trial_was_proposed_is_known_before_its_objective_asks_for_it():
    study = study_of()
    proposed = study.ask().relative_params
    assert [t.params for t in read(study).pending] == [proposed]


def test_proposal_that_was_not_followed_counts_as_a_result_of_the_users_own():
    study = study_of()
    study.enqueue_trial({"x": 0.5, "y": 0.5})
    play(study, 2)
    assert [(t.round, t.source) for t in read(study).trials] == [(-1, "added"), (1, "start")]


def test_trials_from_outside_the_search_space_are_left_out():
    study = study_of()
    study.add_trial(optuna.create_trial(params={"x": 3.0}, distributions={"x": FloatDistribution(0, 9)}, value=0.0))
    outside = {"x": 3.0, "y": 1.0}
    study.add_trial(
        optuna.create_trial(params=outside, distributions=dict.fromkeys(outside, FloatDistribution(0, 9)), value=0.0)
    )
    assert not read(study).trials


# --- randomness ------------------------------------------------------------------------------------


def objective(trial):
    return trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 2) + trial.suggest_int("n", 1, 9)


def test_only_the_first_trial_is_random_without_a_search_space():
    study = study_of(space=None)
    study.optimize(objective, n_trials=5)
    assert ["gdopt:proposal" in t.system_attrs for t in study.trials] == [False, True, True, True, True]
    assert [t.params["n"] for t in study.trials] != [study.trials[0].params["n"]] * 5


def test_study_in_a_database_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    space = {name: d for name, d in MIXED.items() if name != "base"} | {"base": CategoricalDistribution(["a", 1, None])}
    url = f"sqlite:///{tmp_path / 'study.db'}"
    whole, part = study_of(space=space, study_name="one"), study_of(space=space, study_name="one", storage=url)
    assert play(whole, 7, space) == play(part, 7, space)
    loaded = optuna.load_study(study_name="one", storage=url, sampler=GdoptSampler(QUICKEST, search_space=space))
    assert play(loaded, 2, space) == play(whole, 2, space)


def test_reseeding_changes_nothing_as_no_two_trials_share_a_stream():
    studies = [study_of(), study_of()]
    studies[1].sampler.reseed_rng()
    first, second = (play(study, 6) for study in studies)
    assert first == second
    assert len({p["x"] for p in first}) == 6


def test_parameters_that_are_sampled_alone_differ_by_trial_name_and_seed():
    values = [
        GdoptSampler(seed=seed).sample_independent(study, study.ask()._cached_frozen_trial, name, BOX["x"])
        for seed in (0, 1)
        for study in [study_of()]
        for name in ("x", "y", "x")
    ]
    assert len(set(values)) == 6


def test_threads_are_never_given_the_same_trial():
    study = study_of(space=None)
    study.optimize(objective, n_trials=16, n_jobs=4)
    assert len({tuple(t.params.values()) for t in study.trials}) == 16
    assert all(t.state is TrialState.COMPLETE for t in study.trials)


def test_brackets_of_hyperband_are_studies_of_their_own():
    pruner = optuna.pruners.HyperbandPruner(max_resource=9)
    study = study_of(pruner=pruner)

    def pruned(trial):
        value = trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 2)
        for step in range(9):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(pruned, n_trials=12)
    assert {TrialState.COMPLETE, TrialState.PRUNED} == {t.state for t in study.trials}
    assert all("gdopt:proposal" in t.system_attrs for t in study.trials)


def test_sampler_that_was_pickled_proposes_the_same():
    study = study_of()
    play(study, 5)
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    again = study_of()
    play(again, 5)
    assert play(study, 1) == play(again, 1)


def test_global_random_states_are_not_touched(untouched_random_state):
    study_of(space=None).optimize(objective, n_trials=6)


# --- spaces ----------------------------------------------------------------------------------------


def test_distributions_become_gdopt_s():
    assert SharedSpace.of(MIXED).space == gdopt.Space(
        [
            gdopt.Real("real", 0, 1),
            gdopt.Real("ratio", 1e-3, 1, log_scale=True),
            gdopt.Integer("dose", 0, 8),
            gdopt.Integer("count", 0, 4),
            gdopt.Real("width", 0.5, 512.5, log_scale=True),
            gdopt.Integer("step", 0, 3),
            gdopt.Choice("base", ["0", "1", "2", "3"]),
        ]
    )


def test_encoded_parameters_decode_to_themselves():
    shared = SharedSpace.of(MIXED)
    params = {"real": 0.25, "ratio": 0.1, "dose": -0.75, "count": 2, "width": 64, "step": 7, "base": None}
    assert shared.decode(shared.encode(params)) == params


def test_values_are_of_the_types_that_optuna_has_and_within_the_distributions():
    study = study_of(space=MIXED)
    for params in play(study, 8, MIXED):
        assert all(d._contains(d.to_internal_repr(params[name])) for name, d in MIXED.items())
        types = {name: type(v) for name, v in params.items() if name != "base"}
        assert types == {"real": float, "ratio": float, "dose": float, "count": int, "width": int, "step": int}


def test_prior_brings_its_search_space_and_its_designs_are_the_first():
    corpus = np.random.default_rng(0).normal(size=(40, 2)) @ np.ones((2, 11))
    prior = gdopt.DiffusionPrior.fit(corpus, steps=20)
    study = study_of(gdopt.GuidedDiffusion(prior=prior), None)

    def along(trial):
        # In another order than the corpus has its columns.
        return sum(trial.suggest_float(p.name, p.low, p.high) for p in reversed(prior.space.parameters))

    study.optimize(along, n_trials=3)
    rows = np.array([[t.params[name] for name in prior.space.names] for t in study.trials])
    assert all(np.isclose(row, corpus).all(1).any() for row in rows)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"x": 1.7, "y": 1.0}, "x = 1.7 is outside"), ({"x": 0.5}, r"missing parameters \['y'\]")],
)
def test_proposal_that_is_not_in_the_space_is_never_tried(params, message):
    with pytest.raises(SpaceError, match=message):
        study_of(Insisting(tuple(params.items()))).ask(BOX)


# --- what is refused -------------------------------------------------------------------------------


def test_several_objectives_are_refused():
    study = study_of(directions=["minimize", "maximize"])
    with pytest.raises(SettingsError, match="the study has 2 objectives: gdopt takes one"):
        study.ask(BOX)


def test_constraints_are_refused_by_name():
    study = study_of()
    trial = study.ask(BOX)
    trial.set_constraint("power", 1.0)
    study.tell(trial, 1.0)
    with pytest.raises(SettingsError, match=r"trial 0 has constraints \['power'\]: gdopt takes none"):
        study.ask(BOX)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": gdopt.GuidedDiffusion(finetune=10)}, "finetune = 10: expected 0, as Optuna cannot store"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_setting_that_optuna_has_no_place_for_is_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        GdoptSampler(**settings)


def test_optuna_is_imported_by_its_adapter_only_and_missed_by_name():
    code = (
        "import sys, gdopt\n"
        "assert not any(name == 'optuna' or name.startswith('optuna.') for name in sys.modules)\n"
        "sys.modules['optuna'] = None\n"
        "import gdopt.adapters.optuna\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        f"{MissingExtraError.__name__}: the adapter for Optuna needs Optuna: pip install 'gdopt[optuna]'" in done.stderr
    )


def test_small_space_is_tried_once_and_then_the_best_is_repeated_with_a_warning():
    space = {"a": CategoricalDistribution(["u", "v"]), "b": IntDistribution(1, 3)}
    study = study_of(gdopt.RandomSearch(), space)
    with pytest.warns(UserWarning, match="all designs of the search space were tried: the best is measured again"):
        study.optimize(lambda t: t.suggest_int("b", 1, 3) + (t.suggest_categorical("a", ["u", "v"]) == "u"), n_trials=9)
    assert len({tuple(t.params.items()) for t in study.trials[:6]}) == 6
    assert [t.params for t in study.trials[6:]] == [study.best_params] * 3
