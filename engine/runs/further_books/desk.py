"""The desk of further books: adjusting them, entries by hand, their months, and what they come to."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO
from engine.ledger.export import Exported, export
from engine.model.further_books import BookMark
from engine.model.journal import Change
from engine.runs.approvals import Approvals, Outcome
from engine.runs.further_books.acts import ACT, NOT_READY, last_of, relies
from engine.runs.further_books.adjusting import Adjusted, adjust, pending
from engine.runs.journal import closings, exported
from engine.runs.reports.balances import Balance, dimensions, totals_of_book
from engine.runs.run import PartsOn
from engine.store.books import Books
from engine.store.reader import Reader

UNKNOWN_BOOK = Code("books.unknown", "A further book that the configuration does not have.")
NOT_OF_ENTITY = Code(
    "books.not-of-entity", "A legal entity that does not keep a further book, or that is not there to keep it."
)


class Compared(msgspec.Struct, frozen=True):
    """What a GL account comes to in a currency: in the leading book, by adjustments, and so in a further book; and the same in the
    currency of the entity's books."""

    account: str
    name: str
    currency: str
    leading: Decimal
    adjustments: Decimal
    amount: Decimal
    functional_currency: str
    functional_leading: Decimal
    functional_adjustments: Decimal
    functional_amount: Decimal


