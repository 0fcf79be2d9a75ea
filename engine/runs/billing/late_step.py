"""What a bill run does for usage that is late or not complete: late events are read, and what is held is taken from the run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from engine.base.period import Period
from engine.billing.job import Job
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.lateness import Hold, Late, Reconciling
from engine.runs.run import Parts
from engine.store.late import late_usage
from engine.store.reader import Reader

_DAY: Final = attrgetter("day")
HOLDS: Final = "holds"
"""Where the parameters of a run keep what it holds: (legal entity, meter, first day, day after the last, scope, subject, what)."""
MOMENT: Final = "moment"
"""Where the parameters of a run keep the moment at which it began."""


def reconciling(parts: Parts, pinned: Mapping[str, Any], entity: str) -> Reconciling:
    """What the rules, and what a run has pinned, say about usage of a legal entity that may not be complete."""
    rules = [decision for decision in parts.rules.decisions() if decision.family == "lateness"]
    holds = [hold for owner, hold in holds_of(pinned) if owner == entity]
    waits = any(one.terms["grace"] for one in rules)
    return Reconciling(bool(rules), waits, tuple(holds), began(pinned))


def began(pinned: Mapping[str, Any]) -> datetime | None:
    """The moment at which a run began, where it has pinned that."""
    at = pinned.get(MOMENT)
    return datetime.fromisoformat(at) if at else None


def moment(parts: Parts, at: datetime) -> dict[str, str]:
    """What a run that begins at a moment pins of it: nothing where no rule counts hours."""
    graces = (decision.terms["grace"] for decision in parts.rules.decisions() if decision.family == "lateness")
    return {MOMENT: at.isoformat()} if any(grace.whole_days is None for grace in graces) else {}


def holds_of(pinned: Mapping[str, Any]) -> Iterator[tuple[str, Hold]]:
    """What a run has pinned that it holds, each with its legal entity."""
    for entity, meter, begin, end, scope, subject, what in pinned.get(HOLDS, ()):
        days = Period(date.fromisoformat(begin), date.fromisoformat(end))
        yield entity, Hold(meter, days, scope, subject, what)


def stopped(job: Job) -> bool:
    """Whether nothing of the legal entity is billed."""
    return any(hold.scope == "entity" for hold in job.reconciling.holds)


def with_late(reader: Reader, dues: Sequence[PayerDue], high: int) -> list[PayerDue]:
    """The same with the late events of each subscription, where it has any."""
    seen: dict[int, int] = {}
    days: list[tuple[int, date]] = []
    for one in (s for due in dues for account in due.accounts for s in account.subscriptions):
        mark = one.mark
        if not one.usage or mark is None or mark.billed_on is None or one.window > mark.billed_on:
            continue
        for total in one.usage[bisect_left(one.usage, one.window, key=_DAY) :]:  # what is new is in the window
            if total.day > mark.billed_on:
                break
            if total.last_id > mark.usage_seen:
                seen[one.subscription.id] = mark.usage_seen
                days.append((total.subscription_id, total.day))
    found = late_usage(reader, days, seen, high) if days else {}
    return [_filled(due, found) for due in dues] if found else list(dues)


def _filled(due: PayerDue, found: Mapping[int, Late]) -> PayerDue:
    replace = msgspec.structs.replace

    def of(one: SubscriptionDue) -> SubscriptionDue:
        late = found.get(one.subscription.id)
        return replace(one, late=late) if late else one

    def account(one: AccountDue) -> AccountDue:
        return replace(one, subscriptions=tuple(map(of, one.subscriptions)))

    return replace(due, accounts=tuple(map(account, due.accounts)))
