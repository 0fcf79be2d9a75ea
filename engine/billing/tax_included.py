"""Prices that include tax: the net amount of a line comes from its gross by the rate that the tax step answers.

Until the tax of a line is known, its amount is what its price says, tax and all; from then on it is net, and net and tax add up to
the gross to the cent.  By line each net is ``gross / (1 + rate)``, rounded; for each category and rate of a document (EN 16931)
that holds of their sum, and each line is within a minor unit of its own share (Directive 2006/112/EC, articles 78 and 226 (8), want
the taxable amount per rate, without tax).  The net that leads back to a gross by way of a rounded tax is the rounded quotient
wherever there is one; where there is none, such as for 0.03 at 19 %, the gross counts and the tax is off by one minor unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from engine.base.money import CONTEXT, ONE, ZERO, minor_unit, round_to, tax_within
from engine.model.invoice import InvoiceDraft, RatedCharge
from engine.model.tax import TaxQuote
from engine.model.tax_correction import TAX

Taxed = tuple[TaxQuote, int]
"""The tax on a line, and the id of its decision."""


def netted(draft: InvoiceDraft, taxes: Sequence[Taxed], *, whole: bool) -> tuple[InvoiceDraft, Sequence[Taxed]]:
    """A draft whose lines are all net, and their taxes.

    Args:
        draft: lines as they are priced.
        taxes: the tax on each, in their order; of a line whose price includes it, the tax within its gross.
        whole: whether the tax is reckoned for each category and rate of the document.
    """
    if not any(charge.tax_included for charge in draft.charges):
        return draft, taxes
    charges, taxes = nets(draft.charges, taxes, whole=whole)
    return msgspec.structs.replace(draft, charges=tuple(charges)), taxes


def nets(
    charges: Sequence[RatedCharge], taxes: Sequence[Taxed], *, whole: bool
) -> tuple[Sequence[RatedCharge], Sequence[Taxed]]:
    """The lines of a draft, all net, and their taxes; see :func:`netted`."""
    if whole:
        taxes = _for_each_rate(charges, taxes)
    made = [
        msgspec.structs.replace(charge, amount=charge.amount - quote.amount) if charge.tax_included else charge
        for charge, (quote, _) in zip(charges, taxes, strict=True)
    ]
    return made, taxes


def as_answered(charge: RatedCharge, taxed: Taxed) -> Taxed:
    """The tax within a gross as an engine answers it for the line alone, where it was moved by a minor unit for its rate."""
    quote, decision = taxed
    own = _own(charge, quote.rate)
    if not charge.tax_included or quote.details or abs(own - quote.amount) > minor_unit(charge.currency):
        return taxed
    return msgspec.structs.replace(quote, amount=own), decision


def _for_each_rate(charges: Sequence[RatedCharge], taxes: Sequence[Taxed]) -> list[Taxed]:
    """Taxes that lead to the net sum of each category and rate; what credits give back or correct, and what is known by
    jurisdiction, stays."""
    groups: dict[tuple[str, Decimal], list[int]] = {}
    for place, (quote, _) in enumerate(taxes):
        if charges[place].tax_included and charges[place].kind != TAX and quote.rate and not quote.details:
            groups.setdefault((quote.category, quote.rate), []).append(place)
    made = list(taxes)
    for (_, rate), places in groups.items():
        open_ = [place for place in places if not charges[place].credits and charges[place].amount > 0]
        if not open_ or len(places) == 1:
            continue
        currency = charges[open_[0]].currency
        off = [place for place in open_ if taxes[place][0].amount != _own(charges[place], rate)]
        if off:
            continue  # a cap, or a tax on a part of the amount: the engine's own answer
        gross = sum((charges[place].amount for place in places), ZERO)
        stays = sum((charges[place].amount - taxes[place][0].amount for place in places if place not in open_), ZERO)
        net = round_to(CONTEXT.divide(gross, ONE + rate), currency) - stays
        shares = _shares(net, [CONTEXT.divide(charges[place].amount, ONE + rate) for place in open_], currency)
        for place, share in zip(open_, shares, strict=True):
            quote, decision = taxes[place]
            made[place] = (msgspec.structs.replace(quote, amount=charges[place].amount - share), decision)
    return made


def _shares(net: Decimal, exact: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Each exact share rounded down or up, those with the largest remainder up, so that they add up to ``net``; as near to it
    as that allows where credits on the same document took another part than their own."""
    unit = minor_unit(currency)
    shares = [round_to(share, currency, "down") for share in exact]
    order = sorted(
        (place for place, share in enumerate(exact) if share > shares[place]), key=lambda n: shares[n] - exact[n]
    )
    more = int((net - sum(shares, ZERO)) / unit)
    for place in order[: max(more, 0)]:
        shares[place] += unit
    return shares


def _own(charge: RatedCharge, rate: Decimal) -> Decimal:
    return tax_within(charge.amount, rate, charge.currency)


def given_back(gross: Decimal, net_left: Decimal, tax_left: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The tax that a credit of ``gross`` (of the other sign than what is left) gives back: with the last of the gross the last of
    the tax, and never more of net or tax than is left."""
    if gross == -(net_left + tax_left):
        return -tax_left
    part = abs(tax_within(gross, rate, currency))
    least = max(abs(gross) - abs(net_left), ZERO)
    return max(min(part, abs(tax_left)), least).copy_sign(gross)
