"""What the outside world must be told, and what it answered."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec


class Effect(msgspec.Struct, frozen=True):
    """A message of the outbox.  ``key`` is its idempotency key: the same key is the same act, however often it is sent."""

    key: str
    port: str
    kind: str
    payload: dict[str, Any]


def document_keys(tenant: str, entity: str, payer: str, on: date, kind: str, group: str) -> tuple[str, str]:
    """The key of what is told of a document, and the one that it had in books of before: its natural key, so that it can be told
    once only."""
    now, before = key_parts(tenant, entity, payer, on.isoformat(), kind, group)
    return "/".join(now), "/".join(before)


def key_parts(
    tenant: Any, entity: Any, payer: Any, on: Any, kind: Any, group: Any
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The parts of :func:`document_keys`, of texts or of what a database knows as such.

    The date stands before the payer, so that what one run tells is neighbours in the index: of keys that begin with the payer
    another page is written for each document, once there are some dozens of each payer.
    """
    return (tenant, entity, on, payer, kind, group), (tenant, entity, payer, on, kind, group)


class Answer(msgspec.Struct, frozen=True):
    """A plug-in's answer to one effect.

    ``accepted``: done, ``evidence`` says where.  ``rejected``: will never be done, ``reason`` says why.  ``retry``: not
    done, may be tried again.
    """

    key: str
    state: Literal["accepted", "rejected", "retry"]
    reason: str = ""
    evidence: dict[str, Any] = {}
