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
from engine.billing.job import Job
from engine.billing.statement import Statement, statement
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.subscription import EventKind, SubscriptionEvent
from engine.runs.bill_read import gather, known_now, ranges_of
from engine.runs.measuring import measured_one
from engine.runs.run import Parts
from engine.runs.subscriptions.whatif import after
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
    run bills for the cycle after; each ``net`` is the sum.  Lines are as in a dry run.  ``version`` is that
    of the subscription without the change.
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
    version: int


def preview_change(parts: Parts, account: str, change: SubscriptionEvent, subscription: str = "") -> ChangePreview:
    """Preview a change of a subscription of an account; its only one where none is named.

    Raises:
        TollbookError: ``run.unknown-account``, ``preview.which-subscription``, and whatever would keep a run from billing it.
    """
    with parts.books.reader() as reader:
        seen = known_now(reader)
        found: list[tuple[AccountDue, SubscriptionDue]] = []
        for payers in ranges_of(parts, reader, account):
            for payer in reader.due(parts.tenant, *payers, seen["usage"], seen["events"]):
                found += [(o, s) for o in payer.accounts if o.account.key == account for s in o.subscriptions]
        owner, due = _chosen(found, account, subscription)
        day = local_day(change.at, owner.account.zone) if change.at else change.on
        event = msgspec.structs.replace(change, id=seen["events"] + 1, on=day)
        key = owner.account.payer
        mine = (owner.account.entity, key, key)
        job, dues = gather(parts, reader, day, seen, mine, {due.subscription.id: event})
        owner, due = next(
            (o, s)
            for p in dues
            for o in p.accounts
            for s in o.subscriptions
            if s.subscription.id == due.subscription.id
        )
        return _previewed(reader, job, owner, due, event)


def _chosen(
    found: Sequence[tuple[AccountDue, SubscriptionDue]], account: str, subscription: str
) -> tuple[AccountDue, SubscriptionDue]:
    fitting = [one for one in found if subscription in ("", one[1].subscription.key)]
    if len(fitting) != 1:
        keys = ", ".join(sorted(one[1].subscription.key for one in found)) or "none"
        what = f"has no subscription {subscription!r}" if subscription else f"has {len(found)} subscriptions"
        raise refuse(WHICH, f"account {account} {what}", mend=f"name one with --subscription: {keys}")
    return fitting[0]


def _stated(reader: Reader, job: Job, owner: AccountDue, due: SubscriptionDue) -> Statement:
    return statement(job, owner, measured_one(reader, job, owner, due))


def _previewed(
    reader: Reader, job: Job, owner: AccountDue, due: SubscriptionDue, event: SubscriptionEvent
) -> ChangePreview:
    job = msgspec.structs.replace(job, on=event.on)
    before = msgspec.structs.replace(due, events=tuple(e for e in due.events if e.key != IMAGINED))
    anyway = _stated(reader, job, owner, before)
    changed = after(due, anyway)
    now = _stated(reader, msgspec.structs.replace(job, events_seen=event.id), owner, changed)
    following = after(changed, now)
    later_on, later = _next(reader, job, owner, following)
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
        len(before.events),
    )


def _next(
    reader: Reader, job: Job, owner: AccountDue, due: SubscriptionDue
) -> tuple[date | None, Sequence[RatedCharge]]:
    """The first day after the change on which a cycle that was billed is over, and what a run on it bills."""
    ends = sorted({line.charge.cycle_to for line in due.billed if line.charge.cycle_to > job.on})
    for day in (moment for end in ends for moment in (end, end + timedelta(days=1))):
        made = _stated(reader, msgspec.structs.replace(job, on=day), owner, due)
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
