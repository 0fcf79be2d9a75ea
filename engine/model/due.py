"""What a bill run reads about one payer: frozen facts, gathered by the books, taken by ``billing``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.discount import Redemption
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.lateness import Late
from engine.model.measure import Found
from engine.model.milestone import Milestone
from engine.model.subscription import BillingMark, Subscription, SubscriptionEvent, triggers
from engine.model.usage import UsageDay, UsageSingle


class Opening(msgspec.Struct, frozen=True):
    """What the system that billed before had billed of a subscription that came over.

    ``on`` is the day of the cut-over, the first that is billed here; ``events_seen`` and ``usage_seen`` are the ids of the
    newest events that were known then.  ``through`` gives the first day that was not billed, by charge; a charge that it
    does not name was billed up to ``on``.  ``lines`` are the old lines that share a day with the window, and the credits
    on them that the old system gave.
    """

    on: date
    events_seen: int
    usage_seen: int
    through: Mapping[str, date] = {}
    lines: tuple[BilledLine, ...] = ()


StretchKey = tuple[str, str, date, date]
"""A stretch of usage of a subscription: plan, charge, first day and the day after the last."""


class Carried(msgspec.Struct, frozen=True):
    """Units of allowance that earlier cycles carried into a stretch, and the same by cycle as a line keeps them."""

    units: Decimal
    written: str


MeasuredKey = tuple[str, str, str, date, date, Period | None]
"""Plan, charge, meter, first day, day after the last; and the days that levels are averaged over, where that is not the cycle."""
Measured = Mapping[MeasuredKey, tuple[Found, ...] | TollbookError]
"""What charges count, or why it cannot be counted."""
Recount = Callable[[Collection[int]], Measured]
"""What charges count without the events of some ids."""


class SubscriptionDue(msgspec.Struct, frozen=True):
    """One subscription with what a run must know to bill what it still owes.

    ``window`` is the first day that has to be compared with what was billed: the earliest of the mark's ``billed_to``, the
    day before the effective day of subscription events (what an event ends, or joins again, is compared too) and the local
    day of usage events that became known since; ``date.min`` where it was never billed.  ``billed`` holds the lines that
    share a day with the window (and the credits on them), ``usage`` the daily sums from one cycle before the window on.
    ``opening`` is there where another system billed before.  ``singles`` are the events of ``usage`` one by one in order of
    time, only where some price looks at each.  ``measured`` says what charges count that daily sums do not tell of, by
    :data:`MeasuredKey`, or why it cannot be counted.  ``usage_from`` is the first day that
    ``usage`` is of; ``earlier`` are sums of the days before it, each from the ``day`` it names, on which a window begins that
    some price counts over.  ``redemptions`` are the coupons that it has redeemed.  ``milestones`` are those that were planned.
    ``late`` is usage that became known after a run had billed its days.  ``sums`` are sums of days before those of ``usage``,
    each from the ``day`` it names, where allowances are carried over; ``carried`` is what came into stretches.  ``sharing`` knows
    the subscriptions that it may share pools with (:class:`engine.billing.pools.Sharing`); ``pooled`` is what stretches owe that are priced together with others, or why they cannot be; ``beyond`` are those of them that the
    ``window`` does not show, and ``settled`` the lines that have billed these.  ``recount`` measures again what is ``measured``,
    without some late events; None where no rule asks about them.

    Where events name payers, each payer has it by itself: what is owed is that of the days of the payers ``paying`` (the one that
    was named, or none, for that of the account), the mark and the lines are theirs, and ``elsewhere`` are lines on invoices of the
    others.  None where no event names any.
    """

    subscription: Subscription
    events: tuple[SubscriptionEvent, ...]
    window: date
    mark: BillingMark | None = None
    billed: tuple[BilledLine, ...] = ()
    usage: tuple[UsageDay, ...] = ()
    opening: Opening | None = None
    singles: tuple[UsageSingle, ...] = ()
    measured: Measured = {}
    usage_from: date = date.min
    earlier: tuple[UsageDay, ...] = ()
    redemptions: tuple[Redemption, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    late: Late | None = None
    sharing: Any = None
    sums: tuple[UsageDay, ...] = ()
    carried: Mapping[StretchKey, Carried] = {}
    pooled: Mapping[StretchKey, Any] = {}
    beyond: tuple[Any, ...] = ()
    settled: tuple[BilledLine, ...] = ()
    recount: Recount | None = None
    paying: frozenset[str] | None = None
    elsewhere: tuple[BilledLine, ...] = ()

    def pays(self, payer: str) -> bool:
        """Whether days of a payer are looked at."""
        return self.paying is None or payer in self.paying

    @property
    def named(self) -> str:
        """The payer whose days alone are looked at, where an event names one."""
        return next(iter(self.paying)) if self.paying else ""


def window_of(mark: BillingMark | None, events: Iterable[SubscriptionEvent]) -> date:
    """The first day that has to be looked at, as far as the mark and subscription events say: of an event the day before, so
    that the stretch that it ends, or joins again, is looked at too.

    Of an order to rate again it is its own day.  Lines may have been billed for days that pauses have moved since, so it is
    earlier by as long as pauses lasted.  What was triggered is compared together: where one trigger has to be looked at, all of
    them are.
    """
    if mark is None:
        return date.min
    known = list(events)
    new = [event for event in known if event.id > mark.events_seen and event.on > date.min]
    again = [event.on for event in new if event.kind == "rerate"]
    changed = [event.on for event in new if event.kind != "rerate"] + triggers(known, mark)
    if not changed:
        return min([mark.billed_to, *again])
    return min([mark.billed_to, min(changed) - timedelta(days=1) - _paused(known), *again])


def looked_at_from(day: date, events: Iterable[SubscriptionEvent]) -> date:
    """The first day that has to be looked at for late usage of a day: the one before where the service is cancelled on it, as
    its usage may belong to the stretch that ends then."""
    ends = any(event.kind == "cancel" and event.on == day for event in events)
    return day - timedelta(days=1) if ends and day > date.min else day


def counted_from(billed: Iterable[RatedCharge], window: date, looked: Mapping[str, date] = {}) -> dict[str, date]:
    """By charge, the first day of lines of usage that a window cuts, or the day from which a charge was ``looked`` at.

    Usage is compared by whole stretches, so that lines which end between that day and the window have to be known, too.
    """
    found: dict[str, date] = {}
    for line in billed:
        if line.kind == "usage" and not line.credits and line.service_from < looked.get(line.charge, window):
            found[line.charge] = min(line.service_from, found.get(line.charge, window))
    return found


def _paused(events: Iterable[SubscriptionEvent]) -> timedelta:
    """The most that pauses may have moved, in whole days."""
    total, since = timedelta(), None
    for event in sorted(events, key=lambda event: (event.on, event.id)):
        if event.kind == "pause":
            since = event.on
        elif since is not None and event.kind in ("start", "resume", "cancel"):
            total, since = total + (event.on - since) + timedelta(days=1), None
    return total


class AccountDue(msgspec.Struct, frozen=True):
    """An account, its contracts by key, and its subscriptions in order of key."""

    account: Account
    contracts: Mapping[str, Contract]
    subscriptions: tuple[SubscriptionDue, ...]


class PayerDue(msgspec.Struct, frozen=True):
    """An account that receives invoices, and the accounts that it pays for, itself included where it has subscriptions."""

    payer: Account
    accounts: tuple[AccountDue, ...]
