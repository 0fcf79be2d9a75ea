"""A seller of usage, made of what a vector says: rule files, a catalogue, subscriptions with a ledger of what was billed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import yaml

from engine import families
from engine.base.money import ZERO
from engine.billing.job import Job, Statement
from engine.billing.pricing import Part, PricingFacts
from engine.billing.pricing.blocks import used
from engine.billing.statement import statement
from engine.model.catalog import Charge, Meter
from engine.model.decision import Decision
from engine.model.due import AccountDue
from engine.model.invoice import RatedCharge
from engine.model.usage import UsageDay
from engine.rulebook.rulebook import RuleBook, compile_book
from tests.stories import ROOT
from tests.unit.billing.simulator import ENTITY, Shop, account

FLAVOUR = ROOT / "examples" / "flavours" / "killbill" / "rules"
Terms = dict[str, Any]


class Price(msgspec.Struct, frozen=True):
    """A price of a charge of a plan from a day on, as ``then`` of a rule says it."""

    plan: str
    charge: str
    then: Terms
    since: date = date(2000, 1, 1)


def tier_terms(model: str, mode: str, tiers: Sequence[Mapping[str, Any]], currency: str, rename: str = "") -> Terms:
    """``then`` of a rule for the tiers of a vector; ``rename`` is the meter that a single limit is of."""
    if model == "CAPACITY":
        return {"method": "capacity", "tiers": [_capacity(tier, currency, rename) for tier in tiers]}
    return {**_consumable(mode), "tiers": [_block(tier, currency) for tier in tiers]}


def unit_terms(mode: str, units: Mapping[str, Sequence[Mapping[str, Any]]], currency: str) -> Terms:
    """``then`` of a rule for tiers of several units."""
    by_meter = {unit: [_block(tier, currency) for tier in tiers] for unit, tiers in units.items()}
    return {**_consumable(mode), "by_meter": by_meter}


def _consumable(mode: str) -> Terms:
    return {"method": "block_tiers", "mode": mode.lower(), "above": "nothing"}


def _block(tier: Mapping[str, Any], currency: str) -> Terms:
    made = {"size": str(tier["block"]), "price": f"{tier['price']} {currency}"}
    return made if tier["max_blocks"] is None else {**made, "blocks": str(tier["max_blocks"])}


def _capacity(tier: Mapping[str, Any], currency: str, rename: str) -> Terms:
    limits = {rename or unit: str(limit) for unit, limit in (tier.get("limits") or {}).items() if limit is not None}
    return {"limits": limits, "price": f"{tier['price']} {currency}"}


def book(prices: Iterable[Price], **metering: Any) -> RuleBook:
    """The rules of the seller: prices, and the flavour's metering with its terms changed as said."""
    sets: dict[date, list[Price]] = {}
    for price in prices:
        sets.setdefault(price.since, []).append(price)
    days = sorted(sets)
    files: dict[str, Any] = {}
    for place, day in enumerate(days):
        until = {"to": days[place + 1]} if place + 1 < len(days) else {}
        in_force = [price for since in days[: place + 1] for price in sets[since]]
        newest = {(price.plan, price.charge): price for price in in_force}
        files[f"rules/pricing/vector-{place}.yaml"] = {
            "ruleset": f"pricing/vector-{place}",
            "effective": {"from": day, **until},
            "hit": "unique",
            "rules": [
                {
                    "id": f"r{number}",
                    "when": f'plan == "{price.plan}" and charge.key == "{price.charge}"',
                    "then": price.then,
                }
                for number, price in enumerate(newest.values(), 1)
            ],
        }
    flavour = yaml.safe_load((FLAVOUR / "metering" / "usage_metering.yaml").read_text())
    files["rules/metering/usage_metering.yaml"] = {
        **{key: value for key, value in flavour.items() if key != "cases"},
        "rules": [{**rule, "then": {**rule["then"], **metering}} for rule in flavour["rules"]],
    }
    texts = {label: yaml.safe_dump(content, sort_keys=False).encode() for label, content in files.items()}
    proration = sorted((FLAVOUR / "proration").glob("*.yaml")) or [ROOT / "rules" / "proration" / "default.yaml"]
    texts |= {f"rules/proration/{path.name}": path.read_bytes() for path in proration}
    return compile_book(texts, families.ALL, lint=False)


def priced(
    rules: RuleBook, charge: Charge, quantities: Mapping[str, Decimal], currency: str
) -> tuple[tuple[Part, ...], Decision]:
    """The parts of the price of some quantities by meter."""
    day, total = date(2020, 1, 1), sum(quantities.values(), ZERO)
    several = quantities if charge.meters else {}
    facts = PricingFacts(ENTITY, account(currency), charge, charge.plan, total, None, None, day, day, metered=several)
    assert not several or used(facts) == quantities
    made = rules.decide("pricing", facts, day)
    assert made.method is not None
    return made.method(made.terms, facts), made


class Taken(Shop):
    """One subscription of a vector, decided by rule files; usage can be taken back, and an invoice voided."""

    def __init__(
        self, charges: Sequence[Charge], meters: Mapping[str, Meter], rules: RuleBook, bcd: int, currency: str
    ) -> None:
        super().__init__(charges, {}, anchor_day=bcd, currency=currency)
        self.meters, self.rules = dict(meters), rules
        self.reversed: dict[int, int] = {}
        self.touches = 0

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        """The rules of the seller."""
        return self.rules.decide(family, facts, on)

    def take_back(self, day: date, meter: str) -> None:
        """Readings of a day become known not to have been."""
        for ident, name, on, _ in list(self.usage):
            if on == day and name == meter and ident not in self.reversed and _ > 0:
                self.usage.append((len(self.usage) + 1, meter, day, ZERO))
                self.reversed[ident] = len(self.usage)

    def _usage_days(self, floor: date) -> list[UsageDay]:
        days: dict[tuple[date, str], list[tuple[int, Decimal]]] = {}
        for ident, meter, day, quantity in self.usage:
            if day >= floor:
                days.setdefault((day, meter), []).append((ident, ZERO if ident in self.reversed else quantity))
        return [
            UsageDay(
                5,
                meter,
                day,
                sum((quantity for _, quantity in known), ZERO),
                len(known),
                max(ident for ident, _ in known),
                max(quantity for _, quantity in known),
            )
            for (day, meter), known in sorted(days.items())
        ]

    def preview(self, on: date) -> Statement:
        """What a run up to that day would make of the subscription."""
        job = Job(
            ENTITY,
            self.plans,
            self.meters,
            self.decide,
            on,
            len(self.events),
            len(self.usage),
            self.rules.turns("pricing"),
        )
        due = self.due()
        return statement(job, AccountDue(self.account, {}, (due,)), due)

    def void(self, voided: Sequence[RatedCharge]) -> None:
        """Lines that were billed are owed again."""
        self.lines = [line for line in self.lines if not any(line.charge is one for one in voided)]
        if self.mark and voided:
            first = min(one.service_from for one in voided) - timedelta(days=1)
            self.mark = msgspec.structs.replace(self.mark, billed_to=min(self.mark.billed_to, first))
