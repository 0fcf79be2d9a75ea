"""Control totals over HTTP: what is acknowledged is compared, what is refused says why, what is missing is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import stories
from tests.web.server import CLIENTS, TOKENS, Client, Running, Said, running

TOTAL = {"entity": "E1", "source": "switch", "meter": "calls", "day": "2026-01-01", "until": "2026-02-01", "events": 15}
WHERE = "/v1/control-totals"


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """A server over a company with a source that delivers each month."""
    usage = (f"E1,S5,calls,c{n},2026-01-{n:02d}T10:00:00+01:00,10,switch" for n in range(1, 16))
    stories.write(
        tmp_path,
        usage=("entity,subscription,meter,key,at,quantity,source", *usage),
        usage_sources=(
            "entity,key,meters,every,due_days,first_day,totals",
            "E1,switch,calls,month,1,2026-01-01,true",
            "E1,portal,,month,1,2026-02-01,false",
        ),
    )
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text() + f"api:{CLIENTS}")
    with running(tmp_path, database_url) as one:
        yield one


def send(client: Client, content: Any, **changed: str) -> Said:
    return client.send(json.dumps(content).encode(), path=WHERE, **changed)


def missing(server: Running, query: str) -> list[tuple[str, str, str]]:
    said = server.client().send(None, "", method="GET", path=f"{WHERE}/missing?{query}")
    assert (said.status, said.body["count"]) == (200, len(said.body["missing"]))
    return [(one["source"], one["kind"], one["what"]) for one in said.body["missing"]]


@pytest.mark.capability("A2.5")
def test_what_is_missing_or_differs_is_told_until_it_is_right(server: Running) -> None:
    none_yet = "switch has sent no control totals of calls for 2026-01-01..2026-02-01"
    assert missing(server, "on=2026-02-01") == []  # it has a day
    assert missing(server, "on=2026-02-03") == [("switch", "usage-missing", none_yet)]
    erp = server.client()
    said = send(erp, {**TOTAL, "quantity": "160"})
    assert (said.status, said.body) == (200, {"taken": 1, "known": 0, "refused": 0, "through": 1})
    assert "ratelimit" in said.headers
    (differs,) = missing(server, "on=2026-02-03&source=switch&entity=E1")
    assert differs[:2] == ("switch", "usage-total") and "150" in differs[2]
    again = send(erp, [{**TOTAL, "quantity": 150}, {**TOTAL, "quantity": "150.0"}])
    assert (again.status, again.body["taken"]) == (200, 1)
    assert send(erp, {**TOTAL, "quantity": 150}).body["known"] == 1
    assert missing(server, "on=2026-02-03") == []
    assert {one[0] for one in missing(server, "on=2026-03-03")} == {"switch", "portal"}
    assert (
        missing(server, "on=2026-03-03&source=portal")[0][2]
        == "portal has delivered no usage for 2026-02-01..2026-03-01"
    )


REFUSED: dict[str, tuple[Any, int, str]] = {
    "no such entity": ({**TOTAL, "entity": "E9"}, 422, "intake.unknown-reference"),
    "no such meter": ({**TOTAL, "meter": "call"}, 422, "intake.unknown-reference"),
    "no day": ({**TOTAL, "day": ""}, 422, "intake.missing-value"),
    "two that differ": ([TOTAL, {**TOTAL, "events": 16}], 207, ""),
    "a list of lists": ([[1]], 400, "intake.broken-row"),
    "no object": ("no", 400, "intake.broken-row"),
    "nothing": ([], 400, "web.nothing"),
    "too many": ([TOTAL] * 1001, 413, "web.too-many"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_refused_says_why(server: Running) -> None:
    for case, (content, status, code) in REFUSED.items():
        said = send(server.client(), content)
        assert (said.status, said.body.get("code", "")) == (status, code), case
    assert server.client().send(None, "", method="GET", path=f"{WHERE}/missing?on=soon").body["code"] == "web.bad-query"
    assert send(Client(server.address, "nobody"), TOTAL).status == 401
    assert send(Client(server.address, TOKENS["EYE_TOKEN"]), TOTAL).status == 403
    said = server.client().send(b"x", "text/plain", path=WHERE)
    assert (said.status, said.body["code"]) == (415, "web.media-type")
