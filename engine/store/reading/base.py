"""Reads of masters: who sells, who buys, what is sold, which rates there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.model.account import Account
from engine.model.catalog import Charge, Meter, Plan
from engine.model.contract import Contract, ContractLine
from engine.model.entity import BankAccount, LegalEntity, TaxRegistration
from engine.model.journal import FxRate, GLAccount
from engine.model.subscription import BillingMark, SubscriptionEvent
from engine.store import query, tables, types
from engine.store.session import Session
from engine.store.tables.usage import ROLLED

ACCOUNT_COLUMNS = [tables.ACCOUNT.c[name] for name in Account.__struct_fields__ if name in tables.ACCOUNT.c]
"""The columns of an :class:`Account`, in the order of its fields."""
EVENT_COLUMNS = [
    tables.SUBSCRIPTION_EVENT.c[{"on": "on_day"}.get(name, name)]
    for name in ("subscription_id", *SubscriptionEvent.__struct_fields__)
]
"""The subscription of an event, and the columns of a :class:`SubscriptionEvent`, in the order of its fields."""


def _all_contracts(dialect: str) -> sa.Select[Any]:
    column = tables.CONTRACT.c
    fields = [column[name] for name in Contract.__struct_fields__[:-1]]
    mine = (column.tenant == sa.bindparam("tenant"), column.entity == sa.bindparam("entity"), column.current)
    return sa.select(*fields).where(*mine).order_by(column.key)


def _contracts(dialect: str) -> sa.Select[Any]:
    return _all_contracts(dialect).where(query.among(dialect, tables.CONTRACT.c.account, "accounts", types.TextList))


def _contract_lines(dialect: str) -> sa.Select[Any]:
    column = tables.CONTRACT_LINE.c
    fields = [column[name] for name in ContractLine.__struct_fields__]
    mine = (column.tenant == sa.bindparam("tenant"), column.entity == sa.bindparam("entity"), column.current)
    wanted = query.among(dialect, column.contract, "contracts", types.TextList)
    return (
        sa.select(*fields).where(*mine, wanted).order_by(column.contract, column.plan, column.charge, column.valid_from)
    )


_ALL_CONTRACTS = query.Query(_all_contracts)
_CONTRACTS = query.Query(_contracts)
_CONTRACT_LINES = query.Query(_contract_lines, ContractLine)


def entity_of(row: Mapping[str, Any]) -> LegalEntity:
    """A legal entity from its row."""
    plain = (name for name in LegalEntity.__struct_fields__ if name not in ("registrations", "bank_accounts"))
    return LegalEntity(
        **{name: row[name] for name in plain},
        registrations=msgspec.convert(row["registrations"], tuple[TaxRegistration, ...]),
        bank_accounts=msgspec.convert(row["bank_accounts"], tuple[BankAccount, ...]),
    )


class MastersReader(Session):
    """Reads masters."""

    def entities(self, tenant: str) -> dict[str, LegalEntity]:
        """The legal entities by key."""
        column = tables.ENTITY.c
        rows = self.rows(sa.select(tables.ENTITY).where(column.tenant == tenant, column.current).order_by(column.key))
        return {row.key: entity_of(row._mapping) for row in rows}

    def accounts(self, tenant: str, entity: str, keys: Sequence[str] | None = None) -> dict[str, Account]:
        """Accounts of a legal entity by key: those with the given keys, or all."""
        column = tables.ACCOUNT.c
        statement = sa.select(*ACCOUNT_COLUMNS).where(column.tenant == tenant, column.entity == entity, column.current)
        if keys is None:
            found = self.connection.execute(statement.order_by(column.key))
        else:
            wanted = query.among(self.dialect, column.key, "wanted", types.TextList)
            found = self.connection.execute(statement.where(wanted).order_by(column.key), {"wanted": list(keys)})
        return {row.key: Account(*row) for row in found}

    def meters(self, tenant: str) -> dict[str, Meter]:
        """Meters by key."""
        column = tables.METER.c
        fields = [column[name] for name in Meter.__struct_fields__]
        rows = self.rows(sa.select(*fields).where(column.tenant == tenant, column.current).order_by(column.key))
        return {row.key: Meter(*row) for row in rows}

    def catalogue(self, tenant: str) -> dict[str, Plan]:
        """Plans by key, each with its charges in order of key."""
        column = tables.CHARGE.c
        fields = [c for c in tables.CHARGE.columns if c.name != "current"]
        charges: dict[str, list[Charge]] = defaultdict(list)
        for row in self.rows(sa.select(*fields).where(column.tenant == tenant, column.current).order_by(column.key)):
            charges[row.plan].append(Charge(*row))
        plan = tables.PLAN.c
        rows = self.rows(
            sa.select(plan.tenant, plan.key, plan.name).where(plan.tenant == tenant, plan.current).order_by(plan.key)
        )
        return {key: Plan(owner, key, name, tuple(charges[key])) for owner, key, name in rows}

    def gl_accounts(self, tenant: str) -> dict[str, GLAccount]:
        """Accounts of the general ledger by code."""
        column = tables.GL_ACCOUNT.c
        fields = (column.code, column.name, column.kind)
        rows = self.rows(sa.select(*fields).where(column.tenant == tenant, column.current).order_by(column.code))
        return {row.code: GLAccount(*row) for row in rows}

    def contracts(self, tenant: str, entity: str, accounts: Sequence[str] | None = None) -> list[Contract]:
        """Contracts with their lines, in order of key: those of the given accounts, or all of a legal entity."""
        where = {"tenant": tenant, "entity": entity}
        if accounts is None:
            heads = _ALL_CONTRACTS(self.connection, where)
        else:
            heads = _CONTRACTS(self.connection, {**where, "accounts": list(accounts)})
        keys = {"contracts": [head[3] for head in heads]}
        lines: dict[str, list[ContractLine]] = defaultdict(list)
        for line in _CONTRACT_LINES(self.connection, {**where, **keys}):
            lines[line.contract].append(line)
        return [Contract(*(*head, tuple(lines[head[3]]))) for head in heads]

    def payer_ranges(self, tenant: str, entity: str, size: int, account: str | None = None) -> list[tuple[str, str]]:
        """The accounts that receive invoices for subscriptions, in ranges of at most ``size`` sorted keys, as few as can be and
        alike in size: (first, last) of each; with ``account``, those that it concerns: its payer, and itself where it pays.

        The database counts them off, so that a million payers take no more memory here than their ranges.  Payers that do
        not exist are left out.
        """
        buyer, payer, taken = tables.ACCOUNT, tables.ACCOUNT.alias("payer"), tables.SUBSCRIPTION.c
        has = sa.exists().where(taken.tenant == tenant, taken.entity == entity, taken.account == buyer.c.key)
        statement = (
            sa.select(buyer.c.payer)
            .distinct()
            .where(buyer.c.tenant == tenant, buyer.c.entity == entity, buyer.c.current, has)
            .where(payer.c.tenant == tenant, payer.c.entity == entity, payer.c.key == buyer.c.payer, payer.c.current)
        )
        if account is not None:
            statement = statement.where(sa.or_(buyer.c.key == account, buyer.c.payer == account))
        key = statement.subquery().c.payer
        total = sa.func.count().over()
        place = (sa.func.row_number().over(order_by=key) - 1) * ((total + size - 1) // size) // total
        counted = sa.select(key, place.label("range")).subquery().c
        ranges = sa.select(sa.func.min(counted.payer), sa.func.max(counted.payer)).group_by(counted.range)
        return [(first, last) for first, last in self.rows(ranges.order_by(counted.range))]

    def subscription_ids(self, tenant: str, entity: str, keys: Iterable[str]) -> dict[str, tuple[int, str, str]]:
        """(id, account, the account's zone) of the subscriptions with those keys, by key; unknown ones are left out."""
        taken, buyer = tables.SUBSCRIPTION.c, tables.ACCOUNT.c
        statement = (
            sa.select(taken.key, taken.id, taken.account, buyer.zone)
            .where(taken.tenant == tenant, taken.entity == entity)
            .where(query.among(self.dialect, taken.key, "wanted", types.TextList))
            .where(buyer.tenant == tenant, buyer.entity == entity, buyer.key == taken.account, buyer.current)
        )
        rows = self.connection.execute(statement, {"wanted": list(keys)})
        return {key: (ident, account, zone) for key, ident, account, zone in rows}

    def marks(self, ids: Sequence[int]) -> dict[int, BillingMark]:
        """How far subscriptions are billed, by their id."""
        wanted = query.among(self.dialect, tables.BILLING_MARK.c.subscription_id, "wanted")
        rows = self.connection.execute(sa.select(tables.BILLING_MARK).where(wanted), {"wanted": list(ids)})
        return {row.subscription_id: BillingMark(*row) for row in rows}

    def fx_rates(self, tenant: str, on: date, max_age_days: int) -> list[FxRate]:
        """The newest rate of each (source, base, quote) on or before a day, not older than ``max_age_days``."""
        column = tables.FX_RATE.c
        recent = (column.tenant == tenant, column.on_day <= on, column.on_day >= on - timedelta(days=max_age_days))
        order = sa.func.row_number().over(
            partition_by=(column.source, column.base, column.quote), order_by=column.on_day.desc()
        )
        fields = (column.base, column.quote, column.rate, column.source, column.on_day)
        ranked = sa.select(*fields, order.label("place")).where(*recent).subquery()
        chosen = [ranked.c[field.name] for field in fields]
        statement = (
            sa.select(*chosen).where(ranked.c.place == 1).order_by(ranked.c.source, ranked.c.base, ranked.c.quote)
        )
        return [FxRate(*row) for row in self.rows(statement)]

    def usage_rolled(self, tenant: str) -> int:
        """Id of the newest usage event that is in the daily sums of a tenant; 0 where there is none."""
        mark = tables.WATERMARK.c
        statement = sa.select(mark.value).where(mark.tenant == tenant, mark.name == ROLLED)
        value: int | None = self.connection.execute(statement).scalar()
        return value or 0

    def high_marks(self) -> tuple[int, int]:
        """Ids of the newest usage event, or reversal of one, and of the newest subscription event."""
        newest = [
            sa.select(sa.func.coalesce(sa.func.max(t.c.id), 0))
            for t in (tables.USAGE_EVENT, tables.USAGE_REVERSAL, tables.SUBSCRIPTION_EVENT)
        ]
        usage, reversals, events = (self.connection.execute(statement).scalar_one() for statement in newest)
        return max(usage, reversals), events
