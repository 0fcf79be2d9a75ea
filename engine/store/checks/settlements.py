"""Checks of settlements: nothing is settled twice over, credit is what came to it, and the ledger says the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.store.session import Session
from engine.store.tables import (
    ACCOUNT_CREDIT,
    CASH_ON_ACCOUNT,
    ENTRY,
    INVOICE,
    MEMO,
    POSTING,
    RECEIVABLE,
    SETTLEMENT,
    WALLET_MOVEMENT,
)

NOT_TIED = Code(
    "settlement.not-tied", "A settlement that its documents, the credit of the account or the ledger do not agree with."
)


def settlements_tie(session: Session, tenant: str) -> list[Finding]:
    """Every document is settled from all of it down to nothing, the credit of accounts is what came to it and never below
    nothing, what settlements are worth is what was posted, and memos name documents."""
    return [*_items_tie(session, tenant), *_credit_ties(session, tenant), *_ledger_ties(session, tenant)]


def _items_tie(session: Session, tenant: str) -> list[Finding]:
    column, kind = SETTLEMENT.c, SETTLEMENT.c.amount.type
    zero = sa.literal(Decimal(0), kind)
    moved = sa.select(sa.func.sum(WALLET_MOVEMENT.c.amount, type_=kind)).where(
        WALLET_MOVEMENT.c.document == INVOICE.c.id
    )
    paid = sa.func.coalesce(moved.correlate(INVOICE).scalar_subquery(), zero, type_=kind)
    items = sa.union_all(
        sa.select(
            INVOICE.c.id, INVOICE.c.number, INVOICE.c.total.label("amount"), (INVOICE.c.total + paid).label("due")
        ),
        sa.select(RECEIVABLE.c.id, RECEIVABLE.c.number, RECEIVABLE.c.amount, RECEIVABLE.c.amount),
        sa.select(CASH_ON_ACCOUNT.c.id, CASH_ON_ACCOUNT.c.key, -CASH_ON_ACCOUNT.c.amount, -CASH_ON_ACCOUNT.c.amount),
    ).subquery()
    sums = (
        sa.select(column.item, sa.func.sum(column.amount, type_=kind).label("settled"))
        .where(column.tenant == tenant, column.item != 0)
        .group_by(column.item)
        .subquery()
    )
    left = items.c.due + sums.c.settled
    wrong = items.c.id.is_(None) | ((left < zero) & (items.c.amount > zero)) | ((left > zero) & (items.c.amount < zero))
    statement = (
        sa.select(sums.c.item, items.c.number, left.label("left"))
        .join_from(sums, items, items.c.id == sums.c.item, isouter=True)
        .where(wrong)
    )
    found = [
        _not_tied(f"document {row.number or row.item} is settled to {row.left}", f"item/{row.number or row.item}")
        for row in session.rows(statement.order_by(sums.c.item))
    ]
    there = sa.exists().where(INVOICE.c.id == MEMO.c.id)
    alone = session.rows(sa.select(MEMO.c.key).where(MEMO.c.tenant == tenant, ~there).order_by(MEMO.c.id))
    return found + [_not_tied(f"memo {row.key} has no document", f"memo/{row.key}") for row in alone]


def _credit_ties(session: Session, tenant: str) -> list[Finding]:
    column, credit, kind = SETTLEMENT.c, ACCOUNT_CREDIT.c, SETTLEMENT.c.amount.type
    keys = ("entity", "account", "currency")
    both = sa.union_all(
        sa.select(*(column[k] for k in keys), column.amount, column.functional).where(
            column.tenant == tenant, column.item == 0
        ),
        sa.select(*(credit[k] for k in keys), credit.balance, credit.functional).where(credit.tenant == tenant),
    ).subquery()
    off = sa.func.sum(both.c.amount, type_=kind)
    worth = sa.func.sum(both.c.functional, type_=kind)
    grouped = sa.select(*(both.c[k] for k in keys), off.label("off"), worth.label("worth"))
    grouped = grouped.group_by(*(both.c[k] for k in keys)).having((off != 0) | (worth != 0))
    below = sa.select(credit.entity, credit.account, credit.currency).where(credit.tenant == tenant, credit.balance < 0)
    return [
        _not_tied(
            f"the credit of {row.account} is off by {row.off:f} {row.currency} ({row.worth:f}) from what came to it",
            f"account/{row.entity}/{row.account}",
        )
        for row in session.rows(grouped)
    ] + [
        _not_tied(f"the credit of {row.account} is below nothing", f"account/{row.entity}/{row.account}")
        for row in session.rows(below)
    ]


def _ledger_ties(session: Session, tenant: str) -> list[Finding]:
    """The first postings of an act's entry are its legs; an act without an entry moves nothing between accounts."""
    column, posting, entry, kind = SETTLEMENT.c, POSTING.c, ENTRY.c, SETTLEMENT.c.amount.type
    acts = (
        sa.select(
            column.document,
            sa.func.sum(column.amount, type_=kind).label("amount"),
            sa.func.sum(column.functional, type_=kind).label("worth"),
            sa.func.count().label("count"),
        )
        .where(column.tenant == tenant)
        .group_by(column.document)
        .subquery()
    )
    posted = (
        sa.select(
            acts.c.document,
            sa.func.sum(posting.amount, type_=kind).label("amount"),
            sa.func.sum(posting.functional_amount, type_=kind).label("worth"),
        )
        .join_from(acts, ENTRY, (entry.document == acts.c.document) & (entry.kind == "settlement"))
        .join(POSTING, (posting.entry_id == entry.id) & (posting.number <= acts.c.count))
        .where(entry.tenant == tenant)
        .group_by(acts.c.document)
        .subquery()
    )
    zero = sa.literal(Decimal(0), kind)
    amount, worth = (sa.func.coalesce(posted.c[name], zero, type_=kind) for name in ("amount", "worth"))
    statement = (
        sa.select(acts.c.document, acts.c.amount, acts.c.worth, amount.label("posted"), worth.label("posted_worth"))
        .join_from(acts, posted, posted.c.document == acts.c.document, isouter=True)
        .where((amount != acts.c.amount) | (worth != acts.c.worth))
        .order_by(acts.c.document)
    )
    there: Any = sa.exists().where(column.document == entry.document)
    alone = sa.select(entry.id).where(entry.tenant == tenant, entry.kind == "settlement", ~there).order_by(entry.id)
    return [
        _not_tied(
            f"the settlements of document {row.document} come to {row.amount:f} ({row.worth:f}), the ledger to "
            f"{row.posted:f} ({row.posted_worth:f})",
            f"entry/{row.document}",
        )
        for row in session.rows(statement)
    ] + [_not_tied(f"entry {row[0]} has no settlement behind it", f"entry/{row[0]}") for row in session.rows(alone)]


def _not_tied(what: str, subject: str) -> Finding:
    return Finding(
        NOT_TIED,
        Where(subject),
        what,
        "settlements are only ever appended, and the credit of an account is changed with them",
        "find what changed it, and restore the books",
        subject=subject,
    )
