"""Whatever is given to a public function is taken, or refused by an error of gdopt's own that has changed nothing."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import strategies as st

import gdopt
from gdopt import GdoptError
from gdopt.algorithms.settings import setting_names, with_settings
from gdopt.arguments import flag, listed, number, row, shown, text, whole
from gdopt.service.client import Client
from gdopt.study.study import Study
from gdopt.trials.objectives import Objective
from tests.strategies import unchecked

# --- kinds of values ---------------------------------------------------------------------------------


class Hostile:
    """Raises whatever one does with it."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __iter__(self) -> Iterator[object]:
        raise RuntimeError("no values")


PLAIN = [
    None, True, False, math.nan, math.inf, -math.inf, 0, -1, 3, 2.5, 1e308, 10**7, 2**63, 10**400, 10**5000,
    "", "x", "5", "1,5", "\ud800", "a\0b", b"1", bytearray(b"1"), 1j, Decimal("NaN"), Decimal("sNaN"), Decimal("1.5"),
    Fraction(1, 3), object(), Path("x"), int, range(3), set(), {1, 2}, frozenset("a"),
]  # fmt: skip
OF_LIBRARIES = [
    np.int64(3), np.float32(0.5), np.float64("nan"), np.bool_(True), np.str_("x"), np.longdouble(2), np.array(3),
    np.array([1.0, 2.0]), np.array([[1, 2], [3, 4]]), np.array([[0.0, 0.5, 1.0], [2.0, 2.0, 2.0]]),
    np.array(["a", "b"]), np.array([]), np.array([None, {}], dtype=object), np.datetime64("2020-01-01"),
    torch.tensor(2.0),
    torch.tensor([1.0, 2.0]), torch.tensor(1 + 1j), torch.ones(2, 2, requires_grad=True), torch.tensor([[0.0], [1.0]]),
    pd.Series([1.0]), pd.DataFrame({"x": [1.0]}), pd.NA, pd.NaT,
]  # fmt: skip
NESTED = [
    [], [1.0], [None], [[1.0, 2.0]], [[0, 5]], [(0, 5.0)], (), (1.0,), (1.0, 2.0), ((1, 2),), ["x"], {}, {"x": 1},
    {"x": None}, {"x": math.nan}, {"x": {}}, {0: 1.0}, {0: None}, {None: None}, {0: "why"}, {"k": ({"x": 0.5}, 1.0)},
]  # fmt: skip
ODD = [*PLAIN, *OF_LIBRARIES, *NESTED, Hostile()]


def odd(place: int) -> object:
    """One of them, by its place: hypothesis shows what it samples from, and some cannot be shown."""
    return ODD[place]


# Values that are used up.
USED_UP = st.sampled_from([(), (1,), ("x", "y")]).map(iter)
VALUES = st.recursive(
    st.integers(0, len(ODD) - 1).map(odd) | USED_UP | st.text(max_size=3) | st.floats() | st.integers(),
    lambda some: (
        st.lists(some, max_size=3)
        | st.tuples(some, some)
        | st.dictionaries(st.sampled_from(["x", "n", "y", 0, 1, None]), some, max_size=2)
    ),
    max_leaves=4,
)

# --- public functions --------------------------------------------------------------------------------

SPACE = gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Integer("n", 1, 8), gdopt.Choice("c", ["a", "b"])])
DESIGN = {"x": 0.5, "n": 3, "c": "a"}
TABLE = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 1.0, 5.0]})
DESIGNS = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 2.0], [0.5, 0.2]])
FUNCTIONS = {
    "objective", "evaluate", "progress", "executor", "design_filter", "outcome_transform", "guidance", "selection",
    "surrogate",
}  # fmt: skip
# Up to so many training steps a fit takes no time.
STEPS = 10


class EnoughError(BaseException):
    """Ends a run that a large budget would make long."""


def begun() -> Study:
    """A study in memory, with a trial of each kind."""
    study = Study(
        SPACE,
        direction="maximize",
        objective="y",
        outcome_constraints=["cost <= 2"],
        algorithm=gdopt.RandomSearch(),
        seed=1,
    )
    study.ask(6)
    study.tell({0: {"y": 1.0, "cost": 1.0}}, failed={1: "spilled"}, abandoned=[2])
    return study


