"""Wallets over HTTP: draws and grants are committed when they are acknowledged, each once, never under the floor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.web.server import TOKENS, Client, Running, Said, company, running

WALLETS = ("entity,key,account,currency,unit,unit_rate,floor,low", "E1,POT,A1,EUR,credit,0.5,5,20")
GRANTS = ("entity,key,wallet,amount,granted_on", "E1,first,POT,100,2026-01-01")
PATH = "/v1/wallets/POT/movements"


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """A server over a company with a wallet; erp may draw and grant, app may draw."""
    folder = company(tmp_path)
    stories.deliver(folder, "data", wallets=WALLETS, wallet_grants=GRANTS)
    config = folder / "config.yaml"
    text = config.read_text().replace("may: [ingest, trigger]", "may: [draw, grant]")
    config.write_text(text.replace('"${APP_TOKEN}"}', '"${APP_TOKEN}", may: [draw]}'))
    with running(folder, database_url) as one:
        yield one


def sent(server: Running, body: Any, who: str = "ERP_TOKEN", path: str = PATH) -> Said:
    """The answer to a movement."""
    import json

    return Client(server.address, TOKENS[who]).send(json.dumps(body).encode(), path=path)


def looked(server: Running, query: str = "", key: str = "POT") -> Said:
    """The answer to the question what is in it."""
    return Client(server.address, TOKENS["ERP_TOKEN"]).send(None, "", method="GET", path=f"/v1/wallets/{key}{query}")


@pytest.mark.capability("A2.4")
def test_draws_and_grants(server: Running) -> None:
    """Amounts are exact, the same key is the same movement, units are worth their rate, and little left is said."""
    drawn = sent(server, {"kind": "draw", "key": "d1", "amount": 30.55, "on": "2026-01-15"})
    assert (drawn.status, drawn.body["balance"], drawn.body["available"]) == (200, "69.4500", "64.4500")
    assert (drawn.body["known"], drawn.body["lots"]) == (False, {"first": "-30.55"})
    again = sent(server, {"kind": "draw", "key": "d1", "amount": "30.550", "on": "2026-01-15"}, "APP_TOKEN")
    assert (again.status, again.body["known"], again.body["balance"]) == (200, True, "69.4500")
    granted = sent(server, {"kind": "grant", "key": "g1", "units": 10, "promotional": True, "on": "2026-01-15"})
    assert (granted.status, Decimal(granted.body["amount"]), granted.body["balance"]) == (200, 5, "74.4500")
    low = sent(server, {"kind": "draw", "key": "d2", "amount": 60, "on": "2026-01-15"})
    assert [one["code"] for one in low.body["warnings"]] == ["wallet.low"]
    seen = looked(server)
    assert (seen.status, seen.body["balance"], seen.body["floor"], seen.body["version"]) == (
        200,
        "14.4500",
        "5.0000",
        5,
    )
    assert Decimal(seen.body["units"]) == Decimal("28.9")
    assert [one["key"] for one in looked(server, "?after=3&limit=1").body["movements"]] == ["d2"]
    assert {name: found for name, found in server.app.verify().items() if found} == {}


REFUSED: dict[str, tuple[Any, int, str]] = {
    "under the floor": ({"kind": "draw", "key": "x", "amount": "95.01", "on": "2026-01-15"}, 409, "wallet.below-floor"),
    "a known key": ({"kind": "draw", "key": "first", "amount": 1, "on": "2026-01-15"}, 409, "wallet.key-conflict"),
    "nothing": ({"kind": "draw", "key": "x", "amount": 0}, 422, "wallet.unfit"),
    "too exact": ({"kind": "draw", "key": "x", "amount": "0.001"}, 422, "wallet.unfit"),
    "no amount": ({"kind": "draw", "key": "x"}, 422, "web.no-movement"),
    "another field": ({"kind": "draw", "key": "x", "amount": 1, "lot": "first"}, 422, "web.no-movement"),
    "another kind": ({"kind": "expire", "key": "x"}, 422, "web.no-movement"),
    "a list": ([], 422, "web.no-movement"),
    "an empty key": ({"kind": "draw", "key": "", "amount": 1}, 422, "web.no-movement"),
    "half a character": ({"kind": "draw", "key": "\ud800", "amount": 1}, 422, "web.no-movement"),
    "too much": ({"kind": "grant", "key": "x", "amount": 1e30}, 422, "web.no-movement"),
}


@pytest.mark.on_sqlite
def test_what_is_refused(server: Running) -> None:
    """It changes nothing, and a draw under the floor is told balance and floor."""
    said = {name: sent(server, body) for name, (body, _, _) in REFUSED.items()}
    assert {name: (one.status, one.body["code"]) for name, one in said.items()} == {
        name: (status, code) for name, (_, status, code) in REFUSED.items()
    }
    reason = said["under the floor"].body["reason"]
    assert "balance is 100" in reason and "floor 5" in reason
    assert looked(server).body["version"] == 1


def test_who_may(server: Running) -> None:
    grant = {"kind": "grant", "key": "x", "amount": 1, "on": "2026-01-15"}
    assert [sent(server, grant, who).status for who in ("APP_TOKEN", "EYE_TOKEN")] == [403, 403]
    assert sent(server, {"kind": "draw", "key": "x", "amount": 1}, "EYE_TOKEN").status == 403
    assert Client(server.address, "").send(b"{}", path=PATH).status == 401
    assert sent(server, grant, path="/v1/wallets/NONE/movements").body["code"] == "wallet.unknown"
    assert (looked(server, key="NONE").status, looked(server, "?limit=x").status) == (404, 422)
    assert Client(server.address, TOKENS["ERP_TOKEN"]).send(b"{", path=PATH).status == 400
    assert Client(server.address, TOKENS["ERP_TOKEN"]).send(b"{}", "text/plain", path=PATH).status == 415


@pytest.mark.capability("A2.4")
def test_many_clients_at_once(server: Running) -> None:
    """Two hundred draws of one: as many are taken as there is above the floor, whoever they come from."""
    told: list[Said] = []

    def client(n: int) -> None:
        for one in range(10):
            body = {"kind": "draw", "key": f"{n}-{one}", "amount": 1, "on": "2026-01-15"}
            told.append(sent(server, body, "APP_TOKEN" if n % 2 else "ERP_TOKEN"))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = {status: sum(1 for one in told if one.status == status) for status in (200, 409, 429, 503)}
    assert sum(counts.values()) == 200
    assert looked(server).body["balance"] == f"{100 - counts[200]}.0000"
    assert counts[200] == 95 or counts[429] or counts[503]
    assert {name: found for name, found in server.app.verify().items() if found} == {}
