"""What the service answers: statuses, texts, tokens, keys, sizes, and what is no JSON."""

import csv
import io
import json

import pytest
from starlette.testclient import TestClient

import gdopt
from gdopt.service.app import create_app
from tests.service.serving import TOKEN, random_study
from tests.strategies import TABLE

BEARER = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}


@pytest.fixture
def study():
    return random_study(objective="yield", limits=["impurity <= 2"])


@pytest.fixture
def http(study):
    return TestClient(create_app(study, TOKEN, limit=100_000), headers=BEARER)


@pytest.fixture(scope="module")
def refusing():
    """A service and its study, of which trial 0 is done and trial 1 pending; for what changes nothing."""
    study = random_study(objective="yield", limits=["impurity <= 2"])
    http = TestClient(create_app(study, TOKEN, limit=100_000), headers=BEARER)
    ask(http, 2)
    put(http, 0, {"value": 1.5})
    return http, study


def ask(http, n=1, key="k", **more):
    return http.post("/v1/ask", json={"n": n, **more}, headers={"idempotency-key": key})


def put(http, id, body):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return http.put(f"/v1/trials/{id}/result", content=content)


def test_ask_gives_trials_in_the_space(http, study):
    trials = ask(http, 3, worker="ann").json()["trials"]
    assert [(t["id"], t["status"], t["worker"]) for t in trials] == [(i, "pending", "ann") for i in range(3)]
    assert all(study.space.allows(t["params"]) for t in trials)


def test_the_same_key_gives_the_same_trials(http, study):
    assert ask(http, 2).json() == ask(http, 2).json()
    assert len(study.trials) == 2


def test_a_key_of_another_number_of_trials_is_refused_in_pythons_words(http):
    ask(http, 2)
    answer = ask(http, 3)
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "SettingsError", "message": "ask(n = 3, key = 'k'): 2 trials were asked for with that key"},
    )


def test_an_ask_without_a_key_is_refused(http, study):
    answer = http.post("/v1/ask", json={"n": 1})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["message"]
    assert not study.trials


def test_a_result_is_new_once_and_then_known(http, study):
    ask(http)
    answers = [put(http, 0, {"value": [1.5, 0.1]}) for _ in range(2)]
    assert [(a.status_code, a.json()) for a in answers] == [(200, {"new": True}), (200, {"new": False})]
    assert study.trials[0].result == gdopt.algorithm.Result(1.5, 0.1)


def refused(call):
    """The class and text of the error that Python raises."""
    with pytest.raises(gdopt.GdoptError) as caught:
        call()
    return {"error": type(caught.value).__name__, "message": str(caught.value)}


NAN = float("nan")


