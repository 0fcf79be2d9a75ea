"""What a whole cycle of a charge costs: the methods of the pricing family.

Every method takes the rule's terms, the facts and the ``share`` of the cycle by which tiers, allowances and flat parts
shrink (1 unless the proration rule says ``applies_to: tiers``), and returns the parts that add up to the price.  Nothing is
rounded here: rounding is the caller's one declared step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.decision import Flaw
from engine.model.entity import LegalEntity

NO_PRICE_IN_CURRENCY = Code(
    "pricing.no-price-in-currency", "The price list of the rule that applies has no price in the account's currency."
)
NO_AGREED_PRICE = Code(
    "pricing.no-agreed-price", "A rule asks for the contract's price, but the contract agrees none for the charge."
)
BEYOND_LAST_TIER = Code(
    "pricing.beyond-last-tier", "A quantity above the last tier of a rule whose last tier is bounded."
)

WHOLE = Fraction(1)
Terms = Mapping[str, Any]


class PricingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a pricing rule may look at."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that uses the service")]
    charge: Annotated[Charge, Meta(description="the charge of the catalogue")]
    plan: Annotated[str, Meta(description="plan key")]
    quantity: Annotated[
        Decimal, Meta(description="subscribed quantity, or metered quantity of the stretch", extra={"least": 0})
    ]
    agreed_price: Annotated[Decimal | None, Meta(description="unit price that the contract agrees for this charge")]
    agreed_currency: Annotated[str | None, Meta(description="currency of the agreed price")]
    subscribed_on: Annotated[date, Meta(description="first day of the subscription")]
    day: Annotated[date, Meta(description="first day of the stretch of service; selects the rule in force")]


class Part(msgspec.Struct, frozen=True, gc=False):
    """A step of a price: ``quantity`` x ``unit`` + ``flat`` = ``amount``; ``tier`` counts from 1, 0 where there are none."""

    tier: int
    quantity: Decimal
    unit: Decimal
    flat: Decimal
    amount: Decimal


def times(amount: Decimal, share: Fraction) -> Decimal:
    """``amount`` x ``share`` in 50 digits; multiplied before it is divided, so that nothing is cut on the way."""
    if share is WHOLE or share == 1:
        return amount
    return CONTEXT.divide(amount * share.numerator, Decimal(share.denominator))


def in_currency(prices: Mapping[str, Decimal], facts: PricingFacts) -> Decimal:
    """The price of a price list in the account's currency.

    Raises:
        TollbookError: ``pricing.no-price-in-currency``.
    """
    try:
        return prices[facts.account.currency]
    except KeyError:
        raise refuse(
            NO_PRICE_IN_CURRENCY,
            f"no price in {facts.account.currency} for {facts.plan}/{facts.charge.key}, only in {', '.join(sorted(prices))}",
            mend="add a price in that currency to the rule, or change the account's currency",
        ) from None


def flat(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """One price a cycle, whatever the quantity."""
    price = times(in_currency(terms["price"], facts), share)
    return (Part(0, facts.quantity, ZERO, price, price),)


def per_unit(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """A price for each unit above those ``included``."""
    unit = in_currency(terms["unit"], facts)
    quantity = max(facts.quantity - times(terms["included"], share), ZERO)
    return (Part(0, quantity, unit, ZERO, quantity * unit),)


def agreed(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """The unit price that the customer's contract agrees for the charge, times the quantity."""
    if facts.agreed_price is None:
        raise refuse(
            NO_AGREED_PRICE,
            f"no agreed price for {facts.plan}/{facts.charge.key} of account {facts.account.key}",
            mend="add a contract line, or let the rule apply only where agreed_price != null",
        )
    unit = in_currency({facts.agreed_currency or "": facts.agreed_price}, facts)
    return (Part(0, facts.quantity, unit, ZERO, facts.quantity * unit),)


