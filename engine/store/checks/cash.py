"""Checks of money at banks: statements and their entries, what of each is used, and clearing in the ledger say the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.cash import CLEARED, ENTRY_KIND, USE_KIND
from engine.store.session import Session
from engine.store.tables import (
    BANK_ENTRY,
    BANK_LEFT,
    BANK_STATEMENT,
    BANK_USE,
    ENTRY,
    POSTING,
    SETTLEMENT,
    WITHHELD,
)

NOT_TIED = Code("cash.not-tied", "A bank entry that its statement, its uses or the ledger do not agree with.")


def cash_ties(session: Session, tenant: str) -> list[Finding]:
    """Every bank entry is posted as it is, what is left of it is what its uses leave, within its amount; uses name acts and
    entries that are there; what takes back takes back all of one use."""
    return [
        *_left_ties(session, tenant),
        *_posted(session, tenant),
        *_statements(session, tenant),
        *_uses_named(session, tenant),
        *_clearing(session, tenant),
        *_withheld(session, tenant),
    ]


def _left_ties(session: Session, tenant: str) -> list[Finding]:
    entry, left, use, kind = BANK_ENTRY.c, BANK_LEFT.c, BANK_USE.c, BANK_ENTRY.c.amount.type
    sums = (
        sa.select(
            use.entry_id,
            sa.func.sum(use.amount, type_=kind).label("used"),
            sa.func.sum(use.functional, type_=kind).label("worth"),
        )
        .where(use.tenant == tenant)
        .group_by(use.entry_id)
        .subquery()
    )
    zero = sa.literal(Decimal(0), kind)
    used, worth = (sa.func.coalesce(sums.c[n], zero, type_=kind) for n in ("used", "worth"))
    rest = entry.amount - used
    beyond = ((rest < zero) & (entry.amount > zero)) | ((rest > zero) & (entry.amount < zero))
    wrong = (
        left.entry_id.is_(None) | (left.open_amount != rest) | (left.functional != entry.functional - worth) | beyond
    )
    statement = (
        sa.select(entry.id, entry.amount, rest.label("rest"), left.open_amount)
        .join_from(BANK_ENTRY, BANK_LEFT, left.entry_id == entry.id, isouter=True)
        .join(sums, sums.c.entry_id == entry.id, isouter=True)
        .where(entry.tenant == tenant, wrong)
        .order_by(entry.id)
    )
    return [
        _not_tied(f"of {row.amount:f} of bank entry {row.id} {row.rest:f} should be left, {row.open_amount} is", row.id)
        for row in session.rows(statement)
    ]


def _posted(session: Session, tenant: str) -> list[Finding]:
    """The first posting of a bank entry's journal entry is its cash; payments that an entry gathers come to it."""
    entry, head, posting = BANK_ENTRY.c, ENTRY.c, POSTING.c
    joined = (head.document == entry.id) & (head.kind == ENTRY_KIND) & (head.tenant == entry.tenant)
    differs = (posting.amount != entry.amount) | (posting.functional_amount != entry.functional)
    unposted = (
        sa.select(entry.id)
        .join_from(BANK_ENTRY, ENTRY, joined, isouter=True)
        .join(POSTING, (posting.entry_id == head.id) & (posting.number == 1), isouter=True)
        .where(entry.tenant == tenant, entry.parent == 0, posting.amount.is_(None) | differs)
        .order_by(entry.id)
    )
    found = [_not_tied(f"bank entry {row[0]} is not posted as it is", row[0]) for row in session.rows(unposted)]
    there: Any = sa.exists().where(entry.id == head.document, entry.parent == 0)
    alone = sa.select(head.document).where(head.tenant == tenant, head.kind == ENTRY_KIND, ~there)
    found += [
        _not_tied(f"the journal has a bank entry {row[0]} that is not there", row[0]) for row in session.rows(alone)
    ]
    part = BANK_ENTRY.alias("part")
    kind = entry.amount.type
    sums = (sa.func.sum(part.c.amount, type_=kind), sa.func.sum(part.c.functional, type_=kind))
    gathered = (
        sa.select(entry.id)
        .join_from(BANK_ENTRY, part, part.c.parent == entry.id)
        .where(entry.tenant == tenant)
        .group_by(entry.id, entry.amount, entry.functional)
        .having((sums[0] != entry.amount) | (sums[1] != entry.functional))
    )
    return found + [
        _not_tied(f"the payments that bank entry {row[0]} gathers do not come to it", row[0])
        for row in session.rows(gathered)
    ]


