"""Usage that daily sums do not tell: measured by the books, a partition at a time, before its subscriptions are priced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import itemgetter

import msgspec

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.base.period import Period, instant_of
from engine.billing.aggregating import Event, aggregated
from engine.billing.job import Job
from engine.billing.measuring import Wanted, measured_charges, of_windows, to_measure
from engine.billing.metering import measured_key
from engine.model.catalog import Charge, Meter
from engine.model.due import AccountDue, MeasuredKey, PayerDue, SubscriptionDue
from engine.model.measure import Found, Measure, Window
from engine.rulebook.measured import compiled_filter, compiled_value
from engine.store import measuring as store
from engine.store.reader import Reader

UNKNOWN_DIMENSION = Code("usage.unknown-dimension", "A dimension that the meter does not declare.")

Measured = dict[MeasuredKey, tuple[Found, ...] | TollbookError]


def with_measured(reader: Reader, job: Job, dues: Sequence[PayerDue]) -> Sequence[PayerDue]:
    """The same with what was measured for each subscription; untouched where nothing has to be."""
    charges = measured_charges(job)
    if not charges:
        return dues
    replace = msgspec.structs.replace
    pairs = [(account, one) for due in dues for account in due.accounts for one in account.subscriptions]
    found = _found(reader, job, pairs, charges)

    def filled(one: SubscriptionDue) -> SubscriptionDue:
        mine = found.get(one.subscription.id)
        return one if mine is None else replace(one, measured=mine)

    def of(account: AccountDue) -> AccountDue:
        return replace(account, subscriptions=tuple(map(filled, account.subscriptions)))

    return [replace(due, accounts=tuple(map(of, due.accounts))) for due in dues]


def measured_one(reader: Reader, job: Job, owner: AccountDue, due: SubscriptionDue) -> SubscriptionDue:
    """The same for one subscription."""
    charges = measured_charges(job)
    if not charges:
        return due
    return msgspec.structs.replace(due, measured=_found(reader, job, [(owner, due)], charges)[due.subscription.id])


def with_recounts(reader: Reader, job: Job, dues: Sequence[PayerDue]) -> Sequence[PayerDue]:
    """The same; subscriptions with late usage can be measured again without some of it, should a rule drop it."""
    late = any(one.late is not None for due in dues for account in due.accounts for one in account.subscriptions)
    charges = measured_charges(job) if late and job.reconciling.asks else frozenset()
    if not charges:
        return dues
    replace = msgspec.structs.replace

    def of(account: AccountDue, one: SubscriptionDue) -> SubscriptionDue:
        if one.late is None or not one.measured:
            return one

        def recount(gone: Collection[int]) -> Measured:
            return _found(reader, job, [(account, one)], charges, gone)[one.subscription.id]

        return replace(one, recount=recount)

    def filled(account: AccountDue) -> AccountDue:
        return replace(account, subscriptions=tuple(of(account, one) for one in account.subscriptions))

    return [replace(due, accounts=tuple(map(filled, due.accounts))) for due in dues]


def _found(
    reader: Reader,
    job: Job,
    pairs: Sequence[tuple[AccountDue, SubscriptionDue]],
    charges: frozenset[tuple[str, str]],
    gone: Collection[int] = (),
) -> dict[int, Measured]:
    """What was measured, by subscription, without the events that are ``gone``; each kind of question is asked once for all of
    them."""
    made = _answered(reader, job, pairs, partial(to_measure, job, charges=charges), gone)
    if made and (job.buckets or (job.turning is not None and job.turning.windows)):
        counted = [
            (owner, msgspec.structs.replace(due, measured=made[due.subscription.id]))
            for owner, due in pairs
            if due.subscription.id in made
        ]
        for ident, more in _answered(reader, job, counted, partial(of_windows, job, charges=charges), gone).items():
            made[ident] |= more
    return made


def _answered(
    reader: Reader,
    job: Job,
    pairs: Sequence[tuple[AccountDue, SubscriptionDue]],
    of: Callable[[AccountDue, SubscriptionDue], Iterator[Wanted]],
    gone: Collection[int],
) -> dict[int, Measured]:
    """What was measured of stretches and days that are wanted of each subscription."""
    made: dict[int, Measured] = defaultdict(dict)
    asked: dict[tuple[str, str, str], tuple[Measure, list[Window], list[tuple[int, MeasuredKey]]]] = {}
    for owner, due in pairs:
        for (plan, charge), meter, days, over, whole in _asked(job, owner, due, of):
            ident = due.subscription.id
            key = measured_key(plan, charge, meter, days, over)
            try:
                question = asked.setdefault((plan, charge.key, meter.key), (measure_of(charge, meter), [], []))
            except TollbookError as error:
                made[ident][key] = error
                continue
            question[1].append(window_of(ident, days, whole, owner.account.zone))
            question[2].append((ident, key))
    for measure, windows, keys in asked.values():
        for (ident, key), found in zip(keys, ask(reader, measure, windows, job.usage_seen, gone), strict=True):
            made[ident][key] = found
    return made


def _asked(
    job: Job,
    owner: AccountDue,
    due: SubscriptionDue,
    of: Callable[[AccountDue, SubscriptionDue], Iterator[Wanted]],
) -> Iterator[tuple[tuple[str, Charge], Meter, Period, Period | None, Period]]:
    """(plan and charge, meter, days, other days than the cycle that levels are averaged over, and these or the cycle) of what is to be
    measured; nothing of a subscription that cannot be billed, as billing it says why."""
    try:
        stretches = list(of(owner, due))
    except TollbookError:
        return
    for stretch, days, over in stretches:
        for key in stretch.charge.counted:
            if key in job.meters:
                yield (stretch.plan, stretch.charge), job.meters[key], days, over, over or stretch.cycle


def measure_of(charge: Charge, meter: Meter) -> Measure:
    """How a charge counts the events of a meter.

    Raises:
        TollbookError: ``usage.unknown-dimension``, and whatever is wrong with a filter or expression.
    """
    kinds = meter.kinds
    for name in (*charge.grouped, *((meter.dimension,) if meter.dimension else ())):
        if name not in kinds:
            raise refuse(
                UNKNOWN_DIMENSION,
                f"meter {meter.key} has no dimension {name!r}, which {charge.plan}/{charge.key} looks at",
                mend=did_you_mean(name, kinds) or "declare it in dimensions of the meter",
            )
    filters = [text for text in (meter.filter, charge.filter) if text]
    return Measure(
        meter.key,
        meter.aggregation,
        kinds,
        tuple(compiled_filter(text, kinds) for text in filters),
        compiled_value(meter.expression, kinds) if meter.expression else None,
        meter.dimension or "",
        meter.percentile if meter.percentile is not None else Decimal(0),
        charge.grouped,
    )


def window_of(subscription_id: int, days: Period, cycle: Period, zone: str) -> Window:
    """Days of a subscription whose days begin at midnight of a zone."""
    start, end = instant_of(days.start, zone), instant_of(days.end, zone)
    whole = store.seconds_of(instant_of(cycle.end, zone)) - store.seconds_of(instant_of(cycle.start, zone))
    return Window(subscription_id, days.start, days.end, start, end, whole)


def ask(
    reader: Reader, measure: Measure, windows: Sequence[Window], high: int, gone: Collection[int] = ()
) -> list[tuple[Found, ...]]:
    """What each window has without the events that are ``gone``: worked out by the database, or in Python where it cannot."""
    try:
        return [tuple(found) for found in store.measured(reader, measure, windows, high, gone)]
    except store.NotHere:
        return streamed(reader, measure, windows, high, gone)


def streamed(
    reader: Reader, measure: Measure, windows: Sequence[Window], high: int, gone: Collection[int] = ()
) -> list[tuple[Found, ...]]:
    """What each window has, worked out in Python over a stream of its events."""
    made: list[tuple[Found, ...]] = [()] * len(windows)
    newest: Mapping[int, int] = store.newest_reversals(reader, measure, windows, high)
    rows = store.streamed(reader, measure, windows, high, gone)
    for n, some in groupby(rows, itemgetter(0)):
        events = (Event(*row[1:]) for row in some)
        found = aggregated(measure, windows[n], events)
        last = newest.get(n, 0)
        made[n] = tuple(msgspec.structs.replace(one, last_id=max(one.last_id, last)) for one in found)
    return made
