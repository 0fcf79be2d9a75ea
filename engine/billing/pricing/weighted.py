"""Methods for units that were active for a part of the cycle: tiers by full units, prices by weighted units."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from engine.base.errors import refuse
from engine.base.money import CONTEXT, ZERO
from engine.billing.pricing.events import NO_EVENTS
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, change
from engine.billing.pricing.tiers import at_tier_of, beyond, bounded, nothing_used, tier_parts


def volume_prorated(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """All weighted units at the price of the tier that the full units reach, and that tier's flat part."""
    full = facts.quantity if facts.full_quantity is None else facts.full_quantity
    return at_tier_of(full, terms, facts, share)


def graduated_prorated(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """Event by event: full units say into which tiers an event falls, its weighted units are priced there; with the flat part of every tier ever reached.

    Units that are taken away leave the tiers from the top.  What was active at no time does not count.  Units are never
    worth less than nothing together, and where more was taken away than was there, nothing is owed.

    Raises:
        TollbookError: ``pricing.no-events`` where events and their weights are not known one by one,
            ``pricing.beyond-last-tier``.
    """
    if len(facts.events) != len(facts.weights) or (facts.quantity and not facts.events):
        raise refuse(
            NO_EVENTS,
            f"{len(facts.events)} events and {len(facts.weights)} weights for {facts.plan}/{facts.charge.key}",
            mend="use a meter whose aggregation weights each event",
        )
    tiers = list(bounded(terms["tiers"], share))
    sums, level, highest = [ZERO] * len(tiers), ZERO, ZERO
    for units, weight in zip(facts.events, facts.weights, strict=True):
        if not units or (not weight and (units > 0 or level + units < 0)):
            continue
        for place, moved in _moves(tiers, level, level + units, facts):
            sums[place] += CONTEXT.divide(weight * moved, units)
        level += units
        highest = max(highest, level)
    if level < 0:
        return ()
    if highest <= 0:
        return nothing_used(terms, facts, share)
    return tuple(_parts(terms, facts, share, sums, highest))


def _moves(
    tiers: list[tuple[Decimal | None, Terms]], start: Decimal, end: Decimal, facts: PricingFacts
) -> Iterator[tuple[int, Decimal]]:
    """The tiers between two levels and the units in each, negative on the way down; what is below zero is in the first."""
    low, high, sign = (start, end, 1) if start <= end else (end, start, -1)
    below: Decimal | None = None
    for place, (up_to, _) in enumerate(tiers):
        bottom = low if below is None else max(low, below)
        top = high if up_to is None else min(high, up_to)
        if top > bottom:
            yield place, sign * (top - bottom)
        if up_to is None or high <= up_to:
            return
        below = up_to
    raise beyond(facts, high, below or ZERO)


def _parts(terms: Terms, facts: PricingFacts, share: Fraction, sums: list[Decimal], highest: Decimal) -> Iterator[Part]:
    """The weighted units of every tier that was ever reached, and its flat part."""
    below, worth = ZERO, ZERO
    for number, ((up_to, tier), units) in enumerate(zip(bounded(terms["tiers"], share), sums, strict=True), 1):
        if highest <= below:
            break
        for part in tier_parts(number, tier, units, facts, share):
            worth += part.amount - part.flat if not part.step else part.amount
            yield part
        below = highest if up_to is None else up_to
    if worth < 0:
        yield change(-worth, "never less than nothing")
