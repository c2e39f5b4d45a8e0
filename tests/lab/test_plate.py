"""Plates: what spreadsheets do to a file is read right, or refused by row and column."""

import csv
import io
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import gdopt
from gdopt.errors import TableError
from gdopt.lab.past_results import past_results
from gdopt.lab.plate import Plate, headings_of, plate_text, read_plate
from gdopt.spreadsheet import written
from gdopt.storage.events import Report
from tests.strategies import NESTED, spaces, unchecked

SPACE = gdopt.Space(
    [gdopt.Real("temperature", 20, 120), gdopt.Integer("hours", 1, 24), gdopt.Choice("base", ["KOAc", "K3PO4"])],
    [gdopt.Constraint({"temperature": 1, "hours": 1}, 140)],
)


def study_of(space: gdopt.Space = SPACE, n: int = 4, **settings: object) -> gdopt.Study:
    said = {
        "direction": "maximize",
        "objective": "yield",
        "outcome_constraints": ["impurity <= 2"],
        "tracking_metrics": ["mass"],
    } | settings
    study = gdopt.Study(space, algorithm=gdopt.RandomSearch(), **said)
    study.ask(n)
    return study


def rows_of(study: gdopt.Study) -> list[list[str]]:
    """The plate of all trials, as a header and rows of cells."""
    return list(csv.reader(io.StringIO(plate_text(study, study.trials))))