def limited(params: gdopt.space.parameters.Params) -> float:
    """An objective that is called once."""
    limited.calls += 1  # type: ignore[attr-defined]
    if limited.calls > 3:  # type: ignore[attr-defined]
        raise EnoughError
    return 1.0


def of_study(name: str) -> Callable[..., object]:
    """A method of the study that comes first."""
    return lambda study, *args, **given: getattr(study, name)(*args, **given)


def one_id(name: str) -> Callable[..., object]:
    """A method that takes ids in a row."""
    return lambda study, id, **given: getattr(study, name)(id, **given)


@cache
def of_letters() -> gdopt.MaskedPrior:
    """A prior that takes no time."""
    return gdopt.MaskedPrior.fit(gdopt.SequenceSpace("AB", 2, corpus=["AB", "BA"]), steps=1)


def with_tuning(algorithm: Any) -> Callable[..., object]:
    """A function of all settings of an algorithm, those of its tuning among them."""
    return lambda **given: with_settings(algorithm, given)


GUIDED = setting_names(gdopt.GuidedDiffusion())
MASKED = {
    "n_initial": 10, "candidates": 60, "generations": 2, "mask_fraction": 0.2, "max_expected_loss": 0.5, "n_elite": 60,
    "max_training_points": 100, "guidance_scale": 0.0, "thompson_scale": 0.5, "finetune": 0, "share_bred": 0.0,
    "share_crossover": 0.1, "design_filter": None, "surrogate": None, "features": None,
}  # fmt: skip
LOOP = {"budget": 2, "batch": 1, "executor": None, "catch": (), "progress": None}
MAKERS: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    "Real": (gdopt.Real, {"name": "x", "low": 0, "high": 1, "log_scale": False, "unit": "", "active_if": None}),
    "Integer": (gdopt.Integer, {"name": "x", "low": 0, "high": 1, "unit": "", "active_if": None}),
    "Choice": (gdopt.Choice, {"name": "x", "categories": ["a", "b"], "ordered": False, "active_if": None}),
    "Constraint": (gdopt.Constraint, {"coefficients": {"x": 1}, "upper": 1}),
    "equality": (gdopt.Constraint, {"coefficients": {"x": 1}, "equal": 1}),
    "Space": (gdopt.Space, {"parameters": SPACE.parameters, "constraints": ()}),
    "from_bounds": (gdopt.Space.from_bounds, {"bounds": [(0, 1)]}),
    "from_table": (gdopt.Space.from_table, {"table": TABLE, "id": None, "descriptors": None}),
    "check": (SPACE.check, {"params": DESIGN}),
    "check_some": (SPACE.check_some, {"params": {"x": 0.5}}),
    "allows": (SPACE.allows, {"params": DESIGN}),
    "by_name": (SPACE.by_name, {"design": DESIGN}),
    **{f"check {p.name}": (p.check, {"value": DESIGN[p.name]}) for p in SPACE.parameters},
    "SequenceSpace": (
        gdopt.SequenceSpace,
        {"alphabet": "AB", "length": 3, "corpus": ["ABA"], "fixed": {0: "A"}, "forbidden": ["BB"], "name": "s"},
    ),
    "of lengths": (gdopt.SequenceSpace, {"alphabet": "AB", "max_length": 3, "min_length": 1}),
    "MoleculeSpace": (gdopt.MoleculeSpace, {"corpus": ["CCO"], "name": "m"}),
    "OutcomeConstraint": (gdopt.OutcomeConstraint, {"outcome": "y", "sense": "<=", "bound": 1.0}),
    "OutcomeConstraint.of": (gdopt.OutcomeConstraint.of, {"written": "y <= 1"}),
    "Objective": (Objective, {"name": "y", "direction": "maximize", "reference_point": 0.0}),
    "Normal": (gdopt.Normal, {"mean": 0, "std": 1}),
    "Uniform": (gdopt.Uniform, {"low": 0, "high": 1}),
    "outcome_weights": (gdopt.outcome_weights, {"values": [1.0, 2, 3, 4, 5, 6], "direction": "maximize", "share": 0.5}),
    "RandomSearch": (gdopt.RandomSearch, {"prior": None}),
    "GuidedDiffusion": (with_tuning(gdopt.GuidedDiffusion()), GUIDED),
    "MaskedDiffusion": (
        lambda **given: with_settings(gdopt.MaskedDiffusion(prior=of_letters()), given), MASKED,
    ),
    "MaskedDiffusion of": (gdopt.MaskedDiffusion, {"prior": None}),
    "DiffusionPrior.fit": (
        gdopt.DiffusionPrior.fit,
        {
            "designs": DESIGNS, "weights": None, "space": None, "names": None, "commensurate": False,
            "unexplained": 1e-3, "seed": 0, "steps": 1, "device": "cpu", "progress": None,
        },
    ),
    "DiffusionPrior.expert": (
        gdopt.DiffusionPrior.expert,
        {"space": gdopt.Space.from_bounds([(0, 1)]), "beliefs": {"x0": gdopt.Normal(0.5, 1)}, "seed": 0},
    ),
    "MaskedPrior.fit": (
        gdopt.MaskedPrior.fit,
        {"space": gdopt.SequenceSpace("AB", 2, corpus=["AB", "BA"]), "seed": 0, "steps": 1, "progress": None},
    ),
    "Study": (
        Study,
        {
            "space": SPACE, "direction": "maximize", "objective": "y", "reference_point": None,
            "outcome_constraints": ["cost <= 2"], "tracking_metrics": ["colour"],
            "algorithm": None, "storage": None, "seed": 0, "batch": 1,
        },
    ),
    "maximize": (gdopt.maximize, {"objective": limited, "space": [(0, 1)], "seed": 0, "algorithm": None, **LOOP}),
    "minimize": (gdopt.minimize, {"objective": limited, "space": [(0, 1)], "seed": 0, "algorithm": None, **LOOP}),
    "Client": (Client, {"url": "http://127.0.0.1:8321", "token": "t" * 32, "timeout": 1.0, "tries": 1}),
}  # fmt: skip
METHODS: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    "ask": (of_study("ask"), {"n": 1, "fixed": None, "lease": 60.0}),
    "tell": (of_study("tell"), {"results": {3: {"y": 1.0}}, "value": None, "failed": [4], "abandoned": [5]}),
    "tell one": (of_study("tell"), {"results": 3, "value": 1.0, "gradient": None, "params": None}),
    "tell several": (of_study("tell"), {"results": {3: {"y": 1.0, "cost": 1.0}}, "failed": {4: "why"}}),
    "outcomes": (lambda study, y, cost: study.tell(3, {"y": y, "cost": cost}), {"y": 1.0, "cost": (1.0, 0.1)}),
    "fail": (one_id("fail"), {"id": 3, "reason": "why"}),
    "abandon": (one_id("abandon"), {"id": 3, "reason": "why"}),
    "release": (one_id("release"), {"id": 3}),
    "amend": (of_study("amend"), {"id": 0, "value": 2.0, "reason": "why", "gradient": None, "params": None}),
    "add": (of_study("add"), {"params": DESIGN, "value": 1.0, "reason": "", "gradient": None}),
    "add a failure": (of_study("add"), {"params": DESIGN, "value": None, "failed": True, "reason": "why"}),
    "add_all": (of_study("add_all"), {"rows": {"k": (DESIGN, 1.0)}}),
    "history": (of_study("history"), {"id": 0}),
    "run": (of_study("run"), {"evaluate": limited, "lost": (), **LOOP, "budget": 4}),
}


