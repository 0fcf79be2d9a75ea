"""What was done and lets revenue be earned, kept as facts; and the act of letting it be recognised before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import ZERO, round_to
from engine.model.revenue import EARLY, HAPPENINGS, RevenueEvent
from engine.revenue.schedule import Happening, RevenueFacts
from engine.runs.run import Parts
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.revenue_plans import plans
from engine.store.writer import Writer

NOT_EARNED = Code("revenue.not-earned", "Revenue to be recognised before its criterion is met.")
NO_SCHEDULE = Code("revenue.no-schedule", "A line of which nothing is recognised later.")
BAD_EVENT = Code("revenue.bad-event", "An event of revenue that does not say what happened, or of what.")
EARNED = Code("revenue.earned", "Revenue to be recognised early of which nothing is left to recognise.")

ACT: Final = "recognise-early"
WORDS: Final[Mapping[str, str]] = {
    "deliver": "a delivery",
    "accept": "an acceptance",
    "use": "usage",
    "cost": "a cost",
    "sale": "a sale",
}
"""Kinds of events as criteria."""
GOES_BY: Final[Mapping[str, str]] = {
    "units": "deliver",
    "per_unit": "use",
    "cost_to_cost": "cost",
    "royalty": "sale",
    "right_to_use": "deliver",
}
"""The event that a method waits for; ``point_in_time`` says it itself."""


class Asked(msgspec.Struct, frozen=True):
    """An event as a person or a file says it: of a line, written INVOICE#LINE, or of a charge of a subscription."""

    key: str
    kind: str
    on: date
    line: str = ""
    subscription: str = ""
    charge: str = ""
    entity: str = ""
    quantity: Decimal = ZERO
    expected: Decimal | None = None
    material: Decimal = ZERO
    note: str = ""


def event_of(reader: Reader, tenant: str, asked: Asked) -> RevenueEvent:
    """The event to be kept.

    Raises:
        TollbookError: ``revenue.bad-event``, ``explain.no-such-line``.
    """
    if asked.kind not in HAPPENINGS:
        raise _bad(f"{asked.kind!r} is no kind of event", f"one of {', '.join(HAPPENINGS)}")
    if bool(asked.line) is bool(asked.subscription and asked.charge):
        raise _bad(
            "an event is of a line, or of a charge of a subscription", "give --line, or --subscription and --charge"
        )
    values = {name: getattr(asked, name) for name in ("key", "kind", "on", "quantity", "expected", "material", "note")}
    if asked.line:
        record = line_of(reader, tenant, asked.line)
        return RevenueEvent(entity=record.head["entity"], line=record.id, **values)
    entities = sorted(reader.entities(tenant))
    entity = asked.entity or (entities[0] if len(entities) == 1 else "")
    if not reader.has_subscription(tenant, entity, asked.subscription):
        raise _bad(f"there is no subscription {asked.subscription!r}", "name it, and its legal entity with --entity")
    return RevenueEvent(entity=entity, subscription=asked.subscription, charge=asked.charge, **values)


def _bad(what: str, mend: str) -> TollbookError:
    return refuse(BAD_EVENT, what, mend=mend)


def line_of(reader: Reader, tenant: str, name: str) -> tracing.LineRecord:
    """The line that a text means.

    Raises:
        TollbookError: ``revenue.bad-event``, ``explain.no-such-line``.
    """
    number, _, line = name.rpartition("#")
    if not number or not line.isdigit():
        raise _bad(f"{name!r} is no line", "write INVOICE#LINE, such as NL01-2026-000001#1")
    return tracing.line_record(reader, tenant, number, int(line))


def missing(parts: Parts, reader: Reader, row: Mapping[str, Any], on: date) -> str:
    """The criterion that keeps a schedule (by column name) from being earned by a day, in words; empty where nothing does."""
    plan = plans(reader, [row["id"]])[row["id"]]
    earned = sum((amount for day, amount in plan.items.items() if day <= on), ZERO)
    left = plan.amount - earned
    if not left:
        return ""
    currency = row["currency"]
    told = f"{round_to(left, currency):f} of {round_to(plan.amount, currency):f} {currency}"
    if not row["waits"]:
        last = max(day for day, amount in plan.items.items() if amount)
        return f"service until {last}: {told} is for days after {on}"
    wanted = WORDS.get(criterion(parts, reader, row), "what its method goes by")
    return f"{wanted}: none is kept for {told}"


