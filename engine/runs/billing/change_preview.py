"""What a change of a subscription would be billed as, before anybody makes it.

The same functions as in a bill run compute three things: what a run on the day would bill without the change, what the
change adds to that (old price given back, new price charged), and what the next cycle then costs.  Beside them stands the whole
next bill of the payer as a dry run with the change makes it: with tax, with what wallets pay, with what becomes of late usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.money import ZERO, round_to
from engine.base.period import local_day
from engine.billing.grace import USAGE_HELD
from engine.billing.job import Job, Statement
from engine.billing.statement import statement
from engine.ledger.fx import RateTable
from engine.model.account import Account
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.journal import Change
from engine.model.lateness import Ended
from engine.model.subscription import EventKind, SubscriptionEvent
from engine.runs.billing.late_step import moment, stopped
from engine.runs.billing.measuring import measured_one
from engine.runs.billing.partition import compute
from engine.runs.billing.preview import shown
from engine.runs.billing.read import gather, ranges_of
from engine.runs.billing.run import known_usage
from engine.runs.billing.wallets import outline, previewed
from engine.runs.run import Clock, Parts
from engine.runs.subscriptions.amending import payer_of
from engine.runs.subscriptions.whatif import after
from engine.runs.usage.control import look
from engine.store.reader import Reader
from engine.store.reversal import reversible

WHICH = Code("preview.which-subscription", "A subscription that the account does not have, or several and none named.")

IMAGINED = "preview"
"""Key of the event that nobody has made."""
_View = tuple[str, Job, AccountDue, SubscriptionDue]
"""A payer, the job of a day, and what the payer has of the subscription."""
_Line = tuple[str, RatedCharge]
"""A line, after its payer where there are several."""


def imagined(
    kind: EventKind, on: date, plan: str | None = None, quantity: Decimal | None = None, at: datetime | None = None,
    payer: str | None = None,
) -> SubscriptionEvent:  # fmt: skip
    """An event as somebody thinks of it; of one ``at`` an instant, ``on`` becomes its day in the zone of the account."""
    return SubscriptionEvent(0, IMAGINED, kind, on, plan, quantity, at=at, payer=payer)


class Bill(msgspec.Struct, frozen=True):
    """The bill that a run of a day makes of everything that the payer owes, as a dry run shows it: documents with their tax, what
    wallets pay of each, and what becomes of usage that came late."""

    on: date
    documents: Sequence[dict[str, Any]]
    late: Sequence[dict[str, Any]]
    findings: tuple[Finding, ...]


class ChangePreview(msgspec.Struct, frozen=True):
    """What a change would be billed as, before tax.

    ``anyway`` is what a run on the day would bill without it, ``now`` what the change adds to that, ``later`` what the first
    run bills for the cycle after; each ``net`` is the sum.  Lines are as in a dry run.  ``version`` is that
    of the subscription without the change.  ``bill`` is the next bill with the change: that of the day, or where it has none
    that of the day ``later_on``; with tax, and with all else that it has.  Where events name payers, lines say of whose days they
    are, and the bill is that of each.
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
    bill: Bill


def preview_change(
    parts: Parts, account: str, change: SubscriptionEvent, made: Change, subscription: str = ""
) -> ChangePreview:
    """Preview a change of a subscription of an account; its only one where none is named.  Nothing is written but the daily sums
    of usage and the request log; ``made`` is who looks, and when.

    Raises:
        TollbookError: ``run.unknown-account``, ``preview.which-subscription``, and whatever would keep a run from billing it.
    """
    with parts.books.writer(made) as writer:
        seen = known_usage(parts, writer)
    with parts.books.reader() as reader:
        owner, due = _subscription(parts, reader, account, subscription, seen)
        day = local_day(change.at, owner.account.zone) if change.at else change.on
        event = msgspec.structs.replace(change, id=seen["events"] + 1, on=day)
        if event.payer:
            payer_of(parts, reader, owner.account.entity, event.payer)
        named = {one.payer for one in (*due.events, event) if one.payer} - {owner.account.payer}
        payers = (owner.account.payer, *sorted(named))
        wanted = _Wanted(parts, reader, made, seen, owner.account, due.subscription.id, event, payers)
        return _previewed(reader, list(wanted.views(day)), event, wanted)


class _Wanted(msgspec.Struct, frozen=True):
    """What is looked at: everything of the payers of a subscription that an event changes."""

    parts: Parts
    reader: Reader
    made: Change
    seen: dict[str, int]
    account: Account
    subscription_id: int
    event: SubscriptionEvent
    payers: tuple[str, ...]

    def views(self, on: date) -> Iterator[_View]:
        """The subscription as each of its payers has it on a day, with the event."""
        for key in self.payers:
            job, dues = self.gathered(on, key)
            yield from (
                (key, job, owner, due)
                for payer in dues
                for owner in payer.accounts
                for due in owner.subscriptions
                if due.subscription.id == self.subscription_id
            )

    def gathered(self, on: date, key: str) -> tuple[Job, Sequence[PayerDue]]:
        """The job of a day, and what a payer needs to be billed then with the event.

        Raises:
            TollbookError: ``usage.held`` where nothing of the legal entity is billed on that day.
        """
        entity = self.account.entity
        pins = {**self.seen, **look(self.parts, self.reader, on).parameters, **moment(self.parts, self.made.at)}
        job, dues = gather(self.parts, self.reader, on, pins, (entity, key, key), {self.subscription_id: self.event})
        if stopped(job):
            held = next(hold for hold in job.reconciling.holds if hold.scope == "entity")
            what = f"nothing of {entity} is billed on {on}: {held.what}"
            raise refuse(USAGE_HELD, what, mend="`tollbook worklist list` shows it; preview it once it is settled")
        return job, dues

    def bill(self, on: date) -> Bill:
        """What a run of a day makes of the payers with the event."""
        bills = [self._of(on, key) for key in self.payers]
        documents = [document for one in bills for document in one.documents]
        late = [ended for one in bills for ended in one.late]
        return Bill(on, documents, late, tuple(finding for one in bills for finding in one.findings))

    def _of(self, on: date, key: str) -> Bill:
        parts, reader = self.parts, self.reader
        job, dues = self.gathered(on, key)
        job = msgspec.structs.replace(job, events_seen=self.event.id)
        rates = [one for one in reader.fx_rates(parts.tenant, on, parts.fx_max_age) if one.source == parts.fx_source]
        batch = compute(parts, job, dues, RateTable(rates, on), partial(reversible, reader), Clock())
        paid = previewed(parts, reader, on, job.entity, (key, key), batch.issued)
        documents = [shown(one) | outline(one, paid.moves.get(n, ())) for n, one in enumerate(batch.issued)]
        keys = {s.subscription.id: s.subscription.key for d in dues for o in d.accounts for s in o.subscriptions}
        late = [_ended(one, keys[one.subscription_id]) for one in batch.late]
        return Bill(on, documents, late, (*batch.findings, *paid.findings))


