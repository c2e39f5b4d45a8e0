"""Tables of candidates: what is read of them, which rows are near, how a study of them is kept."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial import cKDTree

import gdopt
from gdopt import plotting
from gdopt.acquisition.data import TrainingData
from gdopt.baselines import baseline
from gdopt.codecs.nearest import nearest
from gdopt.codecs.table import TableCodec
from gdopt.lab.plate import plate_text, read_plate
from gdopt.space.serialization import from_json, to_json
from gdopt.space.table import Table, table_of
from gdopt.study import figures
from gdopt.study.study import Study
from gdopt.surrogates.gp import GaussianProcess
from tests.oracles import normal
from tests.strategies import CATALOGUE, TABLE, drive, guided

HIGH = CATALOGUE.a + CATALOGUE.d


def high(params: gdopt.space.parameters.Params) -> float:
    return float(HIGH[params["row"]])


def compounds(**columns: object) -> pd.DataFrame:
    made = {"name": ["A1", "A2", "A3", "A4"], "mass": [10.0, 12.0, 17.0, 20.0], "acid": [True, False, True, True]}
    return pd.DataFrame(made | columns)


def table(space: gdopt.Space) -> Table:
    return TableCodec(space, {}).table


# What is read.


def test_a_row_is_named_by_its_id_and_shown_with_its_columns() -> None:
    space = gdopt.Space.from_table(compounds(note=["x", None, "y", "z z"]), id="name", descriptors=["mass"])
    space.check({"name": "A2"})
    assert space.annotations({"name": "A2"}) == {"mass": 12.0, "acid": 0, "note": ""}


def test_without_an_id_the_index_names_the_rows() -> None:
    space = gdopt.Space.from_table(compounds().set_index("name"))
    assert space.names == ("name",)
    assert gdopt.Space.from_table(compounds()[["mass"]]).names == ("row",)


def test_descriptors_are_numbers_that_vary_and_short_lists_of_words_unless_it_is_said() -> None:
    frame = compounds(constant=[1, 1, 1, 1], salt=["Na", "K", "Na", "Li"], free=[f"{i}" * 3 for i in range(4)])
    many = pd.concat([frame.assign(name=frame.name + str(i), free=frame.free + str(i)) for i in range(4)])
    assert table(gdopt.Space.from_table(many, id="name")).descriptors == ("mass", "acid", "salt")
    assert table(gdopt.Space.from_table(many, id="name", descriptors=["mass"])).descriptors == ("mass",)


def test_coordinates_are_white() -> None:
    z = table(TABLE).z.double()
    # Four numbers, and three levels of which two are free.
    assert z.shape == (1500, 6)
    torch.testing.assert_close(z.T @ z / 1500, torch.eye(6, dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.mean(0), torch.zeros(6, dtype=torch.float64), atol=1e-5, rtol=0)


def test_the_users_frame_may_change_afterwards() -> None:
    frame = compounds()
    space = gdopt.Space.from_table(frame, id="name")
    frame["mass"] += 1
    frame.loc[0, "name"] = "B1"
    assert space.annotations({"name": "A1"})["mass"] == 10.0


@pytest.mark.parametrize(
    ("frame", "given", "error", "message"),
    [
        (compounds(), {"id": "nome"}, gdopt.SpaceError, r"no columns \['nome'\]; there are"),
        (compounds(), {"descriptors": ["mass", "height"]}, gdopt.SpaceError, r"no columns \['height'\]"),
        (compounds()[:1], {}, gdopt.CorpusError, "two rows or more, got 1"),
        (compounds(name=["A", "B", "A", "C"]), {"id": "name"}, gdopt.CorpusError, r"in several rows, such as \['A'\]"),
        (compounds(name=["A", None, "B", "C"]), {"id": "name"}, gdopt.CorpusError, r"no id, such as rows \[1\]"),
        (compounds(name=["A", "", "B", "C"]), {"id": "name"}, gdopt.CorpusError, r"no id, such as rows \[1\]"),
        (compounds(mass=[1, 2, np.nan, 4]), {}, gdopt.CorpusError, r"column mass: 1 rows have no finite .* \[2\]"),
        (compounds(mass=[1, np.inf, 3, 4]), {}, gdopt.CorpusError, r"column mass: 1 rows have no finite"),
        (compounds(k=[1, 1, 1, 1]), {"descriptors": ["k"]}, gdopt.CorpusError, "k describes nothing: it has 1 diff"),
        (compounds()[["name"]].assign(name="x"), {}, gdopt.SpaceError, "nothing describes the rows"),
        (pd.concat([compounds(), compounds()], axis=1), {}, gdopt.SpaceError, r"columns .*'mass'.* more than once"),
        (compounds().assign(row=1), {}, gdopt.SpaceError, "both called 'row'"),
    ],
)
def test_a_bad_table_is_refused(
    frame: pd.DataFrame, given: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        gdopt.Space.from_table(frame, **given)


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(gdopt.SpaceError, match="is a pandas DataFrame, got list"):
        gdopt.Space.from_table([[1, 2]])


@pytest.mark.parametrize("id", [-1, 1500, "x", 3.5, 10**30])
def test_an_id_of_no_row_is_refused(id: object) -> None:
    with pytest.raises(gdopt.SpaceError, match="is the id of none of the table's 1500 rows"):
        TABLE.check({"row": id})


@pytest.mark.parametrize("id", [17, "17"])
def test_a_number_is_an_id_as_text_too(id: object) -> None:
    assert TABLE.parameters[0].plain(id) == 17


# Which rows are near.


@pytest.mark.parametrize("n", [5, 64, 65, 3000])
@pytest.mark.parametrize("k", [1, 7])
def test_the_nearest_rows_are_those_that_a_tree_finds(n: int, k: int) -> None:
    rows, z = normal(n, 4, seed=0).float(), 2 * normal(30, 4, seed=1)
    _, expected = cKDTree(rows.numpy()).query(z.float().numpy(), k=[*range(1, min(k, n) + 1)])
    assert nearest(rows, z, k).tolist() == expected.tolist()


def test_the_nearest_rows_are_none_of_those_that_are_left_out() -> None:
    rows, but = normal(500, 3, seed=0).float(), [*range(0, 500, 2)]
    found = nearest(rows, normal(20, 3, seed=1), 5, but)
    _, expected = cKDTree(rows.numpy()[1::2]).query(normal(20, 3, seed=1).float().numpy(), k=5)
    assert found.tolist() == (2 * expected + 1).tolist()


def test_when_few_rows_are_left_these_are_the_nearest() -> None:
    rows = normal(200, 3, seed=0).float()
    assert nearest(rows, normal(4, 3, seed=1), 16, [*range(198)]).sort().values.tolist() == [[198, 199]] * 4


def test_candidates_at_one_place_are_different_rows_near_it() -> None:
    codec = TableCodec(TABLE, {})
    z = codec.z([3]).expand(10, -1)
    places = codec.places(codec.decode_unseen(z, codec.params([3, 4])))
    _, expected = cKDTree(codec.table.z.numpy()).query(codec.table.z[3].numpy(), k=11)
    assert places == [one for one in expected.tolist() if one != 3][:10]


def test_the_law_of_a_small_table_is_that_of_its_rows(generator: torch.Generator) -> None:
    codec = TableCodec(TABLE, {})
    law, z = codec.base_denoiser(codec.z([0, 1]), generator), codec.z(range(1500))
    x, sigma = normal(5, codec.dim, seed=2), torch.tensor(0.8, dtype=torch.float64)
    shares = torch.softmax(-torch.cdist(x, z).square() / (2 * 0.8**2), 1)
    torch.testing.assert_close(law(x, sigma), shares @ z)


def test_the_law_of_a_large_table_has_all_rows_about_the_elite_and_the_weight_of_all(
    generator: torch.Generator,
) -> None:
    frame = pd.DataFrame(normal(6000, 2, seed=0).numpy(), columns=["x", "y"])
    codec = TableCodec(gdopt.Space.from_table(frame), {})
    law = codec.base_denoiser(codec.z([5]), generator)
    near = codec.z(nearest(codec.table.z, codec.z([5]), 64).flatten())
    assert all((law.means == row).all(1).any() for row in near)
    torch.testing.assert_close(law.weights[-1] / law.weights[0], torch.tensor((6000 - 64) / 2048).double())


# Studies.


def test_good_rows_are_found_and_none_twice() -> None:
    study = drive(Study(TABLE, direction="maximize", algorithm=guided()), 8, 5, high)
    rows = [t.params["row"] for t in study.trials]
    assert len(set(rows)) == 40
    # Forty random rows would have one of the best five with a chance of 13 %.
    assert study.best.value in HIGH.nlargest(5).tolist()


def test_every_row_is_tried_before_one_is_tried_again() -> None:
    space = gdopt.Space.from_table(pd.DataFrame({"x": np.arange(23.0), "y": np.arange(23.0) ** 2}))
    study = drive(Study(space, direction="maximize", algorithm=guided()), 5, 5, lambda p: float(p["row"]))
    assert [r.asked for r in study.rounds] == [5, 5, 5, 5, 3]
    assert {t.params["row"] for t in study.trials} == {*range(23)}


def test_rows_of_equal_descriptors_are_different_rows() -> None:
    frame = pd.DataFrame({"x": [1.0, 1.0, 1.0, 2.0, 3.0, 3.0] * 2})
    study = drive(Study(gdopt.Space.from_table(frame), direction="maximize", algorithm=guided()), 4, 3, lambda p: 0.0)
    assert len({t.params["row"] for t in study.trials}) == 12


def test_a_study_is_all_in_its_file(tmp_path: Path) -> None:
    frame = compounds(note=["é", "", "日本", "z z"])
    space = gdopt.Space.from_table(frame, id="name")
    first = Study(space, direction="minimize", storage=tmp_path / "study.gdopt", algorithm=guided())
    first.add({"name": "A3"}, 1.0)
    again = Study.load(tmp_path / "study.gdopt")
    assert again.space == space
    assert again.space.annotations(again.best.params) == {"mass": 17.0, "acid": 1, "note": "日本"}
    assert {t.params["name"] for t in again.ask(3)} == {"A1", "A2", "A4"}


def test_a_study_of_another_table_is_refused(tmp_path: Path) -> None:
    Study(gdopt.Space.from_table(compounds()), direction="minimize", storage=tmp_path / "study.gdopt").create()
    other = gdopt.Space.from_table(compounds(mass=[10.0, 12.0, 17.0, 20.5]))
    with pytest.raises(gdopt.StoreError, match="study of another space"):
        Study(other, direction="minimize", storage=tmp_path / "study.gdopt")


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(mass=f.mass + 1e-9),
        lambda f: f.assign(note=["a", "b", "c", "x"]),
        lambda f: f.rename(columns={"mass": "weight"}),
        lambda f: f[::-1],
        lambda f: f.assign(name=["A1", "A2", "A3", "A5"]),
    ],
)
def test_a_table_that_differs_has_another_hash(change: object) -> None:
    frame = compounds(note=["a", "b", "c", "d"])
    one, other = (table_of(f, "name", None)[1] for f in (frame, change(frame)))
    assert one.sha256 != other.sha256
    assert one.sha256 == table_of(frame.copy(), "name", None)[1].sha256


def test_a_table_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    space = from_json(to_json(TABLE))
    assert space == TABLE
    with pytest.raises(gdopt.SpaceError, match="the table of its 1500 rows is not at hand"):
        space.check({"row": 1})
    with pytest.raises(gdopt.SpaceError, match="not at hand"):
        Study(space, direction="maximize")


def test_what_cannot_work_on_a_table_says_so() -> None:
    with pytest.raises(gdopt.SpaceError, match="TuRBO does not choose among the rows of a table"):
        Study(TABLE, direction="maximize", algorithm=baseline("turbo"))
    with pytest.raises(gdopt.SpaceError, match="cannot be searched beside other parameters"):
        Study(gdopt.Space([*TABLE.parameters, gdopt.Real("heat", 0, 1)]), direction="maximize")
    with pytest.raises(gdopt.SpaceError, match="row cannot be fixed"):
        Study(TABLE, direction="maximize").ask(2, fixed={"row": 3})


def test_a_gradient_by_a_row_is_refused() -> None:
    study = Study(TABLE, direction="maximize")
    with pytest.raises(gdopt.ResultError, match="the numeric parameters are"):
        study.add({"row": 3}, 1.0, gradient={"row": 1.0})


def test_a_plate_shows_the_columns_of_each_row_and_takes_results_by_trial() -> None:
    study = Study(gdopt.Space.from_table(compounds(note="x"), id="name"), direction="maximize", objective="yield")
    trials = study.ask(2)
    lines = plate_text(study, trials).splitlines()
    assert lines[0] == "id,name,mass,acid,table.note,yield,note"
    filled = "\n".join([lines[0], *(line.replace("x,,", f"x,{5 + i},") for i, line in enumerate(lines[1:]))])
    read_plate(study, filled.encode()).tell(study)
    assert [t.value for t in study.trials] == [5.0, 6.0]


def test_a_figure_shows_every_row_and_what_was_told(tmp_path: Path) -> None:
    study = drive(Study(TABLE, direction="maximize", algorithm=gdopt.RandomSearch()), 1, 20, high)
    axes = figures.rows(TABLE, study.state.trials, study.config, tmp_path / "rows.png").axes[0]
    assert [len(one.get_offsets()) for one in axes.collections] == [1500, 20, 1]
    assert (tmp_path / "rows.png").stat().st_size > 10_000


def test_the_surrogate_is_of_the_descriptors() -> None:
    from gdopt.acquisition.surrogate import fit_surrogate
    from gdopt.surrogates.outcome_transforms import power

    study = drive(Study(TABLE, direction="maximize", algorithm=gdopt.RandomSearch()), 1, 40, high)
    codec = TableCodec(TABLE, {})
    model = fit_surrogate(TrainingData(study.state, codec), 40, power)
    (objective,) = model.objectives
    assert isinstance(objective, GaussianProcess)
    assert np.corrcoef(model.mean(codec.z(range(1500))), HIGH)[0, 1] > 0.9


def test_the_figure_of_rows_rings_the_best_that_satisfies_the_limits() -> None:
    study = Study(TABLE, direction="maximize", outcome_constraints=["impurity <= 2"], algorithm=gdopt.RandomSearch())
    study.ask(3)
    study.tell({0: {"value": 10, "impurity": 1}, 1: {"value": 90, "impurity": 5}, 2: {"value": 80}})
    axes = figures.rows(TABLE, study.state.trials, study.config).axes[0]
    points = {one.get_label(): one.get_offsets().tolist() for one in axes.collections[2:]}
    assert points["best"] == axes.collections[1].get_offsets().tolist()
    assert len(points[plotting.BEYOND]) == 2