def _statements(session: Session, tenant: str) -> list[Finding]:
    """A statement has as many entries as it was booked with."""
    column, entry = BANK_STATEMENT.c, BANK_ENTRY.c
    counted = (
        sa.select(entry.statement_id, sa.func.count().label("count"))
        .where(entry.tenant == tenant, entry.parent == 0)
        .group_by(entry.statement_id)
        .subquery()
    )
    statement = (
        sa.select(column.id, column.file)
        .join_from(BANK_STATEMENT, counted, counted.c.statement_id == column.id, isouter=True)
        .where(column.tenant == tenant, sa.func.coalesce(counted.c.count, 0) != column.entries)
    )
    return [
        _finding(f"statement {row.id} of {row.file} has lost or got entries", f"bank-statement/{row.id}")
        for row in session.rows(statement)
    ]


def _uses_named(session: Session, tenant: str) -> list[Finding]:
    """Applications name a settlement, other uses with a document an entry of the journal; each is taken back once at most."""
    use, head, leg = BANK_USE.c, ENTRY.c, SETTLEMENT.c
    settled: Any = sa.exists().where(leg.document == use.document)
    journal: Any = sa.exists().where(head.document == use.document, head.kind == USE_KIND)
    absent = ((use.kind == "applied") & ~settled) | ((use.kind != "applied") & (use.document != 0) & ~journal)
    lost = sa.select(use.entry_id).where(use.tenant == tenant, absent).order_by(use.id)
    found = [_not_tied(f"a use of bank entry {row[0]} has nothing behind it", row[0]) for row in session.rows(lost)]
    other = BANK_USE.alias("other")
    twice = (
        sa.select(use.entry_id)
        .join_from(BANK_USE, other, other.c.source == use.id)
        .where(use.tenant == tenant)
        .group_by(use.id, use.entry_id, use.amount)
        .having(sa.func.sum(other.c.amount, type_=use.amount.type) != -use.amount)
    )
    return found + [
        _not_tied(f"a use of bank entry {row[0]} is taken back in another amount", row[0])
        for row in session.rows(twice)
    ]


def _clearing(session: Session, tenant: str) -> list[Finding]:
    """What acts and moves have taken out of clearing is what the uses say: where nothing of an application was left over in
    the ledger, its entry has a posting of that amount."""
    use, head, posting = BANK_USE.c, ENTRY.c, POSTING.c
    same: Any = sa.exists().where(
        head.document == use.document,
        head.kind.in_(("settlement", USE_KIND)),
        posting.entry_id == head.id,
        posting.amount == use.amount,
        posting.functional_amount == use.functional,
    )
    first = use.kind.in_(("applied", "refund", "return", "transfer", CLEARED))
    statement = sa.select(use.entry_id).where(use.tenant == tenant, first, use.source == 0, ~same).order_by(use.id)
    return [
        _not_tied(f"a use of bank entry {row[0]} was posted as another amount", row[0])
        for row in session.rows(statement)
    ]


def _withheld(session: Session, tenant: str) -> list[Finding]:
    """Certificates are for no more than was withheld of a document."""
    column, kind = WITHHELD.c, WITHHELD.c.amount.type
    total = sa.func.sum(column.amount, type_=kind)
    statement = (
        sa.select(column.item, total.label("left"))
        .where(column.tenant == tenant)
        .group_by(column.item)
        .having(total < 0)
    )
    return [
        _finding(f"certificates of document {row.item} are {-row.left:f} more than was withheld", f"item/{row.item}")
        for row in session.rows(statement)
    ]


def _not_tied(what: str, entry: int) -> Finding:
    return _finding(what, f"bank-entry/{entry}")


def _finding(what: str, subject: str) -> Finding:
    why = "what banks have booked, and what became of it, is only ever appended"
    return Finding(NOT_TIED, Where(subject), what, why, "find what changed it, and restore the books", subject=subject)