def content(rows: list[list[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def with_cells(study: gdopt.Study, changes: dict[tuple[int, str], str], extra: tuple[str, ...] = ()) -> bytes:
    """The study's plate with cells written, by trial and column."""
    header, *rows = rows_of(study)
    header += extra
    rows = [[*row, *("" for _ in extra)] for row in rows]
    for (id, column), text in changes.items():
        rows[id][header.index(column)] = text
    return content([header, *rows])


def said(study: gdopt.Study, changes: dict[tuple[int, str], str], *extra: str) -> Plate:
    return read_plate(study, with_cells(study, changes, extra))


def refused(study: gdopt.Study, changes: dict[tuple[int, str], str], *extra: str) -> str:
    before = study.trials
    with pytest.raises(TableError, match="nothing of the file was taken") as caught:
        said(study, changes, *extra)
    assert study.trials == before
    return str(caught.value)


def test_a_plate_has_ids_parameters_outcomes_and_a_note() -> None:
    assert rows_of(study_of())[0] == ["id", "temperature", "hours", "base", "yield", "impurity", "mass", "note"]


def test_the_proposals_are_written_to_the_last_bit() -> None:
    study = study_of()
    assert [float(row[1]) for row in rows_of(study)[1:]] == [t.params["temperature"] for t in study.trials]


def test_what_has_no_result_stays_pending() -> None:
    study = study_of()
    found = said(study, {(1, "yield"): "83.5"})
    assert found.tell(study)
    assert [t.id for t in study.pending] == [0, 2, 3] == found.pending
    assert study.trials[1].value == 83.5


def test_all_that_a_row_may_say_is_told_at_once() -> None:
    study = study_of()
    changes = {
        (0, "yield"): "83.5", (0, "yield sem"): "0.5", (0, "impurity"): "1.5", (0, "note"): "cloudy",
        (1, "yield"): "Failed", (1, "note"): "spilled",
        (2, "status"): "abandoned",
        (3, "mass"): "12",
    }  # fmt: skip
    found = said(study, changes, "yield sem", "status")
    assert found.results == {
        0: Report(gdopt.trials.trial.Result(83.5, 0.5), {"impurity": (1.5, None)}, note="cloudy"),
        3: Report(None, {"mass": (12.0, None)}),
    }
    assert (found.failed, found.abandoned, found.new) == ({1: "spilled"}, {2: ""}, 4)
    found.tell(study)
    assert [t.status for t in study.trials] == ["done", "failed", "abandoned", "pending"]
    assert [t.reason for t in study.trials] == ["cloudy", "spilled", "", ""]
    assert len({entry.at for id in range(4) for entry in study.history(id) if entry.kind != "asked"}) == 1


def test_columns_of_the_studys_frame_are_understood() -> None:
    study = study_of()
    found = said(study, {(0, "yield"): "83.5", (0, "sem"): "0.5", (0, "worker"): "ann"}, "worker", "sem", "yield sem")
    assert found.results == {0: Report(gdopt.trials.trial.Result(83.5, 0.5))}
    wrong = {(0, "yield"): "1", (0, "sem"): "0.5", (0, "yield sem"): "0.6"}
    assert "row 2, column sem: is 0.5, but yield sem is 0.6" in refused(study, wrong, "sem", "yield sem")


def test_told_twice_is_told_once() -> None:
    study = study_of()
    filled = with_cells(study, {(0, "yield"): "83.5", (0, "note"): "cloudy", (1, "yield"): "failed"})
    assert read_plate(study, filled).tell(study)
    again = read_plate(study, filled)
    assert again.new == 0
    assert not again.tell(study)


def test_an_edited_parameter_is_what_was_tried() -> None:
    study = study_of()
    proposed = study.trials[0].params
    said(study, {(0, "yield"): "1", (0, "temperature"): "64.25", (0, "base"): "K3PO4"}).tell(study)
    assert study.trials[0].params == {**proposed, "temperature": 64.25, "base": "K3PO4"}
    assert study.trials[0].proposed == proposed


@pytest.mark.parametrize("shown", ["{:.15g}", "{:.2f}", "{:.1f}", "{:.3e}", "{:.0f}", "{:+.4f}"])
def test_a_rounded_proposal_is_not_edited(shown: str) -> None:
    study = study_of()
    temperature = study.trials[0].params["temperature"]
    found = said(study, {(0, "yield"): "1", (0, "temperature"): shown.format(temperature)})
    assert found.results[0].params is None


def test_a_parameter_off_by_one_in_its_last_digit_is_edited() -> None:
    study = study_of()
    temperature = study.trials[0].params["temperature"]
    found = said(study, {(0, "yield"): "1", (0, "temperature"): f"{temperature + 0.01:.2f}"})
    assert found.results[0].params["temperature"] == float(f"{temperature + 0.01:.2f}")


def test_a_proposal_whose_point_was_taken_for_thousands_is_refused() -> None:
    wide = gdopt.Space([gdopt.Real("t", 0, 1e20)])
    study = study_of(wide)
    digits = repr(study.trials[0].params["t"]).replace(".", "")[:15]
    assert "row 2, column t: " in refused(study, {(0, "yield"): "1", (0, "t"): digits})


WRONG = [
    ({(0, "yield"): "83%"}, (), "row 2, column yield: '83%' is not a number"),
    ({(1, "yield"): "#DIV/0!"}, (), "row 3, column yield: '#DIV/0!' is not a number"),
    ({(1, "yield"): "nan"}, (), "row 3, column yield: 'nan' is not a number"),
    ({(1, "yield"): "1e999"}, (), "row 3, column yield: '1e999' is not finite"),
    ({(0, "yield"): "1,234"}, (), "row 2, column yield: '1,234' may be 1.234 or 1234"),
    ({(0, "yield"): "1.234,5"}, (), "row 2, column yield: '1.234,5' is not a number"),
    ({(0, "yield sem"): "1"}, ("yield sem",), "row 2, column yield sem: is given without yield"),
    ({(0, "yield"): "1", (0, "yield sem"): "-1"}, ("yield sem",), "row 2, column yield sem: -1.0 is negative"),
    ({(2, "id"): "9"}, (), "row 4, column id: trial 9 is unknown; there are 4 trials"),
    ({(2, "id"): ""}, (), "row 4, column id: '' is no id"),
    ({(2, "id"): "1.5"}, (), "row 4, column id: '1.5' is no id"),
    ({(0, "status"): "lost"}, ("status",), "row 2, column status: 'lost' is unknown"),
    ({(0, "status"): "done"}, ("status",), "row 2, column status: is done, but there is no yield"),
    ({(0, "status"): "failed", (0, "yield"): "1"}, ("status",), "row 2, column yield: is given, though"),
    ({(0, "status"): "failed", (0, "yield"): "abandoned"}, ("status",), "row 2, column status: is failed, but yield"),
    (
        {(0, "yield"): "failed", (0, "impurity"): "1.2"},
        (),
        "row 2, column impurity: is given, though the trial is failed",
    ),
    ({(0, "yield"): "failed", (0, "hours"): "24"}, (), "row 2, is failed, of which only the proposal is kept"),
    ({(0, "yield"): "1", (0, "hours"): "1.5"}, (), "row 2, column hours: hours = 1.5 is not a whole number"),
    (
        {(0, "yield"): "1", (0, "temperature"): "1204"},
        (),
        "row 2, column temperature: temperature = 1204.0 is far outside",
    ),
    (
        {(0, "yield"): "1", (0, "temperature"): ""},
        (),
        "row 2, column temperature: is empty; expected the value that was tried",
    ),
    ({(0, "yield"): "1", (0, "base"): "koac"}, (), "row 2, column base: base = 'koac' is not one of"),
    ({(0, "yield"): "1", (0, "temperature"): "150", (0, "hours"): "24"}, (), "row 2, temperature + hours <= 140"),
    ({(0, "colour"): "red"}, ("colour",), "row 1, column colour: is unknown; there may be id, temperature"),
    ({}, ("yield",), "row 1, column yield: is there twice"),
    ({(0, "yield"): "1", (1, "id"): "0"}, (), "row 3, column id: is 0 as in row 2, but the results differ"),
]


@pytest.mark.parametrize(("changes", "extra", "message"), WRONG)
def test_what_is_wrong_is_said_by_row_and_column(
    changes: dict[tuple[int, str], str], extra: tuple[str, ...], message: str
) -> None:
    with unchecked():
        assert f"taken: {message}" in refused(study_of(), changes, *extra)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    message = refused(study_of(), {(0, "yield"): "x", (2, "mass"): "y", (3, "hours"): "99"})
    assert re.findall(r"^  row (\d), column (\w+):", message, re.MULTILINE) == [
        ("2", "yield"), ("4", "mass"), ("5", "hours")
    ]  # fmt: skip


def test_another_value_than_was_told_before_is_refused() -> None:
    study = study_of()
    study.tell(0, 5.0)
    assert "row 2, trial 0 is done with 5.0 already; it was now told 6.0" in refused(study, {(0, "yield"): "6"})


def test_values_are_told_in_the_direction_of_the_user() -> None:
    study = study_of(direction="minimize", outcome_constraints=[])
    said(study, {(0, "yield"): "6"}).tell(study)
    assert not said(study, {(0, "yield"): "6"}).tell(study)
    assert study.best.value == 6


def test_rows_are_counted_as_a_spreadsheet_does() -> None:
    study = study_of()
    header, *rows = rows_of(study)
    rows[0][-1] = "two\nlines"
    rows[1][4] = "x"
    with pytest.raises(TableError, match="row 4, column yield"):
        read_plate(study, content([header, rows[0], [], rows[1]]))


@pytest.mark.parametrize(
    "broken", [b"", b"\r\n\r\n", b"\xff\xfe\x00", b'id,yield\r\n0,"1', b"a,b\r\n1,2\r\n", b"yield\r\n1\r\n"]
)
def test_what_is_no_plate_is_refused(broken: bytes) -> None:
    with pytest.raises(TableError, match="nothing of the file was taken"):
        read_plate(study_of(), broken)


def test_a_file_of_ids_and_results_alone_will_do() -> None:
    study = study_of()
    read_plate(study, b"yield;id\r\n83,5;2\r\n").tell(study)
    assert study.trials[2].value == 83.5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_excel_are_read(encoding: str) -> None:
    study = study_of(gdopt.Space([gdopt.Real("θ" if encoding != "cp1252" else "Größe", 0, 1)]))
    text = with_cells(study, {(0, "yield"): "1"}).decode()
    assert read_plate(study, text.encode(encoding)).results.keys() == {0}


def test_a_name_that_no_cell_can_have_is_refused() -> None:
    study = study_of(gdopt.Space([gdopt.Real("x", 0, 1), gdopt.Real(" note", 0, 1)]))
    with pytest.raises(gdopt.SettingsError, match=r"\[' note'\] cannot be the name of one"):
        headings_of(study)


# --- what spreadsheets do ---


@st.composite
def damaged(draw: st.DrawFn, plates: list[str], values: dict[int, float]) -> bytes:
    """A plate, of points or of commas, with values filled in, after a spreadsheet had it."""
    commas = draw(st.booleans())
    delimiter = draw(st.sampled_from(";\t" if commas else ",;\t"))
    header, *rows = csv.reader(io.StringIO(plates[commas]), delimiter=";" if commas else ",")
    for row in rows:
        value = repr(values[int(row[0])])
        row[header.index("yield")] = value.replace(".", ",") if commas else value
    rows = draw(st.permutations(rows))[: draw(st.integers(0, len(rows)))]
    rows += rows[: draw(st.integers(0, 1))]
    order = draw(st.permutations(range(len(header))))
    table = [[row[at] for at in order] for row in (header, *rows)]
    for _ in range(draw(st.integers(0, 2))):
        table.insert(draw(st.integers(0, len(table))), draw(st.sampled_from([[], [""] * len(header)])))
    text = content(table, delimiter).decode()
    ends = draw(st.sampled_from(["\r\n", "\n"]))
    return text.replace("\r\n", ends).encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@settings(max_examples=40)
@given(st.data())
def test_a_plate_comes_back_from_a_spreadsheet_right_or_refused(data: st.DataObject) -> None:
    space = data.draw(spaces())
    with unchecked():
        study = study_of(space, n=3, outcome_constraints=[], tracking_metrics=[])
    values = data.draw(st.fixed_dictionaries({id: st.floats(-1e9, 1e9) for id in range(3)}))
    plates = [plate_text(study, study.trials, comma=comma) for comma in (False, True)]
    try:
        found = read_plate(study, data.draw(damaged(plates, values)))
    except TableError as error:
        assert re.search(r"row \d+, column \w+: '-?\d+[.,]\d{3}' may be", str(error))  # noqa: PT017
        return
    assert {id: report.result.value for id, report in found.results.items()} == {id: values[id] for id in found.results}
    assert all(report.params is None for report in found.results.values())


# --- what does not count ---


def branched() -> gdopt.Study:
    """Any trial, one with a ligand and one without."""
    study = study_of(NESTED, n=1, outcome_constraints=[], tracking_metrics=[])
    study.ask(1, fixed={"metal": "Pd", "ligand": "B", "steps": 1})
    study.ask(1, fixed={"metal": "none", "steps": 1})
    return study


def test_a_cell_of_what_does_not_count_is_empty() -> None:
    rows = rows_of(branched())
    assert rows[0] == ["id", "metal", "ligand", "steps", "heat", "second", "salt", "yield", "note"]
    assert [(row[1], row[2], row[5], row[6]) for row in rows[2:]] == [("Pd", "B", "", ""), ("none", "", "", "")]


def test_a_plate_of_several_branches_comes_back_as_it_was_proposed() -> None:
    study = branched()
    found = said(study, {(1, "yield"): "50", (2, "yield"): "60"})
    assert [found.results[id].params for id in (1, 2)] == [None, None]


def test_another_branch_than_was_proposed_may_have_been_tried() -> None:
    study = branched()
    changes = {(1, "metal"): "none", (1, "ligand"): "", (2, "steps"): "2", (2, "second"): "70"}
    said(study, {(1, "yield"): "50", (2, "yield"): "60", **changes}).tell(study)
    assert study.trials[1].params.keys() == {"metal", "steps", "heat"}
    assert study.trials[2].params["second"] == 70


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({(1, "metal"): "none"}, r"row 3, ligand = 'B' does not count beside {'metal': 'none'}: it needs metal in"),
        ({(2, "metal"): "Pd"}, r"row 4, missing parameters \['ligand'\]"),
        ({(1, "heat"): ""}, "row 3, column heat: is empty"),
    ],
)
def test_a_row_that_is_of_no_branch_is_refused(changes: dict[tuple[int, str], str], message: str) -> None:
    assert re.search(message, refused(branched(), {(1, "yield"): "50", (2, "yield"): "60", **changes}))


def test_data_from_before_has_empty_cells_too() -> None:
    study = branched()
    rows = b"metal,ligand,steps,heat,second,salt,yield\nPd,A,1,50,,,3\nnone,,2,50,60,,4\n"
    new = study.add_all(past_results(study, rows).rows)
    assert [t.params for t in new] == [
        {"metal": "Pd", "ligand": "A", "steps": 1, "heat": 50},
        {"metal": "none", "steps": 2, "heat": 50, "second": 60},
    ]


# --- data from before ---

BEFORE = (
    b"base;hours;yield;temperature;yield sem\r\nKOAc;3;50,5;80;0,5\r\n\r\nK3PO4;4;60;81,5;\r\nKOAc;3;50,5;80;0,5\r\n"
)


def test_data_from_before_is_added_once_and_repeats_are_kept() -> None:
    study = study_of(n=1)
    new = study.add_all(past_results(study, BEFORE).rows)
    assert [(t.id, t.value, t.params["temperature"]) for t in new] == [(1, 50.5, 80), (2, 60, 81.5), (3, 50.5, 80)]
    assert study.add_all(past_results(study, BEFORE).rows) == []
    longer = BEFORE + b"KOAc;5;1;30;\r\n"
    assert [t.value for t in study.add_all(past_results(study, longer).rows)] == [1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"base,hours,temperature\r\nKOAc,3,80\r\n", r"it has no columns \['yield'\]"),
        (b"base,hours,temperature,yield\r\nKOAc,3,80,\r\n", "row 2, column yield: has no value"),
        (b"base,hours,temperature,yield\r\nKOAc,,80,3\r\n", "row 2, column hours: is empty"),
        (b"base,hours,temperature,yield\r\nKOAc,24,150,3\r\n", "row 2, temperature +"),
        (b"id,base,hours,temperature,yield\r\n0,KOAc,24,119,3\r\n", "row 1, column id: is unknown"),
    ],
)
def test_data_from_before_is_refused_by_row_and_column(rows: bytes, message: str) -> None:
    study = study_of()
    with pytest.raises(TableError, match=message):
        past_results(study, rows)


