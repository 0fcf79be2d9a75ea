"""What a bill run reads about payers: a handful of queries for any number of them, none of which meets old history.

Lines come by (subscription, end of service), daily sums by (subscription, day), late ones by (subscription, newest
event). Events whose ids are above the ones that the run has fixed are not seen, though they may be in the daily sums
already: days that such an event touched, and days of events that are not in the sums yet, are added up again from the
events themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from engine.base.period import add_months
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import AccountDue, Opening, PayerDue, SubscriptionDue, looked_at_from, window_of
from engine.model.invoice import BilledLine
from engine.model.subscription import BillingMark, Subscription, SubscriptionEvent
from engine.model.usage import UsageDay
from engine.store import tables, types
from engine.store.query import Query, among, for_each, pair_parameters, pairs
from engine.store.reading.base import ACCOUNT_COLUMNS, EVENT_COLUMNS
from engine.store.reading.billed import BilledReader
from engine.store.session import Session


def _accounts(dialect: str) -> sa.Select[Any]:
    column = tables.ACCOUNT.c
    return (
        sa.select(*ACCOUNT_COLUMNS)
        .where(column.tenant == sa.bindparam("tenant"), column.entity == sa.bindparam("entity"), column.current)
        .where(column.payer.between(sa.bindparam("low"), sa.bindparam("high")))
        .order_by(column.payer, column.key)
    )


def _subscriptions(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION.c
    mine = (column.tenant == sa.bindparam("tenant"), column.entity == sa.bindparam("entity"))
    wanted = among(dialect, column.account, "accounts", types.TextList)
    return sa.select(*(column[n] for n in Subscription.__struct_fields__)).where(*mine, wanted).order_by(column.key)


def _events(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION_EVENT.c
    wanted = among(dialect, column.subscription_id, "ids")
    return sa.select(*EVENT_COLUMNS).where(wanted, column.id <= sa.bindparam("high")).order_by(column.id)


def _later(dialect: str) -> sa.Select[Any]:
    """Subscriptions that have an event of whatever id."""
    column = tables.SUBSCRIPTION_EVENT.c
    return sa.select(column.subscription_id).distinct().where(among(dialect, column.subscription_id, "ids"))


def _marks(dialect: str, table: sa.Table = tables.BILLING_MARK) -> sa.Select[Any]:
    return sa.select(table).where(among(dialect, table.c.subscription_id, "ids"))


def _late(dialect: str, table: sa.Table = tables.BILLING_MARK) -> sa.Select[Any]:
    """Days that events touched which became known after the subscription was billed."""
    day, mark = tables.USAGE_DAY.c, table.c
    newer = (day.subscription_id == mark.subscription_id, day.last_id > mark.usage_seen)
    names = ("subscription_id", "day", "meter", "last_id")
    joined, found = for_each(dialect, table, tables.USAGE_DAY, names, *newer)
    return sa.select(*found.values()).select_from(joined).where(among(dialect, mark.subscription_id, "ids"))


def _unsettled(dialect: str) -> sa.Select[Any]:
    """Days of events, and of reversals of events, that became known after the last roll-up."""

    def of(table: sa.Table) -> sa.Select[Any]:
        one = table.c
        known = (one.id > sa.bindparam("rolled"), one.id <= sa.bindparam("high"), one.tenant == sa.bindparam("tenant"))
        keys = (one.subscription_id, one.day, one.meter)
        return sa.select(*keys, sa.func.max(one.id).label("newest")).where(*known).group_by(*keys)

    both = sa.union_all(of(tables.USAGE_EVENT), of(tables.USAGE_REVERSAL)).subquery()
    return sa.select(*both.columns)


def _openings(dialect: str) -> sa.Select[Any]:
    """Which of some subscriptions were billed elsewhere before."""
    mark = tables.OPENING_MARK.c
    fields = (mark.subscription_id, mark.first_day, mark.events_seen, mark.usage_seen)
    return sa.select(*fields).where(among(dialect, mark.subscription_id, "ids"))


def _through(dialect: str) -> sa.Select[Any]:
    through = tables.BILLED_THROUGH.c
    fields = (through.subscription_id, through.charge, through.billed_to)
    return sa.select(*fields).where(among(dialect, through.subscription_id, "ids"))


def _line_ends(dialect: str) -> sa.Select[Any]:
    """For each charge of some subscriptions that is billed by days, where the last line of the old system ends."""
    line = tables.OPENING_LINE.c
    fields = (line.subscription_id, line.charge, sa.func.max(line.service_to, type_=line.service_to.type))
    mine = (among(dialect, line.subscription_id, "ids"), line.kind != "one_time")
    return sa.select(*fields).where(*mine).group_by(line.subscription_id, line.charge)


def _usage(dialect: str) -> sa.Select[Any]:
    window, ids, days = pairs(dialect, "windows")
    day = tables.USAGE_DAY.c
    wanted = (day.subscription_id == ids, day.day >= days)
    joined, found = for_each(dialect, window, tables.USAGE_DAY, UsageDay.__struct_fields__, *wanted)
    return (
        sa.select(*found.values()).select_from(joined).order_by(found["subscription_id"], found["day"], found["meter"])
    )


def _recounted(dialect: str) -> sa.Select[Any]:
    """Daily sums from the events themselves, of chosen days, up to an id."""
    chosen, ids, days = pairs(dialect, "days")
    event = tables.USAGE_EVENT.c
    wanted = (event.subscription_id == ids, event.day == days, event.id <= sa.bindparam("high"))
    names = ("subscription_id", "meter", "day", "quantity", "id")
    joined, found = for_each(dialect, chosen, tables.USAGE_EVENT, names, *wanted)
    keys, quantity, ident = [found[name] for name in names[:3]], found["quantity"], found["id"]
    back = tables.USAGE_REVERSAL.c
    joined = joined.outerjoin(tables.USAGE_REVERSAL, sa.and_(back.event_id == ident, back.id <= sa.bindparam("high")))
    there = back.id.is_(None)
    zero: sa.ColumnElement[Any] = sa.literal_column("0")
    one: sa.ColumnElement[Any] = sa.literal_column("1")
    left, counts = sa.case((there, quantity), else_=zero), sa.case((there, one), else_=zero)
    newest = sa.func.max(sa.func.coalesce(back.id, ident))
    total = (
        sa.func.sum(left, type_=quantity.type),
        sa.func.sum(counts),
        newest,
        sa.func.max(left, type_=quantity.type),
    )
    return sa.select(*keys, *total).select_from(joined).group_by(*keys)


_ACCOUNTS = Query(_accounts, Account)
_SUBSCRIPTIONS = Query(_subscriptions, Subscription)
_EVENTS = Query(_events)
_LATER = Query(_later)
_MARKED = Query(_marks, BillingMark), Query(_late)
_MINE = tables.PAYER_MARK.c.payer == sa.bindparam("payer")
NAMED = (
    Query(lambda dialect: _marks(dialect, tables.PAYER_MARK).where(_MINE), BillingMark),
    Query(lambda dialect: _late(dialect, tables.PAYER_MARK).where(_MINE)),
)
"""The same of the marks of a ``payer`` whom events name."""
_UNSETTLED = Query(_unsettled)
_OPENINGS = Query(_openings)
_THROUGH = Query(_through)
_LINE_ENDS = Query(_line_ends)
_USAGE = Query(_usage, UsageDay)
RECOUNTED = Query(_recounted, UsageDay)


class DueReader(BilledReader):
    """Reads what is due."""

    def due(
        self,
        tenant: str,
        entity: str,
        low: str,
        high: str,
        usage_high: int,
        events_high: int,
        imagined: Mapping[int, SubscriptionEvent] = {},
    ) -> list[PayerDue]:
        """What a run needs to bill the payers ``low`` to ``high``, both included, of a legal entity, in order of key.

        Subscription events with ids above ``events_high`` and usage events with ids above ``usage_high`` are not
        seen, nor is a subscription all of whose events are above it: it became known after the run began.  See
        :mod:`engine.model.due` for what each part holds.  Accounts without subscriptions, and accounts whose payer is
        not there, are left out.  ``imagined`` are events, by subscription, that are taken as if they
        were known.
        """
        where = {"tenant": tenant, "entity": entity}
        accounts: list[Account] = _ACCOUNTS(self.connection, {**where, "low": low, "high": high})
        if not accounts:
            return []
        keys = [account.key for account in accounts]
        taken: list[Subscription] = _SUBSCRIPTIONS(self.connection, {**where, "accounts": keys})
        by_account: dict[str, list[SubscriptionDue]] = defaultdict(list)
        for due in self.subscriptions_due(tenant, taken, usage_high, events_high, imagined):
            by_account[due.subscription.account].append(due)
        contracts: dict[str, dict[str, Contract]] = defaultdict(dict)
        for contract in self.contracts(tenant, entity, sorted(by_account)):
            contracts[contract.account][contract.key] = contract
        payers = {account.key: account for account in accounts}
        absent = sorted({account.payer for account in accounts} - payers.keys())
        if absent:
            payers.update(self.accounts(tenant, entity, absent))
        paid_for: dict[str, list[AccountDue]] = defaultdict(list)
        for account in accounts:
            if account.key in by_account and account.payer in payers:
                own = tuple(by_account[account.key])
                paid_for[account.payer].append(AccountDue(account, contracts[account.key], own))
        return [PayerDue(payers[key], tuple(paid_for[key])) for key in sorted(paid_for)]

    def subscriptions_due(
        self,
        tenant: str,
        taken: Sequence[Subscription],
        usage_high: int,
        events_high: int,
        imagined: Mapping[int, SubscriptionEvent],
        marked: tuple[Query, Query] = _MARKED,
        of: Mapping[str, str] = {},
    ) -> list[SubscriptionDue]:
        """What :meth:`due` says of some subscriptions; ``marked`` finds marks, and days of usage that is new to them, with parameters ``of``."""
        ids = [subscription.id for subscription in taken]
        events: dict[int, list[SubscriptionEvent]] = defaultdict(list)
        for ident, *values in _EVENTS(self.connection, {"ids": ids, "high": events_high}):
            events[ident].append(SubscriptionEvent(*values))
        for ident in imagined.keys() & events.keys():
            events[ident].append(imagined[ident])
        silent = [ident for ident in ids if ident not in events]
        unknown = {ident for (ident,) in _LATER(self.connection, {"ids": silent})} if silent else set()
        taken = [subscription for subscription in taken if subscription.id not in unknown]
        ids = [one.id for one in taken]
        marks = {mark.subscription_id: mark for mark in marked[0](self.connection, {"ids": ids, **of})}
        unsettled = self._unsettled(tenant, set(ids), usage_high)
        windows = {ident: window_of(marks.get(ident), events[ident]) for ident in ids}
        touched = marked[1](self.connection, {"ids": ids, **of})
        for ident, day in self._late_days(touched, marks, unsettled, usage_high):
            windows[ident] = min(windows[ident], looked_at_from(day, events[ident]))
        openings = self._openings(windows)
        billed = self.billed_since(windows, [line.id for one in openings.values() for line in one.lines])
        usage, floors = self._usage(tenant, windows, events, unsettled, usage_high)
        return [
            SubscriptionDue(
                subscription,
                tuple(events[subscription.id]),
                windows[subscription.id],
                marks.get(subscription.id),
                tuple(billed[subscription.id]),
                usage.get(subscription.id, ()),
                openings.get(subscription.id),
                usage_from=floors[subscription.id],
            )
            for subscription in taken
        ]

    def _unsettled(self, tenant: str, ids: set[int], usage_high: int) -> list[tuple[int, date, str, int]]:
        """(subscription, day, meter, newest such event) of events up to ``usage_high`` that are not rolled up."""
        rolled = self.usage_rolled(tenant)
        if rolled >= usage_high:
            return []
        found = _UNSETTLED(self.connection, {"rolled": rolled, "high": usage_high, "tenant": tenant})
        return [row for row in found if row[0] in ids]

    def _late_days(
        self,
        touched: Iterable[tuple[int, date, str, int]],
        marks: Mapping[int, BillingMark],
        unsettled: Iterable[tuple[int, date, str, int]],
        usage_high: int,
    ) -> Iterable[tuple[int, date]]:
        """Days that events between the mark and ``usage_high`` touched."""
        for ident, day, _meter, newest in unsettled:
            if ident in marks and newest > marks[ident].usage_seen:
                yield ident, day
        doubtful = []
        for ident, day, _meter, last_id in touched:
            if last_id <= usage_high:
                yield ident, day
            else:
                doubtful.append((ident, day))
        if doubtful:
            yield from self._really_late(doubtful, marks, usage_high)

    def _really_late(
        self, doubtful: list[tuple[int, date]], marks: Mapping[int, BillingMark], usage_high: int
    ) -> Iterable[tuple[int, date]]:
        """Of days whose newest event is above ``usage_high``: those that have an event between the mark and it, too."""
        for total in self._recount(doubtful, usage_high):
            if total.last_id > marks[total.subscription_id].usage_seen:
                yield total.subscription_id, total.day

    def _recount(self, days: Iterable[tuple[int, date]], usage_high: int) -> list[UsageDay]:
        chosen = sorted(set(days))
        return RECOUNTED(self.connection, {**pair_parameters(self.dialect, "days", chosen), "high": usage_high})

    def _openings(self, windows: Mapping[int, date]) -> dict[int, Opening]:
        """What the old system had billed of those subscriptions that came over from one."""
        found = {row[0]: row[1:] for row in _OPENINGS(self.connection, {"ids": list(windows)})}
        if not found:
            return {}
        ids = {"ids": list(found)}
        through: dict[int, dict[str, date]] = defaultdict(dict)
        for query in (_LINE_ENDS, _THROUGH):  # a date that was given counts more than the end of a line
            for ident, charge, day in query(self.connection, ids):
                through[ident][charge] = day
        mine = {ident: windows[ident] for ident in found}
        lines: dict[int, list[BilledLine]] = defaultdict(list)
        for line in self.old_lines(mine):
            lines[line.charge.subscription_id].append(line)
        return {
            ident: Opening(on, events, usage, through[ident], tuple(lines[ident]))
            for ident, (on, events, usage) in found.items()
        }

    def _usage(
        self,
        tenant: str,
        windows: Mapping[int, date],
        events: Mapping[int, Sequence[SubscriptionEvent]],
        unsettled: Sequence[tuple[int, date, str, int]],
        usage_high: int,
    ) -> tuple[dict[int, tuple[UsageDay, ...]], Mapping[int, date]]:
        """The daily sums by subscription, and the first day that was read of each."""
        months = self._usage_months(tenant)
        floor = lru_cache(maxsize=None)(_floor)
        plans = {ident: frozenset(event.plan for event in happened if event.plan) for ident, happened in events.items()}
        longest = lru_cache(maxsize=None)(lambda used: max((months.get(plan, 1) for plan in used), default=1))
        floors = {ident: floor(day, longest(plans.get(ident, frozenset()))) for ident, day in windows.items()}
        totals: list[UsageDay] = _USAGE(self.connection, pair_parameters(self.dialect, "windows", list(floors.items())))
        again = {(total.subscription_id, total.day) for total in totals if total.last_id > usage_high}
        again.update((ident, day) for ident, day, _meter, _newest in unsettled if day >= floors[ident])
        if again:
            totals = [total for total in totals if (total.subscription_id, total.day) not in again]
            totals.extend(self._recount(again, usage_high))
            totals.sort(key=attrgetter("subscription_id", "day", "meter"))
        return {ident: tuple(days) for ident, days in groupby(totals, attrgetter("subscription_id"))}, floors

    def _usage_months(self, tenant: str) -> dict[str, int]:
        """For each plan, the longest cycle of its usage charges, in months; one of days is taken as longer rather than shorter."""
        charge = tables.CHARGE.c
        mine = (charge.tenant == tenant, charge.kind == "usage", charge.current)
        months = sa.func.max(charge.months + charge.days // 28)
        statement = sa.select(charge.plan, months).where(*mine).group_by(charge.plan)
        return dict(map(tuple, self.connection.execute(statement)))


def usage_days(session: Session, since: Mapping[int, date]) -> dict[int, tuple[UsageDay, ...]]:
    """The daily sums of subscriptions from a day each on, as they were added up last."""
    totals: list[UsageDay] = _USAGE(
        session.connection, pair_parameters(session.dialect, "windows", list(since.items()))
    )
    return {ident: tuple(days) for ident, days in groupby(totals, attrgetter("subscription_id"))}


def _floor(window: date, months: int) -> date:
    """The first day whose usage may count in a cycle, so many months long, that the window touches."""
    return date.min if window.year == date.min.year else add_months(window, -months)