def given_instead(call: str, name: str, value: Any) -> dict[str, Any] | None:
    """The arguments of a call with another value for one; None if that would be another test, or take long."""
    _, usual = {**MAKERS, **METHODS}[call]
    if name in FUNCTIONS and callable(value):
        return None
    if name == "steps" and (whole(value) or 0) > STEPS:
        return None
    # They are paths then, and files are made there; tests/storage/test_store.py and tests/service/ try that.
    if name in ("storage", "token") and isinstance(value, str | Path):
        return None
    return {**usual, name: value}


def kept(study: Study) -> object:
    """All that a study has."""
    return study.revision, study.store.header(), list(study.store.entries()), study.trials


def called(call: str, given: dict[str, Any]) -> None:
    """Call it: any other error than gdopt's, and any change after one, is a failure."""
    limited.calls = 0  # type: ignore[attr-defined]
    function, _ = {**MAKERS, **METHODS}[call]
    if call in MAKERS:
        with suppress(GdoptError, EnoughError):
            function(**given)
        return
    study = begun()
    before = kept(study)
    with suppress(EnoughError):
        try:
            function(study, **given)
        except GdoptError:
            # A run that has told something is no call that failed.
            assert call == "run" or kept(study) == before


PLACES = [(call, name) for call, (_, usual) in {**MAKERS, **METHODS}.items() for name in usual]


