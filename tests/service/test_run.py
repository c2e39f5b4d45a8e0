"""How a service begins: its token, its reach, its port, and the command."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gdopt import ServiceError, SettingsError, StoreError, Study
from gdopt.service.auth import read_token, token_beside
from gdopt.service.client import Client
from gdopt.service.run import check_reach, listening, serve
from tests.service.serving import random_study


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "token"
    token = read_token(path)
    assert len(token) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_token(path) == token
    assert list(tmp_path.iterdir()) == [path]


def test_a_token_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        read_token(tmp_path / "token")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_a_token_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "token"
    read_token(path)
    path.chmod(0o640)
    with pytest.raises(StoreError, match=r"can be read by others: chmod 600"):
        read_token(path)


@pytest.mark.parametrize("content", [b"", b"short", b"two words and more of them", b"\xff" * 20])
def test_a_file_without_a_token_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="token"):
        read_token(path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lab.example"])
def test_other_addresses_need_tls_or_a_word(host):
    with pytest.raises(SettingsError, match=r"can be reached from other machines.*--certificate, or --insecure"):
        check_reach(host, tls=False, insecure=False)
    check_reach(host, tls=True, insecure=False)
    check_reach(host, tls=False, insecure=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host):
    check_reach(host, tls=False, insecure=False)


def test_a_port_in_use_is_said(tmp_path):
    path = tmp_path / "study.db"
    random_study(storage=path).ask()
    with (
        listening("127.0.0.1", 0) as taken,
        pytest.raises(ServiceError, match=r"cannot listen on 127\.0\.0\.1, port \d+: .*in use"),
    ):
        serve(path, port=taken.getsockname()[1], say=print)


def test_a_study_that_is_not_there_is_said_and_gets_no_token(tmp_path):
    with pytest.raises(StoreError, match="there is no study 'study' in"):
        serve(tmp_path / "study.db", say=print)
    assert not list(tmp_path.iterdir())


def start(*options):
    """A service of the command, its address and token."""
    program = [sys.executable, "-m", "gdopt", "serve", *map(str, options)]
    running = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    running.stdout.readline()
    said = running.stdout.readline()
    return running, *re.fullmatch(r"open (http.+)/#token=(.+)\n", said).groups()


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 and its key."""
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(["openssl", *words.split(), "-out", made, "-keyout", key], check=True, capture_output=True)
    return made, key


def test_the_command_serves_a_study_over_tls_and_ends_when_it_is_stopped(tmp_path, certificate, monkeypatch):
    path = tmp_path / "study.db"
    random_study(storage=path).ask(2)
    options = ["--certificate", certificate[0], "--private-key", certificate[1]]
    running, url, token = start("--study", path, "--port", 0, *options)
    try:
        assert url.startswith("https://127.0.0.1:")
        assert token == read_token(token_beside(path))
        with pytest.raises(ServiceError, match="certificate verify failed"):
            Client(url, token, tries=1).ask()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert [t.id for t in Client(url, token_beside(path)).ask(2)] == [2, 3]
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
    finally:
        running.kill()
        running.communicate()


EVALUATE = """
def total(params):
    return sum(v for v in params.values() if not isinstance(v, str))
"""


def test_workers_evaluate_what_a_service_gives_out(tmp_path):
    path = tmp_path / "study.db"
    random_study(storage=path).ask()
    (tmp_path / "assay.py").write_text(EVALUATE)
    running, url, _ = start("--study", path, "--port", 0)
    try:
        words = [sys.executable, "-m", "gdopt", "worker", url, "assay:total", "-n", "3", "--name", "robot"]
        done = subprocess.run(
            [*words, "--token-file", token_beside(path)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("3 evaluations\n")
        refused = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "needs its token: --token-file, or GDOPT_TOKEN" in refused.stderr
    finally:
        running.kill()
        running.communicate()
    told = [t for t in Study.load(path).trials if t.worker == "robot"]
    assert [t.value for t in told] == [sum(v for v in t.params.values() if not isinstance(v, str)) for t in told]
    assert len(told) == 3


def test_a_certificate_that_is_none_is_said(tmp_path):
    path = tmp_path / "study.db"
    random_study(storage=path).ask()
    with pytest.raises(ServiceError, match="cannot use the certificate"):
        serve(path, certificate=Path(__file__), say=print)
