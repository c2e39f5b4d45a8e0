"""gdopt in Ax's client: against a gdopt study told the same, and where Ax says nothing when something is wrong."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from ax.adapter.registry import Generators
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, DerivedParameterConfig, RangeParameterConfig, StorageConfig
from ax.core.parameter import ChoiceParameter, ParameterType, RangeParameter
from ax.core.parameter_constraint import ParameterConstraint
from ax.core.search_space import SearchSpace
from ax.generation_strategy.generation_node import GenerationNode
from ax.generation_strategy.generation_strategy import GenerationStrategy
from ax.generation_strategy.generator_spec import GeneratorSpec
from ax.generation_strategy.transition_criterion import MinTrials

import gdopt
from gdopt.adapters.ax import GdoptNode, strategy
from gdopt.adapters.ax_experiment import SharedSpace, state_of
from gdopt.algorithms.serialization import deserialize, serialize
from gdopt.algorithms.settings import with_settings
from gdopt.baselines import baseline
from gdopt.errors import MissingExtraError, SettingsError, SpaceError, StoreError
from gdopt.surrogates.outcome_transforms import standardized
from gdopt.trials.proposals import append
from gdopt.trials.state import State
from gdopt.trials.trial import Status

pytestmark = pytest.mark.usefixtures("quick_fits")

QUICK = gdopt.GuidedDiffusion(candidates=100, n_initial=4)
RANGES = [RangeParameterConfig("x", (0.0, 1.0), "float"), RangeParameterConfig("y", (0.0, 2.0), "float")]
MIXED = [
    RangeParameterConfig("real", (0.0, 1.0), "float"),
    RangeParameterConfig("ratio", (1e-3, 1.0), "float", scaling="log"),
    RangeParameterConfig("count", (1, 5), "int"),
    RangeParameterConfig("width", (1, 512), "int", scaling="log"),
    RangeParameterConfig("step", (1, 10), "int", step_size=3),
    ChoiceParameterConfig("base", ["a", "b", "c"], "str", is_ordered=False),
    ChoiceParameterConfig("grade", [0.1, 0.5, 2.0], "float", is_ordered=False),
    ChoiceParameterConfig("wet", [True, False], "bool", is_ordered=True),
    ChoiceParameterConfig("site", ["here"], "str"),
    DerivedParameterConfig("twice", "2 * real + 1", "float"),
]
CONSTRAINTS = ["real + step <= 9.5"]
TYPES = {
    "real": float,
    "ratio": float,
    "count": int,
    "width": int,
    "step": int,
    "base": str,
    "grade": float,
    "wet": bool,
    "site": str,
    "twice": float,
}


def client_of(parameters=RANGES, constraints=None, objective="-loss", client_seed=None, **settings):
    """A client with gdopt's strategy, quick unless an algorithm is given."""
    client = Client(random_seed=client_seed)
    client.configure_experiment(parameters, parameter_constraints=constraints)
    client.configure_optimization(objective)
    client.set_generation_strategy(strategy(**{"algorithm": QUICK, "batch": 3, **settings}))
    return client


def loss(params):
    """As Ax's storage keeps it, which rounds to ten decimals."""
    return round(sum((v - 0.3) ** 2 for v in params.values() if type(v) is float), 9)


def nearly(asked):
    """The same up to what Ax's storage does to told values, which it rounds to ten decimals."""
    return [{k: pytest.approx(v, rel=1e-6) if type(v) is float else v for k, v in one.items()} for one in asked]


def play(client, rounds, size=3):
    """Ask and tell; returns all that was asked for."""
    asked = []
    for _ in range(rounds):
        for index, params in client.get_next_trials(size).items():
            client.complete_trial(index, {"loss": loss(params)})
            asked.append(params)
    return asked


def keys(client):
    return {t.generator_run._generator_key for t in client._experiment.trials.values()}


def saved_and_loaded(client, path):
    client.save_to_json_file(str(path))
    return Client.load_from_json_file(str(path))


