"""Subscriptions that are alike owe the same: what one of them owes is rated once a run, and others get it under their own names.

The first of a kind is rated by itself, and the second for all that follow.  Two are alike where everything that rating looks at is equal by value: what happened to them, the days to be looked at, and of
their accounts whatever rules and methods look at.  Nobody has to say what that is.  What is remembered is rated for a
subscription that has no name, no ids, and of a run that knows no more of its payer, so that it cannot depend on these; and
for an account that notes what it is asked for: what anything asked for belongs to the key from then on.

Subscriptions that have more than dated events (billed lines of the days looked at, usage, contracts, coupons, milestones and
the like) are rated by themselves, as are those of which something has to be said by name: a finding, an error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from operator import attrgetter
from typing import Any, Final, cast

import msgspec

from engine.billing.job import Job, Statement
from engine.model.account import Account
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.subscription import BillingMark, Subscription, SubscriptionEvent

MOST: Final = 2_000
"""Kinds of subscriptions that are remembered at most; then all are forgotten."""

Names = tuple[str, int, int, str]
"""What the lines of a subscription begin with: key and id of the account, id and key of the subscription."""
Rating = Callable[[Job, AccountDue, SubscriptionDue, Names], Statement]
"""How a subscription is rated by itself, its lines under these names."""

NAMELESS: Final[Names] = ("", 0, 0, "")
assert RatedCharge.__struct_fields__[: len(NAMELESS)] == ("account", "account_id", "subscription_id", "subscription")

_STATES: Final = frozenset({"start", "change", "pause", "resume", "cancel", "anchor", "uncancel"})
"""Kinds of events that are about the service itself, not about other events or what was billed."""
_PLAIN: Final = ("subscription", "events", "window", "mark", "usage_from")
_MORE: Final = attrgetter(*(name for name in SubscriptionDue.__struct_fields__ if name not in _PLAIN))
"""What a subscription has beside its dated events and how far it is billed: empty, or None, where there is none of it."""
_OF_NO_MATTER: Final = (
    "alike", "events_seen", "usage_seen", "usage", "exemptions", "corrections", "advances", "evidence", "reviews", "orders",
    "covers",
)  # fmt: skip
"""What a job knows of single payers, or of usage, which rating does not look at where there is no usage."""
_RUN: Final = tuple(name for name in Job.__struct_fields__ if name not in _OF_NO_MATTER)
_run_of: Final = attrgetter(*_RUN)


class _Noted:
    """An account that notes what it is asked for, and refuses to be looked at in any other way than by its fields."""

    __slots__ = ("_account", "_asked")

    def __init__(self, account: Account, asked: set[str]) -> None:
        self._account, self._asked = account, asked

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._account, name)  # what accounts do not have tells none apart
        self._asked.add(name)
        return value

    @property  # type: ignore[misc]
    def __class__(self) -> type[Account]:  # type: ignore[override]
        """What a method is told that asks whether this is an account."""
        return Account

    def _whole(self, *_: object) -> Any:
        raise TypeError("an account is looked at by its fields")

    __eq__ = __hash__ = __repr__ = __reduce_ex__ = _whole


class _Known(msgspec.Struct, frozen=True, gc=False):
    """What subscriptions of one kind owe: how far they are billed, the prices, and their lines without the names."""

    billed_to: date
    prices: frozenset[int]
    lines: tuple[tuple[Any, ...], ...]


class Alike:
    """What subscriptions owe by what they are like, of one run at a time."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._bare: Job | None = None
        self._run: tuple[Any, ...] = ()
        self._asked: tuple[str, ...] = ()
        self._look: Callable[[Account], Any] = _nothing
        self._met: set[Any] = set()
        self._known: dict[Any, _Known | None] = {}
        self._plain: dict[str | None, bool] = {None: True}
        self._idle = False

    def statement(self, job: Job, owner: AccountDue, due: SubscriptionDue, rating: Rating) -> Statement | None:
        """What a subscription owes, as ``rating`` would say; None where it has to be rated by itself."""
        if job is not self._job:
            self._begin(job)
        subscription = due.subscription
        if self._idle or subscription.contract or due.paying is not None or any(_MORE(due)):
            return None
        happened = self._happened(due.events)
        if happened is None:
            return None
        cycles = (subscription.anchor_day, subscription.anchor_time, subscription.anchor_slips)
        key = (happened, due.window, cycles, self._look(owner.account))
        if key in self._known:
            known = self._known[key]
        elif key in self._met:
            known = self._learn(key, owner, due, rating)
        else:
            self._meet(key)
            return None
        if known is None:
            return None
        names = (owner.account.key, owner.account.id, subscription.id, subscription.key)
        lines = tuple([RatedCharge(*names, *line) for line in known.lines])
        at = (job.events_seen, job.usage_seen, job.on, job.reconciling.at)
        return Statement(lines, BillingMark(subscription.id, known.billed_to, *at), known.prices)

    def _begin(self, job: Job) -> None:
        """Look at subscriptions of another job; what is known of another run is forgotten."""
        run = _run_of(job)
        if run != self._run:
            self._run, self._bare = run, Job(events_seen=0, usage_seen=0, **dict(zip(_RUN, run, strict=True)))
            self._forget()
            self._plain = {None: True}
            self._idle = job.attributes is not None
        self._job = job

    def _happened(self, events: tuple[SubscriptionEvent, ...]) -> Any:
        """What events say but their names, and in which order they became known; None where more than that counts."""
        for event in events:
            if event.kind not in _STATES or not self._is_plain(event.plan):
                return None
        if len(events) == 1:
            return _said(events[0])
        known = sorted(event.id for event in events)
        return tuple((known.index(event.id), *_said(event)) for event in events)

    def _is_plain(self, plan: str | None) -> bool:
        """Whether a plan is known and has no usage."""
        if plan not in self._plain:
            assert self._job is not None
            known = self._job.plans.get(plan) if plan is not None else None
            self._plain[plan] = known is not None and all(charge.kind != "usage" for charge in known.charges)
        return self._plain[plan]

    def _meet(self, key: Any) -> None:
        """Note the first subscription of its kind, which is rated by itself: there may be no second one."""
        if len(self._met) >= MOST:
            self._forget()
        self._met.add(key)

    def _forget(self) -> None:
        """Forget what subscriptions owe."""
        self._met.clear()
        self._known.clear()

    def _learn(self, key: Any, owner: AccountDue, due: SubscriptionDue, rating: Rating) -> _Known | None:
        """What all subscriptions like this one owe; None where each has to be rated by itself."""
        asked = set[str]()
        nameless = AccountDue(cast(Account, _Noted(owner.account, asked)), {}, ())
        job = self._bare
        assert job is not None
        known: _Known | None = None
        try:
            made = rating(job, nameless, _nameless(job, due), NAMELESS)
        except Exception:  # whatever it is: it is said with the names
            made = None
        if made is not None and not (made.findings or made.late or made.apart):
            lines = tuple(msgspec.structs.astuple(line)[len(NAMELESS) :] for line in made.charges)
            known = _Known(made.mark.billed_to, made.prices, lines)
        if not asked.issubset(self._asked):
            self._asked = tuple(sorted(asked.union(self._asked)))
            self._look = attrgetter(*self._asked)
            self._forget()
            key = (*key[:-1], self._look(owner.account))
        self._known[key] = known
        return known


def _nothing(account: Account) -> None:
    """What is looked at of an account before anything was asked for."""


def _said(event: SubscriptionEvent) -> tuple[Any, ...]:
    """What an event says; numbers as they are written, since equal ones may differ in that."""
    numbers = (str(event.quantity), str(event.amount), event.anchor_day)
    return (event.kind, event.on, event.plan, event.at, *numbers, event.charge, event.coupon, event.payer)


def _nameless(job: Job, due: SubscriptionDue) -> SubscriptionDue:
    """A subscription like another one, without its names and ids."""
    own = due.subscription
    known = sorted(event.id for event in due.events)
    events = [msgspec.structs.replace(e, id=known.index(e.id) + 1, key="") for e in due.events]
    cycles = (own.anchor_day, own.anchor_time, own.anchor_slips)
    like = Subscription(0, job.entity.tenant, job.entity.key, "", "", None, *cycles)
    return SubscriptionDue(like, tuple(events), due.window)
