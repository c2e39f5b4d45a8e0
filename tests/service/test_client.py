"""The client against a service that runs: the same answers, errors and texts as the study itself."""

import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

import gdopt
from gdopt.service.client import Client
from gdopt.trials.state import State
from tests.service.serving import TOKEN, random_study, served
from tests.strategies import NESTED, TINY, unchecked


@pytest.fixture
def study(tmp_path):
    return random_study(objective="yield", tracking_metrics=["cost"], storage=tmp_path / "study.db")


@pytest.fixture
def client(study):
    with served(study) as url:
        yield Client(url, TOKEN)


def test_trials_come_over_the_wire_as_they_are(client, study):
    asked = client.ask(4, worker="ann", lease=60.0)
    client.tell({0: 1.5, 1: (0.1 + 0.2, 0.1)}, failed=[2])
    client.tell(3, {"yield": 2.0, "cost": 7}, params={**asked[3].params, "heat": 21.0}, gradient=None)
    assert asked == client.ask(4, key="again") or len(client.trials) == 8
    assert client.trials == study.trials
    assert client.pending == study.pending
    assert client.best == study.best
    assert client.history(3) == study.history(3)
    assert client.status.revision == study.revision


def test_conditional_parameters_come_over_the_wire_and_back():
    study = random_study(space=NESTED)
    with served(study) as url:
        client = Client(url, TOKEN)
        (bare,) = client.ask(fixed={"metal": "none", "steps": 1})
        (full,) = client.ask(fixed={"metal": "Pd", "ligand": "B"})
        assert bare.params.keys() == {"metal", "steps", "heat"}
        client.tell(bare.id, 1.0, params={**bare.params, "steps": 2, "second": 70.0})
        with pytest.raises(gdopt.SpaceError, match=r"second = 70\.0 does not count beside"):
            client.tell(full.id, 1.0, params={**full.params, "steps": 1, "second": 70.0})
        assert client.trials == study.trials
        assert client.to_frame()["ligand"].isna().tolist() == [True, False]
        assert client.status.parameters[1]["when"] == {"metal": ["Ni", "Pd"]}


def test_all_methods_reach_the_study(client, study):
    client.ask(3, lease=60.0)
    client.release(0)
    client.fail(0, reason="burst")
    client.abandon(1)
    client.amend(0, 2.0, reason="it was measured")
    added = client.add({"heat": 50, "dose": 1.0, "base": "KOAc"}, {"yield": 9.0}, key="row 1")
    assert added == client.add({"heat": 50, "dose": 1.0, "base": "KOAc"}, {"yield": 9.0}, key="row 1")
    assert [t.status.value for t in study.trials] == ["done", "abandoned", "pending", "done"]
    assert client.best == study.trials[3]


def test_reasons_of_failures_and_who_told_come_over_the_wire(client, study):
    client.ask(6)
    assert client.tell({0: 1.0}, failed={1: "burst"}, abandoned={2: "no time"}, worker="ann")
    assert client.tell(3, 2.0, failed=[4])
    client.fail(5, reason="spilled", worker="bob")
    client.amend(5, 3.0, reason="it was not", worker="cem")
    assert [(t.status.value, t.reason) for t in study.trials[:5]] == [
        ("done", ""), ("failed", "burst"), ("abandoned", "no time"), ("done", ""), ("failed", ""),
    ]  # fmt: skip
    assert [entry.worker for entry in client.history(5)] == [None, "bob", "cem"]
    assert study.history(1)[-1].worker == "ann"


def test_a_gradient_is_told_of_one_trial_alone(refusing):
    client, study = refusing
    with pytest.raises(gdopt.ResultError, match="by id, or one id with value, gradient and params"):
        client.tell(1, 1.0, gradient={"heat": 0.1}, failed=[0])
    assert study.trials[1].status == "pending"


def test_a_correction_to_failed_is_the_same_entry_over_the_wire(client, study):
    client.ask(1)
    client.tell(0, 1.0)
    client.amend(0, None, reason="vial broke")
    assert client.history(0) == study.history(0)


def test_without_a_number_the_client_asks_for_the_batch_of_the_study():
    with served(random_study(batch=3)) as url:
        assert [t.id for t in Client(url, TOKEN).ask()] == [0, 1, 2]