def read(client):
    """The state that the experiment shows."""
    experiment = client._experiment
    shared = SharedSpace.of(experiment.search_space)
    return state_of(experiment, experiment.lookup_data(), shared, State(shared.space, 0))


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
    "algorithm",
    [
        pytest.param(QUICK, id="guided"),
        # It reads what was noted of its rounds.
        pytest.param(baseline("cma"), id="cma"),
    ],
)
def test_client_is_proposed_what_a_study_told_the_same_is_proposed(algorithm):
    space = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Real("y", 0, 2)])
    study = gdopt.Study(space, direction="minimize", algorithm=algorithm, seed=1)
    client = client_of(algorithm=algorithm, seed=1, batch=4)
    for _ in range(4):
        trials = study.ask(4)
        study.tell({t.id: loss(t.params) for t in trials})
        assert play(client, 1, 4) == [t.params for t in trials]


def test_first_of_a_batch_is_what_a_batch_of_one_would_be():
    clients = [client_of(batch=8), client_of(batch=8)]
    for client in clients:
        play(client, 1, 8)
    clients[1].set_generation_strategy(strategy(QUICK, batch=1))
    of_eight, of_one = (list(client.get_next_trials(1).values()) for client in clients)
    assert of_eight == of_one


def test_call_for_many_trials_is_one_ask_if_the_batch_is_as_large():
    client = client_of(batch=5)
    client.get_next_trials(5)
    assert {t.round for t in read(client).trials} == {0}
    client.get_next_trials(7)
    assert [t.round for t in read(client).trials[5:]] == [1] * 5 + [2] * 2


# --- what Ax says nothing of -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fixed",
    [
        {"width": 7, "wet": True, "ratio": 0.1, "grade": 0.5, "site": "here"},
        {"real": 0.5, "step": 7, "count": 5, "base": "c"},
    ],
)
def test_every_candidate_has_the_fixed_parameters_and_the_rest_is_free(fixed):
    client = client_of(MIXED, CONSTRAINTS, batch=4)
    play(client, 1, 4)
    candidates = list(client.get_next_trials(4, fixed_parameters=fixed).values())
    assert {t.source for t in read(client).pending}.isdisjoint({"start", "added"})
    assert len({json.dumps(one) for one in candidates}) == 4
    for one in candidates:
        assert {name: one[name] for name in fixed} == fixed
        assert [type(one[name]) for name in TYPES] == list(TYPES.values())
        assert one["twice"] == 2 * one["real"] + 1
        assert client._experiment.search_space.check_membership(one)
    free = list(client.get_next_trials(4).values())
    assert any(one[name] != value for one in free for name, value in fixed.items())


def test_fixed_parameters_give_what_a_study_with_the_same_ones_proposes():
    space = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Real("y", 0, 2)])
    study = gdopt.Study(space, direction="minimize", algorithm=QUICK, seed=1)
    client = client_of(seed=1, batch=4)
    for _ in range(3):
        trials = study.ask(4, fixed={"x": 0.5})
        study.tell({t.id: loss(t.params) for t in trials})
        given = client.get_next_trials(4, fixed_parameters={"x": 0.5})
        assert list(given.values()) == [t.params for t in trials]
        for index, params in given.items():
            client.complete_trial(index, {"loss": loss(params)})


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ({"no_such": 1}, "no_such is unknown; there are"),
        ({"twice": 2.0}, "twice is derived from others"),
        ({"real": 1.5}, "real = 1.5 is not in RangeParameter"),
        ({"base": "d"}, "base = 'd' is not in ChoiceParameter"),
        ({"site": "there"}, "site = 'there' is not in FixedParameter"),
        ({"real": 1.0, "step": 10}, "no parameters within the bounds satisfy"),
    ],
)
def test_fixed_parameters_that_cannot_be_are_refused_and_no_trial_is_made(fixed, message):
    client = client_of(MIXED, CONSTRAINTS)
    with pytest.raises(SpaceError, match=message):
        client.get_next_trials(1, fixed_parameters=fixed)
    assert not client._experiment.trials


