"""Checks of rows that the running transaction has just appended, before it commits.

Bulk tables have no foreign keys, which would be checked row by row; these queries check the same once for all new rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.tables import ENTRY, INVOICE, INVOICE_LINE, POSTING

UNBALANCED = Code("ledger.unbalanced", "A journal entry whose debits and credits differ.")
ORPHAN = Code("store.orphan", "A row that belongs to a row that is not there.")


def unbalanced(where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Entries of postings that fulfil ``where`` and do not balance: (entry, currency, sum); currency ``""`` is the
    functional one, which has to balance over the whole entry."""
    by_currency = (
        sa.select(POSTING.c.entry_id, POSTING.c.currency, sa.func.sum(POSTING.c.amount).label("off"))
        .where(where)
        .group_by(POSTING.c.entry_id, POSTING.c.entity, POSTING.c.currency)
        .having(sa.func.sum(POSTING.c.amount) != 0)
    )
    functional = (
        sa.select(
            POSTING.c.entry_id, sa.literal_column("''").label("currency"), sa.func.sum(POSTING.c.functional_amount)
        )
        .where(where)
        .group_by(POSTING.c.entry_id, POSTING.c.entity, POSTING.c.functional_currency)
        .having(sa.func.sum(POSTING.c.functional_amount) != 0)
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


def missing(child: sa.Table, link: str, parent: sa.Table, target: str, *more: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Values of ``child.link`` that no ``parent.target`` has, each once."""
    column = child.c[link]
    other = parent.alias()  # a table may name itself
    found = sa.exists().where(other.c[target] == column)
    return sa.select(column).distinct().where(~found, *more).order_by(column)


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
}
"""For each table: what its rows need to be there."""


def check(connection: sa.Connection, table: str, low: int, high: int) -> list[Finding]:
    """What is wrong with the rows of a table whose first column is from ``low`` to ``high``."""
    findings: list[Finding] = []
    if table in LINKS:
        child, link, parent, target = LINKS[table]
        first = next(iter(child.columns))
        values = connection.execute(missing(child, link, parent, target, first.between(low, high))).scalars().all()
        findings.extend(orphans(child.name, link, parent.name, list(values)))
    if table == "posting":
        rows = connection.execute(unbalanced(POSTING.c.entry_id.between(low, high))).all()
        findings.extend(unbalanced_findings(list(rows)))
    return findings
