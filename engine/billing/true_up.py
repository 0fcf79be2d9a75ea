"""Corrections of tax on their way to the buyer: the difference alone, on a line that charges nothing else.

Where the price includes tax, the customer pays the same: what the tax takes or gives is the other side of the line's net amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from engine.base.money import ZERO
from engine.billing.invoicing import CORRECTED_INVOICE
from engine.billing.tax_included import as_answered, nets
from engine.billing.tax_rounding import per_breakdown
from engine.model.invoice import InvoiceDraft, RatedCharge, Reversible
from engine.model.tax import TaxQuote
from engine.model.tax_correction import TAX, Correction

Taxed = tuple[TaxQuote, int]


def is_tax_only(charge: RatedCharge) -> bool:
    """Whether a line corrects tax and charges nothing."""
    return charge.kind == TAX


def carried(drafts: Sequence[InvoiceDraft], waiting: Iterable[Correction]) -> list[InvoiceDraft]:
    """The drafts of a payer, each first one of a currency with the corrections in it that wait for him."""
    made = list(drafts)
    for one in waiting:
        place = next((n for n, draft in enumerate(made) if draft.currency == one.charge.currency), None)
        if place is not None:
            draft = made[place]
            made[place] = msgspec.structs.replace(draft, charges=(*draft.charges, one.as_charge()))
    return made


def after_corrections(
    billed: Mapping[int, Reversible], corrections: Mapping[int, Correction], drafts: Iterable[InvoiceDraft]
) -> Mapping[int, Reversible]:
    """What credits need of their lines, once the corrections on the same drafts have been made: a credit gives back the tax
    as it is corrected."""
    made = dict(billed)
    for draft in drafts:
        for charge in draft.charges:
            line = made.get(charge.credits)
            if line is not None and is_tax_only(charge) and charge.credits in corrections:
                one = corrections[charge.credits]
                made[charge.credits] = msgspec.structs.replace(
                    line,
                    net=line.net - one.moved,
                    tax=msgspec.structs.replace(one.quote, amount=line.tax.amount + one.difference),
                    tax_decision=one.decision,
                    net_left=line.net_left - one.moved,
                    tax_left=line.tax_left + one.difference,
                )
    return made


def settled(
    charges: Sequence[RatedCharge], before: Sequence[Taxed], asked: Mapping[int, Taxed], whole: bool
) -> list[Taxed]:
    """What the tax of the lines of one invoice should have been.

    Args:
        charges: the lines, in their order, each with what is left of it: net, or gross where the price includes tax.
        before: the tax that they have.
        asked: the new answers by place.
        whole: whether the document's tax is reckoned for each category and rate.
    """
    if not whole:
        return [asked.get(place, taxed) for place, taxed in enumerate(before)]
    now = [
        asked[place] if place in asked else (taxed if charge.credits else as_answered(charge, taxed))
        for place, (charge, taxed) in enumerate(zip(charges, before, strict=True))
    ]
    return per_breakdown(*nets(charges, now, whole=True), {})


def kind_of(corrections: Iterable[Correction]) -> str:
    """The kind of a document of corrections: what is to be given back is a credit note, what is to be taken a corrected
    invoice, and so is what moves between net and tax alone."""
    return "credit_note" if sum((one.payable for one in corrections), ZERO) < 0 else CORRECTED_INVOICE
