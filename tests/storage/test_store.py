"""Where studies are kept: every store gives back what was put, for many at once, and notices what was changed."""

import hashlib
import json
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import torch
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from safetensors.torch import save_file

import gdopt
from gdopt import SettingsError, StoreError, files
from gdopt.storage.events import Event, EventType
from gdopt.storage.sql_schema import TABLES
from gdopt.storage.sql_store import SqlStore
from gdopt.storage.store import MemoryStore, Store, chain_hash
from gdopt.study.study import Study
from tests.strategies import CONSTRAINED, LINE, LOG, MIXED, drive, guided, prior, quick_prior, unchecked

SPACES = {"line": LINE, "log": LOG, "mixed": MIXED, "constrained": CONSTRAINED}
HEADER = {"format": "test", "text": "Größe"}
MIXED_DESIGN = {"heat": 50.0, "cycles": 3, "base": "KOAc"}


def random_study(storage: Path | str | Store, **changes: object) -> Study:
    settings = {"direction": "minimize", "algorithm": gdopt.RandomSearch(), "seed": 3} | changes
    return Study(settings.pop("space", MIXED), storage=storage, **settings)


def line(number: int = 0, key: str | None = None) -> Event:
    return Event(
        EventType.ADDED, {"id": number, "params": {"x": 0.1 + 0.2}, "value": 1e-300}, 1.5e9 + 1 / 3, "Ann", key
    )


# What every store promises.


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return SqlStore(tmp_path / "study")
    return SqlStore(request.getfixturevalue("postgresql"))


def test_a_store_without_a_study_is_empty(store: Store) -> None:
    assert isinstance(store, Store)
    assert (store.header(), store.entries(), store.content("0" * 64)) == (None, [], None)


def test_entries_come_back_equal_and_in_order(store: Store) -> None:
    for number in range(3):
        with store.transaction(HEADER) as writer:
            writer.append(line(number))
    assert store.entries() == [line(0), line(1), line(2)]
    assert store.entries(2) == [line(2)]
    assert store.header() == HEADER


@pytest.mark.parametrize("text", ["half of a pair: \ud800", "é\u0000\n", "\U0001f9ea"])
def test_any_text_comes_back_equal(text: str, store: Store) -> None:
    entry = Event(EventType.FAILED, {"ids": [0], "reason": text})
    with store.transaction(HEADER) as writer:
        writer.append(entry)
    assert store.entries() == [entry]


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with store.transaction(HEADER) as writer:
        writer.append(line())
        kept = writer.put(b"one")

    def half() -> None:
        with store.transaction(HEADER) as writer:
            writer.append(line(1))
            writer.put(b"two", instead_of=kept)
            raise KeyError("stop")

    with pytest.raises(KeyError):
        half()
    assert (store.entries(), store.content(kept)) == ([line()], b"one")


def test_a_key_is_taken_once(store: Store) -> None:
    with store.transaction(HEADER) as writer:
        writer.append(line(key="plate"))

    def again() -> None:
        with store.transaction(HEADER) as writer:
            writer.append(line(1, key="plate"))

    with pytest.raises(StoreError):
        again()
    assert len(store.entries()) == 1


def test_contents_are_found_by_their_hash_until_they_are_replaced(store: Store) -> None:
    with store.transaction(HEADER, [b"prior"]) as writer:
        first = writer.put(b"first")
        again = writer.put(b"first")
    assert first == again
    with store.transaction(HEADER) as writer:
        second = writer.put(b"second", instead_of=first)
    assert (store.content(first), store.content(second)) == (None, b"second")
    assert store.content(hashlib.sha256(b"prior").hexdigest()) == b"prior"


def test_one_asker_at_a_time_while_others_write(store: Store) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with store.ask_lock():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.ask_lock():
        inside.set()
        with store.transaction(HEADER) as writer:
            writer.append(line())
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert store.entries() == [line()]


def test_an_error_of_what_is_done_while_asking_is_passed_on_as_it_is(store: Store) -> None:
    with pytest.raises(FileNotFoundError, match="of the user's"), store.ask_lock():
        raise FileNotFoundError("a file of the user's")


