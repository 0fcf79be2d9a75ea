"""Acts on a further book that may need two persons: an entry by hand, and closing a month or opening it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.base.money import ZERO, minor_digits, round_to
from engine.ledger.export import UNKNOWN_GL_ACCOUNT
from engine.ledger.further_books import by_hand
from engine.model.further_books import BY_HAND, BookEntry, BookMark
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.further_books import book_closed

BOOKED = Code("books.booked", "An entry by hand under a key that the further book has.")
NOT_EXACT = Code("books.not-exact", "An amount of an entry by hand with more digits than its currency has.")
NOT_READY = Code("books.not-ready", "A month of a further book that cannot be closed yet.")
STANDS = Code("books.stands-so", "A month of a further book that is open, or closed, already.")
HOLDS = Code("books.closed-in-book", "A month of the leading book that is closed in a further book, which rests on it.")

ACT: Final = "adjust-book"
Given = Mapping[str, Any]


def subject(given: Given) -> str:
    """Natural key of an entry by hand."""
    return f"{given['entity']}/{given['book']}/{given['key']}"


def text(given: Given) -> str:
    """What it does, in words that follow "to"."""
    return (
        f"post {given['text']!r} of {given['on']} in book {given['book']!r} of {given['entity']}: {_sides_told(given)}"
    )


def relies(reader: Reader, tenant: str, given: Given) -> Given:
    """That the key is free, the month open, the accounts known, and that debits and credits are equal."""
    book, entity, on = given["book"], given["entity"], date.fromisoformat(given["on"])
    if reader.book_entry(tenant, book, entity, given["key"]) is not None:
        what = f"book {book!r} of {entity} has an entry {given['key']!r}"
        raise refuse(BOOKED, what, mend="nothing is left to do, or give it another key")
    closed = reader.book_mark(tenant, book, entity).closed
    if closed is not None and on <= closed:
        raise TollbookError(book_closed(book, entity, on, closed))
    chart = reader.gl_accounts(tenant)
    for account, amount in _sides(given):
        if account not in chart:
            what = f"GL account {account} is not in the chart of accounts"
            raise refuse(UNKNOWN_GL_ACCOUNT, what, mend=did_you_mean(account, chart) or "import gl_accounts")
        if round_to(amount, given["currency"]) != amount:
            what = f"{amount:f} {given['currency']} on {account} has too many digits"
            raise refuse(
                NOT_EXACT, what, mend=f"{given['currency']} has {minor_digits(given['currency'])} after the point"
            )
    _made(tenant, given)
    return {"booked": False}


def amounts(reader: Reader, tenant: str, given: Given) -> Mapping[str, Decimal]:
    """The sum of its debits."""
    return {given["currency"]: sum((amount for _, amount in _sides(given) if amount > ZERO), ZERO)}


def perform(writer: Writer, tenant: str, given: Given) -> bool:
    """Book it."""
    relies(writer.reader, tenant, given)
    entry = _made(tenant, given)
    one = BookEntry(given["key"], 0, entry.posting_date, entry)
    return writer.add_book_entries(tenant, given["book"], given["entity"], [one], 0) > 0


def _made(tenant: str, given: Given) -> Any:
    on, words = date.fromisoformat(given["on"]), given["text"]
    return by_hand(tenant, given["entity"], on, words, given["currency"], _sides(given), BY_HAND)


def _sides(given: Given) -> list[tuple[str, Decimal]]:
    return [(account, Decimal(amount)) for account, amount in given["sides"]]


def _sides_told(given: Given) -> str:
    return ", ".join(f"{account} {amount}" for account, amount in given["sides"]) + f" {given['currency']}"


# months


def month_relies(reader: Reader, tenant: str, given: Given, state: str) -> Given:
    """What closing a month of a book, or opening it again, relies on: how far the book is, and that the leading book holds still.

    Raises:
        TollbookError: ``books.stands-so``, ``books.not-ready``.
    """
    book, entity, month = given["book"], given["entity"], date.fromisoformat(f"{given['month']}-01")
    mark, last = reader.book_mark(tenant, book, entity), last_of(month)
    shut = mark.closed is not None and last <= mark.closed
    if shut is (state == "closed"):
        what = f"{given['month']} is {state} in book {book!r} of {entity}"
        raise refuse(STANDS, what, mend="nothing is left to do")
    if state == "closed":
        open_ = reader.open_months(tenant, entity, last + timedelta(days=1))
        if open_:
            what = f"{open_[0]:%Y-%m} is not closed in the leading book of {entity}"
            mend = f"`tollbook close run --entity {entity} --month {open_[0]:%Y-%m}`"
            raise refuse(NOT_READY, what, why="a further book rests on the leading one", mend=mend)
        if mark.adjusted is None or mark.adjusted < last:
            what = f"book {book!r} of {entity} is adjusted through {mark.adjusted or 'no day'}, not through {last}"
            raise refuse(
                NOT_READY, what, mend=f"`tollbook ledger adjust-book {book} --entity {entity} --through {last}`"
            )
    return {"closed": str(mark.closed or "")}


def set_month(writer: Writer, tenant: str, given: Given, state: str) -> bool:
    """Close a month of a book and all before it, or open it and all after it."""
    book, entity, month = given["book"], given["entity"], date.fromisoformat(f"{given['month']}-01")
    before = writer.lock_book(tenant, book, entity)
    month_relies(writer.reader, tenant, given, state)
    through = last_of(month) if state == "closed" else month - timedelta(days=1)
    return writer.mark_book(tenant, book, entity, before, BookMark(before.adjusted, through))


def refuse_opening(reader: Reader, tenant: str, entity: str, month: date) -> None:
    """Keep a month of the leading book closed as long as a further book has closed it.

    Raises:
        TollbookError: ``books.closed-in-book``.
    """
    for book in reader.books_closed(tenant, entity, month):
        what = f"{month:%Y-%m} of {entity} is closed in book {book!r}, which rests on the leading one"
        mend = f"`tollbook ledger open-period {entity} {month:%Y-%m} --book {book}` first"
        raise refuse(HOLDS, what, mend=mend)


def last_of(month: date) -> date:
    """The last day of a month, of which the first one is given."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
