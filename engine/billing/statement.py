"""One subscription's part of a bill run: what it owes net of what was billed, and how far it has been billed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.period import FOREVER, Period, share_actual
from engine.billing.billed import Open, billed_in_part, open_lines
from engine.billing.metering import unmatched
from engine.billing.netting import Back, Due, Value, Worth, net_one_time, net_recurring, net_usage
from engine.billing.opened import NOTHING, Before
from engine.billing.proration import ProrationFacts, Reason
from engine.billing.rating import Job, Owed, one_time_stretches, rate, stretches, subscribed_on
from engine.billing.timeline import Stint, stints
from engine.model.account import Account
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.subscription import BillingMark

NO_START = Code("subscription.no-start", "A subscription without a start event.")


class Statement(msgspec.Struct, frozen=True):
    """What a run makes of one subscription; ``prices`` are the ids of all pricing decisions, of those too that came to nothing."""

    charges: tuple[RatedCharge, ...]
    mark: BillingMark
    prices: frozenset[int]
    findings: tuple[Finding, ...] = ()


def statement(job: Job, owner: AccountDue, due: SubscriptionDue) -> Statement:
    """Charges and credits of one subscription on the run's date.

    Raises:
        TollbookError: what makes this subscription impossible to bill (no price, events out of order, unknown plan).
    """
    served = stints(due.events, f"subscription/{due.subscription.key}")
    if not served and not due.events:
        raise refuse(
            NO_START,
            f"subscription {due.subscription.key} has no events",
            mend="import its start event",
            subject=f"subscription/{due.subscription.key}",
        )
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    since = subscribed_on(due)
    billed = [one for one in open_lines(due.billed) if one.line.charge.service_from <= job.on]
    owed: dict[str, list[Owed]] = {"recurring": [], "usage": [], "one_time": []}
    pending, before = job.on, _before(job, due, served)
    for found in (*stretches(job, due, served, billed), *one_time_stretches(job, due, served)):
        stretch = before.left(found) if before else found
        if stretch is None:
            continue
        if stretch.due(job.on) or billed_in_part(stretch.plan, stretch.charge.key, stretch.days, billed):
            owed[stretch.charge.kind].append(rate(job, due, since, account, contract, stretch))
        else:
            pending = min(pending, stretch.days.start)

    def of(kind: str) -> list[Open]:
        return [one for one in billed if one.line.charge.kind == kind]

    currency, window, value = account.currency, Period(due.window, FOREVER), _values(job, owner, due)
    opened = before.opened if before else NOTHING
    items = [
        *net_recurring(owed["recurring"], of("recurring"), window, currency, value, opened),
        *net_one_time(owed["one_time"], of("one_time")),
        *net_usage(owed["usage"], of("usage"), currency),
    ]
    make = _Maker(account, due)
    return Statement(
        tuple(make.back(item) if isinstance(item, Back) else make.due(item) for item in items),
        BillingMark(due.subscription.id, pending, job.events_seen, job.usage_seen),
        frozenset(one.pricing for kind in owed.values() for one in kind),
        (*unmatched(due, served, job.plans), *(before.findings() if before else ())),
    )


def _before(job: Job, due: SubscriptionDue, served: Sequence[Stint]) -> Before | None:
    """What another system billed of the subscription before it came over."""
    return Before(due.opening, due, served, job.plans, job.on) if due.opening else None


def _values(job: Job, owner: AccountDue, due: SubscriptionDue) -> Value:
    """How parts of stretches are valued: by the proration rule in force on their first day, relative to the whole stretch.

    A whole cycle is worth 1, as it is where it is billed.  For days that are given back, both ``began_by`` and ``ended_by``
    say what ended the service before them.
    """

    def value(plan: str, key: str, cycle: Period, whole: Period, part: Period) -> Worth:
        known = job.plans.get(plan)
        charge = next((c for c in known.charges if c.key == key), None) if known else None
        if charge is None:
            return Worth(share_actual(part, whole), True, "half_up", 0)

        happened: dict[date, Reason] = {event.on: event.kind for event in sorted(due.events, key=lambda e: e.id)}

        def facts(days: Period) -> ProrationFacts:
            reason = happened.get(days.start, "change")
            began_by: Reason = "anchor" if days.start == cycle.start else reason
            return ProrationFacts(
                owner.account, charge, plan, began_by, reason, days.start, days.end, cycle.start, cycle.end
            )

        decision = job.decide("proration", facts(part), part.start)
        terms, method = decision.terms, decision.method
        assert method is not None
        worth = Fraction(1) if whole == cycle else method(terms, facts(whole))
        share = method(terms, facts(part)) / worth if worth else Fraction(0)
        return Worth(share, terms["credit"], terms["rounding"], decision.id)

    return value


class _Maker:
    """Writes the lines of one subscription."""

    def __init__(self, account: Account, due: SubscriptionDue) -> None:
        self.account, self.due_ = account, due

    def due(self, item: Due) -> RatedCharge:
        owed, subscription = item.owed, self.due_.subscription
        return RatedCharge(
            self.account.key,
            self.account.id,
            subscription.id,
            subscription.key,
            subscription.contract or "",
            owed.contract_line,
            owed.plan,
            owed.charge.key,
            owed.charge.id,
            owed.charge.kind,
            owed.charge.name,
            owed.charge.product,
            owed.charge.tax_code,
            item.days.start,
            item.days.end,
            owed.cycle.start,
            owed.cycle.end,
            self.account.currency,
            item.quantity,
            owed.full,
            str(item.share),
            item.amount,
            owed.pricing,
            item.proration,
            0,
            item.usage_after,
            owed.usage_to,
            item.events,
        )

    def back(self, item: Back) -> RatedCharge:
        billed = item.line.charge
        return msgspec.structs.replace(
            billed,
            text=f"Credit: {billed.text}",
            service_from=item.days.start,
            service_to=item.days.end,
            share=str(item.share),
            amount=item.amount,
            proration=item.proration,
            credits=item.line.id,
            events=0,
        )