def test_an_algorithm_that_passes_over_fixed_parameters_is_refused_and_no_trial_is_made():
    client = client_of(algorithm=Insisting((("x", 0.1), ("y", 0.2))))
    with pytest.raises(SettingsError, match=r"Insisting cannot fix parameters; asked for were \{'x': 0.5\}"):
        client.get_next_trials(1, fixed_parameters={"x": 0.5})
    assert not client._experiment.trials


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"x": 1.7, "y": 1.0}, "x = 1.7 is outside"),
        ({"x": float("nan"), "y": 1.0}, "x = nan is outside"),
        ({"x": 0.5}, r"missing parameters \['y'\]"),
        ({"x": 0.5, "y": 1.0, "z": 1.0}, r"unknown parameters \['z'\]"),
    ],
)
def test_candidate_that_is_not_in_the_space_never_becomes_a_trial(params, message):
    client = client_of(algorithm=Insisting(tuple(params.items())))
    with pytest.raises(SpaceError, match=message):
        client.get_next_trials(1)
    assert not client._experiment.trials


def test_values_are_of_the_types_that_ax_declares_and_within_the_search_space():
    client = client_of(MIXED, CONSTRAINTS, batch=4)
    asked = play(client, 2, 4)
    assert {name: {type(p[name]) for p in asked} for name in TYPES} == {name: {t} for name, t in TYPES.items()}
    assert all(client._experiment.search_space.check_membership(p) for p in asked)


SMALL = [
    ChoiceParameterConfig("a", ["u", "v"], "str", is_ordered=False),
    ChoiceParameterConfig("b", ["u", "v", "w"], "str", is_ordered=False),
]


def test_small_space_is_used_up_without_a_duplicate_and_then_an_error_says_so():
    client = client_of(SMALL)
    asked = play(client, 2, 3)
    assert len({tuple(p.items()) for p in asked}) == 6
    with pytest.raises(SpaceError, match="in the experiment already"):
        client.get_next_trials(1)
    assert keys(client) == {"gdopt"}


def test_used_up_space_is_tried_again_by_gdopt_where_duplicates_are_wanted():
    client = client_of(SMALL, algorithm=gdopt.RandomSearch(), should_deduplicate=False)
    assert len(play(client, 9, 1)) == 9
    assert keys(client) == {"gdopt"}


def test_seed_of_the_client_changes_nothing():
    asked = [play(client_of(client_seed=seed, batch=1), 5, 1) for seed in (None, 0)]
    assert asked[0] == asked[1]
    assert len({p["x"] for p in asked[0]}) == 5


def test_global_random_states_are_not_touched(untouched_random_state):
    play(client_of(), 2, 4)


def test_predict_is_refused_by_ax_and_the_best_is_the_best_measured():
    client = client_of()
    best = min(play(client, 2), key=loss)
    assert client.get_best_parameterization(use_model_predictions=False)[0] == best
    assert client.get_best_parameterization()[0] == best
    with pytest.raises(Exception, match="not predictive"):
        client.predict([best])


def test_reloaded_client_goes_on_as_if_it_had_not_been_saved(tmp_path):
    client = client_of(MIXED, CONSTRAINTS, batch=4)
    play(client, 1, 4)
    client.get_next_trials(2)
    loaded = saved_and_loaded(client, tmp_path / "client.json")
    assert play(loaded, 1, 2) == nearly(play(client, 1, 2))


def test_prior_is_stored_by_its_file(tmp_path):
    corpus = np.random.default_rng(0).normal(size=(40, 2)) @ np.ones((2, 3))
    prior = gdopt.DiffusionPrior.fit(corpus, steps=20)
    with_unit = gdopt.Space([replace(p, unit="mm") for p in prior.space.parameters])
    prior = replace(prior, codec=replace(prior.codec, space=with_unit))
    prior.save(tmp_path / "prior.safetensors")
    parameters = [RangeParameterConfig(p.name, (p.low, p.high), "float") for p in prior.space.parameters]
    client = client_of(parameters[::-1], prior=tmp_path / "prior.safetensors")
    first = play(client, 1, 4)
    rows = np.array([[p[name] for name in prior.space.names] for p in first])
    assert all(np.isclose(row, corpus).all(1).any() for row in rows)
    loaded = saved_and_loaded(client, tmp_path / "client.json")
    assert play(loaded, 1) == nearly(play(client, 1))