def criterion(parts: Parts, reader: Reader, row: Mapping[str, Any]) -> str:
    """The kind of event that a schedule waits for."""
    if row["waits"] != "point_in_time":
        return GOES_BY.get(row["waits"], "")
    stored = tracing.decisions(reader, [row["decision"]]).get(row["decision"])
    return str(stored["terms"].get("on", "")) if stored else ""


def schedule_of(reader: Reader, tenant: str, name: str) -> dict[str, Any]:
    """The schedule of the line that a text means, by column name.

    Raises:
        TollbookError: ``revenue.no-schedule``, ``revenue.bad-event``, ``explain.no-such-line``.
    """
    record = line_of(reader, tenant, name)
    rows = reader.revenue_schedules(tenant, lines=[record.id])
    if not rows:
        why = "what its rule earns was earned on the date of its invoice"
        raise refuse(NO_SCHEDULE, f"{name} has no schedule", why=why, subject=f"line/{name}")
    return rows[0]


def refused(name: str, on: date, wanted: str) -> TollbookError:
    """The refusal of recognising before the criterion."""
    what = f"{name} cannot be recognised on {on}: what is missing is {wanted}"
    mend = "`tollbook revenue event` keeps what was done; two persons may let it go with --override and a reason"
    return refuse(
        NOT_EARNED, what, why="nothing is revenue before its criterion is met", mend=mend, subject=f"line/{name}"
    )


# the act of two persons


def subject(given: Mapping[str, Any]) -> str:
    """Natural key of what is recognised early."""
    return f"{given['line']}/{given['on']}"


def text(given: Mapping[str, Any]) -> str:
    """What it does, in words that follow "to"."""
    return f"recognise {given['amount']} {given['currency']} of {given['line']} on {given['on']} without {given['missing']}"


def relies(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is left to recognise: where that has changed, the act is another one."""
    row = schedule_of(reader, tenant, given["line"])
    plan = plans(reader, [row["id"]])[row["id"]]
    left = left_after(plan.amount, plan.items, date.fromisoformat(given["on"]))
    if not left:
        what = f"nothing of {given['line']} is left to recognise after {given['on']}"
        raise refuse(EARNED, what, mend="nothing is left to do", subject=f"line/{given['line']}")
    return {"left": str(left)}


def left_after(amount: Decimal, items: Mapping[date, Decimal], on: date) -> Decimal:
    """What of a schedule is not earned by a day."""
    return amount - sum((some for day, some in items.items() if day <= on), ZERO)


def amounts(reader: Reader, tenant: str, given: Mapping[str, Any]) -> Mapping[str, Decimal]:
    """The money that is recognised early."""
    return {given["currency"]: Decimal(given["amount"])}


def asks(given: Mapping[str, Any]) -> bool:
    """It takes two persons, whatever the configuration says."""
    return True


def works(parts: Parts, writer: Writer, given: Mapping[str, Any]) -> bool:
    """Keep the event that lets it be recognised; False where it is kept already."""
    record = line_of(writer.reader, parts.tenant, given["line"])
    event = RevenueEvent(
        record.head["entity"],
        f"early/{given['line']}/{given['on']}",
        EARLY,
        date.fromisoformat(given["on"]),
        record.id,
        note=f"without {given['missing']}: {given['reason']}",
        override=True,
    )
    return writer.add_revenue_events(parts.tenant, [event]) > 0


def happened(events: Sequence[RevenueEvent]) -> tuple[Happening, ...]:
    """Events as methods take them; what was let go is none."""
    kept = (one for one in events if one.kind != EARLY)
    return tuple(Happening(one.on, one.kind, one.quantity, one.expected, one.material, one.key) for one in kept)


def facts_of(row: Mapping[str, Any], amount: Decimal, events: Sequence[RevenueEvent]) -> RevenueFacts:
    """What the rule of a schedule's line sees, in the light of events."""
    return RevenueFacts(
        row["entity"],
        row["product"],
        row["kind"],
        row["service_from"],
        row["service_to"],
        row["invoice_date"],
        amount,
        row["currency"],
        quantity=row["quantity"] or Decimal(1),
        happenings=happened(events),
    )
