"""Advances: invoices over money that came before its supply, and what of them later invoices take off.

Tax on an advance is due when the money comes, on what came (Directive 2006/112/EC, articles 65 and 220 (1) (4)).  So an advance is
invoiced gross, over money that is there, as a liability of services; what is supplied later is invoiced whole, less
the advance and the tax on it at the advance's own rate of tax and exchange.

A single-purpose voucher is an advance whose sale is the supply (articles 30a and 30b): it is taxed when it is sold, paid or not, and
what redeems it is taxed no more.  It is good for the tax code, rate and jurisdiction that it was taxed with, until it expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.billing.adjusting import given_back
from engine.billing.crediting import credited_taxes
from engine.billing.tax_included import Taxed, netted
from engine.billing.tax_rounding import per_breakdown
from engine.model.account import Account
from engine.model.invoice import ADVANCE, VOUCHER, Advance, BilledLine, InvoiceDraft, RatedCharge, Reversible

UNFIT = Code("advance.unfit", "An advance whose values cannot be meant.")

Supply = tuple[str, Decimal, str]
"""Tax code, rate of tax and jurisdiction: what a single-purpose voucher is good for."""

DOCUMENT: Final = "advance_invoice"
"""Kind of a document over an advance, UNTDID 1001 code 386."""


def advance_line(
    account: Account,
    text: str,
    amount: Decimal,
    on: date,
    product: str,
    tax_code: str,
    contract: str,
    expires: date | None = None,
) -> RatedCharge:
    """The line of an advance: money with its tax, of no subscription; with the day on which it ``expires``, that of a
    single-purpose voucher.

    Raises:
        TollbookError: ``advance.unfit``.
    """
    currency = account.currency
    if amount <= ZERO or amount != round_to(amount, currency):
        mend = "write an amount above zero with no more digits than the currency has"
        raise refuse(UNFIT, f"an advance of {amount:f} {currency}", mend=mend)
    if expires is not None and expires <= on:
        what = f"a voucher of {on} that expires on {expires}"
        raise refuse(UNFIT, what, mend="name the first day on which it is worth nothing")
    charge = VOUCHER if expires else ""
    of = (account.key, account.id, 0, "", contract, 0, "", charge, 0, ADVANCE, text, product, tax_code)
    day = expires or on + timedelta(days=1)
    return RatedCharge(*of, on, day, on, day, currency, Decimal(1), amount, "1", amount, 0, 0, tax_included=True)


class Deducting:
    """Takes advances off the invoices of a run, each once, the oldest first."""

    def __init__(self, advances: Mapping[str, Sequence[Advance]]) -> None:
        """``advances`` are what is left of them, by payer."""
        self._advances = advances
        self._left = {one.line.id: one.left for mine in advances.values() for one in mine}
        self.billed: Mapping[int, Reversible] = dict(self._left)

    def __call__(self, draft: InvoiceDraft, taxes: Sequence[Taxed], *, whole: bool) -> tuple[InvoiceDraft, list[Taxed]]:
        """An invoice of net lines with what is taken off it, at most all of it.

        Args:
            draft: what is supplied, its lines net.
            taxes: the tax on each line.
            whole: whether the tax is reckoned for each category and rate of the document.
        """
        made, now = draft, list(taxes)
        most = _total(draft, now)
        mine = [one for one in self._advances.get(draft.payer, ()) if _meant(one, draft)]
        if draft.kind != "invoice" or not draft.advances or most <= ZERO or not mine:
            return made, now
        while most > ZERO:
            credits = self._credits(mine, most, _room(draft, taxes))
            given = credited_taxes([(str(n), credit) for n, credit in enumerate(credits)], self._left)
            part = msgspec.structs.replace(draft, charges=tuple(credits))
            part, off = netted(part, [given[str(n)] for n in range(len(credits))], whole=False)
            made = msgspec.structs.replace(draft, charges=(*draft.charges, *part.charges))
            now = [*taxes, *off]
            now = per_breakdown(made.charges, now, self.billed) if whole else now
            over = _total(made, now)
            if over >= ZERO:
                self._take(part.charges, off)
                return made, now
            most += over  # rates that share a cent: a cent less of the advance
        return draft, list(taxes)

    def _credits(self, mine: Sequence[Advance], most: Decimal, room: dict[Supply, Decimal]) -> list[RatedCharge]:
        credits = []
        for one in mine:
            left = self._left[one.line.id]
            part = min(most, left.net_left + left.tax_left)
            if is_voucher(one.line.charge):
                supply = (one.line.charge.tax_code, left.tax.rate, left.tax.jurisdiction)
                part = min(part, room.get(supply, ZERO))
                room[supply] = room.get(supply, ZERO) - part
            if part > ZERO:
                credits.append(given_back(one.line, -part, f"{one.line.charge.text} ({one.number})"))
                most -= part
        return credits

    def _take(self, charges: Sequence[RatedCharge], taxes: Sequence[Taxed]) -> None:
        for charge, (quote, _) in zip(charges, taxes, strict=True):
            left = self._left[charge.credits]
            net, tax = left.net_left + charge.amount, left.tax_left + quote.amount
            self._left[charge.credits] = msgspec.structs.replace(left, net_left=net, tax_left=tax)


def _meant(one: Advance, draft: InvoiceDraft) -> bool:
    """Whether an advance is for what a draft invoices: its currency, and its contract where it names one; and whether a voucher is
    worth anything yet."""
    charge = one.line.charge
    if is_voucher(charge) and draft.tax_point >= charge.service_to:
        return False
    same = not charge.contract or any(charge.contract == other.contract for other in draft.charges)
    return charge.currency == draft.currency and same


def _total(draft: InvoiceDraft, taxes: Sequence[Taxed]) -> Decimal:
    net = sum((charge.amount for charge in draft.charges), ZERO)
    return net + sum((quote.amount for quote, _ in taxes), ZERO)


def _room(draft: InvoiceDraft, taxes: Sequence[Taxed]) -> dict[Supply, Decimal]:
    """What a draft invoices with tax, by what vouchers are good for."""
    found: dict[Supply, Decimal] = {}
    for charge, (quote, _) in zip(draft.charges, taxes, strict=True):
        supply = (charge.tax_code, quote.rate, quote.jurisdiction)
        found[supply] = found.get(supply, ZERO) + charge.amount + quote.amount
    return found


def is_voucher(charge: RatedCharge) -> bool:
    """Whether a line is a single-purpose voucher, or redeems one."""
    return charge.kind == ADVANCE and charge.charge == VOUCHER


def is_advance(charge: RatedCharge) -> bool:
    """Whether a line is an advance, or takes one off: it is not earned."""
    return charge.kind == ADVANCE


def brought_again(lines: Sequence[BilledLine]) -> list[RatedCharge]:
    """What brings again the advances that a document has taken off."""
    return [
        msgspec.structs.replace(line.charge, text=f"Void: {line.charge.text}", amount=-line.charge.amount)
        for line in lines
        if is_advance(line.charge) and line.charge.credits
    ]
