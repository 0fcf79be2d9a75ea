"""What a change of a subscription would be billed as, before anybody makes it.

The same functions as in a bill run compute three things: what a run on the day would bill without the change, what the
change adds to that (old price given back, new price charged), and what the next cycle then costs.  Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.base.period import local_day
from engine.billing.rating import Job
from engine.billing.statement import Statement, statement
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.subscription import EventKind, SubscriptionEvent
from engine.runs.bill_read import ranges_of
from engine.runs.run import Parts
from engine.store.reader import Reader

WHICH = Code("preview.which-subscription", "A subscription that the account does not have, or several and none named.")

IMAGINED = "preview"
"""Key of the event that nobody has made."""


def imagined(
    kind: EventKind, on: date, plan: str | None = None, quantity: Decimal | None = None, at: datetime | None = None
) -> SubscriptionEvent:
    """An event as somebody thinks of it; of one ``at`` an instant, ``on`` becomes its day in the zone of the account."""
    return SubscriptionEvent(0, IMAGINED, kind, on, plan, quantity, at=at)


class ChangePreview(msgspec.Struct, frozen=True):
    """What a change would be billed as, before tax.

    ``anyway`` is what a run on the day would bill without it, ``now`` what the change adds to that, ``later`` what the first
    run bills for the cycle after; each ``net`` is the sum.  Lines are as in a dry run.
    """

    account: str
    subscription: str
    currency: str
    on: date
    anyway: Sequence[dict[str, Any]]
    now: Sequence[dict[str, Any]]
    net: Decimal
    later_on: date | None
    later: Sequence[dict[str, Any]]
    later_net: Decimal


def preview_change(parts: Parts, account: str, change: SubscriptionEvent, subscription: str = "") -> ChangePreview:
    """Preview a change of a subscription of an account; its only one where none is named.

    Raises:
        TollbookError: ``run.unknown-account``, ``preview.which-subscription``, and whatever would keep a run from billing it.
    """
    with parts.books.reader() as reader:
        usage, events = reader.high_marks()
        found: list[tuple[Job, AccountDue, SubscriptionDue]] = []
        for entity, low, high in ranges_of(parts, reader, account):
            job = _job(parts, reader, entity, change.on, (events, usage))
            for payer in reader.due(parts.tenant, entity, low, high, usage, events):
                found += [(job, o, s) for o in payer.accounts if o.account.key == account for s in o.subscriptions]
        job, owner, due = _chosen(found, account, subscription)
        day = local_day(change.at, owner.account.zone) if change.at else change.on
        event = msgspec.structs.replace(change, id=events + 1, on=day)
        key = owner.account.payer
        payers = reader.due(parts.tenant, owner.account.entity, key, key, usage, events, {due.subscription.id: event})
    _, owner, due = next(
        (job, o, s)
        for p in payers
        for o in p.accounts
        for s in o.subscriptions
        if s.subscription.id == due.subscription.id
    )
    return _previewed(job, owner, due, event)


def _job(parts: Parts, reader: Reader, entity: str, on: date, seen: tuple[int, int]) -> Job:
    tenant = parts.tenant
    return Job(
        reader.entities(tenant)[entity], reader.catalogue(tenant), reader.meters(tenant), parts.rules.decide, on, *seen
    )


def _chosen(
    found: Sequence[tuple[Job, AccountDue, SubscriptionDue]], account: str, subscription: str
) -> tuple[Job, AccountDue, SubscriptionDue]:
    fitting = [one for one in found if subscription in ("", one[2].subscription.key)]
    if len(fitting) != 1:
        keys = ", ".join(sorted(one[2].subscription.key for one in found)) or "none"
        what = f"has no subscription {subscription!r}" if subscription else f"has {len(found)} subscriptions"
        raise refuse(WHICH, f"account {account} {what}", mend=f"name one with --subscription: {keys}")
    return fitting[0]


def _previewed(job: Job, owner: AccountDue, due: SubscriptionDue, event: SubscriptionEvent) -> ChangePreview:
    job = msgspec.structs.replace(job, on=event.on)
    before = msgspec.structs.replace(due, events=tuple(e for e in due.events if e.key != IMAGINED))
    anyway = statement(job, owner, before)
    changed = _with(due, anyway)
    now = statement(msgspec.structs.replace(job, events_seen=event.id), owner, changed)
    after = _with(changed, now)
    later_on, later = _next(job, owner, after)
    return ChangePreview(
        owner.account.key,
        due.subscription.key,
        owner.account.currency,
        event.on,
        [_shown(line) for line in anyway.charges],
        [_shown(line) for line in now.charges],
        _net(now.charges),
        later_on,
        [_shown(line) for line in later],
        _net(later),
    )


def _with(due: SubscriptionDue, made: Statement) -> SubscriptionDue:
    """What a run would read after another has billed its lines; the window stays, so that all of it is compared again."""
    top = max((line.id for line in due.billed), default=0)
    lines = (BilledLine(top + place, charge) for place, charge in enumerate(made.charges, 1))
    return msgspec.structs.replace(due, billed=(*due.billed, *lines), mark=made.mark)


def _next(job: Job, owner: AccountDue, due: SubscriptionDue) -> tuple[date | None, Sequence[RatedCharge]]:
    """The first day after the change on which a cycle that was billed is over, and what a run on it bills."""
    ends = sorted({line.charge.cycle_to for line in due.billed if line.charge.cycle_to > job.on})
    for day in (moment for end in ends for moment in (end, end + timedelta(days=1))):
        made = statement(msgspec.structs.replace(job, on=day), owner, due)
        if made.charges:
            return day, made.charges
    return None, ()


def _net(charges: Sequence[RatedCharge]) -> Decimal:
    return sum((charge.amount for charge in charges), ZERO)


def _shown(charge: RatedCharge) -> dict[str, Any]:
    return {
        "text": charge.text,
        "plan": charge.plan,
        "from": charge.service_from.isoformat(),
        "to": charge.service_to.isoformat(),
        "counted": charge.exact.split(" ")[0],
        "quantity": str(charge.quantity),
        "full": str(charge.full),
        "share": charge.share,
        "amount": str(charge.amount),
    }
