"""A contract of a case as a seller would set it up: rules for its promises, the facts of each, and what happens to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

import msgspec
import yaml

from engine import families
from engine.base.money import ZERO, tax_within
from engine.base.period import add_months
from engine.model.decision import Decision
from engine.revenue import price as prices
from engine.revenue.allocation import Bundle, Selling, option_price
from engine.revenue.changes import accounted
from engine.revenue.contracts import Account, Change, Contract, Obligation
from engine.revenue.schedule import Happening, RevenueFacts
from engine.revenue.signing import Offer, Opened, opened
from engine.rulebook.rulebook import RuleBook, compile_book
from tests.vectors.outcome import Case
from tests.vectors.reading import number

METHODS: Mapping[str | None, dict[str, Any]] = {
    None: {"method": "point_in_time"},
    "point_in_time": {"method": "point_in_time"},
    "milestone": {"method": "point_in_time", "on": "accept"},
    "on_acceptance": {"method": "point_in_time", "on": "accept"},
    "straight_line": {"method": "straight_line_month"},
    "straight_line_monthly": {"method": "straight_line_month"},
    "straight_line_month_even": {"method": "straight_line_month"},
    "straight_line_daily": {"method": "straight_line_day"},
    "straight_line_day": {"method": "straight_line_day"},
    "straight_line_second": {"method": "straight_line_second"},
    "straight_line_monthly_prorated_ends": {"method": "straight_line_prorated"},
    "weekly": {"method": "straight_line_week"},
    "units_delivered": {"method": "units"},
    "usage": {"method": "units"},
    "usage_with_breakage": {"method": "units"},
    "cost_to_cost": {"method": "cost_to_cost"},
}
NATURES = {"use": "right_to_use", "access": "right_to_access"}
CURRENCY_OF_EXAMPLES = "EUR"
"""The standards write CU."""


def day_of(value: Any) -> date:
    """The day of a text such as ``2026-01-31`` or ``2026-06-15T12:00:00Z``."""
    return date.fromisoformat(str(value)[:10])


def moment_of(value: Any) -> datetime | None:
    """The moment of a text that says one."""
    return datetime.fromisoformat(str(value)) if "T" in str(value) else None


class World:
    """Rules, promises and changes out of a case; ``more`` is added to every rule."""

    def __init__(self, case: Case, **more: Any) -> None:
        self.case, self.more = case, more
        self.contract: dict[str, Any] = case["contract"]
        self.events: list[dict[str, Any]] = case.get("events", [])
        given = case.get("currency", "CU")
        self.currency = CURRENCY_OF_EXAMPLES if given == "CU" else given
        self.elements: list[dict[str, Any]] = self.contract.get("elements", [])
        self.start = day_of(self.contract.get("start", "2026-01-01"))
        self.labels: dict[str, date] = {}
        self.happenings: list[tuple[str | None, Happening]] = []
        self.changes: list[dict[str, Any]] = []
        self._read_events()

    # --- time

    def end_of(self, element: Mapping[str, Any]) -> date:
        """The day after the service of a promise."""
        begins = self.begin_of(element)
        for unit in ("months", "years", "weeks"):
            if unit in element:
                count = int(element[unit])
                return (
                    begins + timedelta(weeks=count)
                    if unit == "weeks"
                    else add_months(begins, count * {"months": 1, "years": 12}[unit])
                )
        stated = element.get("end", self.contract.get("end"))
        if stated is None:
            return begins + timedelta(days=1)
        return day_of(stated) + timedelta(days=int(self.contract.get("end_inclusive", True)))

    def begin_of(self, element: Mapping[str, Any]) -> date:
        """The first day of its service."""
        return day_of(element.get("start") or self.start)

    def at(self, value: Any) -> date:
        """A day that may be written from the beginning of the contract: ``+3 months``, ``inception``, ``end of year 1``."""
        text = str(value)
        if re.match(r"\d{4}-\d\d-\d\d", text):
            return day_of(text)
        if ahead := re.match(r"\+(\d+) (month|year)s?", text):
            return add_months(self.start, int(ahead[1]) * (12 if ahead[2] == "year" else 1))
        if text == "inception":
            return self.start
        return self.label(text)

    def label(self, value: Any) -> date:
        """The last day of a period that has only a name; periods follow each other by the month."""
        text = str(value)
        if re.fullmatch(r"\d{4}-\d\d", text):
            return add_months(date.fromisoformat(f"{text}-01"), 1) - timedelta(days=1)
        if text not in self.labels:
            self.labels[text] = add_months(self.start, len(self.labels) + 1) - timedelta(days=1)
        return self.labels[text]

    # --- rules

    def then(self, element: Mapping[str, Any]) -> dict[str, Any]:
        """What the rule of a promise says."""
        then = dict(METHODS.get(element.get("method"), {}))
        method = element.get("method")
        if element.get("nature"):
            then = {"method": NATURES[element["nature"]]}
        if method == "usage_with_breakage":
            then["breakage"] = str(number(self.contract["expected_breakage"]))
        if method in ("sales_based", "variable_per_quarter") or ("royalty" in element and not element.get("price")):
            rate = element.get("royalty", self.contract.get("rate_quarter"))
            then = {"method": "royalty", "rate": str(number(rate))}
        if then.get("method") == "units" and element.get("qty") is None and element.get("price") is None:
            then = {"method": "per_unit"}
        if element.get("qty") and element.get("ssp_unit"):
            then = {"method": "units"}
        if element.get("approach") == "residual":
            then["ssp"] = "residual"
        if element.get("distinct") is False:
            if element.get("material_right"):
                then |= {"method": "straight_line_month", "life_months": self.contract["expected_life_months"]}
            else:
                then["into"] = next(one["id"] for one in self.elements if one is not element)
        apart = any(event.get("distinct") is False for event in self.events)
        if element.get("distinct_increments") is False or apart:
            then["rest"] = "same"
        return {**then, **self._more(then.get("method", ""))}

    def _more(self, method: str) -> dict[str, Any]:
        spreads = method.startswith("straight_line") or method == "right_to_access"
        return {key: value for key, value in self.more.items() if spreads or key != "remainder"}

    @cached_property
    def book(self) -> RuleBook:
        """The rules of the case."""
        elements = [*self.elements, *(event["add"] for event in self.events if "add" in event)]
        rules = [
            {"id": f"r{at}", "when": f'element == "{one["id"]}"', "then": self.then(one)}
            for at, one in enumerate(elements)
        ]
        rules.append({"id": "others", "then": {"method": "point_in_time", **self._more("")}})
        head = {"ruleset": "revrec/case", "effective": {"from": date(2000, 1, 1)}, "owner": "case", "hit": "first"}
        return compile_book({"rules/revrec/case.yaml": yaml.safe_dump({**head, "rules": rules}).encode()}, families.ALL)

    def terms(self, **then: Any) -> Mapping[str, Any]:
        """The terms of a rule that says so, whatever it is asked about."""
        return _terms(tuple(sorted(then.items())))

    def decision(self, element: str) -> Decision:
        """What the rules say of a promise."""
        facts = self.facts({"id": element})
        return self.book.decide("revrec", facts, facts.service_from)

    # --- promises

    def stated(self, element: Mapping[str, Any]) -> Decimal:
        """The price that the contract states for a promise."""
        if element.get("allocated") is not None:
            return number(element["allocated"])
        if element.get("price") is not None:
            return number(element["price"])
        if element.get("unit_price") is not None:
            return number(element["unit_price"]) * number(element.get("qty", 1))
        return ZERO

    def facts(self, element: Mapping[str, Any]) -> RevenueFacts:
        """The facts of a promise."""
        begins = self.begin_of(element)
        signed = day_of(self.contract.get("signed", self.start))
        return RevenueFacts(
            "DE01", "case", "recurring", begins, self.end_of(element), signed, self.stated(element), self.currency,
            element=element["id"],
            quantity=number(element.get("qty") or 1),
            begins_at=moment_of(self.contract.get("start")),
            ends_at=moment_of(self.contract.get("end")),
            cost=number(element.get("expected_cost", 0)),
            material=number(element.get("uninstalled_material", 0)),
            happenings=self._done(element),
        )  # fmt: skip

    def _done(self, element: Mapping[str, Any]) -> tuple[Happening, ...]:
        key = element["id"]
        only = len(self.elements) < 2
        mine = [one for name, one in self.happenings if name == key or (name is None and (only or self._used(element)))]
        if element.get("at") is not None:
            mine.append(Happening(self.at(element["at"]), "deliver"))
        elif (
            element.get("method", "point_in_time") == "point_in_time"
            and not self._delivered(key)
            and not self._used(element)
        ):
            mine.append(Happening(self._next_day(element), "deliver"))
        return tuple(mine)

    def _delivered(self, key: str) -> bool:
        return any(name in (None, key) and one.kind in ("deliver", "accept") for name, one in self.happenings)

    def _used(self, element: Mapping[str, Any]) -> bool:
        return bool(element.get("qty") and element.get("ssp_unit"))

    def _next_day(self, element: Mapping[str, Any]) -> date:
        """Goods without a day are handed over one after the other."""
        place = next((at for at, one in enumerate(self.elements) if one is element), 0)
        return self.start if "payment_condition" not in self.contract else self.start + timedelta(days=place)

    def selling(self, element: Mapping[str, Any]) -> Selling:
        """What is known of its price in separate sales."""
        ssp = element.get("ssp")
        if "estimate" in element:
            guess = element["estimate"]
            ssp = option_price(
                *(number(guess[name]) for name in ("incremental_discount", "probability", "average_purchase"))
            )
        low, high = (number(end) for end in element["ssp_range"]) if element.get("ssp_range") else (None, None)
        return Selling(element["id"], None if ssp is None else number(ssp), low=low, high=high)

    @property
    def price(self) -> Decimal | None:
        """The fixed transaction price with what is estimated now; None where the promises' prices say it."""
        contract = self.contract
        if "expected_collection" in contract:
            sure = prices.Variable("collection", (prices.Outcome(number(contract["expected_collection"]), Decimal(1)),))
            return prices.variable_amount(self.terms(constraint="none"), sure)
        if "fixed" in contract:
            return number(contract["fixed"]) + number(contract.get("variable_estimate", 0))
        if "gross" in contract and "tax_rate" in contract:
            gross = number(contract["gross"])
            return gross - tax_within(gross, number(contract["tax_rate"]), self.currency)
        return number(contract["price"]) if "price" in contract else None

    @cached_property
    def opened(self) -> Opened:
        """The contract at inception."""
        offers = [Offer(self.facts(one), self.selling(one)) for one in self.elements]
        bundle = self.contract.get("observable_bundle")
        bundles = [Bundle(tuple(bundle["elements"]), number(bundle["price"]))] if bundle else []
        exists = day_of(self.contract["signed"]) if "signed" in self.contract else date.min
        return opened(self.currency, offers, self.book.decide, price=self.price, bundles=bundles, exists=exists)

    @cached_property
    def agreed(self) -> Contract:
        """The contract with its changes."""
        contract = self.opened.contract
        return msgspec.structs.replace(contract, changes=tuple(self._change(event) for event in self.changes))

    @cached_property
    def account(self) -> Account:
        """What came of it."""
        return accounted(self.agreed)

    # --- events

    def _read_events(self) -> None:
        for at, sales in enumerate(self.contract.get("sales") or self.contract.get("assets") or ()):
            self.happenings.append((None, Happening(add_months(self.start, at), "sale", number(sales), key=str(at))))
        for at, event in enumerate(self.events):
            kind = event.get("type", "")
            if "after_units" in event:
                self._halfway(event)
            elif kind in ("modify", "terminate", "estimate", "sla_credit", "pause", "renew"):
                self.changes.append({**event, "key": str(at)})
            elif kind in ("accept", "deliver"):
                self.happenings.append((event.get("element"), Happening(self.at(event["at"]), kind)))
            elif kind == "expire":
                self.happenings.append((None, Happening(self.label(event["period"]), "expire")))
            else:
                self._read_progress(event, str(at))

    def _read_progress(self, event: Mapping[str, Any], key: str) -> None:
        on = self.at(event["at"]) if "at" in event else self.label(event.get("period", "period"))
        amount = {
            name: number(event[name])
            for name in event
            if name not in ("at", "period", "type", "note", "estimate_above_threshold")
        }
        material = amount.get("elevators_delivered", ZERO)
        costs = [amount[name] for name in ("cost", "cost_incurred", "other") if name in amount]
        if costs or material:
            done = Happening(on, "cost", sum(costs, material), amount.get("expected_cost"), material, key)
        elif "used" in amount or "redeemed" in amount or "redeemed_cumulative" in amount:
            before = sum((one.quantity for _, one in self.happenings if one.kind == "use"), ZERO)
            new = amount["redeemed_cumulative"] - before if "redeemed_cumulative" in amount else ZERO
            done = Happening(
                on, "use", amount.get("used", amount.get("redeemed", new)), amount.get("expected_total"), key=key
            )
        elif "units" in amount:
            done = Happening(on, "deliver", amount["units"], self._unit_price(event), key=key)
        else:
            return
        self.happenings.append((event.get("element"), done))

    def _unit_price(self, event: Mapping[str, Any]) -> Decimal | None:
        if "expected_unit_price" in self.contract:
            return number(self.contract["expected_unit_price"])
        later = self.contract.get("retrospective_price")
        return number(later["unit_price"]) if later and event.get("estimate_above_threshold") else None

    def _halfway(self, event: Mapping[str, Any]) -> None:
        """Units up to the modification, the modification, then one more unit, and all others."""
        done, total = number(event["after_units"]), number(self.elements[0]["qty"])
        self.halfway = add_months(self.start, 2)
        self.happenings.append((None, Happening(add_months(self.start, 1), "deliver", done)))
        self.changes.append({**event, "at": self.halfway.isoformat(), "key": "units"})
        same = number(event["unit_price"]) == number(event.get("ssp_unit", event["unit_price"]))
        rest = total - done + (ZERO if same else number(event["add_units"]))
        self.happenings.append((None, Happening(add_months(self.start, 3), "deliver", Decimal(1))))
        self.happenings.append((None, Happening(add_months(self.start, 4), "deliver", rest - 1)))

    def _change(self, event: Mapping[str, Any]) -> Change:
        kind, key = event["type"], event["key"]
        if kind == "pause":
            ends = day_of(event["to"]) + timedelta(days=1)
            return Change(day_of(event["from"]), "pause", key, ends=ends, extend=bool(event.get("extend")))
        on = self.at(event["at"])
        if kind == "terminate":
            return Change(on, "terminate", key, refund=number(event.get("refund", 0)))
        if kind == "sla_credit":
            return Change(on, "credit", key, price=number(event["amount"]))
        if kind == "estimate":
            return Change(on, "estimate", key, price=self._revised(event))
        if kind == "renew":
            element = {**self.elements[0], **{name: event[name] for name in ("start", "end", "price")}}
            facts = self.facts(element)
            head = self.opened.contract.obligations[0]
            more = msgspec.structs.replace(head, key=f"{head.key}+{key}", facts=facts)
            return Change(on, "modify", key, adds=(more,), at_ssp=True)
        return self._modification(event, on, key)

    def _revised(self, event: Mapping[str, Any]) -> Decimal:
        if "price" in event:
            return number(event["price"]) - sum((one.facts.amount for one in self.opened.contract.obligations), ZERO)
        return number(event["variable"]) - number(self.contract["variable_estimate"])

    def _modification(self, event: Mapping[str, Any], on: date, key: str) -> Change:
        price = number(event.get("price", 0)) - number(event.get("credit", 0)) + number(event.get("add_price", 0))
        if event.get("bonus_included") and not self.contract.get("bonus", {}).get("included"):
            price += number(self.contract["bonus"]["amount"])
        units = number(event.get("add_units", event.get("add_seats", 0)))
        if "add_units" in event:
            price += units * number(event["unit_price"])
        at_ssp = bool(
            event.get("at_ssp", "ssp_unit" in event and number(event["unit_price"]) == number(event["ssp_unit"]))
        )
        extended = event.get("extend_to")
        adds: tuple[Obligation, ...] = ()
        if "add" in event:
            element = event["add"]
            facts = msgspec.structs.replace(self.facts(element), amount=price, service_from=on)
            decision = self.book.decide("revrec", facts, on)
            assert decision.method is not None
            adds = (Obligation(element["id"], facts, decision.terms, decision.method, number(element["ssp"])),)
            price = ZERO
        return Change(
            on, "modify", key,
            price=price + number(event.get("extension_price", 0)),
            adds=adds,
            at_ssp=at_ssp,
            rest=number(event["remaining_price"]) if "remaining_price" in event else None,
            ends=day_of(extended) + timedelta(days=1) if extended else None,
            quantity=units,
            cost=number(event.get("add_cost", 0)),
            past=number(event.get("credit_for_past", 0)),
        )  # fmt: skip


@cache
def _terms(then: tuple[tuple[str, Any], ...]) -> Mapping[str, Any]:
    return World({"contract": {}}, **dict(then)).decision("any").terms
