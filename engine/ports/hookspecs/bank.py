"""Port ``bank``: kinds of files in which banks and payment providers say what happened on an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from engine.base.errors import Finding
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""

Role = Literal["books", "informs", "details"]
"""What a kind of file is for: ``books`` (what was booked, to be taken from one source), ``informs`` (what happened so far
today; it comes again as booked) or ``details`` (what single bookings consist of)."""


class Reference(msgspec.Struct, frozen=True):
    """Something by which an entry can be recognised, as the bank has it."""

    kind: Annotated[
        str, Meta(description="such as end_to_end_id, bank, customer, structured, text, trace, return_code")
    ]
    value: Annotated[str, Meta(min_length=1)]


class Entry(msgspec.Struct, frozen=True):
    """One entry of a statement."""

    sign: Annotated[Literal["C", "D"], Meta(description="C: the balance of the account grows; D: it shrinks")]
    amount: Annotated[Decimal, Meta(description="in major units, never negative, with the digits that the file has")]
    currency: Annotated[str | None, Meta(description="ISO 4217; null where the file does not say")]
    booking_date: date | None = None
    value_date: date | None = None
    references: tuple[Reference, ...] = ()
    counterparty: Annotated[str | None, Meta(description="name of who paid or was paid")] = None
    reversal: Annotated[bool, Meta(description="it takes back another entry; the sign says already which way")] = False
    status: Annotated[Literal["booked", "pending", "info"], Meta(description="as the bank has it")] = "booked"
    details: Annotated[
        tuple[Entry, ...], Meta(description="the payments that the entry gathers, where the file tells their amounts")
    ] = ()


class Statement(msgspec.Struct, frozen=True):
    """What a file says about one account (camt, MT940, BAI2, OFX), batch (NACHA), deposit (lockbox) or payout."""

    account: Annotated[str | None, Meta(description="as the file writes it")]
    currency: Annotated[str | None, Meta(description="ISO 4217")]
    entries: tuple[Entry, ...]
    opening: Annotated[Decimal | None, Meta(description="booked balance before; null where the file states none")] = (
        None
    )
    closing: Annotated[Decimal | None, Meta(description="booked balance after; null where the file states none")] = None
    flaws: Annotated[
        tuple[Finding, ...], Meta(description="what is odd about it; a statement with flaws is not booked unseen")
    ] = ()

    def ties(self) -> bool | None:
        """Whether opening + credits - debits = closing, all entries counted; None where a balance is missing."""
        if self.opening is None or self.closing is None:
            return None
        moved = sum((one.amount if one.sign == "C" else -one.amount for one in self.entries), Decimal(0))
        return self.opening + moved == self.closing


class Kind(msgspec.Struct, frozen=True):
    """A kind of file.  Both functions are pure: bytes in, and nothing else takes part."""

    recognises: Annotated[
        Callable[[bytes], bool], Meta(description="whether bytes are of this kind, by what is in them; never raises")
    ]
    read: Annotated[
        Callable[[bytes], tuple[Statement, ...]],
        Meta(description="the statements, in the order of the file; raises TollbookError with line and element"),
    ]
    text: Annotated[str, Meta(description="what it is, in a few words")]
    role: Role = "books"


class BankPort(Protocol):
    """Verb: provide.  Kinds of files, each read by a pure function."""

    @hookspec(firstresult=True)
    def bank_kinds(self) -> Mapping[str, Kind]:
        """The kinds of files that the plug-in can read, by name.

        When: once, when the host loads.

        With: nothing; the plug-in has its settings from its context.

        Answers: at least one :class:`Kind`.  A file is recognised by its content, never by its name, and by one kind only.
        The same bytes give the same statements always.  Amounts are exact and not rounded; what the file does not state
        is null.  A file that cannot be understood whole is refused by a ``TollbookError`` whose place is the line of the
        file; what is understood but odd is a flaw of its statement.

        May not: take the name of another plug-in's kind; leave out an entry; answer anything else the next time.
        """
        ...


PORT: Final = Port(name="bank", contract=CONTRACT, verb="provide", prefix="bank_", spec=BankPort)
