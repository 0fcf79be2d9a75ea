"""Tokens: what the environment must have for the clients of the configuration, and who a call is from."""

from __future__ import annotations

import pytest

from engine.base.errors import TollbookError
from engine.config.api import Client
from engine.web.access import access

ERP = Client("erp", "ERP", frozenset({"ingest"}))
APP = Client("app", "APP", frozenset())
GOOD = {"ERP": "a" * 20, "APP": "b" * 20}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Bearer " + "a" * 20, "erp"),
        ("bearer  " + "b" * 20, "app"),
        ("Bearer " + "a" * 21, None),
        ("Bearer", None),
        ("Basic " + "a" * 20, None),
        ("", None),
    ],
)
def test_who_a_call_is_from(header: str, name: str | None) -> None:
    client = access([ERP, APP], GOOD).client(header)
    assert (client.name if client else None) == name


def test_everything_that_is_wrong_with_tokens_is_said_at_once() -> None:
    clients = [ERP, APP, Client("one", "ONE", frozenset()), Client("two", "TWO", frozenset())]
    with pytest.raises(TollbookError) as refused:
        access(clients, {"APP": "short", "ONE": "c" * 20, "TWO": "c" * 20})
    assert str(refused.value) == (
        "client/erp: error: the token of client 'erp' is in ERP, which is not set [config.missing-variable]\n"
        "    mend: set ERP\n"
        "client/app: error: the token of client 'app' has 5 characters [web.weak-token]\n"
        "    why: short ones can be guessed\n"
        "    mend: make one of at least 20, such as with `openssl rand -hex 32`\n"
        "client/two: error: clients 'one' and 'two' have one token [web.same-token]\n"
        "    mend: give each its own"
    )


def test_a_server_that_nobody_may_call_does_not_start() -> None:
    with pytest.raises(TollbookError, match=r"web\.no-clients"):
        access([], {})
