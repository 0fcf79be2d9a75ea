"""Tax reckoned for each category and rate instead of line by line.

EN 16931 takes the tax of a document from the sum of each category and rate (BR-S-09 and its like); an engine that answers
line by line rounds each line.  What lies between the two is put on one line of the group, so that the lines still add up
to the document, and what a credit gives back is still what was taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from engine.base.money import ZERO, minor_unit, round_to
from engine.model.entity import LegalEntity
from engine.model.invoice import RatedCharge, Reversible
from engine.model.tax import TaxQuote
from engine.model.tax_correction import TAX

HALF: Final = Decimal("0.5")

Taxed = tuple[TaxQuote, int]
"""The tax on a line, and the id of its decision."""


class TaxRoundingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a rule about the rounding of tax may look at."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")]
    day: Annotated[date, Meta(description="tax point; selects the rule in force")]


def per_breakdown(
    charges: Sequence[RatedCharge], taxes: Sequence[Taxed], billed: Mapping[int, Reversible]
) -> list[Taxed]:
    """The taxes of one document, those of each category and rate adding up to the rate of their net sum.

    The difference is put on the line of the group with the largest net amount, the first of several; on a charge before a
    credit.  The gross of a line whose price includes tax is left alone.  A credit that gives back the last of its line is left alone, and none gives back more than is left.  What
    rounding cannot have made (more than half a minor unit a line) is the engine's own answer and stays, and so does tax
    whose parts by jurisdiction are known: they add up to it as it is.

    Args:
        charges: what the lines charge, in their order.
        taxes: the tax on each.
        billed: the lines that credits give back, by id.
    """
    groups: dict[tuple[str, Decimal], list[int]] = {}
    for place, (quote, _) in enumerate(taxes):
        if quote.rate and not quote.details and charges[place].kind != TAX:
            groups.setdefault((quote.category, quote.rate), []).append(place)
    made = list(taxes)
    for (_, rate), places in groups.items():
        if len(places) == 1 and not charges[places[0]].credits:
            continue
        currency = charges[places[0]].currency
        net = sum((charges[place].amount for place in places), ZERO)
        off = round_to(net * rate, currency) - sum((taxes[place][0].amount for place in places), ZERO)
        if not off or abs(off) > HALF * minor_unit(currency) * (len(places) + 1):
            continue
        bearer = _bearer(charges, taxes, billed, places, off)
        if bearer is not None:
            quote, decision = taxes[bearer]
            made[bearer] = (msgspec.structs.replace(quote, amount=quote.amount + off), decision)
    return made


def _bearer(
    charges: Sequence[RatedCharge],
    taxes: Sequence[Taxed],
    billed: Mapping[int, Reversible],
    places: Sequence[int],
    off: Decimal,
) -> int | None:
    """The line that bears a difference; None where none can."""
    places = [place for place in places if not charges[place].tax_included]
    able = [place for place in places if charges[place].amount and not charges[place].credits]
    if not able:
        given: dict[int, Decimal] = {}
        for place in places:
            charge = charges[place]
            given[charge.credits] = given.get(charge.credits, ZERO) + charge.amount
        able = [
            place
            for place in places
            if charges[place].amount and _leaves(charges[place], taxes, charges, billed, given, off)
        ]
    return max(able, key=lambda place: (abs(charges[place].amount), -place), default=None)


def _leaves(
    charge: RatedCharge,
    taxes: Sequence[Taxed],
    charges: Sequence[RatedCharge],
    billed: Mapping[int, Reversible],
    given: Mapping[int, Decimal],
    off: Decimal,
) -> bool:
    """Whether something is left of the line that a credit gives back, tax too, once the difference is borne."""
    line = billed.get(charge.credits)
    if line is None or not line.net_left + given[charge.credits]:
        return False
    back = sum((t.amount for (t, _), c in zip(taxes, charges, strict=True) if c.credits == charge.credits), ZERO)
    left = line.tax_left + back + off
    return left.is_signed() == line.tax_left.is_signed() or not left
