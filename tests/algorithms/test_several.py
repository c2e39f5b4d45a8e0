"""Studies of several objectives and of limits that are modelled, from asking to reopening."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from gdopt import GuidedDiffusion, Real, ResultError, SettingsError, Space, StoreError, Study, TrialError
from gdopt.acquisition.data import TrainingData
from gdopt.algorithms.base import Algorithm
from gdopt.baselines import baseline
from gdopt.baselines.random import RandomSearch
from gdopt.cli import app
from gdopt.lab.campaign_builder import start_study
from gdopt.lab.campaign_reader import checked, read_campaign
from gdopt.lab.campaign_template import campaign_text
from gdopt.lab.plate import plate_text, read_plate
from gdopt.service.client import Client
from gdopt.space.parameters import Params

SQUARE = Space([Real("a", 0.0, 1.0), Real("b", 0.0, 1.0)])
TWO = {"near": "minimize", "far": "maximize"}


def quick() -> GuidedDiffusion:
    return GuidedDiffusion(candidates=200)


def two(params: Params) -> dict[str, float]:
    """Squared distances to two corners: the front is the diagonal's line between them."""
    a, b = float(params["a"]), float(params["b"])
    return {"near": a**2 + b**2, "far": -((a - 1) ** 2 + (b - 1) ** 2)}


def several(**settings: object) -> Study:
    return Study(SQUARE, **{"direction": TWO, "algorithm": quick(), **settings})  # type: ignore[arg-type]


def play(study: Study, told: Callable[[Params], dict[str, float]], rounds: int, n: int = 4) -> Study:
    for _ in range(rounds):
        study.tell({t.id: told(t.params) for t in study.ask(n)})
    return study


# --- several objectives ---


def test_the_front_is_found_better_than_by_random_search() -> None:
    reference = {"near": 2.0, "far": -2.0}
    guided = play(several(reference_point=reference), two, 6)
    random = play(several(reference_point=reference, algorithm=RandomSearch()), two, 6)
    # By integration of the front: 4 - the area that it leaves, at most 4 - 1/6 x 2^2 less what no design has.
    assert guided.hypervolume > random.hypervolume
    off = [abs(float(t.params["a"]) - float(t.params["b"])) for t in guided.trials[-8:]]
    assert sum(off) / len(off) < 0.1


def test_pareto_holds_the_trials_that_none_dominates_the_best_of_the_first_objective_first() -> None:
    study = several()
    for near, far in [(1.0, 1.0), (2.0, 3.0), (2.5, 2.0), (3.0, 5.0)]:
        study.add({"a": near / 4, "b": 0.5}, {"near": near, "far": far})
    assert [t.id for t in study.pareto] == [0, 1, 3]
    assert [t.value for t in study.pareto] == [1.0, 2.0, 3.0]


def test_the_hypervolume_is_measured_from_the_reference_in_the_users_units() -> None:
    study = several(reference_point={"near": 4.0, "far": 0.0})
    study.add({"a": 0.1, "b": 0.1}, {"near": 1.0, "far": 2.0})
    study.add({"a": 0.2, "b": 0.1}, {"near": 2.0, "far": 5.0})
    assert study.hypervolume == pytest.approx(3 * 2 + 2 * 3)


def test_a_front_is_of_trials_that_break_no_limit() -> None:
    study = several(outcome_constraints=["heat <= 1"])
    study.add({"a": 0.1, "b": 0.1}, {"near": 0.0, "far": 9.0, "heat": 2.0})
    with pytest.raises(TrialError, match="no trial is known to satisfy heat <= 1"):
        _ = study.pareto
    study.add({"a": 0.2, "b": 0.1}, {"near": 2.0, "far": 5.0, "heat": 1.0})
    assert [t.id for t in study.pareto] == [1]


def test_an_objective_that_is_told_later_counts_from_then_on() -> None:
    study = several()
    (trial,) = study.ask(1)
    study.tell(trial.id, {"near": 1.0})
    with pytest.raises(TrialError, match=r"no trial has all of \['near', 'far'\] yet"):
        _ = study.pareto
    study.tell(trial.id, {"far": 2.0})
    assert [t.id for t in study.pareto] == [trial.id]


def test_a_study_goes_on_while_some_trials_lack_an_objective() -> None:
    study = several()
    for i, trial in enumerate(study.ask(6)):
        found = two(trial.params)
        study.tell(trial.id, found if i % 2 else {"near": found["near"]})
    assert len(study.ask(2)) == 2


