"""Conditional parameters: a design has values of what counts and of nothing else, from the space to the proposals."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gdopt
from gdopt import Choice, Constraint, CorpusError, Integer, Real, Space, SpaceError
from gdopt.adapters.botorch import Box
from gdopt.algorithms.base import Algorithm
from gdopt.baselines import baseline
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import SQRT_3
from gdopt.space.parameters import Params
from gdopt.space.serialization import from_json, to_json
from tests.strategies import NESTED, drive, guided, quick, spaces, unchecked, values

BARE = {"metal": "none", "steps": 1, "heat": 50.0}
FULL = {"metal": "Pd", "ligand": "B", "steps": 2, "heat": 50.0, "second": 70.0, "salt": "LiCl"}


@pytest.mark.parametrize(
    ("params", "active"),
    [
        (BARE, ("metal", "steps", "heat")),
        (BARE | {"metal": "Ni"}, ("metal", "ligand", "steps", "heat")),
        (BARE | {"steps": 2}, ("metal", "steps", "heat", "second")),
        (FULL, tuple(FULL)),
        (FULL | {"ligand": "A"}, ("metal", "ligand", "steps", "heat", "second")),
        # What its parent's parent leaves out does not count, whatever value the parent is given.
        (FULL | {"metal": "none"}, ("metal", "steps", "heat", "second")),
        ({"steps": 2}, ("metal", "steps", "heat", "second")),
    ],
)
def test_what_counts_hangs_on_the_levels_of_its_parents(params: Params, active: tuple[str, ...]) -> None:
    assert NESTED.active(params) == active


@pytest.mark.parametrize(
    ("params", "match"),
    [
        (BARE | {"metal": "Pd"}, r"missing parameters \['ligand'\], unknown parameters \[\]"),
        (BARE | {"metal": "Pd", "legand": "A"}, r"missing parameters \['ligand'\], unknown parameters \['legand'\]"),
        (
            BARE | {"ligand": "A"},
            r"ligand = 'A' does not count beside {'metal': 'none'}: it needs metal in \['Ni', 'Pd'\]",
        ),
        (
            FULL | {"ligand": "A"},
            r"salt = 'LiCl' does not count beside {'ligand': 'A', 'steps': 2}: it needs ligand in ",
        ),
        (FULL | {"second": 200.0}, r"second = 200.0 is outside \[20, 100\] degC"),
    ],
)
def test_a_design_has_all_that_counts_and_nothing_else(params: Params, match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        NESTED.check(params)
    assert not NESTED.allows(params)


METAL = Choice("metal", ["Pd", "none"])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (
            lambda: Space([METAL, Real("x", 0, 1, active_if={"mtal": "Pd"})]),
            r"x: active_if names 'mtal', which is unknown",
        ),
        (
            lambda: Space([Real("x", 0, 1, active_if={"metal": "Pd"}), METAL]),
            r"x: active_if names 'metal', which has to stand",
        ),
        (
            lambda: Space([METAL, Real("x", 0, 1, active_if={"x": "Pd"})]),
            r"x: active_if names 'x', which has to stand before it",
        ),
        (
            lambda: Space([Real("y", 0, 1), Real("x", 0, 1, active_if={"y": 1})]),
            r"x: active_if names 'y', which is neither",
        ),
        (
            lambda: Space([METAL, Real("x", 0, 1, active_if={"metal": "Cu"})]),
            r"x: active_if can never hold, as metal = 'Cu'",
        ),
        (
            lambda: Space([Integer("n", 1, 2), Real("x", 0, 1, active_if={"n": 3})]),
            r"x: active_if can never hold, as n = 3",
        ),
        (
            lambda: Real("x", 0, 1, active_if={"n": []}),
            r"x: active_if n = \[\]: expected a string or a whole number, or a list",
        ),
        (
            lambda: Integer("x", 0, 1, active_if={"n": 1.5}),
            r"x: active_if n = 1.5: expected a string or a whole number",
        ),
        (
            lambda: Choice("x", ["a", "b"], active_if={"n": True}),
            r"x: active_if n = True: expected a string or a whole number",
        ),
        (
            lambda: Real("x", 0, 1, active_if="metal"),
            r"x: active_if = 'metal': expected categories by the name of another parameter",
        ),
        (
            lambda: Space([METAL, Real("x", 0, 1, active_if={"metal": "Pd"})], [Constraint({"x": 1}, 1)]),
            r"constraint x <= 1 names \['x'\], of which a design may have no value to sum",
        ),
    ],
)  # fmt: skip
def test_a_condition_that_makes_no_sense_is_refused(make: object, match: str) -> None:
    with unchecked(), pytest.raises(SpaceError, match=match):
        make()


def test_spaces_whose_conditions_say_the_same_are_equal() -> None:
    one, other = (
        Space([METAL, Integer("n", 1, 3), Real("x", 0, 1, active_if=when)])
        for when in ({"metal": "Pd", "n": [3, 2]}, {"n": (2, 3, 2), "metal": ["Pd"]})
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != Space([METAL, Integer("n", 1, 3), Real("x", 0, 1)])


@given(spaces())
def test_a_space_with_conditions_comes_back_from_json(space: Space) -> None:
    assert from_json(to_json(space)) == space


def test_a_space_written_before_there_were_conditions_is_read() -> None:
    raw = {
        "parameters": [{"kind": "real", "name": "x", "low": 0, "high": 1, "log": False, "unit": ""}],
        "constraints": [],
    }
    assert from_json(raw) == Space([Real("x", 0, 1)])


def test_the_condition_of_a_parameter_that_is_always_active_is_not_written() -> None:
    (written,) = to_json(Space([Real("x", 0, 1)]))["parameters"]
    assert written == {"kind": "real", "name": "x", "low": 0, "high": 1, "log_scale": False, "unit": ""}


# As points.


@given(st.data())
def test_designs_that_differ_in_what_does_not_count_are_one_point(data: st.DataObject) -> None:
    space = data.draw(spaces())
    params = data.draw(values(space))
    codec = BoxCodec(space)
    z = codec.encode([params])
    # Any values in the columns that do not count.
    resting = torch.tensor([p.name not in params for p, at in codec._places for _ in range(at.start, at.stop)])
    noise = torch.rand(z.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    other = torch.where(resting, noise, z)
    assert codec.decode(other)[0].keys() == params.keys()
    torch.testing.assert_close(codec.encode(codec.decode(other)), z)
    torch.testing.assert_close(codec.with_defaults_for_inactive(other), z)


def test_what_does_not_count_is_as_far_from_each_level() -> None:
    codec = BoxCodec(NESTED)
    ligands = [BARE | {"metal": "Pd", "ligand": one} for one in "ABC"]
    without, *with_one = codec.encode([BARE, *ligands])[:, 3:6]
    assert len({round(float((one - without).norm()), 9) for one in with_one}) == 1
    assert float(codec.encode([BARE])[0, 8]) == 0.0


def test_no_slope_leads_along_what_does_not_count() -> None:
    codec = BoxCodec(NESTED)
    z = codec.encode([BARE, BARE | {"steps": 2, "second": 30.0}]).requires_grad_()
    codec.with_defaults_for_inactive(z).sum().backward()
    assert z.grad is not None
    assert z.grad[:, 8].tolist() == [0.0, 1.0]
    assert not codec.gradient_to_z(BARE, {"second": 2.0})[8]


def test_gaps_are_filled_from_the_better_designs_in_which_the_parameter_counts() -> None:
    codec, generator = BoxCodec(NESTED, {"heat": 20.0}), torch.Generator().manual_seed(0)
    two = [BARE | {"steps": 2, "second": heat} for heat in (30.0, 40.0, 50.0, 60.0)]
    z = codec.encode([*two, *(BARE | {"heat": float(h)} for h in range(30, 70))])
    filled = codec.impute_inactive(z, generator)
    assert {*filled[4:, 8].tolist()} == {*z[:2, 8].tolist()}
    assert filled[:4, 8].tolist() == z[:4, 8].tolist()
    # No design has a ligand: each of them is as likely, and a level, not something between.
    ligands = next(block for block in codec.blocks if block.start == 3)
    assert {*map(tuple, filled[:, ligands.columns].tolist())} == {*map(tuple, ligands.points.tolist())}
    assert (filled[:, 7] == -SQRT_3).all()


# As proposals.

ALGORITHMS: dict[str, Algorithm] = {
    "guided": guided(share_guided=0.2),
    "random": gdopt.RandomSearch(),
    **{name: quick(name) for name in ("sobol", "eda", "turbo")},
}


@settings(max_examples=4, deadline=None)
@given(name=st.sampled_from(list(ALGORITHMS)), seed=st.integers(0, 2**31), n=st.integers(3, 9))
def test_all_that_is_proposed_in_a_nested_space_is_of_it(name: str, seed: int, n: int) -> None:
    study = gdopt.Study(NESTED, direction="maximize", algorithm=ALGORITHMS[name], seed=seed)
    for trial in drive(study, 3, n).trials:
        NESTED.check(trial.params)


@settings(deadline=None)
@given(space=spaces(), seed=st.integers(0, 2**31))
def test_the_start_is_of_any_space(space: Space, seed: int) -> None:
    with unchecked():
        study = gdopt.Study(space, direction="maximize", algorithm=gdopt.RandomSearch(), seed=seed)
        for trial in study.ask(20):
            space.check(trial.params)


def test_constraints_hold_beside_conditions() -> None:
    shares = [Real(name, 0, 1) for name in "ab"]
    space = Space(
        [METAL, *shares, Real("heat", 20, 80, active_if={"metal": "Pd"})], [Constraint({"a": 1, "b": 1}, equal=1)]
    )
    study = gdopt.Study(space, direction="maximize", algorithm=guided())
    drive(study, 2, 4, lambda p: float(p["a"]) + float(p.get("heat", 0.0)) / 80)
    for trial in study.trials:
        space.check(trial.params)
    assert {"heat" in t.params for t in study.trials} == {True, False}


def test_no_design_of_a_small_space_is_repeated_before_all_were_tried() -> None:
    space = Space(
        [
            Choice("a", ["x", "y", "z"]),
            Choice("b", ["u", "v"], active_if={"a": "x"}),
            Integer("c", 0, 2, active_if={"a": "y"}),
        ]
    )
    every = {
        tuple(one.items())
        for given in product("xyz", "uv", range(3))
        if space.allows(one := {n: v for n, v in zip("abc", given, strict=True) if n in space.active({"a": given[0]})})
    }
    study = gdopt.Study(space, direction="maximize", algorithm=gdopt.RandomSearch())
    asked = [tuple(t.params.items()) for n in (1, 2, 3) for t in study.ask(n)]
    assert len(every) == len({*asked}) == 6
    assert {*asked} == every
    with pytest.raises(gdopt.ExhaustedError, match="all 6 designs were tried"):
        study.ask(4)


def in_a_branch(params: Params) -> float:
    """At most 2, with ligand B and two steps, the second at 80; without a ligand 0, and 0.5 with one step."""
    NESTED.check(params)
    found = -(((float(params["heat"]) - 40) / 40) ** 2)
    found += {"A": 0.0, "B": 0.5, "C": -0.5}[str(params["ligand"])] if "ligand" in params else 0.0
    found += 1.5 - ((float(params["second"]) - 80) / 40) ** 2 if params["steps"] == 2 and "ligand" in params else 0.0
    return found


def test_the_best_of_a_branch_is_found() -> None:
    study = gdopt.Study(NESTED, direction="maximize", algorithm=guided())
    best = drive(study, 6, 6, in_a_branch).best
    assert (best.params["ligand"], best.params["steps"]) == ("B", 2)
    assert best.value is not None
    assert best.value > 1.95


# Fixed, added, refused.


def test_a_conditional_parameter_is_fixed_with_its_parents() -> None:
    study = gdopt.Study(NESTED, direction="maximize", algorithm=guided())
    for _ in range(2):
        plate = study.ask(4, fixed={"metal": "Ni", "ligand": "B"})
        assert {(t.params["metal"], t.params["ligand"]) for t in plate} == {("Ni", "B")}
        study.tell({t.id: in_a_branch(t.params) for t in plate})
    bare = study.ask(3, fixed={"metal": "none"})
    assert not any("ligand" in t.params for t in bare)


@pytest.mark.parametrize(
    ("fixed", "match"),
    [
        ({"ligand": "B"}, r"ligand = 'B' does not count beside {'metal': None}: it needs metal in \['Ni', 'Pd'\]"),
        ({"ligand": "B", "metal": "none"}, r"ligand = 'B' does not count beside {'metal': 'none'}"),
    ],
)
def test_a_conditional_parameter_fixed_without_its_parents_is_refused(fixed: Params, match: str) -> None:
    study = gdopt.Study(NESTED, direction="maximize", algorithm=guided())
    with pytest.raises(SpaceError, match=match):
        study.ask(2, fixed=fixed)
    assert not study.trials


def test_what_was_tried_may_be_in_another_branch(tmp_path: object) -> None:
    study = gdopt.Study(NESTED, direction="maximize", storage=f"{tmp_path}/study.gdopt", algorithm=guided())
    study.add({"heat": 30.0, "steps": 1, "metal": "none"}, 1.0)
    (trial,) = study.ask(fixed={"steps": 2, "metal": "none"})
    study.tell(trial.id, 2.0, params=BARE)
    again = gdopt.Study.load(f"{tmp_path}/study.gdopt")
    assert [t.params for t in again.trials] == [{"metal": "none", "steps": 1, "heat": 30.0}, BARE]
    assert again.trials[1].proposed == trial.params
    frame = again.to_frame()
    assert frame["second"].isna().all()
    assert frame["heat"].tolist() == [30.0, 50.0]


def test_where_a_design_has_to_be_a_row_of_numbers_conditions_are_refused() -> None:
    space = Space([Integer("n", 1, 2), Real("x", 0, 1, active_if={"n": 2})])
    with pytest.raises(
        SpaceError, match=r"\['x'\] are conditional: rows of numbers need parameters that are always active"
    ):
        Box(space)
    with pytest.raises(SpaceError, match="an expert's prior needs a space of linear Real parameters"):
        gdopt.DiffusionPrior.expert(space, {})
    with pytest.raises(CorpusError, match="x counts only at some levels of others"):
        gdopt.DiffusionPrior.fit(torch.rand(30, 2).numpy(), space=space, steps=1)
    with pytest.raises(SpaceError, match="AxDefault does not support conditional parameters"):
        baseline("ax").init(space, 0)
