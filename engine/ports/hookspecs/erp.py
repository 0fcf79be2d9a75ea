"""Port ``erp``: the general ledger of another system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.model.effect import Answer, Effect
from engine.model.erp import PORT as NAME
from engine.model.erp import ErpDocument as ErpDocument
from engine.model.erp import ErpLine as ErpLine
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class Posted(msgspec.Struct, frozen=True):
    """What the evidence of an ``accepted`` answer has at least; it may have more, all of it plain data."""

    document: Annotated[str, Meta(min_length=1, description="number of the document there")]
    debit: Annotated[
        str,
        Meta(
            pattern=r"^\d+(\.\d+)?$",
            description="what its debits come to there, in transaction currency, as plain digits",
        ),
    ]
    fiscal_year: Annotated[str, Meta(description="fiscal year there, where numbers begin anew each year")] = ""


class ErpPort(Protocol):
    """Verb: tell.  Every effect has an idempotency key: the same key is the same document, however often it is sent."""

    @hookspec(firstresult=True)
    def erp_post(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Post these documents.

        When: by ``tollbook erp post``, after the transaction that put them into the outbox; again with the same key after a
        ``retry`` that did nothing.

        With: ``effects``, at least one, each with another ``key``; the payload is an :class:`ErpDocument` as plain data, amounts as
        texts.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` where it is posted, with a
        :class:`Posted`; the same key with the same payload is accepted with the same evidence, and is posted once.
        ``rejected`` with a ``reason`` where the system refuses it, or the same key came with another payload.  ``retry``
        with a ``reason`` where nothing was done.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; one bad document is an
        answer, not a failure.

        May not: post a part of a document; change an amount, a date or a currency.
        """
        ...

    @hookspec(firstresult=True)
    def erp_status(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """What the system has under these keys.

        When: before documents are posted again whose last posting timed out, broke off, or was never answered; and when the
        books are compared with the system.

        With: ``effects``, at least one.  The key says which document is meant.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` with a :class:`Posted` read from the system
        as it is now; ``retry`` with a ``reason`` where it has nothing of the key.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; nothing is posted then.

        May not: post anything; change anything; answer from memory what only the system knows.
        """
        ...


PORT: Final = Port(name=NAME, contract=CONTRACT, verb="tell", prefix="erp_", spec=ErpPort, status="erp_status")