class BookDesk:
    """What people do with further books."""

    def __init__(
        self,
        books: Books,
        tenant: str,
        approvals: Approvals,
        parts: PartsOn,
        further: Mapping[str, Sequence[str]],
        entities: Callable[[str | None], list[str]],
    ) -> None:
        """``further`` are the books by name with the legal entities that keep them, none: all; ``entities`` names legal entities."""
        self._books, self._tenant, self._approvals, self._parts = books, tenant, approvals, parts
        self._further, self._entities = further, entities

    def adjust(
        self, book: str, through: date, change: Change, *, entity: str | None = None, dry_run: bool = False
    ) -> list[Adjusted]:
        """Adjust a book for all that was posted up to and with a day; see :func:`engine.runs.further_books.adjusting.adjust`."""
        entities = self.entities(book, entity)
        return adjust(self._parts(on=through), book, entities, through, change, dry_run=dry_run)

    def post(
        self,
        book: str,
        entity: str,
        key: str,
        on: date,
        text: str,
        sides: Sequence[tuple[str, Decimal]],
        change: Change,
    ) -> Outcome:
        """Post an entry by hand in a book, in the currency of the entity's books, or propose it.

        Raises:
            TollbookError: ``books.unknown``, ``books.not-of-entity``, ``books.booked``, ``books.not-exact``,
                ``ledger.not-balanced``, ``ledger.unknown-account``, ``ledger.unknown-entity``, ``ledger.period-closed``.
        """
        self.entities(book, entity)
        with self._books.reader() as reader:
            currency = reader.entities(self._tenant)[entity].functional_currency
            given = {
                "book": book,
                "entity": entity,
                "key": key,
                "on": on.isoformat(),
                "text": text,
                "currency": currency,
                "sides": [[account, f"{amount:f}"] for account, amount in sides],
            }
            # an entry that can never be booked is refused when it is made, not when it is approved
            relies(reader, self._tenant, given)
        return self._approvals.act(ACT, given, change)

    def set_period(self, book: str, entity: str, month: date, state: str, change: Change) -> Outcome:
        """Close a month of a book, and so all before it, or open it, and so all after it; or propose that.

        Raises:
            TollbookError: ``books.unknown``, ``books.not-of-entity``, ``books.stands-so``, ``books.not-ready``,
                ``ledger.unknown-entity``.
        """
        self.entities(book, entity)
        if state == "closed":
            self._settled(book, entity, last_of(month))
        act = "close-period" if state == "closed" else "open-period"
        return self._approvals.act(act, {"entity": entity, "month": f"{month:%Y-%m}", "book": book}, change)

    def _settled(self, book: str, entity: str, last: date) -> None:
        """Refuse to close a month of a book for which adjustments are left to book."""
        parts = self._parts(on=last)
        with self._books.reader() as reader:
            mark = reader.book_mark(self._tenant, book, entity)
            open_ = mark.closed is None or mark.closed < last
            left = sum(1 for _ in pending(parts, reader, book, entity, last)) if open_ else 0
        if left:
            what = f"{left} adjustments of book {book!r} of {entity} through {last} are not booked"
            raise refuse(
                NOT_READY, what, mend=f"`tollbook ledger adjust-book {book} --entity {entity} --through {last}`"
            )

    def entities(self, book: str, only: str | None = None) -> list[str]:
        """The legal entities that keep a book, or the one that is named.

        Raises:
            TollbookError: ``books.unknown``, ``books.not-of-entity``, ``ledger.unknown-entity``.
        """
        if book not in self._further:
            mend = did_you_mean(book, self._further) or "name it under books in config.yaml"
            raise refuse(UNKNOWN_BOOK, f"there is no further book {book!r}", mend=mend)
        keep, known = self._further[book], self._entities(None)
        for one in keep:
            if one not in known:
                what = f"book {book!r} is said to be of legal entity {one!r}, which the books do not have"
                raise refuse(
                    NOT_OF_ENTITY, what, mend=did_you_mean(one, known) or "import it, or correct books in config.yaml"
                )
        found = [one for one in self._entities(only) if not keep or one in keep]
        if only is not None and not found:
            what = f"{only} does not keep book {book!r}"
            raise refuse(NOT_OF_ENTITY, what, mend=f"these do: {', '.join(keep)}")
        return found

    def marks(self, book: str, entity: str | None = None) -> dict[str, BookMark]:
        """How far a book is, by legal entity."""
        with self._books.reader() as reader:
            return {key: reader.book_mark(self._tenant, book, key) for key in self.entities(book, entity)}

    def trial_balance(
        self, book: str, entity: str | None = None, up_to: date | None = None
    ) -> dict[str, list[Compared]]:
        """By legal entity what each GL account comes to in the leading book, by adjustments and in the book.

        Without ``up_to`` it is the day that the book is adjusted through: the leading book may be further.
        """
        keys = self.entities(book, entity)
        with self._books.reader() as reader:
            return {key: list(self._compared(reader, book, key, self._until(reader, book, key, up_to))) for key in keys}

    def balances(self, by: str, first: date | None, last: date | None, book: str, entity: str = "") -> list[Balance]:
        """As :meth:`engine.runs.reports.desk.ReportDesk.balances`, of a book; without ``last`` as far as it is adjusted.

        Raises:
            TollbookError: ``ledger.unknown-dimension``, ``books.unknown``, ``books.not-of-entity``, ``ledger.unknown-entity``.
        """
        wanted, keys = dimensions(by), self.entities(book, entity or None)
        with self._books.reader() as reader:
            until = {key: self._until(reader, book, key, last) or date.max for key in keys}
            return totals_of_book(self._parts(), reader, wanted, first, book, until)

    def journal(self, book: str, entity: str | None = None, up_to: date | None = None) -> Iterator[Exported]:
        """Entries of a book in order of posting date: those of the leading book, and its own."""
        keys = self.entities(book, entity)
        with self._books.reader() as reader:
            for key in keys:
                yield from self._entries(reader, book, key, self._until(reader, book, key, up_to))

    def export(self, form: str, book: str, entity: str | None = None, up_to: date | None = None) -> Iterator[str]:
        """Lines of the journal of a book, as :meth:`engine.runs.ledger_desk.LedgerDesk.export` has them of the leading one."""
        keys, tenant = self.entities(book, entity), self._tenant
        with self._books.reader() as reader:
            ends = {key: self._until(reader, book, key, up_to) for key in keys}
            entries = (item for key in keys for item in self._entries(reader, book, key, ends[key]))
            totals = (item for key in keys for item in closings(reader, tenant, key, ends[key], book))
            yield from export(form, entries, totals, reader.gl_accounts(tenant), up_to)

    def _until(self, reader: Reader, book: str, entity: str, up_to: date | None) -> date | None:
        return up_to or reader.book_mark(self._tenant, book, entity).adjusted

    def _entries(self, reader: Reader, book: str, entity: str, last: date | None) -> Iterator[Exported]:
        own = (
            Exported(ident, f"{book}/{one.key}", one.entry)
            for ident, one in reader.book_journal(self._tenant, book, entity, last)
        )
        return heapq.merge(
            exported(reader, self._tenant, entity, last), own, key=attrgetter("entry.posting_date", "id")
        )

    def _compared(self, reader: Reader, book: str, entity: str, last: date | None) -> Iterator[Compared]:
        chart = reader.gl_accounts(self._tenant)
        sums: dict[tuple[str, str, str], list[Decimal]] = {}
        leading = reader.trial_balance(self._tenant, entity, last)
        for place, rows in enumerate((leading, reader.book_balance(self._tenant, book, entity, last))):
            for one in rows:
                at = sums.setdefault((one.account, one.currency, one.functional_currency), [ZERO] * 4)
                at[place], at[2 + place] = one.amount, one.functional_amount
        for (account, currency, own), (lead, more, own_lead, own_more) in sorted(sums.items()):
            name = chart[account].name if account in chart else ""
            money = (lead, more, lead + more, own, own_lead, own_more, own_lead + own_more)
            yield Compared(account, name, currency, *money)