def package(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """A price for each package of ``size`` units above those ``included``; a started package counts whole (``round: up``) or not at all (``round: down``)."""
    quantity = max(facts.quantity - times(terms["included"], share), ZERO)
    whole, rest = divmod(quantity, terms["size"])
    packages = whole + (1 if rest and terms["round"] == "up" else 0)
    unit = in_currency(terms["price"], facts)
    return (Part(0, packages, unit, ZERO, packages * unit),)


def _bounded(tiers: Iterable[Terms], share: Fraction) -> Iterable[tuple[Decimal | None, Terms]]:
    for tier in tiers:
        up_to = tier.get("up_to")
        yield (None if up_to is None else times(up_to, share)), tier


def _tier_part(number: int, tier: Terms, quantity: Decimal, facts: PricingFacts, share: Fraction) -> Part:
    unit = in_currency(tier["unit"], facts) if "unit" in tier else ZERO
    flat_part = times(in_currency(tier["flat"], facts), share) if "flat" in tier else ZERO
    return Part(number, quantity, unit, flat_part, quantity * unit + flat_part)


def _nothing_used(terms: Terms, facts: PricingFacts, share: Fraction) -> tuple[Part, ...]:
    """Zero usage: nothing, or the flat part of the first tier, as ``zero_usage`` says."""
    if terms["zero_usage"] == "nothing":
        return ()
    return (_tier_part(1, terms["tiers"][0], ZERO, facts, share),)


def graduated(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """Tiers filled one after the other: each unit at the price of the tier that it falls in, and the flat part of each tier that is reached."""
    if facts.quantity <= 0:
        return _nothing_used(terms, facts, share)
    parts: list[Part] = []
    below = ZERO
    for number, (up_to, tier) in enumerate(_bounded(terms["tiers"], share), 1):
        top = facts.quantity if up_to is None else min(up_to, facts.quantity)
        parts.append(_tier_part(number, tier, top - below, facts, share))
        below = top
        if below == facts.quantity:
            return tuple(parts)
    raise _beyond(facts, below)


def volume(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """All units at the price of the tier that the whole quantity reaches, and that tier's flat part."""
    if facts.quantity <= 0:
        return _nothing_used(terms, facts, share)
    last = ZERO
    for number, (up_to, tier) in enumerate(_bounded(terms["tiers"], share), 1):
        if up_to is None or facts.quantity <= up_to:
            return (_tier_part(number, tier, facts.quantity, facts, share),)
        last = up_to
    raise _beyond(facts, last)


def _beyond(facts: PricingFacts, last: Decimal) -> Exception:
    return refuse(
        BEYOND_LAST_TIER,
        f"quantity {facts.quantity} of {facts.plan}/{facts.charge.key} is above the last tier, which ends at {last}",
        mend="leave up_to out of the last tier",
    )


def check_tiers(terms: Terms) -> Iterable[Flaw]:
    """Tiers must rise, and only the last may be open: together they leave no gap and cannot overlap."""
    tiers = terms["tiers"]
    below = ZERO
    for number, tier in enumerate(tiers):
        up_to = tier.get("up_to")
        if up_to is None and number < len(tiers) - 1:
            yield Flaw(
                ("tiers", number),
                f"tier {number + 1} has no up_to, but is not the last",
                "give it an up_to, or move it to the end",
            )
        elif up_to is not None and up_to <= below:
            yield Flaw(("tiers", number, "up_to"), f"up_to {up_to} is not above {below}", "write tiers in rising order")
        if up_to is not None:
            below = up_to
        if "unit" not in tier and "flat" not in tier:
            yield Flaw(
                ("tiers", number),
                f"tier {number + 1} has neither unit nor flat",
                "add the price of a unit or of the tier; a free tier says unit: 0 with its currencies",
            )
    yield from _currencies(tiers)
    if tiers and tiers[-1].get("up_to") is not None:
        yield Flaw(
            ("tiers", len(tiers) - 1, "up_to"),
            "the last tier has an up_to, so larger quantities have no price",
            "leave up_to out of the last tier",
        )


def _currencies(tiers: Sequence[Terms]) -> Iterable[Flaw]:
    """Every price of every tier is there in every currency that one of them has."""
    lists = [(n, field, tier[field]) for n, tier in enumerate(tiers) for field in ("unit", "flat") if field in tier]
    known = {currency: (n, field) for n, field, prices in reversed(lists) for currency in prices}
    for n, field, prices in lists:
        missing = sorted(known.keys() - prices.keys())
        if missing:
            other, there = known[missing[0]]
            what = f"the {field} of tier {n + 1} has no price in {', '.join(missing)}, the {there} of tier {other + 1} has one"
            yield Flaw(("tiers", n, field), what, "price every tier in the same currencies")


def check_size(terms: Terms) -> Iterable[Flaw]:
    """A package holds more than nothing."""
    if terms["size"] <= 0:
        yield Flaw(("size",), f"a package of {terms['size']} units", "write a size above 0")
