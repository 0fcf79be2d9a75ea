"""Messages over HTTP: taken once by the code that reads files, refused with field and reason, limited by client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.model.exchange import INBOUND
from engine.runs.exchange.schemas import example
from engine.store import tables
from tests import stories
from tests.web.server import CLIENTS, Client, Running, Said, limits, running

pytestmark = pytest.mark.capability("A7.1")

STEWARDS = """
ruleset: stewardship/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: segments, when: source == "erp" and field == "segment", then: {confirm: true, steward: sue, within: 3 days}}
  - {id: rest, then: {confirm: false}}
"""
MAY = CLIENTS.replace("may: [ingest, trigger]", "may: [ingest, exchange]")


def company(folder: Path, rules: str = "") -> Path:
    """A company with a charge that waits for its go-live, and a client that may exchange messages."""
    lines = [f"{line}," for line in stories.FILES["charges"]]
    lines[0] = f"{stories.FILES['charges'][0]},starts_on"
    lines[3] = f"{stories.FILES['charges'][3]},go_live"
    held = {"stewardship/acme.yaml": STEWARDS}
    stories.write(folder, rules=held | ({"limits/default.yaml": rules} if rules else {}), charges=lines)
    with (folder / "config.yaml").open("a") as file:
        file.write(f"api:{MAY}")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that several tests talk to, each in ids and keys of its own."""
    folder = tmp_path_factory.mktemp("exchange")
    with running(company(folder), f"sqlite:///{folder}/books.db") as one:
        yield one


def message(kind: str, ident: str, **data: Any) -> dict[str, Any]:
    """The example of a kind under an id, with other data."""
    made = example(INBOUND[kind], "in")
    return {**made, "id": ident, "data": {**made["data"], **data}}


def send(server: Running, content: Any, token: str = "erp") -> Said:
    return server.client(token).send(json.dumps(content).encode(), path="/v1/messages")


def rows(server: Running, table: sa.Table, **wanted: Any) -> list[Any]:
    with server.app.books.reader() as reader:
        mine = (table.c[name] == value for name, value in wanted.items())
        return reader.rows(sa.select(table).where(*mine).order_by(table.c.id))


def test_each_kind_comes_in_once(tmp_path: Path, database_url: str) -> None:
    """On both databases: an account, an order under it with a price of its own, its go-live, a pause, and money."""
    story = [
        message("account", "m1"),
        message("order", "m2", account="A9", payer="A1"),
        message("activation", "m3", subscription="S9"),
        message("suspension", "m4", subscription="S9"),
        message("payment", "m5", account="A9"),
    ]
    with running(company(tmp_path), database_url) as server:
        first = [send(server, one) for one in story]
        assert [(said.status, said.body["state"]) for said in first] == [(200, "taken")] * 5, [s.body for s in first]
        again = [send(server, one) for one in reversed(story * 2)]
        assert {(said.status, said.body["state"]) for said in again} == {(200, "known")}
        (account,) = rows(server, tables.ACCOUNT, key="A9")
        (contract,) = rows(server, tables.CONTRACT, key="C9")
        (line,) = rows(server, tables.CONTRACT_LINE, contract="C9")
        (taken,) = rows(server, tables.SUBSCRIPTION, key="S9")
        events = rows(server, tables.SUBSCRIPTION_EVENT, subscription_id=taken.id)
        (paid,) = rows(server, tables.SETTLEMENT, account="A9")
        assert (account.name, contract.purchase_order, f"{line.unit_price:.2f}") == ("Nine BV", "PO-77", "8.50")
        assert [(one.kind, one.on_day, one.payer) for one in events] == [
            ("start", date(2026, 2, 1), "A1"),
            ("go_live", date(2026, 2, 1), None),
            ("pause", date(2026, 2, 10), None),
        ]
        assert (paid.key, f"{paid.amount:.2f}") == ("erp/R-1", "-25.00")
        assert [one.state for one in rows(server, tables.MESSAGE)] == ["taken"] * 5
        assert {name: found for name, found in server.app.verify().items() if found} == {}


def test_the_same_id_with_another_body_is_refused_and_both_are_kept(server: Running) -> None:
    assert send(server, message("account", "twice", key="B1")).status == 200
    for _ in range(2):
        said = send(server, message("account", "twice", key="B1", name="Other"))
        assert (said.status, said.body["code"], said.body["field"]) == (409, "exchange.other-body", "id"), said.body
    kept = rows(server, tables.MESSAGE, key="twice")
    assert [(one.state, one.body["data"]["name"]) for one in kept] == [("taken", "Nine BV"), ("conflict", "Other")]
    assert [one.name for one in rows(server, tables.ACCOUNT, key="B1")] == ["Nine BV"]