# Ax's own, of pandas.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_algorithm_that_cannot_be_stored_empties_no_snapshot_and_is_given_again(tmp_path):
    algorithm = with_settings(QUICK, {"outcome_transform": lambda y: standardized(y)})
    client = client_of(algorithm=algorithm)
    play(client, 2)
    with pytest.warns(UserWarning, match="no room for the algorithm: outcome_transform is a function"):
        loaded = saved_and_loaded(client, tmp_path / "client.json")
    with pytest.raises(SettingsError, match="give it again by set_generation_strategy"):
        loaded.get_next_trials(1)
    loaded.set_generation_strategy(strategy(algorithm))
    assert loaded.get_next_trials(1) == client.get_next_trials(1)


def test_snapshot_of_a_client_whose_algorithm_was_lost_can_be_saved_again(tmp_path):
    client = client_of(algorithm=Insisting((("x", 0.5), ("y", 0.5))))
    with pytest.warns(UserWarning, match="Insisting is not one of gdopt's own"):
        loaded = saved_and_loaded(client, tmp_path / "client.json")
    saved_and_loaded(loaded, tmp_path / "again.json")
    assert (
        json.loads((tmp_path / "again.json").read_text())["generation_strategy"]["nodes"]
        == json.loads((tmp_path / "client.json").read_text())["generation_strategy"]["nodes"]
    )


def test_metric_is_read_by_its_signature_and_statuses_as_ax_means_them():
    client = client_of(algorithm=gdopt.RandomSearch(), batch=9)
    client.get_next_trials(9)
    client.complete_trial(0, {"loss": 1.0, "other": 7.0})
    client.complete_trial(1, {"loss": float("nan")})
    client.complete_trial(2, {"other": 7.0})
    client.mark_trial_failed(3)
    client.mark_trial_abandoned(4)
    client.attach_data(5, {"loss": 2.0})
    client.attach_data(6, {"loss": 3.0}, progression=1)
    client.attach_data(7, {"loss": 4.0}, progression=2)
    client.mark_trial_early_stopped(7)
    trials = read(client).trials
    pending, done = Status.PENDING, Status.DONE
    assert [t.status for t in trials] == [
        done,
        Status.FAILED,
        pending,
        Status.FAILED,
        Status.ABANDONED,
        done,
        pending,
        done,
        pending,
    ]
    assert [t.value for t in trials if t.status is done] == [-1.0, -2.0, -4.0]


def test_abandoned_and_failed_trials_are_not_proposed_again():
    client = client_of(SMALL, algorithm=gdopt.RandomSearch(), batch=8)
    taken = client.get_next_trials(4)
    for index in list(taken)[:2]:
        client.mark_trial_failed(index)
    for index in list(taken)[2:]:
        client.mark_trial_abandoned(index)
    rest = client.get_next_trials(2)
    assert len({tuple(p.items()) for p in [*taken.values(), *rest.values()]}) == 6


def test_first_point_after_attached_data_is_learned_by_gdopt_from_them():
    client = client_of()
    grid = np.random.default_rng(0).uniform(size=(40, 2)) * [1, 2]
    for x, y in grid.tolist():
        params = {"x": x, "y": y}
        client.complete_trial(client.attach_trial(params), {"loss": loss(params)})
    (first,) = client.get_next_trials(1).values()
    (trial,) = read(client).pending
    assert trial.source != "start"
    assert client._experiment.trials[40].generator_run._generator_key == "gdopt"
    assert loss(first) < np.quantile([loss({"x": x, "y": y}) for x, y in grid.tolist()], 0.25)


