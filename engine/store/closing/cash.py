"""Money that is not where it belongs: bank entries nobody used, credit nobody uses, payments on their way, statements."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.session import Session

_SETTLED = ("succeeded", "failed", "canceled")


def unused_entries(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Bank entries booked up to a day of which something is not used: (id, account, key, payer, currency, amount, booked)."""
    left, entry = t.BANK_LEFT.c, t.BANK_ENTRY.c
    fields = (entry.id, entry.account, entry.key, entry.payer, entry.currency, left.open_amount.label("amount"))
    statement = (
        sa.select(*fields, entry.booked)
        .join_from(t.BANK_LEFT, t.BANK_ENTRY, entry.id == left.entry_id)
        .where(left.tenant == tenant, left.open_amount != 0, entry.entity == entity, entry.booked <= last)
    )
    return session.rows(statement.order_by(entry.booked, entry.id))


def in_clearing(session: Session, tenant: str, entity: str, last: date, account: str, currency: str) -> list[Any]:
    """Bank entries that stand on a GL account at the end of a day, because nothing had used all of them by then, the oldest first: (id,
    amount, used), where ``used`` is the first day after it on which something of them was used; None where they wait still."""
    entry, use, head, posting = t.BANK_ENTRY.c, t.BANK_USE.c, t.ENTRY.c, t.POSTING.c
    then = sa.func.sum(
        sa.case((use.day <= last, use.amount), else_=sa.literal(0, use.amount.type)), type_=use.amount.type
    )
    later = sa.func.min(sa.case((use.day > last, use.day)), type_=use.day.type)
    uses = sa.select(use.entry_id, then.label("amount"), later.label("used")).group_by(use.entry_id).subquery().c
    whole = sa.case((entry.parent != 0, entry.parent), else_=entry.id)
    booked = sa.exists().where(
        *(head.tenant == tenant, head.document == whole, head.kind == "bank"),
        *(posting.entry_id == head.id, posting.account == account),
    )
    left = entry.amount - sa.func.coalesce(uses.amount, sa.literal(0, entry.amount.type))
    amount = sa.type_coerce(left, entry.amount.type).label("amount")
    statement = (
        sa.select(entry.id, amount, uses.used)
        .join_from(t.BANK_ENTRY, uses.entry_id.table, uses.entry_id == entry.id, isouter=True)
        .where(entry.tenant == tenant, entry.entity == entity, entry.booked <= last, entry.currency == currency)
        .where(booked, amount != 0)
    )
    return session.rows(statement.order_by(entry.booked, entry.id))


def unapplied(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Credit of accounts at the end of a day: (account, currency, amount, since), where ``since`` is the day of its newest move."""
    one = t.SETTLEMENT.c
    amount = sa.func.sum(-one.amount, type_=one.amount.type)
    since = sa.func.max(one.day, type_=one.day.type)
    keys = (one.account, one.currency)
    statement = (
        sa.select(*keys, amount.label("amount"), since.label("since"))
        .where(one.tenant == tenant, one.entity == entity, one.item == 0, one.day <= last)
        .group_by(*keys)
        .having(amount != 0)
    )
    return session.rows(statement.order_by(*keys))


def payments_under_way(session: Session, tenant: str, entity: str, last: date) -> list[Any]:
    """Payments and refunds up to a day that have no outcome yet: (key, account, kind, state, currency, amount, day)."""
    one = t.PAYMENT.c
    fields = (one.key, one.account, one.kind, one.state, one.currency, one.amount, one.day)
    mine = (one.tenant == tenant, one.entity == entity, one.day <= last, one.state.not_in(_SETTLED))
    return session.rows(sa.select(*fields).where(*mine).order_by(one.day, one.key))


def statements(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """Statements of bank accounts that touch some days, and the newest one of each account before them, in order of days: (id,
    account, currency, opening, closing, first_day, last_day, file, booked), where ``booked`` is the sum of their entries."""
    one, entry = t.BANK_STATEMENT.c, t.BANK_ENTRY.c
    mine = (one.tenant == tenant, one.entity == entity, one.first_day <= last)
    newest = sa.select(one.account, sa.func.max(one.last_day, type_=one.last_day.type).label("last_day"))
    before = newest.where(*mine, one.last_day < first).group_by(one.account).subquery()
    wanted = (one.last_day >= first) | (one.last_day == before.c.last_day)
    booked = (
        sa.select(sa.func.coalesce(sa.func.sum(entry.amount, type_=entry.amount.type), 0))
        .where(entry.statement_id == one.id, entry.parent == 0)
        .scalar_subquery()
    )
    fields = (one.id, one.account, one.currency, one.opening, one.closing, one.first_day, one.last_day, one.file)
    statement = (
        sa.select(*fields, sa.type_coerce(booked, entry.amount.type).label("booked"))
        .join_from(t.BANK_STATEMENT, before, before.c.account == one.account, isouter=True)
        .where(*mine, wanted)
    )
    return session.rows(statement.order_by(one.account, one.first_day, one.last_day, one.id))
