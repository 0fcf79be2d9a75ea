"""Checks of rows that the running transaction has just appended, before it commits.

Bulk tables have no foreign keys, which would be checked row by row.  The writer knows what it has appended: where new rows
do not answer for each other, these queries say whether the books do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.tables import BOOK_ENTRY, BOOK_POSTING, ENTRY, INVOICE, INVOICE_LINE, POSTING

UNBALANCED = Code("ledger.unbalanced", "A journal entry whose debits and credits differ.")
ORPHAN = Code("store.orphan", "A row that belongs to a row that is not there.")


def unbalanced(where: sa.ColumnElement[bool], table: sa.Table = POSTING) -> sa.Select[Any]:
    """Entries of postings (of ``table``) that fulfil ``where`` and do not balance: (entry, currency, sum); currency ``""`` is the
    functional one, which has to balance over the whole entry."""
    by_currency = (
        sa.select(table.c.entry_id, table.c.currency, sa.func.sum(table.c.amount).label("off"))
        .where(where)
        .group_by(table.c.entry_id, table.c.entity, table.c.currency)
        .having(sa.func.sum(table.c.amount) != 0)
    )
    functional = (
        sa.select(table.c.entry_id, sa.literal_column("''").label("currency"), sa.func.sum(table.c.functional_amount))
        .where(where)
        .group_by(table.c.entry_id, table.c.entity, table.c.functional_currency)
        .having(sa.func.sum(table.c.functional_amount) != 0)
    )
    return sa.select(sa.union_all(by_currency, functional).subquery())


def unbalanced_findings(rows: Iterator[Any] | list[Any]) -> list[Finding]:
    """Findings of what :func:`unbalanced` selects."""
    return [
        Finding(
            UNBALANCED,
            Where(f"entry/{entry}"),
            f"entry {entry} is off by {off} in {currency or 'functional currency'}",
            why="debits and credits of an entry are equal, in transaction and in functional currency",
            mend="nothing may change a posting; find what did, and restore the books",
            subject=f"entry/{entry}",
        )
        for entry, currency, off in rows
    ]


def missing(
    child: sa.Table,
    link: str,
    parent: sa.FromClause,
    target: str,
    *more: sa.ColumnElement[bool],
    within: tuple[int, int] | None = None,
) -> sa.Select[Any]:
    """Values of ``child.link`` that no ``parent.target`` has, each once; ``within`` are known bounds of them."""
    column = sa.select(child.c[link]).distinct().where(*more).subquery("linked").c[link]  # one look for many rows
    found = sa.exists().where(parent.c[target] == column)
    if within is not None:
        found = found.where(parent.c[target].between(*within))
    return sa.select(column).where(~found).order_by(column)


def orphans(child: str, link: str, parent: str, values: list[Any]) -> list[Finding]:
    """Findings of what :func:`missing` selects."""
    return [
        Finding(
            ORPHAN,
            Where(f"{child}.{link}={value}"),
            f"{child} rows name {parent} {value}, which is not there",
            mend="a row was removed or written past the books; restore it",
            subject=f"{parent}/{value}",
        )
        for value in values
    ]


LINKS: Final = {
    "invoice_line": (INVOICE_LINE, "invoice_id", INVOICE, "id"),
    "invoice": (INVOICE, "id", INVOICE_LINE, "invoice_id"),
    "posting": (POSTING, "entry_id", ENTRY, "id"),
    "entry": (ENTRY, "id", POSTING, "entry_id"),
    "book_posting": (BOOK_POSTING, "entry_id", BOOK_ENTRY, "id"),
    "book_entry": (BOOK_ENTRY, "id", BOOK_POSTING, "entry_id"),
}
"""For each table: what its rows need to be there."""


def parentless(connection: sa.Connection, table: str, links: Collection[int]) -> list[Finding]:
    """What is wrong with rows of this transaction that name others which are not of it, as the column that :data:`LINKS` says:
    those have to be there already.  ``links`` are not none."""
    child, link, parent, target = LINKS[table]
    low, high = min(links), max(links)
    statement = missing(
        child, link, parent.alias("parent"), target, child.c[link].between(low, high), within=(low, high)
    )
    return orphans(child.name, link, parent.name, list(connection.execute(statement).scalars()))


def off_balance(connection: sa.Connection, entries: Collection[int]) -> list[Finding]:
    """What is wrong with entries whose new postings do not balance by themselves."""
    rows = connection.execute(unbalanced(POSTING.c.entry_id.in_(sorted(entries)))).all()
    return unbalanced_findings(list(rows))
