"""What the lines of a document earn on its day, and what they earn later or take back: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from engine.base.money import ZERO
from engine.billing.advances import is_advance
from engine.billing.milestones import MARK
from engine.ledger.fx import convert
from engine.model.decision import Decide, Decision
from engine.model.dunning import OTHER_INCOME
from engine.model.invoice import Invoice, InvoiceLine, RatedCharge, Reversible
from engine.model.journal import FxRate, JournalEntry
from engine.model.revenue import Plan, Planned, PlannedItem
from engine.model.revenue_contract import Cover, Covered
from engine.model.tax_correction import TAX, Correction
from engine.revenue.schedule import Happening, RevenueFacts, ScheduleItem
from engine.revenue.spread import by_day
from engine.revenue.taking import after, corrected, instead, taken_back
from engine.runs.revenue.covering import Covering
from engine.store.writing.revenue import Kept

NOT_EARNED: Final = frozenset({*OTHER_INCOME, TAX})
"""Kinds of lines of which nothing is revenue by their own days."""


def is_earned(charge: RatedCharge) -> bool:
    """Whether the net amount of a line is revenue some day: what corrects tax has one where the price includes it."""
    if charge.kind == TAX:
        return charge.tax_included
    return charge.kind not in NOT_EARNED and not is_advance(charge)


class Later(msgspec.Struct, frozen=True, gc=False):
    """What a line does not earn on the day of its document alone: all its items, and the schedule that it takes back."""

    line: InvoiceLine
    items: Sequence[ScheduleItem]
    waits: str
    takes: int
    decision: int


class Planner:
    """Knows what credits take back, of one run's documents one after the other."""

    def __init__(
        self,
        decide: Decide,
        credited: Mapping[int, Reversible],
        covers: Sequence[Cover] = (),
        corrections: Mapping[int, Correction] | None = None,
    ) -> None:
        """``covers`` is what bills for revenue contracts: their lines earn nothing by themselves; ``corrections`` are those of
        tax on the documents, by line."""
        self._decide, self._credited, self._covering = decide, credited, Covering(covers, credited)
        self._corrections = corrections or {}
        self._plans: dict[int, Plan] = {}

    def earned(self, invoice: Invoice) -> tuple[list[tuple[int, str, Decimal]], list[Later]]:
        """(line number, product, amount) of what is revenue on the invoice date, and what is later."""
        earned: list[tuple[int, str, Decimal]] = []
        later: list[Later] = []
        day = invoice.draft.invoice_date
        for line in invoice.lines:
            charge = line.charge
            if not is_earned(charge) or self._covering.of(charge) is not None:
                continue
            if charge.kind == TAX:
                billed = self._corrections[charge.credits].charge
                charge = msgspec.structs.replace(billed, amount=charge.amount, credits=charge.credits)
            facts = RevenueFacts(
                invoice.draft.entity,
                charge.product,
                charge.kind,
                charge.service_from,
                charge.service_to,
                day,
                charge.amount,
                invoice.draft.currency,
                "",
                charge.quantity or Decimal(1),
                happenings=accepted(charge.exact, charge.service_from),
            )
            one = self._credit(line, facts) if charge.credits else None
            if one is not None:
                later.append(one)
                earned.extend((line.number, charge.product, item.amount) for item in one.items if item.on <= day)
                continue
            decision = self._decide("revrec", facts, charge.service_from)
            assert decision.method is not None
            items, left = decision.method(decision.terms, facts), charge.amount
            deferred = bool(charge.credits) and self._deferred(charge.credits)
            if deferred:
                items = as_deferred(items, facts)
            for item in items:
                if item.on <= day:
                    earned.append((line.number, charge.product, item.amount))
                    left -= item.amount
            if left and (not charge.credits or deferred):
                waits = _method(decision.terms) if sum((item.amount for item in items), ZERO) != charge.amount else ""
                later.append(Later(line, items, waits, 0, decision.id))
            elif left:  # what it gives back was earned at once
                earned = [one for one in earned if one[0] != line.number]
                earned.append((line.number, charge.product, charge.amount))
        return earned, later

    def covered(self, invoice: Invoice) -> tuple[tuple[int, Covered], ...]:
        """The lines that are billed for revenue contracts, by number."""
        if not self._covering.any:
            return ()
        found = ((line.number, self._covering.of(line.charge)) for line in invoice.lines if not is_advance(line.charge))
        return tuple((number, one) for number, one in found if one is not None)

    def _deferred(self, line_id: int) -> bool:
        """Whether a line was billed by another system, and its deferral, which came over, is recognised by its own schedule."""
        known = self._credited.get(line_id)
        return known is not None and known.deferred

    def _moved(self, line: InvoiceLine, facts: RevenueFacts, plan: Plan, decision: Decision) -> Later:
        """What a correction of tax makes of the plan of its line: the one that its net amount would have had, where nothing is
        taken back of it; else every part in proportion."""
        assert decision.method is not None
        amount, day = facts.amount, facts.invoice_date
        if plan.amount == plan.whole and not plan.waits:
            wanted = msgspec.structs.replace(facts, amount=plan.amount + amount)
            items = instead(plan, decision.method(decision.terms, wanted), day)
        else:
            items = taken_back(plan, amount, day, None, facts.currency)
        self._plans[line.charge.credits] = corrected(plan, amount, items)
        return Later(line, items, "", plan.schedule, decision.id)

    def _credit(self, line: InvoiceLine, facts: RevenueFacts) -> Later | None:
        """What a credit takes back of the plan of its line; None where that has none."""
        charge = line.charge
        known = self._credited.get(charge.credits)
        plan = self._plans.get(charge.credits) or (known.plan if known is not None else None)
        if plan is None:
            return None
        decision = self._decide("revrec", facts, charge.service_from)
        assert decision.method is not None
        if charge.kind == TAX:
            return self._moved(line, facts, plan, decision)
        days = charge.service_to > charge.service_from and not plan.waits
        by_days = decision.method(decision.terms, facts) if days else None
        if by_days is not None and sum((item.amount for item in by_days), ZERO) != charge.amount:
            by_days = None
        items = taken_back(plan, charge.amount, facts.invoice_date, by_days, facts.currency)
        self._plans[charge.credits] = after(plan, charge.amount, items)
        return Later(line, items, "", plan.schedule, decision.id)


