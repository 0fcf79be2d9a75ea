"""Alignment: several subscriptions of an account brought to one day of the month, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.base.money import ZERO
from engine.base.period import add_months
from engine.billing.timeline import stints
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.journal import Change
from engine.model.subscription import SubscriptionEvent
from engine.runs.run import Parts
from engine.runs.subscriptions.whatif import Imagined, imagine
from engine.store.writing.events import event_row

NOTHING_TO_ALIGN = Code("align.nothing", "An alignment of an account without subscriptions in service on another day.")


class Moved(msgspec.Struct, frozen=True):
    """One subscription: its anchor day before, and what its move adds to the bill of the first new anchor day, before tax."""

    entity: str
    subscription: str
    before: int
    lines: tuple[RatedCharge, ...]
    net: Decimal
    currency: str


class Alignment(msgspec.Struct, frozen=True):
    """What an alignment comes to: on the day ``on`` all cycles begin anew."""

    account: str
    since: date
    anchor_day: int
    on: date
    moved: tuple[Moved, ...]
    done: bool = False


def aligning(parts: Parts, account: str, anchor_day: int, since: date) -> Alignment:
    """What :func:`align` would do, with nothing written.

    Raises:
        TollbookError: ``align.nothing``, and whatever keeps one of the subscriptions from being rated.
    """
    alignment, _ = _planned(parts, account, anchor_day, since)
    return alignment


def align(parts: Parts, account: str, anchor_day: int, since: date, change: Change) -> Alignment:
    """Bring the subscriptions of an account that are in service to one anchor day from the first such day on or after
    ``since``: an event each, all in one transaction.

    Raises:
        TollbookError: as :func:`aligning`.
    """
    alignment, made = _planned(parts, account, anchor_day, since)
    once = {(one.owner.account.entity, one.due.subscription.id): one.event for one in made}
    rows = [event_row(parts.tenant, *key, event) for key, event in once.items()]
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        writer.put_subscription_events(rows)
    return msgspec.structs.replace(alignment, done=True)


def _planned(parts: Parts, account: str, anchor_day: int, since: date) -> tuple[Alignment, Sequence[Imagined]]:
    first = add_months(since, 0, anchor_day)
    first = first if first >= since else add_months(since, 1, anchor_day)
    event = SubscriptionEvent(0, f"align/{since}/{anchor_day}", "anchor", since, anchor_day=anchor_day)

    def happens(owner: AccountDue, due: SubscriptionDue) -> SubscriptionEvent | None:
        if owner.account.key != account or any(one.key == event.key for one in due.events):
            return None
        return event if _anchor(due, since) not in (0, anchor_day) else None

    findings: list[Finding] = []
    with parts.books.reader() as reader:
        made = list(imagine(parts, reader, first, account, happens, findings, account=account))
    if findings:
        raise TollbookError(findings)
    if not made:
        what = f"account {account} has no subscription in service on {since} with another anchor day than {anchor_day}"
        raise refuse(NOTHING_TO_ALIGN, what, mend="look at the account and its subscriptions")
    return Alignment(account, since, anchor_day, first, tuple(map(_moved, made))), made


def _anchor(due: SubscriptionDue, day: date) -> int:
    """The anchor day that holds on a day; 0 where the subscription is not in service."""
    stint = next((stint for stint in stints(due.events) if day in stint.days), None)
    return (stint.anchor_day or due.subscription.anchor_day) if stint else 0


def _moved(one: Imagined) -> Moved:
    lines = one.added.charges
    net = sum((line.amount for line in lines), ZERO)
    account = one.owner.account
    before = _anchor(one.due, one.event.on)
    return Moved(account.entity, one.due.subscription.key, before, lines, net, account.currency)
