"""Who may call, what bodies may be, and how much may come in."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.model.journal import Change
from engine.store import ids
from tests.web.server import Client, Running, company, event, limits, running, until


@pytest.mark.parametrize("token", ["", "erp-token-of-the-tests-", "erp-token-of-the-tests-12", "é" * 20])
def test_without_a_token_nobody_sends(server: Running, token: str) -> None:
    said = Client(server.address, "").send(b"{}", Authorization=f"Bearer {token}".encode().decode("latin-1"))
    assert (said.status, said.body["code"]) == (401, "web.unauthorized")
    assert said.headers["www-authenticate"] == "Bearer"
    assert server.usage() == {}


@pytest.mark.on_sqlite
def test_a_token_is_no_password(server: Running) -> None:
    said = Client(server.address, "").send(b"{}", Authorization="Basic ZXJwLXRva2VuLW9mLXRoZS10ZXN0cy0x")
    assert said.status == 401


@pytest.mark.on_sqlite
def test_a_client_does_what_it_may(server: Running) -> None:
    said = server.client("eye").post(event("k"))
    assert (said.status, said.body["code"]) == (403, "web.forbidden")
    assert said.body["detail"] == "client 'eye' may not send usage events"


@pytest.mark.parametrize(
    ("kind", "coding"),
    [("", ""), ("text/csv", ""), ("application/json; charset=latin1", ""), ("application/json", "gzip")],
)
@pytest.mark.on_sqlite
def test_a_body_of_another_kind_is_refused(erp: Client, kind: str, coding: str) -> None:
    said = erp.send(b"{}", kind, **({"Content_Encoding": coding} if coding else {}))
    assert (said.status, said.body["code"]) == (415, "web.media-type")


@pytest.mark.on_sqlite
def test_a_body_that_is_too_large_is_refused(server: Running, erp: Client) -> None:
    said = erp.send(b" " * 1_000_001)
    assert (said.status, said.body["code"]) == (413, "web.too-large")
    unsaid = erp.send(iter([b" " * 600_000, b" " * 600_000]))
    assert (unsaid.status, unsaid.body["code"]) == (413, "web.too-large")
    assert erp.post(event("k")).status == 200


def test_bodies_in_memory_are_bounded(server: Running, erp: Client) -> None:
    """Ten bodies of nearly a megabyte begin and stop; some are refused, and the others take nothing from whom comes next."""
    import http.client

    opened = []
    for _ in range(10):
        connection = http.client.HTTPConnection(erp.host, timeout=30)
        connection.putrequest("POST", "/v1/events")
        for name, value in (
            ("Authorization", f"Bearer {erp.token}"),
            ("Content-Type", "application/json"),
            ("Content-Length", "950000"),
        ):
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(b" " * 900_000)
        opened.append(connection)
    until(lambda: erp.send(b" " * 900_000).status == 503)
    for connection in opened:
        connection.close()
    until(lambda: erp.post(event("k")).status == 200)
    assert erp.post(event("k")).body["known"] == 1


@pytest.mark.on_sqlite
def test_what_the_api_does_not_have(server: Running, erp: Client) -> None:
    assert [erp.send(None, "", method="GET", path=path).status for path in ("/nope", "/v1/events")] == [404, 405]
    assert erp.send(None, "", method="GET", path="/health").body == {"state": "ready"}
    document = erp.send(None, "", method="GET", path="/openapi.json").body
    assert document["openapi"].startswith("3.1")
    wallets = ["/v1/wallets/{key}/movements", "/v1/wallets/{key}"]
    totals = ["/v1/control-totals", "/v1/control-totals/missing"]
    messages = ["/v1/messages", "/v1/messages/schemas"]
    inbox = ["/v1/inbox", *(f"/v1/inbox/{{number}}{rest}" for rest in ("", "/files/{name}", "/read"))]
    health = ["/health", "/healthz", "/readyz"]
    paths = ["/v1/events", "/v1/triggers", "/v1/payments/{adapter}/events", *totals, *wallets, *messages, *health]
    paths += inbox
    assert sorted(document["paths"]) == sorted(paths)


@pytest.mark.capability("A2.6")
@pytest.mark.on_sqlite
def test_over_its_limit_a_client_waits_and_another_does_not(tmp_path: Path, database_url: str) -> None:
    now = [0.0]
    with running(company(tmp_path, limits(2, 10)), database_url, lambda: now[0]) as server:
        erp, app = server.client("erp"), server.client("app")
        assert app.post([event(f"b{number}") for number in range(11)]).body["code"] == "web.too-many"
        first = erp.post([event(f"k{number}") for number in range(8)])
        assert first.status == 200
        assert (first.headers["ratelimit-policy"], first.headers["ratelimit"]) == (
            '"client";q=10;w=5',
            '"client";r=2;t=4',
        )
        over = erp.post([event(f"m{number}") for number in range(9)])
        assert (over.status, over.body["code"], over.body["taken"]) == (429, "web.too-fast", 0)
        assert (over.headers["retry-after"], over.headers["ratelimit"]) == ("4", '"client";r=2;t=4')
        assert app.post([event(f"a{number}") for number in range(10)]).status == 200
        assert app.post(event("one more")).headers["retry-after"] == "1"
        now[0] = 3.4
        assert erp.post([event(f"m{number}") for number in range(9)]).status == 429
        now[0] = 3.5
        assert erp.post([event(f"m{number}") for number in range(9)]).status == 200
        assert sorted({key[:5] for key in server.usage()}) == ["app/a", "erp/k", "erp/m"]
        assert len(server.usage()) == 8 + 10 + 9


@pytest.mark.capability("A2.6")
def test_a_stream_over_the_limit_says_how_far_it_came(tmp_path: Path, database_url: str) -> None:
    with running(company(tmp_path, limits(2, 25, largest=10)), database_url, lambda: 0.0) as server:
        said = server.client().lines([event(f"k{number:03}") for number in range(100)])
        assert (said.status, said.body["code"]) == (429, "web.too-fast")
        assert said.body["taken"] == said.body["through"] == 20
        assert list(server.usage()) == [f"erp/k{number:03}" for number in range(20)]
        assert said.headers["retry-after"] == "3"


@pytest.mark.capability("A2.6")
@pytest.mark.on_sqlite
def test_all_clients_together_have_a_limit(tmp_path: Path, database_url: str) -> None:
    """What the tenant's bucket refuses costs the client nothing."""
    now = [0.0]
    with running(company(tmp_path, limits(1, 10, tenant=12)), database_url, lambda: now[0]) as server:
        assert server.client("erp").post([event(f"k{number}") for number in range(10)]).status == 200
        said = server.client("app").post([event(f"k{number}") for number in range(10)])
        assert (said.status, said.headers["ratelimit-policy"]) == (429, '"tenant";q=12;w=1')
        assert said.body["detail"] == "10 more events would be over the limit of all clients together"
        now[0] = 0.7
        again = server.client("app").post([event(f"k{number}") for number in range(10)])
        assert (again.status, again.headers["ratelimit"]) == (200, '"client";r=0;t=10')


