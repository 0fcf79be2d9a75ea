"""Calls to an adapter as a file, so that they can be answered again without the system that answered them."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import msgspec

VERSION: Final = 1
"""Version of the form of the file."""


class Taped(msgspec.Struct, frozen=True):
    """One call: what was sent and answered, masked, as the request log has it.

    ``masked`` says that a part of ``request`` is hidden: ``***``, which stands for anything.  A call that failed has no
    ``answer``, the ``kind`` of its failure, and its words in ``error``.
    """

    hook: str
    request: list[dict[str, Any]]
    answer: list[dict[str, Any]] | None
    outcome: Literal["answered", "incomplete", "failed", "timed-out"]
    kind: str = ""
    masked: bool = False
    error: str = ""


class Cassette(msgspec.Struct, frozen=True):
    """Calls of one adapter, the oldest first."""

    cassette: Literal[1]
    adapter: str
    plugin: str
    port: str
    contract: str
    calls: tuple[Taped, ...]


def mark(item: Any) -> str:
    """What tells one item of a call from others: a digest of all of it as plain data."""
    plain = msgspec.to_builtins(item, enc_hook=repr, str_keys=True)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
