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


def _suspects(low: int, high: int) -> sa.Select[Any]:
    """Entries that are off, or have postings in several entities or currencies and take a closer look.

    Grouping by the number of the entry alone takes half the time of grouping by texts, which hardly ever makes a
    difference.
    """
    least, most, total = sa.func.min, sa.func.max, sa.func.sum
    posting = POSTING.c
    mixed = (least(c) != most(c) for c in (posting.entity, posting.currency, posting.functional_currency))
    off = (total(posting.amount) != 0, total(posting.functional_amount) != 0)
    entry = posting.entry_id
    return sa.select(entry).where(entry.between(low, high)).group_by(entry).having(sa.or_(*off, *mixed))


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
}
"""For each table: what its rows need to be there."""


def check(connection: sa.Connection, table: str, low: int, high: int) -> list[Finding]:
    """What is wrong with rows whose link, the column that :data:`LINKS` names, is from ``low`` to ``high``.

    Both sides are bounded, so that the database reads new rows only, however many old ones there are.
    """
    if table not in LINKS:
        return []
    child, link, parent, target = LINKS[table]
    statement = missing(
        child, link, parent.alias("parent"), target, child.c[link].between(low, high), within=(low, high)
    )
    findings = orphans(child.name, link, parent.name, list(connection.execute(statement).scalars()))
    if table == "posting":
        suspects = list(connection.execute(_suspects(low, high)).scalars())
        if suspects:
            rows = connection.execute(unbalanced(POSTING.c.entry_id.in_(suspects))).all()
            findings.extend(unbalanced_findings(list(rows)))
    return findings