def test_initial_designs_continue_until_enough_trials_have_all_objectives() -> None:
    study = several()
    study.tell({t.id: {"near": two(t.params)["near"]} for t in study.ask(8)})
    assert {t.source for t in study.ask(2)} == {"start"}


def test_repeated_measurements_are_one_design_of_mean_outcomes() -> None:
    from gdopt.acquisition.data import ranked_trials

    study = several()
    for near, far in [(1.0, 4.0), (3.0, 2.0)]:
        study.add({"a": 0.5, "b": 0.5}, {"near": near, "far": far})
    (one,) = ranked_trials(study.state)
    assert one.value == -2.0
    assert one.outcomes["far"][0] == 3.0


def test_several_objectives_are_kept_and_go_on_as_they_would_have(tmp_path: Path) -> None:
    settings = {"reference_point": {"near": 2.0}, "seed": 3}
    kept = play(several(**settings, storage=tmp_path / "kept.gdopt"), two, 2)
    there = Study.load(tmp_path / "kept.gdopt")
    assert there.objectives == kept.objectives
    assert there.hypervolume == kept.hypervolume
    straight = play(several(**settings), two, 2)
    assert [t.params for t in there.ask(2)] == [t.params for t in straight.ask(2)]


def test_a_file_of_other_objectives_is_refused(tmp_path: Path) -> None:
    several(storage=tmp_path / "kept.gdopt").create()
    with pytest.raises(StoreError, match="another objectives"):
        several(storage=tmp_path / "kept.gdopt", direction={"near": "minimize", "width": "maximize"})
    with pytest.raises(StoreError, match="another"):
        Study(SQUARE, direction="minimize", objective="near", tracking_metrics=["far"], storage=tmp_path / "kept.gdopt")


def test_a_header_of_one_objective_is_what_it_was_before_there_were_several(tmp_path: Path) -> None:
    study = Study(SQUARE, direction="maximize", storage=tmp_path / "kept.gdopt")
    study.create()
    header = study.store.header()
    assert header is not None
    assert "objectives" not in json.loads(json.dumps(header))
    assert Study.load(tmp_path / "kept.gdopt").config == study.config


def test_asking_moves_no_global_random_numbers() -> None:
    study = play(several(), two, 2)
    before = torch.get_rng_state()
    study.ask(2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"direction": {}}, "expected a direction for each objective"),
        ({"reference_point": {"width": 1.0}}, r"reference of \['width'\]: the objectives are \['near', 'far'\]"),
        ({"reference_point": {"near": math.inf}}, "expected a finite number"),
        ({"outcome_constraints": ["near <= 1"]}, "once each"),
        ({"algorithm": baseline("turbo")}, "TuRBO takes one objective; there are 2"),
        ({"outcome_constraints": ["near < 1"]}, "expected an outcome, <= or >=, and a number"),
    ],
)
def test_what_makes_no_study_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        several(**settings)


def test_several_objectives_have_no_best_trial_and_no_front_before_values() -> None:
    study = several()
    with pytest.raises(TrialError, match="no trial has a value yet"):
        _ = study.pareto
    study.add({"a": 0.1, "b": 0.1}, {"near": 1.0, "far": 2.0})
    with pytest.raises(TrialError, match="no best trial of all: see pareto"):
        _ = study.best


def test_a_number_alone_is_no_result_of_several_objectives() -> None:
    study = several()
    (trial,) = study.ask(1)
    with pytest.raises(ResultError, match="no_such"):
        study.tell(trial.id, {"no_such": 1.0})