def test_the_frame_is_the_studys(client, study):
    client.ask(3)
    client.tell(1, 0.1 + 0.2)
    here, there = study.to_frame(), client.to_frame()
    assert list(here.columns) == list(there.columns)
    assert here.to_csv() == there.to_csv()


def test_numbers_of_numpy_are_told_as_numbers(client):
    client.ask(2)
    with unchecked():
        client.tell({np.int64(0): np.float32(0.5), 1: (np.float64(1.5), np.float32(0.25))})
    assert [t.value for t in client.trials] == [0.5, 1.5]


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.tell(0, 2.5),
        lambda s: s.tell(7, 1.0),
        lambda s: s.tell({7: 1.0}),
        lambda s: s.tell(1, float("nan")),
        lambda s: s.tell({1: 1.0}, failed=[1]),
        lambda s: s.tell(1, 1.0, params={"heat": 1000.0, "dose": 1.0, "base": "KOAc"}),
        lambda s: s.fail(0),
        lambda s: s.amend(1, 1.0, reason="typo"),
        lambda s: s.add({"heat": 50}, 1.0, key="a"),
        lambda s: s.ask(0),
        lambda s: s.ask(3, key="first"),
        lambda s: s.release(0),
    ],
)
def test_errors_are_the_studys_own(refusing, call):
    client, study = refusing
    with pytest.raises(gdopt.GdoptError) as here:
        call(study)
    with pytest.raises(type(here.value), match=f"^{re.escape(str(here.value))}$"):
        call(client)


@pytest.fixture(scope="module")
def refusing():
    """A client and its study, of which trial 0 is done and trial 1 pending; for what changes nothing."""
    study = random_study()
    study.ask(2, key="first")
    study.tell(0, 1.5)
    with served(study) as url:
        yield Client(url, TOKEN), study


def test_a_wrong_token_and_a_port_that_no_one_listens_on_are_service_errors(refusing):
    client, _ = refusing
    with pytest.raises(gdopt.ServiceError, match="the token is missing or wrong"):
        Client(client.url, "wrong").ask()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(gdopt.ServiceError, match=r"does not answer: .*refused"):
        Client(f"http://127.0.0.1:{port}", TOKEN, tries=2).ask()


@pytest.mark.parametrize("url", ["ftp://here", "127.0.0.1:8321", "http://"])
def test_an_address_that_is_none_of_http_is_refused(url):
    with pytest.raises(gdopt.SettingsError, match=r"expected http://host:port"):
        Client(url, TOKEN)


@contextmanager
def losing(url: str, answers: int):
    """A way to the service on which the first answers are lost."""
    host, port = url.removeprefix("http://").split(":")
    left = [answers]

    def relay(server):
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            with near, socket.create_connection((host, int(port))) as far:
                far.settimeout(10)
                request = near.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
                while len(body) < length:
                    body += near.recv(65536)
                far.sendall(head + b"\r\nconnection: close\r\n\r\n" + body)
                answer = b"".join(iter(lambda far=far: far.recv(65536), b""))
                if left[0]:
                    left[0] -= 1
                    continue
                near.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=relay, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_lost_answer_is_asked_for_again_and_counts_once(client, study):
    with losing(client.url, answers=2) as url:
        asked = Client(url, TOKEN).ask(2)
    assert asked == study.trials
    with losing(client.url, answers=1) as url:
        Client(url, TOKEN).tell(0, 1.5)
    assert [entry.kind.value for entry in study.history(0)] == ["asked", "told"]


@dataclass(frozen=True)
class Waiting(gdopt.RandomSearch):
    """Random search that begins to ask and waits until it may go on."""

    begun: threading.Event = field(default_factory=threading.Event, compare=False)
    may_go_on: threading.Event = field(default_factory=threading.Event, compare=False)

    def ask(self, state: State, n: int) -> State:
        self.begun.set()
        assert self.may_go_on.wait(60)
        return super().ask(state, n)


