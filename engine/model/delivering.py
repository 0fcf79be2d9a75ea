"""Delivery: by which ways a document goes, and what the inbox of a customer holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.documenting import DocumentFacts

INBOX: Final = "inbox"
"""Name that stands for an adapter where documents are put into the customer's inbox in the books."""

READ: Final = "opened"
"""State of the receipt of a document that was read."""

Role = Literal["required", "copy"]


class DeliveryFacts(DocumentFacts, frozen=True, gc=False):
    """What the family ``delivery`` is asked about: one document that is about to go out."""

    adapter: Annotated[str, Meta(description="adapter that the routing rules have led to")] = ""


class Way(msgspec.Struct, frozen=True):
    """One way of a document: an effect of the outbox with what the rules say of it.

    ``document`` is the key of the effect that the document came with, which all its ways share; ``fallback`` are the adapters
    left to be told instead if this one fails; ``instead_of`` is the key of the way that failed before it, empty for one that
    the rules named; ``reason`` says why that one failed.
    """

    effect: str
    document: str
    adapter: str
    role: Role
    fallback: Sequence[str]
    tries: int
    instead_of: str
    reason: str
    decision: int


class InboxFile(msgspec.Struct, frozen=True):
    """A file in an inbox; ``content`` is base64."""

    name: str
    media_type: str
    size: int
    sha256: str
    content: str = ""


class InboxDocument(msgspec.Struct, frozen=True):
    """A document in the inbox of an account; ``sha256`` is over the names and digests of its files."""

    entity: str
    account: str
    effect: str
    number: str
    kind: str
    detail: Mapping[str, Any]
    sha256: str
    files: Sequence[InboxFile]
    id: int = 0
    at: datetime | None = None
    read_at: datetime | None = None


class InboxToken(msgspec.Struct, frozen=True):
    """A token by which the inbox of an account is read; only its SHA-256 is kept."""

    id: int
    entity: str
    account: str
    name: str
    made_at: datetime
    revoked_at: datetime | None


def digest_of_files(files: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the (name, SHA-256) of files in their order; hexadecimal."""
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in files).encode()).hexdigest()