@pytest.mark.parametrize("examples", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_whatever_is_given_is_taken_or_refused_by_an_error_of_gdopts_own(examples: int) -> None:
    @hypothesis.settings(max_examples=examples, deadline=None)
    @hypothesis.given(st.sampled_from(PLACES), VALUES)
    def tried(place: tuple[str, str], value: Any) -> None:
        call, name = place
        if (given := given_instead(call, name, value)) is not None:
            called(call, given)

    with unchecked():
        tried()


@pytest.mark.slow
@pytest.mark.parametrize(("call", "name"), PLACES)
def test_each_odd_value_is_taken_or_refused_in_each_place(call: str, name: str) -> None:
    with unchecked():
        for value in ODD:
            if (given := given_instead(call, name, value)) is not None:
                called(call, given)


# --- conversions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (3, 3), (2.5, 2.5), (True, 1), (np.int64(3), 3), (np.float32(0.5), 0.5), (np.array(3), 3),
        (torch.tensor(2.5), 2.5),
        (torch.tensor([2.5], requires_grad=True), 2.5), (Decimal("1.5"), 1.5), (Fraction(1, 4), 0.25), (2**60, 2.0**60),
        ("3", None), (b"3", None), (None, None), (1j, None), (10**400, None), (np.array([1.0, 2.0]), None),
        (torch.tensor([1.0, 2.0]), None), (pd.Series([1.0, 2.0]), None), (np.str_("3"), None), ([1.0], None),
    ],
)  # fmt: skip
def test_a_number_is_pythons_own_or_none(value: object, found: float | None) -> None:
    assert number(value) == found
    assert type(number(value)) in (int, float, type(None))


def test_a_whole_number_and_a_flag_are_told_apart_by_their_types() -> None:
    assert [whole(one) for one in (3, np.int64(3), torch.tensor(3))] == [3, 3, 3]
    assert [whole(one) for one in (2.0, True, np.bool_(True), "3")] == [None] * 4
    assert [flag(one) for one in (True, np.bool_(False), 1, "yes", None)] == [True, False, None, None, None]


def test_text_is_a_str_and_no_subclass_of_it() -> None:
    assert type(text(np.str_("x"))) is str
    assert type(text(gdopt.Status.DONE)) is str
    assert text(b"x") is None


def test_a_list_has_an_order_and_a_row_no_names() -> None:
    assert listed(np.array(["a", "b"])) == ["a", "b"]
    assert [listed(one) for one in ({"a", "b"}, {"a": 1}, "ab", 5, Hostile())] == [None] * 5
    assert row(torch.tensor([1.0, 2.0])) == [1.0, 2.0]
    assert [row(one) for one in ([1.0], pd.Series([1.0]), np.eye(2), np.array(1.0))] == [None] * 4


def test_any_value_is_shown_on_one_line_and_shortened() -> None:
    assert shown(np.int64(3)) == "3"
    assert shown(10**5000) == "a int"
    assert shown(Hostile()) == "a Hostile"
    assert "\n" not in shown(np.eye(20))
    assert len(shown("x" * 1000)) < 210
