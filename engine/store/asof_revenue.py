"""What earns revenue, read from a snapshot of the books: lines of documents with what happened, and what the books planned of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec
import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.invoice import RatedCharge
from engine.model.revenue import LINE, RevenueEvent
from engine.store import tables as t
from engine.store.asof import LAST, AsOf

_PAGE: Final = 5000


class EarningLine(msgspec.Struct, frozen=True):
    """A line of a document as revenue sees it; ``country`` is that of the payer."""

    id: int
    run: int
    entity: str
    payer: str
    country: str
    currency: str
    invoice_date: date
    charge: RatedCharge


class Happened(msgspec.Struct, frozen=True):
    """What happened up to a day, by line and by charge of a subscription, and the lines that others give back."""

    of_line: Mapping[tuple[str, int], list[RevenueEvent]]
    of_charge: Mapping[tuple[str, str, str], list[RevenueEvent]]
    credited: frozenset[int]
    covered: frozenset[int]

    def of(self, line: EarningLine) -> list[RevenueEvent]:
        """What happened of a line, in the order in which it became known."""
        charge = line.charge
        mine = self.of_line.get((line.entity, line.id), [])
        return mine + self.of_charge.get((line.entity, charge.subscription, charge.charge), [])


def earning_lines(books: AsOf, tenant: str, before: date) -> Iterator[EarningLine]:
    """Lines of documents dated before a day, the oldest document first."""
    books.before(LAST)
    line, head, account = t.INVOICE_LINE.c, t.INVOICE.c, t.ACCOUNT.c
    names = RatedCharge.__struct_fields__
    query = (
        sa.select(
            line.id, head.run_id, head.entity, head.payer, account.country, head.currency, head.invoice_date,
            *(line[name] for name in names),
        )
        .join_from(t.INVOICE, t.INVOICE_LINE, line.invoice_id == head.id)
        .join(t.ACCOUNT, account.id == head.payer_id)
        .where(head.tenant == tenant, head.invoice_date < before)
    )  # fmt: skip
    last = 0
    with books.reader() as reader:
        while rows := reader.rows(query.where(line.id > last).order_by(line.id).limit(_PAGE)):
            for ident, run, entity, payer, country, currency, on, *values in rows:
                yield EarningLine(ident, run, entity, payer, country or "", currency, on, RatedCharge(*values))
            last = rows[-1][0]


def happened(books: AsOf, tenant: str, before: date) -> Happened:
    """What happened before a day, which lines are given back, and which are billed for revenue contracts."""
    books.before(LAST)
    line = t.INVOICE_LINE.c
    of_line: defaultdict[tuple[str, int], list[RevenueEvent]] = defaultdict(list)
    of_charge: defaultdict[tuple[str, str, str], list[RevenueEvent]] = defaultdict(list)
    with books.reader() as reader:
        for _, _, one in reader.revenue_events(tenant):
            if one.on < before and one.line:
                of_line[one.entity, one.line].append(one)
            elif one.on < before:
                of_charge[one.entity, one.subscription, one.charge].append(one)
        credited = {row[0] for row in reader.rows(sa.select(line.credits).where(line.credits != 0).distinct())}
        mine = t.REVENUE_BILLED.c
        covered = {row[0] for row in reader.rows(sa.select(mine.id).where(mine.tenant == tenant))}
    return Happened(of_line, of_charge, frozenset(credited), frozenset(covered))


def planned_in(books: AsOf, tenant: str, first: date, end: date) -> dict[int, dict[date, Decimal]]:
    """By line, what the books have planned for the months from ``first`` to before ``end``; a month is given by its first day."""
    schedule, item = t.REVENUE_SCHEDULE.c, t.REVENUE_ITEM.c
    head, line = t.INVOICE.c, t.INVOICE_LINE.c
    query = (
        sa.select(schedule.line_id, item.on_day, head.invoice_date, item.amount)
        .join_from(t.REVENUE_ITEM, t.REVENUE_SCHEDULE, schedule.id == item.schedule_id)
        .join(t.INVOICE_LINE, line.id == schedule.line_id)
        .join(t.INVOICE, head.id == line.invoice_id)
        .where(schedule.tenant == tenant, schedule.source == LINE)
        .where(item.on_day < end, head.invoice_date < end)
    )
    found: defaultdict[int, dict[date, Decimal]] = defaultdict(dict)
    with books.reader() as reader:
        for ident, on, billed, amount in reader.rows(query):
            month = max(on, billed).replace(day=1)
            months = found[ident]
            if month >= first:
                months[month] = months.get(month, ZERO) + amount
    return found


def of_no_line(books: AsOf, tenant: str, first: date, end: date) -> dict[str, int]:
    """How many schedules of other sources earn in the months from ``first`` to before ``end``, by source."""
    schedule, item = t.REVENUE_SCHEDULE.c, t.REVENUE_ITEM.c
    query = (
        sa.select(schedule.source, sa.func.count(schedule.id.distinct()))
        .join_from(t.REVENUE_ITEM, t.REVENUE_SCHEDULE, schedule.id == item.schedule_id)
        .where(schedule.tenant == tenant, schedule.source != LINE, item.on_day >= first, item.on_day < end)
        .group_by(schedule.source)
        .order_by(schedule.source)
    )
    with books.reader() as reader:
        return {row[0]: row[1] for row in reader.rows(query)}