# --- exports and plates of other studies ---


def exported(study: gdopt.Study) -> bytes:
    frame = study.to_frame()
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return written([list(frame.columns), *rows]).encode()


def test_an_export_is_added_to_another_study_with_all_that_was_measured() -> None:
    study, other = study_of(n=5), study_of(n=1)
    study.tell({0: {"yield": (83.5, 0.5), "impurity": 1.5, "mass": (12, 1)}, 1: 0.1 + 0.2}, failed={2: "spilled"})
    study.abandon(3)
    before = past_results(other, exported(study))
    new = other.add_all(before.rows)
    assert [(t.params, t.status, t.result, t.outcomes, t.reason) for t in new] == [
        (t.params, t.status, t.result, t.outcomes, t.reason) for t in study.trials[:3]
    ]
    assert before.left_out == {"abandoned": 1, "pending": 1}
    assert other.add_all(past_results(other, exported(study)).rows) == []


def test_an_export_of_a_study_adds_nothing_to_it() -> None:
    study = study_of()
    study.tell({0: 1.0, 1: (2.0, 0.5)}, failed=[2])
    before = past_results(study, exported(study))
    assert (before.rows, before.own) == ({}, [0, 1, 2])


def test_a_plate_is_not_added_as_results_from_before() -> None:
    study = study_of()
    with pytest.raises(TableError, match="row 1, column id: is unknown in results from before; a plate is told"):
        past_results(study, with_cells(study, {(0, "yield"): "1"}))


