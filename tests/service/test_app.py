"""What the service answers: statuses, texts, tokens, keys, sizes, and what is no JSON."""

import csv
import io
import json
from urllib.parse import quote

import pandas as pd
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import gdopt
from gdopt import cli
from gdopt.lab.plate import plate_text
from gdopt.service.app import create_app
from gdopt.spreadsheet import LISTED
from tests.service.serving import TOKEN, random_study
from tests.strategies import TABLE

BEARER = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}


@pytest.fixture
def study():
    return random_study(objective="yield", outcome_constraints=["impurity <= 2"])


@pytest.fixture
def http(study):
    return TestClient(create_app(study, TOKEN, limit=100_000), headers=BEARER)


@pytest.fixture(scope="module")
def refusing():
    """A service and its study, of which trial 0 is done and trial 1 pending; for what changes nothing."""
    study = random_study(objective="yield", outcome_constraints=["impurity <= 2"])
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
        {"error": "SettingsError", "message": "key = 'k': 2 trials asked for with it before, now 3"},
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
    assert study.trials[0].result == gdopt.trials.trial.Result(1.5, 0.1)


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
    gdopt.Study.load(path).tell(0, 4.0)
    assert http.get("/v1/best").json()["value"] == 4.0
    assert put(http, 0, {"value": 5.0}).status_code == 409


def test_a_broken_file_is_a_503(tmp_path):
    path = tmp_path / "study.db"
    http = TestClient(create_app(random_study(storage=path), TOKEN), headers=BEARER)
    ask(http)
    path.write_bytes(b"")
    answer = http.get("/v1/trials")
    assert (answer.status_code, answer.json()["error"]) == (503, "StoreError")


@pytest.mark.parametrize("instead", ["nothing", "another study"])
def test_a_file_that_is_gone_or_replaced_under_the_service_is_a_503(tmp_path, instead):
    path = tmp_path / "study.db"
    http = TestClient(create_app(random_study(storage=path), TOKEN), headers=BEARER)
    ask(http, 2)
    path.unlink()
    if instead == "another study":
        random_study(storage=path, seed=1).ask(3)
    answers = [http.get("/v1/status"), put(http, 0, {"value": 1}), ask(http, key="more")]
    assert [(a.status_code, a.json()["error"]) for a in answers] == [(503, "StoreError")] * 3
    assert path.exists() == (instead == "another study")


def test_parameters_and_objectives_have_the_field_names_of_version_0_1():
    space = gdopt.Space(
        [
            gdopt.Choice("base", ["KOAc", "K3PO4"]),
            gdopt.Real("load", 0.001, 0.1, log_scale=True, active_if={"base": ["KOAc"]}),
        ]
    )
    study = gdopt.Study(
        space,
        direction={"yield": "maximize", "cost": "minimize"},
        reference_point={"cost": 20},
        algorithm=gdopt.RandomSearch(),
    )
    said = TestClient(create_app(study, TOKEN), headers=BEARER).get("/v1/status").json()
    base, load = said["parameters"]
    assert base["levels"] == ["KOAc", "K3PO4"]
    assert (load["log"], load["when"]) == (True, {"base": ["KOAc"]})
    assert [one["reference"] for one in said["objectives"]] == [None, 20]


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
    text = http.get("/v1/plate.csv").text
    assert text == plate_text(study, study.pending)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == ["0", "2"]
    assert float(rows[1]["heat"]) == study.trials[2].params["heat"]


def tell_plate(http, text, **query):
    return http.post("/v1/plate", content=text, params=query, headers={"content-type": "text/csv"})


def test_the_plate_that_is_downloaded_is_filled_in_and_told_once(http, study):
    ask(http, 3)
    lines = http.get("/v1/plate.csv").text.splitlines()
    ends = [",83.5,1.2,", ",failed,,burst", ",,,"]
    filled = "\n".join([lines[0], *(line.removesuffix(",,,") + end for line, end in zip(lines[1:], ends, strict=True))])
    answers = [tell_plate(http, filled, worker="ann").json() for _ in range(2)]
    assert answers[0] == {"told": [0], "failed": [1], "abandoned": [], "pending": [2], "new": 2}
    assert answers[1] == {**answers[0], "new": 0}
    assert [(t.value, t.reason) for t in study.trials] == [(83.5, ""), (None, "burst"), (None, "")]
    assert study.history(1)[-1].worker == "ann"


