"""Reads of dunning: who is late, what was paid when, what stands against asking, which steps were taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.dunning import Debt
from engine.model.settlement import CREDIT, OpenItem
from engine.store import query, types
from engine.store.outbox import waiting
from engine.store.reading.settlements import CREDIT_NUMBER, Purse, documents_of
from engine.store.records import OutboxEffect
from engine.store.session import Session
from engine.store.tables import (
    DUNNING_CLAIM,
    DUNNING_NOTE,
    DUNNING_STEP,
    EFFECT,
    INVOICE,
    RECEIVABLE,
    SETTLEMENT,
    WALLET_MOVEMENT,
)

Row = dict[str, Any]


class DunningReader(Session):
    """Reads dunning."""

    def late_payers(self, tenant: str, entity: str, day: date, after: str, limit: int) -> list[str]:
        """Keys of accounts that have something open that was due before a day, in their order, behind ``after``."""
        keys: set[str] = set()
        for table, owner, amount in ((INVOICE, "payer", "total"), (RECEIVABLE, "account", "amount")):
            column, kind = table.c, SETTLEMENT.c.amount.type
            left = column[amount] + _sum(SETTLEMENT.c.amount, SETTLEMENT.c.item, table, "settlement.item <> 0")
            if table is INVOICE:
                left = left + _sum(WALLET_MOVEMENT.c.amount, WALLET_MOVEMENT.c.document, table)
            late = (column.due_date < day, column[amount] > sa.literal(Decimal(0), kind), left > sa.literal(ZERO, kind))
            mine = (column.tenant == tenant, column.entity == entity, column[owner] > after)
            statement = sa.select(column[owner]).where(*mine, *late).group_by(column[owner]).order_by(column[owner])
            keys |= set(self.connection.execute(statement.limit(limit)).scalars())
        return sorted(keys)[:limit]

    def debts(self, tenant: str, entity: str, accounts: Collection[str]) -> dict[Purse, list[Debt]]:
        """All documents of some accounts with what was added to what is left of them by day, and the credit of each, by
        (account, currency)."""
        items = documents_of(self, tenant, entity, accounts)
        moves = _moves(self, [item.id for item in items])
        found: dict[Purse, list[Debt]] = defaultdict(list)
        for item in items:
            found[item.account, item.currency].append(_debt(item, moves.get(item.id, ())))
        for purse, changes in _credit_moves(self, tenant, entity, accounts).items():
            first = changes[0][0]
            found[purse].append(Debt(CREDIT, CREDIT_NUMBER, "credit", first, first, ZERO, tuple(changes)))
        return found

    def dunning_notes(self, tenant: str, entity: str, accounts: Collection[str]) -> list[Row]:
        """What stands, or stood, against asking some accounts, in the order in which it was noted."""
        return _of_accounts(self, DUNNING_NOTE, tenant, entity, accounts)

    def dunning_steps(self, tenant: str, entity: str, accounts: Collection[str]) -> list[Row]:
        """The steps that were taken of some accounts, in their order."""
        return _of_accounts(self, DUNNING_STEP, tenant, entity, accounts)

    def dunning_claims(self, tenant: str, entity: str, accounts: Collection[str]) -> list[Row]:
        """What paying late costs some accounts, in the order in which steps found it."""
        return _of_accounts(self, DUNNING_CLAIM, tenant, entity, accounts)

    def waiting_letters(self, tenant: str, kind: str, at: datetime) -> list[OutboxEffect]:
        """The letters of a kind that may go out at a moment, the oldest first."""
        statement = waiting(tenant, "delivery", at).where(EFFECT.c.kind == kind)
        return [OutboxEffect(*row) for row in self.connection.execute(statement)]

    def dunning_note(self, tenant: str, entity: str, key: str) -> Row | None:
        """A note by its key."""
        column = DUNNING_NOTE.c
        mine = (column.tenant == tenant, column.entity == entity, column.key == key)
        rows = self.rows(sa.select(DUNNING_NOTE).where(*mine))
        return dict(rows[0]._mapping) if rows else None

    def steps_of(self, ids: Iterable[int]) -> dict[int, Row]:
        """Steps by id."""
        statement = sa.select(DUNNING_STEP).where(query.among(self.dialect, DUNNING_STEP.c.id, "ids"))
        return {
            row["id"]: dict(row) for row in self.connection.execute(statement, {"ids": sorted(set(ids))}).mappings()
        }

    def claims_of(self, steps: Iterable[int]) -> dict[int, list[Row]]:
        """Claims by the id of the step that found them."""
        mine = query.among(self.dialect, DUNNING_CLAIM.c.step_id, "ids")
        statement = sa.select(DUNNING_CLAIM).where(mine).order_by(DUNNING_CLAIM.c.id)
        found: dict[int, list[Row]] = defaultdict(list)
        for row in self.connection.execute(statement, {"ids": sorted(set(steps))}).mappings():
            found[row["step_id"]].append(dict(row))
        return found


def _sum(amount: Any, link: Any, of: sa.Table, where: str = "") -> Any:
    """The sum of what moves a document, nothing where nothing does; found by the index of the link."""
    mine = [link == of.c.id, *([sa.literal_column(where)] if where else [])]
    total = sa.select(sa.func.sum(amount, type_=amount.type)).where(*mine).correlate(of).scalar_subquery()
    return sa.func.coalesce(total, sa.literal(ZERO, amount.type), type_=amount.type)


def _of_accounts(session: Session, table: sa.Table, tenant: str, entity: str, accounts: Collection[str]) -> list[Row]:
    column = table.c
    among = query.among(session.dialect, column.account, "accounts", types.TextList)
    statement = sa.select(table).where(column.tenant == tenant, column.entity == entity, among).order_by(column.id)
    return [dict(row) for row in session.connection.execute(statement, {"accounts": sorted(set(accounts))}).mappings()]


def _moves(session: Session, ids: Collection[int]) -> Mapping[int, list[tuple[date, Decimal]]]:
    """What was added to what is left of documents by settlements and wallets, by day."""
    settled, moved = SETTLEMENT.c, WALLET_MOVEMENT.c
    wanted = {"ids": sorted(set(ids))}
    sums: dict[int, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    asked: tuple[tuple[Any, Any, list[Any]], ...] = (
        (settled.item, settled, [sa.literal_column("settlement.item <> 0")]),
        (moved.document, moved, []),
    )
    for item, column, live in asked:
        statement = sa.select(item, column.day, column.amount).where(query.among(session.dialect, item, "ids"), *live)
        for ident, day, amount in session.connection.execute(statement, wanted):
            sums[ident][day] += amount
    return {ident: sorted((day, amount) for day, amount in days.items() if amount) for ident, days in sums.items()}


def _credit_moves(
    session: Session, tenant: str, entity: str, accounts: Collection[str]
) -> dict[Purse, list[tuple[date, Decimal]]]:
    column = SETTLEMENT.c
    among = query.among(session.dialect, column.account, "accounts", types.TextList)
    mine = (column.tenant == tenant, column.entity == entity, column.item == CREDIT, among)
    statement = sa.select(column.account, column.currency, column.day, column.amount).where(*mine)
    found: dict[Purse, list[tuple[date, Decimal]]] = defaultdict(list)
    for account, currency, day, amount in session.connection.execute(statement, {"accounts": sorted(set(accounts))}):
        found[account, currency].append((day, amount))
    return {purse: sorted(changes) for purse, changes in found.items()}


def _debt(item: OpenItem, moves: Iterable[tuple[date, Decimal]]) -> Debt:
    return Debt(item.id, item.number, item.kind, item.on, item.due, item.amount, tuple(moves))