def test_results_are_taken_while_many_asks_compute(tmp_path):
    study = random_study(algorithm=Waiting(), storage=tmp_path / "study.db")
    study.algorithm.may_go_on.set()
    study.ask(3)
    study.algorithm.may_go_on.clear()
    study.algorithm.begun.clear()
    # More than the service has threads for.
    many = 60
    with served(study) as url, ThreadPoolExecutor(many) as pool:
        client = Client(url, TOKEN)
        asks = [pool.submit(client.ask) for _ in range(many)]
        assert study.algorithm.begun.wait(10)
        assert client.tell(0, 1.5)
        client.fail(1)
        assert client.best.value == 1.5
        assert not any(one.done() for one in asks)
        study.algorithm.may_go_on.set()
        assert sorted(t.id for one in asks for t in one.result()) == list(range(3, 3 + many))


CLIENTS, TURNS = 50, 2


def test_fifty_clients_at_once_get_trials_of_their_own_and_no_error(client, study):
    def work(number):
        mine = Client(client.url, TOKEN, tries=1)
        ids = []
        for _ in range(TURNS):
            (trial,) = mine.ask(worker=f"client {number}")
            assert mine.tell(trial.id, float(trial.id))
            ids.append(trial.id)
        return ids

    with ThreadPoolExecutor(CLIENTS) as pool:
        ids = [id for found in pool.map(work, range(CLIENTS)) for id in found]
    assert sorted(ids) == list(range(CLIENTS * TURNS))
    assert {t.id: t.value for t in client.trials} == {id: float(id) for id in ids}
    assert client.best.id == CLIENTS * TURNS - 1


def test_a_body_that_stops_halfway_keeps_no_one_waiting(client):
    host, port = client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        head = f"POST /v1/tell HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{"
        slow.sendall(head.encode())
        assert client.status.revision == 0


def test_the_curl_lines_of_the_documentation_say_what_the_service_takes(client):
    """Each `curl` of docs/howto/service.md, as the request that it is."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "service.md").read_text()
    calls = re.findall(r"^curl (.+?)(?=^\$|^curl|^```)", page, re.MULTILINE | re.DOTALL)
    assert len(calls) >= 4
    for call in calls:
        sends = "--json" in call or "--data-binary" in call
        method = (re.search(r"-X (\w+)", call) or ["", "POST" if sends else "GET"])[1]
        path = re.search(r"\$gdopt(/v1/[\w/.]+)", call).group(1)
        body = re.search(r"--json '(.+?)'", call)
        headers = dict(one.split(": ", 1) for one in re.findall(r"-H '([^']+)'", call))
        headers = {"Content-Type": "application/json", **headers, "Authorization": f"Bearer {TOKEN}"}
        connection = HTTPConnection(client.url.removeprefix("http://"))
        plate = "id,yield\n1,\n" if "--data-binary" in call else None
        connection.request(method, path, json.dumps(json.loads(body[1])) if body else plate, headers)
        answer = connection.getresponse()
        assert answer.status == 200, (call, answer.read())
        connection.close()


def test_an_exhausted_space_is_the_same_error_over_the_wire_and_can_be_repeated():
    study = random_study(space=TINY)
    with served(study) as url:
        client = Client(url, TOKEN)
        assert len(client.ask(10, key="plate")) == len(client.ask(10, key="plate")) == 8
        client.tell(0, 1.0)
        with pytest.raises(gdopt.ExhaustedError, match="all 8 designs were tried"):
            client.ask()
        assert client.ask(repeat=True)[0].params == client.trials[0].params


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"url": "http://h:99999"}, "url = 'http://h:99999': expected http://host:port"),
        ({"url": "http://[::1"}, "url = .*: expected http://host:port"),
        ({"url": "http://h/a b"}, "url = .*: expected http://host:port"),
        ({"token": "a token\nof two lines"}, "token: expected one line of ASCII"),
        ({"timeout": 0}, "timeout = 0, tries = 4: expected seconds above 0"),
        ({"tries": 0}, "tries = 0: expected seconds above 0, and tries of 1 or more"),
    ],
)
def test_a_client_is_made_of_a_url_and_a_token(given: dict, match: str) -> None:
    with pytest.raises(gdopt.SettingsError, match=match):
        Client(**{"url": "http://127.0.0.1:8321", "token": TOKEN, **given})
