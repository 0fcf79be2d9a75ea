"""From what a period owes to what the customer gets.

A Charge says what the catalogue bills; a RatedCharge is what one period owes of it; a draft groups rated charges, has no
number and no tax; an Invoice is frozen and numbered.  Service period, invoice date, tax point, due date and posting date
are five dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.model.journal import FxRate
from engine.model.revenue import Plan
from engine.model.revenue_contract import Covered
from engine.model.tax import TaxQuote


class RatedCharge(msgspec.Struct, frozen=True, gc=False):
    """What one service period owes of one charge, or gives back (``amount`` negative).

    ``full`` is the amount of the whole ``cycle_from``..``cycle_to`` before any share was taken; ``share`` is written as a
    fraction such as ``17/31`` and is ``1`` for a whole cycle.  ``credits`` is the id of the invoice line that a negative
    charge gives back, 0 otherwise.  ``decision`` and ``proration`` are decision ids, as are the ``*_id`` of the versions
    of the records that were decided on.  ``usage_after`` and ``usage_to`` bound the ids of the usage events behind it.

    A line that bills only the difference to another one for the same days names it as ``upon``: ``quantity`` and ``full``
    are then what is added to that line's (of another plan, ``quantity`` is the new one).  A credit whose service period is
    empty takes money off the whole line and gives no days back.  ``exact`` says what is counted where that is not simply
    the days: ``from/to`` of the service and of the cycle, as instants or days; see :mod:`engine.billing.changes.scale`.
    ``grouped`` holds the dimensions of usage that the line alone counts, as ``{"region":"EU"}``; empty where it counts all.
    ``discounts`` are the coupons that lower it, as :func:`engine.billing.discounts.written` says.  ``basis`` is what the price
    looked at beside its own usage: see :mod:`engine.billing.basis`.  Where ``tax_included``, the price is gross: ``full`` is,
    and so is ``amount`` until the tax is known; on an invoice ``amount`` is net (:mod:`engine.billing.tax_included`).
    """

    account: str
    account_id: int
    subscription_id: int
    subscription: str
    contract: str
    contract_line_id: int
    plan: str
    charge: str
    charge_id: int
    kind: str
    text: str
    product: str
    tax_code: str
    service_from: date
    service_to: date
    cycle_from: date
    cycle_to: date
    currency: str
    quantity: Decimal
    full: Decimal
    share: str
    amount: Decimal
    decision: int
    proration: int
    credits: int = 0
    usage_after: int = 0
    usage_to: int = 0
    events: int = 0
    upon: int = 0
    exact: str = ""
    grouped: str = ""
    discounts: str = ""
    basis: str = ""
    tax_included: bool = False

    def priced(self, tax: Decimal) -> RatedCharge:
        """A line of an invoice as its price has it: with its tax, where the price includes it."""
        return msgspec.structs.replace(self, amount=self.amount + tax) if self.tax_included else self


ADVANCE: Final = "advance"
"""Kind of a line over money that came before its supply, and of one that takes it off."""


VOUCHER: Final = "voucher"
"""Charge of an advance that is a single-purpose voucher; its ``service_to`` is the day on which it is worth nothing."""


class BilledLine(msgspec.Struct, frozen=True, gc=False):
    """An invoice line of an earlier run.  Credits are lines of their own, whose ``charge.credits`` names what they give back."""

    id: int
    charge: RatedCharge


class Reversible(msgspec.Struct, frozen=True):
    """What a credit on a billed line needs of it: its net amount, the tax that it was invoiced with, what is left of both, its
    rate, what it still earns later, if it does, and the revenue contract that it was billed for, if it was for one; ``deferred`` is
    whether revenue of a line that another system billed came over to be earned."""

    net: Decimal
    tax: TaxQuote
    tax_decision: int
    net_left: Decimal
    tax_left: Decimal
    rate: FxRate
    plan: Plan | None = None
    covered: Covered | None = None
    deferred: bool = False


class Advance(msgspec.Struct, frozen=True):
    """The line of an advance, the number of its invoice, and what is left of it."""

    line: BilledLine
    number: str
    left: Reversible


class InvoiceDraft(msgspec.Struct, frozen=True, gc=False):
    """Charges that will go on one invoice: no number, no tax.  Natural key: (tenant, entity, payer, period, kind, group).

    ``review`` says why somebody has to look at it first; empty where nobody has to.  ``advances`` says whether advances are taken off.
    """

    tenant: str
    entity: str
    payer: str
    payer_id: int
    currency: str
    kind: str
    group: str
    invoice_date: date
    tax_point: date
    due_date: date
    purchase_order: str
    charges: tuple[RatedCharge, ...]
    decision: int
    review: str = ""
    advances: bool = True


class InvoiceLine(msgspec.Struct, frozen=True, gc=False):
    """One line of an invoice: a rated charge with its tax."""

    number: int
    charge: RatedCharge
    tax: TaxQuote
    tax_decision: int = 0


class Invoice(msgspec.Struct, frozen=True, gc=False):
    """A finished invoice or credit note; everything but its legal number and internal ids is fixed.

    ``kind`` is ``invoice`` (UNTDID 1001 code 380), ``credit_note`` (381) or ``corrected_invoice`` (384); totals carry the sign of the lines.
    ``series`` and ``number_format`` come from the numbering family; the number itself is taken last, as it is written.
    ``rule`` is all that the numbering rule says.
    """

    draft: InvoiceDraft
    kind: str
    lines: tuple[InvoiceLine, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    series: str
    number_format: str
    numbering: int
    rule: Mapping[str, Any] = {}
