"""Runs the timelines of usage: what happens to subscriptions day by day, and the invoices that follow."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.base.period import local_day
from engine.billing.counting import UNKNOWN_UNIT
from engine.billing.on_account import moved
from engine.model.catalog import Charge, Meter
from engine.model.invoice import RatedCharge
from tests.unit.billing.simulator import charge
from tests.vectors.outcome import Case, Document, Outcome, judged
from tests.vectors.usage_world import Price, Taken, Terms, book, tier_terms

DAY = timedelta(days=1)
MONTHS = {"MONTHLY": 1, "ANNUAL": 12}
TIMING = {"IN_ADVANCE": "advance", "IN_ARREAR": "arrears"}
SILENT = {"usage", "delete_usage"}
PLAIN = {"CONSUMABLE": "reading", "CAPACITY": "reading-peak"}
"""The meters of readings that name no unit: what is added up, and what is a peak."""


def timeline(case: Case, document: Document) -> Outcome:
    """Runs a timeline and compares the lines of all its invoices."""
    life = Life(case, case.get("currency", document["currency"]))
    life.play()
    expected = [_wanted(line) for line in case["expect"]]
    kinds = {line["kind"] for line in expected}
    made = [line for line in life.lines if kinds != {"USAGE"} or line["kind"] == "USAGE"]
    left, missing = list(made), []
    for line in expected:
        found = next((one for one in left if all(one.get(key) == value for key, value in line.items())), None)
        if found is None:
            missing.append(line)
        else:
            left.remove(found)
    same = not missing and not left
    return judged(case, [_told(line) for line in missing], [_told(line) for line in left], same=same)


def _wanted(line: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(line)
    for key in ("amount", "qty"):
        if key in made:
            made[key] = Decimal(str(made[key]))
    return {"voided": False, **made}


def _told(line: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in line.items() if value not in (None, False)}


class Life:
    """All subscriptions of a vector, one account, and the lines of its invoices."""

    def __init__(self, case: Case, currency: str) -> None:
        self.case, self.currency = case, currency
        self.zone = case.get("time_zone", "UTC")
        self.bcd: int = case["bcd"]
        self.lines: list[dict[str, Any]] = []
        self.invoices: list[tuple[list[tuple[Taken, RatedCharge, dict[str, Any]]], dict[str, Any]]] = []
        self.credit = ZERO
        self.subs: dict[str, Taken] = {}
        self.ends: dict[str, date] = {}
        self.held: set[date] = set()
        self.targets: dict[str, date] = {}
        self.first_charge: date | None = (case.get("recurring") or {}).get("first_charge")
        self.shelf = Shelf(case, currency)
        options: dict[str, Any] = {"late_cycles": case.get("lookback_periods")}
        options["zero_line"] = case.get("zero_items", True)
        options["unknown"] = "hold" if case.get("strict_units") else "report"
        self.rules = book(self.shelf.prices, **options)

    def play(self) -> None:
        """Everything that happens, in order, and the runs."""
        events = list(self.case["events"])
        last = max(line["bill_day"] for line in self.case["expect"])
        if any(event["do"] == "bill_run" for event in events):
            for event in events:
                self.happen(event, self.happens_on(event))
            return
        by_day: dict[date, list[Mapping[str, Any]]] = {}
        for event in events:
            by_day.setdefault(self.happens_on(event), []).append(event)
        day = min(by_day)
        while day <= last:
            self.live(day, by_day.get(day, ()))
            day += DAY

    def live(self, day: date, events: Sequence[Mapping[str, Any]]) -> None:
        """One day: the run of a cycle day, what happens, and the run at the end of a service."""
        if day == self.first_charge:
            for sub in self.running(day):
                sub.know("change", day, self.shelf.full)
                sub.know("anchor", day, anchor_day=self.bcd)
        if self.is_cycle_day(day) and day not in self.ends.values():
            self.run(day, day)
        for event in events:
            self.happen(event, day)
            if event["do"] not in SILENT:
                self.run(day, day)
        if day in self.ends.values():
            self.run(day, day)

    def running(self, day: date) -> Iterator[Taken]:
        """Subscriptions that have started and are not cancelled."""
        for key, sub in self.subs.items():
            if self.ends.get(key, date.max) > day:
                yield sub

    def is_cycle_day(self, day: date) -> bool:
        """Whether cycles begin on the day."""
        return day.day == min(self.bcd, calendar.monthrange(day.year, day.month)[1])

    def happens_on(self, event: Mapping[str, Any]) -> date:
        """The local day on which something becomes known."""
        return event.get("recorded_on") or self.day_of(event)

    def day_of(self, event: Mapping[str, Any]) -> date:
        """The local day that an event is of."""
        if "at" not in event:
            day: date = event["day"]
            return day
        at = event["at"]
        instant = at if isinstance(at, datetime) else datetime.fromisoformat(at.replace("Z", "+00:00"))
        return local_day(instant, self.zone)

    def happen(self, event: Mapping[str, Any], today: date) -> None:
        """One event of the vector, as the events and readings of the engine."""
        key, day = event.get("sub", ""), self.day_of(event)
        effective = event.get("effective", day)
        if event["do"] == "start":
            self.subs[key] = Taken(self.shelf.charges, self.shelf.meters, self.rules, self.bcd, self.currency)
            trial = self.first_charge is not None and self.first_charge > effective
            self.subs[key].know("start", effective, self.shelf.trial if trial else self.shelf.full, 1)
            self.ends.pop(key, None)
            return
        if event["do"] in ("bill_run", "void_last_invoice"):
            self.run(today, event["target"]) if event["do"] == "bill_run" else self.void()
            return
        for name in [key] if "sub" in event else list(self.subs):
            _ACTS[event["do"]](self, name, event, day, effective)

    def use(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """A reading."""
        for meter in self.shelf.meters_of(event):
            self.subs[name].use(day, str(event["qty"]), meter)

    def take_back(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """A reading is deleted."""
        for meter in self.shelf.meters_of(event):
            self.subs[name].take_back(event["of_day"], meter)

    def cancel(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """The service ends."""
        self.subs[name].know("cancel", effective)
        self.ends[name] = effective

    def uncancel(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """A cancellation to come is taken back."""
        self.subs[name].know("uncancel", self.ends.pop(name))

    def change_meter(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """Another plan with another meter."""
        self.subs[name].know("change", effective, self.shelf.plan_with(event["to"]))

    def add_meter(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """A plan with one more meter."""
        self.subs[name].know("change", effective, self.shelf.plan_more(event["meter"]))

    def set_bcd(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """The anchor moves."""
        self.bcd = event["to"]
        self.subs[name].know("anchor", effective, anchor_day=self.bcd)

    def hold(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """Nothing is billed from a day on."""
        self.subs[name].know("pause", effective)

    def release(self, name: str, event: Mapping[str, Any], day: date, effective: date) -> None:
        """It is billed again from a day on."""
        self.subs[name].know("resume", effective)

    def run(self, today: date, target: date) -> None:
        """A bill run: one invoice of all subscriptions."""
        made: list[tuple[Taken, RatedCharge, dict[str, Any]]] = []
        for key, sub in self.subs.items():
            try:
                charges = sub.run(target)
            except TollbookError as error:
                if error.findings[0].code is not UNKNOWN_UNIT:
                    raise
                if today not in self.held:
                    self.held.add(today)
                    self.lines.append(
                        {"bill_day": today, "kind": "BILLING_HELD", "reason": "unknown_unit", "voided": False}
                    )
                continue
            made.extend((sub, one, _line(one, today, key, self.targets.get(key))) for one in charges)
            self.targets[key] = target
        if not made:
            return
        self.lines.extend(line for _, _, line in made)
        put = moved(sum((one.amount for _, one, _ in made), ZERO), self.credit)
        credit = {"bill_day": today, "kind": "ACCOUNT_CREDIT", "amount": put, "voided": False}
        self.invoices.append((made, credit))
        if put:
            self.credit += put
            self.lines.append(credit)

    def void(self) -> None:
        """The last invoice is voided."""
        made, credit = self.invoices.pop()
        self.credit -= credit["amount"]
        credit["voided"] = True
        for sub, one, line in made:
            line["voided"] = True
            sub.void([one])


_ACTS = {
    "usage": Life.use,
    "delete_usage": Life.take_back,
    "cancel_now": Life.cancel,
    "cancel_on": Life.cancel,
    "uncancel": Life.uncancel,
    "change_meter": Life.change_meter,
    "add_meter": Life.add_meter,
    "set_bcd": Life.set_bcd,
    "block_billing": Life.hold,
    "hold_billing": Life.hold,
    "release_billing": Life.release,
}


def _line(one: RatedCharge, today: date, sub: str, before: date | None) -> dict[str, Any]:
    """A line as vectors tell it; ``before`` is the target of the run before, which may have seen its period end."""
    kind = "USAGE" if one.kind == "usage" else "REPAIR_CREDIT" if one.credits else "RECURRING"
    return {
        "bill_day": today,
        "kind": kind,
        "from": one.service_from,
        "to": one.service_to,
        "amount": one.amount,
        "qty": one.quantity,
        "sub": sub,
        "meter": one.charge,
        "late": before is not None and one.service_to <= before,
        "voided": False,
    }


class Shelf:
    """The plans, meters and prices of a vector."""

    def __init__(self, case: Case, currency: str) -> None:
        self.case, self.currency = case, currency
        self.recurring: Mapping[str, Any] = case.get("recurring") or {}
        self.meters: dict[str, Meter] = {}
        self.charges: list[Charge] = []
        self.prices: list[Price] = []
        self.plans: dict[tuple[str, ...], str] = {}
        first = [dict(meter) for meter in case.get("meters") or [case["meter"]]]
        if case.get("price_versions"):
            first[0]["price_versions"] = case["price_versions"]
        self.trial = self._plan("trial", first, None)
        self.full = self._plan("full", first, self.recurring.get("price"))
        self.others = {first[0]["meter"]: self.full}
        second = case.get("second_meter")
        if second:
            price = second.get("recurring", self.recurring.get("price"))
            other = {key: value for key, value in first[0].items() if key != "price_versions"}
            self.others[second["meter"]] = self._plan("second", [{**other, **second}], price)
        self.more: dict[str, str] = {}
        everything = first
        for event in case["events"]:
            if event["do"] == "add_meter":
                flat = {"limits": {}, "block": 1, "max_blocks": None, "price": event.get("price")}
                everything = [*everything, {**event, "tiers": event.get("tiers") or [flat]}]
                self.more[event["meter"]] = self._plan(
                    f"with-{event['meter']}", everything, self.recurring.get("price")
                )

    def meters_of(self, event: Mapping[str, Any]) -> list[str]:
        """The meters that a reading is of."""
        return [event["unit"]] if "unit" in event else [name for name in PLAIN.values() if name in self.meters]

    def plan_with(self, meter: str) -> str:
        """The plan that has a meter instead of the first one."""
        return self.others[meter]

    def plan_more(self, meter: str) -> str:
        """The plan that has a meter beside those before."""
        return self.more[meter]

    def _plan(self, plan: str, meters: Sequence[Mapping[str, Any]], recurring: Any) -> str:
        for meter in meters:
            self._usage(plan, meter, len(meters) > 1 or "meters" in self.case)
        if recurring is not None and self.recurring:
            months, timing = MONTHS[self.recurring["period"]], TIMING[self.recurring["timing"]]
            self.charges.append(charge("fee", "recurring", timing, plan, months=months))
            self.prices.append(Price(plan, "fee", {"method": "flat", "price": f"{recurring} {self.currency}"}))
        return plan

    def _usage(self, plan: str, meter: Mapping[str, Any], named: bool) -> None:
        versions = meter.get("price_versions") or [{"applies_from": date(2000, 1, 1), "tiers": meter["tiers"]}]
        model, key = meter["model"], meter["meter"]
        limits = sorted({unit for v in versions for tier in v["tiers"] for unit in tier.get("limits") or ()})
        units = limits if len(limits) > 1 else [limits[0] if limits and named else key if named else PLAIN[model]]
        for unit in units:
            self.meters[unit] = Meter("t", unit, "unit", "max" if model == "CAPACITY" else "sum")
        several = ";".join(units) if len(units) > 1 else ""
        self.charges.append(charge(key, "usage", "arrears", plan, meter=units[0], meters=several))
        rename = "" if len(units) > 1 else units[0]
        for version in versions:
            mode = meter.get("tier_mode", "ALL_TIERS")
            then: Terms = tier_terms(model, mode, version["tiers"], self.currency, rename)
            self.prices.append(Price(plan, key, then, version["applies_from"]))
