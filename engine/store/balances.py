"""Postings added up by what they are about: the lines, documents and customers behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.store import query, revaluing
from engine.store import tables as t
from engine.store.session import Session

_LINE, _ACCRUAL = t.INVOICE_LINE.c, t.REVENUE_ACCRUAL.c


def _of(name: str) -> sa.ColumnElement[str]:
    """A column of the line that a posting names, or of the accrual behind its entry; empty where it has neither."""
    return sa.func.coalesce(_LINE[name], _ACCRUAL[name], "")


DIMENSIONS: Final[Mapping[str, sa.ColumnElement[Any]]] = {
    "entity": t.POSTING.c.entity,
    "account": t.POSTING.c.account,
    "month": t.ENTRY.c.posting_date,
    "kind": t.ENTRY.c.kind,
    "customer": revaluing.customer(),
    "country": revaluing.customer(),
    "product": _of("product"),
    "plan": _of("plan"),
    "charge": _of("charge"),
    "subscription": _of("subscription"),
}
"""What postings can be added up by; months are of their day here, and countries of their customer."""
_IN_BOOKS: Final[Mapping[str, sa.ColumnElement[Any]]] = {
    **DIMENSIONS,
    "entity": t.BOOK_POSTING.c.entity,
    "account": t.BOOK_POSTING.c.account,
    "month": t.BOOK_ENTRY.c.posting_date,
    "kind": t.BOOK_ENTRY.c.kind,
}
"""The same of adjustments in further books; what they are about is what the entry that they adjust is about."""


def totals(
    session: Session, tenant: str, by: Sequence[str], first: date | None, last: date, entity: str = "", book: str = ""
) -> list[tuple[Any, ...]]:
    """Sums of postings of the leading book, or of the adjustments of a further ``book`` alone, dated from ``first`` to ``last``: a value for each of ``by``, then currency, functional currency, amount and
    functional amount.  Where customers are wanted the legal entity comes first, whether it was asked for or not."""
    posting, entry = (t.BOOK_POSTING.c, t.BOOK_ENTRY.c) if book else (t.POSTING.c, t.ENTRY.c)
    known, join = (_IN_BOOKS, _adjusted) if book else (DIMENSIONS, _joined)
    fields = [posting.entity, *(known[name] for name in by)]
    keys = [one.label(f"key_{place}") for place, one in enumerate(fields)]
    money = (posting.currency, posting.functional_currency, posting.amount, posting.functional_amount)
    joined = join(*keys, *money).where(entry.tenant == tenant, entry.posting_date <= last)
    joined = joined.where(t.BOOK_ENTRY.c.book == book) if book else joined
    joined = joined.where(entry.posting_date >= first) if first is not None else joined
    joined = joined.where(posting.entity == entity) if entity else joined
    one, kind = joined.subquery(), posting.amount.type
    names = [*(one.c[f"key_{place}"] for place in range(len(fields))), one.c.currency, one.c.functional_currency]
    sums = (sa.func.sum(one.c[name], type_=kind) for name in ("amount", "functional_amount"))
    return [tuple(row) for row in session.rows(sa.select(*names, *sums).group_by(*names))]


def behind(session: Session, entries: Sequence[int]) -> dict[int, list[tuple[str, str, str, str]]]:
    """By entry, what is behind each of its postings, in order: (customer, product, plan, charge)."""
    posting, names = t.POSTING.c, ("customer", "product", "plan", "charge")
    fields = (DIMENSIONS[name].label(f"of_{name}") for name in names)
    statement = _joined(posting.entry_id, *fields).where(query.among(session.dialect, posting.entry_id, "ids"))
    found: dict[int, list[tuple[str, str, str, str]]] = defaultdict(list)
    for row in session.rows(statement.order_by(posting.entry_id, posting.number), ids=list(entries)):
        found[row.entry_id].append((row.of_customer, row.of_product, row.of_plan, row.of_charge))
    return found


def _joined(*fields: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Fields of postings, their entries, and the lines, documents and accruals behind them."""
    statement = sa.select(*fields).join_from(t.POSTING, t.ENTRY, t.ENTRY.c.id == t.POSTING.c.entry_id)
    return _with_lines(statement, t.POSTING.c.line_id)


def _adjusted(*fields: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The same of adjustments, with the entries of the leading book that they are of."""
    posting, entry = t.BOOK_POSTING.c, t.BOOK_ENTRY.c
    statement = sa.select(*fields).join_from(t.BOOK_POSTING, t.BOOK_ENTRY, entry.id == posting.entry_id)
    return _with_lines(statement.join(t.ENTRY, t.ENTRY.c.id == entry.of_entry, isouter=True), posting.line_id)


def _with_lines(statement: sa.Select[Any], line: sa.ColumnElement[Any]) -> sa.Select[Any]:
    document = t.ENTRY.c.document
    return (
        statement.join(t.INVOICE, t.INVOICE.c.id == document, isouter=True)
        .join(t.INVOICE_LINE, (_LINE.id == line) & (line != 0), isouter=True)
        .join(t.REVENUE_ACCRUAL, _ACCRUAL.id == document, isouter=True)
    )
