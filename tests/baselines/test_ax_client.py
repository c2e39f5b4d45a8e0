"""Ax: the same as a client driven by hand."""

import logging
from collections.abc import Mapping, Sequence

import pytest

import gdopt
from gdopt.randomness import isolated, seed_from, stream
from gdopt.study.study import Study
from tests.strategies import MIXED, tell, unchecked

pytest.importorskip("ax")

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from botorch.acquisition.multi_objective import logei

from gdopt.baselines.ax_client import AxDefault, _Plain

SPACE = gdopt.Space([gdopt.Real("x", -1, 2), gdopt.Real("dose", 1e-3, 10, log_scale=True)])
RANGES = [
    RangeParameterConfig("p0", (-1, 2), "float", scaling="linear"),
    RangeParameterConfig("p1", (1e-3, 10), "float", scaling="log"),
]


def started() -> Study:
    study = Study(SPACE, direction="maximize", algorithm=AxDefault(n_initial=5))
    tell(study, study.ask(5))
    study.ask(2)
    study.fail(5)
    return study


def by_hand(
    study: Study, objective: str, constraints: Sequence[str] | None, told: Sequence[Mapping[str, float]]
) -> list[list[float]]:
    """The values of the next two proposals of a client to which all this is told of the first trials."""
    seed = seed_from(stream(study.state.seed, len(study.state.notes)))
    # Ax puts back no generator but its own, and logs every trial.
    logging.disable(logging.ERROR)
    with isolated(seed), unchecked():
        client = Client(random_seed=seed)
        client.configure_experiment(parameters=RANGES, name="hand")
        client.configure_optimization(objective=objective, outcome_constraints=constraints)
        client.configure_generation_strategy(initialization_budget=0, initialize_with_center=False)
        for trial in study.trials:
            index = client.attach_trial({"p0": trial.params["x"], "p1": trial.params["dose"]})
            if index < len(told):
                client.complete_trial(index, dict(told[index]))
            elif trial.status == "failed":
                client.mark_trial_failed(index)
        found = client.get_next_trials(2).values()
    logging.disable(logging.NOTSET)
    return [[*one.values()] for one in found]


def proposed(study: Study) -> list[list[object]]:
    return [list(t.params.values()) for t in study.ask(2)]


def test_proposals_are_those_of_a_client_driven_by_hand() -> None:
    study = started()
    told = [{"value": float(t.value or 0.0)} for t in study.trials[:5]]
    assert by_hand(study, "value", None, told) == proposed(study)


def test_limits_are_outcome_constraints() -> None:
    study = Study(
        SPACE,
        direction="maximize",
        objective="yield",
        outcome_constraints=["heat <= 2", "wear >= 0.5"],
        algorithm=AxDefault(n_initial=5),
    )
    for i, trial in enumerate(study.ask(5)):
        # The last one's wear is not known yet.
        study.tell(trial.id, {"yield": float(i % 3), "heat": float(i), **({"wear": 1.0 - i / 5} if i < 4 else {})})
    told = [{"value": float(i % 3), "limited0": float(i), "limited1": 1.0 - i / 5} for i in range(5)]
    del told[4]["limited1"]
    assert by_hand(study, "value", ["limited0 <= 2", "limited1 >= 0.5"], told) == proposed(study)


def test_several_objectives_are_maximized_and_their_references_are_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    # BoTorch would compile an extension for them, which takes a minute.
    monkeypatch.setattr(logei, "_load_attempted", True)
    study = Study(
        SPACE,
        direction={"yield": "maximize", "cost": "minimize"},
        reference_point={"yield": 0.5, "cost": 4.0},
        algorithm=AxDefault(n_initial=5),
    )
    for i, trial in enumerate(study.ask(5)):
        study.tell(trial.id, {"yield": float(i % 3), "cost": float(i)})
    told = [{"value": float(i % 3), "value1": -float(i)} for i in range(5)]
    assert by_hand(study, "value, value1", ["value >= 0.5", "value1 >= -4.0"], told) == proposed(study)


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    started()
    assert not caplog.records


def test_whole_numbers_are_integers_to_ax_and_choices_have_no_order() -> None:
    heat, cycles, base = _Plain(MIXED).configs()
    assert (type(heat), heat.parameter_type) == (RangeParameterConfig, "float")
    assert (type(cycles), cycles.parameter_type, cycles.bounds) == (RangeParameterConfig, "int", (1, 8))
    assert (type(base), base.is_ordered, base.values) == (ChoiceParameterConfig, False, ["KOAc", "Cs2CO3", "Et3N"])