def test_one_objective_has_a_front_of_its_best() -> None:
    study = Study(SQUARE, direction="maximize")
    study.add({"a": 0.1, "b": 0.1}, 1.0)
    study.add({"a": 0.2, "b": 0.1}, 3.0)
    assert [t.id for t in study.pareto] == [1]


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """By the definition: as good in all, better in one; higher is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


def volume(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """Of all cells between the coordinates of the points, those below a point."""
    grid = [sorted({at, *(p[i] for p in points if p[i] > at)}) for i, at in enumerate(reference)]
    total = 0.0
    for cell in product(*(pairwise(axis) for axis in grid)):
        if any(all(p[i] >= high for i, (_, high) in enumerate(cell)) for p in points):
            total += math.prod(high - low for low, high in cell)
    return total


@pytest.mark.parametrize("algorithm", [RandomSearch(), baseline("sobol")])
@pytest.mark.parametrize("directions", [TWO, {**TWO, "wide": "maximize"}])
def test_front_and_hypervolume_of_random_designs_are_those_of_brute_force(
    algorithm: Algorithm, directions: dict[str, str]
) -> None:
    reference = {"near": 1.5, "far": -1.5, "wide": -0.1}
    study = several(
        direction=directions,
        reference_point={name: reference[name] for name in directions},
        outcome_constraints=["heat <= 0.9"],
        algorithm=algorithm,
    )
    trials = study.ask(16)
    measured = {t.id: {**two(t.params), "wide": math.sin(9 * float(t.params["a"]))} for t in trials}
    study.tell({i: {**{n: one[n] for n in directions}, "heat": one["near"] / 1.5} for i, one in measured.items()})
    signs = [1.0 if way == "maximize" else -1.0 for way in directions.values()]
    rows = {
        i: tuple(s * one[n] for s, n in zip(signs, directions, strict=True))
        for i, one in measured.items()
        if one["near"] / 1.5 <= 0.9
    }
    front = {i for i, row in rows.items() if not any(dominates(other, row) for other in rows.values())}
    worst = tuple(s * reference[n] for s, n in zip(signs, directions, strict=True))
    assert 0 < len(front) < len(rows) < 16
    assert {t.id for t in study.pareto} == front
    assert study.hypervolume == pytest.approx(volume(list(rows.values()), worst))


# --- what is shown of them ---


def shown(**settings: object) -> Study:
    """Three rounds of one trial: on the front, dominated, on the front and beyond the limit."""
    study = several(
        reference_point={"near": 4.0, "far": 0.0},
        outcome_constraints=["heat <= 1"],
        algorithm=RandomSearch(),
        **settings,
    )
    for near, far, heat in [(1.0, 2.0, 0.5), (2.0, 1.0, 0.5), (2.0, 5.0, 0.5), (0.5, 9.0, 3.0)]:
        (trial,) = study.ask(1)
        study.tell(trial.id, {"near": near, "far": far, "heat": heat})
    return study


def test_each_round_has_the_hypervolume_that_was_reached() -> None:
    assert [one.hypervolume for one in shown().rounds] == pytest.approx([6.0, 6.0, 12.0, 12.0])


def test_a_reference_that_excludes_everything_is_warned_of() -> None:
    study = several(reference_point={"near": 0.5, "far": 0.0})
    study.add({"a": 0.1, "b": 0.1}, {"near": 1.0, "far": 2.0})
    with pytest.warns(UserWarning, match=r"no trial is better than the reference {'near': 0.5, 'far': 0.0}"):
        assert study.hypervolume == 0


def test_the_figure_has_the_front_the_dominated_and_what_breaks_a_limit(tmp_path: Path) -> None:
    axes, _ = shown().plot(tmp_path / "front.png").axes
    points = {one.get_label(): one.get_offsets().tolist() for one in axes.collections}
    assert points["reference"] == [[4.0, 0.0]]
    assert points["not dominated"] == [[1.0, 2.0], [2.0, 5.0]]
    assert points["dominated"] == [[2.0, 1.0]]
    assert points["breaks a limit, or is not known to keep it"] == [[0.5, 9.0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("near (minimized)", "far (maximized)")
    assert (tmp_path / "front.png").stat().st_size > 0


def test_what_the_figure_shades_has_the_area_of_the_hypervolume() -> None:
    study = shown()
    # Neither is better than the reference in both.
    for near, far in [(5.0, 12.0), (0.2, -1.0)]:
        study.add({"a": 0.5, "b": 0.5}, {"near": near, "far": far, "heat": 0.0})
    (axes, _) = study.plot().axes
    (shade,) = (one for one in axes.collections if one.get_label() == "dominated beyond the reference")
    x, y = shade.get_paths()[0].vertices.T
    # Gauss's area formula.
    assert abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2 == pytest.approx(study.hypervolume)


def test_the_figure_has_the_hypervolume_after_each_evaluation() -> None:
    _, axes = shown().plot().axes
    (line,) = axes.lines
    assert line.get_xdata().tolist() == [1, 2, 3, 4]
    assert line.get_ydata().tolist() == pytest.approx([6.0, 6.0, 12.0, 12.0])


def test_three_objectives_have_a_panel_for_each_two_and_one_for_the_hypervolume() -> None:
    study = several(direction={**TWO, "wide": "maximize"}, algorithm=RandomSearch())
    study.tell({t.id: {**two(t.params), "wide": float(t.params["a"])} for t in study.ask(5)})
    assert [one.get_ylabel() for one in study.plot().axes] == [
        "far (maximized)",
        "wide (maximized)",
        "wide (maximized)",
        "hypervolume",
    ]


def test_the_report_has_the_front_as_a_table() -> None:
    from gdopt.lab.report import page

    text = page(shown(), "two")
    assert "minimize near, maximize far, heat &lt;= 1" in text
    assert "Hypervolume 12" in text
    assert page(several(algorithm=RandomSearch()), "none yet").count("no trial has a value yet") == 1


def test_the_command_line_lists_the_front(tmp_path: Path) -> None:
    shown(storage=tmp_path / "two.gdopt")

    def said(verb: str) -> str:
        done = CliRunner().invoke(app, [verb, "--study", str(tmp_path / "two.gdopt")])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "minimize near, maximize far, heat <= 1\n" in said("status")
    assert "front: 2 trials, hypervolume 12\n" in said("status")
    assert [line.split()[:3] for line in said("best").splitlines()] == [
        ["trial", "near", "far"],
        ["0", "1", "2"],
        ["2", "2", "5"],
    ]


def test_a_plate_has_a_column_for_each_objective() -> None:
    study = several(algorithm=RandomSearch())
    (trial,) = study.ask(1)
    text = plate_text(study, [trial])
    assert text.splitlines()[0] == "id,a,b,near,far,note"
    filled = text.strip().removesuffix(",,,") + ",1.5,2.5,\r\n"
    read_plate(study, filled.encode()).tell(study)
    assert [t.outcomes["far"][0] for t in study.pareto] == [2.5]


def test_the_service_and_its_client_have_the_front() -> None:
    from tests.service.serving import TOKEN, served

    study = shown()
    with served(study) as url:
        client = Client(url, TOKEN)
        assert client.pareto == study.pareto
        assert client.trials == study.trials
        assert client.status.front == [0, 2]
        assert client.status.hypervolume == pytest.approx(12.0)
        assert client.status.hypervolumes == pytest.approx([6.0, 6.0, 12.0, 12.0])
        assert [one.name for one in client.status.objectives] == ["near", "far"]


CAMPAIGN = {
    "name": "two",
    "direction": {"near": "minimize", "far": "maximize"},
    "reference_point": {"near": 2.0},
    "parameters": [{"name": "a", "kind": "real", "low": 0.0, "high": 1.0}],
}


def test_a_campaign_of_several_objectives_is_read_as_it_is_written(tmp_path: Path) -> None:
    campaign = checked(CAMPAIGN, "here")
    path = tmp_path / "two.toml"
    path.write_text(campaign_text(campaign))
    assert read_campaign(path) == campaign
    assert start_study(campaign, tmp_path).objectives == several(reference_point={"near": 2.0}).objectives


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"direction": "maximize"}, "key objective is missing"),
        ({"direction": "maximize", "objective": "far"}, "one objective has none"),
        ({"direction": {}}, "expected a direction for each"),
        ({"objective": "far"}, "no key objective"),
        ({"reference_point": {"width": 1.0}}, r"keys \['width'\]: the objectives are \['near', 'far'\]"),
    ],
)
def test_a_campaign_of_unclear_objectives_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        checked({**CAMPAIGN, **change}, "here")


# --- limits ---


def half(params: Params) -> dict[str, float]:
    """Best where it is not allowed: of what is, at (0.6, 0.4)."""
    a, b = float(params["a"]), float(params["b"])
    return {"value": -((a - 0.9) ** 2) - (b - 0.7) ** 2, "sum": a + b}


def test_modelled_limits_are_kept_more_often_and_the_best_on_the_border_is_found() -> None:
    modelled = Study(SQUARE, direction="maximize", outcome_constraints=["sum <= 1"], algorithm=quick())
    blind = Study(SQUARE, direction="maximize", tracking_metrics=["sum"], algorithm=quick())
    for study in (modelled, blind):
        play(study, half, 5)
    kept, by_chance = (sum(t.outcomes["sum"][0] <= 1 for t in s.trials[4:]) for s in (modelled, blind))
    assert kept > 2 * by_chance
    # By Lagrange: half of the squared distance from (0.9, 0.7) to the border.
    assert modelled.best.value == pytest.approx(-0.18, abs=0.02)


def test_the_probability_of_feasibility_is_kept_with_the_proposal(tmp_path: Path) -> None:
    study = Study(
        SQUARE, direction="maximize", outcome_constraints=["sum <= 1"], algorithm=quick(), storage=tmp_path / "a.gdopt"
    )
    first, later = play(study, half, 2).trials[0], study.trials[-1]
    assert first.feasible is None
    assert later.feasible is not None
    assert 0 <= later.feasible <= 1
    assert [t.feasible for t in Study.load(tmp_path / "a.gdopt").trials] == [t.feasible for t in study.trials]
    assert study.to_frame()["feasible"].tolist()[-1] == later.feasible


def test_without_limits_nothing_is_said_of_feasibility() -> None:
    study = play(several(), two, 2)
    assert all(t.feasible is None for t in study.trials)
    assert all(len(one) == 3 for entry in study.store.entries() for one in entry.data.get("trials", ()))
    assert "feasible" not in study.to_frame().columns


def test_where_nothing_is_known_to_hold_what_may_hold_is_looked_for() -> None:
    study = Study(SQUARE, direction="maximize", outcome_constraints=["sum <= 0.1"], algorithm=quick())
    for a, b in [(0.9, 0.8), (0.5, 0.9), (0.7, 0.3), (0.4, 0.5)]:
        study.add({"a": a, "b": b}, half({"a": a, "b": b}))
    play(study, half, 3)
    assert study.best.outcomes["sum"][0] <= 0.1


@pytest.mark.parametrize("algorithm", [quick(), baseline("qlogei"), baseline("qlogei-constrained"), baseline("random")])
def test_every_algorithm_goes_on_when_limits_are_broken(algorithm: object) -> None:
    study = Study(SQUARE, direction="maximize", outcome_constraints=["sum <= 1"], algorithm=algorithm)  # type: ignore[arg-type]
    play(study, half, 3)
    assert len(study.state.done) == 12
    assert study.state.config == study.config


def test_a_design_that_breaks_a_limit_is_learned_from_and_not_failed() -> None:
    from gdopt.acquisition.surrogate import fit_surrogate
    from gdopt.codecs.box import BoxCodec
    from gdopt.surrogates.multi_output import MultiOutputSurrogate
    from gdopt.surrogates.outcome_transforms import power

    study = Study(SQUARE, direction="maximize", outcome_constraints=["sum <= 1"], algorithm=quick())
    play(study, half, 3)
    found = fit_surrogate(TrainingData(study.state, BoxCodec(SQUARE)), 200, power)
    assert isinstance(found, MultiOutputSurrogate)
    assert len(found.y) == 12
    z = BoxCodec(SQUARE).encode([{"a": 0.1, "b": 0.1}, {"a": 0.9, "b": 0.9}])
    inside, outside = found.log_feasible(z).exp().tolist()
    assert inside > 0.9
    assert outside < 0.1


def test_one_measurement_of_a_limited_outcome_is_enough_to_go_on() -> None:
    study = Study(SQUARE, direction="maximize", outcome_constraints=["sum <= 1"], algorithm=quick())
    trials = study.ask(6)
    study.tell({t.id: {"value": half(t.params)["value"]} for t in trials})
    study.tell(trials[0].id, {"sum": half(trials[0].params)["sum"]})
    assert all(t.feasible is not None and 0 <= t.feasible <= 1 for t in study.ask(2))


def test_a_limited_outcome_that_comes_later_is_taken_in_then() -> None:
    study = Study(SQUARE, direction="maximize", outcome_constraints=["sum <= 1"], algorithm=quick())
    trials = study.ask(6)
    study.tell({t.id: {"value": half(t.params)["value"]} for t in trials})
    assert len(study.ask(2)) == 2
    with pytest.raises(TrialError, match="no trial is known to satisfy"):
        _ = study.best
    study.tell({t.id: {"sum": half(t.params)["sum"]} for t in trials})
    assert study.best.outcomes["sum"][0] <= 1


def test_a_lock_that_a_killed_process_left_holds_nobody_up(tmp_path: Path) -> None:
    """BoTorch's qLogNEHVI compiles an extension beside such a lock, unless it is asked not to."""
    lock = tmp_path / "logei_fused_ext" / "lock"
    lock.parent.mkdir()
    lock.touch()
    script = """
import gdopt
study = gdopt.Study(gdopt.Space.from_bounds([(0, 1)] * 2), direction={"a": "maximize", "b": "minimize"}, seed=0)
for trial in study.ask(4):
    study.tell({trial.id: {"a": trial.params["x0"], "b": trial.params["x1"]}})
assert [t.predicted is not None for t in study.ask(2)] == [True, True]
"""
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        timeout=60,
        env={**os.environ, "TORCH_EXTENSIONS_DIR": str(tmp_path)},
    )
