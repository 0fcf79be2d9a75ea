"""Who calls: clients by their tokens, which are compared as hashes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.config.api import Client
from engine.config.checks import MISSING_VARIABLE

WEAK_TOKEN = Code("web.weak-token", "A token that is too short to be a secret.")
SAME_TOKEN = Code("web.same-token", "Two clients with one token: nobody could tell them apart.")
NO_CLIENTS = Code("web.no-clients", "A server for which the configuration names no client that could call it.")

SHORTEST = 20
"""Characters that a token has at least."""


class Access(msgspec.Struct, frozen=True):
    """The clients by the hash of their token."""

    clients: tuple[tuple[bytes, Client], ...]

    def client(self, authorization: str) -> Client | None:
        """The client of an ``Authorization`` header.  All hashes are compared, whichever fits, each in constant time."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        given, found = _hash(token.strip()), None
        for known, client in self.clients:
            if hmac.compare_digest(given, known):
                found = client
        return found


def access(clients: Sequence[Client], environment: Mapping[str, str]) -> Access:
    """The clients of the configuration, with the tokens that the environment has for them.

    Raises:
        TollbookError: ``web.no-clients``, ``config.missing-variable``, ``web.weak-token``, ``web.same-token``.
    """
    findings: list[Finding] = []
    hashes: dict[bytes, Client] = {}
    if not clients:
        findings.append(Finding(NO_CLIENTS, Where("api.clients"), "no client is named", mend="name one in config.yaml"))
    for client in clients:
        where, token = Where(f"client/{client.name}"), environment.get(client.token)
        if token is None:
            what = f"the token of client {client.name!r} is in {client.token}, which is not set"
            findings.append(Finding(MISSING_VARIABLE, where, what, mend=f"set {client.token}"))
        elif len(token) < SHORTEST:
            what = f"the token of client {client.name!r} has {len(token)} characters"
            mend = f"make one of at least {SHORTEST}, such as with `openssl rand -hex 32`"
            findings.append(Finding(WEAK_TOKEN, where, what, "short ones can be guessed", mend))
        elif (other := hashes.setdefault(_hash(token), client)) is not client:
            what = f"clients {other.name!r} and {client.name!r} have one token"
            findings.append(Finding(SAME_TOKEN, where, what, mend="give each its own"))
    if findings:
        raise TollbookError(findings)
    return Access(tuple(hashes.items()))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
