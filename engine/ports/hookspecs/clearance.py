"""Port ``clearance``: authorities that have to answer for a document before its buyer gets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.model.clearance import PENDING as PENDING
from engine.model.effect import Answer, Effect
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class Evidence(msgspec.Struct, frozen=True):
    """What the evidence of an ``accepted`` answer has at least; it may have more, all of it plain data."""

    authority_id: Annotated[
        str, Meta(min_length=1, description="what the authority calls the document: IRN, UUID, protocol number")
    ]
    qr: Annotated[str, Meta(description="what the QR code that the law wants printed holds")] = ""
    at: Annotated[str, Meta(description="when the authority cleared it, ISO 8601")] = ""


class ClearancePort(Protocol):
    """Verb: tell.  Every effect has an idempotency key: the same key is the same submission, however often it is sent."""

    @hookspec(firstresult=True)
    def clearance_submit(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Submit these documents to the authority.

        When: by ``tollbook deliver``, after the transaction that numbered the documents, and before anything is delivered to
        the buyer; again with the same key after a ``retry`` that did nothing.

        With: ``effects``, at least one, each with another ``key``; the payload is an ``InvoiceDocument`` of
        ``hookspecs/delivery.py`` as plain data.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` where the authority cleared it, with
        an :class:`Evidence`; the same key with the same payload is accepted with the same evidence, and the authority has it
        once.  ``rejected`` with a ``reason`` where the authority refuses it, or the same key came with another payload.
        ``retry`` with a ``reason`` where nothing was done; ``retry`` with ``{PENDING: true}`` as evidence where the authority
        has it and decides later: it is then asked for by :meth:`clearance_status`.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; one bad document is an
        answer, not a failure.

        May not: change a payload; take a second document for one key; clear anything by itself.
        """
        ...

    @hookspec(firstresult=True)
    def clearance_status(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """What became of documents that the authority may have.

        When: before documents are submitted again whose last submission timed out, broke off, or was never answered, and
        while the authority has not decided.

        With: ``effects``, at least one.  The key says which submission is meant, also where the payload has changed since.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` and ``rejected`` as
        :meth:`clearance_submit` would have answered; ``retry`` with ``{PENDING: true}`` as evidence while it is not decided;
        ``retry`` without it where the authority knows nothing of the key: it is then submitted.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; nothing is submitted then.

        May not: submit anything; change anything.
        """
        ...


PORT: Final = Port(
    name="clearance",
    contract=CONTRACT,
    verb="tell",
    prefix="clearance_",
    spec=ClearancePort,
    status="clearance_status",
)
