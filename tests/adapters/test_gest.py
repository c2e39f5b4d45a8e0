"""gdopt as a generator of gest-api: its contract, against a gdopt study told the same, and in Xopt."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from gest_api.generator import Generator
from gest_api.vocs import VOCS, ContinuousVariable, DiscreteVariable

import gdopt
from gdopt.adapters.gest import GdoptGenerator
from gdopt.errors import MissingExtraError, ResultError, SettingsError, SpaceError, StoreError, TrialError
from gdopt.trials.trial import Status

pytestmark = pytest.mark.usefixtures("quick_fits")

QUICK = gdopt.GuidedDiffusion(candidates=100, n_initial=4)
BOX = {"x": [0.0, 1.0], "y": [0.0, 2.0]}
MIXED = {
    "real": [0.0, 1.0],
    "count": ContinuousVariable(domain=[0.5, 5.0], dtype="int64"),
    "site": {"here"},
    "width": {1, 10, 100},
    "cycles": {2, 3, 4},
    "wet": {True, False},
    "base": {"a", "b", "c"},
}


def vocs_of(variables=BOX, objective="MINIMIZE", **settings):
    return VOCS(variables=copy.deepcopy(variables), objectives={"f": objective}, **settings)


def generator_of(algorithm=QUICK, *, seed=0, storage=None, **vocs):
    return GdoptGenerator(vocs_of(**vocs), algorithm, seed=seed, storage=storage)


def f(point):
    return sum((v - 0.3) ** 2 for v in point.values() if type(v) is float)


def play(generator, rounds, size=3):
    """Suggest and ingest; returns all that was suggested."""
    suggested = []
    for _ in range(rounds):
        points = generator.suggest(size)
        generator.ingest([{**p, "f": f(p)} for p in points])
        suggested += points
    return suggested


# --- gest-api's contract ---------------------------------------------------------------------------


def test_it_is_a_generator_that_returns_ids():
    generator = generator_of()
    assert isinstance(generator, Generator)
    assert generator.returns_id
    assert [p["_id"] for p in generator.suggest(2) + generator.suggest(1)] == [0, 1, 2]


@pytest.mark.parametrize("wanted", [1, 5])
def test_suggests_exactly_as_many_points_as_are_wanted(wanted):
    assert len(generator_of().suggest(wanted)) == wanted


def test_decides_itself_how_many_by_its_batch():
    assert len(GdoptGenerator(vocs_of(), batch=3).suggest()) == 3
    assert len(GdoptGenerator(vocs_of()).suggest(None)) == 8


@pytest.mark.parametrize("wanted", [0, -1])
def test_number_of_points_that_is_none_is_a_value_error(wanted):
    with pytest.raises(ValueError, match="expected a whole number above 0"):
        generator_of().suggest(wanted)


def test_points_have_all_variables_and_constants_as_scalars_of_their_kind():
    generator = generator_of(variables=MIXED, constants={"alpha": 0.55, "name": "run 3"})
    for point in play(generator, 2, 4):
        assert list(point) == [*MIXED, "alpha", "name", "_id"]
        assert (type(point["real"]), type(point["count"]), type(point["base"])) == (float, int, str)
        assert point["width"] in {1, 10, 100}
        assert point["cycles"] in {2, 3, 4}
        assert (type(point["wet"]), point["site"]) == (bool, "here")
        assert (point["alpha"], point["name"]) == (0.55, "run 3")


@pytest.mark.parametrize("id", [7, -1, "first", 0.5])
def test_unknown_id_is_a_value_error_and_nothing_is_changed(id):
    generator = generator_of()
    known = generator.suggest(2)[0]
    before = generator.study.state
    with pytest.raises(ValueError, match="is unknown"):
        generator.ingest([{**known, "f": 1.0}, {"_id": id, "x": 0.5, "y": 0.5, "f": 1.0}])
    assert generator.study.state == before


def test_another_result_of_a_point_is_refused_and_so_is_one_given_twice_at_once():
    generator = generator_of()
    first, second = ({**p, "f": 1.0} for p in generator.suggest(2))
    generator.ingest([first])
    generator.ingest([first])
    with pytest.raises(TrialError, match=r"trial 0 is done with -?1.0 already"):
        generator.ingest([second, {**first, "f": 2.0}])
    with pytest.raises(TrialError, match="trial 1 is given twice"):
        generator.ingest([second, {**second, "f": math.nan}])
    assert [t.status for t in generator.study.trials] == [Status.DONE, Status.PENDING]


def test_points_come_back_late_in_part_and_in_any_order():
    generator = generator_of()
    points = generator.suggest(3)
    generator.ingest([{**points[2], "f": 2.0}, {**points[0], "f": 0.0}])
    assert [t.value for t in generator.study.trials] == [0.0, None, 2.0]


def test_finalize_leaves_all_results_in_place():
    generator = generator_of()
    play(generator, 1)
    generator.finalize()
    assert [t.status for t in generator.study.trials] == [Status.DONE] * 3


# --- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("objective", "direction"), [("MINIMIZE", "minimize"), ("MAXIMIZE", "maximize")])
def test_suggests_what_a_study_told_the_same_proposes(objective, direction):
    space = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Real("y", 0, 2)])
    study = gdopt.Study(space, direction=direction, algorithm=QUICK, seed=1)
    generator = generator_of(objective=objective, seed=1)
    for _ in range(3):
        trials = study.ask(4)
        study.tell({t.id: f(t.params) for t in trials})
        assert play(generator, 1, 4) == [{**t.params, "_id": t.id} for t in trials]


def test_points_of_the_users_own_are_learned_from():
    generator = generator_of()
    rows = np.random.default_rng(0).uniform(size=(8, 2)) * [1, 2]
    generator.ingest([{"x": x, "y": y, "f": f({"x": x, "y": y})} for x, y in rows.tolist()])
    generator.suggest(1)
    assert generator.study.trials[-1].source != "start"


def test_values_that_are_not_finite_are_failures():
    generator = generator_of()
    first, second = generator.suggest(2)
    generator.ingest([{**first, "f": math.nan}, {**second, "f": math.inf}, {"x": 0.5, "y": 0.5, "f": math.nan}])
    assert [t.status for t in generator.study.trials] == [Status.FAILED, Status.FAILED]


def test_rows_of_a_table_are_taken_whose_ids_are_floats_and_missing_ones_nan():
    generator = generator_of()
    generator.suggest(1)
    generator.ingest([{"_id": 0.0, "x": 0.1, "y": 0.1, "f": 1.0}, {"_id": math.nan, "x": 0.2, "y": 0.2, "f": 2.0}])
    assert [t.source for t in generator.study.trials] == ["start", "added"]
    assert [t.value for t in generator.study.trials] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ({"x": 0.5, "y": 0.5}, ResultError, r"lacks the objective 'f': it has \['x', 'y'\]"),
        ({"x": 0.5, "y": 0.5, "f": "high"}, ResultError, "f = 'high': expected a number"),
        ({"x": 0.5, "y": 0.5, "f": None}, ResultError, "f = None: expected a number"),
        ({"x": 9.5, "y": 0.5, "f": 1.0}, SpaceError, "x = 9.5 is far outside"),
        ({"x": 0.5, "f": 1.0}, SpaceError, r"missing parameters \['y'\]"),
    ],
)
def test_result_that_cannot_be_used_is_a_value_error_and_nothing_is_changed(result, error, message):
    generator = generator_of()
    known = {**generator.suggest(1)[0], "f": 1.0}
    before = generator.study.state
    with pytest.raises(error, match=message):
        generator.ingest([known, result])
    assert generator.study.state == before


def test_every_suggested_point_can_be_given_as_the_users_own():
    points = play(generator_of(variables=MIXED), 2)
    other = generator_of(variables=MIXED)
    other.ingest([{"f": 1.0, **{k: v for k, v in p.items() if k != "_id"}} for p in points])
    assert [other._inputs.decode(t.params) for t in other.study.trials] == [
        {k: v for k, v in p.items() if k != "_id"} for p in points
    ]


def test_value_that_a_discrete_variable_does_not_have_is_named():
    with pytest.raises(SpaceError, match=r"width = 7 is not one of \[1, 10, 100\]"):
        generator_of(variables=MIXED).ingest(
            [{"real": 0.5, "count": 1, "width": 7, "cycles": 2, "wet": True, "base": "a", "f": 1.0}]
        )


def test_observables_are_let_through():
    generator = generator_of(observables=["temperature"])
    (point,) = generator.suggest(1)
    generator.ingest([{**point, "f": 1.0, "temperature": 7.0}])
    assert generator.study.best.value == 1.0


# --- the same again --------------------------------------------------------------------------------


def test_generator_on_a_file_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    file = tmp_path / "study.gdopt"
    kept, whole = generator_of(storage=file), generator_of()
    play(kept, 2)
    play(whole, 2)
    open_points = kept.suggest(2)
    whole.suggest(2)
    resumed = generator_of(storage=file)
    for generator in (resumed, whole):
        generator.ingest([{**p, "f": f(p)} for p in open_points])
    assert play(resumed, 1) == play(whole, 1)
    with pytest.raises(StoreError, match="another direction"):
        generator_of(storage=file, objective="MAXIMIZE")


@pytest.mark.parametrize("again", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_copy_of_a_generator_suggests_the_same(again):
    generator = generator_of(variables=MIXED)
    play(generator, 2)
    other = again(generator)
    assert play(other, 1) == play(generator, 1)


def test_global_random_states_are_not_touched(untouched_random_state):
    play(generator_of(), 2)


def test_prior_takes_the_variables_in_any_order():
    corpus = np.random.default_rng(0).normal(size=(40, 2)) @ np.ones((2, 11))
    prior = gdopt.DiffusionPrior.fit(corpus, steps=20)
    variables = {p.name: [p.low, p.high] for p in reversed(prior.space.parameters)}
    points = generator_of(gdopt.GuidedDiffusion(prior=prior), variables=variables).suggest(3)
    rows = np.array([[p[name] for name in prior.space.names] for p in points])
    assert all(np.isclose(row, corpus).all(1).any() for row in rows)


# --- what is refused -------------------------------------------------------------------------------


def test_values_of_a_set_are_put_in_order():
    (base,) = generator_of(variables={"base": set("hgfedcba")}).study.space.parameters
    assert base.categories == tuple("abcdefgh")


def test_variables_become_gdopt_s():
    assert generator_of(variables=MIXED).study.space == gdopt.Space(
        [
            gdopt.Real("real", 0, 1),
            gdopt.Integer("count", 1, 5),
            gdopt.Integer("width", 0, 2),
            gdopt.Integer("cycles", 2, 4),
            gdopt.Integer("wet", 0, 1),
            gdopt.Choice("base", ["a", "b", "c"]),
        ]
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "one parameter or more, got none"),
        ({"x": {0.5}}, "one parameter or more, got none"),
        ({"x": [0.0, 1.0], "beam": "CONTEXTUAL"}, "variable 'beam' is a ContextualVariable"),
        ({"x": [0.0, math.inf]}, r"x: low must be below high.*\[0.0, inf\]"),
        ({"x": ContinuousVariable(domain=[0.0, 1.0], dtype=("f8", 3))}, "'x' has dtype .*: expected one float"),
        ({"x": ContinuousVariable(domain=[0.0, 1.0], dtype="bool")}, "'x' has dtype 'bool': expected one float"),
        ({"x": ContinuousVariable(domain=[0.0, 1.0], dtype="number")}, "'x' has dtype 'number', which NumPy"),
        ({"x": DiscreteVariable(values={1, "a"})}, r"'x' has the values \['a', 1\]: expected numbers or strings"),
    ],
)
def test_variables_that_gdopt_cannot_propose_for_are_refused_by_name(variables, message):
    with pytest.raises(SpaceError, match=message):
        generator_of(variables=variables)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objectives": {}}, r"objectives \[\]: gdopt takes one"),
        ({"objectives": {"f": "MINIMIZE", "g": "MINIMIZE"}}, r"objectives \['f', 'g'\]: gdopt takes one"),
        ({"objectives": {"f": "EXPLORE"}}, "objective 'f' is a ExploreObjective"),
        (
            {"objectives": {"f": "MINIMIZE"}, "constraints": {"c": ["LESS_THAN", 0.0]}},
            r"constraints \['c'\]: gdopt takes none",
        ),
    ],
)
def test_what_is_not_one_objective_without_constraints_is_refused_by_name(settings, message):
    with pytest.raises(SettingsError, match=message):
        GdoptGenerator(VOCS(variables=dict(BOX), **settings))


def test_gest_api_is_imported_by_its_adapter_only_and_missed_by_name():
    code = (
        "import sys, gdopt\n"
        "assert not any(name.startswith('gest_api') for name in sys.modules)\n"
        "sys.modules['gest_api'] = None\n"
        "import gdopt.adapters.gest\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    needs = "the adapter for gest-api needs gest-api: pip install 'gdopt[gest]'"
    assert f"{MissingExtraError.__name__}: {needs}" in done.stderr


# --- in Xopt ---------------------------------------------------------------------------------------


def xopt_of(evaluate, **settings):
    xopt = pytest.importorskip("xopt")
    evaluator = xopt.Evaluator(function=evaluate, max_workers=settings.pop("workers", 1))
    return xopt.Xopt(
        generator=GdoptGenerator(vocs_of(constants={"alpha": 2.0}), QUICK), evaluator=evaluator, **settings
    )


def squares(inputs):
    return {"f": (inputs["x"] - 0.3) ** 2 + (inputs["y"] - 0.3) ** 2}


def test_xopt_steps_with_data_of_its_own_before():
    xopt = xopt_of(squares)
    xopt.random_evaluate(6, seed=0)
    for _ in range(6):
        xopt.step()
    study = xopt.generator.study
    assert [t.source == "added" for t in study.trials] == [True] * 6 + [False] * 6
    assert study.best.value == xopt.data["f"].min() < xopt.data["f"][:6].min()


def test_evaluation_that_raises_in_xopt_is_a_failure_and_xopt_goes_on():
    def fails(inputs):
        raise RuntimeError("no beam")

    xopt = xopt_of(fails, strict=False)
    xopt.step()
    xopt.step()
    assert [t.status for t in xopt.generator.study.trials] == [Status.FAILED] * 2