def test_the_plate_of_the_service_is_told_by_the_command_line(tmp_path):
    catalogue = pd.DataFrame({"code": ["007", "X9", "B2"], "mass": [10.5, 12.25, 8.0], "shelf": ["a", "b", "c"]})
    study = gdopt.Study(
        gdopt.Space.from_table(catalogue, "code", ["mass"]),
        direction="maximize",
        objective="yield",
        outcome_constraints=["impurity <= 2"],
        algorithm=gdopt.RandomSearch(),
        storage=tmp_path / "amines.gdopt",
    )
    http = TestClient(create_app(study, TOKEN), headers=BEARER)
    ask(http, 2, worker="ann")
    plate = tmp_path / "plate.csv"
    plate.write_bytes(http.get("/v1/plate.csv").content)
    sheet = pd.read_csv(plate, dtype={"code": str}).assign(**{"yield": ["83.5", "failed"], "impurity": ["1.5", ""]})
    sheet.to_csv(plate, index=False)
    result = CliRunner().invoke(cli.app, ["tell", str(plate), "--study", str(tmp_path / "amines.gdopt"), "--json"])
    assert json.loads(result.stdout) == {"new": 2, "told": [0], "failed": [1], "abandoned": [], "pending": []}
    rows = http.get("/v1/trials").json()["trials"]
    assert [(row["value"], row["status"]) for row in rows] == [(83.5, "done"), (None, "failed")]


def test_the_cells_of_a_plate_that_are_wrong_are_said_and_nothing_is_told(http, study):
    ask(http, 100)
    rows = "\n".join(f"{id},{'x' * 150}" for id in range(100))
    answer = tell_plate(http, f"id,yield\n{rows}", file="monday.csv")
    assert (answer.status_code, answer.json()["error"]) == (422, "TableError")
    said = answer.json()["message"].splitlines()
    assert said[0] == "nothing of monday.csv was taken: "
    assert said[1] == f"  row 2, column yield: '{'x' * 150}' is not a number"
    assert len(said) == LISTED + 2
    assert said[-1] == "  and 80 more"
    assert study.revision == 1


def test_a_table_with_more_than_ascii_has_the_mark_that_excel_needs():
    space = gdopt.Space([gdopt.Choice("solvent", ["DMF", "Wasser, 60 °C"])])
    study = gdopt.Study(space, direction="maximize", objective="Ausbeute", algorithm=gdopt.RandomSearch())
    http = TestClient(create_app(study, TOKEN), headers=BEARER)
    study.add({"solvent": "Wasser, 60 °C"}, 1.0)
    assert http.get("/v1/frame.csv").content.startswith(b"\xef\xbb\xbfid,")


@pytest.mark.parametrize("id", ["03", " 3", "3 ", "3.0", "+3", "-0", "1e0", "3_0", "\u0663", "0x3"])
def test_an_id_is_written_in_one_way(refusing, id):
    http, study = refusing
    before = study.revision
    answers = [
        http.put(f"/v1/trials/{quote(id)}/result", json={"value": 1}),
        http.get(f"/v1/trials/{quote(id)}/history"),
        http.post("/v1/tell", json={"results": {id: 1.0}}),
        http.post("/v1/tell", json={"failed": {id: "why"}}),
    ]
    assert [a.status_code for a in answers] == [422] * 4
    assert "is no id; expected a whole number, such as 7" in answers[0].json()["message"]
    assert study.revision == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tell", '{"results": {"1": 1.0, "1": 2.0}}'),
        ("tell", '{"results": {"1": 1.0}, "results": {"1": 2.0}}'),
        ("tell", '{"results": {"1": {"yield": 1.0, "yield": 2.0}}}'),
        ("add", '{"params": {"heat": 50, "heat": 60, "dose": 1.0, "base": "KOAc"}, "value": 1.0}'),
        ("fail", '{"ids": [1], "ids": [0]}'),
    ],
)
def test_a_key_that_is_there_twice_is_refused(refusing, path, body):
    http, study = refusing
    before = study.revision
    answer = http.post(f"/v1/{path}", content=body, headers={"idempotency-key": "twice"})
    assert (answer.status_code, answer.json()["error"]) == (422, "SettingsError")
    assert "is there twice: expected each key of an object once" in answer.json()["message"]
    assert study.revision == before


