"""Further books of a legal entity: what the leading book holds, and adjustments of their own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.journal import JournalEntry

ADJUSTMENT: Final = "adjustment"
"""Kind of an entry that a rule has made of an entry of the leading book; also the name of the run."""
BY_HAND: Final = "by_hand"
"""Kind of an entry that a person has made."""


class BooksFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule of books may look at: one posting of the leading book."""

    book: Annotated[str, Meta(description="name of the further book that it is adjusted for")]
    entity: Annotated[str, Meta(description="key of the legal entity whose books these are")]
    kind: Annotated[
        str,
        Meta(
            description="kind of the entry, as `tollbook ledger balances --by kind` lists them: invoice, revenue, ..."
        ),
    ]
    account: Annotated[str, Meta(description="code of the GL account in the leading book")]
    side: Annotated[Literal["debit", "credit"], Meta(description="side of the account")]
    currency: Annotated[str, Meta(description="ISO 4217 transaction currency")]
    amount: Annotated[
        Decimal,
        Meta(description="the posting without its sign, in the currency of the entity's books", extra={"least": 0}),
    ]
    customer: Annotated[str, Meta(description="key of the account that the entry is about; empty where there is none")]
    product: Annotated[str, Meta(description="product of the line behind it; empty where there is none")]
    plan: Annotated[str, Meta(description="plan of the line behind it; empty where there is none")]
    charge: Annotated[str, Meta(description="charge of the line behind it; empty where there is none")]
    day: Annotated[date, Meta(description="posting date; selects the rule in force")]


class BookEntry(msgspec.Struct, frozen=True):
    """An entry of a further book.  ``of_entry`` is the id of the entry of the leading book that it adjusts, posted on ``of_day``; 0
    and its own day where a person made it.  Natural key: (tenant, book, entity, key)."""

    key: str
    of_entry: int
    of_day: date
    entry: JournalEntry


class BookMark(msgspec.Struct, frozen=True):
    """How far a further book of a legal entity is: the last days that it is ``adjusted`` and ``closed`` through, None for none."""

    adjusted: date | None = None
    closed: date | None = None
