"""One subscription's part of a bill run: what it owes net of what was billed, and how far it has been billed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.period import FOREVER, Period
from engine.billing.adjusting import Adjusted, Adjustment, adjust, given_back
from engine.billing.alike import Names
from engine.billing.billed import Open, open_lines
from engine.billing.changes.anchors import reanchored
from engine.billing.changes.exact import Exact, scale_of
from engine.billing.changes.scale import Scale
from engine.billing.changes.worth import charge_of, values
from engine.billing.counting import Counting
from engine.billing.discounts import read
from engine.billing.elsewhere import beside, once_elsewhere
from engine.billing.grouping import labelled
from engine.billing.job import Job, Owed, Statement, Stretch
from engine.billing.lateness import NOTHING_LATE, Judged, judge, net_with_late, without
from engine.billing.milestones import triggered
from engine.billing.netting import Back, Due, ShowsZero, net_one_time, net_recurring, net_usage
from engine.billing.opened import NOTHING, Before
from engine.billing.owing import Owing, owing
from engine.billing.pools import notes, pooling, settled
from engine.billing.pricing import WHOLE
from engine.billing.rating import one_time_stretches, stretches
from engine.billing.rollover import carrying
from engine.billing.timeline import Stint, stints
from engine.billing.turning import cut
from engine.model.account import Account
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.invoice import RatedCharge
from engine.model.subscription import BillingMark

NO_START = Code("subscription.no-start", "A subscription without a start event.")


def statement(job: Job, owner: AccountDue, due: SubscriptionDue) -> Statement:
    """Charges and credits of one subscription on the run's date; those of one like it, where the job knows such.

    Raises:
        TollbookError: what makes this subscription impossible to bill (no price, events out of order, unknown plan).
    """
    known = job.alike.statement(job, owner, due, _rated) if job.alike is not None else None
    if known is not None:
        return known
    account, subscription = owner.account, due.subscription
    return _rated(job, owner, due, (account.key, account.id, subscription.id, subscription.key))


def _rated(job: Job, owner: AccountDue, due: SubscriptionDue, names: Names) -> Statement:
    """What one subscription owes by itself, its lines under some names."""
    served = _served(due)
    account, contract = owner.account, owner.contracts.get(due.subscription.contract or "")
    job = job.attributes.within(job, due) if job.attributes is not None else job
    served = reanchored(job, account, due, served) if len(served) > 1 else served
    scale = scale_of(job, owner, due)
    exact = Exact(job, owner, due, scale) if scale else None
    adjusted, ahead = _billed(job, due, exact is not None)
    billed = adjusted.billed
    before, usage = _before(job, due, served), Counting(job, account, due, served, billed, contract)
    by_day = () if exact else stretches(job, due, served)
    if job.turning is not None or due.redemptions:
        by_day = cut(job, account, contract, due, by_day)
    used, due = _used(job, owner, due, served, usage)
    billed = [*billed, *settled(due)] if due.settled else billed
    stretched = (*by_day, *used, *due.beyond, *one_time_stretches(job, due, served))

    def owes(gone: frozenset[int]) -> Owing:
        kept = carrying(job, owner, without(due, gone), served, used) if gone else due
        return owing(job, owner, kept, stretched, billed, before, usage.sealed, usage.past)

    found, judged = _judged(job, account, due, used, usage, billed, owes)
    owed = found.owed

    def of(kind: str) -> list[Open]:
        return [one for one in billed if one.line.charge.kind == kind and one.line.id not in found.counted]

    currency, window, pending = account.currency, Period(due.window, FOREVER), found.pending
    if exact:
        recurring = exact.items(before, _shows_zero(job))
        owed["recurring"], pending = exact.owed, min(pending, exact.mark)
    else:
        value = values(job, owner, due)
        opened = beside(due, served, before.opened if before else NOTHING, due.elsewhere, value)
        mine = (owed["recurring"], of("recurring"), window, currency, value)
        recurring = net_recurring(*mine, opened, ahead, _shows_zero(job))
    once = of("one_time")
    items = [
        *net_one_time(owed["one_time"], [*once, *once_elsewhere(due)]),
        *net_with_late(owed["usage"], of("usage"), currency, usage.stays, judged.anew),
    ]
    if found.counting:
        lines = (one for one in billed if one.line.id in found.counted - found.settled)
        items.extend(net_usage(found.counting, lines, currency))
    make = _Maker(names, account.currency, due)
    held = triggered(job, owner, due, served, once, make.due, make.back)
    return Statement(
        (*map(make.adjustment, adjusted.made), *make.lines(recurring, scale), *make.lines(items), *held.lines),
        _mark(job, due, pending, used),
        found.prices() | held.prices,
        (*adjusted.findings, *usage.findings(), *found.findings, *held.findings, *_more(job, due, before, judged)),
        judged.ended,
        judged.lines_apart(billed),
    )


def _served(due: SubscriptionDue) -> tuple[Stint, ...]:
    """The stints of a subscription.

    Raises:
        TollbookError: ``subscription.no-start``, and events out of order.
    """
    served = stints(due.events, f"subscription/{due.subscription.key}")
    if not served and not due.events:
        raise refuse(
            NO_START,
            f"subscription {due.subscription.key} has no events",
            mend="import its start event",
            subject=f"subscription/{due.subscription.key}",
        )
    return served


def _billed(job: Job, due: SubscriptionDue, exact: bool) -> tuple[Adjusted, list[Open]]:
    """What was billed up to the date, less adjustments, and recurring lines of days after it; where recurring charges are
    counted to the second, without these."""
    if not due.billed:
        return adjust(due, ()), []
    opens = open_lines([one for one in due.billed if one.charge.kind != "recurring"] if exact else due.billed)
    ahead = [one for one in opens if one.line.charge.service_from > job.on and one.line.charge.kind == "recurring"]
    return adjust(due, [one for one in opens if one.line.charge.service_from <= job.on]), ahead


def _used(
    job: Job, owner: AccountDue, due: SubscriptionDue, served: Sequence[Stint], usage: Counting
) -> tuple[tuple[Stretch, ...], SubscriptionDue]:
    """The stretches of usage, and the subscription with what came into them and what pools owe."""
    used = tuple(usage.stretches())
    return used, pooling(job.on, owner, carrying(job, owner, due, served, used), used, usage.sealed)


def _more(job: Job, due: SubscriptionDue, before: Before | None, judged: Judged) -> Iterable[Finding]:
    """What there is to say of what another system billed before, of late usage, and of pools."""
    return (*(before.findings() if before and not due.named else ()), *judged.findings, *notes(job.on, due))


def _judged(
    job: Job, account: Account, due: SubscriptionDue, used: Sequence[Stretch], usage: Counting, billed: Sequence[Open],
    owes: Callable[[frozenset[int]], Owing],
) -> tuple[Owing, Judged]:  # fmt: skip
    """What is owed, and what becomes of late usage; without what a rule drops of it."""
    found = owes(frozenset())
    if due.late is None:
        return found, NOTHING_LATE

    def owed(gone: frozenset[int]) -> Sequence[Owed]:
        return (owes(gone) if gone else found).owed["usage"]

    judged = judge(job, account, due, used, usage.too_late, owed, billed)
    return (owes(judged.dropped) if judged.dropped else found), judged


def _mark(job: Job, due: SubscriptionDue, pending: date, used: Iterable[Stretch]) -> BillingMark:
    """How far the subscription is billed; with the day, and the moment where it matters, of the newest run that held nothing of it:
    what was held is not late by the time it is billed."""
    made = BillingMark(
        due.subscription.id, pending, job.events_seen, job.usage_seen, job.on, job.reconciling.at, due.named
    )
    if any(stretch.held for stretch in used):
        on, at = (due.mark.billed_on, due.mark.billed_at) if due.mark else (None, None)
        return msgspec.structs.replace(made, billed_on=on, billed_at=at)
    return made


def _before(job: Job, due: SubscriptionDue, served: Sequence[Stint]) -> Before | None:
    """What another system billed of the subscription before it came over."""
    return Before(due.opening, due, served, job.plans, job.on) if due.opening else None


def _shows_zero(job: Job) -> ShowsZero:
    """Whether amounts of zero of a charge make lines."""

    def shown(plan: str, key: str) -> bool:
        charge = charge_of(job.plans, plan, key)
        return charge is not None and charge.zero_lines

    return shown


def _text(owed: Owed, upon: int) -> str:
    """The text of a line, with the coupons that lower it."""
    text = f"Difference: {owed.charge.name}" if upon else labelled(owed.charge.name, owed.grouped)
    return f"{text} ({', '.join(one.key for one in read(owed.discounts))})" if owed.discounts else text


class _Maker:
    """Writes the lines of one subscription."""

    def __init__(self, names: Names, currency: str, due: SubscriptionDue) -> None:
        self.names, self.currency, self.contract = names, currency, due.subscription.contract or ""

    def lines(self, items: Iterable[Due | Back], scale: Scale | None = None) -> list[RatedCharge]:
        """The lines of what is charged and given back, whose days are counted on a ``scale`` if there is one."""
        made = [self.back(item) if isinstance(item, Back) else self.due(item) for item in items]
        return [scale.write(line) for line in made] if scale else made

    def due(self, item: Due) -> RatedCharge:
        """The line of something to charge."""
        owed = item.owed
        charge, days, (account, account_id, subscription_id, subscription) = owed.charge, item.days, self.names
        return RatedCharge(
            account,
            account_id,
            subscription_id,
            subscription,
            self.contract,
            owed.contract_line,
            owed.plan,
            charge.key,
            charge.id,
            charge.kind,
            _text(owed, item.upon),
            charge.product,
            charge.tax_code,
            days.start,
            days.end,
            owed.cycle.start,
            owed.cycle.end,
            self.currency,
            item.quantity,
            owed.full if item.full is None else item.full,
            "1" if item.share is WHOLE else str(item.share),
            item.amount,
            owed.pricing,
            item.proration,
            0,
            item.usage_after,
            owed.usage_to,
            item.events,
            item.upon,
            "",
            owed.grouped,
            owed.discounts,
            owed.basis,
            charge.tax_included,
        )

    def back(self, item: Back) -> RatedCharge:
        """The line of something to give back."""
        billed = item.line.charge
        return msgspec.structs.replace(
            billed,
            text=f"Credit: {billed.text}",
            service_from=item.days.start,
            service_to=item.days.end,
            full=item.full,
            share=str(item.share),
            amount=item.amount,
            proration=item.proration,
            credits=item.line.id,
            events=0,
            upon=0,
        )

    def adjustment(self, item: Adjustment) -> RatedCharge:
        return given_back(item.line, item.amount, f"Adjustment: {item.line.charge.text}")
