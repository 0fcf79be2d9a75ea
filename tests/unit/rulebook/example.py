"""Two small families for the tests of the rule book: prices with methods, and labels without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.model.decision import Decision, Family, Flaw, Method
from engine.rulebook.rulebook import RuleBook, compile_book

DAY = date(2026, 6, 15)


class Account(msgspec.Struct, frozen=True):
    """Who buys."""

    key: str
    segment: Literal["enterprise", "business", "private"]
    country: str
    currency: str = "USD"


class Charge(msgspec.Struct, frozen=True):
    """What is sold."""

    meter: str
    months: int = 1


class Facts(msgspec.Struct, frozen=True):
    """What a price may depend on."""

    account: Annotated[Account, Meta(description="the account that pays")]
    charge: Charge
    quantity: Annotated[Decimal, Meta(description="units used")]
    agreed: Annotated[Decimal | None, Meta(description="agreed price")] = None
    since: date = date(2020, 1, 1)
    parent: Account | None = None


def flat(terms: Mapping[str, Any], facts: Facts) -> Decimal:
    """One price."""
    return Decimal(terms["price"][facts.account.currency])


def per_unit(terms: Mapping[str, Any], facts: Facts) -> Decimal:
    """A price for each unit."""
    return Decimal(terms["unit"][facts.account.currency]) * facts.quantity


def check_unit(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """No unit costs more than a million."""
    for currency, amount in terms["unit"].items():
        if amount > 1_000_000:
            yield Flaw(("unit",), f"{amount} {currency} is too dear", "ask for less")


def check_family(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """A broken check, on demand."""
    if terms["note"] == "break":
        raise RuntimeError("broken")
    return ()


def results(decision: Decision, facts: Facts) -> Mapping[str, Any]:
    """The amount with its currency."""
    assert decision.method is not None
    return {"amount": {facts.account.currency: decision.method(decision.terms, facts)}}


PRICING = Family(
    name="pricing",
    doc="What a charge costs.",
    facts=Facts,
    selected_by="service day",
    outcome={
        "note": {"type": "string", "default": ""},
        "discount": {"type": "percent", "default": "0 %", "min": 0, "max": 1},
    },
    methods={
        "flat": Method(flat, {"price": {"type": "price", "required": True}}),
        "per_unit": Method(per_unit, {"unit": {"type": "price", "required": True, "min": 0}}, check_unit),
    },
    results=results,
    check=check_family,
)

LABELS = Family(
    name="labels",
    doc="What a charge is called.",
    facts=Facts,
    selected_by="invoice date",
    outcome={
        "label": {"type": "string", "required": True, "empty": False},
        "days": {"type": "days", "default": "0 days"},
    },
    collects=True,
    names={"label": "word"},
)

FAMILIES = {family.name: family for family in (PRICING, LABELS)}


def facts(segment: str = "private", quantity: Any = 1, meter: str = "calls", country: str = "DE", **more: Any) -> Facts:
    """Facts with the values that a test cares about."""
    amount = None if quantity is None else Decimal(quantity)
    account = Account("A-1", segment, country)  # type: ignore[arg-type]
    return Facts(account, Charge(meter), amount, **more)  # type: ignore[arg-type]


def book(*texts: str, **more: Any) -> RuleBook:
    """A rule book of label rule sets given as YAML, each named by its position unless it names itself."""
    files = {}
    for number, text in enumerate(texts):
        head = "" if "ruleset:" in text else f"ruleset: labels/s{number}\n"
        family = "pricing" if "ruleset: pricing/" in text else "labels"
        files[f"rules/{family}/s{number}.yaml"] = (head + text).encode()
    return compile_book(files, FAMILIES, **more)
