"""The forecast of deferred revenue: what schedules plan, what renewals would add, and how wrong such forecasts were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ONE, ZERO
from engine.billing.timeline import counted
from engine.model.subscription import SubscriptionEvent
from engine.revenue.forecast import (
    Ending,
    Following,
    Missed,
    mape,
    merged,
    months_from,
    next_month,
    released,
    renewed,
    repeated,
)
from engine.runs.run import Parts
from engine.runs.subscriptions.renewals import Renewal, renewals
from engine.store import forecasting, lookups
from engine.store.reader import Reader

WRONG_CHANCE = Code("forecast.wrong-chance", "A chance of renewals that is not from 0 to 1.")


class Expected(msgspec.Struct, frozen=True):
    """What a legal entity will release in a currency, by month: ``scheduled`` as schedules say, ``renewals`` beside that."""

    entity: str
    currency: str
    scheduled: tuple[Decimal, ...]
    renewals: tuple[Decimal, ...]


class Tested(msgspec.Struct, frozen=True):
    """How wrong forecasts of single months were in a legal entity; ``mape`` is the mean error by currency."""

    entity: str
    months: tuple[Missed, ...]
    mape: Mapping[str, Decimal]


class Forecast(msgspec.Struct, frozen=True):
    """The forecast, and the test of its like on the months before."""

    months: tuple[date, ...]
    items: tuple[Expected, ...]
    tested: tuple[Tested, ...] = ()


def forecast(
    parts: Parts, first: date, count: int, *, chance: Decimal | None = None, tested: int = 0, entity: str = ""
) -> Forecast:
    """What is released in ``count`` months from the one of ``first`` on.

    Args:
        parts: of the application.
        first: a day of the first month.
        count: how many months.
        chance: how likely a renewal is, from 0 to 1; None leaves renewals out.
        tested: how many months before the first a forecast of each is compared with what was recognised.
        entity: one legal entity only.

    Raises:
        TollbookError: ``forecast.wrong-chance``.
    """
    if chance is not None and not ZERO <= chance <= ONE:
        raise refuse(WRONG_CHANCE, f"{chance} is no chance", mend="give a share from 0 to 1, such as 0.92")
    months = months_from(first, count)
    until = next_month(months[-1])
    signals = renewals(parts, until).due if chance is not None else ()
    items: list[Expected] = []
    tests: list[Tested] = []
    with parts.books.reader() as reader:
        for key in sorted(reader.entities(parts.tenant)):
            if entity not in ("", key):
                continue
            scheduled = _scheduled(reader, parts.tenant, key, months)
            more: Mapping[str, list[Decimal]] = {}
            if chance is not None:
                own = [one for one in signals if one.entity == key]
                ends = list(_endings(reader, parts.tenant, key, until, own, chance))
                more = merged((one.currency, renewed(one, months)) for one in ends)
            none = [ZERO] * count
            for currency in sorted({*scheduled, *more}):
                amounts = (tuple(sums.get(currency, none)) for sums in (scheduled, more))
                items.append(Expected(key, currency, *amounts))
            if tested:
                tests.append(_tested(reader, parts.tenant, key, months[0], tested))
    return Forecast(tuple(months), tuple(items), tuple(tests))


def _scheduled(reader: Reader, tenant: str, entity: str, months: Sequence[date]) -> dict[str, list[Decimal]]:
    """What schedules plan by currency, with what is overdue in the first month."""
    first, until = months[0], next_month(months[-1])
    late: dict[str, Decimal] = {}
    for currency, _, amount in forecasting.planned(reader, tenant, entity, date.min, first):
        late[currency] = late.get(currency, ZERO) + amount
    for (currency, _), amount in forecasting.recognised(reader, tenant, entity, date.min, first).items():
        late[currency] = late.get(currency, ZERO) - amount
    ahead: dict[str, list[tuple[date, Decimal]]] = {}
    for currency, on, amount in forecasting.planned(reader, tenant, entity, first, until):
        ahead.setdefault(currency, []).append((on, amount))
    currencies = {*ahead, *(one for one, amount in late.items() if amount)}
    return {one: released(ahead.get(one, ()), late.get(one, ZERO), months) for one in currencies}


def _endings(
    reader: Reader, tenant: str, entity: str, until: date, signals: Sequence[Renewal], chance: Decimal
) -> Iterator[Ending]:
    """Services that end by a day, each with what follows it: its terms as their rules renew them, else the same again until it
    is cancelled."""
    rows = forecasting.endings(reader, tenant, entity, until)
    events = lookups.events_of(reader, sorted({row[0] for row in rows})) if rows else {}
    by_name: dict[str, list[Renewal]] = {}
    for one in signals:
        by_name.setdefault(one.subscription, []).append(one)
    for ident, name, currency, amount, service_from, service_to in rows:
        stop = min(until, _cancelled(events.get(ident, ()), service_to) or until)
        chain = [one for one in by_name.get(name, ()) if one.term_to >= service_to]
        if chain:
            follows = tuple(_by_terms(chain, service_to, stop, chance))
        else:
            follows = tuple(repeated(service_to, service_to - service_from, stop, chance))
        yield Ending(currency, amount, service_from, service_to, follows)


def _by_terms(chain: Sequence[Renewal], start: date, stop: date, chance: Decimal) -> Iterator[Following]:
    """What follows a service within its term, which is certain, and in the terms after it."""
    first = chain[0].term_to
    if start < first:
        yield Following(start, min(first, stop), ZERO, ONE)
    for one in chain:
        if one.next_to is None or one.term_to >= stop:
            return
        yield Following(one.term_to, min(one.next_to, stop), one.uplift, chance)


def _cancelled(events: Sequence[SubscriptionEvent], since: date) -> date | None:
    """The day from which a subscription is known to be cancelled for good, on or after a day."""
    known = [one for one in counted(events) if one.kind in ("start", "cancel", "uncancel")]
    last = max(known, key=lambda one: (one.on, one.id), default=None)
    return max(last.on, since) if last is not None and last.kind == "cancel" else None


def _tested(reader: Reader, tenant: str, entity: str, first: date, count: int) -> Tested:
    """Each of the months before ``first`` as documents up to its first day would have it forecast, beside what it recognised."""
    missed: list[Missed] = []
    month = first
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
        until = next_month(month)
        sums: dict[str, Decimal] = {}
        for currency, _on, amount in forecasting.planned(reader, tenant, entity, month, until, month):
            sums[currency] = sums.get(currency, ZERO) + amount
        actual = forecasting.recognised(reader, tenant, entity, month, until)
        for currency in sorted({*sums, *(key[0] for key in actual)}):
            missed.append(Missed(month, currency, sums.get(currency, ZERO), actual.get((currency, month), ZERO)))
    ordered = tuple(sorted(missed, key=lambda one: (one.month, one.currency)))
    return Tested(entity, ordered, mape(ordered))
