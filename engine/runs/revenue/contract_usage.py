"""Usage in the books as what was used of promises: read by day, and refused where it would be earned twice.

Daily sums are what bill runs price; an event that comes late, and one that is taken back, change the sum of its day, and with it what
the contract has earned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO
from engine.model.revenue_contract import Bill, Measure, Occurrence, PromiseTerms, RevenueContract
from engine.model.usage import UsageDay
from engine.revenue.promised import Used
from engine.revenue.satisfied import per_unit, units
from engine.store import lookups
from engine.store.due import usage_days
from engine.store.reader import Reader

UNMEASURED = Code(
    "revenue.not-measurable", "A promise that is to be earned by usage which its meter or its rule cannot tell."
)
MEASURED_TWICE = Code(
    "revenue.measured-twice", "Usage that would be earned twice: by a contract, and by something else."
)

METHODS: Final = (units, per_unit)
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
    asked = [(one, promise) for one in contracts for promise in one.agreed.promises if promise.measures]
    if not asked:
        return {}
    count()
    ids: dict[str, int] = {}
    since: dict[int, date] = {}
    for one, promise in asked:
        for each in promise.measures:
            ident = reader.subscription_named(tenant, one.entity, each.subscription)
            assert ident is not None
            ids[each.subscription] = ident
            since[ident] = min(since.get(ident, date.max), _first(one, promise))
    days, meters = usage_days(reader, since), reader.meters(tenant)
    found: Days = {}
    for one, promise in asked:
        first, end = _first(one, promise), _end(promise, told.get(one.id, ()))
        sums: dict[date, Decimal] = {}
        for each in promise.measures:
            worth = COUNTS[meters[each.meter].aggregation]
            for day in days.get(ids[each.subscription], ()):
                if day.meter == each.meter and first <= day.day < end:
                    sums[day.day] = sums.get(day.day, ZERO) + worth(day)
        found.setdefault(one.key, {})[promise.promise] = tuple(sorted((on, some) for on, some in sums.items() if some))
    return found


def _first(contract: RevenueContract, promise: PromiseTerms) -> date:
    return promise.service_from or contract.signed


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
) -> None:
    """Refuse what usage cannot tell, and what would be earned twice.

    Raises:
        TollbookError: ``revenue.not-measurable``, ``revenue.measured-twice``.
    """
    asked = [one for one in promises if one.measures]
    if not asked:
        return
    taken = _taken(reader, tenant, contract)
    for one in asked:
        if methods[one.promise] not in METHODS:
            raise refuse(
                UNMEASURED,
                f"{one.promise} of {contract.key} names usage, and its rule does not go by what is used",
                mend="let its rule of revrec say method per_unit or units, or leave `measures` out",
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
            _billed_here(reader, tenant, contract, one, each)


def _taken(reader: Reader, tenant: str, contract: RevenueContract) -> dict[tuple[str, str], str]:
    """What earns a promise of another contract: by subscription and meter."""
    return {
        (each.subscription, each.meter): f"{promise.promise} of {one.key}"
        for one in reader.revenue_contracts(tenant, contract.entity)
        if one.key != contract.key
        for promise in one.agreed.promises
        for each in promise.measures
    }


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
    reader: Reader, tenant: str, contract: RevenueContract, promise: PromiseTerms, measure: Measure
) -> None:
    """Refuse a meter whose charges bill for something else, or have billed the same days before."""
    ident = reader.subscription_named(tenant, contract.entity, measure.subscription)
    if ident is None:
        what = f"{contract.entity} has no subscription {measure.subscription!r}"
        raise refuse(UNMEASURED, what, mend="import it first, or name the one that is used")
    charges = _charges(reader, tenant, ident, measure.meter)
    bills = [*contract.agreed.bills, *(bill for one in contract.agreed.promises for bill in one.bills)]
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
    first = _first(contract, promise)
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