# SQLAlchemy's and Ax's own.
@pytest.mark.filterwarnings("ignore")
def test_database_gives_back_what_was_kept_in_it(tmp_path):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("tabulate")
    from ax.storage.sqa_store.db import create_all_tables, get_engine, init_engine_and_session_factory

    url = f"sqlite:///{tmp_path / 'ax.db'}"
    init_engine_and_session_factory(url=url, force_init=True)
    create_all_tables(get_engine())
    client = Client(storage_config=StorageConfig(url=url))
    client.configure_experiment(RANGES, name="kept")
    client.configure_optimization("-loss")
    client.set_generation_strategy(strategy(QUICK))
    play(client, 2)
    loaded = Client.load_from_database("kept", storage_config=StorageConfig(url=url))
    assert loaded.get_next_trials(2) == client.get_next_trials(2)


def test_fit_times_are_floats_as_a_database_needs_them():
    client = client_of()
    client.get_next_trials(2)
    assert [type(t.generator_run.fit_time) for t in client._experiment.trials.values()] == [float, float]


# --- what is told ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("objective", "sign"), [("-loss", -1.0), ("loss", 1.0)])
def test_values_are_higher_the_better_whatever_the_objective_says(objective, sign):
    client = client_of(objective=objective)
    client.complete_trial(client.attach_trial({"x": 0.5, "y": 0.5}), {"loss": (2.0, 0.25)})
    client.complete_trial(client.attach_trial({"x": 0.6, "y": 0.5}), {"loss": 3.0})
    assert [(t.value, t.result.sem) for t in read(client).done] == [(sign * 2.0, 0.25), (sign * 3.0, None)]


def test_weighted_objective_has_the_sum_and_its_standard_error():
    client = client_of(objective="2 * gain - 3 * cost")
    client.complete_trial(client.attach_trial({"x": 0.5, "y": 0.5}), {"gain": (5.0, 0.2), "cost": (1.0, 0.1)})
    client.complete_trial(client.attach_trial({"x": 0.6, "y": 0.5}), {"gain": (5.0, 0.2)})
    first, second = read(client).trials
    assert (first.value, first.result.sem) == (pytest.approx(7.0), pytest.approx(0.5))
    assert second.status is Status.PENDING


def test_trial_outside_the_search_space_is_left_out():
    client = client_of()
    with pytest.warns(RuntimeWarning, match="out-of-design"):
        index = client.attach_trial({"x": 3.0, "y": 0.5})
    client.complete_trial(index, {"loss": -100.0})
    assert not read(client).trials
    assert len(play(client, 3)) == 9


def test_strategy_of_sobol_and_then_gdopt_survives_storage(tmp_path):
    client = client_of()
    sobol = GenerationNode(
        "Sobol",
        [GeneratorSpec(Generators.SOBOL, generator_kwargs={"seed": 0})],
        transition_criteria=[MinTrials(threshold=4, transition_to="gdopt")],
    )
    client.set_generation_strategy(GenerationStrategy(nodes=[sobol, GdoptNode(QUICK)]))
    play(client, 4, 1)
    loaded = saved_and_loaded(client, tmp_path / "client.json")
    assert play(loaded, 1) == nearly(play(client, 1))
    assert [t.source for t in read(client).trials[:4]] == ["added"] * 4
    assert {t.round for t in read(client).trials[4:]} == {0}


# --- spaces ----------------------------------------------------------------------------------------


def test_parameters_and_constraints_become_gdopt_s():
    client = client_of(MIXED, CONSTRAINTS)
    assert SharedSpace.of(client._experiment.search_space).space == gdopt.Space(
        [
            gdopt.Real("real", 0.0, 1.0),
            gdopt.Real("ratio", 1e-3, 1.0, log_scale=True),
            gdopt.Integer("count", 1, 5),
            gdopt.Real("width", 0.5, 512.5, log_scale=True),
            gdopt.Integer("step", 0, 3),
            gdopt.Choice("base", ["a", "b", "c"]),
            gdopt.Choice("grade", ["0.1", "0.5", "2.0"]),
            gdopt.Integer("wet", 0, 1),
        ],
        # step = 1 + 3 * place
        [gdopt.Constraint({"real": 1.0, "step": 3.0}, 8.5)],
    )