@pytest.mark.parametrize(
    ("id", "body", "status", "call"),
    [
        (0, {"value": 2.5}, 409, lambda s: s.tell(0, 2.5)),
        (7, {"value": 1}, 404, lambda s: s.tell(7, 1)),
        (-1, {"value": 1}, 404, lambda s: s.tell(-1, 1)),
        (1, '{"value": NaN}', 422, lambda s: s.tell(1, NAN)),
        (1, '{"value": -Infinity}', 422, lambda s: s.tell(1, -float("inf"))),
        (1, '{"value": 1e999}', 422, lambda s: s.tell(1, float("inf"))),
        (1, {"value": [1, -1]}, 422, lambda s: s.tell(1, (1.0, -1.0))),
        (1, {"value": {"cost": 1}}, 422, lambda s: s.tell(1, {"cost": 1})),
        (1, {"value": {}}, 422, lambda s: s.tell(1, {})),
        (1, {"value": 1, "gradient": {"base": 1}}, 422, lambda s: s.tell(1, 1, gradient={"base": 1})),
        (1, '{"value": 1, "gradient": {"heat": NaN}}', 422, lambda s: s.tell(1, 1, gradient={"heat": NAN})),
        (1, {"value": 1, "params": {"heat": 20}}, 422, lambda s: s.tell(1, 1, params={"heat": 20})),
    ],
)
def test_a_result_is_refused_with_the_status_and_pythons_words(refusing, id, body, status, call):
    http, study = refusing
    before = study.trials
    answer = put(http, id, body)
    assert (answer.status_code, answer.json()) == (status, refused(lambda: call(study)))
    assert study.trials == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"not json",
        b'"\xff\xfe"',
        b'{"value": true}',
        b'{"value": "1.5"}',
        b'{"value": null}',
        b'{"value": 1, "else": 2}',
        b'{"value": [1, 2, 3]}',
        b'{"value": 1, "gradient": [1]}',
        b'{"value": 1, "params": {"heat": [NaN]}}',
        b'{"value": 1, "params": {"\\ud800": 1}}',
        b'{"value": {"\\udfff": 1}}',
        b'{"value": NaN, "\\ud800": NaN}',
        b'{"value": ' + b"9" * 400 + b"}",
        b'{"value": ' + b"9" * 9000 + b"}",
        b"[" * 40_000,
        b'{"value": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_result_is_refused_and_changes_nothing(refusing, body):
    http, study = refusing
    before = study.revision
    answer = put(http, 1, body)
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error", "message"}
    assert study.revision == before


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, p) for p, of in create_app(random_study(), TOKEN).openapi()["paths"].items() for m in of],
)
def test_nothing_is_answered_without_the_token(refusing, method, path):
    http, _ = refusing
    path = path.replace("{id}", "0")
    for given in ("", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"):
        answer = http.request(method, path, headers={"authorization": given.encode("latin-1")})
        assert answer.status_code == 401
        assert answer.json() == {"error": "ServiceError", "message": "the token is missing or wrong"}


def test_the_token_is_not_taken_from_the_address(study):
    answer = TestClient(create_app(study, TOKEN)).get(f"/v1/status?token={TOKEN}")
    assert answer.status_code == 401


def test_too_large_a_request_is_refused_whatever_it_says_of_its_size(http, study):
    ask(http)

    def pieces():
        for _ in range(30):
            yield b" " * 10_000

    assert put(http, 0, b" " * 100_001).status_code == 413
    unsaid = http.put("/v1/trials/0/result", content=pieces())
    assert "content-length" not in unsaid.request.headers
    assert unsaid.status_code == 413
    assert put(http, 0, b'{"value": 1}' + b" " * 90_000).status_code == 200


def test_fail_abandon_release_and_amend_do_what_they_say(http, study):
    ask(http, 4, lease=1000.0)
    assert http.post("/v1/fail", json={"ids": [0], "reason": "burst"}).status_code == 200
    assert http.post("/v1/abandon", json={"ids": [1]}).status_code == 200
    assert http.post("/v1/release", json={"ids": [2]}).status_code == 200
    assert put(http, 3, {"value": 1.0}).status_code == 200
    amended = http.post("/v1/trials/3/amend", json={"value": {"yield": 2.0, "impurity": 1.0}, "reason": "typo"})
    assert amended.status_code == 200
    assert [t.status.value for t in study.trials] == ["failed", "abandoned", "pending", "done"]
    assert (study.trials[0].reason, study.trials[2].lease, study.best.value) == ("burst", 0.0, 2.0)
    kinds = [event["kind"] for event in http.get("/v1/trials/3/history").json()["events"]]
    assert kinds == ["asked", "told", "amended"]


def test_tell_records_all_or_nothing(http, study):
    ask(http, 3)
    body = {"results": {"0": 1.5, "1": {"yield": [2.5, 0.1], "impurity": 3}}, "failed": [2]}
    wrong = http.post("/v1/tell", json={**body, "failed": [9]})
    assert (wrong.status_code, study.revision) == (404, 1)
    assert http.post("/v1/tell", json=body).json() == {"new": True}
    assert http.post("/v1/tell", json=body).json() == {"new": False}
    assert [t.value for t in study.trials] == [1.5, 2.5, None]


def test_add_with_a_key_counts_once(http, study):
    body = {"params": {"heat": 50, "dose": 1.0, "base": "KOAc"}, "value": {"yield": 9.0, "impurity": 1.0}}
    answers = [http.post("/v1/add", json=body, headers={"idempotency-key": "row 1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert [t.value for t in study.trials] == [9.0]
    other = http.post("/v1/add", json={**body, "value": 1.0}, headers={"idempotency-key": "row 1"})
    assert other.status_code == 409


def test_best_is_a_conflict_before_there_is_one(http, study):
    answer = http.get("/v1/best")
    assert (answer.status_code, answer.json()) == (409, refused(lambda: study.best))
    assert http.get("/v1/status").json()["best"] is None


def test_status_says_what_the_study_is_and_changes_its_tag_when_something_happens(http):
    first = http.get("/v1/status")
    assert {k: first.json()[k] for k in ("objective", "direction", "outcomes", "limits", "revision")} == {
        "objective": "yield",
        "direction": "maximize",
        "outcomes": ["yield", "impurity"],
        "limits": ["impurity <= 2"],
        "revision": 0,
    }
    same = http.get("/v1/status", headers={"if-none-match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    ask(http, 2)
    later = http.get("/v1/status", headers={"if-none-match": first.headers["etag"]})
    assert (later.status_code, later.json()["counts"]["pending"]) == (200, 2)


def test_results_told_elsewhere_show_up(tmp_path):
    path = tmp_path / "study.db"
    http = TestClient(create_app(random_study(storage=path), TOKEN), headers=BEARER)
    ask(http)
    gdopt.Study.open(path).tell(0, 4.0)
    assert http.get("/v1/best").json()["value"] == 4.0
    assert put(http, 0, {"value": 5.0}).status_code == 409


def test_a_broken_file_is_a_503(tmp_path):
    path = tmp_path / "study.db"
    http = TestClient(create_app(random_study(storage=path), TOKEN), headers=BEARER)
    ask(http)
    path.write_bytes(b"")
    answer = http.get("/v1/trials")
    assert (answer.status_code, answer.json()["error"]) == (503, "StoreError")


def test_frame_is_the_studys_as_rows_and_as_csv(http, study):
    ask(http, 3, worker="=1+1")
    put(http, 1, {"value": {"yield": 0.1 + 0.2, "impurity": 1}})
    frame = study.to_frame()
    found = http.get("/v1/frame").json()
    assert found["columns"] == list(frame.columns)
    assert found["rows"][1][4] == 0.1 + 0.2
    assert found["rows"][0][4] is None
    table = http.get("/v1/frame.csv")
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["yield"] for row in rows] == ["", repr(0.1 + 0.2), ""]
    assert {row["worker"] for row in rows} == {"'=1+1"}


def test_plate_has_the_pending_trials_and_room_for_their_results(http, study):
    ask(http, 3, worker="ann")
    put(http, 1, {"value": 1})
    rows = list(csv.DictReader(io.StringIO(http.get("/v1/plate.csv").text)))
    columns = ["id", "heat", "dose", "base", "worker", "yield", "sem", "impurity", "impurity sem"]
    assert list(rows[0]) == columns
    assert [(row["id"], row["worker"], row["yield"]) for row in rows] == [("0", "ann", ""), ("2", "ann", "")]
    assert float(rows[1]["heat"]) == study.trials[2].params["heat"]


@pytest.mark.parametrize(
    "body",
    [
        {"n": 0},
        {"n": 1.5},
        {"n": True},
        {"n": 10**9},
        {"lease": 0},
        {"worker": ""},
        {"worker": "a\0b"},
        {"worker": "x" * 201},
        {"storage": "/etc/passwd"},
    ],
)
def test_an_ask_out_of_range_is_refused(refusing, body):
    http, study = refusing
    answer = http.post("/v1/ask", json=body, headers={"idempotency-key": "another"})
    assert answer.status_code == 422
    assert len(study.trials) == 2


@pytest.mark.parametrize("lease", ["NaN", "Infinity", "1e999"])
def test_a_lease_that_never_ends_is_refused(refusing, lease):
    answer = refusing[0].post("/v1/ask", content=f'{{"lease": {lease}}}', headers={"idempotency-key": "another"})
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/", "/api", "/openapi.json", "/page/page.js", "/page/page.css", "/page/icon.svg"])
def test_the_page_is_open_and_forbids_what_is_not_from_here(refusing, path):
    answer = refusing[0].get(path, headers={"authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text


def test_other_sites_get_no_permission(refusing):
    answer = refusing[0].get("/v1/status", headers={"origin": "https://elsewhere.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cache-control"] == "no-store"


def test_every_path_says_its_refusals_and_that_it_needs_a_token():
    described = create_app(random_study(), TOKEN).openapi()
    operations = [one for of in described["paths"].values() for one in of.values()]
    refusal = {"schema": {"$ref": "#/components/schemas/Refusal"}}
    for operation in operations:
        assert operation["security"] == [{"HTTPBearer": []}]
        assert operation["responses"]["422"]["content"]["application/json"] == refusal


def test_an_error_that_no_one_meant_is_answered_too():
    class Broken(gdopt.RandomSearch):
        def ask(self, state, n):
            raise ZeroDivisionError("no")

    app = create_app(random_study(algorithm=Broken()), TOKEN)
    answer = ask(TestClient(app, headers=BEARER, raise_server_exceptions=False))
    assert answer.status_code == 500
    assert answer.json()["message"] == "ZeroDivisionError in the service; its log says more"


def test_rows_of_a_table_are_asked_for_and_added_by_their_ids():
    study = gdopt.Study(TABLE, direction="maximize", algorithm=gdopt.RandomSearch())
    http = TestClient(create_app(study, TOKEN), headers=BEARER)
    (trial,) = ask(http).json()["trials"]
    assert put(http, trial["id"], {"value": 1.5}).json()["new"]
    (said,) = http.get("/v1/status").json()["parameters"]
    assert (said["kind"], said["rows"]) == ("candidate", 1500)
    body = json.dumps({"params": {"row": 1500}, "value": 2.0})
    refused = http.post("/v1/add", content=body, headers={"idempotency-key": "old"})
    assert (refused.status_code, refused.json()["error"]) == (422, "SpaceError")
    assert http.get("/v1/best").json()["params"] == study.best.params