def _ended(one: Ended, subscription: str) -> dict[str, Any]:
    return {
        "subscription": subscription,
        "source": one.usage.source,
        "key": one.usage.key,
        "meter": one.usage.meter,
        "day": one.usage.day.isoformat(),
        "quantity": str(one.usage.quantity),
        "charge": one.charge,
        "days_late": one.days_late,
        "disposition": one.disposition,
        "amount": None if one.amount is None else str(round_to(one.amount, one.currency)),
    }


def _subscription(
    parts: Parts, reader: Reader, account: str, subscription: str, seen: dict[str, int]
) -> tuple[AccountDue, SubscriptionDue]:
    found: list[tuple[AccountDue, SubscriptionDue]] = []
    for payers in ranges_of(parts, reader, account):
        for payer in reader.due(parts.tenant, *payers, seen["usage"], seen["events"]):
            found += [(o, s) for o in payer.accounts if o.account.key == account for s in o.subscriptions]
    return _chosen(found, account, subscription)


def _chosen(
    found: Sequence[tuple[AccountDue, SubscriptionDue]], account: str, subscription: str
) -> tuple[AccountDue, SubscriptionDue]:
    fitting = [one for one in found if subscription in ("", one[1].subscription.key)]
    if len({one[1].subscription.id for one in fitting}) != 1:
        every = sorted(
            {one[1].subscription.key for one in found}
        )  # one with payers of its own is there for each of them
        keys = ", ".join(every) or "none"
        what = f"has no subscription {subscription!r}" if subscription else f"has {len(every)} subscriptions"
        raise refuse(WHICH, f"account {account} {what}", mend=f"name one with --subscription: {keys}")
    return fitting[0]


def _stated(reader: Reader, job: Job, owner: AccountDue, due: SubscriptionDue) -> Statement:
    return statement(job, owner, measured_one(reader, job, owner, due))


def _previewed(reader: Reader, views: Sequence[_View], event: SubscriptionEvent, wanted: _Wanted) -> ChangePreview:
    _, _, owner, due = views[0]
    several = len(views) > 1
    anyway, now = list[_Line](), list[_Line]()
    nexts: list[tuple[date, str, Sequence[RatedCharge]]] = []
    known = 0
    for payer, given, whose, one in views:
        job = msgspec.structs.replace(given, on=event.on)
        before = msgspec.structs.replace(one, events=tuple(e for e in one.events if e.key != IMAGINED))
        known = len(before.events)
        first = _stated(reader, job, whose, before)
        changed = after(one, first)
        second = _stated(reader, msgspec.structs.replace(job, events_seen=event.id), whose, changed)
        day, lines = _next(reader, job, whose, after(changed, second))
        label = payer if several else ""
        anyway += [(label, line) for line in first.charges]
        now += [(label, line) for line in second.charges]
        if day is not None:
            nexts.append((day, label, lines))
    later_on = min((day for day, _, _ in nexts), default=None)
    later = [(label, line) for day, label, lines in nexts if day == later_on for line in lines]
    bill = wanted.bill(event.on)
    if later_on is not None and not bill.documents:
        bill = wanted.bill(later_on)
    return ChangePreview(
        owner.account.key,
        due.subscription.key,
        owner.account.currency,
        event.on,
        [_shown(*line) for line in anyway],
        [_shown(*line) for line in now],
        _net(now),
        later_on,
        [_shown(*line) for line in later],
        _net(later),
        known,
        bill,
    )


def _next(
    reader: Reader, job: Job, owner: AccountDue, due: SubscriptionDue
) -> tuple[date | None, Sequence[RatedCharge]]:
    """The first day after the change on which a cycle that was billed is over, and what a run on it bills."""
    ends = sorted({line.charge.cycle_to for line in due.billed if line.charge.cycle_to > job.on})
    for day in (one for end in ends for one in (end, end + timedelta(days=1))):
        made = _stated(reader, msgspec.structs.replace(job, on=day), owner, due)
        if made.charges:
            return day, made.charges
    return None, ()


def _net(lines: Sequence[_Line]) -> Decimal:
    return sum((charge.amount for _, charge in lines), ZERO)


def _shown(payer: str, charge: RatedCharge) -> dict[str, Any]:
    return {
        **({"payer": payer} if payer else {}),
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
