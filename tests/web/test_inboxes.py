"""Inboxes over HTTP: a token opens one inbox, its files are what was put there, and reading is told to the seller."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator

import pytest

from engine.base.errors import TollbookError
from engine.runs.delivering.run import run_deliver
from tests import stories
from tests.web.server import Client, Running, Said, company, limits, running

pytestmark = pytest.mark.capability("A3.3")

RULES = """
ruleset: delivery/acme
priority: 20
effective: {from: 2020-01-01}
rules: [{id: inbox, then: {channels: [{adapter: inbox}]}}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server over books with invoices in the inboxes of A1 and A2; 40 requests of one bucket are let through."""
    folder = tmp_path_factory.mktemp("inbox")
    company(folder, limits(1, 40))
    path = folder / "rules" / "delivery" / "acme.yaml"
    path.parent.mkdir()
    path.write_text(RULES)
    with running(folder, f"sqlite:///{folder}/books.db", lambda: 0.0) as one:
        stories.bill(one.app, "2026-02-01")
        run_deliver(one.app.parts(), stories.CHANGE)
        yield one


def opened(server: Running, account: str, name: str) -> Client:
    made = server.app.inboxes.hand_out(account, name, server.app.change("ada", "deliver", "a portal"))
    return Client(server.address, made.token)


def get(client: Client, path: str = "", method: str = "GET") -> Said:
    return client.send(None, "", method=method, path=f"/v1/inbox{path}")


def test_a_document_is_listed_fetched_and_read(server: Running) -> None:
    portal = opened(server, "A1", "portal")
    listed = get(portal)
    assert (listed.status, listed.headers["ratelimit-policy"]) == (200, '"client";q=40;w=40')
    (one,) = listed.body["documents"]
    assert (one["number"], one["total"], one["read_at"]) == ("E1-2026-000001", one["total"], "")
    (file,) = one["files"]
    connection = http.client.HTTPConnection(portal.host, timeout=60)
    path = f"/v1/inbox/{one['id']}/files/{file['name']}"
    connection.request("GET", path, headers={"Authorization": f"Bearer {portal.token}"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert hashlib.sha256(content).hexdigest() == file["sha256"] == (answer.getheader("ETag") or "").strip('"')
    assert json.loads(content)["number"] == one["number"]
    assert answer.getheader("Content-Disposition") == f"attachment; filename*=UTF-8''{file['name']}"
    first = get(portal, f"/{one['id']}/read", "POST")
    assert first.body["read_at"] > one["put_at"]
    assert get(portal, f"/{one['id']}/read", "POST").body == first.body == get(portal, f"/{one['id']}").body
    assert get(portal, "?unread=true").body == {"documents": []}
    (delivery,) = (d for d in server.app.deliveries.listed("opened") if d["document"] == one["number"])
    told = server.app.deliveries.one(delivery["delivery"])
    assert [receipt["evidence"]["token"] for receipt in told["receipts"]] == ["portal"]
    assert {name: found for name, found in server.app.verify().items() if found} == {}


def test_a_token_opens_one_inbox_and_none_when_it_is_revoked(server: Running) -> None:
    mine, other = opened(server, "A1", "mine"), opened(server, "A2", "other")
    (theirs,) = get(other).body["documents"]
    for path in (f"/{theirs['id']}", f"/{theirs['id']}/files/{theirs['files'][0]['name']}", "/x", "/0"):
        assert (get(mine, path).status, get(mine, path).body["code"]) == (404, "inbox.no-document")
    assert get(mine, f"/{theirs['id']}/read", "POST").status == 404
    change = server.app.change("ada", "deliver", "the portal is gone")
    with pytest.raises(TollbookError, match="has, or had, a token of the name 'mine'"):
        server.app.inboxes.hand_out("A1", "mine", change)
    assert [server.app.inboxes.revoke("A1", "mine", change) for _ in range(2)] == [True, False]
    assert get(mine).status == 401
    assert get(Client(server.address, "")).status == get(server.client("erp")).status == 401
    with pytest.raises(TollbookError, match="has no token of the name 'nothing'"):
        server.app.inboxes.revoke("A1", "nothing", change)
    with pytest.raises(TollbookError, match="is no name for a token"):
        server.app.inboxes.hand_out("A1", " ", change)


def test_what_cannot_be_meant_and_what_is_too_much(server: Running) -> None:
    busy = opened(server, "A3", "busy")
    for query in ("?limit=501", "?before=-1", "?unread=perhaps"):
        assert (get(busy, query).status, get(busy, query).body["code"]) == (422, "web.no-question")
    statuses = [get(busy).status for _ in range(36)]
    assert (statuses.count(200), statuses.count(429)) == (34, 2)
    assert statuses == sorted(statuses)
