"""Triggers over HTTP: what is acknowledged is in the books once, what is refused says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.web.server import CLIENTS, TOKENS, Client, Running, Said, running

TRIGGER = {"key": "t1", "entity": "E1", "subscription": "S1", "kind": "accept", "about": "design", "on": "2026-01-20"}


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """A server over a company with a milestone."""
    stories.write(
        tmp_path,
        charges=("plan,key,name,kind,starts_on", "team,setup,Set-up,one_time,milestone"),
        plans=("key,name", "team,Team"),
        meters=("key,unit", "calls,call"),
        subscriptions=("entity,key,account", "E1,S1,A1"),
        subscription_events=("entity,subscription,key,kind,on,plan", "E1,S1,1,start,2026-01-01,team"),
        milestones=("entity,subscription,key,charge,name,share", "E1,S1,design,setup,Design,0.5"),
        usage=("entity,subscription,meter,key,at,quantity",),
    )
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text() + f"api:{CLIENTS}")
    with running(tmp_path, database_url) as one:
        yield one


def send(client: Client, content: Any, **changed: str) -> Said:
    return client.send(json.dumps(content).encode(), path="/v1/triggers", **changed)


def test_a_trigger_counts_once_and_is_noted(server: Running) -> None:
    erp = server.client()
    said = send(erp, {**TRIGGER, "accepted_by": "Bob", "evidence": "protocol 7"})
    assert (said.status, said.body) == (200, {"taken": 1, "known": 0, "refused": 0, "through": 1})
    again = send(erp, [TRIGGER, TRIGGER])
    assert (again.status, again.body["known"]) == (200, 2)
    with server.app.books.reader() as reader:
        (note,) = reader.trigger_notes("acme", [1])
    assert (note["kind"], note["charge"], note["accepted_by"], note["sender"]) == ("accept", "design", "Bob", "erp")


REFUSED: dict[str, tuple[Any, int, str]] = {
    "another day under the key": ({**TRIGGER, "on": "2026-01-21"}, 409, "intake.key-conflict"),
    "no such milestone": ({**TRIGGER, "key": "t2", "about": "x"}, 422, "trigger.nothing-waits"),
    "no such subscription": ({**TRIGGER, "key": "t2", "subscription": "S9"}, 422, "intake.unknown-reference"),
    "no kind": ({**TRIGGER, "kind": ""}, 422, "intake.missing-value"),
    "a list of lists": ([[1]], 400, "intake.broken-row"),
    "no JSON": ("no", 400, "intake.broken-row"),
    "nothing": ([], 400, "web.nothing"),
    "too many": ([TRIGGER] * 101, 413, "web.too-many"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(server: Running, case: str) -> None:
    content, status, code = REFUSED[case]
    assert send(server.client(), TRIGGER).status == 200
    said = send(server.client(), content)
    assert (said.status, said.body["code"]) == (status, code)
    assert said.headers["content-type"] == "application/problem+json"


@pytest.mark.on_sqlite
def test_some_are_taken_and_some_are_not(server: Running) -> None:
    said = send(server.client(), [TRIGGER, {**TRIGGER, "key": "t2", "about": "x"}])
    assert (said.status, said.body["taken"], said.body["refused"]) == (207, 1, 1)
    assert said.body["errors"][0]["position"] == 2


@pytest.mark.on_sqlite
def test_only_a_client_that_may_sends_triggers(server: Running) -> None:
    assert send(Client(server.address, TOKENS["APP_TOKEN"]), TRIGGER).status == 403
    assert send(Client(server.address, "nobody"), TRIGGER).status == 401
    said = server.client().send(b"x", "text/plain", path="/v1/triggers")
    assert (said.status, said.body["code"]) == (415, "web.media-type")