def as_deferred(items: Sequence[ScheduleItem], facts: RevenueFacts) -> Sequence[ScheduleItem]:
    """What a deferral that came over earns, and what a credit takes back of it: as the rule of its product has made ``items``, but
    evenly by days where that goes by what happens, or is no schedule."""
    whole = sum((item.amount for item in items), ZERO) == facts.amount
    return items if whole and len(items) > 1 else by_day({}, facts)


def accepted(exact: str, on: date) -> tuple[Happening, ...]:
    """What has happened of a line by its own words: a milestone that it bills was accepted."""
    return (Happening(on, "accept"),) if exact.startswith(MARK) else ()


def _method(terms: Mapping[str, Any]) -> str:
    """The name of a method, for a schedule that waits for what happens."""
    return str(terms.get("method", "")) or "event"


def planned(one: Later, invoice: Invoice, country: str, liability: str, rate: FxRate) -> Planned:
    """A schedule to be kept; its balance was posted to the GL account ``liability`` at ``rate``."""
    charge, day = one.line.charge, invoice.draft.invoice_date
    return Planned(
        one.line.number,
        charge.account,
        charge.product,
        country,
        "revenue",
        liability,
        charge.amount,
        rate,
        convert(charge.amount, rate),
        charge.service_from,
        charge.service_to,
        one.takes,
        one.waits,
        one.decision,
        tuple(PlannedItem(item.on, item.amount, item.on <= day) for item in one.items),
        _posted([item for item in one.items if item.on <= day], rate),
    )


def _posted(items: Sequence[ScheduleItem], rate: FxRate) -> tuple[tuple[date, Decimal, Decimal], ...]:
    """What the entry of the document recognises, by month: every item is converted there by itself."""
    months: dict[date, tuple[Decimal, Decimal]] = {}
    for item in items:
        amount, worth = months.get(month := item.on.replace(day=1), (ZERO, ZERO))
        months[month] = (amount + item.amount, worth + convert(item.amount, rate))
    return tuple((month, *sums) for month, sums in months.items())


class Documented(Protocol):
    """A finished document with its entries and plans."""

    @property
    def invoice(self) -> Invoice: ...
    @property
    def entries(self) -> tuple[JournalEntry, ...]: ...
    @property
    def plans(self) -> tuple[Planned, ...]: ...


def kept_plans(issued: Iterable[Documented], first_line: int, first_entry: int) -> list[Kept]:
    """Schedules of documents to be kept; the ids of their lines and entries begin with the ones given."""
    kept: list[Kept] = []
    for one in issued:
        if one.plans:
            earned = next((n for n, entry in enumerate(one.entries) if entry.kind == "revenue"), None)
            entry_id = 0 if earned is None else first_entry + earned
            kept.extend(Kept(plan, first_line + plan.line - 1, entry_id) for plan in one.plans)
        first_line += len(one.invoice.lines)
        first_entry += len(one.entries)
    return kept