@pytest.mark.capability("A2.6")
def test_what_cannot_be_written_in_time_is_refused_and_the_rest_is_not_lost(tmp_path: Path, database_url: str) -> None:
    """While somebody holds the books, as many requests wait as may, half of them of one client; the others are refused."""
    with running(company(tmp_path, api="  waiting: 4\n"), database_url) as server, ThreadPoolExecutor(8) as pool:
        books, held, free = server.app.books, threading.Event(), threading.Event()

        def hold() -> None:
            change = Change("ada", datetime.now(UTC), "hold the books")
            with books.writer(change, tenant=server.app.tenant) as writer:
                ids.take(writer.connection, "usage_event", 1)
                held.set()
                free.wait(30)

        holding = pool.submit(hold)
        held.wait(30)
        try:
            sent = {
                name: [pool.submit(server.client(name).post, event(f"k{number}")) for number in range(3)]
                for name in ("erp", "app")
            }
            for three in sent.values():
                until(lambda three=three: any(one.done() for one in three))
            done = [one.result() for three in sent.values() for one in three if one.done()]
            assert [(one.status, one.body["code"], one.headers["retry-after"]) for one in done] == [
                (503, "web.busy", "1"),
                (503, "web.busy", "1"),
            ]
        finally:
            free.set()
        holding.result()
        statuses = {name: sorted(one.result().status for one in three) for name, three in sent.items()}
        assert statuses == {"erp": [200, 200, 503], "app": [200, 200, 503]}
        assert len(server.usage()) == 4


@pytest.mark.on_sqlite
def test_a_refused_request_does_not_break_the_connection(server: Running, erp: Client) -> None:
    """What an early answer left unread does not become the next request."""
    import http.client

    connection = http.client.HTTPConnection(erp.host, timeout=30)
    for token, status in (("wrong", 401), (erp.token, 200)):
        body = json.dumps([event(f"k{number}") for number in range(200)])
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/events", body, headers)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (status, True)
    connection.close()