def test_who_told_and_why_it_failed_is_kept(http, study):
    ask(http, 4)
    body = {"results": {"0": 1.0}, "failed": {"1": "burst"}, "abandoned": {"2": "no time"}, "worker": "ann"}
    assert http.post("/v1/tell", json=body).json() == {"new": True}
    assert [t.reason for t in study.trials] == ["", "burst", "no time", ""]
    assert [study.history(id)[-1].worker for id in range(3)] == ["ann"] * 3
    http.post("/v1/fail", json={"ids": [3], "worker": "bob"})
    http.post("/v1/trials/3/amend", json={"value": 2.0, "reason": "found", "worker": "cem"})
    assert [entry.worker for entry in study.history(3)] == [None, "bob", "cem"]


def test_a_correction_to_failed_says_so(http, study):
    ask(http)
    put(http, 0, {"value": 1.0})
    assert http.post("/v1/trials/0/amend", json={"value": None, "reason": "vial broke"}).status_code == 200
    (*_, last) = http.get("/v1/trials/0/history").json()["events"]
    assert last["data"] == {"id": 0, "reason": "vial broke", "status": "failed"}


@pytest.mark.parametrize("reason", ["", " "])
def test_a_correction_without_a_reason_is_refused(refusing, reason):
    http, study = refusing
    answer = http.post("/v1/trials/0/amend", json={"value": 2.0, "reason": reason})
    assert (answer.status_code, answer.json()) == (422, refused(lambda: study.amend(0, 2.0, reason=reason)))


def test_without_a_number_the_batch_of_the_study_is_asked_for():
    http = TestClient(create_app(random_study(batch=4), TOKEN), headers=BEARER)
    assert http.get("/v1/status").json()["batch"] == 4
    answer = http.post("/v1/ask", json={}, headers={"idempotency-key": "k"})
    assert len(answer.json()["trials"]) == 4


def test_the_best_so_far_is_of_trials_that_satisfy_the_limits(http):
    ask(http, 4)
    for id, (value, impurity) in enumerate([(10, 1), (90, 5), (20, 1)]):
        put(http, id, {"value": {"yield": value, "impurity": impurity}})
    assert http.get("/v1/status").json()["best_so_far"] == [10.0, 10.0, 20.0, 20.0]


def test_status_names_constraints_and_the_function_that_allows_designs():
    space = gdopt.Space([gdopt.Real("a", 0, 1), gdopt.Real("b", 0, 1)], [gdopt.Constraint({"a": 1, "b": 1}, equal=1)])
    algorithm = gdopt.GuidedDiffusion(design_filter=gdopt.algorithms.user_functions.FunctionReference("rules:mixes"))
    study = gdopt.Study(space, direction="maximize", algorithm=algorithm)
    said = TestClient(create_app(study, TOKEN), headers=BEARER).get("/v1/status").json()
    assert (said["constraints"], said["allowed"]) == (["a + b = 1"], "rules:mixes")


@pytest.mark.parametrize("path", ["/", "/api", "/openapi.json", "/page/page.js"])
def test_an_open_path_takes_no_body(refusing, path):
    answer = refusing[0].request("GET", path, content=b"x", headers={"authorization": ""})
    assert (answer.status_code, answer.json()["message"]) == (413, "this path takes no body")


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
    assert answer.headers["x-frame-options"] == "DENY"
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
