"""Studies against a plain model of what they should be, over any order of calls."""

import random
import time
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gdopt import TrialError
from gdopt.storage.sql_store import SqlStore
from gdopt.study.study import Study
from tests.reliability.children import learner
from tests.reliability.conftest import Record, sizes

HOUR = 3600.0
values = st.floats(-1e6, 1e6)


class Model(RuleBasedStateMachine):
    """What is asked for, told, failed, amended and added, by two that have the study open, and a dictionary."""

    new: Callable[[], str]

    @initialize()
    def begin(self) -> None:
        self.where = type(self).new()
        self.studies = [learner(self.where), learner(self.where)]
        # By id: "pending", "failed" or a value.
        self.trials: dict[int, Any] = {}
        self.keys: dict[str, list] = {}

    def study(self) -> Study:
        """The two take turns."""
        self.studies.reverse()
        return self.studies[0]

    @rule(n=st.integers(1, 3), key=st.none() | st.sampled_from("abc"))
    def ask(self, n: int, key: str | None) -> None:
        n = len(self.keys.get(key, [0] * n)) if key else n
        trials = self.study().ask(n, key=key)
        ids = [t.id for t in trials]
        if key in self.keys:
            assert ids == self.keys[key]
            return
        assert ids == list(range(len(self.trials), len(self.trials) + n))
        self.trials |= dict.fromkeys(ids, "pending")
        if key:
            self.keys[key] = ids

    @precondition(lambda self: self.trials)
    @rule(data=st.data(), value=values, times=st.integers(1, 5))
    def tell(self, data: st.DataObject, value: float, times: int) -> None:
        id = data.draw(st.sampled_from(sorted(self.trials)))
        for _ in range(times):
            was = self.trials[id]
            if was in ("pending", value):
                assert self.study().tell(id, value) == (was == "pending")
                self.trials[id] = value
            else:
                with pytest.raises(TrialError, match="already"):
                    self.study().tell(id, value)

    @precondition(lambda self: self.trials)
    @rule(data=st.data(), value=values)
    def tell_many(self, data: st.DataObject, value: float) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.trials)), min_size=1, max_size=4, unique=True))
        if all(self.trials[id] in ("pending", value) for id in ids):
            self.study().tell(dict.fromkeys(ids, value))
            self.trials |= dict.fromkeys(ids, value)
        else:
            with pytest.raises(TrialError, match="already"):
                self.study().tell(dict.fromkeys(ids, value))

    @precondition(lambda self: self.trials)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.trials)))
        if self.trials[id] in ("pending", "failed"):
            self.study().fail(id)
            self.trials[id] = "failed"
        else:
            with pytest.raises(TrialError, match="already"):
                self.study().fail(id)

    @precondition(lambda self: self.trials)
    @rule(data=st.data(), value=st.none() | values)
    def amend(self, data: st.DataObject, value: float | None) -> None:
        id = data.draw(st.sampled_from(sorted(self.trials)))
        if self.trials[id] == "pending":
            with pytest.raises(TrialError, match="still pending"):
                self.study().amend(id, value, reason="again")
        else:
            self.study().amend(id, value, reason="again")
            self.trials[id] = "failed" if value is None else value

    @rule(value=values, key=st.none() | st.sampled_from("xyz"))
    def add(self, value: float, key: str | None) -> None:
        if key in self.keys:
            id, was = self.keys[key]
            if was == value:
                assert self.study().add({"x": 0.5}, value, key=key).id == id
            else:
                with pytest.raises(TrialError, match="added with it"):
                    self.study().add({"x": 0.5}, value, key=key)
            return
        trial = self.study().add({"x": 0.5}, value, key=key)
        assert trial.id == len(self.trials)
        self.trials[trial.id] = value
        if key:
            self.keys[key] = [trial.id, value]

    @rule()
    def reopen(self) -> None:
        self.studies[0] = learner(self.where)

    @invariant()
    def equal(self) -> None:
        if not hasattr(self, "studies"):
            return
        study = self.studies[1]
        study.refresh()
        found = {t.id: t.status.value if t.value is None else t.value for t in study.trials}
        assert found == self.trials


@pytest.mark.matrix(
    "R6", "results told again, shuffled, late or in conflict, amended and added: equal to a plain model"
)
@sizes("examples, steps", (6, 12), (500, 50))
def test_a_study_is_what_a_plain_model_of_it_is(
    examples: int, steps: int, storage: str, new_storage: Callable[[], str], record_property: Record
) -> None:
    Model.new = staticmethod(new_storage)
    if "://" in storage:
        examples = min(examples, 50)
    settings = hypothesis.settings(
        max_examples=examples, stateful_step_count=steps, deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate],
    )  # fmt: skip
    run_state_machine_as_test(Model, settings=settings)
    record_property("size", f"{examples} runs of at most {steps} calls")
    record_property("measured", "equal after each call")


@pytest.mark.matrix(
    "R14", "leases run out, also when the clock jumps by an hour: given out again, late results are taken"
)
@sizes("runs", 5, 30)
def test_leases_hold_when_the_clock_jumps(
    runs: int, storage: str, monkeypatch: pytest.MonkeyPatch, record_property: Record
) -> None:
    clock = [1e9]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    for seed in range(runs):
        chance, study = random.Random(seed), learner(storage, f"run {seed}")
        ends: dict[int, float] = {}
        for _ in range(12):
            clock[0] += chance.choice([1.0, 90.0, -HOUR, HOUR])
            free = [id for id, end in sorted(ends.items()) if end <= clock[0]]
            seconds = chance.choice([60.0, HOUR])
            ids = [t.id for t in study.ask(2, worker="a", lease=seconds)]
            again = free[:2]
            assert ids[: len(again)] == again
            assert not set(ids[len(again) :]) & set(ends)
            ends |= dict.fromkeys(ids, clock[0] + seconds)
            # Whoever had it, and however late.
            if chance.random() < 0.5:
                id = chance.choice(sorted(ends))
                assert study.tell(id, 1.0)
                del ends[id]
        assert {t.id for t in study.pending} == set(ends)
        SqlStore(storage, f"run {seed}").check()
    record_property("size", f"{runs} runs of 12 asks")
    record_property("measured", "as the leases say")
