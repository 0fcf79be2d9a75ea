"""Reads of revenue contracts: what was signed, what happened, what bills for them, and what was billed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.journal import FxRate
from engine.model.revenue_contract import (
    OF_CONTRACTS,
    Cover,
    Occurrence,
    RevenueContract,
    ScheduleKey,
    ScheduleTotals,
    agreed_of,
    occurrence_of,
)
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import (
    ENTRY,
    INVOICE,
    INVOICE_LINE,
    POSTING,
    REVENUE_BILLED,
    REVENUE_CONTRACT,
    REVENUE_COVER,
    REVENUE_ITEM,
    REVENUE_OCCURRENCE,
    REVENUE_POSTED,
    REVENUE_SCHEDULE,
    SUBSCRIPTION,
)

BilledLine = tuple[str, int, str, Any, Any, FxRate]
"""Contract, id of the line, ``NUMBER#LINE``, date of the invoice, net amount, and the rate that it was posted at."""


class RevenueContractsReader(Session):
    """Reads revenue contracts."""

    def has_revenue_contracts(self, tenant: str) -> bool:
        """Whether there are any: a run asks once."""
        column = REVENUE_CONTRACT.c
        return self.connection.execute(sa.select(column.id).where(column.tenant == tenant).limit(1)).first() is not None

    def revenue_contracts(
        self, tenant: str, entity: str = "", *, key: str = "", account: str = ""
    ) -> list[RevenueContract]:
        """Contracts, by legal entity, in the order in which they were signed: those that fulfil all conditions given."""
        column = REVENUE_CONTRACT.c
        given = {column.entity: entity, column.key: key, column.account: account}
        mine = [column.tenant == tenant, *(name == value for name, value in given.items() if value)]
        rows = self.rows(sa.select(REVENUE_CONTRACT).where(*mine).order_by(column.entity, column.signed, column.key))
        return [
            RevenueContract(
                row.id, row.entity, row.key, row.account, row.currency, row.signed, row.known, agreed_of(row.agreed)
            )
            for row in rows
        ]

    def revenue_occurrences(self, contracts: Collection[int]) -> dict[int, list[Occurrence]]:
        """What happened to contracts, by contract, as it was told."""
        column = REVENUE_OCCURRENCE.c
        among = query.among(self.dialect, column.contract_id, "ids")
        statement = sa.select(column.contract_id, column.content).where(among).order_by(column.id)
        found: dict[int, list[Occurrence]] = defaultdict(list)
        for contract, content in self.connection.execute(statement, {"ids": sorted(set(contracts))}):
            found[contract].append(occurrence_of(content))
        return found

    def revenue_covers(self, tenant: str, entity: str = "", contract: str = "") -> list[Cover]:
        """What bills for contracts: of all, of a legal entity, or of one contract."""
        column = REVENUE_COVER.c
        given = {column.entity: entity, column.contract: contract}
        mine = [column.tenant == tenant, *(name == value for name, value in given.items() if value)]
        fields = (column[name] for name in Cover.__struct_fields__)
        return [Cover(*row) for row in self.rows(sa.select(*fields).where(*mine).order_by(column.id))]

    def newest_cover(self) -> int:
        """The highest id of what bills for contracts; 0 where nothing does."""
        return self.connection.execute(sa.select(sa.func.max(REVENUE_COVER.c.id))).scalar() or 0

    def covers_of(self, tenant: str, entity: str, subscriptions: Collection[str]) -> list[Cover]:
        """What bills for contracts: of some subscriptions, and of all agreements on prices."""
        column = REVENUE_COVER.c
        names = query.among(self.dialect, column.subscription, "names", types.TextList)
        fields = (column[name] for name in Cover.__struct_fields__)
        statement = (
            sa.select(*fields).where(column.tenant == tenant, column.entity == entity, names).order_by(column.id)
        )
        rows = self.connection.execute(statement, {"names": ["", *sorted(set(subscriptions))]})
        return [Cover(*row) for row in rows]

    def subscription_named(self, tenant: str, entity: str, key: str) -> int | None:
        """The id of a subscription; None where there is none of that key."""
        column = SUBSCRIPTION.c
        mine = (column.tenant == tenant, column.entity == entity, column.key == key)
        found: int | None = self.connection.execute(sa.select(column.id).where(*mine)).scalar()
        return found

    def lines_billed(
        self,
        tenant: str,
        entity: str,
        subscriptions: Collection[str],
        charges: Collection[str] = (),
        since: date = date.min,
    ) -> int:
        """How many lines of subscriptions were billed for no contract: of all charges where none is named, of service after ``since``."""
        line = INVOICE_LINE.c
        among = query.among(self.dialect, line.subscription, "names", types.TextList)
        marked = sa.exists().where(REVENUE_BILLED.c.id == line.id)
        statement = sa.select(sa.func.count()).where(line.tenant == tenant, line.entity == entity, among, ~marked)
        given: dict[str, Any] = {"names": sorted(set(subscriptions))}
        if charges:
            among = query.among(self.dialect, line.charge, "charges", types.TextList)
            statement = statement.where(among, line.service_to > since)
            given["charges"] = sorted(set(charges))
        return int(self.connection.execute(statement, given).scalar_one())

    def revenue_billed(self, tenant: str, entity: str, contracts: Collection[str]) -> list[BilledLine]:
        """Lines that were billed for contracts, and credits on them, in the order in which they were."""
        mark, line, head, posting = REVENUE_BILLED.c, INVOICE_LINE.c, INVOICE.c, POSTING.c
        among = query.among(self.dialect, mark.contract, "contracts", types.TextList)
        first = (
            sa.select(
                posting.line_id,
                sa.func.min(posting.rate).label("rate"),
                sa.func.min(posting.rate_source).label("source"),
                sa.func.min(posting.rate_on).label("on_day"),
            )
            .join_from(POSTING, ENTRY, ENTRY.c.id == posting.entry_id)
            .where(
                ENTRY.c.kind == "invoice", posting.line_id.in_(sa.select(mark.id).where(mark.tenant == tenant, among))
            )
            .group_by(posting.line_id)
            .subquery()
        )
        statement = (
            sa.select(
                mark.contract, mark.id, head.number, line.number.label("line"), head.invoice_date, line.amount,
                head.currency, head.functional_currency, first.c.rate, first.c.source, first.c.on_day,
            )
            .join_from(REVENUE_BILLED, INVOICE_LINE, line.id == mark.id)
            .join(INVOICE, head.id == line.invoice_id)
            .join(first, first.c.line_id == mark.id)
            .where(mark.tenant == tenant, mark.entity == entity, among)
            .order_by(head.invoice_date, mark.id)
        )  # fmt: skip
        rows = self.connection.execute(statement, {"contracts": sorted(set(contracts))})
        return [
            (
                row.contract, row.id, f"{row.number}#{row.line}", row.invoice_date, row.amount,
                FxRate(row.currency, row.functional_currency, row.rate, row.source, row.on_day),
            )
            for row in rows
        ]  # fmt: skip

    def contract_schedules(self, tenant: str, entity: str) -> dict[ScheduleKey, ScheduleTotals]:
        """The schedules of contracts, of their balances and of their costs, with what is planned and was posted."""
        head, item, posted = REVENUE_SCHEDULE.c, REVENUE_ITEM.c, REVENUE_POSTED.c
        mine = (head.tenant == tenant, head.entity == entity, head.source.in_(OF_CONTRACTS))
        found: dict[ScheduleKey, ScheduleTotals] = {}
        by_id: dict[int, ScheduleTotals] = {}
        fields = (head.id, head.takes, head.source, head.contract, head.obligation, head.amount)
        for row in self.rows(sa.select(*fields).where(*mine).order_by(head.id)):
            if not row.takes:
                key = ScheduleKey(row.source, row.contract, row.obligation)
                found[key] = by_id[row.id] = ScheduleTotals(row.id)
            one = by_id[row.id] = by_id[row.takes or row.id]
            one.amount += row.amount
            one.rows += 1
        if not found:
            return {}
        planned = sa.func.sum(item.amount, type_=item.amount.type)
        statement = (
            sa.select(item.schedule_id, item.on_day, planned)
            .join_from(REVENUE_ITEM, REVENUE_SCHEDULE, head.id == item.schedule_id)
            .where(*mine)
            .group_by(item.schedule_id, item.on_day)
        )
        for ident, on, amount in self.rows(statement):
            by_id[ident].items[on] = amount
        sums = (sa.func.sum(one, type_=one.type) for one in (posted.amount, posted.functional_amount))
        statement = (
            sa.select(posted.schedule_id, posted.month, *sums)
            .join_from(REVENUE_POSTED, REVENUE_SCHEDULE, head.id == posted.schedule_id)
            .where(*mine)
            .group_by(posted.schedule_id, posted.month)
        )
        for ident, month, amount, functional in self.rows(statement):
            by_id[ident].posted[month] = (amount, functional)
        return found

    def contract_postings(self, tenant: str, entity: str) -> list[dict[str, Any]]:
        """What was posted of contracts of a legal entity: contract, obligation or balance, month, amount, entry with its date."""
        head, posted, entry = REVENUE_SCHEDULE.c, REVENUE_POSTED.c, ENTRY.c
        statement = (
            sa.select(head.contract, head.obligation, head.decision, posted.schedule_id)
            .add_columns(posted.month, posted.amount, posted.entry_id, entry.posting_date)
            .join_from(REVENUE_POSTED, REVENUE_SCHEDULE, head.id == posted.schedule_id)
            .join(ENTRY, entry.id == posted.entry_id)
            .where(head.tenant == tenant, head.entity == entity, head.source.in_(OF_CONTRACTS))
            .order_by(posted.month, head.id, posted.id)
        )
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def line_of_contract(self, tenant: str, line_id: int) -> tuple[str, str] | None:
        """The contract that a line was billed for, and the obligation if it is one alone; None for other lines."""
        mark = REVENUE_BILLED.c
        mine = (mark.tenant == tenant, mark.id == line_id)
        row = self.connection.execute(sa.select(mark.contract, mark.obligation).where(*mine)).one_or_none()
        return None if row is None else (row.contract, row.obligation)