WRONG: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no JSON object": ({}, 422, "exchange.bad-message", "id"),
    "a kind that does not come in": (
        message("account", "w") | {"kind": "invoice"},
        422,
        "exchange.unknown-kind",
        "kind",
    ),
    "an unknown major": (message("order", "w") | {"version": "2.0"}, 422, "exchange.unknown-version", "version"),
    "a later minor": (message("order", "w") | {"version": "1.3"}, 422, "exchange.unknown-version", "version"),
    "a field of a later minor": (
        message("order", "w") | {"version": "1.0"},
        422,
        "exchange.bad-message",
        "data.prices",
    ),
    "a payer of a later minor": (
        message("order", "w", payer="A1") | {"version": "1.1"},
        422,
        "exchange.bad-message",
        "data.payer",
    ),
    "a payer that nobody has": (message("order", "w", payer="A77"), 422, "exchange.not-taken", "data.items[0]"),
    "a missing field": (
        {**message("account", "w"), "data": {"entity": "E1"}},
        422,
        "exchange.bad-message",
        "data.key",
    ),
    "a field that nobody knows": (message("account", "w", colour="red"), 422, "exchange.bad-message", "data.colour"),
    "money of nothing": (message("payment", "w", amount="0"), 422, "exchange.bad-message", "data.amount"),
    "an amount in words": (message("payment", "w", amount="ten"), 422, "exchange.bad-message", "data.amount"),
    "a country that is none": (message("account", "w", country="XX"), 422, "exchange.not-taken", "data"),
    "a payment of nobody": (message("payment", "w", account="A99"), 422, "account.unknown", "data"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused_names_field_and_reason(server: Running, case: str) -> None:
    content, status, code, field = WRONG[case]
    said = send(server, content)
    assert (said.status, said.body["code"], said.body["field"]) == (status, code, field), said.body
    assert said.headers["content-type"] == "application/problem+json"
    assert said.body["errors"][0]["detail"]


def test_the_versions_that_are_read_are_named(server: Running) -> None:
    said = send(server, message("order", "w") | {"version": "3.1"})
    assert said.body["reason"] == "supported: 1.0, 1.1, 1.2"
    older = message("order", "older", key="C-old") | {"version": "1.0"}
    older["data"] |= {"items": [{**older["data"]["items"][0], "subscription": "S-old"}]}
    del older["data"]["prices"]
    assert send(server, older).body == {"id": "older", "kind": "order", "version": "1.0", "state": "taken"}


def test_an_order_that_is_wrong_in_its_last_item_leaves_nothing(server: Running) -> None:
    """Nor does it use up its id: mended, it is taken."""
    items = [
        {"subscription": "S-a", "plan": "team", "starts_on": "2026-02-01"},
        {"subscription": "S-b", "plan": "teem", "starts_on": "2026-02-01"},
    ]
    bad = message("order", "half", key="C-half", items=items)
    said = send(server, bad)
    assert (said.status, said.body["code"], said.body["field"]) == (422, "exchange.not-taken", "data.items[1]")
    assert "teem" in said.body["errors"][0]["detail"]
    assert rows(server, tables.CONTRACT, key="C-half") == rows(server, tables.SUBSCRIPTION, key="S-a") == []
    items[1]["plan"] = "team"
    assert send(server, message("order", "half", key="C-half", items=items)).status == 200
    assert sorted(one.state for one in rows(server, tables.MESSAGE, key="half")) == ["refused", "taken"]


@pytest.mark.capability("B1.6")
def test_a_change_by_message_waits_for_its_steward_as_one_by_file_does(server: Running) -> None:
    """The client that sent it is its source; the rest of the message counts."""
    given = {"key": "W1", "segment": "business"}
    assert send(server, message("account", "w1", **given)).status == 200
    assert send(server, message("account", "w2", **given | {"segment": "vip", "name": "New"})).body["state"] == "taken"
    assert [(one.name, one.segment) for one in rows(server, tables.ACCOUNT, key="W1")][-1] == ("New", "business")
    (waits,) = server.app.stewardship.listed()
    assert (waits.record, waits.field, waits.source, waits.after) == ("W1", "segment", "erp", "vip")


def test_only_a_client_that_may_exchanges_messages(server: Running) -> None:
    content = json.dumps(message("account", "x")).encode()
    assert server.client("app").send(content, path="/v1/messages").status == 403
    assert Client(server.address, "nobody").send(content, path="/v1/messages").status == 401
    assert server.client().send(b"x", "text/plain", path="/v1/messages").status == 415
    said = server.client().send(None, "", method="GET", path="/v1/messages/schemas")
    assert (said.status, said.body["order.in"]["properties"]["version"]["enum"]) == (200, ["1.0", "1.1", "1.2"])
    assert server.client("app").send(None, "", method="GET", path="/v1/messages/schemas").status == 403


def test_the_server_says_that_it_lives_and_that_it_can_work(server: Running) -> None:
    client = Client(server.address, "")
    said = {path: client.send(None, "", method="GET", path=path) for path in ("/healthz", "/readyz", "/health")}
    assert {path: (one.status, one.body["state"]) for path, one in said.items()} == {
        "/healthz": (200, "alive"),
        "/readyz": (200, "ready"),
        "/health": (200, "ready"),
    }


def test_over_its_limit_a_client_is_told_when_to_come_again(tmp_path: Path, sqlite_url: str) -> None:
    """Nothing of it is taken; a second later it is."""
    now = [0.0]
    folder = company(tmp_path, limits(1, 2))
    with running(folder, sqlite_url, lambda: now[0]) as server:
        said = [send(server, message("account", f"n{n}", key=f"N{n}")) for n in range(3)]
        assert [one.status for one in said] == [200, 200, 429]
        assert (said[2].body["code"], said[2].headers["retry-after"]) == ("web.too-fast", "1")
        assert rows(server, tables.ACCOUNT, key="N2") == []
        now[0] += 1
        assert send(server, message("account", "n2", key="N2")).status == 200
