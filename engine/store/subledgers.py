"""What subledgers and the ledger come to on a day, as far as that was dated by then: items open, credit, wallets, tax, schedules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.revaluation import BACK
from engine.model.revaluation import KIND as REVALUATION_KIND
from engine.store import query, revenue_contract_reports, revenue_reports, types
from engine.store import tables as t
from engine.store.session import Session

Sums = dict[str, Decimal]
"""By currency."""
ROUNDING: Final = (REVALUATION_KIND, BACK)
"""Kinds of entries that change what is kept in functional currency alone."""


class Item(msgspec.Struct, frozen=True):
    """A document of which something is open on a day: ``left`` of ``amount``, which was worth ``worth`` in functional currency."""

    account: str
    kind: str
    number: str
    on: date
    due: date
    currency: str
    amount: Decimal
    left: Decimal
    functional_currency: str
    worth: Decimal


def items_on(session: Session, tenant: str, entity: str, on: date) -> list[Item]:
    """What customers owed on a day, document by document; what is given back to them is below zero."""
    head, old, entry = t.INVOICE.c, t.RECEIVABLE.c, t.ENTRY.c
    zero = sa.literal(Decimal(0), head.total.type)
    brought = sa.select(entry.posting_date).where(entry.document == old.id, entry.kind == "opening")
    items = sa.union_all(
        sa.select(
            *(head.id, head.payer.label("account"), head.kind, head.number, head.invoice_date.label("on_day")),
            *(head.due_date, head.currency, head.total.label("amount"), head.functional_currency),
            head.functional_total.label("worth"),
        ).where(head.tenant == tenant, head.entity == entity, head.invoice_date <= on),
        sa.select(
            *(old.id, old.account, sa.literal("receivable"), old.number, old.document_date, old.due_date, old.currency),
            *(old.amount, old.functional_currency, old.functional_amount),
        ).where(old.tenant == tenant, old.entity == entity, sa.exists(brought.where(entry.posting_date <= on))),
    ).subquery()
    settled = _sum(t.SETTLEMENT.c.item, t.SETTLEMENT.c.amount, t.SETTLEMENT.c.day, on)
    paid = _sum(t.WALLET_MOVEMENT.c.document, t.WALLET_MOVEMENT.c.amount, t.WALLET_MOVEMENT.c.day, on)
    one = items.c
    rest = sa.func.coalesce(settled.c.total, zero) + sa.func.coalesce(paid.c.total, zero)
    left = (one.amount + rest).label("left")
    fields = (one.account, one.kind, one.number, one.on_day, one.due_date, one.currency, one.amount, left)
    statement = (
        sa.select(*fields, one.functional_currency, one.worth)
        .join_from(items, settled, settled.c.item == one.id, isouter=True)
        .join(paid, paid.c.item == one.id, isouter=True)
        .where(one.amount + rest != zero)
        .order_by(one.account, one.due_date, one.number)
    )
    return [Item(*row) for row in session.rows(statement)]


def _sum(item: sa.Column[int], amount: sa.Column[Any], day: sa.Column[Any], on: date) -> sa.Subquery:
    total = sa.func.sum(amount, type_=amount.type).label("total")
    return sa.select(item.label("item"), total).where(item != 0, day <= on).group_by(item).subquery()


def credit_on(session: Session, tenant: str, entity: str, on: date) -> Sums:
    """What customers had with us on a day, by currency: credit of accounts, and money that was brought over and is not used."""
    column, old, entry, bank = t.SETTLEMENT.c, t.CASH_ON_ACCOUNT.c, t.ENTRY.c, column_type()
    made: dict[str, Decimal] = defaultdict(lambda: ZERO)
    credit = sa.select(column.currency, sa.func.sum(column.amount, type_=bank)).where(
        column.tenant == tenant, column.entity == entity, column.item == 0, column.day <= on
    )
    for currency, total in session.rows(credit.group_by(column.currency)):
        made[currency] += total
    settled = _sum(column.item, column.amount, column.day, on)
    brought = sa.exists().where(entry.document == old.id, entry.kind == "opening", entry.posting_date <= on)
    used = sa.func.coalesce(settled.c.total, sa.literal(Decimal(0), bank))
    money = (
        sa.select(old.currency, sa.func.sum(used - old.amount, type_=bank))
        .join_from(t.CASH_ON_ACCOUNT, settled, settled.c.item == old.id, isouter=True)
        .where(old.tenant == tenant, old.entity == entity, brought)
    )
    for currency, total in session.rows(money.group_by(old.currency)):
        made[currency] += total
    return dict(made)


def column_type() -> Any:
    """The type of amounts."""
    return t.POSTING.c.amount.type


def wallets_on(session: Session, tenant: str, entity: str, on: date) -> Sums:
    """What wallets owe on a day, by currency, as a credit."""
    move, state = t.WALLET_MOVEMENT.c, t.WALLET_STATE.c
    same = (state.tenant == move.tenant) & (state.entity == move.entity) & (state.key == move.wallet)
    total = sa.func.sum(-move.cost, type_=move.cost.type)
    joined = sa.select(state.currency, total).join_from(t.WALLET_MOVEMENT, t.WALLET_STATE, same)
    mine = (move.tenant == tenant, move.entity == entity, move.day <= on)
    return dict(map(tuple, session.rows(joined.where(*mine).group_by(state.currency))))


def tax_on(session: Session, tenant: str, entity: str, on: date) -> Sums:
    """The tax of all documents up to a day, by currency, as a credit."""
    line, head = t.INVOICE_LINE.c, t.INVOICE.c
    total = sa.func.sum(-line.tax_amount, type_=line.tax_amount.type)
    joined = sa.select(head.currency, total).join_from(t.INVOICE, t.INVOICE_LINE, line.invoice_id == head.id)
    mine = (head.tenant == tenant, head.entity == entity, head.invoice_date <= on)
    return dict(map(tuple, session.rows(joined.where(*mine).group_by(head.currency))))


def unbilled_on(session: Session, tenant: str, entity: str, on: date) -> Sums:
    """What stands accrued by entries up to a day, by currency."""
    row, entry = t.REVENUE_ACCRUAL.c, t.ENTRY.c
    total = sa.func.sum(row.amount, type_=row.amount.type)
    joined = sa.select(row.currency, total).join_from(t.REVENUE_ACCRUAL, t.ENTRY, entry.document == row.id)
    mine = (row.tenant == tenant, row.entity == entity, entry.posting_date <= on)
    return dict(map(tuple, session.rows(joined.where(*mine).group_by(row.currency))))


def scheduled_on(session: Session, tenant: str, entity: str, on: date) -> Sums:
    """What schedules have left to recognise on a day, by currency, as a credit: what documents and openings dated by then have put
    there, less what entries up to the day have recognised; with the balances of contracts, of which only what is billed is there."""
    made: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for sign, rows in (
        (-1, revenue_reports.invoiced(session, tenant, on)),
        (-1, revenue_contract_reports.billed(session, tenant, on)),
        (1, revenue_reports.recognised(session, tenant, on)),
        (1, revenue_contract_reports.taken(session, tenant, on)),
    ):
        for owner, _, currency, _, amount, _ in rows:
            if owner == entity:
                made[currency] += sign * amount
    return dict(made)


def ledger_on(
    session: Session, tenant: str, entity: str, on: date, accounts: Collection[str]
) -> dict[tuple[str, str], Decimal]:
    """What was posted to GL accounts up to a day, by currency and kind of the entry."""
    posting, entry = t.POSTING.c, t.ENTRY.c
    total = sa.func.sum(posting.amount, type_=posting.amount.type)
    statement = (
        sa.select(posting.currency, entry.kind, total)
        .join_from(t.POSTING, t.ENTRY, entry.id == posting.entry_id)
        .where(posting.tenant == tenant, posting.entity == entity, entry.posting_date <= on)
        .where(query.among(session.dialect, posting.account, "accounts", types.TextList))
        .group_by(posting.currency, entry.kind)
    )
    rows = session.connection.execute(statement, {"accounts": sorted(accounts)})
    return {(currency, kind): amount for currency, kind, amount in rows if amount}


def dimensions(session: Session, tenant: str, entity: str) -> tuple[set[str], set[str], set[str]]:
    """Countries of buyers and of taxes, products, and currencies that documents of a legal entity have."""
    line, head, owner = t.INVOICE_LINE.c, t.INVOICE.c, t.ACCOUNT.c
    taxed = sa.func.substr(line.tax_jurisdiction, 1, 2)
    rows = session.rows(
        sa.select(line.product, line.currency, taxed).where(line.tenant == tenant, line.entity == entity).distinct()
    )
    buyers = session.rows(
        sa.select(owner.country, owner.currency).where(owner.tenant == tenant, owner.entity == entity).distinct()
    )
    used = session.rows(sa.select(head.currency).where(head.tenant == tenant, head.entity == entity).distinct())
    countries = {row[2] for row in rows} | {row[0] for row in buyers}
    currencies = {row[1] for row in rows} | {row[1] for row in buyers} | {row[0] for row in used}
    return countries, {row[0] for row in rows}, currencies


def kept_at(session: Session, tenant: str, entity: str, on: date, accounts: Mapping[str, Any]) -> Decimal:
    """What GL accounts are kept at on a day in functional currency, revaluations left out."""
    posting, entry = t.POSTING.c, t.ENTRY.c
    total = sa.func.sum(posting.functional_amount, type_=posting.functional_amount.type)
    statement = (
        sa.select(total)
        .join_from(t.POSTING, t.ENTRY, entry.id == posting.entry_id)
        .where(posting.tenant == tenant, posting.entity == entity, entry.posting_date <= on)
        .where(entry.kind.not_in(ROUNDING))
        .where(query.among(session.dialect, posting.account, "accounts", types.TextList))
    )
    found: Decimal | None = session.connection.execute(statement, {"accounts": sorted(accounts)}).scalar()
    return found or ZERO
