"""Who may call the API: the section ``api``, and whether what it says of clients can be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, Where

DOUBLE_CLIENT = Code("config.double-client", "Two clients of the API of one name.")
WRITTEN_TOKEN = Code("config.written-token", "A token that stands in the file instead of in the environment.")

CALLS: Final[Mapping[str, str]] = {
    "ingest": "send usage events and control totals",
    "trigger": "say what was accepted or went live",
    "draw": "look into wallets and draw on them",
    "grant": "look into wallets and grant credit",
    "exchange": "send messages about accounts, orders, activations, suspensions and payments",
}
"""What a client may do: call -> what it does."""
USUAL: Final = ("ingest",)
"""What a client may do of which nothing is said."""


class Client(msgspec.Struct, frozen=True):
    """One of ``api.clients``: ``token`` is the environment variable that holds it."""

    name: str
    token: str
    may: frozenset[str]


class Api(msgspec.Struct, frozen=True):
    """Section ``api``: largest body in megabytes, requests that may wait in a process, clients."""

    largest_body: int
    waiting: int
    clients: tuple[Client, ...]


def made_api(values: Mapping[str, Any], variable: Callable[[Any], str]) -> Api:
    """The section of checked values; ``variable`` gives the name in ``${NAME}``."""
    clients = tuple(
        Client(client["name"], variable(client["token"]), frozenset(client["may"])) for client in values["clients"]
    )
    return Api(values["largest_body"], values["waiting"], clients)


def check_api(document: Document, values: Mapping[str, Any], variable: Callable[[Any], str]) -> Iterator[Finding]:
    """Everything that is wrong with the clients of the API."""
    section = values.get("api")
    clients = section.get("clients") if isinstance(section, dict) else None
    places: dict[str, Where] = {}
    for number, client in enumerate(clients if isinstance(clients, list) else ()):
        given = client if isinstance(client, dict) else {}
        name, token = given.get("name"), given.get("token")
        where = document.where(("api", "clients", number, "name"))
        if isinstance(name, str) and name in places:
            why = f"the other stands on line {places[name].line}"
            yield Finding(DOUBLE_CLIENT, where, f"there are two clients of the name {name!r}", why, "rename one")
        elif isinstance(name, str):
            places[name] = where
        if isinstance(token, str) and not variable(token):
            where = document.where(("api", "clients", number, "token"))
            why, mend = "a secret stands in the environment, never in a file", "write token: ${VARIABLE}"
            yield Finding(WRITTEN_TOKEN, where, f"the token of {name!r} is written out", why, mend)
