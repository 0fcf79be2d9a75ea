"""Money given back on a billed line by hand, whose days stay billed: a goodwill, a settled complaint.

It is asked for by an event of the subscription, so that it is known, dated and billed once as everything else is; what it
gives back is a credit whose service period is empty.  Later credits on the line give back no more than it leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.billing.billed import Open
from engine.model.due import SubscriptionDue
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.subscription import SubscriptionEvent

NOT_ADJUSTABLE = Code(
    "billing.not-adjustable", "An adjustment of a line that is not there, or of more than is left of it."
)


class Adjustment(msgspec.Struct, frozen=True, gc=False):
    """Money to give back on a billed line: ``amount`` of the other sign than the line's."""

    line: BilledLine
    amount: Decimal


def given_back(line: BilledLine, amount: Decimal, text: str) -> RatedCharge:
    """A credit of money alone on a billed line: ``amount`` of the other sign than the line's, no days."""
    billed = line.charge
    return msgspec.structs.replace(
        billed,
        text=text,
        service_to=billed.service_from,
        share="0",
        amount=amount,
        proration=0,
        credits=line.id,
        events=0,
        upon=0,
        exact=_no_time(billed.exact),
    )


def _no_time(exact: str) -> str:
    """What a line counts, ``from/to`` of its service and cycle, with nothing of the service; other words as they are."""
    service, _, cycle = exact.partition(" ")
    start, slash, _ = service.partition("/")
    return f"{start}/{start} {cycle}" if slash and cycle else exact


class Adjusted(msgspec.Struct, frozen=True):
    """Billed lines after the adjustments that became known, what these give back, and those that could not be made."""

    billed: Sequence[Open]
    made: tuple[Adjustment, ...] = ()
    findings: tuple[Finding, ...] = ()


def adjust(due: SubscriptionDue, billed: Sequence[Open]) -> Adjusted:
    """Carry out the adjustments that became known since the last run.

    An adjustment is of the line that bills its charge from its day, of several the one with most left.  One of more than is
    left of the line is not made at all.
    """
    seen = due.mark.events_seen if due.mark else 0
    asked = [event for event in due.events if event.kind == "adjust" and event.id > seen]
    if not asked:
        return Adjusted(billed)
    lines, made, findings = list(billed), [], []
    for event in sorted(asked, key=lambda one: one.id):
        amount = event.amount or ZERO
        place = _place(lines, event)
        if place is None or amount > abs(lines[place].left):
            findings.append(_not_adjustable(due, event, lines[place] if place is not None else None))
            continue
        one = lines[place]
        back = round_to(-amount.copy_sign(one.left), one.line.charge.currency)
        lines[place] = msgspec.structs.replace(one, left=one.left + back, adjusted=one.adjusted + back)
        made.append(Adjustment(one.line, back))
    return Adjusted(lines, tuple(made), tuple(findings))


def _place(lines: Sequence[Open], event: SubscriptionEvent) -> int | None:
    """Where among the lines the one that an event adjusts is."""

    def fitting() -> Iterator[int]:
        for place, one in enumerate(lines):
            if one.line.charge.charge == event.charge and one.line.charge.service_from == event.on:
                yield place

    return max(fitting(), key=lambda place: abs(lines[place].left), default=None)


def _not_adjustable(due: SubscriptionDue, event: SubscriptionEvent, found: Open | None) -> Finding:
    subject = f"subscription/{due.subscription.key}"
    what = f"adjustment {event.key} gives back {event.amount} of {event.charge} from {event.on}"
    why = "no line bills that charge from that day"
    if found is not None:
        why = f"{abs(found.left)} {found.line.charge.currency} are left of the line"
    mend = "import another adjustment with the right charge, day or amount; this one stays without effect"
    return Finding(NOT_ADJUSTABLE, Where(subject), what, why, mend, "warning", subject)
