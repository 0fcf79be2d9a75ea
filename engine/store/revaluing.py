"""What a revaluation asks of the books: balances in foreign currency by customer, and the revaluations that are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.model.revaluation import BACK, KIND, Exposure
from engine.store import query, types
from engine.store import tables as t
from engine.store.session import Session


def exposures(session: Session, tenant: str, on: date, accounts: Sequence[str], entity: str = "") -> list[Exposure]:
    """Balances of GL accounts in foreign currency up to and with a day, by customer, of one legal entity or of all: revaluations are
    left out.

    A posting is its document's customer's: the payer of the invoice, the account of what was brought over, or that of the
    wallet that moved; of a document that is none of these it is nobody's.
    """
    posting, entry = t.POSTING.c, t.ENTRY.c
    fields = (posting.entity, posting.account, posting.currency, posting.functional_currency)
    statement = (
        sa.select(*fields, customer().label("customer"), posting.amount, posting.functional_amount)
        .join_from(t.POSTING, t.ENTRY, entry.id == posting.entry_id)
        .join(t.INVOICE, t.INVOICE.c.id == entry.document, isouter=True)
        .where(posting.tenant == tenant, posting.currency != posting.functional_currency)
        .where(entry.posting_date <= on, entry.kind.not_in((KIND, BACK)))
        .where(query.among(session.dialect, posting.account, "accounts", types.TextList))
        .where(*([posting.entity == entity] if entity else []))
        .subquery()
    )
    one, kind = statement.c, posting.amount.type
    keys = (one.entity, one.account, one.customer, one.currency, one.functional_currency)
    sums = (sa.func.sum(one.amount, type_=kind), sa.func.sum(one.functional_amount, type_=kind))
    rows = session.connection.execute(sa.select(*keys, *sums).group_by(*keys), {"accounts": list(accounts)})
    return [Exposure(*row) for row in rows]


def customer() -> sa.ColumnElement[str]:
    """The customer of an entry that is joined with its invoice; empty where it is nobody's."""
    document, move, state = t.ENTRY.c.document, t.WALLET_MOVEMENT.c, t.WALLET_STATE.c
    same = (state.tenant == move.tenant) & (state.entity == move.entity) & (state.key == move.wallet)
    wallet = (
        sa.select(sa.func.min(state.account))
        .join_from(t.WALLET_MOVEMENT, t.WALLET_STATE, same)
        .where(move.document == document)
        .scalar_subquery()
    )
    settled = (
        sa.select(sa.func.min(t.SETTLEMENT.c.account)).where(t.SETTLEMENT.c.document == document).scalar_subquery()
    )
    row = t.REVENUE_ACCRUAL.c
    accrued = sa.select(row.payer).where(row.id == document).correlate(t.ENTRY).scalar_subquery()
    brought = [
        sa.select(table.c.account).where(table.c.id == document).scalar_subquery()
        for table in (t.RECEIVABLE, t.CASH_ON_ACCOUNT, t.WALLET_LOT)
    ]
    return sa.func.coalesce(t.INVOICE.c.payer, *brought, accrued, wallet, settled, "")


def wallet_liabilities(
    session: Session, tenant: str, on: date, entity: str = ""
) -> list[tuple[str, str, str, Decimal, Decimal]]:
    """What is owed of wallets on a day, as (legal entity, wallet, its currency, in that, in functional currency): above zero."""
    mine = [t.WALLET_MOVEMENT.c.entity == entity] if entity else []
    move, state = t.WALLET_MOVEMENT.c, t.WALLET_STATE.c
    same = (state.tenant == move.tenant) & (state.entity == move.entity) & (state.key == move.wallet)
    keys, kind = (move.entity, move.wallet, state.currency), move.cost.type
    sums = (sa.func.sum(move.cost, type_=kind), sa.func.sum(move.functional, type_=kind))
    joined = sa.select(*keys, *sums).join_from(t.WALLET_MOVEMENT, t.WALLET_STATE, same)
    statement = joined.where(move.tenant == tenant, move.day <= on, *mine).group_by(*keys).order_by(*keys)
    return [tuple(row) for row in session.rows(statement)]


def revaluations(
    session: Session, tenant: str, *, on: date | None = None, document: int | None = None, entity: str = ""
) -> list[dict[str, Any]]:
    """Rows of revaluations by column name, of a day or of a document, of one legal entity or of all, in order of id."""
    column = t.REVALUATION.c
    conditions = [column.tenant == tenant]
    conditions += [] if on is None else [column.on_day == on]
    conditions += [] if document is None else [column.document == document]
    conditions += [column.entity == entity] if entity else []
    rows = session.rows(sa.select(t.REVALUATION).where(*conditions).order_by(column.id))
    return [dict(row._mapping) for row in rows]


def entries_of(session: Session, tenant: str, on: date, entity: str = "") -> int:
    """How many entries the revaluations of a day have, reversals included."""
    row, entry = t.REVALUATION.c, t.ENTRY.c
    mine = (row.tenant == tenant, row.on_day == on, *([row.entity == entity] if entity else []))
    documents = sa.select(row.document).where(*mine)
    counted = sa.select(sa.func.count()).where(entry.kind.in_((KIND, BACK)), entry.document.in_(documents))
    return int(session.connection.execute(counted.where(entry.tenant == tenant)).scalar_one())


def currency_pairs(session: Session, tenant: str) -> list[tuple[str, str]]:
    """(functional currency, other currency) for every currency that an account or wallet of a legal entity has."""
    entity = t.ENTITY.c
    found: set[tuple[str, str]] = set()
    for table in (t.ACCOUNT, t.WALLET):
        column = table.c
        mine = (entity.tenant == column.tenant) & (entity.key == column.entity) & entity.current
        foreign = (column.tenant == tenant, column.current, column.currency != entity.functional_currency)
        joined = sa.select(entity.functional_currency, column.currency).join_from(table, t.ENTITY, mine)
        found.update((own, other) for own, other in session.rows(joined.where(*foreign).distinct()))
    return sorted(found)