@settings(max_examples=40)
@given(st.data())
def test_an_export_comes_back_right_or_refused(data: st.DataObject) -> None:
    space = data.draw(spaces())
    with unchecked():
        study, other = (study_of(space, n=n, outcome_constraints=[], tracking_metrics=["id"]) for n in (3, 1))
        for id in range(len(study.trials)):
            study.tell(id, {"yield": data.draw(st.floats(-1e9, 1e9)), "id": data.draw(st.floats(-1e9, 1e9))})
        try:
            rows = past_results(other, exported(study)).rows
        except TableError as error:
            # A level that is blank, or two that are the same without the blanks around them.
            assert re.search(r"is empty|is not one of|does not count|missing parameters", str(error))  # noqa: PT017
            return
        new = other.add_all(rows)
    assert [(t.params, t.value, t.outcomes) for t in new] == [(t.params, t.value, t.outcomes) for t in study.trials]


@pytest.mark.parametrize("comma", [False, True])
def test_levels_and_names_that_look_like_formulas_come_back(comma: bool) -> None:
    levels = ["-CF3", "=O", "@home", "'=O", "+1"]
    space = gdopt.Space([gdopt.Choice("=R", levels), gdopt.Real("-t", -2, -1)])
    study = study_of(space, n=1, outcome_constraints=[], tracking_metrics=[])
    for level in levels:
        study.ask(1, fixed={"=R": level})
    text = plate_text(study, study.trials, comma=comma)
    rows = [*csv.reader(io.StringIO(text), delimiter=";" if comma else ",")]
    assert rows[0] == ["id", "'=R", "'-t", "yield", "note"]
    assert [row[1] for row in rows[2:]] == ["'-CF3", "'=O", "'@home", "''=O", "+1"]
    assert all(row[2].startswith("-1") for row in rows[1:])
    for row in rows[1:]:
        row[3] = "1"
    found = read_plate(study, content(rows, ";" if comma else ","))
    assert [report.params for report in found.results.values()] == [None] * 6


