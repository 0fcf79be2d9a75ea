"""Usage in the books as what was used of promises: read by day, and refused where it would be earned twice.

Daily sums are what bill runs price; an event that comes late, and one that is taken back, change the sum of its day, and with it what
the contract has earned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO
from engine.model.revenue_contract import Bill, Measure, Occurrence, PromiseTerms, RevenueContract
from engine.model.usage import UsageDay
from engine.revenue.promised import Used
from engine.revenue.satisfied import per_unit, royalty, units
from engine.store import lookups
from engine.store.due import usage_days
from engine.store.reader import Reader

UNMEASURED = Code(
    "revenue.not-measurable", "A promise that is to be earned by usage which its meter or its rule cannot tell."
)
MEASURED_TWICE = Code(
    "revenue.measured-twice", "Usage that would be earned twice: by a contract, and by something else."
)

METHODS: Final = (units, per_unit, royalty)
"""Methods that go by what was used."""
COUNTS: Final[Mapping[str, Callable[[UsageDay], Decimal]]] = {
    "sum": lambda day: day.quantity,
    "count": lambda day: Decimal(day.events),
}
"""Aggregations whose days add up, and what a day of them comes to."""

Days = dict[str, dict[str, tuple[Used, ...]]]
"""What was used by day, by contract and promise."""


def used_of(
    reader: Reader,
    tenant: str,
    contracts: Sequence[RevenueContract],
    told: Mapping[int, Sequence[Occurrence]],
    count: Callable[[], object],
) -> Days:
    """What was used of the promises of contracts of one legal entity; ``count`` is called first, where there is any to look at."""
    asked = [(one, *each) for one in contracts for each in _promised(one, told.get(one.id, ())) if each[0].measures]
    if not asked:
        return {}
    count()
    ids: dict[str, int] = {}
    since: dict[int, date] = {}
    for one, promise, first in asked:
        for each in promise.measures:
            ident = reader.subscription_named(tenant, one.entity, each.subscription)
            assert ident is not None
            ids[each.subscription] = ident
            since[ident] = min(since.get(ident, date.max), first)
    days, meters = usage_days(reader, since), reader.meters(tenant)
    found: Days = {}
    for one, promise, first in asked:
        end = _end(promise, told.get(one.id, ()))
        sums: dict[date, Decimal] = {}
        for each in promise.measures:
            worth = COUNTS[meters[each.meter].aggregation]
            for day in days.get(ids[each.subscription], ()):
                if day.meter == each.meter and first <= day.day < end:
                    sums[day.day] = sums.get(day.day, ZERO) + worth(day)
        found.setdefault(one.key, {})[promise.promise] = tuple(sorted((on, some) for on, some in sums.items() if some))
    return found


def _promised(contract: RevenueContract, told: Sequence[Occurrence]) -> Iterator[tuple[PromiseTerms, date]]:
    """The promises of a contract and those that came later, with their first days."""
    for promise in contract.agreed.promises:
        yield promise, promise.service_from or contract.signed
    for one in told:
        for promise in one.adds:
            yield promise, promise.service_from or one.on


def _end(promise: PromiseTerms, told: Sequence[Occurrence]) -> date:
    """The day after the last one whose usage is of a promise; changes may have moved it."""
    if promise.service_to is None:
        return date.max
    return max([promise.service_to, *(one.ends for one in told if one.kind == "modify" and one.ends is not None)])


def measurable(
    reader: Reader,
    tenant: str,
    contract: RevenueContract,
    promises: Sequence[PromiseTerms],
    methods: Mapping[str, Any],
    on: date | None = None,
) -> None:
    """Refuse what usage cannot tell, and what would be earned twice.

    ``promises`` are of the contract, or came with a modification ``on`` a day; ``methods`` are those of their rules.

    Raises:
        TollbookError: ``revenue.not-measurable``, ``revenue.measured-twice``.
    """
    asked = [one for one in promises if one.measures]
    if not asked:
        return
    taken, bills = _taken(reader, tenant, contract, {one.promise for one in asked})
    bills += [*contract.agreed.bills, *(bill for one in promises for bill in one.bills)]
    for one in asked:
        if methods[one.promise] not in METHODS:
            raise refuse(
                UNMEASURED,
                f"{one.promise} of {contract.key} names usage, and its rule does not go by what is used",
                mend="let its rule of revrec say method per_unit, units or royalty, or leave `measures` out",
            )
        for each in one.measures:
            _by_day(reader, tenant, one, each)
            place = (each.subscription, each.meter)
            if place in taken:
                raise refuse(
                    MEASURED_TWICE,
                    f"{each.meter} of {each.subscription} earns {taken[place]} already",
                    mend=f"leave it out of {one.promise} of {contract.key}",
                )
            taken[place] = f"{one.promise} of {contract.key}"
            _billed_here(reader, tenant, contract, one, each, bills, one.service_from or on or contract.signed)


def _taken(
    reader: Reader, tenant: str, contract: RevenueContract, asked: Collection[str]
) -> tuple[dict[tuple[str, str], str], list[Bill]]:
    """What earns another promise than those that are asked about, by subscription and meter; and what bills for those of the same
    contract."""
    contracts = reader.revenue_contracts(tenant, contract.entity)
    told = reader.revenue_occurrences([one.id for one in contracts])
    taken, bills = dict[tuple[str, str], str](), list[Bill]()
    for one in contracts:
        for promise, _ in _promised(one, told.get(one.id, ())):
            if one.key == contract.key and promise.promise in asked:
                continue
            taken.update(
                {(each.subscription, each.meter): f"{promise.promise} of {one.key}" for each in promise.measures}
            )
            bills += promise.bills if one.key == contract.key else ()
    return taken, bills


def _by_day(reader: Reader, tenant: str, promise: PromiseTerms, measure: Measure) -> None:
    meters = reader.meters(tenant)
    if measure.meter not in meters:
        what = f"{promise.promise} names the meter {measure.meter!r}, which does not exist"
        raise refuse(UNMEASURED, what, mend=did_you_mean(measure.meter, meters) or "import it first")
    meter = meters[measure.meter]
    if not meter.by_day or meter.aggregation not in COUNTS:
        how = (
            "counts some of its events only"
            if meter.filter is not None
            else f"is not added up by days: {meter.aggregation}"
        )
        what = f"{promise.promise} names the meter {measure.meter}, which {how}"
        raise refuse(
            UNMEASURED,
            what,
            mend=f"name one that is {' or '.join(COUNTS)} of all its events, or tell what was used by hand",
        )


def _billed_here(
    reader: Reader,
    tenant: str,
    contract: RevenueContract,
    promise: PromiseTerms,
    measure: Measure,
    bills: Sequence[Bill],
    first: date,
) -> None:
    """Refuse a meter whose charges bill for something else, or have billed the same days before."""
    ident = reader.subscription_named(tenant, contract.entity, measure.subscription)
    if ident is None:
        what = f"{contract.entity} has no subscription {measure.subscription!r}"
        raise refuse(UNMEASURED, what, mend="import it first, or name the one that is used")
    charges = _charges(reader, tenant, ident, measure.meter)
    place = (contract.entity, measure.subscription)
    agreement = lookups.find(reader, "subscriptions", tenant, [place])[place]["contract"] or ""
    loose = [charge for charge in charges if not _covered(bills, measure.subscription, agreement, charge)]
    if loose:
        raise refuse(
            MEASURED_TWICE,
            f"{', '.join(loose)} of {measure.subscription} bills what {measure.meter} counts, and not for {contract.key}",
            why="it would be earned as it is used, and again as it is accrued or invoiced",
            mend=f"name it in the bills of {promise.promise}",
        )
    if charges and reader.lines_billed(tenant, contract.entity, [measure.subscription], charges, first):
        raise refuse(
            MEASURED_TWICE,
            f"usage of {measure.subscription} after {first} was billed before {contract.key} was known, and is earned",
            mend="let the promise begin after what was billed, with `from`",
        )


def _charges(reader: Reader, tenant: str, ident: int, meter: str) -> list[str]:
    """Keys of the charges that bill a meter, of all plans that a subscription had."""
    plans = reader.catalogue(tenant)
    mine = {event.plan for event in lookups.events_of(reader, [ident]).get(ident, ()) if event.plan}
    found = {
        one.key
        for plan in mine
        if plan in plans
        for one in plans[plan].charges
        if one.kind == "usage" and meter in (one.meter, *(one.meters or "").split(";"))
    }
    return sorted(found)


def _covered(bills: Sequence[Bill], subscription: str, agreement: str, charge: str) -> bool:
    """Whether a charge of a subscription under an agreement on prices bills for a contract."""
    mine = [one for one in bills if one.subscription == subscription or (one.contract and one.contract == agreement)]
    return any(one.charge in ("", charge) for one in mine)
