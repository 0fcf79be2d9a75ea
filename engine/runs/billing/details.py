"""What only some rules of a release look at, read for them alone: single events, and sums of the windows that usage counts over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.billing.discounts import redeemed
from engine.billing.job import Job
from engine.billing.pricing import EACH_EVENT
from engine.billing.rating import subscribed_on
from engine.billing.turning import turning_of
from engine.billing.windows import PERIOD, holding
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.turning import Turning
from engine.runs.billing.measuring import with_measured
from engine.runs.billing.shared import with_shared
from engine.runs.run import Rules
from engine.store.coupons import any_coupons, coupons, redemption_numbers
from engine.store.index_values import known_values
from engine.store.reader import Reader
from engine.store.single_events import single_events
from engine.store.window_sums import Span, window_sums


def turning(rules: Rules) -> Turning | None:
    """What makes prices turn for single customers by these rules."""
    priced = (one for one in rules.decisions() if one.family == "pricing")
    return turning_of(priced, rules.looked_at("pricing"))


def priced_by_part(rules: Rules) -> bool:
    """Whether a rule prices each day, week or month of a stretch by itself."""
    return any(one.terms["per"] != PERIOD for one in rules.decisions() if one.family == "pricing")


def index_values(reader: Reader, tenant: str, turns: Turning | None) -> dict[str, dict[date, Decimal]]:
    """The values of all indexes, where prices follow some."""
    return known_values(reader, tenant) if turns is not None and turns.indexes else {}


def detailed_dues(rules: Rules, reader: Reader, job: Job, dues: Iterable[PayerDue]) -> list[PayerDue]:
    """What is due, with what some rules of the release look at beside it."""
    dues = list(dues)
    if any(decision.needs == EACH_EVENT for decision in rules.decisions()):
        since = {one.subscription.id: one.usage[0].day for one in _subscriptions(dues) if one.usage}
        singles = single_events(reader, since, job.usage_seen)
        dues = _each(dues, lambda one: {"singles": singles.get(one.subscription.id, ())})
    if job.turning is not None and job.turning.windows:
        spans = [span for one in _subscriptions(dues) for span in _spans(job, one)]
        sums = window_sums(reader, spans, job.usage_seen)
        dues = _each(dues, lambda one: {"earlier": sums.get(one.subscription.id, ())})
    if any_coupons(reader, job.entity.tenant):
        dues = _with_coupons(reader, job, dues)
    if reader.has_milestones(job.entity.tenant):
        dues = _with_milestones(reader, job, dues)
    return with_shared(reader, job, with_measured(reader, job, dues))


def _with_milestones(reader: Reader, job: Job, dues: Sequence[PayerDue]) -> list[PayerDue]:
    """The same with the milestones that are planned for each subscription."""
    keys = [one.subscription.key for one in _subscriptions(dues)]
    found = reader.milestones(job.entity.tenant, job.entity.key, keys)
    return _each(dues, lambda one: {"milestones": found.get(one.subscription.key, ())}) if found else list(dues)


def _with_coupons(reader: Reader, job: Job, dues: Sequence[PayerDue]) -> list[PayerDue]:
    """The same with the coupons that subscriptions have redeemed."""
    tenant = job.entity.tenant
    keys = {event.coupon for one in _subscriptions(dues) for event in one.events if event.coupon}
    if not keys:
        return list(dues)
    known = coupons(reader, tenant, keys)
    numbers = redemption_numbers(reader, tenant, known)
    return _each(dues, lambda one: {"redemptions": redeemed(one.events, known, numbers)})


def _spans(job: Job, due: SubscriptionDue) -> Iterator[Span]:
    """The days before those that are read one by one, from the begin of each window that holds these on."""
    assert job.turning is not None
    upto = due.usage_from
    if upto == date.min or not _used(job, due):
        return
    since = subscribed_on(due)
    for window in job.turning.windows:
        first = max(holding(window, since, upto).start, since)
        if first < upto:
            yield due.subscription.id, first, upto


def _used(job: Job, due: SubscriptionDue) -> bool:
    """Whether a plan of the subscription has usage."""
    plans = (job.plans[event.plan] for event in due.events if event.plan and event.plan in job.plans)
    return any(charge.kind == "usage" for plan in plans for charge in plan.charges)


def _subscriptions(dues: Sequence[PayerDue]) -> Iterator[SubscriptionDue]:
    return (one for due in dues for account in due.accounts for one in account.subscriptions)


def _each(dues: Iterable[PayerDue], more: Callable[[SubscriptionDue], dict[str, Any]]) -> list[PayerDue]:
    """The same with more fields of every subscription."""
    replace = msgspec.structs.replace

    def of(account: AccountDue) -> AccountDue:
        return replace(account, subscriptions=tuple(replace(one, **more(one)) for one in account.subscriptions))

    return [replace(due, accounts=tuple(map(of, due.accounts))) for due in dues]
