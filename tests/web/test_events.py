"""Usage events over HTTP: what is taken is in the books, what is refused says why."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.server import Client, Running, event

JSON = "application/json"


@pytest.mark.capability("A2.2")
def test_an_event_counts_once_however_often_it_comes(server: Running, erp: Client) -> None:
    said = erp.post(event("k1", 0.1))
    assert (said.status, said.body) == (200, {"taken": 1, "known": 0, "refused": 0, "through": 1})
    again = erp.send(json.dumps(event("k1")).replace('"quantity": 1', '"quantity": "0.100"').encode())
    assert (again.status, again.body) == (200, {"taken": 0, "known": 1, "refused": 0, "through": 1})
    assert server.usage() == {"erp/k1": "0.1"}


@pytest.mark.on_sqlite
def test_another_event_under_the_same_key_is_refused_and_kept(server: Running, erp: Client) -> None:
    assert erp.post(event("k1", 5)).status == 200
    for _ in range(3):
        said = erp.post(event("k1", 6))
        assert said.status == 409
        assert said.headers["content-type"] == "application/problem+json"
        assert said.body["code"] == "intake.key-conflict"
        assert said.body["detail"] == "usage event E1/erp/k1 comes with quantity 6; the books have quantity 5"
        assert (said.body["field"], said.body["position"], said.body["kept"]) == ("key", 1, True)
    assert server.usage() == {"erp/k1": "5"}
    (kept,) = server.app.usage_door().refused(10)
    assert (kept["client"], kept["code"], kept["body"]["quantity"]) == ("erp", "intake.key-conflict", "6")
    (run,) = (run for run in server.app.runs() if run.kind == "ingest")
    (finding,) = server.app.report(run.id).findings
    assert (finding.code, str(finding.where)) == ("intake.key-conflict", "client/erp")


REFUSALS: dict[str, tuple[Any, int, str, str]] = {
    "no key": (event(None), 422, "intake.missing-value", "key"),
    "no quantity": (event("k", None), 422, "intake.missing-value", "quantity"),
    "negative": (event("k", -1), 422, "intake.bad-value", "quantity"),
    "forty digits": (event("k", "1" * 40), 422, "intake.bad-value", "quantity"),
    "forty digits after the point": (event("k", "0." + "1" * 40), 422, "intake.bad-value", "quantity"),
    "a word": (event("k", "many"), 422, "intake.bad-value", "quantity"),
    "true": (event("k", True), 422, "intake.bad-value", "quantity"),
    "a list": (event("k", [1]), 400, "intake.broken-row", ""),
    "of 1970": (event("k", time="1970-01-01T00:00:00Z"), 422, "intake.bad-value", "time"),
    "without an offset": (event("k", time="2026-01-01T00:00:00"), 422, "intake.bad-value", "time"),
    "no moment": (event("k", time="yesterday"), 422, "intake.bad-value", "time"),
    "two moments": (event("k", at="2026-01-01T00:00:00Z"), 400, "intake.broken-row", ""),
    "a key with a control": (event("k\x00"), 422, "intake.bad-value", "key"),
    "a key that is no text of Unicode": (event("k\ud800"), 422, "intake.bad-value", "key"),
    "a long key": (event("k" * 101), 422, "intake.bad-value", "key"),
    "no such subscription": (event("k", subscription="S9"), 422, "intake.unknown-reference", "subscription"),
    "no such entity": (event("k", entity="E9"), 422, "intake.unknown-reference", "entity"),
    "no such meter": (event("k", meter="cals"), 422, "intake.unknown-reference", "meter"),
    "a number": (12, 400, "intake.broken-row", ""),
    "an empty list": ([], 400, "web.nothing", ""),
}


@pytest.mark.on_sqlite
def test_what_is_wrong_with_an_event_is_said_by_field(server: Running, erp: Client) -> None:
    said = {name: erp.post(given) for name, (given, *_) in REFUSALS.items()}
    told = {name: (s.status, s.body["code"], s.body.get("field", "")) for name, s in said.items()}
    assert told == {name: tuple(expected) for name, (_, *expected) in REFUSALS.items()}
    assert all(s.headers["content-type"] == "application/problem+json" for s in said.values())
    assert server.usage() == {}
    kept = {row["code"] for row in server.app.usage_door().refused(100)}
    assert kept == {"intake.unknown-reference", "intake.bad-value"}  # whether one may be below zero, its meter says


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "intake.broken-row"),
        (b"{", "intake.broken-row"),
        (b"[" * 100_000, "intake.broken-row"),
        (b'{"key": "a", "key": "b"}', "intake.broken-row"),
        (b'{"key": "\xff"}', "intake.not-utf8"),
        (json.dumps(event("k")).replace('"quantity": 1', '"quantity": NaN').encode(), "intake.bad-value"),
        (json.dumps(event("k")).replace('"quantity": 1', '"quantity": 1e99').encode(), "intake.bad-value"),
    ],
    ids=["nothing", "half", "deep", "double", "bytes", "nan", "huge"],
)
def test_what_is_no_event_is_refused(server: Running, erp: Client, body: bytes, code: str) -> None:
    said = erp.send(body)
    assert (said.status, said.body["code"]) == (400 if code != "intake.bad-value" else 422, code)
    assert server.usage() == {}


@pytest.mark.on_sqlite
def test_what_has_not_come_yet_has_not_been_used(server: Running, erp: Client) -> None:
    now = datetime.now(UTC)
    soon, later = now + timedelta(minutes=50), now + timedelta(minutes=70)
    assert erp.post(event("soon", time=soon.isoformat())).status == 200
    said = erp.post(event("later", time=later.isoformat()))
    assert (said.status, said.body["code"], said.body["field"]) == (422, "ingest.future", "time")
    assert server.usage() == {"erp/soon": "1"}


@pytest.mark.capability("A2.2")
@pytest.mark.on_sqlite
def test_of_a_batch_the_good_ones_are_taken(server: Running, erp: Client) -> None:
    given = [event("a", 1), event("b", "x"), event("c", meter="nope"), event("a", 1), event("d", 4, colour="red"), 7]
    given[4]["dimensions"] = {"region": "eu"}
    said = erp.post(given)
    assert said.status == 207
    counts = [said.body[name] for name in ("taken", "known", "refused", "through")]
    assert counts == [2, 1, 3, 6]
    errors = [(one["position"], one.get("key"), one.get("field"), one["kept"]) for one in said.body["errors"]]
    assert errors == [(2, "b", "quantity", False), (3, "c", "meter", True), (6, None, None, False)]
    assert said.body["ignored"] == ["colour"]
    assert server.usage() == {"erp/a": "1", "erp/d": "4"}


@pytest.mark.on_sqlite
def test_a_batch_of_which_nothing_is_taken_is_refused(server: Running, erp: Client) -> None:
    assert erp.post([event("a"), event("b")]).status == 200
    said = erp.post([event("a", 2), event("b", 2)])
    assert (said.status, said.body["code"], said.body["refused"]) == (409, "web.all-refused", 2)
    said = erp.post([event("a", 2), event("c", "x")])
    assert (said.status, [one["status"] for one in said.body["errors"]]) == (422, [409, 422])


@pytest.mark.on_sqlite
def test_lines_are_a_stream(server: Running, erp: Client) -> None:
    def body() -> Any:
        for number in range(2_500):
            yield json.dumps(event(f"k{number:05}", number)).encode() + (b"\r\n\n" if number % 2 else b"\n")
        yield b'{"half": \n' + b"x" * 70_000 + b"\n" + json.dumps(event("last", "7")).encode()

    said = erp.send(body(), "application/x-ndjson")
    assert said.status == 207
    assert [said.body[name] for name in ("taken", "known", "refused", "through")] == [2501, 0, 2, 3753]
    assert [one["position"] for one in said.body["errors"]] == [3751, 3752]
    assert len(server.usage()) == 2501
    assert erp.send(b"\n \n", "application/x-ndjson").body["code"] == "web.nothing"


@pytest.mark.on_sqlite
def test_before_its_start_usage_is_taken_with_a_warning(server: Running, erp: Client) -> None:
    for key in ("a", "b"):
        said = erp.post(event(key, time="2025-12-01T00:00:00Z"))
        assert said.status == 200
        assert said.body["warnings"][0]["code"] == "intake.before-start"
    (run,) = (run for run in server.app.runs() if run.kind == "ingest")
    assert [finding.code for finding in server.app.report(run.id).findings] == ["intake.before-start"]


def cloud(key: str, **changed: Any) -> dict[str, Any]:
    data = {"entity": "E1", "quantity": 3}
    return {
        "specversion": "1.0",
        "id": key,
        "source": "/phones",
        "type": "calls",
        "subject": "S5",
        "time": "2026-01-20T10:00:00Z",
        "data": data,
        **changed,
    }


@pytest.mark.capability("A2.2")
@pytest.mark.on_sqlite
def test_cloudevents_are_events_in_all_three_modes(server: Running, erp: Client) -> None:
    assert erp.post(cloud("c1"), "application/cloudevents+json; charset=utf-8").body["taken"] == 1
    named = {"entity": "E1", "quantity": "3", "subscription": "S5", "meter": "calls"}
    batch = [cloud("c1"), cloud("c2", type="com.acme.call", subject=None, data=named)]
    said = erp.post(batch, "application/cloudevents-batch+json")
    assert (said.body["taken"], said.body["known"]) == (1, 1)
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": "c%31",
        "ce_source": "/phones",
        "ce_type": "calls",
        "ce_subject": "S5",
        "ce_time": "2026-01-20T10:00:00Z",
    }
    assert erp.post({"entity": "E1", "quantity": 3}, **attributes).body["known"] == 1
    assert erp.post({"entity": "E1", "quantity": 4}, **attributes).status == 409
    own = erp.post(event("c1", 3, source="/phones"))
    assert own.body["known"] == 1
    assert server.usage() == {"/phones/c1": "3", "/phones/c2": "3"}


@pytest.mark.parametrize(
    "changed",
    [
        {"specversion": "0.3"},
        {"specversion": None},
        {"id": ""},
        {"source": None},
        {"type": None},
        {"data": "text"},
        {"data_base64": "e30="},
    ],
    ids=str,
)
@pytest.mark.on_sqlite
def test_a_cloudevent_that_is_none_is_refused(server: Running, erp: Client, changed: dict[str, Any]) -> None:
    said = erp.post(cloud("c", **changed), "application/cloudevents+json")
    assert (said.status, said.body["code"]) == (422, "ingest.bad-cloudevent")
    assert server.usage() == {}


@pytest.mark.capability("A2.4")
def test_many_writers_at_once_end_in_the_exact_total(server: Running) -> None:
    """Two clients, twelve threads, one subscription and meter; each event is sent twice, by different threads."""
    sent = [(f"k{number:03}", f"0.{number:03}") for number in range(1, 241)]

    def send(place: int) -> int:
        client = server.client(("erp", "app")[place % 2])
        part = [*sent[place::12], *sent[(place + 2) % 12 :: 12]]
        answers = [client.post(event(key, quantity, source="phones")) for key, quantity in part]
        assert {answer.status for answer in answers} == {200}
        return sum(answer.body["taken"] for answer in answers)

    with ThreadPoolExecutor(12) as pool:
        taken = list(pool.map(send, range(12)))
    assert sum(taken) == 240
    assert server.usage() == {f"phones/{key}": f"0.{int(key[1:]):03}".rstrip("0") for key, _ in sent}
    assert all(found == () for found in server.app.verify().values())
