"""What one side's rules of revenue make of lines, one after the other: by month, with what credits take back and events change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO
from engine.ledger.posting import Determine, determine
from engine.model.decision import Decision
from engine.model.revenue import Plan, RevenueEvent
from engine.revenue.schedule import RevenueFacts, ScheduleItem
from engine.revenue.taking import after, taken_back
from engine.runs.revenue.facts import facts_of
from engine.runs.revenue.line_source import planned_anew
from engine.runs.revenue.planning import accepted
from engine.runs.simulate.sides import Side
from engine.store.asof_revenue import EarningLine

Months = dict[date, Decimal]
"""First day of a month -> what is earned in it."""


class Earned(msgspec.Struct):
    """A line on one side: the decision about it, and what it earns by day of the plan."""

    decision: Decision
    items: Mapping[date, Decimal]

    def months(self, line: EarningLine) -> Months:
        """What is recognised by month: nothing before the document is there."""
        found: Months = {}
        for on, amount in self.items.items():
            month = max(on, line.invoice_date).replace(day=1)
            found[month] = found.get(month, ZERO) + amount
        return found


class Earner:
    """One side of a simulation; lines are taken in the order of their documents."""

    def __init__(self, credited: frozenset[int]) -> None:
        """``credited`` are the lines that later ones give back."""
        self._credited = credited
        self._plans: dict[int, Plan] = {}
        self._accounts: dict[tuple[int, str, str, date], Determine] = {}

    def take(self, side: Side, line: EarningLine, events: Sequence[RevenueEvent]) -> Earned:
        """What a line earns, as it was billed: see :class:`engine.runs.revenue.planning.Planner`."""
        charge, facts = line.charge, self.facts(line)
        decision = side.rules.decide("revrec", facts, charge.service_from)
        assert decision.method is not None
        made: Sequence[ScheduleItem] = decision.method(decision.terms, facts)
        plan = self._plans.get(charge.credits)
        if plan is not None:
            by_days = made if charge.service_to > charge.service_from and not plan.waits else None
            if by_days is not None and sum((item.amount for item in by_days), ZERO) != charge.amount:
                by_days = None
            made = taken_back(plan, charge.amount, line.invoice_date, by_days, line.currency)
            self._plans[charge.credits] = after(plan, charge.amount, made)
            return Earned(decision, added(made))
        items = added(made)
        at_once = sum((amount for on, amount in items.items() if on <= line.invoice_date), ZERO)
        if at_once == charge.amount or charge.credits:
            return Earned(decision, {line.invoice_date: charge.amount})
        if line.id in self._credited or events:
            waits = "" if sum(items.values(), ZERO) == charge.amount else "event"
            self._plans[line.id] = Plan(line.id, charge.amount, charge.amount, waits, items, items)
        return Earned(decision, items)

    @staticmethod
    def facts(line: EarningLine) -> RevenueFacts:
        """What the rule of a line sees when it is billed."""
        charge = line.charge
        facts = facts_of(row_of(line), charge.amount, ())
        happened = accepted(charge.exact, charge.service_from)
        return msgspec.structs.replace(facts, happenings=happened) if happened else facts

    def later(self, side: Side, line: EarningLine, events: Sequence[RevenueEvent]) -> Mapping[date, Decimal]:
        """What events change of a line that was taken, after all that was given back of it; nothing where it was earned at once."""
        plan = self._plans.get(line.id)
        if plan is None or not events:
            return {}
        return added(planned_anew(side.rules.decide, row_of(line), plan, events))

    def accounts(self, side: Side, line: EarningLine, on: date) -> tuple[str, str]:
        """The GL accounts of revenue and of the contract liability of a line, on a day."""
        key = (id(side), line.entity, line.currency, on)
        if key not in self._accounts:
            self._accounts[key] = determine(side.rules.decide, line.entity, line.currency, on)
        known, product = self._accounts[key], line.charge.product
        return known("revenue", line.country, product)[0], known("contract_liability", line.country, product)[0]


def added(items: Sequence[Any]) -> dict[date, Decimal]:
    """Items by day."""
    found: dict[date, Decimal] = {}
    for item in items:
        found[item.on] = found.get(item.on, ZERO) + item.amount
    return found


def row_of(line: EarningLine) -> Mapping[str, Any]:
    """A line as :func:`engine.runs.revenue.facts.facts_of` wants it."""
    charge = line.charge
    return {
        "entity": line.entity,
        "product": charge.product,
        "kind": charge.kind,
        "service_from": charge.service_from,
        "service_to": charge.service_to,
        "invoice_date": line.invoice_date,
        "currency": line.currency,
        "quantity": charge.quantity,
    }