def test_a_cell_a_little_outside_the_bounds_is_what_was_tried() -> None:
    study = gdopt.Study(
        gdopt.Space([gdopt.Real("temperature", 20, 120, unit="degC")]),
        direction="maximize",
        algorithm=gdopt.RandomSearch(),
    )
    study.ask(2)
    read_plate(study, b"id,temperature,value\n0,120.4,5\n1,19.8,4\n").tell(study)
    assert [(t.params["temperature"], t.outside) for t in study.trials] == [(120.4, True), (19.8, True)]


def test_a_mixture_as_it_was_weighed_is_what_was_tried() -> None:
    names = ("water", "ethanol", "acetone")
    mixture = gdopt.Space(
        [gdopt.Real(name, 0, 1) for name in names], [gdopt.Constraint(dict.fromkeys(names, 1.0), equal=1)]
    )
    study = gdopt.Study(mixture, direction="maximize", algorithm=gdopt.RandomSearch())
    study.ask(1)
    read_plate(study, b"id,water,ethanol,acetone,value\n0,0.441,0.452,0.106,5\n").tell(study)
    assert study.trials[0].params == {"water": 0.441, "ethanol": 0.452, "acetone": 0.106}
    with pytest.raises(TableError, match=r"row 2, .* does not hold: the left side is 1\.938"):
        read_plate(study, b"id,water,ethanol,acetone,value\n0,0.441,0.452,1.045,5\n")


def test_results_of_a_wider_campaign_are_added_where_it_is_said() -> None:
    study = gdopt.Study(
        gdopt.Space([gdopt.Real("temperature", 80, 90)]), direction="maximize", algorithm=gdopt.RandomSearch()
    )
    content = b"temperature,value\n20,1\n85,2\n"
    with pytest.raises(TableError, match=r"row 2, column temperature: temperature = 20\.0 is far outside"):
        past_results(study, content)
    assert len(study.add_all(past_results(study, content, outside=True).rows, outside=True)) == 2