@pytest.mark.parametrize("wrong", [{"key": 7}, {"worker": 3}, {"key": date(2026, 1, 2)}])
def test_an_entry_that_would_read_back_as_another_is_not_kept(wrong: dict, tmp_path: Path, postgresql: str) -> None:
    for where in (tmp_path / "study", postgresql):
        store = SqlStore(where)
        with (
            unchecked(),
            pytest.raises(StoreError, match=r"expected text|cannot write"),
            store.transaction(HEADER) as writer,
        ):
            writer.append(line(0), replace(line(1), **wrong))
        assert store.entries() == []


@pytest.mark.parametrize("threads", [4])
def test_writers_side_by_side_lose_nothing(store: Store, threads: int) -> None:
    def write(worker: int) -> None:
        for _ in range(5):
            with store.transaction(HEADER) as writer:
                writer.append(line(len(writer.entries(0))))

    running = [threading.Thread(target=write, args=(i,)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert [entry.data["id"] for entry in store.entries()] == list(range(5 * threads))


def test_a_pickled_store_is_the_same_study(store: Store) -> None:
    with store.transaction(HEADER) as writer:
        writer.append(line())
    assert pickle.loads(pickle.dumps(store)).entries() == [line()]


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_every_kind_of_trial_comes_back_equal(space: gdopt.Space, store: Store) -> None:
    study = random_study(store, space=space)
    study.ask(6, worker="robot")
    name = next(p.name for p in space.parameters)
    study.tell(0, (1 / 3, 0.1), gradient={name: 0.1})
    study.fail(1, reason="clogged")
    study.abandon(2)
    study.tell(4, 2.0, params=study.trials[3].params)
    study.add(study.trials[3].params, 1e-300)
    study.amend(0, 0.25, reason="misread")
    study.release(5)
    again = random_study(store, space=space)
    assert again.state == study.state
    assert [(t.lease, t.asked_at, t.settled_at) for t in again.trials] == [
        (t.lease, t.asked_at, t.settled_at) for t in study.trials
    ]


# Keys and workers are text: what reads back as something else would make the study unreadable.


class Plate(StrEnum):
    SEVENTH = "plate-7"


NO_TEXT = [7, 7.5, True, b"plate", date(2026, 1, 2), ["plate"], "half of a pair: \ud800", "zero \0 byte"]
NAMING = {
    "ask, key": lambda study, name: study.ask(1, key=name),
    "ask, worker": lambda study, name: study.ask(1, worker=name),
    "asked": lambda study, name: study.asked(name),
    "add": lambda study, name: study.add({"x": 0.5}, 1.0, key=name),
    "tell, worker": lambda study, name: study.tell(0, 1.0, worker=name),
    "add_all": lambda study, name: study.add_all({name: ({"x": 0.5}, 1.0)}),
    "fail": lambda study, name: study.fail(0, reason=name),
    "amend": lambda study, name: study.amend(1, 2.0, reason=name),
}


@pytest.mark.parametrize("name", NO_TEXT, ids=repr)
@pytest.mark.parametrize("call", NAMING.values(), ids=list(NAMING))
def test_a_key_worker_or_reason_that_is_no_text_is_refused(call: Callable, name: object, store: Store) -> None:
    if call is NAMING["add_all"] and isinstance(name, list):
        pytest.skip("a list is no key of a mapping")
    study = random_study(store, space=LINE)
    study.ask(2)
    study.tell(1, 1.0)
    before = study.state
    with unchecked(), pytest.raises(SettingsError, match=r"expected text|is no text"):
        call(study, name)
    assert random_study(store, space=LINE).state == study.state == before


@pytest.mark.parametrize("key", [np.str_("plate-7"), Plate.SEVENTH])
def test_a_key_of_another_class_of_strings_is_that_string(key: str, store: Store) -> None:
    study = random_study(store)
    trials = study.ask(2, key=key, worker=key)
    again = random_study(store)
    assert again.asked("plate-7") == study.asked(key) == trials
    assert type(study.trials[0].worker) is str


@pytest.mark.parametrize(
    "name", [7, -7, 7.5, True, False, np.str_("plate-7"), np.float64(7.5), date(2026, 1, 2), Plate.SEVENTH], ids=repr
)
def test_a_study_whose_names_were_hashed_as_other_objects_opens_again(name: object, tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask(2, key="key", worker="worker")
    study.tell(0, 1.5)
    kept = name.isoformat() if isinstance(name, date) else str(int(name) if isinstance(name, bool) else name)
    with unchecked(), closing(sqlite3.connect(tmp_path / "study")) as connection:
        (header,) = connection.execute("SELECT header FROM study").fetchone()
        last = hashlib.sha256(header.encode()).hexdigest()
        for number, entry in enumerate(study.store.entries()):
            named = replace(entry, key=name, worker=name) if entry.key else entry
            last = chain_hash(last, number, named, json.dumps(entry.data))
            names = (kept, kept) if entry.key else (None, None)
            connection.execute(
                "UPDATE entry SET key = ?, worker = ?, sha256 = ? WHERE number = ?", (*names, last, number)
            )
        connection.execute("UPDATE study SET sha256 = ?", (last,))
        connection.commit()
    opened = Study.load(tmp_path / "study")
    assert [t.value for t in opened.trials] == [1.5, None]
    assert opened.asked(kept) == opened.trials
    opened.tell(1, 2.5)
    opened.store.check()
    assert Study.load(tmp_path / "study").best.value == 1.5


# Files.


def test_a_new_study_writes_nothing_before_it_has_something_to_keep(tmp_path: Path) -> None:
    random_study(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_one_file_and_a_lock(tmp_path: Path) -> None:
    drive(random_study(tmp_path / "study"), 3, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".study.asking", "study"]


def test_two_studies_of_other_names_share_a_file(tmp_path: Path) -> None:
    one, two = (random_study(tmp_path / "study", name=name) for name in ("one", "two"))
    drive(one, 2, 2)
    two.ask(3)
    assert len(random_study(tmp_path / "study", name="one").trials) == 4
    assert len(random_study(tmp_path / "study", name="two").trials) == 3


def test_two_studies_that_learn_the_same_keep_what_they_learned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    algorithm = guided(prior=quick_prior(), finetune=1)
    studies = [
        Study(quick_prior().space, direction="minimize", algorithm=algorithm, storage=tmp_path / "study", name=name)
        for name in ("one", "two")
    ]
    for _ in range(3):
        for study in studies:
            drive(study, 1, 4)
    for study in studies:
        again = Study.load(tmp_path / "study", name=study.store.name)
        assert all(torch.equal(again.state.tensors[k], v) for k, v in study.state.tensors.items())
    assert "is missing" not in caplog.text


def test_tables_are_what_the_code_takes_them_for(tmp_path: Path) -> None:
    random_study(tmp_path / "study").ask()
    with sa.create_engine(f"sqlite:///{tmp_path / 'study'}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), TABLES) == []


def test_what_is_told_is_on_the_disk(tmp_path: Path) -> None:
    random_study(tmp_path / "study").ask()
    with SqlStore(tmp_path / "study")._transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
        safe = sqlite3.sqlite_version_info >= (3, 51, 3)
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == ("wal" if safe else "delete")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"space": LINE}, "the file holds a study of another space"),
        ({"direction": "maximize"}, "another direction: minimize, this one has maximize"),
        ({"seed": 4}, "another seed: 3, this one has 4"),
        ({"objective": "yield"}, "another objective: value, this one has yield"),
    ],
)
def test_a_file_of_another_study_is_refused(changes: dict, match: str, tmp_path: Path) -> None:
    random_study(tmp_path / "study").ask()
    before = (tmp_path / "study").read_bytes()
    with pytest.raises(StoreError, match=match):
        random_study(tmp_path / "study", **changes)
    assert (tmp_path / "study").read_bytes() == before


def test_a_study_is_opened_with_all_that_it_was_begun_with(tmp_path: Path) -> None:
    algorithm = guided(prior=quick_prior(), finetune=5)
    begun = Study(
        quick_prior().space, direction="minimize", objective="drag", outcome_constraints=["lift >= 0.7"],
        tracking_metrics=["cost"], algorithm=algorithm, storage=tmp_path / "study", seed=5,
    )  # fmt: skip
    drive(begun, 2, 4)
    opened = Study.load(tmp_path / "study")
    assert (opened.objective, opened.outcome_constraints, opened.outcomes) == (
        begun.objective,
        begun.outcome_constraints,
        begun.outcomes,
    )
    assert (opened.direction, opened.state.seed) == ("minimize", 5)
    assert opened.algorithm.finetune == 5
    assert torch.equal(opened.algorithm.prior.designs, quick_prior().designs)


def test_what_is_opened_proposes_what_the_first_process_would(tmp_path: Path) -> None:
    def begun(path: Path) -> Study:
        algorithm = guided(prior=quick_prior(), finetune=5)
        return drive(Study(quick_prior().space, direction="minimize", algorithm=algorithm, storage=path), 2, 4)

    going_on = begun(tmp_path / "a").ask(3)
    begun(tmp_path / "b")
    assert [t.params for t in Study.load(tmp_path / "b").ask(3)] == [t.params for t in going_on]


class Own(gdopt.RandomSearch):
    """An algorithm of the user's."""


def test_an_algorithm_that_is_not_gdopts_has_to_be_given_again(tmp_path: Path) -> None:
    Study(LINE, direction="maximize", algorithm=Own(), storage=tmp_path / "study").ask()
    with pytest.raises(StoreError, match="an algorithm that is not gdopt's own: open it with algorithm="):
        Study.load(tmp_path / "study")
    assert len(Study.load(tmp_path / "study", algorithm=Own()).trials) == 1


def test_opening_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no study 'study' in "):
        Study.load(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []
    random_study(tmp_path / "study").ask()
    with pytest.raises(StoreError, match="there is no study 'other' in "):
        Study.load(tmp_path / "study", name="other")


def test_what_was_learned_is_learned_anew_where_it_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    algorithm = guided(prior=quick_prior(), finetune=5)
    drive(Study(quick_prior().space, direction="minimize", algorithm=algorithm, storage=tmp_path / "study"), 2, 4)
    with sqlite3.connect(tmp_path / "study") as connection:
        kept = json.loads(connection.execute("SELECT header FROM study").fetchone()[0])["algorithm"]
        prior_file = kept["settings"]["prior"]["kept"]
        connection.execute("UPDATE content SET bytes = x'00' WHERE sha256 != ?", (prior_file,))
    opened = Study.load(tmp_path / "study")
    assert opened.state.tensors == {}
    assert "are missing or were changed: the model is trained anew" in caplog.text
    assert len(opened.ask(3)) == 3
    with sqlite3.connect(tmp_path / "study") as connection:
        connection.execute("UPDATE content SET bytes = x'00' WHERE sha256 = ?", (prior_file,))
    with pytest.raises(StoreError, match="of the algorithm's prior is missing or was changed"):
        Study.load(tmp_path / "study")


def test_a_changed_or_lost_entry_is_noticed(tmp_path: Path) -> None:
    drive(random_study(tmp_path / "study"), 2, 2)
    original = (tmp_path / "study").read_bytes()
    for change in (
        "UPDATE entry SET data = replace(data, '\"value\"', '\"Value\"')",
        "UPDATE entry SET at = at + 1 WHERE number = 1",
        "UPDATE entry SET worker = 'Eve' WHERE number = 1",
        "UPDATE entry SET number = -number WHERE number = 2",
        "DELETE FROM entry WHERE number = 3",
        "DELETE FROM entry WHERE number = 0",
        "UPDATE study SET entries = entries - 1",
        "UPDATE study SET header = replace(header, '\"value\"', '\"yield\"')",
    ):
        (tmp_path / "study").write_bytes(original)
        with sqlite3.connect(tmp_path / "study") as connection:
            assert connection.execute(change).rowcount > 0
        with pytest.raises(StoreError, match=r"was changed after it was written|holds a study of another"):
            random_study(tmp_path / "study")


def test_a_copy_from_before_is_noticed_by_who_knows_more(tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask()
    older = (tmp_path / "study").read_bytes()
    study.ask()
    (tmp_path / "study").write_bytes(older)
    with pytest.raises(StoreError, match="it was replaced by an older copy"):
        study.ask()


def test_a_copy_from_before_that_others_went_on_with_is_noticed(tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask(3)
    older = (tmp_path / "study").read_bytes()
    study.tell(0, 1.0)
    (tmp_path / "study").write_bytes(older)
    other = random_study(tmp_path / "study")
    other.tell({0: 9.0})
    other.tell({1: 5.0})
    before = (tmp_path / "study").read_bytes()
    for call in (study.refresh, study.ask, lambda: study.tell(2, 3.0), lambda: study.history(0)):
        with pytest.raises(
            StoreError, match="entry 1 is another one: it was replaced by an older copy or another study"
        ):
            call()
    assert [t.value for t in study.trials] == [1.0, None, None]
    assert (tmp_path / "study").read_bytes() == before


@pytest.mark.parametrize("asked", [0, 2])
def test_another_study_in_the_place_of_an_open_one_is_noticed(asked: int, tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask(asked) if asked else study.create()
    (tmp_path / "study").unlink()
    random_study(tmp_path / "study", seed=4).ask(3)
    before = (tmp_path / "study").read_bytes()
    for call in (study.refresh, study.ask, lambda: study.add(MIXED_DESIGN, 1.0)):
        with pytest.raises(StoreError, match=r"in the place of the study that was open|is not the study that was open"):
            call()
    assert (tmp_path / "study").read_bytes() == before


@pytest.mark.parametrize("asked", [0, 2])
def test_nothing_is_begun_in_the_place_of_a_study_that_is_gone(asked: int, tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask(asked) if asked else study.create()
    (tmp_path / "study").rename(tmp_path / "away")
    for call in (study.refresh, study.ask, lambda: study.add(MIXED_DESIGN, 1.0), study.create):
        with pytest.raises(StoreError, match=r"is gone: put the file back|holds nothing in the place of the study"):
            call()
    assert not (tmp_path / "study").exists()
    (tmp_path / "away").rename(tmp_path / "study")
    assert study.ask()[0].id == asked


def test_a_study_that_others_began_meanwhile_has_to_be_the_same_one(tmp_path: Path) -> None:
    early = random_study(tmp_path / "study", seed=4)
    random_study(tmp_path / "study").ask()
    with pytest.raises(StoreError, match="another seed: 3, this one has 4"):
        early.refresh()
    assert early.trials == []


def test_who_asks_through_a_link_waits_for_who_asks_through_the_file(tmp_path: Path) -> None:
    study = random_study(tmp_path / "study")
    study.ask()
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "study")
    done: list[str] = []

    def ask(name: str) -> None:
        with SqlStore(tmp_path / name).ask_lock():
            done.append(name)

    waiting = [threading.Thread(target=ask, args=(name,)) for name in ("link", "folder/study")]
    with study.store.ask_lock():
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        assert done == []
    for thread in waiting:
        thread.join()
    assert sorted(done) == ["folder/study", "link"]


# What `check` looks at beside the entries.


def learned(path: Path) -> Study:
    """A study with a prior and with learned tensors."""
    algorithm = guided(prior=quick_prior(), finetune=1)
    return drive(Study(quick_prior().space, direction="minimize", algorithm=algorithm, storage=path), 2, 4)


def test_check_finds_a_turned_bit_in_each_content(tmp_path: Path) -> None:
    learned(tmp_path / "study").store.check()
    original = (tmp_path / "study").read_bytes()
    with closing(sqlite3.connect(tmp_path / "study")) as connection:
        contents = connection.execute("SELECT sha256, bytes FROM content").fetchall()
    assert len(contents) == 2
    for sha256, content in contents:
        (tmp_path / "study").write_bytes(original)
        with closing(sqlite3.connect(tmp_path / "study")) as connection:
            turned = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
            connection.execute("UPDATE content SET bytes = ? WHERE sha256 = ?", (turned, sha256))
            connection.commit()
        with pytest.raises(StoreError, match=f"{sha256}.* were changed after they were written"):
            SqlStore(tmp_path / "study").check()


def test_check_finds_learned_tensors_missing(tmp_path: Path) -> None:
    study = learned(tmp_path / "study")
    with closing(sqlite3.connect(tmp_path / "study")) as connection:
        connection.execute("DELETE FROM content WHERE sha256 = ?", (study._session.learned,))
        connection.commit()
    with pytest.raises(StoreError, match=r"the tensors .* that study 'study' has learned are missing"):
        study.store.check()


def test_check_reads_every_study_of_a_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        random_study(tmp_path / "study", name=name).ask(2)
    with closing(sqlite3.connect(tmp_path / "study")) as connection:
        connection.execute("UPDATE entry SET at = at + 1 WHERE study = 2")
        connection.commit()
    with pytest.raises(StoreError, match="#two was changed after it was written"):
        SqlStore(tmp_path / "study", "one").check()


# Copies.


def test_a_backup_is_whole_while_others_write(tmp_path: Path) -> None:
    study = learned(tmp_path / "study")
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            study.add(study.trials[0].params, 1.0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            Study.load(tmp_path / "study").store.backup(tmp_path / f"copy {number}")
    finally:
        over.set()
        writer.join()
    for number in range(5):
        copy = Study.load(tmp_path / f"copy {number}")
        assert copy.store.entries() == study.store.entries()[: copy.revision]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".copy")]


def test_a_backup_writes_over_nothing_and_leaves_nothing_that_is_no_copy(tmp_path: Path, postgresql: str) -> None:
    study = learned(tmp_path / "study")
    (tmp_path / "copy").write_text("of another one")
    with pytest.raises(StoreError, match="is there already: choose another name"):
        study.store.backup(tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "of another one"
    with pytest.raises(StoreError, match=r"cannot write .*No such file"):
        study.store.backup(tmp_path / "no folder" / "copy")
    with pytest.raises(StoreError, match="there is no study 'other' in "):
        SqlStore(tmp_path / "study", "other").backup(tmp_path / "new")
    with pytest.raises(StoreError, match="is copied by pg_dump"):
        SqlStore(postgresql).backup(tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "study")) as connection:
        connection.execute("UPDATE content SET bytes = x'00'")
        connection.commit()
    with pytest.raises(StoreError, match="were changed after they were written"):
        study.store.backup(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_backup_that_is_put_back_goes_on(tmp_path: Path) -> None:
    study = learned(tmp_path / "study")
    study.store.backup(tmp_path / "copy")
    expected = study.ask(2)
    (tmp_path / "copy").replace(tmp_path / "study")
    assert [t.params for t in Study.load(tmp_path / "study").ask(2)] == [t.params for t in expected]


@pytest.mark.parametrize("length", [0, 1, 99, 5000])
def test_a_study_cut_short_is_noticed(length: int, tmp_path: Path) -> None:
    drive(random_study(tmp_path / "study"), 2, 3)
    (tmp_path / "study").write_bytes((tmp_path / "study").read_bytes()[:length])
    with pytest.raises(StoreError):
        random_study(tmp_path / "study")


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    random_study(tmp_path / "study").ask()
    with sqlite3.connect(tmp_path / "study") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"was written by a newer gdopt \(tables 9999, this one has"):
        random_study(tmp_path / "study")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "study") as connection:
        connection.execute("CREATE TABLE study (id INTEGER)")
    with pytest.raises(StoreError, match="is a database of another program"):
        random_study(tmp_path / "study")


@pytest.mark.parametrize("url", ["mysql://localhost/db", "sqlite:///study"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(StoreError, match="expected the path of a file, or postgresql://"):
        SqlStore(url)


@pytest.mark.parametrize("url", ["://", "postgresql://[::1/x", "postgresql://host:port/x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="is no URL: expected postgresql://user@host/database"):
        SqlStore(url)


@pytest.mark.parametrize("name", ["x" * 300, "zero\0byte", "half \ud800", "x" * 300 + "/study"])
def test_a_name_that_no_file_can_have_is_a_store_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot (read|write|keep a study in) "):
        random_study(tmp_path / name).ask()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("storage", [3, b"study", ["study"]])
def test_what_is_no_storage_is_refused(storage: object) -> None:
    with unchecked(), pytest.raises(SettingsError, match=r"storage = .*: expected the path of a file"):
        random_study(storage)


def test_a_server_that_does_not_answer_is_a_store_error(tmp_path: Path) -> None:
    store = SqlStore(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(StoreError, match="cannot read postgresql"):
        store.header()
    with pytest.raises(StoreError, match="cannot write postgresql"), store.ask_lock():
        raise AssertionError("nobody has the lock")


def test_a_server_that_goes_while_one_waits_to_ask_is_a_store_error(postgresql: str) -> None:
    import psycopg

    study, said = random_study(postgresql), list[StoreError]()
    study.ask()

    def wait() -> None:
        with pytest.raises(StoreError, match="cannot write postgresql") as caught:
            study.ask()
        said.append(caught.value)

    waiting = threading.Thread(target=wait)
    waits = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with study.store.ask_lock(), psycopg.connect(postgresql, autocommit=True) as server:
        waiting.start()
        while server.execute(f"SELECT count(*) {waits}").fetchone() == (0,):
            time.sleep(0.02)
        server.execute(f"SELECT pg_terminate_backend(pid) {waits}")
        waiting.join()
    assert len(said) == 1
    assert [t.id for t in study.ask()] == [1]


# Files that are not what was written. `read` takes one to the error that it raises.


def touch(path: str) -> None:
    Path(path).touch()


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return touch, (str(self.path),)


def study_file(path: Path) -> Callable[[], object]:
    drive(random_study(path), 1, 3)
    return lambda: random_study(path)


def prior_file(path: Path) -> Callable[[], object]:
    prior().save(path)
    return lambda: gdopt.DiffusionPrior.load(path)


every_file = pytest.mark.parametrize("kind", [study_file, prior_file])
REFUSED = r"is not a file that gdopt wrote|file is not a database|is empty: expected a study"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_changed_byte_anywhere_in_a_prior_is_noticed(share: float, tmp_path: Path) -> None:
    read = prior_file(tmp_path / "file")
    content = bytearray((tmp_path / "file").read_bytes())
    content[int(share * len(content))] ^= 1
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StoreError, match=r"was changed after it was written|is not a file that gdopt wrote"):
        read()


@pytest.mark.parametrize("length", [0, 1, 7, 8, 200, -1])
def test_a_prior_cut_short_is_noticed(length: int, tmp_path: Path) -> None:
    read = prior_file(tmp_path / "file")
    (tmp_path / "file").write_bytes((tmp_path / "file").read_bytes()[:length])
    with pytest.raises(StoreError, match="is not a file that gdopt wrote, or is cut short"):
        read()


def test_a_prior_edited_by_hand_is_noticed(tmp_path: Path) -> None:
    read = prior_file(tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    assert b'\\"best\\"' in content
    (tmp_path / "file").write_bytes(content.replace(b'\\"best\\"', b'\\"Best\\"'))
    with pytest.raises(StoreError, match="its sha256 does not match"):
        read()


@pytest.mark.parametrize("change", ["NaN", "no training", "training of text", "no tensor", "another shape"])
def test_a_prior_of_other_parts_with_a_fitting_sha256_is_refused(change: str, tmp_path: Path) -> None:
    tensors, header = quick_prior().parts()
    if change == "NaN":
        tensors = {
            k: v.clone().index_fill_(0, torch.tensor(0), torch.nan) if v.dim() else v for k, v in tensors.items()
        }
    elif change == "no training":
        del header["training"]
    elif change == "training of text":
        header["training"] = "long"
    elif change == "no tensor":
        del tensors["designs"]
    else:
        tensors = {k: v[:1] if k.startswith("net.") and v.dim() else v for k, v in tensors.items()}
    files.write(tmp_path / "file", tensors, header)
    with unchecked(), pytest.raises(StoreError, match=r"file is not a file that gdopt wrote: "):
        gdopt.DiffusionPrior.load(tmp_path / "file")


@every_file
@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 64, b"id,value\n0,1.5\n", json.dumps({"a": 1}).encode(), b"\xff" * 99]
)
def test_a_foreign_file_is_refused(kind: Callable, content: bytes, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(StoreError, match=REFUSED):
        read()


@every_file
@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"gdopt": "{}"}])
def test_another_programs_safetensors_file_is_refused(kind: Callable, metadata: dict | None, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    save_file({"weight": torch.zeros(3)}, tmp_path / "file", metadata)
    with pytest.raises(StoreError, match=REFUSED):
        read()


@every_file
@pytest.mark.parametrize("dump", [lambda bomb, path: path.write_bytes(pickle.dumps(bomb)), torch.save])
def test_a_pickle_is_not_executed(kind: Callable, dump: Callable, tmp_path: Path) -> None:
    read = kind(tmp_path / "file")
    dump(Bomb(tmp_path / "flag"), tmp_path / "file")
    with pytest.raises(StoreError, match=REFUSED):
        read()
    assert not (tmp_path / "flag").exists()


def test_a_prior_is_no_study_and_a_study_no_prior(tmp_path: Path) -> None:
    read_study, read_prior = study_file(tmp_path / "study"), prior_file(tmp_path / "prior")
    (tmp_path / "study").rename(tmp_path / "swap")
    (tmp_path / "prior").rename(tmp_path / "study")
    (tmp_path / "swap").rename(tmp_path / "prior")
    with pytest.raises(StoreError, match=REFUSED):
        read_study()
    with pytest.raises(StoreError, match=REFUSED):
        read_prior()


def test_a_missing_prior_and_a_folder_in_its_place_are_store_errors(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*missing: No such file"):
        gdopt.DiffusionPrior.load(tmp_path / "missing")
    with pytest.raises(StoreError, match=r"cannot read .*: Is a directory"):
        gdopt.DiffusionPrior.load(tmp_path)


def test_a_folder_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot read .*: unable to open database file"):
        random_study(tmp_path)


def test_a_study_in_a_folder_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere"):
        random_study(tmp_path / "nowhere" / "study")


def test_a_folder_that_vanished_leaves_the_study_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    study = random_study(folder / "study")
    folder.rmdir()
    before = study.state
    with pytest.raises(StoreError, match=r"cannot .*study: No such file"):
        study.ask(2)
    assert study.state is before


def test_a_prior_cannot_be_saved_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        prior().save(tmp_path / "nowhere" / "prior")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_cannot_be_written_to_is_a_store_error() -> None:
    study = random_study(Path("/proc/study"))
    with pytest.raises(StoreError, match=r"cannot .* /proc/study"):
        study.ask()
    assert study.trials == []


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path: Path) -> None:
    files.write(tmp_path / "file", {}, {})
    before = (tmp_path / "file").read_bytes()
    (tmp_path / "blocked").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        files.write(tmp_path / "blocked", {}, {})
    assert (tmp_path / "file").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blocked", "file"]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_numbers_of_numpy_can_be_kept(kind: type, tmp_path: Path) -> None:
    study = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "study")
    study.ask()
    with unchecked():
        study.tell(0, kind(2), gradient={"x": kind(1)})
        study.add({"x": kind(1)}, kind(3))
    again = Study(LINE, direction="maximize", algorithm=gdopt.RandomSearch(), storage=tmp_path / "study")
    assert [t.value for t in again.trials] == [2, 3]


KILLED = """
import os, signal, sys
import gdopt
space = gdopt.Space.from_bounds([(0, 1)])
study = gdopt.Study(space, direction="maximize", algorithm=gdopt.RandomSearch(), storage=sys.argv[1])
for k in range(3):
    study.tell({t.id: t.id for t in study.ask(2)})
study.ask(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_was_killed_left_all_that_it_was_told(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "study")], check=False)
    assert [t.value for t in Study.load(tmp_path / "study").trials] == [0, 1, 2, 3, 4, 5, None]
