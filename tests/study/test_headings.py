"""Headings of a study's tables: each column has its own, whatever names the user chose."""

import hypothesis.strategies as st
from hypothesis import given

import gdopt
from gdopt.study.headings import RESERVED, headings

names = st.lists(
    st.sampled_from([*RESERVED, "x", "x sem", "sem sem", "params.id", "outcomes.id", "params.x", "table.x"]),
    unique=True,
)


@given(names, names, names)
def test_no_two_columns_have_one_heading(outcomes: list[str], params: list[str], beside: list[str]) -> None:
    found = headings(outcomes, params, beside)
    all_of_them = [*RESERVED, *found.measured, *found.params.values(), *found.annotations.values()]
    assert len(set(all_of_them)) == len(all_of_them)
    assert [*found.outcomes, *found.params, *found.annotations] == [*outcomes, *params, *beside]


def test_a_name_that_is_free_is_the_heading() -> None:
    found = headings(["yield", "cost"], ["t", "cost"], ["mass", "t"])
    assert found.measured == ["yield", "yield sem", "cost", "cost sem"]
    assert found.params == {"t": "t", "cost": "params.cost"}
    assert found.annotations == {"mass": "mass", "t": "table.t"}


def test_an_outcome_called_like_a_column_keeps_its_values_in_the_frame() -> None:
    study = gdopt.Study(
        gdopt.Space([gdopt.Real("id", 0, 1), gdopt.Real("params.id", 0, 1)]),
        direction="maximize",
        objective="status",
        tracking_metrics=["worker"],
        algorithm=gdopt.RandomSearch(),
    )
    (trial,) = study.ask(1, worker="ann")
    study.tell(trial.id, {"status": 4.0, "worker": 7.0})
    (row,) = study.to_frame().to_dict("records")
    assert (row["status"], row["outcomes.status"], row["worker"], row["outcomes.worker"]) == ("done", 4.0, "ann", 7.0)
    assert (row["id"], row["params.params.id"], row["params.id"]) == (0, trial.params["id"], trial.params["params.id"])
