"""What the outside world must be told, and what it answered."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Effect(msgspec.Struct, frozen=True):
    """A message of the outbox.  ``key`` is its idempotency key: the same key is the same act, however often it is sent."""

    key: str
    port: str
    kind: str
    payload: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """A plug-in's answer to one effect.

    ``accepted``: done, ``evidence`` says where.  ``rejected``: will never be done, ``reason`` says why.  ``retry``: not
    done, may be tried again.
    """

    key: str
    state: Literal["accepted", "rejected", "retry"]
    reason: str = ""
    evidence: dict[str, Any] = {}