def test_an_equality_becomes_gdopt_s():
    other = RangeParameter("n", ParameterType.INT, 2, 5)
    shared = SharedSpace.of(SearchSpace([x(), other], [ParameterConstraint(equality="2 * x + n == 4")]))
    assert shared.space.constraints == (gdopt.Constraint({"n": 1.0, "x": 2.0}, equal=4.0),)


def test_encoded_parameters_decode_to_themselves():
    shared = SharedSpace.of(client_of(MIXED, CONSTRAINTS)._experiment.search_space)
    params = {"real": 0.25, "ratio": 0.1, "count": 2, "width": 64, "step": 7, "base": "b", "grade": 2.0}
    params |= {"wet": False, "site": "here", "twice": 1.5}
    assert shared.decode(shared.encode(params)) == params


def x(**settings):
    return RangeParameter("x", ParameterType.FLOAT, 0.1, 0.9, **settings)


def choice(name="c", values=(1, 2, 4, 5), **settings):
    return ChoiceParameter(name, ParameterType.INT, list(values), is_ordered=True, sort_values=True, **settings)


@pytest.mark.parametrize(
    ("search_space", "message"),
    [
        (SearchSpace([x(logit_scale=True)]), "'x' is on a logit scale"),
        (SearchSpace([x(is_fidelity=True, target_value=0.9)]), "'x' is a fidelity"),
        (SearchSpace([x(default_value=0.5)]), "'x' is disabled"),
        (SearchSpace([choice(is_task=True, target_value=1)]), "'c' is a task"),
        (SearchSpace([x(), choice(dependents={1: ["x"]})]), "'c' is hierarchical"),
        (SearchSpace([x(), choice()], [ParameterConstraint("x + c <= 4")]), r"c = \[1.*at equal steps"),
    ],
)
def test_search_space_that_gdopt_cannot_propose_for_is_refused_by_name(search_space, message):
    with pytest.raises(SpaceError, match=message):
        SharedSpace.of(search_space)


def test_several_objectives_are_refused():
    client = client_of(objective="gain, -loss")
    with pytest.raises(SettingsError, match="one objective, not several"):
        client.get_next_trials(1)


def test_outcome_constraints_are_refused():
    client = client_of()
    client.configure_optimization("-loss", outcome_constraints=["power <= 3"])
    with pytest.raises(SettingsError, match=r"outcome constraints .*power"):
        client.get_next_trials(1)


# --- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": gdopt.GuidedDiffusion(finetune=10)}, "finetune = 10: expected 0"),
        ({"seed": -1}, "seed = -1"),
        ({"batch": 0}, "batch = 0"),
    ],
)
def test_setting_that_ax_has_no_place_for_is_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        strategy(**settings)


def test_missing_file_of_a_prior_is_named():
    with pytest.raises(StoreError, match=r"nowhere\.safetensors"):
        strategy(prior="nowhere.safetensors")


@pytest.mark.parametrize("name", ["qlognei", "turbo", "eda", "pool-thompson", "random"])
def test_every_setting_of_an_algorithm_survives_json(name):
    algorithm = baseline(name)
    assert deserialize(json.loads(json.dumps(serialize(algorithm)))) == algorithm


@pytest.mark.parametrize(
    "name", ["os.system", "gdopt.algorithms.guided.nothing", "gdopt.cli.main", "gdopt.space.parameters.Real"]
)
def test_stored_name_that_is_no_algorithm_of_gdopt_is_not_called(name):
    with pytest.raises(StoreError, match=name):
        deserialize({"class": name, "settings": {}})


def test_ax_is_imported_by_its_adapter_only_and_missed_by_name():
    code = (
        "import sys, gdopt\n"
        "assert not any(name == 'ax' or name.startswith('ax.') for name in sys.modules)\n"
        "sys.modules['ax'] = None\n"
        "import gdopt.adapters.ax\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"{MissingExtraError.__name__}: the adapter for Ax needs Ax: pip install 'gdopt[ax]'" in done.stderr
