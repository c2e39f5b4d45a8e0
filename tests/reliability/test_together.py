"""Many at once: processes that race, threads, forks, and studies that were pickled."""

import os
import pickle
import threading

import pytest

from gdopt.storage.sql_store import SqlStore
from tests.reliability import children
from tests.reliability.children import PATIENCE, PROCESSES, learner
from tests.reliability.conftest import Record, sizes

RACERS = 8
# Seconds that a call may wait for others.
WAITED = 30.0


@pytest.mark.matrix("R3", "8 processes tell one trial: exactly one is first, equal values are no error, others refused")
@sizes("races", 2, 50)
def test_of_many_tellers_of_one_trial_exactly_one_is_first(races: int, storage: str, record_property: Record) -> None:
    for _ in range(races):
        (trial,) = learner(storage).ask()
        ready, go, said = PROCESSES.Semaphore(0), PROCESSES.Event(), PROCESSES.Queue()
        racers = [
            children.start(children.tell_one, storage, trial.id, float(i % 2), ready, go, said) for i in range(RACERS)
        ]
        for _ in racers:
            assert ready.acquire(timeout=PATIENCE)
        go.set()
        answers = [said.get(timeout=PATIENCE) for _ in racers]
        for racer in racers:
            racer.join(PATIENCE)
        ((first, _),) = [one for one in answers if one[1] == "new"]
        assert all(what == "again" for value, what in answers if value == first and what != "new")
        assert all(what == "refused" for value, what in answers if value != first)
        assert learner(storage).trials[trial.id].value == first
    record_property("size", f"{races} races of {RACERS}")
    record_property("measured", "1 accepted in each")


@pytest.mark.matrix("R4", "8 processes ask and tell: distinct ids, none lost, no error, no call takes 30 s")
@sizes("rounds", 4, 100)
def test_many_processes_that_ask_and_tell_lose_nothing(rounds: int, storage: str, record_property: Record) -> None:
    said = PROCESSES.Queue()
    workers = [children.start(children.ask_and_tell, storage, i, rounds, said) for i in range(RACERS)]
    answers = [said.get(timeout=10 * PATIENCE) for _ in workers]
    for worker in workers:
        worker.join(PATIENCE)
    assert all(isinstance(ids, list) for ids, _ in answers), answers
    assert sorted(id for ids, _ in answers for id in ids) == list(range(RACERS * rounds))
    study = learner(storage)
    assert [t.value for t in study.trials] == [t.params["x"] for t in study.trials]
    SqlStore(storage).check()
    longest = max(seconds for _, seconds in answers)
    assert longest < WAITED
    record_property("size", f"{RACERS} processes, {rounds} trials each")
    record_property("measured", f"{RACERS * rounds} distinct, an ask and a tell took {longest:.2f} s at most")


FORKED = pytest.mark.matrix("R19", "a study goes on in forks, threads and pickled, and shares no connection")


@FORKED
def test_a_study_goes_on_in_both_processes_after_a_fork(storage: str, record_property: Record) -> None:
    study = learner(storage)
    study.ask(4)
    child = os.fork()
    if child == 0:
        study.tell({0: 0.0, 1: 1.0})
        os._exit(len(study.ask(2)))
    study.tell({2: 2.0, 3: 3.0})
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    study.refresh()
    assert [t.value for t in study.trials] == [0.0, 1.0, 2.0, 3.0, None, None]
    record_property("size", "1 fork")
    record_property("measured", "both went on")


@FORKED
def test_a_study_is_used_by_many_threads(storage: str, record_property: Record) -> None:
    study, errors = learner(storage), []

    def work() -> None:
        try:
            for _ in range(4):
                (trial,) = study.ask()
                study.tell(trial.id, trial.params["x"])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [t.value for t in study.trials] == [t.params["x"] for t in study.trials]
    assert learner(storage).trials == study.trials
    record_property("size", f"{RACERS} threads, 4 trials each")
    record_property("measured", "none lost")


@FORKED
def test_a_pickled_study_goes_on_in_another_process(storage: str, record_property: Record) -> None:
    study = learner(storage)
    study.ask(3)
    assert children.run(children.tell_pickled, study, 1) == 0
    pickle.loads(pickle.dumps(study)).tell(2, 2.0)
    study.refresh()
    assert [t.value for t in study.trials] == [None, 1.0, 2.0]
    record_property("size", "2 copies")
    record_property("measured", "both went on")
