"""What invoice lines, and deferrals that were brought over, still have to recognise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from engine.base.money import CONTEXT, ZERO, round_to
from engine.model.decision import Decide
from engine.model.journal import FxRate
from engine.model.revenue import EARLY, OPENING, Due, Mark, Plan, Planned, PlannedItem, RevenueEvent
from engine.revenue.schedule import ScheduleItem
from engine.runs.revenue.facts import facts_of
from engine.runs.revenue.planning import as_deferred
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.revenue_plans import plans
from engine.store.writer import Writer
from engine.store.writing.revenue import Kept

PAGE: Final = 5000
RECURRING: Final = "recurring"
"""What a deferral that was brought over is to the rules: the subscription that it is of."""


class LineSource:
    """Schedules of lines and of opening balances."""

    def plan(self, parts: Parts, writer: Writer, entity: str, through: date) -> None:
        """Give deferrals that were brought over their schedules, and plan what happened since."""
        writer.seen_revenue()
        reader, tenant = writer.reader, parts.tenant
        opened = [_opened(parts, row) for row in reader.unscheduled_deferrals(tenant, entity)]
        writer.add_schedules(tenant, entity, opened, writer.run_id)
        mark = reader.revenue_mark(tenant, entity)
        rows = reader.waiting_schedules(tenant, entity, mark)
        known = plans(reader, [row["id"] for row in rows])
        added = [(row["id"], _happened(parts, reader, row, known[row["id"]])) for row in rows if row["id"] in known]
        writer.add_items(tenant, entity, added, writer.run_id)

    def due(self, reader: Reader, tenant: str, entity: str, through: date) -> Iterable[Due]:
        """Items up to the day that no run has posted."""
        rows = reader.revenue_due(tenant, entity, through, reader.revenue_mark(tenant, entity))
        while page := list(islice(rows, PAGE)):
            foreign = sorted(
                {row[0] for row in page if row[5] != row[6]}
            )  # by place, as names are slow: schedule, currencies
            yield from _dues(page, reader.revenue_posted(foreign) if foreign else {})

    def done(self, writer: Writer, tenant: str, entity: str, through: date) -> None:
        """Note how far the legal entity is recognised."""
        schedules, items = writer.seen_revenue()
        mark = Mark(through, items, writer.reader.newest_revenue_event(), schedules)
        writer.set_revenue_mark(tenant, entity, mark)


def _dues(page: Sequence[Any], posted: Mapping[int, tuple[Decimal, Decimal]]) -> Iterator[Due]:
    """What is due of the rows of a page.  A schedule in foreign currency releases what its balance was posted with, to the cent."""
    known: dict[tuple[Any, ...], FxRate] = {}
    before: dict[int, tuple[Decimal, Decimal]] = dict(posted)
    for (
        ident, month, amount, whole, worth, currency, own, rate, source, rate_on, role, liability, country, product, decision,
    ) in page:  # fmt: skip
        key = (currency, own, rate, source, rate_on)
        at = known.get(key)
        if at is None:
            at = known[key] = FxRate(*key)
        functional = amount
        if currency != own:
            done, kept = before.get(ident, (ZERO, ZERO))
            functional = released(whole, worth, done + amount, own) - kept
            before[ident] = (done + amount, kept + functional)
        yield Due(
            ident, month, amount, functional, at, role, "contract_liability", liability, country, product, decision
        )


def released(whole: Decimal, worth: Decimal, done: Decimal, currency: str) -> Decimal:
    """What ``done`` of ``whole`` is worth where the whole is ``worth`` that: in functional currency."""
    if done == whole or not whole:
        return worth
    return round_to(CONTEXT.divide(CONTEXT.multiply(worth, done), whole), currency)


def _opened(parts: Parts, row: Mapping[str, Any]) -> Kept:
    """The schedule of a deferral, by the rule of its product; evenly by days where that goes by events or is no schedule."""
    facts = facts_of(
        {**row, "kind": RECURRING, "invoice_date": row["service_from"], "quantity": None}, row["amount"], ()
    )
    decision = parts.rules.decide("revrec", facts, row["service_from"])
    assert decision.method is not None
    items = as_deferred(decision.method(decision.terms, facts), facts)
    rate = FxRate(
        row["currency"], row["functional_currency"], row["held_rate"], row["held_rate_source"], row["held_rate_on"]
    )
    planned = Planned(
        0,
        row["account"],
        row["product"],
        row["country"] or "",
        "revenue",
        row["held_account"],
        row["amount"],
        rate,
        row["functional_amount"],
        row["service_from"],
        row["service_to"],
        0,
        "",
        decision.id,
        tuple(PlannedItem(item.on, item.amount) for item in items),
    )
    return Kept(planned, row["id"], 0, OPENING)


def _happened(parts: Parts, reader: Reader, row: Mapping[str, Any], plan: Plan) -> list[PlannedItem]:
    """What events change in the plan of a schedule: items that net with those before."""
    events = reader.revenue_events(
        parts.tenant, entity=row["entity"], line=row["line_id"], subscription=row["subscription"], charge=row["charge"]
    )
    return planned_anew(parts.rules.decide, row, plan, [event for _, _, event in events])


def planned_anew(
    decide: Decide, row: Mapping[str, Any], plan: Plan, events: Sequence[RevenueEvent]
) -> list[PlannedItem]:
    """The items that bring the plan of a line's schedule to what events make of it."""
    wanted = _earned(decide, row, plan, events)
    if plan.amount != plan.whole:  # credits have taken from it: what is earned beyond what was is earned last
        left = sum((item.amount for item in wanted), ZERO) - sum(plan.items.values(), ZERO)
        days = [event.on for event in events]
        return [PlannedItem(max(days), left)] if left else []
    return changed(plan.first, wanted)


def _earned(decide: Decide, row: Mapping[str, Any], plan: Plan, events: Sequence[RevenueEvent]) -> list[ScheduleItem]:
    """What is earned of a schedule in the light of events."""
    decision = decide("revrec", facts := facts_of(row, plan.amount, events), row["service_from"])
    assert decision.method is not None
    items = list(decision.method(decision.terms, facts))
    early = min((one.on for one in events if one.kind == EARLY), default=None)
    if early is None:
        return items
    kept = [item for item in items if item.on <= early]
    return [*kept, ScheduleItem(early, plan.amount - sum((item.amount for item in kept), ZERO))]


def changed(before: Mapping[date, Decimal], wanted: Iterable[ScheduleItem]) -> list[PlannedItem]:
    """The items that make what was planned what is wanted."""
    left = {on: -amount for on, amount in before.items()}
    for item in wanted:
        left[item.on] = left.get(item.on, ZERO) + item.amount
    return [PlannedItem(on, amount) for on, amount in sorted(left.items()) if amount]
