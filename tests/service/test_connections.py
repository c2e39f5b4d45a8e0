"""What strangers can do to a service: hold connections, send bodies; and who waits for a study's file."""

import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest

from gdopt.service import connections, guard, routes
from gdopt.service.client import Client
from tests.service.serving import TOKEN, random_study, served

# Seconds that a request may take in a test, and that a test waits at most.
BRIEF, LONG = 0.5, 10.0
HALF = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def url(monkeypatch):
    """A service that waits for the head of a request half a second."""
    monkeypatch.setattr(connections, "PATIENCE", BRIEF)
    with served(random_study()) as url:
        yield url


def connected(url, source=None):
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=LONG, source_address=source)


def answered(connection):
    """Ask for the page, and read all of it."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while b"</html>" not in answer:
        answer += connection.recv(65536)


def closed(connection):
    """Whether the other side ends a connection without an answer, in time."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", HALF], ids=["nothing", "half a head"])
@pytest.mark.parametrize("before", [False, True], ids=["at once", "after an answer"])
def test_connections_that_ask_for_nothing_are_closed(url, sent, before):
    with ExitStack() as all_of_them:
        opened = [all_of_them.enter_context(connected(url)) for _ in range(30)]
        for one in opened:
            if before:
                answered(one)
            one.sendall(sent)
        began = time.monotonic()
        assert all(map(closed, opened))
        assert time.monotonic() - began < LONG / 2


def test_a_head_that_comes_letter_by_letter_is_not_waited_for(url):
    def letters():
        while True:
            slow.sendall(b"x")
            time.sleep(BRIEF / 10)

    began = time.monotonic()
    with connected(url) as slow, pytest.raises(ConnectionError, match=r"Broken pipe|reset by peer"):
        letters()
    assert time.monotonic() - began < LONG / 2


def test_an_answer_that_takes_longer_than_a_head_may_is_waited_for(url):
    with connected(url) as patient:
        patient.sendall(f"PUT /v1/trials/0/result HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode())
        patient.sendall(b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n")
        time.sleep(3 * BRIEF)
        patient.sendall(b'{"value": 1}')
        assert patient.recv(12) == b"HTTP/1.1 404"


def test_an_address_has_half_of_the_connections_and_the_others_the_rest():
    with served(random_study(), most=8) as url, ExitStack() as all_of_them:
        held = [all_of_them.enter_context(connected(url)) for _ in range(4)]
        for one in held:
            one.sendall(HALF)
        with connected(url) as fifth:
            assert closed(fifth)
        with connected(url, ("127.0.0.2", 0)) as other:
            other.sendall(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
            assert other.recv(12) == b"HTTP/1.1 200"
        held[0].close()
        time.sleep(BRIEF)
        assert Client(url, TOKEN).status.revision == 0


FEW = """
import resource
import sys

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from tests.service.serving import random_study, served

# More than there are descriptors for.
with served(random_study(), most=1000) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("soft", [64, 128, 256, 1024, 1_000_000, resource.RLIM_INFINITY])
def test_there_are_fewer_connections_than_descriptors(monkeypatch, soft):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    most = connections.room()
    assert 2 <= most <= connections.MOST
    assert soft == resource.RLIM_INFINITY or most + connections.BACKLOG < soft


def test_a_service_without_descriptors_logs_nothing_and_answers_afterwards():
    words = [sys.executable, "-c", FEW]
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = running.stdout.readline().strip()
        with ExitStack() as all_of_them:
            for _ in range(100):
                all_of_them.enter_context(connected(url)).sendall(HALF)
            time.sleep(1.0)
        assert Client(url, TOKEN).status.revision == 0
        _, said = running.communicate("\n", timeout=LONG)
        assert said == ""
    finally:
        running.kill()
        running.communicate()


TOO_LARGE = b" " * (17 * 2**20)


@pytest.mark.parametrize("more", [{}, {"Connection": "close"}])
def test_a_request_that_is_too_large_gets_an_answer_that_can_be_read(url, more):
    connection = HTTPConnection(url.removeprefix("http://"), timeout=LONG)
    connection.request("POST", "/v1/tell", TOO_LARGE, {"Authorization": f"Bearer {TOKEN}", **more})
    answer = connection.getresponse()
    assert (answer.status, b"larger than 16777216 bytes" in answer.read()) == (413, True)
    connection.close()


def test_a_stranger_who_sends_much_is_told_that_the_token_is_missing(url):
    connection = HTTPConnection(url.removeprefix("http://"), timeout=LONG)
    connection.request("POST", "/v1/tell", TOO_LARGE)
    assert connection.getresponse().status == 401
    connection.close()


@pytest.mark.parametrize("length", ["Content-Length: 15000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /", 413),
        ("POST /api", 413),
        ("PUT /openapi.json", 413),
        ("GET /page/page.js", 413),
        ("POST /v1/tell", 401),
        ("POST /v1/nothing", 401),
    ],
)
def test_no_body_of_a_stranger_is_read_before_it_is_refused(url, head, status, length):
    with connected(url) as one:
        one.sendall(f"{head} HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode())
        assert one.recv(12) == f"HTTP/1.1 {status}".encode()


def test_a_size_that_is_far_too_large_is_refused_before_it_is_sent(url):
    with connected(url) as one:
        head = f"POST /v1/tell HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}"
        one.sendall(f"{head}\r\nContent-Length: {guard.DROPPED + 1}\r\n\r\n".encode())
        assert one.recv(12) == b"HTTP/1.1 413"


def test_who_waits_for_leave_to_send_too_much_does_not_get_it(url):
    with connected(url) as one:
        head = f"POST /v1/tell HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nExpect: 100-continue"
        one.sendall(f"{head}\r\nContent-Length: {17 * 2**20}\r\n\r\n".encode())
        assert one.recv(12) == b"HTTP/1.1 413"


def test_readers_get_what_is_known_while_another_program_holds_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(routes, "PATIENCE", BRIEF)
    path = tmp_path / "study.db"
    study = random_study(storage=path)
    study.ask(2)
    with served(study) as url, ThreadPoolExecutor(60) as pool:
        client = Client(url, TOKEN)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        tells = [pool.submit(client.tell, id, 1.5) for id in range(2)]
        time.sleep(BRIEF)
        began = time.monotonic()
        looks = [pool.submit(lambda: client.status.counts["pending"]) for _ in range(50)]
        assert [one.result(LONG) for one in looks] == [2] * 50
        assert len(client.trials) == 2
        assert time.monotonic() - began < LONG
        assert not any(one.done() for one in tells)
        other.execute("ROLLBACK")
        other.close()
        assert [one.result(60) for one in tells] == [True, True]
        assert client.status.counts["pending"] == 0


def test_one_look_at_the_file_serves_all_who_read_meanwhile(monkeypatch):
    monkeypatch.setattr(routes, "PATIENCE", BRIEF)
    study = random_study()
    looks, may_go_on = [], threading.Event()

    def slow():
        looks.append(time.monotonic())
        assert may_go_on.wait(60)

    monkeypatch.setattr(study, "refresh", slow)
    with served(study) as url, ThreadPoolExecutor(20) as pool:
        client = Client(url, TOKEN)
        found = list(pool.map(lambda _: client.status.revision, range(20)))
        assert (found, len(looks)) == ([0] * 20, 1)
        may_go_on.set()
