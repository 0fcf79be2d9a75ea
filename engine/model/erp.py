"""What is posted to the general ledger of another system: documents made of journal entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.base.errors import Finding
from engine.model.entity import LegalEntity

PORT: Final = "erp"
"""The port that documents are told to."""


class ErpFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of the family ``erp`` may look at: a journal entry."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity whose books these are")]
    kind: Annotated[str, Meta(description="kind of the entry: invoice, revenue, settlement, revaluation, ...")]
    currency: Annotated[str, Meta(description="ISO 4217 transaction currency")]
    day: Annotated[date, Meta(description="posting date; selects the rule in force")]


class ErpLine(msgspec.Struct, frozen=True, gc=False):
    """A line of a document.  Debits are positive, credits negative; ``amount`` is in the currency of the document,
    ``functional`` in that of the legal entity."""

    account: str
    amount: Decimal
    functional: Decimal
    text: str = ""


class ErpDocument(msgspec.Struct, frozen=True, gc=False):
    """A balanced document for the general ledger of another system.

    Attributes:
        entity: key of the legal entity.
        document_type: as the other system calls the kind of document.
        posting_date: the day in whose period it belongs; of several entries that of the last.
        document_date: the day of the first of its entries.
        currency: ISO 4217 transaction currency of all lines.
        functional_currency: ISO 4217 currency of ``functional`` amounts.
        reference: number of the document behind its entry, or the name of the sum.
        text: what it is about.
        entries: how many journal entries it stands for.
        lines: at least two.
    """

    entity: str
    document_type: str
    posting_date: date
    document_date: date
    currency: str
    functional_currency: str
    reference: str
    text: str
    entries: int
    lines: tuple[ErpLine, ...]


class ToldDocument(msgspec.Struct, frozen=True):
    """A document as the books keep it, with what became of it: ``state`` pending, accepted, rejected or, where nothing was to be
    posted, empty; ``answer`` of the adapter."""

    id: int
    entity: str
    key: str
    adapter: str
    posting_date: date
    currency: str
    functional_currency: str
    debit: Decimal
    functional_debit: Decimal
    entries: int
    again: int = 0
    state: str = ""
    answer: dict[str, Any] | None = None

    @property
    def effect(self) -> str:
        """The idempotency key under which it was told last."""
        return f"{self.key}#{self.again}" if self.again else self.key


State = Literal["posted", "waiting", "rejected", "missing", "differs", "not asked", "nothing"]

MENDS: Final[Mapping[str, str]] = {
    "waiting": "`tollbook erp post` tells it",
    "rejected": "mend what the other system names, then `tollbook erp resend KEY`",
    "missing": "`tollbook erp resend KEY` posts it again",
    "differs": "somebody changed it there: correct it there",
    "not asked": "ask again when the adapter answers",
}


class Stands(msgspec.Struct, frozen=True):
    """How a document stands in the other system.

    ``posted``: as in the books.  ``waiting``: the outbox has to tell it.  ``rejected``: refused there.  ``missing``: it was
    accepted, and is not there.  ``differs``: its debits are ``there``.  ``not asked``: the adapter cannot be asked, or does
    not answer.  ``nothing``: nothing was to be posted.  ``number`` is what the other system calls it.
    """

    document: ToldDocument
    state: State
    number: str = ""
    fiscal_year: str = ""
    there: Decimal | None = None
    reason: str = ""


class Compared(msgspec.Struct, frozen=True):
    """Documents of some days and how they stand, entries of these days that are in none (``unposted`` by entity, with what their debits come
    to in functional currency), and what went wrong."""

    since: date
    until: date
    counts: Mapping[str, int]
    documents: tuple[Stands, ...]
    unposted: tuple[tuple[str, int, Decimal], ...] = ()
    findings: tuple[Finding, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """A document with its effect's payload and its entries, as (id, kind, day, text)."""

    document: ToldDocument
    payload: Mapping[str, Any] | None
    entries: tuple[tuple[int, str, date, str], ...]
