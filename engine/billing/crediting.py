"""Credits undo what was invoiced: at the tax of the billed line, never at today's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import round_to
from engine.billing.tax_included import given_back
from engine.model.invoice import RatedCharge, Reversible
from engine.model.tax import TaxQuote

NO_LINE = Code("crediting.no-line", "A credit on an invoice line that the books do not have.")


def credited_taxes(
    charges: Iterable[tuple[str, RatedCharge]], billed: Mapping[int, Reversible]
) -> dict[str, tuple[TaxQuote, int]]:
    """The tax that credits give back, by key, with the id of the tax decision of the line that they credit.

    A credit has the rate, category and jurisdiction of its line.  It gives back that share of the net amount, never more
    than is left of the line's tax; what gives back the last of the net gives back the last of the tax.  The opposite of a
    credit, after that was voided, brings the tax again, with the last of the net the last of the tax.

    Args:
        charges: (key of the tax request, credit), in the order in which they are written.
        billed: the credited lines by id.

    Raises:
        TollbookError: ``crediting.no-line``.
    """
    left = dict(billed)
    taxes: dict[str, tuple[TaxQuote, int]] = {}
    for key, charge in charges:
        line = left.get(charge.credits)
        if line is None:
            raise refuse(
                NO_LINE, f"line {charge.credits}, which is to be credited, is not there", mend="run `tollbook verify`"
            )
        if charge.tax_included:
            amount = _of_gross(charge, line)
            rest = line.net_left + charge.amount - amount
            left[charge.credits] = msgspec.structs.replace(line, net_left=rest, tax_left=line.tax_left + amount)
            taxes[key] = (msgspec.structs.replace(line.tax, key=key, amount=amount), line.tax_decision)
            continue
        net_left = line.net_left + charge.amount
        if charge.amount * line.net > 0:
            amount = _brought_again(charge, line)
            left[charge.credits] = msgspec.structs.replace(line, net_left=net_left, tax_left=line.tax_left + amount)
            taxes[key] = (msgspec.structs.replace(line.tax, key=key, amount=amount), line.tax_decision)
            continue
        part = -round_to(-charge.amount * line.tax.rate, charge.currency)
        amount = part if net_left and abs(part) < abs(line.tax_left) else -line.tax_left
        left[charge.credits] = msgspec.structs.replace(line, net_left=net_left, tax_left=line.tax_left + amount)
        taxes[key] = (msgspec.structs.replace(line.tax, key=key, amount=amount), line.tax_decision)
    return taxes


def _of_gross(charge: RatedCharge, line: Reversible) -> Decimal:
    """The tax within a credit on a line whose price includes it, or within the opposite of such a credit."""
    net, tax = line.net_left, line.tax_left
    if charge.amount * line.net > 0:
        net, tax = net - line.net, tax - line.tax.amount
    return given_back(charge.amount, net, tax, line.tax.rate, charge.currency)


def _brought_again(charge: RatedCharge, line: Reversible) -> Decimal:
    """The tax of the opposite of a credit: never more than was given back of the line's tax."""
    missing = line.tax.amount - line.tax_left
    part = round_to(charge.amount * line.tax.rate, charge.currency)
    return part if line.net_left + charge.amount != line.net and abs(part) < abs(missing) else missing
