"""Methods with tiers that the quantity of the stretch fills or reaches: graduated, volume, by percentages, in steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, change, check_currencies, in_currency, times
from engine.model.decision import Flaw

BEYOND_LAST_TIER = Code(
    "pricing.beyond-last-tier", "A quantity above the last tier of a rule whose last tier is bounded."
)


def bounded(tiers: Iterable[Terms], share: Fraction) -> Iterator[tuple[Decimal | None, Terms]]:
    """Tiers with their upper bounds, which shrink to the share."""
    for tier in tiers:
        up_to = tier.get("up_to")
        yield (None if up_to is None else times(up_to, share)), tier


def tier_parts(number: int, tier: Terms, quantity: Decimal, facts: PricingFacts, share: Fraction) -> Iterator[Part]:
    """What a quantity costs in a tier, its flat part included; no more than the tier's ``cap``."""
    if "rate" in tier:
        unit = tier["rate"]
    else:
        unit = in_currency(tier["unit"], facts) if "unit" in tier else ZERO
    flat_part = times(in_currency(tier["flat"], facts), share) if "flat" in tier else ZERO
    amount = quantity * unit + flat_part
    yield Part(number, quantity, unit, flat_part, amount)
    if "cap" in tier:
        cap = times(in_currency(tier["cap"], facts), share)
        if amount > cap:
            yield change(cap - amount, f"cap of tier {number}")


def nothing_used(terms: Terms, facts: PricingFacts, share: Fraction) -> tuple[Part, ...]:
    """Zero usage: nothing, or the flat part of the first tier, as ``zero_usage`` says."""
    if terms["zero_usage"] == "nothing":
        return ()
    return tuple(tier_parts(1, terms["tiers"][0], ZERO, facts, share))


def graduated(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """Tiers filled one after the other: each unit at the price of the tier that it falls in, and the flat part of each tier that is reached."""
    if facts.quantity <= 0:
        return nothing_used(terms, facts, share)
    parts: list[Part] = []
    below = ZERO
    for number, (up_to, tier) in enumerate(bounded(terms["tiers"], share), 1):
        top = facts.quantity if up_to is None else min(up_to, facts.quantity)
        parts.extend(tier_parts(number, tier, top - below, facts, share))
        below = top
        if below == facts.quantity:
            return tuple(parts)
    raise beyond(facts, facts.quantity, below)


def graduated_percentage(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """The quantity is money, and tiers are filled one after the other: a percentage of what falls in each, and its flat part."""
    return graduated(terms, facts, share)


def volume(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """All units at the price of the tier that the whole quantity reaches, and that tier's flat part."""
    return at_tier_of(facts.quantity, terms, facts, share)


def at_tier_of(reached: Decimal, terms: Terms, facts: PricingFacts, share: Fraction) -> tuple[Part, ...]:
    """The quantity of the facts at the price of the tier that another quantity reaches."""
    if reached <= 0:
        return nothing_used(terms, facts, share)
    last = ZERO
    for number, (up_to, tier) in enumerate(bounded(terms["tiers"], share), 1):
        if up_to is None or reached <= up_to:
            return tuple(tier_parts(number, tier, facts.quantity, facts, share))
        last = up_to
    raise beyond(facts, reached, last)


def stairstep(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """One price for the step that the quantity reaches, whatever the quantity within it."""
    return at_tier_of(facts.quantity, terms, facts, share)


def beyond(facts: PricingFacts, quantity: Decimal, last: Decimal) -> Exception:
    """The error for a quantity that no tier covers."""
    return refuse(
        BEYOND_LAST_TIER,
        f"quantity {quantity} of {facts.plan}/{facts.charge.key} is above the last tier, which ends at {last}",
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
        if tier.keys().isdisjoint(("unit", "flat", "rate")):
            yield Flaw(
                ("tiers", number),
                f"tier {number + 1} has neither unit nor flat",
                "add the price of a unit or of the tier; a free tier says unit: 0 with its currencies",
            )
    yield from check_currencies("tiers", tiers, ("unit", "flat", "cap"), "tier")
    if tiers and tiers[-1].get("up_to") is not None:
        yield Flaw(
            ("tiers", len(tiers) - 1, "up_to"),
            "the last tier has an up_to, so larger quantities have no price",
            "leave up_to out of the last tier",
        )
