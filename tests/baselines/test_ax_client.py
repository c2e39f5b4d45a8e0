"""Ax: the same as a client driven by hand."""

import logging

import pytest

import gdopt
from gdopt.algorithm import seed_from, stream
from gdopt.baselines.isolated import isolated
from gdopt.study import Study
from tests.strategies import MIXED, tell, unchecked

pytest.importorskip("ax")

from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from gdopt.baselines.ax_client import AxDefault, _Plain

SPACE = gdopt.Space([gdopt.Real("x", -1, 2), gdopt.Real("dose", 1e-3, 10, log=True)])


def started() -> Study:
    study = Study(SPACE, direction="maximize", algorithm=AxDefault(start=5))
    tell(study, study.ask(5))
    study.ask(2)
    study.fail(5)
    return study


def test_proposals_are_those_of_a_client_driven_by_hand() -> None:
    study = started()
    seed = seed_from(stream(study.state))
    # Ax puts back no generator but its own, and logs every trial.
    logging.disable(logging.ERROR)
    with isolated(seed), unchecked():
        from ax.api.client import Client
        from ax.api.configs import RangeParameterConfig

        client = Client(random_seed=seed)
        ranges = [
            RangeParameterConfig("p0", (-1, 2), "float", scaling="linear"),
            RangeParameterConfig("p1", (1e-3, 10), "float", scaling="log"),
        ]
        client.configure_experiment(parameters=ranges, name="hand")
        client.configure_optimization(objective="value")
        client.configure_generation_strategy(initialization_budget=0, initialize_with_center=False)
        for trial in study.trials:
            index = client.attach_trial({"p0": trial.params["x"], "p1": trial.params["dose"]})
            if trial.value is not None:
                client.complete_trial(index, {"value": trial.value})
        client.mark_trial_failed(5)
        expected = [list(one.values()) for one in client.get_next_trials(2).values()]
    logging.disable(logging.NOTSET)
    assert [list(t.params.values()) for t in study.ask(2)] == expected


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    started()
    assert not caplog.records


def test_whole_numbers_are_integers_to_ax_and_choices_have_no_order() -> None:
    heat, cycles, base = _Plain(MIXED).configs()
    assert (type(heat), heat.parameter_type) == (RangeParameterConfig, "float")
    assert (type(cycles), cycles.parameter_type, cycles.bounds) == (RangeParameterConfig, "int", (1, 8))
    assert (type(base), base.is_ordered, base.values) == (ChoiceParameterConfig, False, ["KOAc", "Cs2CO3", "Et3N"])
