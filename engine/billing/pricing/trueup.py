"""The method that looks at what other charges owe: a commitment that they count towards."""

from __future__ import annotations

from fractions import Fraction

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, change, in_currency, times

NOT_COUNTED = Code(
    "pricing.not-counted", "A commitment is asked for where it is not known what the other charges come to."
)


def true_up(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """What is missing to a commitment: the part of it that the other charges of the subscription do not reach on the same days.

    The commitment shrinks to the share of the cycle, what counts towards it is what the lines of those days say.

    Raises:
        TollbookError: ``pricing.not-counted``, ``pricing.no-price-in-currency``.
    """
    if facts.counted is None:
        raise refuse(
            NOT_COUNTED,
            f"nothing is known of the charges that count towards {facts.plan}/{facts.charge.key}",
            mend="use the method on a recurring charge in arrears",
        )
    committed = times(in_currency(terms["commitment"], facts), share)
    part = Part(0, facts.quantity, ZERO, committed, committed)
    return (part, change(-min(max(facts.counted, ZERO), committed), "counts towards it"))
