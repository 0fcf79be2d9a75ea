"""The state machine of disputes, and what a standing asks of the books.

How a dispute stands is folded from all events that are known, in the order in which they happened: so late, repeated and
disordered news end in the same standing.  The books follow by the difference between where money has to stand and where
it does, which needs no memory of the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.calendar import Calendar
from engine.base.money import ZERO
from engine.model.dispute import ENDED, GIVEN_UP, Event, Ladder, Position, Rung, Standing

ORDER: Final = {
    name: place
    for place, name in enumerate(
        (
            *("inquiry", "claim", "chargeback", "withdrawn", "fee", "review", "escalated", "evidence"),
            *("expired", "accepted", "lost", "won", "reinstated", "pre_arbitration", "arbitration", "corrected"),
        )
    )
}
"""Which of two events of the same moment came first."""

STAGES: Final = ("inquiry", "claim", "chargeback", "pre_arbitration", "arbitration")
"""Events that open a round, by how far a dispute has got."""
_DAY: Final = timedelta(days=1)

_OPEN: Final = ("notice", "under_review", "evidence_submitted")
_LATER: Final[Mapping[tuple[str, str], str]] = {
    **{(state, "chargeback"): "notice" for state in (*_OPEN, *sorted(ENDED))},
    **{(state, "pre_arbitration"): "notice" for state in ("evidence_submitted", "won")},
    **{(state, "arbitration"): "notice" for state in ("evidence_submitted", "won", "lost")},
}

TABLE: Final[Mapping[tuple[str, str], str]] = {
    **{("", stage): "notice" for stage in STAGES},
    ("notice", "review"): "under_review",
    ("notice", "evidence"): "evidence_submitted",
    ("under_review", "evidence"): "evidence_submitted",
    ("notice", "expired"): "expired",
    ("under_review", "expired"): "expired",
    **{(state, end): end for state in _OPEN for end in ("won", "lost", "accepted")},
    ("expired", "won"): "won",
    ("expired", "lost"): "lost",
    ("accepted", "won"): "won",
    **_LATER,
}
"""(state, event) -> state.  What is not here changes no state.  A round opens only at a later stage than the one before it; what
a bank says of an end outweighs a deadline that has passed, and nothing outweighs what it says but a further round."""


def standing(events: Iterable[Event]) -> Standing:
    """How a dispute stands after its events, of which there is one at least."""
    told = sorted(events, key=lambda one: (one.at, ORDER[one.kind], one.id))
    first = told[0]
    if first.kind not in STAGES:  # what opened it is not known yet
        opening = next((one for one in told if one.kind in STAGES), None)
        told.insert(0, _implied(first, opening, told))
    now = Standing("notice", "inquiry", 0, ZERO, ZERO, ZERO, ZERO, None, told[0].day, None)
    state = ""
    for event in told:
        state, now = _after(state, now, event)
    return now


def _implied(first: Event, opening: Event | None, told: Sequence[Event]) -> Event:
    amount = next((one.amount for one in (opening, *told) if one is not None and one.amount is not None), ZERO)
    kind: Any = opening.kind if opening else "chargeback"
    withdrawn = opening.withdrawn if opening else None
    return Event(f"before {first.id}", kind, first.at, first.day, amount, withdrawn=withdrawn)


def _after(state: str, now: Standing, event: Event) -> tuple[str, Standing]:
    if event.fee is not None:
        now = msgspec.structs.replace(now, fees=event.fee)
    moved = TABLE.get((state, event.kind))
    if event.kind in STAGES:
        if state and (moved is None or STAGES.index(event.kind) <= STAGES.index(now.stage)):
            return state, _same_round(now, event)
        return "notice", _round(now, event)
    if moved in ENDED:
        return moved, _ended(now, event, moved)
    if moved is not None:
        now = msgspec.structs.replace(now, state=moved)
    if event.kind in ("withdrawn", "reinstated") and state in _OPEN:
        now = msgspec.structs.replace(now, out=now.amount if event.kind == "withdrawn" else ZERO)
    if event.kind == "corrected":
        now = msgspec.structs.replace(now, waits=False)
    return moved or state, now


def _same_round(now: Standing, event: Event) -> Standing:
    """Another word of the same stage: an amount or a deadline that has changed while nothing is decided."""
    if now.state in ENDED or event.kind != now.stage:
        return now
    amount = now.amount if event.amount is None else event.amount
    out = amount if event.withdrawn or (now.out and event.withdrawn is None) else now.out
    return msgspec.structs.replace(now, amount=amount, out=out, due=event.due or now.due)


def _round(now: Standing, event: Event) -> Standing:
    amount = now.amount if event.amount is None else event.amount
    takes = event.kind not in ("inquiry", "claim") if event.withdrawn is None else event.withdrawn
    stage: Any = event.kind
    return Standing(
        "notice",
        stage,
        now.round + 1,
        amount,
        amount if takes else ZERO,
        ZERO,
        now.fees,
        event.due,
        event.day,
        None,
    )


def _ended(now: Standing, event: Event, state: str) -> Standing:
    """The end of a round.  Of what is won only in part, and of what is accepted only in part, the rest goes the other way."""
    of = now.amount if event.amount is None else min(event.amount, now.amount)
    if now.stage == "claim":
        given, out = (of if state in GIVEN_UP else ZERO), ZERO
    else:
        out = now.amount - of if state == "won" and now.out else ZERO if state == "won" else now.out
        given = out
    waits = state == "accepted" and event.by == "usage"
    ended: Any = state
    return msgspec.structs.replace(now, state=ended, out=out, given_up=given, ended=event.day, waits=waits, by=event.by)


class Shift(msgspec.Struct, frozen=True):
    """What has to change in the books: money ``opened`` again on invoices (below zero: paid again), ``held`` as a receivable of
    its own, or ``lost`` of what no invoice can take; and ``fees``.  What the first three come to is what the bank took."""

    opened: Decimal = ZERO
    held: Decimal = ZERO
    lost: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def taken(self) -> Decimal:
        """What the bank takes; below zero what it brings."""
        return self.opened + self.held + self.lost

    def __bool__(self) -> bool:
        return bool(self.opened or self.held or self.lost or self.fees)


def shift(now: Standing, there: Position, money: str, able: Decimal, *, pays_fees: bool) -> Shift:
    """What brings the books to where a dispute stands.

    Args:
        now: how it stands.
        there: where its money is.
        money: ``invoices`` (what the bank takes is open on them at once) or ``dispute_receivable`` (only when it is lost).
        able: how much more of the payment can be opened again; what cannot is held, and lost with the dispute.
        pays_fees: whether fees are posted here.
    """
    final = bool(now.given_up)
    wanted = now.out if money == "invoices" or final else ZERO
    opened = wanted if wanted <= there.opened else min(wanted, there.opened + able)
    rest = now.out - opened
    held, lost = (ZERO, rest) if final else (rest, ZERO)
    fees = now.fees - there.fees if pays_fees else ZERO
    return Shift(opened - there.opened, held - there.held, lost - there.lost, fees)


def overdue(now: Standing, day: date) -> bool:
    """Whether evidence is not in, and no longer taken on a day."""
    return now.state in ("notice", "under_review") and now.due is not None and now.due < day


def climbed(ladder: Ladder, now: Standing, day: date) -> list[tuple[date, Rung]]:
    """The steps of a ladder that have fallen due by a day, with their days, the first one first; none of what is decided."""
    if now.state in ENDED:
        return []
    found = []
    for place, rung in enumerate(ladder.steps):
        on = _falls(ladder.calendar, rung, now)
        if on is not None and on <= day:
            found.append((on, place, rung))
    return [(on, rung) for on, _, rung in sorted(found, key=lambda one: one[:2])]


def _falls(calendar: Calendar, rung: Rung, now: Standing) -> date | None:
    if rung.after is not None:
        return calendar.after(now.since, rung.after)
    if now.due is None or now.state == "evidence_submitted":
        return None
    return max(now.since, _before(calendar, now.due, rung.before or 0))


def _before(calendar: Calendar, day: date, count: int) -> date:
    """The business day that is so many business days before a day."""
    while count or not calendar.is_business(day):
        day -= _DAY
        count -= count > 0 and calendar.is_business(day)
    return day
