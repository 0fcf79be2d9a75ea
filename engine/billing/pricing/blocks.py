"""What usage of several units costs in blocks and in tiers of capacity: two methods of the pricing family.

Both take one quantity for each meter that the charge bills (:attr:`PricingFacts.metered`), and give a part for each meter
and tier, so that a line can say which meter filled how many blocks of which tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any

from engine.base.errors import refuse
from engine.base.money import CONTEXT, ZERO
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, in_currency, times
from engine.billing.pricing.tiers import BEYOND_LAST_TIER
from engine.model.decision import Flaw


def block_tiers(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """A price for each started block of units, in tiers that hold a number of blocks: each tier at its own price (``mode: all_tiers``), or all units at the price of the tier that the quantity reaches (``top_tier``)."""
    price = _MODES[terms["mode"]]
    parts: list[Part] = []
    for meter, quantity in used(facts).items():
        if quantity > 0:
            parts.extend(price(terms, _tiers(terms, meter, facts), meter, quantity, facts, share))
    return tuple(parts)


def capacity(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """One flat price, of the first tier whose limits hold for what every meter reached; nothing where nothing was used."""
    reached = {meter: quantity for meter, quantity in used(facts).items() if quantity > 0}
    if not reached:
        return ()
    tiers = terms["tiers"]
    homes = {meter: _first_within(tiers, meter, quantity, facts, share) for meter, quantity in reached.items()}
    highest = max(homes.values())
    price = times(in_currency(tiers[highest - 1]["price"], facts), share)
    deciding = next(meter for meter, tier in homes.items() if tier == highest)
    return tuple(
        Part(tier, reached[meter], ZERO, flat, flat, meter=meter)
        for meter, tier in homes.items()
        for flat in (price if meter == deciding else ZERO,)
    )


def used(facts: PricingFacts) -> Mapping[str, Decimal]:
    """The quantity of each meter of a charge; that of its only meter where it has one."""
    return facts.metered or {facts.charge.meter or "": facts.quantity}


def added(parts: Iterable[Part], billed: Iterable[Part]) -> tuple[Part, ...]:
    """What parts have above those that were billed before, by meter and tier; only where there is a difference."""
    before = _together(billed)
    nothing = (ZERO, ZERO, ZERO)
    found = []
    for (meter, tier), (quantity, amount, flat) in _together(parts).items():
        less_quantity, less_amount, less_flat = before.pop((meter, tier), nothing)
        found.append(_difference(meter, tier, quantity - less_quantity, amount - less_amount, flat - less_flat))
    for (meter, tier), (quantity, amount, flat) in before.items():
        found.append(_difference(meter, tier, -quantity, -amount, -flat))
    return tuple(part for part in found if part.quantity or part.amount)


def _difference(meter: str, tier: int, quantity: Decimal, amount: Decimal, flat: Decimal) -> Part:
    unit = CONTEXT.divide(amount - flat, quantity) if quantity else ZERO
    return Part(tier, quantity, unit, flat, amount, meter=meter)


def _together(parts: Iterable[Part]) -> dict[tuple[str, int], tuple[Decimal, Decimal, Decimal]]:
    """Quantity, amount and flat part by meter and tier."""
    sums: dict[tuple[str, int], tuple[Decimal, Decimal, Decimal]] = {}
    for part in parts:
        quantity, amount, flat = sums.get((part.meter, part.tier), (ZERO, ZERO, ZERO))
        sums[part.meter, part.tier] = (quantity + part.quantity, amount + part.amount, flat + part.flat)
    return sums


def _tiers(terms: Terms, meter: str, facts: PricingFacts) -> Sequence[Terms]:
    tiers = (terms.get("by_meter") or {}).get(meter) or terms.get("tiers")
    if not tiers:
        raise refuse(
            BEYOND_LAST_TIER,
            f"meter {meter!r} of {facts.plan}/{facts.charge.key} has no tiers",
            mend="add the meter to by_meter",
        )
    return list(tiers)


def _blocks(quantity: Decimal, size: Decimal) -> Decimal:
    """Blocks that a quantity starts."""
    return CONTEXT.divide(quantity, size).to_integral_value(ROUND_CEILING)


def _fill(
    tiers: Sequence[Terms], quantity: Decimal, share: Fraction
) -> Iterator[tuple[int, Terms, Decimal, Decimal | None]]:
    """(number, tier, units that fall in it, units that it holds) of each tier that is reached; None: no bound."""
    left = quantity
    for number, tier in enumerate(tiers, 1):
        width = None if tier.get("blocks") is None else times(tier["blocks"] * tier["size"], share)
        taken = left if width is None else min(left, width)
        yield number, tier, taken, width
        left -= taken
        if left <= 0:
            return


def _part(number: int, tier: Terms, units: Decimal, meter: str, facts: PricingFacts) -> Part:
    blocks, price = _blocks(units, tier["size"]), in_currency(tier["price"], facts)
    return Part(number, blocks, price, ZERO, blocks * price, meter=meter)


def _all_tiers(
    terms: Terms, tiers: Sequence[Terms], meter: str, quantity: Decimal, facts: PricingFacts, share: Fraction
) -> Iterator[Part]:
    filled = list(_fill(tiers, quantity, share))
    above = quantity - sum((taken for _, _, taken, _ in filled), ZERO)
    if above > 0 and terms["above"] == "refuse":
        raise refuse(
            BEYOND_LAST_TIER,
            f"{quantity} of meter {meter!r} of {facts.plan}/{facts.charge.key} is {above} more than its tiers hold",
            mend="leave blocks out of the last tier, or say what is above it costs: above: last_tier or above: nothing",
        )
    for number, tier, taken, _ in filled:
        more = above if number == len(filled) and terms["above"] == "last_tier" else ZERO
        if taken + more > 0:
            yield _part(number, tier, taken + more, meter, facts)


def _top_tier(
    terms: Terms, tiers: Sequence[Terms], meter: str, quantity: Decimal, facts: PricingFacts, share: Fraction
) -> Iterator[Part]:
    *_, (number, tier, _taken, _width) = _fill(tiers, quantity, share)
    yield _part(number, tier, quantity, meter, facts)


_MODES = {"all_tiers": _all_tiers, "top_tier": _top_tier}


def _first_within(tiers: Sequence[Terms], meter: str, quantity: Decimal, facts: PricingFacts, share: Fraction) -> int:
    """Number of the first tier whose limit for a meter holds."""
    for number, tier in enumerate(tiers, 1):
        limit = tier["limits"].get(meter)
        if limit is None or quantity <= times(limit, share):
            return number
    raise refuse(
        BEYOND_LAST_TIER,
        f"{quantity} of meter {meter!r} of {facts.plan}/{facts.charge.key} is above the limits of every tier",
        mend="leave the meter out of the limits of the last tier",
    )


def check_blocks(terms: Terms) -> Iterable[Flaw]:
    """Tiers stand once, sizes are above nothing, only the last tier of a list may be open, all have the same currencies."""
    if ("tiers" in terms) == bool(terms.get("by_meter")):
        yield Flaw(
            ("method",),
            "block_tiers needs either tiers or by_meter",
            "write tiers for a charge of one meter, by_meter for several",
        )
    lists: list[tuple[tuple[str | int, ...], Sequence[Terms]]] = [
        *((("tiers",), terms["tiers"]) for _ in (0,) if "tiers" in terms),
        *((("by_meter", meter), tiers) for meter, tiers in (terms.get("by_meter") or {}).items()),
    ]
    known: set[str] = {currency for _, tiers in lists for tier in tiers for currency in tier["price"]}
    for path, tiers in lists:
        for number, tier in enumerate(tiers):
            yield from _flaws_of_tier((*path, number), tier, number == len(tiers) - 1, known)


def _flaws_of_tier(path: tuple[str | int, ...], tier: Terms, last: bool, currencies: set[str]) -> Iterable[Flaw]:
    number = int(path[-1]) + 1
    if tier["size"] <= 0:
        yield Flaw((*path, "size"), f"a block of {tier['size']} units", "write a size above 0")
    if tier.get("blocks") is None and not last:
        yield Flaw(path, f"tier {number} has no blocks, but is not the last", "say how many blocks it holds")
    yield from _missing_prices((*path, "price"), number, tier["price"], currencies)


def _missing_prices(
    path: tuple[str | int, ...], number: int, prices: Mapping[str, Any], currencies: set[str]
) -> Iterable[Flaw]:
    missing = sorted(currencies - prices.keys())
    if missing:
        what = f"tier {number} has no price in {', '.join(missing)}, another tier has one"
        yield Flaw(path, what, "price every tier in the same currencies")


def check_capacity(terms: Terms) -> Iterable[Flaw]:
    """Limits of each meter rise from tier to tier, and a meter without a limit has none in later tiers either."""
    below: dict[str, Decimal | None] = {}
    currencies = {currency for tier in terms["tiers"] for currency in tier["price"]}
    meters = {meter for tier in terms["tiers"] for meter in tier["limits"]}
    for number, tier in enumerate(terms["tiers"]):
        path = ("tiers", number, "limits")
        for meter in sorted(meters):
            limit, before = tier["limits"].get(meter), below.get(meter, ZERO)
            if limit is not None and before is None:
                yield Flaw((*path, meter), f"tier {number + 1} limits {meter}, an earlier tier does not", "order tiers")
            elif limit is not None and before is not None and number and limit < before:
                yield Flaw((*path, meter), f"limit {limit} is below {before}", "write tiers in rising order")
            below[meter] = limit
        yield from _missing_prices(("tiers", number, "price"), number + 1, tier["price"], currencies)
